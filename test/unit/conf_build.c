/* From a configuration to a snapshot: what refers to what, and what is derived. */
#include "conf/build.c"

#include "_conf_text.h"
#include "net/tls.h"

static void refused(const char *text, const char *want)
{
    struct sl_conf *c = test_accepted(text);

    assert_null(sl_build_snapshot(c, NULL, NULL));
    test_has(c, text, want);
    sl_conf_end(&c);
}

static struct sl_gateway_conf *built(const char *text)
{
    struct sl_conf *c = test_accepted(text);
    struct sl_gateway_conf *made = sl_build_snapshot(c, NULL, NULL);

    if (made == NULL)
        fail_msg("%s\n-- refused: %.*s", text, SL_STR_ARGS(sl_faults_text(&c->faults)));
    sl_conf_end(&c); /* nothing of the snapshot may live there */
    return made;
}

static void is(struct sl_str got, const char *want)
{
    if (!sl_str_eq(got, sl_str_of(want)))
        fail_msg("'%.*s' is not '%s'", SL_STR_ARGS(got), want);
}

/* ---- providers ---- */

static void paths(const char *provider, const char *anthropic, const char *openai,
                  enum sl_auth auth)
{
    char text[1024];
    struct sl_gateway_conf *m;

    snprintf(text, sizeof(text),
             "providers: [{name: p, %s}]\nmodels: [{name: \"*\", targets: [{provider: p}]}]\n",
             provider);
    m = built(text);
    assert_int_equal(m->providers_n, 1);
    if (m->providers[0].speaks & SL_ANTHROPIC)
        is(m->providers[0].anthropic_prefix, anthropic);
    if (m->providers[0].speaks & SL_OPENAI)
        is(m->providers[0].openai_prefix, openai);
    assert_int_equal(m->providers[0].auth, auth);
    sl_gateway_conf_drop(&m);
}

/* "base_url is what that vendor's own SDK takes" */
static void test_base_urls(void **state)
{
    (void)state;
    paths("protocol: anthropic, base_url: \"https://api.anthropic.com\"", "", "",
          SL_AUTH_X_API_KEY);
    paths("protocol: anthropic, base_url: \"https://api.anthropic.com/v1/\"", "", "",
          SL_AUTH_X_API_KEY);
    paths("protocol: anthropic, base_url: \"https://h/proxy/a/\"", "/proxy/a", "",
          SL_AUTH_X_API_KEY);
    paths("protocol: openai, base_url: \"https://api.openai.com/v1\"", "", "/v1", SL_AUTH_BEARER);
    paths("protocol: openai, base_url: \"https://h/openai/v1/\"", "", "/openai/v1", SL_AUTH_BEARER);
    paths("protocol: openai, base_url: \"https://h\"", "", "", SL_AUTH_BEARER);
    paths("protocol: [anthropic, openai], base_url: \"https://openrouter.ai/api\"", "/api",
          "/api/v1", SL_AUTH_BEARER);
    paths("protocol: [anthropic, openai], base_url: \"https://openrouter.ai/api/v1\"", "/api",
          "/api/v1", SL_AUTH_BEARER);
    paths("protocol: openai, base_url: \"https://openrouter.ai/api\"", "", "/api/v1",
          SL_AUTH_BEARER);
    paths("protocol: anthropic, base_url: \"https://openrouter.ai/api/v1\"", "/api", "",
          SL_AUTH_BEARER);
    paths("protocol: [anthropic, openai], base_url: \"http://localhost:11434\"", "", "/v1",
          SL_AUTH_BEARER);
    paths("protocol: anthropic, base_url: \"https://h\", auth: bearer", "", "", SL_AUTH_BEARER);
    paths("protocol: openai, base_url: \"https://h\", auth: \"header:api-key\"", "", "",
          SL_AUTH_HEADER);
}

