/* llm/responses/responses_items.c -- the items of a Responses request into turns.
 * Source: OpenAI API reference, "Create a model response", input items. */
#include "llm/responses/responses.h"

enum member {
    TYPE,
    ROLE,
    CONTENT,
    CALL_ID,
    NAME,
    ARGUMENTS,
    INPUT,
    OUTPUT,
    SUMMARY,
    SEALED,
    MEMBERS
};

static const struct sl_str members[MEMBERS] = {
    [TYPE] = SL_STR_INIT("type"),       [ROLE] = SL_STR_INIT("role"),
    [CONTENT] = SL_STR_INIT("content"), [CALL_ID] = SL_STR_INIT("call_id"),
    [NAME] = SL_STR_INIT("name"),       [ARGUMENTS] = SL_STR_INIT("arguments"),
    [INPUT] = SL_STR_INIT("input"),     [OUTPUT] = SL_STR_INIT("output"),
    [SUMMARY] = SL_STR_INIT("summary"), [SEALED] = SL_STR_INIT("encrypted_content"),
};

static struct sl_neutral_part *add(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                                   enum sl_neutral_kind kind)
{
    return sl_neutral_part_add(q->a, &q->err, to, kind);
}

static void add_text(struct sl_neutral_ask *q, struct sl_neutral_parts *to, struct sl_str esc)
{
    sl_neutral_text_add(q, to, esc, (struct sl_str){NULL, 0});
}

/* --- Content --------------------------------------------------------------------------------- */

static void read_image(struct sl_neutral_ask *q, struct sl_neutral_parts *to, struct sl_str part)
{
    struct sl_str url = sl_llm_inner(sl_json_get(part, SL_STR("image_url")));
    struct sl_neutral_part *p = add(q, to, SL_PART_IMAGE);

    if (p == NULL)
        return;
    p->detail = sl_json_get(part, SL_STR("detail"));
    if (url.n > 0)
        sl_neutral_source(q, p, url);
    else
        sl_neutral_fail(q, "input_image: its file_id is of another provider; give an image_url");
}

static void read_file(struct sl_neutral_ask *q, struct sl_neutral_parts *to, struct sl_str part)
{
    struct sl_str data = sl_llm_inner(sl_json_get(part, SL_STR("file_data")));
    struct sl_str url = sl_llm_inner(sl_json_get(part, SL_STR("file_url")));
    struct sl_neutral_part *p = add(q, to, SL_PART_FILE);

    if (p == NULL)
        return;
    p->title = sl_llm_inner(sl_json_get(part, SL_STR("filename")));
    if (data.n > 0 || url.n > 0)
        sl_neutral_source(q, p, data.n > 0 ? data : url);
    else
        sl_neutral_fail(
            q, "input_file: its file_id is of another provider; give file_data or file_url");
}

static void read_content(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                         struct sl_str content)
{
    struct sl_str part;
    size_t pos = 0;

    add_text(q, to, sl_llm_inner(content));
    while (q->err == SL_OK && sl_json_next(content, &pos, &part)) {
        struct sl_str type = sl_json_get(part, SL_STR("type"));

        if (sl_neutral_is(type, "input_text") || sl_neutral_is(type, "output_text") ||
            sl_neutral_is(type, "text"))
            add_text(q, to, sl_llm_inner(sl_json_get(part, SL_STR("text"))));
        else if (sl_neutral_is(type, "refusal"))
            add_text(q, to, sl_llm_inner(sl_json_get(part, SL_STR("refusal"))));
        else if (sl_neutral_is(type, "input_image"))
            read_image(q, to, part);
        else if (sl_neutral_is(type, "input_file"))
            read_file(q, to, part);
        else
            sl_neutral_fail(q, "input: only texts, images and files can be translated");
    }
}

/* --- Items ----------------------------------------------------------------------------------- */

/* What the model thought, said and called in a row is one turn of it. */
static struct sl_neutral_parts *models_turn(struct sl_neutral_ask *q)
{
    struct sl_neutral_turn *turn = q->last;

    if (turn == NULL || turn->role != SL_ROLE_ASSISTANT)
        turn = sl_neutral_turn_add(q, SL_ROLE_ASSISTANT);
    return turn != NULL ? &turn->parts : NULL;
}

static void read_message(struct sl_neutral_ask *q, const struct sl_str *v)
{
    struct sl_neutral_parts *to = NULL;
    struct sl_neutral_turn *turn;

    if (sl_neutral_is(v[ROLE], "assistant")) {
        to = models_turn(q);
    } else if (sl_neutral_is(v[ROLE], "user")) {
        turn = sl_neutral_users_turn(q, false);
        to = turn != NULL ? &turn->parts : NULL;
    } else if (!sl_neutral_is(v[ROLE], "system") && !sl_neutral_is(v[ROLE], "developer")) {
        sl_neutral_fail(q, "input: a message's role must be user, assistant, system or developer");
    } else if (q->first == NULL) {
        to = &q->system;
    } else {
        turn = sl_neutral_turn_add(q, SL_ROLE_SYSTEM);
        to = turn != NULL ? &turn->parts : NULL;
    }
    if (to != NULL)
        read_content(q, to, v[CONTENT]);
}

