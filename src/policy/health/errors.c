/* A window of slices, each known by its number. */
#include "policy/health/errors.h"

static uint64_t slice_of(const struct sl_errors_rules *r, uint64_t now)
{
    uint64_t width = r->window_ms / SL_ERRORS_SLICES;

    return now / (width > 0 ? width : 1) + 1;
}

void sl_errors_note(struct sl_errors *e, const struct sl_errors_rules *r, uint64_t now, bool bad)
{
    uint64_t at = slice_of(r, now);
    size_t i = at % SL_ERRORS_SLICES;

    if (e->slices[i].at != at) {
        e->slices[i].at = at;
        e->slices[i].all = e->slices[i].bad = 0;
    }
    e->slices[i].all++;
    e->slices[i].bad += bad;
}

struct sl_errors_sum sl_errors_sum(const struct sl_errors *e, const struct sl_errors_rules *r,
                                   uint64_t now)
{
    uint64_t at = slice_of(r, now);
    struct sl_errors_sum sum = {0};

    for (size_t i = 0; i < SL_ERRORS_SLICES; i++) {
        if (e->slices[i].at > at || e->slices[i].at + SL_ERRORS_SLICES <= at)
            continue;
        sum.all += e->slices[i].all;
        sum.bad += e->slices[i].bad;
    }
    if (sum.all > 0)
        sum.rate_ppm = sum.bad * 1000000 / sum.all;
    sum.high = r->rate_ppm > 0 && sum.all >= r->min_requests && sum.rate_ppm >= r->rate_ppm;
    return sum;
}
