/* store/ledger/inside.h -- what the files of the ledger share. Nobody else includes it. */
#ifndef SL_STORE_LEDGER_INSIDE_H
#define SL_STORE_LEDGER_INSIDE_H

#include "base/json.h"
#include "base/map.h"
#include "base/text.h"
#include "net/timer.h"
#include "store/ledger/ledger.h"

#define SL_LEDGER_MAGIC 0x534c4c44u
#define SL_LEDGER_TEXT 256      /* bytes of a name in a line; longer ones are cut */
#define SL_LEDGER_MEMBERS 32768 /* of a line: every text of it escaped, each byte as six */

struct sl_entry {         /* a line that the store does not have yet */
    struct sl_list node;  /* of its desk's queue */
    struct sl_list all;   /* of the ledger's, in the order of numbers */
    struct sl_desk *desk; /* up */
    bool queued;          /* in its desk's queue, and counted there */
    uint64_t at_ms;       /* when it was settled, or read back */
    struct sl_line line;  /* its texts are in `text` */
    char text[];
};

struct sl_desk { /* one tenant's queue */
    UT_hash_handle hh;
    struct sl_ledger *ledger; /* up */
    struct sl_list queue;
    size_t queue_n;
    size_t entries;   /* queued or late: they point here */
    bool failing;     /* its last batch met a broken key */
    struct sl_aside { /* aside.c */
        bool on;
        uint64_t read_to, newest;
        uint64_t n;              /* about how many are unread */
        struct sl_metric *stuck; /* up; may be NULL */
    } aside;
    struct sl_op *op; /* owns: the batch under way */
    struct sl_batch batch;
    uint64_t began_us;
    struct sl_line *lines; /* owns: of the batch */
    size_t tenant_n;
    char tenant[];
};

struct sl_sum { /* endings of no cost */
    UT_hash_handle hh;
    struct sl_line line; /* its texts are in `name` */
    uint64_t failed;
    int64_t since_unix_ms;
    struct sl_str tenant;
    size_t name_n;
    char name[];
};

struct sl_ledger {
    uint32_t magic;
    struct sl_net *net;   /* up */
    struct sl_backend *b; /* up */
    struct sl_trail *t;   /* up; may be NULL */
    char instance[8];
    uint64_t number;       /* without a trail: given last */
    unsigned paused;       /* reasons */
    struct sl_desk *desks; /* owns: hash */
    struct sl_list all;
    uint64_t queued, queued_max, dropped;
    uint64_t failed_ms;             /* when a failure was last logged */
    struct sl_metric *seconds;      /* up; may be NULL */
    struct sl_metric_family *stuck; /* up; may be NULL */
    struct sl_grave grave;
    /* aside.c */
    size_t asides;    /* desks */
    uint64_t aside_n; /* about how many lines of theirs are on disk alone */
    /* refill.c: lines that are in the trail alone */
    bool spilled;
    uint64_t spilled_ms;
    uint64_t unread;       /* about how many */
    uint64_t read_to;      /* everything up to here has been in the queue */
    uint64_t resume_after; /* lines behind this one are in `late`; 0: none yet */
    struct sl_list late;   /* entries without a desk's queue */
    uint64_t late_n;
    struct sl_op *reading; /* owns */
    struct sl_trail_page page;
    /* sums.c */
    struct sl_sum *sums; /* owns: hash */
    struct sl_timer sums_timer, tokens_timer;
};

/* ledger.c */
/* At most each ten seconds. */
void sl_ledger_say(struct sl_ledger *l, struct sl_str tenant, const char *what);
/* Takes the entry over, behind all others of its desk. */
void sl_ledger_queue(struct sl_ledger *l, struct sl_entry *e);
/* Likewise, or leaves it aside. */
void sl_ledger_place(struct sl_ledger *l, struct sl_entry *e);
/* Out of whichever list, and freed. */
void sl_ledger_let_go(struct sl_ledger *l, struct sl_entry *e);
void sl_ledger_acknowledge(struct sl_ledger *l);
/* Appended to the trail under that number: into the queue. */
void sl_ledger_add(struct sl_ledger *l, struct sl_str tenant, const struct sl_line *line);
uint64_t sl_ledger_append(struct sl_ledger *l, struct sl_str members);
/* A line with its desk, in no list yet; NULL without memory. */
SL_MUST struct sl_entry *sl_ledger_entry(struct sl_ledger *l, struct sl_str tenant,
                                         const struct sl_line *line);

/* line.c */
/* Copies the texts; NULL without memory. */
SL_MUST struct sl_entry *sl_entry_new(const struct sl_line *line);
void sl_line_day(int64_t unix_ms, char day[10]);
void sl_line_write(struct sl_text *t, const struct sl_settle *s, const struct sl_line *line);
/* What auditors ask for; `trail` may be NULL, then there is no line to write. */
void sl_line_write_audit(struct sl_text *t, const struct sl_settle *s,
                         const struct sl_trail *trail);
void sl_line_write_sum(struct sl_text *t, const struct sl_sum *sum);
/* A line of the trail back; texts in `text`, without leases and tokens, whose time is
 * over. False: of another kind, or none of ours. */
#define SL_LINE_TEXT (7 * SL_LEDGER_TEXT)
SL_MUST bool sl_line_read(struct sl_str from, uint64_t number, struct sl_line *out,
                          struct sl_str *tenant, char text[SL_LINE_TEXT]);

/* refill.c */
void sl_ledger_refill_init(struct sl_ledger *l);
void sl_ledger_refill_fini(struct sl_ledger *l);
/* May the line be kept in memory, in the queue or in `late`? */
bool sl_ledger_has_room(const struct sl_ledger *l, uint64_t number);
/* It is left to the trail. */
void sl_ledger_leave(struct sl_ledger *l, uint64_t number);
void sl_ledger_refill(struct sl_ledger *l);

/* aside.c */
bool sl_aside_has_room(const struct sl_ledger *l, const struct sl_desk *d);
/* Left to the trail; frees the entry. */
void sl_aside_leave(struct sl_ledger *l, struct sl_entry *e);
void sl_aside_fail(struct sl_ledger *l, struct sl_desk *d);
void sl_aside_applied(struct sl_ledger *l, struct sl_desk *d);
/* Lowers both to what desks aside still wait for. */
void sl_aside_bound(const struct sl_ledger *l, uint64_t *number, uint64_t *since_ms);
void sl_aside_refill(struct sl_ledger *l);
void sl_aside_forget(struct sl_ledger *l);

/* sums.c */
void sl_ledger_sums_init(struct sl_ledger *l);
void sl_ledger_sums_fini(struct sl_ledger *l);
void sl_ledger_sum(struct sl_ledger *l, const struct sl_settle *s, const struct sl_line *line);
void sl_ledger_sums_write(struct sl_ledger *l, bool tokens_only);

#endif
