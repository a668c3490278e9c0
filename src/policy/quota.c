/* policy/quota.c -- what a refusal is called, and how it is said. */
#include "policy/quota.h"

#include "base/obj.h"
#include "base/text.h"
#include "policy/money.h"

static const char *const names[] = {
    [SL_LIMIT_NONE] = "none",
    [SL_LIMIT_STATE] = "state",
    [SL_LIMIT_STALE] = "stale",
    [SL_LIMIT_GATEWAY_QPS] = "gateway_qps",
    [SL_LIMIT_QPS] = "qps",
    [SL_LIMIT_RPM] = "rpm",
    [SL_LIMIT_CONCURRENCY] = "concurrency",
    [SL_LIMIT_USER] = "user_concurrency",
    [SL_LIMIT_TPM] = "tpm",
    [SL_LIMIT_CREDITS] = "credits",
    [SL_LIMIT_DAILY] = "daily",
    [SL_LIMIT_MONTHLY] = "monthly",
    [SL_LIMIT_STORE] = "store",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == SL_LIMIT__COUNT, "a name for every limit");

bool sl_limit_is_soft(enum sl_limit l)
{
    return l >= SL_LIMIT_CONCURRENCY && l <= SL_LIMIT_MONTHLY;
}

uint64_t sl_quota_user_limit(const struct sl_quota_ask *ask, enum sl_level *level)
{
    uint64_t least = 0;

    *level = SL_LEVEL_TENANT;
    for (int l = 0; l < SL_LEVEL__COUNT && ask->user[0] != '\0'; l++) {
        uint64_t one =
            ask->terms[l] != NULL ? sl_terms_limit(ask->terms[l]->limits.user_concurrency) : 0;

        if (one == 0 || (least > 0 && least <= one))
            continue;
        least = one;
        *level = (enum sl_level)l;
    }
    return least;
}

const char *sl_limit_name(enum sl_limit l)
{
    SL_CHECK((unsigned)l < SL_LIMIT__COUNT);
    return names[l];
}

enum sl_err sl_quota_error(const struct sl_quota_answer *a)
{
    switch (a->limit) {
    case SL_LIMIT_NONE: return SL_OK;
    case SL_LIMIT_STATE: return SL_ERR_PAUSED;
    case SL_LIMIT_GATEWAY_QPS:
    case SL_LIMIT_QPS:
    case SL_LIMIT_RPM:
    case SL_LIMIT_CONCURRENCY:
    case SL_LIMIT_USER:
    case SL_LIMIT_TPM: return SL_ERR_RATE;
    case SL_LIMIT_CREDITS:
    case SL_LIMIT_DAILY:
    case SL_LIMIT_MONTHLY: return SL_ERR_CREDITS;
    case SL_LIMIT_STALE: /* what kept changing could not be read */
    case SL_LIMIT_STORE: return SL_ERR_STORE;
    case SL_LIMIT__COUNT: break;
    }
    return SL_ERR_BUG;
}

/* ---- the sentence ---- */

/* "key a1b2 of tenant acme", or "tenant acme". */
static void add_level(struct sl_text *t, const struct sl_quota_ask *ask, enum sl_level level)
{
    if (level == SL_LEVEL_KEY) {
        sl_text_add(t, SL_STR("key "));
        sl_text_add(t, sl_quota_record(ask));
        sl_text_add(t, SL_STR(" of "));
    }
    sl_text_add(t, SL_STR("tenant "));
    sl_text_add(t, ask->tenant);
}

static void add_money(struct sl_text *t, int64_t micro)
{
    char place[24];

    sl_text_add(t, sl_money_print(micro, place));
    sl_text_add(t, SL_STR(" USD"));
}

/* Rounded up: below 10 s with a tenth, which is the least that is worth waiting. */
static void add_wait(struct sl_text *t, int64_t wait_ms)
{
    uint64_t tenths = wait_ms > 0 ? ((uint64_t)wait_ms + 99) / 100 : 1;

    if (tenths >= 100)
        tenths = (tenths + 9) / 10 * 10;
    sl_text_add(t, SL_STR(" Try again in "));
    sl_text_u64(t, tenths / 10);
    if (tenths % 10 > 0) {
        sl_text_byte(t, '.');
        sl_text_u64(t, tenths % 10);
    }
    sl_text_add(t, SL_STR(" s."));
}

struct rate { /* " may <verb> <figure> <what>; <used> <how>." */
    const char *verb, *what, *how;
};

static void add_rate(struct sl_text *t, const struct sl_quota_answer *a, const struct rate *r)
{
    sl_text_add(t, sl_str_of(r->verb));
    sl_text_i64(t, a->figure);
    sl_text_add(t, sl_str_of(r->what));
    sl_text_i64(t, a->used);
    sl_text_add(t, sl_str_of(r->how));
    if (a->wait_ms >= 0)
        add_wait(t, a->wait_ms);
}

