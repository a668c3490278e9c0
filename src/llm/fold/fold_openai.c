/* llm/fold/fold_openai.c -- chat and text completions out of their chunks. Source:
 * OpenAI API reference, "Chat completion chunk object" and "Completions".
 *
 * A choice's message is made of its deltas (merge.c). In a chunk and a choice, where
 * nothing else grows but `text` and what has an element a token, the last counts.
 */
#include "llm/fold/inside.h"

#include "llm/inside.h"

#define CHOICES_MAX 128

static bool is_null(struct sl_str value)
{
    return sl_json_type_of(value) == SL_JSON_NULL;
}

/* --- Choices -------------------------------------------------------------------------- */

/* Arrays with an element a token, which grow. */
static void extend(struct sl_fold *f, struct sl_pile *node, struct sl_str key, struct sl_str array)
{
    struct sl_pile *list = sl_pile_open(&f->room, node, key, SL_PILE_LIST);
    struct sl_str element;
    size_t pos = 0;

    while (list != NULL && sl_json_next(array, &pos, &element))
        sl_pile_more(&f->room, list, element);
}

static void merge_logprobs(struct sl_fold *f, struct sl_pile *choice, struct sl_str logprobs)
{
    struct sl_pile *node;
    struct sl_str key, value;
    size_t pos = 0;

    if (is_null(logprobs)) {
        sl_pile_fill(&f->room, choice, SL_STR("logprobs"), logprobs);
        return;
    }
    node = sl_pile_open(&f->room, choice, SL_STR("logprobs"), SL_PILE_OBJECT);
    while (node != NULL && sl_json_next_member(logprobs, &pos, &key, &value)) {
        if (sl_json_type_of(value) == SL_JSON_ARRAY)
            extend(f, node, key, value);
        else
            sl_merge_last(&f->room, node, key, value);
    }
}

/* A list that comes once is that list; a second one could be more of it or all. */
static void merge_list(struct sl_fold *f, struct sl_pile *choice, struct sl_str key,
                       struct sl_str array)
{
    if (sl_str_eq(key, SL_STR("token_ids")))
        extend(f, choice, key, array);
    else if (sl_pile_is_set(choice, key) && !sl_pile_is(choice, key, array))
        f->room.broken = true;
    else
        sl_pile_set(&f->room, choice, key, array);
}

static void merge_choice_member(struct sl_fold *f, struct sl_pile *choice, struct sl_str key,
                                struct sl_str value)
{
    bool chat = f->ep == SL_EP_CHAT;
    struct sl_pile *node;

    if (sl_str_eq(key, SL_STR("index")))
        return;
    if (sl_str_eq(key, SL_STR("logprobs"))) {
        merge_logprobs(f, choice, value);
    } else if (sl_str_eq(key, SL_STR("message")) ||
               (sl_str_eq(key, SL_STR("error")) && !is_null(value))) {
        f->room.broken = true;
    } else if (chat && sl_str_eq(key, SL_STR("delta"))) {
        node = sl_pile_open(&f->room, choice, SL_STR("message"), SL_PILE_OBJECT);
        if (node != NULL)
            sl_merge_object(&f->room, node, value);
    } else if (!chat && sl_str_eq(key, SL_STR("text"))) {
        node = sl_pile_open(&f->room, choice, key, SL_PILE_TEXT);
        f->room.broken |= !is_null(value) && sl_json_type_of(value) != SL_JSON_STRING;
        if (node != NULL)
            sl_pile_more(&f->room, node, sl_llm_inner(value));
    } else if (sl_json_type_of(value) == SL_JSON_ARRAY) {
        merge_list(f, choice, key, value);
    } else {
        sl_merge_last(&f->room, choice, key, value);
    }
}

static struct sl_pile *choice_of(struct sl_fold *f, struct sl_str choice)
{
    struct sl_str raw = sl_json_get(choice, SL_STR("index"));
    uint64_t index;

