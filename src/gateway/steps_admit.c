/* AUTH and BODY: who asks, may they, and is what they ask well formed. */
#include "gateway/inside.h"

#include "base/mem.h"
#include "gateway/audit/audit.h"
#include "gateway/jwt/jwts.h"
#include "gateway/quota/generation.h"
#include "gateway/quota/keys.h"
#include "gateway/quota/self.h"
#include "gateway/kept/kept.h"
#include "gateway/words/lists.h"

/* Two keys are no key, and `x-api-key` goes before the other, even empty. */
static struct sl_str find_key(const struct sl_request_head *h)
{
    const struct sl_str nothing = {NULL, 0};
    struct sl_str key = nothing, bearer = nothing;
    size_t keys = 0, bearers = 0;

    for (size_t i = 0; i < h->headers.n; i++) {
        const struct sl_header *one = &h->headers.v[i];

        if (sl_str_eq_nocase(one->name, SL_STR("x-api-key")))
            keys++, key = one->value;
        else if (sl_str_eq_nocase(one->name, SL_STR("authorization")))
            bearers++, bearer = one->value;
    }
    if (keys > 0)
        return keys == 1 ? key : nothing;
    if (bearers != 1)
        return nothing;
    if (!sl_str_starts_nocase(bearer, SL_STR("bearer ")))
        return (struct sl_str){NULL, 0};
    return sl_str_trim(sl_str_from(bearer, 7));
}

/* Its id, which may be said and logged; `hex` has room for that of a key in any form. */
static struct sl_str id_of(const struct sl_req *r, struct sl_str key, char hex[8])
{
    struct sl_str id = sl_tenant_public_id(key);

    if (r->named.n > 0)
        return key;
    if (r->jwt.n > 0)
        return SL_STR("of this token");
    sl_str_hex(r->key_sha256, 4, hex);
    return id.n > 0 ? id : (struct sl_str){hex, 8};
}

static enum sl_state refuse_token(struct sl_req *r, enum sl_jwt_fault fault)
{
    enum sl_err e = fault == SL_JWT_BUSY        ? SL_ERR_OVERLOAD
                    : fault == SL_JWT_NO_MEMORY ? SL_ERR_NO_MEMORY
                                                : SL_ERR_NO_KEY;

    return sl_req_refuse(r, e, 0, "Authentication failed: this token is refused: %s.",
                         sl_jwt_say(fault));
}

static enum sl_state refuse_key(struct sl_req *r, struct sl_str key, enum sl_err e)
{
    char hex[8];

    if (e == SL_ERR_STORE)
        return sl_req_refuse(r, e, 0,
                             "Authentication failed for now: the store that knows this key is "
                             "away; try again in a moment.");
    if (e == SL_ERR_PAUSED)
        return sl_req_refuse(r, e, 0,
                             "Authentication failed: key %.*s or its tenant is paused; ask your "
                             "administrator.",
                             SL_STR_ARGS(id_of(r, key, hex)));
    if (e == SL_ERR_KEY_ENDED)
        return sl_req_refuse(r, e, 0,
                             "Authentication failed: key %.*s has expired or was revoked; ask "
                             "for a new one.",
                             SL_STR_ARGS(id_of(r, key, hex)));
    if (r->named.n > 0)
        return sl_req_refuse(r, e, 0, "Authentication failed: there is no key or tenant %.*s.",
                             SL_STR_ARGS(r->named));
    if (key.n == 0)
        return sl_req_refuse(r, e, 0,
                             "Authentication failed: send one API key of this gateway in "
                             "`x-api-key` or `Authorization: Bearer`.");
    return sl_req_refuse(r, e, 0,
                         "Authentication failed: this API key is not known here; check the key and "
                         "the base URL.");
}

static bool is_of_file(const struct sl_req *r)
{
    const struct sl_key *file = NULL;

    return sl_tenant_find(r->conf->tenants, r->key_sha256, 0, &file) != SL_ERR_NO_KEY;
}

/* The configuration's keys, which a record may change, and those of our own making. */
static bool can_be_stored(const struct sl_req *r, struct sl_str key)
{
    return r->jwt_of_key || r->named.n > 0 || sl_tenant_public_id(key).n > 0 || is_of_file(r);
}

static void on_key(void *ctx, enum sl_err e)
{
    struct sl_req *r = ctx;

    r->why = e;
    sl_req_event(r, SL_EVT_STORE);
}

/* `fetched`: the store has just been asked. What it could not say is not asked again. */
static enum sl_state authenticate(struct sl_req *r, bool fetched)
{
    struct sl_str key = r->named.n > 0 ? r->named : find_key(r->head);
    enum sl_jwt_fault fault = SL_JWT_OK;
    enum sl_err e = SL_ERR_NO_KEY;

