/* The ledger: every line reaches the store once, in order, through failures, outages,
 * restarts and more lines than memory holds.
 * timeout: 120 */
#include "store/ledger/ledger.c"

#include "unit/_store_test.h"

#include "base/rand.h"
#include "store/trail/inside.h"

struct rig {
    struct sl_net *net;
    struct fake f;
    struct sl_trail *t;
    struct sl_ledger *l;
};

static void synced(void *ctx)
{
    sl_ledger_synced(((struct rig *)ctx)->l);
}

/* The ledger alone, over the trail in `dir` ("": none). The fake is kept over restarts. */
static void open_rig(struct rig *r, const char *where)
{
    char why[256] = "";

    r->t = NULL;
    if (where[0] != 0) {
        r->t = sl_trail_open(r->net, sl_str_of(where), why, sizeof why);
        if (r->t == NULL)
            fail_msg("%s", why);
    }
    r->l = sl_ledger_new(r->net, &r->f.base, r->t,
                         r->t != NULL ? sl_trail_instance(r->t) : SL_STR("01234567"));
    if (r->t != NULL)
        sl_trail_on_synced(r->t, synced, r);
}

static void begin(struct rig *r, const char *where)
{
    r->net = sl_net_new();
    fake_init(&r->f, r->net);
    open_rig(r, where);
}

static void shut(struct rig *r)
{
    if (r->t != NULL)
        sl_trail_on_synced(r->t, NULL, NULL);
    sl_ledger_end(&r->l);
    sl_trail_end(&r->t);
}

static void finish(struct rig *r)
{
    shut(r);
    assert_true(sl_list_is_empty(&r->f.open));
    fake_fini(&r->f);
    close_net(&r->net);
}

static void settle(struct rig *r, const char *tenant, uint64_t id, int64_t cost_micro)
{
    const struct sl_ledger_extra extra = {.reserved_micro = 1000};
    struct request q;

    request_init(&q, tenant, id);
    q.terms[SL_LEVEL_TENANT].budget.credits_micro = 5000000;
    q.line.cost_micro = cost_micro;
    sl_ledger_settle(r->l, &q.line, &extra);
}

/* Pumped as beats do, but faster. */
static void until_sent(struct rig *r)
{
    uint64_t until = clock_ms() + 20000, next = 0;

    while (sl_ledger_unsent(r->l) > 0 || r->l->spilled) {
        if (clock_ms() >= next) {
            sl_ledger_pump(r->l);
            next = clock_ms() + 20;
        }
        sl_net_turn(r->net, 2);
        if (clock_ms() > until)
            fail_msg("%llu lines are still not sent", (unsigned long long)sl_ledger_unsent(r->l));
    }
}

/* Costs 1, 2, 3, … were settled in this order by this tenant: all there, once, in order. */
static void assert_all(const struct fake *f, const char *tenant, int64_t n)
{
    uint64_t last = 0;
    int64_t seen = 0;

    for (size_t i = 0; i < f->lines_n; i++) {
        const struct fake_line *l = &f->lines[i];

        if (strcmp(l->tenant, tenant) != 0)
            continue;
        assert_true(l->number > last);
        assert_int_equal(l->cost_micro, ++seen);
        last = l->number;
    }
    assert_int_equal(seen, n);
    assert_false(f->out_of_order);
    assert_int_equal(f->busy_tenants, 0);
    assert_true(f->largest_batch <= SL_LEDGER_BATCH);
}

static void trail_first(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, dir);
    settle(&r, "acme", 1, 1);
    assert_int_equal(r.f.calls[F_APPLY], 0); /* not before it is on disk */
    assert_int_equal(sl_ledger_unsent(r.l), 1);
    UNTIL(r.net, sl_ledger_unsent(r.l) == 0);
    assert_true(sl_trail_synced(r.t) >= r.f.lines[0].number);
    assert_int_equal(r.f.lines_n, 1);
    assert_int_equal(r.f.lines[0].reserved_micro, 1000);
    assert_true(r.f.lines[0].account);
    assert_int_equal(r.f.lines[0].requests, 1);
    assert_int_equal(sl_trail_last_acked(r.t), r.f.lines[0].number);
    assert_int_equal(sl_ledger_lag_ms(r.l), 0);
    finish(&r);
}