static void test_provider(void **state)
{
    struct sl_gateway_conf *m = built("timeouts: {idle: 9s, connect: 2s}\n"
                                      "providers:\n"
                                      "  - name: p\n"
                                      "    protocol: openai\n"
                                      "    base_url: \"https://h:8443/v1\"\n"
                                      "    keys: [\"${SET}\", two]\n"
                                      "    auth: \"header:Api-Key\"\n"
                                      "    headers: {X-A: \"b c\"}\n"
                                      "    query: {api-version: 2024-02-01, \"a b\": \"&=%\"}\n"
                                      "    max_concurrency: 7\n"
                                      "    timeouts: {idle: 3s}\n"
                                      "models: [{name: \"*\", targets: [{provider: p}]}]\n");
    const struct sl_provider *p = m->providers;

    (void)state;
    is(p->name, "p");
    is(p->host_header, "h:8443");
    assert_int_equal(p->keys_n, 2);
    is(p->keys[0], "the value");
    is(p->auth_header, "Api-Key");
    assert_int_equal(p->headers_n, 1);
    is(p->header_names[0], "X-A");
    is(p->header_values[0], "b c");
    is(p->query, "api-version=2024-02-01&a%20b=%26%3D%25");
    assert_int_equal(p->max_concurrency, 7);
    assert_int_equal(p->timeouts.idle, 3000);
    assert_int_equal(p->timeouts.connect, 2000);
    assert_int_equal(m->timeouts.idle, 9000);
    assert_false(p->openrouter);
    assert_null(p->origin);
    sl_gateway_conf_drop(&m);
}

#define P(more)                                                                                    \
    "providers: [{name: p, protocol: openai, base_url: \"https://h\", " more "}]\n"                \
    "models: [{name: \"*\", targets: [{provider: p}]}]\n"

static void test_provider_refusals(void **state)
{
    (void)state;
    refused(P("headers: {Host: x}"), "Host is not a header that can be set");
    refused(P("headers: {content-length: 1}"), "content-length is not a header");
    refused(P("headers: {Transfer-Encoding: chunked}"), "is not a header that can be set");
    refused(P("headers: {\"a b\": x}"), "is not a header that can be set");
    refused(P("headers: {a: \"x\\r\\nb: y\"}"), "must be one line of text");
    refused(P("keys: [\"a\\nb\"]"), "a key must be one line of text");
    refused(P("auth: oauth2"), "oauth2: needs token_url, client_id");
    refused(P("oauth2: {token_url: \"https://t\"}"), "goes with `auth: oauth2` only");
    refused(P("prompt_cache: true"), "prompt_cache: only a provider with protocol anthropic");
    refused("providers: [{name: p, protocol: anthropic, base_url: \"https://h\", stream_usage: "
            "false}]\n"
            "models: [{name: \"*\", targets: [{provider: p}]}]\n",
            "stream_usage: only a provider with protocol openai");
    refused(P("structured_output: false"), "structured_output: only for a provider with protocol");
    refused(P("auth: none"), "must be x-api-key, bearer, header:<name> or oauth2");
    refused(P("auth: \"header:a b\""), "must be x-api-key, bearer, header:<name> or oauth2");
    refused("providers: [{name: \"a b\", protocol: openai, base_url: \"https://h\"}]\n"
            "models: [{name: m, targets: [{provider: \"a b\"}]}]\n",
            "takes letters, digits");
    refused("providers: [{name: p, protocol: openai, base_url: \"h\"}]\n"
            "models: [{name: m, targets: [{provider: p}]}]\n",
            "t.yaml:1:51: providers[].base_url: it must begin with https://");
    refused("providers: [{name: p, protocol: [], base_url: \"https://h\"}]\n"
            "models: [{name: m, targets: [{provider: p}]}]\n",
            "protocol: is empty");
    refused("providers: [" TEST_PROVIDER ", " TEST_PROVIDER "]\n"
            "models: [{name: m, targets: [{provider: p}]}]\n",
            "p stands twice");
    refused("listen: 127.0.0.1:8080\n"
            "providers: [{name: p, protocol: anthropic, base_url: \"http://127.0.0.1:8080\"}]\n"
            "models: [{name: m, targets: [{provider: p}]}]\n",
            "is this gateway's own address");
}

