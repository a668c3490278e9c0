/* llm/messages/anthropic_answer.c -- plain answers and errors of the Messages API.
 * Source: Anthropic API reference, "Messages", "Errors". */
#include "llm/messages/anthropic.h"

/* --- Stop reasons and usage ------------------------------------------------------------------ */

enum sl_neutral_stop sl_anthropic_stop(struct sl_str raw)
{
    static const struct {
        const char *word;
        enum sl_neutral_stop stop;
    } words[] = {
        {"end_turn", SL_STOP_END},       {"max_tokens", SL_STOP_LENGTH},
        {"stop_sequence", SL_STOP_TEXT}, {"tool_use", SL_STOP_CALLS},
        {"refusal", SL_STOP_REFUSAL},    {"model_context_window_exceeded", SL_STOP_LENGTH},
    };

    if (!sl_llm_is_set(raw))
        return SL_STOP_UNSAID;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (sl_neutral_is(raw, words[i].word))
            return words[i].stop;
    return SL_STOP_END; /* pause_turn, compaction, and what may come */
}

static const char *word_of(enum sl_neutral_stop stop)
{
    switch (stop) {
    case SL_STOP_LENGTH: return "max_tokens";
    case SL_STOP_TEXT: return "stop_sequence";
    case SL_STOP_CALLS: return "tool_use";
    case SL_STOP_REFUSAL: return "refusal";
    case SL_STOP_UNSAID:
    case SL_STOP_END: break;
    }
    return "end_turn";
}

void sl_anthropic_put_stop(struct sl_grow *g, enum sl_neutral_stop stop, struct sl_str text,
                           struct sl_str refusal)
{
    sl_neutral_put(g, "\"stop_reason\":\"");
    sl_neutral_put(g, word_of(stop));
    sl_neutral_put(g, "\",\"stop_sequence\":");
    if (stop == SL_STOP_TEXT)
        sl_neutral_put_esc(g, text);
    else
        sl_neutral_put(g, "null");
    if (stop != SL_STOP_REFUSAL)
        return;
    sl_neutral_put(g, ",\"stop_details\":{\"type\":\"refusal\",\"category\":null,\"explanation\":");
    if (refusal.n > 0)
        sl_neutral_put_esc(g, refusal);
    else
        sl_neutral_put(g, "null");
    sl_grow_byte(g, '}');
}

void sl_anthropic_put_usage(struct sl_grow *g, const struct sl_usage *u)
{
    sl_neutral_put(g, "{\"input_tokens\":");
    sl_grow_u64(g, u->in);
    sl_neutral_put(g, ",\"cache_creation_input_tokens\":");
    sl_grow_u64(g, u->cache_write_5m + u->cache_write_1h);
    sl_neutral_put(g, ",\"cache_read_input_tokens\":");
    sl_grow_u64(g, u->cache_read);
    sl_neutral_put(g, ",\"output_tokens\":");
    sl_grow_u64(g, u->out);
    if (u->reasoning > 0) {
        sl_neutral_put(g, ",\"output_tokens_details\":{\"thinking_tokens\":");
        sl_grow_u64(g, u->reasoning);
        sl_grow_byte(g, '}');
    }
    sl_grow_byte(g, '}');
}

