/* Tokens that were found good, and how that is found out. */
#include "gateway/jwt/jwts.h"

#include "gateway/explain/explain.h"

#include "base/base64.h"
#include "base/map.h"
#include "gateway/inside.h"
#include "net/tls.h"
#include "net/crypto/verify.h"

#undef HASH_KEYCMP
#define HASH_KEYCMP SL_MAP_SECRET_KEYCMP

#define ARENA_MAX ((size_t)64 << 10) /* of one token, taken apart */

struct known {
    uint8_t sha256[32];
    bool of_key;                 /* given here: stands for the key with `digest` */
    uint8_t digest[32];          /* else of issuer and user */
    struct sl_jwt_claims claims; /* texts in the arena */
    struct sl_str issuer;        /* its name, for the log */
    struct sl_arena arena;
    struct sl_list age;
    UT_hash_handle hh;
};

struct sl_jwts {
    struct known *table; /* owns: a uthash */
    struct sl_list ages; /* oldest first */
    size_t n;
    uint64_t second; /* in which `wrong` signatures came */
    unsigned wrong;
};

static void forget(struct sl_jwts *t, struct known *k)
{
    HASH_DEL(t->table, k);
    sl_list_unlink(&k->age);
    sl_arena_fini(&k->arena);
    t->n--;
    sl_mem_free(k);
}

void sl_jwts_reload(struct sl_jwts *t)
{
    while (!sl_list_is_empty(&t->ages))
        forget(t, SL_CONTAINER(t->ages.next, struct known, age));
}

struct sl_jwts *sl_jwts_new(void)
{
    struct sl_jwts *t = sl_mem_new(sizeof *t);

    sl_list_init(&t->ages);
    return t;
}

void sl_jwts_end(struct sl_jwts **pt)
{
    if (*pt != NULL)
        sl_jwts_reload(*pt);
    sl_mem_free(*pt);
    *pt = NULL;
}

bool sl_jwts_takes(const struct sl_gateway_conf *c, struct sl_str text)
{
    return (c->issuers_n > 0 || c->token_secrets_n > 0) && sl_jwt_is_like(text);
}

/* ---- signatures ---- */

static bool is_hmac_right(const struct sl_str *secrets, size_t n, const struct sl_jwt *jwt,
                          size_t *which)
{
    uint8_t mac[32];

    for (*which = 0; *which < n; (*which)++) {
        sl_tls_hmac_sha256(secrets[*which], &jwt->signed_part, 1, mac);
        if (sl_str_eq_secret((struct sl_str){(const char *)mac, sizeof mac}, jwt->signature))
            return true;
    }
    return false;
}

/* Found by its name; a key that has none, alone, is meant whatever the token says. */
static const struct sl_issuer_key *key_of(const struct sl_issuer *i, const struct sl_jwt *jwt)
{
    if (i->keys_n == 1 && (i->keys[0].kid.n == 0 || jwt->kid.p == NULL))
        return &i->keys[0];
    for (size_t k = 0; k < i->keys_n && jwt->kid.p != NULL; k++)
        if (sl_str_eq(i->keys[k].kid, jwt->kid))
            return &i->keys[k];
    return NULL;
}

static bool may_verify(struct sl_jwts *t, uint64_t now_ms)
{
    if (t->second != now_ms / 1000) {
        t->second = now_ms / 1000;
        t->wrong = 0;
    }
    return t->wrong < SL_JWTS_WRONG;
}

static enum sl_jwt_fault check_signature(struct sl_jwts *t, const struct sl_issuer *i,
                                         const struct sl_jwt *jwt, uint64_t now_ms)
{
    const struct sl_issuer_key *key = i->alg == SL_ISSUER_HS256 ? NULL : key_of(i, jwt);
    size_t which;
    bool right;

    if (i->alg != SL_ISSUER_HS256 && key == NULL)
        return SL_JWT_KEY;
    if (!may_verify(t, now_ms))
        return SL_JWT_BUSY;
    right = key != NULL ? sl_verify(key->key, jwt->signed_part, jwt->signature)
                        : is_hmac_right(i->secrets, i->secrets_n, jwt, &which);
    t->wrong += !right;
    return right ? SL_JWT_OK : SL_JWT_SIGNATURE_WRONG;
}

/* ---- the two kinds ---- */

