/* llm/messages/anthropic_write.c -- the neutral form as a request of the Messages API.
 * Source: Anthropic API reference, "Messages"; "Extended thinking", "Effort". */
#include "llm/messages/anthropic.h"

#define MAX_TOKENS_DEFAULT 4096
#define MARK "{\"type\":\"ephemeral\"}"
#define TEMPERATURE_MAX 1000000 /* millionths */
#define BUDGET_LEAST 1024       /* tokens of thinking */

/* --- What a model takes ---------------------------------------------------------------------- */

/* 405 of "claude-sonnet-4-5-20250929", 305 of "claude-3-5-haiku-latest"; 0: no Claude, or
 * none whose version is known. */
static unsigned version_of(struct sl_str model)
{
    ptrdiff_t at = sl_str_find(model, SL_STR("claude"));
    unsigned major = 0, minor = 0;
    size_t i;

    if (at < 0)
        return 0;
    for (i = (size_t)at; i < model.n && (model.p[i] < '0' || model.p[i] > '9'); i++) {
    }
    for (; i < model.n && model.p[i] >= '0' && model.p[i] <= '9' && major < 100; i++)
        major = major * 10 + (unsigned)(model.p[i] - '0');
    if (i + 1 < model.n && (model.p[i] == '-' || model.p[i] == '.') && model.p[i + 1] >= '0' &&
        model.p[i + 1] <= '9' && (i + 2 == model.n || model.p[i + 2] < '0' || model.p[i + 2] > '9'))
        minor = (unsigned)(model.p[i + 1] - '0');
    return major < 100 ? major * 100 + minor : 0;
}

#define ADAPTIVE_SINCE 406 /* thinks as much as it likes, guided by effort */
#define SAMPLED_UNTIL 406  /* later models take no temperature, top_p, top_k of yours */

struct model {
    bool adaptive, sampled;
};

static struct model model_of(const struct sl_neutral_ask *q)
{
    unsigned version = version_of(q->wish->model);

    return (struct model){.adaptive = version >= ADAPTIVE_SINCE,
                          .sampled = version <= SAMPLED_UNTIL};
}

/* --- Parts -------------------------------------------------------------------------------------
 */

static void separate(struct sl_grow *g)
{
    if (g->n > 0 && g->p[g->n - 1] != '[')
        sl_grow_byte(g, ',');
}

/* Other characters are refused; call and result are changed alike. */
static void put_id(struct sl_grow *g, struct sl_str id)
{
    sl_grow_byte(g, '"');
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';

        sl_grow_byte(g, fine ? c : '_');
    }
    if (id.n == 0)
        sl_neutral_put(g, "call");
    sl_grow_byte(g, '"');
}

static void put_text(struct sl_grow *g, struct sl_str text, struct sl_str mark)
{
    separate(g);
    sl_neutral_put(g, "{\"type\":\"text\",\"text\":");
    sl_neutral_put_esc(g, text);
    sl_neutral_put_raw(g, "cache_control", mark);
    sl_grow_byte(g, '}');
}

