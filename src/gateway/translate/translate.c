/* A provider of another protocol, as one of the client's own. */
#include "gateway/translate/translate.h"

#include "base/doc.h"
#include "base/mem.h"

#define ARENA_MAX (64u << 20) /* forms and answers; most need a few kilobytes */

struct sl_translation {
    enum sl_endpoint ep; /* at the provider */
    struct sl_arena arena;
    struct sl_translate *made;          /* up: in the arena */
    struct sl_translate_stream *stream; /* owns */
    struct sl_sse sse;
    struct sl_buf tail; /* an event of the provider's whose end has not come yet */
    struct sl_grow out; /* what the last bytes amount to */
};

/* ---- which provider ---- */

enum sl_protocol sl_translation_protocol(const struct sl_req *r)
{
    return r->dialect == &sl_dialect_anthropic ? SL_ANTHROPIC
           : r->ep == SL_EP_RESPONSES          ? SL_RESPONSES
                                               : SL_OPENAI;
}

/* Of a protocol that the client does not speak: the chosen provider's, chat completions
 * first where it has both. */
static enum sl_endpoint endpoint_there(const struct sl_req *r)
{
    return sl_translate_endpoint(
        r->ep, (r->provider->speaks & SL_OPENAI) != 0 ? &sl_dialect_openai : &sl_dialect_anthropic);
}

bool sl_translation_can(const struct sl_req *r)
{
    return sl_translate_has(r->ep);
}

bool sl_translation_is_due(const struct sl_req *r)
{
    return r->ep == SL_EP_PROMPT ||
           (r->provider->speaks & (unsigned)sl_translation_protocol(r)) == 0;
}

enum sl_endpoint sl_translation_endpoint(const struct sl_req *r)
{
    return r->translation != NULL ? r->translation->ep : r->ep;
}

const struct sl_dialect *sl_translation_dialect(const struct sl_req *r)
{
    return r->translation != NULL ? sl_endpoint_dialect(r->translation->ep) : r->dialect;
}

struct sl_arena *sl_translation_arena(struct sl_req *r)
{
    return &r->translation->arena;
}

/* ---- the request ---- */

static struct sl_translation *make(struct sl_req *r)
{
    struct sl_translation *t = sl_mem_new(sizeof *t);

    t->ep = endpoint_there(r);
    sl_arena_init(&t->arena, ARENA_MAX);
    sl_sse_init(&t->sse);
    sl_buf_init(&t->tail, SL_TRANSLATION_EVENT);
    sl_grow_init(&t->out, SL_TRANSLATION_HOLD);
    return t;
}

void sl_translation_end(struct sl_translation **pt)
{
    struct sl_translation *t = *pt;

    *pt = NULL;
    if (t == NULL)
        return;
    sl_translate_stream_end(&t->stream);
    sl_buf_fini(&t->tail);
    sl_grow_fini(&t->out);
    sl_arena_fini(&t->arena);
    sl_mem_free(t);
}

static void set_hold(struct sl_req *r, size_t max)
{
    sl_buf_fini(&r->hold);
    sl_buf_init(&r->hold, max);
}

/* Of a history that another provider had a part in. All other bytes stay. */
static bool unsign(struct sl_req *r)
{
    struct sl_str old = {r->body, r->body_n}, body;
    struct sl_arena a;
    bool ok;

    if (r->dialect != &sl_dialect_anthropic && r->ep != SL_EP_RESPONSES)
        return true;
    sl_arena_init(&a, ARENA_MAX);
    ok = sl_translate_unsign(r->ep, old, &a, &body) == SL_OK &&
         (body.p == old.p || sl_req_replace_body(r, body) == SL_OK);
    sl_arena_fini(&a);
    return ok;
}

bool sl_translation_drop(struct sl_req *r)
{
    if (r->translation != NULL) {
        sl_translation_end(&r->translation);
        set_hold(r, SL_REQ_HOLD_MAX);
    }
    return unsign(r);
}

static enum sl_err translate(struct sl_req *r, bool usage, struct sl_str *body, const char **why)
{
    struct sl_translation *t = r->translation;
    struct sl_translate_wish wish = {
        .from = r->ep,
        .to = t->ep,
        .flavor = r->provider->flavor,
        .model = r->served,
        .asked = r->asked,
        .id = {r->id, sizeof r->id},
        .created_s = sl_net_unix_ms(r->gw->net) / 1000,
        .max_tokens_default = r->model->max_tokens_default,
        .max_tokens_most = r->model->max_tokens_max,
        .marks_prompts = r->provider->marks_prompts,
        .adds_usage = usage,
        .asks_no_usage = r->provider->no_stream_usage,
        .plain_schemas = r->provider->plain_schemas,
        .forms_by_tool = r->provider->forms_by_tool,
        .max = SL_DOC_MAX(r->body_n),
    };

    return sl_translate_request(&wish, (struct sl_str){r->body, r->body_n}, &t->arena, &t->made,
                                body, why);
}

enum sl_state sl_translation_begin(struct sl_req *r, bool usage)
{
    const char *why = NULL;
    struct sl_str body;
    enum sl_err err;