static void keep_line(void *ctx, uint64_t number, struct sl_str line)
{
    struct sl_str *last = ctx;

    (void)number;
    free((char *)last->p);
    *last = (struct sl_str){strndup(line.p, line.n), line.n};
}

static void assert_member(struct sl_str line, const char *name, const char *want)
{
    struct sl_str value = sl_json_get(line, sl_str_of(name));

    if (!sl_str_eq(value, sl_str_of(want)))
        fail_msg("%s: %.*s, wanted %s", name, SL_STR_ARGS(value), want);
}

/* What auditors ask for: it fits whatever the texts are, and never costs what is counted. */
static void for_auditors(void **state)
{
    static char wild[1000], path[4096];
    struct sl_text list = sl_text_over(path, sizeof path);
    struct sl_str text = {wild, sizeof wild}, line = {NULL, 0};
    struct sl_audit audit = {.trace = text,
                             .end_user = text,
                             .app = text,
                             .client = text,
                             .asked = text,
                             .answered = text,
                             .provider_id = text,
                             .config = text,
                             .first_ms = 12,
                             .has_prompt = true};
    const struct sl_ledger_extra extra = {.reserved_micro = 1000};
    struct sl_trail_report report;
    struct request q;
    struct rig r;

    (void)state;
    memset(wild, 1, sizeof wild); /* six bytes each when they are escaped */
    sl_text_byte(&list, '[');
    sl_text_json(&list, (struct sl_str){wild, 600}, 0);
    sl_text_byte(&list, ']');
    audit.path = sl_text_str(&list);
    begin(&r, dir);
    request_init(&q, "acme", 1);
    q.line.user = q.line.model = q.line.provider = q.line.served = q.line.key_name = text;
    q.line.app = text;
    q.line.cost_micro = 5;
    q.line.audit = &audit;
    sl_ledger_settle(r.l, &q.line, &extra);
    UNTIL(r.net, sl_ledger_unsent(r.l) == 0);
    assert_int_equal(r.f.lines_n, 1);
    assert_int_equal(r.f.lines[0].cost_micro, 5);
    assert_int_equal(sl_trail_verify(sl_str_of(dir), &report, keep_line, &line), SL_OK);
    assert_member(line, "first_ms", "12");
    assert_member(line, "prompt_sha256",
                  "\"0000000000000000000000000000000000000000000000000000000000000000\"");
    assert_null(sl_json_get(line, SL_STR("answer_sha256")).p);
    assert_int_equal(sl_json_get(line, SL_STR("end_user")).n, 2 + 6 * 128 + 3);

    /* the address under a name, that only this trail's key makes; nothing that cost nothing
     * has a line of its own, unless all shall have one */
    audit = (struct sl_audit){.client = SL_STR("10.0.0.1"), .blind = true, .first_ms = -1};
    q.line.cost_micro = 0;
    sl_ledger_settle(r.l, &q.line, &extra);
    assert_int_equal(sl_ledger_unsent(r.l), 0);
    audit.every = true;
    sl_ledger_settle(r.l, &q.line, &extra);
    UNTIL(r.net, sl_ledger_unsent(r.l) == 0);
    assert_int_equal(sl_trail_verify(sl_str_of(dir), &report, keep_line, &line), SL_OK);
    {
        char name[16], quoted[32], other[16];

        assert_true(sl_trail_blind_by(sl_str_of(dir), audit.client, name));
        (void)snprintf(quoted, sizeof quoted, "\"%.16s\"", name);
        assert_member(line, "client_name", quoted);
        assert_member(line, "path", "[]");
        assert_null(sl_json_get(line, SL_STR("client")).p);
        sl_trail_blind(r.t, SL_STR("10.0.0.2"), other);
        assert_memory_not_equal(name, other, sizeof name);
        assert_false(sl_trail_blind_by(SL_STR("/nowhere"), audit.client, name));
    }
    free((char *)line.p);
    finish(&r);
}

