/* Groups of one priority, each in the order of its strategy. */
#include "policy/routing/order.h"

#define FRACTION 24 /* bits behind the point of a logarithm */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t sl_order_hash(uint64_t seed, struct sl_str text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed;

    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (uint8_t)text.p[i]) * UINT64_C(0x100000001b3);
    return mix(h);
}

/* -log2(h / 2^64), digit by digit: squaring a number doubles its logarithm. */
static uint64_t minus_log2(uint64_t h)
{
    unsigned zeros = (unsigned)__builtin_clzll(h | 1);
    uint64_t x = ((h | 1) << zeros) >> 32; /* 1.31 */
    uint64_t log = 63 - zeros;

    for (int i = 0; i < FRACTION; i++) {
        x = x * x >> 31;
        log = log << 1 | x >> 32;
        x >>= x >> 32;
    }
    return ((uint64_t)64 << FRACTION) - log;
}

struct place {
    const struct sl_target *target; /* up: the model's */
    size_t at;                      /* in the model's list */
    uint64_t score;                 /* low first */
};

static uint64_t draw(const struct sl_order_ask *ask, const struct sl_order_fact *f)
{
    if (f->weight == 0)
        return UINT64_MAX;
    return (minus_log2(mix(ask->user ^ f->name)) << 32) / f->weight;
}

static uint64_t score(const struct sl_model *m, const struct sl_order_ask *ask,
                      const struct place *p)
{
    const struct sl_order_fact *f = &ask->fact[p->at];

    switch (m->strategy) {
    case SL_STRATEGY_PRIORITY: return (p->target->speaks & (unsigned)ask->protocol) == 0;
    case SL_STRATEGY_WEIGHTED: return draw(ask, f);
    case SL_STRATEGY_LATENCY: return f->load;
    case SL_STRATEGY_COST: return f->cost_pico >= 0 ? (uint64_t)f->cost_pico : UINT64_MAX;
    }
    return 0;
}

static void move_up(struct place *v, size_t from, size_t to)
{
    struct place p = v[from];

    for (; from > to; from--)
        v[from] = v[from - 1];
    v[to] = p;
}

/* Stable: alike ones stay in file order. */
static void sort(struct place *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct place p = v[i];
        size_t at = i;

        for (; at > 0 && v[at - 1].score > p.score; at--)
            v[at] = v[at - 1];
        v[at] = p;
    }
}

/* The better of two different ones is the one that stands first. */
static size_t best_of_two(uint64_t random, size_t n)
{
    size_t a = (size_t)((random & UINT32_MAX) % n);
    size_t b = (size_t)((random >> 32) % (n - 1));

    b += b >= a;
    return a < b ? a : b;
}

/* Passing through goes before a cached prompt: a translated answer is not the same. */
static void prefer(const struct sl_model *m, const struct sl_order_ask *ask, struct place *v,
                   size_t n)
{
    size_t i = 0, to = 0;

    while (i < n && v[i].at != ask->prefer)
        i++;
    if (i == n)
        return;
    while (m->strategy == SL_STRATEGY_PRIORITY && v[to].score != v[i].score)
        to++;
    move_up(v, i, to);
}

static void order(const struct sl_model *m, const struct sl_order_ask *ask, struct place *v,
                  size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i].score = score(m, ask, &v[i]);
    sort(v, n);
    if (m->strategy == SL_STRATEGY_LATENCY && n > 2)
        move_up(v, best_of_two(ask->random, n), 0);
    if (m->strategy != SL_STRATEGY_WEIGHTED)
        prefer(m, ask, v, n);
}

#define PPM 1000000

static bool is_candidate(const struct sl_model *m, const struct sl_order_ask *ask, size_t at)
{
    return ask->translates || (m->targets[at].speaks & (unsigned)ask->protocol) != 0;
}

static uint64_t weight_share(const struct sl_order_ask *ask, const struct place *v, size_t n,
                             size_t mine)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += ask->fact[v[i].at].weight;
    if (sum == 0)
        return mine == 0 ? PPM : 0; /* alike: in file order */
    return ask->fact[v[mine].at].weight * PPM / sum;
}

/* The one before which `before` others stand wins those draws of two in which it meets one
 * that stands behind it. */
static uint64_t draw_share(size_t n, size_t before)
{
    if (n <= 2)
        return before == 0 ? PPM : 0;
    return 2 * (uint64_t)(n - 1 - before) * PPM / (n * (n - 1));
}

static size_t find_at(const struct place *v, size_t n, size_t at)
{
    size_t i = 0;

    while (i < n && v[i].at != at)
        i++;
    return i;
}

uint64_t sl_order_share_ppm(const struct sl_model *m, const struct sl_order_ask *ask, size_t at)
{
    struct place v[SL_ROUTE_TARGETS_MAX];
    size_t n = 0, mine;

    for (size_t i = 0; i < m->targets_n; i++)
        if (m->targets[i].priority == m->targets[at].priority && is_candidate(m, ask, i))
            v[n++] = (struct place){.target = &m->targets[i], .at = i};
    for (size_t i = 0; i < n; i++)
        v[i].score = score(m, ask, &v[i]);
    mine = find_at(v, n, at);
    if (mine == n)
        return 0;
    if (m->strategy == SL_STRATEGY_WEIGHTED)
        return weight_share(ask, v, n, mine);
    sort(v, n);
    if (m->strategy == SL_STRATEGY_LATENCY && find_at(v, n, ask->prefer) == n)
        return draw_share(n, find_at(v, n, at));
    prefer(m, ask, v, n);
    return v[0].at == at ? PPM : 0;
}

size_t sl_order_rank(const struct sl_model *m, const struct sl_order_ask *ask,
                     const struct sl_target *out[SL_ROUTE_TARGETS_MAX])
{
    struct place v[SL_ROUTE_TARGETS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < m->targets_n;) {
        int64_t priority = m->targets[i].priority;
        size_t from = n;

        for (; i < m->targets_n && m->targets[i].priority == priority; i++)
            if (is_candidate(m, ask, i))
                v[n++] = (struct place){.target = &m->targets[i], .at = i};
        order(m, ask, v + from, n - from);
    }
    for (size_t i = 0; i < n; i++)
        out[i] = v[i].target;
    return n;
}
