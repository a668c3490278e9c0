/* http/message.c -- header lists and the one writer of header lines. */
#include "http/message.h"

#define FIRST 16 /* lines that a list begins with: most have no more */

struct sl_str sl_headers_find(const struct sl_headers *h, struct sl_str name)
{
    for (size_t i = 0; i < h->n; i++)
        if (sl_str_eq_nocase(h->v[i].name, name))
            return h->v[i].value;
    return (struct sl_str){NULL, 0};
}

size_t sl_headers_count(const struct sl_headers *h, struct sl_str name)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n; i++)
        n += sl_str_eq_nocase(h->v[i].name, name);
    return n;
}

bool sl_headers_reserve(struct sl_headers *h, struct sl_arena *a, size_t n)
{
    size_t cap = h->n + n;
    struct sl_header *v;

    if (cap > SL_MESSAGE_HEADERS_MAX)
        return false;
    v = sl_arena_alloc(a, cap * sizeof(*v));
    if (v == NULL)
        return false;
    if (h->n > 0)
        memcpy(v, h->v, h->n * sizeof(*v));
    h->v = v;
    h->cap = cap;
    return true;
}

bool sl_headers_grow(struct sl_headers *h, struct sl_arena *a)
{
    size_t more = h->n > 0 ? h->n : FIRST, left = SL_MESSAGE_HEADERS_MAX - h->n;

    return left > 0 && sl_headers_reserve(h, a, more < left ? more : left);
}

/* `name` is one of the comma separated words of a connection line. */
static bool is_listed(struct sl_str line, struct sl_str name)
{
    struct sl_str word;

    while (sl_str_split(&line, ',', &word))
        if (sl_str_eq_nocase(sl_str_trim(word), name))
            return true;
    return false;
}

/* Of one connection only, and what we say ourselves; told apart by length first,
 * because this is asked for every line. */
static bool is_hop(struct sl_str name)
{
    switch (name.n) {
    case 2: return sl_str_eq_nocase(name, SL_STR("te"));
    case 4: return sl_str_eq_nocase(name, SL_STR("host"));
    case 6: return sl_str_eq_nocase(name, SL_STR("expect"));
    case 7:
        return sl_str_eq_nocase(name, SL_STR("trailer")) ||
               sl_str_eq_nocase(name, SL_STR("upgrade"));
    case 10:
        return sl_str_eq_nocase(name, SL_STR("connection")) ||
               sl_str_eq_nocase(name, SL_STR("keep-alive"));
    case 14: return sl_str_eq_nocase(name, SL_STR("content-length"));
    case 17: return sl_str_eq_nocase(name, SL_STR("transfer-encoding"));
    default: return false;
    }
}

bool sl_headers_is_hop(const struct sl_headers *h, struct sl_str name)
{
    if (is_hop(name) || sl_str_starts_nocase(name, SL_STR("proxy-")))
        return true;
    for (size_t i = 0; h->lists && i < h->n; i++)
        if (sl_str_eq_nocase(h->v[i].name, SL_STR("connection")) && is_listed(h->v[i].value, name))
            return true;
    return false;
}

/* Eight bytes of plain text: from ' ' to '~'. Of others the caller looks at each. */
static bool is_plain(const char *p)
{
    const uint64_t ones = 0x0101010101010101u, high = ones * 0x80;
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return ((v + ones * (0x80 - ' ')) & ~(v + ones * (0x7f - '~')) & ~v & high) == high;
}

static bool has_no_control(struct sl_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* The last eight bytes may overlap those before. */
bool sl_headers_value_ok(struct sl_str value)
{
    if (value.n < 8 || !is_plain(value.p + value.n - 8))
        return has_no_control(value);
    for (size_t i = 0; i + 8 < value.n; i += 8)
        if (!is_plain(value.p + i))
            return has_no_control(value);
    return true;
}

/* RFC 9110 section 5.6.2: tchar. */
static const bool token[256] = {
    ['!'] = true,         ['#'] = true,         ['$'] = true,        ['%'] = true, ['&'] = true,
    ['\''] = true,        ['*'] = true,         ['+'] = true,        ['-'] = true, ['.'] = true,
    ['^'] = true,         ['_'] = true,         ['`'] = true,        ['|'] = true, ['~'] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true};

/* Eight bytes of which each is a small letter or '-', as most names are written. */
static bool is_small(const char *p)
{
    const uint64_t ones = 0x0101010101010101u, high = ones * 0x80;
    uint64_t v, dash, low, from_a, beyond_z;

    memcpy(&v, p, sizeof v);
    low = v & ~high;
    dash = (low ^ ones * '-') + ones * 0x7f; /* the top bit is off where '-' stands */
    from_a = low + ones * (0x80 - 'a');
    beyond_z = low + ones * (0x7f - 'z');
    return (((from_a & ~beyond_z) | ~dash) & ~v & high) == high;
}

static bool is_token(struct sl_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!token[(unsigned char)s.p[i]])
            return false;
    return s.n > 0;
}

bool sl_headers_name_ok(struct sl_str name)
{
    if (name.n < 8 || !is_small(name.p + name.n - 8))
        return is_token(name);
    for (size_t i = 0; i + 8 < name.n; i += 8)
        if (!is_small(name.p + i))
            return is_token(name);
    return true;
}

