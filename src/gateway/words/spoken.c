/* A stream's texts, strand by strand, and the events that wait until it is known what they
 * say. */
#include "gateway/words/spoken.h"

#include "base/mem.h"
#include "gateway/inside.h"
#include "gateway/quota/hard.h"
#include "gateway/cache/reuse.h"
#include "gateway/relay/relay.h"
#include "gateway/words/feed.h"
#include "gateway/words/lists.h"
#include "llm/finish.h"
#include "llm/heard.h"
#include "llm/said.h"

#define NEVER UINT64_MAX

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

struct kept { /* an event that waits */
    struct sl_list node;
    uint64_t event;
    size_t n;
    bool pass;
    char bytes[];
};

struct sl_spoken {
    struct sl_req *r;               /* up */
    uint64_t blocks;                /* bits: lists */
    uint64_t found;                 /* of those: the words stand in it */
    uint32_t count[SL_WORDS_LISTS]; /* of strands that have ended */
    struct sl_heard heard;
    struct sl_list strands; /* the last one spoke last */
    size_t strands_n;
    struct sl_list kept;
    size_t kept_n; /* bytes */
    uint64_t event;
    struct sl_finish *finish; /* owns: where a list blocks */
    struct sl_arena arena;    /* of a plain answer */
    enum sl_err err;          /* why it can't go on */
    bool stopped;
};

/* ---- its life ---- */

static struct sl_spoken *make(struct sl_req *r)
{
    struct sl_spoken *s = sl_mem_try(sizeof(*s));

    if (s == NULL)
        return NULL;
    memset(s, 0, sizeof(*s));
    s->r = r;
    s->blocks = sl_lists_blocking(r, r->answer_lists);
    sl_list_init(&s->strands);
    sl_list_init(&s->kept);
    sl_arena_init(&s->arena, SL_SPOKEN_WHOLE + SL_REQ_HOLD_MAX);
    r->spoken = s;
    return s;
}

static void drop_strand(struct sl_spoken *s, struct strand *t)
{
    for (size_t i = 0; i < SL_WORDS_LISTS; i++)
        s->count[i] += t->feed.seek.count[i];
    sl_list_unlink(&t->node);
    s->strands_n--;
    sl_mem_free(t->marks);
    sl_mem_free(t);
}

static void drop_kept(struct sl_spoken *s)
{
    while (!sl_list_is_empty(&s->kept)) {
        struct kept *k = SL_CONTAINER(s->kept.next, struct kept, node);

        sl_list_unlink(&k->node);
        sl_mem_free(k);
    }
    s->kept_n = 0;
}

static void drop_strands(struct sl_spoken *s)
{
    while (!sl_list_is_empty(&s->strands))
        drop_strand(s, SL_CONTAINER(s->strands.next, struct strand, node));
}

void sl_spoken_end(struct sl_req *r)
{
    struct sl_spoken *s = r->spoken;

    if (s == NULL)
        return;
    r->spoken = NULL;
    drop_kept(s);
    drop_strands(s);
    sl_finish_end(&s->finish);
    sl_arena_fini(&s->arena);
    sl_mem_free(s);
}

bool sl_spoken_listen(struct sl_req *r)
{
    struct sl_spoken *s;

    sl_spoken_end(r);
    if (r->answer_lists == 0 || r->mode != SL_RELAY_STREAM)
        return true;
    s = make(r);
    if (s == NULL)
        return false;
    r->tail.max = SL_SPOKEN_EVENT;
    if (s->blocks != 0)
        s->finish = sl_finish_new(r->ep);
    return s->blocks == 0 || s->finish != NULL;
}

bool sl_spoken_blocks(const struct sl_req *r)
{
    return r->spoken != NULL && r->spoken->blocks != 0;
}

void sl_spoken_set_hold(struct sl_req *r)
{
    if (r->answer_lists == 0 || r->translation != NULL)
        return;
    r->hold.max =
        r->answer->event_stream || r->answer->status >= 400 ? SL_REQ_HOLD_MAX : SL_SPOKEN_WHOLE;
}

bool sl_spoken_lets_pass(const struct sl_req *r)
{
    return r->answer_lists != 0 && r->translation == NULL &&
           sl_lists_blocking(r, r->answer_lists) == 0;
}

struct sl_arena *sl_spoken_arena(struct sl_req *r)
{
    struct sl_spoken *s = r->spoken != NULL ? r->spoken : make(r);

    return s != NULL ? &s->arena : NULL;
}

