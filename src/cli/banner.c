/* cli/banner.c -- what was found at start, and three things to paste. */
#include "base/mem.h"
#include "cli/place.h"
#include "cli/proxied.h"
#include "cli/serve.h"
#include "conf/state.h"
#include "store/url.h"

#include <errno.h>
#include <stdio.h>

#define SHOWN 6 /* names on one line */

struct sample { /* a request that this configuration can answer */
    const char *path;
    struct sl_str model;
};

static void print_providers(const struct sl_serve *s)
{
    const struct sl_node *list = sl_node_get(s->conf->root, "providers");
    size_t n = 0;

    fprintf(stderr, "  providers  ");
    for (const struct sl_node *p = list->first; p != NULL && n < SHOWN; p = p->next) {
        struct sl_str name = sl_node_text(p, "name"), url = sl_node_text(p, "base_url");

        fprintf(stderr, "%s%.*s %.*s", n++ > 0 ? ", " : "", SL_STR_ARGS(name), SL_STR_ARGS(url));
    }
    fprintf(stderr, "%s\n", list->n > SHOWN ? ", ..." : "");
}

static void print_proxies(const struct sl_serve *s)
{
    char line[SL_PROXIED_LINE];

    for (size_t at = 0; sl_proxied_line(s->made, &at, line, sizeof(line));)
        fprintf(stderr, "  reached    %s\n", line);
}

static void print_models(const struct sl_serve *s)
{
    size_t all = sl_routes_count(s->made->routes);

    fprintf(stderr, "  models     ");
    for (size_t i = 0; i < all && i < SHOWN; i++) {
        struct sl_str name = sl_routes_at(s->made->routes, i)->name;

        fprintf(stderr, "%s%.*s", i > 0 ? ", " : "", SL_STR_ARGS(name));
    }
    fprintf(stderr, "%s  (%zu; a name with * asks the provider for whatever the client names)\n",
            all > SHOWN ? ", ..." : "", all);
}

/* A pattern needs a name that its first provider is likely to know. */
static struct sl_str name_for(const struct sl_serve *s, const struct sl_model *m,
                              enum sl_protocol protocol)
{
    const struct sl_target *rank[SL_ROUTE_TARGETS_MAX];
    bool router;

    if (!m->is_pattern)
        return m->name;
    if (sl_route_rank(m, protocol, rank) == 0)
        return (struct sl_str){"", 0};
    router = s->made->providers[rank[0]->provider].openrouter;
    if (protocol == SL_ANTHROPIC)
        return router ? SL_STR("anthropic/claude-sonnet-4.5") : SL_STR("claude-sonnet-4-5");
    return router ? SL_STR("openai/gpt-4o-mini") : SL_STR("gpt-4o-mini");
}

static bool find_sample(const struct sl_serve *s, enum sl_protocol protocol, struct sample *out)
{
    const struct sl_target *rank[SL_ROUTE_TARGETS_MAX];
    size_t all = sl_routes_count(s->made->routes);

    for (int patterns = 0; patterns < 2; patterns++) {
        for (size_t i = 0; i < all; i++) {
            const struct sl_model *m = sl_routes_at(s->made->routes, i);

            if (m->is_pattern != (patterns == 1) || sl_route_rank(m, protocol, rank) == 0)
                continue;
            out->model = name_for(s, m, protocol);
            out->path = protocol == SL_ANTHROPIC ? "/v1/messages" : "/v1/chat/completions";
            return true;
        }
    }
    return false;
}

static void print_curl(const struct sl_serve *s, const char *url)
{
    const struct sl_node *key = sl_place_key(s->conf);
    struct sample sample;

    if (!find_sample(s, SL_ANTHROPIC, &sample) && !find_sample(s, SL_OPENAI, &sample))
        return;
    if (url[0] != '\0')
        fprintf(stderr, "  curl -N %s%s", url, sample.path);
    else
        fprintf(stderr, "  curl -N --unix-socket %s http://localhost%s", s->made->listen.p + 5,
                sample.path);
    if (key != NULL && key->from.n > 0)
        fprintf(stderr, " -H \"x-api-key: $(cat %.*s)\"", SL_STR_ARGS(key->from));
    else
        fprintf(stderr, " -H \"x-api-key: $SLUICE_KEY\"");
    fprintf(stderr,
            " -H 'content-type: application/json' \\\n    -d '{\"model\":\"%.*s\","
            "\"max_tokens\":100,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":"
            "\"Hello\"}]}'\n",
            SL_STR_ARGS(sample.model));
}

