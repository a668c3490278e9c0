/* Tokens: three parts, two of them JSON, and what they must say. */
#include "policy/jwt.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/obj.h"
#include "policy/tenant.h"

#include <assert.h>

static const char *const words[] = {
    [SL_JWT_OK] = "good",
    [SL_JWT_FORM] = "it is not a well-formed JSON Web Token",
    [SL_JWT_NO_MEMORY] = "the gateway is out of memory; try again",
    [SL_JWT_CRITICAL] = "its header has `crit`, and nothing of that kind is understood here",
    [SL_JWT_ALGORITHM] = "it is signed by another algorithm than its issuer's",
    [SL_JWT_KEY] = "its `kid` names no key of its issuer",
    [SL_JWT_SIGNATURE_WRONG] = "its signature is wrong",
    [SL_JWT_BUSY] = "too many tokens with wrong signatures come at once; try again in a second",
    [SL_JWT_ISSUER] = "its `iss` is no issuer known here",
    [SL_JWT_AUDIENCE] = "its `aud` is not this gateway",
    [SL_JWT_EXPIRED] = "it has expired; fetch a new one",
    [SL_JWT_EARLY] = "it is not valid yet; see to the clocks",
    [SL_JWT_TENANT] = "it names no tenant of this gateway",
    [SL_JWT_USER] = "it names no user",
    [SL_JWT_SCOPE] = "it has no scope of this gateway, such as models:* or endpoints:messages",
};
static_assert(sizeof words / sizeof words[0] == SL_JWT__COUNT, "a word for every fault");

const char *sl_jwt_say(enum sl_jwt_fault f)
{
    SL_CHECK((unsigned)f < SL_JWT__COUNT);
    return words[f];
}

/* ---- taking apart ---- */

/* `{"` in base64url. */
bool sl_jwt_is_like(struct sl_str text)
{
    size_t dots = 0;

    for (size_t i = 0; i < text.n; i++)
        dots += text.p[i] == '.';
    return dots == 2 && sl_str_starts(text, SL_STR("ey"));
}

static bool is_object(struct sl_str text)
{
    struct sl_json j;
    bool ok;

    sl_json_init(&j);
    j.need_object = true;
    j.check_repeats = true;
    ok = sl_json_feed(&j, text) == SL_OK && sl_json_finish(&j) == SL_OK;
    sl_json_fini(&j);
    return ok;
}

static enum sl_jwt_fault decode(struct sl_str part, struct sl_arena *a, struct sl_str *out)
{
    size_t n = 0;
    uint8_t *p = sl_arena_alloc(a, part.n + 1);

    if (p == NULL)
        return SL_JWT_NO_MEMORY;
    if (part.n == 0 || !sl_base64_decode_url(part, p, part.n, &n))
        return SL_JWT_FORM;
    *out = (struct sl_str){(const char *)p, n};
    return SL_JWT_OK;
}

/* Exactly three parts. */
static bool split(struct sl_str text, struct sl_str part[3])
{
    ptrdiff_t first = sl_str_find_byte(text, '.'), second;

    if (text.n > SL_JWT_MAX || first < 0)
        return false;
    part[0] = sl_str_first(text, (size_t)first);
    part[1] = sl_str_from(text, (size_t)first + 1);
    second = sl_str_find_byte(part[1], '.');
    if (second < 0)
        return false;
    part[2] = sl_str_from(part[1], (size_t)second + 1);
    part[1] = sl_str_first(part[1], (size_t)second);
    return sl_str_find_byte(part[2], '.') < 0;
}

struct sl_str sl_jwt_text(struct sl_str object, struct sl_str name, struct sl_arena *a)
{
    const struct sl_str none = {NULL, 0};
    struct sl_str raw = sl_json_get(object, name);
    char place[SL_JWT_TEXT];
    size_t n = 0;

    if (raw.p == NULL || !sl_json_unescape(raw, place, sizeof place, &n) || n == 0)
        return none;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)place[i] < ' ' || place[i] == 0x7f)
            return none;
    return sl_arena_dup(a, (struct sl_str){place, n});
}

enum sl_jwt_fault sl_jwt_open(struct sl_str text, struct sl_arena *a, struct sl_jwt *out)
{
    struct sl_str part[3], *to[3] = {&out->header, &out->payload, &out->signature};

    *out = (struct sl_jwt){.kid = {NULL, 0}};
    if (!split(text, part))
        return SL_JWT_FORM;
    for (size_t i = 0; i < 3; i++) {
        enum sl_jwt_fault f = decode(part[i], a, to[i]);

        if (f != SL_JWT_OK)
            return f;
    }
    if (out->signature.n > SL_JWT_SIGNATURE || !is_object(out->header) || !is_object(out->payload))
        return SL_JWT_FORM;
    if (sl_json_get(out->header, SL_STR("crit")).p != NULL)
        return SL_JWT_CRITICAL;
    out->signed_part = sl_str_first(text, part[0].n + 1 + part[1].n);
    out->alg = sl_jwt_text(out->header, SL_STR("alg"), a);
    out->issuer = sl_jwt_text(out->payload, SL_STR("iss"), a);
    if (sl_json_get(out->header, SL_STR("kid")).p == NULL)
        return SL_JWT_OK;
    out->kid = sl_jwt_text(out->header, SL_STR("kid"), a);
    return out->kid.p != NULL ? SL_JWT_OK : SL_JWT_FORM;
}

/* ---- judging ---- */

