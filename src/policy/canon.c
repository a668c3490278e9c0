/* policy/canon.c -- what stands before the body's members, and items by themselves. */
#include "policy/canon.h"

#include "policy/canon_value.h"
#include "policy/normal.h"

#define HEAD 256 /* bytes that stand before a body, mostly */

/* Names in the order of their bytes, each once. */
static void put_betas(struct sl_canon_writer *w, struct sl_str betas, struct sl_arena *a)
{
    struct sl_str rest = betas, name;
    size_t n = 0, different = 0, most = 1;
    struct sl_canon_pair *v;

    for (size_t i = 0; i < betas.n; i++)
        most += betas.p[i] == ',';
    v = sl_arena_alloc(a, most * sizeof(*v));
    if (v == NULL) {
        w->err = SL_ERR_NO_MEMORY;
        return;
    }
    while (sl_str_split(&rest, ',', &name)) {
        name = sl_str_trim(name);
        if (name.n > 0)
            v[n++] = (struct sl_canon_pair){name, NULL};
    }
    sl_canon_sort(v, n);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !sl_str_eq(v[i].key, v[i - 1].key))
            v[different++] = v[i];
    sl_canon_count(w, different);
    for (size_t i = 0; i < different; i++)
        sl_canon_str(w, v[i].key);
}

static void put_head(struct sl_canon_writer *w, const struct sl_canon *c, char kind,
                     struct sl_arena *a)
{
    sl_grow_add(&w->out, SL_STR("slc"));
    sl_canon_count(w, SL_CANON_SCHEMA);
    sl_grow_byte(&w->out, kind);
    sl_canon_str(w, c->scope);
    for (size_t i = 0; i < sizeof(c->generation) / sizeof(c->generation[0]); i++)
        sl_canon_count(w, c->generation[i]);
    sl_canon_str(w, c->operation);
    sl_canon_str(w, c->model);
    sl_canon_str(w, c->version);
    sl_canon_count(w, c->normal);
    sl_canon_count(w, c->normal != 0 ? SL_NORMAL_VERSION : 0);
    sl_canon_str(w, c->api_version);
    put_betas(w, c->betas, a);
}

static enum sl_err take(struct sl_canon_writer *w, struct sl_arena *a, struct sl_str *out)
{
    enum sl_err err = sl_grow_take(&w->out, a, out);

    if (w->err != SL_OK)
        return w->err;
    return err == SL_ERR_CEILING ? SL_ERR_BODY_TOO_BIG : err;
}

static enum sl_err write_body(const struct sl_canon *c, struct sl_str body, char kind,
                              struct sl_arena *a, struct sl_str *out)
{
    struct sl_doc doc;
    struct sl_canon_writer w = {.doc = &doc,
                                .no_input = kind == 'i',
                                .repeats = sl_str_eq(c->operation, SL_STR("responses"))};

    w.err = sl_doc_read(&doc, body, SL_DOC_MAX(body.n), YYJSON_READ_NUMBER_AS_RAW);
    if (w.err == SL_OK && !yyjson_is_obj(doc.root))
        w.err = SL_ERR_BAD_BODY;
    sl_grow_init(&w.out, SL_DOC_MAX(body.n));
    (void)!sl_grow_room(&w.out, HEAD + body.n); /* most need no more; trouble stays in out.err */
    if (w.err == SL_OK)
        put_head(&w, c, kind, a);
    if (w.err == SL_OK)
        sl_canon_value(&w, doc.root, SL_CANON_TOP);
    sl_doc_fini(&doc);
    return take(&w, a, out);
}

enum sl_err sl_canon_request(const struct sl_canon *c, struct sl_str body, struct sl_arena *a,
                             struct sl_str *out)
{
    return write_body(c, body, 'r', a, out);
}

enum sl_err sl_canon_items(const struct sl_canon *c, struct sl_str body, struct sl_arena *a,
                           struct sl_str *prefix)
{
    return write_body(c, body, 'i', a, prefix);
}

/* Most items are strings, and those need no tree. */
static void put_string(struct sl_canon_writer *w, struct sl_str value, struct sl_arena *a)
{
    char *place = sl_arena_alloc(a, value.n);
    struct sl_str s = {place, 0};

    if (place == NULL) {
        w->err = SL_ERR_NO_MEMORY;
    } else if (!sl_json_unescape(value, place, value.n, &s.n)) {
        w->err = SL_ERR_BAD_BODY;
    } else {
        sl_grow_byte(&w->out, 's');
        sl_canon_str(w, s);
    }
}

static void put_item(struct sl_canon_writer *w, struct sl_str item)
{
    struct sl_doc doc;

    w->doc = &doc;
    w->err = sl_doc_read(&doc, item, SL_DOC_MAX(item.n), YYJSON_READ_NUMBER_AS_RAW);
    if (w->err == SL_OK)
        sl_canon_value(w, doc.root, SL_CANON_PLAIN);
    sl_doc_fini(&doc);
}

enum sl_err sl_canon_item(struct sl_str prefix, struct sl_str item, unsigned normal,
                          struct sl_arena *a, struct sl_str *out)
{
    struct sl_canon_writer w = {.err = SL_OK};
    struct sl_str value;
    enum sl_err err = sl_normal_item(item, normal, a, &value);

    if (err != SL_OK)
        return err;
    sl_grow_init(&w.out, prefix.n + SL_DOC_MAX(value.n));
    sl_grow_add(&w.out, prefix);
    if (sl_json_type_of(value) == SL_JSON_STRING)
        put_string(&w, value, a);
    else
        put_item(&w, value);
    return take(&w, a, out);
}
