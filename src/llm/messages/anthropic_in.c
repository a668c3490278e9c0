/* llm/messages/anthropic_in.c -- events of a Messages stream into what they say.
 * Source: Anthropic API reference, "Streaming messages". */
#include "llm/messages/anthropic.h"

static void garbage(struct sl_translate_stream *s)
{
    s->err = SL_ERR_UP_GARBAGE;
}

static void on_start(struct sl_translate_stream *s, struct sl_str data)
{
    struct sl_str message = sl_json_get(data, SL_STR("message"));

    (void)sl_llm_copy(sl_json_get(message, SL_STR("model")), s->usage.model,
                      sizeof(s->usage.model));
    (void)sl_usage_merge(&s->usage, sl_json_get(message, SL_STR("usage")));
    s->usage.has_out = false; /* a first guess: message_delta says the truth */
    sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_START});
}

/* --- Blocks ---------------------------------------------------------------------------------- */

static struct sl_anthropic_block *find(struct sl_anthropic_reader *r, struct sl_str data)
{
    uint64_t index;

    if (!sl_json_u64(sl_json_get(data, SL_STR("index")), &index))
        return NULL;
    for (unsigned i = 0; i < r->open_n; i++)
        if (r->open[i].index == index)
            return &r->open[i];
    return NULL;
}

static void say_text(struct sl_translate_stream *s, enum sl_say_kind kind, struct sl_str esc)
{
    if (esc.n > 0)
        sl_neutral_say(s, &(struct sl_say){.kind = kind, .text = esc});
}

/* A piece of a call's arguments, which may be the answer itself. */
static void say_args(struct sl_translate_stream *s, struct sl_anthropic_block *b, struct sl_str esc)
{
    if (esc.n == 0)
        return;
    b->said = true;
    sl_neutral_say(s, &(struct sl_say){.kind = b->kind == SL_BLOCK_FORM ? SL_SAY_TEXT : SL_SAY_ARGS,
                                       .number = b->call,
                                       .text = esc});
}

/* A call whose input comes with its start, as some gateways send it. */
static void say_input(struct sl_translate_stream *s, struct sl_anthropic_block *b,
                      struct sl_str input)
{
    struct sl_str key, value;
    struct sl_grow g;
    size_t pos = 0;

    if (!sl_json_next_member(input, &pos, &key, &value))
        return;
    sl_grow_init(&g, 6 * input.n + 64);
    sl_grow_escaped(&g, input);
    if (g.err != SL_OK)
        s->err = g.err;
    else
        say_args(s, b, sl_grow_str(&g));
    b->whole = true;
    sl_grow_fini(&g);
}

static void start_call(struct sl_translate_stream *s, struct sl_anthropic_reader *r,
                       struct sl_anthropic_block *b, struct sl_str block)
{
    struct sl_str name = sl_llm_inner(sl_json_get(block, SL_STR("name")));

    if (sl_anthropic_is_form(s->t, name)) {
        b->kind = SL_BLOCK_FORM;
        say_input(s, b, sl_json_get(block, SL_STR("input")));
        return;
    }
    if (r->calls_n == SL_NEUTRAL_CALLS) {
        garbage(s);
        return;
    }
    b->kind = SL_BLOCK_CALL;
    b->call = r->calls_n++;
    sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_CALL,
                                       .number = b->call,
                                       .id = sl_llm_inner(sl_json_get(block, SL_STR("id"))),
                                       .name = sl_neutral_name_here(s->t, name)});
    say_input(s, b, sl_json_get(block, SL_STR("input")));
}

static void on_block_start(struct sl_translate_stream *s, struct sl_str data)
{
    struct sl_anthropic_reader *r = s->reader;
    struct sl_str block = sl_json_get(data, SL_STR("content_block"));
    struct sl_str type = sl_json_get(block, SL_STR("type"));
    struct sl_anthropic_block *b;

    if (r->open_n == SL_ANTHROPIC_OPEN || find(r, data) != NULL) {
        garbage(s);
        return;
    }
    b = &r->open[r->open_n];
    *b = (struct sl_anthropic_block){.kind = SL_BLOCK_OTHER};
    if (!sl_json_u64(sl_json_get(data, SL_STR("index")), &b->index)) {
        garbage(s);
        return;
    }
    r->open_n++;
    if (sl_neutral_is(type, "text")) {
        b->kind = SL_BLOCK_TEXT;
        say_text(s, SL_SAY_TEXT, sl_llm_inner(sl_json_get(block, SL_STR("text"))));
    } else if (sl_neutral_is(type, "thinking")) {
        b->kind = SL_BLOCK_THINK;
        say_text(s, SL_SAY_THINK, sl_llm_inner(sl_json_get(block, SL_STR("thinking"))));
    } else if (sl_neutral_is(type, "redacted_thinking")) {
        say_text(s, SL_SAY_HIDDEN, sl_llm_inner(sl_json_get(block, SL_STR("data"))));
    } else if (sl_neutral_is(type, "tool_use")) {
        start_call(s, r, b, block);
    }
}

