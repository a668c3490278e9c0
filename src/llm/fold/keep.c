/* llm/fold/keep.c -- may a plain answer be kept? Only what ended of itself, and says
 * so in a word known here. */
#include "llm/fold/inside.h"

#include "llm/inside.h"

static bool is_one_of(struct sl_str raw, const char *const *list)
{
    while (*list != NULL)
        if (sl_str_eq(raw, sl_str_of(*list++)))
            return true;
    return false;
}

static bool is_list(struct sl_str value)
{
    struct sl_str first;
    size_t pos = 0;

    return sl_json_next(value, &pos, &first);
}

/* The members of these names, in one pass over the answer. */
static void pick(struct sl_str plain, const struct sl_str *names, struct sl_str *values, size_t n)
{
    struct sl_str key, value;
    size_t pos = 0;

    while (sl_json_next_member(plain, &pos, &key, &value))
        for (size_t i = 0; i < n; i++)
            if (values[i].p == NULL && sl_json_key_is(key, names[i]))
                values[i] = value;
}

static bool keeps_message(struct sl_str plain)
{
    static const char *const ends[] = {"\"end_turn\"", "\"stop_sequence\"", "\"tool_use\"", NULL};
    static const struct sl_str names[] = {SL_STR_INIT("type"), SL_STR_INIT("content"),
                                          SL_STR_INIT("stop_reason"), SL_STR_INIT("usage"),
                                          SL_STR_INIT("error")};
    struct sl_str v[5] = {{NULL, 0}};
    uint64_t tokens;

    pick(plain, names, v, 5);
    return sl_str_eq(v[0], SL_STR("\"message\"")) && sl_json_type_of(v[1]) == SL_JSON_ARRAY &&
           is_one_of(v[2], ends) && !sl_llm_is_set(v[4]) &&
           sl_json_u64(sl_json_get(v[3], SL_STR("output_tokens")), &tokens);
}

static bool keeps_choices(struct sl_str plain)
{
    static const char *const ends[] = {"\"stop\"", "\"tool_calls\"", "\"function_call\"", NULL};
    struct sl_str choices = sl_json_get(plain, SL_STR("choices")), choice;
    size_t pos = 0;

    while (sl_json_next(choices, &pos, &choice)) {
        struct sl_str message = sl_json_get(choice, SL_STR("message"));

        if (!is_one_of(sl_json_get(choice, SL_STR("finish_reason")), ends) ||
            sl_llm_is_set(sl_json_get(choice, SL_STR("error"))) ||
            sl_llm_inner(sl_json_get(message, SL_STR("refusal"))).n > 0)
            return false;
    }
    return pos > 0;
}

static bool has_refusal(struct sl_str output)
{
    struct sl_str item, part;
    size_t pos = 0;

    while (sl_json_next(output, &pos, &item)) {
        struct sl_str parts = sl_json_get(item, SL_STR("content"));
        size_t inner = 0;

        while (sl_json_next(parts, &inner, &part))
            if (sl_str_eq(sl_json_get(part, SL_STR("type")), SL_STR("\"refusal\"")))
                return true;
    }
    return false;
}

static bool keeps_response(struct sl_str plain)
{
    struct sl_str output = sl_json_get(plain, SL_STR("output"));

    return sl_str_eq(sl_json_get(plain, SL_STR("status")), SL_STR("\"completed\"")) &&
           is_list(output) && !has_refusal(output);
}

static bool keeps_prompt(struct sl_str plain)
{
    static const char *const ends[] = {"\"end_turn\"", "\"stop_sequence\"", NULL};

    return sl_llm_inner(sl_json_get(plain, SL_STR("output"))).n > 0 &&
           is_one_of(sl_json_get(plain, SL_STR("stop_reason")), ends);
}

bool sl_fold_is_keepable(enum sl_endpoint ep, struct sl_str plain)
{
    return sl_json_is_object(plain) && sl_fold_keeps(ep, plain);
}

bool sl_fold_keeps(enum sl_endpoint ep, struct sl_str plain)
{
    if (ep == SL_EP_MESSAGES)
        return keeps_message(plain);
    if (sl_llm_is_set(sl_json_get(plain, SL_STR("error"))))
        return false;
    switch (ep) {
    case SL_EP_CHAT:
    case SL_EP_COMPLETIONS: return keeps_choices(plain);
    case SL_EP_RESPONSES: return keeps_response(plain);
    case SL_EP_PROMPT: return keeps_prompt(plain);
    case SL_EP_EMBEDDINGS: return is_list(sl_json_get(plain, SL_STR("data")));
    case SL_EP_MODERATIONS: return is_list(sl_json_get(plain, SL_STR("results")));
    default: return false;
    }
}