static bool in_bursts(const struct sl_quota_ask *ask, const struct sl_quota_answer *a)
{
    return (a->limit == SL_LIMIT_RPM || a->limit == SL_LIMIT_QPS) && ask->terms[a->level] != NULL &&
           ask->terms[a->level]->limits.burst > 0;
}

static void explain_rate(struct sl_text *t, const struct sl_quota_ask *ask,
                         const struct sl_quota_answer *a)
{
    static const struct rate rates[] = {
        [SL_LIMIT_GATEWAY_QPS] = {" takes ", " requests a second from all tenants together (qps), ",
                                  " were made."},
        [SL_LIMIT_QPS] = {" may make ", " requests a second (qps), ", " were made."},
        [SL_LIMIT_RPM] = {" may make ", " requests a minute (rpm), ", " were made."},
        [SL_LIMIT_CONCURRENCY] = {" may have ", " requests at once (concurrency), ",
                                  " are running."},
        [SL_LIMIT_USER] = {" may have ", " requests at once of one end user (user_concurrency), ",
                           " of this one are running."},
        [SL_LIMIT_TPM] = {" may use ", " tokens a minute (tpm), ", " were used."},
    };

    sl_text_add(t, SL_STR("Rate limit exceeded: "));
    if (a->limit == SL_LIMIT_GATEWAY_QPS)
        sl_text_add(t, SL_STR("this gateway"));
    else
        add_level(t, ask, a->level);
    if (in_bursts(ask, a)) {
        sl_text_add(t, sl_str_of(rates[a->limit].verb));
        sl_text_i64(t, a->figure);
        sl_text_printf(t,
                       " requests a %s (%s), in bursts of at most %lld (burst), which are used up.",
                       a->limit == SL_LIMIT_RPM ? "minute" : "second", sl_limit_name(a->limit),
                       (long long)ask->terms[a->level]->limits.burst);
        add_wait(t, a->wait_ms);
        return;
    }
    add_rate(t, a, &rates[a->limit]);
}

/* Something is left, but not what this request might cost: it need not wait. */
static void add_reserve(struct sl_text *t, const struct sl_quota_ask *ask,
                        const struct sl_quota_answer *a)
{
    if (a->used >= a->figure || ask->reserve_micro <= a->figure - a->used)
        return;
    sl_text_add(t, SL_STR(" This request may cost up to "));
    add_money(t, ask->reserve_micro);
    sl_text_add(t, SL_STR("; a shorter one, or one with a smaller max_tokens, may pass."));
}

/* Periods begin at whole seconds; how long it is till then was measured to the millisecond. */
static int64_t begins_anew(int64_t now_unix_ms, int64_t wait_ms)
{
    int64_t anew;

    if (__builtin_add_overflow(now_unix_ms, wait_ms, &anew) || anew > INT64_MAX - 500)
        return INT64_MAX;
    return (anew + 500) / 1000 * 1000;
}

static void explain_budget(struct sl_text *t, const struct sl_quota_ask *ask,
                           const struct sl_quota_answer *a, int64_t now_unix_ms)
{
    sl_text_add(t, SL_STR("Insufficient quota: "));
    add_level(t, ask, a->level);
    if (a->limit == SL_LIMIT_CREDITS)
        sl_text_add(t, SL_STR(" was given credits of "));
    else
        sl_text_printf(t, " has a %s budget of ", sl_limit_name(a->limit));
    add_money(t, a->figure);
    sl_text_add(t, SL_STR(", of which "));
    add_money(t, a->used);
    sl_text_add(t, SL_STR(" are spent or reserved by requests that run."));
    add_reserve(t, ask, a);
    if (a->wait_ms < 0) {
        sl_text_add(t, SL_STR(" Ask whoever runs this gateway for more."));
    } else {
        sl_text_add(t, SL_STR(" It begins anew at "));
        sl_text_time(t, begins_anew(now_unix_ms, a->wait_ms));
        sl_text_add(t, SL_STR("; whoever runs this gateway can raise it before."));
    }
}

size_t sl_quota_explain(const struct sl_quota_ask *ask, const struct sl_quota_answer *a,
                        int64_t now_unix_ms, char *out, size_t cap)
{
    struct sl_text t = sl_text_over(out, cap);

    switch (sl_quota_error(a)) {
    case SL_ERR_RATE: explain_rate(&t, ask, a); break;
    case SL_ERR_CREDITS: explain_budget(&t, ask, a, now_unix_ms); break;
    case SL_ERR_PAUSED:
        sl_text_add(&t, SL_STR("Authentication failed: "));
        add_level(&t, ask, a->level);
        sl_text_add(&t, SL_STR(" is paused or revoked. Ask whoever runs this gateway."));
        break;
    case SL_OK: break;
    default:
        sl_text_add(&t, SL_STR("The store that counts limits and budgets does not answer, so "));
        add_level(&t, ask, SL_LEVEL_KEY);
        sl_text_add(&t, SL_STR(" can't be let through. Try again shortly."));
        break;
    }
    return t.n;
}
