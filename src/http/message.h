/* http/message.h -- what both directions of HTTP/1.1 share: header lists, the
 * framing decision, and the one writer of heads.
 *
 * Holder   Lists live in their message's arena and die with it.
 * Rules    Names and values are kept byte for byte as received; lookup ignores
 *          case. The writer refuses CR, LF, NUL and other control bytes, so that
 *          nothing read can become a line of ours (RFC 9112 section 11.1).
 */
#ifndef SL_HTTP_MESSAGE_H
#define SL_HTTP_MESSAGE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"

#define SL_MESSAGE_HEAD_MAX 32768 /* bytes of one head, both directions */
#define SL_MESSAGE_HEADERS_MAX 128
#define SL_MESSAGE_TARGET_MAX 16384

struct sl_header {
    struct sl_str name;
    struct sl_str value;
};

struct sl_headers {
    struct sl_header *v; /* up: in the message's arena */
    size_t n;
    size_t cap;
    uint64_t marks; /* of all names: a name whose mark is not among them is not there */
    bool lists;     /* a connection line may list names of other lines */
};

enum sl_method {
    SL_GET,
    SL_HEAD,
    SL_POST,
    SL_PUT,
    SL_DELETE,
    SL_PATCH,
    SL_OPTIONS,
    SL_METHOD_OTHER
};

/* A request's head as the server parsed it. */
struct sl_request_head {
    enum sl_method method;
    struct sl_str method_text;
    struct sl_str target; /* origin form as sent: path and query */
    struct sl_str path;   /* before '?' */
    struct sl_str query;  /* behind '?', may be empty */
    struct sl_headers headers;
    bool http10;
    bool keep_alive;
    bool expect_continue;
    bool has_body;
    bool chunked;
    uint64_t length; /* if has_body and not chunked */
};

/* A provider's answer head as the client parsed it. */
struct sl_answer_head {
    int status;
    struct sl_headers headers;
    bool has_length;
    uint64_t length;
    bool event_stream; /* content-type: text/event-stream */
    bool json;         /* content-type: application/json or +json */
};

/* One parameter of a query, as it stands; empty if it is not there. */
struct sl_str sl_query_get(struct sl_str query, struct sl_str name);
/* Without its percent signs (%2F and friends), in the arena. .p NULL: not well formed, or no
 * memory. RFC 3986 section 2.1. */
struct sl_str sl_query_decode(struct sl_arena *a, struct sl_str s);

/* One bit of 64, the same for a name in any case. */
static inline uint64_t sl_headers_mark(struct sl_str name)
{
    size_t n = name.n;

    if (n == 0)
        return 1;
    return UINT64_C(1) << ((n * 4 + (name.p[0] & 31) + (size_t)(name.p[n - 1] & 31) * 2) & 63);
}

/* First value, or .p NULL. `name` in any case. Most names asked for are not there. */
struct sl_str sl_headers_find(const struct sl_headers *h, struct sl_str name);
static inline struct sl_str sl_headers_get(const struct sl_headers *h, struct sl_str name)
{
    return (h->marks & sl_headers_mark(name)) != 0 ? sl_headers_find(h, name)
                                                   : (struct sl_str){NULL, 0};
}
size_t sl_headers_count(const struct sl_headers *h, struct sl_str name);
/* Where there is room: sl_headers_reserve() was asked for it. Slices are not copied. */
static inline void sl_headers_put(struct sl_headers *h, struct sl_str name, struct sl_str value)
{
    h->v[h->n++] = (struct sl_header){name, value};
    h->marks |= sl_headers_mark(name);
    /* keep-alive is of the hop by itself; whatever else is said names lines, "close" too */
    if (sl_str_eq_nocase(name, SL_STR("connection")) &&
        !sl_str_eq_nocase(value, SL_STR("keep-alive")))
        h->lists = true;
}
/* Room for `n` lines more, or as many as is good. False without memory or beyond
 * SL_MESSAGE_HEADERS_MAX. */
SL_MUST bool sl_headers_reserve(struct sl_headers *h, struct sl_arena *a, size_t n);
SL_MUST bool sl_headers_grow(struct sl_headers *h, struct sl_arena *a);
/* False likewise. */
SL_MUST static inline bool sl_headers_add(struct sl_headers *h, struct sl_arena *a,
                                          struct sl_str name, struct sl_str value)
{
    if (h->n == h->cap && !sl_headers_grow(h, a))
        return false;
    sl_headers_put(h, name, value);
    return true;
}
/* RFC 9110 section 7.6.1 and what proxies must not pass: connection (and the
 * names it lists), keep-alive, te, trailer, transfer-encoding, upgrade,
 * proxy-*, content-length, host, expect. */
bool sl_headers_is_hop(const struct sl_headers *h, struct sl_str name);
/* Fit to be written as a header value / name. */
bool sl_headers_value_ok(struct sl_str value);
bool sl_headers_name_ok(struct sl_str name);
/* Writes a `name: value` line, if it is fit to be written; whole, or the text is cut before it. */
void sl_headers_line(struct sl_text *t, struct sl_str name, struct sl_str value);
/* All lines but those of the framing: connection, content-length, transfer-encoding, date. */
void sl_headers_write(struct sl_text *t, const struct sl_headers *h);
/* Bytes that the above takes at most. */
size_t sl_headers_room(const struct sl_headers *h);
const char *sl_message_reason(int status);
/* The first line of an answer, with its end: RFC 9112 section 4. */
void sl_message_status_line(struct sl_text *t, int status);

#endif
