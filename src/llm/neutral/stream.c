/* llm/neutral/stream.c -- a stream: events of one protocol in, of the other out. */
#include "llm/neutral/neutral.h"

#include "base/mem.h"

struct sl_translate_stream *sl_translate_stream_new(const struct sl_translate *t)
{
    struct sl_translate_stream *s = sl_mem_try(sizeof(*s));

    if (s == NULL)
        return NULL;
    *s = (struct sl_translate_stream){.t = t};
    sl_usage_init(&s->usage);
    s->reader = sl_mem_try(t->provider->reader_size);
    s->writer = sl_mem_try(t->client->writer_size);
    if (s->reader == NULL || s->writer == NULL) {
        sl_mem_free(s->reader);
        sl_mem_free(s->writer);
        sl_mem_free(s);
        return NULL;
    }
    memset(s->reader, 0, t->provider->reader_size);
    memset(s->writer, 0, t->client->writer_size);
    return s;
}

void sl_translate_stream_end(struct sl_translate_stream **ps)
{
    struct sl_translate_stream *s = *ps;

    *ps = NULL;
    if (s == NULL)
        return;
    if (s->t->provider->reader_fini != NULL)
        s->t->provider->reader_fini(s->reader);
    if (s->t->client->writer_fini != NULL)
        s->t->client->writer_fini(s->writer);
    sl_neutral_serial_fini(&s->serial);
    sl_mem_free(s->reader);
    sl_mem_free(s->writer);
    sl_mem_free(s);
}

static void count(struct sl_translate_stream *s, const struct sl_say *say)
{
    switch (say->kind) {
    case SL_SAY_TEXT:
    case SL_SAY_REFUSAL:
    case SL_SAY_THINK:
    case SL_SAY_ARGS: s->usage.text_bytes += say->text.n; break;
    case SL_SAY_END:
        s->usage.has_final = true;
        s->told = s->usage;
        sl_usage_settle(&s->told, s->t->asked_bytes);
        break;
    case SL_SAY_START:
    case SL_SAY_SIGNATURE:
    case SL_SAY_HIDDEN:
    case SL_SAY_CALL:
    case SL_SAY_CALL_END:
    case SL_SAY_STOP:
    case SL_SAY_PING:
    case SL_SAY_ERROR: break;
    }
}

/* In the status and the words that the client knows. */
static void say_error(struct sl_translate_stream *s, const struct sl_say *said)
{
    char text[160];
    bool is_long = said->status == 400 && sl_neutral_too_long(said->text, text, sizeof(text));

    s->t->client->write_say(
        s, &(struct sl_say){.kind = SL_SAY_ERROR,
                            .status = s->t->client->status_of(said->status, is_long),
                            .text = is_long ? sl_str_of(text) : said->text});
}

void sl_neutral_say(struct sl_translate_stream *s, const struct sl_say *say)
{
    if (s->err != SL_OK || s->over)
        return;
    if (say->kind == SL_SAY_START && s->started)
        return;
    if (say->kind == SL_SAY_PING && !s->started)
        return;
    if (!s->started && say->kind != SL_SAY_ERROR) {
        s->started = true; /* before anything else, whatever the provider begins with */
        s->t->client->write_say(s, &(struct sl_say){.kind = SL_SAY_START});
        if (say->kind == SL_SAY_START)
            return;
    }
    if (say->kind == SL_SAY_STOP) {
        s->stop = say->stop;
        s->usage.has_stop = true;
    }
    s->over = say->kind == SL_SAY_END || say->kind == SL_SAY_ERROR;
    count(s, say);
    if (say->kind == SL_SAY_ERROR)
        say_error(s, say);
    else if (s->t->client->one_by_one)
        sl_neutral_serial_say(s, say);
    else
        s->t->client->write_say(s, say);
}

static enum sl_err settle(struct sl_translate_stream *s)
{
    if (s->err == SL_OK)
        s->err = s->out->err;
    s->out = NULL;
    return s->err;
}

enum sl_err sl_translate_stream_event(struct sl_translate_stream *s, struct sl_str event,
                                      struct sl_grow *out)
{
    char scratch[SL_LLM_SCRATCH];
    struct sl_sse_event e;

    if (s->err != SL_OK || s->over)
        return s->err;
    s->out = out;
    sl_sse_parse(event, scratch, sizeof(scratch), &e);
    if (!e.has_data) {
        if (event.n > 0 && event.p[0] == ':')
            sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_PING});
    } else if (e.data.p == NULL) { /* several lines, more than are joined */
        s->err = SL_ERR_UP_GARBAGE;
    } else if (e.data.n > 0) {
        s->t->provider->read_event(s, &e);
    }
    return settle(s);
}

enum sl_err sl_translate_stream_finish(struct sl_translate_stream *s, struct sl_grow *out)
{
    if (s->err != SL_OK || s->over)
        return s->err;
    s->out = out;
    s->t->provider->read_end(s);
    if (s->err == SL_OK && !s->over)
        s->err = SL_ERR_UP_CLOSED;
    return settle(s);
}

enum sl_err sl_translate_stream_fail(struct sl_translate_stream *s, int status,
                                     struct sl_str message, struct sl_grow *out)
{
    if (s->over)
        return s->err;
    s->err = SL_OK; /* that it failed here is being told */
    s->out = out;
    sl_neutral_say(s, &(struct sl_say){.kind = SL_SAY_ERROR, .status = status, .text = message});
    return settle(s);
}

const struct sl_usage *sl_translate_stream_usage(const struct sl_translate_stream *s)
{
    return &s->usage;
}
