/* Plain streams over real sockets: echo, back-pressure, every way to end. */
/* timeout: 60 */
#include "_net.h"

static void pair_open(struct house *h)
{
    house_open(h, "127.0.0.1:0", NULL, 100);
    dial(&h->peers[63], "127.0.0.1", sl_listen_port(h->listener), NULL, 1000);
    UNTIL(h->net, h->peers[63].opens == 1 && h->n == 1);
    sl_stream_want(h->peers[63].s, true);
}

static void echo(void **state)
{
    struct house h;
    char *text;

    (void)state;
    pair_open(&h);
    h.peers[0].echo = true;
    h.peers[63].keep = true;
    say(&h.peers[63], "one ");
    say(&h.peers[63], "two");
    UNTIL(h.net, h.peers[63].got == 7);
    assert_int_equal(h.peers[0].datas, 1); /* both left in one write */
    text = peer_text(&h.peers[63]);
    assert_string_equal(text, "one two");
    sl_mem_free(text);
    assert_true(sl_str_eq(sl_stream_peer(h.peers[0].s), SL_STR("127.0.0.1")));
    assert_int_equal(h.peers[0].opens, 0); /* accepted streams are open from the start */
    assert_int_equal(sl_stream_sent(h.peers[63].s), 7);
    house_close(&h);
}

static void write_before_open(void **state)
{
    struct house h;

    (void)state;
    house_open(&h, "127.0.0.1:0", NULL, 100);
    dial(&h.peers[63], "127.0.0.1", sl_listen_port(h.listener), NULL, 1000);
    say(&h.peers[63], "early");
    UNTIL(h.net, h.n == 1 && h.peers[0].got == 5);
    house_close(&h);
}

/* Every byte arrives in order whatever the sizes, and the queue stays bounded. */
static void flood(void **state)
{
    const size_t total = 20u << 20;
    struct house h;
    struct peer *c = &h.peers[63];
    uint64_t sum = 0;

    (void)state;
    pair_open(&h);
    c->flood = total;
    while (c->flood > 0) {
        peer_flood(c, total);
        assert_true(sl_stream_queued(c->s) <= SL_STREAM_HIGH + 200000);
        UNTIL(h.net, sl_stream_queued(c->s) <= SL_STREAM_LOW);
    }
    UNTIL(h.net, h.peers[0].got == total);
    for (size_t i = 0; i < total; i++) {
        char byte = pattern_at(i);

        sum = sum_of(sum, &byte, 1);
    }
    assert_true(sum == h.peers[0].sum);
    assert_int_equal(h.peers[0].got, total);
    UNTIL(h.net, sl_stream_queued(c->s) == 0);
    assert_int_equal(sl_stream_sent(c->s), total);
    house_close(&h);
}

/* A reader that stops: no room is told, drain comes once it reads on, and what
 * is sent grows meanwhile by nothing. */
static void slow_reader(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];
    struct sl_stream_way way;
    uint64_t sent;

    (void)state;
    pair_open(&h);
    sl_stream_want(h.peers[0].s, false);
    c->flood = 64u << 20;
    peer_flood(c, 64u << 20);
    TURNS(h.net, 10);
    peer_flood(c, 64u << 20);
    assert_true(c->flood > 0);
    assert_true(sl_stream_queued(c->s) > SL_STREAM_LOW);
    TURNS(h.net, 5);
    sent = sl_stream_sent(c->s);
    way = sl_stream_way(c->s);
    assert_true(way.taken < sent); /* the kernel holds some */
    assert_in_range(way.taken + way.left, sent, sent + sl_stream_queued(c->s));
    c->drains = 0;
    TURNS(h.net, 20);
    assert_int_equal(c->drains, 0);
    assert_true(sl_stream_sent(c->s) == sent);
    /* what was on its way may arrive, but never all */
    assert_in_range(sl_stream_way(c->s).taken, way.taken, sent - 1);
    assert_true(h.peers[0].got <= 4 * SL_STREAM_READ);
    sl_stream_want(h.peers[0].s, true);
    UNTIL(h.net, c->drains == 1);
    assert_true(sl_stream_queued(c->s) <= SL_STREAM_LOW);
    assert_true(sl_stream_sent(c->s) > sent);
    UNTIL(h.net, sl_stream_way(c->s).left == 0);
    assert_int_equal(sl_stream_way(c->s).taken, sl_stream_sent(c->s));
    assert_int_equal(sl_stream_sent(c->s), (64u << 20) - c->flood);
    house_close(&h);
}