/* ---- models ---- */

static void test_models(void **state)
{
    struct sl_gateway_conf *m = built(
        "providers: [" TEST_PROVIDER ", {name: q, protocol: openai, base_url: \"https://q\"}]\n"
        "models:\n"
        "  - {name: z, display_name: Zed, aliases: [b, y], targets: [{provider: q, model: r, "
        "priority: 5}, {provider: p}, {provider: q}]}\n"
        "  - {name: \"a-*\", targets: [{provider: p}]}\n"
        "  - {name: c, targets: [{provider: q}]}\n"
        "default_models: {moderations: a-x}\n");
    const struct sl_model *z = sl_route_find(m->routes, SL_STR("y"));

    (void)state;
    assert_int_equal(sl_routes_count(m->routes), 3);
    is(z->name, "z");
    assert_int_equal(z->targets_n, 3);
    assert_int_equal(z->targets[0].provider, 0);
    assert_int_equal(z->targets[1].provider, 1);
    is(z->targets[1].model, "");
    is(z->targets[2].model, "r");
    assert_int_equal(z->targets[2].speaks, SL_OPENAI);
    assert_true(sl_route_find(m->routes, SL_STR("a-anything"))->is_pattern);
    assert_int_equal(m->listed_n, 4);
    is(m->listed[0].id, "b");
    is(m->listed[0].display_name, "Zed");
    is(m->listed[0].owned_by, "q");
    is(m->listed[1].id, "c");
    is(m->listed[2].id, "y");
    is(m->listed[3].id, "z");
    is(m->default_moderations, "a-x");
    sl_gateway_conf_drop(&m);
}

static void test_model_refusals(void **state)
{
    (void)state;
    refused("providers: [" TEST_PROVIDER "]\nmodels: [{name: m, targets: [{provider: q}]}]\n",
            "t.yaml:2:41: models[].targets[].provider: no provider is called q");
    refused("providers: [" TEST_PROVIDER "]\nmodels: [{name: \"a*b\", targets: [{provider: p}]}]\n",
            "a star may only stand at the end");
    refused("providers: [" TEST_PROVIDER "]\n"
            "models: [{name: a, aliases: [\"b*\"], targets: [{provider: p}]}]\n",
            "only `name` may be a pattern");
    refused("providers: [" TEST_PROVIDER "]\nmodels: [{name: \"a b\", targets: [{provider: p}]}]\n",
            "no spaces");
    refused("providers: [" TEST_PROVIDER "]\nmodels: [{name: a, targets: [{provider: p}]}, "
            "{name: b, aliases: [a], targets: [{provider: p}]}]\n",
            "models[]:");
    refused("providers: [" TEST_PROVIDER "]\nmodels: [{name: a, targets: [{provider: p}]}]\n"
            "default_models: {moderations: b}\n",
            "default_models.moderations: no such model");
}

/* ---- tenants ---- */

#define KEY "sk-slc-alice-0123456789"

static void test_tenants(void **state)
{
    struct sl_gateway_conf *m =
        built(TEST_BASE
              "tenants:\n"
              "  - name: acme\n"
              "    keys:\n"
              "      - {name: a, key: \"" KEY "\", user: u, scopes: [\"models:claude-*\", "
              "\"endpoints:messages\"], expires: 2027-01-01}\n"
              "      - {sha256: \"9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A"
              "08\"}\n"
              "    labels: {x: y}\n"
              "  - name: empty\n");
    const struct sl_key *k = NULL;
    uint8_t digest[32];

    (void)state;
    assert_int_equal(sl_tenants_count(m->tenants), 2);
    sl_tls_sha256(SL_STR(KEY), digest);
    assert_int_equal(sl_tenant_find(m->tenants, digest, 1000, &k), SL_OK);
    is(k->tenant, "acme");
    is(k->name, "a");
    is(k->user, "u");
    is(k->public_id, "alice");
    assert_int_equal(k->scopes_n, 2);
    assert_int_equal(k->expires_unix_ms, 1798761600000);
    assert_int_equal(sl_tenant_find(m->tenants, digest, 1798761600000, &k), SL_ERR_KEY_ENDED);
    sl_tls_sha256(SL_STR("test"), digest);
    assert_int_equal(sl_tenant_find(m->tenants, digest, 1000, &k), SL_OK);
    is(k->public_id, "9f86d081");
    sl_gateway_conf_drop(&m);
}

