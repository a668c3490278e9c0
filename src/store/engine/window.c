/* store/engine/window.c -- sliding windows: times in a ring, tokens in buckets. */
#include "store/engine/inside.h"

#define FIRST 8 /* entries of a new ring */

/* ---- rings ---- */

static struct sl_mark *mark_at(const struct sl_ring *r, uint32_t i)
{
    return &r->at[(r->head + i) & (r->cap - 1)]; /* cap is a power of two */
}

/* What lies before [now - length, now] goes. Most calls drop nothing or little, the
 * first after a pause may drop everything: strides double until one is too long, then
 * the boundary is looked for by halves. */
void sl_ring_prune(struct sl_ring *r, int64_t length_us, int64_t now_us)
{
    int64_t from = now_us - length_us;
    uint32_t low = 0, high = 1; /* all before low are to go */

    if (r->n == 0 || mark_at(r, 0)->at_us >= from)
        return;
    while (high < r->n && mark_at(r, high)->at_us < from) {
        low = high;
        high *= 2;
    }
    high = high < r->n ? high : r->n;
    low++;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (mark_at(r, mid)->at_us < from)
            low = mid + 1;
        else
            high = mid;
    }
    r->head = (r->head + low) & (r->cap - 1);
    r->n -= low;
}

bool sl_ring_make_room(struct sl_ring *r)
{
    uint32_t cap = r->cap > 0 ? r->cap * 2 : FIRST;
    struct sl_mark *more;

    if (r->n < r->cap)
        return true;
    more = sl_mem_try(cap * sizeof *more);
    if (more == NULL)
        return false;
    for (uint32_t i = 0; i < r->n; i++)
        more[i] = *mark_at(r, i);
    sl_mem_free(r->at);
    *r = (struct sl_ring){.at = more, .n = r->n, .cap = cap};
    return true;
}

void sl_ring_add(struct sl_ring *r, uint64_t id, int64_t now_us)
{
    *mark_at(r, r->n++) = (struct sl_mark){now_us, id};
}

/* What is given back was mostly taken a moment ago: look from the end. */
void sl_ring_remove(struct sl_ring *r, uint64_t id)
{
    for (uint32_t i = r->n; i-- > 0;) {
        if (mark_at(r, i)->id != id)
            continue;
        for (; i + 1 < r->n; i++)
            *mark_at(r, i) = *mark_at(r, i + 1);
        r->n--;
        return;
    }
}

/* An entry still counts when it is exactly `length_us` old. */
static int64_t ms_until_gone(int64_t at_us, int64_t length_us, int64_t now_us)
{
    int64_t left = at_us + length_us - now_us;

    return left < 0 ? 0 : left / 1000 + 1;
}

int64_t sl_ring_wait_ms(const struct sl_ring *r, uint64_t limit, int64_t length_us, int64_t now_us)
{
    if (limit == 0 || r->n < limit)
        return 0;
    return ms_until_gone(mark_at(r, r->n - (uint32_t)limit)->at_us, length_us, now_us);
}

int64_t sl_ring_reset_ms(const struct sl_ring *r, int64_t length_us, int64_t now_us)
{
    return r->n == 0 ? 0 : ms_until_gone(mark_at(r, r->n - 1)->at_us, length_us, now_us);
}

void sl_ring_fini(struct sl_ring *r)
{
    sl_mem_free(r->at);
    *r = (struct sl_ring){0};
}

/* ---- buckets ---- */

int64_t sl_bucket_debt(const struct sl_bucket *b, uint64_t limit, int64_t now_us)
{
    int64_t ago_us = now_us - b->at_us;

    if (b->debt <= 0 || ago_us > b->debt / (int64_t)limit)
        return 0;
    return b->debt - ago_us * (int64_t)limit;
}

uint64_t sl_bucket_used(int64_t debt, int64_t length_us)
{
    return (uint64_t)((debt + length_us - 1) / length_us);
}

int64_t sl_bucket_wait_ms(int64_t debt, int64_t most, uint64_t limit)
{
    int64_t a_ms = (int64_t)limit * 1000;

    return debt <= most ? 0 : (debt - most + a_ms - 1) / a_ms;
}

void sl_bucket_give(struct sl_bucket *b, int64_t length_us)
{
    b->debt = b->debt > length_us ? b->debt - length_us : 0;
}

/* ---- tokens ---- */

/* Sixty full buckets stay below INT64_MAX, so that their sum is always true. */
#define BUCKET_MAX (INT64_MAX / 64)

static void turn(struct sl_tokens *t, int64_t now_us)
{
    int64_t second = now_us / 1000000;

    if (second - t->second >= SL_TOKENS_SECONDS) {
        memset(t, 0, sizeof *t);
        t->second = second;
    }
    while (t->second < second) {
        int64_t *b = &t->bucket[++t->second % SL_TOKENS_SECONDS];

        t->sum -= *b;
        *b = 0;
    }
}

int64_t sl_tokens_sum(struct sl_tokens *t, int64_t now_us)
{
    if (t == NULL)
        return 0;
    turn(t, now_us);
    return t->sum;
}

void sl_tokens_book(struct sl_tokens *t, uint64_t tokens, int64_t now_us)
{
    int64_t *b, more;

    turn(t, now_us);
    b = &t->bucket[t->second % SL_TOKENS_SECONDS];
    more = tokens < (uint64_t)(BUCKET_MAX - *b) ? (int64_t)tokens : BUCKET_MAX - *b;
    *b += more;
    t->sum += more;
    t->last = t->second;
}

static int64_t ms_until_second(int64_t second, int64_t now_us)
{
    return (second * 1000000 - now_us + 999) / 1000;
}

int64_t sl_tokens_reset_ms(const struct sl_tokens *t, int64_t now_us)
{
    return t == NULL || t->sum == 0 ? 0 : ms_until_second(t->last + SL_TOKENS_SECONDS, now_us);
}

/* Buckets leave from the oldest on. The window is as sl_tokens_sum() left it. */
int64_t sl_tokens_wait_ms(const struct sl_tokens *t, int64_t limit, int64_t now_us)
{
    int64_t sum = t == NULL ? 0 : t->sum, second;

    if (sum < limit)
        return 0;
    for (second = t->second - SL_TOKENS_SECONDS + 1; second < t->second; second++) {
        sum -= t->bucket[second % SL_TOKENS_SECONDS];
        if (sum < limit)
            break;
    }
    return ms_until_second(second + SL_TOKENS_SECONDS, now_us);
}
