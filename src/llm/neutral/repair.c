/* llm/neutral/repair.c -- what every provider insists on, whatever the client sent.
 *
 * Both protocols refuse a history in which a call has no result, or a result no call.
 * Histories that a client has cut, or that went through another gateway, have both.
 */
#include "llm/neutral/neutral.h"

/* --- Calls and results ------------------------------------------------------------------ */

/* Of the turns behind `from` up to the model's next one, the first result of that call is
 * moved to `to`. */
static bool take_result(struct sl_neutral_turn *from, struct sl_str id, struct sl_neutral_parts *to)
{
    for (struct sl_neutral_turn *t = from; t != NULL && t->role != SL_ROLE_ASSISTANT; t = t->next) {
        struct sl_neutral_part *before = NULL;

        for (struct sl_neutral_part *p = t->parts.first; p != NULL; before = p, p = p->next) {
            if (p->kind != SL_PART_RESULT || !sl_str_eq(p->id, id))
                continue;
            sl_neutral_part_move(&t->parts, before, to);
            return true;
        }
    }
    return false;
}

static void add_empty_result(struct sl_neutral_ask *q, struct sl_neutral_parts *to,
                             struct sl_str id)
{
    struct sl_neutral_part *p = sl_neutral_part_add(q->a, &q->err, to, SL_PART_RESULT);
    struct sl_neutral_part *text;

    if (p == NULL)
        return;
    p->id = id;
    text = sl_neutral_part_add(q->a, &q->err, &p->inner, SL_PART_TEXT);
    if (text != NULL)
        text->text = SL_STR("(no result)");
}

/* What a result says becomes a user's own parts. */
static void loosen(struct sl_neutral_turn *turn)
{
    struct sl_neutral_parts kept = {NULL, NULL};

    while (turn->parts.first != NULL) {
        struct sl_neutral_part *p = turn->parts.first;

        sl_neutral_part_move(&turn->parts, NULL, &kept);
        if (p->kind != SL_PART_RESULT)
            continue;
        p->kind = SL_PART_TEXT;
        p->text = SL_STR("(result of a tool:)");
        sl_neutral_parts_join(&kept, &p->inner);
    }
    turn->parts = kept;
}

/* The results of this turn's calls, in a user's turn right behind it. */
static void answer_calls(struct sl_neutral_ask *q, struct sl_neutral_turn *turn)
{
    struct sl_neutral_parts results = {NULL, NULL};
    struct sl_neutral_turn *next = turn->next;
    size_t n = 0;

    for (struct sl_neutral_part *p = turn->parts.first; p != NULL; p = p->next) {
        if (p->kind != SL_PART_CALL)
            continue;
        if (++n > SL_NEUTRAL_CALLS)
            sl_neutral_fail(q, "a turn holds more than 128 tool calls");
        if (q->err != SL_OK)
            return;
        if (!take_result(next, p->id, &results))
            add_empty_result(q, &results, p->id);
    }
    if (n == 0)
        return;
    for (struct sl_neutral_turn *t = next; t != NULL && t->role != SL_ROLE_ASSISTANT; t = t->next)
        if (t->role == SL_ROLE_USER)
            loosen(t);
    if (next == NULL || next->role != SL_ROLE_USER) {
        next = sl_arena_zalloc(q->a, sizeof(*next));
        if (next == NULL) {
            q->err = SL_ERR_NO_MEMORY;
            return;
        }
        next->next = turn->next;
        turn->next = next;
        if (q->last == turn)
            q->last = next;
    }
    sl_neutral_parts_join(&results, &next->parts);
    next->parts = results;
    next->of_tools = true;
}

/* An empty turn says nothing and is refused; only the model's last one may be empty. */
static void drop_empty(struct sl_neutral_ask *q)
{
    struct sl_neutral_turn *before = NULL;

    for (struct sl_neutral_turn *t = q->first; t != NULL; t = t->next) {
        if (t->parts.first != NULL) {
            before = t;
            continue;
        }
        if (before != NULL)
            before->next = t->next;
        else
            q->first = t->next;
    }
    q->last = before;
}