    sl_translation_end(&r->translation);
    r->translation = make(r);
    err = translate(r, usage && r->streams, &body, &why);
    if (err == SL_ERR_BAD_FIELD)
        return sl_req_refuse(r, err, 0,
                             "Model %.*s is served by a provider of another protocol, and this "
                             "request can't be translated: %s.",
                             SL_STR_ARGS(r->asked), why);
    if (err == SL_ERR_CEILING || (err == SL_ERR_NO_MEMORY && r->translation->arena.full))
        return sl_req_refuse(r, SL_ERR_BODY_TOO_BIG, 0,
                             "Model %.*s is served by a provider of another protocol, and "
                             "translated this request is too large; send fewer messages, items "
                             "or parts.",
                             SL_STR_ARGS(r->asked));
    r->parts = err == SL_OK ? sl_arena_alloc(r->arena, 2 * sizeof *r->parts) : NULL;
    if (r->parts == NULL || !sl_forward_head(r, body.n))
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    r->parts[1] = body;
    r->parts_n = 2;
    r->wants_usage = sl_translate_wants_usage(r->translation->made);
    r->added_usage = (r->ep == SL_EP_CHAT || r->ep == SL_EP_COMPLETIONS) && r->streams && usage &&
                     !r->wants_usage;
    r->brings_usage = r->added_usage || r->wants_usage;
    set_hold(r, SL_TRANSLATION_HOLD);
    return SL_ST_TRY;
}

/* ---- a stream ---- */

/* The unfinished event with its end. */
static enum sl_err finish_event(struct sl_translation *t, struct sl_str piece)
{
    struct sl_str part;
    enum sl_err err;
    size_t n = 0;
    char *whole;

    if (t->tail.len == 0)
        return sl_translate_stream_event(t->stream, piece, &t->out);
    whole = sl_mem_try(t->tail.len + piece.n);
    if (whole == NULL)
        return SL_ERR_NO_MEMORY;
    while (sl_buf_peek(&t->tail, &part, 1) == 1) {
        memcpy(whole + n, part.p, part.n);
        n += part.n;
        sl_buf_consume(&t->tail, part.n);
    }
    memcpy(whole + n, piece.p, piece.n);
    err = sl_translate_stream_event(t->stream, (struct sl_str){whole, n + piece.n}, &t->out);
    sl_mem_free(whole);
    return err;
}

enum sl_err sl_translation_data(struct sl_req *r)
{
    struct sl_translation *t = r->translation;
    struct sl_str rest = r->bytes;
    enum sl_err err = SL_OK;
    size_t n;

    if (t == NULL)
        return SL_OK;
    t->out.n = 0;
    if (t->stream == NULL)
        t->stream = sl_translate_stream_new(t->made);
    if (t->stream == NULL)
        err = SL_ERR_NO_MEMORY;
    while (err == SL_OK && sl_sse_next(&t->sse, rest, &n)) {
        err = finish_event(t, sl_str_first(rest, n));
        rest = sl_str_from(rest, n);
    }
    if (err == SL_OK && rest.n > 0 && !sl_buf_append(&t->tail, rest))
        err = SL_ERR_UP_GARBAGE; /* larger than any event of a chat */
    r->bytes = sl_grow_str(&t->out);
    return err;
}

bool sl_translation_finish(struct sl_req *r)
{
    struct sl_translation *t = r->translation;

    t->out.n = 0;
    if (t->stream == NULL || sl_translate_stream_finish(t->stream, &t->out) != SL_OK)
        return false;
    r->bytes = sl_grow_str(&t->out);
    return r->bytes.n > 0;
}

bool sl_translation_fail(struct sl_req *r, int status, struct sl_str message, struct sl_str *event)
{
    struct sl_translation *t = r->translation;

    if (t == NULL || t->stream == NULL || r->ep != SL_EP_RESPONSES)
        return false;
    sl_grow_fini(&t->out); /* which may have met its ceiling */
    sl_grow_init(&t->out, SL_TRANSLATION_HOLD);
    if (sl_translate_stream_fail(t->stream, status, message, &t->out) != SL_OK)
        return false;
    *event = sl_grow_str(&t->out);
    return event->n > 0;
}

void sl_translation_usage(struct sl_req *r)
{
    const struct sl_usage *theirs;
    struct sl_usage *u = &r->usage;

    if (r->translation == NULL || r->translation->stream == NULL)
        return;
    theirs = sl_translate_stream_usage(r->translation->stream);
    u->source = theirs->source;
    u->in = theirs->in;
    u->cache_read = theirs->cache_read;
    u->cache_write_5m = theirs->cache_write_5m;
    u->cache_write_1h = theirs->cache_write_1h;
    u->out = theirs->out;
    u->reasoning = theirs->reasoning;
    u->searches = theirs->searches;
    u->text_bytes = theirs->text_bytes;
    u->cost_pico = theirs->cost_pico;
    u->has_cost = theirs->has_cost;
    u->has_in = theirs->has_in;
    u->has_out = theirs->has_out;
    memcpy(u->model, theirs->model, sizeof u->model);
}

/* ---- what is held whole ---- */

/* The one that the client sees. */
static void note_id(struct sl_req *r, struct sl_str id)
{
    size_t n = 0;

    if (!sl_json_unescape(id, r->usage.id, sizeof r->usage.id - 1, &n))
        n = 0;
    r->usage.id[n] = '\0';
}

bool sl_translation_answer(struct sl_req *r, struct sl_str *body)
{
    struct sl_translation *t = r->translation;
    struct sl_usage read; /* the tap has it already */

    if (t == NULL)
        return true;
    if (sl_translate_answer(t->made, *body, &t->arena, &read, body) != SL_OK)
        return false;
    r->usage.text_bytes = read.text_bytes; /* as the client is told, where it is counted */
    note_id(r, sl_json_get(*body, SL_STR("id")));
    return true;
}

bool sl_translation_error(struct sl_req *r, int *status, struct sl_str *body)
{
    struct sl_translation *t = r->translation;

    return t == NULL || sl_translate_error(t->made, *body, &t->arena, status, body) == SL_OK;
}
