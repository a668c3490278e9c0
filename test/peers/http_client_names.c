/* timeout: 60
 *
 * A provider's name that leads to other addresses by now: connections to those that are gone are
 * not used again, requests under way end well, and half an answer closes nothing. */
#include <netdb.h>
#include <stdatomic.h>
#include <sys/socket.h>

static int resolver(const char *name, const char *service, const struct addrinfo *hints,
                    struct addrinfo **out);
#define getaddrinfo resolver
#include "net/lookup.c"
#undef getaddrinfo

#include "peers/_http.h"

#define A "127.0.0.1"
#define B "127.0.0.2"
#define NAME "p.moving"

static _Atomic(const char *) first,
    second; /* what NAME has; second: every other time; NULL: fails */
static atomic_size_t asked;
static struct world w;
static struct prov other; /* at B */
static struct job jobs[4];

static int resolver(const char *name, const char *service, const struct addrinfo *hints,
                    struct addrinfo **out)
{
    size_t turn = strcmp(name, NAME) == 0 ? atomic_fetch_add(&asked, 1) : 0;
    const char *is = atomic_load(turn % 2 == 0 ? &first : &second);

    if (strcmp(name, NAME) != 0)
        return getaddrinfo(name, service, hints, out);
    return is == NULL ? EAI_AGAIN : getaddrinfo(is, service, hints, out);
}

static void resolves_to(const char *one, const char *every_other_time)
{
    atomic_store(&first, one);
    atomic_store(&second, every_other_time);
}

static void both_turn(void)
{
    turn(&w);
    prov_turn(&other);
}

#define UNTIL_OR_FAIL(what)                                                                        \
    do {                                                                                           \
        uint64_t limit = now_ms() + 20000;                                                         \
                                                                                                   \
        while (!(what)) {                                                                          \
            assert_true(now_ms() < limit);                                                         \
            both_turn();                                                                           \
        }                                                                                          \
    } while (0)

static void looks(size_t n)
{
    size_t from = atomic_load(&asked);

    UNTIL_OR_FAIL(atomic_load(&asked) >= from + n);
}

static void answers(struct job *j)
{
    job_start(&w, j);
    UNTIL_OR_FAIL(j->done || j->failed);
    job_is_ok(j);
    sl_call_end(&j->call);
}

static int setup(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET};

    (void)state;
    w = (struct world){.finished = 0};
    memset(jobs, 0, sizeof(jobs));
    other = (struct prov){.script = SCRIPT(BYTES(OK_TEXT))};
    resolves_to(A, A);
    world_start(&w);
    w.p.script = SCRIPT(BYTES(OK_TEXT));
    sl_origin_drop(&w.o);
    w.conf.host = SL_STR(NAME);
    w.conf.dns_ttl_ms = 100;
    w.conf.keepalive_expiry_ms = 60000;
    w.o = sl_origin_new(w.net, &w.conf);
    other.fd = socket(AF_INET, SOCK_STREAM, 0);
    at.sin_port = htons(w.p.port);
    assert_int_equal(inet_pton(AF_INET, B, &at.sin_addr), 1);
    assert_int_equal(bind(other.fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(other.fd, 64), 0);
    fcntl(other.fd, F_SETFL, O_NONBLOCK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_stop(&w);
    for (size_t i = 0; i < other.n; i++) {
        prov_close(other.conns[i], FIN);
        sl_mem_free(other.conns[i]);
    }
    close(other.fd);
    return 0;
}

static void test_moved(void **state)
{
    (void)state;
    answers(&jobs[0]);
    w.p.script = SCRIPT(BYTES(OK_TEXT), .wait_ms = 20000);
    job_start(&w, &jobs[1]); /* on the idle connection, answered at once */
    job_start(&w, &jobs[2]); /* on a new one, whose answer takes long */
    UNTIL_OR_FAIL(jobs[1].done && w.p.n == 2 && w.p.conns[1]->answering);
    sl_call_end(&jobs[1].call);
    assert_int_equal(sl_origin_count(w.o).idle, 1);
    resolves_to(B, B);
    UNTIL_OR_FAIL(sl_origin_count(w.o).idle == 0);
    assert_int_equal(sl_origin_count(w.o).open, 1);
    assert_false(jobs[2].done || jobs[2].failed);
    answers(&jobs[3]);
    assert_int_equal(other.requests, 1);
    w.p.conns[1]->next_ms = 0; /* the answer comes */
    UNTIL_OR_FAIL(jobs[2].done);
    job_is_ok(&jobs[2]);
    sl_call_end(&jobs[2].call);
    assert_int_equal(sl_origin_count(w.o).open, 1); /* to where it is now */
    answers(&jobs[3]);
    assert_int_equal(other.requests, 2);
    assert_int_equal(w.p.requests, 3);
}

/* Some resolvers tell a part of the addresses each time. */
static void test_part_of_them(void **state)
{
    (void)state;
    answers(&jobs[0]);
    resolves_to(A, B);
    looks(6);
    assert_int_equal(sl_origin_count(w.o).idle, 1);
    answers(&jobs[0]);
    assert_int_equal(sl_origin_count(w.o).dialled, 1);
}

static void test_resolver_away(void **state)
{
    (void)state;
    answers(&jobs[0]);
    resolves_to(NULL, NULL);
    looks(2);
    answers(&jobs[0]);
    assert_int_equal(sl_origin_count(w.o).dialled, 1);
    resolves_to(B, B);
    UNTIL_OR_FAIL(sl_origin_count(w.o).idle == 0);
    answers(&jobs[0]);
    assert_int_equal(other.requests, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_part_of_them, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resolver_away, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
