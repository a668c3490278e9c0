/* conf/parts/models.c -- routes of a snapshot, and the list clients are shown. */
#include "conf/parts/parts.h"

#include "base/mem.h"

#include <stdlib.h>

#define VERSION_BYTES 100

static int find_provider(const struct sl_build *b, struct sl_str name)
{
    for (size_t i = 0; i < b->made->providers_n; i++)
        if (sl_str_eq(b->made->providers[i].name, name))
            return (int)i;
    return -1;
}

/* Printable, without spaces, and a star only at the end. */
static void check_model_name(struct sl_build *b, const struct sl_node *n, bool pattern)
{
    if (n->text.n == 0 || n->text.n > 200) {
        sl_fault_add(b->faults, n, "models[]: a name has 1 to 200 bytes");
        return;
    }
    for (size_t i = 0; i < n->text.n; i++) {
        unsigned char c = (unsigned char)n->text.p[i];

        if (c <= ' ' || c == 0x7f || c == '"' || c == '\\') {
            sl_fault_add(b->faults, n, "models[]: a name has no spaces, quotes or backslashes");
            return;
        }
        if (c == '*' && !(pattern && i + 1 == n->text.n)) {
            sl_fault_add(b->faults, n,
                         pattern ? "models[].name: a star may only stand at the end"
                                 : "models[]: only `name` may be a pattern");
            return;
        }
    }
}

/* Its own, or what the list says of the name there; a pattern's comes with each request. */
static void set_price(struct sl_build *b, struct sl_target *t, const struct sl_node *map)
{
    const struct sl_node *own = sl_node_get(map, "price");
    const struct sl_provider *p = &b->made->providers[t->provider];
    const struct sl_price *listed = NULL;

    sl_price_init(&t->price);
    if (p->price_list.n > 0 && t->model.n > 0)
        listed = sl_prices_find(b->made->prices, p->price_list, t->model);
    if (!own->implied)
        sl_build_price(b, own, (p->speaks & SL_ANTHROPIC) != 0 && !p->openrouter,
                       "models[].targets[].price", &t->price);
    else if (listed != NULL)
        t->price = *listed;
    if (sl_node_number(map, "free", 0) == 1)
        t->price.free = true;
}

static void target(struct sl_build *b, struct sl_target *t, const struct sl_node *map)
{
    const struct sl_node *model = sl_node_get(map, "model");
    struct sl_str name = sl_node_text(map, "provider");
    int at = find_provider(b, name);

    if (at < 0) {
        sl_fault_add(b->faults, sl_node_get(map, "provider"),
                     "models[].targets[].provider: no provider is called %.*s", SL_STR_ARGS(name));
        return;
    }
    if (model->text.n > 0)
        check_model_name(b, model, false);
    t->provider = (unsigned)at;
    t->speaks = b->made->providers[at].speaks;
    t->model = model->text;
    t->priority = (int64_t)sl_node_number(map, "priority", 0);
    t->weight = sl_node_number(map, "weight", 1);
    t->context = sl_node_number(map, "context", 0);
    t->reserve_ms = sl_node_number(map, "reserve", 0);
    if (t->reserve_ms > 0 && t->reserve_ms >= b->made->providers[at].timeouts.total)
        sl_fault_add(b->faults, sl_node_get(map, "reserve"),
                     "models[].targets[].reserve: must be less than timeouts.total, or nothing is "
                     "left for the targets before it");
    set_price(b, t, map);
}

/* Stable: targets of one priority keep their order. */
static void sort_targets(struct sl_target *t, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct sl_target x = t[i];
        size_t k = i;

        for (; k > 0 && t[k - 1].priority > x.priority; k--)
            t[k] = t[k - 1];
        t[k] = x;
    }
}

