/* cli/show.c -- commands that print: check, init, env. */
#include "cli/place.h"
#include "cli/proxied.h"
#include "cli/source.h"

#include "base/mem.h"
#include "conf/build.h"
#include "conf/show.h"
#include "conf/state.h"
#include "conf/zero.h"

#include <errno.h>
#include <stdio.h>

#define NOTES (4 * SL_PROXIED_LINE) /* bytes of what check says beside the tree */

static void to_stdout(void *ctx, struct sl_str piece)
{
    (void)ctx;
    fwrite(piece.p, 1, piece.n, stdout);
}

static int flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return SL_EXIT_OK;
    fprintf(stderr, "sluice: writing failed: %s\n", strerror(errno));
    return SL_EXIT_FAILED;
}

/* ---- check ---- */

static void add_proxies(const struct sl_gateway_conf *made, struct sl_text *notes)
{
    char line[SL_PROXIED_LINE];

    for (size_t at = 0; sl_proxied_line(made, &at, line, sizeof(line));)
        sl_text_printf(notes, "# reached %s\n", line);
}

static void add_consuls(const struct sl_gateway_conf *made, struct sl_text *notes)
{
    for (size_t i = 0; i < made->providers_n; i++) {
        const struct sl_provider *p = &made->providers[i];

        if (p->consul != NULL)
            sl_text_printf(notes,
                           "# provider %.*s: instances of %.*s that Consul at %.*s knows; "
                           "sluice provider list --json shows them\n",
                           SL_STR_ARGS(p->name), SL_STR_ARGS(p->consul->service),
                           SL_STR_ARGS(p->consul->host_header));
    }
    if (made->enrol != NULL)
        sl_text_printf(notes, "# registered in Consul at %.*s as %.*s\n",
                       SL_STR_ARGS(made->enrol->host_header), SL_STR_ARGS(made->enrol->id));
}

/* Everything a start would do but to listen: certificates are read, too. `notes` gets what
 * the tree does not say. */
static bool try_build(struct sl_conf *c, struct sl_text *notes)
{
    struct sl_net *net = sl_net_new();
    struct sl_origins *origins = net != NULL ? sl_origins_new(net) : NULL;
    struct sl_gateway_conf *made = sl_build_snapshot(c, origins, NULL);
    bool ok = made != NULL;

    if (ok) {
        add_proxies(made, notes);
        add_consuls(made, notes);
    }
    sl_gateway_conf_drop(&made);
    sl_origins_end(&origins);
    if (net != NULL)
        while (sl_net_count(net).graves > 0 && sl_net_turn(net, 0))
            continue;
    sl_net_end(&net);
    return ok;
}

int sl_cmd_check(const struct sl_options *o)
{
    char place[NOTES];
    struct sl_text notes = sl_text_over(place, sizeof(place));
    struct sl_conf *c;
    int code = SL_EXIT_CONFIG;

    if (o->schema) {
        sl_show_schema(to_stdout, NULL);
        return flush();
    }
    c = sl_source_load(o->config != NULL ? o->config : o->argument);
    if (c->faults.n == 0 && try_build(c, &notes)) {
        code = SL_EXIT_OK;
        if (!o->quiet) {
            printf("# valid; what it amounts to:\n");
            to_stdout(NULL, sl_text_str(&notes));
            sl_show_tree(c->root, false, to_stdout, NULL);
            code = flush();
        }
    } else {
        struct sl_str faults = sl_faults_text(&c->faults);

        fprintf(stderr, "%.*s", SL_STR_ARGS(faults));
        if (c->faults.n > SL_FAULT_MAX)
            fprintf(stderr, "and %zu more\n", c->faults.n - SL_FAULT_MAX);
    }
    sl_conf_end(&c);
    return code;
}

/* ---- init ---- */

int sl_cmd_init(const struct sl_options *o)
{
    char text[SL_ZERO_TEXT], why[512] = "";
    struct sl_text place = sl_text_over(text, sizeof(text));

    (void)o;
    if (!sl_source_zero(&place, why, sizeof(why))) {
        fprintf(stderr, "sluice: %s\n", why);
        return SL_EXIT_FAILED;
    }
    to_stdout(NULL, sl_text_str(&place));
    return flush();
}