/* The id of an issuer's user: the same whatever token it comes with. */
static void digest_user(const struct sl_issuer *i, struct known *k)
{
    static const struct sl_str between = SL_STR_INIT("\n");
    const struct sl_str parts[] = {i->rules.issuer, between, k->claims.tenant, between,
                                   k->claims.user};

    sl_tls_hmac_sha256((struct sl_str){"", 0}, parts, sizeof parts / sizeof parts[0], k->digest);
}

static enum sl_jwt_fault read_of_issuer(struct sl_jwts *t, const struct sl_gateway_conf *c,
                                        const struct sl_jwt *jwt, const struct sl_req *r,
                                        struct known *k)
{
    static const struct sl_str names[] = {[SL_ISSUER_RS256] = SL_STR_INIT("RS256"),
                                          [SL_ISSUER_ES256] = SL_STR_INIT("ES256"),
                                          [SL_ISSUER_HS256] = SL_STR_INIT("HS256")};
    const struct sl_issuer *i = NULL;
    enum sl_jwt_fault f;

    for (size_t n = 0; n < c->issuers_n && i == NULL; n++)
        if (sl_str_eq(c->issuers[n].rules.issuer, jwt->issuer))
            i = &c->issuers[n];
    if (i == NULL)
        return SL_JWT_ISSUER;
    if (!sl_str_eq(jwt->alg, names[i->alg]))
        return SL_JWT_ALGORITHM;
    f = sl_jwt_judge(jwt, &i->rules, sl_net_unix_ms(r->gw->net), &k->arena, &k->claims);
    if (f != SL_JWT_OK)
        return f;
    k->claims.tenant = sl_arena_dup(&k->arena, k->claims.tenant); /* the fixed one, too */
    k->issuer = sl_arena_dup(&k->arena, i->name);
    if (k->claims.tenant.p == NULL || k->issuer.p == NULL)
        return SL_JWT_NO_MEMORY;
    digest_user(i, k);
    return check_signature(t, i, jwt, sl_net_now(r->gw->net));
}

void sl_jwts_mask(struct sl_str secret, struct sl_str jti, uint8_t digest[32])
{
    static const struct sl_str what = SL_STR_INIT("digest of the key ");
    const struct sl_str parts[] = {what, jti};
    uint8_t mask[32];

    sl_tls_hmac_sha256(secret, parts, 2, mask);
    for (size_t i = 0; i < sizeof mask; i++)
        digest[i] ^= mask[i];
    sl_mem_wipe(mask, sizeof mask);
}

static enum sl_jwt_fault read_own(const struct sl_gateway_conf *c, const struct sl_jwt *jwt,
                                  int64_t now, struct known *k)
{
    static const struct sl_jwt_rules rules = {.issuer = SL_STR_INIT(SL_JWTS_OWN),
                                              .audience = SL_STR_INIT(SL_JWTS_OWN),
                                              .tenant_claim = SL_STR_INIT("tenant")};
    struct sl_str jti = sl_jwt_text(jwt->payload, SL_STR("jti"), &k->arena);
    struct sl_str digest = sl_jwt_text(jwt->payload, SL_STR("key"), &k->arena);
    enum sl_jwt_fault f;
    size_t which, n;

    if (c->token_secrets_n == 0)
        return SL_JWT_ISSUER;
    if (!sl_str_eq(jwt->alg, SL_STR("HS256")))
        return SL_JWT_ALGORITHM;
    f = sl_jwt_judge(jwt, &rules, now, &k->arena, &k->claims);
    if (f != SL_JWT_OK)
        return f;
    if (!is_hmac_right(c->token_secrets, c->token_secrets_n, jwt, &which))
        return SL_JWT_SIGNATURE_WRONG;
    if (jti.p == NULL || digest.p == NULL ||
        !sl_base64_decode_url(digest, k->digest, sizeof k->digest, &n) || n != sizeof k->digest)
        return SL_JWT_FORM;
    sl_jwts_mask(c->token_secrets[which], jti, k->digest);
    k->of_key = true;
    return SL_JWT_OK;
}

/* ---- known ones ---- */

/* A snapshot that is in force no more may find a token good, but not for others. */
static void remember(struct sl_jwts *t, struct known *k)
{
    if (t->n >= SL_JWTS_KNOWN)
        forget(t, SL_CONTAINER(t->ages.next, struct known, age));
    sl_list_init(&k->age);
    sl_list_push_back(&t->ages, &k->age);
    HASH_ADD(hh, t->table, sha256, sizeof k->sha256, k);
    t->n++;
}

static struct known *look(struct sl_jwts *t, const uint8_t sha256[32], int64_t now)
{
    struct known *k = NULL;

