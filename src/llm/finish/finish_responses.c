/* llm/finish/finish_responses.c -- what of a response has come: its ids, the items that
 * are done, and the one that is being made. Source: OpenAI API reference, "Streaming
 * events" of Responses. */
#include "llm/finish/inside.h"

#include "llm/inside.h"

#define HEAD_MAX 32768 /* of a response as it was created: instructions and tools stand in it */

static bool wants(struct sl_str type)
{
    return !sl_str_eq(type, SL_STR("keepalive"));
}

/* --- Keeping -------------------------------------------------------------------------- */

static size_t kept(const struct sl_finish *f)
{
    const struct sl_finish_item *it = &f->item;

    return f->head.n + f->done.n + it->raw.n + it->parts[0].n + it->parts[1].n + it->part.n +
           it->notes.n + it->text.n;
}

/* False: too much of it, or no memory. */
static bool keep(struct sl_finish *f, struct sl_grow *g, struct sl_str text)
{
    if (kept(f) + text.n > SL_FINISH_MAX)
        return false;
    sl_grow_add(g, text);
    return g->err == SL_OK;
}

/* Behind a comma; all of it or nothing. */
static bool keep_next(struct sl_finish *f, struct sl_grow *list, struct sl_str value)
{
    size_t had = list->n;

    if (value.n == 0 || kept(f) + 1 + value.n > SL_FINISH_MAX)
        return false;
    if (had > 0)
        sl_grow_byte(list, ',');
    sl_grow_add(list, value);
    if (list->err == SL_OK)
        return true;
    list->n = had;
    return false;
}

static void shut_part(struct sl_finish_item *it)
{
    it->list = -1;
    sl_grow_fini(&it->part);
    sl_grow_fini(&it->notes);
    sl_grow_fini(&it->text);
}

static void shut_item(struct sl_finish_item *it)
{
    it->open = it->lost = it->told = false;
    shut_part(it);
    sl_grow_fini(&it->raw);
    sl_grow_fini(&it->parts[0]);
    sl_grow_fini(&it->parts[1]);
}

/* It will be left out, so what is kept of it makes room for others. */
static void lose_item(struct sl_finish_item *it)
{
    bool open = it->open;
    uint64_t output = it->output;

    shut_item(it);
    it->open = it->lost = open;
    it->output = output;
}

/* --- Events --------------------------------------------------------------------------- */

/* Of one too large to keep, what every client needs. */
static void on_created(struct sl_finish *f, struct sl_str response)
{
    static const struct sl_str needed[] = {SL_STR_INIT("id"), SL_STR_INIT("created_at"),
                                           SL_STR_INIT("model")};

    if (f->began || sl_json_type_of(response) != SL_JSON_OBJECT)
        return;
    f->began = true;
    if (response.n <= HEAD_MAX) {
        sl_grow_add(&f->head, response);
        return;
    }
    sl_finish_add(&f->head, "{");
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        struct sl_str value = sl_json_get(response, needed[i]);

        if (value.n > 0 && value.n <= SL_USAGE_TEXT)
            sl_finish_member(&f->head, needed[i], value);
    }
    sl_finish_add(&f->head, "}");
}

static void on_item_added(struct sl_finish *f, struct sl_str data)
{
    struct sl_finish_item *it = &f->item;
    struct sl_str item = sl_json_get(data, SL_STR("item"));

    shut_item(it); /* one still open has been left by its provider */
    it->open = true;
    it->output = sl_finish_number(data, SL_STR("output_index"), 0);
    if (sl_json_type_of(item) != SL_JSON_OBJECT || !keep(f, &it->raw, item))
        lose_item(it);
}

static void on_item_done(struct sl_finish *f, struct sl_str data)
{
    struct sl_str item = sl_json_get(data, SL_STR("item"));

    shut_item(&f->item);
    if (sl_json_type_of(item) == SL_JSON_OBJECT)
        (void)!keep_next(f, &f->done, item); /* else it is left out of the last event */
}

static void on_part_added(struct sl_finish *f, struct sl_str data, int list)
{
    struct sl_finish_item *it = &f->item;
    struct sl_str part = sl_json_get(data, SL_STR("part"));
    bool follows = it->list < 0; /* one still open has been left, and nobody knows its end */

    it->list = list;
    it->told = false;
    it->inner =
        sl_finish_number(data, list == 0 ? SL_STR("content_index") : SL_STR("summary_index"), 0);
    if (!follows || sl_json_type_of(part) != SL_JSON_OBJECT || !keep(f, &it->part, part))
        lose_item(it);
}

static void on_part_done(struct sl_finish *f, struct sl_str data)
{
    struct sl_finish_item *it = &f->item;
    struct sl_str part = sl_json_get(data, SL_STR("part"));
    int list = it->list;

    shut_part(it);
    if (list < 0 || sl_json_type_of(part) != SL_JSON_OBJECT ||
        !keep_next(f, &it->parts[list], part))
        lose_item(it);
}

static void on_delta(struct sl_finish *f, struct sl_str data)
{
    struct sl_str delta = sl_json_get(data, SL_STR("delta"));

    if (!keep(f, &f->item.text, sl_llm_inner(delta)))
        lose_item(&f->item);
}

/* What is told of the item that is open. */
static void on_inside(struct sl_finish *f, struct sl_str name, struct sl_str data)
{
    struct sl_finish_item *it = &f->item;

    if (!it->open || it->lost)
        return;
    if (sl_str_eq(name, SL_STR("content_part.added")))
        on_part_added(f, data, 0);
    else if (sl_str_eq(name, SL_STR("reasoning_summary_part.added")))
        on_part_added(f, data, 1);
    else if (sl_str_eq(name, SL_STR("content_part.done")) ||
             sl_str_eq(name, SL_STR("reasoning_summary_part.done")))
        on_part_done(f, data);
    else if (sl_str_eq(name, SL_STR("output_text.annotation.added"))) {
        if (!keep_next(f, &it->notes, sl_json_get(data, SL_STR("annotation"))))
            lose_item(it);
    } else if (sl_str_ends(name, SL_STR(".delta")))
        on_delta(f, data);
    else if (sl_str_ends(name, SL_STR(".done")))
        it->told = true;
}

static void event(struct sl_finish *f, struct sl_str type, struct sl_str data)
{
    struct sl_str name = type;

    f->sequence = sl_finish_number(data, SL_STR("sequence_number"), f->sequence) + 1;
    if (sl_str_eq(type, SL_STR("error")))
        f->over = true;
    if (!sl_str_starts(type, SL_STR("response.")))
        return;
    name = sl_str_from(type, sizeof("response.") - 1);
    if (sl_str_eq(name, SL_STR("created")) || sl_str_eq(name, SL_STR("in_progress")))
        on_created(f, sl_json_get(data, SL_STR("response")));
    else if (sl_str_eq(name, SL_STR("completed")) || sl_str_eq(name, SL_STR("incomplete")) ||
             sl_str_eq(name, SL_STR("failed")))
        f->over = true;
    else if (sl_str_eq(name, SL_STR("output_item.added")))
        on_item_added(f, data);
    else if (sl_str_eq(name, SL_STR("output_item.done")))
        on_item_done(f, data);
    else
        on_inside(f, name, data);
}

static void lost(struct sl_finish *f, struct sl_str name)
{
    f->sequence++;
    if (sl_str_eq(name, SL_STR("response.output_item.done")))
        shut_item(&f->item);
    else
        lose_item(&f->item);
}

const struct sl_finish_kind sl_finish_responses = {wants, event, lost, sl_finish_responses_write};
