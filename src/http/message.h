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

/* First value, or .p NULL. `name` in any case. */
struct sl_str sl_headers_get(const struct sl_headers *h, struct sl_str name);
size_t sl_headers_count(const struct sl_headers *h, struct sl_str name);
/* Slices are not copied. False without memory or beyond SL_MESSAGE_HEADERS_MAX. */
SL_MUST bool sl_headers_add(struct sl_headers *h, struct sl_arena *a, struct sl_str name,
                            struct sl_str value);
/* RFC 9110 section 7.6.1 and what proxies must not pass: connection (and the
 * names it lists), keep-alive, te, trailer, transfer-encoding, upgrade,
 * proxy-*, content-length, host, expect. */
bool sl_headers_is_hop(const struct sl_headers *h, struct sl_str name);
/* Fit to be written as a header value / name. */
bool sl_headers_value_ok(struct sl_str value);
bool sl_headers_name_ok(struct sl_str name);
/* Writes `name: value` lines. What is not fit to be written, and framing lines
 * (connection, content-length, transfer-encoding, date), are left out. */
void sl_headers_write(struct sl_text *t, const struct sl_headers *h);
/* Bytes that the above takes at most. */
size_t sl_headers_room(const struct sl_headers *h);
const char *sl_message_reason(int status);

#endif