static void lines_gather(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, dir);
    r.f.slow_ms[F_APPLY] = 60;
    for (int i = 1; i <= 1000; i++) {
        settle(&r, "acme", (uint64_t)i, i);
        settle(&r, "bcme", (uint64_t)i + 100000, i);
        if (i % 50 == 0)
            turn_for(r.net, 3);
    }
    until_sent(&r);
    assert_all(&r.f, "acme", 1000);
    assert_all(&r.f, "bcme", 1000);
    assert_true(r.f.calls[F_APPLY] < 60); /* batches, not lines */
    finish(&r);
}

/* Answers lost, refused, late: at random. */
static void exactly_once(void **state)
{
    static const enum fake_mood moods[] = {OBEY, OBEY, FAIL, FORGET, FORGET};
    struct rig r;
    int settled[3] = {0};

    (void)state;
    begin(&r, dir);
    for (int i = 0; i < 6000; i++) {
        static const char *const tenants[] = {"acme", "bcme", "ccme"};
        int who = (int)(sl_rand_u64() % 3);

        settle(&r, tenants[who], (uint64_t)i + 1, ++settled[who]);
        if (i % 20 == 0) {
            r.f.mood[F_APPLY] = moods[sl_rand_u64() % 5];
            r.f.slow_ms[F_APPLY] = sl_rand_u64() % 4;
            sl_ledger_pause(r.l, SL_LEDGER_AWAY, sl_rand_u64() % 4 == 0);
            sl_ledger_pump(r.l);
            sl_net_turn(r.net, 1);
        }
    }
    r.f.mood[F_APPLY] = OBEY;
    sl_ledger_pause(r.l, SL_LEDGER_AWAY, false);
    until_sent(&r);
    assert_all(&r.f, "acme", settled[0]);
    assert_all(&r.f, "bcme", settled[1]);
    assert_all(&r.f, "ccme", settled[2]);
    finish(&r);
}

/* What a run leaves is applied by the next, with what it had applied skipped. */
static void after_a_restart(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, dir);
    for (int i = 1; i <= 300; i++)
        settle(&r, "acme", (uint64_t)i, i);
    until_sent(&r);
    r.f.mood[F_APPLY] = FORGET; /* applied, but nobody heard of it */
    settle(&r, "acme", 301, 301);
    UNTIL(r.net, r.f.lines_n == 301);
    r.f.mood[F_APPLY] = SILENT;
    for (int i = 302; i <= 700; i++)
        settle(&r, "acme", (uint64_t)i, i);
    UNTIL(r.net, sl_trail_synced(r.t) == sl_trail_last(r.t));
    turn_for(r.net, 30);
    shut(&r); /* everything is in the trail */
    assert_int_equal(r.f.lines_n, 301);
    r.f.mood[F_APPLY] = OBEY;
    open_rig(&r, dir);
    settle(&r, "acme", 701, 701); /* comes while the old ones are read */
    until_sent(&r);
    assert_all(&r.f, "acme", 701);
    settle(&r, "acme", 702, 702);
    until_sent(&r);
    assert_all(&r.f, "acme", 702);
    finish(&r);
}

/* More lines than memory may hold, while the store is away, and more while they are
 * read back. */
