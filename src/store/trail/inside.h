/* store/trail/inside.h -- what the files of the trail share. Nobody else includes it.
 *
 *   append ─► block ─► waiting ──(a job)──► disk.blocks ─► lines with macs ─► fsync ─► gone
 *
 * `struct sl_trail` is the loop's; `struct sl_trail_disk` belongs to the pool's thread
 * while a job runs, and to the loop between two jobs.
 */
#ifndef SL_STORE_TRAIL_INSIDE_H
#define SL_STORE_TRAIL_INSIDE_H

#include "base/list.h"
#include "net/timer.h"
#include "net/tls.h"
#include "store/trail.h"

#define SL_TRAIL_MAGIC 0x534c5454u
#define SL_TRAIL_PATH 1024
#define SL_TRAIL_NAME 64
#define SL_TRAIL_BLOCK 65536
#define SL_TRAIL_BATCH 16    /* blocks of one job */
#define SL_TRAIL_PLENTY 8    /* blocks that are not worth waiting any longer with */
#define SL_TRAIL_SPARES 4    /* blocks that are kept for the next lines */
#define SL_TRAIL_OUT 65536   /* bytes of one write */
#define SL_TRAIL_PROBE 65536 /* bytes in which a line's beginning is looked for: more than one */
#define SL_TRAIL_TAIL 74     /* bytes of `,"mac":"…"}` */

struct sl_trail_mac {
    uint8_t b[32];
};

struct sl_trail_block { /* lines without their macs: length (4 bytes), text */
    struct sl_list node;
    uint64_t gap_from; /* the lines from here to first - 1 were dropped; 0: none */
    uint64_t first;    /* number that its first line stands for, or begins to */
    uint64_t lines;
    uint64_t began_ms; /* when its first line came */
    size_t n;
    char bytes[SL_TRAIL_BLOCK];
};

struct sl_trail_disk {
    struct sl_trail *trail; /* up */
    int dir, lock;          /* the directory, and the flock that holds it */
    int fd;                 /* of trail.jsonl; -1: to be opened */
    uint64_t size, rotate;
    uint64_t first, last; /* of the file (0: it is empty); of all */
    struct sl_tls_key key;
    struct sl_trail_mac mac;
    struct sl_list blocks; /* to be written */
    uint64_t acked;
    bool want_head, wrote_head; /* trail.head is to be rewritten; was */
    int failed;                 /* errno */
    size_t out_n;
    uint64_t out_at; /* offset of out in the file */
    char out[SL_TRAIL_OUT];
};

struct sl_trail {
    uint32_t magic;
    struct sl_net *net; /* up */
    char dir[SL_TRAIL_PATH];
    char instance[8];
    bool is_new, failing;
    struct sl_tls_key blind; /* key of sl_trail_blind(): made of the trail's */
    uint64_t last, synced, acked, dropped;
    uint64_t tip, found; /* last lines on disk: now, and when it was opened */
    struct sl_trail_mac tip_mac, found_mac;
    uint64_t covered;       /* numbers up to here stand on a line or in a gap */
    uint64_t gap_from;      /* of the block that will be made next */
    struct sl_list waiting; /* blocks */
    size_t waiting_n, waiting_max;
    struct sl_list spares; /* owns: blocks */
    unsigned spares_n;
    struct sl_trail_disk *disk;     /* owns, but while a job runs */
    struct sl_op *job;              /* owns */
    uint64_t since_ms;              /* by the wall clock: when it was opened */
    uint64_t busy_since_ms;         /* when the first line that the job holds came; 0: none */
    uint64_t head_next_ms;          /* when trail.head may be rewritten */
    uint64_t head_acked, head_last; /* what it says */
    struct sl_timer timer;
    struct sl_grave grave;
    void (*on_synced)(void *ctx);
    void *on_synced_ctx; /* up */
};

static inline struct sl_trail_block *sl_trail_first_block(const struct sl_list *blocks)
{
    return sl_list_is_empty(blocks) ? NULL
                                    : SL_CONTAINER(blocks->next, struct sl_trail_block, node);
}

/* trail.c */
void sl_trail_let_go(struct sl_trail *t, struct sl_list *blocks);
void sl_trail_arm(struct sl_trail *t); /* for whatever is left to do */
/* slots.c: into the file that is locked, for those that come next. */
void sl_trail_mark(int lock, bool leaving, uint64_t since_ms);
/* open.c */
SL_MUST bool sl_trail_open_files(struct sl_trail *t, char *why, size_t cap);
/* disk.c: a job. Writes what is in `blocks`; all or nothing but for a torn end. */
void sl_trail_disk_write(struct sl_trail_disk *d);
/* line.c */
/* The text before the mac, and the mac; false: no line of ours. */
SL_MUST bool sl_trail_line_split(struct sl_str line, struct sl_str *body, struct sl_trail_mac *mac);
SL_MUST bool sl_trail_line_number(struct sl_str line, uint64_t *n);
/* First number that the line stands for. */
uint64_t sl_trail_line_from(struct sl_str line, uint64_t n);
struct sl_trail_mac sl_trail_line_mac(const struct sl_tls_key *key, struct sl_str body,
                                      const struct sl_trail_mac *before);
void sl_trail_blind_init(const struct sl_tls_key *key, struct sl_tls_key *out);
bool sl_trail_mac_eq(const struct sl_trail_mac *a, const struct sl_trail_mac *b);
/* files.c: the files of a directory, in the order of their lines; trail.jsonl is the last. */
struct sl_trail_file {
    char name[SL_TRAIL_NAME];
    uint64_t first, last; /* by the name; 0, UINT64_MAX: trail.jsonl */
};
struct sl_trail_files {
    struct sl_trail_file *at; /* owns */
    size_t n;
};
/* False: `why`. Free `at` with sl_mem_free(). */
SL_MUST bool sl_trail_files_list(const char *dir, struct sl_trail_files *out, char *why,
                                 size_t cap);
int sl_trail_files_open(const char *dir, const char *name);
SL_MUST bool sl_trail_files_key(const char *dir, struct sl_tls_key *key);
/* Reads at least one byte and up to n; the count, 0 at the end, -1. */
int64_t sl_trail_files_read(int fd, uint64_t at, char *p, size_t n);
/* The beginning of a line with a number not above `after`, at most SL_TRAIL_PROBE before the
 * first one that is: bisection. `place`: SL_TRAIL_PROBE bytes to read into. */
uint64_t sl_trail_files_find(int fd, uint64_t size, uint64_t after, char *place);
/* head.c */
struct sl_trail_head {
    uint64_t acked, last;
    struct sl_trail_mac mac;
};
SL_MUST bool sl_trail_head_write(int dir, const struct sl_tls_key *key,
                                 const struct sl_trail_head *h);
enum sl_trail_head_is { SL_TRAIL_HEAD_OK, SL_TRAIL_HEAD_NONE, SL_TRAIL_HEAD_BAD };
enum sl_trail_head_is sl_trail_head_read(const char *dir, const struct sl_tls_key *key,
                                         struct sl_trail_head *h);

#endif
