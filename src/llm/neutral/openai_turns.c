/* llm/neutral/openai_turns.c -- turns as chat messages.
 * Source: OpenAI API reference, "Create chat completion", messages; OpenRouter,
 * "Prompt caching" and "Preserving reasoning blocks". */
#include "llm/neutral/openai.h"

static bool is_router(const struct sl_neutral_ask *q)
{
    return q->wish->flavor == SL_FLAVOR_OPENROUTER;
}

static void begin(struct sl_grow *g, const char *role)
{
    if (g->n > 0 && g->p[g->n - 1] != '[')
        sl_grow_byte(g, ',');
    sl_neutral_put(g, "{\"role\":\"");
    sl_neutral_put(g, role);
    sl_grow_byte(g, '"');
}

/* --- System --------------------------------------------------------------------------------- */

/* Claude Code's first block differs in every version of it and spoils cached prefixes. */
static bool is_attribution(const struct sl_neutral_part *p)
{
    return sl_str_starts(p->text, SL_STR("x-anthropic-billing-header:"));
}

static bool has_marks(const struct sl_neutral_parts *parts)
{
    for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next)
        if (sl_llm_is_set(p->mark))
            return true;
    return false;
}

static void put_text_part(struct sl_neutral_ask *q, struct sl_grow *g,
                          const struct sl_neutral_part *p)
{
    if (g->n > 0 && g->p[g->n - 1] != '[')
        sl_grow_byte(g, ',');
    sl_neutral_put(g, "{\"type\":\"text\",\"text\":");
    sl_neutral_put_esc(g, p->text);
    if (is_router(q))
        sl_neutral_put_raw(g, "cache_control", p->mark);
    sl_grow_byte(g, '}');
}

static void put_system(struct sl_neutral_ask *q, struct sl_grow *g,
                       const struct sl_neutral_parts *parts)
{
    bool apart = is_router(q) && has_marks(parts);
    size_t n = 0;

    begin(g, "system");
    sl_neutral_put(g, apart ? ",\"content\":[" : ",\"content\":\"");
    for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next) {
        if (p->kind != SL_PART_TEXT || is_attribution(p))
            continue;
        if (apart)
            put_text_part(q, g, p);
        else if (n++ > 0)
            sl_neutral_put(g, "\\n\\n");
        if (!apart)
            sl_grow_add(g, p->text);
    }
    sl_neutral_put(g, apart ? "]}" : "\"}");
}

static bool has_system(const struct sl_neutral_parts *parts)
{
    for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next)
        if (p->kind == SL_PART_TEXT && !is_attribution(p))
            return true;
    return false;
}

/* --- User ------------------------------------------------------------------------------------ */

static void put_image(struct sl_grow *g, const struct sl_neutral_part *p)
{
    sl_neutral_put(g, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"");
    if (p->source == SL_SOURCE_BASE64) {
        sl_neutral_put(g, "data:");
        sl_grow_add(g, p->media.n > 0 ? p->media : SL_STR("image/png"));
        sl_neutral_put(g, ";base64,");
    }
    sl_grow_add(g, p->text);
    sl_grow_byte(g, '"');
    sl_neutral_put_raw(g, "detail", p->detail);
    sl_neutral_put(g, "}");
}

static void put_file(struct sl_neutral_ask *q, struct sl_grow *g, const struct sl_neutral_part *p)
{
    if (p->source == SL_SOURCE_URL && !is_router(q)) {
        sl_neutral_put(g, "{\"type\":\"text\",\"text\":\"[document: ");
        sl_grow_add(g, p->text);
        sl_neutral_put(g, "]\"");
        return;
    }
    sl_neutral_put(g, "{\"type\":\"file\",\"file\":{\"");
    if (p->source == SL_SOURCE_ID) {
        sl_neutral_put(g, "file_id\":\"");
    } else {
        sl_neutral_put(g, "filename\":");
        sl_neutral_put_esc(g, p->title.n > 0 ? p->title : SL_STR("document.pdf"));
        sl_neutral_put(g, ",\"file_data\":\"");
    }
    if (p->source == SL_SOURCE_BASE64) {
        sl_neutral_put(g, "data:");
        sl_grow_add(g, p->media.n > 0 ? p->media : SL_STR("application/pdf"));
        sl_neutral_put(g, ";base64,");
    }
    sl_grow_add(g, p->text);
    sl_neutral_put(g, "\"}");
}

