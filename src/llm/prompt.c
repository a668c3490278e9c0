/* llm/prompt.c -- requests of the prompt API made whole, and its answers as others read them. */
#include "llm/prompt.h"

#include "llm/inside.h"

#define DIGITS ((size_t)2 * SL_PROMPT_SHA256)

enum member { PROMPT, MODEL, MAX_TOKENS, TEMPERATURE, SYSTEM, STREAM, MEMBERS };

static const struct sl_str members[MEMBERS] = {
    [PROMPT] = SL_STR_INIT("prompt"),         [MODEL] = SL_STR_INIT("model"),
    [MAX_TOKENS] = SL_STR_INIT("max_tokens"), [TEMPERATURE] = SL_STR_INIT("temperature"),
    [SYSTEM] = SL_STR_INIT("system"),         [STREAM] = SL_STR_INIT("stream"),
};

/* --- Requests ------------------------------------------------------------------------------ */

/* Clients that fill in every field send null for those that nobody set. */
static void pick(struct sl_str body, struct sl_str v[MEMBERS])
{
    struct sl_str key, value;
    size_t pos = 0;

    for (size_t i = 0; i < MEMBERS; i++)
        v[i] = (struct sl_str){NULL, 0};
    while (sl_json_next_member(body, &pos, &key, &value))
        for (size_t i = 0; i < MEMBERS; i++)
            if (sl_json_key_is(key, members[i]) && sl_llm_is_set(value))
                v[i] = value;
}

static bool is_string(struct sl_str value)
{
    return value.n > 0 && value.p[0] == '"';
}

/* 0 to 2: one digit before the point says as much. */
static bool is_temperature(struct sl_str value)
{
    bool small = sl_json_type_of(value) == SL_JSON_NUMBER && value.p[0] >= '0' &&
                 value.p[0] <= '2' && (value.n == 1 || value.p[1] == '.');

    for (size_t i = 2; small && i < value.n; i++)
        small = value.p[i] >= '0' && value.p[i] <= (value.p[0] == '2' ? '0' : '9');
    return small;
}

static const char *find_fault(const struct sl_str v[MEMBERS])
{
    if (!is_string(v[PROMPT]) || v[PROMPT].n == 2)
        return "`prompt` must be a string, and not an empty one";
    if (v[SYSTEM].p != NULL && !is_string(v[SYSTEM]))
        return "`system` must be a string";
    if (v[TEMPERATURE].p != NULL && !is_temperature(v[TEMPERATURE]))
        return "`temperature` must be a decimal number from 0 to 2";
    if (v[STREAM].p != NULL && !sl_str_eq(v[STREAM], SL_STR("false")))
        return "the prompt API does not stream: leave `stream` out, or use /v1/messages";
    return NULL;
}

static void put(struct sl_grow *g, const char *key, struct sl_str raw)
{
    if (raw.p == NULL)
        return;
    sl_grow_add(g, sl_str_of(key));
    sl_grow_add(g, raw);
}

static enum sl_err write_body(const struct sl_str v[MEMBERS], const struct sl_prompt_defaults *d,
                              struct sl_arena *a, struct sl_str *out)
{
    size_t n = 256 + d->model.n * 6 + d->temperature.n;
    struct sl_grow g;

    for (size_t i = 0; i < MEMBERS; i++)
        n += v[i].n;
    sl_grow_init(&g, n);
    put(&g, "{\"prompt\":", v[PROMPT]);
    put(&g, ",\"model\":", v[MODEL]);
    if (v[MODEL].p == NULL && d->model.n > 0) {
        sl_grow_add(&g, SL_STR(",\"model\":"));
        sl_grow_json(&g, d->model);
    }
    put(&g, ",\"max_tokens\":", v[MAX_TOKENS]);
    if (v[MAX_TOKENS].p == NULL) {
        sl_grow_add(&g, SL_STR(",\"max_tokens\":"));
        sl_grow_u64(&g, d->max_tokens);
    }
    put(&g, ",\"temperature\":", v[TEMPERATURE].p != NULL ? v[TEMPERATURE] : d->temperature);
    put(&g, ",\"system\":", v[SYSTEM]);
    sl_grow_byte(&g, '}');
    return sl_grow_take(&g, a, out);
}

