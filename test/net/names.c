/* Names that the resolver keeps silent about, and all others meanwhile. */
/* timeout: 60 */
#include <netdb.h>
#include <sys/socket.h>
#include <uv.h>

static int resolver(const char *name, const char *service, const struct addrinfo *hints,
                    struct addrinfo **out);
static int make_thread(uv_thread_t *t, const uv_thread_options_t *o, uv_thread_cb fn, void *arg);
#define getaddrinfo resolver
#define uv_thread_create_ex make_thread
#include "net/lookup.c"
#undef getaddrinfo
#undef uv_thread_create_ex

#include "_net.h"

#include "net/work.h"

#define SILENT ".silent"

static atomic_int asked; /* silent names that a thread waits for */
static atomic_bool speak;
static bool no_threads; /* the system has none left */

static int make_thread(uv_thread_t *t, const uv_thread_options_t *o, uv_thread_cb fn, void *arg)
{
    return no_threads ? UV_EAGAIN : uv_thread_create_ex(t, o, fn, arg);
}

/* Says nothing of silent names until it is told to speak. */
static int resolver(const char *name, const char *service, const struct addrinfo *hints,
                    struct addrinfo **out)
{
    if (strstr(name, SILENT) == NULL)
        return getaddrinfo(name, service, hints, out);
    atomic_fetch_add(&asked, 1);
    while (!atomic_load(&speak))
        usleep(1000);
    atomic_fetch_sub(&asked, 1);
    return EAI_NONAME;
}

static void silence(void)
{
    atomic_store(&asked, 0);
    atomic_store(&speak, false);
}

static void note(void *ctx, enum sl_err e, const struct sl_addrs *a, const char *why)
{
    (void)a;
    assert_int_equal(e, no_threads ? SL_ERR_OVERLOAD : SL_ERR_DNS); /* ours, or the name's */
    assert_true(why[0] != 0);
    ++*(int *)ctx;
}

static void ask_for(struct house *h, int i, struct sl_op **slot, int *answers)
{
    char name[32];

    (void)snprintf(name, sizeof name, "name-%d" SILENT, i);
    sl_resolve_start(h->net, sl_str_of(name), 80, 60000, slot, note, answers);
}

static void done(void *ctx)
{
    *(bool *)ctx = true;
}

static void nothing(void *ctx)
{
    (void)ctx;
}

/* As many silent names as there may be threads but one, twice each: a connection to a name,
 * the work of others and the limit of a dial are as ever. */
static void silence_starves_nobody(void **state)
{
    enum { N = SL_LOOKUP_THREADS - 1 };
    struct sl_op *slots[2 * N] = {NULL}, *job = NULL;
    struct house h;
    int answers = 0;
    bool worked = false;

    (void)state;
    silence();
    house_open(&h, "127.0.0.1:0", NULL, 10);
    for (int i = 0; i < 2 * N; i++)
        ask_for(&h, i % N, &slots[i], &answers);
    UNTIL(h.net, atomic_load(&asked) == N);
    dial(&h.peers[62], "name-0" SILENT, 80, NULL, 100);
    dial(&h.peers[63], "localhost", sl_listen_port(h.listener), NULL, 5000);
    sl_work_start(h.net, nothing, &worked, &job, done, NULL);
    UNTIL(h.net, h.peers[63].opens == 1 && worked && h.peers[62].ends == 1);
    assert_int_equal(h.peers[62].why, SL_ERR_CONNECT_SLOW);
    assert_int_equal(answers, 0);
    for (int i = 0; i < N; i++)
        sl_op_cancel(&slots[i]);
    atomic_store(&speak, true);
    UNTIL(h.net, answers == N);
    house_close(&h);
}

/* Beyond the threads there is a queue, in order; what is cancelled meanwhile is silent. */
static void more_names_than_threads(void **state)
{
    enum { N = SL_LOOKUP_THREADS + 40 };
    struct sl_op *slots[N] = {NULL};
    struct house h;
    int answers = 0;

    (void)state;
    silence();
    house_open(&h, NULL, NULL, 0);
    for (int i = 0; i < N; i++)
        ask_for(&h, i, &slots[i], &answers);
    UNTIL(h.net, atomic_load(&asked) == SL_LOOKUP_THREADS);
    TURNS(h.net, 5);
    assert_int_equal(h.net->asked_n, SL_LOOKUP_THREADS);
    sl_op_cancel(&slots[0]);
    sl_op_cancel(&slots[N - 1]);
    atomic_store(&speak, true);
    UNTIL(h.net, answers == N - 2);
    house_close(&h);
}

/* The loop ends: those without a thread are let go, those with one are waited for. */
static void the_end_while_asking(void **state)
{
    enum { N = SL_LOOKUP_THREADS + 40 };
    struct sl_op *slots[N] = {NULL};
    struct house h;
    int answers = 0;

    (void)state;
    silence();
    house_open(&h, NULL, NULL, 0);
    for (int i = 0; i < N; i++)
        ask_for(&h, i, &slots[i], &answers);
    UNTIL(h.net, atomic_load(&asked) == SL_LOOKUP_THREADS);
    for (int i = 0; i < N; i++)
        sl_op_cancel(&slots[i]);
    sl_lookup_cancel(h.net);
    assert_int_equal(h.net->asked_n, SL_LOOKUP_THREADS);
    assert_true(sl_list_is_empty(&h.net->wanted));
    atomic_store(&speak, true);
    house_close(&h);
    assert_int_equal(answers, 0);
}

/* Each has failed, in a later turn, and nothing keeps the loop from ending. */
static void no_thread_is_to_be_had(void **state)
{
    enum { N = SL_LOOKUP_THREADS + 1 };
    struct sl_op *slots[N] = {NULL};
    struct house h;
    int answers = 0;

    (void)state;
    no_threads = true;
    house_open(&h, NULL, NULL, 0);
    for (int i = 0; i < N; i++)
        ask_for(&h, i, &slots[i], &answers);
    assert_int_equal(answers, 0);
    UNTIL(h.net, answers == N);
    assert_false(uv_has_ref((uv_handle_t *)&h.net->answers));
    house_close(&h);
    no_threads = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_starves_nobody),
        cmocka_unit_test(more_names_than_threads),
        cmocka_unit_test(the_end_while_asking),
        cmocka_unit_test(no_thread_is_to_be_had),
    };

    alarm(55);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