    if (!sl_json_u64(raw, &index) || index >= CHOICES_MAX) {
        f->room.broken = true;
        return NULL;
    }
    while (f->blocks->children <= index) { /* they may begin in any order */
        char digits[4];
        struct sl_text t = sl_text_over(digits, sizeof(digits));
        struct sl_pile *node;

        sl_text_u64(&t, f->blocks->children);
        node = sl_pile_add(&f->room, f->blocks, (struct sl_str){"", 0}, SL_PILE_OBJECT);
        if (node == NULL)
            return NULL;
        sl_pile_set(&f->room, node, SL_STR("index"), sl_text_str(&t));
    }
    return sl_pile_at(f->blocks, (size_t)index);
}

static void merge_choices(struct sl_fold *f, struct sl_str choices)
{
    struct sl_str choice, key, value;
    size_t pos = 0;

    f->blocks = sl_pile_open(&f->room, f->root, SL_STR("choices"), SL_PILE_ITEMS);
    while (f->blocks != NULL && sl_json_next(choices, &pos, &choice)) {
        struct sl_pile *node = choice_of(f, choice);
        size_t inner = 0;

        while (node != NULL && sl_json_next_member(choice, &inner, &key, &value))
            merge_choice_member(f, node, key, value);
    }
}

/* --- Chunks --------------------------------------------------------------------------- */

static void merge_chunk_member(struct sl_fold *f, struct sl_str key, struct sl_str value)
{
    if (sl_str_eq(key, SL_STR("obfuscation")))
        return;
    if (sl_str_eq(key, SL_STR("choices"))) {
        merge_choices(f, value);
    } else if (sl_str_eq(key, SL_STR("error")) && !is_null(value)) {
        f->room.broken = true;
    } else if (sl_str_eq(key, SL_STR("object")) && f->ep == SL_EP_CHAT) {
        sl_pile_set(&f->room, f->root, key, SL_STR("\"chat.completion\""));
    } else {
        sl_merge_last(&f->room, f->root, key, value);
    }
}

static void event(struct sl_fold *f, struct sl_str type, struct sl_str data)
{
    struct sl_str key, value;
    size_t pos = 0;

    if (sl_str_eq(type, SL_STR("error")) ||
        sl_str_eq(sl_json_get(data, SL_STR("object")), SL_STR("\"error\""))) {
        f->room.broken = true;
        return;
    }
    while (sl_json_next_member(data, &pos, &key, &value))
        merge_chunk_member(f, key, value);
}

/* With or without [DONE], which some servers leave out: every choice has ended. */
static bool is_whole(const struct sl_fold *f)
{
    if (f->blocks == NULL || f->blocks->first == NULL)
        return false;
    for (const struct sl_pile *c = f->blocks->first; c != NULL; c = c->next)
        if (!sl_pile_is_set(c, SL_STR("finish_reason")) ||
            sl_pile_is(c, SL_STR("finish_reason"), SL_STR("\"\"")))
            return false;
    return true;
}

static void finish_calls(struct sl_fold *f, struct sl_pile *message)
{
    struct sl_pile *calls = sl_pile_find(message, SL_STR("tool_calls"));

    for (struct sl_pile *c = calls != NULL ? calls->first : NULL; c != NULL; c = c->next)
        sl_pile_fill(&f->room, c, SL_STR("type"),
                     sl_pile_find(c, SL_STR("function")) == NULL &&
                             sl_pile_find(c, SL_STR("custom"))
                         ? SL_STR("\"custom\"")
                         : SL_STR("\"function\""));
}

static void finish(struct sl_fold *f)
{
    for (struct sl_pile *c = f->blocks->first; c != NULL; c = c->next) {
        struct sl_pile *message;

        if (f->ep == SL_EP_COMPLETIONS) {
            (void)sl_pile_open(&f->room, c, SL_STR("text"), SL_PILE_TEXT);
            continue;
        }
        message = sl_pile_open(&f->room, c, SL_STR("message"), SL_PILE_OBJECT);
        if (message == NULL)
            return;
        sl_pile_fill(&f->room, message, SL_STR("role"), SL_STR("\"assistant\""));
        sl_pile_fill(&f->room, message, SL_STR("content"), SL_STR("null"));
        finish_calls(f, message);
    }
}

const struct sl_fold_kind sl_fold_openai = {NULL, event, is_whole, finish};
