/* llm/neutral/openai_in.c -- chunks of a chat stream into what they say.
 * Source: OpenAI API reference, "The chat completion chunk object"; OpenRouter, "Streaming",
 * "Reasoning tokens"; what compatible servers make of it: calls without an index or all of
 * index 0, names in every piece, arguments in one piece or as an object.
 */
#include "llm/neutral/openai.h"

#include "base/mem.h"

/* --- Errors --------------------------------------------------------------------------------------
 */

static void say_error(struct sl_translate_stream *s, struct sl_str error, struct sl_str body)
{
    char text[SL_LLM_MESSAGE];

    sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_ERROR,
                                       .status = sl_neutral_event_status(error),
                                       .text = sl_neutral_message(body, text, sizeof(text))});
}

static bool found_error(struct sl_translate_stream *s, struct sl_str data, struct sl_str choice)
{
    struct sl_str error = sl_json_get(data, SL_STR("error"));

    if (sl_llm_is_set(error) || sl_neutral_is(sl_json_get(data, SL_STR("object")), "error")) {
        say_error(s, sl_llm_is_set(error) ? error : data, data);
        return true;
    }
    error = sl_json_get(choice, SL_STR("error"));
    if (!sl_llm_is_set(error) &&
        !sl_neutral_is(sl_json_get(choice, SL_STR("finish_reason")), "error"))
        return false;
    say_error(s, error, choice);
    return true;
}

/* --- Thoughts and text
 * ----------------------------------------------------------------------------- */

static void say(struct sl_translate_stream *s, enum sl_say_kind kind, struct sl_str esc)
{
    struct sl_openai_reader *r = s->reader;

    if (esc.n == 0)
        return;
    r->said = r->said || kind != SL_SAY_SIGNATURE;
    sl_neutral_say(s, &(struct sl_say){.kind = kind, .text = esc});
}

/* All that was sealed since the last thought or text: the last signature of a block counts. While
 * a call is open the signature waits, and goes on. Of what is too much for one, no part is told. */
static void say_sealed(struct sl_translate_stream *s, struct sl_str detail)
{
    struct sl_openai_reader *r = s->reader;
    struct sl_grow g;

    if (r->unsealed)
        return;
    if (r->said && !s->serial.is_open)
        sl_neutral_seal_reset(&r->sealed);
    r->said = false;
    sl_neutral_seal_add(&r->sealed, detail);
    r->unsealed = !sl_neutral_may_seal(&r->sealed);
    sl_grow_init(&g, SL_TRANSLATE_WAIT);
    sl_neutral_seal(&g, &r->sealed);
    if (g.err == SL_OK)
        say(s, SL_SAY_SIGNATURE, sl_grow_str(&g));
    sl_grow_fini(&g);
}

/* What only the details have: signatures, and thoughts that are sealed. */
static void read_details(struct sl_translate_stream *s, struct sl_str details, bool with_text)
{
    struct sl_str one;
    size_t pos = 0;

    while (sl_json_next(details, &pos, &one)) {
        struct sl_str type = sl_json_get(one, SL_STR("type"));
        bool own = sl_neutral_is(sl_json_get(one, SL_STR("format")), SL_OPENAI_FORMAT);

        if (sl_neutral_is(type, "reasoning.text") && with_text)
            say(s, SL_SAY_THINK, sl_llm_inner(sl_json_get(one, SL_STR("text"))));
        else if (sl_neutral_is(type, "reasoning.summary") && with_text)
            say(s, SL_SAY_THINK, sl_llm_inner(sl_json_get(one, SL_STR("summary"))));
        else if (sl_neutral_is(type, "reasoning.encrypted") && own)
            say(s, SL_SAY_HIDDEN, sl_llm_inner(sl_json_get(one, SL_STR("data"))));
        else if (sl_neutral_is_sealed(one))
            say_sealed(s, one);
        if (own)
            say(s, SL_SAY_SIGNATURE, sl_llm_inner(sl_json_get(one, SL_STR("signature"))));
    }
}

static void read_content(struct sl_translate_stream *s, struct sl_str content)
{
    struct sl_str one;
    size_t pos = 0;

    say(s, SL_SAY_TEXT, sl_llm_inner(content));
    while (sl_json_next(content, &pos, &one))
        say(s, SL_SAY_TEXT, sl_llm_inner(sl_json_get(one, SL_STR("text"))));
}

