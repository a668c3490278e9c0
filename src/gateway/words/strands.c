/* Strand by strand: what is found, and from which event on something may still become a word. */
#include "gateway/words/strands.h"

#include "base/mem.h"
#include "base/obj.h"

#include <string.h>

struct mark { /* where an event's piece of a strand begins */
    uint64_t event, at;
};

struct strand {
    struct sl_list node;
    uint32_t group, part;
    bool quiet; /* others go on: it keeps nothing back */
    struct sl_feed feed;
    struct mark *marks; /* owns */
    size_t marks_n, marks_cap;
};

static void drop_strand(struct sl_strands *s, struct strand *t)
{
    for (size_t i = 0; i < SL_WORDS_LISTS; i++)
        s->count[i] += t->feed.seek.count[i];
    sl_list_unlink(&t->node);
    s->n--;
    sl_mem_free(t->marks);
    sl_mem_free(t);
}

/* ---- strands ---- */

static void note_found(struct sl_strands *s, uint64_t lists)
{
    s->found |= lists & s->blocks;
}

static void end_strand(struct sl_strands *s, struct strand *t)
{
    sl_feed_rest(&t->feed);
    note_found(s, t->feed.seek.found);
    drop_strand(s, t);
}

/* A word that is whole so far counts as one: what may make it longer will not go out. */
static void silence(struct sl_strands *s, struct strand *t)
{
    t->quiet = true;
    t->marks_n = 0;
    note_found(s, sl_words_due(&t->feed.seek));
}

static struct strand *make_strand(struct sl_strands *s, const struct sl_heard_text *text)
{
    struct strand *t;

    if (s->n == SL_STRANDS_MAX)
        end_strand(s, SL_CONTAINER(s->all.next, struct strand, node));
    t = sl_mem_try(sizeof(*t));
    if (t == NULL)
        return NULL;
    *t = (struct strand){.group = text->group, .part = text->part};
    sl_feed_begin(&t->feed, s->words, s->lists);
    sl_list_push_back(&s->all, &t->node);
    s->n++;
    return t;
}

/* The strand of a text, which is now its group's only one that goes on. */
static struct strand *strand_of(struct sl_strands *s, const struct sl_heard_text *text)
{
    struct strand *found = NULL;

    for (struct sl_list *l = s->all.next; l != &s->all; l = l->next) {
        struct strand *t = SL_CONTAINER(l, struct strand, node);

        if (t->group == text->group && t->part == text->part)
            found = t;
        else if (t->group == text->group && !t->quiet)
            silence(s, t);
    }
    if (found == NULL)
        return make_strand(s, text);
    sl_list_unlink(&found->node);
    sl_list_push_back(&s->all, &found->node);
    found->quiet = false;
    return found;
}

/* ---- marks: which event holds what may become a word ---- */

static bool add_mark(struct strand *t, struct mark m)
{
    if (t->marks_n == t->marks_cap) {
        size_t cap = t->marks_cap > 0 ? t->marks_cap * 2 : 8;
        struct mark *grown = sl_mem_grow(t->marks, cap * sizeof(*grown));

        if (grown == NULL)
            return false;
        t->marks = grown;
        t->marks_cap = cap;
    }
    t->marks[t->marks_n++] = m;
    return true;
}

/* Of the events whose pieces are known, the first that may not go yet; earlier marks are
 * not needed any more, so there are never more of them than a word has bytes. */
static uint64_t waits_for(const struct sl_strands *s, struct strand *t)
{
    size_t open = t->quiet ? 0 : sl_words_open(&t->feed.seek, s->blocks);
    uint64_t from = t->feed.seek.at - open;
    size_t at = 0;

    if (open == 0)
        t->marks_n = 0;
    if (t->marks_n == 0)
        return SL_STRANDS_NEVER;
    while (at + 1 < t->marks_n && t->marks[at + 1].at <= from)
        at++;
    memmove(t->marks, t->marks + at, (t->marks_n - at) * sizeof(*t->marks));
    t->marks_n -= at;
    return t->marks[0].event;
}

uint64_t sl_strands_first_waiting(struct sl_strands *s)
{
    uint64_t first = SL_STRANDS_NEVER;

    for (struct sl_list *l = s->all.next; l != &s->all; l = l->next) {
        uint64_t event = waits_for(s, SL_CONTAINER(l, struct strand, node));

        if (event < first)
            first = event;
    }
    return first;
}

bool sl_strands_hush(struct sl_strands *s)
{
    for (struct sl_list *l = s->all.next; l != &s->all; l = l->next) {
        struct strand *t = SL_CONTAINER(l, struct strand, node);

        if (t->marks_n == 0)
            continue;
        silence(s, t);
        return true;
    }
    return false;
}

/* ---- what is heard ---- */

static void hear_whole(struct sl_strands *s, const struct sl_heard_text *text)
{
    struct sl_feed f;

    sl_feed_begin(&f, s->words, s->lists);
    sl_feed_text(&f, text->inner, text->json);
    sl_feed_rest(&f);
    note_found(s, f.seek.found);
    for (size_t i = 0; i < SL_WORDS_LISTS; i++)
        s->count[i] += f.seek.count[i];
}

static void on_text(void *ctx, const struct sl_heard_text *text)
{
    struct sl_strands *s = ctx;
    struct strand *t;
    uint64_t at;

    if (text->whole) {
        hear_whole(s, text);
        return;
    }
    t = strand_of(s, text);
    if (t == NULL) {
        s->err = SL_ERR_NO_MEMORY;
        return;
    }
    at = t->feed.seek.at;
    sl_feed_text(&t->feed, text->inner, text->json);
    note_found(s, t->feed.seek.found);
    if (s->blocks != 0 && t->feed.seek.at != at && !add_mark(t, (struct mark){s->event, at}))
        s->err = SL_ERR_NO_MEMORY;
}

static void on_end(void *ctx, uint32_t group)
{
    struct sl_strands *s = ctx;
    struct sl_list *next;

    for (struct sl_list *l = s->all.next; l != &s->all; l = next) {
        struct strand *t = SL_CONTAINER(l, struct strand, node);

        next = l->next;
        if (group == SL_HEARD_ALL || t->group == group)
            end_strand(s, t);
    }
}

void sl_strands_hear(struct sl_strands *s, enum sl_endpoint ep, struct sl_str event,
                     uint64_t number)
{
    static const struct sl_heard_ops ops = {on_text, on_end};

    s->event = number;
    if (!sl_heard_event(&s->heard, ep, event, &ops, s) && s->blocks != 0)
        s->err = SL_ERR_UP_GARBAGE;
}

void sl_strands_rest(struct sl_strands *s)
{
    on_end(s, SL_HEARD_ALL);
}

/* ---- its life ---- */

void sl_strands_init(struct sl_strands *s, const struct sl_words *w, uint64_t lists,
                     uint64_t blocks)
{
    memset(s, 0, sizeof(*s));
    s->words = w;
    s->lists = lists;
    s->blocks = blocks;
    sl_list_init(&s->all);
}

void sl_strands_forget(struct sl_strands *s)
{
    while (!sl_list_is_empty(&s->all))
        drop_strand(s, SL_CONTAINER(s->all.next, struct strand, node));
}

void sl_strands_fini(struct sl_strands *s)
{
    sl_strands_forget(s);
}