void sl_spoken_count(struct sl_req *r)
{
    struct sl_spoken *s = r->spoken;

    if (s == NULL)
        return;
    drop_strands(s);
    sl_lists_count(r, s->count);
    memset(s->count, 0, sizeof(s->count));
}

/* ---- strands ---- */

static void note_found(struct sl_spoken *s, uint64_t lists)
{
    s->found |= lists & s->blocks;
}

static void end_strand(struct sl_spoken *s, struct strand *t)
{
    sl_feed_rest(&t->feed);
    note_found(s, t->feed.seek.found);
    drop_strand(s, t);
}

/* A word that is whole so far counts as one: what may make it longer will not go out. */
static void silence(struct sl_spoken *s, struct strand *t)
{
    t->quiet = true;
    t->marks_n = 0;
    note_found(s, sl_words_due(&t->feed.seek));
}

static struct strand *make_strand(struct sl_spoken *s, const struct sl_heard_text *text)
{
    struct strand *t;

    if (s->strands_n == SL_SPOKEN_STRANDS)
        end_strand(s, SL_CONTAINER(s->strands.next, struct strand, node));
    t = sl_mem_try(sizeof(*t));
    if (t == NULL)
        return NULL;
    *t = (struct strand){.group = text->group, .part = text->part};
    sl_feed_begin(&t->feed, s->r->conf->words, s->r->answer_lists);
    sl_list_push_back(&s->strands, &t->node);
    s->strands_n++;
    return t;
}

/* The strand of a text, which is now its group's only one that goes on. */
static struct strand *strand_of(struct sl_spoken *s, const struct sl_heard_text *text)
{
    struct strand *found = NULL;

    for (struct sl_list *l = s->strands.next; l != &s->strands; l = l->next) {
        struct strand *t = SL_CONTAINER(l, struct strand, node);

        if (t->group == text->group && t->part == text->part)
            found = t;
        else if (t->group == text->group && !t->quiet)
            silence(s, t);
    }
    if (found == NULL)
        return make_strand(s, text);
    sl_list_unlink(&found->node);
    sl_list_push_back(&s->strands, &found->node);
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
static uint64_t waits_for(const struct sl_spoken *s, struct strand *t)
{
    size_t open = t->quiet ? 0 : sl_words_open(&t->feed.seek, s->blocks);
    uint64_t from = t->feed.seek.at - open;
    size_t at = 0;

    if (open == 0)
        t->marks_n = 0;
    if (t->marks_n == 0)
        return NEVER;
    while (at + 1 < t->marks_n && t->marks[at + 1].at <= from)
        at++;
    memmove(t->marks, t->marks + at, (t->marks_n - at) * sizeof(*t->marks));
    t->marks_n -= at;
    return t->marks[0].event;
}

static uint64_t first_waiting(struct sl_spoken *s)
{
    uint64_t first = NEVER;

    for (struct sl_list *l = s->strands.next; l != &s->strands; l = l->next) {
        uint64_t event = waits_for(s, SL_CONTAINER(l, struct strand, node));

        if (event < first)
            first = event;
    }
    return first;
}

/* ---- what is heard ---- */

static void hear_whole(struct sl_spoken *s, const struct sl_heard_text *text)
{
    struct sl_feed f;

    sl_feed_begin(&f, s->r->conf->words, s->r->answer_lists);
    sl_feed_text(&f, text->inner, text->json);
    sl_feed_rest(&f);
    note_found(s, f.seek.found);
    for (size_t i = 0; i < SL_WORDS_LISTS; i++)
        s->count[i] += f.seek.count[i];
}

static void on_text(void *ctx, const struct sl_heard_text *text)
{
    struct sl_spoken *s = ctx;
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
    struct sl_spoken *s = ctx;
    struct sl_list *next;

    for (struct sl_list *l = s->strands.next; l != &s->strands; l = next) {
        struct strand *t = SL_CONTAINER(l, struct strand, node);

        next = l->next;
        if (group == SL_HEARD_ALL || t->group == group)
            end_strand(s, t);
    }
}

bool sl_spoken_hear(struct sl_req *r, struct sl_str event, bool last)
{
    static const struct sl_heard_ops ops = {on_text, on_end};
    struct sl_spoken *s = r->spoken;

    s->event++;
    if (!sl_heard_event(&s->heard, r->ep, event, &ops, s) && s->blocks != 0)
        s->err = SL_ERR_UP_GARBAGE;
    if (last)
        on_end(s, SL_HEARD_ALL);
    return s->err == SL_OK && s->found == 0;
}

/* ---- what goes on ---- */

/* Nothing but this has reached anybody: what is folded, and what an ending goes by. */
static bool go(struct sl_spoken *s, struct sl_str event, bool pass)
{
    sl_reuse_event(s->r, event);
    sl_hard_event(s->r, event);
    if (s->finish != NULL)
        sl_finish_event(s->finish, event);
    return sl_relay_hand(s->r, event, pass);
}

static bool keep(struct sl_spoken *s, struct sl_str event, bool pass)
{
    struct kept *k = sl_mem_try(sizeof(*k) + event.n);

    if (k == NULL)
        return false;
    *k = (struct kept){.event = s->event, .n = event.n, .pass = pass};
    memcpy(k->bytes, event.p, event.n);
    sl_list_push_back(&s->kept, &k->node);
    s->kept_n += event.n;
    return true;
}

static bool release(struct sl_spoken *s, uint64_t before)
{
    bool ok = true;

    while (ok && !sl_list_is_empty(&s->kept)) {
        struct kept *k = SL_CONTAINER(s->kept.next, struct kept, node);

        if (k->event >= before)
            break;
        sl_list_unlink(&k->node);
        s->kept_n -= k->n;
        ok = go(s, (struct sl_str){k->bytes, k->n}, k->pass);
        sl_mem_free(k);
    }
    return ok;
}

/* More waits behind the first event than may. */
static bool is_too_much(const struct sl_spoken *s)
{
    return !sl_list_is_empty(&s->kept) &&
           s->kept_n - SL_CONTAINER(s->kept.next, struct kept, node)->n > SL_SPOKEN_BACK;
}

/* Texts that stand still with what may become a word, while others go on. */
static bool give_way(struct sl_spoken *s)
{
    for (struct sl_list *l = s->strands.next; l != &s->strands && is_too_much(s); l = l->next) {
        silence(s, SL_CONTAINER(l, struct strand, node));
        if (s->found == 0 && !release(s, first_waiting(s)))
            return false;
    }
    return true;
}

bool sl_spoken_hand(struct sl_req *r, struct sl_str event, bool pass)
{
    struct sl_spoken *s = r->spoken;
    uint64_t first = s->blocks != 0 ? first_waiting(s) : NEVER;

    if (!release(s, first))
        return false;
    if (sl_list_is_empty(&s->kept) && s->event < first)
        return go(s, event, pass);
    return keep(s, event, pass) && give_way(s);
}

bool sl_spoken_rest(struct sl_req *r)
{
    struct sl_spoken *s = r->spoken;

    if (s->stopped)
        return true;
    on_end(s, SL_HEARD_ALL);
    if (s->err != SL_OK || s->found != 0)
        return false;
    if (!release(s, NEVER))
        s->err = SL_ERR_NO_MEMORY;
    return s->err == SL_OK;
}

/* ---- the end of a word's answer ---- */

static enum sl_state refuse(struct sl_req *r, uint64_t found)
{
    const struct sl_word_list *list = &r->conf->word_lists[__builtin_ctzll(found)];