void sl_neutral_repair(struct sl_neutral_ask *q)
{
    bool after_calls = false;

    for (struct sl_neutral_turn *t = q->first; t != NULL && q->err == SL_OK; t = t->next) {
        if (t->role == SL_ROLE_ASSISTANT) {
            after_calls = sl_neutral_has(&t->parts, SL_PART_CALL);
            answer_calls(q, t);
        } else if (t->role == SL_ROLE_USER && !after_calls) {
            loosen(t);
        }
    }
    drop_empty(q);
}

/* In tags, so that the model sees that no user said it. */
static void remind(struct sl_neutral_ask *q, struct sl_neutral_turn *t)
{
    struct sl_neutral_part *first = t->parts.first, *last = t->parts.last;
    struct sl_str head[2] = {SL_STR("<system-reminder>\\n"), {NULL, 0}};
    struct sl_str tail[2] = {{NULL, 0}, SL_STR("\\n</system-reminder>")};

    t->role = SL_ROLE_USER;
    if (first == NULL || first->kind != SL_PART_TEXT || last->kind != SL_PART_TEXT)
        return;
    head[1] = first->text;
    first->text = sl_neutral_cat(q->a, &q->err, head, 2);
    tail[0] = last->text;
    last->text = sl_neutral_cat(q->a, &q->err, tail, 2);
}

/* Each part is looked at once, however many turns become one. */
static void merge_neighbours(struct sl_neutral_ask *q)
{
    struct sl_neutral_turn *t = q->first, *next;
    bool calls = t != NULL && sl_neutral_has(&t->parts, SL_PART_CALL);

    for (; t != NULL && (next = t->next) != NULL;) {
        bool more_calls = sl_neutral_has(&next->parts, SL_PART_CALL);

        if (next->role != t->role || calls) {
            t = next;
        } else {
            sl_neutral_parts_join(&t->parts, &next->parts);
            t->next = next->next;
            if (q->last == next)
                q->last = t;
        }
        calls = more_calls;
    }
}

void sl_neutral_alternate(struct sl_neutral_ask *q, bool merge)
{
    for (struct sl_neutral_turn *t = q->first; t != NULL; t = t->next)
        if (t->role == SL_ROLE_SYSTEM)
            remind(q, t);
    if (merge)
        merge_neighbours(q);
}

/* --- Names of tools ----------------------------------------------------------------------- */

static bool may_stand(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static bool is_plain(struct sl_str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!may_stand(name.p[i]))
            return false;
    return name.n > 0 && name.n <= SL_NEUTRAL_NAME;
}

/* FNV-1a, so that two long names with one beginning stay two. */
static uint64_t hash_of(struct sl_str s)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3u;
    return h;
}

struct sl_str sl_neutral_name_there(struct sl_neutral_ask *q, struct sl_str name)
{
    char shorter[SL_NEUTRAL_NAME];
    struct sl_text text = sl_text_over(shorter, sizeof(shorter));
    struct sl_str made;

    if (is_plain(name))
        return name;
    for (size_t i = 0; i < name.n && i < SL_NEUTRAL_NAME - 17; i++)
        sl_text_byte(&text, may_stand(name.p[i]) ? name.p[i] : '_');
    sl_text_byte(&text, '_');
    sl_text_hex64(&text, hash_of(name));
    made = sl_text_str(&text);
    return sl_neutral_cat(q->a, &q->err, &made, 1);
}

void sl_neutral_name_note(struct sl_neutral_ask *q, struct sl_translate *t,
                          const struct sl_neutral_tool *tool, struct sl_str there)
{
    struct sl_neutral_name *n;

    if (sl_str_eq(tool->name, there) && !tool->free_text)
        return;
    n = sl_arena_zalloc(q->a, sizeof(*n));
    if (n == NULL) {
        q->err = q->err != SL_OK ? q->err : SL_ERR_NO_MEMORY;
        return;
    }
    *n = (struct sl_neutral_name){t->names, tool->name, there, tool->free_text};
    t->names = n;
}

struct sl_str sl_neutral_name_here(const struct sl_translate *t, struct sl_str name)
{
    for (const struct sl_neutral_name *n = t->names; n != NULL; n = n->next)
        if (sl_str_eq(n->there, name))
            return n->here;
    return name;
}

bool sl_neutral_takes_text(const struct sl_translate *t, struct sl_str here)
{
    for (const struct sl_neutral_name *n = t->names; n != NULL; n = n->next)
        if (n->free_text && sl_str_eq(n->here, here))
            return true;
    return false;
}