static void test_tenant_refusals(void **state)
{
    (void)state;
    refused(TEST_BASE "tenants: [{name: a, keys: [{name: x}]}]\n", "needs either `key` or");
    refused(TEST_BASE "tenants: [{name: a, keys: [{key: short}]}]\n", "must be 8 to 512");
    refused(TEST_BASE "tenants: [{name: a, keys: [{key: \"with a space\"}]}]\n", "must be 8 to");
    refused(TEST_BASE "tenants: [{name: a, keys: [{key: \"" KEY "\", scopes: [all]}]}]\n",
            "must be models:<pattern> or endpoints:");
    refused(TEST_BASE "tenants: [{name: a, keys: [{key: \"" KEY
                      "\", scopes: [\"endpoints:x\"]}]}]\n",
            "no endpoint is called x");
    refused(TEST_BASE "tenants: [{name: a}, {name: a}]\n", "a stands twice");
    refused(TEST_BASE "tenants: [{name: a, keys: [{key: \"" KEY "\"}, {key: \"" KEY "\"}]}]\n",
            "tenants[].keys[]:");
    refused(TEST_BASE "tenants: [{name: a, keys: [{name: x, key: sk-slc-one-12345678}]}, "
                      "{name: b, keys: [{name: y, key: sk-slc-one-87654321}]}]\n",
            "key y of tenant b has the public id of key x of tenant a, one,");
    refused(TEST_BASE "tenants: [{name: \"\"}]\n", "takes 1 to 64 characters");
}

/* ---- general ---- */

static void test_general(void **state)
{
    struct sl_gateway_conf *m =
        built(TEST_BASE "forward_headers: [X-Team-*, X-Other]\ntrusted_proxies: [10.0.0.1, "
                        "\"::1\"]\nlog: {format: logfmt}\nmeter_streams: false\n");

    (void)state;
    assert_int_equal(m->forward_headers_n, 2);
    is(m->forward_headers[0], "x-team-*");
    is(m->forward_headers[1], "x-other");
    assert_int_equal(m->trusted_proxies_n, 2);
    assert_false(m->access_json);
    assert_false(m->meter_streams);
    assert_int_equal(m->hash.n, 16);
    assert_int_equal(m->holders, 1);
    sl_gateway_conf_drop(&m);
}

static void test_general_refusals(void **state)
{
    (void)state;
    refused(TEST_BASE "listen: nowhere\n", "listen: must be host:port");
    refused(TEST_BASE "listen: \":80\"\n", "listen: must be host:port");
    refused(TEST_BASE "listen: \"127.0.0.1:99999\"\n", "listen: must be host:port");
    refused(TEST_BASE "listen: \"unix:\"\n", "1 to 107 bytes");
    refused(TEST_BASE "trusted_proxies: [10.0.0.0/8]\n", "must be an IP address");
    refused(TEST_BASE "forward_headers: [\"a b\"]\n", "must be a header's name");
    refused(TEST_BASE "forward_headers: [\"a*b*\"]\n", "must be a header's name");
    refused(TEST_BASE "forward_headers: [\"*\"]\n", "must be a header's name");
}