static void put_user_part(struct sl_neutral_ask *q, struct sl_grow *g,
                          const struct sl_neutral_part *p)
{
    if (p->kind == SL_PART_TEXT) {
        put_text_part(q, g, p);
        return;
    }
    if (p->kind != SL_PART_IMAGE && p->kind != SL_PART_FILE)
        return;
    if (g->n > 0 && g->p[g->n - 1] != '[')
        sl_grow_byte(g, ',');
    if (p->kind == SL_PART_IMAGE)
        put_image(g, p);
    else
        put_file(q, g, p);
    if (is_router(q))
        sl_neutral_put_raw(g, "cache_control", p->mark);
    sl_grow_byte(g, '}');
}

/* What a result can't hold comes behind it, in the user's own message. */
static bool goes_behind(const struct sl_neutral_part *p)
{
    return p->kind == SL_PART_IMAGE || (p->kind == SL_PART_FILE && p->source == SL_SOURCE_BASE64);
}

static void put_result_text(struct sl_grow *g, const struct sl_neutral_part *result)
{
    size_t n = 0;

    for (const struct sl_neutral_part *p = result->inner.first; p != NULL; p = p->next) {
        if (n++ > 0)
            sl_neutral_put(g, "\\n");
        else if (result->failed &&
                 !(p->kind == SL_PART_TEXT && sl_str_starts_nocase(p->text, SL_STR("error"))))
            sl_neutral_put(g, "Error: ");
        if (p->kind == SL_PART_TEXT)
            sl_grow_add(g, p->text);
        else if (goes_behind(p))
            sl_neutral_put(g, p->kind == SL_PART_IMAGE ? "[image attached below]"
                                                       : "[document attached below]");
        else
            sl_neutral_put(g, "[document]");
    }
    if (n == 0)
        sl_neutral_put(g, result->failed ? "Error: (no output)" : "(no output)");
}

/* Of the result, or of the last part of it that has one. */
static struct sl_str mark_of(const struct sl_neutral_part *result)
{
    struct sl_str mark = result->mark;

    for (const struct sl_neutral_part *p = result->inner.first; p != NULL && mark.n == 0;
         p = p->next)
        mark = p->mark;
    return mark;
}

static void put_results(struct sl_neutral_ask *q, struct sl_grow *g,
                        const struct sl_neutral_parts *parts)
{
    for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next) {
        bool apart = p->kind == SL_PART_RESULT && is_router(q) && sl_llm_is_set(mark_of(p));

        if (p->kind != SL_PART_RESULT)
            continue;
        begin(g, "tool");
        sl_neutral_put(g, ",\"tool_call_id\":");
        sl_neutral_put_esc(g, p->id);
        sl_neutral_put(g, ",\"content\":");
        sl_neutral_put(g, apart ? "[{\"type\":\"text\",\"text\":\"" : "\"");
        put_result_text(g, p);
        sl_grow_byte(g, '"');
        if (apart)
            sl_neutral_put_raw(g, "cache_control", mark_of(p));
        sl_neutral_put(g, apart ? "}]}" : "}");
    }
}

/* How many parts of a user's message there are besides results; `*plain`: all are text
 * that needs no mark. */
