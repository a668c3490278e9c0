/* A table of targets by their names, and what is known of each. */
#include "gateway/routing/health.h"

#include "base/map.h"
#include "base/obj.h"

#define PROBE_EVERY_MS 1000
#define NAME_MAX 600 /* provider's and model's, each held to less by the schema */

struct entry {
    struct sl_health health; /* first: an entry is found by it */
    uint64_t probe_ms;       /* of a model: when it last sent a probe, and one */
    char *name;              /* owns */
    size_t name_n;
    UT_hash_handle hh;
};

struct sl_healths {
    struct entry *by_name;  /* owns: a uthash; provider, a zero, model there */
    struct entry *by_model; /* owns: a uthash; the model asked for */
    /* found last: a request asks for the same one five times; forgotten with each reload */
    const struct sl_target *last_of; /* up */
    struct entry *last;              /* up */
    struct sl_retry_budget budget;
    struct sl_affinity *affinity; /* owns */
    size_t waiting;
};

struct sl_healths *sl_healths_new(void)
{
    struct sl_healths *t = sl_mem_new(sizeof *t);

    t->affinity = sl_affinity_new();
    return t;
}

static void forget(struct entry **table, struct entry *e)
{
    HASH_DEL(*table, e);
    sl_mem_free(e->health.ring.key);
    sl_mem_free(e->name);
    sl_mem_free(e);
}

static void forget_all(struct entry **table)
{
    struct entry *e, *next;

    HASH_ITER(hh, *table, e, next)
    {
        SL_CHECK(e->health.holders == 0); /* their requests have ended before */
        forget(table, e);
    }
}

void sl_healths_end(struct sl_healths **pt)
{
    struct sl_healths *t = *pt;

    *pt = NULL;
    if (t == NULL)
        return;
    SL_CHECK(t->waiting == 0);
    forget_all(&t->by_name);
    forget_all(&t->by_model);
    sl_affinity_end(&t->affinity);
    sl_mem_free(t);
}

/* ---- finding ---- */

static struct entry *find(struct entry **table, struct sl_str name)
{
    struct entry *e = NULL;

    HASH_FIND(hh, *table, name.p, name.n, e);
    if (e != NULL)
        return e;
    e = sl_mem_new(sizeof *e);
    e->name = sl_mem_new(name.n + 1);
    memcpy(e->name, name.p, name.n);
    e->name_n = name.n;
    HASH_ADD_KEYPTR(hh, *table, e->name, e->name_n, e);
    return e;
}

/* The name there; under a pattern the pattern, for clients must not grow the table. */
static struct sl_str label_of(const struct sl_model *m, const struct sl_target *target)
{
    return target->model.n > 0 ? target->model : m->name;
}

static struct entry *find_target(struct sl_healths *t, const struct sl_gateway_conf *c,
                                 const struct sl_model *m, const struct sl_target *target)
{
    struct sl_str provider = c->providers[target->provider].name, model = label_of(m, target);
    char name[NAME_MAX];

    if (t->last_of == target)
        return t->last;
    SL_CHECK(provider.n + 1 + model.n <= sizeof name);
    memcpy(name, provider.p, provider.n);
    name[provider.n] = '\0';
    memcpy(name + provider.n + 1, model.p, model.n);
    t->last = find(&t->by_name, (struct sl_str){name, provider.n + 1 + model.n});
    t->last_of = target;
    return t->last;
}

/* Another list of keys is other keys. */
static void fit_ring(struct sl_health *h, const struct sl_provider *p)
{
    size_t n = p->keys_n > 0 ? p->keys_n : 1;

    if (h->ring.n == n && h->keys_print == p->keys_print)
        return;
    sl_mem_free(h->ring.key);
    h->ring.key = sl_mem_new(n * sizeof *h->ring.key);
    h->ring.n = n;
    h->keys_print = p->keys_print;
}

struct sl_health *sl_health_of(struct sl_healths *t, const struct sl_gateway_conf *c,
                               const struct sl_model *m, const struct sl_target *target)
{
    struct sl_health *h = &find_target(t, c, m, target)->health;

    fit_ring(h, &c->providers[target->provider]);
    return h;
}

struct sl_health *sl_health_next(const struct sl_healths *t, const struct sl_health *after,
                                 struct sl_str *provider, struct sl_str *model)
{
    struct entry *e = after != NULL ? ((const struct entry *)after)->hh.next : t->by_name;

    if (e == NULL)
        return NULL;
    provider->p = e->name;
    provider->n = strlen(e->name);
    *model = sl_str_from((struct sl_str){e->name, e->name_n}, provider->n + 1);
    return &e->health;
}

