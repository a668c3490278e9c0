/* policy/history/history.c -- tallies, and samples of them. */
#include "policy/history/history.h"

#include <string.h>

/* Four buckets an octave: the place of the highest bit, and the two below it. */
static size_t bucket_of(uint64_t us)
{
    unsigned high;

    if (us < 4)
        return (size_t)us;
    if (us > UINT32_MAX)
        us = UINT32_MAX;
    high = 63 - (unsigned)__builtin_clzll(us);
    return (size_t)high * 4 + (size_t)((us >> (high - 2)) & 3);
}

/* The middle of a bucket. */
static uint32_t middle_of(size_t bucket)
{
    unsigned high = (unsigned)(bucket / 4);
    uint64_t step;

    if (bucket < 4)
        return (uint32_t)bucket;
    step = 1ULL << (high - 2);
    return (uint32_t)((4 + bucket % 4) * step + step / 2);
}

void sl_tally_time(struct sl_tally *t, enum sl_tally_time what, uint64_t us)
{
    t->times[what][bucket_of(us)]++;
}

/* ---- samples ---- */

static uint32_t clamp(uint64_t v)
{
    return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

/* Nearest rank, of what `now` has more than `then`. */
static void percentiles(const uint64_t *now, const uint64_t *then, uint32_t out[SL_HISTORY__PARTS])
{
    static const unsigned percent[SL_HISTORY__PARTS] = {50, 90, 99};
    uint64_t all = 0, below = 0;
    size_t part = 0;

    for (size_t i = 0; i < SL_TALLY_BUCKETS; i++)
        all += now[i] - then[i];
    for (size_t i = 0; i < SL_TALLY_BUCKETS && all > 0; i++) {
        below += now[i] - then[i];
        while (part < SL_HISTORY__PARTS && below * 100 >= all * percent[part])
            out[part++] = middle_of(i);
    }
    while (part < SL_HISTORY__PARTS)
        out[part++] = SL_HISTORY_NONE;
}

static void sample(struct sl_sample *s, const struct sl_tally *now, const struct sl_tally *then,
                   int64_t at_s, size_t running)
{
    s->at_s = at_s;
    s->running = clamp(running);
    for (size_t i = 0; i < SL_TALLY__COUNT; i++)
        s->n[i] = clamp(now->n[i] - then->n[i]);
    for (size_t i = 0; i < SL_TALLY__TIMES; i++)
        percentiles(now->times[i], then->times[i], s->us[i]);
}

static void begin(struct sl_history *h, const struct sl_tally *t, int64_t now_s)
{
    memset(h->seconds, 0, sizeof h->seconds);
    memset(h->minutes, 0, sizeof h->minutes);
    h->second = h->minute = *t;
    h->second_s = now_s;
    h->minute_s = now_s - now_s % 60;
}

void sl_history_look(struct sl_history *h, const struct sl_tally *t, size_t running, int64_t now_s)
{
    if (h->second_s == 0 || now_s < h->second_s) {
        begin(h, t, now_s);
        return;
    }
    if (now_s == h->second_s)
        return;
    sample(&h->seconds[h->second_s % SL_HISTORY_SECONDS], t, &h->second, h->second_s, running);
    h->second = *t;
    h->second_s = now_s;
    if (now_s < h->minute_s + 60)
        return;
    sample(&h->minutes[h->minute_s / 60 % SL_HISTORY_MINUTES], t, &h->minute, h->minute_s, running);
    h->minute = *t;
    h->minute_s = now_s - now_s % 60;
}

const struct sl_sample *sl_history_next(const struct sl_history *h, bool minutes, int64_t after_s)
{
    int64_t step = minutes ? 60 : 1, end_s = minutes ? h->minute_s : h->second_s;
    int64_t most = minutes ? SL_HISTORY_MINUTES : SL_HISTORY_SECONDS;
    int64_t at_s = end_s - most * step;

    if (after_s >= at_s)
        at_s = after_s - after_s % step + step;
    for (; at_s < end_s; at_s += step) {
        const struct sl_sample *s = minutes ? &h->minutes[at_s / 60 % SL_HISTORY_MINUTES]
                                            : &h->seconds[at_s % SL_HISTORY_SECONDS];

        if (s->at_s == at_s)
            return s;
    }
    return NULL;
}
