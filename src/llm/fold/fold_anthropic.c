/* llm/fold/fold_anthropic.c -- a message out of its events. Source: Anthropic API
 * reference, "Streaming messages"; protocols of blocks and deltas there. */
#include "llm/fold/inside.h"

#include "llm/inside.h"

/* What each kind of delta does, and to which blocks. Blocks of a type that is not in
 * any row may grow by any of them: new ones are built of the same parts. */
enum how { GROWS, REPLACES, APPENDS, ARGUMENTS };

static const struct delta_row {
    struct sl_str type; /* of the delta */
    struct sl_str from; /* its member */
    struct sl_str to;   /* the block's member */
    enum how how;
    struct sl_str blocks[3];
} rows[] = {
    {SL_STR_INIT("text_delta"),
     SL_STR_INIT("text"),
     SL_STR_INIT("text"),
     GROWS,
     {SL_STR_INIT("text")}},
    {SL_STR_INIT("thinking_delta"),
     SL_STR_INIT("thinking"),
     SL_STR_INIT("thinking"),
     GROWS,
     {SL_STR_INIT("thinking")}},
    {SL_STR_INIT("signature_delta"),
     SL_STR_INIT("signature"),
     SL_STR_INIT("signature"),
     REPLACES,
     {SL_STR_INIT("thinking")}},
    {SL_STR_INIT("input_json_delta"),
     SL_STR_INIT("partial_json"),
     SL_STR_INIT("input"),
     ARGUMENTS,
     {SL_STR_INIT("tool_use"), SL_STR_INIT("server_tool_use"), SL_STR_INIT("mcp_tool_use")}},
    {SL_STR_INIT("citations_delta"),
     SL_STR_INIT("citation"),
     SL_STR_INIT("citations"),
     APPENDS,
     {SL_STR_INIT("text")}},
    {SL_STR_INIT("compaction_delta"),
     SL_STR_INIT("content"),
     SL_STR_INIT("content"),
     GROWS,
     {SL_STR_INIT("compaction")}},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool has_block(const struct delta_row *row, struct sl_str type)
{
    for (size_t i = 0; i < 3 && row->blocks[i].n > 0; i++)
        if (sl_str_eq(row->blocks[i], type))
            return true;
    return false;
}

static bool is_known_block(struct sl_str type)
{
    for (size_t i = 0; i < ROWS; i++)
        if (has_block(&rows[i], type))
            return true;
    return false;
}

/* --- The message ---------------------------------------------------------------------- */

/* Cumulative: what is not null replaces what was there. */
static void merge_usage(struct sl_fold *f, struct sl_str usage)
{
    struct sl_pile *node;
    struct sl_str key, value;
    size_t pos = 0;

    if (sl_json_type_of(usage) != SL_JSON_OBJECT)
        return;
    node = sl_pile_open(&f->room, f->root, SL_STR("usage"), SL_PILE_OBJECT);
    while (node != NULL && sl_json_next_member(usage, &pos, &key, &value)) {
        if (sl_json_type_of(value) != SL_JSON_NULL)
            sl_pile_set(&f->room, node, key, value);
        else
            sl_pile_fill(&f->room, node, key, value);
    }
}

static void on_message_start(struct sl_fold *f, struct sl_str data)
{
    struct sl_str message = sl_json_get(data, SL_STR("message")), key, value, spare;
    size_t pos = 0, inner = 0;

    f->started = true;
    while (sl_json_next_member(message, &pos, &key, &value)) {
        if (sl_str_eq(key, SL_STR("content"))) {
            f->blocks = sl_pile_open(&f->room, f->root, key, SL_PILE_ITEMS);
            f->room.broken |= sl_json_next(value, &inner, &spare);
        } else if (sl_str_eq(key, SL_STR("usage"))) {
            merge_usage(f, value);
        } else {
            sl_pile_set(&f->room, f->root, key, value);
        }
    }
    if (f->blocks == NULL)
        f->room.broken = true;
}

/* Not what is put together otherwise. */
static void set_member(struct sl_fold *f, struct sl_str key, struct sl_str value)
{
    if (sl_str_eq(key, SL_STR("content")) || sl_str_eq(key, SL_STR("usage")))
        f->room.broken = true;
    else
        sl_pile_set(&f->room, f->root, key, value);
}

static void on_message_delta(struct sl_fold *f, struct sl_str data)
{
    struct sl_str delta = sl_json_get(data, SL_STR("delta")), key, value;
    size_t pos = 0;

    while (sl_json_next_member(delta, &pos, &key, &value))
        set_member(f, key, value);
    pos = 0;
    while (sl_json_next_member(data, &pos, &key, &value)) {
        if (sl_str_eq(key, SL_STR("usage")))
            merge_usage(f, value);
        else if (!sl_str_eq(key, SL_STR("type")) && !sl_str_eq(key, SL_STR("delta")))
            set_member(f, key, value);
    }
}

static void on_message_stop(struct sl_fold *f)
{
    f->done = f->stopped == f->blocks->children && sl_pile_is_set(f->root, SL_STR("stop_reason"));
    f->room.broken |= !f->done;
}

/* --- Blocks --------------------------------------------------------------------------- */

static struct sl_pile *block_of(struct sl_fold *f, struct sl_str data)
{
    uint64_t index;

    if (!sl_json_u64(sl_json_get(data, SL_STR("index")), &index))
        return NULL;
    return sl_pile_at(f->blocks, (size_t)index);
}

static void on_block_start(struct sl_fold *f, struct sl_str data)
{
    struct sl_str block = sl_json_get(data, SL_STR("content_block")), key, value;
    struct sl_pile *node;
    uint64_t index;
    size_t pos = 0;

    if (!sl_json_u64(sl_json_get(data, SL_STR("index")), &index) || index != f->blocks->children ||
        sl_llm_inner(sl_json_get(block, SL_STR("type"))).n == 0) {
        f->room.broken = true;
        return;
    }
    node = sl_pile_add(&f->room, f->blocks, (struct sl_str){"", 0}, SL_PILE_OBJECT);
    while (node != NULL && sl_json_next_member(block, &pos, &key, &value))
        sl_pile_set(&f->room, node, key, value);
}

static bool is_string(struct sl_str value)
{
    return value.n >= 2 && value.p[0] == '"';
}

static void apply(struct sl_fold *f, const struct delta_row *row, struct sl_pile *block,
                  struct sl_str value)
{
    static const enum sl_pile_kind kinds[] = {
        [GROWS] = SL_PILE_TEXT, [APPENDS] = SL_PILE_LIST, [ARGUMENTS] = SL_PILE_ESCAPED};
    struct sl_pile *node;

    if (row->how == REPLACES) {
        sl_pile_set(&f->room, block, row->to, value);
        return;
    }
    if (row->how == ARGUMENTS && sl_llm_inner(value).n == 0)
        return; /* without any, `input` stays as it began */
    node = sl_pile_open(&f->room, block, row->to, kinds[row->how]);
    if (node != NULL)
        sl_pile_more(&f->room, node, row->how == APPENDS ? value : sl_llm_inner(value));
}

static void on_block_delta(struct sl_fold *f, struct sl_str data)
{
    struct sl_str delta = sl_json_get(data, SL_STR("delta"));
    struct sl_str type = sl_llm_inner(sl_json_get(delta, SL_STR("type"))), block_type, value;
    struct sl_pile *block = block_of(f, data), *node;
    const struct delta_row *row = rows;

    while (row < rows + ROWS && !sl_str_eq(row->type, type))
        row++;
    if (block == NULL || row == rows + ROWS) {
        f->room.broken = true;
        return;
    }
    node = sl_pile_find(block, SL_STR("type"));
    block_type = sl_llm_inner((struct sl_str){node->p, node->n});
    value = sl_json_get(delta, row->from);
    if ((is_known_block(block_type) && !has_block(row, block_type)) ||
        (row->how == APPENDS ? value.n == 0 : !is_string(value)))
        f->room.broken = true;
    else
        apply(f, row, block, value);
}

static void on_block_stop(struct sl_fold *f, struct sl_str data)
{
    if (block_of(f, data) == NULL || f->stopped == f->blocks->children)
        f->room.broken = true;
    f->stopped++;
}

/* --- Events --------------------------------------------------------------------------- */

static void event(struct sl_fold *f, struct sl_str type, struct sl_str data)
{
    if (sl_str_eq(type, SL_STR("ping")))
        return;
    if (sl_str_eq(type, SL_STR("message_start")) != !f->started)
        f->room.broken = true;
    else if (!f->started)
        on_message_start(f, data);
    else if (sl_str_eq(type, SL_STR("content_block_delta")))
        on_block_delta(f, data);
    else if (sl_str_eq(type, SL_STR("content_block_start")))
        on_block_start(f, data);
    else if (sl_str_eq(type, SL_STR("content_block_stop")))
        on_block_stop(f, data);
    else if (sl_str_eq(type, SL_STR("message_delta")))
        on_message_delta(f, data);
    else if (sl_str_eq(type, SL_STR("message_stop")))
        on_message_stop(f);
    else
        f->room.broken = true; /* an error, or something that says who knows what */
}

static bool is_whole(const struct sl_fold *f)
{
    return f->done;
}

static void finish(struct sl_fold *f)
{
    (void)f;
}

const struct sl_fold_kind sl_fold_anthropic = {NULL, event, is_whole, finish};
