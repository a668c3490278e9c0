/* conf/zero.c -- providers from the environment, as a configuration's text. */
#include "conf/zero.h"

#include <stdio.h>

struct known {
    const char *name;
    const char *protocol;
    const char *key;
    const char *url; /* variable */
    const char *url_too;
    const char *url_default;
};

static const struct known known[] = {
    {"anthropic", "anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", NULL,
     "https://api.anthropic.com"},
    {"openai", "openai", "OPENAI_API_KEY", "OPENAI_BASE_URL", NULL, "https://api.openai.com/v1"},
    {"openrouter", "[anthropic, openai]", "OPENROUTER_API_KEY", "OPENROUTER_BASE_URL",
     "OPENROUTER_API_BASE", "https://openrouter.ai/api"},
};
enum { ANTHROPIC, OPENAI, OPENROUTER, KNOWN };

static bool is_set(const struct sl_env *env, const char *name)
{
    const char *v = name != NULL ? sl_env_get(env, name) : NULL;

    return v != NULL && v[0] != '\0';
}

static void provider(struct sl_text *t, const struct sl_env *env, const struct known *k)
{
    const char *url =
        k->url_too != NULL && !is_set(env, k->url) && is_set(env, k->url_too) ? k->url_too : k->url;

    sl_text_printf(t, "  - name: %s\n    protocol: %s\n", k->name, k->protocol);
    if (k == &known[OPENROUTER]) /* known by its host only where that is its own */
        sl_text_printf(t, "    flavor: openrouter\n");
    sl_text_printf(t, "    base_url: \"${%s:-%s}\"\n    keys: [\"${%s}\"]\n", url, k->url_default,
                   k->key);
}

static void model(struct sl_text *t, const char *name, const bool has[KNOWN],
                  const unsigned order[KNOWN])
{
    bool first = true;

    sl_text_printf(t, "  - name: \"%s\"\n    targets: [", name);
    for (unsigned i = 0; i < KNOWN; i++) {
        if (!has[order[i]])
            continue;
        sl_text_printf(t, "%s{provider: %s}", first ? "" : ", ", known[order[i]].name);
        first = false;
    }
    sl_text_printf(t, "]\n");
}

/* Names with a vendor before a slash are OpenRouter's; without it they belong
 * to whoever made them. Clients may also ask for what is listed nowhere. */
static void models(struct sl_text *t, const bool has[KNOWN])
{
    static const unsigned usual[KNOWN] = {ANTHROPIC, OPENAI, OPENROUTER};
    static const char *const vendors[] = {"anthropic/*",  "openai/*",    "google/*",
                                          "meta-llama/*", "mistralai/*", "qwen/*",
                                          "x-ai/*",       "deepseek/*",  "openrouter/*"};
    static const bool router_only[KNOWN] = {false, false, true};

    sl_text_printf(t, "models:\n");
    if (has[OPENROUTER] && (has[ANTHROPIC] || has[OPENAI]))
        for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
            model(t, vendors[i], router_only, usual);
    if (has[ANTHROPIC])
        model(t, "claude-*", (const bool[KNOWN]){true, false, false}, usual);
    model(t, "*", has, usual);
}

/* A cluster's environment may hold a REDIS_PORT that is no number; it counts beside a
 * REDIS_HOST only. The parts are put together by the reader, password and all. */
static void store(struct sl_text *t, const struct sl_env *env)
{
    const char *host;
    bool v6;

    if (is_set(env, "REDIS_URL")) {
        sl_text_printf(t, "store: {url: \"${REDIS_URL}\"}\n");
        return;
    }
    if (!is_set(env, "REDIS_HOST"))
        return;
    host = sl_env_get(env, "REDIS_HOST");
    v6 = strchr(host, ':') != NULL && host[0] != '[';
    sl_text_printf(t, "store:\n  url: \"redis://%s${REDIS_HOST}%s:${REDIS_PORT:-6379}\"\n",
                   v6 ? "[" : "", v6 ? "]" : "");
    if (is_set(env, "REDIS_PASSWORD"))
        sl_text_printf(t, "  password: \"${REDIS_PASSWORD}\"\n");
}

static void secret_file(struct sl_text *t, const char *file)
{
    char path[1100];

    snprintf(path, sizeof(path), "file:%s", file);
    sl_text_json(t, sl_str_of(path), 0);
}

static void admin(struct sl_text *t, const struct sl_env *env, const char *path)
{
    sl_text_printf(t, "admin: {listen: \"${SLUICE_ADMIN_LISTEN:-127.0.0.1:9091}\", key: ");
    if (is_set(env, "SLUICE_ADMIN_KEY"))
        sl_text_printf(t, "\"${SLUICE_ADMIN_KEY}\"");
    else
        secret_file(t, path);
    sl_text_printf(t, "}\n");
}

bool sl_zero_write(struct sl_text *t, const struct sl_env *env, const char *dev_path,
                   const char *admin_path)
{
    bool has[KNOWN], any = false;

    for (unsigned i = 0; i < KNOWN; i++) {
        has[i] = is_set(env, known[i].key);
        any = any || has[i];
    }
    if (!any)
        return false;
    sl_text_printf(t, "# What `sluice serve` without -c amounts to in this environment.\n"
                      "listen: \"${SLUICE_LISTEN:-127.0.0.1:8080}\"\n");
    admin(t, env, admin_path);
    store(t, env);
    sl_text_printf(t, "list_models: true\nproviders:\n");
    for (unsigned i = 0; i < KNOWN; i++)
        if (has[i])
            provider(t, env, &known[i]);
    models(t, has);
    sl_text_printf(t, "tenants:\n  - name: dev\n    keys: [{name: dev, key: ");
    secret_file(t, dev_path);
    sl_text_printf(t, "}]\n");
    return !t->cut;
}