    sl_call_end(&r->call);
    r->blocked_by = list;
    r->ending = SL_END_STOPPED;
    return sl_req_refuse(r, SL_ERR_WORDS, 0,
                         "Answer blocked: it holds a word of list %.*s; change the prompt, or "
                         "ask your administrator.",
                         SL_STR_ARGS(list->name));
}

enum sl_state sl_spoken_stop(struct sl_req *r)
{
    struct sl_spoken *s = r->spoken;

    s->stopped = true;
    drop_kept(s);
    if (s->found == 0)
        return sl_relay_fail(r, s->err != SL_OK ? s->err : SL_ERR_NO_MEMORY);
    if (!r->committed)
        return refuse(r, s->found);
    r->blocked_by = &r->conf->word_lists[__builtin_ctzll(s->found)];
    return sl_relay_end_early(r, s->finish, SL_ERR_WORDS, SL_END_STOPPED);
}

static void on_said(void *ctx, struct sl_str inner, bool json)
{
    sl_feed_text(ctx, inner, json);
    sl_feed_rest(ctx);
}

enum sl_state sl_spoken_plain(struct sl_req *r, struct sl_str answer)
{
    struct sl_feed f;
    uint64_t found;

    if (r->answer_lists == 0)
        return SL_ST_RELAY;
    sl_feed_begin(&f, r->conf->words, r->answer_lists);
    sl_said_answer(answer, on_said, &f);
    sl_lists_count(r, f.seek.count);
    found = f.seek.found & sl_lists_blocking(r, r->answer_lists);
    return found != 0 ? refuse(r, found) : SL_ST_RELAY;
}
