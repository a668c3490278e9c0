/* An explanation in lines. */
#include "cli/explain.h"

#include <stdio.h>

#include "base/json.h"

#define CELL 4096

static struct sl_str get(struct sl_str object, const char *path)
{
    struct sl_str rest = sl_str_of(path), name;

    while (object.p != NULL && sl_str_split(&rest, '.', &name))
        object = sl_json_get(object, name);
    return object;
}

static bool has(struct sl_str object, const char *path)
{
    struct sl_str v = get(object, path);

    return v.p != NULL && sl_json_type_of(v) != SL_JSON_NULL;
}

/* A value as a text; control bytes would move the terminal's cursor. */
static void put(struct sl_str value)
{
    char text[CELL];
    size_t n = 0;

    if (value.p == NULL || sl_json_type_of(value) != SL_JSON_STRING) {
        printf("%.*s", SL_STR_ARGS(value));
        return;
    }
    if (!sl_json_unescape(value, text, sizeof text, &n)) {
        printf("(too long)");
        return;
    }
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
    printf("%.*s", (int)n, text);
}

/* "before VALUE after", where there is such a member. */
static void say(struct sl_str object, const char *before, const char *path, const char *after)
{
    if (!has(object, path))
        return;
    printf("%s", before);
    put(get(object, path));
    printf("%s", after);
}

static void request(struct sl_str d)
{
    printf("request   ");
    put(get(d, "request.endpoint"));
    say(d, ", model ", "request.model", "");
    say(d, " (route ", "request.route", "");
    say(d, ", ", "request.strategy", ")");
    printf(", %s, ", sl_str_eq(get(d, "request.stream"), SL_STR("true")) ? "streamed" : "plain");
    put(get(d, "request.bytes"));
    printf(" bytes");
    say(d, ", ", "request.left_out", " of ");
    say(d, "", "request.messages", " messages left out (context)");
    printf("\n");
}

static void outcome(struct sl_str d)
{
    printf("outcome   ");
    put(get(d, "outcome.way"));
    say(d, " ", "outcome.status", "");
    say(d, " ", "outcome.error", "");
    say(d, ", after ", "outcome.wait_ms", " ms");
    say(d, "\n          ", "outcome.message", "");
    say(d, "\n          come back in ", "outcome.retry_ms", " ms");
    printf("\n");
}

static void level(struct sl_str l, const char *name)
{
    static const char *const limits[] = {"rpm", "qps",         "burst",
                                         "tpm", "concurrency", "user_concurrency"};
    static const char *const money[] = {"initial_credits", "daily", "monthly"};
    char path[64];

    printf("          %s:", name);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        printf("%s%s ", i > 0 ? ", " : " ", limits[i]);
        (void)snprintf(path, sizeof path, "limits.%s", limits[i]);
        if (!has(l, path))
            printf("-");
        say(l, "", path, "");
        (void)snprintf(path, sizeof path, "left.%s", limits[i]);
        say(l, " (", path, " left)");
    }
    for (size_t i = 0; i < sizeof money / sizeof money[0]; i++) {
        (void)snprintf(path, sizeof path, "budget.%s", money[i]);
        if (has(l, path))
            printf(", %s", money[i]);
        say(l, " ", path, " USD");
    }
    say(l, ", ", "left.money", " USD left");
    printf("\n");
}

static void key(struct sl_str d)
{
    if (!has(d, "key")) {
        printf("key       none that is known\n");
        return;
    }
    printf("key       ");
    put(get(d, "key.id"));
    say(d, " ", "key.name", "");
    say(d, " of tenant ", "key.tenant", "");
    say(d, ", class ", "key.class", "");
    say(d, ", user ", "key.user", "");
    printf("\n");
    level(get(d, "levels.tenant"), "tenant");
    level(get(d, "levels.key"), "key");
}

static void cache(struct sl_str d)
{
    printf("cache     ");
    put(get(d, "cache.result"));
    say(d, ": ", "cache.why", "");
    say(d, ", looked up as ", "cache.key", "");
    say(d, ", kept as ", "cache.kept_as", "");
    say(d, ", ", "cache.known", " items known");
    say(d, " of ", "cache.items", "");
    printf("\n");
}

static void price(struct sl_str d)
{
    printf("price     ");
    put(get(d, "price.input_tokens"));
    say(d, " tokens in, ", "price.output_tokens", " out");
    say(d, "; reserves ", "price.reserve", " USD");
    printf("\n");
}

static void targets(struct sl_str list)
{
    struct sl_str t;
    size_t pos = 0;

    printf("targets\n");
    while (sl_json_next(list, &pos, &t)) {
        printf("      ");
        if (has(t, "turn"))
            say(t, "  ", "turn", " ");
        else
            printf("  - ");
        say(t, " ", "provider", "");
        say(t, " ", "served", "");
        say(t, " (model ", "model", "):");
        say(t, " ", "because", "");
        say(t, "; not now: ", "bar_because", "");
        say(t, ", for ", "rest_ms", " ms");
        say(t, "; share ", "share_ppm", " ppm");
        say(t, ", weight ", "weight", "");
        say(t, ", expected ", "expected_us", " us");
        say(t, ", price ", "price", " USD");
        if (sl_str_eq(get(t, "translated"), SL_STR("true")))
            printf(", translated");
        say(t, ", by proxy ", "proxy", "");
        say(t, " from ", "proxy_from", "");
        printf("\n");
    }
}

static void send(struct sl_str s)
{
    struct sl_str list = get(s, "headers"), pair, one;
    size_t pos = 0;

    printf("send      ");
    put(get(s, "line"));
    printf("\n");
    while (sl_json_next(list, &pos, &pair)) {
        size_t at = 0;

        printf("          ");
        for (const char *before = ""; sl_json_next(pair, &at, &one); before = ": ") {
            printf("%s", before);
            put(one);
        }
        printf("\n");
    }
}

void sl_explain_print(struct sl_str d)
{
    outcome(d);
    request(d);
    key(d);
    if (!has(d, "request.route")) /* it did not come so far */
        return;
    cache(d);
    price(d);
    say(d, "affinity  provider ", "affinity", " holds the conversation's prompt\n");
    targets(get(d, "targets"));
    if (has(d, "send"))
        send(get(d, "send"));
}