static void more_than_memory(void **state)
{
    struct rig r;
    int n = 0;

    (void)state;
    begin(&r, dir);
    r.l->queued_max = 200;
    r.f.mood[F_APPLY] = FAIL;
    while (n < 5000) {
        settle(&r, "acme", (uint64_t)n + 1, n + 1);
        n++;
        if (n % 100 == 0)
            sl_net_turn(r.net, 1);
        assert_true(r.l->queued <= 200);
        assert_true(r.l->late_n <= 50);
    }
    assert_true(r.l->spilled);
    assert_true(sl_ledger_unsent(r.l) >= 4900);
    r.f.mood[F_APPLY] = OBEY;
    while (n < 9000) { /* as it catches up, slower than lines come, then faster */
        settle(&r, "acme", (uint64_t)n + 1, n + 1);
        n++;
        if (n % 4 == 0) {
            sl_ledger_pump(r.l);
            sl_net_turn(r.net, 1);
        }
    }
    until_sent(&r);
    assert_false(r.l->spilled);
    assert_all(&r.f, "acme", 9000);
    assert_int_equal(sl_trail_last_acked(r.t), r.f.lines[r.f.lines_n - 1].number);
    assert_int_equal(r.f.skipped, 0);
    settle(&r, "acme", 9001, 9001); /* and the short way works again */
    UNTIL(r.net, r.f.lines_n == 9001);
    finish(&r);
}

/* The way back from the disk to memory, while lines keep coming. */
static void rejoined_under_load(void **state)
{
    struct rig r;
    int n = 0;

    (void)state;
    begin(&r, dir);
    r.l->queued_max = 4000;
    r.f.mood[F_APPLY] = FAIL;
    while (n < 6000) {
        n++;
        settle(&r, "acme", (uint64_t)n, n);
    }
    assert_true(r.l->spilled);
    r.f.mood[F_APPLY] = OBEY;
    for (int turns = 0; r.l->spilled || turns < 50; turns += !r.l->spilled) {
        for (int i = 0; i < 3; i++) {
            n++;
            settle(&r, "acme", (uint64_t)n, n);
        }
        sl_ledger_pump(r.l);
        sl_net_turn(r.net, 1);
        if (n > 200000)
            fail_msg("it does not catch up");
    }
    until_sent(&r);
    assert_all(&r.f, "acme", n);
    assert_int_equal(r.f.skipped, 0); /* each went once */
    finish(&r);
}

/* Others' lines go on, also what has to be read back; a restart in the middle loses nothing. */
static void one_stuck_tenant(void **state)
{
    struct rig r;
    uint64_t first;
    int n = 0;

    (void)state;
    begin(&r, dir);
    first = sl_trail_last(r.t) + 1;
    r.l->queued_max = 1000;
    r.f.broken = "acme";
    for (int turn = 0; turn < 2; turn++) {
        for (int until = n + 5000; n < until;) {
            n++;
            settle(&r, "acme", (uint64_t)n, n);
            settle(&r, "bcme", (uint64_t)n + 100000, n);
            if (n % 50 == 0) {
                sl_ledger_pump(r.l);
                sl_net_turn(r.net, 1);
            }
        }
        for (uint64_t until = clock_ms() + 20000; clock_ms() < until;) {
            sl_ledger_pump(r.l);
            sl_net_turn(r.net, 2);
            if (!r.l->spilled && sl_ledger_unsent(r.l) == (uint64_t)n)
                break;
        }
        assert_all(&r.f, "bcme", n);
        assert_in_range(r.l->queued, 1, SL_LEDGER_STUCK);
        assert_int_equal(sl_ledger_unsent(r.l), n);
        assert_true(sl_ledger_lag_ms(r.l) > 0);
        assert_int_equal(sl_trail_last_acked(r.t), first - 1); /* acme's first is not */
        if (turn == 0) {                                       /* what the next process finds */
            shut(&r);
            open_rig(&r, dir);
            r.l->queued_max = 1000;
        }
    }
    r.f.broken = NULL;
    while (n < 11000) {
        n++;
        settle(&r, "acme", (uint64_t)n, n);
        if (n % 20 == 0) {
            sl_ledger_pump(r.l);
            sl_net_turn(r.net, 1);
        }
    }
    until_sent(&r);
    assert_all(&r.f, "acme", 11000);
    assert_int_equal(r.l->asides, 0);
    assert_int_equal(sl_trail_last_acked(r.t), sl_trail_last(r.t));
    settle(&r, "acme", 11001, 11001);
    until_sent(&r);
    assert_all(&r.f, "acme", 11001);
    finish(&r);
}

