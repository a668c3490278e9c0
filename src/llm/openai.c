/* llm/openai.c -- chat and text completions, responses, embeddings, moderations.
 * Source: OpenAI API reference, "Chat", "Responses", "Streaming", "Errors";
 * OpenRouter documentation, "Errors".
 *
 * A chunk is read with the readers of base/json and never parsed as a whole;
 * members that most chunks lack are first looked for as bytes: a quote inside a
 * JSON string is escaped, so `"error"` with both its quotes is no part of one.
 */
#include "llm/inside.h"
#include "llm/sse.h"

/* --- Errors --------------------------------------------------------------------------- */

static const char *type_of_status(int status)
{
    switch (status) {
    case 402: return "insufficient_quota";
    case 403: return "permission_error";
    case 429: return "rate_limit_error";
    case 503: return "service_unavailable_error";
    default: return status >= 400 && status < 500 ? "invalid_request_error" : "server_error";
    }
}

static void add_error(struct sl_text *t, enum sl_err why, int status, struct sl_str message)
{
    sl_text_add(t, SL_STR("{\"error\":{\"message\":"));
    sl_text_json(t, message, SL_LLM_MESSAGE);
    sl_text_add(t, SL_STR(",\"type\":\""));
    sl_text_add(t, sl_str_of(type_of_status(status)));
    sl_text_add(t, SL_STR("\",\"param\":null,\"code\":\""));
    sl_text_add(t, sl_str_of(sl_err_name(why)));
    sl_text_add(t, SL_STR("\"}}"));
}

static struct sl_str error_body(struct sl_arena *a, enum sl_err why, int status,
                                struct sl_str message, struct sl_str request_id)
{
    struct sl_text t = sl_llm_text(a, message, request_id, 256);

    if (t.p == NULL)
        return (struct sl_str){NULL, 0};
    add_error(&t, why, status, message);
    return sl_text_str(&t);
}

/* The number in a series is not ours to know here; clients go by the type. */
static void add_responses_error(struct sl_text *t, enum sl_err why, struct sl_str message)
{
    sl_text_add(t, SL_STR("event: error\ndata: {\"type\":\"error\",\"sequence_number\":0,"
                          "\"code\":\""));
    sl_text_add(t, sl_str_of(sl_err_name(why)));
    sl_text_add(t, SL_STR("\",\"message\":"));
    sl_text_json(t, message, SL_LLM_MESSAGE);
    sl_text_add(t, SL_STR(",\"param\":null}\n\n"));
}

static struct sl_str error_event(struct sl_arena *a, enum sl_endpoint ep, enum sl_err why,
                                 struct sl_str message, struct sl_str request_id)
{
    struct sl_text t = sl_llm_text(a, message, request_id, 256);

    if (t.p == NULL)
        return (struct sl_str){NULL, 0};
    if (ep == SL_EP_RESPONSES) {
        add_responses_error(&t, why, message);
    } else {
        sl_text_add(&t, SL_STR("data: "));
        add_error(&t, why, sl_err_status(why), message);
        sl_text_add(&t, SL_STR("\n\n"));
    }
    return sl_text_str(&t);
}

static struct sl_str keepalive(enum sl_endpoint ep)
{
    (void)ep;
    return SL_STR(": keep-alive\n\n");
}

/* --- Chat and text completions ---------------------------------------------------------- */

static bool mentions(struct sl_str data, struct sl_str quoted)
{
    return memmem(data.p, data.n, quoted.p, quoted.n) != NULL;
}

/* A string that is not empty counts its bytes; an object or array is there. */
static bool has_content(struct sl_str object, struct sl_str key, struct sl_usage *u)
{
    struct sl_str value = sl_json_get(object, key);

    if (!sl_llm_is_set(value))
        return false;
    if (value.p[0] == '"') {
        u->text_bytes += value.n - 2;
        return value.n > 2;
    }
    if (value.p[0] != '[' && value.p[0] != '{')
        return false;
    if (value.p[0] == '[' && sl_str_find_byte(value, '{') < 0)
        return false;
    u->text_bytes += value.n;
    return true;
}