/* Words that begin too differently: what is too many, and of what there may be how many. */
static void test_too_many_words(void **state)
{
    struct sl_grow g;

    (void)state;
    sl_grow_init(&g, 1 << 20);
    sl_grow_add(&g, SL_STR(TEST_BASE "words: [{name: a, words: ["));
    for (int i = 0; i < 2100; i++) {
        char word[300];

        snprintf(word, sizeof(word), "%sw%04d%0240d", i > 0 ? ", " : "", i, i);
        sl_grow_add(&g, sl_str_of(word));
    }
    sl_grow_add(&g, SL_STR("]}]\n"));
    sl_grow_byte(&g, '\0');
    assert_int_equal(g.err, SL_OK);
    refused(g.p, "together may have 200000 words, 500000 beginnings of words and 65535 different");
    sl_grow_fini(&g);
}

/* The hash follows every value, secrets too, and nothing else; where one instance stands is no
 * difference between two of one file. */
static void test_hash(void **state)
{
    struct sl_gateway_conf *a = built(TEST_BASE), *b = built("# other words\n" TEST_BASE);
    struct sl_gateway_conf *c = built(TEST_BASE "admin: {key: one-key}\n");
    struct sl_gateway_conf *d = built(TEST_BASE "admin: {key: two-key}\n");
    struct sl_gateway_conf *e = built(TEST_BASE "listen: h:1\nadmin: {listen: \"h:2\"}\n"
                                                "store: {url: \"redis://h:5\", state_dir: here}\n");
    struct sl_gateway_conf *f =
        built(TEST_BASE "listen: h:3\nadmin: {listen: \"h:4\"}\n"
                        "store: {url: \"redis://h:5\", state_dir: there}\n");

    (void)state;
    assert_true(sl_str_eq(e->hash, f->hash));
    assert_true(sl_str_eq(a->hash, b->hash));
    assert_false(sl_str_eq(a->hash, c->hash));
    assert_false(sl_str_eq(c->hash, d->hash));
    sl_gateway_conf_drop(&a);
    sl_gateway_conf_drop(&b);
    sl_gateway_conf_drop(&c);
    sl_gateway_conf_drop(&d);
    sl_gateway_conf_drop(&e);
    sl_gateway_conf_drop(&f);
}

static void test_fixed(void **state)
{
    struct sl_conf *a = test_accepted(TEST_BASE);
    struct sl_conf *b = test_accepted(TEST_BASE "listen: h:1\nadmin: {key: x}\nqueue: {max: 1}\n");
    char out[128];

    (void)state;
    sl_build_fixed(a, b, out, sizeof(out));
    assert_string_equal(out, "listen, admin.key");
    sl_build_fixed(a, a, out, sizeof(out));
    assert_string_equal(out, "");
    sl_conf_end(&a);
    sl_conf_end(&b);
}

static void test_upstreams(void **state)
{
    struct sl_conf *c = test_accepted(
        "upstream_pool: {max_connections: 10}\n"
        "providers: [" TEST_PROVIDER ", {name: q, protocol: openai, base_url: \"https://q\", "
        "max_concurrency: 3}, {name: r, protocol: openai, base_url: \"https://q\", upstream_pool: "
        "{max_connections: 100}}]\nmodels: [{name: a, targets: [{provider: p}]}]\n");

    (void)state;
    assert_int_equal(sl_build_upstreams(c), 113);
    sl_conf_end(&c);
}

