/* What goes to a provider is rebuilt, never copied through: our own framing,
 * host and credentials; of the client's headers an allow-list. What comes back
 * loses the provider's limits, organisation and cookies. */
#include "gateway/inside.h"

#include "base/text.h"
#include "gateway/otlp/span.h"
#include "gateway/routing/trial.h"
#include "gateway/translate/translate.h"

/* As large as a client's head may be, and room for what an operator adds. */
#define HEAD_MAX (SL_MESSAGE_HEAD_MAX + 16384)

/* A pattern is a whole name, or a prefix when it ends in '-'. Those of a list stand under their
 * first letter, since all names of all messages are held against them. */
#define UNDER(letter) [(letter) - 'a'] = (const struct sl_str[])
#define END                                                                                        \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
#define LETTERS ('z' - 'a' + 1)

static const struct sl_str *const allowed[LETTERS] = {
    UNDER('a'){SL_STR_INIT("anthropic-"), SL_STR_INIT("accept"), END},
    UNDER('b'){SL_STR_INIT("baggage"), END},
    UNDER('h'){SL_STR_INIT("http-referer"), END},
    UNDER('i'){SL_STR_INIT("idempotency-key"), END},
    UNDER('o'){SL_STR_INIT("openai-beta"), END},
    UNDER('t'){SL_STR_INIT("traceparent"), SL_STR_INIT("tracestate"), END},
    UNDER('u'){SL_STR_INIT("user-agent"), END},
    UNDER('x'){SL_STR_INIT("x-stainless-"), SL_STR_INIT("x-session-id"),
               SL_STR_INIT("x-openrouter-"), SL_STR_INIT("x-claude-"), SL_STR_INIT("x-app"),
               SL_STR_INIT("x-title"), END},
};

/* Of the provider's own account or connection, or said by us alone: not for tenants. */
static const struct sl_str *const stopped[LETTERS] = {
    UNDER('a'){SL_STR_INIT("anthropic-ratelimit-"), SL_STR_INIT("anthropic-organization-id"),
               SL_STR_INIT("anthropic-workspace-id"), SL_STR_INIT("age"), SL_STR_INIT("alt-svc"),
               SL_STR_INIT("access-control-"), END},
    UNDER('d'){SL_STR_INIT("date"), END},
    UNDER('o'){SL_STR_INIT("openai-organization"), SL_STR_INIT("openai-project"), END},
    UNDER('r'){SL_STR_INIT("request-id"), END},
    UNDER('s'){SL_STR_INIT("set-cookie"), SL_STR_INIT("set-cookie2"), SL_STR_INIT("server"),
               SL_STR_INIT("server-timing"), SL_STR_INIT("strict-transport-security"), END},
    UNDER('v'){SL_STR_INIT("via"), END},
    UNDER('w'){SL_STR_INIT("www-authenticate"), END},
    UNDER('x'){SL_STR_INIT("x-ratelimit-"), SL_STR_INIT("x-request-id"), SL_STR_INIT("x-sluice-"),
               SL_STR_INIT("x-cache"), SL_STR_INIT("x-accel-"), END},
};

/* Never, whatever `forward_headers` says: credentials, cookies, forwarding. */
static const struct sl_str *const never[LETTERS] = {
    UNDER('a'){SL_STR_INIT("authorization"), SL_STR_INIT("accept-encoding"), END},
    UNDER('c'){SL_STR_INIT("cookie"), SL_STR_INIT("content-"), END},
    UNDER('f'){SL_STR_INIT("forwarded"), END},
    UNDER('h'){SL_STR_INIT("host"), END},
    UNDER('p'){SL_STR_INIT("proxy-"), END},
    UNDER('x'){SL_STR_INIT("x-api-key"), SL_STR_INIT("x-forwarded-"), SL_STR_INIT("x-real-ip"),
               SL_STR_INIT("x-sluice-"), END},
};