static void set_mirror(struct sl_build *b, struct sl_mirror_to *to, const struct sl_node *map)
{
    const struct sl_node *model = sl_node_get(map, "model");
    struct sl_str name = sl_node_text(map, "provider");
    int at = find_provider(b, name);

    if (name.n == 0)
        return;
    if (at < 0) {
        sl_fault_add(b->faults, sl_node_get(map, "provider"),
                     "models[].mirror.provider: no provider is called %.*s", SL_STR_ARGS(name));
        return;
    }
    if (model->text.n > 0)
        check_model_name(b, model, false);
    *to = (struct sl_mirror_to){.part_ppm = sl_node_number(map, "percent", 0) / 100,
                                .provider = (unsigned)at,
                                .speaks = b->made->providers[at].speaks,
                                .model = model->text};
}

/* What holds for it wherever it is answered. */
static void set_rules(struct sl_build *b, struct sl_model *m, const struct sl_node *map)
{
    const struct sl_node *cache = sl_node_get(map, "cache");
    struct sl_cache_rules own;

    m->max_tokens_default = sl_node_number(map, "max_tokens_default", 0);
    m->max_tokens_max = sl_node_number(map, "max_tokens_max", 0);
    m->warm_ping = sl_node_number(map, "warm_ping", 0) == 1;
    m->strategy = (enum sl_strategy)sl_node_number(map, "strategy", 0);
    m->affinity = (enum sl_affinity_by)sl_node_number(map, "affinity", 0);
    m->context = sl_build_context(map);
    set_mirror(b, &m->mirror, sl_node_get(map, "mirror"));
    m->cache = b->cache;
    sl_build_cache_rules(cache, &own);
    sl_caching_over(&m->cache, &own);
    if (own.version.n > VERSION_BYTES)
        sl_fault_add(b->faults, cache, "models[].cache.version: at most %d bytes", VERSION_BYTES);
}

static void model(struct sl_build *b, const struct sl_node *map)
{
    const struct sl_node *name = sl_node_get(map, "name"), *aliases = sl_node_get(map, "aliases");
    const struct sl_node *targets = sl_node_get(map, "targets");
    struct sl_target list[SL_ROUTE_TARGETS_MAX] = {{0}};
    struct sl_str *other = sl_build_alloc(b, aliases->n, sizeof(*other));
    struct sl_model m = {.name = name->text, .display_name = sl_node_text(map, "display_name")};
    char why[256] = "";

    if (other == NULL)
        return;
    set_rules(b, &m, map);
    check_model_name(b, name, true);
    if (m.display_name.n > 200)
        sl_fault_add(b->faults, name, "models[].display_name: at most 200 bytes");
    if (targets->n > SL_ROUTE_TARGETS_MAX) {
        sl_fault_add(b->faults, targets, "models[].targets: at most %d", SL_ROUTE_TARGETS_MAX);
        return;
    }
    for (const struct sl_node *c = targets->first; c != NULL; c = c->next)
        target(b, &list[m.targets_n++], c);
    for (size_t i = 0; sl_node_number(map, "free", 0) == 1 && i < m.targets_n; i++)
        list[i].price.free = true;
    sort_targets(list, m.targets_n);
    for (const struct sl_node *c = aliases->first; c != NULL; c = c->next) {
        check_model_name(b, c, false);
        other[m.aliases_n++] = c->text;
    }
    m.targets = list;
    m.aliases = other;
    m.is_pattern = sl_str_ends(m.name, SL_STR("*"));
    if (b->faults->n > 0)
        return; /* a name that is wrong already must not confuse the table */
    sl_build_judge(b, name, sl_routes_add(b->made->routes, &m, why, sizeof(why)), "models[]", why);
}

static int by_id(const void *a, const void *b)
{
    const struct sl_listed *x = a, *y = b;
    size_t n = x->id.n < y->id.n ? x->id.n : y->id.n;
    int order = memcmp(x->id.p, y->id.p, n);

    return order != 0 ? order : (x->id.n > y->id.n) - (x->id.n < y->id.n);
}

