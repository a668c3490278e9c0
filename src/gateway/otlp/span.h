/* gateway/otlp/span.h -- the spans of one request: whose trace they belong to, and its tries.
 *
 *   client's span ─► SERVER: the request ─► CLIENT: a try ─► (traceparent) the provider's own
 *
 * Private to the gateway. begin, once, before the first step; then for each try of a provider
 * begin and end, or forget; close, in ACCOUNT, hands what there is to gateway/otlp/otlp.h. A
 * request that is not sampled has no `r->span`, and each of these does nothing.
 *
 * Sampling A valid `traceparent` decides by its flag; a trace that begins here is chosen by the
 *          low 56 bits of its id, so that all instances choose alike (otlp.sample). Of a
 *          request without a valid key the client's flag does not count.
 * Upwards  A try's own id stands in the `traceparent` that its provider gets. Of a request that
 *          is not sampled, and of `tracestate` always, the client's bytes go on as they came.
 * Memory   In the request's arena: SL_SPAN_TRIES tries, what comes after them has no span.
 * Source   W3C Trace Context, level 1 (form and rules of `traceparent`), OpenTelemetry's
 *          specification of sampling (ParentBased, TraceIdRatioBased).
 */
#ifndef SL_GATEWAY_OTLP_SPAN_H
#define SL_GATEWAY_OTLP_SPAN_H

#include "gateway/req.h"

#define SL_SPAN_TRIES 8
#define SL_SPAN_PARENT 55 /* bytes of a traceparent of version 00 */

struct sl_span_try {
    char id[16];
    uint64_t start_us, end_us;          /* monotonic; end 0: it runs, or is the answer */
    const struct sl_provider *provider; /* up: the snapshot's */
    struct sl_str served;               /* model, as the provider was asked */
    int status;                         /* 0: no answer */
    enum sl_err why;
};

struct sl_span {
    char trace[32], id[16]; /* lower-case hexadecimal, no terminators */
    char parent[16];
    bool has_parent;
    struct sl_span_try tries[SL_SPAN_TRIES];
    size_t n;
    bool open; /* the last one runs, or is the answer */
};

/* What a `traceparent` says. False: it is none, and must be ignored. */
struct sl_span_parent {
    struct sl_str trace, id;
    bool sampled;
};
SL_MUST bool sl_span_parse(struct sl_str value, struct sl_span_parent *out);

void sl_span_begin(struct sl_req *r);
void sl_span_try_begin(struct sl_req *r);
/* `why` SL_OK: it is the answer, and lasts as long as that. */
void sl_span_try_end(struct sl_req *r, int status, enum sl_err why);
void sl_span_try_forget(struct sl_req *r); /* it was no try */
/* `traceparent` for the provider of the try under way; false: the client's own goes on. */
SL_MUST bool sl_span_for_provider(const struct sl_req *r, char out[SL_SPAN_PARENT]);
void sl_span_close(struct sl_req *r);

/* write.c: one span as OTLP's JSON; `one` NULL: the request's own. `at_ns`: nanoseconds since
 * 1970 at monotonic 0. What does not fit sets `t->cut`. */
void sl_span_write(struct sl_req *r, const struct sl_span_try *one, int64_t at_ns,
                   struct sl_text *t);

#endif