static size_t count_own(const struct sl_neutral_ask *q, const struct sl_neutral_parts *parts,
                        bool *plain)
{
    size_t n = 0;

    *plain = true;
    for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next) {
        if (p->kind == SL_PART_RESULT) {
            for (const struct sl_neutral_part *i = p->inner.first; i != NULL; i = i->next)
                if (goes_behind(i)) {
                    *plain = false;
                    n++;
                }
        } else if (p->kind == SL_PART_TEXT || p->kind == SL_PART_IMAGE || p->kind == SL_PART_FILE) {
            n++;
            if (p->kind != SL_PART_TEXT || (is_router(q) && sl_llm_is_set(p->mark)))
                *plain = false;
        }
    }
    return n;
}

static void put_user(struct sl_neutral_ask *q, struct sl_grow *g,
                     const struct sl_neutral_parts *parts)
{
    bool plain;

    put_results(q, g, parts);
    if (count_own(q, parts, &plain) == 0)
        return;
    begin(g, "user");
    if (plain) {
        sl_neutral_put(g, ",\"content\":\"");
        (void)sl_neutral_put_texts(g, parts, SL_PART_TEXT, "\\n");
        sl_neutral_put(g, "\"}");
        return;
    }
    sl_neutral_put(g, ",\"content\":[");
    for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next) {
        if (p->kind != SL_PART_RESULT)
            put_user_part(q, g, p);
        else
            for (const struct sl_neutral_part *i = p->inner.first; i != NULL; i = i->next)
                if (goes_behind(i))
                    put_user_part(q, g, i);
    }
    sl_neutral_put(g, "]}");
}

/* --- Assistant -------------------------------------------------------------------------------- */

static void put_calls(struct sl_neutral_ask *q, struct sl_grow *g,
                      const struct sl_neutral_parts *parts)
{
    size_t n = 0;

    sl_neutral_put(g, ",\"tool_calls\":[");
    for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next) {
        if (p->kind != SL_PART_CALL)
            continue;
        sl_neutral_put(g, n++ > 0 ? ",{\"id\":" : "{\"id\":");
        sl_neutral_put_esc(g, p->id);
        sl_neutral_put(g, ",\"type\":\"function\",\"function\":{\"name\":");
        sl_neutral_put_esc(g, sl_neutral_name_there(q, p->name));
        sl_neutral_put(g, ",\"arguments\":");
        sl_grow_json(g, p->input);
        sl_neutral_put(g, "}}");
    }
    sl_grow_byte(g, ']');
}

static void begin_detail(struct sl_grow *g, size_t *n)
{
    sl_neutral_put(g, (*n)++ == 0 ? ",\"reasoning_details\":[" : ",");
}

/* What was sealed by another maker goes back as it came, and once: a signature may begin with
 * all of `last`, the array of the one before. */
static void put_sealed(struct sl_neutral_ask *q, struct sl_grow *g, struct sl_str signature,
                       struct sl_str *last, size_t *n)
{
    struct sl_str details = sl_neutral_unseal(q, signature), one;
    struct sl_str before = sl_str_first(*last, last->n > 2 ? last->n - 1 : 0);
    size_t pos = 0;

    if (before.n > 0 && details.n > before.n && sl_str_starts(details, before) &&
        (details.p[before.n] == ',' || details.p[before.n] == ']'))
        pos = before.n;
    if (details.n > 0)
        *last = details;
    while (sl_json_next(details, &pos, &one)) {
        if (!sl_neutral_is_sealed(one))
            continue;
        begin_detail(g, n);
        sl_grow_add(g, one);
    }
}

static void put_detail(struct sl_grow *g, const struct sl_neutral_part *p, bool own, size_t *n)
{
    size_t index = *n;

    begin_detail(g, n);
    sl_neutral_put(g, p->kind == SL_PART_THINK ? "{\"type\":\"reasoning.text\",\"text\":"
                                               : "{\"type\":\"reasoning.encrypted\",\"data\":");
    sl_neutral_put_esc(g, p->text);
    if (own) {
        sl_neutral_put(g, ",\"signature\":");
        sl_neutral_put_esc(g, p->signature);
    }
    if (own || p->kind == SL_PART_HIDDEN)
        sl_neutral_put(g, ",\"format\":\"" SL_OPENAI_FORMAT "\"");
    sl_neutral_put(g, ",\"index\":");
    sl_grow_u64(g, index);
    sl_grow_byte(g, '}');
}

