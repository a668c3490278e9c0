/* llm/neutral/openai_out.c -- what is said as chunks of a chat stream.
 * Source: OpenAI API reference, "The chat completion chunk object"; what the stream helpers
 * of its SDKs insist on: a role first, calls numbered from 0 whose first piece has id, type
 * and name, a finish_reason.
 */
#include "llm/neutral/openai.h"

/* --- Chunks
 * ------------------------------------------------------------------------------------------- */

static void begin(struct sl_translate_stream *s)
{
    sl_neutral_put(s->out, "data: ");
    sl_openai_put_head(s->out, s->t, "chat.completion.chunk");
    sl_neutral_put(s->out, ",\"choices\":[");
}

static void begin_delta(struct sl_translate_stream *s)
{
    begin(s);
    sl_neutral_put(s->out, "{\"index\":0,\"delta\":{");
}

/* Who asked for usage finds a null in each chunk but the last. */
static void finish(struct sl_translate_stream *s)
{
    sl_neutral_put(s->out, s->t->wants_usage ? "],\"usage\":null}\n\n" : "]}\n\n");
}

static void finish_delta(struct sl_translate_stream *s)
{
    sl_neutral_put(s->out, "},\"logprobs\":null,\"finish_reason\":null}");
    finish(s);
}

static void put_string(struct sl_translate_stream *s, const char *key, struct sl_str esc)
{
    begin_delta(s);
    sl_grow_byte(s->out, '"');
    sl_neutral_put(s->out, key);
    sl_neutral_put(s->out, "\":");
    sl_neutral_put_esc(s->out, esc);
    finish_delta(s);
}

/* --- Thoughts
 * ------------------------------------------------------------------------------------------ */

static void put_detail(struct sl_translate_stream *s, const char *type, const char *key,
                       struct sl_str esc)
{
    struct sl_openai_writer *w = s->writer;

    sl_neutral_put(s->out, "\"reasoning_details\":[{\"type\":\"");
    sl_neutral_put(s->out, type);
    sl_grow_byte(s->out, '"');
    sl_neutral_put_key(s->out, key);
    sl_neutral_put_esc(s->out, esc);
    sl_neutral_put(s->out, ",\"format\":\"" SL_OPENAI_FORMAT "\",\"index\":");
    sl_grow_u64(s->out, w->thought);
    sl_neutral_put(s->out, "}]");
}

static void on_think(struct sl_translate_stream *s, struct sl_str esc)
{
    begin_delta(s);
    sl_neutral_put(s->out, "\"reasoning_content\":");
    sl_neutral_put_esc(s->out, esc);
    sl_grow_byte(s->out, ',');
    put_detail(s, "reasoning.text", "text", esc);
    finish_delta(s);
}

static void on_sealed(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_openai_writer *w = s->writer;

    begin_delta(s);
    if (say->kind == SL_SAY_SIGNATURE)
        put_detail(s, "reasoning.text", "signature", say->text);
    else
        put_detail(s, "reasoning.encrypted", "data", say->text);
    finish_delta(s);
    w->thought++;
}

/* --- Calls
 * --------------------------------------------------------------------------------------------- */

static void begin_call(struct sl_translate_stream *s, unsigned number)
{
    begin_delta(s);
    if (s->t->of_functions) {
        sl_neutral_put(s->out, "\"function_call\":{");
        return;
    }
    sl_neutral_put(s->out, "\"tool_calls\":[{\"index\":");
    sl_grow_u64(s->out, number);
    sl_grow_byte(s->out, ',');
}

static void tell_text(struct sl_translate_stream *s)
{
    struct sl_openai_writer *w = s->writer;

    if (!w->custom)
        return;
    begin_call(s, w->number);
    sl_neutral_put(s->out, "\"custom\":{\"input\":\"");
    sl_neutral_free_pieces(s->out, sl_grow_str(&w->text));
    sl_neutral_put(s->out, "\"}}]");
    finish_delta(s);
    w->text.n = 0;
    w->custom = false;
}

