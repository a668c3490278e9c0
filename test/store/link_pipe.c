/* timeout: 60
 *
 * The pipeline of a link: order, deadlines, replies that come late, waiters that
 * leave, and what happens inside of what they are told. */
#include "store/_fake.h"

static struct world w;
static struct wait waits[200];

static int setup(void **state)
{
    (void)state;
    memset(waits, 0, sizeof waits);
    told_n = 0;
    world_up(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static struct fake_conn *conn(void)
{
    return fake_last(&w.f);
}

static void silent(struct fake_conn *c, const struct fake_command *m)
{
    (void)c;
    (void)m;
}

/* Everything of a turn in one write, everything in order, each told once. */
static void test_order(void **state)
{
    char text[32];
    size_t reads = conn()->reads;

    (void)state;
    for (size_t i = 0; i < 200; i++) {
        (void)snprintf(text, sizeof text, "ECHO %zu", i);
        ask(w.l, &waits[i], 1000, text);
    }
    UNTIL(w.net, told_n == 200);
    assert_int_equal(conn()->reads, reads + 1);
    assert_int_equal(conn()->commands, 200);
    for (size_t i = 0; i < 200; i++) {
        (void)snprintf(text, sizeof text, "%zu", i);
        assert_string_equal(waits[i].text, text);
        assert_int_equal(waits[i].order, i + 1);
        assert_int_equal(waits[i].told, 1);
        assert_int_equal(waits[i].type, REDIS_REPLY_STRING);
    }
}

static void test_greeting(void **state)
{
    (void)state;
    assert_string_equal(conn()->log, "CLIENT SETNAME sluice-test|ROLE|PING|");
    assert_int_equal(conn()->reads, 1);
    assert_string_equal(sl_redis_link_why(w.l), "");
}

/* Byte by byte, replies are the same. */
static void test_pieces(void **state)
{
    const char *text = "*3\r\n$5\r\nab\r\nc\r\n:-7\r\n*1\r\n$-1\r\n$1\r\nb\r\n";

    (void)state;
    w.f.answer = silent;
    ask(w.l, &waits[0], 5000, "X");
    ask(w.l, &waits[1], 5000, "Y");
    UNTIL(w.net, conn()->commands == 2);
    for (const char *p = text; *p != 0; p++) {
        fake_say_n(conn(), p, 1);
        sl_net_turn(w.net, 2);
    }
    UNTIL(w.net, told_n == 2);
    assert_int_equal(waits[0].type, REDIS_REPLY_ARRAY);
    assert_string_equal(waits[1].text, "b");
}

/* The deadline holds; the reply that comes after it is not the next one's. */
static void test_late(void **state)
{
    struct heard h = {0};
    uint64_t began = clock_ms();

    (void)state;
    w.f.answer = silent;
    ask_late(w.l, &waits[0], 50, "ADMIT 1", &h, "note-1");
    ask(w.l, &waits[1], 1000, "ECHO two");
    UNTIL(w.net, waits[0].told == 1);
    assert_int_equal(waits[0].e, SL_ERR_STORE);
    assert_in_range(waits[0].at_ms - began, 50, 100);
    assert_int_equal(waits[1].told, 0);
    assert_int_equal(h.n, 0);
    fake_say(conn(), "$3\r\none\r\n$3\r\ntwo\r\n");
    UNTIL(w.net, waits[1].told == 1);
    assert_string_equal(waits[1].text, "two");
    assert_int_equal(h.n, 1);
    assert_string_equal(h.note, "note-1");
    assert_string_equal(h.text, "one");
    assert_int_equal(waits[0].told, 1);
    assert_true(w.up); /* slow is not gone */
    assert_int_equal(w.f.n, 1);
}

/* Each reply 200 ms late, for a while: all overdue, none mixed up. */
static void test_slow(void **state)
{
    static struct heard heards[20];

    (void)state;
    memset(heards, 0, sizeof heards);
    w.f.answer = silent;
    for (size_t i = 0; i < 20; i++) {
        char text[32];

        (void)snprintf(text, sizeof text, "n%zu", i);
        ask_late(w.l, &waits[i], 30, "X", &heards[i], text);
        FOR_MS(w.net, 20);
    }
    UNTIL(w.net, told_n == 20);
    for (size_t i = 0; i < 20; i++) {
        char text[32];

        (void)snprintf(text, sizeof text, "+n%zu\r\n", i);
        fake_say(conn(), text);
    }
    UNTIL(w.net, heards[19].n == 1);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(waits[i].e, SL_ERR_STORE);
        assert_int_equal(heards[i].n, 1);
        assert_string_equal(heards[i].note, heards[i].text);
    }
}

static void test_cancel(void **state)
{
    struct heard h = {0};

    (void)state;
    w.f.answer = silent;
    ask_late(w.l, &waits[0], 1000, "A", &h, NULL);
    ask(w.l, &waits[1], 1000, "B");
    ask(w.l, &waits[2], 1000, "C");
    sl_op_cancel(&waits[1].op); /* not even sent */
    UNTIL(w.net, conn()->commands == 3);
    sl_op_cancel(&waits[0].op);
    assert_null(waits[0].op);
    fake_say(conn(), "+a\r\n+b\r\n+c\r\n");
    UNTIL(w.net, waits[2].told == 1);
    assert_string_equal(waits[2].text, "c");
    assert_int_equal(waits[0].told + waits[1].told, 0);
    assert_int_equal(h.n, 1);
    assert_string_equal(h.text, "a");
    assert_string_equal(h.note, "");
    /* a refused one, before it is told */
    fake_say(conn(), "garbage\r\n");
    UNTIL(w.net, !w.up);
    ask(w.l, &waits[3], 1000, "D");
    ask(w.l, &waits[4], 1000, "E");
    sl_op_cancel(&waits[3].op);
    UNTIL(w.net, waits[4].told == 1);
    assert_int_equal(waits[4].e, SL_ERR_STORE);
    assert_int_equal(waits[3].told, 0);
}

static void test_tell(void **state)
{
    struct sl_str args[] = {SL_STR("ECHO"), SL_STR("for nobody")};
    struct sl_redis_command c = {.args = args, .n = 2, .deadline_ms = 100};
    struct heard h = {0};

    (void)state;
    sl_redis_link_tell(w.l, &c);
    ask_late(w.l, NULL, 100, "ECHO told", &h, "x");
    UNTIL(w.net, h.n == 1);
    assert_string_equal(h.text, "told");
    assert_string_equal(h.note, "x");
    assert_int_equal(conn()->commands, 2);
    sl_stream_reset(&conn()->s);
    UNTIL(w.net, !w.up);
    ask_late(w.l, NULL, 100, "ECHO told", &h, "x"); /* to nobody: forgotten */
    UNTIL(w.net, w.up);
    FOR_MS(w.net, 20);
    assert_int_equal(conn()->commands, 0);
    assert_int_equal(h.n, 1);
}

/* ---- inside of what is told ---- */

static void start_another(struct wait *a)
{
    ask(*a->link, a->other, 1000, "ECHO again");
}

static void end_link(struct wait *a)
{
    sl_redis_link_end(a->link);
}

static void cancel_other(struct wait *a)
{
    sl_op_cancel(&a->other->op);
}

static void test_start_inside(void **state)
{
    (void)state;
    waits[0] = (struct wait){.link = &w.l, .inside = start_another, .other = &waits[1]};
    ask(w.l, &waits[0], 1000, "ECHO first");
    UNTIL(w.net, waits[1].told == 1);
    assert_string_equal(waits[1].text, "again");
    /* in a deadline, and in a failure */
    w.f.answer = silent;
    waits[2] = (struct wait){.link = &w.l, .inside = start_another, .other = &waits[3]};
    ask(w.l, &waits[2], 20, "ECHO second");
    waits[4] = (struct wait){.link = &w.l, .inside = start_another, .other = &waits[5]};
    ask(w.l, &waits[4], 1000, "ECHO third");
    UNTIL(w.net, waits[2].told == 1);
    sl_stream_close(&conn()->s);
    UNTIL(w.net, waits[5].told == 1);
    assert_int_equal(waits[4].e, SL_ERR_STORE);
    assert_int_equal(waits[5].e, SL_ERR_STORE);
    assert_int_equal(waits[3].told, 1);
}

/* The link ends inside a reply, before others of the same read. */
static void test_end_inside(void **state)
{
    (void)state;
    for (size_t i = 0; i < 10; i++)
        ask(w.l, &waits[i], 1000, "ECHO x");
    waits[4].link = &w.l;
    waits[4].inside = end_link;
    UNTIL(w.net, told_n == 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(waits[i].told, 1);
        assert_int_equal(waits[i].e, i <= 4 ? SL_OK : SL_ERR_STORE);
    }
    assert_null(w.l);
}

/* The same inside a deadline, a failure, and a state. */
static void end_in_state(struct world *x, bool up)
{
    (void)up;
    sl_redis_link_end(&x->l);
}

static void test_end_elsewhere(void **state)
{
    (void)state;
    w.f.answer = silent;
    for (size_t i = 0; i < 4; i++)
        ask(w.l, &waits[i], i == 1 ? 20 : 1000, "X");
    waits[1].link = &w.l;
    waits[1].inside = end_link;
    UNTIL(w.net, told_n == 4);
    world_close(&w);

    told_n = 0;
    memset(waits, 0, sizeof waits);
    world_up(&w);
    w.f.answer = silent;
    for (size_t i = 0; i < 4; i++)
        ask(w.l, &waits[i], 1000, "X");
    waits[1].link = &w.l;
    waits[1].inside = end_link;
    UNTIL(w.net, conn()->commands == 4);
    sl_stream_reset(&conn()->s);
    UNTIL(w.net, told_n == 4);
    world_close(&w);

    told_n = 0;
    memset(waits, 0, sizeof waits);
    world_up(&w);
    w.on_state = end_in_state;
    w.f.answer = silent;
    ask(w.l, &waits[0], 1000, "X");
    UNTIL(w.net, conn()->commands == 1);
    sl_stream_reset(&conn()->s);
    UNTIL(w.net, told_n == 1);
    assert_int_equal(waits[0].e, SL_ERR_STORE);
}

static void test_cancel_inside(void **state)
{
    (void)state;
    for (size_t i = 0; i < 6; i++)
        ask(w.l, &waits[i], 1000, "ECHO x");
    waits[1].inside = waits[4].inside = cancel_other;
    waits[1].other = &waits[2];
    waits[4].other = &waits[5]; /* the last of the read */
    UNTIL(w.net, waits[4].told == 1);
    FOR_MS(w.net, 20);
    assert_int_equal(told_n, 4);
    /* among those that fail together */
    w.f.answer = silent;
    for (size_t i = 10; i < 14; i++)
        ask(w.l, &waits[i], 1000, "ECHO x");
    waits[10].inside = cancel_other;
    waits[10].other = &waits[11];
    UNTIL(w.net, conn()->commands == 10);
    sl_stream_reset(&conn()->s);
    UNTIL(w.net, waits[13].told == 1);
    assert_int_equal(waits[10].told, 1);
    assert_int_equal(waits[11].told, 0);
    assert_int_equal(waits[12].told, 1);
}

/* Ended with waiters: they are told in the next turn. */
static void test_end(void **state)
{
    (void)state;
    w.f.answer = silent;
    for (size_t i = 0; i < 3; i++)
        ask(w.l, &waits[i], 1000, "X");
    sl_op_cancel(&waits[1].op);
    in_call = true;
    sl_redis_link_end(&w.l);
    in_call = false;
    UNTIL(w.net, told_n == 2);
    assert_int_equal(waits[0].e, SL_ERR_STORE);
    assert_int_equal(waits[2].e, SL_ERR_STORE);
}

/* ---- limits ---- */

/* A silent Redis is left, once a deadline is passed by the patience. */
static void test_patience(void **state)
{
    uint64_t began = clock_ms();

    (void)state;
    w.f.answer = silent;
    ask(w.l, &waits[0], 50, "X");
    ask(w.l, &waits[1], 5000, "Y");
    UNTIL(w.net, w.downs == 1);
    assert_in_range(clock_ms() - began, 50 + SL_LINK_PATIENCE_MS, 50 + SL_LINK_PATIENCE_MS + 300);
    assert_int_equal(waits[0].told, 1);
    assert_in_range(waits[0].at_ms - began, 50, 100);
    UNTIL(w.net, waits[1].told == 1);
    w.f.answer = NULL;
    UNTIL(w.net, w.up);
    ask(w.l, &waits[2], 1000, "ECHO back");
    UNTIL(w.net, waits[2].told == 1);
    assert_string_equal(waits[2].text, "back");
}

/* A Redis that does not read: what is more than SL_LINK_QUEUED is refused at once. */
static void test_queued(void **state)
{
    static char block[1u << 20];
    struct sl_str args[] = {SL_STR("SET"), SL_STR("k"), {block, sizeof block}};
    struct sl_redis_command c = {.args = args, .n = 3, .deadline_ms = 4000};
    size_t refused = 0, sent = 0;

    (void)state;
    memset(block, 'x', sizeof block);
    sl_stream_want(conn()->s, false);
    for (size_t i = 0; i < 40; i++) {
        sl_redis_link_start(w.l, &c, &waits[i].op, wait_told, &waits[i]);
        sl_net_turn(w.net, 0);
    }
    FOR_MS(w.net, 50);
    for (size_t i = 0; i < 40; i++) {
        refused += waits[i].told;
        sent += waits[i].op != NULL;
    }
    assert_int_equal(refused + sent, 40);
    assert_in_range(sent, 15, 24); /* the kernel's buffers beside ours */
    assert_true(w.up);
    for (size_t i = 0; i < 40; i++)
        sl_op_cancel(&waits[i].op);
}

/* So many without a reply: closed. */
static void test_pending(void **state)
{
    struct sl_str args[] = {SL_STR("P")};
    struct sl_redis_command c = {.args = args, .n = 1, .deadline_ms = 60000};

    (void)state;
    w.f.answer = silent;
    for (size_t i = 0; i < SL_LINK_PENDING; i++)
        sl_redis_link_tell(w.l, &c);
    FOR_MS(w.net, 20);
    assert_int_equal(w.downs, 0);
    ask(w.l, &waits[0], 60000, "ONE more");
    UNTIL(w.net, waits[0].told == 1);
    assert_int_equal(waits[0].e, SL_ERR_STORE);
    assert_int_equal(w.downs, 1);
}

/* Each allocation that may fail does, once: a failure is told, nothing hangs, and
 * the link comes back. */
static void test_no_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 24; n++) {
        struct wait a = {0}, b = {0};

        UNTIL(w.net, w.up);
        sl_mem_fail_at(n);
        ask(w.l, &a, 500, "ECHO one");
        ask(w.l, &b, 500, "ECHO two");
        UNTIL(w.net, a.told == 1 && b.told == 1);
        sl_mem_fail_at(0);
        assert_true(a.e == SL_ERR_STORE || strcmp(a.text, "one") == 0);
        assert_true(b.e == SL_ERR_STORE || strcmp(b.text, "two") == 0);
    }
    assert_true(w.downs > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_greeting),   T(test_order),         T(test_pieces),        T(test_late),
        T(test_slow),       T(test_cancel),        T(test_tell),          T(test_start_inside),
        T(test_end_inside), T(test_end_elsewhere), T(test_cancel_inside), T(test_end),
        T(test_patience),   T(test_queued),        T(test_pending),       T(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