/* What the bytes are, whatever was said; base64 of each kind's first bytes. */
static struct sl_str image_type(const struct sl_neutral_part *p)
{
    static const struct {
        struct sl_str start, type;
    } kinds[] = {
        {SL_STR_INIT("iVBORw0KGgo"), SL_STR_INIT("image/png")},
        {SL_STR_INIT("/9j/"), SL_STR_INIT("image/jpeg")},
        {SL_STR_INIT("\\/9j\\/"), SL_STR_INIT("image/jpeg")},
        {SL_STR_INIT("R0lGOD"), SL_STR_INIT("image/gif")},
        {SL_STR_INIT("UklGR"), SL_STR_INIT("image/webp")},
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (sl_str_starts(p->text, kinds[i].start))
            return kinds[i].type;
    return p->media;
}

static void put_source(struct sl_grow *g, const struct sl_neutral_part *p, bool image)
{
    separate(g);
    sl_neutral_put(g, image ? "{\"type\":\"image\",\"source\":{\"type\":\""
                            : "{\"type\":\"document\",\"source\":{\"type\":\"");
    switch (p->source) {
    case SL_SOURCE_BASE64:
        sl_neutral_put(g, "base64\",\"media_type\":");
        sl_neutral_put_esc(g, image ? image_type(p) : p->media);
        sl_neutral_put(g, ",\"data\":");
        break;
    case SL_SOURCE_URL: sl_neutral_put(g, "url\",\"url\":"); break;
    case SL_SOURCE_ID: sl_neutral_put(g, "file\",\"file_id\":"); break;
    }
    sl_neutral_put_esc(g, p->text);
    sl_grow_byte(g, '}');
    if (!image && p->title.n > 0) {
        sl_neutral_put_key(g, "title");
        sl_neutral_put_esc(g, p->title);
    }
    sl_neutral_put_raw(g, "cache_control", p->mark);
    sl_grow_byte(g, '}');
}

static void put_call(struct sl_neutral_ask *q, struct sl_grow *g, const struct sl_neutral_part *p)
{
    separate(g);
    sl_neutral_put(g, "{\"type\":\"tool_use\",\"id\":");
    put_id(g, p->id);
    sl_neutral_put(g, ",\"name\":");
    sl_neutral_put_esc(g, sl_neutral_name_there(q, p->name));
    sl_neutral_put(g, ",\"input\":");
    sl_grow_add(g, p->input);
    sl_grow_byte(g, '}');
}

static void put_result(struct sl_grow *g, const struct sl_neutral_part *result)
{
    separate(g);
    sl_neutral_put(g, "{\"type\":\"tool_result\",\"tool_use_id\":");
    put_id(g, result->id);
    sl_neutral_put(g, ",\"content\":[");
    for (const struct sl_neutral_part *p = result->inner.first; p != NULL; p = p->next) {
        if (p->kind == SL_PART_TEXT)
            put_text(g, p->text, p->mark);
        else if (p->kind == SL_PART_IMAGE || p->kind == SL_PART_FILE)
            put_source(g, p, p->kind == SL_PART_IMAGE);
    }
    if (result->inner.first == NULL)
        put_text(g, SL_STR("(no output)"), (struct sl_str){NULL, 0});
    sl_neutral_put(g, result->failed ? "],\"is_error\":true" : "]");
    sl_neutral_put_raw(g, "cache_control", result->mark);
    sl_grow_byte(g, '}');
}

/* A signature that another provider made, or we, is refused. */
static bool is_own(const struct sl_neutral_part *p)
{
    return p->kind == SL_PART_HIDDEN ||
           (p->signature.n > 0 && !sl_str_starts(p->signature, SL_STR(SL_NEUTRAL_MARK)));
}

static void put_thinking(struct sl_grow *g, const struct sl_neutral_part *p)
{
    if (!is_own(p))
        return;
    separate(g);
    if (p->kind == SL_PART_HIDDEN) {
        sl_neutral_put(g, "{\"type\":\"redacted_thinking\",\"data\":");
        sl_neutral_put_esc(g, p->text);
    } else {
        sl_neutral_put(g, "{\"type\":\"thinking\",\"thinking\":");
        sl_neutral_put_esc(g, p->text);
        sl_neutral_put(g, ",\"signature\":");
        sl_neutral_put_esc(g, p->signature);
    }
    sl_grow_byte(g, '}');
}

static void put_part(struct sl_neutral_ask *q, struct sl_grow *g, const struct sl_neutral_part *p)
{
    switch (p->kind) {
    case SL_PART_TEXT:
    case SL_PART_REFUSAL: put_text(g, p->text, p->mark); break;
    case SL_PART_IMAGE:
    case SL_PART_FILE: put_source(g, p, p->kind == SL_PART_IMAGE); break;
    case SL_PART_CALL: put_call(q, g, p); break;
    case SL_PART_RESULT: put_result(g, p); break;
    case SL_PART_THINK:
    case SL_PART_HIDDEN: put_thinking(g, p); break;
    }
}

/* --- Turns --------------------------------------------------------------------------------------
 */

static bool is_blank(struct sl_str esc)
{
    for (size_t i = 0; i < esc.n; i++) {
        if (esc.p[i] == '\\' && i + 1 < esc.n && strchr("nrt", esc.p[i + 1]) != NULL)
            i++;
        else if (esc.p[i] != ' ')
            return false;
    }
    return true;
}

/* White space at the end of what the model is to go on from is refused. */
static struct sl_str trimmed(struct sl_str esc)
{
    for (;;) {
        if (esc.n > 0 && esc.p[esc.n - 1] == ' ') {
            esc.n--;
        } else if (esc.n > 1 && strchr("nrt", esc.p[esc.n - 1]) != NULL &&
                   esc.p[esc.n - 2] == '\\' && (esc.n == 2 || esc.p[esc.n - 3] != '\\')) {
            esc.n -= 2;
        } else {
            return esc;
        }
    }
}

/* What may be said of it: an empty or blank text is refused everywhere. */
static bool is_sayable(const struct sl_neutral_part *p)
{
    if (p->kind == SL_PART_THINK)
        return is_own(p);
    return p->kind != SL_PART_TEXT || !is_blank(p->text);
}

static bool has_sayable(const struct sl_neutral_parts *parts)
{
    for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next)
        if (is_sayable(p))
            return true;
    return false;
}

