/* mock/models.c -- the models a mock says it has; it takes any other name too.
 * Source: both vendors' API references, "Models". */
#include "mock/answer.h"

static const char *const names[] = {"mock-echo",          "mock-tools",  "mock-thinking",
                                    "mock-events-100",    "claude-mock", "gpt-mock",
                                    "text-embedding-mock"};
#define NAMES_N (sizeof(names) / sizeof(names[0]))

static struct sl_str entry(struct sl_answer *an, const struct sl_ask *ask, struct sl_str id)
{
    if (ask->anthropic)
        return SAY(an,
                   "{\"type\":\"model\",\"id\":\"%.*s\",\"display_name\":\"Mock %.*s\","
                   "\"created_at\":\"2026-08-01T00:00:00Z\",\"max_input_tokens\":1000000,"
                   "\"max_tokens\":128000,\"lifecycle\":\"active\",\"line\":null,"
                   "\"capabilities\":null}",
                   SL_STR_ARGS(id), SL_STR_ARGS(id));
    return SAY(an,
               "{\"id\":\"%.*s\",\"object\":\"model\",\"created\":" SL_ANSWER_CREATED
               ",\"owned_by\":\"mock\"}",
               SL_STR_ARGS(id));
}

static bool is_plain(struct sl_str id)
{
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] == '"' || id.p[i] == '\\' || (unsigned char)id.p[i] < 0x20)
            return false;
    return true;
}

void sl_models_build(struct sl_answer *an, const struct sl_ask *ask)
{
    if (ask->id.n > 0) {
        if (!is_plain(ask->id) || sl_str_find(ask->id, SL_STR("missing")) >= 0)
            sl_answer_error(an, ask, 404, "model: not one of ours");
        else
            sl_script_text(&an->script, entry(an, ask, ask->id));
        return;
    }
    TELL(an, "{%s\"data\":[", ask->anthropic ? "" : "\"object\":\"list\",");
    for (size_t i = 0; i < NAMES_N; i++) {
        struct sl_str e = entry(an, ask, sl_str_of(names[i]));
        TELL(an, "%s%.*s", i > 0 ? "," : "", SL_STR_ARGS(e));
    }
    if (ask->anthropic)
        TELL(an, "],\"has_more\":false,\"first_id\":\"%s\",\"last_id\":\"%s\"}", names[0],
             names[NAMES_N - 1]);
    else
        TELL(an, "]}");
}