/* Seconds since the epoch, perhaps with a fraction: RFC 7519's NumericDate. */
static bool read_date(struct sl_str payload, struct sl_str name, int64_t *unix_ms)
{
    const int64_t most = INT64_C(253402300800000); /* the year 10000 */
    struct sl_str raw = sl_json_get(payload, name);

    return raw.p != NULL && sl_json_type_of(raw) == SL_JSON_NUMBER &&
           sl_str_to_decimal(raw, 3, unix_ms, NULL) && *unix_ms >= 0 && *unix_ms < most;
}

static enum sl_jwt_fault judge_times(const struct sl_jwt *t, const struct sl_jwt_rules *rules,
                                     int64_t now, int64_t *until)
{
    int64_t exp, nbf;

    if (!read_date(t->payload, SL_STR("exp"), &exp))
        return SL_JWT_FORM;
    *until = exp + rules->leeway_ms;
    if (now >= *until)
        return SL_JWT_EXPIRED;
    if (sl_json_get(t->payload, SL_STR("nbf")).p == NULL)
        return SL_JWT_OK;
    if (!read_date(t->payload, SL_STR("nbf"), &nbf))
        return SL_JWT_FORM;
    return now + rules->leeway_ms < nbf ? SL_JWT_EARLY : SL_JWT_OK;
}

static bool is_text(struct sl_str raw, struct sl_str wanted)
{
    char place[SL_JWT_TEXT];
    size_t n = 0;

    return sl_json_type_of(raw) == SL_JSON_STRING &&
           sl_json_unescape(raw, place, sizeof place, &n) &&
           sl_str_eq((struct sl_str){place, n}, wanted);
}

/* One text, or a list of them that holds it. */
static bool has_audience(struct sl_str payload, struct sl_str wanted)
{
    struct sl_str raw = sl_json_get(payload, SL_STR("aud")), one;
    size_t at = 0;

    if (raw.p == NULL)
        return false;
    if (sl_json_type_of(raw) != SL_JSON_ARRAY)
        return is_text(raw, wanted);
    while (sl_json_next(raw, &at, &one))
        if (is_text(one, wanted))
            return true;
    return false;
}

struct scopes {
    struct sl_str *at; /* up: arena */
    size_t n;
    bool full;
};

static void add_scope(struct scopes *s, struct sl_str word)
{
    if (!sl_tenant_is_scope(word))
        return; /* of another service */
    if (s->n == SL_JWT_SCOPES)
        s->full = true;
    else
        s->at[s->n++] = word;
}

/* A list of texts, or one text with spaces between them (RFC 8693 section 4.2). */
static void read_scopes(struct sl_str raw, struct sl_arena *a, struct scopes *s)
{
    struct sl_str one, word;
    char *place = sl_arena_alloc(a, raw.n);
    size_t n = 0, at = 0;

    if (place == NULL || s->at == NULL)
        return;
    if (sl_json_type_of(raw) == SL_JSON_STRING && sl_json_unescape(raw, place, raw.n, &n)) {
        one = (struct sl_str){place, n};
        while (sl_str_split(&one, ' ', &word))
            add_scope(s, word);
    }
    if (sl_json_type_of(raw) != SL_JSON_ARRAY)
        return;
    for (char *p = place; sl_json_next(raw, &at, &one); p += n) {
        n = 0;
        if (sl_json_type_of(one) == SL_JSON_STRING &&
            sl_json_unescape(one, p, raw.n - (size_t)(p - place), &n))
            add_scope(s, (struct sl_str){p, n});
    }
}

/* A token that should say what it may, and does not, may nothing. */
static enum sl_jwt_fault judge_scopes(const struct sl_jwt *t, const struct sl_jwt_rules *rules,
                                      struct sl_arena *a, struct sl_jwt_claims *out)
{
    struct scopes s = {.n = 0};
    struct sl_str raw;

    if (rules->scopes_claim.n == 0)
        return SL_JWT_OK;
    raw = sl_json_get(t->payload, rules->scopes_claim);
    s.at = sl_arena_alloc(a, SL_JWT_SCOPES * sizeof *s.at);
    if (s.at == NULL)
        return SL_JWT_NO_MEMORY;
    if (raw.p != NULL)
        read_scopes(raw, a, &s);
    out->scopes = s.at;
    out->scopes_n = s.n;
    return s.n > 0 && !s.full ? SL_JWT_OK : SL_JWT_SCOPE;
}

enum sl_jwt_fault sl_jwt_judge(const struct sl_jwt *t, const struct sl_jwt_rules *rules,
                               int64_t now_unix_ms, struct sl_arena *a, struct sl_jwt_claims *out)
{
    enum sl_jwt_fault f;

    *out = (struct sl_jwt_claims){.tenant = rules->tenant, .user = {"", 0}};
    if (!sl_str_eq(t->issuer, rules->issuer))
        return SL_JWT_ISSUER;
    if (!has_audience(t->payload, rules->audience))
        return SL_JWT_AUDIENCE;
    f = judge_times(t, rules, now_unix_ms, &out->until_unix_ms);
    if (f != SL_JWT_OK)
        return f;
    if (rules->tenant.n == 0)
        out->tenant = sl_jwt_text(t->payload, rules->tenant_claim, a);
    if (out->tenant.p == NULL)
        return SL_JWT_TENANT;
    if (rules->user_claim.n > 0)
        out->user = sl_jwt_text(t->payload, rules->user_claim, a);
    if (out->user.p == NULL)
        return SL_JWT_USER;
    return judge_scopes(t, rules, a, out);
}