static bool matches(struct sl_str name, struct sl_str pattern)
{
    return pattern.p[pattern.n - 1] == '-' ? sl_str_starts_nocase(name, pattern)
                                           : sl_str_eq_nocase(name, pattern);
}

static bool matches_any(struct sl_str name, const struct sl_str *one)
{
    for (; one->n > 0; one++)
        if (matches(name, *one))
            return true;
    return false;
}

static inline bool is_in(struct sl_str name, const struct sl_str *const list[LETTERS])
{
    char first = name.n > 0 ? (char)(name.p[0] | 0x20) : 0;
    const struct sl_str *under = first >= 'a' && first <= 'z' ? list[first - 'a'] : NULL;

    return under != NULL && matches_any(name, under);
}

/* The operator's patterns may end in '*', too, and begin with anything. */
static bool is_wished(const struct sl_gateway_conf *conf, struct sl_str name)
{
    for (size_t i = 0; i < conf->forward_headers_n; i++) {
        struct sl_str one = conf->forward_headers[i];

        if (one.n > 0 && one.p[one.n - 1] == '*'
                ? sl_str_starts_nocase(name, sl_str_first(one, one.n - 1))
                : one.n > 0 && matches(name, one))
            return true;
    }
    return false;
}

bool sl_forward_is_back(struct sl_str name)
{
    return !is_in(name, stopped);
}

/* The operator's value stands, whatever a client or we would say. */
static bool is_set(const struct sl_provider *p, struct sl_str name)
{
    for (size_t i = 0; i < p->headers_n; i++)
        if (sl_str_eq_nocase(name, p->header_names[i]))
            return true;
    return false;
}

static bool may_go(const struct sl_req *r, const struct sl_forward_to *to, struct sl_str name,
                   bool traced)
{
    const struct sl_provider *p = to->provider;

    if (traced && sl_str_eq_nocase(name, SL_STR("traceparent")))
        return false; /* the span of this try stands there */
    /* the allow-list first: it turns most names away at their first letter */
    if (!is_in(name, allowed) && !is_wished(r->conf, name))
        return false;
    if (is_in(name, never) || sl_headers_is_hop(&r->head->headers, name))
        return false;
    if (sl_endpoint_dialect(to->ep) != &sl_dialect_anthropic &&
        sl_str_starts_nocase(name, SL_STR("anthropic-")))
        return false;
    if (p->auth == SL_AUTH_HEADER && sl_str_eq_nocase(name, p->auth_header))
        return false; /* there stands its key */
    return !is_set(p, name);
}

static void add_version(struct sl_text *t, const struct sl_forward_to *to)
{
    if (sl_endpoint_dialect(to->ep) == &sl_dialect_anthropic &&
        !is_set(to->provider, SL_STR("anthropic-version")))
        sl_text_add(t, SL_STR("anthropic-version: 2023-06-01\r\n"));
}

static void add_target(struct sl_text *t, struct sl_str query, const struct sl_forward_to *to)
{
    const struct sl_provider *p = to->provider;

    sl_text_add(t, SL_STR("POST "));
    sl_text_add(t, sl_endpoint_dialect(to->ep) == &sl_dialect_anthropic ? p->anthropic_prefix
                                                                        : p->openai_prefix);
    sl_text_add(t, sl_endpoint_path(to->ep));
    if (query.n > 0 || p->query.n > 0)
        sl_text_byte(t, '?');
    sl_text_add(t, query);
    if (query.n > 0 && p->query.n > 0)
        sl_text_byte(t, '&');
    sl_text_add(t, p->query);
    sl_text_add(t, SL_STR(" HTTP/1.1\r\nhost: "));
    sl_text_add(t, p->host_header);
    sl_text_add(t, SL_STR("\r\n"));
}

static void add_bearer(struct sl_text *t, struct sl_str token)
{
    sl_text_add(t, SL_STR("authorization: Bearer "));
    sl_text_add(t, token);
    sl_text_add(t, SL_STR("\r\n"));
}

