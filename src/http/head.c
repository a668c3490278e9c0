/* http/head.c -- reading a whole head: what RFC 9112 asks for and llhttp lets
 * pass. Everything doubtful is refused, because a proxy in front or a provider
 * behind may read it another way. */
#include "http/parse.h"

#include "base/obj.h"

/* Lines that the framing and the checks need, noted in one pass. */
struct notes {
    struct sl_str host, length, coding, type;
    unsigned hosts, lengths, codings, keys;
    bool expects_continue, expects_other;
};

/* A list, of which one member has a meaning. RFC 9110 section 10.1.1. */
static void note_expect(struct notes *n, struct sl_str list)
{
    while (list.n > 0) {
        ptrdiff_t comma = sl_str_find_byte(list, ',');
        size_t end = comma < 0 ? list.n : (size_t)comma;
        struct sl_str one = sl_str_trim(sl_str_first(list, end));

        if (sl_str_eq_nocase(one, SL_STR("100-continue")))
            n->expects_continue = true;
        else if (one.n > 0)
            n->expects_other = true;
        list = sl_str_from(list, end + 1);
    }
}

static void note(struct notes *n, const struct sl_header *h)
{
    switch (h->name.n) {
    case 4:
        if (sl_str_eq_nocase(h->name, SL_STR("host")))
            n->hosts++, n->host = h->value;
        break;
    case 6:
        if (sl_str_eq_nocase(h->name, SL_STR("expect")))
            note_expect(n, h->value);
        break;
    case 12:
        if (sl_str_eq_nocase(h->name, SL_STR("content-type")))
            n->type = h->value;
        break;
    case 13: n->keys += sl_str_eq_nocase(h->name, SL_STR("authorization")); break;
    case 14:
        if (sl_str_eq_nocase(h->name, SL_STR("content-length")))
            n->lengths++, n->length = h->value;
        break;
    case 17:
        if (sl_str_eq_nocase(h->name, SL_STR("transfer-encoding")))
            n->codings++, n->coding = h->value;
        break;
    default: break;
    }
}

static struct sl_str slice(struct sl_str head, struct sl_parse_span s)
{
    return (struct sl_str){head.p + s.at, s.n};
}

/* Copies the head once and lets the slices of `out` point into the copy. */
static enum sl_err read_lines(struct sl_parse *p, struct sl_arena *a, struct sl_str *head,
                              struct sl_headers *out, struct notes *n)
{
    const struct sl_parse_work *w = p->work;

    *n = (struct notes){.hosts = 0};
    *out = (struct sl_headers){.n = 0};
    *head = sl_arena_dup(a, p->head);
    if (head->p == NULL || !sl_headers_reserve(out, a, w->n))
        return SL_ERR_NO_MEMORY;
    for (size_t i = 0; i < w->n; i++) {
        sl_headers_put(out, slice(*head, w->lines[i].name),
                       sl_str_trim(slice(*head, w->lines[i].value)));
        note(n, &out->v[i]);
    }
    return SL_OK;
}

static enum sl_err refused(struct sl_parse *p, enum sl_err why)
{
    p->state = SL_PARSE_AT_FAILED;
    p->err = p->request || why == SL_ERR_NO_MEMORY ? why : SL_ERR_UP_GARBAGE;
    return p->err;
}

static void frame_counted(struct sl_parse *p, uint64_t n)
{
    p->state = SL_PARSE_AT_LENGTH;
    p->left = n;
}

/* `chunked` and nothing else, once, and not from a peer too old to know it. */
static bool is_chunked(const struct notes *n, bool http10)
{
    return !http10 && n->codings == 1 && n->lengths == 0 &&
           sl_str_eq_nocase(n->coding, SL_STR("chunked"));
}

static bool wants_keep_alive(const struct sl_parse *p, bool http10)
{
    if ((p->ll.flags & F_CONNECTION_CLOSE) != 0)
        return false;
    return !http10 || (p->ll.flags & F_CONNECTION_KEEP_ALIVE) != 0;
}

/* " HTTP/1.1" or " HTTP/1.0", read from the bytes and not from llhttp, which
 * takes other versions, more spaces and other protocols too. */
static bool version_of(struct sl_str s, bool *http10)
{
    if (!sl_str_starts(s, SL_STR("HTTP/1.")) || s.n < 8 || (s.p[7] != '1' && s.p[7] != '0'))
        return false;
    *http10 = s.p[7] == '0';
    return true;
}

