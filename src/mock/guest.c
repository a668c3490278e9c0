/* mock/guest.c -- one client connection: requests in, answers out, in turn. */
#include "mock/guest.h"

#include "base/log.h"
#include "base/mem.h"
#include "mock/play.h"

#define GUEST_MAGIC 0x534c4d43u
#define IDLE_MS 600000
#define FIN_MS 1000
#define IN_FIRST 4096
#define PIPELINED_MAX 65536

struct guest {
    uint32_t magic;
    struct sl_grave grave;
    struct sl_list node;
    struct sl_mock *mock;     /* up */
    struct sl_stream *stream; /* owns */
    struct sl_timer timer;    /* idle, or time to close */
    char *in;                 /* owns: request bytes, head first */
    size_t in_n, in_cap;
    size_t scanned; /* no end of head before this */
    /* the request being read, once its head is whole */
    size_t head_n;
    uint64_t length;
    bool chunked;
    struct sl_wire_chunks chunks;
    /* the answer under way */
    bool answering;
    bool keep_alive;
    bool counted; /* in stats.open_connections */
    struct sl_answer answer;
    struct sl_play play;
};

static void reap(struct sl_grave *g)
{
    struct guest *c = SL_CONTAINER(g, struct guest, grave);

    c->magic = SL_OBJ_DEAD;
    sl_mem_free(c->in);
    sl_mem_free(c);
}

static void answer_over(struct guest *c)
{
    if (!c->answering)
        return;
    c->answering = false;
    c->mock->stats.open_streams--;
    sl_play_stop(&c->play);
    sl_answer_fini(&c->answer);
}

static void guest_end(struct guest *c, enum sl_play_end how)
{
    answer_over(c);
    sl_timer_stop(c->mock->net, &c->timer);
    sl_play_fini(&c->play);
    if (how == SL_PLAY_FINISH)
        sl_stream_finish(&c->stream, FIN_MS);
    else if (how == SL_PLAY_RESET)
        sl_stream_reset(&c->stream);
    else
        sl_stream_close(&c->stream);
    if (c->counted)
        c->mock->stats.open_connections--;
    sl_list_unlink(&c->node);
    sl_net_bury(c->mock->net, &c->grave, reap);
}

/* Drops the request's bytes; the whole buffer becomes the last request's, in
 * exchange for the one before, when nothing else is in it. */
static void consume(struct guest *c, size_t body_n, bool remember)
{
    struct sl_stats *s = &c->mock->stats;
    size_t used = c->head_n + (c->chunked ? c->chunks.raw : body_n);

    if (remember && used == c->in_n) {
        char *p = s->last;
        size_t cap = s->last_cap;
        s->last = c->in;
        s->last_cap = c->in_cap;
        c->in = p;
        c->in_cap = cap;
    } else if (remember) {
        char *p =
            s->last_cap < c->head_n + body_n ? sl_mem_grow(s->last, c->head_n + body_n) : s->last;
        SL_CHECK(p != NULL);
        if (s->last_cap < c->head_n + body_n)
            s->last_cap = c->head_n + body_n;
        s->last = p;
        memcpy(p, c->in, c->head_n + body_n);
    }
    if (remember) {
        s->head_n = c->head_n;
        s->body_n = body_n;
    }
    c->in_n -= used;
    if (c->in_n > 0)
        memmove(c->in, c->in + used, c->in_n);
    c->head_n = c->scanned = 0;
}

/* A token of ours, by its number, unless it was revoked. */
static bool is_token_good(const struct sl_mock *m, struct sl_str given)
{
    const struct sl_str start = SL_STR("mock-token-");
    uint64_t n;

    return sl_str_to_u64(sl_str_from(given, start.n), &n) && n > m->stats.revoked &&
           n <= m->stats.tokens_before + m->stats.tokens;
}

