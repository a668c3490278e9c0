/* llm/fold/fold.c -- what folding has in common: events in, an object out. */
#include "llm/fold/inside.h"

#include "base/mem.h"
#include "llm/inside.h"
#include "llm/sse.h"

static const struct sl_fold_kind *kind_of(enum sl_endpoint ep)
{
    switch (ep) {
    case SL_EP_MESSAGES: return &sl_fold_anthropic;
    case SL_EP_CHAT:
    case SL_EP_COMPLETIONS: return &sl_fold_openai;
    case SL_EP_RESPONSES: return &sl_fold_responses;
    default: return NULL;
    }
}

struct sl_fold *sl_fold_new(enum sl_endpoint ep, size_t max)
{
    const struct sl_fold_kind *kind = kind_of(ep);
    struct sl_fold *f = kind != NULL ? sl_mem_try(sizeof(*f)) : NULL;

    if (f == NULL)
        return NULL;
    *f = (struct sl_fold){.ep = ep, .kind = kind, .room = {.max = max}};
    f->root = sl_pile_add(&f->room, NULL, (struct sl_str){"", 0}, SL_PILE_OBJECT);
    if (f->root == NULL)
        sl_fold_end(&f);
    return f;
}

void sl_fold_end(struct sl_fold **f)
{
    if (*f == NULL)
        return;
    sl_pile_end(&(*f)->root);
    sl_mem_free(*f);
    *f = NULL;
}

/* What is of no more use goes back at once. */
void sl_fold_break(struct sl_fold *f)
{
    f->room.broken = true;
    f->blocks = NULL;
    sl_pile_end(&f->root);
}

/* Type and name say the same; some servers leave one out. */
static struct sl_str type_of(const struct sl_sse_event *e)
{
    struct sl_str type = sl_llm_inner(sl_json_get(e->data, SL_STR("type")));

    return type.n > 0 ? type : e->name;
}

void sl_fold_event(struct sl_fold *f, struct sl_str event)
{
    char scratch[SL_LLM_SCRATCH];
    struct sl_sse_event e;
    struct sl_str type;

    if (f->room.broken || f->done)
        return;
    sl_sse_parse(event, scratch, sizeof(scratch), &e);
    if (!e.has_data)
        return;
    if (e.data.p == NULL) { /* several lines, more than are joined */
        sl_fold_break(f);
        return;
    }
    if (sl_str_eq(e.data, SL_STR("[DONE]"))) {
        f->done = f->ep == SL_EP_CHAT || f->ep == SL_EP_COMPLETIONS;
        return;
    }
    type = type_of(&e);
    if (f->kind->wants != NULL && !f->kind->wants(type))
        return;
    if (sl_json_is_object(e.data))
        f->kind->event(f, type, e.data);
    else
        f->room.broken = true;
    if (f->room.broken)
        sl_fold_break(f);
}

bool sl_fold_is_whole(const struct sl_fold *f)
{
    return !f->room.broken && f->kind->is_whole(f);
}

enum sl_err sl_fold_finish(struct sl_fold *f, struct sl_arena *a, struct sl_str *out)
{
    struct sl_grow g;
    bool ok;

    if (!sl_fold_is_whole(f))
        return SL_ERR_UP_GARBAGE;
    f->kind->finish(f);
    if (f->room.broken)
        return SL_ERR_CEILING;
    /* room for punctuation, and for arguments while they are unescaped */
    sl_grow_init(&g, 2 * f->room.max + SL_LLM_SCRATCH);
    ok = sl_pile_write(f->root, &g);
    if (g.err == SL_OK && (!ok || !sl_json_is_object(sl_grow_str(&g)))) {
        sl_grow_fini(&g);
        return SL_ERR_UP_GARBAGE;
    }
    return sl_grow_take(&g, a, out);
}

/* --- Responses: its last event holds the whole object --------------------------------- */

static bool responses_wants(struct sl_str type)
{
    return sl_str_eq(type, SL_STR("response.completed")) ||
           sl_str_eq(type, SL_STR("response.incomplete")) ||
           sl_str_eq(type, SL_STR("response.failed")) || sl_str_eq(type, SL_STR("error")) ||
           type.n == 0;
}

static void responses_event(struct sl_fold *f, struct sl_str type, struct sl_str data)
{
    struct sl_str response, key, value;
    size_t pos = 0;

    if (!sl_str_eq(type, SL_STR("response.completed")) &&
        !sl_str_eq(type, SL_STR("response.incomplete"))) {
        f->room.broken = true;
        return;
    }
    response = sl_json_get(data, SL_STR("response"));
    if (sl_json_type_of(sl_json_get(response, SL_STR("output"))) != SL_JSON_ARRAY)
        f->room.broken = true;
    while (sl_json_next_member(response, &pos, &key, &value))
        sl_pile_set(&f->room, f->root, key, value);
    f->done = !f->room.broken;
}

static bool responses_whole(const struct sl_fold *f)
{
    return f->done;
}

static void responses_finish(struct sl_fold *f)
{
    (void)f;
}

const struct sl_fold_kind sl_fold_responses = {responses_wants, responses_event, responses_whole,
                                               responses_finish};
