/* admin/live/switches.c -- pauses and weights: listed, set, taken back.
 *
 * POST switches takes {"kind","name","for" or "until","why"}, of a weight also "weights":
 * {"<target>":n,…}. What is named must be there: a switch of nothing would look as if it
 * worked. A second one of the same name takes the place of the first. */
#include "admin/api/handlers.h"

#include <stdio.h>

#include "base/doc.h"
#include "base/when.h"

static const struct sl_str nobody = SL_STR_INIT("");

/* ---- listed ---- */

static void show(struct sl_api *c, const struct sl_switch *s, int64_t now_ms)
{
    struct sl_out *o = &c->out;
    char id[SL_SWITCH_ID];

    sl_out_open(o, NULL, '{');
    sl_out_text(o, "id", sl_switch_id(s->kind, s->name, id));
    sl_out_text(o, "kind", sl_str_of(sl_switch_kind_name(s->kind)));
    sl_out_text(o, "name", s->name);
    if (s->kind == SL_SWITCH_WEIGHT) {
        sl_out_open(o, "weights", '{');
        for (size_t i = 0; i < s->weights_n; i++) {
            sl_out_name(o, s->weights[i].target);
            sl_out_count(o, NULL, s->weights[i].weight);
        }
        sl_out_close(o, '}');
    }
    sl_out_text(o, "why", s->why);
    sl_out_text(o, "by", s->by);
    sl_out_number(o, "since", s->since_ms / 1000);
    sl_out_number(o, "until", s->until_ms / 1000);
    sl_out_number(o, "left_ms", s->until_ms > now_ms ? s->until_ms - now_ms : 0);
    sl_out_close(o, '}');
}

void sl_switches_show(struct sl_api *c)
{
    const struct sl_switches *t = sl_gateway_switches(c->admin->gateway);
    int64_t now_ms = sl_store_now_ms(c->store);
    const struct sl_switch *s = NULL;

    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '[');
    while ((s = sl_switches_next(t, s, now_ms)) != NULL)
        show(c, s, now_ms);
    sl_out_close(&c->out, ']');
    sl_api_done(c);
}

/* ---- asked ---- */

#define ID_MAX 128 /* bytes of a record's id, in both stores */

struct asked {
    struct sl_switch is;
    char id[SL_SWITCH_ID];
    bool named; /* the body says which kind */
};

static bool wrong(struct sl_api *c, const char *name, const char *wish)
{
    sl_api_fail(c, 0, SL_ERR_BAD_FIELD, name, "%s: %s", name, wish);
    return false;
}

static bool take_text(struct sl_api *c, yyjson_val *v, const char *name, size_t most,
                      struct sl_str *out)
{
    char wish[64];

    if (!yyjson_is_str(v) || sl_doc_str(v).n > most) {
        snprintf(wish, sizeof wish, "must be a text of at most %zu bytes", most);
        return wrong(c, name, wish);
    }
    *out = sl_arena_dup(&c->arena, sl_doc_str(v));
    if (out->p == NULL)
        sl_api_no_memory(c);
    return out->p != NULL;
}

static bool take_kind(struct sl_api *c, yyjson_val *v, struct asked *a)
{
    a->named = yyjson_is_str(v) && sl_switch_kind_of(sl_doc_str(v), &a->is.kind);
    return a->named || wrong(c, "kind", "must be provider, model, target, tenant, key or weight");
}

/* "30m", or seconds; `until`: seconds since 1970, or a date. */
static bool take_time(struct sl_api *c, yyjson_val *v, const char *name, struct asked *a)
{
    bool is_span = strcmp(name, "for") == 0;
    uint64_t ms = 0;

    if (a->is.until_ms != 0)
        return wrong(c, name, "give either for or until");
    if (yyjson_is_uint(v) && yyjson_get_uint(v) < INT64_MAX / 2000)
        ms = 1000 * yyjson_get_uint(v);
    else if (!yyjson_is_str(v) ||
             !(is_span ? sl_when_duration(sl_doc_str(v), &ms) : sl_when_date(sl_doc_str(v), &ms)))
        return wrong(c, name,
                     is_span ? "must be a duration such as 90s, 30m or 2d"
                             : "must be seconds since 1970, or a date such as "
                               "2027-01-31T12:00:00Z");
    if (ms > INT64_MAX / 2)
        ms = INT64_MAX / 2;
    a->is.until_ms = is_span ? a->is.since_ms + (int64_t)ms : (int64_t)ms;
    if (a->is.until_ms <= a->is.since_ms || a->is.until_ms - a->is.since_ms > SL_SWITCH_LONGEST_MS)
        return wrong(c, name, "must end within 30 days from now");
    return true;
}