static bool keys_ok(const struct sl_mock *m)
{
    struct sl_str given = sl_wire_get(&m->head, SL_STR("x-api-key"));
    struct sl_str token = sl_wire_get(&m->head, SL_STR("authorization"));
    const struct sl_str bearer = SL_STR("Bearer ");

    if (sl_str_starts(sl_str_from(token, bearer.n), SL_STR("mock-token-")))
        return is_token_good(m, sl_str_from(token, bearer.n));
    if (m->key.n == 0)
        return true;
    if (given.p == NULL) {
        given = sl_wire_get(&m->head, SL_STR("authorization"));
        if (!sl_str_starts_nocase(given, bearer))
            return false;
        given = sl_str_from(given, bearer.n);
    }
    return sl_str_eq_secret(given, m->key);
}

static void read_words(struct sl_words *w, const struct sl_ask *ask, struct sl_str header)
{
    struct sl_str name = ask->model;

    for (size_t i = name.n; i-- > 0;)
        if (name.p[i] == '/') { /* "vendor/mock-..." */
            name = sl_str_from(name, i + 1);
            break;
        }
    if (sl_str_starts(name, SL_STR("mock-")))
        sl_words_read(w, name);
    if (header.p != NULL)
        sl_words_read(w, header);
}

/* What it is told about its token endpoint. */
static void take_order(struct sl_mock *m, enum sl_ask_what what, struct sl_str body)
{
    if (what == SL_ASK_RESET)
        sl_stats_reset(&m->stats);
    if (what == SL_ASK_REVOKE)
        m->stats.revoked = m->stats.tokens_before + m->stats.tokens;
    if (what != SL_ASK_TOKEN_WORDS)
        return;
    body = sl_str_first(body, sizeof m->token_words);
    memcpy(m->token_words, body.p, body.n);
    m->token_words_n = body.n;
}

/* Answers about the mock itself. */
static void make_control(struct guest *c, const struct sl_ask *ask, struct sl_str asked)
{
    struct sl_answer *an = &c->answer;
    struct sl_str body = SL_STR("{\"ok\":true}");

    take_order(c->mock, ask->what, asked);
    if (ask->what == SL_ASK_STATS)
        body = sl_stats_json(&c->mock->stats, &an->arena);
    if (body.p == NULL || !sl_script_init(&an->script, &an->arena)) {
        an->broken = true;
        return;
    }
    an->status = 200;
    an->type = "application/json";
    sl_script_text(&an->script, body);
    sl_answer_head(an, ask);
}

static void make_answer(struct guest *c, struct sl_ask *ask, struct sl_str body)
{
    struct sl_mock *m = c->mock;
    struct sl_answer *an = &c->answer;
    bool wants_body = ask->what >= SL_ASK_MESSAGES;
    bool is_post = sl_str_eq(m->head.method, SL_STR("POST"));
    bool body_ok = !wants_body || sl_ask_body(ask, body);

    read_words(&an->words, ask, sl_wire_get(&m->head, SL_STR("x-mock")));
    if (ask->what == SL_ASK_TOKEN)
        sl_words_read(&an->words, (struct sl_str){m->token_words, m->token_words_n});
    an->close = !c->keep_alive;
    if (wants_body && (!is_post || !body_ok))
        an->words = (struct sl_words){.status = is_post ? 400 : 405};
    if (ask->what == SL_ASK_NOTHING)
        an->words = (struct sl_words){.status = 404};
    sl_answer_make(an, ask, keys_ok(m) || ask->what == SL_ASK_ROOT || ask->what == SL_ASK_TOKEN);
    if (sl_str_eq(m->head.method, SL_STR("HEAD"))) {
        an->script.run = an->script.n;
        an->chunked = false;
    }
}

static void note_token(struct guest *c, size_t body_n)
{
    struct sl_stats *s = &c->mock->stats;
    struct sl_str whole =
        sl_str_first((struct sl_str){c->in, c->head_n + body_n}, sizeof s->token_asked);

    memcpy(s->token_asked, whole.p, whole.n);
    s->token_asked_n = whole.n;
    c->answer.grant = s->tokens_before + ++s->tokens;
}

