/* Through a proxy of four words: HELLO is said first, OK\n opens the way, NO\n does not.
 * timeout: 60 */
#include "_net.h"

static enum sl_dial_word answer(struct sl_str came, size_t *used, char *why, size_t cap)
{
    ptrdiff_t end = sl_str_find_byte(came, '\n');

    if (end < 0)
        return SL_DIAL_MORE;
    *used = (size_t)end + 1;
    if (sl_str_starts(came, SL_STR("OK")))
        return SL_DIAL_OPEN;
    snprintf(why, cap, "it says no");
    return SL_DIAL_REFUSED;
}

static struct sl_dial_proxy proxy;

static void dial_through(struct house *h, struct peer *c, const char *host, uint64_t connect_ms)
{
    struct sl_dial_to to = {.host = SL_STR("nobody.invalid"),
                            .port = 443,
                            .proxy = &proxy,
                            .connect_ms = connect_ms,
                            .dns_ttl_ms = 60000};

    proxy = (struct sl_dial_proxy){.host = sl_str_of(host),
                                   .port = sl_listen_port(h->listener),
                                   .hello = SL_STR("HELLO"),
                                   .read = answer};
    peer_init(c, h->net);
    c->keep = true;
    c->inside = true;
    c->s = sl_stream_dial(c->net, &to, &peer_ops, c);
    c->inside = false;
}

/* The next of the proxy's connections, once it has been greeted. */
static struct peer *greeted(struct house *h, size_t nth)
{
    struct peer *p = &h->peers[nth];

    UNTIL(h->net, h->n > nth && p->got == 5);
    return p;
}

static void is_text(struct peer *p, const char *want)
{
    char *text = peer_text(p);

    assert_string_equal(text, want);
    sl_mem_free(text);
}

static void whole(void **state)
{
    static const char *const bytes[] = {"O", "K", "\n"};
    struct house h;
    struct peer *c = &h.peers[63], *p;

    (void)state;
    house_open(&h, "127.0.0.1:0", NULL, 10);
    h.peers[0].keep = true;
    dial_through(&h, c, "127.0.0.1", 5000);
    say(c, "early "); /* waits for the way to be open */
    p = greeted(&h, 0);
    is_text(p, "HELLO");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(c->opens, 0);
        say(p, bytes[i]);
        if (i < 2)
            TURNS(h.net, 5);
    }
    UNTIL(h.net, c->opens == 1 && p->got == 11);
    is_text(p, "early ");
    assert_int_equal(sl_stream_sent(c->s), 6); /* the greeting was no byte of the holder's */
    sl_stream_want(c->s, true);
    say(p, "there");
    UNTIL(h.net, c->got == 5);
    is_text(c, "there");
    say(c, "back");
    UNTIL(h.net, p->got == 15);
    house_close(&h);
}

static void fails_with(const char *said, bool leaves, const char *reason)
{
    struct house h;
    struct peer *c = &h.peers[63], *p;

    house_open(&h, "127.0.0.1:0", NULL, 10);
    dial_through(&h, c, "127.0.0.1", 5000);
    p = greeted(&h, 0);
    if (said[0] != '\0')
        say(p, said);
    if (leaves)
        sl_stream_finish(&p->s, 1000);
    UNTIL(h.net, c->ends == 1);
    assert_int_equal(c->opens, 0);
    assert_int_equal(c->why, SL_ERR_CONNECT);
    if (strstr(c->reason, reason) == NULL || strstr(c->reason, "proxy 127.0.0.1:") == NULL)
        fail_msg("'%s' does not hold '%s'", c->reason, reason);
    house_close(&h);
}

static void refusals(void **state)
{
    static char long_one[SL_DIAL_ANSWER_MAX + 100];

    (void)state;
    memset(long_one, 'x', sizeof long_one - 1);
    fails_with("NO\n", false, "it says no");
    fails_with("NO\nand more", false, "it says no");
    fails_with("OK\nand more", false, "more than its answer");
    fails_with("", true, "closed the connection");
    fails_with("O", true, "closed the connection");
    fails_with(long_one, false, "too long");
    memcpy(long_one, "OK\n", 3);
    fails_with(long_one, false, "more than its answer");
}

static void reset(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63], *p;

    (void)state;
    house_open(&h, "127.0.0.1:0", NULL, 10);
    dial_through(&h, c, "127.0.0.1", 5000);
    p = greeted(&h, 0);
    sl_stream_reset(&p->s);
    UNTIL(h.net, c->ends == 1);
    assert_int_equal(c->why, SL_ERR_CONNECT);
    house_close(&h);
}

static void silent(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];

    (void)state;
    house_open(&h, "127.0.0.1:0", NULL, 10);
    dial_through(&h, c, "127.0.0.1", 300);
    UNTIL(h.net, c->ends == 1);
    assert_int_equal(c->why, SL_ERR_CONNECT_SLOW);
    house_close(&h);
}

static void no_such_proxy(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];

    (void)state;
    house_open(&h, "127.0.0.1:0", NULL, 10);
    dial_through(&h, c, "no-such-proxy.invalid", 4000);
    UNTIL(h.net, c->ends == 1);
    assert_true(c->why == SL_ERR_DNS || c->why == SL_ERR_CONNECT_SLOW);
    assert_null(strstr(c->reason, "nobody"));
    house_close(&h);
}

/* However far it has come, it can be let go of in each way. */
static void let_go(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];

    (void)state;
    house_open(&h, "127.0.0.1:0", NULL, 60);
    for (int turns = 0; turns < 6; turns++)
        for (int way = 0; way < 3; way++) {
            dial_through(&h, c, "127.0.0.1", 5000);
            TURNS(h.net, turns);
            if (way == 0)
                sl_stream_close(&c->s);
            else if (way == 1)
                sl_stream_reset(&c->s);
            else
                sl_stream_finish(&c->s, 100);
            TURNS(h.net, 2);
            assert_int_equal(c->ends, 0);
        }
    house_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),  cmocka_unit_test(refusals),      cmocka_unit_test(reset),
        cmocka_unit_test(silent), cmocka_unit_test(no_such_proxy), cmocka_unit_test(let_go),
    };

    alarm(55);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
