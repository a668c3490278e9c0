/* timeout: 120
 *
 * Cached values in memory and in a real Redis: two gateways see each other's, a
 * Redis that is slow, gone, full or lying costs nothing but misses. */
#include "store/_redis.h"

#include "store/cache.h"
#include "store/cache/cached.h"

#include <sys/syscall.h>

#define TIMEOUT_MS 100 /* twice the usual: a busy machine is no fault */

static time_t clock_shift_s; /* of the wall clock, as the process sees it */

/* In place of the C library's. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
    int rc = (int)syscall(SYS_clock_gettime, id, ts);

    if (rc == 0 && id == CLOCK_REALTIME)
        ts->tv_sec += clock_shift_s;
    return rc;
}

static struct redis r;
static struct sl_net *net;
static struct sl_metrics *metrics;
static struct sl_cache *a, *b; /* two processes' */

struct got {
    struct sl_op *op;
    size_t told;
    struct sl_cached *out[SL_CACHE_GETS];
    uint64_t at_ms;
};
static struct got got;

static uint8_t keys[SL_CACHE_GETS][SL_CACHE_KEY];

static bool shared; /* with the store */

static struct sl_cache *cache_new(uint64_t memory, uint64_t entry_max, const char *url)
{
    struct sl_cache_conf conf = {.memory = memory,
                                 .entry_max = entry_max,
                                 .url = sl_str_of(url),
                                 .shared = shared,
                                 .ca_file = SL_STR(""),
                                 .prefix = SL_STR("slc:"),
                                 .timeout_ms = TIMEOUT_MS};
    char why[256] = "";
    struct sl_cache *c = sl_cache_new(net, &conf, metrics, why, sizeof why);

    if (c == NULL)
        fail_msg("%s", why);
    return c;
}

static int memory_setup(void **state)
{
    (void)state;
    memset(&r, 0, sizeof r);
    memset(&got, 0, sizeof got);
    shared = false;
    clock_shift_s = 0;
    for (size_t i = 0; i < SL_CACHE_GETS; i++)
        (void)snprintf((char *)keys[i], SL_CACHE_KEY, "key %zu", i);
    sl_log_setup(SL_LOG_DEBUG, true, log_nowhere, NULL);
    net = sl_net_new();
    metrics = sl_metrics_new(1000);
    return 0;
}

static int setup(void **state)
{
    memory_setup(state);
    redis_start(&r);
    a = cache_new(8u << 20, 1u << 20, redis_url(&r, "redis", "", ""));
    b = cache_new(8u << 20, 1u << 20, redis_url(&r, "redis", "", ""));
    UNTIL(net, sl_cache_has_far(a) && sl_cache_has_far(b));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sl_op_cancel(&got.op);
    for (size_t i = 0; i < SL_CACHE_GETS; i++)
        sl_cached_drop(&got.out[i]);
    sl_cache_end(&a);
    sl_cache_end(&b);
    net_close(&net);
    sl_metrics_end(&metrics);
    redis_end(&r);
    return 0;
}

static void on_got(void *ctx, enum sl_err e)
{
    struct got *g = ctx;

    assert_false(in_call);
    assert_null(g->op);
    assert_int_equal(e, SL_OK);
    g->told++;
    g->at_ms = clock_ms();
}

static void forget(void)
{
    for (size_t i = 0; i < SL_CACHE_GETS; i++)
        sl_cached_drop(&got.out[i]);
    got.told = 0;
}

static void start(struct sl_cache *c, size_t n)
{
    forget();
    in_call = true;
    sl_cache_get_start(c, (const uint8_t(*)[SL_CACHE_KEY])keys, n, got.out, &got.op, on_got, &got);
    in_call = false;
    assert_non_null(got.op);
}

/* The first key's value from Redis, or "". */
static const char *far(struct sl_cache *c)
{
    static char text[64];

    start(c, 1);
    UNTIL(net, got.told == 1);
    text[0] = 0;
    if (got.out[0] != NULL)
        (void)snprintf(text, sizeof text, "%.*s", (int)got.out[0]->n, got.out[0]->bytes);
    return text;
}

