/* llm/neutral/openai_answer.c -- plain answers and errors of chat completions.
 * Source: OpenAI API reference, "The chat completion object", "Error codes"; OpenRouter,
 * "Reasoning tokens". */
#include "llm/neutral/openai.h"

/* --- Finish reasons and usage ------------------------------------------------------------------
 */

enum sl_neutral_stop sl_openai_stop(struct sl_str raw)
{
    if (!sl_llm_is_set(raw))
        return SL_STOP_UNSAID;
    if (sl_neutral_is(raw, "length"))
        return SL_STOP_LENGTH;
    if (sl_neutral_is(raw, "content_filter"))
        return SL_STOP_REFUSAL;
    if (sl_neutral_is(raw, "tool_calls") || sl_neutral_is(raw, "function_call"))
        return SL_STOP_CALLS;
    return SL_STOP_END;
}

const char *sl_openai_finish(enum sl_neutral_stop stop, bool of_functions)
{
    switch (stop) {
    case SL_STOP_LENGTH: return "length";
    case SL_STOP_CALLS: return of_functions ? "function_call" : "tool_calls";
    case SL_STOP_REFUSAL: return "content_filter";
    case SL_STOP_UNSAID:
    case SL_STOP_END:
    case SL_STOP_TEXT: break;
    }
    return "stop";
}

void sl_openai_put_usage(struct sl_grow *g, const struct sl_usage *u)
{
    uint64_t writes = u->cache_write_5m + u->cache_write_1h;
    uint64_t prompt = u->in + u->cache_read + writes;

    sl_neutral_put(g, "{\"prompt_tokens\":");
    sl_grow_u64(g, prompt);
    sl_neutral_put(g, ",\"completion_tokens\":");
    sl_grow_u64(g, u->out);
    sl_neutral_put(g, ",\"total_tokens\":");
    sl_grow_u64(g, prompt + u->out);
    sl_neutral_put(g, ",\"prompt_tokens_details\":{\"cached_tokens\":");
    sl_grow_u64(g, u->cache_read);
    sl_neutral_put(g, ",\"cache_write_tokens\":");
    sl_grow_u64(g, writes);
    sl_neutral_put(g, "},\"completion_tokens_details\":{\"reasoning_tokens\":");
    sl_grow_u64(g, u->reasoning);
    sl_neutral_put(g, "}}");
}

void sl_openai_put_head(struct sl_grow *g, const struct sl_translate *t, const char *object)
{
    sl_neutral_put(g, "{\"id\":\"chatcmpl-");
    sl_grow_add(g, t->wish.id);
    sl_neutral_put(g, "\",\"object\":\"");
    sl_neutral_put(g, object);
    sl_neutral_put(g, "\",\"created\":");
    sl_grow_u64(g, t->wish.created_s > 0 ? (uint64_t)t->wish.created_s : 0);
    sl_neutral_put(g, ",\"model\":");
    sl_grow_json(g, t->wish.asked);
    /* OpenRouter's client wants one in an answer, and in a chunk no null. */
    sl_neutral_put(g, ",\"system_fingerprint\":\"fp_translated\"");
}

/* --- Reading ------------------------------------------------------------------------------------
 */

static struct sl_neutral_part *add(struct sl_neutral_answer *r, enum sl_neutral_kind kind,
                                   struct sl_str text)
{
    struct sl_neutral_part *p = sl_neutral_part_add(r->a, &r->err, &r->parts, kind);

    if (p != NULL)
        p->text = text;
    return p;
}

/* In a signature of the last thought, or of one of which nothing can be seen. */
static void add_sealed(struct sl_neutral_answer *r, const struct sl_neutral_sealed *sealed)
{
    struct sl_neutral_part *p = r->parts.last;
    struct sl_grow g;
    enum sl_err err;

    if (p == NULL || p->signature.n > 0)
        p = add(r, SL_PART_THINK, (struct sl_str){"", 0});
    if (p == NULL)
        return;
    sl_grow_init(&g, SL_TRANSLATE_WAIT);
    sl_neutral_seal(&g, sealed);
    err = sl_grow_take(&g, r->a, &p->signature);
    if (r->err == SL_OK)
        r->err = err;
}

/* The same thoughts stand under up to three names: one of them is enough, details first,
 * since they are signed. */
