/* policy/money.c -- integers all the way. */
#include "policy/money.h"

#include "base/text.h"

#define PICO_IN_MICRO 1000000

bool sl_money_parse(struct sl_str text, unsigned digits, int64_t *out)
{
    bool exact = false;
    int64_t v;

    if (!sl_str_to_decimal(text, digits, &v, &exact) || !exact)
        return false;
    *out = v;
    return true;
}

struct sl_str sl_money_print(int64_t micro, char out[24])
{
    uint64_t v = micro < 0 ? -(uint64_t)micro : (uint64_t)micro;
    uint64_t part = v % SL_MONEY_MICRO;
    struct sl_text t = sl_text_over(out, 24);

    if (micro < 0)
        sl_text_byte(&t, '-');
    sl_text_u64(&t, v / SL_MONEY_MICRO);
    if (part > 0)
        sl_text_byte(&t, '.');
    for (uint64_t unit = SL_MONEY_MICRO / 10; part > 0; unit /= 10) {
        sl_text_byte(&t, (char)('0' + part / unit));
        part %= unit;
    }
    return sl_text_str(&t);
}

void sl_price_init(struct sl_price *p)
{
    const int64_t no = SL_MONEY_UNKNOWN;

    *p = (struct sl_price){.in = no,
                           .out = no,
                           .cache_read = no,
                           .cache_write_5m = no,
                           .cache_write_1h = no,
                           .search = no,
                           .request = no,
                           .beyond = {no, no, no, no, no}};
}

bool sl_price_is_known(const struct sl_price *p)
{
    return p->free || (p->in != SL_MONEY_UNKNOWN && p->out != SL_MONEY_UNKNOWN);
}

/* times/over of a price, rounded up, so that what is filled in is never too little. */
static int64_t part_of(int64_t price, int64_t times, int64_t over)
{
    int64_t v;

    if (__builtin_mul_overflow(price, times, &v) || __builtin_add_overflow(v, over - 1, &v))
        return INT64_MAX;
    return v / over;
}

static void fill(int64_t *leaf, int64_t value)
{
    if (*leaf == SL_MONEY_UNKNOWN)
        *leaf = value;
}

static struct sl_rates rates_of(const struct sl_price *p)
{
    return (struct sl_rates){p->in, p->out, p->cache_read, p->cache_write_5m, p->cache_write_1h};
}

static void complete(struct sl_rates *r, bool anthropic)
{
    if (r->in == SL_MONEY_UNKNOWN)
        return;
    fill(&r->cache_read, anthropic ? part_of(r->in, 1, 10) : r->in);
    fill(&r->cache_write_5m, anthropic ? part_of(r->in, 5, 4) : r->in);
    fill(&r->cache_write_1h, anthropic ? part_of(r->in, 2, 1) : r->in);
}

void sl_price_complete(struct sl_price *p, bool anthropic)
{
    struct sl_rates r = rates_of(p);

    complete(&r, anthropic);
    complete(&p->beyond, anthropic);
    p->cache_read = r.cache_read;
    p->cache_write_5m = r.cache_write_5m;
    p->cache_write_1h = r.cache_write_1h;
    fill(&p->search, 0);
    fill(&p->request, 0);
}

void sl_price_unit(struct sl_price *p)
{
    const int64_t unit = (int64_t)SL_MONEY_ONE_API_UNIT * PICO_IN_MICRO;

    *p = (struct sl_price){.in = unit,
                           .out = unit,
                           .cache_read = unit,
                           .cache_write_5m = unit,
                           .cache_write_1h = unit};
}

static void add(uint64_t *sum, uint64_t n, int64_t price)
{
    uint64_t product;

    if (price <= 0)
        return;
    if (__builtin_mul_overflow(n, (uint64_t)price, &product) ||
        __builtin_add_overflow(*sum, product, sum) || *sum > INT64_MAX)
        *sum = INT64_MAX;
}

static bool is_long(const struct sl_price *p, const struct sl_priced *what)
{
    uint64_t left = p->long_over;
    const uint64_t parts[] = {what->in, what->cache_read, what->cache_write_5m,
                              what->cache_write_1h};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i] > left)
            return p->long_over > 0;
        left -= parts[i];
    }
    return false;
}

int64_t sl_price_cost_pico(const struct sl_price *p, const struct sl_priced *what)
{
    struct sl_rates r = is_long(p, what) ? p->beyond : rates_of(p);
    uint64_t sum = 0;

    if (p->free || !sl_price_is_known(p))
        return 0;
    add(&sum, what->in, r.in);
    add(&sum, what->out, r.out);
    add(&sum, what->cache_read, r.cache_read);
    add(&sum, what->cache_write_5m, r.cache_write_5m);
    add(&sum, what->cache_write_1h, r.cache_write_1h);
    add(&sum, what->searches, p->search);
    add(&sum, 1, p->request);
    return (int64_t)sum;
}

int64_t sl_money_micro(int64_t pico)
{
    int64_t whole = pico / PICO_IN_MICRO;

    return whole + (pico % PICO_IN_MICRO > 0);
}
