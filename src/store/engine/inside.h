/* store/engine/inside.h -- what the engine's files share. Nobody else includes it.
 *
 *   party   a tenant, or a key of one: windows, leases, state, account
 *   held    a running request: its leases and its reservation, in order of expiry
 *
 * A party that nothing fastens (keys below it, running requests, an account, a
 * record) lies in `loose`, the least recently used at the end, and may be forgotten. One with
 * windows lies in `warm` too: they go when it was not used for longer than a window is.
 */
#ifndef SL_STORE_ENGINE_INSIDE_H
#define SL_STORE_ENGINE_INSIDE_H

#include "base/list.h"
#include "base/map.h"
#include "store/engine.h"

#define SL_ENGINE_MAGIC 0x534c454eu
#define SL_WINDOW_QPS_US 1000000
#define SL_WINDOW_RPM_US 60000000
#define SL_TOKENS_SECONDS 60
#define SL_HELD_SWEEP 100 /* expired ones given back in one call */

struct sl_mark {
    int64_t at_us;
    uint64_t id; /* hash of the request's id */
};

struct sl_ring {        /* a sliding window: times of admission, oldest first */
    struct sl_mark *at; /* owns; NULL while there are none */
    uint32_t head, n, cap;
};

struct sl_bucket { /* what is owed, in parts: policy/quota.h, Bursts */
    int64_t debt, at_us;
};

struct sl_tokens {  /* a sliding window of one-second buckets */
    int64_t second; /* of the newest bucket */
    int64_t last;   /* in which some were booked */
    int64_t sum;
    int64_t bucket[SL_TOKENS_SECONDS];
};

struct sl_party {
    UT_hash_handle hh;
    struct sl_party *tenant; /* up: of a key; NULL: is a tenant */
    struct sl_list loose, warm, unsaved;
    int64_t touched_us;
    unsigned fast; /* what fastens it, counted */
    unsigned leases;
    struct sl_ring qps, rpm;
    struct sl_bucket qps_burst, rpm_burst;
    struct sl_tokens *tokens; /* owns; NULL until some are booked */
    bool judged, active;      /* there is a record; it lets requests pass */
    bool booked;              /* there is an account */
    uint64_t rev;
    struct sl_account account;
    struct sl_account seen; /* as last set from outside: what a share is a share of */
    int64_t reserved_micro;
    uint16_t tenant_n, name_n;
    char name[]; /* tenant, or tenant '\n' key */
};

struct sl_live { /* an end user, while requests of theirs run */
    UT_hash_handle hh;
    char user[SL_QUOTA_USER];
    unsigned leases;
};

struct sl_held {
    UT_hash_handle hh;
    struct sl_list node; /* of sl_engine.held */
    char id[SL_QUOTA_ID];
    int64_t until_us;
    int64_t amount_micro;
    struct sl_party *party[SL_LEVEL__COUNT]; /* up: fastened; NULL: nothing is held there */
    bool leased[SL_LEVEL__COUNT], account[SL_LEVEL__COUNT];
    struct sl_live *live; /* up: of its end user; NULL: no lease there */
};

struct sl_engine {
    uint32_t magic;
    struct sl_party *parties; /* owns: hash by name */
    struct sl_held *running;  /* owns: hash by id */
    struct sl_live *lives;    /* owns: hash by user, whose digest names the tenant too */
    struct sl_list held;      /* the same as `running`, the first to expire first */
    struct sl_list loose, warm, unsaved;
    struct sl_ring gateway;
    int64_t now_us; /* never goes back */
};

/* window.c: all take a `now_us` that never goes back. */
void sl_ring_prune(struct sl_ring *r, int64_t length_us, int64_t now_us);
SL_MUST bool sl_ring_make_room(struct sl_ring *r); /* for one more; false: no memory */
void sl_ring_add(struct sl_ring *r, uint64_t id, int64_t now_us);
void sl_ring_remove(struct sl_ring *r, uint64_t id);
/* Until fewer than `limit` count; 0: they do. */
int64_t sl_ring_wait_ms(const struct sl_ring *r, uint64_t limit, int64_t length_us, int64_t now_us);
int64_t sl_ring_reset_ms(const struct sl_ring *r, int64_t length_us, int64_t now_us);
void sl_ring_fini(struct sl_ring *r);
/* Of a rate of `limit` in `length_us`, by now. */
int64_t sl_bucket_debt(const struct sl_bucket *b, uint64_t limit, int64_t now_us);
/* Requests that are owed for, a part of one as a whole one. */
uint64_t sl_bucket_used(int64_t debt, int64_t length_us);
/* Until only so many parts are owed; 0: they are. */
int64_t sl_bucket_wait_ms(int64_t debt, int64_t most, uint64_t limit);
void sl_bucket_give(struct sl_bucket *b, int64_t length_us); /* one request */
/* NULL is an empty window. */
int64_t sl_tokens_sum(struct sl_tokens *t, int64_t now_us);
void sl_tokens_book(struct sl_tokens *t, uint64_t tokens, int64_t now_us);
int64_t sl_tokens_reset_ms(const struct sl_tokens *t, int64_t now_us);
/* Until the sum is below `limit`. */
int64_t sl_tokens_wait_ms(const struct sl_tokens *t, int64_t limit, int64_t now_us);

