/* POST /v1/auth/token: a short-lived token for the key that asks.
 *
 * It is a JWT by HS256 (RFC 7515, RFC 7518 section 3.2), for this gateway alone; the
 * answer has the form of RFC 6749 section 5.1. */
#include "base/base64.h"
#include "base/rand.h"
#include "base/text.h"
#include "gateway/inside.h"
#include "gateway/jwt/jwts.h"
#include "net/tls.h"

#define PAYLOAD_MAX 1024
#define TOKEN_MAX (SL_BASE64_ROOM(PAYLOAD_MAX) + 256)

static void add_url(struct sl_text *t, struct sl_str s)
{
    char place[SL_BASE64_ROOM(PAYLOAD_MAX)];
    size_t n;

    if (s.n > PAYLOAD_MAX) {
        t->cut = true;
        return;
    }
    n = sl_base64_encode_url((const uint8_t *)s.p, s.n, place);
    SL_CHECK(n <= sizeof place); /* by the room; it says so to the compiler */
    sl_text_add(t, (struct sl_str){place, n});
}

static void write_payload(struct sl_text *t, const struct sl_req *r, struct sl_str secret,
                          int64_t now_s)
{
    uint8_t random[16], digest[32];
    char jti[32];
    struct sl_str id = {jti, sizeof jti};

    sl_rand_bytes(random, sizeof random);
    sl_str_hex(random, sizeof random, jti);
    memcpy(digest, r->key_sha256, sizeof digest);
    sl_jwts_mask(secret, id, digest);
    sl_text_add(t, SL_STR("{\"iss\":\"" SL_JWTS_OWN "\",\"aud\":\"" SL_JWTS_OWN "\",\"sub\":"));
    sl_text_json(t, r->key->public_id, 0);
    sl_text_add(t, SL_STR(",\"tenant\":"));
    sl_text_json(t, r->key->tenant, 0);
    sl_text_printf(t, ",\"iat\":%lld,\"exp\":%lld,\"jti\":\"%.32s\",\"key\":\"", (long long)now_s,
                   (long long)(now_s + (int64_t)r->conf->token_ttl_ms / 1000), jti);
    add_url(t, (struct sl_str){(const char *)digest, sizeof digest});
    sl_text_add(t, SL_STR("\"}"));
}

static bool write_token(struct sl_text *t, const struct sl_req *r)
{
    struct sl_str secret = r->conf->token_secrets[0], part;
    char place[PAYLOAD_MAX];
    struct sl_text payload = sl_text_over(place, sizeof place);
    uint8_t mac[32];

    write_payload(&payload, r, secret, sl_net_unix_ms(r->gw->net) / 1000);
    add_url(t, SL_STR("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"));
    sl_text_byte(t, '.');
    add_url(t, sl_text_str(&payload));
    part = sl_text_str(t);
    sl_tls_hmac_sha256(secret, &part, 1, mac);
    sl_text_byte(t, '.');
    add_url(t, (struct sl_str){(const char *)mac, sizeof mac});
    return !payload.cut && !t->cut;
}

enum sl_state sl_jwts_exchange(struct sl_req *r)
{
    char token[TOKEN_MAX], place[TOKEN_MAX + 128];
    struct sl_text t = sl_text_over(token, sizeof token), body = sl_text_over(place, sizeof place);

    if (r->conf->token_secrets_n == 0)
        return sl_req_refuse(r, SL_ERR_NO_ROUTE, 0,
                             "This gateway gives no tokens: its configuration has no "
                             "`key_tokens`. Send the key itself.");
    if (r->jwt.n > 0)
        return sl_req_refuse(r, SL_ERR_SCOPE, 0,
                             "Authentication failed: a token can't be exchanged for another one; "
                             "send the key.");
    if (!write_token(&t, r))
        return sl_req_refuse(r, SL_ERR_CEILING, 0, "The names of key and tenant are too long.");
    sl_text_add(&body, SL_STR("{\"access_token\":\""));
    sl_text_add(&body, sl_text_str(&t));
    sl_text_printf(&body, "\",\"token_type\":\"Bearer\",\"expires_in\":%llu}\n",
                   (unsigned long long)(r->conf->token_ttl_ms / 1000));
    r->raw_body = sl_arena_dup(r->arena, sl_text_str(&body));
    sl_mem_wipe(token, sizeof token);
    sl_mem_wipe(place, sizeof place);
    if (r->raw_body.p == NULL)
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    r->reply_status = 200;
    return SL_ST_REPLY;
}
