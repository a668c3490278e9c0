/* policy/prices.c -- "provider\0model" in one hash. */
#include "policy/prices.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/obj.h"

#define TABLE_MAX ((size_t)64 << 20)
#define NAME_MAX 300 /* bytes of provider and model together */

struct row {
    UT_hash_handle hh;
    struct sl_price price;
    size_t n;
    char name[]; /* provider, zero byte, model */
};

struct vendor {
    UT_hash_handle hh;
    struct sl_str name;
};

struct sl_prices {
    struct sl_arena arena;
    struct row *rows;       /* owns: hash; nodes in the arena */
    struct vendor *vendors; /* owns: hash; nodes in the arena */
};

struct sl_prices *sl_prices_new(void)
{
    struct sl_prices *p = sl_mem_new(sizeof(*p));

    sl_arena_init(&p->arena, TABLE_MAX);
    return p;
}

void sl_prices_end(struct sl_prices **pp)
{
    struct sl_prices *p = *pp;

    *pp = NULL;
    if (p == NULL)
        return;
    HASH_CLEAR(hh, p->rows);
    HASH_CLEAR(hh, p->vendors);
    sl_arena_fini(&p->arena);
    sl_mem_free(p);
}

/* The key both are found by; 0 if it is longer than any listed one. */
static size_t join(struct sl_str provider, struct sl_str model, char out[NAME_MAX])
{
    if (provider.n + 1 + model.n > NAME_MAX)
        return 0;
    memcpy(out, provider.p, provider.n);
    out[provider.n] = '\0';
    memcpy(out + provider.n + 1, model.p, model.n);
    return provider.n + 1 + model.n;
}

static struct row *find(const struct sl_prices *p, struct sl_str provider, struct sl_str model)
{
    char name[NAME_MAX];
    size_t n = join(provider, model, name);
    struct row *r = NULL;

    if (n > 0)
        HASH_FIND(hh, p->rows, name, n, r);
    return r;
}

static void add_vendor(struct sl_prices *p, struct sl_str name)
{
    struct vendor *v;

    HASH_FIND(hh, p->vendors, name.p, name.n, v);
    if (v != NULL)
        return;
    v = sl_arena_zalloc(&p->arena, sizeof(*v));
    if (v == NULL)
        return;
    v->name = sl_arena_dup(&p->arena, name);
    if (v->name.p == NULL)
        return;
    HASH_ADD_KEYPTR(hh, p->vendors, v->name.p, v->name.n, v);
}

enum sl_err sl_prices_add(struct sl_prices *p, struct sl_str provider, struct sl_str model,
                          const struct sl_price *price, char *why, size_t cap)
{
    char name[NAME_MAX];
    size_t n = join(provider, model, name);
    struct row *r;

    if (n == 0 || provider.n == 0 || model.n == 0) {
        snprintf(why, cap, "provider and model need 1 to %d bytes together", NAME_MAX - 1);
        return SL_ERR_CONFIG;
    }
    if (find(p, provider, model) != NULL) {
        snprintf(why, cap, "%.*s of %.*s stands twice", SL_STR_ARGS(model), SL_STR_ARGS(provider));
        return SL_ERR_CONFIG;
    }
    add_vendor(p, provider);
    r = sl_arena_zalloc(&p->arena, sizeof(*r) + n);
    if (r == NULL || p->arena.failed) {
        snprintf(why, cap, "not enough memory");
        return SL_ERR_NO_MEMORY;
    }
    r->price = *price;
    r->n = n;
    memcpy(r->name, name, n);
    HASH_ADD_KEYPTR(hh, p->rows, r->name, r->n, r);
    return SL_OK;
}

/* Does `s` end in `form`, where 0 stands for any digit? */
static bool ends_like(struct sl_str s, struct sl_str form)
{
    if (s.n <= form.n)
        return false;
    for (size_t i = 0; i < form.n; i++) {
        char c = s.p[s.n - form.n + i];

        if (form.p[i] == '0' ? c < '0' || c > '9' : c != form.p[i])
            return false;
    }
    return true;
}

static struct sl_str without_date(struct sl_str model)
{
    static const struct sl_str forms[] = {SL_STR_INIT("-00000000"), SL_STR_INIT("-0000-00-00"),
                                          SL_STR_INIT("-latest")};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (ends_like(model, forms[i]))
            return sl_str_first(model, model.n - forms[i].n);
    return model;
}

const struct sl_price *sl_prices_find(const struct sl_prices *p, struct sl_str provider,
                                      struct sl_str model)
{
    struct row *r = find(p, provider, model);

    if (r == NULL)
        r = find(p, provider, without_date(model));
    return r != NULL ? &r->price : NULL;
}

bool sl_prices_has(const struct sl_prices *p, struct sl_str provider)
{
    struct vendor *v;

    HASH_FIND(hh, p->vendors, provider.p, provider.n, v);
    return v != NULL;
}

size_t sl_prices_count(const struct sl_prices *p)
{
    return HASH_COUNT(p->rows);
}
