/* Appended files: order, dropping, rotation, a stopped reader, the end. */
/* timeout: 60 */
#include "_net.h"

#include "net/file.h"

#include <sys/stat.h>

static char dir[] = "/tmp/net_file_XXXXXX";

static const char *path_of(const char *name)
{
    static char paths[4][64];
    static unsigned n;
    char *p = paths[n++ % 4];

    (void)snprintf(p, sizeof paths[0], "%s/%s", dir, name);
    return p;
}

static struct sl_file *open_file(struct sl_net *net, const char *name, size_t max, uint64_t ms)
{
    struct sl_file *f = NULL;

    assert_int_equal(sl_file_open(net, path_of(name), max, ms, &f), SL_OK);
    return f;
}

static size_t size_of(const char *name)
{
    struct stat st;

    return stat(path_of(name), &st) == 0 ? (size_t)st.st_size : 0;
}

static void settle(struct sl_net *net)
{
    struct sl_net_counts c;

    UNTIL(net, (c = sl_net_count(net), c.ops == 0 && c.graves == 0));
    assert_int_equal(c.timers, 0);
}

static void lines_in_order(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_file *f = open_file(net, "order", 1 << 20, 5);
    char *text, line[32], *at;
    size_t n;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        int k = snprintf(line, sizeof line, "line %d\n", i);

        assert_true(sl_file_append(f, (struct sl_str){line, (size_t)k}));
        if (i % 100 == 0)
            sl_net_turn(net, 1);
    }
    sl_file_end(&f);
    assert_null(f);
    settle(net);
    at = text = sl_file_load(path_of("order"), 1 << 20, &n);
    assert_non_null(text);
    for (int i = 0; i < 5000; i++) {
        int k = snprintf(line, sizeof line, "line %d\n", i);

        assert_memory_equal(at, line, (size_t)k);
        at += k;
    }
    assert_int_equal(at - text, n);
    sl_mem_free(text);
    sl_net_end(&net);
}

/* One write holds what came within the delay, and no line waits longer. */
static void delay(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_file *f = open_file(net, "delay", 1 << 20, 60);
    uint64_t from = clock_ms();

    (void)state;
    assert_true(sl_file_append(f, SL_STR("a\n")));
    while (clock_ms() - from < 30)
        sl_net_turn(net, 5);
    assert_int_equal(size_of("delay"), 0);
    assert_true(sl_file_append(f, SL_STR("b\n")));
    UNTIL(net, size_of("delay") == 4);
    assert_in_range(clock_ms() - from, 55, 1000);
    sl_file_end(&f);
    settle(net);
    sl_net_end(&net);
}

static void drops_beyond_max(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_file *f = open_file(net, "drop", 4096, 1000);
    size_t kept = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        kept += sl_file_append(f, SL_STR("0123456789abcde\n"));
    assert_true(kept > 0 && kept <= 4096 / 16);
    assert_int_equal(sl_file_dropped(f), 1000 - kept);
    sl_file_end(&f);
    assert_int_equal(size_of("drop"), kept * 16);
    settle(net);
    sl_net_end(&net);
}

static void rotation(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_file *f = open_file(net, "log", 1 << 20, 2);

    (void)state;
    assert_true(sl_file_append(f, SL_STR("before\n")));
    UNTIL(net, size_of("log") == 7);
    assert_int_equal(rename(path_of("log"), path_of("log.1")), 0);
    assert_true(sl_file_append(f, SL_STR("between\n")));
    UNTIL(net, size_of("log.1") == 15);
    assert_int_equal(sl_file_reopen(f), SL_OK);
    assert_true(sl_file_append(f, SL_STR("after\n")));
    UNTIL(net, size_of("log") == 6);
    assert_int_equal(size_of("log.1"), 15);
    /* a place that can't be opened: the old file goes on */
    assert_int_equal(rename(dir, "/tmp/net_file_gone"), 0);
    assert_int_equal(sl_file_reopen(f), SL_ERR_IO);
    assert_int_equal(rename("/tmp/net_file_gone", dir), 0);
    assert_true(sl_file_append(f, SL_STR("still\n")));
    UNTIL(net, size_of("log") == 12);
    sl_file_end(&f);
    settle(net);
    sl_net_end(&net);
}

