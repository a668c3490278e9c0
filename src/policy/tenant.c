/* Keys by their SHA-256; what each may use. */
#include "policy/tenant.h"

#include <stdio.h>

/* What is compared is what a client sent against what is secret. */
#define HASH_KEYCMP(a, b, n)                                                                       \
    (sl_str_eq_secret((struct sl_str){(const char *)(a), (n)},                                     \
                      (struct sl_str){(const char *)(b), (n)})                                     \
         ? 0                                                                                       \
         : 1)
#include "base/map.h"
#include "base/obj.h"

struct row {
    UT_hash_handle hh;
    uint8_t sha256[32];
    struct sl_key key;
    char hash_id[8]; /* public id of keys that have none of their own */
};

struct sl_tenants {
    struct row *rows;       /* owns: hash by sha256 */
    char **texts;           /* owns: copies of every text */
    struct sl_str **scopes; /* owns: arrays of scopes */
    size_t texts_n, texts_cap, scopes_n, scopes_cap;
};

struct sl_tenants *sl_tenants_new(void)
{
    return sl_mem_new(sizeof(struct sl_tenants));
}

void sl_tenants_end(struct sl_tenants **pt)
{
    struct sl_tenants *t = *pt;
    struct row *r, *next;

    *pt = NULL;
    if (t == NULL)
        return;
    HASH_ITER(hh, t->rows, r, next)
    {
        HASH_DEL(t->rows, r);
        sl_mem_free(r);
    }
    for (size_t i = 0; i < t->texts_n; i++)
        sl_mem_free(t->texts[i]);
    for (size_t i = 0; i < t->scopes_n; i++)
        sl_mem_free(t->scopes[i]);
    sl_mem_free(t->texts);
    sl_mem_free(t->scopes);
    sl_mem_free(t);
}

static void *one_more(void *v, size_t n, size_t *cap)
{
    void *more;

    if (n < *cap)
        return v;
    *cap = *cap > 0 ? *cap * 2 : 16;
    more = sl_mem_new(*cap * sizeof(void *));
    if (n > 0)
        memcpy(more, v, n * sizeof(void *));
    sl_mem_free(v);
    return more;
}

static struct sl_str copy(struct sl_tenants *t, struct sl_str s)
{
    t->texts = one_more(t->texts, t->texts_n, &t->texts_cap);
    t->texts[t->texts_n] = sl_mem_dup(s);
    return (struct sl_str){t->texts[t->texts_n++], s.n};
}

static const struct sl_str *copy_scopes(struct sl_tenants *t, const struct sl_str *v, size_t n)
{
    struct sl_str *out = sl_mem_new((n + 1) * sizeof *out);

    t->scopes = one_more(t->scopes, t->scopes_n, &t->scopes_cap);
    t->scopes[t->scopes_n++] = out;
    for (size_t i = 0; i < n; i++)
        out[i] = copy(t, v[i]);
    return out;
}

enum sl_err sl_tenants_add(struct sl_tenants *t, const struct sl_key *k, const uint8_t sha256[32],
                           char *why, size_t cap)
{
    struct row *r;

    HASH_FIND(hh, t->rows, sha256, 32, r);
    if (r != NULL) {
        snprintf(why, cap, "key %.*s of tenant %.*s is the same as key %.*s of tenant %.*s",
                 SL_STR_ARGS(k->name), SL_STR_ARGS(k->tenant), SL_STR_ARGS(r->key.name),
                 SL_STR_ARGS(r->key.tenant));
        return SL_ERR_CONFIG;
    }
    r = sl_mem_new(sizeof *r);
    memcpy(r->sha256, sha256, 32);
    r->key = *k;
    r->key.tenant = copy(t, k->tenant);
    r->key.name = copy(t, k->name);
    r->key.user = copy(t, k->user);
    r->key.scopes = copy_scopes(t, k->scopes, k->scopes_n);
    sl_str_hex(sha256, 4, r->hash_id);
    r->key.public_id =
        k->public_id.n > 0 ? copy(t, k->public_id) : (struct sl_str){r->hash_id, sizeof r->hash_id};
    HASH_ADD(hh, t->rows, sha256, 32, r);
    return SL_OK;
}

size_t sl_tenants_count(const struct sl_tenants *t)
{
    return HASH_COUNT(t->rows);
}

enum sl_err sl_tenant_find(const struct sl_tenants *t, const uint8_t sha256[32],
                           int64_t now_unix_ms, const struct sl_key **out)
{
    struct row *r;

    HASH_FIND(hh, t->rows, sha256, 32, r);
    if (r == NULL)
        return SL_ERR_NO_KEY;
    *out = &r->key;
    if (r->key.expires_unix_ms != 0 && now_unix_ms >= r->key.expires_unix_ms)
        return SL_ERR_KEY_ENDED;
    return SL_OK;
}

static bool matches(struct sl_str pattern, struct sl_str value)
{
    pattern = sl_str_trim(pattern);
    if (pattern.n > 0 && pattern.p[pattern.n - 1] == '*')
        return sl_str_starts(value, (struct sl_str){pattern.p, pattern.n - 1});
    return sl_str_eq(pattern, value);
}

/* No scope of the family at all means all of it. */
static bool can(const struct sl_key *k, struct sl_str family, struct sl_str value)
{
    bool named = false;

    for (size_t i = 0; i < k->scopes_n; i++) {
        struct sl_str list = k->scopes[i], one;

        if (!sl_str_starts(list, family))
            continue;
        named = true;
        list = sl_str_from(list, family.n);
        while (sl_str_split(&list, ',', &one)) {
            if (matches(one, value))
                return true;
        }
    }
    return !named;
}

bool sl_tenant_can_model(const struct sl_key *k, struct sl_str model)
{
    return can(k, SL_STR("models:"), model);
}

bool sl_tenant_can_endpoint(const struct sl_key *k, struct sl_str endpoint)
{
    return can(k, SL_STR("endpoints:"), endpoint);
}

struct sl_str sl_tenant_public_id(struct sl_str key_text)
{
    struct sl_str rest;
    ptrdiff_t end;

    if (!sl_str_starts(key_text, SL_STR("sk-slc-")))
        return (struct sl_str){"", 0};
    rest = sl_str_from(key_text, 7);
    end = sl_str_find_byte(rest, '-');
    if (end <= 0 || end > 64)
        return (struct sl_str){"", 0};
    return sl_str_first(rest, (size_t)end);
}