/* --- Calls
 * ------------------------------------------------------------------------------------------ */

static bool has_id(const struct sl_openai_call *c, struct sl_str id)
{
    return c->id != NULL && sl_str_eq(sl_str_of(c->id), id);
}

/* The call that a piece belongs to: by its index, unless the piece begins another one of the
 * same index; without an index by its id, else the last one. -1: a new one. */
static int find_call(const struct sl_openai_reader *r, struct sl_str index, struct sl_str id,
                     struct sl_str name)
{
    uint64_t at = 0;

    if (sl_json_u64(index, &at)) {
        for (unsigned i = r->calls_n; i-- > 0;) {
            const struct sl_openai_call *c = &r->calls[i];

            if (c->index == at)
                return c->id != NULL && id.n > 0 && name.n > 0 && !has_id(c, id) ? -1 : (int)i;
        }
        return -1;
    }
    if (id.n == 0)
        return (int)r->calls_n - 1;
    for (unsigned i = r->calls_n; i-- > 0;)
        if (has_id(&r->calls[i], id))
            return (int)i;
    return -1;
}

static int add_call(struct sl_translate_stream *s, struct sl_str index)
{
    struct sl_openai_reader *r = s->reader;
    struct sl_openai_call *c;

    if (r->calls_n == SL_NEUTRAL_CALLS) {
        s->err = SL_ERR_UP_GARBAGE;
        return -1;
    }
    if (r->calls_n == r->calls_cap) {
        unsigned cap = r->calls_cap > 0 ? 2 * r->calls_cap : 4;
        void *more = sl_mem_grow(r->calls, cap * sizeof(*r->calls));

        if (more == NULL) {
            s->err = SL_ERR_NO_MEMORY;
            return -1;
        }
        r->calls = more;
        r->calls_cap = cap;
    }
    c = &r->calls[r->calls_n];
    *c = (struct sl_openai_call){.index = UINT64_MAX};
    if (!sl_json_u64(index, &c->index))
        c->index = UINT64_MAX; /* has none, and is found by none */
    return (int)r->calls_n++;
}

static void keep_id(struct sl_translate_stream *s, struct sl_openai_call *c, struct sl_str id)
{
    if (c->id != NULL || id.n == 0)
        return;
    if (id.n > SL_NEUTRAL_KEPT) {
        s->err = SL_ERR_UP_GARBAGE;
        return;
    }
    c->id = sl_mem_try(id.n + 1);
    if (c->id == NULL) {
        s->err = SL_ERR_NO_MEMORY;
        return;
    }
    memcpy(c->id, id.p, id.n);
    c->id[id.n] = '\0';
}

/* Some servers send the object itself. */
static void say_object(struct sl_translate_stream *s, unsigned number, struct sl_str raw)
{
    struct sl_grow g;

    sl_grow_init(&g, 6 * raw.n + 64);
    sl_grow_escaped(&g, raw);
    if (g.err != SL_OK)
        s->err = g.err;
    else
        sl_neutral_say(
            s, &(struct sl_say){.kind = SL_SAY_ARGS, .number = number, .text = sl_grow_str(&g)});
    sl_grow_fini(&g);
}

static void read_piece(struct sl_translate_stream *s, struct sl_str piece, struct sl_str function)
{
    struct sl_openai_reader *r = s->reader;
    struct sl_str index = sl_json_get(piece, SL_STR("index"));
    struct sl_str id = sl_llm_inner(sl_json_get(piece, SL_STR("id")));
    struct sl_str name = sl_llm_inner(sl_json_get(function, SL_STR("name")));
    struct sl_str arguments = sl_json_get(function, SL_STR("arguments"));
    int number = find_call(r, index, id, name);

    if (number < 0)
        number = add_call(s, index);
    if (number < 0)
        return;
    keep_id(s, &r->calls[number], id);
    if (id.n > 0 || name.n > 0)
        sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_CALL,
                                           .number = (unsigned)number,
                                           .id = id,
                                           .name = sl_neutral_name_here(s->t, name)});
    if (sl_json_type_of(arguments) == SL_JSON_OBJECT)
        say_object(s, (unsigned)number, arguments);
    else if (sl_llm_inner(arguments).n > 0)
        sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_ARGS,
                                           .number = (unsigned)number,
                                           .text = sl_llm_inner(arguments)});
}

/* --- Chunks
 * ------------------------------------------------------------------------------------------- */

