/* gateway/tokens/grant.h -- what is said to a token endpoint, and what it says.
 *
 * Private to the room, and pure. The grant is `client_credentials`, or
 * `refresh_token` where a refresh token is at hand.
 * Memory   A request's text is one block of base/mem that holds secrets: whoever
 *          frees it wipes it first. A grant's texts likewise (sl_grant_fini).
 * Source   RFC 6749 sections 2.3.1, 4.4, 5 and 6; RFC 6750 for how a token is used.
 */
#ifndef SL_GATEWAY_TOKENS_GRANT_H
#define SL_GATEWAY_TOKENS_GRANT_H

#include "gateway/conf.h"

#define SL_GRANT_TOKEN_MAX 16384  /* bytes of a token */
#define SL_GRANT_BODY_MAX 65536   /* bytes of an answer that are read */
#define SL_GRANT_LIVES_MS 3600000 /* where the endpoint does not say */
#define SL_GRANT_LIVES_MAX_S 31536000

struct sl_grant {
    struct sl_str token;   /* owns */
    struct sl_str refresh; /* owns: a new refresh token, or empty */
    uint64_t lives_ms;
};

/* Head and body; .p NULL without memory. `refresh`: empty for client credentials. */
SL_MUST struct sl_str sl_grant_request(const struct sl_oauth *o, struct sl_str refresh);
/* False: `why` says what is wrong, in words without secrets. */
SL_MUST bool sl_grant_read(int status, struct sl_str body, struct sl_grant *out, char *why,
                           size_t cap);
/* A block that holds a secret. */
void sl_grant_forget(struct sl_str *text);
void sl_grant_fini(struct sl_grant *g);

#endif