static void log_request(const struct guest *c, const struct sl_ask *ask)
{
    const struct sl_wire_head *h = &c->mock->head;

    if (sl_log_has(SL_LOG_INFO))
        sl_log(SL_LOG_INFO, "mock", (struct sl_str){"", 0}, "%.*s %.*s model=%.*s",
               SL_STR_ARGS(h->method), SL_STR_ARGS(h->target), SL_STR_ARGS(ask->model));
}

/* The request is whole: answer it. */
static enum sl_play_end serve(struct guest *c, size_t body_n)
{
    struct sl_mock *m = c->mock;
    struct sl_str body = {c->in + c->head_n, body_n};
    struct sl_ask ask;
    bool control;

    /* the head again: its slices may have moved with the buffer */
    if (sl_wire_head((struct sl_str){c->in, c->head_n}, &m->head) != SL_WIRE_WHOLE)
        return SL_PLAY_RESET;
    sl_ask_path(&ask, m->head.path,
                sl_wire_get(&m->head, SL_STR("anthropic-version")).p != NULL ||
                    sl_wire_get(&m->head, SL_STR("x-api-key")).p != NULL);
    control = ask.what >= SL_ASK_STATS && ask.what <= SL_ASK_REVOKE;
    c->answer = (struct sl_answer){.status = 200};
    sl_arena_init(&c->answer.arena, SL_ANSWER_ARENA);
    if (control && c->counted) {
        c->counted = false;
        m->stats.open_connections--;
    }
    m->stats.requests += !control && ask.what != SL_ASK_TOKEN;
    if (ask.what == SL_ASK_TOKEN)
        note_token(c, body_n);
    if (control)
        make_control(c, &ask, body);
    else
        make_answer(c, &ask, body);
    log_request(c, &ask);
    consume(c, body_n, !control && ask.what != SL_ASK_TOKEN);
    c->answering = true;
    m->stats.open_streams++;
    if (c->answer.broken)
        return SL_PLAY_RESET;
    return sl_play_start(&c->play, c->stream, &c->answer);
}

static void *grow(struct guest *c, size_t cap)
{
    char *p = cap > c->in_cap ? sl_mem_grow(c->in, cap) : c->in;

    if (p != NULL && cap > c->in_cap) {
        c->in = p;
        c->in_cap = cap;
    }
    return p;
}

/* A line of HTTP beside the answers. */
static void say(struct guest *c, struct sl_str line)
{
    if (!sl_stream_write(c->stream, &line, 1))
        c->play.full = true;
}

/* Notes the framing of a whole head. */
static enum sl_wire_step read_head(struct guest *c)
{
    struct sl_wire_head *h = &c->mock->head;
    enum sl_wire_step step = sl_wire_head((struct sl_str){c->in, c->in_n}, h);

    if (step != SL_WIRE_WHOLE)
        return step;
    c->head_n = h->size;
    c->length = h->length;
    c->chunked = h->chunked;
    c->keep_alive = h->keep_alive;
    c->chunks = (struct sl_wire_chunks){0};
    if (h->expect && c->in_n == h->size)
        say(c, SL_STR("HTTP/1.1 100 Continue\r\n\r\n"));
    if (c->length > SL_MOCK_BODY_MAX || grow(c, c->head_n + (size_t)c->length) == NULL)
        return SL_WIRE_BAD;
    return SL_WIRE_WHOLE;
}

/* Is a whole request in `in`? Its body's size then. */
static enum sl_wire_step read_request(struct guest *c, size_t *body_n)
{
    enum sl_wire_step step;

    if (c->head_n == 0 && (step = read_head(c)) != SL_WIRE_WHOLE)
        return step;
    if (!c->chunked) {
        *body_n = (size_t)c->length;
        return c->in_n - c->head_n >= c->length ? SL_WIRE_WHOLE : SL_WIRE_MORE;
    }
    step = sl_wire_dechunk(c->in + c->head_n, c->in_n - c->head_n, &c->chunks);
    *body_n = c->chunks.out;
    return step;
}

static void advance(struct guest *c);

