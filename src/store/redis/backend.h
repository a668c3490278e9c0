/* store/redis/backend.h -- the Redis kind of store: what its files share. */
#ifndef SL_STORE_REDIS_BACKEND_H
#define SL_STORE_REDIS_BACKEND_H

#include "base/mem.h"
#include "net/timer.h"
#include "store/redis/script.h"

#define SL_REDIS_NAME 128    /* bytes of a tenant's name, a key's id */
#define SL_REDIS_BASE 256    /* "<prefix>{tenant}:" */
#define SL_REDIS_BACKS 20000 /* holds to be given back: on their way, or kept to be sent again */

/* backs.c: what is given back. A hold is in one of the three until Redis has answered. */
struct sl_backs {
    struct sl_list gathered, sent; /* own: calls */
    struct sl_list kept;           /* owns: holds of calls that failed */
    size_t n;                      /* holds, of all three */
    struct sl_task send;           /* when the turn ends */
    struct sl_timer again;
    uint64_t said_ms;
};

struct sl_redis {
    struct sl_backend base;
    struct sl_net *net;         /* up */
    struct sl_link_redis *link; /* owns */
    struct sl_scripts scripts;
    struct sl_redis_url url;
    struct sl_list batches; /* owns: admissions, sent or not; admit.c */
    struct sl_backs backs;
    struct sl_list notes; /* owns: gathered; notes.c */
    struct sl_timer notes_timer;
    char prefix[64];
    struct opening *opening; /* owns: a start that waits; backend.c */
    bool has_cache;          /* cached answers are in it too */
    bool warned_evicts, warned_cache;
    bool full;      /* of its maxmemory: no notes are written */
    unsigned beats; /* since that was asked */
};

static inline struct sl_redis *sl_redis_of(struct sl_backend *b)
{
    return SL_CONTAINER(b, struct sl_redis, base);
}

static inline bool sl_redis_is_name(struct sl_str s)
{
    return s.n > 0 && s.n <= SL_REDIS_NAME;
}

/* "<prefix>{tenant}:" in out; the name is cut where it is none. */
struct sl_str sl_redis_base(const struct sl_redis *r, struct sl_str tenant,
                            char out[SL_REDIS_BASE]);
/* Which levels, as the scripts name them: "t", "k", "b" or "-". */
struct sl_str sl_redis_levels(const bool at[SL_LEVEL__COUNT]);
/* An end user's name; empty where there is none. */
static inline struct sl_str sl_redis_user(const char user[SL_QUOTA_USER])
{
    return (struct sl_str){user, user[0] != '\0' ? SL_QUOTA_USER : 0};
}
void sl_redis_push_periods(struct sl_script_call *c, const struct sl_periods *p);
bool sl_redis_read_done(struct sl_script_call *c, const redisReply *reply); /* any integer */

/* No limits, where a level has no terms. */
const struct sl_terms *sl_redis_terms(const struct sl_quota_ask *ask, int level);
bool sl_redis_has_names(const struct sl_quota_ask *ask); /* that can stand in keys */

/* admit.c */
void sl_redis_drop_batches(struct sl_redis *r); /* at the end: nobody waits any more */
void sl_redis_admit(struct sl_backend *b, const struct sl_quota_ask *ask,
                    struct sl_quota_answer *out, SL_BACKEND_WAIT);

/* settle.c */
void sl_redis_apply(struct sl_backend *b, const struct sl_batch *batch, SL_BACKEND_WAIT);
void sl_redis_renew(struct sl_backend *b, struct sl_str tenant, const struct sl_hold *holds,
                    size_t n, SL_BACKEND_WAIT);
/* A call of hold.lua without its holds; `verb`: renew, back. */
struct sl_script_call *sl_redis_holds(struct sl_redis *r, struct sl_str tenant, struct sl_str verb);
void sl_redis_push_hold(struct sl_script_call *c, const struct sl_hold *h);
void sl_redis_grow(struct sl_backend *b, const struct sl_quota_ask *ask, int64_t more_micro,
                   struct sl_quota_answer *out, SL_BACKEND_WAIT);

/* backs.c */
void sl_redis_backs_init(struct sl_redis *r);
/* Goes out when the turn ends, or before the next call. */
void sl_redis_give_back(struct sl_backend *b, struct sl_str tenant, const struct sl_hold *hold);
void sl_redis_send_backs(void *redis);
void sl_redis_backs_again(struct sl_redis *r); /* the link is up */
void sl_redis_backs_fini(struct sl_redis *r);

/* sums.c */
void sl_redis_balance(struct sl_backend *b, struct sl_str tenant, struct sl_str key_id,
                      const struct sl_periods *now, struct sl_balance *out, SL_BACKEND_WAIT);
void sl_redis_grant(struct sl_backend *b, const struct sl_store_grant *what, struct sl_balance *out,
                    SL_BACKEND_WAIT);
void sl_redis_usage(struct sl_backend *b, struct sl_str tenant, struct sl_str from_day,
                    struct sl_str to_day, struct sl_str after, struct sl_usage_rows *out,
                    SL_BACKEND_WAIT);
void sl_redis_restore(struct sl_backend *b, const struct sl_restore *what, SL_BACKEND_WAIT);

/* notes.c */
void sl_redis_notes_init(struct sl_redis *r);
void sl_redis_notes_fini(struct sl_redis *r);
void sl_redis_note(struct sl_backend *b, struct sl_str tenant, const struct sl_note *note);
void sl_redis_noted(struct sl_backend *b, struct sl_str tenant, struct sl_str name,
                    struct sl_noted *out, SL_BACKEND_WAIT);
void sl_redis_tip(struct sl_backend *b, struct sl_str instance, struct sl_tip *out,
                  SL_BACKEND_WAIT);
void sl_redis_keep_tip(struct sl_backend *b, struct sl_str instance, const struct sl_tip *tip,
                       SL_BACKEND_WAIT);

/* records.c */
void sl_redis_find(struct sl_backend *b, enum sl_record_kind kind, struct sl_str id,
                   struct sl_records *out, SL_BACKEND_WAIT);
void sl_redis_key(struct sl_backend *b, const uint8_t sha256[32], struct sl_records *out,
                  SL_BACKEND_WAIT);
void sl_redis_list(struct sl_backend *b, enum sl_record_kind kind, struct sl_str tenant,
                   struct sl_str after, struct sl_records *out, SL_BACKEND_WAIT);
void sl_redis_put(struct sl_backend *b, const struct sl_record *rec, struct sl_records *out,
                  SL_BACKEND_WAIT);
void sl_redis_restore_records(struct sl_backend *b, const struct sl_record *recs, size_t n,
                              SL_BACKEND_WAIT);

#endif