static void no_memory(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, dir);
    settle(&r, "acme", 1, 1);
    until_sent(&r);
    for (int i = 2; i <= 60; i++) {
        /* the line's entry: the trail's own block is there */
        UNTIL(r.net, r.t->spares_n > 0 || !sl_list_is_empty(&r.t->waiting));
        sl_mem_fail_at(i % 2 == 0 ? 1 : 0);
        settle(&r, "acme", (uint64_t)i, i);
        sl_mem_fail_at(1 + (uint64_t)i % 3); /* a batch, a page, the entry of a line in it */
        turn_for(r.net, 3);
    }
    sl_mem_fail_at(0);
    until_sent(&r);
    assert_int_equal(sl_trail_dropped(r.t), 0);
    assert_all(&r.f, "acme", 60);
    finish(&r);
}

static void without_a_trail(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, "");
    for (int i = 1; i <= 100; i++)
        settle(&r, "acme", (uint64_t)i, i);
    until_sent(&r);
    assert_all(&r.f, "acme", 100);
    r.l->queued_max = 10;
    r.f.mood[F_APPLY] = FAIL;
    for (int i = 101; i <= 150; i++)
        settle(&r, "acme", (uint64_t)i, i);
    assert_int_equal(sl_ledger_dropped(r.l), 40);
    r.f.mood[F_APPLY] = OBEY;
    until_sent(&r);
    assert_all(&r.f, "acme", 110);
    r.l->queued_max = 320;
    r.f.broken = "acme"; /* of a stuck tenant a part of them is kept */
    for (int i = 151; i <= 350; i++) {
        settle(&r, "acme", (uint64_t)i, i);
        settle(&r, "bcme", (uint64_t)i, i - 150);
        sl_net_turn(r.net, 1);
    }
    UNTIL(r.net, sl_ledger_unsent(r.l) == 20);
    assert_all(&r.f, "bcme", 200);
    assert_int_equal(sl_ledger_dropped(r.l), 40 + 180);
    r.f.broken = NULL;
    until_sent(&r);
    finish(&r);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit l;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* A full disk keeps the proof, not the charge. */
static void a_full_disk(void **state)
{
    struct rig r;
    uint64_t began;

    (void)state;
    begin(&r, dir);
    settle(&r, "acme", 1, 1);
    until_sent(&r);
    limit_files(1500);
    for (int i = 2; i <= 50; i++)
        settle(&r, "acme", (uint64_t)i, i);
    began = clock_ms();
    UNTIL(r.net, r.f.lines_n == 50);
    assert_true(clock_ms() - began < SL_LEDGER_PATIENCE_MS / 2);
    assert_true(sl_trail_is_failing(r.t));
    limit_files(RLIM_INFINITY);
    UNTIL(r.net, sl_trail_synced(r.t) == sl_trail_last(r.t));
    finish(&r);
}

/* Hits, free models, refusals of providers: a line together, with every one counted. */
static void sums_of_no_cost(void **state)
{
    struct sl_ledger_extra extra = {.reserved_micro = 0};
    struct rig r;
    struct request q;

    (void)state;
    begin(&r, dir);
    for (uint64_t i = 0; i < 500; i++) {
        request_init(&q, i % 2 == 0 ? "acme" : "bcme", i);
        q.line.cached = i % 4 == 0;
        q.line.status = i % 10 == 9 ? 502 : 200;
        sl_ledger_settle(r.l, &q.line, &extra);
    }
    turn_for(r.net, 60);
    assert_int_equal(r.f.lines_n, 0); /* not yet */
    sl_ledger_hurry(r.l);
    UNTIL(r.net, r.f.lines_n == 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(r.f.lines[i].requests, 250);
        assert_int_equal(r.f.lines[i].cost_micro, 0);
        assert_int_equal(r.f.lines[i].cached, strcmp(r.f.lines[i].tenant, "acme") == 0 ? 125 : 0);
    }
    /* tokens for a window do not wait ten seconds */
    request_init(&q, "acme", 9000);
    q.terms[SL_LEVEL_KEY].limits.tpm = 5000;
    q.line.tpm_tokens = 30;
    sl_ledger_settle(r.l, &q.line, &extra);
    UNTIL(r.net, r.f.lines_n == 3);
    assert_true(r.f.lines[2].tpm);
    assert_int_equal(r.f.lines[2].tpm_tokens, 30);
    finish(&r);
}