static void peer_closes(void **state)
{
    struct house h;

    (void)state;
    pair_open(&h);
    say(&h.peers[0], "bye");
    sl_stream_finish(&h.peers[0].s, 1000);
    UNTIL(h.net, h.peers[63].ends == 1);
    assert_int_equal(h.peers[63].got, 3);
    assert_int_equal(h.peers[63].why, SL_OK);
    assert_int_equal(sl_net_count(h.net).streams, 2); /* ours lingers for our FIN */
    sl_stream_close(&h.peers[63].s);
    UNTIL(h.net, sl_net_count(h.net).streams == 0);
    house_close(&h);
}

static void peer_resets(void **state)
{
    struct house h;

    (void)state;
    pair_open(&h);
    sl_stream_reset(&h.peers[0].s);
    assert_null(h.peers[0].s);
    UNTIL(h.net, h.peers[63].ends == 1);
    assert_int_equal(h.peers[63].why, SL_ERR_UP_RESET);
    house_close(&h);
}

/* finish: all of the queue arrives though the holder is gone, then the FIN. */
static void finish_flushes(void **state)
{
    const size_t total = 3u << 20;
    struct house h;
    struct peer *c = &h.peers[63];

    (void)state;
    pair_open(&h);
    sl_stream_want(h.peers[0].s, false);
    c->flood = total;
    while (c->flood > 0) {
        peer_flood(c, total);
        TURNS(h.net, 2);
        if (sl_stream_queued(c->s) > SL_STREAM_HIGH)
            break;
    }
    sl_stream_finish(&c->s, 200);
    sl_stream_want(h.peers[0].s, true);
    UNTIL(h.net, h.peers[0].ends == 1);
    assert_int_equal(h.peers[0].why, SL_OK);
    assert_int_equal(h.peers[0].got, total - c->flood);
    house_close(&h);
}

/* The peer has stopped sending, but still reads: what is queued still goes. */
static void finish_after_half_close(void **state)
{
    struct house h;
    char buf[16];
    int fd;

    (void)state;
    house_open(&h, "127.0.0.1:0", NULL, 10);
    fd = raw_connect(sl_listen_port(h.listener));
    UNTIL(h.net, h.n == 1);
    shutdown(fd, SHUT_WR);
    UNTIL(h.net, h.peers[0].ends == 1);
    assert_int_equal(h.peers[0].why, SL_OK);
    say(&h.peers[0], "late words");
    sl_stream_finish(&h.peers[0].s, 1000);
    UNTIL(h.net, sl_net_count(h.net).streams == 0);
    assert_int_equal(read(fd, buf, sizeof buf), 10);
    assert_int_equal(read(fd, buf, sizeof buf), 0);
    close(fd);
    house_close(&h);
}

/* A peer that never says its FIN is left after the limit. */
static void finish_limit(void **state)
{
    struct house h;
    uint64_t from;
    int fd;

    (void)state;
    house_open(&h, "127.0.0.1:0", NULL, 10);
    fd = raw_connect(sl_listen_port(h.listener));
    UNTIL(h.net, h.n == 1);
    from = clock_ms();
    sl_stream_finish(&h.peers[0].s, 150);
    UNTIL(h.net, sl_net_count(h.net).streams == 0);
    assert_in_range(clock_ms() - from, 140, 1000);
    close(fd);
    house_close(&h);
}

static void close_in_data(void **state)
{
    struct house h;

    (void)state;
    pair_open(&h);
    h.peers[0].close_in_data = true;
    say(&h.peers[63], "x");
    UNTIL(h.net, h.peers[63].ends == 1);
    assert_null(h.peers[0].s);
    assert_int_equal(h.peers[0].datas, 1);
    assert_int_equal(h.peers[0].ends, 0);
    house_close(&h);
}

static void close_while_writing(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];

    (void)state;
    pair_open(&h);
    sl_stream_want(h.peers[0].s, false);
    c->flood = 64u << 20;
    peer_flood(c, 64u << 20);
    TURNS(h.net, 3);
    sl_stream_close(&c->s);
    TURNS(h.net, 3);
    assert_int_equal(c->ends, 0);
    house_close(&h);
}

/* want(false) within an event: nothing more comes, whatever is in the kernel. */
static void want_off(void **state)
{
    struct house h;
    size_t got;

    (void)state;
    pair_open(&h);
    h.peers[0].want_off_in_data = true;
    say(&h.peers[63], "first");
    UNTIL(h.net, h.peers[0].got == 5);
    say(&h.peers[63], "second");
    TURNS(h.net, 20);
    got = h.peers[0].got;
    assert_int_equal(got, 5);
    sl_stream_want(h.peers[0].s, true);
    UNTIL(h.net, h.peers[0].got == 11);
    sl_stream_close(&h.peers[63].s); /* the end is not wanted either */
    TURNS(h.net, 20);
    assert_int_equal(h.peers[0].ends, 0);
    sl_stream_want(h.peers[0].s, true);
    UNTIL(h.net, h.peers[0].ends == 1);
    house_close(&h);
}

