/* policy/tenant.c -- keys by their SHA-256, tenants and plans by their names;
 * what each may use. */
#include "policy/tenant.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/obj.h"

#undef HASH_KEYCMP
#define HASH_KEYCMP SL_MAP_SECRET_KEYCMP

#define TABLE_MAX ((size_t)1 << 30) /* as large as a configuration may be */

struct row {
    UT_hash_handle hh;
    UT_hash_handle hh_id; /* of those that came with a public id */
    uint8_t sha256[32];
    struct sl_key key;
    char hash_id[8]; /* public id of keys that have none of their own */
};

struct tenant_row {
    UT_hash_handle hh;
    struct sl_tenant tenant;
};

struct plan_row {
    UT_hash_handle hh;
    struct sl_plan plan;
};

struct sl_tenants {
    struct sl_arena arena;      /* of all rows and texts */
    struct row *rows;           /* owns: hash by sha256; nodes in the arena */
    struct row *ids;            /* owns: the same by public id */
    struct tenant_row *tenants; /* owns: hash by name; nodes in the arena */
    struct plan_row *plans;     /* owns: hash by name; nodes in the arena */
};

/* ---- what is unset, and what is laid over what ---- */

static void spending_init(struct sl_spending *s)
{
    *s = (struct sl_spending){.zone = SL_STR(""),
                              .drain = SL_UNSET,
                              .hard = SL_UNSET,
                              .top_up = {SL_UNSET, SL_UNSET, SL_UNSET}};
}

static void leaf_over(int64_t *leaf, int64_t top)
{
    if (top != SL_UNSET)
        *leaf = top;
}

static void spending_over(struct sl_spending *s, const struct sl_spending *top)
{
    if (top->zone.n > 0)
        s->zone = top->zone;
    leaf_over(&s->drain, top->drain);
    leaf_over(&s->hard, top->hard);
    if (top->alerts.n > 0)
        s->alerts = top->alerts;
    if (top->alert_to != SL_ALERT_UNSET)
        s->alert_to = top->alert_to;
    leaf_over(&s->top_up.low_micro, top->top_up.low_micro);
    leaf_over(&s->top_up.amount_micro, top->top_up.amount_micro);
    leaf_over(&s->top_up.daily_micro, top->top_up.daily_micro);
}

/* One call asks for no more than a day may have; without a `daily` there is one a day. */
static struct sl_top_up settled_top_up(const struct sl_top_up *said)
{
    struct sl_top_up t = {0, 0, 0};

    leaf_over(&t.low_micro, said->low_micro);
    leaf_over(&t.amount_micro, said->amount_micro);
    t.daily_micro = t.amount_micro;
    leaf_over(&t.daily_micro, said->daily_micro);
    if (t.amount_micro > t.daily_micro)
        t.amount_micro = t.daily_micro;
    return t;
}

void sl_plan_init(struct sl_plan *p)
{
    *p = (struct sl_plan){.name = SL_STR("")};
    sl_terms_init(&p->terms);
    sl_terms_init(&p->per_key);
    spending_init(&p->spending);
}

void sl_tenant_init(struct sl_tenant *t)
{
    *t = (struct sl_tenant){.plan = NULL};
    sl_plan_init(&t->own);
    sl_caching_init(&t->cache);
    sl_tenant_settle(t);
}

void sl_key_init(struct sl_key *k)
{
    *k = (struct sl_key){.grade = SL_UNSET};
    sl_terms_init(&k->own);
    sl_terms_init(&k->terms);
}

void sl_plan_over(struct sl_plan *p, const struct sl_plan *top)
{
    sl_terms_over(&p->terms, &top->terms);
    sl_terms_over(&p->per_key, &top->per_key);
    spending_over(&p->spending, &top->spending);
}

void sl_tenant_settle(struct sl_tenant *t)
{
    struct sl_plan all;

    sl_plan_init(&all);
    if (t->plan != NULL)
        all = *t->plan;
    sl_plan_over(&all, &t->own);
    t->terms = all.terms;
    t->per_key = all.per_key;
    t->zone = all.spending.zone.n > 0 ? all.spending.zone : SL_STR("UTC");
    t->drain = all.spending.drain == 1;
    t->hard = all.spending.hard == 1;
    t->alerts = all.spending.alerts;
    t->alert_to = all.spending.alert_to;
    t->top_up = settled_top_up(&all.spending.top_up);
}

void sl_key_settle(struct sl_key *k)
{
    if (k->of != NULL)
        k->terms = k->of->per_key;
    else
        sl_terms_init(&k->terms);
    sl_terms_over(&k->terms, &k->own);
    if (k->grade == SL_UNSET)
        k->grade = SL_TENANT_GRADE;
}

/* ---- the table ---- */

struct sl_tenants *sl_tenants_new(void)
{
    struct sl_tenants *t = sl_mem_new(sizeof(*t));