/* How an answer went, when it went on after advance() had returned. */
static void settle(struct guest *c, enum sl_play_end how)
{
    if (how == SL_PLAY_RUNS)
        return;
    if (how != SL_PLAY_DONE) {
        guest_end(c, how);
        return;
    }
    uint64_t close_ms = c->answer.words.idleclose;
    answer_over(c);
    sl_timer_start(c->mock->net, &c->timer, close_ms > 0 ? close_ms : IDLE_MS);
}

static void advance(struct guest *c)
{
    while (!c->answering && c->in_n > 0) {
        size_t body_n = 0;
        enum sl_wire_step step = read_request(c, &body_n);

        if (step == SL_WIRE_MORE)
            return;
        if (step == SL_WIRE_BAD) {
            say(c, SL_STR("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n"
                          "connection: close\r\n\r\n"));
            guest_end(c, SL_PLAY_FINISH);
            return;
        }
        sl_timer_stop(c->mock->net, &c->timer);
        enum sl_play_end how = serve(c, body_n);
        settle(c, how);
        if (how == SL_PLAY_FINISH || how == SL_PLAY_RESET)
            return;
    }
}

static void on_stream_data(void *holder, struct sl_str bytes)
{
    struct guest *c = holder;
    size_t need = c->in_n + bytes.n;

    SL_OBJ_CHECK(c, GUEST_MAGIC);
    if ((c->answering && need > PIPELINED_MAX) || need > SL_MOCK_BODY_MAX + SL_WIRE_HEAD_MAX ||
        (need > c->in_cap && grow(c, need < IN_FIRST ? IN_FIRST : need + need / 2) == NULL)) {
        guest_end(c, SL_PLAY_RESET);
        return;
    }
    memcpy(c->in + c->in_n, bytes.p, bytes.n);
    c->in_n += bytes.n;
    advance(c);
}

static void on_stream_drain(void *holder)
{
    struct guest *c = holder;

    SL_OBJ_CHECK(c, GUEST_MAGIC);
    enum sl_play_end how = sl_play_drained(&c->play);
    settle(c, how);
    if (how == SL_PLAY_DONE)
        advance(c);
}

static void on_stream_end(void *holder, enum sl_err why)
{
    struct guest *c = holder;

    (void)why;
    SL_OBJ_CHECK(c, GUEST_MAGIC);
    if (c->answering)
        c->mock->stats.aborted++;
    guest_end(c, SL_PLAY_RUNS);
}

static void on_stream_open(void *holder)
{
    struct guest *c = holder;

    sl_stream_want(c->stream, true);
}

static void on_play_over(struct sl_play *p, enum sl_play_end how)
{
    struct guest *c = SL_CONTAINER(p, struct guest, play);

    settle(c, how);
    if (how == SL_PLAY_DONE)
        advance(c);
}

static void on_timer(struct sl_timer *t)
{
    struct guest *c = SL_CONTAINER(t, struct guest, timer);

    guest_end(c, SL_PLAY_FINISH);
}

void sl_guest_accept(void *ctx, struct sl_stream *s)
{
    static const struct sl_stream_ops ops = {.open = on_stream_open,
                                             .data = on_stream_data,
                                             .drain = on_stream_drain,
                                             .end = on_stream_end};
    struct sl_mock *m = ctx;
    struct guest *c = sl_mem_new(sizeof(*c));

    c->magic = GUEST_MAGIC;
    c->mock = m;
    c->stream = s;
    c->counted = true;
    sl_timer_init(&c->timer, on_timer);
    sl_play_init(&c->play, m->net, on_play_over);
    sl_list_push_back(&m->guests, &c->node);
    m->stats.accepted++;
    m->stats.open_connections++;
    sl_stream_adopt(s, &ops, c);
    sl_stream_want(s, true);
    sl_timer_start(m->net, &c->timer, IDLE_MS);
}

void sl_mock_init(struct sl_mock *m, struct sl_net *net)
{
    *m = (struct sl_mock){.net = net};
    sl_list_init(&m->guests);
}

void sl_mock_fini(struct sl_mock *m)
{
    while (!sl_list_is_empty(&m->guests))
        guest_end(SL_CONTAINER(m->guests.next, struct guest, node), SL_PLAY_RUNS);
    sl_stats_fini(&m->stats);
}