static bool near(struct sl_cache *c, const char *text, bool stale)
{
    struct sl_cached *v = sl_cache_peek(c, keys[0], stale);
    bool same = v != NULL && sl_str_eq((struct sl_str){v->bytes, v->n}, sl_str_of(text));

    sl_cached_drop(&v);
    return same;
}

static void put_at(struct sl_cache *c, size_t i, struct sl_str text, uint64_t ttl_ms,
                   uint64_t stale_ms)
{
    struct sl_cached *v = sl_cached_new(text.n);

    memcpy(v->bytes, text.p, text.n);
    sl_cache_put(c, keys[i], &v, ttl_ms, stale_ms);
    assert_null(v);
}

static void put(struct sl_cache *c, const char *text, uint64_t ttl_ms, uint64_t stale_ms)
{
    put_at(c, 0, sl_str_of(text), ttl_ms, stale_ms);
}

/* `GET slc:c:<hex>` and its like. */
static const char *on_name(const char *command, const char *after)
{
    char words[256] = "", hex[2 * SL_CACHE_KEY + 1] = "";

    sl_str_hex(keys[0], SL_CACHE_KEY, hex);
    (void)snprintf(words, sizeof words, "%s slc:c:%s%s", command, hex, after);
    return redis_do(&r, words);
}

/* ---- memory alone ---- */

static void test_memory(void **state)
{
    struct sl_cached *held;

    (void)state;
    a = cache_new(1u << 20, 1000, "");
    b = cache_new(0, 1000, "embedded:./data");
    assert_false(sl_cache_has_far(a));
    assert_false(near(a, "", true));
    put(a, "one", 30000, 40000);
    assert_true(near(a, "one", false));
    held = sl_cache_peek(a, keys[0], false);
    assert_int_equal(held->fresh_until_unix_ms - held->stored_unix_ms, 30000);
    assert_int_equal(held->gone_unix_ms - held->stored_unix_ms, 70000);
    put(a, "two", 30000, 40000);
    assert_true(near(a, "two", false));
    assert_memory_equal(held->bytes, "one", 3); /* who holds one keeps it */
    sl_cached_drop(&held);
    assert_string_equal(far(a), ""); /* nothing there, told all the same */
    put(a, "two", 50, 60000);
    UNTIL(net, !near(a, "two", false));
    assert_true(near(a, "two", true));
    put(a, "two", 50, 50);
    UNTIL(net, !near(a, "two", true));
    assert_int_equal(sl_cache_count(a).entries, 0); /* found dead, and removed */
    put(a, "three", 30000, 0);
    sl_cache_drop_key(a, keys[0]);
    assert_false(near(a, "three", true));
    put(a, "four", 0, 1000); /* no time at all */
    assert_false(near(a, "four", true));
    put(a, "five", UINT64_MAX, UINT64_MAX);
    assert_true(near(a, "five", false));
    put(b, "x", 1000, 0);
    assert_false(near(b, "x", true));
    assert_int_equal(sl_cache_count(b).bytes, 0);
}

static void test_too_large(void **state)
{
    static char text[1002];

    (void)state;
    a = cache_new(1u << 20, 1000, "");
    memset(text, 'x', 1001);
    put(a, text, 1000, 0);
    assert_false(near(a, text, true));
    text[1000] = 0;
    put(a, text, 1000, 0);
    assert_true(near(a, text, true));
    sl_cache_configure(a, &(struct sl_cache_conf){.memory = 0, .entry_max = 10});
    assert_false(near(a, text, true));
    sl_cache_configure(a, &(struct sl_cache_conf){.memory = 1u << 20, .entry_max = 10});
    put(a, "01234567890", 1000, 0);
    assert_false(near(a, "01234567890", true));
}

static const char *named(struct sl_cache *c, const char *name)
{
    static char text[64];

    forget();
    in_call = true;
    sl_cache_get_named_start(c, sl_str_of(name), &got.out[0], &got.op, on_got, &got);
    in_call = false;
    UNTIL(net, got.told == 1);
    text[0] = 0;
    if (got.out[0] != NULL)
        (void)snprintf(text, sizeof text, "%.*s", (int)got.out[0]->n, got.out[0]->bytes);
    return text;
}