/* OpenRouter takes a model's reasoning back, to go on from there. */
static void put_reasoning(struct sl_neutral_ask *q, struct sl_grow *g,
                          const struct sl_neutral_parts *parts)
{
    struct sl_str last = {"", 0};
    size_t n = 0;

    for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next) {
        bool ours = sl_str_starts(p->signature, SL_STR(SL_NEUTRAL_MARK));

        if (p->kind != SL_PART_THINK && p->kind != SL_PART_HIDDEN)
            continue;
        if (p->text.n > 0 || !ours)
            put_detail(g, p, p->signature.n > 0 && !ours, &n);
        if (ours)
            put_sealed(q, g, p->signature, &last, &n);
    }
    if (n > 0)
        sl_grow_byte(g, ']');
}

/* DeepSeek and Kimi refuse a call without what was thought before it. To others the member is
 * unknown, and an error; only names tell. */
static bool wants_thoughts(const struct sl_neutral_ask *q)
{
    static const struct sl_str marks[] = {SL_STR_INIT("deepseek"), SL_STR_INIT("kimi")};
    struct sl_str model = q->wish->model;

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        for (size_t at = 0; at < model.n; at++)
            if (sl_str_starts_nocase(sl_str_from(model, at), marks[i]))
                return q->wish->flavor == SL_FLAVOR_COMPATIBLE;
    return false;
}

static void put_said(struct sl_neutral_ask *q, struct sl_grow *g,
                     const struct sl_neutral_parts *parts)
{
    if (is_router(q) && has_marks(parts)) {
        sl_neutral_put(g, ",\"content\":[");
        for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next)
            if (p->kind == SL_PART_TEXT)
                put_text_part(q, g, p);
        sl_grow_byte(g, ']');
        return;
    }
    sl_neutral_put(g, ",\"content\":\"");
    (void)sl_neutral_put_texts(g, parts, SL_PART_TEXT, "");
    (void)sl_neutral_put_texts(g, parts, SL_PART_REFUSAL, "");
    sl_grow_byte(g, '"');
}

static void put_assistant(struct sl_neutral_ask *q, struct sl_grow *g,
                          const struct sl_neutral_parts *parts)
{
    bool text = sl_neutral_has(parts, SL_PART_TEXT) || sl_neutral_has(parts, SL_PART_REFUSAL);
    bool calls = sl_neutral_has(parts, SL_PART_CALL);

    if (!text && !calls)
        return;
    begin(g, "assistant");
    if (text)
        put_said(q, g, parts);
    else
        sl_neutral_put(g, ",\"content\":null");
    if (is_router(q))
        put_reasoning(q, g, parts);
    if (calls && sl_neutral_has(parts, SL_PART_THINK) && wants_thoughts(q)) {
        sl_neutral_put(g, ",\"reasoning_content\":\"");
        (void)sl_neutral_put_texts(g, parts, SL_PART_THINK, "");
        sl_grow_byte(g, '"');
    }
    if (calls)
        put_calls(q, g, parts);
    sl_grow_byte(g, '}');
}

void sl_openai_put_turns(struct sl_neutral_ask *q, struct sl_grow *g)
{
    sl_grow_byte(g, '[');
    if (has_system(&q->system))
        put_system(q, g, &q->system);
    for (const struct sl_neutral_turn *t = q->first; t != NULL && g->err == SL_OK; t = t->next) {
        switch (t->role) {
        case SL_ROLE_USER: put_user(q, g, &t->parts); break;
        case SL_ROLE_ASSISTANT: put_assistant(q, g, &t->parts); break;
        case SL_ROLE_SYSTEM:
            if (has_system(&t->parts))
                put_system(q, g, &t->parts);
            break;
        }
    }
    sl_grow_byte(g, ']');
}
