/* The breaker: three states, and a window of slices. */
#include "policy/health/breaker.h"

#include <string.h>

/* ---- the window ---- */

static uint64_t slice_at(const struct sl_breaker_rules *r, uint64_t now)
{
    uint64_t width = r->window_ms / SL_BREAKER_SLICES;

    return now / (width > 0 ? width : 1) + 1; /* 0: never used */
}

static bool is_recent(uint64_t slice, uint64_t at)
{
    return slice != 0 && slice <= at && at - slice < SL_BREAKER_SLICES;
}

static struct sl_breaker_slice *current(struct sl_breaker *b, uint64_t at)
{
    struct sl_breaker_slice *s = &b->slices[at % SL_BREAKER_SLICES];

    if (s->at != at)
        *s = (struct sl_breaker_slice){.at = at};
    return s;
}

static void count(struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now, bool good)
{
    struct sl_breaker_slice *s = current(b, slice_at(r, now));

    if (good) {
        s->good++;
    } else {
        s->bad++;
        b->bad_at = s->at;
    }
}

/* The lease has its outcome; its slice may be another one's by now. */
static void ended(struct sl_breaker *b, const struct sl_breaker_lease *lease)
{
    struct sl_breaker_slice *s = &b->slices[lease->at % SL_BREAKER_SLICES];

    if (s->at == lease->at && s->begun > 0)
        s->begun--;
}

struct sl_breaker_counts sl_breaker_count(const struct sl_breaker *b,
                                          const struct sl_breaker_rules *r, uint64_t now)
{
    struct sl_breaker_counts n = {.all = 0};
    uint64_t at = slice_at(r, now);

    for (size_t i = 0; i < SL_BREAKER_SLICES; i++) {
        if (!is_recent(b->slices[i].at, at))
            continue;
        n.bad += b->slices[i].bad;
        n.all += (uint64_t)b->slices[i].bad + b->slices[i].good;
        if (at - b->slices[i].at < SL_BREAKER_YOUNG)
            n.begun += b->slices[i].begun;
    }
    return n;
}

static bool is_too_bad(const struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now)
{
    struct sl_breaker_counts n;

    if (!is_recent(b->bad_at, slice_at(r, now)))
        return false; /* as nearly always: nothing to be added up */
    n = sl_breaker_count(b, r, now);
    return n.bad > 0 && n.all >= r->min_requests &&
           n.bad * 1000000 >= r->error_ppm * (n.all + n.begun);
}

/* ---- the states ---- */

static void enter(struct sl_breaker *b, enum sl_breaker_state state, uint64_t now)
{
    b->state = state;
    b->epoch++;
    b->probes = b->good = 0;
    if (state == SL_BREAKER_OPEN)
        b->opened_ms = now;
    if (state == SL_BREAKER_CLOSED)
        memset(b->slices, 0, sizeof b->slices);
}

static void open_if_bad(struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now)
{
    if (b->state == SL_BREAKER_CLOSED && is_too_bad(b, r, now))
        enter(b, SL_BREAKER_OPEN, now);
}

enum sl_breaker_state sl_breaker_look(const struct sl_breaker *b, const struct sl_breaker_rules *r,
                                      uint64_t now)
{
    if (b->state == SL_BREAKER_OPEN && now - b->opened_ms >= r->open_ms)
        return SL_BREAKER_HALF;
    return b->state;
}

bool sl_breaker_can_try(const struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now)
{
    switch (sl_breaker_look(b, r, now)) {
    case SL_BREAKER_CLOSED: return true;
    case SL_BREAKER_OPEN: return false;
    case SL_BREAKER_HALF: return b->state != SL_BREAKER_HALF || b->probes + b->good < r->probes;
    }
    return false;
}

void sl_breaker_force(struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now,
                      struct sl_breaker_lease *lease)
{
    if (b->state != sl_breaker_look(b, r, now))
        enter(b, SL_BREAKER_HALF, now);
    if (b->state == SL_BREAKER_HALF)
        b->probes++;
    *lease = (struct sl_breaker_lease){b->epoch, true, slice_at(r, now)};
    if (b->state == SL_BREAKER_CLOSED)
        current(b, lease->at)->begun++;
}

bool sl_breaker_take(struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now,
                     struct sl_breaker_lease *lease)
{
    if (!sl_breaker_can_try(b, r, now))
        return false;
    sl_breaker_force(b, r, now, lease);
    return true;
}

/* A probe has answered well; the first of them may have gone out of turn. */
static void approve(struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now)
{
    if (b->state == SL_BREAKER_OPEN)
        enter(b, SL_BREAKER_HALF, now);
    if (++b->good >= r->probes)
        enter(b, SL_BREAKER_CLOSED, now);
}

void sl_breaker_give(struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now,
                     struct sl_breaker_lease *lease, enum sl_outcome how)
{
    if (!lease->held)
        return;
    lease->held = false;
    if (lease->epoch != b->epoch)
        return;
    if (b->state == SL_BREAKER_HALF)
        b->probes--;
    if (b->state == SL_BREAKER_CLOSED)
        ended(b, lease);
    if (how == SL_OUTCOME_NONE)
        return;
    if (b->state == SL_BREAKER_CLOSED) {
        count(b, r, now, how == SL_OUTCOME_GOOD);
        open_if_bad(b, r, now);
    } else if (how == SL_OUTCOME_GOOD) {
        approve(b, r, now);
    } else if (b->state == SL_BREAKER_HALF) {
        enter(b, SL_BREAKER_OPEN, now);
    }
}

static void take_back(struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now)
{
    uint64_t at = slice_at(r, now);

    for (size_t i = 0; i < SL_BREAKER_SLICES; i++) {
        if (is_recent(b->slices[i].at, at) && b->slices[i].good > 0) {
            b->slices[i].good--;
            return;
        }
    }
}

void sl_breaker_spoil(struct sl_breaker *b, const struct sl_breaker_rules *r, uint64_t now,
                      const struct sl_breaker_lease *lease)
{
    if (b->state == SL_BREAKER_CLOSED) {
        take_back(b, r, now);
        count(b, r, now, false);
        open_if_bad(b, r, now);
    } else if (b->state == SL_BREAKER_HALF && lease->epoch == b->epoch) {
        enter(b, SL_BREAKER_OPEN, now);
    }
}

uint64_t sl_breaker_rest_ms(const struct sl_breaker *b, const struct sl_breaker_rules *r,
                            uint64_t now)
{
    if (sl_breaker_look(b, r, now) != SL_BREAKER_OPEN)
        return 0;
    return b->opened_ms + r->open_ms - now;
}
