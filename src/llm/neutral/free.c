/* llm/neutral/free.c -- OpenAI's custom tools, which take a text, as tools with one argument
 * that holds it, and that text back.
 * Source: OpenAI API reference, "Custom tools"; protocols.md 8.1. */
#include "base/mem.h"
#include "llm/neutral/neutral.h"

/* The rules of the text are told in words. */
void sl_neutral_free_tool(struct sl_neutral_ask *q, struct sl_neutral_tool *tool,
                          struct sl_str about, struct sl_str grammar)
{
    const struct sl_str texts[5] = {SL_STR("\""), sl_llm_inner(about),
                                    SL_STR("\\n\\nThe input has to follow this grammar:\\n"),
                                    grammar, SL_STR("\"")};

    tool->free_text = true;
    tool->about = grammar.n == 0 ? about : sl_neutral_cat(q->a, &q->err, texts, 5);
    tool->schema = SL_STR("{\"type\":\"object\",\"properties\":{\"" SL_NEUTRAL_FREE
                          "\":{\"type\":\"string\"}},\"required\":[\"" SL_NEUTRAL_FREE "\"]}");
}

struct sl_str sl_neutral_free_input(struct sl_neutral_ask *q, struct sl_str esc)
{
    const struct sl_str held[3] = {SL_STR("{\"" SL_NEUTRAL_FREE "\":\""), esc, SL_STR("\"}")};

    return sl_neutral_cat(q->a, &q->err, held, 3);
}

void sl_neutral_free_text(struct sl_grow *g, struct sl_str raw)
{
    struct sl_str text = {NULL, 0};

    if (sl_json_is_object(raw))
        text = sl_json_get(raw, SL_STR(SL_NEUTRAL_FREE));
    if (sl_json_type_of(text) == SL_JSON_STRING)
        sl_grow_add(g, sl_llm_inner(text));
    else
        sl_grow_escaped(g, raw);
}

void sl_neutral_free_pieces(struct sl_grow *g, struct sl_str esc)
{
    size_t n = esc.n + 2;
    char *quoted = sl_mem_try(2 * n);
    struct sl_str raw = {quoted != NULL ? quoted + n : NULL, 0};

    if (quoted == NULL) {
        g->err = g->err != SL_OK ? g->err : SL_ERR_NO_MEMORY;
        return;
    }
    quoted[0] = quoted[n - 1] = '"';
    if (n > 2)
        memcpy(quoted + 1, esc.p, n - 2);
    if (sl_json_unescape((struct sl_str){quoted, n}, quoted + n, n, &raw.n))
        sl_neutral_free_text(g, raw);
    else
        sl_grow_add(g, esc);
    sl_mem_free(quoted);
}