    if (key.n > 0) {
        if (r->named.n == 0)
            sl_keymemo_sha256(&r->gw->keymemo, key, r->key_sha256);
        if (r->named.n == 0 && sl_jwts_takes(r->conf, key) && (r->jwt.n > 0 || !is_of_file(r)))
            r->jwt = key;
        e = sl_who_find(r, &r->key, &r->made, &fault);
    }
    if (fault != SL_JWT_OK)
        return refuse_token(r, fault);
    if (e == SL_ERR_STORE && !can_be_stored(r, key))
        e = SL_ERR_NO_KEY;
    if (e == SL_ERR_STORE && !fetched) {
        sl_keys_fetch_start(r->gw->keys, r->key_sha256, (struct sl_str){"", 0}, &r->key_op, on_key,
                            r);
        return SL_ST_AUTH;
    }
    r->t.authed = sl_net_now_us(r->gw->net);
    if (e != SL_OK)
        return refuse_key(r, key, e);
    r->key_id = r->named.n > 0 ? r->key->public_id : sl_tenant_public_id(key);
    if (r->key_id.n == 0)
        r->key_id = r->key->public_id;
    if (r->ep == SL_EP_KEY || r->ep == SL_EP_CREDITS || r->ep == SL_EP_GENERATION ||
        r->ep == SL_EP_TOKEN)
        return SL_ST_BODY; /* any key may ask about itself */
    if (!sl_tenant_can_endpoint(r->key, sl_str_of(sl_endpoint_name(r->ep))))
        return sl_req_refuse(r, SL_ERR_SCOPE, 0,
                             "Authentication failed: key %.*s of tenant %.*s has no scope for "
                             "endpoint %s; ask for a key with `endpoints:%s`.",
                             SL_STR_ARGS(r->key->public_id), SL_STR_ARGS(r->key->tenant),
                             sl_endpoint_name(r->ep), sl_endpoint_name(r->ep));
    return SL_ST_BODY;
}

/* The envelope of GET /v1/models follows what the client looks like. */
static const struct sl_dialect *dialect_of(const struct sl_req *r)
{
    const struct sl_dialect *d = sl_endpoint_dialect(r->ep);

    if (d != NULL)
        return d;
    if (sl_headers_get(&r->head->headers, SL_STR("anthropic-version")).p != NULL)
        return &sl_dialect_anthropic;
    return &sl_dialect_openai;
}

enum sl_state sl_step_auth(struct sl_req *r, enum sl_ev ev)
{
    bool takes_get = false;
    bool get = r->head->method == SL_GET || r->head->method == SL_HEAD;

    if (ev == SL_EVT_STORE)
        return authenticate(r, true);
    if (ev != SL_EVT_ENTER)
        return SL_ST_AUTH;
    r->ep = sl_endpoint_find(r->head->path, &r->model_id, &takes_get);
    r->dialect = dialect_of(r);
    if (r->ep == SL_EP_NONE)
        return sl_req_refuse(r, SL_ERR_NO_ROUTE, 0,
                             "No route %.*s here; see the list of routes in the documentation.",
                             SL_STR_ARGS(sl_str_first(r->head->path, 200)));
    if (takes_get != get || (!get && r->head->method != SL_POST))
        return sl_req_refuse(r, SL_ERR_BAD_METHOD, 0, "This path takes %s only.",
                             takes_get ? "GET" : "POST");
    if (r->ep == SL_EP_HEALTH || r->ep == SL_EP_HELLO) {
        r->reply_status = 200;
        r->raw_body = SL_STR("{\"status\":\"ok\"}\n");
        return SL_ST_REPLY;
    }
    return authenticate(r, false);
}

static enum sl_state want_body(struct sl_req *r)
{
    const struct sl_request_head *h = r->head;
    struct sl_str type = sl_headers_get(&h->headers, SL_STR("content-type"));
    struct sl_str coding = sl_headers_get(&h->headers, SL_STR("content-encoding"));

    if (sl_shed_refuses(r))
        return SL_ST_REPLY;
    if (!h->has_body)
        return sl_req_refuse(r, SL_ERR_NO_LENGTH, 0,
                             "This route needs a JSON body with a Content-Length.");
    if (coding.n > 0 && !sl_str_eq_nocase(coding, SL_STR("identity")))
        return sl_req_refuse(r, SL_ERR_BAD_TYPE, 0,
                             "Send the body without Content-Encoding: this gateway does not "
                             "decompress.");
    if (type.n > 0 && !sl_str_starts_nocase(type, SL_STR("application/json")))
        return sl_req_refuse(r, SL_ERR_BAD_TYPE, 0, "Send `content-type: application/json`.");
    r->inspect = sl_arena_alloc(r->arena, sizeof *r->inspect);
    if (r->inspect == NULL)
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    sl_body_init(r->inspect);
    if (r->x != NULL) {
        sl_audit_begin(r);
        sl_exch_want_body(r->x, r->conf->body_max);
    }
    return SL_ST_BODY;
}

