/* No descriptors left: newcomers are turned away without a spin, those who are
 * in stay in, what is dialled ends as our own trouble, and when some come free
 * everything works again. */
/* timeout: 60
 * serial */
#include "_net.h"

#include "net/inside.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#define LIMIT 64

static struct rlimit before;

static void limit_to(rlim_t n)
{
    struct rlimit now = {n, before.rlim_max};

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
}

static double cpu(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Clients of their own process, so that their descriptors don't count here. */
static pid_t crowd(uint16_t port, int n, int go)
{
    pid_t pid = fork();
    char byte;

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* must not outlive a test that fails */
    setrlimit(RLIMIT_NOFILE, &before);
    for (int i = 0; i < n; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        (void)!connect(fd, (struct sockaddr *)&a, sizeof a);
    }
    (void)!read(go, &byte, 1);
    _exit(0);
}

static void fill(int *fds, size_t *n)
{
    int fd;

    while ((fd = open("/dev/null", O_RDONLY)) >= 0)
        fds[(*n)++] = fd;
}

static void run_out(void **state)
{
    struct house h;
    struct peer *c = &h.peers[63];
    int go[2], fds[LIMIT];
    size_t n = 0, had;
    double used;
    uint64_t from;
    pid_t pid;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &before);
    house_open(&h, "127.0.0.1:0", NULL, 1000);
    dial(c, "127.0.0.1", sl_listen_port(h.listener), NULL, 1000);
    UNTIL(h.net, c->opens == 1 && h.n == 1);
    sl_stream_want(c->s, true);
    h.peers[0].echo = true;
    assert_int_equal(pipe(go), 0);
    limit_to(LIMIT);
    fill(fds, &n);
    had = h.n;
    pid = crowd(sl_listen_port(h.listener), 300, go[0]);
    from = clock_ms();
    used = cpu();
    while (clock_ms() - from < 1000)
        sl_net_turn(h.net, 50);
    used = cpu() - used;
    assert_true(used < 0.2); /* of a second */
    assert_int_equal(h.n, had);
    say(c, "still here");
    UNTIL(h.net, c->got == 10);
    while (n > 0)
        close(fds[--n]);
    dial(&h.peers[62], "127.0.0.1", sl_listen_port(h.listener), NULL, 1000);
    UNTIL(h.net, h.peers[62].opens == 1 && h.n == had + 1);
    TURNS(h.net, 5);
    assert_int_equal(h.peers[62].ends, 0);
    close(go[1]);
    close(go[0]);
    kill(pid, SIGKILL);
    limit_to(before.rlim_cur);
    house_close(&h);
}

/* The same when even libuv's own reserve is gone: somebody took the descriptor
 * it had just given up. Without ours it would try to accept for ever. */
static void without_reserve(bool ours_too)
{
    struct house h;
    int fds[LIMIT], go[2];
    size_t n = 0;
    uint64_t from;
    double used;
    pid_t pid;

    getrlimit(RLIMIT_NOFILE, &before);
    house_open(&h, "127.0.0.1:0", NULL, 1000);
    assert_int_equal(pipe(go), 0);
    limit_to(LIMIT);
    assert_true(h.net->loop.emfile_fd >= 0);
    close(h.net->loop.emfile_fd);
    h.net->loop.emfile_fd = -1;
    if (ours_too) {
        close(h.net->spare);
        h.net->spare = -1;
    }
    fill(fds, &n);
    pid = crowd(sl_listen_port(h.listener), 50, go[0]);
    from = clock_ms();
    used = cpu();
    while (clock_ms() - from < 500)
        sl_net_turn(h.net, 20);
    assert_true(cpu() - used < 0.2);
    assert_int_equal(h.n, 0);
    assert_int_equal(h.net->loop.emfile_fd >= 0, !ours_too); /* handed over */
    while (n > 0)
        close(fds[--n]);
    dial(&h.peers[62], "127.0.0.1", sl_listen_port(h.listener), NULL, 1000);
    UNTIL(h.net, h.peers[62].opens == 1 && h.n >= 1);
    assert_true(h.net->spare >= 0); /* and both are there again */
    close(go[1]);
    close(go[0]);
    kill(pid, SIGKILL);
    limit_to(before.rlim_cur);
    house_close(&h);
}

static void reserve_gone(void **state)
{
    (void)state;
    without_reserve(false);
}

#if UV_VERSION_HEX >= 0x012d00 /* older ones keep calling back until a descriptor comes free */
static void reserves_gone(void **state)
{
    (void)state;
    without_reserve(true);
}
#endif

/* By address, by name, by path: nobody there is to blame. */
static void dialled(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "/tmp/no-such.sock"};
    struct house h;
    int fds[LIMIT];
    size_t n = 0;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &before);
    house_open(&h, "127.0.0.1:0", NULL, 1000);
    limit_to(LIMIT);
    fill(fds, &n);
    for (size_t i = 0; i < 3; i++) {
        struct peer *c = &h.peers[61 + i];

        dial(c, hosts[i], i < 2 ? sl_listen_port(h.listener) : 0, NULL, 30000);
        UNTIL(h.net, c->ends == 1);
        assert_int_equal(c->why, SL_ERR_OVERLOAD);
    }
    while (n > 0)
        close(fds[--n]);
    dial(&h.peers[60], "127.0.0.1", sl_listen_port(h.listener), NULL, 30000);
    UNTIL(h.net, h.peers[60].opens == 1);
    limit_to(before.rlim_cur);
    house_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_out),
        cmocka_unit_test(reserve_gone),
        cmocka_unit_test(dialled),
#if UV_VERSION_HEX >= 0x012d00
        cmocka_unit_test(reserves_gone),
#endif
    };

    alarm(55);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
