/* llm/neutral/translate.c -- requests, plain answers and errors through the neutral form. */
#include "llm/neutral/neutral.h"

static const struct sl_neutral_dialect *dialect_of(enum sl_endpoint ep)
{
    return ep == SL_EP_MESSAGES      ? &sl_neutral_anthropic
           : ep == SL_EP_CHAT        ? &sl_neutral_openai
           : ep == SL_EP_RESPONSES   ? &sl_neutral_responses
           : ep == SL_EP_COMPLETIONS ? &sl_neutral_completions
           : ep == SL_EP_PROMPT      ? &sl_neutral_prompt
                                     : NULL;
}

bool sl_translate_has(enum sl_endpoint from)
{
    return dialect_of(from) != NULL;
}

enum sl_endpoint sl_translate_endpoint(enum sl_endpoint from, const struct sl_dialect *to)
{
    if (dialect_of(from) == NULL)
        return SL_EP_NONE;
    return to == &sl_dialect_anthropic ? SL_EP_MESSAGES : SL_EP_CHAT;
}

bool sl_translate_wants_usage(const struct sl_translate *t)
{
    return t->wants_usage;
}

static void note(struct sl_translate *t, const struct sl_neutral_ask *q)
{
    t->streams = q->streams;
    t->wants_usage = q->wants_usage;
    t->wants_thinking = t->client != &sl_neutral_anthropic ||
                        (q->thinking != SL_THINK_UNSAID && q->thinking != SL_THINK_OFF);
    t->thinking_unseen = q->thinking_unseen;
    t->of_functions = q->of_functions;
    t->echo = q->echo;
}

enum sl_err sl_translate_request(const struct sl_translate_wish *wish, struct sl_str body,
                                 struct sl_arena *a, struct sl_translate **made, struct sl_str *out,
                                 const char **why)
{
    struct sl_translate *t = sl_arena_zalloc(a, sizeof(*t));
    struct sl_neutral_ask q = {.a = a};
    struct sl_grow g;
    enum sl_err err;

    *why = NULL;
    if (t == NULL)
        return SL_ERR_NO_MEMORY;
    t->wish = *wish;
    t->asked_bytes = body.n;
    t->client = dialect_of(wish->from);
    t->provider = dialect_of(wish->to);
    if (t->client == NULL || t->provider == NULL)
        return SL_ERR_NOT_DONE;
    q.wish = &t->wish;
    t->client->read_ask(&q, body);
    note(t, &q);
    sl_grow_init(&g, wish->max);
    if (q.err == SL_OK)
        t->provider->write_ask(&q, t, &g);
    err = sl_grow_take(&g, a, out);
    *why = q.why;
    *made = t;
    return q.err != SL_OK ? q.err : err;
}

/* What tokens were spent on. */
static uint64_t bytes_of(const struct sl_neutral_parts *parts)
{
    uint64_t n = 0;

    for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next)
        n += p->kind == SL_PART_CALL ? p->input.n : p->kind == SL_PART_HIDDEN ? 0 : p->text.n;
    return n;
}

enum sl_err sl_translate_answer(const struct sl_translate *t, struct sl_str body,
                                struct sl_arena *a, struct sl_usage *u, struct sl_str *out)
{
    struct sl_neutral_answer r = {.a = a};
    struct sl_grow g;
    enum sl_err err;

    sl_usage_init(&r.usage);
    if (!sl_json_is_object(body))
        return SL_ERR_UP_GARBAGE;
    t->provider->read_answer(&r, t, body);
    if (r.err != SL_OK)
        return r.err;
    r.usage.has_stop = r.stop != SL_STOP_UNSAID;
    r.usage.text_bytes = bytes_of(&r.parts);
    *u = r.usage;
    sl_usage_settle(&r.usage, t->asked_bytes); /* of servers that count nothing */
    /* escaped anew it may be longer: arguments are a text in one, an object in the other */
    sl_grow_init(&g, 2 * body.n + 65536);
    t->client->write_answer(&r, t, &g);
    err = sl_grow_take(&g, a, out);
    return err;
}