static void read_reasoning(struct sl_neutral_answer *r, struct sl_str message)
{
    struct sl_str details = sl_json_get(message, SL_STR("reasoning_details")), one;
    struct sl_str text = sl_llm_inner(sl_json_get(message, SL_STR("reasoning_content")));
    struct sl_neutral_sealed sealed = {.n = 0};
    size_t pos = 0;

    while (r->err == SL_OK && sl_json_next(details, &pos, &one)) {
        struct sl_str type = sl_json_get(one, SL_STR("type"));
        struct sl_neutral_part *p = NULL;

        if (sl_neutral_is(type, "reasoning.text"))
            p = add(r, SL_PART_THINK, sl_llm_inner(sl_json_get(one, SL_STR("text"))));
        else if (sl_neutral_is(type, "reasoning.summary"))
            p = add(r, SL_PART_THINK, sl_llm_inner(sl_json_get(one, SL_STR("summary"))));
        else if (sl_neutral_is_sealed(one))
            sl_neutral_seal_add(&sealed, one);
        else if (sl_neutral_is(type, "reasoning.encrypted"))
            (void)add(r, SL_PART_HIDDEN, sl_llm_inner(sl_json_get(one, SL_STR("data"))));
        if (p != NULL && sl_neutral_is(sl_json_get(one, SL_STR("format")), SL_OPENAI_FORMAT))
            p->signature = sl_llm_inner(sl_json_get(one, SL_STR("signature")));
    }
    if (text.n == 0)
        text = sl_llm_inner(sl_json_get(message, SL_STR("reasoning")));
    if (!sl_neutral_has(&r->parts, SL_PART_THINK) && text.n > 0)
        (void)add(r, SL_PART_THINK, text);
    if (sealed.n > 0 && r->err == SL_OK)
        add_sealed(r, &sealed);
    sl_grow_fini(&sealed.text);
}

static void read_content(struct sl_neutral_answer *r, struct sl_str content)
{
    struct sl_str one;
    size_t pos = 0;

    if (sl_llm_inner(content).n > 0)
        (void)add(r, SL_PART_TEXT, sl_llm_inner(content));
    while (r->err == SL_OK && sl_json_next(content, &pos, &one)) {
        struct sl_str text = sl_llm_inner(sl_json_get(one, SL_STR("text")));

        if (text.n > 0)
            (void)add(r, SL_PART_TEXT, text);
    }
}

static void read_call(struct sl_neutral_answer *r, const struct sl_translate *t,
                      struct sl_str function, struct sl_str id, size_t n)
{
    struct sl_str name = sl_llm_inner(sl_json_get(function, SL_STR("name")));
    struct sl_str arguments = sl_json_get(function, SL_STR("arguments"));
    struct sl_neutral_part *p;

    if (name.n == 0)
        return; /* of nothing that could be called */
    p = add(r, SL_PART_CALL, (struct sl_str){"", 0});
    if (p == NULL)
        return;
    p->id = sl_llm_inner(id);
    if (p->id.n == 0)
        p->id = sl_arena_printf(r->a, "call_%.*s_%zu", SL_STR_ARGS(t->wish.id), n);
    p->name = sl_neutral_name_here(t, name);
    /* some servers send the object itself */
    p->input = sl_json_type_of(arguments) == SL_JSON_OBJECT
                   ? arguments
                   : sl_neutral_input(r->a, &r->err, sl_llm_inner(arguments));
    if (p->id.p == NULL)
        r->err = SL_ERR_NO_MEMORY;
}

static void read_calls(struct sl_neutral_answer *r, const struct sl_translate *t,
                       struct sl_str message)
{
    struct sl_str calls = sl_json_get(message, SL_STR("tool_calls")), one;
    struct sl_str function = sl_json_get(message, SL_STR("function_call"));
    size_t pos = 0, n = 0;

    while (r->err == SL_OK && sl_json_next(calls, &pos, &one))
        read_call(r, t, sl_json_get(one, SL_STR("function")), sl_json_get(one, SL_STR("id")), n++);
    if (n == 0 && sl_json_type_of(function) == SL_JSON_OBJECT)
        read_call(r, t, function, (struct sl_str){"", 0}, 0);
}