/* Two that are open, each with three bytes that one poll will find. */
static void two_speak(struct house *h)
{
    pair_open(h);
    dial(&h->peers[62], "127.0.0.1", sl_listen_port(h->listener), NULL, 1000);
    UNTIL(h->net, h->peers[62].opens == 1 && h->n == 2);
    say(&h->peers[62], "abc");
    say(&h->peers[63], "abc");
}

/* What one hears changes what the other wants, whose bytes have been read by then. */
static void hushed_by_another(void **state)
{
    struct house h;
    struct peer *quiet;

    (void)state;
    two_speak(&h);
    h.peers[0].hushes = &h.peers[1];
    h.peers[1].hushes = &h.peers[0];
    TURNS(h.net, 20);
    assert_int_equal(h.peers[0].got + h.peers[1].got, 3);
    quiet = &h.peers[h.peers[0].got == 0 ? 0 : 1];
    assert_true(quiet->hushes->other_has_news);
    assert_false(sl_stream_has_news(quiet->s));
    say(&h.peers[62], "defg");
    say(&h.peers[63], "defg");
    TURNS(h.net, 20);
    assert_int_equal(quiet->datas, 0);
    quiet->hushes = NULL;
    sl_stream_want(quiet->s, true);
    UNTIL(h.net, quiet->got == 7);
    assert_true(quiet->sum == sum_of(0, "abcdefg", 7));
    house_close(&h);
}

static void ended_by_another(void **state)
{
    struct house h;

    (void)state;
    two_speak(&h);
    h.peers[0].ends_it = &h.peers[1];
    h.peers[1].ends_it = &h.peers[0];
    TURNS(h.net, 20);
    assert_int_equal(h.peers[0].got + h.peers[1].got, 3);
    assert_int_equal(h.peers[0].ends + h.peers[1].ends, 0);
    assert_true((h.peers[0].s == NULL) != (h.peers[1].s == NULL));
    house_close(&h);
}

/* More than the loop has room for beside each other: all of it, each in its order. */
static void many_speak(void **state)
{
    static char text[12000];
    struct house h;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = pattern_at(i);
    house_open(&h, "127.0.0.1:0", NULL, 100);
    for (size_t i = 0; i < 20; i++)
        dial(&h.peers[40 + i], "127.0.0.1", sl_listen_port(h.listener), NULL, 1000);
    for (size_t i = 0; i < 20; i++)
        UNTIL(h.net, h.peers[40 + i].opens == 1 && h.n == 20);
    for (size_t i = 0; i < 20; i++)
        (void)!sl_stream_write(h.peers[40 + i].s, &(struct sl_str){text, sizeof text}, 1);
    for (size_t i = 0; i < 20; i++) {
        UNTIL(h.net, h.peers[i].got == sizeof text);
        assert_true(h.peers[i].sum == sum_of(0, text, sizeof text));
    }
    house_close(&h);
}

/* Bytes and a reset are found by one poll: the bytes come first. */
static void reset_behind_data(void **state)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct linger at_once = {.l_onoff = 1};
    struct house h;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    house_open(&h, "127.0.0.1:0", NULL, 100);
    to.sin_port = htons(sl_listen_port(h.listener));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    UNTIL(h.net, h.n == 1);
    assert_int_equal(send(fd, "abc", 3, 0), 3);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(fd);
    UNTIL(h.net, h.peers[0].ends == 1);
    assert_int_equal(h.peers[0].got, 3);
    house_close(&h);
}

/* Bytes that were read before an end are heard before it, whosoever they are. */
static void end_behind_another(void **state)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fds[2] = {socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0)};
    struct house h;

    (void)state;
    house_open(&h, "127.0.0.1:0", NULL, 100);
    to.sin_port = htons(sl_listen_port(h.listener));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(connect(fds[i], (struct sockaddr *)&to, sizeof to), 0);
        UNTIL(h.net, h.n == (size_t)i + 1);
    }
    h.peers[1].ahead = &h.peers[0];
    assert_int_equal(send(fds[0], "abc", 3, 0), 3);
    close(fds[1]);
    UNTIL(h.net, h.peers[1].ends == 1);
    assert_int_equal(h.peers[1].ahead_got, 3);
    close(fds[0]);
    house_close(&h);
}

