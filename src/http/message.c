/* http/message.c -- header lists and the one writer of header lines. */
#include "http/message.h"

struct sl_str sl_headers_get(const struct sl_headers *h, struct sl_str name)
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

bool sl_headers_add(struct sl_headers *h, struct sl_arena *a, struct sl_str name,
                    struct sl_str value)
{
    if (h->n == SL_MESSAGE_HEADERS_MAX)
        return false;
    if (h->n == h->cap) {
        size_t cap = h->cap > 0 ? h->cap * 2 : 8;
        struct sl_header *v = sl_arena_alloc(a, cap * sizeof(*v));

        if (v == NULL)
            return false;
        if (h->n > 0)
            memcpy(v, h->v, h->n * sizeof(*v));
        h->v = v;
        h->cap = cap;
    }
    h->v[h->n++] = (struct sl_header){name, value};
    return true;
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

bool sl_headers_is_hop(const struct sl_headers *h, struct sl_str name)
{
    static const struct sl_str hops[] = {
        SL_STR_INIT("connection"), SL_STR_INIT("keep-alive"),     SL_STR_INIT("te"),
        SL_STR_INIT("trailer"),    SL_STR_INIT("upgrade"),        SL_STR_INIT("transfer-encoding"),
        SL_STR_INIT("host"),       SL_STR_INIT("content-length"), SL_STR_INIT("expect")};

    for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++)
        if (sl_str_eq_nocase(name, hops[i]))
            return true;
    if (sl_str_starts_nocase(name, SL_STR("proxy-")))
        return true;
    for (size_t i = 0; i < h->n; i++)
        if (sl_str_eq_nocase(h->v[i].name, SL_STR("connection")) && is_listed(h->v[i].value, name))
            return true;
    return false;
}

/* Eight bytes without a control byte. A tab says no too: the caller looks closer. */
static bool is_clean(const char *p)
{
    const uint64_t ones = 0x0101010101010101u, high = ones * 0x80;
    uint64_t v, del;

    memcpy(&v, p, sizeof v);
    del = v ^ ones * 0x7f;
    return ((((v - ones * 0x20) & ~v) | ((del - ones) & ~del)) & high) == 0;
}

bool sl_headers_value_ok(struct sl_str value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if (value.n - i >= 8 && is_clean(value.p + i)) {
            i += 7;
            continue;
        }
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* RFC 9110 section 5.6.2: tchar. */
static const bool token[256] = {
    ['!'] = true,         ['#'] = true,         ['$'] = true,        ['%'] = true, ['&'] = true,
    ['\''] = true,        ['*'] = true,         ['+'] = true,        ['-'] = true, ['.'] = true,
    ['^'] = true,         ['_'] = true,         ['`'] = true,        ['|'] = true, ['~'] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true};

bool sl_headers_name_ok(struct sl_str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!token[(unsigned char)name.p[i]])
            return false;
    return name.n > 0;
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

void sl_headers_write(struct sl_text *t, const struct sl_headers *h)
{
    for (size_t i = 0; i < h->n; i++) {
        const struct sl_header *one = &h->v[i];

        if (is_ours(one->name) || !sl_headers_name_ok(one->name) ||
            !sl_headers_value_ok(one->value))
            continue;
        sl_text_add(t, one->name);
        sl_text_add(t, SL_STR(": "));
        sl_text_add(t, one->value);
        sl_text_add(t, SL_STR("\r\n"));
    }
}

size_t sl_headers_room(const struct sl_headers *h)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n; i++)
        n += h->v[i].name.n + h->v[i].value.n + 4;
    return n;
}

const char *sl_message_reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {{200, "OK"},
                   {201, "Created"},
                   {202, "Accepted"},
                   {204, "No Content"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {402, "Payment Required"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {408, "Request Timeout"},
                   {409, "Conflict"},
                   {411, "Length Required"},
                   {413, "Content Too Large"},
                   {414, "URI Too Long"},
                   {415, "Unsupported Media Type"},
                   {417, "Expectation Failed"},
                   {422, "Unprocessable Content"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {499, "Client Closed Request"},
                   {500, "Internal Server Error"},
                   {501, "Not Implemented"},
                   {502, "Bad Gateway"},
                   {503, "Service Unavailable"},
                   {504, "Gateway Timeout"},
                   {505, "HTTP Version Not Supported"},
                   {529, "Overloaded"}};
    static const char *const classes[] = {"Informational", "Success", "Redirection", "Client Error",
                                          "Server Error"};

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return status >= 100 && status < 600 ? classes[status / 100 - 1] : "Unknown";
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
