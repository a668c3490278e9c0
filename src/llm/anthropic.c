/* llm/anthropic.c -- the Messages API. Source: Anthropic API reference, "Messages",
 * "Streaming Messages", "Errors".
 *
 * Nearly all events of a stream are content_block_delta, so those are known by
 * their `event:` line alone; JSON is read in the three or four events that say
 * something about the whole answer.
 */
#include "llm/inside.h"
#include "llm/sse.h"

/* --- Errors --------------------------------------------------------------------------- */

static const char *type_of_status(int status)
{
    switch (status) {
    case 401: return "authentication_error";
    case 402: return "billing_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 409: return "conflict_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 504: return "timeout_error";
    case 529: return "overloaded_error";
    default: return status >= 400 && status < 500 ? "invalid_request_error" : "api_error";
    }
}

/* Ours is a 503: a 529 would say that a provider is overloaded. */
static const char *type_of(enum sl_err why, int status)
{
    return why == SL_ERR_OVERLOAD ? "overloaded_error" : type_of_status(status);
}

static void add_error(struct sl_text *t, const char *type, struct sl_str message, struct sl_str id)
{
    sl_text_add(t, SL_STR("{\"type\":\"error\",\"error\":{\"type\":\""));
    sl_text_add(t, sl_str_of(type));
    sl_text_add(t, SL_STR("\",\"message\":"));
    sl_text_json(t, message, SL_LLM_MESSAGE);
    sl_text_add(t, SL_STR("},\"request_id\":"));
    if (id.n > 0)
        sl_text_json(t, id, SL_LLM_MESSAGE);
    else
        sl_text_add(t, SL_STR("null"));
    sl_text_byte(t, '}');
}

static struct sl_str error_body(struct sl_arena *a, enum sl_err why, int status,
                                struct sl_str message, struct sl_str request_id)
{
    struct sl_text t = sl_llm_text(a, message, request_id, 256);

    if (t.p == NULL)
        return (struct sl_str){NULL, 0};
    add_error(&t, type_of(why, status), message, request_id);
    return sl_text_str(&t);
}

static struct sl_str error_event(struct sl_arena *a, enum sl_endpoint ep, enum sl_err why,
                                 struct sl_str message, struct sl_str request_id)
{
    struct sl_text t = sl_llm_text(a, message, request_id, 256);

    (void)ep;
    if (t.p == NULL)
        return (struct sl_str){NULL, 0};
    sl_text_add(&t, SL_STR("event: error\ndata: "));
    add_error(&t, type_of(why, sl_err_status(why)), message, request_id);
    sl_text_add(&t, SL_STR("\n\n"));
    return sl_text_str(&t);
}

static struct sl_str keepalive(enum sl_endpoint ep)
{
    (void)ep;
    return SL_STR("event: ping\ndata: {\"type\":\"ping\"}\n\n");
}

/* --- Events --------------------------------------------------------------------------- */

/* Bytes of text in a delta, without reading it as JSON: from its member to the
 * last quote, less what stands around a text. Providers pad with spaces behind
 * that quote. Signatures are no tokens. */
static uint64_t delta_text(struct sl_str data)
{
    const size_t around = sizeof("\"delta\":{\"type\":\"text_delta\",\"text\":\"") - 1;
    const char *from = memmem(data.p, data.n, "\"delta\"", 7);
    const char *last = memrchr(data.p, '"', data.n);
    size_t n;

    if (from == NULL || last <= from)
        return 0;
    n = (size_t)(last - from);
    if (n <= around || memmem(from, around, "\"signature", 10) != NULL)
        return 0;
    return n - around;
}

static enum sl_event_kind on_message_start(struct sl_str data, struct sl_usage *u)
{
    struct sl_str message = sl_json_get(data, SL_STR("message"));

    if (!sl_json_is_object(data))
        return SL_EV_OTHER;
    (void)sl_llm_copy(sl_json_get(message, SL_STR("model")), u->model, sizeof(u->model));
    (void)sl_llm_copy(sl_json_get(message, SL_STR("id")), u->id, sizeof(u->id));
    (void)sl_usage_merge(u, sl_json_get(message, SL_STR("usage")));
    u->has_out = false; /* a first guess: message_delta says the truth */
    return SL_EV_OTHER;
}

