/* llm/body.c -- places of a request's members, and the few edits made there.
 *
 * An edit replaces the bytes [from, to) by a text; what lies between edits goes
 * out as it came. Cutting a member takes one comma with it: the one before it
 * where a member before it stays, else the one behind it.
 */
#include "llm/body.h"

#include "base/text.h"
#include "llm/inside.h"

#define NOWHERE UINT64_MAX
#define EDITS 8
#define OURS 3

struct edit {
    uint64_t from, to;
    struct sl_str put;
};

struct edits {
    struct edit v[EDITS];
    size_t n;
};

/* --- Inspection --------------------------------------------------------------------------- */

static struct sl_body_place *place_of(struct sl_body *b, struct sl_str key)
{
    const struct {
        struct sl_str name;
        struct sl_body_place *place; /* up */
    } known[] = {
        {SL_STR_INIT("model"), &b->model},
        {SL_STR_INIT("stream"), &b->stream},
        {SL_STR_INIT("stream_options"), &b->stream_options},
        {SL_STR_INIT("provider"), &b->provider},
        {SL_STR_INIT("models"), &b->models},
        {SL_STR_INIT("route"), &b->route},
        {SL_STR_INIT("max_tokens"), &b->max_tokens},
        {SL_STR_INIT("max_completion_tokens"), &b->max_completion_tokens},
        {SL_STR_INIT("max_output_tokens"), &b->max_output_tokens},
        {SL_STR_INIT("metadata"), &b->metadata},
        {SL_STR_INIT("user"), &b->user},
        {SL_STR_INIT("safety_identifier"), &b->safety_identifier},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (sl_str_eq(key, known[i].name))
            return known[i].place;
    return NULL;
}

static void on_member(void *ctx, const struct sl_json_member *m)
{
    struct sl_body_place *place = place_of(ctx, m->key);

    if (place != NULL)
        *place = (struct sl_body_place){true,        m->type,      m->start,
                                        m->value_at, m->value_end, m->comma_before};
}

void sl_body_init(struct sl_body *b)
{
    memset(b, 0, sizeof(*b));
    sl_json_init(&b->json);
    b->json.need_object = true;
    b->json.check_repeats = true;
    b->json.member = on_member;
    b->json.ctx = b;
}

void sl_body_fini(struct sl_body *b)
{
    sl_json_fini(&b->json);
}

enum sl_err sl_body_feed(struct sl_body *b, struct sl_str piece)
{
    b->fed += piece.n;
    return sl_json_feed(&b->json, piece);
}

enum sl_err sl_body_finish(struct sl_body *b)
{
    enum sl_err e = sl_json_finish(&b->json);

    b->object_end = b->json.object_end;
    return e;
}

/* --- Readers --------------------------------------------------------------------------------- */

struct sl_str sl_body_value(const struct sl_body_place *place, struct sl_str text)
{
    if (!place->has || place->value_end > text.n)
        return (struct sl_str){NULL, 0};
    return (struct sl_str){text.p + place->value_at, (size_t)(place->value_end - place->value_at)};
}

/* U+0000 to U+001F and U+007F to U+009F, in UTF-8. */
static bool has_controls(struct sl_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i], next = i + 1 < s.n ? (uint8_t)s.p[i + 1] : 0;

        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0))
            return true;
    }
    return false;
}

enum sl_err sl_body_model(const struct sl_body *b, struct sl_str text, char *out, size_t cap)
{
    size_t n;

    if (!b->model.has)
        return SL_ERR_NO_MODEL;
    if (!sl_json_unescape(sl_body_value(&b->model, text), out, cap - 1, &n) || n == 0)
        return SL_ERR_BAD_BODY;
    out[n] = '\0';
    return has_controls((struct sl_str){out, n}) ? SL_ERR_BAD_BODY : SL_OK;
}

bool sl_body_streams(const struct sl_body *b, struct sl_str text)
{
    (void)text;
    return b->stream.has && b->stream.type == SL_JSON_TRUE;
}

bool sl_body_max_tokens(const struct sl_body *b, struct sl_str text, uint64_t *out)
{
    const struct sl_body_place *at[] = {&b->max_tokens, &b->max_completion_tokens,
                                        &b->max_output_tokens};

    *out = 0;
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        uint64_t n;

        if (!at[i]->has || at[i]->type == SL_JSON_NULL)
            continue;
        if (!sl_json_u64(sl_body_value(at[i], text), &n) || n > SL_BODY_TOKENS_MAX)
            return false;
        if (n > *out)
            *out = n;
    }
    return true;
}

bool sl_body_has_include_usage(const struct sl_body *b, struct sl_str text)
{
    struct sl_str options = sl_body_value(&b->stream_options, text);

    return sl_str_eq(sl_json_get(options, SL_STR("include_usage")), SL_STR("true"));
}

struct sl_str sl_body_user(const struct sl_body *b, struct sl_str text, char *out, size_t cap)
{
    struct sl_str id = sl_json_get(sl_body_value(&b->metadata, text), SL_STR("user_id"));
    size_t n;

    if (cap == 0)
        return (struct sl_str){"", 0};
    n = sl_llm_copy(id, out, cap);
    if (n == 0)
        n = sl_llm_copy(sl_body_value(&b->user, text), out, cap);
    if (n == 0)
        n = sl_llm_copy(sl_body_value(&b->safety_identifier, text), out, cap);
    return (struct sl_str){out, n};
}

/* --- Splicing ----------------------------------------------------------------------------------
 */

static bool is_before(uint64_t from, uint64_t to, const struct edit *x)
{
    return from < x->from || (from == x->from && to < x->to);
}