static void appends_to_what_is_there(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_file *f;
    struct stat st;

    (void)state;
    for (int i = 0; i < 2; i++) {
        f = open_file(net, "twice", 1000, 1);
        assert_true(sl_file_append(f, SL_STR("x\n")));
        sl_file_end(&f);
        settle(net);
    }
    assert_int_equal(size_of("twice"), 4);
    assert_int_equal(stat(path_of("twice"), &st), 0);
    assert_int_equal(st.st_mode & 07, 0); /* nobody else's business */
    assert_int_equal(sl_file_open(net, path_of("no/such/folder"), 100, 1, &f), SL_ERR_IO);
    assert_null(f);
    sl_net_end(&net);
}

/* Standard output is a pipe whose reader has stopped: the loop turns on, lines
 * are dropped and counted, and the end takes no longer than its limit. */
static void stopped_reader(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_file *f = NULL;
    int pipes[2], saved = dup(1);
    size_t kept = 0;
    uint64_t from;
    char buf[65536];

    (void)state;
    fflush(stdout);
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], 1);
    assert_int_equal(sl_file_open(net, "-", 100000, 1, &f), SL_OK);
    for (int i = 0; i < 20000; i++) {
        kept += sl_file_append(f, SL_STR("0123456789abcde\n"));
        if (i % 500 == 0) {
            from = clock_ms();
            sl_net_turn(net, 2);
            assert_true(clock_ms() - from < 500);
        }
    }
    assert_true(kept < 20000);
    assert_int_equal(sl_file_dropped(f), 20000 - kept);
    from = clock_ms();
    sl_file_end(&f);
    assert_true(clock_ms() - from < 3000);
    fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 100; i++) { /* what hangs in the pool is freed by a reader */
        while (read(pipes[0], buf, sizeof buf) > 0)
            ;
        sl_net_turn(net, 5);
    }
    dup2(saved, 1);
    close(saved);
    close(pipes[0]);
    close(pipes[1]);
    settle(net);
    sl_net_end(&net);
}

/* A full disk: what was lost is counted line by line, and writing goes on. */
static void full_disk(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_file *f = NULL;

    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_int_equal(sl_file_open(net, "/dev/full", 100000, 1, &f), SL_OK);
    for (int i = 0; i < 10; i++)
        assert_true(sl_file_append(f, SL_STR("a line\n")));
    UNTIL(net, sl_file_dropped(f) == 10);
    assert_true(sl_file_append(f, SL_STR("one more\n")));
    UNTIL(net, sl_file_dropped(f) == 11);
    sl_file_end(&f);
    settle(net);
    sl_net_end(&net);
}

static void load(void **state)
{
    FILE *out = fopen(path_of("whole"), "w");
    size_t n = 0;
    char *text;

    (void)state;
    for (int i = 0; i < 10000; i++)
        fputc('a' + i % 26, out);
    fclose(out);
    text = sl_file_load(path_of("whole"), 10000, &n);
    assert_non_null(text);
    assert_int_equal(n, 10000);
    assert_int_equal(strlen(text), 10000);
    sl_mem_free(text);
    errno = 0;
    assert_null(sl_file_load(path_of("whole"), 9999, &n));
    assert_int_equal(errno, EFBIG);
    assert_null(sl_file_load(path_of("not-there"), 100, &n));
    assert_int_equal(errno, ENOENT);
    assert_null(sl_file_load(dir, 100, &n));
    assert_int_equal(errno, EISDIR);
    text = sl_file_load("/dev/null", 100, &n);
    assert_non_null(text);
    assert_int_equal(n, 0);
    sl_mem_free(text);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_in_order),
        cmocka_unit_test(delay),
        cmocka_unit_test(drops_beyond_max),
        cmocka_unit_test(rotation),
        cmocka_unit_test(appends_to_what_is_there),
        cmocka_unit_test(stopped_reader),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(load),
    };

    alarm(55);
    return cmocka_run_group_tests(tests, setup, teardown);
}
