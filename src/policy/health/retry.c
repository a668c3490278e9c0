/* Retries: verdicts, waits, and the budget of all of them. */
#include "policy/health/retry.h"

#include <time.h>

#define WAIT_MAX_MS UINT64_C(86400000) /* a day: longer is not waited for anyway */

/* ---- what the provider says ---- */

/* Digits, and what stands behind a dot is rounded up. */
static bool read_number(struct sl_str s, uint64_t by, uint64_t *ms)
{
    ptrdiff_t dot = sl_str_find_byte(s, '.');
    uint64_t n;

    if (!sl_str_to_u64(dot >= 0 ? sl_str_first(s, (size_t)dot) : s, &n) || n > WAIT_MAX_MS / by)
        return false;
    *ms = (n + (dot >= 0 ? 1 : 0)) * by;
    return true;
}

static bool two_at(struct sl_str s, size_t from, int *out)
{
    uint64_t v;

    if (!sl_str_to_u64((struct sl_str){s.p + from, 2}, &v))
        return false;
    *out = (int)v;
    return true;
}

/* IMF-fixdate, the only form that is sent today: "Sun, 06 Nov 1994 08:49:37 GMT". */
static bool read_date(struct sl_str s, int64_t unix_ms, uint64_t *ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {0};
    uint64_t year;
    int64_t left;
    ptrdiff_t month;

    if (s.n != 29 || s.p[3] != ',' || !sl_str_ends(s, SL_STR(" GMT")) ||
        !two_at(s, 5, &tm.tm_mday) || !sl_str_to_u64((struct sl_str){s.p + 12, 4}, &year) ||
        !two_at(s, 17, &tm.tm_hour) || !two_at(s, 20, &tm.tm_min) || !two_at(s, 23, &tm.tm_sec))
        return false;
    month = sl_str_find(sl_str_of(months), (struct sl_str){s.p + 8, 3});
    if (month < 0 || month % 3 != 0)
        return false;
    tm.tm_mon = (int)month / 3;
    tm.tm_year = (int)year - 1900;
    left = (int64_t)timegm(&tm) * 1000 - unix_ms;
    *ms = left < 0 ? 0 : (uint64_t)left < WAIT_MAX_MS ? (uint64_t)left : WAIT_MAX_MS;
    return true;
}

void sl_retry_read_wait(struct sl_str after_ms, struct sl_str after, int64_t unix_ms,
                        struct sl_retry_hints *out)
{
    out->has_wait = (after_ms.n > 0 && read_number(after_ms, 1, &out->wait_ms)) ||
                    (after.n > 0 && (read_number(after, 1000, &out->wait_ms) ||
                                     read_date(after, unix_ms, &out->wait_ms)));
}

static enum sl_retry by_status(int status)
{
    switch (status) {
    case 401:
    case 402:
    case 403: return SL_RETRY_ELSEWHERE;
    case 429: return SL_RETRY_LIMITED;
    case 408:
    case 409: return SL_RETRY_AGAIN;
    default: return status >= 500 ? SL_RETRY_AGAIN : SL_RETRY_NEVER;
    }
}

enum sl_retry sl_retry_status(int status, const struct sl_retry_hints *hints)
{
    enum sl_retry by = by_status(status);

    if (hints->should_not && by != SL_RETRY_NEVER)
        return SL_RETRY_ELSEWHERE; /* it speaks for itself, not for another provider */
    if (hints->should && by == SL_RETRY_NEVER)
        return SL_RETRY_AGAIN;
    return by;
}

uint64_t sl_retry_backoff_ms(const struct sl_retry_rules *r, unsigned n, uint64_t random)
{
    uint64_t most = r->base_ms;

    while (n-- > 1 && most < r->max_ms)
        most *= 2;
    if (most > r->max_ms)
        most = r->max_ms;
    return random % (most + 1);
}

/* ---- the budget ---- */

static size_t slot(struct sl_retry_budget *b, uint64_t now)
{
    uint64_t second = now / 1000 + 1;
    size_t i = second % SL_RETRY_SECONDS;

    if (b->at[i].second != second) {
        b->at[i].second = second;
        b->at[i].requests = b->at[i].extra = 0;
    }
    return i;
}

void sl_retry_budget_note(struct sl_retry_budget *b, uint64_t now)
{
    b->at[slot(b, now)].requests++;
}

bool sl_retry_budget_take(struct sl_retry_budget *b, uint64_t now)
{
    size_t here = slot(b, now);
    uint64_t second = b->at[here].second, requests = 0, extra = 0;

    for (size_t i = 0; i < SL_RETRY_SECONDS; i++) {
        if (b->at[i].second == 0 || second - b->at[i].second >= SL_RETRY_SECONDS)
            continue;
        requests += b->at[i].requests;
        extra += b->at[i].extra;
    }
    if (extra >= requests / SL_RETRY_SHARE + SL_RETRY_SECONDS * SL_RETRY_FREE)
        return false;
    b->at[here].extra++;
    return true;
}
