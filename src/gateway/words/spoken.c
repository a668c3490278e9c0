/* Events that wait until it is known what they say (strands.h), and what becomes of an answer
 * with a word. */
#include "gateway/words/spoken.h"

#include "base/mem.h"
#include "gateway/inside.h"
#include "gateway/quota/hard.h"
#include "gateway/cache/reuse.h"
#include "gateway/relay/relay.h"
#include "gateway/words/feed.h"
#include "gateway/words/lists.h"
#include "gateway/words/strands.h"
#include "llm/finish.h"
#include "llm/said.h"

struct kept { /* an event that waits */
    struct sl_list node;
    uint64_t event;
    size_t n;
    bool pass;
    char bytes[];
};

struct sl_spoken {
    struct sl_req *r; /* up */
    struct sl_strands strands;
    struct sl_list kept;
    size_t kept_n;            /* bytes */
    uint64_t event;           /* the number of the last one heard */
    struct sl_finish *finish; /* owns: where a list blocks */
    struct sl_arena arena;    /* of a plain answer */
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
    sl_strands_init(&s->strands, r->conf->words, r->answer_lists,
                    sl_lists_blocking(r, r->answer_lists));
    sl_list_init(&s->kept);
    sl_arena_init(&s->arena, SL_SPOKEN_WHOLE + SL_REQ_HOLD_MAX);
    r->spoken = s;
    return s;
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

void sl_spoken_end(struct sl_req *r)
{
    struct sl_spoken *s = r->spoken;

    if (s == NULL)
        return;
    r->spoken = NULL;
    drop_kept(s);
    sl_strands_fini(&s->strands);
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
    if (s->strands.blocks != 0)
        s->finish = sl_finish_new(r->ep);
    return s->strands.blocks == 0 || s->finish != NULL;
}

bool sl_spoken_blocks(const struct sl_req *r)
{
    return r->spoken != NULL && r->spoken->strands.blocks != 0;
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
    sl_strands_forget(&s->strands);
    sl_lists_count(r, s->strands.count);
    memset(s->strands.count, 0, sizeof(s->strands.count));
}

bool sl_spoken_hear(struct sl_req *r, struct sl_str event, bool last)
{
    struct sl_spoken *s = r->spoken;

    sl_strands_hear(&s->strands, r->ep, event, ++s->event);
    if (last)
        sl_strands_rest(&s->strands);
    return s->strands.err == SL_OK && s->strands.found == 0;
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
    while (is_too_much(s) && sl_strands_hush(&s->strands))
        if (s->strands.found == 0 && !release(s, sl_strands_first_waiting(&s->strands)))
            return false;
    return true;
}

bool sl_spoken_hand(struct sl_req *r, struct sl_str event, bool pass)
{
    struct sl_spoken *s = r->spoken;
    uint64_t first =
        s->strands.blocks != 0 ? sl_strands_first_waiting(&s->strands) : SL_STRANDS_NEVER;

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
    sl_strands_rest(&s->strands);
    if (s->strands.err != SL_OK || s->strands.found != 0)
        return false;
    return release(s, SL_STRANDS_NEVER);
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
    if (s->strands.found == 0)
        return sl_relay_fail(r, s->strands.err != SL_OK ? s->strands.err : SL_ERR_NO_MEMORY);
    if (!r->committed)
        return refuse(r, s->strands.found);
    r->blocked_by = &r->conf->word_lists[__builtin_ctzll(s->strands.found)];
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
