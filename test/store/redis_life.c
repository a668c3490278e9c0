/* timeout: 120
 *
 * The store and its Redis at large: what is said of one that is set up for something else, and
 * a master that dies under load. */
#include "base/metric.h"
#include "store/rebuild.h"
#include "store/redis/backend.h"
#include "store/_redis.h"

static struct redis a, b, sentinel;
static struct sl_net *net;
static struct sl_metrics *metrics;
static struct sl_store *s;
static struct sl_op *op;
static char said[65536], dir[64];
static int told;
static enum sl_err err;

static void on_told(void *ctx, enum sl_err e)
{
    (void)ctx;
    told++;
    err = e;
}

static void on_log(void *ctx, struct sl_str line)
{
    size_t had = strlen(said);

    (void)ctx;
    if (had + line.n < sizeof said) {
        memcpy(said + had, line.p, line.n);
        said[had + line.n] = '\0';
    }
}

static int setup(void **state)
{
    (void)state;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    memset(&sentinel, 0, sizeof sentinel);
    said[0] = 0;
    (void)snprintf(dir, sizeof dir, "/tmp/store_life_XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    sl_log_setup(SL_LOG_WARN, true, on_log, NULL);
    net = sl_net_new();
    metrics = sl_metrics_new(1000);
    return 0;
}

static void close_store(void)
{
    struct sl_net_counts c;

    sl_store_end(&s);
    for (int i = 0; i < 400; i++) {
        sl_net_turn(net, 5);
        c = sl_net_count(net);
        if (c.streams + c.ops + c.graves == 0)
            break;
    }
    assert_int_equal(c.streams + c.ops + c.graves + c.timers, 0);
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    close_store();
    sl_metrics_end(&metrics);
    sl_net_end(&net);
    redis_end(&sentinel);
    redis_end(&a);
    redis_end(&b);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void open_store(const char *url, const char *cache_url, const char *state_dir)
{
    struct sl_store_conf conf = {.url = sl_str_of(url),
                                 .cache_url = sl_str_of(cache_url),
                                 .state_dir = sl_str_of(state_dir),
                                 .prefix = SL_STR("slc:"),
                                 .timeout_ms = 200};
    char why[256] = "";

    told = 0;
    s = sl_store_new(net, &conf, metrics, why, sizeof why);
    if (s == NULL)
        fail_msg("%s", why);
    sl_store_start(s, &op, on_told, NULL);
    UNTIL(net, told == 1);
    assert_int_equal(err, SL_OK);
}

/* ---- what is said ---- */

static size_t times(const char *text)
{
    size_t n = 0;

    for (const char *at = said; (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

static void says_of(const char *url, const char *cache_url, size_t policies, size_t memories)
{
    said[0] = 0;
    open_store(url, cache_url, "");
    for (int i = 0; i < 500 && (times("maxmemory-policy allkeys-lru") < policies ||
                                times("store.cache_url") < memories);
         i++)
        FOR_MS(net, 10);
    FOR_MS(net, 100); /* and no more than that */
    if (times("maxmemory-policy allkeys-lru") != policies || times("store.cache_url") != memories)
        fail_msg("%s, %s: said: %s", url, cache_url, said);
    close_store();
}

static void set_up_for_something_else(void **state)
{
    char url[256], limited[256];

    (void)state;
    redis_start(&a);
    (void)snprintf(url, sizeof url, "%s", redis_url(&a, "redis", "", ""));
    (void)snprintf(limited, sizeof limited, "%s", redis_url(&a, "redis", "joe:word@", ""));
    says_of(url, "", 0, 0);
    redis_do(&a, "CONFIG SET maxmemory 100mb");
    says_of(url, "", 0, 1);
    says_of(url, "redis://127.0.0.1:1", 0, 0);
    redis_do(&a, "CONFIG SET maxmemory-policy allkeys-lru");
    says_of(url, "", 1, 1);
    says_of(url, "redis://127.0.0.1:1", 1, 0);
    /* one that may not ask says nothing, and serves */
    assert_string_equal(redis_do(&a, "ACL SETUSER joe on >word ~* +@all -info"), "OK");
    says_of(limited, "", 0, 0);
    open_store(url, "", "");
    for (int i = 0; i < 3; i++) { /* once is enough */
        redis_do(&a, "CLIENT KILL TYPE normal");
        FOR_MS(net, 500);
    }
    assert_int_equal(times("maxmemory-policy allkeys-lru"), 1);
}

/* ---- a master dies under load ---- */

#define LIMIT 100
#define COST 1000

struct one {
    struct sl_terms terms[SL_LEVEL__COUNT];
    struct sl_quota_ask ask;
    struct sl_quota_answer answer;
};

static unsigned asked, passed, local;
static int64_t spent;
static uint64_t longest_ms;

/* Asked, and settled at once if it may pass. */
static void one_request(void)
{
    int64_t day = (int64_t)time(NULL) / 86400 * 86400;
    struct one q;
    struct sl_settle line = {.ask = &q.ask,
                             .answer = &q.answer,
                             .cost_micro = COST,
                             .model = SL_STR("m"),
                             .provider = SL_STR("p"),
                             .user = SL_STR("u"),
                             .ending = "done",
                             .source = "reported",
                             .status = 200};
    uint64_t began = clock_ms();
    char id[17];

    memset(&q, 0, sizeof q);
    sl_terms_init(&q.terms[0]);
    sl_terms_init(&q.terms[1]);
    q.terms[0].limits.rpm = LIMIT;
    q.terms[0].budget.credits_micro = 1000000000;
    q.ask.tenant = SL_STR("acme");
    q.ask.key_id = SL_STR("alice");
    q.ask.terms[0] = &q.terms[0];
    q.ask.terms[1] = &q.terms[1];
    q.ask.reserve_micro = COST;
    q.ask.periods =
        (struct sl_periods){{day, day + 86400, day + 172800}, {day, day + 2592000, day + 5184000}};
    (void)snprintf(id, sizeof id, "%016u", ++asked);
    sl_store_id(s, id, q.ask.id);
    told = 0;
    sl_store_admit_start(s, &q.ask, &q.answer, &op, on_told, NULL);
    UNTIL(net, told == 1);
    longest_ms = clock_ms() - began > longest_ms ? clock_ms() - began : longest_ms;
    local += q.answer.local;
    if (q.answer.limit != SL_LIMIT_NONE)
        return;
    passed++;
    spent += COST;
    sl_store_settle(s, &line);
}

static int64_t spent_in_redis(void)
{
    return strtoll(redis_do(&b, "HGET slc:{acme}:acct:t spent"), NULL, 10);
}

static bool is_up(void)
{
    struct sl_store_state state;

    sl_store_look(s, &state);
    return state.up;
}

static uint64_t unsent(void)
{
    struct sl_store_state state;

    sl_store_look(s, &state);
    return state.unsent;
}

static void start_three(char *url, size_t cap)
{
    redis_start(&a);
    (void)snprintf(b.more, sizeof b.more, "replicaof 127.0.0.1 %u\n", a.port);
    redis_start(&b);
    sentinel.is_sentinel = true;
    (void)snprintf(sentinel.more, sizeof sentinel.more,
                   "sentinel monitor mymaster 127.0.0.1 %u 1\n"
                   "sentinel down-after-milliseconds mymaster 300\n"
                   "sentinel failover-timeout mymaster 3000\n",
                   a.port);
    redis_start(&sentinel);
    for (int i = 0; i < 2500 && strstr(redis_do(&sentinel, "INFO sentinel"), "slaves=1") == NULL;
         i++)
        FOR_MS(net, 10);
    UNTIL(net, strstr(redis_do(&b, "INFO replication"), "master_link_status:up") != NULL);
    (void)snprintf(url, cap, "redis+sentinel://127.0.0.1:%u/mymaster", sentinel.port);
}

static void load_for(uint64_t ms)
{
    for (uint64_t until = clock_ms() + ms; clock_ms() < until;) {
        one_request();
        FOR_MS(net, 5);
    }
}

static void no_difference_after_a_rebuild(void)
{
    static struct sl_rebuild_report report;

    told = 0;
    sl_rebuild_start(s, &(struct sl_rebuild_ask){.write = true}, &report, &op, on_told, NULL);
    UNTIL(net, told == 1);
    assert_int_equal(err, SL_OK);
    assert_int_equal(spent_in_redis(), spent);
}

/* A Sentinel that makes it one ends its clients, this one too. */
static bool is_master(const struct redis *r)
{
    redisContext *c = redis_open(r);
    redisReply *reply = c != NULL ? redisCommand(c, "ROLE") : NULL;
    bool is = reply != NULL && reply->elements > 0 && strcmp(reply->element[0]->str, "master") == 0;

    if (reply != NULL)
        freeReplyObject(reply);
    if (c != NULL)
        redisFree(c);
    return is;
}

static void a_master_dies(void **state)
{
    uint64_t promoted = 0, killed;
    unsigned before;
    char url[128];

    (void)state;
    asked = passed = local = 0;
    spent = 0;
    longest_ms = 0;
    start_three(url, sizeof url);
    open_store(url, "", dir);
    load_for(1000);
    assert_int_equal(local, 0);
    before = passed;
    redis_kill(&a);
    killed = clock_ms();
    while (!is_up() || local == 0) { /* first down, then up again */
        one_request();
        FOR_MS(net, 5);
        if (promoted == 0 && is_master(&b))
            promoted = clock_ms();
        assert_true(clock_ms() - killed < 30000);
    }
    if (promoted != 0)
        assert_in_range(clock_ms() - promoted, 0, 2500); /* fail-over time and a second */
    load_for(1500);
    assert_true(longest_ms < 200 + 300);
    /* what Redis had counted is not known to the local share, and no more than that */
    print_message("%u asked, %u passed (%u before, %u were decided here), at most %u ms\n", asked,
                  passed, before, local, (unsigned)longest_ms);
    assert_true(before > 0 && asked > 2 * LIMIT && passed <= 2 * LIMIT + before / 4);
    sl_store_flush(s, 3000);
    UNTIL(net, unsent() == 0);
    assert_true(spent_in_redis() <= spent); /* a write that was not replicated is missing */
    assert_in_range(spent - spent_in_redis(), 0, (int64_t)before * COST / 4);
    no_difference_after_a_rebuild();
    assert_int_equal(strtol(redis_do(&b, "ZCARD slc:{acme}:held"), NULL, 10), 0);
}

/* ---- no more rights than docs/store.md says ---- */

static void put_key(void)
{
    struct sl_record rec = {.kind = SL_RECORD_KEY,
                            .id = SL_STR("another"),
                            .tenant = SL_STR("acme"),
                            .state = SL_STR("active"),
                            .doc = SL_STR("{}")};
    static struct sl_records out;

    told = 0;
    sl_store_put_start(s, &rec, SL_STR("admin"), &out, &op, on_told, NULL);
    UNTIL(net, told == 1);
    assert_int_equal(err, SL_OK);
}

static void list_keys(void)
{
    static struct sl_records out;

    told = 0;
    sl_store_list_start(s, SL_RECORD_KEY, SL_STR(""), SL_STR(""), &out, &op, on_told, NULL);
    UNTIL(net, told == 1);
    assert_int_equal(err, SL_OK);
}

/* The line of the documentation, its password set. */
static void grant_rights(void)
{
    static char text[65536];
    FILE *f = fopen("docs/store.md", "r");
    char *line, *end, *word;

    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    line = strstr(text, "ACL SETUSER sluice");
    assert_non_null(line);
    end = strchr(line, '\n');
    assert_non_null(end);
    *end = 0;
    word = strstr(line, "PASSWORD");
    assert_non_null(word);
    memcpy(word, "wordword", 8);
    assert_string_equal(redis_do(&a, line), "OK");
}

static void few_rights(void **state)
{
    char url[256];

    (void)state;
    asked = passed = local = 0;
    redis_start(&a);
    grant_rights();
    redis_do(&a, "CONFIG SET maxmemory-policy allkeys-lru");
    (void)snprintf(url, sizeof url, "%s", redis_url(&a, "redis", "sluice:wordword@", ""));
    open_store(url, "", dir);
    put_key();
    list_keys();
    for (int i = 0; i < 5; i++)
        one_request();
    assert_int_equal(passed, 5);
    assert_int_equal(local, 0);
    sl_store_flush(s, 3000);
    UNTIL(net, unsent() == 0);
    assert_string_equal(redis_do(&a, "HGET slc:{acme}:acct:t spent"), "5000");
    assert_int_equal(times("maxmemory-policy allkeys-lru"), 1);
    assert_int_equal(times("\"level\":\"error\""), 0);
}

/* ---- notes leave room for the ledger ---- */

/* One more, and whether it is there. */
static bool is_noted(void)
{
    static struct sl_noted noted;
    static unsigned n;
    char id[24];
    struct sl_note note = {.id = {id, (size_t)snprintf(id, sizeof id, "note-%u", ++n)},
                           .doc = SL_STR("{}")};

    sl_store_note(s, SL_STR("acme"), &note);
    told = 0;
    sl_store_noted_start(s, SL_STR("acme"), note.id, &noted, &op, on_told, NULL);
    UNTIL(net, told == 1);
    return noted.n > 0;
}

static void few_notes_when_full(void **state)
{
    char words[64];
    unsigned long used;

    (void)state;
    asked = passed = local = 0;
    redis_start(&a);
    open_store(redis_url(&a, "redis", "", ""), "", dir);
    UNTIL(net, is_noted());
    used = strtoul(strstr(redis_do(&a, "INFO memory"), "used_memory:") + 12, NULL, 10);
    (void)snprintf(words, sizeof words, "CONFIG SET maxmemory %lu", used + used / 10);
    redis_do(&a, words);
    for (int i = 0; i < 3000 && is_noted(); i++) /* until the next look at it */
        FOR_MS(net, 10);
    assert_false(is_noted());
    one_request();
    assert_int_equal(passed, 1); /* all else is written */
    assert_int_equal(local, 0);
    redis_do(&a, "CONFIG SET maxmemory 0");
    redis_do(&a, "CLIENT KILL TYPE normal"); /* asked anew by the next link */
    UNTIL(net, is_noted());
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(set_up_for_something_else), CASE(few_rights),
                                       CASE(few_notes_when_full), CASE(a_master_dies)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