/* A block may arrive with content in it (tools, redacted thinking, results) or
 * empty, to be filled by deltas. */
static enum sl_event_kind on_block_start(struct sl_str data)
{
    struct sl_str block = sl_json_get(data, SL_STR("content_block"));
    struct sl_str type = sl_llm_inner(sl_json_get(block, SL_STR("type")));

    if (type.n == 0)
        return SL_EV_OTHER;
    if (!sl_str_eq(type, SL_STR("text")) && !sl_str_eq(type, SL_STR("thinking")))
        return SL_EV_CONTENT;
    return sl_llm_inner(sl_json_get(block, type)).n > 0 ? SL_EV_CONTENT : SL_EV_OTHER;
}

static enum sl_event_kind on_message_delta(struct sl_str data, struct sl_usage *u)
{
    struct sl_str delta = sl_json_get(data, SL_STR("delta"));

    if (!sl_json_is_object(data))
        return SL_EV_OTHER;
    (void)sl_usage_merge(u, sl_json_get(data, SL_STR("usage")));
    sl_llm_note_stop(u, sl_json_get(delta, SL_STR("stop_reason")));
    return SL_EV_OTHER;
}

static enum sl_event_kind on_error(struct sl_str data, struct sl_usage *u)
{
    if (!sl_json_is_object(data))
        return SL_EV_OTHER;
    sl_llm_note_error(u, sl_json_get(data, SL_STR("error")));
    return SL_EV_ERROR;
}

/* False: no event of that name is known. */
static bool by_name(struct sl_str name, struct sl_str data, struct sl_usage *u,
                    enum sl_event_kind *kind)
{
    *kind = SL_EV_OTHER;
    if (sl_str_eq(name, SL_STR("content_block_delta"))) {
        u->text_bytes += delta_text(data);
        *kind = SL_EV_CONTENT;
    } else if (sl_str_eq(name, SL_STR("content_block_start"))) {
        *kind = on_block_start(data);
    } else if (sl_str_eq(name, SL_STR("message_start"))) {
        *kind = on_message_start(data, u);
    } else if (sl_str_eq(name, SL_STR("message_delta"))) {
        *kind = on_message_delta(data, u);
    } else if (sl_str_eq(name, SL_STR("message_stop"))) {
        u->has_final = true;
        *kind = SL_EV_FINAL;
    } else if (sl_str_eq(name, SL_STR("error"))) {
        *kind = on_error(data, u);
    } else {
        return sl_str_eq(name, SL_STR("content_block_stop")) || sl_str_eq(name, SL_STR("ping"));
    }
    return true;
}

static enum sl_event_kind event(enum sl_endpoint ep, struct sl_str bytes, struct sl_usage *u)
{
    char scratch[SL_LLM_SCRATCH];
    struct sl_sse_event e;
    enum sl_event_kind kind;

    (void)ep;
    sl_sse_parse(bytes, scratch, sizeof(scratch), &e);
    if (!e.has_data || e.data.p == NULL)
        return SL_EV_OTHER;
    if (by_name(e.name, e.data, u, &kind) ||
        by_name(sl_llm_inner(sl_json_get(e.data, SL_STR("type"))), e.data, u, &kind))
        return kind;
    /* other APIs' way to say it, from servers that imitate this one */
    return sl_llm_is_set(sl_json_get(e.data, SL_STR("error"))) ? on_error(e.data, u) : SL_EV_OTHER;
}

static bool is_whole(enum sl_endpoint ep, const struct sl_usage *u)
{
    (void)ep;
    return u->has_final;
}

const struct sl_dialect sl_dialect_anthropic = {
    .name = "anthropic",
    .error_body = error_body,
    .error_event = error_event,
    .keepalive = keepalive,
    .event = event,
    .is_whole = is_whole,
};