static bool delta_has_content(struct sl_str delta, struct sl_usage *u)
{
    static const struct sl_str keys[] = {
        SL_STR_INIT("content"),           SL_STR_INIT("tool_calls"),
        SL_STR_INIT("refusal"),           SL_STR_INIT("reasoning"),
        SL_STR_INIT("reasoning_content"), SL_STR_INIT("reasoning_details"),
        SL_STR_INIT("function_call"),     SL_STR_INIT("audio"),
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (has_content(delta, keys[i], u))
            return true;
    return false;
}

static bool choice_has_content(struct sl_str choice, struct sl_usage *u)
{
    struct sl_str delta = sl_json_get(choice, SL_STR("delta"));

    return delta.p != NULL ? delta_has_content(delta, u) : has_content(choice, SL_STR("text"), u);
}

static enum sl_event_kind chunk_error(struct sl_str data, struct sl_usage *u)
{
    struct sl_str error = sl_json_get(data, SL_STR("error"));

    if (!sl_json_is_object(data))
        return SL_EV_OTHER;
    sl_llm_note_error(u, sl_llm_is_set(error) ? error : data);
    return SL_EV_ERROR;
}

static bool is_chunk_error(struct sl_str data)
{
    return sl_llm_is_set(sl_json_get(data, SL_STR("error"))) ||
           sl_str_eq(sl_json_get(data, SL_STR("object")), SL_STR("\"error\""));
}

/* The member's value, as a text that begins with it and may go on behind it.
 * Where no object was opened before, `"choices":[` can only be a member of the
 * chunk itself: the usual case, and much cheaper than a walk. */
static struct sl_str find_choices(struct sl_str data)
{
    const struct sl_str mark = SL_STR("\"choices\":[");
    const char *at = memmem(data.p, data.n, mark.p, mark.n);

    if (at != NULL && at > data.p && data.p[0] == '{' &&
        memchr(data.p + 1, '{', (size_t)(at - data.p) - 1) == NULL)
        return sl_str_from(data, (size_t)(at - data.p) + mark.n - 1);
    return sl_json_get(data, SL_STR("choices"));
}

/* Many providers write a null into each chunk but the last. */
static bool read_usage(struct sl_str data, struct sl_usage *u)
{
    const struct sl_str mark = SL_STR("\"usage\"");
    struct sl_str rest = data;
    const char *at;

    while ((at = memmem(rest.p, rest.n, mark.p, mark.n)) != NULL) {
        rest = sl_str_from(rest, (size_t)(at - rest.p) + mark.n);
        if (!sl_str_starts(rest, SL_STR(":null")))
            return sl_usage_merge(u, sl_json_get(data, SL_STR("usage")));
    }
    return false;
}

static enum sl_event_kind read_choices(struct sl_str choices, bool errors, struct sl_usage *u)
{
    enum sl_event_kind kind = SL_EV_OTHER;
    struct sl_str choice;
    size_t pos = 0;

    while (sl_json_next(choices, &pos, &choice)) {
        bool had_stop = u->has_stop;

        if (errors && sl_llm_note_choice_error(u, choice))
            return SL_EV_ERROR;
        sl_llm_note_stop(u, sl_json_get(choice, SL_STR("finish_reason")));
        if (choice_has_content(choice, u) || u->has_stop != had_stop)
            kind = SL_EV_CONTENT;
    }
    return kind;
}

static bool is_empty_array(struct sl_str value)
{
    struct sl_str element;
    size_t pos = 0;

    return value.n > 0 && value.p[0] == '[' && !sl_json_next(value, &pos, &element);
}

static enum sl_event_kind read_chunk(struct sl_str data, struct sl_usage *u)
{
    struct sl_str choices = find_choices(data);
    bool errors = mentions(data, SL_STR("\"error\""));
    bool metered = read_usage(data, u);

    if (u->model[0] == '\0') {
        (void)sl_llm_copy(sl_json_get(data, SL_STR("model")), u->model, sizeof(u->model));
        (void)sl_llm_copy(sl_json_get(data, SL_STR("id")), u->id, sizeof(u->id));
    }
    if (errors && is_chunk_error(data))
        return chunk_error(data, u);
    if (metered && is_empty_array(choices))
        return SL_EV_USAGE_ONLY;
    return read_choices(choices, errors, u);
}

/* --- Responses ---------------------------------------------------------------------------- */

static enum sl_event_kind read_final(struct sl_str data, struct sl_usage *u)
{
    struct sl_str response = sl_json_get(data, SL_STR("response"));
    struct sl_str why = sl_json_get(response, SL_STR("incomplete_details"));
    struct sl_str error = sl_json_get(response, SL_STR("error"));

    if (!sl_json_is_object(data))
        return SL_EV_OTHER;
    (void)sl_llm_copy(sl_json_get(response, SL_STR("model")), u->model, sizeof(u->model));
    (void)sl_usage_merge(u, sl_json_get(response, SL_STR("usage")));
    sl_llm_note_stop(u, sl_json_get(response, SL_STR("status")));
    sl_llm_note_stop(u, sl_json_get(why, SL_STR("reason")));
    if (sl_llm_is_set(error))
        sl_llm_note_error(u, error);
    u->has_final = true;
    return SL_EV_FINAL;
}

/* Messages and reasoning come empty and are filled; a call is content. */
static enum sl_event_kind read_item(struct sl_str data)
{
    struct sl_str item = sl_json_get(data, SL_STR("item"));
    struct sl_str type = sl_llm_inner(sl_json_get(item, SL_STR("type")));

    return type.n == 0 || sl_str_eq(type, SL_STR("message")) || sl_str_eq(type, SL_STR("reasoning"))
               ? SL_EV_OTHER
               : SL_EV_CONTENT;
}

static enum sl_event_kind read_response_event(struct sl_str name, struct sl_str data,
                                              struct sl_usage *u)
{
    struct sl_str response;

    if (sl_str_ends(name, SL_STR(".delta"))) {
        u->text_bytes += sl_llm_inner(sl_json_get(data, SL_STR("delta"))).n;
        return SL_EV_CONTENT;
    }
    if (sl_str_eq(name, SL_STR("response.output_item.added")))
        return read_item(data);
    if (sl_str_eq(name, SL_STR("response.completed")) ||
        sl_str_eq(name, SL_STR("response.incomplete")) ||
        sl_str_eq(name, SL_STR("response.failed")))
        return read_final(data, u);
    if (sl_str_eq(name, SL_STR("error")))
        return chunk_error(data, u);
    if (sl_str_eq(name, SL_STR("response.created"))) {
        response = sl_json_get(data, SL_STR("response"));
        (void)sl_llm_copy(sl_json_get(response, SL_STR("model")), u->model, sizeof(u->model));
        (void)sl_llm_copy(sl_json_get(response, SL_STR("id")), u->id, sizeof(u->id));
    }
    return SL_EV_OTHER;
}

static enum sl_event_kind read_response(const struct sl_sse_event *e, struct sl_usage *u)
{
    struct sl_str name = e->name;

    if (!sl_str_starts(name, SL_STR("response.")) && !sl_str_eq(name, SL_STR("error")))
        name = sl_llm_inner(sl_json_get(e->data, SL_STR("type")));
    if (name.n == 0 && is_chunk_error(e->data))
        return chunk_error(e->data, u);
    return read_response_event(name, e->data, u);
}

/* --- Events --------------------------------------------------------------------------------- */

static enum sl_event_kind event(enum sl_endpoint ep, struct sl_str bytes, struct sl_usage *u)
{
    char scratch[SL_LLM_SCRATCH];
    struct sl_sse_event e;

    sl_sse_parse(bytes, scratch, sizeof(scratch), &e);
    if (!e.has_data || e.data.n == 0)
        return SL_EV_OTHER;
    if (sl_str_eq(e.data, SL_STR("[DONE]"))) {
        u->has_final = true;
        return SL_EV_FINAL;
    }
    if (ep == SL_EP_RESPONSES)
        return read_response(&e, u);
    if (sl_str_eq(e.name, SL_STR("error")))
        return chunk_error(e.data, u);
    return read_chunk(e.data, u);
}

/* [DONE] may be missing at servers that imitate the API; a finish reason says
 * as much. A response's end is an event of its own, always. */
static bool is_whole(enum sl_endpoint ep, const struct sl_usage *u)
{
    return u->has_final || (ep != SL_EP_RESPONSES && u->has_stop);
}

const struct sl_dialect sl_dialect_openai = {
    .name = "openai",
    .error_body = error_body,
    .error_event = error_event,
    .keepalive = keepalive,
    .event = event,
    .is_whole = is_whole,
};