static void test_memory_named(void **state)
{
    (void)state;
    a = cache_new(1u << 20, 1000, "");
    assert_string_equal(named(a, "claude:x"), "");
    sl_cache_put_named(a, SL_STR("claude:x"), SL_STR("{}"), 30000);
    assert_string_equal(named(a, "claude:x"), "{}");
    sl_cache_put_named(a, SL_STR("claude:x"), SL_STR("{}"), 50);
    UNTIL(net, strcmp(named(a, "claude:x"), "") == 0);
}

static void test_bad_conf(void **state)
{
    struct sl_cache_conf conf = {.url = SL_STR("redis://h:x"), .memory = 1000, .timeout_ms = 50};
    char why[256] = "", prefix[80];

    (void)state;
    assert_null(sl_cache_new(net, &conf, metrics, why, sizeof why));
    assert_non_null(strstr(why, "URL"));
    memset(prefix, 'p', sizeof prefix);
    conf.url = SL_STR("redis://h");
    conf.prefix = (struct sl_str){prefix, sizeof prefix};
    assert_null(sl_cache_new(net, &conf, metrics, why, sizeof why));
    assert_non_null(strstr(why, "prefix"));
}

/* ---- with Redis ---- */

static void test_shared(void **state)
{
    (void)state;
    put(a, "value", 5000, 3000);
    assert_false(near(b, "value", true));
    UNTIL(net, strcmp(far(b), "value") == 0);
    assert_int_equal(got.out[0]->fresh_until_unix_ms - got.out[0]->stored_unix_ms, 5000);
    assert_int_equal(got.out[0]->gone_unix_ms - got.out[0]->stored_unix_ms, 8000);
    assert_true(near(b, "value", false)); /* it has entered memory */
    assert_in_range(strtol(on_name("PTTL", ""), NULL, 10), 7000, 8000);
    sl_cache_drop_key(b, keys[0]);
    assert_string_equal(far(b), "");
    assert_string_equal(far(a), "");
    assert_string_equal(on_name("EXISTS", ""), "0");
    assert_string_equal(redis_do(&r, "DBSIZE"), "0");
    assert_int_equal(sl_cache_count(b).far_hits, 1);
    assert_true(sl_cache_count(b).far_misses >= 1);
}

static void test_stale(void **state)
{
    (void)state;
    put(a, "old", 30, 5000);
    FOR_MS(net, 60);
    UNTIL(net, strcmp(far(b), "old") == 0);
    assert_true(got.out[0]->fresh_until_unix_ms < sl_net_unix_ms(net));
    assert_false(near(b, "old", false));
    assert_true(near(b, "old", true));
}

/* A wall clock that is set back by an hour prolongs nothing. */
static void test_clock_set_back(void **state)
{
    (void)state;
    put(a, "one", 50, 50);
    clock_shift_s = -3600;
    FOR_MS(net, 5); /* the loop looks at it each turn */
    UNTIL(net, !near(a, "one", false));
    UNTIL(net, !near(a, "one", true));
    put(a, "two", 30000, 0);
    assert_true(near(a, "two", false));
    clock_shift_s = 0;
}

/* What a look-up brings that was under way does not come back into memory. */
static void test_purged(void **state)
{
    (void)state;
    put(a, "value", 60000, 0);
    UNTIL(net, strcmp(far(b), "value") == 0);
    start(b, 1);
    sl_cache_drop_key(b, keys[0]);
    UNTIL(net, got.told == 1);
    assert_null(got.out[0]);
    assert_false(near(b, "value", true));
    UNTIL(net, strcmp(on_name("EXISTS", ""), "0") == 0);
    UNTIL(net, (put(a, "another", 60000, 0), strcmp(far(b), "another") == 0));
}