static bool take_weights(struct sl_api *c, yyjson_val *v, struct asked *a)
{
    yyjson_val *key, *one;
    size_t i, n;

    if (!yyjson_is_obj(v) || yyjson_obj_size(v) == 0 || yyjson_obj_size(v) > SL_ROUTE_TARGETS_MAX)
        return wrong(c, "weights", "must name targets of the model, each with its weight");
    yyjson_obj_foreach(v, i, n, key, one)
    {
        struct sl_switch_weight *w = &a->is.weights[a->is.weights_n];

        if (!yyjson_is_uint(one) || yyjson_get_uint(one) > SL_SWITCH_WEIGHT_MAX)
            return wrong(c, "weights", "must be whole numbers from 0 to 1000000");
        w->weight = yyjson_get_uint(one);
        if (!take_text(c, key, "weights", SL_SWITCH_NAME, &w->target))
            return false;
        a->is.weights_n++;
    }
    return true;
}

static bool take_member(struct sl_api *c, struct sl_str name, yyjson_val *v, struct asked *a)
{
    char shown[48];

    if (sl_str_eq(name, SL_STR("kind")))
        return take_kind(c, v, a);
    if (sl_str_eq(name, SL_STR("name")))
        return take_text(c, v, "name", SL_SWITCH_NAME, &a->is.name);
    if (sl_str_eq(name, SL_STR("why")))
        return take_text(c, v, "why", SL_SWITCH_TEXT, &a->is.why);
    if (sl_str_eq(name, SL_STR("for")))
        return take_time(c, v, "for", a);
    if (sl_str_eq(name, SL_STR("until")))
        return take_time(c, v, "until", a);
    if (sl_str_eq(name, SL_STR("weights")))
        return take_weights(c, v, a);
    snprintf(shown, sizeof shown, "%.*s", SL_STR_ARGS(sl_str_first(name, 40)));
    return wrong(c, shown, "no such member here");
}

/* What only all members together say. */
static bool makes_sense(struct sl_api *c, const struct asked *a)
{
    bool weighs = a->is.kind == SL_SWITCH_WEIGHT;

    if (!a->named)
        return wrong(c, "kind", "is missing: provider, model, target, tenant, key or weight");
    if (a->is.name.n == 0)
        return wrong(c, "name", "is missing: what is switched");
    if (a->is.until_ms == 0)
        return wrong(c, "for", "is missing: how long, such as 30m; at most 30d");
    if (weighs != (a->is.weights_n > 0))
        return wrong(c, "weights",
                     weighs ? "is missing: the model's targets, each with its weight"
                            : "only of kind weight");
    return true;
}

static bool read_members(struct sl_api *c, yyjson_val *root, struct asked *a)
{
    yyjson_val *key, *v;
    size_t i, n;

    yyjson_obj_foreach(root, i, n, key, v)
    {
        if (!take_member(c, sl_doc_str(key), v, a))
            return false;
    }
    return makes_sense(c, a);
}

/* NULL: answered. */
static struct asked *read_body(struct sl_api *c)
{
    struct asked *a = sl_arena_zalloc(&c->arena, sizeof *a);
    struct sl_doc doc;
    bool good;

    if (a == NULL)
        sl_api_no_memory(c);
    if (a == NULL || !sl_api_is_object(c))
        return NULL;
    a->is.since_ms = sl_store_now_ms(c->store);
    a->is.by = c->actor;
    a->is.why = nobody;
    good = sl_doc_read(&doc, c->body, SL_DOC_MAX(SL_API_BODY), 0) == SL_OK;
    if (!good)
        sl_api_no_memory(c); /* it was read once already */
    else
        good = read_members(c, doc.root, a);
    sl_doc_fini(&doc);
    return good ? a : NULL;
}

/* ---- set ---- */

/* The one that is in force now, as every instance will see it. */
static void answer_set(struct sl_api *c)
{
    const struct asked *a = c->note;

    sl_api_begin(c);
    show(c, &a->is, sl_store_now_ms(c->store));
    sl_api_done(c);
}

