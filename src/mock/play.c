/* mock/play.c -- one loop over the script; every wait leaves it and comes back.
 *
 *   start ─► (first) ─► head ─► pump ─► item, item, item ... ─► end
 *                                │ full: drain    │ slow: timer
 *                                │ split: task    │ fault: strike
 */
#include "mock/play.h"

#include "base/mem.h"
#include "base/obj.h"

#define STALL_LIMIT_MS 600000 /* nobody waits for ever, not even here */
#define FLUSH_STEP_MS 10
#define FLUSH_STEPS 200

static enum sl_play_end pump(struct sl_play *p);

static bool is_split(const struct sl_play *p)
{
    return p->answer->words.split > 0 || p->answer->words.splitutf8 > 0;
}

/* Sends slices, or lays them aside for small writes. */
static void emit(struct sl_play *p, const struct sl_str *parts, size_t n)
{
    if (!is_split(p)) {
        if (!sl_stream_write(p->stream, parts, n))
            p->full = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (p->wire_n + parts[i].n > p->wire_cap) {
            size_t cap = (p->wire_n + parts[i].n) * 2;
            char *grown = sl_mem_grow(p->wire, cap);
            SL_CHECK(grown != NULL); /* an event, at most: see script.h */
            p->wire = grown;
            p->wire_cap = cap;
        }
        if (parts[i].n > 0)
            memcpy(p->wire + p->wire_n, parts[i].p, parts[i].n);
        p->wire_n += parts[i].n;
    }
}

static void emit_text(struct sl_play *p, struct sl_str s)
{
    emit(p, &s, 1);
}

