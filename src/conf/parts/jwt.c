/* conf/parts/jwt.c -- whose tokens are taken in place of keys, and by which keys they
 * are signed. Files are read with each load, so a reload takes new keys. */
#include "conf/parts/parts.h"

#include "base/base64.h"
#include "base/doc.h"
#include "base/mem.h"
#include "gateway/jwt/jwts.h"
#include "net/file.h"

#include <stdio.h>

#define KEYS_BYTES ((size_t)256 << 10)
#define SECRET_MIN 32   /* bytes: RFC 7518 section 3.2 */
#define NUMBER_MAX 1024 /* bytes of a number in a key */

/* ---- keys as JSON (RFC 7517) ---- */

static struct sl_str member(yyjson_val *object, const char *name)
{
    yyjson_val *v = yyjson_obj_get(object, name);

    return yyjson_is_str(v) ? sl_doc_str(v) : (struct sl_str){NULL, 0};
}

static bool says(yyjson_val *object, const char *name, const char *wanted)
{
    struct sl_str v = member(object, name);

    return v.p == NULL || sl_str_eq(v, sl_str_of(wanted));
}

static bool is_meant(yyjson_val *key, const struct sl_issuer *i)
{
    bool rsa = i->alg == SL_ISSUER_RS256;

    return yyjson_is_obj(key) &&
           sl_str_eq(member(key, "kty"), rsa ? SL_STR("RSA") : SL_STR("EC")) &&
           says(key, "alg", rsa ? "RS256" : "ES256") && says(key, "use", "sig") &&
           (rsa || sl_str_eq(member(key, "crv"), SL_STR("P-256")));
}

static struct sl_str number(yyjson_val *key, const char *name, uint8_t *place)
{
    size_t n = 0;

    if (!sl_base64_decode_url(member(key, name), place, NUMBER_MAX, &n))
        n = 0;
    return (struct sl_str){(const char *)place, n};
}

static struct sl_verify_key *key_of(yyjson_val *key, bool rsa, char *why, size_t cap)
{
    uint8_t a[NUMBER_MAX], b[NUMBER_MAX];

    if (rsa)
        return sl_verify_rsa_new(number(key, "n", a), number(key, "e", b), why, cap);
    return sl_verify_p256_new(number(key, "x", a), number(key, "y", b), why, cap);
}

static void add_key(struct sl_build *b, struct sl_issuer *i, const struct sl_node *at,
                    struct sl_str kid, struct sl_verify_key *key, const char *why)
{
    struct sl_issuer_key *keys = i->keys;

    if (key == NULL) {
        sl_fault_add(b->faults, at, "jwt[].keys_file: key %.*s: %s",
                     SL_STR_ARGS(sl_str_first(kid, 60)), why);
        return;
    }
    for (size_t k = 0; k < i->keys_n; k++)
        if (sl_str_eq(keys[k].kid, kid))
            sl_fault_add(b->faults, at, "jwt[].keys_file: key %.*s stands twice",
                         SL_STR_ARGS(sl_str_first(kid, 60)));
    keys[i->keys_n++] = (struct sl_issuer_key){.kid = sl_build_dup(b, kid), .key = key};
}

static void read_set(struct sl_build *b, struct sl_issuer *i, const struct sl_node *at,
                     struct sl_str text)
{
    struct sl_doc doc;
    yyjson_val *list, *key;
    yyjson_arr_iter walk;
    char why[160] = "";

    if (sl_doc_read(&doc, text, SL_DOC_MAX(text.n), 0) != SL_OK) {
        sl_doc_fini(&doc);
        sl_fault_add(b->faults, at, "jwt[].keys_file: is neither PEM nor a JSON Web Key Set");
        return;
    }
    list = yyjson_obj_get(doc.root, "keys");
    walk = yyjson_arr_iter_with(list);
    while ((key = yyjson_arr_iter_next(&walk)) != NULL) {
        struct sl_str kid = yyjson_is_obj(key) ? member(key, "kid") : (struct sl_str){NULL, 0};

        if (!is_meant(key, i))
            continue; /* for something else */
        if (i->keys_n == SL_ISSUER_KEYS_MAX) {
            sl_fault_add(b->faults, at, "jwt[].keys_file: at most %d keys", SL_ISSUER_KEYS_MAX);
            break;
        }
        add_key(b, i, at, kid.p != NULL ? kid : SL_STR(""),
                key_of(key, i->alg == SL_ISSUER_RS256, why, sizeof(why)), why);
    }
    sl_doc_fini(&doc);
}

/* ---- what an issuer signs with ---- */

static void read_pem(struct sl_build *b, struct sl_issuer *i, const struct sl_node *at,
                     struct sl_str text)
{
    char why[160] = "";
    struct sl_verify_key *key = sl_verify_pem_new(text, why, sizeof(why));

    if (key != NULL && sl_verify_is_rsa(key) != (i->alg == SL_ISSUER_RS256)) {
        sl_verify_end(&key);
        snprintf(why, sizeof(why), "it is of the other kind than `algorithm`");
    }
    add_key(b, i, at, SL_STR(""), key, why);
}