static void settle_stop(struct sl_neutral_answer *r, struct sl_str choice)
{
    struct sl_str text = sl_json_get(choice, SL_STR("stop_reason")); /* vLLM's */
    bool calls = sl_neutral_has(&r->parts, SL_PART_CALL);

    r->stop = sl_openai_stop(sl_json_get(choice, SL_STR("finish_reason")));
    if (r->refusal.n > 0)
        r->stop = SL_STOP_REFUSAL;
    else if (calls && (r->stop == SL_STOP_END || r->stop == SL_STOP_UNSAID))
        r->stop = SL_STOP_CALLS;
    else if (!calls && (r->stop == SL_STOP_CALLS || r->stop == SL_STOP_UNSAID))
        r->stop = SL_STOP_END;
    if (r->stop == SL_STOP_END && sl_llm_inner(text).n > 0) {
        r->stop = SL_STOP_TEXT;
        r->stop_text = sl_llm_inner(text);
    }
}

static void read_answer(struct sl_neutral_answer *r, const struct sl_translate *t,
                        struct sl_str body)
{
    struct sl_str choices = sl_json_get(body, SL_STR("choices")), choice = {NULL, 0}, message;
    size_t pos = 0;

    if (!sl_json_next(choices, &pos, &choice)) {
        r->err = SL_ERR_UP_GARBAGE;
        return;
    }
    message = sl_json_get(choice, SL_STR("message"));
    if (sl_json_type_of(message) != SL_JSON_OBJECT)
        r->err = SL_ERR_UP_GARBAGE;
    read_reasoning(r, message);
    read_content(r, sl_json_get(message, SL_STR("content")));
    r->refusal = sl_llm_inner(sl_json_get(message, SL_STR("refusal")));
    if (r->refusal.n > 0)
        (void)add(r, SL_PART_REFUSAL, r->refusal);
    read_calls(r, t, message);
    settle_stop(r, choice);
    (void)sl_usage_merge(&r->usage, sl_json_get(body, SL_STR("usage")));
    (void)sl_llm_copy(sl_json_get(body, SL_STR("model")), r->usage.model, sizeof(r->usage.model));
}

/* --- Writing ------------------------------------------------------------------------------------
 */

static void put_reasoning(const struct sl_neutral_answer *r, struct sl_grow *g)
{
    size_t n = 0;

    if (sl_neutral_has(&r->parts, SL_PART_THINK)) {
        sl_neutral_put(g, ",\"reasoning_content\":\"");
        (void)sl_neutral_put_texts(g, &r->parts, SL_PART_THINK, "\\n\\n");
        sl_grow_byte(g, '"');
    }
    for (const struct sl_neutral_part *p = r->parts.first; p != NULL; p = p->next) {
        if (p->kind != SL_PART_THINK && p->kind != SL_PART_HIDDEN)
            continue;
        sl_neutral_put(g, n == 0 ? ",\"reasoning_details\":[{\"type\":\"" : ",{\"type\":\"");
        sl_neutral_put(g, p->kind == SL_PART_THINK ? "reasoning.text\",\"text\":"
                                                   : "reasoning.encrypted\",\"data\":");
        sl_neutral_put_esc(g, p->text);
        if (p->kind == SL_PART_THINK) {
            sl_neutral_put_key(g, "signature");
            sl_neutral_put_esc(g, p->signature);
        }
        sl_neutral_put(g, ",\"format\":\"" SL_OPENAI_FORMAT "\",\"index\":");
        sl_grow_u64(g, n++);
        sl_grow_byte(g, '}');
    }
    if (n > 0)
        sl_grow_byte(g, ']');
}

static void put_function(const struct sl_neutral_part *p, struct sl_grow *g)
{
    sl_neutral_put(g, "{\"name\":");
    sl_neutral_put_esc(g, p->name);
    sl_neutral_put(g, ",\"arguments\":");
    sl_grow_json(g, p->input);
    sl_grow_byte(g, '}');
}

static void put_custom(const struct sl_neutral_part *p, struct sl_grow *g)
{
    sl_neutral_put(g, "{\"name\":");
    sl_neutral_put_esc(g, p->name);
    sl_neutral_put(g, ",\"input\":\"");
    sl_neutral_free_text(g, p->input);
    sl_neutral_put(g, "\"}");
}

static void put_call(const struct sl_neutral_part *p, bool custom, struct sl_grow *g)
{
    sl_neutral_put(g, "{\"id\":");
    sl_neutral_put_esc(g, p->id);
    sl_neutral_put(g, custom ? ",\"type\":\"custom\",\"custom\":"
                             : ",\"type\":\"function\",\"function\":");
    if (custom)
        put_custom(p, g);
    else
        put_function(p, g);
    sl_grow_byte(g, '}');
}