/* One item as one chunk. */
static void emit_item(struct sl_play *p, struct sl_str *parts, size_t n)
{
    struct sl_str framed[SL_SCRIPT_PARTS + 2];
    char size[20];
    size_t sum = 0, at = sizeof(size);

    if (!p->answer->chunked) {
        emit(p, parts, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        framed[i + 1] = parts[i];
        sum += parts[i].n;
    }
    if (sum == 0) /* would be the last chunk */
        return;
    size[--at] = '\n';
    size[--at] = '\r';
    for (; sum > 0; sum >>= 4)
        size[--at] = "0123456789abcdef"[sum & 15];
    framed[0] = (struct sl_str){size + at, sizeof(size) - at};
    framed[n + 1] = SL_STR("\r\n");
    emit(p, framed, n + 2);
}

static enum sl_play_end end_of(const struct sl_play *p)
{
    return p->answer->close ? SL_PLAY_FINISH : SL_PLAY_DONE;
}

static void wait_for(struct sl_play *p, enum sl_play_state state, uint64_t ms)
{
    p->state = state;
    sl_timer_start(p->net, &p->timer, ms);
}

static bool fault_is_due(const struct sl_play *p)
{
    const struct sl_words *w = &p->answer->words;

    if (w->fault == SL_FAULT_NONE || p->answer->status != 200)
        return false;
    if (!p->answer->stream)
        return w->fault != SL_FAULT_ERROR && p->items >= (w->fault_at > 0 ? 1 : 0);
    if (w->fault_pre)
        return sl_script_is_content(&p->answer->script);
    return w->fault_at == 0 || p->content >= w->fault_at;
}

static enum sl_play_end strike(struct sl_play *p)
{
    switch ((enum sl_fault)p->answer->words.fault) {
    case SL_FAULT_STALL: wait_for(p, SL_PLAY_STALLED, STALL_LIMIT_MS); return SL_PLAY_RUNS;
    case SL_FAULT_RESET:
        p->items = 0; /* counts the steps from here on */
        wait_for(p, SL_PLAY_LAST, FLUSH_STEP_MS);
        return SL_PLAY_RUNS;
    case SL_FAULT_BADCHUNK: emit_text(p, SL_STR("xyzzy\r\nnot a chunk\r\n")); return SL_PLAY_FINISH;
    case SL_FAULT_ERROR:
        emit_item(p, &p->answer->error, 1);
        emit_text(p, SL_STR("0\r\n\r\n"));
        return SL_PLAY_FINISH;
    case SL_FAULT_CUT:
    case SL_FAULT_NONE: break;
    }
    return SL_PLAY_FINISH;
}

/* The next small write's length: `split` bytes, or up to and with the next
 * byte that begins a longer character. */
static size_t small_write(const struct sl_play *p)
{
    size_t left = p->wire_n - p->wire_at;
    size_t n = 1;

    if (p->answer->words.split > 0)
        return p->answer->words.split < left ? (size_t)p->answer->words.split : left;
    while (n < left && (unsigned char)p->wire[p->wire_at + n - 1] < 0xC0)
        n++;
    return n;
}

static void tick(struct sl_play *p)
{
    struct sl_str s = {p->wire + p->wire_at, small_write(p)};

    p->wire_at += s.n;
    if (!sl_stream_write(p->stream, &s, 1))
        p->full = true;
}

/* What is laid aside goes out, a small write a turn. */
static enum sl_play_end give_out(struct sl_play *p)
{
    if (p->wire_at < p->wire_n) {
        p->state = SL_PLAY_SPLIT;
        if (!p->full)
            sl_net_defer(p->net, &p->tick);
        return SL_PLAY_RUNS;
    }
    p->wire_n = p->wire_at = 0;
    return p->ending ? end_of(p) : pump(p);
}

static enum sl_play_end pump(struct sl_play *p)
{
    struct sl_script *script = &p->answer->script;
    struct sl_str parts[SL_SCRIPT_PARTS];
    bool content = false;

    for (;;) {
        p->state = SL_PLAY_BODY;
        if (p->full)
            return SL_PLAY_RUNS;
        if (fault_is_due(p))
            return strike(p);
        if (sl_script_is_over(script)) {
            if (p->answer->chunked)
                emit_text(p, SL_STR("0\r\n\r\n"));
            p->ending = true;
            return is_split(p) ? give_out(p) : end_of(p);
        }
        emit_item(p, parts, sl_script_next(script, parts, &content));
        p->items++;
        p->content += content;
        if (is_split(p))
            return give_out(p);
        if (content && p->answer->words.slow > 0) {
            sl_timer_start(p->net, &p->timer, p->answer->words.slow);
            return SL_PLAY_RUNS;
        }
    }
}

static enum sl_play_end begin(struct sl_play *p)
{
    static const struct sl_str early =
        SL_STR_INIT("HTTP/1.1 103 Early Hints\r\nlink: </hint>; rel=preload\r\n\r\n");

    for (uint64_t i = 0; i < p->answer->words.early && i < 10000; i++)
        emit_text(p, early);
    emit_text(p, p->answer->head);
    return is_split(p) ? give_out(p) : pump(p);
}

static enum sl_play_end flush_step(struct sl_play *p)
{
    bool empty = sl_stream_queued(p->stream) == 0;

    if (p->items++ >= FLUSH_STEPS || (empty && p->items > 2))
        return SL_PLAY_RESET;
    sl_timer_start(p->net, &p->timer, FLUSH_STEP_MS);
    return SL_PLAY_RUNS;
}

static void tell(struct sl_play *p, enum sl_play_end how)
{
    if (how != SL_PLAY_RUNS)
        p->over(p, how);
}

static void on_timer(struct sl_timer *t)
{
    struct sl_play *p = SL_CONTAINER(t, struct sl_play, timer);

    switch (p->state) {
    case SL_PLAY_FIRST: tell(p, begin(p)); break;
    case SL_PLAY_BODY: tell(p, pump(p)); break;
    case SL_PLAY_LAST: tell(p, flush_step(p)); break;
    case SL_PLAY_STALLED: tell(p, SL_PLAY_FINISH); break;
    case SL_PLAY_SPLIT:
    case SL_PLAY_IDLE: break;
    }
}

static void on_tick(struct sl_task *t)
{
    struct sl_play *p = SL_CONTAINER(t, struct sl_play, tick);

    tick(p);
    tell(p, give_out(p));
}

void sl_play_init(struct sl_play *p, struct sl_net *net,
                  void (*over)(struct sl_play *p, enum sl_play_end how))
{
    *p = (struct sl_play){.net = net, .over = over};
    sl_timer_init(&p->timer, on_timer);
    sl_task_init(&p->tick, on_tick);
}

enum sl_play_end sl_play_start(struct sl_play *p, struct sl_stream *s, struct sl_answer *an)
{
    p->stream = s;
    p->answer = an;
    p->items = p->content = 0;
    p->ending = false;
    p->wire_n = p->wire_at = 0;
    if (an->words.drop)
        return SL_PLAY_FINISH;
    if (an->words.rst)
        return SL_PLAY_RESET;
    if (an->words.hang) {
        wait_for(p, SL_PLAY_STALLED, STALL_LIMIT_MS);
        return SL_PLAY_RUNS;
    }
    if (an->words.first > 0) {
        wait_for(p, SL_PLAY_FIRST, an->words.first);
        return SL_PLAY_RUNS;
    }
    return begin(p);
}

enum sl_play_end sl_play_drained(struct sl_play *p)
{
    p->full = false;
    if (p->state == SL_PLAY_SPLIT)
        return give_out(p);
    if (p->state == SL_PLAY_BODY && !sl_timer_is_armed(&p->timer))
        return pump(p);
    return SL_PLAY_RUNS;
}

void sl_play_stop(struct sl_play *p)
{
    sl_timer_stop(p->net, &p->timer);
    sl_task_cancel(&p->tick);
    p->state = SL_PLAY_IDLE;
    p->stream = NULL;
    p->answer = NULL;
}

void sl_play_fini(struct sl_play *p)
{
    sl_play_stop(p);
    sl_mem_free(p->wire);
    p->wire = NULL;
}