static void read_call(struct sl_neutral_ask *q, const struct sl_str *v, bool free_text)
{
    struct sl_neutral_parts *to = models_turn(q);
    struct sl_neutral_part *p = to != NULL ? add(q, to, SL_PART_CALL) : NULL;

    if (p == NULL)
        return;
    p->id = sl_llm_inner(v[CALL_ID]);
    p->name = sl_llm_inner(v[NAME]);
    p->input = free_text ? sl_neutral_free_input(q, sl_llm_inner(v[INPUT]))
                         : sl_neutral_input(q->a, &q->err, sl_llm_inner(v[ARGUMENTS]));
}

static void read_result(struct sl_neutral_ask *q, const struct sl_str *v)
{
    struct sl_neutral_turn *turn = sl_neutral_users_turn(q, true);
    struct sl_neutral_part *p = turn != NULL ? add(q, &turn->parts, SL_PART_RESULT) : NULL;

    if (p == NULL)
        return;
    p->id = sl_llm_inner(v[CALL_ID]);
    read_content(q, &p->inner, v[OUTPUT]);
}

/* All of its texts, one behind the other: a copy, where there are several. */
static struct sl_str summary_of(struct sl_neutral_ask *q, struct sl_str summary)
{
    struct sl_str one, text = {"", 0};
    size_t pos = 0, n = 0;
    struct sl_grow g;
    enum sl_err err;

    sl_grow_init(&g, summary.n);
    while (sl_json_next(summary, &pos, &one)) {
        text = sl_llm_inner(sl_json_get(one, SL_STR("text")));
        sl_grow_add(&g, text);
        n++;
    }
    if (n <= 1) {
        sl_grow_fini(&g);
        return text;
    }
    err = sl_grow_take(&g, q->a, &text);
    if (q->err == SL_OK)
        q->err = err;
    return err == SL_OK ? text : (struct sl_str){"", 0};
}

/* Ours says in what is sealed whose it was: a text's signature (t), or all that can't be
 * read (h). Of another maker's only the text is known. */
static void read_thought(struct sl_neutral_ask *q, const struct sl_str *v)
{
    const struct sl_str mark = SL_STR(SL_NEUTRAL_MARK);
    struct sl_str sealed = sl_llm_inner(v[SEALED]), text = summary_of(q, v[SUMMARY]);
    struct sl_neutral_parts *to = models_turn(q);
    bool own = sl_str_starts(sealed, mark) && sealed.n > mark.n + 1;
    bool hidden = own && sealed.p[mark.n] == 'h';
    struct sl_neutral_part *p;

    if (to == NULL || (text.n == 0 && !own))
        return;
    p = add(q, to, hidden ? SL_PART_HIDDEN : SL_PART_THINK);
    if (p == NULL)
        return;
    p->text = hidden ? sl_str_from(sealed, mark.n + 1) : text;
    if (own && !hidden)
        p->signature = sl_str_from(sealed, mark.n + 1);
}

static void read_item(struct sl_neutral_ask *q, struct sl_str item)
{
    struct sl_str v[MEMBERS];

    sl_neutral_pick(item, members, MEMBERS, v);
    if (v[TYPE].n == 0 || sl_neutral_is(v[TYPE], "message"))
        read_message(q, v);
    else if (sl_neutral_is(v[TYPE], "function_call"))
        read_call(q, v, false);
    else if (sl_neutral_is(v[TYPE], "custom_tool_call"))
        read_call(q, v, true);
    else if (sl_neutral_is(v[TYPE], "function_call_output") ||
             sl_neutral_is(v[TYPE], "custom_tool_call_output"))
        read_result(q, v);
    else if (sl_neutral_is(v[TYPE], "reasoning"))
        read_thought(q, v);
    else if (sl_neutral_is(v[TYPE], "item_reference"))
        sl_neutral_fail(q, "input: an item_reference is of what another provider keeps; send the "
                           "item itself");
    /* all else is what tools of another provider did */
}

void sl_responses_read_input(struct sl_neutral_ask *q, struct sl_str input)
{
    struct sl_neutral_turn *turn;
    struct sl_str item;
    size_t pos = 0;

    if (sl_json_type_of(input) == SL_JSON_STRING) {
        turn = sl_neutral_users_turn(q, false);
        if (turn != NULL)
            add_text(q, &turn->parts, sl_llm_inner(input));
        return;
    }
    if (sl_json_type_of(input) != SL_JSON_ARRAY)
        sl_neutral_fail(q, "input: a string or an array of items is needed");
    while (q->err == SL_OK && sl_json_next(input, &pos, &item))
        read_item(q, item);
}