static bool apply_set(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    const struct asked *a = c->note;
    char *place = sl_arena_alloc(&c->arena, SL_SWITCH_DOC);
    struct sl_text t = sl_text_over(place, SL_SWITCH_DOC);

    (void)s;
    if (place == NULL) {
        sl_api_no_memory(c);
        return false;
    }
    sl_switch_write(&a->is, &t);
    put->state = SL_STR("active");
    put->doc = sl_text_str(&t);
    return !t.cut || wrong(c, "weights", "are too long together");
}

static size_t count(struct sl_api *c)
{
    const struct sl_switches *t = sl_gateway_switches(c->admin->gateway);
    int64_t now_ms = sl_store_now_ms(c->store);
    const struct sl_switch *s = NULL;
    size_t n = 0;

    while ((s = sl_switches_next(t, s, now_ms)) != NULL)
        n++;
    return n;
}

static bool is_in_force(struct sl_api *c, const struct sl_switch *s)
{
    return sl_switches_find(sl_gateway_switches(c->admin->gateway), s->kind, s->name,
                            sl_store_now_ms(c->store)) != NULL;
}

static void on_record(struct sl_api *c)
{
    sl_change_start(c, &c->other, apply_set, "set", answer_set);
}

static void find_record(struct sl_api *c)
{
    struct asked *a = c->note;
    struct sl_str id = sl_switch_id(a->is.kind, a->is.name, a->id);

    if (id.n == 0 || id.n > ID_MAX) {
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "name",
                    "name: is too long to be kept: %d bytes with its kind", ID_MAX);
        return;
    }
    if (!is_in_force(c, &a->is) && count(c) >= SL_SWITCHES_MAX) {
        sl_api_fail(c, 429, SL_ERR_RATE, NULL,
                    "%d switches are in force, more are not kept; take some back", SL_SWITCHES_MAX);
        return;
    }
    c->other = (struct sl_subject){.kind = SL_RECORD_SWITCH, .id = id, .tenant = id};
    sl_find_again(c, &c->other, on_record);
}

static void on_key(struct sl_api *c)
{
    if (sl_find_has(c, &c->key))
        find_record(c);
}

static void on_tenant(struct sl_api *c)
{
    if (sl_find_has(c, &c->tenant))
        find_record(c);
}

static bool is_provider(const struct sl_api *c, struct sl_str name)
{
    for (size_t i = 0; i < c->conf->providers_n; i++)
        if (sl_str_eq(c->conf->providers[i].name, name))
            return true;
    return false;
}

/* By its own name, or an alias of it. */
static const struct sl_model *model_of(const struct sl_api *c, struct sl_str name)
{
    for (size_t i = 0; i < sl_routes_count(c->conf->routes); i++) {
        const struct sl_model *m = sl_routes_at(c->conf->routes, i);
        bool same = sl_str_eq(m->name, name);

        for (size_t j = 0; j < m->aliases_n && !same; j++)
            same = sl_str_eq(m->aliases[j], name);
        if (same)
            return m;
    }
    return NULL;
}

/* How many targets of the model are called so, by their whole names or their provider. */
static size_t count_targets(const struct sl_api *c, const struct sl_model *m, struct sl_str name,
                            bool *whole)
{
    char place[SL_SWITCH_NAME];
    size_t n = 0;

    *whole = false;
    for (size_t i = 0; i < m->targets_n; i++) {
        struct sl_str provider = c->conf->providers[m->targets[i].provider].name;

        *whole = *whole || sl_str_eq(name, sl_switch_target(provider, m->targets[i].model, place));
        n += sl_str_eq(name, provider);
    }
    return *whole ? 1 : n;
}

static bool is_target(const struct sl_api *c, struct sl_str name)
{
    bool whole = false;

    for (size_t i = 0; i < sl_routes_count(c->conf->routes) && !whole; i++)
        (void)count_targets(c, sl_routes_at(c->conf->routes, i), name, &whole);
    return whole;
}