/* A look-up of as many as can be is one wait; every second one is there. */
static void test_many(void **state)
{
    char text[32];

    (void)state;
    for (size_t i = 0; i < SL_CACHE_GETS; i += 2) {
        struct sl_str value = {text, (size_t)snprintf(text, sizeof text, "value %zu", i)};

        put_at(a, i, value, 10000, 0);
    }
    UNTIL(net, strcmp(redis_do(&r, "DBSIZE"), "1024") == 0);
    start(b, SL_CACHE_GETS);
    UNTIL(net, got.told == 1);
    for (size_t i = 0; i < SL_CACHE_GETS; i++) {
        (void)snprintf(text, sizeof text, "value %zu", i);
        if (i % 2 == 1)
            assert_null(got.out[i]);
        else
            assert_true(
                sl_str_eq((struct sl_str){got.out[i]->bytes, got.out[i]->n}, sl_str_of(text)));
    }
    assert_int_equal(sl_cache_count(b).far_hits, 1024);
    assert_int_equal(sl_cache_count(b).far_misses, 1024);
    start(b, 0);
    UNTIL(net, got.told == 1);
}

/* The ids of our connections there. */
static void connections(char *out, size_t cap)
{
    struct sl_str rest = sl_str_of(redis_do(&r, "CLIENT LIST TYPE normal")), line;
    size_t n = 0;

    out[0] = 0;
    while (sl_str_split(&rest, '\n', &line))
        if (sl_str_find(line, SL_STR("name=sluice-cache")) >= 0)
            n += (size_t)snprintf(
                out + n, cap - n, "%.*s,",
                SL_STR_ARGS(sl_str_first(line, (size_t)sl_str_find_byte(line, ' '))));
}

/* Values of the largest size, more than one reply may hold: late, perhaps, but no
 * reason to lose the connection. */
static void test_large(void **state)
{
    static char text[1u << 20];
    char before[64], after[64];
    uint64_t until;
    size_t n = 70;

    (void)state;
    memset(text, 'L', sizeof text);
    connections(before, sizeof before);
    for (size_t i = 0; i < n; i++) {
        char words[64];

        put_at(a, i, (struct sl_str){text, sizeof text}, 60000, 0);
        (void)snprintf(words, sizeof words, "%zu", i + 1);
        UNTIL(net, strcmp(redis_do(&r, "DBSIZE"), words) == 0);
    }
    start(b, n);
    UNTIL(net, got.told == 1);
    FOR_MS(net, 1000);
    until = clock_ms() + WAIT_MS;
    do { /* a slow machine's late reply is still on its way, and goes first */
        start(b, 1);
        UNTIL(net, got.told == 1);
    } while (got.out[0] == NULL && clock_ms() < until);
    assert_non_null(got.out[0]);
    connections(after, sizeof after);
    assert_string_equal(after, before);
    assert_true(sl_cache_has_far(b));
    assert_int_equal(got.out[0]->n, sizeof text);
    assert_memory_equal(got.out[0]->bytes, text, sizeof text);
    assert_true(sl_cache_count(b).bytes <= (8u << 20));
}

