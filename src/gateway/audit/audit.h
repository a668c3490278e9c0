/* gateway/audit/audit.h -- what an auditor asks of a request: whose it was, how it was
 * decided, and what went in and out, as digests.
 *
 * Private to the gateway. Begun when a body is wanted, filled in ACCOUNT; texts point into
 * the request, its head and its arena. The trace id is the second field of `traceparent`
 * (W3C Trace Context, level 1).
 */
#ifndef SL_GATEWAY_AUDIT_AUDIT_H
#define SL_GATEWAY_AUDIT_AUDIT_H

#include "gateway/req.h"
#include "store/store.h"

/* `audit.hash`: prompt and answer are hashed as they pass. Without memory they are not. */
void sl_audit_begin(struct sl_req *r);
/* Once. */
void sl_audit_fill(struct sl_req *r, struct sl_audit *out);
/* The client's address; a trusted proxy's word for it, never a stranger's. */
struct sl_str sl_audit_client(const struct sl_req *r);
/* In the request's arena, and found once. */
struct sl_audit_who {
    struct sl_str named;    /* what the program names itself: gateway/audit/apps.h */
    struct sl_str app;      /* that, else the user agent */
    struct sl_str end_user; /* whom the client names */
    struct sl_str trace;    /* 32 digits, or empty */
};
const struct sl_audit_who *sl_audit_who(struct sl_req *r);
/* A JSON list of texts, in the request's arena: admission, cache, each try. */
struct sl_str sl_audit_path(struct sl_req *r);

#endif