/* ---- env ---- */

struct place {
    char url[512];
    char key[1024];
};

/* Where clients find the gateway, and a key for it; options win. */
static bool find_place(const struct sl_options *o, struct place *p, char *why, size_t cap)
{
    const char *listen = sl_env_get(&(struct sl_env){0}, "SLUICE_LISTEN");
    struct sl_conf *c = o->config != NULL ? sl_source_load(o->config) : NULL;
    const struct sl_node *key = NULL;

    p->key[0] = '\0';
    sl_place_url(sl_str_of(listen != NULL && listen[0] != '\0' ? listen : "127.0.0.1:8080"), 0,
                 p->url, sizeof(p->url));
    if (c != NULL && c->faults.n > 0) {
        snprintf(why, cap, "%s is not valid: sluice check %s", o->config, o->config);
        sl_conf_end(&c);
        return false;
    }
    if (c != NULL) {
        sl_place_url(sl_conf_text(c, "listen"), 0, p->url, sizeof(p->url));
        key = sl_place_key(c);
        if (key != NULL)
            snprintf(p->key, sizeof(p->key), "%.*s", SL_STR_ARGS(key->text));
    }
    sl_conf_end(&c);
    if (o->url != NULL)
        snprintf(p->url, sizeof(p->url), "%s", o->url);
    if (o->key != NULL)
        snprintf(p->key, sizeof(p->key), "%s", o->key);
    if (p->url[0] == '\0') {
        snprintf(why, cap, "the gateway listens on a unix socket: give --url of what is before it");
        return false;
    }
    if (p->key[0] == '\0' && o->config != NULL) { /* the dev key is no key of that file */
        snprintf(why, cap, "no key stands in %s in full: give one with --key", o->config);
        return false;
    }
    return p->key[0] != '\0' || sl_state_read_key(SL_STATE_DEV, p->key, sizeof(p->key), why, cap);
}

/* A shell reads it back as the same text, whatever is in it. */
static void print_export(const char *name, const char *value, const char *tail)
{
    printf("export %s='", name);
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '\'')
            printf("'\\''");
        else
            putchar(*p);
    }
    printf("%s'\n", tail);
}

int sl_cmd_env(const struct sl_options *o)
{
    struct place p;
    char why[512] = "";
    const char *what = o->argument != NULL ? o->argument : "claude-code";
    bool claude = strcmp(what, "claude-code") == 0, anthropic = strcmp(what, "anthropic") == 0;
    bool openrouter = strcmp(what, "openrouter") == 0, openai = strcmp(what, "openai") == 0;

    if (!claude && !anthropic && !openai && !openrouter) {
        fprintf(stderr, "sluice env: %s is not known; claude-code, anthropic, openai, openrouter\n",
                what);
        return SL_EXIT_USAGE;
    }
    if (!find_place(o, &p, why, sizeof(why))) {
        fprintf(stderr, "sluice env: %s\n", why);
        return SL_EXIT_FAILED;
    }
    if (claude) {
        print_export("ANTHROPIC_BASE_URL", p.url, "");
        print_export("ANTHROPIC_AUTH_TOKEN", p.key, "");
        /* it would be sent beside the token, and win */
        printf("unset ANTHROPIC_API_KEY\n");
        printf("export CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY=1\n");
    } else if (anthropic) {
        print_export("ANTHROPIC_BASE_URL", p.url, "");
        print_export("ANTHROPIC_API_KEY", p.key, "");
    } else {
        print_export(openai ? "OPENAI_BASE_URL" : "OPENROUTER_BASE_URL", p.url,
                     openai ? "/v1" : "/api/v1");
        print_export(openai ? "OPENAI_API_KEY" : "OPENROUTER_API_KEY", p.key, "");
    }
    sl_mem_wipe(&p, sizeof(p));
    return flush();
}
