/* The embedded store's file: opened again, damaged, newer, locked, full; batches; what is
 * synced; cancelled waits, the end with work under way, and failing allocations. */
/* timeout: 120 */
#include "_suite_records.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "store/embedded/inside.h"

static struct sl_backend *open_dir(struct sl_net *net, const char *dir, char *why, size_t cap)
{
    return sl_embedded_new(net, sl_str_of(dir), why, cap);
}

static const struct maker kind = {"embedded", open_dir, sl_embedded_advance, INT64_MAX};

static int setup(void **state)
{
    *state = (void *)(uintptr_t)&kind;
    return suite_setup(state);
}

static struct sl_embedded *inside(struct store *s)
{
    return sl_embedded_of(s->b);
}

static void path_of(const struct store *s, const char *file, char out[128])
{
    (void)snprintf(out, 128, "%s/%s", s->dir, file);
}

static void again(struct store *s)
{
    suite_end(s);
    suite_begin(s);
}

static void kept(void **state)
{
    struct store *s = *state;
    struct sl_record key = record_of(SL_RECORD_KEY, "acme", "alice", "active");
    struct sl_record tenant = record_of(SL_RECORD_TENANT, "", "beta", "paused");
    struct page p = {0};
    struct usage u = {0};
    struct sl_line l;
    struct sl_balance b;
    struct sl_beat beat;
    struct wait w = {0};

    s->terms[T].budget.credits_micro = 1000;
    s->terms[K].budget.daily_micro = 1000;
    s->terms[K].limits.rpm = 10;
    s->ask.reserve_micro = 100;
    asks_all(s, 2);
    settles(s, 1, 60);
    l = line_of(s, 1, 60);
    l.number--; /* the same again, for later */
    (void)grants_once(s, K, 7, 70, "one");
    puts_ok(s, &key);
    puts_ok(s, &tenant);
    s->b->ops->mark(s->b, WAIT(&w));
    assert_int_equal(wait_for(s, &w), SL_OK);

    again(s);
    b = balance_of(s, T);
    assert_true(b.held);
    assert_int_equal(b.granted_micro, 1000);
    assert_int_equal(b.spent_micro, 60);
    assert_int_equal(b.reserved_micro, 0); /* who held it is gone */
    b = balance_of(s, K);
    assert_int_equal(b.granted_micro, 77);
    b = grants_once(s, K, 7, 70, "one"); /* still known */
    assert_true(b.again);
    assert_int_equal(b.granted_micro, 77);
    assert_int_equal(b.day_micro, 60);
    applies(s, &l, 1);
    assert_int_equal(balance_of(s, K).spent_micro, 60);
    refuses(s, SL_LIMIT_STALE, K);
    s->ask.rev[K] = key.rev;
    assert_true(asks(s));
    s->ask.tenant = SL_STR("beta");
    refuses(s, SL_LIMIT_STATE, T);
    assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &beat), SL_OK);
    assert_true(beat.has_epoch);
    assert_int_equal(beat.revision, tenant.rev);
    s->ask.tenant = SL_STR("acme");
    uses(s, &u, "2026-11-25", "2026-11-25", "");
    assert_int_equal(u.requests, 1);
    reads(s, &p, key.sha256);
    assert_string_equal(p.ids[0], "alice");
    puts_ok(s, &key); /* its revision is the one that is kept */
    assert_true(key.rev > tenant.rev);
    free(p.doc);
}