static void put_turn(struct sl_neutral_ask *q, struct sl_grow *g, struct sl_neutral_turn *t)
{
    struct sl_neutral_part *last = t->parts.last;

    if (t->role == SL_ROLE_ASSISTANT && t->next == NULL && last != NULL &&
        last->kind == SL_PART_TEXT)
        last->text = trimmed(last->text);
    if (!has_sayable(&t->parts))
        return;
    separate(g);
    sl_neutral_put(g, t->role == SL_ROLE_ASSISTANT ? "{\"role\":\"assistant\",\"content\":["
                                                   : "{\"role\":\"user\",\"content\":[");
    for (const struct sl_neutral_part *p = t->parts.first; p != NULL; p = p->next)
        if (is_sayable(p))
            put_part(q, g, p);
    sl_neutral_put(g, "]}");
}

static void put_turns(struct sl_neutral_ask *q, struct sl_grow *g)
{
    sl_neutral_put(g, ",\"messages\":[");
    if (q->first == NULL || q->first->role == SL_ROLE_ASSISTANT)
        sl_neutral_put(g, "{\"role\":\"user\",\"content\":\"(the conversation goes on)\"}");
    for (struct sl_neutral_turn *t = q->first; t != NULL && g->err == SL_OK; t = t->next)
        put_turn(q, g, t);
    sl_grow_byte(g, ']');
}

static void put_system(struct sl_neutral_ask *q, struct sl_grow *g)
{
    const struct sl_str as_object =
        SL_STR("Answer with one JSON object and nothing else: no text around it, no code fence.");

    if (!has_sayable(&q->system) && q->format != SL_FORMAT_OBJECT)
        return;
    sl_neutral_put(g, ",\"system\":[");
    for (const struct sl_neutral_part *p = q->system.first; p != NULL; p = p->next)
        if (p->kind == SL_PART_TEXT && is_sayable(p))
            put_text(g, p->text, p->mark);
    if (q->format == SL_FORMAT_OBJECT)
        put_text(g, as_object, (struct sl_str){NULL, 0});
    sl_grow_byte(g, ']');
}

/* --- Tools --------------------------------------------------------------------------------------
 */

static void put_choice(struct sl_neutral_ask *q, struct sl_grow *g)
{
    static const char *const words[] = {
        [SL_CHOICE_UNSAID] = "auto", [SL_CHOICE_AUTO] = "auto", [SL_CHOICE_ANY] = "any",
        [SL_CHOICE_ONE] = "tool",    [SL_CHOICE_NONE] = "none",
    };

    if (q->choice == SL_CHOICE_UNSAID && !q->one_call)
        return;
    sl_neutral_put(g, ",\"tool_choice\":{\"type\":\"");
    sl_neutral_put(g, words[q->choice]);
    sl_grow_byte(g, '"');
    if (q->choice == SL_CHOICE_ONE) {
        sl_neutral_put_key(g, "name");
        sl_neutral_put_esc(g, sl_neutral_name_there(q, q->choice_name));
    }
    if (q->one_call && q->choice != SL_CHOICE_NONE)
        sl_neutral_put(g, ",\"disable_parallel_tool_use\":true");
    sl_grow_byte(g, '}');
}

static void put_tools(struct sl_neutral_ask *q, struct sl_translate *t, struct sl_grow *g)
{
    size_t n = 0;

    for (const struct sl_neutral_tool *tool = q->tools; tool != NULL; tool = tool->next) {
        struct sl_str name;

        if (tool->off || tool->name.n == 0)
            continue;
        name = sl_neutral_name_there(q, tool->name);
        sl_neutral_name_note(q, t, tool, name);
        sl_neutral_put(g, n++ == 0 ? ",\"tools\":[{\"name\":" : ",{\"name\":");
        sl_neutral_put_esc(g, name);
        sl_neutral_put_raw(g, "description", tool->about);
        sl_neutral_put(g, ",\"input_schema\":");
        sl_neutral_put_schema(g, tool->schema, q->wish->plain_schemas);
        sl_neutral_put_raw(g, "strict", tool->strict);
        sl_neutral_put_raw(g, "cache_control", tool->mark);
        sl_grow_byte(g, '}');
    }
    if (n == 0)
        return;
    sl_grow_byte(g, ']');
    put_choice(q, g);
}

