/* The trail: numbers, the chain, what finds which damage, a full disk, and SIGKILL.
 * timeout: 120 */
#include "store/trail/trail.c"

#include "store/search.h"
#undef SL_SEARCH_PART
#undef SL_SEARCH_TEXT
static size_t part_bytes = 100000; /* less than a page; and then all at once */
#define SL_SEARCH_PART part_bytes
#define SL_SEARCH_TEXT ((size_t)4 << 20)
#include "store/trail/search.c"

#include "base/json.h"
#include "base/rand.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#define WAIT_MS 8000

static char base[] = "/tmp/trail-XXXXXX";
static char dir[64]; /* of the case at hand */

static uint64_t clock_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

#define UNTIL(net, cond)                                                                           \
    do {                                                                                           \
        uint64_t until_ = clock_ms() + WAIT_MS;                                                    \
        while (!(cond)) {                                                                          \
            sl_net_turn((net), 5);                                                                 \
            if (clock_ms() > until_)                                                               \
                fail_msg("not in time: %s", #cond);                                                \
        }                                                                                          \
    } while (0)

static void shell(const char *fmt, ...)
{
    char command[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(command, sizeof command, fmt, args);
    va_end(args);
    assert_int_equal(system(command), 0);
}

static const char *in_dir(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static struct sl_trail *open_trail(struct sl_net *net)
{
    char why[256] = "";
    struct sl_trail *t = sl_trail_open(net, sl_str_of(dir), why, sizeof why);

    if (t == NULL)
        fail_msg("%s", why);
    return t;
}

/* Nothing may be left of what was made. */
static void close_net(struct sl_net **net)
{
    struct sl_net_counts c;
    uint64_t until = clock_ms() + WAIT_MS;

    do {
        sl_net_turn(*net, 5);
        c = sl_net_count(*net);
    } while ((c.ops > 0 || c.graves > 0) && clock_ms() < until);
    assert_int_equal(c.ops, 0);
    assert_int_equal(c.graves, 0);
    assert_int_equal(c.timers, 0);
    sl_net_end(net);
}

static uint64_t add(struct sl_trail *t, const char *members)
{
    return sl_trail_append(t, 1764028800000, sl_str_of(members));
}

static uint64_t add_number(struct sl_trail *t, unsigned i)
{
    char members[128];

    (void)snprintf(members, sizeof members,
                   "\"kind\":\"settle\",\"id\":%u,\"pad\":\"................................\"", i);
    return add(t, members);
}

struct seen {
    uint64_t lines, last, ids;
    bool in_order;
    char text[4096];
};

static void see(void *ctx, uint64_t number, struct sl_str line)
{
    struct seen *s = ctx;
    uint64_t id;

    s->in_order = s->in_order && number > s->last;
    s->last = number;
    s->lines++;
    if (sl_json_u64(sl_json_get(line, SL_STR("id")), &id))
        s->ids++;
    line = sl_str_first(line, sizeof s->text - 1);
    memcpy(s->text, line.p, line.n);
    s->text[line.n] = 0;
}

static struct sl_trail_report verify(struct seen *s)
{
    struct sl_trail_report r;

    *s = (struct seen){.in_order = true};
    if (sl_trail_verify(sl_str_of(dir), &r, see, s) != SL_OK)
        fail_msg("%s", r.what);
    assert_true(s->in_order);
    assert_int_equal(s->lines, r.lines);
    return r;
}

static void assert_sound(void)
{
    struct seen s;
    struct sl_trail_report r = verify(&s);

    if (r.broken_at != 0)
        fail_msg("broken at %llu: %s", (unsigned long long)r.broken_at, r.what);
    assert_false(r.torn);
}

static void numbers_and_chain(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_trail *t = open_trail(net);
    struct sl_trail_report r;
    struct stat st;
    struct seen s;
    char instance[8];
    uint64_t n;

    (void)state;
    assert_true(sl_trail_is_new(t));
    memcpy(instance, sl_trail_instance(t).p, 8);
    n = add(t, "\"kind\":\"settle\",\"tenant\":\"acme\"");
    assert_int_equal(add(t, "\"kind\":\"key\",\"doc\":{\n\"name\":\"a\"}"), n + 1);
    assert_int_equal(sl_trail_last(t), n + 1);
    assert_true(sl_trail_synced(t) < n);
    UNTIL(net, sl_trail_synced(t) == n + 1);
    assert_int_equal(sl_trail_lag_ms(t), 0);
    r = verify(&s);
    assert_int_equal(r.broken_at, 0);
    assert_int_equal(r.lines, 3); /* and the start */
    assert_int_equal(r.last, n + 1);
    assert_memory_equal(r.instance, instance, 8);
    assert_non_null(
        strstr(s.text, "\"t\":\"2025-11-25T00:00:00.000Z\",\"kind\":\"key\",\"doc\":{ \"name"));
    sl_trail_acked(t, n);
    sl_trail_end(&t);

    assert_int_equal(stat(in_dir("trail.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(in_dir("trail.jsonl"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    t = open_trail(net);
    assert_false(sl_trail_is_new(t));
    assert_memory_equal(sl_trail_instance(t).p, instance, 8);
    assert_int_equal(sl_trail_last_acked(t), n);
    assert_true(sl_trail_last(t) > n + 1);
    sl_trail_end(&t);
    r = verify(&s);
    assert_int_equal(r.broken_at, 0);
    assert_int_equal(r.lines, 4);
    close_net(&net);
}

static void numbers_grow_past_the_clock(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_trail *t = open_trail(net);
    uint64_t last;

    (void)state;
    t->last += (uint64_t)1 << 40; /* as if a clock had been a year ahead */
    add_number(t, 1);
    t->covered = t->last; /* the gap is not what is looked at */
    last = t->last;
    sl_trail_end(&t);
    t = open_trail(net);
    assert_int_equal(sl_trail_last(t), last + 1);
    sl_trail_end(&t);
    close_net(&net);
}

static void one_process_at_a_time(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_trail *t = open_trail(net), *other;
    char why[256] = "";

    (void)state;
    other = sl_trail_open(net, sl_str_of(dir), why, sizeof why);
    assert_null(other);
    assert_non_null(strstr(why, "another process uses this state directory"));
    sl_trail_end(&t);
    t = open_trail(net);
    sl_trail_end(&t);
    close_net(&net);
}

static void assert_refused(struct sl_net *net, const char *text)
{
    char why[400] = "";
    struct sl_trail *t = sl_trail_open(net, sl_str_of(dir), why, sizeof why);

    assert_null(t);
    if (strstr(why, text) == NULL)
        fail_msg("'%s' is not in: %s", text, why);
}

static void what_open_refuses(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_trail *t = open_trail(net);

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        add_number(t, i);
    sl_trail_end(&t);
    shell("cp -r %s %s.ok", dir, dir);
    shell("rm %s/trail.key", dir);
    assert_refused(net, "trail.key: it is gone");
    shell("echo short > %s/trail.key", dir);
    assert_refused(net, "64 hexadecimal digits");
    shell("cp %s.ok/trail.key %s/; echo zzz > %s/instance", dir, dir, dir);
    assert_refused(net, "8 hexadecimal digits");
    shell("cp %s.ok/instance %s/; sed -i '$s/settle/sattle/' %s/trail.jsonl", dir, dir, dir);
    assert_refused(net, "its last line does not fit");
    shell("cp %s.ok/trail.jsonl %s/; sed -i '$d' %s/trail.jsonl", dir, dir, dir);
    assert_refused(net, "the trail's end was cut");
    shell("cp %s.ok/trail.jsonl %s/; sed -i 's/acked 00/acked 01/' %s/trail.head", dir, dir, dir);
    assert_refused(net, "trail.head: it was changed");
    shell("rm %s/trail.head", dir); /* everything will be sent again */
    t = open_trail(net);
    assert_int_equal(sl_trail_last_acked(t), 0);
    sl_trail_end(&t);
    assert_sound();
    shell(": > %s/trail.head", dir); /* the process was killed when it had just made it */
    t = open_trail(net);
    assert_int_equal(sl_trail_last_acked(t), 0);
    sl_trail_end(&t);
    assert_sound();
    close_net(&net);
}

/* ---- damage ---- */

/* Twenty lines over several files. */
static void make_trail(void)
{
    struct sl_net *net = sl_net_new();
    struct sl_trail *t = open_trail(net);

    t->disk->rotate = 1000;
    for (unsigned i = 0; i < 20; i++) {
        uint64_t n = add_number(t, i);

        UNTIL(net, sl_trail_synced(t) == n);
    }
    sl_trail_end(&t);
    close_net(&net);
    assert_sound();
}

static char *load(const char *path, size_t *n)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    char *p;

    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    *n = (size_t)st.st_size;
    p = malloc(*n + 1);
    assert_int_equal(read(fd, p, *n), *n);
    p[*n] = 0;
    close(fd);
    return p;
}

static void save(const char *path, const char *p, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), n);
    close(fd);
}

static void assert_damage(const char *text)
{
    struct seen s;
    struct sl_trail_report r = verify(&s);

    if (r.broken_at == 0 || strstr(r.what, text) == NULL)
        fail_msg("wanted '%s', got %llu: '%s'", text, (unsigned long long)r.broken_at, r.what);
}

/* Each byte of a file, one bit of it: every one is found, and the line before the damage
 * is the last that is believed. */
static void a_flipped_bit(void **state)
{
    char path[256], *p;
    size_t n;

    (void)state;
    make_trail();
    shell("ls %s/trail-*.jsonl | sort -t- -k2 -n | sed -n 2p | tr -d '\\n' > %s/second", dir, dir);
    p = load(in_dir("second"), &n);
    (void)snprintf(path, sizeof path, "%s", p);
    free(p);
    p = load(path, &n);
    for (size_t i = 0; i < n; i++) {
        char was = p[i];
        struct seen s;
        struct sl_trail_report r;

        p[i] = (char)(was ^ (1 << (i % 7)));
        save(path, p, n);
        r = verify(&s);
        if (r.broken_at == 0)
            fail_msg("byte %zu: not found", i);
        p[i] = was;
        if (strstr(r.what, "changed") == NULL && was != '\n' && !(was >= '0' && was <= '9'))
            fail_msg("byte %zu ('%c'): %s", i, was, r.what);
    }
    save(path, p, n);
    free(p);
    assert_sound();
}

static void restore(void)
{
    shell("rm -rf %s && cp -r %s.ok %s", dir, dir, dir);
}

static void lines_gone_and_moved(void **state)
{
    static char want[128];
    char *p;
    size_t n;
    uint64_t number = 0;

    (void)state;
    make_trail();
    shell("cp -r %s %s.ok", dir, dir);
    p = load(in_dir("trail.jsonl"), &n);
    assert_true(sl_trail_line_number((struct sl_str){p, n}, &number));
    free(p);

    shell("rm $(ls %s/trail-*.jsonl | sort -t- -k2 -n | sed -n 2p)", dir);
    assert_damage("are missing, before trail-");
    restore();
    shell("sed -i 3d $(ls %s/trail-*.jsonl | sort -t- -k2 -n | sed -n 1p)", dir);
    assert_damage("are missing, before trail-");
    restore();
    shell("f=$(ls %s/trail-*.jsonl | sort -t- -k2 -n | sed -n 1p);"
          "awk 'NR==2{h=$0;next} {print} NR==3{print h}' $f > $f.new && mv $f.new $f",
          dir);
    assert_damage("lines were reordered");
    restore();
    shell("f=$(ls %s/trail-*.jsonl | sort -t- -k2 -n | sed -n 1p);"
          "sed -n '1,2p;2p;3,$p' $f > $f.new && mv $f.new $f",
          dir);
    assert_damage("lines were reordered");
    restore();
    shell("f=$(ls %s/trail-*.jsonl | sort -t- -k2 -n | sed -n 1p); sed -i '2s/settle/sottle/' $f",
          dir);
    assert_damage("was changed, in trail-");
    restore();
    shell("sed -i '$d' %s/trail.jsonl", dir);
    assert_damage("the end was cut off");
    restore();
    (void)snprintf(want, sizeof want, "lines %llu to ", (unsigned long long)number);
    shell("rm %s/trail.jsonl", dir);
    assert_damage(want);
    restore();
    shell("rm %s/trail.head", dir);
    assert_damage("trail.head is gone");
    restore();
    shell("printf x >> %s/trail.head", dir);
    assert_damage("trail.head is changed");
    restore();
    assert_sound();
}

static struct sl_trail *open_fork(struct sl_net *net, const char *name)
{
    char why[256] = "";
    struct sl_trail *t = sl_trail_open(net, sl_str_of(name), why, sizeof why);

    if (t == NULL)
        fail_msg("%s", why);
    return t;
}

/* A copy of the directory went its own way: its lines have the same numbers and the same
 * key, but they are not of this trail. */
static void a_line_of_another_history(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_trail *t, *u;
    char fork_dir[80];

    (void)state;
    make_trail();
    (void)snprintf(fork_dir, sizeof fork_dir, "%s.fork", dir);
    shell("cp -r %s %s", dir, fork_dir);
    for (;;) {
        t = open_trail(net);
        u = open_fork(net, fork_dir);
        if (t->last == u->last)
            break;
        sl_trail_end(&t); /* a second began between the two */
        sl_trail_end(&u);
    }
    add(t, "\"kind\":\"settle\",\"cost\":1");
    add(u, "\"kind\":\"settle\",\"cost\":9999");
    add(t, "\"kind\":\"settle\",\"cost\":2");
    add(u, "\"kind\":\"settle\",\"cost\":2");
    sl_trail_end(&t);
    sl_trail_end(&u);
    close_net(&net);
    assert_sound();
    shell("l=$(grep '\"cost\":9999' %s/trail.jsonl);"
          "awk -v l=\"$l\" '/\"cost\":1,/{print l; next} {print}' %s/trail.jsonl > %s/new"
          " && mv %s/new %s/trail.jsonl && grep -q 9999 %s/trail.jsonl",
          fork_dir, dir, dir, dir, dir, dir);
    assert_damage("was changed, in trail.jsonl");
}

/* The line end itself is a byte of the line, also where no head knows of it. */
static void a_changed_line_end(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_trail *t = open_trail(net);
    struct sl_trail_report r;
    struct seen s;
    struct stat st;
    uint64_t n;
    int fd;

    (void)state;
    n = add(t, "\"kind\":\"settle\"");
    UNTIL(net, sl_trail_synced(t) == n);
    sl_trail_end(&t);
    fd = open(in_dir("trail.jsonl"), O_RDWR);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(unlink(in_dir("trail.head")), 0);
    assert_int_equal(pwrite(fd, "\v", 1, st.st_size - 1), 1);
    r = verify(&s);
    assert_int_equal(r.broken_at, n);
    assert_non_null(strstr(r.what, "was changed, in trail.jsonl"));
    assert_false(r.torn);
    close(fd);
    close_net(&net);
}

static void a_torn_line(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_trail_report r;
    struct sl_trail *t;
    struct seen s;
    uint64_t lines;

    (void)state;
    make_trail();
    lines = verify(&s).lines;
    shell("printf '{\"n\":99,\"t\":\"20' >> %s/trail.jsonl", dir);
    r = verify(&s);
    assert_true(r.torn);
    assert_int_equal(r.broken_at, 0);
    t = open_trail(net);
    sl_trail_end(&t);
    r = verify(&s);
    assert_false(r.torn);
    assert_int_equal(r.broken_at, 0);
    assert_int_equal(r.lines, lines + 1); /* the start of the run that repaired it */
    shell("head -c 70000 /dev/zero >> %s/trail.jsonl", dir); /* as a power cut leaves it */
    t = open_trail(net);
    sl_trail_end(&t);
    assert_sound();
    close_net(&net);
}

/* ---- a disk that does not take it ---- */

static void limit_files(rlim_t bytes)
{
    struct rlimit l;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static off_t size_of(const char *name)
{
    struct stat st;

    return stat(in_dir(name), &st) == 0 ? st.st_size : 0;
}

static void a_full_disk(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_trail *t = open_trail(net);
    struct sl_trail_report r;
    struct seen s;
    uint64_t n, dropped;

    (void)state;
    t->waiting_max = 4 * sizeof(struct sl_trail_block);
    for (unsigned i = 0; i < 50; i++)
        n = add_number(t, i);
    UNTIL(net, sl_trail_synced(t) == n);
    limit_files(8192);
    for (unsigned i = 50; i < 100; i++)
        n = add_number(t, i);
    UNTIL(net, sl_trail_is_failing(t));
    assert_int_equal(sl_trail_dropped(t), 0); /* they wait */
    for (unsigned i = 100; i < 4100; i++)     /* more than four blocks */
        n = add_number(t, i);
    dropped = sl_trail_dropped(t);
    assert_true(dropped > 500 && dropped < 4000);
    assert_true(sl_trail_lag_ms(t) > 0);
    limit_files(150000); /* room for the first write of a batch, not for the next */
    UNTIL(net, size_of("trail.jsonl") > 60000 && sl_trail_is_failing(t));
    limit_files(RLIM_INFINITY);
    UNTIL(net, sl_trail_synced(t) == n);
    assert_false(sl_trail_is_failing(t));
    assert_int_equal(sl_trail_dropped(t), dropped);
    r = verify(&s);
    assert_int_equal(r.broken_at, 0);
    assert_int_equal(r.dropped, dropped); /* said in the chain itself */
    assert_int_equal(s.ids, 4100 - dropped);
    sl_trail_end(&t);
    close_net(&net);
}

static void a_disk_full_to_the_end(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_trail *t = open_trail(net);
    uint64_t n, began;

    (void)state;
    n = add_number(t, 0);
    UNTIL(net, sl_trail_synced(t) == n);
    limit_files(300);
    for (unsigned i = 0; i < 100; i++)
        add_number(t, i);
    began = clock_ms();
    sl_trail_end(&t);
    limit_files(RLIM_INFINITY);
    assert_true(clock_ms() - began < 2500);
    t = open_trail(net);
    sl_trail_end(&t);
    assert_sound();
    close_net(&net);
}

/* How many lines there are does not hurry the disk, until they are very many. */
static void what_waits_is_one_batch(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_trail *t = open_trail(net);
    const size_t block = sizeof(struct sl_trail_block);
    uint64_t late, n;

    (void)state;
    UNTIL(net, sl_trail_synced(t) == t->last && t->job == NULL);
    UNTIL(net, !sl_timer_is_armed(&t->timer)); /* nor is its head to be written */
    n = add_number(t, 0);
    late = sl_trail_first_block(&t->waiting)->began_ms + SL_TRAIL_DELAY_MS;
    while (t->waiting_n < (SL_TRAIL_PLENTY - 1) * block)
        n = add_number(t, 1);
    assert_true(t->timer.due >= late);
    while (t->waiting_n < SL_TRAIL_PLENTY * block)
        n = add_number(t, 2);
    assert_int_equal(t->timer.due, sl_net_now(net));
    UNTIL(net, sl_trail_synced(t) == n);
    assert_int_equal(t->spares_n, SL_TRAIL_SPARES);
    sl_trail_end(&t);
    close_net(&net);
}

static void no_memory_for_a_line(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_trail *t = open_trail(net);
    struct sl_trail_report r;
    struct seen s;
    uint64_t n;

    (void)state;
    add_number(t, 0);
    UNTIL(net, sl_trail_synced(t) == t->last);
    free_blocks(&t->spares);
    t->spares_n = 0;
    sl_mem_fail_at(1);
    add_number(t, 1);
    sl_mem_fail_at(1);
    add_number(t, 2);
    sl_mem_fail_at(0);
    assert_int_equal(sl_trail_dropped(t), 2);
    n = add_number(t, 3);
    UNTIL(net, sl_trail_synced(t) == n);
    r = verify(&s);
    assert_int_equal(r.broken_at, 0);
    assert_int_equal(r.dropped, 2);
    assert_int_equal(s.ids, 2);
    sl_trail_end(&t);
    close_net(&net);
}

/* ---- reading back ---- */

struct page {
    struct sl_op *slot;
    struct sl_trail_page page;
    bool done;
    enum sl_err err;
    char *text;
    size_t n;
};

static void on_page(void *ctx, enum sl_err e)
{
    struct page *p = ctx;

    p->done = true;
    p->err = e;
    p->text = malloc(p->page.text.n + 1);
    if (p->page.text.n > 0)
        memcpy(p->text, p->page.text.p, p->page.text.n);
    p->n = p->page.text.n;
}

static uint64_t read_all(struct sl_net *net, struct sl_trail *t, uint64_t after, unsigned *pages)
{
    uint64_t lines = 0, last = after;
    bool end = false;

    for (*pages = 0; !end; (*pages)++) {
        struct page p = {.slot = NULL};
        struct sl_str rest, line;

        sl_trail_read_start(t, after, &p.page, &p.slot, on_page, &p);
        assert_false(p.done);
        UNTIL(net, p.done);
        assert_int_equal(p.err, SL_OK);
        rest = (struct sl_str){p.text, p.n};
        while (sl_str_split(&rest, '\n', &line)) {
            uint64_t n;

            assert_true(sl_trail_line_number(line, &n));
            assert_true(n > last);
            last = n;
            lines++;
        }
        assert_true(p.page.last > after || p.page.end);
        after = p.page.last;
        end = p.page.end;
        free(p.text);
        assert_true(*pages < 100);
    }
    return lines;
}

static void pages(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_trail *t = open_trail(net);
    struct page p = {.slot = NULL};
    uint64_t first = 0, n = 0;
    unsigned count;

    (void)state;
    t->disk->rotate = 700000;
    for (unsigned i = 0; i < 12000; i++) {
        n = add_number(t, i);
        first = i == 0 ? n : first;
        if (i % 2000 == 1999)
            UNTIL(net, sl_trail_synced(t) == n);
    }
    assert_int_equal(read_all(net, t, 0, &count), 12001);
    assert_true(count >= 3);
    assert_int_equal(read_all(net, t, n, &count), 0);
    assert_int_equal(read_all(net, t, n - 1, &count), 1);
    assert_int_equal(count, 1);
    for (unsigned i = 0; i < 40; i++) {
        uint64_t after = first + sl_rand_u64() % 12000;

        assert_int_equal(read_all(net, t, after, &count), n - after);
    }
    sl_trail_read_start(t, 0, &p.page, &p.slot, on_page, &p);
    sl_op_cancel(&p.slot); /* and it is silent */
    sl_mem_fail_at(1);
    sl_trail_read_start(t, 0, &p.page, &p.slot, on_page, &p);
    sl_mem_fail_at(0);
    UNTIL(net, p.done);
    assert_int_equal(p.err, SL_ERR_NO_MEMORY);
    free(p.text);
    sl_trail_end(&t);
    close_net(&net);
}

struct part {
    struct sl_search ask;
    struct sl_op *slot;
    bool done;
    enum sl_err err;
    uint64_t first, n; /* numbers of lines that came, falling one by one */
};

static void on_part(void *ctx, enum sl_err e)
{
    struct part *p = ctx;
    struct sl_str rest = p->ask.lines, line;
    uint64_t number;

    p->done = true;
    p->err = e;
    while (e == SL_OK && sl_str_split(&rest, '\n', &line)) {
        if (line.n == 0)
            continue;
        assert_true(sl_trail_line_number(line, &number));
        assert_true(p->first == 0 || number == p->first - 1);
        p->first = number;
        p->n++;
    }
}

/* Part by part to the end; how many there were. */
static unsigned search_all(struct sl_store *s, struct part *p)
{
    unsigned parts = 0;

    p->first = p->n = 0;
    do {
        p->done = false;
        sl_search_start(s, &p->ask, &p->slot, on_part, p);
        assert_false(p->done);
        UNTIL(s->net, p->done);
        assert_int_equal(p->err, SL_OK);
        assert_true(p->ask.found <= p->ask.limit);
        assert_true(p->ask.next == 0 || p->ask.before == 0 || p->ask.next < p->ask.before);
        p->ask.before = p->ask.next;
        assert_true(++parts < 1000);
    } while (p->ask.next != 0);
    return parts;
}

/* Every line comes once, the newest first, over files and whatever the parts are. */
static void searches(void **state)
{
    struct sl_net *net = sl_net_new();
    struct sl_store s = {.net = net, .t = open_trail(net)};
    struct part p = {.ask = {.limit = 200}};
    uint64_t last = 0;

    (void)state;
    s.t->disk->rotate = 1500000; /* more than a page, so that lines stand across two */
    for (unsigned i = 0; i < 12000; i++)
        last = add_number(s.t, i);
    UNTIL(net, sl_trail_synced(s.t) == last);
    (void)search_all(&s, &p);
    assert_int_equal(p.n, 12001);
    p.ask.choice.of[SL_CHOICE_KIND] = SL_STR("settle");
    for (unsigned i = 0; i < 10; i++) {
        uint64_t back = sl_rand_u64() % 11999;

        p.ask.before = last - back;
        p.ask.limit = 50 + i * 700;
        (void)search_all(&s, &p);
        assert_int_equal(p.n, 12000 - back - 1);
    }
    part_bytes = (size_t)8 << 20;
    p.ask.limit = 20000;
    assert_int_equal(search_all(&s, &p), 1);
    assert_int_equal(p.n, 12000);
    part_bytes = 100000;
    p.ask.choice.of[SL_CHOICE_KIND] = SL_STR("start"); /* the oldest of all */
    assert_true(search_all(&s, &p) > 2);
    assert_int_equal(p.n, 1);
    p.ask.choice.of[SL_CHOICE_FROM] = SL_STR("2999");
    assert_int_equal(search_all(&s, &p), 1);
    assert_int_equal(p.n, 0);

    p.done = false;
    sl_search_start(&s, &p.ask, &p.slot, on_part, &p);
    sl_op_cancel(&p.slot);
    sl_mem_fail_at(1);
    sl_search_start(&s, &p.ask, &p.slot, on_part, &p);
    UNTIL(net, p.done);
    sl_mem_fail_at(0);
    sl_trail_end(&s.t);
    p.done = false;
    sl_search_start(&s, &p.ask, &p.slot, on_part, &p);
    UNTIL(net, p.done);
    assert_int_equal(p.err, SL_ERR_NO_ROUTE);
    close_net(&net);
}

/* ---- SIGKILL ---- */

/* Writes to `fd` what was on disk before it goes on. */
_Noreturn static void append_until_killed(int fd)
{
    struct sl_net *net = sl_net_new();
    char why[256];
    struct sl_trail *t = sl_trail_open(net, sl_str_of(dir), why, sizeof why);
    uint64_t said = 0;

    if (t == NULL)
        _exit(3);
    t->disk->rotate = 60000;
    for (unsigned i = 0;; i++) {
        uint64_t synced;

        for (unsigned k = 0; k < 40; k++)
            add_number(t, i);
        sl_net_turn(net, 1);
        synced = sl_trail_synced(t);
        if (synced != said && write(fd, &synced, sizeof synced) != sizeof synced)
            _exit(4);
        said = synced;
    }
}

static void killed_while_writing(void **state)
{
    unsigned torn = 0;

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        struct timespec nap = {0, (long)(20 + sl_rand_u64() % 60) * 1000000};
        struct sl_trail_report r;
        uint64_t said = 0, n;
        int ends[2], status;
        struct seen s;
        pid_t pid;

        assert_int_equal(pipe(ends), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(ends[0]);
            append_until_killed(ends[1]);
        }
        close(ends[1]);
        assert_int_equal(read(ends[0], &said, sizeof said), sizeof said); /* it is under way */
        nanosleep(&nap, NULL);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status)); /* it did not end by itself */
        while (read(ends[0], &n, sizeof n) == sizeof n)
            said = n;
        close(ends[0]);
        r = verify(&s);
        if (r.broken_at != 0 && r.lines > 0 && strstr(r.what, "trail.head is gone") == NULL)
            fail_msg("round %u: %s", round, r.what);
        if (r.last < said)
            fail_msg("round %u: %llu was on disk, %llu is the last", round,
                     (unsigned long long)said, (unsigned long long)r.last);
        torn += r.torn;
    }
    print_message("%u of 20 rounds left a torn line\n", torn);
}

static int setup(void **state)
{
    static unsigned n;

    (void)state;
    (void)snprintf(dir, sizeof dir, "%s/%u", base, n++);
    return 0;
}

static int setup_all(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit fails instead */
    return mkdtemp(base) != NULL ? 0 : -1;
}

static int teardown_all(void **state)
{
    (void)state;
    shell("rm -rf %s", base);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(numbers_and_chain, setup),
        cmocka_unit_test_setup(numbers_grow_past_the_clock, setup),
        cmocka_unit_test_setup(one_process_at_a_time, setup),
        cmocka_unit_test_setup(what_open_refuses, setup),
        cmocka_unit_test_setup(a_flipped_bit, setup),
        cmocka_unit_test_setup(lines_gone_and_moved, setup),
        cmocka_unit_test_setup(a_line_of_another_history, setup),
        cmocka_unit_test_setup(a_torn_line, setup),
        cmocka_unit_test_setup(a_changed_line_end, setup),
        cmocka_unit_test_setup(a_full_disk, setup),
        cmocka_unit_test_setup(a_disk_full_to_the_end, setup),
        cmocka_unit_test_setup(what_waits_is_one_batch, setup),
        cmocka_unit_test_setup(no_memory_for_a_line, setup),
        cmocka_unit_test_setup(pages, setup),
        cmocka_unit_test_setup(searches, setup),
        cmocka_unit_test_setup(killed_while_writing, setup),
    };

    alarm(110);
    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