void sl_anthropic_put_head(struct sl_grow *g, const struct sl_translate *t)
{
    sl_neutral_put(g, "{\"id\":\"msg_");
    sl_grow_add(g, t->wish.id);
    sl_neutral_put(g, "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
    sl_grow_json(g, t->wish.asked);
    sl_neutral_put(g, ",\"content\":[");
}

/* --- Reading ------------------------------------------------------------------------------------
 */

/* The arguments of the tool that stands for a schema: they are the answer. */
static void read_form(struct sl_neutral_answer *r, struct sl_str input)
{
    struct sl_neutral_part *p = sl_neutral_part_add(r->a, &r->err, &r->parts, SL_PART_TEXT);
    struct sl_grow g;
    enum sl_err err;

    if (p == NULL)
        return;
    sl_grow_init(&g, 6 * input.n + 64);
    sl_grow_escaped(&g, input);
    err = sl_grow_take(&g, r->a, &p->text);
    if (r->err == SL_OK)
        r->err = err;
}

static void read_block(struct sl_neutral_answer *r, const struct sl_translate *t,
                       struct sl_str block)
{
    struct sl_str type = sl_json_get(block, SL_STR("type")), text = {NULL, 0};
    struct sl_str name = sl_llm_inner(sl_json_get(block, SL_STR("name")));
    struct sl_neutral_part *p;
    enum sl_neutral_kind kind;

    if (sl_neutral_is(type, "text")) {
        kind = SL_PART_TEXT;
        text = sl_json_get(block, SL_STR("text"));
    } else if (sl_neutral_is(type, "thinking")) {
        kind = SL_PART_THINK;
        text = sl_json_get(block, SL_STR("thinking"));
    } else if (sl_neutral_is(type, "redacted_thinking")) {
        kind = SL_PART_HIDDEN;
        text = sl_json_get(block, SL_STR("data"));
    } else if (sl_neutral_is(type, "tool_use") && sl_anthropic_is_form(t, name)) {
        read_form(r, sl_json_get(block, SL_STR("input")));
        return;
    } else if (sl_neutral_is(type, "tool_use")) {
        kind = SL_PART_CALL;
    } else {
        return; /* what the provider's own tools did */
    }
    p = sl_neutral_part_add(r->a, &r->err, &r->parts, kind);
    if (p == NULL)
        return;
    p->text = sl_llm_inner(text);
    p->signature = sl_llm_inner(sl_json_get(block, SL_STR("signature")));
    p->id = sl_llm_inner(sl_json_get(block, SL_STR("id")));
    p->name = sl_neutral_name_here(t, name);
    p->input = sl_json_get(block, SL_STR("input"));
    if (sl_json_type_of(p->input) != SL_JSON_OBJECT)
        p->input = SL_STR("{}");
}

static void read_answer(struct sl_neutral_answer *r, const struct sl_translate *t,
                        struct sl_str body)
{
    struct sl_str content = sl_json_get(body, SL_STR("content")), block;
    struct sl_str details = sl_json_get(body, SL_STR("stop_details"));
    size_t pos = 0;

    if (sl_json_type_of(content) != SL_JSON_ARRAY)
        r->err = SL_ERR_UP_GARBAGE;
    while (r->err == SL_OK && sl_json_next(content, &pos, &block))
        read_block(r, t, block);
    r->stop = sl_anthropic_stop(sl_json_get(body, SL_STR("stop_reason")));
    if (r->stop == SL_STOP_CALLS && t->form.n > 0 && !sl_neutral_has(&r->parts, SL_PART_CALL))
        r->stop = SL_STOP_END;
    r->stop_text = sl_llm_inner(sl_json_get(body, SL_STR("stop_sequence")));
    r->refusal = sl_llm_inner(sl_json_get(details, SL_STR("explanation")));
    (void)sl_usage_merge(&r->usage, sl_json_get(body, SL_STR("usage")));
    (void)sl_llm_copy(sl_json_get(body, SL_STR("model")), r->usage.model, sizeof(r->usage.model));
}

/* --- Writing ------------------------------------------------------------------------------------
 */

static void put_part(const struct sl_neutral_part *p, const struct sl_translate *t,
                     struct sl_grow *g)
{
    switch (p->kind) {
    case SL_PART_TEXT:
    case SL_PART_REFUSAL:
        sl_neutral_put(g, "{\"type\":\"text\",\"text\":");
        sl_neutral_put_esc(g, p->text);
        break;
    case SL_PART_THINK:
        sl_neutral_put(g, "{\"type\":\"thinking\",\"thinking\":");
        sl_neutral_put_esc(g, t->thinking_unseen ? (struct sl_str){"", 0} : p->text);
        sl_neutral_put(g, ",\"signature\":");
        sl_neutral_put_esc(g, p->signature.n > 0 ? p->signature : SL_STR(SL_NEUTRAL_MARK));
        break;
    case SL_PART_HIDDEN:
        sl_neutral_put(g, "{\"type\":\"redacted_thinking\",\"data\":");
        sl_neutral_put_esc(g, p->text);
        break;
    case SL_PART_CALL:
        sl_neutral_put(g, "{\"type\":\"tool_use\",\"id\":");
        sl_neutral_put_esc(g, p->id);
        sl_neutral_put(g, ",\"name\":");
        sl_neutral_put_esc(g, p->name);
        sl_neutral_put(g, ",\"input\":");
        sl_grow_add(g, p->input);
        break;
    case SL_PART_IMAGE:
    case SL_PART_FILE:
    case SL_PART_RESULT: return; /* no answer holds these */
    }
    sl_grow_byte(g, '}');
}

static void write_answer(const struct sl_neutral_answer *r, const struct sl_translate *t,
                         struct sl_grow *g)
{
    size_t n = 0;

    sl_anthropic_put_head(g, t);
    for (const struct sl_neutral_part *p = r->parts.first; p != NULL; p = p->next) {
        if ((p->kind == SL_PART_THINK || p->kind == SL_PART_HIDDEN) && !t->wants_thinking)
            continue;
        if (n++ > 0)
            sl_grow_byte(g, ',');
        put_part(p, t, g);
    }
    sl_neutral_put(g, "],");
    sl_anthropic_put_stop(g, r->stop, r->stop_text, r->refusal);
    sl_neutral_put(g, ",\"usage\":");
    sl_anthropic_put_usage(g, &r->usage);
    sl_grow_byte(g, '}');
}

/* --- Errors --------------------------------------------------------------------------------------
 */

/* A provider's refusal of our credentials must not look like one of the client's. */
static int status_of(int status, bool too_long)
{
    if (too_long)
        return 400;
    switch (status) {
    case 401:
    case 402:
    case 403: return 500;
    case 404:
    case 409:
    case 413:
    case 429:
    case 504:
    case 529: return status;
    case 408:
    case 524: return 504;
    case 503: return 529;
    default: return status >= 400 && status < 500 ? 400 : 500;
    }
}

static const char *type_of(int status)
{
    switch (status) {
    case 404: return "not_found_error";
    case 409: return "conflict_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 504: return "timeout_error";
    case 529: return "overloaded_error";
    default: return status >= 400 && status < 500 ? "invalid_request_error" : "api_error";
    }
}

/* A model that its provider does not have is told in the words of the API, by the name that the
 * client knows. */
static bool is_of_model(int status, struct sl_str message)
{
    return status == 404 && (sl_str_find(message, SL_STR("odel")) >= 0 ||
                             sl_str_find(message, SL_STR("endpoints")) >= 0);
}

static void write_error(const struct sl_translate *t, int status, struct sl_str message,
                        struct sl_grow *g)
{
    char text[SL_LLM_MESSAGE];
    struct sl_text own = sl_text_over(text, sizeof(text));

    if (is_of_model(status, message)) {
        sl_text_add(&own, SL_STR("model: "));
        sl_text_add(&own, t->wish.asked);
        message = sl_text_str(&own);
    }
    sl_neutral_put(g, "{\"type\":\"error\",\"error\":{\"type\":\"");
    sl_neutral_put(g, type_of(status));
    sl_neutral_put(g, "\",\"message\":");
    sl_grow_json(g, message);
    sl_neutral_put(g, "},\"request_id\":");
    sl_grow_json(g, t->wish.id);
    sl_grow_byte(g, '}');
}

const struct sl_neutral_dialect sl_neutral_anthropic = {
    .read_ask = sl_anthropic_read_ask,
    .write_ask = sl_anthropic_write_ask,
    .read_answer = read_answer,
    .write_answer = write_answer,
    .write_error = write_error,
    .status_of = status_of,
    .reader_size = SL_ANTHROPIC_READER,
    .writer_size = SL_ANTHROPIC_WRITER,
    .one_by_one = true,
    .read_event = sl_anthropic_read_event,
    .read_end = sl_anthropic_read_end,
    .write_say = sl_anthropic_write_say,
    .writer_fini = sl_anthropic_writer_fini,
};
