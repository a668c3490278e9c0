/* mock/wire.c -- request heads and chunked bodies. RFC 9112. */
#include "mock/wire.h"

static const struct sl_str crlf = SL_STR_INIT("\r\n");

static bool cut_line(struct sl_str *rest, struct sl_str *line)
{
    ptrdiff_t at = sl_str_find(*rest, crlf);

    if (at < 0)
        return false;
    *line = sl_str_first(*rest, (size_t)at);
    *rest = sl_str_from(*rest, (size_t)at + 2);
    return true;
}

static bool read_request_line(struct sl_str line, struct sl_wire_head *h)
{
    struct sl_str rest = line;

    if (!sl_str_split(&rest, ' ', &h->method) || !sl_str_split(&rest, ' ', &h->target))
        return false;
    if (h->method.n == 0 || h->target.n == 0 || h->target.p[0] != '/')
        return false;
    h->path = h->target;
    ptrdiff_t query = sl_str_find_byte(h->target, '?');
    if (query >= 0)
        h->path.n = (size_t)query;
    h->http10 = sl_str_eq(rest, SL_STR("HTTP/1.0"));
    h->keep_alive = !h->http10;
    return h->http10 || sl_str_eq(rest, SL_STR("HTTP/1.1"));
}

/* What a header means for the framing; false if it can't be. */
static bool note_header(struct sl_wire_head *h, struct sl_header f, bool *has_length)
{
    if (sl_str_eq_nocase(f.name, SL_STR("content-length"))) {
        if (*has_length || h->chunked || !sl_str_to_u64(f.value, &h->length))
            return false;
        *has_length = true;
    } else if (sl_str_eq_nocase(f.name, SL_STR("transfer-encoding"))) {
        if (*has_length || h->chunked || !sl_str_eq_nocase(f.value, SL_STR("chunked")))
            return false;
        h->chunked = true;
    } else if (sl_str_eq_nocase(f.name, SL_STR("connection"))) {
        if (sl_str_eq_nocase(f.value, SL_STR("close")))
            h->keep_alive = false;
        else if (sl_str_eq_nocase(f.value, SL_STR("keep-alive")))
            h->keep_alive = true;
    } else if (sl_str_eq_nocase(f.name, SL_STR("expect"))) {
        h->expect = sl_str_eq_nocase(f.value, SL_STR("100-continue"));
    }
    return true;
}

enum sl_wire_step sl_wire_head(struct sl_str in, struct sl_wire_head *h)
{
    struct sl_str rest, line;
    bool has_length = false;
    ptrdiff_t end = sl_str_find(in, SL_STR("\r\n\r\n"));

    if (end < 0)
        return in.n > SL_WIRE_HEAD_MAX ? SL_WIRE_BAD : SL_WIRE_MORE;
    memset(h, 0, offsetof(struct sl_wire_head, headers));
    h->n = 0;
    h->chunked = h->expect = false;
    h->length = 0;
    h->size = (size_t)end + 4;
    rest = sl_str_first(in, (size_t)end + 2);
    if (!cut_line(&rest, &line) || !read_request_line(line, h))
        return SL_WIRE_BAD;
    while (cut_line(&rest, &line)) {
        ptrdiff_t colon = sl_str_find_byte(line, ':');
        if (colon <= 0 || h->n == SL_WIRE_HEADERS)
            return SL_WIRE_BAD;
        struct sl_header f = {sl_str_first(line, (size_t)colon),
                              sl_str_trim(sl_str_from(line, (size_t)colon + 1))};
        if (!sl_headers_name_ok(f.name) || !note_header(h, f, &has_length))
            return SL_WIRE_BAD;
        h->headers[h->n++] = f;
    }
    return SL_WIRE_WHOLE;
}

struct sl_str sl_wire_get(const struct sl_wire_head *h, struct sl_str name)
{
    for (size_t i = 0; i < h->n; i++)
        if (sl_str_eq_nocase(h->headers[i].name, name))
            return h->headers[i].value;
    return (struct sl_str){NULL, 0};
}

static bool read_chunk_size(struct sl_str line, uint64_t *out)
{
    uint64_t v = 0;

    if (line.n == 0 || line.n > 12)
        return false;
    for (size_t i = 0; i < line.n; i++) {
        char c = line.p[i];
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                            : 16;
        if (d == 16)
            return false;
        v = v * 16 + d;
    }
    *out = v;
    return true;
}

enum sl_wire_step sl_wire_dechunk(char *body, size_t n, struct sl_wire_chunks *c)
{
    for (;;) {
        struct sl_str rest = {body + c->raw, n - c->raw};
        struct sl_str line;

        if (c->state == SL_CHUNK_DATA) {
            size_t take = c->left < rest.n ? (size_t)c->left : rest.n;
            memmove(body + c->out, rest.p, take);
            c->out += take;
            c->raw += take;
            c->left -= take;
            if (c->left > 0)
                return SL_WIRE_MORE;
            c->state = SL_CHUNK_END;
            continue;
        }
        size_t before = rest.n;
        if (!cut_line(&rest, &line))
            return before > SL_WIRE_HEAD_MAX ? SL_WIRE_BAD : SL_WIRE_MORE;
        c->raw += before - rest.n;
        if (c->state == SL_CHUNK_SIZE) {
            if (!read_chunk_size(line, &c->left))
                return SL_WIRE_BAD;
            c->state = c->left > 0 ? SL_CHUNK_DATA : SL_CHUNK_TRAILER;
        } else if (c->state == SL_CHUNK_END) {
            if (line.n > 0)
                return SL_WIRE_BAD;
            c->state = SL_CHUNK_SIZE;
        } else if (line.n == 0) {
            return SL_WIRE_WHOLE;
        }
    }
}
