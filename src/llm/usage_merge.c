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

/* What a usage object may tell, in any provider's words. */
enum field {
    INPUT,
    OUTPUT,
    PROMPT,
    COMPLETION,
    WRITES,
    READ,
    HIT,
    LIFETIMES,
    INPUT_DETAILS,
    OUTPUT_DETAILS,
    PROMPT_DETAILS,
    COMPLETION_DETAILS,
    SERVER_TOOLS,
    COST,
    COST_DETAILS,
    OWN_KEY,
    FIELDS
};

/* All of it in one walk: looking each up would be sixteen. */
static void find_fields(struct sl_str object, struct sl_str v[FIELDS])
{
    static const struct sl_str names[FIELDS] = {
        [INPUT] = SL_STR_INIT("input_tokens"),
        [OUTPUT] = SL_STR_INIT("output_tokens"),
        [PROMPT] = SL_STR_INIT("prompt_tokens"),
        [COMPLETION] = SL_STR_INIT("completion_tokens"),
        [WRITES] = SL_STR_INIT("cache_creation_input_tokens"),
        [READ] = SL_STR_INIT("cache_read_input_tokens"),
        [HIT] = SL_STR_INIT("prompt_cache_hit_tokens"),
        [LIFETIMES] = SL_STR_INIT("cache_creation"),
        [INPUT_DETAILS] = SL_STR_INIT("input_tokens_details"),
        [OUTPUT_DETAILS] = SL_STR_INIT("output_tokens_details"),
        [PROMPT_DETAILS] = SL_STR_INIT("prompt_tokens_details"),
        [COMPLETION_DETAILS] = SL_STR_INIT("completion_tokens_details"),
        [SERVER_TOOLS] = SL_STR_INIT("server_tool_use"),
        [COST] = SL_STR_INIT("cost"),
        [COST_DETAILS] = SL_STR_INIT("cost_details"),
        [OWN_KEY] = SL_STR_INIT("is_byok"),
    };
    struct sl_str key, value;
    size_t pos = 0;

    memset(v, 0, FIELDS * sizeof(*v));
    while (sl_json_next_member(object, &pos, &key, &value)) {
        bool escaped = memchr(key.p, '\\', key.n) != NULL;
        size_t i = 0;

        while (i < FIELDS && !(escaped ? sl_json_key_is(key, names[i]) : sl_str_eq(key, names[i])))
            i++;
        if (i < FIELDS && v[i].p == NULL)
            v[i] = value;
    }
}

static bool get(struct sl_str object, struct sl_str key, uint64_t *out)
{
    return sl_llm_count(sl_json_get(object, key), out);
}

/* Tokens written to the cache. Without a split by lifetime, what is more than the
 * long-lived part that is known counts as short-lived. */
static bool merge_writes(struct sl_usage *u, const struct sl_str *v)
{
    uint64_t all = 0, short_lived = 0, long_lived = 0;
    bool has_all = sl_llm_count(v[WRITES], &all);
    bool has_short = get(v[LIFETIMES], SL_STR("ephemeral_5m_input_tokens"), &short_lived);
    bool has_long = get(v[LIFETIMES], SL_STR("ephemeral_1h_input_tokens"), &long_lived);

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
static void merge_total(struct sl_usage *u, struct sl_str hit, struct sl_str details,
                        uint64_t total)
{
    uint64_t cached;

    if (get(details, SL_STR("cached_tokens"), &cached) || sl_llm_count(hit, &cached))
        u->cache_read = cached;
    if (get(details, SL_STR("cache_write_tokens"), &cached))
        u->cache_write_5m = cached;
    cached = u->cache_read + u->cache_write_5m;
    u->in = total > cached ? total - cached : 0;
    u->has_in = true;
}

static bool merge_in(struct sl_usage *u, const struct sl_str *v)
{
    uint64_t n;
    bool any;

    if (sl_llm_count(v[PROMPT], &n)) {
        merge_total(u, v[HIT], v[PROMPT_DETAILS], n);
        return true;
    }
    if (sl_llm_is_set(v[INPUT_DETAILS]) && sl_llm_count(v[INPUT], &n)) {
        merge_total(u, v[HIT], v[INPUT_DETAILS], n);
        return true;
    }
    any = merge_writes(u, v);
    if (sl_llm_count(v[READ], &n)) {
        u->cache_read = n;
        any = true;
    }
    if (sl_llm_count(v[INPUT], &n)) {
        u->in = n;
        u->has_in = any = true;
    }
    return any;
}

static bool merge_out(struct sl_usage *u, const struct sl_str *v)
{
    struct sl_str details = v[v[OUTPUT_DETAILS].p != NULL ? OUTPUT_DETAILS : COMPLETION_DETAILS];
    uint64_t n;
    bool any = false;

    if (sl_llm_count(v[OUTPUT], &n) || sl_llm_count(v[COMPLETION], &n)) {
        u->out = n;
        u->has_out = any = true;
    }
    if (get(details, SL_STR("thinking_tokens"), &n) ||
        get(details, SL_STR("reasoning_tokens"), &n)) {
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
static void merge_cost(struct sl_usage *u, const struct sl_str *v)
{
    int64_t cost, upstream = 0;

    if (!dollars(v[COST], &cost))
        return;
    if (sl_str_eq(v[OWN_KEY], SL_STR("true")))
        (void)dollars(sl_json_get(v[COST_DETAILS], SL_STR("upstream_inference_cost")), &upstream);
    if (__builtin_add_overflow(cost, upstream, &u->cost_pico))
        u->cost_pico = INT64_MAX;
    u->has_cost = true;
}

bool sl_usage_merge(struct sl_usage *u, struct sl_str usage_object)
{
    struct sl_str v[FIELDS];
    bool in, out;

    if (sl_json_type_of(usage_object) != SL_JSON_OBJECT)
        return false;
    find_fields(usage_object, v);
    in = merge_in(u, v);
    out = merge_out(u, v);
    (void)get(v[SERVER_TOOLS], SL_STR("web_search_requests"), &u->searches);
    merge_cost(u, v);
    if (in || out)
        u->source = SL_USAGE_REPORTED;
    return in || out;
}
