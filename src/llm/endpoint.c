/* llm/endpoint.c -- paths to endpoints and back: one table. */
#include "llm/dialect.h"

#include "base/obj.h"

#include <assert.h>

static const struct row {
    struct sl_str path; /* behind the prefix; empty: not found by the table */
    struct sl_str upstream;
    const char *name;
    const struct sl_dialect *dialect; /* shared */
    bool get;
} rows[] = {
    [SL_EP_NONE] = {{"", 0}, {"", 0}, "none", NULL, false},
    [SL_EP_MESSAGES] = {SL_STR_INIT("/messages"), SL_STR_INIT("/v1/messages"), "messages",
                        &sl_dialect_anthropic, false},
    [SL_EP_COUNT_TOKENS] = {SL_STR_INIT("/messages/count_tokens"),
                            SL_STR_INIT("/v1/messages/count_tokens"), "count_tokens",
                            &sl_dialect_anthropic, false},
    [SL_EP_CHAT] = {SL_STR_INIT("/chat/completions"), SL_STR_INIT("/chat/completions"), "chat",
                    &sl_dialect_openai, false},
    [SL_EP_COMPLETIONS] = {SL_STR_INIT("/completions"), SL_STR_INIT("/completions"), "completions",
                           &sl_dialect_openai, false},
    [SL_EP_RESPONSES] = {SL_STR_INIT("/responses"), SL_STR_INIT("/responses"), "responses",
                         &sl_dialect_openai, false},
    [SL_EP_EMBEDDINGS] = {SL_STR_INIT("/embeddings"), SL_STR_INIT("/embeddings"), "embeddings",
                          &sl_dialect_openai, false},
    [SL_EP_MODERATIONS] = {SL_STR_INIT("/moderations"), SL_STR_INIT("/moderations"), "moderations",
                           &sl_dialect_openai, false},
    [SL_EP_PROMPT] =
        {SL_STR_INIT("/claude/complete"), {"", 0}, "prompt", &sl_dialect_openai, false},
    [SL_EP_MODELS] = {SL_STR_INIT("/models"), {"", 0}, "models", NULL, true},
    [SL_EP_KEY] = {SL_STR_INIT("/key"), {"", 0}, "key", NULL, true},
    [SL_EP_CREDITS] = {SL_STR_INIT("/credits"), {"", 0}, "credits", NULL, true},
    [SL_EP_GENERATION] = {SL_STR_INIT("/generation"), {"", 0}, "generation", NULL, true},
    [SL_EP_TOKEN] = {SL_STR_INIT("/auth/token"), {"", 0}, "token", NULL, false},
    [SL_EP_HEALTH] = {{"", 0}, {"", 0}, "health", NULL, true},
    [SL_EP_HELLO] = {{"", 0}, {"", 0}, "hello", NULL, true},
};

static_assert(sizeof(rows) / sizeof(rows[0]) == SL_EP__COUNT, "a row for every endpoint");

static const struct row *row_of(enum sl_endpoint ep)
{
    SL_CHECK((unsigned)ep < SL_EP__COUNT);
    return &rows[ep];
}

/* "", "." and "..", the dots also percent-encoded: no name of anything. */
static bool is_dots(struct sl_str segment)
{
    size_t dots = 0;

    while (segment.n > 0) {
        if (segment.p[0] == '.')
            segment = sl_str_from(segment, 1);
        else if (sl_str_starts_nocase(segment, SL_STR("%2e")))
            segment = sl_str_from(segment, 3);
        else
            return false;
        dots++;
    }
    return dots <= 2;
}

static bool is_model_id(struct sl_str id)
{
    struct sl_str segment;

    if (id.n == 0 || id.p[id.n - 1] == '/')
        return false;
    while (sl_str_split(&id, '/', &segment))
        if (is_dots(segment))
            return false;
    return true;
}

static struct sl_str without_prefix(struct sl_str path)
{
    static const struct sl_str prefixes[] = {SL_STR_INIT("/api/v1"), SL_STR_INIT("/v1/v1"),
                                             SL_STR_INIT("/v1")};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (sl_str_starts(path, prefixes[i]))
            return sl_str_from(path, prefixes[i].n);
    return path;
}

enum sl_endpoint sl_endpoint_find(struct sl_str path, struct sl_str *id, bool *takes_get)
{
    const struct sl_str models = SL_STR("/models/");
    struct sl_str rest;

    *id = (struct sl_str){"", 0};
    *takes_get = true;
    if (sl_str_eq(path, SL_STR("/healthz")))
        return SL_EP_HEALTH;
    if (sl_str_eq(path, SL_STR("/")) || sl_str_eq(path, SL_STR("/api/hello")))
        return SL_EP_HELLO;
    rest = without_prefix(path);
    if (sl_str_eq(rest, SL_STR("/claude/code"))) /* another name for the same */
        rest = rows[SL_EP_PROMPT].path;
    for (int ep = SL_EP_NONE + 1; rest.n > 0 && ep < SL_EP__COUNT; ep++) {
        if (sl_str_eq(rest, rows[ep].path)) {
            *takes_get = rows[ep].get;
            return (enum sl_endpoint)ep;
        }
    }
    if (sl_str_starts(rest, models) && is_model_id(sl_str_from(rest, models.n))) {
        *id = sl_str_from(rest, models.n);
        return SL_EP_MODELS;
    }
    *takes_get = false;
    return SL_EP_NONE;
}

const char *sl_endpoint_name(enum sl_endpoint ep)
{
    return row_of(ep)->name;
}

struct sl_str sl_endpoint_path(enum sl_endpoint ep)
{
    return row_of(ep)->upstream;
}

const struct sl_dialect *sl_endpoint_dialect(enum sl_endpoint ep)
{
    return row_of(ep)->dialect;
}