static void read_keys(struct sl_build *b, struct sl_issuer *i, const struct sl_node *map)
{
    const struct sl_node *at = sl_node_get(map, "keys_file");
    size_t n = 0;
    char *text;
    bool pem;

    if (at == NULL || at->text.n == 0) {
        sl_fault_add(b->faults, map, "jwt[].keys_file: is needed for this algorithm");
        return;
    }
    text = sl_file_load(at->text.p, KEYS_BYTES, &n);
    if (text == NULL) {
        sl_fault_file(b->faults, at, "jwt[].keys_file");
        return;
    }
    i->keys = sl_build_alloc(b, SL_ISSUER_KEYS_MAX, sizeof(*i->keys));
    pem = sl_str_find((struct sl_str){text, n}, SL_STR("-----BEGIN ")) >= 0;
    if (i->keys != NULL)
        (pem ? read_pem : read_set)(b, i, at, (struct sl_str){text, n});
    if (i->keys_n == 0 && b->faults->n == 0)
        sl_fault_add(b->faults, at, "jwt[].keys_file: holds no key for this algorithm");
    sl_mem_free(text);
}

static const struct sl_str *secrets_of(struct sl_build *b, const struct sl_node *list,
                                       const char *what, size_t *n)
{
    struct sl_str *out = sl_build_alloc(b, list->n, sizeof(*out));

    *n = 0;
    if (list->n > SL_ISSUER_SECRETS_MAX)
        sl_fault_add(b->faults, list, "%s: at most %d", what, SL_ISSUER_SECRETS_MAX);
    for (const struct sl_node *c = list->first; out != NULL && c != NULL; c = c->next) {
        if (c->text.n < SECRET_MIN || c->text.n > 8192)
            sl_fault_add(b->faults, c, "%s: a secret must have at least %d bytes", what,
                         SECRET_MIN);
        out[(*n)++] = sl_build_dup(b, c->text);
    }
    return out;
}

/* ---- an issuer ---- */

static void check_issuer(struct sl_build *b, const struct sl_issuer *i, const struct sl_node *map)
{
    const struct sl_jwt_rules *r = &i->rules;

    if (r->issuer.n == 0 || r->audience.n == 0 || r->issuer.n > SL_JWT_TEXT ||
        r->audience.n > SL_JWT_TEXT)
        sl_fault_add(b->faults, map, "jwt[]: issuer and audience take 1 to %d bytes", SL_JWT_TEXT);
    if (sl_str_eq(r->issuer, SL_STR(SL_JWTS_OWN)))
        sl_fault_add(b->faults, map, "jwt[].issuer: is this gateway's own");
    if ((r->tenant.n == 0) == (r->tenant_claim.n == 0))
        sl_fault_add(b->faults, map, "jwt[]: needs either `tenant` or `tenant_claim`");
    if (i->alg == SL_ISSUER_HS256 ? i->secrets_n == 0 : i->secrets_n > 0)
        sl_fault_add(b->faults, map, "jwt[].secrets: go with HS256, which needs one");
    for (const struct sl_issuer *other = b->made->issuers; other != i; other++)
        if (sl_str_eq(other->rules.issuer, r->issuer))
            sl_fault_add(b->faults, map, "jwt[].issuer: stands twice");
}

static void issuer(struct sl_build *b, struct sl_issuer *i, const struct sl_node *map)
{
    sl_build_check_name(b, map, "jwt[]");
    i->name = sl_build_dup(b, sl_node_text(map, "name"));
    i->alg = (enum sl_issuer_alg)sl_node_number(map, "algorithm", SL_ISSUER_RS256);
    i->rules = (struct sl_jwt_rules){
        .issuer = sl_build_dup(b, sl_node_text(map, "issuer")),
        .audience = sl_build_dup(b, sl_node_text(map, "audience")),
        .tenant = sl_build_dup(b, sl_node_text(map, "tenant")),
        .tenant_claim = sl_build_dup(b, sl_node_text(map, "tenant_claim")),
        .user_claim = sl_build_dup(b, sl_node_text(map, "user_claim")),
        .scopes_claim = sl_build_dup(b, sl_node_text(map, "scopes_claim")),
        .leeway_ms = (int64_t)sl_node_number(map, "leeway", 0),
    };
    i->secrets = secrets_of(b, sl_node_get(map, "secrets"), "jwt[].secrets", &i->secrets_n);
    if (i->alg != SL_ISSUER_HS256)
        read_keys(b, i, map);
    check_issuer(b, i, map);
}

void sl_build_jwt(struct sl_build *b)
{
    const struct sl_node *list = sl_node_get(b->conf->root, "jwt");
    const struct sl_node *own = sl_node_get(b->conf->root, "key_tokens");
    struct sl_issuer *all;

    if (list->n > SL_ISSUERS_MAX) {
        sl_fault_add(b->faults, list, "jwt: at most %d", SL_ISSUERS_MAX);
        return;
    }
    all = sl_build_alloc(b, list->n, sizeof(*all));
    if (all == NULL)
        return;
    b->made->issuers = all;
    for (const struct sl_node *c = list->first; c != NULL; c = c->next)
        issuer(b, &all[b->made->issuers_n++], c);
    b->made->token_secrets =
        secrets_of(b, sl_node_get(own, "secrets"), "key_tokens.secrets", &b->made->token_secrets_n);
    b->made->token_ttl_ms = sl_node_number(own, "ttl", 0);
}
