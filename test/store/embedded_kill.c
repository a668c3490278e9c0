/* The embedded store under kill -9. A child settles, grants and says what it was told is
 * safe; it is killed at any moment, twenty times over one directory. Each time what the
 * file holds is one state: what was spent is the sum of the costs of the lines it says it
 * has applied, usage too, and nothing that was acknowledged is missing. */
/* timeout: 120 */
#include "_suite.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/rand.h"
#include "store/embedded/inside.h"

#define KILLS 20
#define CREDITS 1000000000000
#define GRANT 1000003

static int64_t cost_of(uint64_t number)
{
    return (int64_t)(number * 7919 % 1000) + 1;
}

static int64_t cost_up_to(uint64_t number)
{
    int64_t sum = 0;

    for (uint64_t n = 1; n <= number; n++)
        sum += cost_of(n);
    return sum;
}

/* ---- the child ---- */

struct saying { /* one pipe write, which is whole */
    uint64_t applied, grants;
};

static struct store child;
static struct saying said;
static struct wait settling, granting;
static uint64_t sent;
static struct sl_balance balance;

static void say(void)
{
    if (write(STDOUT_FILENO, &said, sizeof said) != sizeof said)
        _exit(3);
}

static void send_batch(void);
static void send_grant(void);

static void settled(void *ctx, enum sl_err e)
{
    told(ctx, e);
    if (e != SL_OK)
        _exit(4);
    said.applied = sent;
    say();
    send_batch();
}

static void granted(void *ctx, enum sl_err e)
{
    told(ctx, e);
    if (e != SL_OK)
        _exit(5);
    said.grants++;
    say();
    send_grant();
}

static void send_batch(void)
{
    struct sl_line l[64];
    size_t n = 1 + sl_rand_u64() % 64;
    struct sl_batch batch = {child.ask.tenant, SL_STR("inst0001"), l, n};

    child.number = sent;
    for (size_t i = 0; i < n; i++)
        l[i] = line_of(&child, (unsigned)child.number + 1, cost_of(child.number + 1));
    sent = child.number;
    child.b->ops->apply(child.b, &batch, &settling.op, settled, &settling);
}

static void send_grant(void)
{
    struct sl_store_grant what = {
        .tenant = child.ask.tenant, .initial_micro = CREDITS, .more_micro = GRANT};

    child.b->ops->grant(child.b, &what, &balance, &granting.op, granted, &granting);
}

static int be_child(const char *dir, const char *from)
{
    char why[300];

    child.net = sl_net_new();
    child.b = sl_embedded_new(child.net, sl_str_of(dir), why, sizeof why);
    if (child.b == NULL)
        return 2;
    child.ask.tenant = SL_STR("acme");
    child.ask.key_id = SL_STR("alice");
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        sl_terms_init(&child.terms[l]);
        child.terms[l].budget.credits_micro = CREDITS;
        child.terms[l].budget.daily_micro = CREDITS;
    }
    /* as a trail is read again: from the last line that was acknowledged */
    sent = said.applied = strtoull(from, NULL, 10);
    send_batch();
    send_grant();
    for (;;)
        sl_net_turn(child.net, 10);
}

/* ---- the parent ---- */

static pid_t spawn(const char *dir, uint64_t from, int *out)
{
    char number[24];
    int fds[2];
    pid_t pid;

    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)from);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fds[1], STDOUT_FILENO);
        execl("/proc/self/exe", "embedded_kill", dir, number, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    *out = fds[0];
    return pid;
}

/* Lets it work for a while from its first word on, kills it, and reads its last one. */
static void work_and_kill(const char *dir, uint64_t from, struct saying *last)
{
    int fd, status;
    pid_t pid = spawn(dir, from, &fd);
    struct saying next;
    bool first = true;

    while (read(fd, &next, sizeof next) == sizeof next) {
        *last = next;
        if (first) {
            uint64_t us = sl_rand_u64() % 60000;

            nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
            kill(pid, SIGKILL);
        }
        first = false;
    }
    close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

struct sums {
    struct wait w;
    struct sl_usage_rows rows;
    uint64_t requests;
    int64_t cost_micro;
};

static void sum_up(void *ctx, enum sl_err e)
{
    struct sums *u = ctx;

    for (size_t i = 0; e == SL_OK && i < u->rows.n; i++) {
        u->requests += u->rows.at[i].requests;
        u->cost_micro += u->rows.at[i].cost_micro;
    }
    told(&u->w, e);
}

/* Opens what the dead process left; returns the number applied. */
static uint64_t look(struct store *s, uint64_t acked, uint64_t grants_acked, uint64_t *grants)
{
    struct sums u = {0};
    struct sl_balance tenant, key;
    struct sl_embedded *b;
    uint64_t number;

    suite_begin(s);
    b = sl_embedded_of(s->b);
    number = sl_tally_seq(&b->tally, s->ask.tenant, SL_STR("inst0001"))->written;
    assert_true(number >= acked);
    tenant = balance_of(s, T);
    key = balance_of(s, K);
    assert_int_equal(tenant.spent_micro, cost_up_to(number));
    assert_int_equal(key.spent_micro, cost_up_to(number));
    assert_int_equal(key.day_micro, cost_up_to(number));
    assert_int_equal(tenant.reserved_micro, 0);
    *grants = (uint64_t)(tenant.granted_micro - CREDITS) / GRANT;
    assert_int_equal(tenant.granted_micro, CREDITS + (int64_t)*grants * GRANT);
    assert_in_range(*grants, grants_acked, grants_acked + 1); /* one may have been under way */
    s->b->ops->usage(s->b, s->ask.tenant, SL_STR("2026-01-01"), SL_STR("2026-12-31"),
                     (struct sl_str){0}, &u.rows, &u.w.op, sum_up, &u);
    assert_int_equal(wait_for(s, &u.w), SL_OK);
    assert_int_equal(u.requests, number);
    assert_int_equal(u.cost_micro, cost_up_to(number));
    suite_end(s);
    return number;
}

static struct sl_backend *open_dir(struct sl_net *net, const char *dir, char *why, size_t cap)
{
    return sl_embedded_new(net, sl_str_of(dir), why, cap);
}

static void sums_hold(void **state)
{
    static const struct maker kind = {"embedded", open_dir, sl_embedded_advance, INT64_MAX};
    struct store s = {.maker = &kind, .dir = "/tmp/store_kill_XXXXXX"};
    uint64_t number = 0, grants = 0, lost = 0;

    (void)state;
    assert_non_null(mkdtemp(s.dir));
    s.ask.tenant = SL_STR("acme");
    s.ask.key_id = SL_STR("alice");
    for (int i = 0; i < KILLS; i++) {
        struct saying last = {number, 0};
        uint64_t before = grants, from = number > 20 ? number - 20 : 0;

        /* some lines are sent twice, as after an acknowledgement that was not written */
        work_and_kill(s.dir, from, &last);
        number = look(&s, last.applied, before + last.grants, &grants);
        lost += number > last.applied;
    }
    assert_true(number > KILLS);
    assert_true(grants >= KILLS / 2);
    print_message("%llu lines, %llu grants, %llu kills behind a commit\n",
                  (unsigned long long)number, (unsigned long long)grants, (unsigned long long)lost);
    (void)nftw(s.dir, suite_remove, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_hold)};

    if (argc == 3)
        return be_child(argv[1], argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