enum sl_err sl_prompt_fill(struct sl_str body, const struct sl_prompt_defaults *d,
                           struct sl_arena *a, struct sl_prompt *out)
{
    struct sl_str v[MEMBERS];
    char *text;

    *out = (struct sl_prompt){.why = NULL};
    pick(body, v);
    out->why = find_fault(v);
    if (out->why != NULL)
        return SL_ERR_BAD_FIELD;
    text = sl_arena_alloc(a, v[PROMPT].n);
    if (text == NULL)
        return SL_ERR_NO_MEMORY;
    out->prompt.p = text;
    if (!sl_json_unescape(v[PROMPT], text, v[PROMPT].n, &out->prompt.n)) {
        out->why = "`prompt` holds an escape that is no character";
        return SL_ERR_BAD_FIELD;
    }
    out->alone = v[MODEL].p == NULL && v[MAX_TOKENS].p == NULL && v[TEMPERATURE].p == NULL &&
                 v[SYSTEM].p == NULL;
    return write_body(v, d, a, &out->body);
}

/* --- Answers ------------------------------------------------------------------------------- */

struct sl_str sl_prompt_cached(struct sl_str plain, struct sl_arena *a)
{
    const struct sl_str mark = SL_STR(",\"cached\":false,"); /* quotes in texts are escaped */
    ptrdiff_t at = sl_str_find(plain, mark);

    if (at < 0)
        return plain;
    return sl_arena_printf(a, "%.*s,\"cached\":true,%.*s",
                           SL_STR_ARGS(sl_str_first(plain, (size_t)at)),
                           SL_STR_ARGS(sl_str_from(plain, (size_t)at + mark.n)));
}

struct sl_str sl_prompt_share(struct sl_str cached, struct sl_str version,
                              const uint8_t sha256[SL_PROMPT_SHA256], struct sl_arena *a)
{
    struct sl_str out = {NULL, 0};
    char digits[DIGITS];
    struct sl_grow g;

    if (cached.n == 0)
        return out;
    sl_str_hex(sha256, SL_PROMPT_SHA256, digits);
    sl_grow_init(&g, cached.n + 6 * version.n + 256);
    sl_grow_add(&g, sl_str_first(cached, cached.n - 1));
    sl_grow_add(&g, SL_STR(",\"version\":"));
    sl_grow_json(&g, version);
    sl_grow_add(&g, SL_STR(",\"sha256\":\""));
    sl_grow_add(&g, (struct sl_str){digits, sizeof(digits)});
    sl_grow_add(&g, SL_STR("\"}"));
    if (sl_grow_take(&g, a, &out) != SL_OK)
        out.p = NULL;
    return out;
}

bool sl_prompt_unshare(struct sl_str shared, const uint8_t sha256[SL_PROMPT_SHA256],
                       struct sl_arena *a, struct sl_str *plain, struct sl_usage *u)
{
    const struct sl_str before = SL_STR(",\"version\":");
    uint8_t theirs[SL_PROMPT_SHA256];
    struct sl_str version, head;

    if (!sl_json_is_object(shared) || !is_string(sl_json_get(shared, SL_STR("output"))) ||
        !sl_str_unhex(sl_llm_inner(sl_json_get(shared, SL_STR("sha256"))), theirs,
                      sizeof(theirs)) ||
        memcmp(theirs, sha256, sizeof(theirs)) != 0)
        return false;
    version = sl_json_get(shared, SL_STR("version"));
    head = sl_str_first(shared, version.p != NULL ? (size_t)(version.p - shared.p) : 0);
    sl_usage_init(u);
    if (!sl_str_ends(head, before) || !sl_usage_merge(u, sl_json_get(shared, SL_STR("usage"))))
        return false;
    (void)sl_llm_copy(sl_json_get(shared, SL_STR("model")), u->model, sizeof(u->model));
    sl_llm_note_stop(u, sl_json_get(shared, SL_STR("stop_reason")));
    *plain = sl_arena_printf(a, "%.*s}", SL_STR_ARGS(sl_str_first(head, head.n - before.n)));
    return plain->p != NULL;
}