static void add_credentials(struct sl_text *t, struct sl_tokens *tokens, struct sl_forward_to *to)
{
    const struct sl_provider *p = to->provider;
    size_t at = to->key;

    if (p->oauth != NULL)
        add_bearer(t, sl_tokens_look(tokens, p, &to->token));
    if (at >= p->keys_n)
        return;
    switch (p->auth) {
    case SL_AUTH_X_API_KEY: sl_headers_line(t, SL_STR("x-api-key"), p->keys[at]); break;
    case SL_AUTH_HEADER: sl_headers_line(t, p->auth_header, p->keys[at]); break;
    case SL_AUTH_BEARER: add_bearer(t, p->keys[at]); break;
    case SL_AUTH_OAUTH2: break; /* it has no keys */
    }
}

/* What every request to a provider begins with, whoever asks. */
static void add_own(struct sl_text *t, struct sl_str query, struct sl_tokens *tokens,
                    struct sl_forward_to *to, uint64_t length)
{
    const struct sl_provider *p = to->provider;

    add_target(t, query, to);
    sl_text_add(t, SL_STR("content-type: application/json\r\naccept-encoding: identity\r\n"
                          "content-length: "));
    sl_text_u64(t, length);
    sl_text_add(t, SL_STR("\r\n"));
    add_credentials(t, tokens, to);
    for (size_t i = 0; i < p->headers_n; i++)
        sl_headers_line(t, p->header_names[i], p->header_values[i]);
}

struct sl_str sl_forward_own(const struct sl_gateway *g, struct sl_forward_to *to, uint64_t length,
                             struct sl_arena *a)
{
    char scratch[HEAD_MAX];
    struct sl_text t = sl_text_over(scratch, sizeof scratch);

    add_own(&t, (struct sl_str){"", 0}, g->tokens, to, length);
    add_version(&t, to);
    if (!is_set(to->provider, SL_STR("user-agent")))
        sl_text_add(&t, SL_STR("user-agent: sluice/" SL_VERSION "\r\n"));
    sl_text_add(&t, SL_STR("\r\n"));
    return t.cut ? (struct sl_str){NULL, 0} : sl_arena_dup(a, sl_text_str(&t));
}

struct sl_str sl_forward_write(const struct sl_req *r, struct sl_forward_to *to, uint64_t length,
                               struct sl_arena *a)
{
    const struct sl_headers *h = &r->head->headers;
    struct sl_str query = to->ep == r->ep ? r->head->query : (struct sl_str){"", 0};
    bool has_version = false;
    char scratch[HEAD_MAX];
    struct sl_text t = sl_text_over(scratch, sizeof scratch);
    char parent[SL_SPAN_PARENT];
    bool traced = sl_span_for_provider(r, parent);

    add_own(&t, query, r->gw->tokens, to, length);
    for (size_t i = 0; i < h->n; i++) {
        if (!may_go(r, to, h->v[i].name, traced))
            continue;
        if (sl_str_eq_nocase(h->v[i].name, SL_STR("anthropic-version")))
            has_version = true;
        sl_headers_line(&t, h->v[i].name, h->v[i].value);
    }
    if (!has_version)
        add_version(&t, to);
    if (traced)
        sl_headers_line(&t, SL_STR("traceparent"), (struct sl_str){parent, sizeof parent});
    sl_text_add(&t, SL_STR("\r\n"));
    return t.cut ? (struct sl_str){NULL, 0} : sl_arena_dup(a, sl_text_str(&t));
}

bool sl_forward_head(struct sl_req *r, uint64_t length)
{
    struct sl_forward_to to = {
        .provider = r->provider, .ep = sl_translation_endpoint(r), .key = r->trial->key};

    r->parts[0] = sl_forward_write(r, &to, length, r->arena);
    r->trial->token = to.token;
    return r->parts[0].p != NULL;
}