static bool has_weights(struct sl_api *c, const struct sl_model *m, const struct asked *a)
{
    bool whole;

    if (m->strategy != SL_STRATEGY_WEIGHTED)
        return wrong(c, "name", "only a model with `strategy: weighted` has weights");
    for (size_t i = 0; i < a->is.weights_n; i++) {
        struct sl_str name = a->is.weights[i].target;
        size_t n = count_targets(c, m, name, &whole);

        if (n == 1)
            continue;
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "weights",
                    n == 0 ? "weights: the model has no target %.*s; name one by its provider, or "
                             "as provider/model"
                           : "weights: the model has several targets at %.*s; name one as "
                             "provider/model",
                    SL_STR_ARGS(name));
        return false;
    }
    return true;
}

static void no_such(struct sl_api *c, const struct asked *a, const char *hint)
{
    sl_api_fail(c, 0, SL_ERR_NO_ROUTE, "name", "name: the configuration has no %s %.*s%s",
                a->is.kind == SL_SWITCH_WEIGHT ? "model" : sl_switch_kind_name(a->is.kind),
                SL_STR_ARGS(a->is.name), hint);
}

static void set_model(struct sl_api *c, struct asked *a)
{
    const struct sl_model *m = model_of(c, a->is.name);

    if (m == NULL) {
        no_such(c, a, "; patterns are named as they stand there");
        return;
    }
    a->is.name = m->name;
    if (a->is.kind != SL_SWITCH_WEIGHT || has_weights(c, m, a))
        find_record(c);
}

void sl_switches_set(struct sl_api *c)
{
    struct asked *a = read_body(c);

    c->note = a;
    if (a == NULL)
        return;
    switch (a->is.kind) {
    case SL_SWITCH_PROVIDER:
        if (is_provider(c, a->is.name))
            find_record(c);
        else
            no_such(c, a, "; GET /admin/api/providers lists them");
        break;
    case SL_SWITCH_TARGET:
        if (is_target(c, a->is.name))
            find_record(c);
        else
            no_such(c, a, "; a target is provider/model, as the model stands in the target");
        break;
    case SL_SWITCH_MODEL:
    case SL_SWITCH_WEIGHT: set_model(c, a); break;
    case SL_SWITCH_TENANT: sl_find_tenant(c, a->is.name, on_tenant); break;
    case SL_SWITCH_KEY: sl_find_key(c, a->is.name, on_key); break;
    case SL_SWITCH__COUNT: break;
    }
}

/* ---- taken back ---- */

static void answer_ended(struct sl_api *c)
{
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '{');
    sl_out_text(&c->out, "id", c->other.id);
    sl_out_text(&c->out, "state", SL_STR("ended"));
    sl_out_close(&c->out, '}');
    sl_api_done(c);
}

static bool apply_ended(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    (void)c;
    put->state = SL_STR("deleted");
    put->doc = s->text;
    return true;
}

static void on_found(struct sl_api *c)
{
    if (c->other.rev > 0 && sl_str_eq(c->other.state, SL_STR("active")))
        sl_change_start(c, &c->other, apply_ended, "taken back", answer_ended);
    else
        sl_api_fail(c, 0, SL_ERR_NO_ROUTE, "id",
                    "id: there is no switch %.*s; GET /admin/api/switches lists those in force",
                    SL_STR_ARGS(sl_str_first(c->other.id, 64)));
}

/* The id that it was set by: a model may be called by an alias. */
static struct sl_str id_of(struct sl_api *c, enum sl_switch_kind kind, struct sl_str name)
{
    char *place = sl_arena_alloc(&c->arena, SL_SWITCH_ID);
    const struct sl_model *m =
        kind == SL_SWITCH_MODEL || kind == SL_SWITCH_WEIGHT ? model_of(c, name) : NULL;

    return m != NULL && place != NULL ? sl_switch_id(kind, m->name, place) : c->name;
}

void sl_switches_end_one(struct sl_api *c)
{
    ptrdiff_t colon = sl_str_find_byte(c->name, ':');
    enum sl_switch_kind kind;

    c->other = (struct sl_subject){.kind = SL_RECORD_SWITCH, .id = c->name, .tenant = c->name};
    if (colon > 0 && sl_switch_kind_of(sl_str_first(c->name, (size_t)colon), &kind)) {
        c->other.id = c->other.tenant = id_of(c, kind, sl_str_from(c->name, (size_t)colon + 1));
        sl_find_again(c, &c->other, on_found);
    } else {
        on_found(c);
    }
}