static void a_sum_closes_by_itself(void **state)
{
    struct sl_ledger_extra extra = {.reserved_micro = 0};
    struct rig r;
    struct request q;
    uint64_t before;

    (void)state;
    begin(&r, "");
    request_init(&q, "acme", 1);
    before = sl_net_now_us(r.net) / 1000;
    sl_ledger_settle(r.l, &q.line, &extra);
    assert_true(sl_timer_is_armed(&r.l->sums_timer));
    assert_in_range(r.l->sums_timer.due, before + SL_LEDGER_SUM_MS - 50,
                    sl_net_now_us(r.net) / 1000 + SL_LEDGER_SUM_MS);
    sl_timer_start(r.net, &r.l->sums_timer, 1);
    UNTIL(r.net, r.f.lines_n == 1);
    assert_false(sl_timer_is_armed(&r.l->sums_timer));
    finish(&r);
}

/* What stands in the trail is enough to make the line again. */
static void lines_come_back(void **state)
{
    const struct sl_ledger_extra extra = {.reserved_micro = 777, .leased = {true, true}};
    struct request q;
    struct sl_line line, back;
    struct sl_str tenant;
    char day[10], members[16384], whole[16400], names[SL_LINE_TEXT];
    struct sl_text t = sl_text_over(members, sizeof members);
    char wild[400];

    (void)state;
    request_init(&q, "acme", 77);
    memset(wild, 'x', sizeof wild);
    memcpy(wild, "\"quote\\\n\t", 9);
    memcpy(wild + 254, "\xc3\xa4\xc3\xa4", 4); /* a cut in the middle of a character */
    q.line.model = (struct sl_str){wild + 1, sizeof wild - 1};
    q.line.user = SL_STR("");
    q.line.app = SL_STR("Desk (https://acme.example)");
    q.line.cost_micro = 123456789;
    q.line.cache_read = 5;
    q.line.cache_write = 6;
    q.line.cached = true;
    q.terms[SL_LEVEL_KEY].budget.daily_micro = 9;
    sl_ledger_fill(&q.line, &extra, 1764115201000, day, &line);
    assert_int_equal(line.day0, 1764115200); /* the second day of its periods */
    assert_int_equal(line.model.n, 255);
    sl_line_write(&t, &q.line, &line);
    assert_false(t.cut);
    (void)snprintf(whole, sizeof whole, "{%.*s}", (int)t.n, members);
    assert_true(sl_line_read(sl_str_of(whole), 42, &back, &tenant, names));
    assert_true(sl_str_eq(tenant, SL_STR("acme")));
    assert_int_equal(back.number, 42);
    assert_memory_equal(back.id, q.ask.id, sizeof back.id);
    assert_true(sl_str_eq(back.model, line.model));
    assert_true(sl_str_eq(back.key_id, line.key_id));
    assert_true(sl_str_eq(back.user, line.user));
    assert_true(sl_str_eq(back.provider, line.provider));
    assert_true(sl_str_eq(back.app, SL_STR("Desk (https://acme.example)")));
    assert_true(sl_str_eq(back.day, SL_STR("2025-11-26")));
    assert_int_equal(back.cost_micro, 123456789);
    assert_int_equal(back.reserved_micro, 777);
    assert_int_equal(back.day0, line.day0);
    assert_int_equal(back.month0, line.month0);
    assert_int_equal(back.in, 10);
    assert_int_equal(back.cache_read, 5);
    assert_int_equal(back.cache_write, 6);
    assert_int_equal(back.out, 20);
    assert_int_equal(back.cached, 1);
    assert_false(back.account[SL_LEVEL_TENANT]);
    assert_true(back.account[SL_LEVEL_KEY]);
    assert_false(back.leased[0] || back.leased[1]); /* its time is over */
    q.line.key_name = q.line.model = q.line.user = q.line.provider = q.line.app =
        (struct sl_str){wild + 9, 254 - 9};
    q.line.app.n -= 1;
    sl_ledger_fill(&q.line, &extra, 1764115201000, day, &line);
    t = sl_text_over(members, sizeof members);
    sl_line_write(&t, &q.line, &line);
    (void)snprintf(whole, sizeof whole, "{%.*s}", (int)t.n, members);
    assert_true(sl_line_read(sl_str_of(whole), 42, &back, &tenant, names)); /* all of them long */
    assert_true(sl_str_eq(back.app, q.line.app));
    assert_false(sl_line_read(SL_STR("{\"kind\":\"start\",\"from\":1}"), 1, &back, &tenant, names));
    assert_false(sl_line_read(SL_STR("{\"kind\":\"settle\"}"), 1, &back, &tenant, names));
}

