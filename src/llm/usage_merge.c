/* llm/usage_merge.c -- a provider's usage object into the neutral record. Sources:
 * Anthropic, "Messages"; OpenAI, "Chat Completions" and "Responses"; DeepSeek's
 * and OpenRouter's own words for the cache. */
#include "llm/inside.h"

#define ABSURD 1000000000000u /* tokens: 10^12 */

bool sl_llm_count(struct sl_str value, uint64_t *out)
{
    if (value.n == 0 || value.p[0] < '0' || value.p[0] > '9')
        return false;
    if (!sl_json_u64(value, out)) {
        for (size_t i = 0; i < value.n; i++)
            if (value.p[i] < '0' || value.p[i] > '9')
                return false;
        *out = ABSURD;
    }
    if (*out > ABSURD)
        *out = ABSURD;
    return true;
}

/* What a usage object may tell, in any provider's words, the shorter ones first. */
enum field {
    COST,
    OWN_KEY,
    INPUT,
    COST_DETAILS,
    OUTPUT,
    PROMPT,
    LIFETIMES,
    SERVER_TOOLS,
    COMPLETION,
    INPUT_DETAILS,
    OUTPUT_DETAILS,
    PROMPT_DETAILS,
    READ,
    HIT,
    COMPLETION_DETAILS,
    WRITES,
    FIELDS
};

static const struct sl_str fields[FIELDS] = {
    [COST] = SL_STR_INIT("cost"),
    [OWN_KEY] = SL_STR_INIT("is_byok"),
    [INPUT] = SL_STR_INIT("input_tokens"),
    [COST_DETAILS] = SL_STR_INIT("cost_details"),
    [OUTPUT] = SL_STR_INIT("output_tokens"),
    [PROMPT] = SL_STR_INIT("prompt_tokens"),
    [LIFETIMES] = SL_STR_INIT("cache_creation"),
    [SERVER_TOOLS] = SL_STR_INIT("server_tool_use"),
    [COMPLETION] = SL_STR_INIT("completion_tokens"),
    [INPUT_DETAILS] = SL_STR_INIT("input_tokens_details"),
    [OUTPUT_DETAILS] = SL_STR_INIT("output_tokens_details"),
    [PROMPT_DETAILS] = SL_STR_INIT("prompt_tokens_details"),
    [READ] = SL_STR_INIT("cache_read_input_tokens"),
    [HIT] = SL_STR_INIT("prompt_cache_hit_tokens"),
    [COMPLETION_DETAILS] = SL_STR_INIT("completion_tokens_details"),
    [WRITES] = SL_STR_INIT("cache_creation_input_tokens"),
};

static size_t field_of(struct sl_str key)
{
    size_t i = sl_str_among(key, fields, FIELDS);

    if (i == FIELDS && memchr(key.p, '\\', key.n) != NULL)
        for (i = 0; i < FIELDS && !sl_json_key_is(key, fields[i]);)
            i++;
    return i;
}

/* What is looked for within those that are objects. */
#define INNER 2
static const struct sl_str inner_fields[FIELDS][INNER] = {
    [LIFETIMES] = {SL_STR_INIT("ephemeral_5m_input_tokens"),
                   SL_STR_INIT("ephemeral_1h_input_tokens")},
    [INPUT_DETAILS] = {SL_STR_INIT("cached_tokens"), SL_STR_INIT("cache_write_tokens")},
    [PROMPT_DETAILS] = {SL_STR_INIT("cached_tokens"), SL_STR_INIT("cache_write_tokens")},
    [OUTPUT_DETAILS] = {SL_STR_INIT("thinking_tokens"), SL_STR_INIT("reasoning_tokens")},
    [COMPLETION_DETAILS] = {SL_STR_INIT("thinking_tokens"), SL_STR_INIT("reasoning_tokens")},
    [SERVER_TOOLS] = {SL_STR_INIT("web_search_requests")},
    [COST_DETAILS] = {SL_STR_INIT("upstream_inference_cost")},
};

struct field_value {
    struct sl_str raw; /* shared: the text; .p NULL if it is not there */
    struct sl_str inner[INNER];
};

static struct sl_str find_inner(struct sl_str rest, const struct sl_str *names,
                                struct sl_str found[INNER])
{
    struct sl_str key, value;
    bool more = sl_json_enter(&rest);

    while (more && sl_json_pass_key(&rest, &key)) {
        value = sl_json_pass(&rest);
        for (size_t i = 0; i < INNER; i++)
            if (found[i].p == NULL && names[i].n > 0 && sl_json_key_is(key, names[i]))
                found[i] = value;
        more = sl_json_goes_on(&rest);
    }
    return rest;
}