/* Keeps the edits in order; what is put in at a place goes before what is cut there. */
static void add_edit(struct edits *e, uint64_t from, uint64_t to, struct sl_str put)
{
    size_t i = e->n++;

    for (; i > 0 && is_before(from, to, &e->v[i - 1]); i--)
        e->v[i] = e->v[i - 1];
    e->v[i] = (struct edit){from, to, put};
}

static uint64_t skip_space(struct sl_str text, uint64_t at)
{
    while (at < text.n && strchr(" \t\r\n", text.p[at]) != NULL && text.p[at] != '\0')
        at++;
    return at;
}

/* The comma behind a value, or NOWHERE. */
static uint64_t comma_behind(struct sl_str text, uint64_t value_end)
{
    uint64_t at = skip_space(text, value_end);

    return at < text.n && text.p[at] == ',' ? at : NOWHERE;
}

static size_t ours_in_order(const struct sl_body *b, const struct sl_body_place *out[OURS])
{
    const struct sl_body_place *all[OURS] = {&b->provider, &b->models, &b->route};
    size_t n = 0;

    for (size_t i = 0; i < OURS; i++) {
        size_t k = n;

        if (!all[i]->has)
            continue;
        for (; k > 0 && out[k - 1]->start > all[i]->start; k--)
            out[k] = out[k - 1];
        out[k] = all[i];
        n++;
    }
    return n;
}

/* Returns how many members are cut. */
static size_t cut_ours(const struct sl_body *b, struct sl_str text, struct edits *e)
{
    const struct sl_body_place *ours[OURS];
    size_t n = ours_in_order(b, ours);
    uint64_t head = NOWHERE; /* the comma behind a run of cut members at the head */

    for (size_t i = 0; i < n; i++) {
        const struct sl_body_place *m = ours[i];
        uint64_t comma;

        if (m->comma_before != head) { /* some member before it stays */
            add_edit(e, m->comma_before, m->value_end, (struct sl_str){"", 0});
            head = NOWHERE - 1; /* never a comma's place: the run is over */
            continue;
        }
        comma = comma_behind(text, m->value_end);
        add_edit(e, m->start, comma != NOWHERE ? comma + 1 : m->value_end, (struct sl_str){"", 0});
        head = comma;
    }
    return n;
}

/* "model" with the new name, or the name alone in its place. */
static bool put_model(const struct sl_body *b, struct sl_str text, struct sl_str name,
                      struct sl_arena *a, struct edits *e, bool others)
{
    size_t cap = 6 * name.n + 32;
    char *p = sl_arena_alloc(a, cap);
    struct sl_text t = sl_text_over(p, cap);
    uint64_t open = skip_space(text, 0);

    if (p == NULL)
        return false;
    if (!b->model.has)
        sl_text_add(&t, SL_STR("\"model\":"));
    sl_text_json(&t, name, 0);
    if (!b->model.has && others)
        sl_text_byte(&t, ',');
    if (b->model.has)
        add_edit(e, b->model.value_at, b->model.value_end, sl_text_str(&t));
    else
        add_edit(e, open + 1, open + 1, sl_text_str(&t));
    return true;
}

static void put_include_usage(const struct sl_body *b, struct sl_str text, struct edits *e,
                              bool others)
{
    const struct sl_body_place *o = &b->stream_options;
    struct sl_str options = sl_body_value(o, text);
    struct sl_str usage = sl_json_get(options, SL_STR("include_usage"));

    if (!o->has) {
        add_edit(e, b->object_end, b->object_end,
                 others ? SL_STR(",\"stream_options\":{\"include_usage\":true}")
                        : SL_STR("\"stream_options\":{\"include_usage\":true}"));
    } else if (o->type == SL_JSON_NULL) {
        add_edit(e, o->value_at, o->value_end, SL_STR("{\"include_usage\":true}"));
    } else if (usage.p != NULL) {
        uint64_t at = (uint64_t)(usage.p - text.p);

        add_edit(e, at, at + usage.n, SL_STR("true"));
    } else if (o->type == SL_JSON_OBJECT) {
        bool empty = text.p[skip_space(text, o->value_at + 1)] == '}';

        add_edit(e, o->value_at + 1, o->value_at + 1,
                 empty ? SL_STR("\"include_usage\":true") : SL_STR("\"include_usage\":true,"));
    } /* anything else is wrong, and the provider will say so */
}

static void add_part(struct sl_str parts[SL_BODY_PARTS], size_t *n, uint64_t *length,
                     struct sl_str s)
{
    if (s.n == 0)
        return;
    parts[(*n)++] = s;
    *length += s.n;
}

/* lint: budgets three results, given to one caller */
enum sl_err sl_body_splice(const struct sl_body *b, struct sl_str text,
                           const struct sl_body_wish *wish, struct sl_arena *a,
                           struct sl_str parts[SL_BODY_PARTS], size_t *n, uint64_t *length)
{
    struct edits e = {.n = 0};
    bool adds_model = wish->model.n > 0 && !b->model.has;
    size_t kept = b->json.members;
    uint64_t at = 0;

    if (wish->cut_ours)
        kept -= cut_ours(b, text, &e);
    if (wish->model.n > 0 && !put_model(b, text, wish->model, a, &e, kept > 0))
        return SL_ERR_NO_MEMORY;
    if (wish->add_include_usage)
        put_include_usage(b, text, &e, kept > 0 || adds_model);
    *n = 0;
    *length = 0;
    for (size_t i = 0; i < e.n; i++) {
        const struct edit *x = &e.v[i];

        add_part(parts, n, length, (struct sl_str){text.p + at, (size_t)(x->from - at)});
        add_part(parts, n, length, x->put);
        at = x->to;
    }
    add_part(parts, n, length, sl_str_from(text, (size_t)at));
    return SL_OK;
}