    HASH_FIND(hh, t->table, sha256, sizeof k->sha256, k);
    if (k != NULL && now >= k->claims.until_unix_ms) {
        forget(t, k);
        return NULL; /* it is read once more, and said to have expired */
    }
    return k;
}

static enum sl_jwt_fault read(struct sl_req *r, struct known *k)
{
    struct sl_arena a;
    struct sl_jwt jwt;
    enum sl_jwt_fault f;

    sl_arena_init(&a, ARENA_MAX);
    f = sl_jwt_open(r->jwt, &a, &jwt);
    if (f == SL_JWT_OK && sl_str_eq(jwt.issuer, SL_STR(SL_JWTS_OWN)))
        f = read_own(r->conf, &jwt, sl_net_unix_ms(r->gw->net), k);
    else if (f == SL_JWT_OK)
        f = read_of_issuer(r->gw->jwts, r->conf, &jwt, r, k);
    sl_arena_fini(&a);
    return f;
}

/* ---- who ---- */

static enum sl_err claim(struct sl_req *r, const struct known *k, const struct sl_key **key,
                         struct sl_made_key **made, enum sl_jwt_fault *fault)
{
    char id[20] = "jwt-", name[72] = "jwt:";
    struct sl_str issuer = sl_str_first(k->issuer, sizeof name - 4);
    struct sl_key as;
    enum sl_err e;

    sl_str_hex(k->digest, 8, id + 4);
    memcpy(name + 4, issuer.p, issuer.n);
    sl_key_init(&as);
    as.tenant = k->claims.tenant;
    as.name = (struct sl_str){name, 4 + issuer.n};
    as.public_id = (struct sl_str){id, sizeof id};
    as.user = k->claims.user;
    as.expires_unix_ms = k->claims.until_unix_ms;
    as.scopes = k->claims.scopes;
    as.scopes_n = k->claims.scopes_n;
    e = sl_keys_claim(r->gw->keys, k->sha256, &as, sl_net_unix_ms(r->gw->net), key, made);
    if (e == SL_ERR_NO_KEY)
        *fault = SL_JWT_TENANT;
    return e;
}

static enum sl_err stand_for(struct sl_req *r, const struct known *k, const struct sl_key **key,
                             struct sl_made_key **made, enum sl_jwt_fault *fault)
{
    if (!k->of_key)
        return claim(r, k, key, made, fault);
    memcpy(r->key_sha256, k->digest, sizeof r->key_sha256);
    r->jwt_of_key = true;
    return sl_keys_find(r->gw->keys, r->conf, k->digest, sl_net_unix_ms(r->gw->net), key, made);
}

static enum sl_err find_who(struct sl_req *r, const struct sl_key **key, struct sl_made_key **made,
                            enum sl_jwt_fault *fault)
{
    int64_t now = sl_net_unix_ms(r->gw->net);
    uint8_t sha256[32];
    struct known *k;
    enum sl_err e = SL_ERR_NO_KEY;

    *fault = SL_JWT_OK;
    *key = NULL;
    *made = NULL;
    if (r->explain != NULL && sl_explain_is_tenant(r->explain))
        return sl_explain_claim(r, key, made);
    if (r->jwt.n == 0)
        return sl_keys_find(r->gw->keys, r->conf, r->key_sha256, now, key, made);
    sl_keymemo_sha256(&r->gw->keymemo, r->jwt, sha256);
    k = look(r->gw->jwts, sha256, now);
    if (k != NULL)
        return stand_for(r, k, key, made, fault);
    k = sl_mem_new(sizeof *k);
    memcpy(k->sha256, sha256, sizeof k->sha256);
    sl_arena_init(&k->arena, ARENA_MAX);
    *fault = read(r, k);
    if (*fault == SL_JWT_OK)
        e = stand_for(r, k, key, made, fault);
    if (*fault == SL_JWT_OK && r->conf == r->gw->conf) {
        remember(r->gw->jwts, k);
        return e;
    }
    sl_arena_fini(&k->arena);
    sl_mem_free(k);
    return e;
}

enum sl_err sl_who_find(struct sl_req *r, const struct sl_key **key, struct sl_made_key **made,
                        enum sl_jwt_fault *fault)
{
    enum sl_err e = find_who(r, key, made, fault);

    return e == SL_OK && sl_switched_refuses(&r->gw->switched, *key) ? SL_ERR_PAUSED : e;
}
