/* A table by id; a row has its texts behind it. */
#include "policy/routing/switches.h"

#include "base/doc.h"
#include "base/json.h"
#include "base/map.h"

static const char *const kinds[SL_SWITCH__COUNT] = {
    [SL_SWITCH_PROVIDER] = "provider", [SL_SWITCH_MODEL] = "model", [SL_SWITCH_TARGET] = "target",
    [SL_SWITCH_TENANT] = "tenant",     [SL_SWITCH_KEY] = "key",     [SL_SWITCH_WEIGHT] = "weight"};

struct row {
    struct sl_switch is;
    struct sl_str id;
    UT_hash_handle hh;
    char text[];
};

struct sl_switches {
    struct row *rows; /* owns: a uthash by id */
    size_t n;
};

/* ---- names ---- */

const char *sl_switch_kind_name(enum sl_switch_kind kind)
{
    return kinds[kind];
}

bool sl_switch_kind_of(struct sl_str word, enum sl_switch_kind *out)
{
    for (int i = 0; i < SL_SWITCH__COUNT; i++)
        if (sl_str_eq(word, sl_str_of(kinds[i]))) {
            *out = (enum sl_switch_kind)i;
            return true;
        }
    return false;
}

struct sl_str sl_switch_id(enum sl_switch_kind kind, struct sl_str name, char out[SL_SWITCH_ID])
{
    struct sl_text t = sl_text_over(out, SL_SWITCH_ID);

    if (name.n == 0 || name.n > SL_SWITCH_NAME)
        return (struct sl_str){out, 0};
    sl_text_add(&t, sl_str_of(kinds[kind]));
    sl_text_byte(&t, ':');
    sl_text_add(&t, name);
    return sl_text_str(&t);
}

struct sl_str sl_switch_target(struct sl_str provider, struct sl_str model,
                               char out[SL_SWITCH_NAME])
{
    struct sl_text t = sl_text_over(out, SL_SWITCH_NAME);

    sl_text_add(&t, provider);
    if (model.n > 0)
        sl_text_byte(&t, '/');
    sl_text_add(&t, model);
    return t.cut ? (struct sl_str){out, 0} : sl_text_str(&t);
}

/* ---- documents ---- */

void sl_switch_write(const struct sl_switch *s, struct sl_text *to)
{
    sl_text_printf(to, "{\"since\":%lld,\"until\":%lld,\"by\":", (long long)s->since_ms,
                   (long long)s->until_ms);
    sl_text_json(to, sl_str_first(s->by, SL_SWITCH_TEXT), 0);
    sl_text_add(to, SL_STR(",\"why\":"));
    sl_text_json(to, sl_str_first(s->why, SL_SWITCH_TEXT), 0);
    sl_text_add(to, SL_STR(",\"weights\":{"));
    for (size_t i = 0; i < s->weights_n; i++) {
        if (i > 0)
            sl_text_byte(to, ',');
        sl_text_json(to, s->weights[i].target, 0);
        sl_text_byte(to, ':');
        sl_text_u64(to, s->weights[i].weight);
    }
    sl_text_add(to, SL_STR("}}"));
}

static struct sl_str keep(char **at, struct sl_str s)
{
    struct sl_str out = {*at, s.n};

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

/* A text is never longer than its document writes it. */
static struct sl_str keep_text(char **at, yyjson_val *v)
{
    return keep(at, yyjson_is_str(v) ? sl_doc_str(v) : (struct sl_str){"", 0});
}

static bool read_time(yyjson_val *v, int64_t *out)
{
    if (!yyjson_is_uint(v) || yyjson_get_uint(v) > INT64_MAX)
        return false;
    *out = (int64_t)yyjson_get_uint(v);
    return true;
}

static bool read_weights(struct sl_switch *s, char **at, yyjson_val *map)
{
    yyjson_val *key, *v;
    size_t i, n;

    yyjson_obj_foreach(map, i, n, key, v)
    {
        if (s->weights_n == SL_ROUTE_TARGETS_MAX || !yyjson_is_uint(v) ||
            yyjson_get_uint(v) > SL_SWITCH_WEIGHT_MAX)
            return false;
        s->weights[s->weights_n++] =
            (struct sl_switch_weight){keep(at, sl_doc_str(key)), yyjson_get_uint(v)};
    }
    return true;
}

static bool fill(struct row *r, char *at, yyjson_val *root)
{
    struct sl_switch *s = &r->is;

    if (!yyjson_is_obj(root) || !read_time(yyjson_obj_get(root, "since"), &s->since_ms) ||
        !read_time(yyjson_obj_get(root, "until"), &s->until_ms))
        return false;
    s->by = keep_text(&at, yyjson_obj_get(root, "by"));
    s->why = keep_text(&at, yyjson_obj_get(root, "why"));
    return read_weights(s, &at, yyjson_obj_get(root, "weights"));
}

/* NULL: none, or no memory. */
static struct row *make(struct sl_str id, struct sl_str text)
{
    ptrdiff_t colon = sl_str_find_byte(id, ':');
    enum sl_switch_kind kind;
    struct sl_doc doc;
    struct row *r;
    char *at;