/* --- Thinking and sampling
 * ------------------------------------------------------------------------ */

/* With thinking on, a turn that called tools must begin with what was thought: a client
 * that has not kept it gets an answer without. */
static bool has_lost_thoughts(const struct sl_neutral_ask *q)
{
    for (const struct sl_neutral_turn *t = q->first; t != NULL; t = t->next)
        if (t->role == SL_ROLE_ASSISTANT && sl_neutral_has(&t->parts, SL_PART_CALL) &&
            !(t->parts.first != NULL &&
              (t->parts.first->kind == SL_PART_THINK || t->parts.first->kind == SL_PART_HIDDEN) &&
              is_own(t->parts.first)))
            return true;
    return false;
}

static uint64_t wished_budget(const struct sl_neutral_ask *q)
{
    if (q->thinking == SL_THINK_BUDGET)
        return q->budget < BUDGET_LEAST ? BUDGET_LEAST : q->budget;
    return sl_str_eq(q->effort, SL_STR("low"))                          ? BUDGET_LEAST
           : q->effort.n == 0 || sl_str_eq(q->effort, SL_STR("medium")) ? 4096
                                                                        : 16384;
}

/* Thoughts count as answer: `*most` is raised to leave room for it, up to what the model gives,
 * and of that no more than half is thought. 0: too little for the least budget there is. */
static uint64_t fit_budget(const struct sl_neutral_ask *q, uint64_t *most)
{
    uint64_t budget = wished_budget(q), limit = q->wish->max_tokens_most, room = *most;

    if (room <= budget)
        room += budget;
    if (limit > 0 && room > limit)
        room = limit;
    if (room <= budget)
        budget = room / 2;
    if (budget < BUDGET_LEAST)
        return 0;
    *most = room;
    return budget;
}

/* Returns whether it will think; `*most` is the limit of the answer. */
static bool put_thinking_wish(const struct sl_neutral_ask *q, struct model m, uint64_t *most,
                              struct sl_grow *g)
{
    bool on = q->thinking == SL_THINK_ON || q->thinking == SL_THINK_BUDGET;
    /* nor may one think who must call a tool */
    bool may = q->choice != SL_CHOICE_ANY && q->choice != SL_CHOICE_ONE && !has_lost_thoughts(q);
    uint64_t budget = on && may && !m.adaptive ? fit_budget(q, most) : 0;

    if (q->thinking == SL_THINK_OFF || (on && !may) || (on && !m.adaptive && budget == 0)) {
        sl_neutral_put(g, ",\"thinking\":{\"type\":\"disabled\"}");
        return false;
    }
    if (!on)
        return false;
    if (m.adaptive) {
        sl_neutral_put(g, ",\"thinking\":{\"type\":\"adaptive\"}");
        return true;
    }
    sl_neutral_put(g, ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":");
    sl_grow_u64(g, budget);
    sl_grow_byte(g, '}');
    return true;
}

static void put_sampling(const struct sl_neutral_ask *q, struct model m, struct sl_grow *g)
{
    int64_t millionths;

    if (!m.sampled)
        return;
    if (sl_llm_is_set(q->temperature)) {
        if (sl_str_to_decimal(q->temperature, 6, &millionths, NULL) && millionths > TEMPERATURE_MAX)
            sl_neutral_put(g, ",\"temperature\":1");
        else
            sl_neutral_put_raw(g, "temperature", q->temperature);
    } else {
        sl_neutral_put_raw(g, "top_p", q->top_p);
    }
    sl_neutral_put_raw(g, "top_k", q->top_k);
}

static void put_output(const struct sl_neutral_ask *q, struct model m, bool thinks,
                       struct sl_grow *g)
{
    bool effort = thinks && m.adaptive && q->effort.n > 0;
    bool schema = q->format == SL_FORMAT_SCHEMA && sl_json_type_of(q->schema) == SL_JSON_OBJECT;