/* party.c */
struct sl_party_pair {
    struct sl_party *at[SL_LEVEL__COUNT]; /* up: the key's is NULL where none is named */
};
/* Finds or makes both; false: a name too long, or no room left and `force` not given. */
SL_MUST bool sl_party_get(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id,
                          bool force, struct sl_party_pair *out);
struct sl_party *sl_party_find(const struct sl_engine *e, struct sl_str tenant,
                               struct sl_str key_id);
void sl_party_touch(struct sl_engine *e, struct sl_party *p);
void sl_party_fasten(struct sl_party *p);
void sl_party_loosen(struct sl_engine *e, struct sl_party *p);
void sl_party_warm(struct sl_engine *e, struct sl_party *p); /* it has windows from now on */
void sl_party_cool(struct sl_engine *e);                     /* two idle ones at most */
void sl_party_end_all(struct sl_engine *e);

/* purse.c */
struct sl_purse_side { /* one of the three budgets of a party */
    enum sl_limit name;
    bool set;
    int64_t limit, spent, left; /* left: what is neither spent nor reserved */
    int64_t end_s;              /* of the period; 0: none */
};
struct sl_purse_when {
    int64_t now_s;
    unsigned share;
};
void sl_purse_look(const struct sl_party *p, const struct sl_terms *terms, enum sl_limit name,
                   const struct sl_periods *now, const struct sl_purse_when *when,
                   struct sl_purse_side *out);
void sl_purse_open(struct sl_engine *e, struct sl_party *p); /* it is an account, to be saved */
void sl_purse_begin(struct sl_engine *e, struct sl_party *p, int64_t credits_micro);
void sl_purse_book(struct sl_engine *e, struct sl_party *p, int64_t cost_micro, int64_t day0,
                   int64_t month0);
int64_t sl_purse_add(int64_t a, int64_t b); /* saturates, as all sums of money do */

/* engine.c: time goes on, never back; what has expired is let go. */
void sl_engine_tick(struct sl_engine *e, int64_t now_us);

/* held.c */
SL_MUST struct sl_held *sl_held_new(struct sl_engine *e, const char id[SL_QUOTA_ID]);
struct sl_held *sl_held_find(const struct sl_engine *e, const char id[SL_QUOTA_ID]);
void sl_held_lease(struct sl_held *h, enum sl_level level, struct sl_party *p);
/* False: no memory. */
SL_MUST bool sl_held_user(struct sl_engine *e, struct sl_held *h, const char user[SL_QUOTA_USER]);
unsigned sl_held_of_user(const struct sl_engine *e, const char user[SL_QUOTA_USER]);
void sl_held_account(struct sl_held *h, enum sl_level level, struct sl_party *p);
void sl_held_add(struct sl_held *h, int64_t more_micro); /* to the reservation */
void sl_held_renew(struct sl_engine *e, struct sl_held *h);
/* Ends what `what` names; the rest, if there is any, stays. */
void sl_held_give(struct sl_engine *e, struct sl_held *h, const struct sl_hold *what);
void sl_held_end(struct sl_engine *e, struct sl_held *h);
void sl_held_sweep(struct sl_engine *e);
void sl_held_end_all(struct sl_engine *e);

/* admit.c asks, take.c takes: one admission under way. */
#define SL_ASKING_SPANS 5 /* the gateway's window, two of the tenant, two of the key */

struct sl_span {              /* a window, or a bucket, that this request must pass */
    struct sl_ring *ring;     /* up: NULL where there is a bucket */
    struct sl_bucket *bucket; /* up */
    uint64_t burst;           /* of a bucket */
    uint64_t limit;
    int64_t length_us;
    enum sl_limit name;
    enum sl_level level;
};

struct sl_asking {
    struct sl_engine *e;                           /* up */
    const struct sl_quota_ask *ask;                /* up */
    struct sl_quota_answer *out;                   /* up */
    const struct sl_terms *terms[SL_LEVEL__COUNT]; /* up */
    struct sl_party *party[SL_LEVEL__COUNT];       /* up: NULL for the key where none is named */
    unsigned share;
    struct sl_span spans[SL_ASKING_SPANS];
    size_t spans_n;
};

static inline uint64_t sl_asking_share(uint64_t limit, unsigned share)
{
    if (limit == 0 || share <= 1)
        return limit;
    return limit / share > 0 ? limit / share : 1;
}

static inline uint64_t sl_asking_limit(const struct sl_asking *a, int64_t leaf)
{
    return sl_asking_share(sl_terms_limit(leaf), a->share);
}

static inline bool sl_asking_is_charged(const struct sl_asking *a)
{
    return !a->ask->free && !a->ask->light && !a->ask->windows_only;
}

static inline void sl_asking_look(const struct sl_asking *a, int level, enum sl_limit name,
                                  struct sl_purse_side *out)
{
    struct sl_purse_when when = {a->e->now_us / 1000000, a->share};

    sl_purse_look(a->party[level], a->terms[level], name, &a->ask->periods, &when, out);
}

void sl_take(struct sl_asking *a); /* all, or the windows of a soft refusal; or STORE: no memory */
void sl_take_room(struct sl_asking *a, int level);

#endif