static int64_t pragma(struct store *s, const char *text)
{
    sqlite3_stmt *q = NULL;
    int64_t v;

    assert_int_equal(sqlite3_prepare_v2(inside(s)->write.db->sql, text, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    v = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return v;
}

/* An account that has only begun is written soon, also when nothing is settled. */
static void begun_is_kept(void **state)
{
    struct store *s = *state;
    uint64_t until = suite_ms() + SUITE_WAIT_MS;

    s->terms[T].budget.credits_micro = 1000;
    assert_true(asks(s));
    while (inside(s)->write.job != NULL || sl_timer_is_armed(&inside(s)->timer)) {
        assert_true(suite_ms() < until);
        sl_net_turn(s->net, 5);
    }
    assert_int_equal(pragma(s, "SELECT count(*) FROM account WHERE granted_micro = 1000"), 1);
    again(s);
    s->terms[T].budget.credits_micro = 5;
    assert_int_equal(balance_of(s, T).granted_micro, 1000);
}

static void synced(void **state)
{
    enum { NORMAL = 1, FULL = 2 };
    struct store *s = *state;
    struct sl_record key = record_of(SL_RECORD_KEY, "acme", "alice", "active");

    settles(s, 1, 1);
    assert_int_equal(pragma(s, "PRAGMA synchronous"), NORMAL);
    puts_ok(s, &key);
    assert_int_equal(pragma(s, "PRAGMA synchronous"), FULL);
    settles(s, 2, 1);
    assert_int_equal(pragma(s, "PRAGMA synchronous"), NORMAL);
    (void)grants(s, T, 0, 1);
    assert_int_equal(pragma(s, "PRAGMA synchronous"), FULL);
}

static int64_t transactions(struct store *s)
{
    sqlite3_stmt *q = NULL;
    int64_t v;

    /* of the other connection: changes when this file was written to */
    assert_int_equal(
        sqlite3_prepare_v2(inside(s)->read.db->sql, "PRAGMA data_version", -1, &q, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    v = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return v;
}

/* A thousand lines that come in one turn are one commit, soon. */
static void batched(void **state)
{
    enum { N = 1000 };
    struct store *s = *state;
    static struct wait w[N];
    int64_t before = transactions(s);
    int told_n = 0;

    memset(w, 0, sizeof w);
    s->terms[T].budget.credits_micro = 1000;
    for (unsigned i = 0; i < N; i++) {
        struct sl_line l = line_of(s, i, 1);
        struct sl_batch batch = {s->ask.tenant, SL_STR("inst0001"), &l, 1};

        s->b->ops->apply(s->b, &batch, WAIT(&w[i]));
    }
    assert_int_equal(transactions(s), before);
    assert_int_equal(balance_of(s, T).spent_micro, N); /* in memory at once */
    if (w[0].n == 0) /* they may have been told while the balance was waited for */
        assert_int_equal(wait_for(s, &w[0]), SL_OK);
    assert_int_equal(w[0].err, SL_OK);
    assert_int_not_equal(transactions(s), before);
    for (int i = 0; i < N; i++)
        told_n += w[i].n;
    assert_int_equal(told_n, N);
    assert_int_equal(pragma(s, "SELECT spent_micro FROM account WHERE key_id = ''"), N);
    assert_int_equal(pragma(s, "SELECT number FROM seq"), N);
}

static void usage_saturates(void **state)
{
    struct store *s = *state;
    struct sl_line l = line_of(s, 1, INT64_MAX);
    struct usage u = {0};

    l.in = l.cache_read = UINT64_MAX;
    l.out = (uint64_t)INT64_MAX - 1;
    for (int i = 0; i < 3; i++) { /* a commit each */
        applies(s, &l, 1);
        l.number = ++s->number;
    }
    uses(s, &u, "2026-11-25", "2026-11-25", "");
    assert_int_equal(u.first.requests, 3);
    assert_int_equal(u.first.in, INT64_MAX);
    assert_int_equal(u.first.cache_read, INT64_MAX);
    assert_int_equal(u.first.out, INT64_MAX);
    assert_int_equal(u.first.cost_micro, INT64_MAX);
    /* SQLite would go on with floating point, and forget single tokens */
    assert_int_equal(pragma(s, "SELECT typeof(tokens_in) = 'integer' FROM usage"), 1);
    assert_int_equal(pragma(s, "SELECT typeof(cost_micro) = 'integer' FROM usage"), 1);
}

/* Today and the 399 days before it are kept, also when the store was closed meanwhile. */
static void usage_ends(void **state)
{
    static const struct {
        const char *day;
        int64_t rows, oldest;
    } steps[] = {
        {"2025-10-22", 1, 20251022}, {"2025-10-23", 2, 20251022},
        {"2025-10-22", 2, 20251022}, /* late */
        {"2026-11-25", 3, 20251022}, /* the 400th day is the 22nd of October */
        {"2026-11-26", 3, 20251023}, {"2026-11-26", 3, 20251023},
        {"2028-01-01", 1, 20280101},
    };
    struct store *s = *state;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct sl_line l = line_of(s, 1, 1);

        l.day = sl_str_of(steps[i].day);
        applies(s, &l, 1);
        again(s);
        assert_int_equal(pragma(s, "SELECT count(*) FROM usage"), steps[i].rows);
        assert_int_equal(pragma(s, "SELECT min(replace(day, '-', '')) FROM usage"),
                         steps[i].oldest);
    }
}

/* What was settled before a rebuild is in its sums, though it is not written yet; what
 * is settled behind it is added. */
static void restored_over_unwritten(void **state)
{
    struct store *s = *state;
    struct sl_line l[2] = {line_of(s, 1, 5), line_of(s, 2, 6)};
    struct sl_batch batch = {s->ask.tenant, SL_STR("inst0001"), l, 1};
    struct sl_restore_account account = {.account = {.spent_micro = 5}};
    struct sl_usage_row row = {.day = l[0].day,
                               .key_id = l[0].key_id,
                               .user = l[0].user,
                               .model = l[0].model,
                               .provider = l[0].provider,
                               .requests = 1,
                               .cost_micro = 5};
    struct sl_restore_seq seq = {"inst0001", 1};
    struct sl_restore what = {s->ask.tenant, &account, &row, &seq, 1, 1, 1};
    struct wait w[3] = {{0}};
    struct usage u = {0};

    l[0].account[T] = l[1].account[T] = true;
    s->b->ops->apply(s->b, &batch, WAIT(&w[0]));
    s->b->ops->restore(s->b, &what, WAIT(&w[1]));
    batch.lines = &l[1];
    s->b->ops->apply(s->b, &batch, WAIT(&w[2]));
    for (int i = 0; i < 3; i++) {
        if (w[i].n == 0)
            (void)wait_for(s, &w[i]);
        assert_int_equal(w[i].err, SL_OK);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(balance_of(s, T).spent_micro, 11);
        u.requests = 0;
        uses(s, &u, "2026-11-25", "2026-11-25", "");
        assert_int_equal(u.first.requests, 2);
        assert_int_equal(u.first.cost_micro, 11);
        again(s);
    }
}

/* ---- files that can't be used ---- */

static void refused(struct store *s, const char *dir, const char *word)
{
    char why[400] = "";

    assert_null(sl_embedded_new(s->net, sl_str_of(dir), why, sizeof why));
    if (strstr(why, word) == NULL)
        fail_msg("'%s' does not say '%s'", why, word);
}

static void other_process(void **state)
{
    struct store *s = *state;

    refused(s, s->dir, "in use by another process");
    again(s); /* and let go of at the end */
}

static void no_directory(void **state)
{
    struct store *s = *state;
    char path[400];

    path_of(s, "store.db", path);
    refused(s, path, "Not a directory");
    path_of(s, "no/where", path);
    refused(s, path, "No such file");
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = 0;
    refused(s, path, "more than");
}

static void write_at(const char *path, off_t at, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    char junk[4096];

    assert_true(fd >= 0);
    memset(junk, 'Z', sizeof junk);
    for (; n > 0; n -= n < sizeof junk ? n : sizeof junk, at += (off_t)sizeof junk)
        assert_true(pwrite(fd, junk, n < sizeof junk ? n : sizeof junk, at) > 0);
    close(fd);
}

/* The store is closed while its file is spoilt, and made anew behind it. */
static void spoilt(struct store *s, off_t at, size_t n, const char *word)
{
    char path[128];

    path_of(s, "store.db", path);
    s->b->ops->end(&s->b);
    write_at(path, at, n);
    refused(s, s->dir, word);
    assert_int_equal(unlink(path), 0);
    suite_end(s);
    suite_begin(s);
}

static void fill(struct store *s)
{
    struct sl_line l[64];

    for (unsigned i = 0; i < 640; i++) {
        static char model[640][200];

        (void)snprintf(model[i], sizeof model[i], "%0180u", i);
        l[i % 64] = line_of(s, i, 1);
        l[i % 64].model = sl_str_of(model[i]);
        if (i % 64 == 63)
            applies(s, l, 64);
    }
}

static void damaged(void **state)
{
    struct store *s = *state;
    char path[128];

    spoilt(s, 0, 200, "move it away");
    fill(s);
    spoilt(s, 8192, 40960, "move it away");
    fill(s);
    spoilt(s, 40 * 4096, 8192, "move it away"); /* rows of usage, which a start does not read */
    fill(s);
    path_of(s, "store.db", path);
    s->b->ops->end(&s->b);
    assert_int_equal(truncate(path, 20000), 0);
    refused(s, s->dir, "move it away");
    assert_int_equal(unlink(path), 0);
    suite_end(s);
    suite_begin(s);
}

static void run_sql(const char *path, const char *text)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void newer_or_foreign(void **state)
{
    struct store *s = *state;
    char path[128];

    path_of(s, "store.db", path);
    s->b->ops->end(&s->b);
    run_sql(path, "PRAGMA user_version = 3");
    refused(s, s->dir, "run the newer sluice");
    run_sql(path, "PRAGMA user_version = 1; PRAGMA application_id = 7");
    refused(s, s->dir, "of another program");
    assert_int_equal(unlink(path), 0);
    suite_end(s);
    suite_begin(s);
}

/* Numbers were counted for all tenants at once; what is known is true of each. */
static void schema_1(void **state)
{
    struct store *s = *state;
    char path[128];

    s->terms[K].budget.credits_micro = 1000;
    settles(s, 1, 7);
    s->ask.tenant = SL_STR("another");
    settles(s, 2, 9);
    path_of(s, "store.db", path);
    s->b->ops->end(&s->b);
    run_sql(path, "DROP TABLE seq; CREATE TABLE seq (instance TEXT PRIMARY KEY, number INTEGER NOT"
                  " NULL) WITHOUT ROWID; INSERT INTO seq VALUES ('inst0001', 2); PRAGMA"
                  " user_version = 1");
    suite_end(s);
    suite_begin(s);
    assert_int_equal(pragma(s, "SELECT count(*) FROM seq WHERE number = 2"), 2);
    assert_int_equal(balance_of(s, K).spent_micro, 9);
    s->number = 1; /* the same line again */
    settles(s, 2, 9);
    assert_int_equal(balance_of(s, K).spent_micro, 9);
    settles(s, 3, 9);
    assert_int_equal(balance_of(s, K).spent_micro, 18);
}

static void private_files(void **state)
{
    struct store *s = *state;
    static const char *const files[] = {"store.db", "store.db-wal", "store.db-shm", "store.lock"};
    struct stat st;
    char path[128];

    settles(s, 1, 1);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        path_of(s, files[i], path);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

/* ---- a full disk ---- */

/* Of keys that were revoked the newest are kept, and those of the configuration. */
static void revoked_are_bounded(void **state)
{
    struct store *s = *state;
    struct sl_record key = record_of(SL_RECORD_KEY, "acme", "alice", "active");
    struct page p = {0};
    char path[128];

    path_of(s, "store.db", path);
    suite_end(s);
    run_sql(path,
            "UPDATE meta SET value = 100000 WHERE name = 'revision';"
            "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 10150)"
            " INSERT INTO record SELECT 0, 'acme', 'k' || n, CAST(printf('%032d', n) AS BLOB),"
            " n, CASE WHEN n = 2 THEN 'active' ELSE 'revoked' END,"
            " CASE WHEN n = 1 THEN '{\"of_file\":true}' ELSE '{}' END FROM i");
    suite_begin(s);
    puts_ok(s, &key);
    assert_int_equal(pragma(s, "SELECT count(*) FROM record"), 10151); /* nobody was revoked */
    for (int i = 0; i < 2; i++) { /* 149 and then 50 too many, of which 100 go at once */
        key.state = SL_STR("revoked");
        puts_ok(s, &key);
    }
    assert_int_equal(pragma(s, "SELECT count(*) FROM record WHERE state = 'revoked'"), 10001);
    assert_int_equal(pragma(s, "SELECT count(*) FROM record"), 10002);
    assert_int_equal(pragma(s, "SELECT min(rev) FROM record WHERE rev > 2"), 152);
    reads(s, &p, key.sha256);
    assert_string_equal(p.ids[0], "alice");
    free(p.doc);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit r;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void full_disk(void **state)
{
    struct store *s = *state;
    struct sl_line l[2];
    struct sl_record key = record_of(SL_RECORD_KEY, "acme", "alice", "paused");
    struct sl_balance out;
    struct usage u = {0};

    sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    s->terms[T].budget.credits_micro = 1000;
    l[0] = line_of(s, 1, 30);
    l[1] = line_of(s, 2, 40);
    limit_files(0);
    assert_int_equal(applies_as(s, "inst0001", l, 1), SL_ERR_STORE);
    assert_false(s->b->ops->is_up(s->b));
    assert_int_equal(puts_err(s, &key), SL_ERR_STORE);
    assert_int_equal(CALL(s, grant,
                          (&(struct sl_store_grant){
                              .tenant = s->ask.tenant, .initial_micro = 1000, .more_micro = 500}),
                          &out),
                     SL_ERR_STORE);
    /* requests go on, and what they cost is known */
    assert_true(asks(s));
    assert_int_equal(applies_as(s, "inst0001", l, 2), SL_ERR_STORE);
    assert_int_equal(balance_of(s, T).spent_micro, 70);
    assert_int_equal(balance_of(s, T).granted_micro, 1000);
    limit_files(RLIM_INFINITY);
    applies(s, l, 2); /* sent again: not booked again */
    assert_true(s->b->ops->is_up(s->b));
    assert_int_equal(balance_of(s, T).spent_micro, 70);
    uses(s, &u, "2026-11-25", "2026-11-25", "");
    assert_int_equal(u.requests, 2);
    again(s);
    assert_int_equal(balance_of(s, T).spent_micro, 70);
    assert_int_equal(balance_of(s, T).granted_micro, 1000);
    s->ask.reserve_micro = 930;
    assert_true(asks(s)); /* the record that was not put judges nobody */
}

/* ---- waits ---- */

static void cancelled_put(void **state)
{
    struct store *s = *state;
    struct sl_record key = record_of(SL_RECORD_KEY, "acme", "alice", "revoked");
    struct sl_records *out = calloc(1, sizeof *out);
    struct page p = {0};
    struct wait w = {0};

    s->b->ops->put(s->b, &key, out, WAIT(&w));
    sl_net_turn(s->net, 1);
    sl_op_cancel(&w.op);
    free(out); /* nothing is written there any more */
    for (uint64_t until = suite_ms() + SUITE_WAIT_MS; p.n == 0 && suite_ms() < until;)
        reads(s, &p, key.sha256);
    assert_int_equal(p.n, 1);
    while (inside(s)->write.job != NULL)
        sl_net_turn(s->net, 5);
    refuses(s, SL_LIMIT_STATE, K);
    assert_int_equal(w.n, 0);
    free(p.doc);
}

/* Whoever waits when the store ends hears nothing; what was settled is written. */
static void ends_with_work(void **state)
{
    struct store *s = *state;
    struct sl_record key = record_of(SL_RECORD_KEY, "acme", "alice", "active");
    struct sl_line l = line_of(s, 1, 30), l2 = line_of(s, 2, 12);
    struct sl_batch batch = {s->ask.tenant, SL_STR("inst0001"), &l, 1};
    struct sl_records out;
    struct wait w[4] = {{0}};
    int before;

    l.account[T] = l2.account[T] = true;
    s->b->ops->put(s->b, &key, &out, WAIT(&w[0]));
    sl_net_turn(s->net, 0); /* a thread has it, or where the disk is memory has done it */
    before = w[0].n;
    s->b->ops->apply(s->b, &batch, WAIT(&w[1]));
    batch.lines = &l2;
    s->b->ops->apply(s->b, &batch, WAIT(&w[2]));
    s->b->ops->list(s->b, SL_RECORD_KEY, s->ask.tenant, (struct sl_str){0}, &out, WAIT(&w[3]));
    again(s);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(w[i].n, i == 0 ? before : 0);
        assert_null(w[i].op);
    }
    assert_int_equal(balance_of(s, T).spent_micro, 42);
    refuses(s, SL_LIMIT_STALE, K);
}

/* Its time to write may come while the end waits for a read: a job begun then would outlive the
 * file. */
static void begins_nothing_at_its_end(void **state)
{
    struct store *s = *state;
    struct sl_line l = line_of(s, 1, 30);
    struct sl_batch batch = {s->ask.tenant, SL_STR("inst0001"), &l, 1};
    struct wait w = {0};

    l.account[T] = true;
    s->b->ops->apply(s->b, &batch, WAIT(&w));
    inside(s)->ended = true;
    sl_lane_fire(&inside(s)->timer);
    assert_null(inside(s)->write.job);
    inside(s)->ended = false;
    again(s);
    assert_int_equal(w.n, 0);
    assert_int_equal(balance_of(s, T).spent_micro, 30);
}

static void queue_is_bounded(void **state)
{
    enum { N = 5000 };
    struct store *s = *state;
    static struct wait w[N];
    static struct sl_records out[N];
    uint8_t sha[32] = {0};
    int ok = 0, refused_n = 0;

    memset(w, 0, sizeof w);
    for (int i = 0; i < N; i++)
        s->b->ops->key(s->b, sha, &out[i], WAIT(&w[i]));
    for (int i = 0; i < N; i++) {
        if (w[i].n == 0)
            (void)wait_for(s, &w[i]);
        ok += w[i].err == SL_OK;
        refused_n += w[i].err == SL_ERR_STORE;
    }
    assert_int_equal(ok, 4096);
    assert_int_equal(ok + refused_n, N);
}

/* Those that are there change; a restore brings what there was. */
static void names_are_counted(void **state)
{
    struct store *s = *state;
    struct sl_record one = record_of(SL_RECORD_SWITCH, "", "model:a", "active");
    struct sl_record more = record_of(SL_RECORD_SWITCH, "", "model:b", "active");
    struct sl_record key = record_of(SL_RECORD_KEY, "acme", "alice", "active");
    char path[128], text[300];

    path_of(s, "store.db", path);
    s->b->ops->end(&s->b);
    (void)snprintf(text, sizeof text,
                   "WITH RECURSIVE n(i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
                   " INSERT INTO record SELECT 2, '', 'purge.' || i, NULL, i, 'active', '{}'"
                   " FROM n",
                   SL_STORE_NAMES);
    run_sql(path, text);
    suite_end(s);
    suite_begin(s);
    assert_int_equal(puts_err(s, &one), SL_OK);
    assert_int_equal(puts_err(s, &more), SL_ERR_CEILING);
    assert_int_equal(puts_err(s, &key), SL_OK);
    one.rev = 1;
    assert_int_equal(puts_err(s, &one), SL_OK);
    more.rev = 7;
    assert_int_equal(CALL(s, restore_records, &more, 1), SL_OK);
}

static void names_are_bounded(void **state)
{
    struct store *s = *state;
    char name[130];
    struct sl_record key = record_of(SL_RECORD_KEY, "acme", "alice", "active");
    struct sl_balance out;
    struct sl_str longest = {name, 129};

    memset(name, 'n', sizeof name);
    key.id = longest;
    assert_int_equal(puts_err(s, &key), SL_ERR_CEILING);
    key.id = (struct sl_str){0};
    assert_int_equal(puts_err(s, &key), SL_ERR_CEILING);
    key = record_of(SL_RECORD_KEY, "", "alice", "active");
    assert_int_equal(puts_err(s, &key), SL_ERR_CEILING);
    key.tenant = SL_STR("acme");
    key.state = longest;
    assert_int_equal(puts_err(s, &key), SL_ERR_CEILING);
    assert_int_equal(CALL(s, grant, (&(struct sl_store_grant){.tenant = longest}), &out),
                     SL_ERR_CEILING);
    assert_int_equal(CALL(s, grant, (&(struct sl_store_grant){.more_micro = 1}), &out),
                     SL_ERR_CEILING);
    assert_int_equal(applies_as(s, "more than eight", NULL, 0), SL_ERR_STORE);
}

/* ---- allocations that fail, one after the other ---- */

static struct sl_record no_memory_key;
static int64_t no_memory_grants;

/* Everything once; nothing may be half done, whatever is refused. */
static void everything_once(struct store *s, unsigned round)
{
    struct sl_line l[2] = {line_of(s, 1, 3), line_of(s, 2, 4)};
    struct sl_record r = no_memory_key;
    struct sl_records out;
    struct sl_usage_rows rows;
    struct sl_balance b;
    struct wait w[6] = {{0}};
    struct sl_batch batch = {s->ask.tenant, SL_STR("inst0001"), l, 2};
    struct sl_store_grant what = {.tenant = s->ask.tenant, .more_micro = 100};
    char model[16];

    (void)snprintf(model, sizeof model, "m-%u", round);
    l[1].model = sl_str_of(model);
    what.once = l[1].model;
    s->b->ops->apply(s->b, &batch, WAIT(&w[0]));
    s->b->ops->put(s->b, &r, &out, WAIT(&w[1]));
    s->b->ops->grant(s->b, &what, &b, WAIT(&w[2]));
    s->b->ops->list(s->b, SL_RECORD_KEY, s->ask.tenant, (struct sl_str){0}, &out, WAIT(&w[3]));
    s->b->ops->key(s->b, r.sha256, &out, WAIT(&w[4]));
    s->b->ops->usage(s->b, s->ask.tenant, SL_STR("2026-01-01"), SL_STR("2026-12-31"),
                     (struct sl_str){0}, &rows, WAIT(&w[5]));
    for (int i = 0; i < 6; i++) {
        if (w[i].n == 0)
            (void)wait_for(s, &w[i]);
        assert_true(w[i].err == SL_OK || w[i].err == SL_ERR_STORE);
    }
    sl_mem_fail_at(0);
    no_memory_key.rev = w[1].err == SL_OK ? no_memory_key.rev + 1 : no_memory_key.rev;
    for (int i = 0; i < 3 && w[0].err != SL_OK; i++)
        w[0].err = applies_as(s, "inst0001", l, 2);
    assert_int_equal(w[0].err, SL_OK);
    assert_int_equal(balance_of(s, T).spent_micro, 7 * round);
    no_memory_grants += w[2].err == SL_OK;
    assert_int_equal(balance_of(s, T).granted_micro, 100 * no_memory_grants);
}

static void no_memory(void **state)
{
    struct store *s = *state;
    struct usage u = {0};
    uint64_t tries;
    unsigned round = 1;

    no_memory_key = record_of(SL_RECORD_KEY, "acme", "alice", "active");
    s->terms[T].budget.monthly_micro = 1000000;
    tries = sl_mem_tries();
    everything_once(s, round++);
    tries = sl_mem_tries() - tries;
    assert_true(tries > 10);
    for (uint64_t n = 1; n <= tries + 5; n++) {
        sl_mem_fail_at(n);
        everything_once(s, round++);
    }
    again(s);
    assert_int_equal(balance_of(s, T).spent_micro, 7 * (round - 1));
    assert_int_equal(balance_of(s, T).granted_micro, 100 * no_memory_grants);
    uses(s, &u, "2026-11-25", "2026-11-25", "");
    assert_int_equal(u.requests, 2 * (round - 1));
}

int main(void)
{
#define CASE(fn)                                                                                   \
    {                                                                                              \
#fn, fn, setup, suite_teardown, NULL                                                       \
    }
    const struct CMUnitTest tests[] = {CASE(kept),
                                       CASE(begun_is_kept),
                                       CASE(synced),
                                       CASE(batched),
                                       CASE(other_process),
                                       CASE(no_directory),
                                       CASE(damaged),
                                       CASE(newer_or_foreign),
                                       CASE(schema_1),
                                       CASE(private_files),
                                       CASE(revoked_are_bounded),
                                       CASE(full_disk),
                                       CASE(cancelled_put),
                                       CASE(ends_with_work),
                                       CASE(begins_nothing_at_its_end),
                                       CASE(no_memory),
                                       CASE(queue_is_bounded),
                                       CASE(names_are_bounded),
                                       CASE(names_are_counted),
                                       CASE(usage_saturates),
                                       CASE(usage_ends),
                                       CASE(restored_over_unwritten)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
