/* cli/explain.c -- what would become of a request: asked of a gateway, or of a configuration. */
#include "cli/explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cli/client.h"
#include "cli/source.h"

#define BODY_MAX ((size_t)32 << 20)

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "sluice explain: %s%s%s\n", what, why[0] != '\0' ? ": " : "", why);
    return SL_EXIT_FAILED;
}

/* ---- what is asked ---- */

static bool read_body(const char *name, struct sl_grow *out)
{
    FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    size_t got = 1;
    bool ok;

    if (f == NULL)
        return false;
    while (got > 0 && out->err == SL_OK) {
        char *p = sl_grow_room(out, 65536);

        got = p != NULL ? fread(p, 1, 65536, f) : 0;
        out->n += got;
    }
    ok = !ferror(f);
    if (f != stdin)
        (void)fclose(f);
    return ok;
}

/* "name: value", as curl's -H. */
static bool read_headers(const struct sl_options *o, struct sl_arena *a, struct sl_headers *out)
{
    for (size_t i = 0; i < o->headers_n; i++) {
        struct sl_str line = sl_str_of(o->headers[i]), name, value;
        ptrdiff_t colon = sl_str_find_byte(line, ':');

        name = colon > 0 ? sl_str_first(line, (size_t)colon) : line;
        value = sl_str_trim(sl_str_from(line, (size_t)colon + 1));
        if (colon <= 0 || !sl_headers_name_ok(name) || !sl_headers_value_ok(value) ||
            !sl_headers_add(out, a, name, value))
            return false;
    }
    return true;
}

static void add_member(struct sl_grow *g, const char *name, const char *value)
{
    if (value == NULL)
        return;
    sl_grow_add(g, SL_STR(",\""));
    sl_grow_add(g, sl_str_of(name));
    sl_grow_add(g, SL_STR("\":"));
    sl_grow_json(g, sl_str_of(value));
}

static void write_ask(const struct sl_options *o, const struct sl_headers *headers,
                      struct sl_str body, struct sl_grow *g)
{
    sl_grow_add(g, SL_STR("{\"body\":"));
    sl_grow_json(g, body);
    sl_grow_add(g, SL_STR(",\"headers\":{"));
    for (size_t i = 0; i < headers->n; i++) {
        if (i > 0)
            sl_grow_byte(g, ',');
        sl_grow_json(g, headers->v[i].name);
        sl_grow_byte(g, ':');
        sl_grow_json(g, headers->v[i].value);
    }
    sl_grow_byte(g, '}');
    add_member(g, "path", o->path);
    add_member(g, "key", o->key);
    add_member(g, "tenant", o->tenant);
    sl_grow_byte(g, '}');
}

/* ---- of a running gateway ---- */

static int take(const struct sl_client_answer *a, struct sl_grow *out)
{
    struct sl_str data = sl_json_get(a->body, SL_STR("data"));
    char message[4096];
    struct sl_str text;

    if (a->status == 200 && data.p != NULL) {
        sl_grow_add(out, data);
        return out->err == SL_OK ? SL_EXIT_OK : fail("out of memory", "");
    }
    text = sl_client_message(a->body, message, sizeof message);
    fprintf(stderr, "sluice explain: %.*s\n", SL_STR_ARGS(text));
    return SL_EXIT_FAILED;
}

static int ask_live(const struct sl_options *o, const struct sl_headers *headers,
                    struct sl_str body, struct sl_grow *out)
{
    const struct sl_options admin = {.config = o->config,
                                     .admin = o->admin}; /* not the client's key */
    char where[512], key[1024];
    struct sl_client_ask ask = {
        .where = where, .method = "POST", .path = "/admin/api/explain", .key = key};
    struct sl_client_answer a = {0};
    struct sl_grow text;
    int code;

    sl_grow_init(&text, 7 * BODY_MAX);
    write_ask(o, headers, body, &text);
    if (text.err != SL_OK) {
        sl_grow_fini(&text);
        return fail("out of memory", "");
    }
    sl_source_admin(&admin, where, sizeof where);
    sl_source_admin_key(&admin, key, sizeof key);
    ask.body = sl_grow_str(&text);
    sl_client_ask(&ask, &a);
    sl_mem_wipe(key, sizeof key);
    code = take(&a, out);
    sl_client_fini(&a);
    sl_grow_fini(&text);
    return code;
}

/* ---- together ---- */

static int show(const struct sl_options *o, struct sl_str object)
{
    if (o->json)
        printf("%.*s\n", SL_STR_ARGS(object));
    else
        sl_explain_print(object);
    return fflush(stdout) == 0 ? SL_EXIT_OK : fail("writing failed", strerror(errno));
}

static int explain(const struct sl_options *o, struct sl_arena *a, struct sl_grow *body,
                   struct sl_grow *out)
{
    struct sl_headers headers = {0};
    int code;

    if (!read_headers(o, a, &headers)) {
        (void)fail("-H takes 'name: value'", "");
        return SL_EXIT_USAGE;
    }
    if (!read_body(o->argument, body))
        return fail(o->argument, strerror(errno));
    if (body->err != SL_OK)
        return fail(o->argument, "a body may have 32 MiB");
    code = o->admin != NULL ? ask_live(o, &headers, sl_grow_str(body), out)
                            : sl_explain_offline(o, &headers, sl_grow_str(body), out);
    return code == SL_EXIT_OK ? show(o, sl_grow_str(out)) : code;
}

int sl_cmd_explain(const struct sl_options *o)
{
    struct sl_arena a;
    struct sl_grow body, out;
    int code;

    if (o->argument == NULL || (o->key != NULL && o->tenant != NULL)) {
        (void)fail(o->argument == NULL ? "give the request's body as a file, or - for stdin"
                                       : "give --key or --tenant, not both",
                   "");
        return SL_EXIT_USAGE;
    }
    sl_arena_init(&a, 1 << 20);
    sl_grow_init(&body, BODY_MAX + 65536);
    sl_grow_init(&out, 16 << 20);
    code = explain(o, &a, &body, &out);
    sl_grow_fini(&out);
    sl_grow_fini(&body);
    sl_arena_fini(&a);
    return code;
}
