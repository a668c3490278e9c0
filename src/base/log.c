/* base/log.c -- builds one line on the stack and hands it to the sink.
 *
 * The line's place is large enough for the worst a field can become (a byte
 * may grow to six by escaping), so no line is ever cut in the middle.
 */
#include "base/log.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define FIELD_MAX ((size_t)1024)
#define LINE_MAX_BYTES (3 * (FIELD_MAX * 6 + 8) + 256)

static void to_stderr(void *ctx, struct sl_str line);

static struct {
    enum sl_log_level least;
    bool json;
    bool in_sink;
    sl_log_sink_fn *sink;
    void *ctx; /* up: the sink's own */
} setup = {SL_LOG_INFO, true, false, to_stderr, NULL};

static const char *const names[] = {"debug", "info", "warn", "error"};

static void to_stderr(void *ctx, struct sl_str line)
{
    (void)ctx;
    /* once more after a signal, otherwise the line is lost: a log never waits */
    if (write(2, line.p, line.n) < 0 && errno == EINTR && write(2, line.p, line.n) < 0)
        return;
}

void sl_log_setup(enum sl_log_level least, bool json, sl_log_sink_fn *sink, void *ctx)
{
    setup.least = least;
    setup.json = json;
    setup.sink = sink != NULL ? sink : to_stderr;
    setup.ctx = sink != NULL ? ctx : NULL;
}

bool sl_log_has(enum sl_log_level level)
{
    return level >= setup.least;
}

static void add_field(struct sl_text *t, const char *name, struct sl_str value)
{
    if (setup.json)
        sl_text_printf(t, "%s\"%s\":", t->n > 1 ? "," : "", name);
    else
        sl_text_printf(t, "%s%s=", t->n > 0 ? " " : "", name);
    sl_text_json(t, value, FIELD_MAX);
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void sl_log(enum sl_log_level level, const char *room, struct sl_str id, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES], msg[FIELD_MAX + 8], when[32];
    struct sl_text t = sl_text_over(line, sizeof(line));
    struct sl_text w = sl_text_over(when, sizeof(when));
    va_list args;
    int n;

    if (!sl_log_has(level))
        return;
    va_start(args, fmt);
    n = vsnprintf(msg, sizeof(msg), fmt, args);
    va_end(args);
    if (n < 0)
        n = 0;
    sl_text_time(&w, now_ms());
    if (setup.json)
        sl_text_byte(&t, '{');
    add_field(&t, "time", sl_text_str(&w));
    add_field(&t, "level", sl_str_of(names[level]));
    add_field(&t, "room", sl_str_of(room));
    if (id.n > 0)
        add_field(&t, "id", id);
    add_field(&t, "msg",
              (struct sl_str){msg, (size_t)n < sizeof(msg) ? (size_t)n : sizeof(msg) - 1});
    if (setup.json)
        sl_text_byte(&t, '}');
    sl_text_byte(&t, '\n');
    if (setup.in_sink) { /* a sink that logs about itself must not meet itself */
        to_stderr(NULL, sl_text_str(&t));
        return;
    }
    setup.in_sink = true;
    setup.sink(setup.ctx, sl_text_str(&t));
    setup.in_sink = false;
}

bool sl_log_level_parse(struct sl_str s, enum sl_log_level *out)
{
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (sl_str_eq(s, sl_str_of(names[i]))) {
            *out = (enum sl_log_level)i;
            return true;
        }
    }
    return false;
}