    sl_arena_init(&t->arena, TABLE_MAX);
    return t;
}

void sl_tenants_end(struct sl_tenants **pt)
{
    struct sl_tenants *t = *pt;

    *pt = NULL;
    if (t == NULL)
        return;
    HASH_CLEAR(hh_id, t->ids);
    HASH_CLEAR(hh, t->rows);
    HASH_CLEAR(hh, t->tenants);
    HASH_CLEAR(hh, t->plans);
    sl_arena_fini(&t->arena);
    sl_mem_free(t);
}

static void *take(struct sl_tenants *t, size_t n)
{
    return sl_arena_zalloc(&t->arena, n);
}

static struct sl_str copy(struct sl_tenants *t, struct sl_str s)
{
    return sl_arena_dup(&t->arena, s);
}

static enum sl_err no_memory(char *why, size_t cap)
{
    snprintf(why, cap, "not enough memory");
    return SL_ERR_NO_MEMORY;
}

static const struct sl_str *copy_texts(struct sl_tenants *t, const struct sl_str *v, size_t n)
{
    struct sl_str *out = take(t, (n + 1) * sizeof(*out));

    for (size_t i = 0; out != NULL && i < n; i++)
        out[i] = copy(t, v[i]);
    return out;
}

static struct sl_plan copy_plan(struct sl_tenants *t, const struct sl_plan *from)
{
    struct sl_plan p = *from;

    p.name = copy(t, from->name);
    p.scopes.at = copy_texts(t, from->scopes.at, from->scopes.n);
    p.spending.zone = copy(t, from->spending.zone);
    return p;
}

static enum sl_err twice(const char *what, struct sl_str name, char *why, size_t cap)
{
    snprintf(why, cap, "%s %.*s stands twice", what, SL_STR_ARGS(name));
    return SL_ERR_CONFIG;
}

enum sl_err sl_tenants_add_plan(struct sl_tenants *t, const struct sl_plan *p, char *why,
                                size_t cap)
{
    struct plan_row *r;

    if (sl_tenants_plan(t, p->name) != NULL)
        return twice("plan", p->name, why, cap);
    r = take(t, sizeof(*r));
    if (r != NULL)
        r->plan = copy_plan(t, p);
    if (t->arena.failed)
        return no_memory(why, cap);
    HASH_ADD_KEYPTR(hh, t->plans, r->plan.name.p, r->plan.name.n, r);
    return SL_OK;
}

static const struct sl_label *copy_labels(struct sl_tenants *t, const struct sl_label *v, size_t n)
{
    struct sl_label *out = take(t, (n + 1) * sizeof(*out));

    for (size_t i = 0; out != NULL && i < n; i++)
        out[i] = (struct sl_label){copy(t, v[i].name), copy(t, v[i].value)};
    return out;
}

enum sl_err sl_tenants_add_tenant(struct sl_tenants *t, const struct sl_tenant *from, char *why,
                                  size_t cap)
{
    struct tenant_row *r;

    if (sl_tenants_get(t, from->own.name) != NULL)
        return twice("tenant", from->own.name, why, cap);
    r = take(t, sizeof(*r));
    if (r == NULL)
        return no_memory(why, cap);
    r->tenant = *from;
    r->tenant.own = copy_plan(t, &from->own);
    r->tenant.labels = copy_labels(t, from->labels, from->labels_n);
    r->tenant.cache.version = copy(t, from->cache.version);
    if (t->arena.failed)
        return no_memory(why, cap);
    sl_tenant_settle(&r->tenant);
    HASH_ADD_KEYPTR(hh, t->tenants, r->tenant.own.name.p, r->tenant.own.name.n, r);
    return SL_OK;
}

/* NULL without memory. */
static const struct sl_tenant *tenant_of(struct sl_tenants *t, struct sl_str name)
{
    const struct sl_tenant *have = sl_tenants_get(t, name);
    struct sl_tenant fresh;
    char ignored[1];

    if (have != NULL)
        return have;
    sl_tenant_init(&fresh);
    fresh.own.name = name;
    if (sl_tenants_add_tenant(t, &fresh, ignored, sizeof(ignored)) != SL_OK)
        return NULL;
    return sl_tenants_get(t, name);
}

/* Windows, balances and the admin API know a key by its public id alone. */
static bool id_is_taken(const struct sl_tenants *t, const struct sl_key *k, char *why, size_t cap)
{
    struct row *r = NULL;

    if (k->public_id.n > 0)
        HASH_FIND(hh_id, t->ids, k->public_id.p, k->public_id.n, r);
    if (r != NULL)
        snprintf(why, cap,
                 "key %.*s of tenant %.*s has the public id of key %.*s of tenant %.*s, %.*s, by "
                 "which limits and budgets are kept; give one of them another key",
                 SL_STR_ARGS(k->name), SL_STR_ARGS(k->tenant), SL_STR_ARGS(r->key.name),
                 SL_STR_ARGS(r->key.tenant), SL_STR_ARGS(r->key.public_id));
    return r != NULL;
}

