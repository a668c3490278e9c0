/* store/front/mirror.h -- the inside of the mirror, for its files. */
#ifndef SL_STORE_FRONT_MIRROR_H
#define SL_STORE_FRONT_MIRROR_H

#include "net/file.h"
#include "store/front/inside.h"

#define SL_MIRROR_NAME 256

struct sl_mirror_row {
    UT_hash_handle by_id;
    UT_hash_handle by_sha; /* keys only */
    struct sl_list node;
    struct sl_list switches; /* of a switch: among these */
    uint64_t turn;           /* of the last write-back it was in */
    struct sl_record rec;
    size_t name_n;
    char name[SL_MIRROR_NAME];
    char text[];
};

struct sl_mirror {
    struct sl_store *s;         /* up */
    struct sl_mirror_row *ids;  /* owns: hash */
    struct sl_mirror_row *shas; /* up: the same rows by their keys */
    struct sl_list rows;        /* in a write-back: those that are yet to go come first */
    struct sl_list switches;    /* those that were looked at last stand last */
    struct sl_list gone;        /* replaced while a call may still point at them */
    size_t n;
    bool full;
    struct sl_file *file; /* owns; NULL: none is kept */
    /* reading anew */
    bool due;
    uint64_t read_ms; /* when the last pass began */
    int kind;         /* being listed */
    char after[SL_MIRROR_NAME];
    size_t after_n;
    struct sl_records page;
    struct sl_op *reading; /* owns */
    struct sl_timer timer;
    /* writing back */
    bool write_due;
    uint64_t turn;
    struct sl_record *call; /* owns */
    struct sl_op *writing;  /* owns */
};

/* mirror.c: the row, newly made, or NULL: nothing new. */
struct sl_mirror_row *sl_mirror_put(struct sl_mirror *m, const struct sl_record *rec);
/* mirror_file.c */
void sl_mirror_load(struct sl_mirror *m, struct sl_str dir);
void sl_mirror_append(struct sl_mirror *m, const struct sl_record *rec);
/* mirror_sync.c */
void sl_mirror_sync_init(struct sl_mirror *m);
void sl_mirror_sync_fini(struct sl_mirror *m);

#endif
