/* conf/parts/prices.c -- the list of prices, and the prices of targets. */
#include "conf/parts/parts.h"

#include "base/obj.h"

#define PICO_A_MICRO 1000000
#define SEARCHES 1000 /* that a price of searches is for */

static int64_t scaled(const struct sl_node *map, const char *key, int64_t factor)
{
    int64_t v = sl_build_leaf(map, key);

    return v == SL_UNSET ? SL_MONEY_UNKNOWN : v * factor; /* the schema's bound leaves room */
}

static void read_beyond(struct sl_build *b, const struct sl_node *map, const char *what,
                        struct sl_price *out)
{
    struct sl_rates *r = &out->beyond;

    if (map->implied)
        return;
    out->long_over = sl_node_number(map, "over", 0);
    r->in = scaled(map, "input", 1);
    r->out = scaled(map, "output", 1);
    r->cache_read = scaled(map, "cache_read", 1);
    r->cache_write_5m = scaled(map, "cache_write", 1);
    r->cache_write_1h = scaled(map, "cache_write_1h", 1);
    if (out->long_over == 0 || r->in == SL_MONEY_UNKNOWN || r->out == SL_MONEY_UNKNOWN)
        sl_fault_add(b->faults, map, "%s.long_prompt: needs `over`, `input` and `output`", what);
}

/* Dollars a million tokens, kept in millionths, are as many pico-dollars a token. */
void sl_build_price(struct sl_build *b, const struct sl_node *map, bool anthropic, const char *what,
                    struct sl_price *out)
{
    sl_price_init(out);
    out->in = scaled(map, "input", 1);
    out->out = scaled(map, "output", 1);
    out->cache_read = scaled(map, "cache_read", 1);
    out->cache_write_5m = scaled(map, "cache_write", 1);
    out->cache_write_1h = scaled(map, "cache_write_1h", 1);
    out->search = scaled(map, "search", PICO_A_MICRO / SEARCHES);
    out->request = scaled(map, "request", PICO_A_MICRO);
    if (!sl_price_is_known(out))
        sl_fault_add(b->faults, map, "%s: needs `input` and `output`, dollars a million tokens",
                     what);
    read_beyond(b, sl_node_get(map, "long_prompt"), what, out);
    sl_price_complete(out, anthropic);
    out->free = out->in == 0 && out->out == 0 && out->search == 0 && out->request == 0;
}

/* ---- the list ---- */

static void add_model(struct sl_build *b, const struct sl_node *list, const struct sl_node *model)
{
    struct sl_str provider = sl_node_text(list, "provider");
    bool anthropic = sl_node_number(list, "protocol", 0) == 0;
    struct sl_price price;
    char why[400] = "";

    sl_build_price(b, model, anthropic, "prices[].models[]", &price);
    for (const struct sl_node *n = sl_node_get(model, "name")->first; n != NULL; n = n->next)
        sl_build_judge(b, n,
                       sl_prices_add(b->made->prices, provider, n->text, &price, why, sizeof(why)),
                       "prices[].models[].name", why);
}

void sl_build_prices(struct sl_build *b)
{
    const struct sl_node *lists = sl_node_get(b->conf->prices, "prices");

    for (const struct sl_node *l = lists->first; l != NULL; l = l->next)
        for (const struct sl_node *m = sl_node_get(l, "models")->first; m != NULL; m = m->next)
            add_model(b, l, m);
}

/* By host first: a name says less about who answers. */
struct sl_str sl_build_price_list(const struct sl_build *b, struct sl_str name, struct sl_str host)
{
    const struct sl_node *lists = sl_node_get(b->conf->prices, "prices");

    for (const struct sl_node *l = lists->first; l != NULL; l = l->next)
        for (const struct sl_node *h = sl_node_get(l, "hosts")->first; h != NULL; h = h->next)
            if (sl_str_eq_nocase(h->text, host))
                return sl_node_text(l, "provider");
    for (const struct sl_node *l = lists->first; l != NULL; l = l->next)
        if (sl_str_eq(sl_node_text(l, "provider"), name))
            return name;
    return (struct sl_str){"", 0};
}