static void on_delta(struct sl_translate_stream *s, struct sl_str data)
{
    struct sl_anthropic_block *b = find(s->reader, data);
    struct sl_str delta = sl_json_get(data, SL_STR("delta"));
    struct sl_str type = sl_json_get(delta, SL_STR("type"));

    if (b == NULL) {
        garbage(s);
    } else if (sl_neutral_is(type, "text_delta") && b->kind == SL_BLOCK_TEXT) {
        say_text(s, SL_SAY_TEXT, sl_llm_inner(sl_json_get(delta, SL_STR("text"))));
    } else if (sl_neutral_is(type, "thinking_delta") && b->kind == SL_BLOCK_THINK) {
        say_text(s, SL_SAY_THINK, sl_llm_inner(sl_json_get(delta, SL_STR("thinking"))));
    } else if (sl_neutral_is(type, "signature_delta") && b->kind == SL_BLOCK_THINK) {
        say_text(s, SL_SAY_SIGNATURE, sl_llm_inner(sl_json_get(delta, SL_STR("signature"))));
    } else if (sl_neutral_is(type, "input_json_delta") && !b->whole &&
               (b->kind == SL_BLOCK_CALL || b->kind == SL_BLOCK_FORM)) {
        say_args(s, b, sl_llm_inner(sl_json_get(delta, SL_STR("partial_json"))));
    }
}

/* An answer of a schema that says nothing is the empty object: no text would be no JSON. */
static void end_call(struct sl_translate_stream *s, struct sl_anthropic_block *b)
{
    if (b->kind == SL_BLOCK_CALL)
        sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_CALL_END, .number = b->call});
    else if (b->kind == SL_BLOCK_FORM && !b->said)
        say_args(s, b, SL_STR("{}"));
}

static void on_block_stop(struct sl_translate_stream *s, struct sl_str data)
{
    struct sl_anthropic_reader *r = s->reader;
    struct sl_anthropic_block *b = find(r, data);

    if (b == NULL) {
        garbage(s);
        return;
    }
    end_call(s, b);
    *b = r->open[--r->open_n];
}

/* --- The end -----------------------------------------------------------------------------------
 */

/* Calls that nobody has ended are over, too. */
static void say_end(struct sl_translate_stream *s)
{
    struct sl_anthropic_reader *r = s->reader;

    for (unsigned i = 0; i < r->open_n; i++)
        end_call(s, &r->open[i]);
    r->open_n = 0;
    sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_END});
}

static void on_message_delta(struct sl_translate_stream *s, struct sl_str data)
{
    struct sl_str delta = sl_json_get(data, SL_STR("delta"));
    struct sl_str reason = sl_json_get(delta, SL_STR("stop_reason"));
    struct sl_str details = sl_json_get(delta, SL_STR("stop_details"));
    const struct sl_anthropic_reader *r = s->reader;
    enum sl_neutral_stop stop = sl_anthropic_stop(reason);

    (void)sl_usage_merge(&s->usage, sl_json_get(data, SL_STR("usage")));
    if (!sl_llm_is_set(reason))
        return;
    if (stop == SL_STOP_CALLS && s->t->form.n > 0 && r->calls_n == 0)
        stop = SL_STOP_END; /* the answer was a call there, and is none here */
    sl_neutral_say(
        s, &(struct sl_say){.kind = SL_SAY_STOP,
                            .stop = stop,
                            .text = sl_llm_inner(sl_json_get(delta, SL_STR("stop_sequence"))),
                            .id = sl_llm_inner(sl_json_get(details, SL_STR("explanation")))});
}

static void on_error(struct sl_translate_stream *s, struct sl_str data)
{
    struct sl_str error = sl_json_get(data, SL_STR("error"));
    char text[SL_LLM_MESSAGE];

    sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_ERROR,
                                       .status = sl_neutral_event_status(error),
                                       .text = sl_neutral_message(data, text, sizeof(text))});
}

void sl_anthropic_read_event(struct sl_translate_stream *s, const struct sl_sse_event *e)
{
    struct sl_str type = sl_llm_inner(sl_json_get(e->data, SL_STR("type")));

    if (!sl_json_is_object(e->data))
        garbage(s);
    else if (sl_str_eq(type, SL_STR("content_block_delta")))
        on_delta(s, e->data);
    else if (sl_str_eq(type, SL_STR("content_block_start")))
        on_block_start(s, e->data);
    else if (sl_str_eq(type, SL_STR("content_block_stop")))
        on_block_stop(s, e->data);
    else if (sl_str_eq(type, SL_STR("message_start")))
        on_start(s, e->data);
    else if (sl_str_eq(type, SL_STR("message_delta")))
        on_message_delta(s, e->data);
    else if (sl_str_eq(type, SL_STR("message_stop")))
        say_end(s);
    else if (sl_str_eq(type, SL_STR("ping")))
        sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_PING});
    else if (sl_str_eq(type, SL_STR("error")) || sl_str_eq(e->name, SL_STR("error")) ||
             (type.n == 0 && sl_llm_is_set(sl_json_get(e->data, SL_STR("error")))))
        on_error(s, e->data);
}

void sl_anthropic_read_end(struct sl_translate_stream *s)
{
    if (s->stop != SL_STOP_UNSAID)
        say_end(s);
}