enum sl_err sl_translate_error(const struct sl_translate *t, struct sl_str body, struct sl_arena *a,
                               int *status, struct sl_str *out)
{
    char text[SL_LLM_MESSAGE], too_long[160];
    struct sl_str message = sl_neutral_message(body, text, sizeof(text));
    bool is_long = (*status == 400 || *status == 413 || *status == 422) &&
                   sl_neutral_too_long(message, too_long, sizeof(too_long));
    struct sl_grow g;

    if (is_long)
        message = sl_str_of(too_long);
    *status = t->client->status_of(*status, is_long);
    sl_grow_init(&g, 8 * SL_LLM_MESSAGE);
    t->client->write_error(t, *status, message, &g);
    return sl_grow_take(&g, a, out);
}

/* --- Thoughts that we signed ---------------------------------------------------------------- */

/* A block of a message, or an item of a response's input. */
static bool is_ours(struct sl_str block)
{
    struct sl_str type = sl_json_get(block, SL_STR("type"));
    bool item = sl_neutral_is(type, "reasoning");
    struct sl_str seal =
        sl_json_get(block, item ? SL_STR("encrypted_content") : SL_STR("signature"));

    return (item || sl_neutral_is(type, "thinking")) &&
           sl_str_starts(sl_llm_inner(seal), SL_STR(SL_NEUTRAL_MARK));
}

/* All of a message but those blocks. A turn that was nothing else must still say something. */
static void put_unsigned(struct sl_grow *g, struct sl_str message)
{
    struct sl_str content = sl_json_get(message, SL_STR("content")), block;
    size_t pos = 0, all = 0, kept = 0;

    if (sl_json_type_of(content) != SL_JSON_ARRAY) {
        sl_grow_add(g, message);
        return;
    }
    sl_grow_add(g, sl_str_first(message, (size_t)(content.p - message.p)));
    sl_grow_byte(g, '[');
    for (; sl_json_next(content, &pos, &block); all++) {
        if (is_ours(block))
            continue;
        if (kept++ > 0)
            sl_grow_byte(g, ',');
        sl_grow_add(g, block);
    }
    if (kept == 0 && all > 0)
        sl_neutral_put(g, "{\"type\":\"text\",\"text\":\"(no text)\"}");
    sl_grow_byte(g, ']');
    sl_grow_add(g, sl_str_from(message, (size_t)(content.p - message.p) + content.n));
}

enum sl_err sl_translate_unsign(enum sl_endpoint from, struct sl_str body, struct sl_arena *a,
                                struct sl_str *out)
{
    bool items = from == SL_EP_RESPONSES;
    struct sl_str messages = {NULL, 0}, message;
    struct sl_grow g;
    size_t pos = 0, n = 0;

    *out = body;
    if (sl_str_find(body, SL_STR("\"" SL_NEUTRAL_MARK)) >= 0)
        messages = sl_json_get(body, items ? SL_STR("input") : SL_STR("messages"));
    if (sl_json_type_of(messages) != SL_JSON_ARRAY)
        return SL_OK;
    sl_grow_init(&g, body.n + 65536);
    sl_grow_add(&g, sl_str_first(body, (size_t)(messages.p - body.p)));
    sl_grow_byte(&g, '[');
    while (sl_json_next(messages, &pos, &message)) {
        if (items && is_ours(message))
            continue;
        if (n++ > 0)
            sl_grow_byte(&g, ',');
        if (items)
            sl_grow_add(&g, message);
        else
            put_unsigned(&g, message);
    }
    sl_grow_byte(&g, ']');
    sl_grow_add(&g, sl_str_from(body, (size_t)(messages.p - body.p) + messages.n));
    return sl_grow_take(&g, a, out);
}