/* All of it in one walk: looking each up would be as many. */
static void find_fields(struct sl_str rest, struct field_value v[FIELDS])
{
    struct sl_str key, value;
    bool more = sl_json_enter(&rest);

    memset(v, 0, FIELDS * sizeof(*v));
    while (more && sl_json_pass_key(&rest, &key)) {
        size_t i = field_of(key);
        const char *from = rest.p;

        if (i < FIELDS && v[i].raw.p == NULL && inner_fields[i][0].n > 0 && *from == '{')
            rest = find_inner(rest, inner_fields[i], v[i].inner);
        else
            (void)sl_json_pass(&rest);
        value = (struct sl_str){from, (size_t)(rest.p - from)};
        if (i < FIELDS && v[i].raw.p == NULL)
            v[i].raw = value;
        more = sl_json_goes_on(&rest);
    }
}

/* Tokens written to the cache. Without a split by lifetime, what is more than the
 * long-lived part that is known counts as short-lived. */
static bool merge_writes(struct sl_usage *u, const struct field_value *v)
{
    uint64_t all = 0, short_lived = 0, long_lived = 0;
    bool has_all = sl_llm_count(v[WRITES].raw, &all);
    bool has_short = sl_llm_count(v[LIFETIMES].inner[0], &short_lived);
    bool has_long = sl_llm_count(v[LIFETIMES].inner[1], &long_lived);

    if ((has_short || has_long) && (short_lived + long_lived > 0 || all == 0)) {
        u->cache_write_5m = has_short ? short_lived : all > long_lived ? all - long_lived : 0;
        u->cache_write_1h = long_lived;
        return true;
    }
    if (has_all) {
        if (all < u->cache_write_1h)
            u->cache_write_1h = 0;
        u->cache_write_5m = all - u->cache_write_1h;
    }
    return has_all;
}

/* OpenAI's totals contain what was read from and written to the cache. */
static void merge_total(struct sl_usage *u, struct sl_str hit, const struct sl_str *details,
                        uint64_t total)
{
    uint64_t cached;

    if (sl_llm_count(details[0], &cached) || sl_llm_count(hit, &cached))
        u->cache_read = cached;
    if (sl_llm_count(details[1], &cached))
        u->cache_write_5m = cached;
    cached = u->cache_read + u->cache_write_5m;
    u->in = total > cached ? total - cached : 0;
    u->has_in = true;
}

static bool merge_in(struct sl_usage *u, const struct field_value *v)
{
    uint64_t n;
    bool any;

    if (sl_llm_count(v[PROMPT].raw, &n)) {
        merge_total(u, v[HIT].raw, v[PROMPT_DETAILS].inner, n);
        return true;
    }
    if (sl_llm_is_set(v[INPUT_DETAILS].raw) && sl_llm_count(v[INPUT].raw, &n)) {
        merge_total(u, v[HIT].raw, v[INPUT_DETAILS].inner, n);
        return true;
    }
    any = merge_writes(u, v);
    if (sl_llm_count(v[READ].raw, &n)) {
        u->cache_read = n;
        any = true;
    }
    if (sl_llm_count(v[INPUT].raw, &n)) {
        u->in = n;
        u->has_in = any = true;
    }
    return any;
}

static bool merge_out(struct sl_usage *u, const struct field_value *v)
{
    const struct field_value *details =
        &v[v[OUTPUT_DETAILS].raw.p != NULL ? OUTPUT_DETAILS : COMPLETION_DETAILS];
    uint64_t n;
    bool any = false;

    if (sl_llm_count(v[OUTPUT].raw, &n) || sl_llm_count(v[COMPLETION].raw, &n)) {
        u->out = n;
        u->has_out = any = true;
    }
    if (sl_llm_count(details->inner[0], &n) || sl_llm_count(details->inner[1], &n)) {
        u->reasoning = n;
        any = true;
    }
    return any;
}

/* Dollars, as the digits say; negative ones and those beyond 64 bits are none. */
static bool dollars(struct sl_str value, int64_t *pico)
{
    int64_t v;

    if (value.n == 0 || !sl_str_to_decimal(value, 12, &v, NULL) || v < 0)
        return false;
    *pico = v;
    return true;
}

/* With the caller's own key at the upstream, `cost` is OpenRouter's fee alone. */
static void merge_cost(struct sl_usage *u, const struct field_value *v)
{
    int64_t cost, upstream = 0;

    if (!dollars(v[COST].raw, &cost))
        return;
    if (sl_str_eq(v[OWN_KEY].raw, SL_STR("true")))
        (void)dollars(v[COST_DETAILS].inner[0], &upstream);
    if (__builtin_add_overflow(cost, upstream, &u->cost_pico))
        u->cost_pico = INT64_MAX;
    u->has_cost = true;
}

bool sl_usage_merge(struct sl_usage *u, struct sl_str usage_object)
{
    struct field_value v[FIELDS];
    bool in, out;

    if (sl_json_type_of(usage_object) != SL_JSON_OBJECT)
        return false;
    find_fields(usage_object, v);
    in = merge_in(u, v);
    out = merge_out(u, v);
    (void)sl_llm_count(v[SERVER_TOOLS].inner[0], &u->searches);
    merge_cost(u, v);
    if (in || out)
        u->source = SL_USAGE_REPORTED;
    return in || out;
}
