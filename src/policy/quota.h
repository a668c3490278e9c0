/* policy/quota.h -- what is asked of the store before a request may pass, what
 * it answers, and what a client is told.
 *
 * Both stores (Redis' script, the engine in memory) decide by this description;
 * test/store holds them to one suite.
 *
 * Levels   A request counts at its key's level and at its tenant's, at once.
 * Order    1 key and tenant state, 2 the gateway's qps, 3 qps, 4 rpm,
 *          5 concurrency, then that of the end user, 6 tpm, 7 credits, daily,
 *          monthly; within each the tenant before the key. The first refusal is the
 *          answer.
 * Hard     1 to 4 refuse for good. 5 to 7 are "soft": a valid cached answer is
 *          served all the same.
 * All or nothing. A refused request has consumed nothing, with one exception:
 *          `may_hit` and a soft refusal book the windows of 2 to 4; the caller
 *          gives them back (sl_store_give_back) when there was no hit.
 * Windows  Sliding: at time t an entry of [t - length, t] counts. rpm 60 s,
 *          qps 1 s; an entry is the request's id. tpm: buckets of one second,
 *          60 of them; admits while the sum is below the limit, tokens are
 *          booked when they are settled. Cache reads don't count in tpm.
 * Bursts   A level with `burst` has token buckets in place of windows for its qps and rpm:
 *          each of so many requests, refilled evenly at its rate (RFC 3290, appendix A).
 *          Kept is what is owed, in whole numbers: a request owes as many parts as the
 *          rate's length has microseconds, each microsecond pays one part for each
 *          request of the rate. In any time the burst and what was refilled may pass.
 * Leases   A running request holds a lease of SL_QUOTA_LEASE_MS at each level
 *          with a concurrency limit, renewed every SL_QUOTA_RENEW_MS. Its reservation
 *          lives as long. A request that names its end user holds one more where the
 *          tenant or the key limits users; the lower limit holds. A user is the
 *          tenant's, whichever keys the requests come with. Settling and giving back
 *          end them, once; a renewal brings back what had run out meanwhile.
 * Money    available = granted - spent - reserved (credits), limit - spent in the
 *          period - reserved (daily, monthly); admitted if it is >= the
 *          reservation (> 0 where nothing is reserved but the model is priced).
 *          A free model (`free`) is never refused for money and reserves nothing.
 *          Reserved is held at each level with a budget, against all of its three.
 * Account  begins (granted = credits_micro) at the first admission that passes step 7
 *          where credits are set, or by a grant; a refusal writes nothing. Later
 *          changes of credits_micro leave it alone. Credits are looked at where the
 *          terms set them; what was spent before that counts too.
 * Periods  Now is in the period that begins at day[0], from day[1] on in that one, from
 *          day[2] on in that. A counter carries the first second of its period. First
 *          seconds less than 12 h (days) or 14 days (months) apart are of one period:
 *          the zone was changed. At admission a counter of an earlier period counts 0.
 *          A cost belongs to the period it was settled in (the line says which): it
 *          starts the counter anew if that is later than the counter's, adds if it is
 *          the same (the counter takes the line's first second), and goes to `spent`
 *          alone if it is earlier. Sums saturate.
 * Waits    Exact, rounded up to a millisecond: until enough entries or buckets have left
 *          the window, a token bucket has one whole request, or the period ends.
 *          Concurrency, of users too: SL_QUOTA_BUSY_MS, for nobody knows. Credits, state,
 *          stale: -1.
 * Time     The store's own clock, microseconds.
 */
#ifndef SL_POLICY_QUOTA_H
#define SL_POLICY_QUOTA_H

#include "policy/period.h"
#include "policy/terms.h"

#define SL_QUOTA_LEASE_MS 30000
#define SL_QUOTA_RENEW_MS 10000
#define SL_QUOTA_BUSY_MS 1000
#define SL_QUOTA_ID 24   /* bytes of a request's id in the store: instance (8), request (16) */
#define SL_QUOTA_USER 16 /* bytes of an end user's name in the store: a digest's first digits */

