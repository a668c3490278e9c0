/* What an admission's script is told of a request, and what it answers, as numbers. */
#include "store/redis/admit.h"

#include <endian.h>

#define ANSWER_FIELDS 19

/* ---- told ---- */

static int64_t in_window(int64_t limit)
{
    return limit < SL_TERMS_WINDOW_MAX ? limit : SL_TERMS_WINDOW_MAX;
}

static void level_numbers(const struct sl_quota_ask *ask, int level, int64_t v[9])
{
    const struct sl_terms *terms = sl_redis_terms(ask, level);

    v[0] = (int64_t)(ask->rev[level] < SL_SCRIPT_MOST ? ask->rev[level] : SL_SCRIPT_MOST);
    v[1] = in_window(terms->limits.rpm);
    v[2] = in_window(terms->limits.qps);
    v[3] = terms->limits.tpm;
    v[4] = terms->limits.concurrency;
    v[5] = terms->budget.credits_micro;
    v[6] = terms->budget.daily_micro;
    v[7] = terms->budget.monthly_micro;
    v[8] = in_window(terms->limits.burst);
}

/* admit.lua says their order. */
void sl_admit_numbers(const struct sl_quota_ask *ask, int64_t v[SL_ADMIT_NUMBERS])
{
    uint64_t qps = ask->gateway_qps;
    enum sl_level whose;

    v[0] = (ask->free ? 1 : 0) | (ask->light ? 2 : 0) | (ask->windows_only ? 4 : 0) |
           (ask->may_hit ? 8 : 0) | (ask->look ? 16 : 0);
    v[1] = (int64_t)(qps < SL_TERMS_WINDOW_MAX ? qps : SL_TERMS_WINDOW_MAX);
    v[2] = SL_QUOTA_LEASE_MS;
    for (int i = 0; i < 3; i++) {
        v[3 + i] = ask->periods.day[i];
        v[6 + i] = ask->periods.month[i];
    }
    level_numbers(ask, SL_LEVEL_TENANT, v + 9);
    level_numbers(ask, SL_LEVEL_KEY, v + 18);
    v[27] = in_window((int64_t)sl_quota_user_limit(ask, &whose));
    v[28] = whose;
}

/* ---- answered ---- */

/* One text and not an array of numbers: that would be an allocation for each. */
static bool read_numbers(struct sl_str text, size_t at, int64_t v[ANSWER_FIELDS])
{
    for (size_t i = 0; i < ANSWER_FIELDS; i++) {
        uint64_t word;
        double d;

        memcpy(&word, text.p + (at * ANSWER_FIELDS + i) * sizeof word, sizeof word);
        word = le64toh(word);
        memcpy(&d, &word, sizeof d);
        if (!(d >= -(double)SL_SCRIPT_MOST && d <= (double)SL_SCRIPT_MOST))
            return false;
        v[i] = (int64_t)d;
    }
    return v[0] >= 0 && v[0] < SL_LIMIT__COUNT && v[1] >= 0 && v[1] < SL_LEVEL__COUNT &&
           v[5] >= 0 && v[5] <= (SL_ADMIT_LEASED | SL_ADMIT_RESERVED | SL_ADMIT_BOOKED);
}

bool sl_admit_is_answer(const redisReply *reply, size_t n)
{
    return sl_reply_str(reply).n == n * ANSWER_FIELDS * sizeof(double);
}

static void fill(const int64_t v[ANSWER_FIELDS], struct sl_quota_answer *a)
{
    *a = (struct sl_quota_answer){.limit = (enum sl_limit)v[0],
                                  .level = (enum sl_level)v[1],
                                  .figure = v[2],
                                  .used = v[3],
                                  .wait_ms = v[4],
                                  .leased = (v[5] & SL_ADMIT_LEASED) != 0,
                                  .reserved = (v[5] & SL_ADMIT_RESERVED) != 0,
                                  .booked = (v[5] & SL_ADMIT_BOOKED) != 0,
                                  .at_us = v[6]};
    for (size_t l = 0; l < SL_LEVEL__COUNT; l++) {
        const int64_t *at = v + 7 + l * 6;

        a->room[l] = (struct sl_quota_room){.rpm_left = at[0],
                                            .tpm_left = at[1],
                                            .concurrency_left = at[2],
                                            .rpm_reset_ms = at[3],
                                            .tpm_reset_ms = at[4],
                                            .credits_left_micro = at[5]};
    }
}

bool sl_admit_read(const redisReply *reply, size_t at, struct sl_quota_answer *out, unsigned *took)
{
    int64_t v[ANSWER_FIELDS];

    if (!read_numbers(sl_reply_str(reply), at, v))
        return false;
    *took = (unsigned)v[5];
    fill(v, out);
    return true;
}