/* `env` finds the dev key by itself, a file's only with the file, and none that is
 * known by its hash alone. Claude Code can't be pointed at a unix socket. */
static void print_env(const struct sl_serve *s, const char *url)
{
    const struct sl_node *key = sl_place_key(s->conf);
    bool usual = s->config == NULL || sl_str_eq(s->made->listen, SL_STR("127.0.0.1:8080"));

    if (url[0] == '\0')
        return;
    fprintf(stderr, "  eval \"$(%s env claude-code%s%s", program_invocation_name,
            usual ? "" : " --url ", usual ? "" : url);
    if (key == NULL)
        fprintf(stderr, " --key \"$SLUICE_KEY\"");
    else if (s->config != NULL && !sl_state_is_key(key->from))
        fprintf(stderr, " -c %s", s->config);
    fprintf(stderr, ")\"\n");
}

static void print_admin(const struct sl_serve *s, const char *url)
{
    if (url[0] != '\0')
        fprintf(stderr, "  curl %s/metrics\n", url);
    else
        fprintf(stderr, "  curl --unix-socket %s http://localhost/metrics\n",
                s->made->admin_listen.p + 5);
}

/* Kind and address, never a password. */
static void print_store(const struct sl_store_conf *store)
{
    struct sl_str dir = sl_str_from(store->url, 9);
    struct sl_redis_url url;
    char why[256], shown[512] = "";

    if (!sl_str_starts(store->url, SL_STR("embedded:"))) {
        if (sl_redis_url_read(store->url, &url, why, sizeof(why)) == SL_OK)
            sl_redis_url_show(&url, shown, sizeof(shown));
        sl_mem_wipe(&url, sizeof(url));
        fprintf(stderr, "  store      %s\n", shown);
    } else if (dir.n > 0) {
        fprintf(stderr, "  store      embedded, in %.*s\n", SL_STR_ARGS(dir));
    } else {
        fprintf(stderr, "  store      embedded, in memory: nothing is kept (set SLUICE_STATE)\n");
    }
}

/* Where the two keys are; of one that is no file's, who set it knows. */
static void print_keys(const struct sl_serve *s)
{
    const struct sl_node *key = sl_place_key(s->conf),
                         *admin = sl_node_at(s->conf->root, "admin.key");

    if (key != NULL && key->from.n > 0)
        fprintf(stderr, "  key        %.*s", SL_STR_ARGS(key->from));
    else
        fprintf(stderr, "  key        %zu in the configuration; SLUICE_KEY stands for a client's",
                sl_tenants_count(s->made->tenants));
    if (admin != NULL && admin->from.n > 0)
        fprintf(stderr, "; the dashboard's %.*s", SL_STR_ARGS(admin->from));
    fprintf(stderr, "\n");
}

void sl_banner_print(const struct sl_serve *s)
{
    bool has_page = s->made->admin_key.n > 0;

    char url[300], admin[300];

    sl_place_url(s->made->listen, sl_gateway_port(s->gateway), url, sizeof(url));
    sl_place_url(s->made->admin_listen, sl_admin_port(s->admin), admin, sizeof(admin));
    fprintf(stderr, "sluice " SL_VERSION " on %s, %s on %s%s\n",
            url[0] != '\0' ? url : s->made->listen.p, has_page ? "dashboard" : "admin",
            admin[0] != '\0' ? admin : s->made->admin_listen.p,
            has_page && admin[0] != '\0' ? "/admin/" : "");
    print_providers(s);
    print_proxies(s);
    print_models(s);
    print_store(&s->made->store);
    print_keys(s);
    fprintf(stderr, "Paste one of these:\n");
    print_curl(s, url);
    print_env(s, url);
    print_admin(s, admin);
    fflush(stderr);
}
