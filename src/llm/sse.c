/* llm/sse.c -- lines are found with memchr: a line feed first, then a carriage
 * return before it. Both searches are linear over the piece, and the second
 * finds nothing in the streams of nearly all providers. */
#include "llm/sse.h"

void sl_sse_init(struct sl_sse *s)
{
    *s = (struct sl_sse){false, false, false};
}

/* The end of the line that begins at `p`: its LF or CR, or NULL. */
static const char *find_line_end(const char *p, const char *end)
{
    const char *lf = memchr(p, '\n', (size_t)(end - p));
    const char *cr = memchr(p, '\r', (size_t)((lf != NULL ? lf : end) - p));

    return cr != NULL ? cr : lf;
}

bool sl_sse_next(struct sl_sse *s, struct sl_str piece, size_t *n)
{
    const char *p = piece.p, *end;

    if (piece.n == 0)
        return false;
    end = p + piece.n;
    if (s->was_cr && *p == '\n')
        p++;
    s->was_cr = false;
    while (p < end) {
        const char *eol = find_line_end(p, end);
        bool empty = eol == p && !s->in_line;

        s->in_line = eol == NULL;
        if (eol == NULL)
            return false;
        p = eol + 1;
        if (*eol == '\r' && p == end)
            s->was_cr = true;
        else if (*eol == '\r' && *p == '\n')
            p++;
        s->in_event = !empty;
        if (empty) {
            *n = (size_t)(p - piece.p);
            return true;
        }
    }
    return false;
}

bool sl_sse_is_between(const struct sl_sse *s)
{
    return !s->in_line && !s->in_event;
}

/* Where the joined data stands: in the event while it is one line. */
struct joined {
    char *scratch;
    size_t cap;
    bool in_scratch;
    bool cut;
};

static bool append(struct joined *j, struct sl_sse_event *out, struct sl_str s)
{
    if (s.n > j->cap - out->data.n)
        return false;
    if (s.n > 0)
        memcpy(j->scratch + out->data.n, s.p, s.n);
    out->data.n += s.n;
    return true;
}

static void add_data(struct joined *j, struct sl_sse_event *out, struct sl_str value)
{
    struct sl_str first = out->data;

    if (!out->has_data) {
        out->has_data = true;
        out->data = value;
        return;
    }
    if (j->cut)
        return;
    if (!j->in_scratch) {
        j->in_scratch = true;
        out->data = (struct sl_str){j->scratch, 0};
        j->cut = !append(j, out, first);
    }
    j->cut = j->cut || !append(j, out, SL_STR("\n")) || !append(j, out, value);
    if (j->cut)
        out->data = (struct sl_str){NULL, 0};
}

static void take_line(struct joined *j, struct sl_sse_event *out, struct sl_str line)
{
    ptrdiff_t colon = sl_str_find_byte(line, ':');
    struct sl_str field = colon < 0 ? line : sl_str_first(line, (size_t)colon);
    struct sl_str value =
        colon < 0 ? sl_str_from(line, line.n) : sl_str_from(line, (size_t)colon + 1);

    if (value.n > 0 && value.p[0] == ' ')
        value = sl_str_from(value, 1);
    if (sl_str_eq(field, SL_STR("data")))
        add_data(j, out, value);
    else if (sl_str_eq(field, SL_STR("event")))
        out->name = value;
}

/* Without a byte order mark. One stands at the beginning of a stream, if at all;
 * before it may only be the LF of a line end that was cut. */
static struct sl_str without_mark(struct sl_str event)
{
    struct sl_str rest = event.p[0] == '\n' ? sl_str_from(event, 1) : event;

    return sl_str_starts(rest, SL_STR("\xef\xbb\xbf")) ? sl_str_from(rest, 3) : event;
}

void sl_sse_parse(struct sl_str event, char *scratch, size_t cap, struct sl_sse_event *out)
{
    struct joined j = {scratch, cap, false, false};
    const char *p, *end;

    *out = (struct sl_sse_event){{"", 0}, {"", 0}, false};
    if (event.n == 0)
        return;
    event = without_mark(event);
    end = event.p + event.n;
    for (p = event.p; p < end; p++) {
        const char *eol = find_line_end(p, end);

        if (eol == NULL)
            eol = end;
        if (eol > p)
            take_line(&j, out, (struct sl_str){p, (size_t)(eol - p)});
        p = eol;
    }
}
