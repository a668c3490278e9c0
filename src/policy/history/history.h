/* policy/history/history.h -- what a gateway has done lately: seconds of ten minutes, minutes of a
 * day.
 *
 * A *tally* is counted in for as long as the process lives: plain additions, on the data path.
 * A *history* looks at it once a second and keeps the differences, so that what is asked by any
 * number of dashboards costs the data path nothing.
 *
 * Times go into buckets of a quarter of an octave (ratio 1.19), so a percentile is within 10 %
 * of the true one; it is taken when the second or minute is over, and the buckets are not kept.
 *
 * Holder   The tally: the gateway. The history: who shows it. Pure: `now` is an argument.
 * Units    Microseconds for times, micro-dollars for money, seconds since 1970 for `at_s`.
 * Memory   SL_HISTORY_SECONDS + SL_HISTORY_MINUTES samples, all of it in the struct.
 */
#ifndef SL_POLICY_HISTORY_HISTORY_H
#define SL_POLICY_HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_HISTORY_SECONDS 600
#define SL_HISTORY_MINUTES 1440
#define SL_HISTORY_ENDINGS 16

enum sl_tally_count {
    SL_TALLY_REQUESTS, /* ended */
    SL_TALLY_ERRORS,   /* of these answered 5xx, or broken off behind the commit point */
    SL_TALLY_EVENTS,   /* of streams */
    SL_TALLY_HITS,     /* answered from the cache, or by another's answer */
    SL_TALLY_LOOKED,   /* looked up */
    SL_TALLY_IN,       /* tokens of providers, those that their caches read and wrote among them */
    SL_TALLY_OUT,
    SL_TALLY_COST,   /* micro-dollars */
    SL_TALLY_SAVED,  /* likewise: what hits would have cost */
    SL_TALLY_ENDING, /* the first of SL_HISTORY_ENDINGS */
    SL_TALLY__COUNT = SL_TALLY_ENDING + SL_HISTORY_ENDINGS
};

enum sl_tally_time {
    SL_TALLY_TOTAL, /* head to end */
    SL_TALLY_TTFT,  /* head to the first content */
    SL_TALLY_OWN,   /* the gateway's own part of it */
    SL_TALLY__TIMES
};

#define SL_TALLY_BUCKETS 128 /* up to 2^32 us */

struct sl_tally {
    uint64_t n[SL_TALLY__COUNT];
    uint64_t times[SL_TALLY__TIMES][SL_TALLY_BUCKETS];
};

static inline void sl_tally_add(struct sl_tally *t, enum sl_tally_count what, uint64_t v)
{
    t->n[what] += v;
}

void sl_tally_time(struct sl_tally *t, enum sl_tally_time what, uint64_t us);

enum sl_history_part { SL_HISTORY_P50, SL_HISTORY_P90, SL_HISTORY_P99, SL_HISTORY__PARTS };
#define SL_HISTORY_NONE UINT32_MAX /* a percentile of nothing */

struct sl_sample {
    int64_t at_s; /* when it began; 0: there is none */
    uint32_t n[SL_TALLY__COUNT];
    uint32_t us[SL_TALLY__TIMES][SL_HISTORY__PARTS];
    uint32_t running; /* requests, at its end */
};

struct sl_history {
    struct sl_sample seconds[SL_HISTORY_SECONDS]; /* at_s modulo */
    struct sl_sample minutes[SL_HISTORY_MINUTES]; /* at_s / 60 modulo */
    struct sl_tally second, minute;               /* as they were when those began */
    int64_t second_s, minute_s;                   /* when they began; 0: not yet */
};

/* About once a second. A second that was missed (a suspended machine) is one with no sample, and
 * what was counted in it is in the one before. A clock that was set back begins anew. */
void sl_history_look(struct sl_history *h, const struct sl_tally *t, size_t running, int64_t now_s);
/* The first sample after `after_s`, oldest first; NULL: no more. `minutes`: of the day. */
const struct sl_sample *sl_history_next(const struct sl_history *h, bool minutes, int64_t after_s);

#endif