/* The peer answers, then resets while we still write: the answer is read. */
static void answer_before_reset(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];
    char byte;
    uint16_t port;
    int l = raw_listen(&port, 5), fd = -1;

    (void)state;
    house_open(&h, NULL, NULL, 0);
    dial(c, "127.0.0.1", port, NULL, 1000);
    UNTIL(h.net, c->opens == 1 && (fd >= 0 || (fd = accept(l, NULL, NULL)) >= 0));
    sl_stream_want(c->s, true);
    say(c, "a request, of which one byte is read");
    TURNS(h.net, 3);
    assert_int_equal(read(fd, &byte, 1), 1);
    assert_int_equal(write(fd, "413", 3), 3);
    close(fd); /* with bytes unread: a reset goes out behind the answer */
    say(c, "more of it");
    UNTIL(h.net, c->ends == 1);
    assert_int_equal(c->got, 3);
    assert_int_equal(c->why, SL_ERR_UP_RESET);
    close(l);
    house_close(&h);
}

/* The same before the loop has begun to read: all of it happens in the turn of the first write. */
static void answer_before_reset_at_once(void **state)
{
    static const char large[SL_STREAM_HIGH + 1];
    struct sl_str part = {large, sizeof large};
    struct house h;
    struct peer *c = &h.peers[63];
    char byte;
    uint16_t port;
    int l = raw_listen(&port, 5), fd = -1;

    (void)state;
    house_open(&h, NULL, NULL, 0);
    dial(c, "127.0.0.1", port, NULL, 1000);
    UNTIL(h.net, c->opens == 1 && (fd >= 0 || (fd = accept(l, NULL, NULL)) >= 0));
    sl_stream_want(c->s, true);
    (void)!sl_stream_write(c->s, &part, 1);
    assert_int_equal(read(fd, &byte, 1), 1);
    assert_int_equal(write(fd, "413", 3), 3);
    close(fd);
    assert_false(sl_stream_write(c->s, &part, 1));
    UNTIL(h.net, c->ends == 1);
    assert_int_equal(c->got, 3);
    assert_int_equal(c->why, SL_ERR_UP_RESET);
    close(l);
    house_close(&h);
}

static void write_after_break(void **state)
{
    struct house h;
    struct sl_str s = SL_STR("x");

    (void)state;
    pair_open(&h);
    sl_stream_reset(&h.peers[0].s);
    UNTIL(h.net, h.peers[63].ends == 1);
    assert_false(sl_stream_write(h.peers[63].s, &s, 1));
    TURNS(h.net, 3);
    assert_int_equal(sl_stream_queued(h.peers[63].s), 0);
    house_close(&h);
}

/* Streams that nobody closed are closed with the loop. */
static void loop_ends_first(void **state)
{
    struct house h;

    (void)state;
    pair_open(&h);
    say(&h.peers[63], "x");
    sl_stream_finish(&h.peers[63].s, 60000);
    sl_listen_end(&h.listener);
    sl_net_end(&h.net);
}

static void ceiling(void **state)
{
    struct house h;
    int fds[3];

    (void)state;
    house_open(&h, "127.0.0.1:0", NULL, 2);
    for (int i = 0; i < 3; i++)
        fds[i] = raw_connect(sl_listen_port(h.listener));
    TURNS(h.net, 20);
    assert_int_equal(h.n, 2);
    assert_int_equal(sl_listen_open(h.listener), 2);
    sl_stream_close(&h.peers[0].s);
    UNTIL(h.net, h.n == 3);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    house_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo),
        cmocka_unit_test(write_before_open),
        cmocka_unit_test(flood),
        cmocka_unit_test(slow_reader),
        cmocka_unit_test(peer_closes),
        cmocka_unit_test(peer_resets),
        cmocka_unit_test(finish_flushes),
        cmocka_unit_test(finish_after_half_close),
        cmocka_unit_test(finish_limit),
        cmocka_unit_test(close_in_data),
        cmocka_unit_test(close_while_writing),
        cmocka_unit_test(want_off),
        cmocka_unit_test(hushed_by_another),
        cmocka_unit_test(ended_by_another),
        cmocka_unit_test(many_speak),
        cmocka_unit_test(reset_behind_data),
        cmocka_unit_test(end_behind_another),
        cmocka_unit_test(answer_before_reset),
        cmocka_unit_test(answer_before_reset_at_once),
        cmocka_unit_test(write_after_break),
        cmocka_unit_test(loop_ends_first),
        cmocka_unit_test(ceiling),
    };

    alarm(55);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