    if (colon <= 0 || id.n > SL_SWITCH_ID || text.n > SL_SWITCH_DOC ||
        !sl_switch_kind_of(sl_str_first(id, (size_t)colon), &kind))
        return NULL;
    r = sl_mem_try(sizeof *r + id.n + text.n);
    if (r == NULL)
        return NULL;
    memset(r, 0, sizeof *r);
    at = r->text;
    r->id = keep(&at, id);
    r->is.kind = kind;
    r->is.name = sl_str_from(r->id, (size_t)colon + 1);
    if (sl_doc_read(&doc, text, SL_DOC_MAX(SL_SWITCH_DOC), 0) != SL_OK || !fill(r, at, doc.root)) {
        sl_mem_free(r);
        r = NULL;
    }
    sl_doc_fini(&doc);
    return r;
}

bool sl_switch_is_over(struct sl_str id, struct sl_str doc, int64_t now_ms)
{
    ptrdiff_t colon = sl_str_find_byte(id, ':');
    enum sl_switch_kind kind;
    uint64_t until_ms;

    return colon > 0 && sl_switch_kind_of(sl_str_first(id, (size_t)colon), &kind) &&
           sl_json_u64(sl_json_get(doc, SL_STR("until")), &until_ms) &&
           until_ms <= (uint64_t)(now_ms > 0 ? now_ms : 0);
}

/* ---- the table ---- */

struct sl_switches *sl_switches_new(void)
{
    return sl_mem_new(sizeof(struct sl_switches));
}

static void drop(struct sl_switches *t, struct row *r)
{
    HASH_DEL(t->rows, r);
    sl_mem_free(r);
    t->n--;
}

void sl_switches_clear(struct sl_switches *t)
{
    struct row *r, *next;

    HASH_ITER(hh, t->rows, r, next)
    {
        drop(t, r);
    }
}

void sl_switches_end(struct sl_switches **pt)
{
    struct sl_switches *t = *pt;

    *pt = NULL;
    if (t == NULL)
        return;
    sl_switches_clear(t);
    sl_mem_free(t);
}

bool sl_switches_add(struct sl_switches *t, struct sl_str id, struct sl_str doc, int64_t now_ms)
{
    struct row *r = t->n < SL_SWITCHES_ROOM ? make(id, doc) : NULL, *old = NULL;

    if (r == NULL)
        return false;
    if (r->is.until_ms <= now_ms) {
        sl_mem_free(r);
        return false;
    }
    HASH_FIND(hh, t->rows, r->id.p, r->id.n, old);
    if (old != NULL)
        drop(t, old);
    HASH_ADD_KEYPTR(hh, t->rows, r->id.p, r->id.n, r);
    t->n++;
    return true;
}

bool sl_switches_is_empty(const struct sl_switches *t)
{
    return t->n == 0;
}

const struct sl_switch *sl_switches_find(const struct sl_switches *t, enum sl_switch_kind kind,
                                         struct sl_str name, int64_t now_ms)
{
    char place[SL_SWITCH_ID];
    struct row *r = NULL;
    struct sl_str id;

    if (t->n == 0)
        return NULL;
    id = sl_switch_id(kind, name, place);
    HASH_FIND(hh, t->rows, id.p, id.n, r);
    return r != NULL && r->is.until_ms > now_ms ? &r->is : NULL;
}

const struct sl_switch *sl_switches_next(const struct sl_switches *t, const struct sl_switch *after,
                                         int64_t now_ms)
{
    const struct row *r = after != NULL ? ((const struct row *)after)->hh.next : t->rows;

    while (r != NULL && r->is.until_ms <= now_ms)
        r = r->hh.next;
    return r != NULL ? &r->is : NULL;
}

/* ---- what they say ---- */

static int64_t later(int64_t until_ms, const struct sl_switch *s)
{
    return s != NULL && s->until_ms > until_ms ? s->until_ms : until_ms;
}

int64_t sl_switches_pause(const struct sl_switches *t, struct sl_str provider,
                          const struct sl_model *m, const struct sl_target *target, int64_t now_ms)
{
    char place[SL_SWITCH_NAME];
    int64_t until_ms = 0;

    if (t->n == 0)
        return 0;
    until_ms = later(until_ms, sl_switches_find(t, SL_SWITCH_PROVIDER, provider, now_ms));
    until_ms = later(until_ms, sl_switches_find(t, SL_SWITCH_MODEL, m->name, now_ms));
    return later(until_ms,
                 sl_switches_find(t, SL_SWITCH_TARGET,
                                  sl_switch_target(provider, target->model, place), now_ms));
}

bool sl_switches_weight(const struct sl_switches *t, struct sl_str provider,
                        const struct sl_model *m, const struct sl_target *target, int64_t now_ms,
                        uint64_t *weight)
{
    const struct sl_switch *s = sl_switches_find(t, SL_SWITCH_WEIGHT, m->name, now_ms);
    char place[SL_SWITCH_NAME];
    struct sl_str whole;
    bool found = false;

    if (s == NULL)
        return false;
    whole = sl_switch_target(provider, target->model, place);
    for (size_t i = 0; i < s->weights_n; i++) {
        const struct sl_switch_weight *w = &s->weights[i];
        bool exact = whole.n > 0 && sl_str_eq(w->target, whole);

        if (exact || (!found && sl_str_eq(w->target, provider)))
            *weight = w->weight;
        found = found || exact || sl_str_eq(w->target, provider);
        if (exact)
            break;
    }
    return found;
}