struct listing {
    struct sl_build *build;  /* up */
    struct sl_listed *entry; /* up: the snapshot's arena; NULL while counting */
    size_t n;
};

static void list_one(struct listing *l, struct sl_str id, struct sl_str shown, struct sl_str owner)
{
    if (l->entry != NULL)
        l->entry[l->n] = (struct sl_listed){.id = sl_build_dup(l->build, id),
                                            .display_name = sl_build_dup(l->build, shown),
                                            .owned_by = sl_build_dup(l->build, owner)};
    l->n++;
}

static void list_named(struct listing *l)
{
    const struct sl_node *models = sl_node_get(l->build->conf->root, "models");

    for (const struct sl_node *m = models->first; m != NULL; m = m->next) {
        struct sl_str name = sl_node_text(m, "name"), shown = sl_node_text(m, "display_name");
        struct sl_str owner = sl_node_text(sl_node_get(m, "targets")->first, "provider");

        if (!sl_str_ends(name, SL_STR("*")))
            list_one(l, name, shown, owner);
        for (const struct sl_node *a = sl_node_get(m, "aliases")->first; a != NULL; a = a->next)
            list_one(l, a->text, shown, owner);
    }
}

/* What the provider behind a pattern lists, as far as asking for it leads there. */
static void list_behind(struct listing *l, const struct sl_model *m, enum sl_protocol protocol)
{
    const struct sl_target *rank[SL_ROUTE_TARGETS_MAX];
    const struct sl_listed *known = NULL;
    const struct sl_provider *p;
    size_t n;

    if (sl_route_rank(m, protocol, rank) == 0 || rank[0]->model.n > 0)
        return;
    p = &l->build->made->providers[rank[0]->provider];
    n = sl_catalog_find(l->build->catalog, p->name, &known);
    for (size_t i = 0; i < n; i++)
        if (sl_route_find(l->build->made->routes, known[i].id) == m)
            list_one(l, known[i].id, known[i].display_name, p->name);
}

static void list_all(struct listing *l)
{
    const struct sl_routes *routes = l->build->made->routes;

    list_named(l);
    for (size_t i = 0; l->build->catalog != NULL && i < sl_routes_count(routes); i++) {
        const struct sl_model *m = sl_routes_at(routes, i);

        if (!m->is_pattern)
            continue;
        list_behind(l, m, SL_ANTHROPIC);
        list_behind(l, m, SL_OPENAI);
    }
}

/* Counted, then written, then sorted; of one name listed twice one stays. */
static void list_models(struct sl_build *b)
{
    struct listing l = {.build = b};
    struct sl_listed *list;
    size_t n = 0;

    list_all(&l);
    list = sl_build_alloc(b, l.n, sizeof(*list));
    if (list == NULL)
        return;
    l.entry = list;
    l.n = 0;
    list_all(&l);
    qsort(list, l.n, sizeof(*list), by_id);
    for (size_t i = 0; i < l.n; i++)
        if (n == 0 || !sl_str_eq(list[n - 1].id, list[i].id))
            list[n++] = list[i];
    b->made->listed = list;
    b->made->listed_n = n;
}

void sl_build_models(struct sl_build *b)
{
    const struct sl_node *list = sl_node_get(b->conf->root, "models");
    const struct sl_node *moderations = sl_node_at(b->conf->root, "default_models.moderations");
    const struct sl_node *prompts = sl_node_at(b->conf->root, "prompt_api.model");

    for (const struct sl_node *c = list->first; c != NULL; c = c->next)
        model(b, c);
    list_models(b);
    if (b->faults->n == 0 && moderations->text.n > 0 &&
        sl_route_find(b->made->routes, moderations->text) == NULL)
        sl_fault_add(b->faults, moderations, "default_models.moderations: no such model");
    if (b->faults->n == 0 && prompts->text.n > 0 &&
        sl_route_find(b->made->routes, prompts->text) == NULL)
        sl_fault_add(b->faults, prompts, "prompt_api.model: no such model");
}