static void put_calls(const struct sl_neutral_answer *r, const struct sl_translate *t,
                      struct sl_grow *g)
{
    size_t n = 0;

    for (const struct sl_neutral_part *p = r->parts.first; p != NULL; p = p->next) {
        if (p->kind != SL_PART_CALL)
            continue;
        if (t->of_functions) {
            sl_neutral_put(g, ",\"function_call\":");
            put_function(p, g);
            return;
        }
        sl_neutral_put(g, n++ == 0 ? ",\"tool_calls\":[" : ",");
        put_call(p, sl_neutral_takes_text(t, p->name), g);
    }
    if (n > 0)
        sl_grow_byte(g, ']');
}

static void write_answer(const struct sl_neutral_answer *r, const struct sl_translate *t,
                         struct sl_grow *g)
{
    bool text = sl_neutral_has(&r->parts, SL_PART_TEXT);

    sl_openai_put_head(g, t, "chat.completion");
    sl_neutral_put(g,
                   ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    if (text || !sl_neutral_has(&r->parts, SL_PART_CALL)) {
        sl_grow_byte(g, '"');
        (void)sl_neutral_put_texts(g, &r->parts, SL_PART_TEXT, "");
        sl_grow_byte(g, '"');
    } else {
        sl_neutral_put(g, "null");
    }
    sl_neutral_put(g, ",\"refusal\":");
    if (r->refusal.n > 0)
        sl_neutral_put_esc(g, r->refusal);
    else
        sl_neutral_put(g, "null");
    put_reasoning(r, g);
    put_calls(r, t, g);
    sl_neutral_put(g, "},\"logprobs\":null,\"finish_reason\":\"");
    sl_neutral_put(g, sl_openai_finish(r->stop, t->of_functions));
    sl_neutral_put(g, "\"}],\"usage\":");
    sl_openai_put_usage(g, &r->usage);
    sl_grow_byte(g, '}');
}

/* --- Errors --------------------------------------------------------------------------------------
 */

int sl_openai_status_of(int status, bool too_long)
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
    case 422:
    case 429:
    case 503:
    case 504: return status;
    case 408:
    case 524: return 504;
    case 529: return 503;
    default: return status >= 400 && status < 500 ? 400 : 500;
    }
}

struct words {
    const char *type, *code;
};

static struct words words_of(int status)
{
    switch (status) {
    case 404: return (struct words){"invalid_request_error", "\"model_not_found\""};
    case 429: return (struct words){"rate_limit_error", "\"rate_limit_exceeded\""};
    case 503: return (struct words){"service_unavailable_error", "\"server_is_overloaded\""};
    case 504: return (struct words){"server_error", "\"timeout\""};
    default:
        return (struct words){
            status >= 400 && status < 500 ? "invalid_request_error" : "server_error", "null"};
    }
}

void sl_openai_write_error(const struct sl_translate *t, int status, struct sl_str message,
                           struct sl_grow *g)
{
    struct words w = words_of(status);

    (void)t;
    if (status == 400 && sl_str_starts(message, SL_STR("prompt is too long")))
        w.code = "\"context_length_exceeded\"";
    sl_neutral_put(g, "{\"error\":{\"message\":");
    sl_grow_json(g, message);
    sl_neutral_put(g, ",\"type\":\"");
    sl_neutral_put(g, w.type);
    sl_neutral_put(g, "\",\"param\":null,\"code\":");
    sl_neutral_put(g, w.code);
    sl_neutral_put(g, "}}");
}

const struct sl_neutral_dialect sl_neutral_openai = {
    .read_ask = sl_openai_read_ask,
    .write_ask = sl_openai_write_ask,
    .read_answer = read_answer,
    .write_answer = write_answer,
    .write_error = sl_openai_write_error,
    .status_of = sl_openai_status_of,
    .reader_size = SL_OPENAI_READER,
    .writer_size = SL_OPENAI_WRITER,
    .read_event = sl_openai_read_event,
    .read_end = sl_openai_read_end,
    .write_say = sl_openai_write_say,
    .reader_fini = sl_openai_reader_fini,
    .writer_fini = sl_openai_writer_fini,
};