static enum sl_state refuse_body(struct sl_req *r, enum sl_err e)
{
    switch ((int)e) {
    case SL_ERR_BODY_TOO_BIG:
        return sl_req_refuse(r, e, 0, "Request too large: at most %llu bytes are taken.",
                             (unsigned long long)r->conf->body_max);
    case SL_ERR_BAD_BODY:
        return sl_req_refuse(r, e, 0, "The body is not valid JSON near byte %llu.",
                             (unsigned long long)r->inspect->json.at);
    case SL_ERR_REPEATED_KEY:
        return sl_req_refuse(r, e, 0,
                             "A key stands twice at the top level of the body; send it once.");
    case SL_ERR_CEILING:
        return sl_req_refuse(r, e, 400, "The body has too many or too long top-level keys.");
    default: return sl_req_refuse(r, e, 0, "The request could not be read: %s.", sl_err_text(e));
    }
}

/* The model asked for: the body's, or the configured default of the route. */
static enum sl_state find_model(struct sl_req *r)
{
    char name[SL_BODY_MODEL_MAX + 1];
    struct sl_str text = {r->body, r->body_n};
    enum sl_err e = sl_body_model(r->inspect, text, name, sizeof name);

    if (e == SL_ERR_NO_MODEL && r->ep == SL_EP_MODERATIONS && r->conf->default_moderations.n > 0)
        r->asked = r->conf->default_moderations;
    else if (e == SL_ERR_NO_MODEL && r->ep == SL_EP_PROMPT)
        return sl_req_refuse(r, SL_ERR_BAD_FIELD, 0,
                             "The body needs a `model`: no `prompt_api.model` is configured.");
    else if (e == SL_ERR_NO_MODEL)
        return sl_req_refuse(r, SL_ERR_BAD_FIELD, 0, "The body needs a `model`.");
    else if (e != SL_OK)
        return sl_req_refuse(r, SL_ERR_BAD_FIELD, 0,
                             "`model` must be a string of at most %d bytes without control "
                             "characters.",
                             SL_BODY_MODEL_MAX);
    else
        r->asked = sl_arena_dup(r->arena, sl_str_of(name));
    if (r->asked.p == NULL)
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    r->streams = sl_body_streams(r->inspect, text);
    r->wants_usage = r->streams && sl_body_has_include_usage(r->inspect, text);
    if (!sl_body_max_tokens(r->inspect, text, &r->max_tokens))
        return sl_req_refuse(r, SL_ERR_BAD_FIELD, 0,
                             "`max_tokens` (or its namesake of this route) must be a whole number "
                             "from 0 to %d.",
                             SL_BODY_TOKENS_MAX);
    return SL_ST_ROUTE;
}

enum sl_state sl_step_body(struct sl_req *r, enum sl_ev ev)
{
    if (ev == SL_EVT_ENTER && (r->ep == SL_EP_KEY || r->ep == SL_EP_CREDITS))
        return sl_self_begin(r);
    if (ev == SL_EVT_ENTER && r->ep == SL_EP_GENERATION)
        return sl_generation_begin(r);
    if (ev == SL_EVT_ENTER && r->ep == SL_EP_TOKEN)
        return sl_jwts_exchange(r);
    if (ev == SL_EVT_ENTER)
        return r->ep == SL_EP_MODELS ? sl_models_answer(r) : want_body(r);
    if (ev == SL_EVT_STORE)
        return r->generation != NULL ? sl_generation_go_on(r) : sl_self_go_on(r);
    if (ev != SL_EVT_BODY || r->self != NULL || r->generation != NULL)
        return SL_ST_BODY;
    r->t.whole = sl_net_now_us(r->gw->net);
    if (r->body_err == SL_OK)
        r->body_err = sl_body_finish(r->inspect);
    if (r->body_err != SL_OK)
        return refuse_body(r, r->body_err);
    if (r->ep == SL_EP_PROMPT && sl_prompt_begin(r) != SL_ST_ROUTE)
        return SL_ST_REPLY;
    if (find_model(r) != SL_ST_ROUTE)
        return SL_ST_REPLY;
    if (sl_kept_is_due(r))
        sl_kept_begin(r, find_key(r->head));
    return sl_lists_look(r);
}