/* Lines that only the writer of a message may add, told apart by length first
 * because this is asked for every line of every answer. */
static bool is_ours(struct sl_str name)
{
    switch (name.n) {
    case 4: return sl_str_eq_nocase(name, SL_STR("date"));
    case 10: return sl_str_eq_nocase(name, SL_STR("connection"));
    case 14: return sl_str_eq_nocase(name, SL_STR("content-length"));
    case 17: return sl_str_eq_nocase(name, SL_STR("transfer-encoding"));
    default: return false;
    }
}

void sl_headers_line(struct sl_text *t, struct sl_str name, struct sl_str value)
{
    size_t n = name.n + value.n + 4;
    char *p = t->p + t->n;

    if (!sl_headers_name_ok(name) || !sl_headers_value_ok(value))
        return;
    if (t->cut || n > t->cap - t->n) {
        t->cut = true;
        return;
    }
    memcpy(p, name.p, name.n);
    memcpy(p += name.n, ": ", 2);
    if (value.n > 0)
        memcpy(p + 2, value.p, value.n);
    memcpy(p + 2 + value.n, "\r\n", 2);
    t->n += n;
}

void sl_headers_write(struct sl_text *t, const struct sl_headers *h)
{
    for (size_t i = 0; i < h->n; i++)
        if (!is_ours(h->v[i].name))
            sl_headers_line(t, h->v[i].name, h->v[i].value);
}

size_t sl_headers_room(const struct sl_headers *h)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n; i++)
        n += h->v[i].name.n + h->v[i].value.n + 4;
    return n;
}

#define REASON(status, text)                                                                       \
    {                                                                                              \
        status, text, SL_STR_INIT("HTTP/1.1 " #status " " text "\r\n")                             \
    }

static const struct reason {
    int status;
    const char *text;
    struct sl_str line; /* the first of an answer */
} reasons[] = {
    REASON(200, "OK"),
    REASON(201, "Created"),
    REASON(202, "Accepted"),
    REASON(204, "No Content"),
    REASON(304, "Not Modified"),
    REASON(400, "Bad Request"),
    REASON(401, "Unauthorized"),
    REASON(402, "Payment Required"),
    REASON(403, "Forbidden"),
    REASON(404, "Not Found"),
    REASON(405, "Method Not Allowed"),
    REASON(408, "Request Timeout"),
    REASON(409, "Conflict"),
    REASON(411, "Length Required"),
    REASON(413, "Content Too Large"),
    REASON(414, "URI Too Long"),
    REASON(415, "Unsupported Media Type"),
    REASON(417, "Expectation Failed"),
    REASON(422, "Unprocessable Content"),
    REASON(429, "Too Many Requests"),
    REASON(431, "Request Header Fields Too Large"),
    REASON(499, "Client Closed Request"),
    REASON(500, "Internal Server Error"),
    REASON(501, "Not Implemented"),
    REASON(502, "Bad Gateway"),
    REASON(503, "Service Unavailable"),
    REASON(504, "Gateway Timeout"),
    REASON(505, "HTTP Version Not Supported"),
    REASON(529, "Overloaded"),
};

static const struct reason *reason_of(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return &reasons[i];
    return NULL;
}

const char *sl_message_reason(int status)
{
    static const char *const classes[] = {"Informational", "Success", "Redirection", "Client Error",
                                          "Server Error"};
    const struct reason *r = reason_of(status);

    if (r != NULL)
        return r->text;
    return status >= 100 && status < 600 ? classes[status / 100 - 1] : "Unknown";
}

void sl_message_status_line(struct sl_text *t, int status)
{
    const struct reason *r = reason_of(status);

    if (r != NULL) {
        sl_text_add(t, r->line);
        return;
    }
    sl_text_add(t, SL_STR("HTTP/1.1 "));
    sl_text_u64(t, (uint64_t)status);
    sl_text_byte(t, ' ');
    sl_text_add(t, sl_str_of(sl_message_reason(status)));
    sl_text_add(t, SL_STR("\r\n"));
}

struct sl_str sl_query_get(struct sl_str query, struct sl_str name)
{
    struct sl_str pair;

    while (sl_str_split(&query, '&', &pair)) {
        if (pair.n > name.n && pair.p[name.n] == '=' && sl_str_starts(pair, name))
            return sl_str_from(pair, name.n + 1);
    }
    return (struct sl_str){"", 0};
}

struct sl_str sl_query_decode(struct sl_arena *a, struct sl_str s)
{
    char *out = sl_arena_alloc(a, s.n + 1);
    size_t n = 0;

    if (out == NULL)
        return (struct sl_str){NULL, 0};
    for (size_t i = 0; i < s.n; i++) {
        uint8_t byte = (uint8_t)s.p[i];

        if (s.p[i] == '%') {
            if (i + 2 >= s.n || !sl_str_unhex((struct sl_str){s.p + i + 1, 2}, &byte, 1))
                return (struct sl_str){NULL, 0};
            i += 2;
        }
        out[n++] = (char)byte;
    }
    return (struct sl_str){out, n};
}