    if (!effort && !schema)
        return;
    sl_neutral_put(g, ",\"output_config\":{");
    if (effort) {
        sl_neutral_put(g, "\"effort\":");
        sl_neutral_put_esc(g, q->effort);
    }
    if (schema) {
        sl_neutral_put(g, effort ? ",\"format\":" : "\"format\":");
        sl_neutral_put(g, "{\"type\":\"json_schema\",\"schema\":");
        sl_anthropic_put_schema(g, q->schema);
        sl_grow_byte(g, '}');
    }
    sl_grow_byte(g, '}');
}

static void put_stop(struct sl_grow *g, struct sl_str one, size_t *n)
{
    if (is_blank(sl_llm_inner(one)))
        return;
    sl_neutral_put(g, (*n)++ == 0 ? ",\"stop_sequences\":[" : ",");
    sl_grow_add(g, one);
}

static void put_stops(const struct sl_neutral_ask *q, struct sl_grow *g)
{
    size_t pos = 0, n = 0;
    struct sl_str one;

    if (sl_json_type_of(q->stops) == SL_JSON_STRING)
        put_stop(g, q->stops, &n);
    while (sl_json_next(q->stops, &pos, &one))
        put_stop(g, one, &n);
    if (n > 0)
        sl_grow_byte(g, ']');
}

/* --- The prompt cache
 * ------------------------------------------------------------------------------- */

static bool is_marked(const struct sl_neutral_parts *parts)
{
    for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next)
        if (p->mark.n > 0 || is_marked(&p->inner))
            return true;
    return false;
}

static bool has_marks(const struct sl_neutral_ask *q)
{
    for (const struct sl_neutral_tool *tool = q->tools; tool != NULL; tool = tool->next)
        if (tool->mark.n > 0)
            return true;
    for (const struct sl_neutral_turn *t = q->first; t != NULL; t = t->next)
        if (is_marked(&t->parts))
            return true;
    return is_marked(&q->system);
}

static void mark_last(struct sl_neutral_parts *parts)
{
    struct sl_neutral_part *last = NULL;

    for (struct sl_neutral_part *p = parts->first; p != NULL; p = p->next)
        if (is_sayable(p))
            last = p;
    if (last != NULL)
        last->mark = SL_STR(MARK);
}

/* Behind the tools, the system text and what is said last, where the next request will begin
 * alike; a client that marks by itself knows better. */
static void mark_prompt(struct sl_neutral_ask *q)
{
    struct sl_neutral_tool *last = NULL;

    if (has_marks(q))
        return;
    for (struct sl_neutral_tool *tool = q->tools; tool != NULL; tool = tool->next)
        if (!tool->off && tool->name.n > 0)
            last = tool;
    if (last != NULL)
        last->mark = SL_STR(MARK);
    mark_last(&q->system);
    if (q->last != NULL && q->last->role == SL_ROLE_USER)
        mark_last(&q->last->parts);
}

/* --- The request
 * ------------------------------------------------------------------------------------ */

static uint64_t limit_of(const struct sl_neutral_ask *q)
{
    uint64_t n = q->has_max                        ? q->max_tokens
                 : q->wish->max_tokens_default > 0 ? q->wish->max_tokens_default
                                                   : MAX_TOKENS_DEFAULT;

    if (q->wish->max_tokens_most > 0 && n > q->wish->max_tokens_most)
        n = q->wish->max_tokens_most;
    return n > 0 ? n : 1;
}

void sl_anthropic_write_ask(struct sl_neutral_ask *q, struct sl_translate *t, struct sl_grow *g)
{
    struct model m = model_of(q);
    uint64_t most = limit_of(q);
    bool thinks;

    sl_anthropic_form(q, t);
    sl_neutral_repair(q);
    sl_neutral_alternate(q, true);
    if (q->wish->marks_prompts)
        mark_prompt(q);
    sl_neutral_put(g, "{\"model\":");
    sl_grow_json(g, q->wish->model);
    put_system(q, g);
    put_tools(q, t, g);
    put_turns(q, g);
    thinks = put_thinking_wish(q, m, &most, g);
    sl_neutral_put_key(g, "max_tokens");
    sl_grow_u64(g, most);
    if (!thinks)
        put_sampling(q, m, g);
    put_output(q, m, thinks, g);
    put_stops(q, g);
    if (q->user.n > 0) {
        sl_neutral_put(g, ",\"metadata\":{\"user_id\":");
        sl_neutral_put_esc(g, q->user);
        sl_grow_byte(g, '}');
    }
    if (q->standard_tier)
        sl_neutral_put(g, ",\"service_tier\":\"standard_only\"");
    sl_neutral_put(g, q->streams ? ",\"stream\":true}" : "}");
}