static enum sl_method method_of(const llhttp_t *ll)
{
    switch (ll->method) {
    case HTTP_GET: return SL_GET;
    case HTTP_HEAD: return SL_HEAD;
    case HTTP_POST: return SL_POST;
    case HTTP_PUT: return SL_PUT;
    case HTTP_DELETE: return SL_DELETE;
    case HTTP_PATCH: return SL_PATCH;
    case HTTP_OPTIONS: return SL_OPTIONS;
    default: return SL_METHOD_OTHER;
    }
}

/* Origin form, or "*" for OPTIONS; visible ASCII, no fragment. The absolute
 * form is for proxies, and naming a host there could only mislead. */
static bool target_ok(struct sl_str t, enum sl_method m)
{
    if (t.n == 1 && t.p[0] == '*')
        return m == SL_OPTIONS;
    if (t.n == 0 || t.p[0] != '/')
        return false;
    for (size_t i = 0; i < t.n; i++)
        if ((unsigned char)t.p[i] <= 0x20 || (unsigned char)t.p[i] >= 0x7f || t.p[i] == '#')
            return false;
    return true;
}

static enum sl_err read_request_line(const struct sl_parse *p, struct sl_str head,
                                     struct sl_request_head *out)
{
    size_t at = 0, end = p->work->target.at;
    struct sl_str rest;
    ptrdiff_t mark;

    out->method = method_of(&p->ll);
    out->target = slice(head, p->work->target);
    while (sl_str_starts(sl_str_from(head, at), SL_STR("\r\n")))
        at += 2; /* RFC 9112 section 2.2: empty lines before it are ignored */
    if (end <= at + 1 || head.p[end - 1] != ' ')
        return SL_ERR_BAD_HEAD;
    out->method_text = (struct sl_str){head.p + at, end - 1 - at};
    if (!sl_headers_name_ok(out->method_text))
        return SL_ERR_BAD_HEAD;
    if (p->ll.method == HTTP_CONNECT || p->ll.method == HTTP_TRACE)
        return SL_ERR_BAD_METHOD;
    rest = sl_str_from(head, end + out->target.n);
    if (rest.n < 2 || rest.p[0] != ' ')
        return SL_ERR_BAD_VERSION;
    if (rest.p[1] == ' ')
        return SL_ERR_BAD_HEAD;
    if (!version_of(sl_str_from(rest, 1), &out->http10))
        return SL_ERR_BAD_VERSION;
    if (!sl_str_starts(sl_str_from(rest, 9), SL_STR("\r\n")))
        return SL_ERR_BAD_HEAD;
    if (!target_ok(out->target, out->method))
        return SL_ERR_BAD_HEAD;
    mark = sl_str_find_byte(out->target, '?');
    out->path = mark < 0 ? out->target : sl_str_first(out->target, (size_t)mark);
    out->query = sl_str_from(out->target, mark < 0 ? out->target.n : (size_t)mark + 1);
    return SL_OK;
}

/* uri-host [":" port] of RFC 3986 section 3.2.2, without user names, and
 * without the comma that would make two hosts look like one. */
static bool host_ok(struct sl_str h)
{
    static const bool in_name[256] = {
        ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true,
        ['.'] = true,         ['_'] = true,         ['~'] = true,         ['%'] = true,
        ['!'] = true,         ['$'] = true,         ['&'] = true,         ['\''] = true,
        ['('] = true,         [')'] = true,         ['*'] = true,         ['+'] = true,
        [';'] = true,         ['='] = true};
    size_t i = 0;

    if (h.n > 0 && h.p[0] == '[') {
        for (i = 1; i < h.n && h.p[i] != ']'; i++)
            if (strchr("0123456789abcdefABCDEF:.", h.p[i]) == NULL || h.p[i] == '\0')
                return false;
        if (i == h.n || i == 1)
            return false;
        i++;
    } else {
        for (; i < h.n && h.p[i] != ':'; i++)
            if (!in_name[(unsigned char)h.p[i]])
                return false;
        if (i == 0)
            return false;
    }
    if (i < h.n && h.p[i] != ':')
        return false;
    for (i++; i < h.n; i++)
        if (h.p[i] < '0' || h.p[i] > '9')
            return false;
    return true;
}

static enum sl_err frame_request(struct sl_parse *p, const struct notes *n,
                                 struct sl_request_head *out)
{
    if (n->codings > 0) {
        if (!is_chunked(n, out->http10) || (p->ll.flags & F_CHUNKED) == 0)
            return SL_ERR_BAD_FRAMING;
        out->has_body = out->chunked = true;
        p->state = SL_PARSE_AT_CHUNKED;
        return SL_OK;
    }
    if (n->lengths > 1 || (n->lengths == 1 && !sl_str_to_u64(n->length, &out->length)))
        return SL_ERR_BAD_FRAMING;
    out->has_body = n->lengths == 1;
    frame_counted(p, out->length);
    return SL_OK;
}

