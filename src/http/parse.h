/* http/parse.h -- one HTTP/1.1 message at a time, without a socket.
 *
 * llhttp reads heads and chunks, strictly; counted and close-delimited bodies
 * are counted here. What llhttp lets pass and RFC 9112 does not is refused when
 * the head is read (http/head.c). Server and client drive the same machine, and
 * so do the fuzzers.
 *
 * Holder   Embedded in a connection. Between messages it owns no memory.
 * Use      sl_parse_next() until MORE; after HEAD, sl_parse_request() or
 *          sl_parse_answer() must be called, while the bytes given are still
 *          there; after END, sl_parse_again() begins the next message. Bytes
 *          behind a message are left in `in`: garbage there can't spoil it.
 * Limits   SL_MESSAGE_HEAD_MAX, _HEADERS_MAX, _TARGET_MAX; of a chunked body,
 *          SL_PARSE_OVERHEAD bytes that are neither payload nor plain framing.
 *
 *     START ─► HEAD ─► DECIDE ─┬► LENGTH  ─┐
 *                              ├► CHUNKED ─┼► END      (any) ─► FAILED
 *                              └► CLOSE   ─┘
 */
#ifndef SL_HTTP_PARSE_H
#define SL_HTTP_PARSE_H

#include "http/message.h"

#include <llhttp.h>

#define SL_PARSE_OVERHEAD 16384
#define SL_PARSE_CHUNK_MAX (UINT64_C(1) << 40) /* a larger size is a trick, not a chunk */
#define SL_PARSE_CHUNK_LINES 12 /* bytes of size line and line ends a chunk may cost for free */

enum sl_parse_event { SL_PARSE_MORE, SL_PARSE_HEAD, SL_PARSE_BODY, SL_PARSE_END, SL_PARSE_FAIL };

enum sl_parse_state {
    SL_PARSE_AT_START,
    SL_PARSE_AT_HEAD,
    SL_PARSE_AT_DECIDE,
    SL_PARSE_AT_LENGTH,
    SL_PARSE_AT_CHUNKED,
    SL_PARSE_AT_CLOSE,
    SL_PARSE_AT_END,
    SL_PARSE_AT_FAILED,
};

/* Places in the head, counted from its first byte. */
struct sl_parse_span {
    uint16_t at;
    uint16_t n;
};

struct sl_parse_line {
    struct sl_parse_span name;
    struct sl_parse_span value;
};

/* What is noted while a head arrives; gone once it was read. */
struct sl_parse_work {
    char *kept; /* owns: the head so far, if it came in more than one piece */
    size_t kept_cap;
    struct sl_parse_span target;
    uint16_t name_end; /* where the last line's name ended, as far as it has come */
    uint16_t n;
    struct sl_parse_line lines[SL_MESSAGE_HEADERS_MAX];
};

struct sl_parse {
    llhttp_t ll;
    struct sl_parse_work *work; /* owns: NULL but while a head arrives */
    const char *from;           /* up: what llhttp reads right now */
    struct sl_str head;         /* the whole head, at DECIDE */
    struct sl_str piece;        /* body bytes noted by a callback */
    uint64_t left;              /* body bytes to come, at LENGTH */
    uint64_t framing;           /* bytes of a chunked body that were not payload */
    uint64_t chunks;
    uint32_t head_n; /* bytes of the head so far */
    enum sl_parse_state state;
    enum sl_err err;
    bool request;
    bool keep_alive; /* after the head: another message may follow */
};

void sl_parse_init(struct sl_parse *p, bool request);
void sl_parse_fini(struct sl_parse *p);
/* Ready for the next message: after END, or after a head that has no body. */
void sl_parse_again(struct sl_parse *p);
/* What was noted of a head that has been read. */
void sl_parse_forget(struct sl_parse *p);
/* Takes bytes from the front of `in`. BODY: `piece` lies in them. FAIL: p->err. */
enum sl_parse_event sl_parse_next(struct sl_parse *p, struct sl_str *in, struct sl_str *piece);
/* No byte will follow: does that end the message well? */
bool sl_parse_finish(struct sl_parse *p);

/* Nothing of the message is left to come. */
static inline bool sl_parse_is_over(const struct sl_parse *p)
{
    return p->state == SL_PARSE_AT_END || (p->state == SL_PARSE_AT_LENGTH && p->left == 0);
}

/* No byte of the message has come, or nothing but empty lines. */
bool sl_parse_is_fresh(const struct sl_parse *p);
/* The request's target as far as it is known, for the form of a refusal: while
 * the bytes of the last sl_parse_next() are there. */
struct sl_str sl_parse_target(const struct sl_parse *p);

/* http/head.c: the head as facts, its bytes copied into `a`; and how the body
 * is framed. Not SL_OK: refused, with the status to answer (requests) or
 * SL_ERR_UP_GARBAGE (answers); SL_ERR_NO_MEMORY from both. */
SL_MUST enum sl_err sl_parse_request(struct sl_parse *p, struct sl_arena *a,
                                     struct sl_request_head *out);
SL_MUST enum sl_err sl_parse_answer(struct sl_parse *p, struct sl_arena *a, bool is_head,
                                    struct sl_answer_head *out);

#endif
