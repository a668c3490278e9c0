/* One slot for each remainder of the prints: the last request with it stays. */
#include "gateway/cache/digests.h"

#include <assert.h>

#include "base/text.h"

#define NAMES 1024 /* bytes of all names together */
static_assert(NAMES <= UINT16_MAX, "put() writes lengths in 16 bits");

/* As they lie in memory: the text is made for its print alone, and nobody else reads it. */
static void put_number(struct sl_text *t, uint64_t n)
{
    sl_text_add(t, (struct sl_str){(const char *)&n, sizeof n});
}

static void put(struct sl_text *t, struct sl_str s)
{
    uint16_t n = (uint16_t)s.n; /* of a longer one the text is cut */

    sl_text_add(t, (struct sl_str){(const char *)&n, sizeof n});
    sl_text_add(t, s);
}

static bool print_head(const struct sl_canon *c, struct sl_map_print *out)
{
    char place[NAMES];
    struct sl_text t = sl_text_over(place, sizeof place);

    put(&t, c->scope);
    put(&t, c->operation);
    put(&t, c->model);
    put(&t, c->version);
    put(&t, c->api_version);
    put(&t, c->betas);
    put_number(&t, c->normal);
    for (size_t i = 0; i < sizeof c->generation / sizeof c->generation[0]; i++)
        put_number(&t, c->generation[i]);
    if (t.cut)
        return false;
    *out = sl_map_print(sl_text_str(&t));
    return true;
}

static bool is_same(struct sl_map_print a, struct sl_map_print b)
{
    return a.a == b.a && a.b == b.b;
}

static size_t place_of(const struct sl_digest *d)
{
    return (d->head.a ^ d->body.a) % SL_DIGESTS_SLOTS;
}

bool sl_digests_recall(const struct sl_digests *all, const struct sl_canon *c, struct sl_str body,
                       struct sl_digest *d)
{
    const struct sl_digest *known;

    memset(d, 0, sizeof *d);
    if (!print_head(c, &d->head))
        return false;
    d->body = sl_map_print(body);
    known = &all->slots[place_of(d)];
    if (!is_same(known->head, d->head) || !is_same(known->body, d->body))
        return false;
    *d = *known;
    return true;
}

void sl_digests_note(struct sl_digests *all, const struct sl_digest *d)
{
    static const struct sl_map_print none;

    if (!is_same(d->head, none))
        all->slots[place_of(d)] = *d;
}