static void on_call(struct sl_translate_stream *s, const struct sl_say *say)
{
    struct sl_openai_writer *w = s->writer;

    tell_text(s); /* of one that was left open */
    w->custom = sl_neutral_takes_text(s->t, say->name);
    w->number = say->number;
    begin_call(s, say->number);
    if (!s->t->of_functions) {
        sl_neutral_put(s->out, "\"id\":");
        sl_neutral_put_esc(s->out, say->id);
        sl_neutral_put(s->out, w->custom ? ",\"type\":\"custom\",\"custom\":{"
                                         : ",\"type\":\"function\",\"function\":{");
    }
    sl_neutral_put(s->out, "\"name\":");
    sl_neutral_put_esc(s->out, say->name);
    sl_neutral_put(s->out, w->custom ? ",\"input\":\"\"" : ",\"arguments\":\"\"");
    sl_neutral_put(s->out, s->t->of_functions ? "}" : "}}]");
    finish_delta(s);
}

/* A text is known when all of the arguments are. */
static void keep_args(struct sl_translate_stream *s, struct sl_str esc)
{
    struct sl_openai_writer *w = s->writer;

    if (w->text.p == NULL)
        sl_grow_init(&w->text, SL_TRANSLATE_WAIT);
    sl_grow_add(&w->text, esc);
    if (w->text.err != SL_OK && s->err == SL_OK)
        s->err = w->text.err;
}

static void on_args(struct sl_translate_stream *s, unsigned number, struct sl_str esc)
{
    struct sl_openai_writer *w = s->writer;

    if (w->custom && number == w->number) {
        keep_args(s, esc);
        return;
    }
    begin_call(s, number);
    sl_neutral_put(s->out, s->t->of_functions ? "\"arguments\":" : "\"function\":{\"arguments\":");
    sl_neutral_put_esc(s->out, esc);
    sl_neutral_put(s->out, s->t->of_functions ? "}" : "}}]");
    finish_delta(s);
    w->sent[number] = true;
}

/* A call without arguments is one with none: clients parse what they got. */
static void on_call_end(struct sl_translate_stream *s, unsigned number)
{
    struct sl_openai_writer *w = s->writer;

    if (w->custom && number == w->number)
        tell_text(s);
    else if (!w->sent[number])
        on_args(s, number, SL_STR("{}"));
}

void sl_openai_writer_fini(void *writer)
{
    sl_grow_fini(&((struct sl_openai_writer *)writer)->text);
}

/* --- The end
 * -------------------------------------------------------------------------------------------- */

static void on_end(struct sl_translate_stream *s)
{
    tell_text(s);
    begin_delta(s);
    sl_neutral_put(s->out, "},\"logprobs\":null,\"finish_reason\":\"");
    sl_neutral_put(s->out, sl_openai_finish(s->stop, s->t->of_functions));
    sl_neutral_put(s->out, "\"}");
    finish(s);
    if (s->t->wants_usage || s->t->wish.adds_usage) {
        begin(s);
        sl_neutral_put(s->out, "],\"usage\":");
        sl_openai_put_usage(s->out, &s->told);
        sl_neutral_put(s->out, "}\n\n");
    }
    sl_neutral_put(s->out, "data: [DONE]\n\n");
}

static void on_error(struct sl_translate_stream *s, const struct sl_say *say)
{
    sl_neutral_put(s->out, "data: ");
    sl_neutral_openai.write_error(s->t, say->status, say->text, s->out);
    sl_neutral_put(s->out, "\n\n");
}

void sl_openai_write_say(struct sl_translate_stream *s, const struct sl_say *say)
{
    switch (say->kind) {
    case SL_SAY_START:
        begin_delta(s);
        sl_neutral_put(s->out, "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null");
        finish_delta(s);
        break;
    case SL_SAY_TEXT: put_string(s, "content", say->text); break;
    case SL_SAY_REFUSAL: put_string(s, "refusal", say->text); break;
    case SL_SAY_THINK: on_think(s, say->text); break;
    case SL_SAY_SIGNATURE:
    case SL_SAY_HIDDEN: on_sealed(s, say); break;
    case SL_SAY_CALL: on_call(s, say); break;
    case SL_SAY_ARGS: on_args(s, say->number, say->text); break;
    case SL_SAY_CALL_END: on_call_end(s, say->number); break;
    case SL_SAY_STOP:
        if (say->id.n > 0)
            put_string(s, "refusal", say->id);
        break;
    case SL_SAY_PING: sl_neutral_put(s->out, ": keep-alive\n\n"); break;
    case SL_SAY_ERROR: on_error(s, say); break;
    case SL_SAY_END: on_end(s); break;
    }
}