struct sl_health *sl_health_hold(struct sl_health *h)
{
    h->holders++;
    return h;
}

void sl_health_drop(struct sl_health **ph)
{
    if (*ph != NULL)
        (*ph)->holders--;
    *ph = NULL;
}

/* ---- reload ---- */

static void sweep(struct entry **table)
{
    struct entry *e, *next;

    HASH_ITER(hh, *table, e, next)
    {
        if (!e->health.named && e->health.holders == 0)
            forget(table, e);
        else
            e->health.named = false;
    }
}

void sl_healths_reload(struct sl_healths *t, const struct sl_gateway_conf *c)
{
    t->last_of = NULL;
    for (size_t i = 0; i < sl_routes_count(c->routes); i++) {
        const struct sl_model *m = sl_routes_at(c->routes, i);

        find(&t->by_model, m->name)->health.named = true;
        for (size_t k = 0; k < m->targets_n; k++)
            find_target(t, c, m, &m->targets[k])->health.named = true;
    }
    sweep(&t->by_name);
    sweep(&t->by_model);
}

/* ---- what all share ---- */

static bool may_probe(const struct entry *e, uint64_t now)
{
    return e->probe_ms == 0 || now + 1 - e->probe_ms >= PROBE_EVERY_MS;
}

bool sl_health_may_probe(struct sl_healths *t, const struct sl_model *m, uint64_t now)
{
    return may_probe(find(&t->by_model, m->name), now);
}

bool sl_health_probe(struct sl_healths *t, const struct sl_model *m, uint64_t now)
{
    struct entry *e = find(&t->by_model, m->name);

    if (!may_probe(e, now))
        return false;
    e->probe_ms = now + 1;
    return true;
}

struct sl_retry_budget *sl_health_budget(struct sl_healths *t)
{
    return &t->budget;
}

struct sl_affinity *sl_health_affinity(struct sl_healths *t)
{
    return t->affinity;
}

bool sl_health_wait_take(struct sl_healths *t)
{
    if (t->waiting >= SL_HEALTH_WAITING_MAX)
        return false;
    t->waiting++;
    return true;
}

void sl_health_wait_give(struct sl_healths *t)
{
    t->waiting--;
}

/* ---- metrics ---- */

static void set(struct sl_metric_family *f, struct sl_str a, struct sl_str b, double v)
{
    struct sl_str labels[] = {a, b};

    sl_metric_set(sl_metric_series(f, labels), v);
}

/* Of a provider's key the worst that holds for any of its models. */
enum { READY, RESTING, BARRED };

static void look_at_keys(const struct sl_health *h, uint64_t now, uint8_t worst[SL_KEYRING_MAX])
{
    for (size_t i = 0; i < h->ring.n && i < SL_KEYRING_MAX; i++) {
        uint8_t is = sl_keyring_is_awake(&h->ring, i, now) ? READY
                     : h->ring.key[i].barred               ? BARRED
                                                           : RESTING;
        if (is > worst[i])
            worst[i] = is;
    }
}

static void set_keys(const struct sl_provider *p, const uint8_t worst[SL_KEYRING_MAX],
                     struct sl_metric_family *f)
{
    double n[3] = {0};

    for (size_t i = 0; i < p->keys_n; i++)
        n[worst[i]]++;
    set(f, p->name, SL_STR("ready"), n[READY]);
    set(f, p->name, SL_STR("resting"), n[RESTING]);
    set(f, p->name, SL_STR("refused"), n[BARRED]);
}

void sl_healths_refresh(struct sl_healths *t, const struct sl_gateway_conf *c, uint64_t now,
                        struct sl_metric_family *breakers, struct sl_metric_family *keys)
{
    uint8_t(*worst)[SL_KEYRING_MAX] = sl_mem_new((c->providers_n + 1) * sizeof *worst);

    for (size_t i = 0; i < sl_routes_count(c->routes); i++) {
        const struct sl_model *m = sl_routes_at(c->routes, i);

        for (size_t k = 0; k < m->targets_n; k++) {
            const struct sl_target *target = &m->targets[k];
            const struct sl_provider *p = &c->providers[target->provider];
            const struct sl_health *h = sl_health_of(t, c, m, target);

            set(breakers, p->name, label_of(m, target),
                (double)sl_breaker_look(&h->breaker, &p->breaker, now));
            look_at_keys(h, now, worst[target->provider]);
        }
    }
    for (size_t i = 0; i < c->providers_n; i++)
        set_keys(&c->providers[i], worst[i], keys);
    sl_mem_free(worst);
}
