/* policy/jwt.h -- a JSON Web Token taken apart, and what it claims held against rules.
 *
 * Pure: the signature is the caller's to check, between the two steps below; nothing
 * that sl_jwt_open() finds may be believed before.
 * Order    sl_jwt_open, choose rules by `issuer`, compare `alg`, sl_jwt_judge, and the
 *          signature over `signed_part` last, for it is the dearest.
 * Limits   SL_JWT_MAX bytes; strict, canonical base64url; JSON whose top-level members
 *          stand once; texts of SL_JWT_TEXT bytes; SL_JWT_SCOPES scopes. `exp` is a must.
 * Memory   Everything lies in the arena, or in the token's text.
 * Source   RFC 7519 sections 4 and 7.2; RFC 7515 sections 4.1 and 5.2; RFC 8725.
 */
#ifndef SL_POLICY_JWT_H
#define SL_POLICY_JWT_H

#include "base/arena.h"
#include "base/err.h"

#define SL_JWT_MAX 8192
#define SL_JWT_TEXT 200
#define SL_JWT_SCOPES 32
#define SL_JWT_SIGNATURE 1024 /* bytes: of RSA with 8192 bits */

enum sl_jwt_fault {
    SL_JWT_OK,
    SL_JWT_FORM,
    SL_JWT_NO_MEMORY,
    SL_JWT_CRITICAL,
    SL_JWT_ALGORITHM,
    SL_JWT_KEY,
    SL_JWT_SIGNATURE_WRONG,
    SL_JWT_BUSY,
    SL_JWT_ISSUER,
    SL_JWT_AUDIENCE,
    SL_JWT_EXPIRED,
    SL_JWT_EARLY,
    SL_JWT_TENANT,
    SL_JWT_USER,
    SL_JWT_SCOPE,
    SL_JWT__COUNT
};

struct sl_jwt {
    struct sl_str signed_part;     /* header and payload, as they came */
    struct sl_str signature;       /* decoded */
    struct sl_str header, payload; /* JSON */
    struct sl_str alg, issuer;
    struct sl_str kid; /* .p NULL: it names none */
};

struct sl_jwt_rules {
    struct sl_str issuer, audience;
    struct sl_str tenant;       /* fixed; or empty, and then the claim's: */
    struct sl_str tenant_claim; /* names of members */
    struct sl_str user_claim;   /* empty: the user is not looked at */
    struct sl_str scopes_claim; /* empty: a token narrows nothing */
    int64_t leeway_ms;          /* of clocks that differ */
};

struct sl_jwt_claims {
    struct sl_str tenant, user;
    const struct sl_str *scopes; /* up: arena; only such as keys have */
    size_t scopes_n;
    int64_t until_unix_ms; /* the leeway included */
};

/* Has it the form of one? For telling a token from a key. */
bool sl_jwt_is_like(struct sl_str text);
SL_MUST enum sl_jwt_fault sl_jwt_open(struct sl_str text, struct sl_arena *a, struct sl_jwt *out);
SL_MUST enum sl_jwt_fault sl_jwt_judge(const struct sl_jwt *t, const struct sl_jwt_rules *rules,
                                       int64_t now_unix_ms, struct sl_arena *a,
                                       struct sl_jwt_claims *out);
/* A text claim of at most SL_JWT_TEXT bytes without control characters; .p NULL: it is
 * not there, or not that. */
struct sl_str sl_jwt_text(struct sl_str object, struct sl_str name, struct sl_arena *a);
/* What is wrong, for the client. */
const char *sl_jwt_say(enum sl_jwt_fault f);

#endif