enum member {
    ROLE_CONTENT,
    REASONING_CONTENT,
    REASONING,
    DETAILS,
    REFUSAL,
    CALLS,
    FUNCTION,
    MEMBERS
};

static const struct sl_str members[MEMBERS] = {
    [ROLE_CONTENT] = SL_STR_INIT("content"),
    [REASONING_CONTENT] = SL_STR_INIT("reasoning_content"),
    [REASONING] = SL_STR_INIT("reasoning"),
    [DETAILS] = SL_STR_INIT("reasoning_details"),
    [REFUSAL] = SL_STR_INIT("refusal"),
    [CALLS] = SL_STR_INIT("tool_calls"),
    [FUNCTION] = SL_STR_INIT("function_call"),
};

static void read_delta(struct sl_translate_stream *s, struct sl_str delta)
{
    struct sl_str v[MEMBERS], thought, piece;
    size_t pos = 0;

    sl_neutral_pick(delta, members, MEMBERS, v);
    thought = sl_llm_inner(v[REASONING_CONTENT]); /* one of three names: never two */
    if (thought.n == 0)
        thought = sl_llm_inner(v[REASONING]);
    say(s, SL_SAY_THINK, thought);
    read_details(s, v[DETAILS], thought.n == 0);
    read_content(s, v[ROLE_CONTENT]);
    say(s, SL_SAY_REFUSAL, sl_llm_inner(v[REFUSAL]));
    while (s->err == SL_OK && sl_json_next(v[CALLS], &pos, &piece))
        read_piece(s, piece, sl_json_get(piece, SL_STR("function")));
    if (sl_json_type_of(v[FUNCTION]) == SL_JSON_OBJECT)
        read_piece(s, SL_STR("{\"index\":0}"), v[FUNCTION]);
}

/* The first choice; others are not asked for. */
static struct sl_str first_choice(struct sl_str choices)
{
    struct sl_str choice;
    size_t pos = 0;

    while (sl_json_next(choices, &pos, &choice)) {
        uint64_t index = 0;

        if (!sl_json_u64(sl_json_get(choice, SL_STR("index")), &index) || index == 0)
            return choice;
    }
    return (struct sl_str){NULL, 0};
}

static void read_choice(struct sl_translate_stream *s, struct sl_str choice)
{
    struct sl_str delta = sl_json_get(choice, SL_STR("delta"));
    struct sl_str reason = sl_json_get(choice, SL_STR("finish_reason"));
    struct sl_str text = sl_llm_inner(sl_json_get(choice, SL_STR("stop_reason"))); /* vLLM's */
    enum sl_neutral_stop stop = sl_openai_stop(reason);

    read_delta(s, delta.p != NULL ? delta : sl_json_get(choice, SL_STR("message")));
    if (stop == SL_STOP_UNSAID || s->err != SL_OK)
        return;
    if (stop == SL_STOP_END && text.n > 0)
        stop = SL_STOP_TEXT;
    sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_STOP, .stop = stop, .text = text});
}

void sl_openai_read_event(struct sl_translate_stream *s, const struct sl_sse_event *e)
{
    struct sl_str choice;

    if (sl_str_eq(e->data, SL_STR("[DONE]"))) {
        sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_END});
        return;
    }
    if (!sl_json_is_object(e->data)) {
        s->err = SL_ERR_UP_GARBAGE;
        return;
    }
    choice = first_choice(sl_json_get(e->data, SL_STR("choices")));
    (void)sl_usage_merge(&s->usage, sl_json_get(e->data, SL_STR("usage")));
    if (s->usage.model[0] == '\0')
        (void)sl_llm_copy(sl_json_get(e->data, SL_STR("model")), s->usage.model,
                          sizeof(s->usage.model));
    if (found_error(s, e->data, choice))
        return;
    sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_START});
    if (choice.p != NULL)
        read_choice(s, choice);
}

/* Servers may leave out [DONE]; a finish reason says as much. */
void sl_openai_read_end(struct sl_translate_stream *s)
{
    if (s->stop != SL_STOP_UNSAID)
        sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_END});
}

void sl_openai_reader_fini(void *reader)
{
    struct sl_openai_reader *r = reader;

    for (unsigned i = 0; i < r->calls_n; i++)
        sl_mem_free(r->calls[i].id);
    sl_mem_free(r->calls);
    sl_grow_fini(&r->sealed.text);
}