enum sl_limit {
    SL_LIMIT_NONE,
    SL_LIMIT_STATE,       /* key or tenant revoked, paused, deleted */
    SL_LIMIT_STALE,       /* the record of the key or tenant changed: read it again */
    SL_LIMIT_GATEWAY_QPS, /* hard from here up */
    SL_LIMIT_QPS,
    SL_LIMIT_RPM,
    SL_LIMIT_CONCURRENCY, /* soft from here on */
    SL_LIMIT_USER,        /* concurrency of one end user */
    SL_LIMIT_TPM,
    SL_LIMIT_CREDITS,
    SL_LIMIT_DAILY,
    SL_LIMIT_MONTHLY,
    SL_LIMIT_STORE, /* the store is away and `on_outage` refuses, or key unknown */
    SL_LIMIT__COUNT
};

enum sl_level { SL_LEVEL_TENANT, SL_LEVEL_KEY, SL_LEVEL__COUNT };

struct sl_quota_ask {
    struct sl_str tenant, key_id; /* of letters, digits, dot, dash, underscore */
    /* A key that took another's place goes on with its windows and money (key_id), but is
     * judged by its own record; empty: the same. */
    struct sl_str record_id;
    char id[SL_QUOTA_ID];     /* unique among all instances, ever */
    char user[SL_QUOTA_USER]; /* whom the request names as its end user; zeros: nobody */
    /* Of the records the caller knows; 0: none. Another revision in the store (also
     * one where none is known) is STALE; a store without one does not judge. */
    uint64_t rev[SL_LEVEL__COUNT];
    const struct sl_terms *terms[SL_LEVEL__COUNT]; /* up: alive until answered or cancelled */
    struct sl_periods periods;
    uint64_t gateway_qps;
    int64_t reserve_micro;
    bool free;         /* the model costs nothing: steps 7 are left out */
    bool light;        /* count_tokens: gateway qps, qps, concurrency only */
    bool windows_only; /* a hit is at hand: state and 2 to 4 only, no lease, no reservation */
    bool may_hit;      /* a look-up runs beside this */
    /* Only to know: nothing is taken and nothing begins, and `room` is what is left before it. */
    bool look;
};

/* The id of the key's record. */
static inline struct sl_str sl_quota_record(const struct sl_quota_ask *ask)
{
    return ask->record_id.n > 0 ? ask->record_id : ask->key_id;
}

/* Requests that its end user may have at once; 0: no limit, or no user. `level`: whose
 * limit that is. */
uint64_t sl_quota_user_limit(const struct sl_quota_ask *ask, enum sl_level *level);

struct sl_quota_room { /* of one level, after this request; SL_UNSET where there is no limit */
    int64_t rpm_left, tpm_left, concurrency_left;
    int64_t rpm_reset_ms, tpm_reset_ms; /* until the window is empty again */
    int64_t credits_left_micro;         /* the least of credits, daily, monthly */
};

struct sl_quota_answer {
    enum sl_limit limit; /* NONE: admitted */
    enum sl_level level; /* of the refusal */
    int64_t figure;      /* the limit, or its money in micro-dollars */
    int64_t used;        /* in the window, at once, or spent and reserved */
    int64_t wait_ms;     /* until one more may pass; money: until the period ends; -1: no end */
    bool leased, reserved, booked; /* what was taken, and is to be given back or settled */
    bool local;                    /* decided by this process alone, for want of the store */
    int64_t at_us;                 /* store time of the admission */
    struct sl_quota_room room[SL_LEVEL__COUNT];
};

bool sl_limit_is_soft(enum sl_limit l);
/* "rpm", "tpm", "credits", ... as in sluice_limited_total{limit}. */
const char *sl_limit_name(enum sl_limit l);
/* 429, 402, 403 or 503, as an error. */
enum sl_err sl_quota_error(const struct sl_quota_answer *a);
/* The sentence for the client: begins with "Rate limit exceeded", "Insufficient
 * quota" or "Authentication failed", names key, tenant, limit, figure and when
 * it ends. Returns bytes written (cut at cap). */
size_t sl_quota_explain(const struct sl_quota_ask *ask, const struct sl_quota_answer *a,
                        int64_t now_unix_ms, char *out, size_t cap);

#endif