/* What is not ours, or no longer whole: a miss, deleted and counted. */
static void test_bad_values(void **state)
{
    static const char *spoil[][2] = {
        {"SET", " rubbish"},
        {"SET", " slc1"},
        {"SET", " slc2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        {"APPEND", " x"},
        {"SETRANGE", " 41 X"},
        {"SETRANGE", " 3 9"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof spoil / sizeof spoil[0]; i++) {
        put(a, "value", 60000, 0);
        UNTIL(net, strcmp(far(b), "value") == 0);
        on_name(spoil[i][0], spoil[i][1]);
        assert_string_equal(far(b), "");
        assert_int_equal(sl_cache_count(b).far_bad, i + 1);
        UNTIL(net, strcmp(on_name("EXISTS", ""), "0") == 0);
    }
    for (int i = 0; i < 2; i++) { /* larger than any reply may be, or than can be had in time */
        put(a, "value", 60000, 0);
        UNTIL(net, strcmp(far(b), "value") == 0);
        on_name("SETRANGE", i == 0 ? " 70000000 x" : " 50000000 x");
        assert_string_equal(far(b), "");
        UNTIL(net, strcmp(on_name("EXISTS", ""), "0") == 0);
        UNTIL(net, sl_cache_count(b).far_bad == sizeof spoil / sizeof spoil[0] + (unsigned)i + 1);
        UNTIL(net, sl_cache_has_far(b));
    }
    on_name("LPUSH", " x"); /* another type: absent, however often it is asked for */
    for (int i = 0; i < 2 * SL_STORE_STRIKES; i++)
        assert_string_equal(far(b), "");
    assert_true(sl_cache_has_far(b));
    assert_int_equal(sl_cache_count(b).far_bad, sizeof spoil / sizeof spoil[0] + 2);
    assert_string_equal(on_name("LLEN", ""), "1");
}

/* Slow: no look-up takes longer than its time; after five Redis is skipped, memory
 * goes on; back within two seconds of its return. */
static void test_stopped(void **state)
{
    uint64_t began, skipped = 0;

    (void)state;
    put(a, "value", 60000, 0);
    UNTIL(net, strcmp(far(a), "value") == 0);
    kill(r.pid, SIGSTOP);
    for (int i = 0; i < 8; i++) {
        began = clock_ms();
        assert_string_equal(far(a), "");
        assert_true(got.at_ms - began < TIMEOUT_MS + 50);
        if (i < 5)
            assert_true(got.at_ms - began >= TIMEOUT_MS - 5);
        else
            skipped += got.at_ms - began < TIMEOUT_MS / 2;
        assert_int_equal(sl_cache_has_far(a), i < 4);
        assert_true(near(a, "value", false));
    }
    assert_int_equal(skipped, 3);
    assert_int_equal(sl_cache_count(a).far_errors, 5);
    put(a, "newer", 60000, 0);
    assert_true(near(a, "newer", false));
    FOR_MS(net, 4000); /* past the link's patience */
    kill(r.pid, SIGCONT);
    began = clock_ms();
    UNTIL(net, sl_cache_has_far(a));
    assert_true(clock_ms() - began < 2000);
    UNTIL(net, strcmp(far(a), "value") == 0);
}

/* Stopped for so short that the link stays: a PING opens the way again. What was purged
 * meanwhile is not found. */
static void test_probe(void **state)
{
    (void)state;
    put(a, "purged", 60000, 0);
    UNTIL(net, strcmp(far(a), "purged") == 0);
    kill(r.pid, SIGSTOP);
    for (int i = 0; i < 5; i++)
        assert_string_equal(far(a), "");
    assert_false(sl_cache_has_far(a));
    sl_cache_drop_key(a, keys[0]);
    kill(r.pid, SIGCONT);
    UNTIL(net, sl_cache_has_far(a));
    assert_string_equal(far(a), "");
    UNTIL(net, strcmp(on_name("EXISTS", ""), "0") == 0);
}

static char said[4096];

static void keep_said(void *ctx, struct sl_str line)
{
    size_t had = strlen(said);

    (void)ctx;
    (void)snprintf(said + had, sizeof said - had, "%.*s", SL_STR_ARGS(line));
}

/* How often Redis has refused to delete. */
static long refusals(void)
{
    const char *at = strstr(redis_do(&r, "INFO commandstats"), "cmdstat_del:");

    at = at != NULL ? strstr(at, "rejected_calls=") : NULL;
    return at != NULL ? strtol(at + strlen("rejected_calls="), NULL, 10) : 0;
}

/* Its user may not delete: that is said once, with what it lacks, and is not asked for each
 * second; until the first deletion that is done. */
static void test_not_allowed(void **state)
{
    struct sl_cache *c;
    long refused;

    (void)state;
    said[0] = 0;
    sl_log_setup(SL_LOG_WARN, false, keep_said, NULL);
    redis_do(&r, "ACL SETUSER half on >word ~* +@all -del");
    c = cache_new(8u << 20, 1u << 20, redis_url(&r, "redis", "half:word@", ""));
    UNTIL(net, sl_cache_has_far(c));
    put(c, "value", 60000, 0);
    UNTIL(net, strcmp(far(b), "value") == 0);
    sl_cache_drop_key(c, keys[0]);
    UNTIL(net, strstr(said, "+del and ~slc:c:*") != NULL);
    refused = refusals();
    assert_int_equal(refused, 1);
    FOR_MS(net, 2500);
    assert_int_equal(refusals(), refused);
    assert_string_equal(far(c), ""); /* here it stays purged */
    sl_cache_drop_key(c, keys[1]);
    UNTIL(net, refusals() == 2);
    FOR_MS(net, 5);
    assert_null(strstr(strstr(said, "+del") + 1, "+del"));
    redis_do(&r, "ACL SETUSER half +del");
    sl_cache_drop_key(c, keys[2]);
    UNTIL(net, strcmp(on_name("EXISTS", ""), "0") == 0);
    sl_cache_end(&c);
}

static void test_killed(void **state)
{
    (void)state;
    put(a, "value", 60000, 0);
    UNTIL(net, strcmp(far(b), "value") == 0);
    kill(r.pid, SIGSTOP);
    start(a, 1);
    FOR_MS(net, 10);
    redis_kill(&r);
    UNTIL(net, got.told == 1);
    assert_null(got.out[0]);
    UNTIL(net, !sl_cache_has_far(a));
    assert_true(near(b, "value", false));
    assert_string_equal(far(a), "");
    redis_run(&r); /* empty */
    UNTIL(net, sl_cache_has_far(a) && sl_cache_has_far(b));
    assert_string_equal(far(a), "");
    put(a, "again", 60000, 0);
    UNTIL(net, strcmp(far(b), "again") == 0);
}

/* A new connection asks about memory at once; what is asked on it afterwards is answered later. */
static void look_at_memory(struct sl_cache *c)
{
    redis_do(&r, "CLIENT KILL TYPE normal");
    UNTIL(net, !sl_cache_has_far(c));
    UNTIL(net, sl_cache_has_far(c));
    (void)far(c);
}

/* Under the first key; asked on the connection that it was written on. */
static bool is_written(struct sl_cache *c, const char *text)
{
    put(c, text, 60000, 0);
    return strcmp(far(c), text) == 0;
}

/* Above 80 % of maxmemory nothing is written; what is there is read on. */
static void test_full(void **state)
{
    char words[64];
    unsigned long used;

    (void)state;
    put(a, "value", 60000, 0);
    UNTIL(net, strcmp(far(b), "value") == 0);
    used = strtoul(strstr(redis_do(&r, "INFO memory"), "used_memory:") + 12, NULL, 10);
    (void)snprintf(words, sizeof words, "CONFIG SET maxmemory %lu", used + used / 10);
    redis_do(&r, words);
    look_at_memory(a);
    assert_false(is_written(a, "other"));
    UNTIL(net, strcmp(far(b), "value") == 0);
    redis_do(&r, "CONFIG SET maxmemory 0");
    look_at_memory(a);
    UNTIL(net, is_written(a, "other"));
    /* an -OOM says so at once */
    redis_do(&r, "CONFIG SET maxmemory 1");
    assert_false(is_written(a, "more"));
    redis_do(&r, "CONFIG SET maxmemory 0");
    assert_false(is_written(a, "more"));
    UNTIL(net, strcmp(far(a), "other") == 0);
    for (int i = 0; i < 3000 && !is_written(a, "more"); i++) /* until it is asked once more */
        FOR_MS(net, 10);
    UNTIL(net, is_written(a, "most"));
}

/* One of its own that evicts makes room by itself; one that holds the store too must not. */
static void test_evicting(void **state)
{
    struct sl_cache *c;

    (void)state;
    redis_do(&r, "CONFIG SET maxmemory-policy allkeys-lru");
    redis_do(&r, "CONFIG SET maxmemory 1");
    look_at_memory(a);
    shared = true;
    c = cache_new(8u << 20, 1u << 20, redis_url(&r, "redis", "", ""));
    UNTIL(net, sl_cache_has_far(c));
    (void)far(c);
    redis_do(&r, "CONFIG SET maxmemory-policy noeviction");
    redis_do(&r, "CONFIG SET maxmemory 0"); /* what is sent now is kept */
    assert_false(is_written(c, "x"));
    UNTIL(net, is_written(a, "x"));
    sl_cache_end(&c);
}

/* ---- named ---- */

static void test_named(void **state)
{
    (void)state;
    sl_cache_put_named(a, SL_STR("claude:abc"), SL_STR("{\"output\":\"hi\"}"), 60000);
    UNTIL(net, strcmp(named(b, "claude:abc"), "{\"output\":\"hi\"}") == 0);
    assert_int_equal(got.out[0]->stored_unix_ms, 0);
    assert_in_range(got.out[0]->gone_unix_ms - sl_net_unix_ms(net), 50000, 60010);
    assert_string_equal(redis_do(&r, "GET claude:abc"), "{\"output\":\"hi\"}");
    assert_in_range(strtol(redis_do(&r, "PTTL claude:abc"), NULL, 10), 50000, 60000);
    assert_string_equal(named(a, "claude:abd"), "");
    redis_do(&r, "SET claude:ext theirs PX 60000");
    assert_string_equal(named(a, "claude:ext"), "theirs");
    redis_do(&r, "DEL claude:ext");
    assert_string_equal(named(a, "claude:ext"), "theirs"); /* from memory now */
    redis_do(&r, "SET claude:ever theirs");                /* without an end */
    assert_string_equal(named(a, "claude:ever"), "");
    redis_do(&r, "SET claude:late theirs");
    assert_string_equal(redis_do(&r, "PEXPIREAT claude:late 9223372036854775807"), "1");
    assert_string_equal(named(a, "claude:late"), "theirs"); /* an end that no sum can hold */
    assert_in_range(got.out[0]->gone_unix_ms - sl_net_unix_ms(net), 31535990000, 31536000010);
    redis_do(&r, "LPUSH claude:list x");
    for (int i = 0; i < 6; i++) /* somebody's fault, not Redis' */
        assert_string_equal(named(a, "claude:list"), "");
    assert_true(sl_cache_has_far(a));
}

/* ---- waiters that leave ---- */

static void test_cancel(void **state)
{
    (void)state;
    put(a, "value", 60000, 0);
    UNTIL(net, strcmp(far(b), "value") == 0);
    for (int turns = 0; turns < 6; turns++) {
        start(a, 1000);
        for (int i = 0; i < turns && got.op != NULL; i++)
            sl_net_turn(net, 1);
        if (got.op != NULL)
            sl_op_cancel(&got.op);
        FOR_MS(net, 5);
        assert_true(got.told <= 1);
    }
    sl_cache_end(&b); /* no far any more */
    b = cache_new(1000, 1000, "");
    start(b, 5);
    sl_op_cancel(&got.op);
    FOR_MS(net, 5);
    assert_int_equal(got.told, 0);
    start(a, 10); /* under way when the cache ends: silence */
    sl_cache_end(&a);
    FOR_MS(net, 20);
    assert_int_equal(got.told, 0);
    assert_null(got.op);
}

static char exposed[20000];
static size_t exposed_n;

static void keep(void *ctx, struct sl_str piece)
{
    (void)ctx;
    assert_true(exposed_n + piece.n < sizeof exposed);
    memcpy(exposed + exposed_n, piece.p, piece.n);
    exposed_n += piece.n;
    exposed[exposed_n] = 0;
}

static void test_metrics(void **state)
{
    (void)state;
    put(a, "value", 60000, 0);
    far(a);
    sl_cache_refresh_metrics(a);
    sl_metrics_write(metrics, keep, NULL);
    assert_non_null(strstr(exposed, "sluice_store_up{role=\"cache\"} 1"));
    assert_non_null(strstr(exposed, "sluice_store_seconds_count{op=\"cache_get\"} 1"));
    assert_non_null(strstr(exposed, "sluice_cache_bytes{layer=\"memory\"} "));
    redis_kill(&r);
    UNTIL(net, !sl_cache_has_far(a) && !sl_cache_has_far(b));
    FOR_MS(net, 5);
    exposed_n = 0;
    sl_metrics_write(metrics, keep, NULL);
    assert_non_null(strstr(exposed, "sluice_store_up{role=\"cache\"} 0"));
}

#define M(f) cmocka_unit_test_setup_teardown(f, memory_setup, teardown)
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        M(test_memory), M(test_too_large), M(test_memory_named), M(test_bad_conf),
        T(test_shared), T(test_stale),     T(test_purged),       T(test_clock_set_back),
        T(test_many),   T(test_large),     T(test_bad_values),   T(test_stopped),
        T(test_probe),  T(test_killed),    T(test_full),         T(test_evicting),
        T(test_named),  T(test_cancel),    T(test_metrics),      T(test_not_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