enum sl_err sl_parse_request(struct sl_parse *p, struct sl_arena *a, struct sl_request_head *out)
{
    struct sl_str head;
    struct notes n;
    enum sl_err e;

    SL_CHECK(p->state == SL_PARSE_AT_DECIDE && p->request);
    *out = (struct sl_request_head){.method = SL_METHOD_OTHER};
    e = read_lines(p, a, &head, &out->headers, &n);
    if (e == SL_OK)
        e = read_request_line(p, head, out);
    if (e == SL_OK && (n.hosts > 1 || (n.hosts == 0 && !out->http10)))
        e = SL_ERR_BAD_HOST;
    if (e == SL_OK && n.hosts == 1 && !host_ok(n.host))
        e = SL_ERR_BAD_HOST;
    if (e == SL_OK && n.keys > 1)
        e = SL_ERR_BAD_HEAD; /* two keys: nobody knows which one was checked */
    if (e == SL_OK)
        e = frame_request(p, &n, out);
    if (e == SL_OK && n.expects_other)
        e = SL_ERR_EXPECT;
    if (e != SL_OK)
        return refused(p, e); /* the work stays: sl_parse_target() reads it */
    p->keep_alive = out->keep_alive = wants_keep_alive(p, out->http10);
    out->expect_continue = !out->http10 && out->has_body && n.expects_continue;
    sl_parse_forget(p);
    return SL_OK;
}

/* RFC 9110 section 15: five classes, no more. Of the first one those that say
 * nothing but "wait" are skipped; the others (101 above all) were not asked for. */
static bool is_status(int v)
{
    return (v >= 200 && v <= 599) || v == 100 || v == 102 || v == 103;
}

/* "HTTP/1.1 200 ..." with exactly three digits, or "HTTP/1.1 200" and its end. */
static bool read_status_line(struct sl_str head, int *status, bool *http10)
{
    int v = 0;

    if (!version_of(head, http10) || head.n < 14 || head.p[8] != ' ')
        return false;
    for (int i = 9; i < 12; i++) {
        if (head.p[i] < '0' || head.p[i] > '9')
            return false;
        v = v * 10 + (head.p[i] - '0');
    }
    *status = v;
    return is_status(v) && (head.p[12] == ' ' || head.p[12] == '\r');
}

/* RFC 9112 section 6.3, with every doubt refused. */
static bool frame_answer(struct sl_parse *p, const struct notes *n, bool http10,
                         struct sl_answer_head *out, bool no_body)
{
    if (n->lengths > 1 || (n->lengths == 1 && !sl_str_to_u64(n->length, &out->length)))
        return false;
    if (n->codings > 0 && !is_chunked(n, http10))
        return false;
    out->has_length = n->lengths == 1;
    p->keep_alive = wants_keep_alive(p, http10);
    if (no_body) {
        frame_counted(p, 0);
    } else if (n->codings > 0) {
        p->state = SL_PARSE_AT_CHUNKED;
    } else if (out->has_length) {
        frame_counted(p, out->length);
    } else {
        p->state = SL_PARSE_AT_CLOSE;
        p->keep_alive = false;
    }
    return true;
}

static void read_type(struct sl_str type, struct sl_answer_head *out)
{
    ptrdiff_t end = sl_str_find_byte(type, ';');

    if (end >= 0)
        type = sl_str_first(type, (size_t)end);
    type = sl_str_trim(type);
    out->event_stream = sl_str_eq_nocase(type, SL_STR("text/event-stream"));
    out->json = sl_str_eq_nocase(type, SL_STR("application/json")) ||
                (type.n > 5 && sl_str_eq_nocase(sl_str_from(type, type.n - 5), SL_STR("+json")));
}

enum sl_err sl_parse_answer(struct sl_parse *p, struct sl_arena *a, bool is_head,
                            struct sl_answer_head *out)
{
    struct sl_str head;
    bool http10, no_body;
    struct notes n;
    enum sl_err e;

    SL_CHECK(p->state == SL_PARSE_AT_DECIDE && !p->request);
    *out = (struct sl_answer_head){.status = 0};
    e = read_lines(p, a, &head, &out->headers, &n);
    if (e != SL_OK)
        return refused(p, e);
    if (!read_status_line(head, &out->status, &http10))
        return refused(p, SL_ERR_UP_GARBAGE);
    no_body = is_head || out->status < 200 || out->status == 204 || out->status == 304;
    if (!frame_answer(p, &n, http10, out, no_body))
        return refused(p, SL_ERR_UP_GARBAGE);
    read_type(n.type, out);
    sl_parse_forget(p);
    return SL_OK;
}