/* A provider's own values lie over the general ones, leaf by leaf. */
static void test_resilience(void **state)
{
    struct sl_gateway_conf *c =
        built("retry: {attempts: 5, base: 100ms}\nbreaker: {error_rate: 0.5, probes: 1}\n"
              "providers: [" TEST_PROVIDER ", {name: q, protocol: openai, base_url: \"https://q\", "
              "keys: [a, b], retry: {attempts: 1, max: 1s}, breaker: {open: 2s, slow: 3s}}]\n"
              "models: [{name: a, targets: [{provider: p}]}]\n");
    const struct sl_provider *p = &c->providers[0], *q = &c->providers[1];

    (void)state;
    assert_int_equal(p->retry.attempts, 5);
    assert_int_equal(p->retry.base_ms, 100);
    assert_int_equal(p->retry.max_ms, 30000);
    assert_int_equal(q->retry.attempts, 1);
    assert_int_equal(q->retry.base_ms, 100);
    assert_int_equal(q->retry.max_ms, 1000);
    assert_int_equal(p->breaker.error_ppm, 500000);
    assert_int_equal(p->breaker.window_ms, 30000);
    assert_int_equal(p->breaker.min_requests, 20);
    assert_int_equal(p->breaker.open_ms, 30000);
    assert_int_equal(p->breaker.probes, 1);
    assert_int_equal(p->breaker.slow_ms, 0);
    assert_int_equal(q->breaker.error_ppm, 500000);
    assert_int_equal(q->breaker.open_ms, 2000);
    assert_int_equal(q->breaker.slow_ms, 3000);
    assert_int_equal(q->keys_n, 2);
    assert_true(q->keys_print != p->keys_print);
    sl_gateway_conf_drop(&c);
}

/* How many times: with the first, second, ... allocation failing, until none does. */
static size_t refused_for_memory(const char *text)
{
    struct sl_gateway_conf *m = NULL;
    size_t refused = 0;

    for (uint64_t n = 1; m == NULL; n++) {
        struct sl_conf *c;

        sl_mem_fail_at(n);
        c = test_read(text);
        m = sl_build_snapshot(c, NULL, NULL);
        sl_mem_fail_at(0);
        if (m == NULL) {
            test_has(c, text, "not enough memory to read the configuration; free some");
            assert_int_equal(c->faults.n, 1);
            refused++;
        }
        sl_conf_end(&c);
    }
    sl_gateway_conf_drop(&m);
    return refused;
}

/* A reload without memory is refused with that reason alone, whichever piece was missing. */
static void test_no_memory(void **state)
{
    static const char text[] =
        "providers: [{name: p, protocol: [anthropic, openai], base_url: \"https://h/x\",\n"
        "  keys: [one-key, two-key], headers: {x-a: b, x-c: d}, query: {q: a b}, auth: "
        "header:x-k},\n"
        "  {name: q, protocol: openai, base_url: \"https://q/v1\", auth: oauth2,\n"
        "   oauth2: {token_url: \"https://t/x\", client_id: i, client_secret: s, params: {a: "
        "b}}}]\n"
        "models: [{name: \"m*\", free: true, targets: [{provider: p, model: other}]},\n"
        "  {name: n, aliases: [o, r], cache: {version: v2}, targets: [{provider: q,\n"
        "   price: {input: 1, output: 2}}]}]\n"
        "plans: [{name: gold, scopes: [\"models:n\"]}]\n"
        "jwt: [{name: i, issuer: me, audience: you, tenant: t, algorithm: HS256,\n"
        "  secrets: [\"0123456789abcdef0123456789abcdef\"]}]\n"
        "trusted_proxies: 127.0.0.1\n"
        "tenants: [{name: t, plan: gold, labels: {a: b}, budget: {daily: \"1\"}, keys: [{name: k,\n"
        "  key: \"${LATE:-a-key-of-many}\", scopes: [\"models:n\"]}]}, {name: u}]\n";
    size_t refused = 0;

    (void)state;
    for (unsigned pad = 0; pad < 4; pad++) { /* what finds its chunk full is another each time */
        char padded[sizeof(text) + 200];

        snprintf(padded, sizeof(padded), "%sadmin: {key: \"%0*u\"}\n", text, 16 * pad + 1, 0);
        refused += refused_for_memory(padded);
    }
    assert_true(refused > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_urls),
        cmocka_unit_test(test_provider),
        cmocka_unit_test(test_provider_refusals),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_model_refusals),
        cmocka_unit_test(test_tenants),
        cmocka_unit_test(test_tenant_refusals),
        cmocka_unit_test(test_general),
        cmocka_unit_test(test_general_refusals),
        cmocka_unit_test(test_too_many_words),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_upstreams),
        cmocka_unit_test(test_resilience),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
