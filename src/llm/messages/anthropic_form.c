/* llm/messages/anthropic_form.c -- answers of a schema at servers of the Messages API that know no
 * structured output: a tool that has to be called.
 * Source: protocols.md 8.1; Anthropic, "Increase output consistency", tools with forced use. */
#include "llm/messages/anthropic.h"

#define NAME "structured_output"

static bool is_taken(const struct sl_neutral_ask *q, struct sl_str name)
{
    for (const struct sl_neutral_tool *t = q->tools; t != NULL; t = t->next)
        if (sl_str_eq(t->name, name))
            return true;
    return false;
}

static bool has_tools(const struct sl_neutral_ask *q)
{
    for (const struct sl_neutral_tool *t = q->tools; t != NULL; t = t->next)
        if (!t->off && t->name.n > 0)
            return true;
    return false;
}

/* Beside tools of the client's the model still may call one of those. Who forces one of them gets
 * a call, and no answer. */
void sl_anthropic_form(struct sl_neutral_ask *q, struct sl_translate *t)
{
    bool alone = !has_tools(q) || q->choice == SL_CHOICE_NONE;
    struct sl_neutral_tool *tool;
    struct sl_str name = q->schema_name;

    if (!q->wish->forms_by_tool || q->format != SL_FORMAT_SCHEMA)
        return;
    q->format = SL_FORMAT_UNSAID;
    if (q->choice == SL_CHOICE_ONE || sl_json_type_of(q->schema) != SL_JSON_OBJECT)
        return;
    if (name.n == 0 || is_taken(q, name))
        name = SL_STR(NAME);
    if (is_taken(q, name))
        sl_neutral_fail(q, "tools: the name structured_output is taken by the answer's schema");
    tool = sl_neutral_tool_add(q);
    if (tool == NULL)
        return;
    tool->name = name;
    tool->about = SL_STR("\"The answer: call this tool once, with all of it.\"");
    tool->schema = q->schema;
    q->choice = alone ? SL_CHOICE_ONE : SL_CHOICE_ANY;
    q->choice_name = name;
    q->one_call = q->one_call || alone;
    t->form = sl_neutral_name_there(q, name);
}

bool sl_anthropic_is_form(const struct sl_translate *t, struct sl_str there)
{
    return t->form.n > 0 && sl_str_eq(t->form, there);
}