/* Killed at any moment: the next run charges what is on disk, and nothing else. */
_Noreturn static void settle_until_killed(int fd)
{
    struct rig r;
    int64_t said = 0;

    r.net = sl_net_new();
    fake_init(&r.f, r.net);
    open_rig(&r, dir);
    for (int64_t i = 1;; i++) {
        settle(&r, "acme", (uint64_t)i, i);
        if (i % 30 != 0)
            continue;
        sl_net_turn(r.net, 1);
        if (r.f.lines_n > 0 && r.f.lines[r.f.lines_n - 1].cost_micro > said) {
            said = r.f.lines[r.f.lines_n - 1].cost_micro; /* applied */
            if (write(fd, &said, sizeof said) != sizeof said)
                _exit(4);
        }
    }
}

static void killed(void **state)
{
    (void)state;
    for (int round = 0; round < 8; round++) {
        struct timespec nap = {0, (long)(40 + sl_rand_u64() % 60) * 1000000};
        int64_t said = 0, v;
        struct rig r;
        int ends[2];
        pid_t pid;

        shell("rm -rf %s", dir);
        assert_int_equal(pipe(ends), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            settle_until_killed(ends[1]);
        close(ends[1]);
        nanosleep(&nap, NULL);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        while (read(ends[0], &v, sizeof v) == sizeof v)
            said = v;
        close(ends[0]);
        begin(&r, dir); /* a store that knows nothing yet: all lines on disk, in order */
        sl_trail_acked(r.t, 0);
        sl_ledger_end(&r.l);
        r.l = sl_ledger_new(r.net, &r.f.base, r.t, sl_trail_instance(r.t));
        until_sent(&r);
        assert_true((int64_t)r.f.lines_n >= said); /* nothing was applied that is not there */
        assert_all(&r.f, "acme", (int64_t)r.f.lines_n);
        finish(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(trail_first, setup),
        cmocka_unit_test_setup(for_auditors, setup),
        cmocka_unit_test_setup(lines_gather, setup),
        cmocka_unit_test_setup(exactly_once, setup),
        cmocka_unit_test_setup(after_a_restart, setup),
        cmocka_unit_test_setup(more_than_memory, setup),
        cmocka_unit_test_setup(rejoined_under_load, setup),
        cmocka_unit_test_setup(one_stuck_tenant, setup),
        cmocka_unit_test_setup(no_memory, setup),
        cmocka_unit_test_setup(without_a_trail, setup),
        cmocka_unit_test_setup(a_full_disk, setup),
        cmocka_unit_test_setup(sums_of_no_cost, setup),
        cmocka_unit_test_setup(a_sum_closes_by_itself, setup),
        cmocka_unit_test_setup(lines_come_back, setup),
        cmocka_unit_test_setup(killed, setup),
    };

    alarm(110);
    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