enum sl_err sl_tenants_add(struct sl_tenants *t, const struct sl_key *k, const uint8_t sha256[32],
                           char *why, size_t cap)
{
    const struct sl_tenant *of;
    struct row *r;

    HASH_FIND(hh, t->rows, sha256, 32, r);
    if (r != NULL) {
        snprintf(why, cap, "key %.*s of tenant %.*s is the same as key %.*s of tenant %.*s",
                 SL_STR_ARGS(k->name), SL_STR_ARGS(k->tenant), SL_STR_ARGS(r->key.name),
                 SL_STR_ARGS(r->key.tenant));
        return SL_ERR_CONFIG;
    }
    if (id_is_taken(t, k, why, cap))
        return SL_ERR_CONFIG;
    of = tenant_of(t, k->tenant);
    r = take(t, sizeof(*r));
    if (of == NULL || r == NULL)
        return no_memory(why, cap);
    memcpy(r->sha256, sha256, 32);
    r->key = *k;
    r->key.of = of;
    r->key.tenant = of->own.name;
    r->key.name = copy(t, k->name);
    r->key.user = copy(t, k->user);
    r->key.scopes = copy_texts(t, k->scopes, k->scopes_n);
    sl_str_hex(sha256, 4, r->hash_id);
    r->key.public_id =
        k->public_id.n > 0 ? copy(t, k->public_id) : (struct sl_str){r->hash_id, sizeof r->hash_id};
    if (t->arena.failed)
        return no_memory(why, cap);
    sl_key_settle(&r->key);
    HASH_ADD(hh, t->rows, sha256, 32, r);
    if (k->public_id.n > 0)
        HASH_ADD_KEYPTR(hh_id, t->ids, r->key.public_id.p, r->key.public_id.n, r);
    return SL_OK;
}

/* ---- looking ---- */

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

const struct sl_tenant *sl_tenants_get(const struct sl_tenants *t, struct sl_str name)
{
    struct tenant_row *r;

    HASH_FIND(hh, t->tenants, name.p, name.n, r);
    return r != NULL ? &r->tenant : NULL;
}

const struct sl_plan *sl_tenants_plan(const struct sl_tenants *t, struct sl_str name)
{
    struct plan_row *r;

    HASH_FIND(hh, t->plans, name.p, name.n, r);
    return r != NULL ? &r->plan : NULL;
}

const struct sl_tenant *sl_tenants_next(const struct sl_tenants *t, const struct sl_tenant *after)
{
    const struct tenant_row *r =
        after == NULL ? t->tenants : SL_CONTAINER(after, const struct tenant_row, tenant)->hh.next;

    return r != NULL ? &r->tenant : NULL;
}

const struct sl_key *sl_tenants_next_key(const struct sl_tenants *t, const struct sl_key *after,
                                         const uint8_t **sha256)
{
    const struct row *r =
        after == NULL ? t->rows : SL_CONTAINER(after, const struct row, key)->hh.next;

    if (r != NULL && sha256 != NULL)
        *sha256 = r->sha256;
    return r != NULL ? &r->key : NULL;
}

/* ---- scopes ---- */

static bool matches(struct sl_str pattern, struct sl_str value)
{
    pattern = sl_str_trim(pattern);
    if (pattern.n > 0 && pattern.p[pattern.n - 1] == '*')
        return sl_str_starts(value, (struct sl_str){pattern.p, pattern.n - 1});
    return sl_str_eq(pattern, value);
}

/* One list: no scope of the family at all means all of it. */
static bool allows(struct sl_scopes scopes, struct sl_str family, struct sl_str value)
{
    bool named = false;

    for (size_t i = 0; i < scopes.n; i++) {
        struct sl_str list = scopes.at[i], one;

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

static bool can(const struct sl_key *k, struct sl_str family, struct sl_str value)
{
    const struct sl_tenant *of = k->of;

    if (!allows((struct sl_scopes){k->scopes, k->scopes_n}, family, value))
        return false;
    if (of == NULL)
        return true;
    return allows(of->own.scopes, family, value) &&
           (of->plan == NULL || allows(of->plan->scopes, family, value));
}

bool sl_tenant_can_model(const struct sl_key *k, struct sl_str model)
{
    return can(k, SL_STR("models:"), model);
}

bool sl_tenant_can_endpoint(const struct sl_key *k, struct sl_str endpoint)
{
    return can(k, SL_STR("endpoints:"), endpoint);
}

bool sl_tenant_is_scope(struct sl_str scope)
{
    return (sl_str_starts(scope, SL_STR("models:")) && scope.n > 7) ||
           (sl_str_starts(scope, SL_STR("endpoints:")) && scope.n > 10);
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
