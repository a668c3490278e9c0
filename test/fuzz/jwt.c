/* Fuzz: what comes in place of a key, read as a token.
 *
 * Byte 0 says which rules hold. Held: what is opened lies in the token or the arena; a
 * token that is found good names a tenant and a user, ends later than now, and has
 * scopes that a key may have.
 */
#include "base/obj.h"
#include "policy/jwt.h"
#include "policy/tenant.h"

#define NOW INT64_C(1764000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sl_jwt_rules *rules, const struct sl_jwt_claims *c)
{
    SL_CHECK(c->tenant.n > 0 && c->tenant.n <= SL_JWT_TEXT);
    SL_CHECK(c->user.n <= SL_JWT_TEXT && (c->user.n > 0) == (rules->user_claim.n > 0));
    SL_CHECK(c->until_unix_ms > NOW);
    SL_CHECK(c->scopes_n <= SL_JWT_SCOPES && (c->scopes_n > 0) == (rules->scopes_claim.n > 0));
    for (size_t i = 0; i < c->scopes_n; i++)
        SL_CHECK(sl_tenant_is_scope(c->scopes[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_jwt_rules rules = {.issuer = SL_STR("https://issuer.example"),
                                 .audience = SL_STR("sluice"),
                                 .leeway_ms = 60000};
    struct sl_arena a;
    struct sl_jwt t;
    struct sl_jwt_claims c;
    struct sl_str text;

    if (size == 0)
        return 0;
    if (data[0] & 1)
        rules.tenant = SL_STR("acme");
    else
        rules.tenant_claim = SL_STR("tenant");
    if (data[0] & 2)
        rules.user_claim = SL_STR("sub");
    if (data[0] & 4)
        rules.scopes_claim = SL_STR("scope");
    text = (struct sl_str){(const char *)data + 1, size - 1};
    sl_arena_init(&a, 1 << 18);
    if (sl_jwt_open(text, &a, &t) == SL_JWT_OK) {
        SL_CHECK(sl_jwt_is_like(text) || !sl_str_starts(text, SL_STR("ey")));
        SL_CHECK(t.signed_part.p == text.p && t.signed_part.n + 1 < text.n);
        SL_CHECK(t.signature.n > 0 && t.signature.n <= SL_JWT_SIGNATURE);
        if (sl_jwt_judge(&t, &rules, NOW, &a, &c) == SL_JWT_OK)
            check(&rules, &c);
    }
    sl_arena_fini(&a);
    return 0;
}
