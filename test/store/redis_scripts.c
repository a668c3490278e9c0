/* What the scripts leave behind: nothing of a call that failed, and no key that outlives its use.
 *
 * The clock stands still, so that whatever differs was written by the call. */
/* timeout: 180 */
#include "_suite.h"

#include "_clock.h"

static struct redis server;

static struct sl_backend *in_redis(struct sl_net *net, const char *dir, char *why, size_t cap)
{
    struct sl_store_conf conf = {.prefix = SL_STR("slc:"), .timeout_ms = 1000};
    struct sl_backend *b;
    char url[128];

    (void)dir;
    if (server.pid == 0)
        redis_start(&server);
    (void)redis_do(&server, "CONFIG SET maxmemory 0");
    (void)redis_do(&server, "FLUSHALL");
    (void)snprintf(url, sizeof url, "unix://%s", server.sock);
    conf.url = sl_str_of(url);
    b = sl_redis_new(net, &conf, why, cap);
    if (b != NULL)
        clock_take(b, false);
    return b;
}

static const struct maker maker = {"redis", in_redis, NULL, SL_SCRIPT_MOST};

static int setup(void **state)
{
    *state = (void *)(uintptr_t)&maker;
    return suite_setup(state);
}

static const char *says(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static const char *says(const char *fmt, ...)
{
    char words[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    return redis_do(&server, words);
}

/* ---- everything at once ---- */

static void every_limit(struct store *s)
{
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        s->terms[l].limits =
            (struct sl_limits){.rpm = 100, .qps = 100, .tpm = 1000, .concurrency = 100};
        s->terms[l].budget = (struct sl_budget){1000000, 1000000, 1000000};
    }
    s->ask.gateway_qps = 100;
    s->ask.reserve_micro = 100;
}

static struct sl_record record(enum sl_record_kind kind, const char *id, uint64_t rev)
{
    struct sl_record r = {.kind = kind,
                          .id = sl_str_of(id),
                          .tenant = SL_STR("acme"),
                          .rev = rev,
                          .state = SL_STR("active"),
                          .doc = SL_STR("{}")};

    memset(r.sha256, id[0], sizeof r.sha256);
    return r;
}

static enum sl_err puts_new(struct store *s, enum sl_record_kind kind, const char *id)
{
    struct sl_record r = record(kind, id, 0);
    struct sl_records out;

    return CALL(s, put, &r, &out);
}

static enum sl_err do_admit(struct store *s)
{
    suite_id(++s->ids, s->ask.id);
    return CALL(s, admit, &s->ask, &s->a);
}

static enum sl_err admits_as(struct store *s, bool *flag)
{
    enum sl_err e;

    *flag = true;
    e = do_admit(s);
    *flag = false;
    return e;
}

static enum sl_err do_admit_light(struct store *s)
{
    return admits_as(s, &s->ask.light);
}

static enum sl_err do_admit_free(struct store *s)
{
    return admits_as(s, &s->ask.free);
}

static enum sl_err do_admit_hit(struct store *s)
{
    return admits_as(s, &s->ask.windows_only);
}

/* Refused softly, beside a look-up: its windows are taken. */
static enum sl_err do_admit_soft(struct store *s)
{
    enum sl_err e;

    s->terms[T].limits.concurrency = 1;
    e = admits_as(s, &s->ask.may_hit);
    s->terms[T].limits.concurrency = 100;
    return e;
}

static enum sl_err do_apply(struct store *s)
{
    struct sl_line l = line_of(s, 1, 33);

    l.tpm_tokens = 7;
    return applies_as(s, "inst0001", &l, 1);
}

static enum sl_err do_grow(struct store *s)
{
    return grows(s, 1, 10);
}

static enum sl_err do_grant(struct store *s)
{
    struct sl_balance out;
    struct sl_store_grant what = {s->ask.tenant, s->ask.key_id, 5, 5, SL_STR("")};

    return CALL(s, grant, &what, &out);
}

static enum sl_err do_balance(struct store *s)
{
    struct sl_balance out;

    return CALL(s, balance, s->ask.tenant, s->ask.key_id, &s->ask.periods, &out);
}

static enum sl_err do_put(struct store *s)
{
    return puts_new(s, SL_RECORD_KEY, "carol");
}

static enum sl_err do_put_tenant(struct store *s)
{
    struct sl_record r = record(SL_RECORD_TENANT, "acme", 3);
    struct sl_records out;

    return CALL(s, put, &r, &out);
}

static enum sl_err do_restore_records(struct store *s)
{
    struct sl_record r[] = {record(SL_RECORD_SWITCH, "other", 50),
                            record(SL_RECORD_KEY, "dave", 51),
                            record(SL_RECORD_TENANT, "acme", 52)};

    return CALL(s, restore_records, r, 3);
}

static enum sl_err do_restore(struct store *s)
{
    struct sl_restore_account accounts[] = {{{0}, {.held = true, .granted_micro = 900}, {0}},
                                            {SL_STR("alice"), {.spent_micro = 70}, {0}}};
    struct sl_usage_row row = {.day = SL_STR("2026-11-25"),
                               .key_id = SL_STR("alice"),
                               .user = SL_STR("u"),
                               .model = SL_STR("m"),
                               .provider = SL_STR("p")};
    struct sl_restore_seq seq = {"inst0001", 5000};
    struct sl_restore what = {SL_STR("acme"), accounts, &row, &seq, 2, 1, 1};

    return CALL(s, restore, &what);
}

static enum sl_err do_beat(struct store *s)
{
    struct sl_beat out;

    return CALL(s, beat, SL_STR("inst0007"), &out);
}

static enum sl_err do_noted(struct store *s)
{
    struct sl_noted out;

    return CALL(s, noted, s->ask.tenant, SL_STR("msg_1"), &out);
}

static const struct {
    const char *name;
    enum sl_err (*run)(struct store *s);
    int touches; /* keys whose type it cares for, of those that there are */
} calls[] = {
    {"admit", do_admit, 13},
    {"admit, light", do_admit_light, 13},
    {"admit, free", do_admit_free, 13},
    {"admit, of a hit", do_admit_hit, 13},
    {"admit, refused softly", do_admit_soft, 13},
    {"apply", do_apply, 9},
    {"grow", do_grow, 3},
    {"grant", do_grant, 2},
    {"balance", do_balance, 2},
    {"put", do_put, 3},
    {"put of a tenant", do_put_tenant, 4},
    {"restored records", do_restore_records, 6},
    {"restore", do_restore, 4},
    {"beat", do_beat, 2},
    {"noted", do_noted, 2},
};
#define CALLS (sizeof calls / sizeof calls[0])

/* A tenant with everything it can have, two requests running. */
static void furnish(struct store *s)
{
    struct sl_line l;

    (void)says("FLUSHALL");
    s->number = s->ids = 0;
    s->ask.rev[K] = s->ask.rev[T] = 0;
    (void)says("SET clock:at %lld", (long long)time(NULL) * 1000000 + 123456);
    every_limit(s);
    assert_int_equal(puts_new(s, SL_RECORD_KEY, "alice"), SL_OK);
    assert_int_equal(puts_new(s, SL_RECORD_SWITCH, "main"), SL_OK);
    assert_int_equal(puts_new(s, SL_RECORD_TENANT, "acme"), SL_OK);
    s->ask.rev[K] = 1;
    s->ask.rev[T] = 3;
    for (int i = 0; i < 3; i++)
        assert_int_equal(do_admit(s), SL_OK);
    l = line_of(s, 3, 20);
    l.tpm_tokens = 5;
    applies(s, &l, 1);
    assert_int_equal(do_beat(s), SL_OK);
    s->b->ops->note(s->b, s->ask.tenant,
                    &(struct sl_note){SL_STR("r1"), SL_STR("msg_1"), SL_STR("{}")});
    assert_int_equal(do_noted(s), SL_OK);
}

/* The names of all keys but the clock's. */
static size_t keys_of(char names[64][128])
{
    redisContext *c = redis_open(&server);
    redisReply *r = redisCommand(c, "KEYS slc:*");
    size_t n = r->elements;

    assert_true(n < 64);
    for (size_t i = 0; i < n; i++)
        (void)snprintf(names[i], 128, "%s", r->element[i]->str);
    freeReplyObject(r);
    redisFree(c);
    return n;
}

static void digest(char out[64])
{
    (void)snprintf(out, 64, "%s", says("DEBUG DIGEST"));
    assert_int_equal(strlen(out), 40);
}

/* One key is of another type: the call fails and has done nothing, or does not need it. */
static bool fails_whole(struct store *s, size_t call, const char *key)
{
    bool is_text = strcmp(says("TYPE %s", key), "string") == 0;
    char before[64], after[64];
    enum sl_err e;

    assert_string_equal(says("RENAME %s kept", key), "OK");
    (void)says(is_text ? "LPUSH %s x" : "SET %s x", key);
    digest(before);
    e = calls[call].run(s);
    digest(after);
    if (e != SL_OK && strcmp(before, after) != 0)
        fail_msg("%s wrote something although %s is of another type", calls[call].name, key);
    return e != SL_OK;
}

static void nothing_by_halves(void **state)
{
    struct store *s = *state;
    char names[64][128];
    size_t n;

    for (size_t i = 0; i < CALLS; i++) {
        int failed = 0;

        furnish(s);
        n = keys_of(names);
        for (size_t k = 0; k < n; k++) {
            furnish(s);
            failed += fails_whole(s, i, names[k]);
        }
        if (failed != calls[i].touches)
            fail_msg("%s failed for %d keys of another type, not %d", calls[i].name, failed,
                     calls[i].touches);
    }
}

/* A full Redis refuses the first thing that takes memory; what begins by letting something go
 * is done whole (grow), and looking at a balance or a note takes none. */
static void nothing_when_full(void **state)
{
    struct store *s = *state;
    char before[64], after[64];
    size_t refused = 0;
    enum sl_err e;

    for (size_t i = 0; i < CALLS; i++) {
        furnish(s);
        digest(before);
        (void)says("CONFIG SET maxmemory 1");
        e = calls[i].run(s);
        (void)says("CONFIG SET maxmemory 0");
        digest(after);
        if (e != SL_OK && strcmp(before, after) != 0)
            fail_msg("%s wrote something into a full Redis", calls[i].name);
        refused += e != SL_OK;
    }
    assert_int_equal(refused, CALLS - 3);
}

/* What somebody wrote by hand is no number: nobody is let in on it. */
static void strange_numbers(void **state)
{
    static const char *const fields[] = {"granted", "spent", "reserved", "day", "month0"};
    struct store *s = *state;
    char before[64], after[64], was[64];

    furnish(s);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        (void)snprintf(was, sizeof was, "%s", says("HGET slc:{acme}:acct:t %s", fields[i]));
        (void)says("HSET slc:{acme}:acct:t %s plenty", fields[i]);
        digest(before);
        assert_int_equal(do_admit(s), SL_ERR_STORE_DATA);
        assert_int_equal(do_apply(s), SL_ERR_STORE_DATA);
        assert_int_equal(do_grow(s), SL_ERR_STORE_DATA);
        digest(after);
        assert_string_equal(before, after);
        (void)says("HSET slc:{acme}:acct:t %s %s", fields[i], was);
    }
    assert_int_equal(do_admit(s), SL_OK);
    assert_int_equal(do_apply(s), SL_OK);
}

/* Another key's broken account is no matter of this one's: what ran out comes back. */
static void anothers_account(void **state)
{
    struct store *s = *state;

    furnish(s);
    s->ask.key_id = SL_STR("bob");
    s->ask.rev[K] = 0;
    assert_int_equal(do_admit(s), SL_OK);
    (void)says("SET slc:{acme}:acct:k:bob x");
    (void)says("INCRBY clock:at %d", 31 * 1000000);
    s->ask.key_id = SL_STR("alice");
    s->ask.rev[K] = 1;
    assert_true(asks(s));
    assert_int_equal(balance_of(s, T).reserved_micro, 100);
    assert_int_equal(balance_of(s, K).reserved_micro, 100);
}

/* ---- ends ---- */

static bool ends_with(const char *name, const char *tail)
{
    size_t n = strlen(name), m = strlen(tail);

    return n >= m && strcmp(name + n - m, tail) == 0;
}

/* Of a key that is to end: how long it may stay; 0: it stays. */
static long long most_ms(const char *name)
{
    if (ends_with(name, ":qps"))
        return 2000;
    if (ends_with(name, ":rpm") || ends_with(name, ":tpm"))
        return 61000;
    if (strstr(name, ":live:") != NULL)
        return SL_QUOTA_LEASE_MS;
    if (ends_with(name, "instances"))
        return 5000;
    if (strstr(name, ":notes") != NULL)
        return 1000ll * SL_STORE_NOTE_S;
    return strstr(name, ":use:") != NULL ? 400ll * 86400 * 1000 : 0;
}

static void keys_end(void **state)
{
    struct store *s = *state;
    char names[64][128];
    int ending = 0;
    size_t n;

    furnish(s);
    n = keys_of(names);
    for (size_t i = 0; i < n; i++) {
        long long left = strtoll(says("PTTL %s", names[i]), NULL, 10), most = most_ms(names[i]);

        ending += most > 0;
        if (most > 0 ? left <= 0 || left > most : left != -1)
            fail_msg("%s ends in %lld ms, not %lld", names[i], left, most);
    }
    assert_int_equal(ending, 13);
}

/* Refused ones prolong nothing, and take nothing. */
static void refused_ones_keep_nothing(void **state)
{
    struct store *s = *state;
    char before[64], after[64];
    uint64_t until;

    s->terms[K].limits.qps = 2;
    s->ask.gateway_qps = 100;
    asks_all(s, 2);
    until = suite_ms() + 2500;
    while (strcmp(says("EXISTS slc:{acme}:w:k:alice:qps"), "1") == 0) {
        s->terms[K].limits.qps = 1; /* refused as long as one counts */
        (void)says("SET clock:at %lld", (long long)s->a.at_us);
        digest(before);
        if (asks(s))
            break; /* the key ended between the two questions */
        digest(after);
        if (strcmp(says("EXISTS slc:{acme}:w:k:alice:qps"), "1") == 0)
            assert_string_equal(before, after);
        assert_true(suite_ms() < until);
        sl_net_turn(s->net, 20);
    }
    assert_true(suite_ms() <= until);
}

/* What is too old leaves, not all of it at once. */
static void old_entries_leave(void **state)
{
    static const char *const sets[] = {"slc:{acme}:w:k:alice:rpm", "slc:{acme}:live:t"};
    struct store *s = *state;
    redisContext *c = redis_open(&server);

    furnish(s);
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        long running = strtol(says("ZCARD %s", sets[i]), NULL, 10);
        redisReply *r =
            redisCommand(c, "EVAL %s 1 %s",
                         "for i = 1, 1500 do redis.call('ZADD', KEYS[1], i, 'old' .. i) end"
                         " return 1",
                         sets[i]);

        assert_int_equal(r->integer, 1);
        freeReplyObject(r);
        assert_true(asks(s)); /* they don't count */
        assert_int_equal(strtol(says("ZCARD %s", sets[i]), NULL, 10), running + 1 + 500);
        assert_true(asks(s));
        assert_int_equal(strtol(says("ZCARD %s", sets[i]), NULL, 10), running + 2);
    }
    redisFree(c);
}

/* Of scripts, by their digests. */
static long calls_so_far(void)
{
    static const char name[] = "cmdstat_evalsha:calls=";
    const char *at = strstr(says("INFO commandstats"), name);

    return at != NULL ? strtol(at + sizeof name - 1, NULL, 10) : 0;
}

/* An answer after the call's own limit: who asked has been told long ago. */
static void answered_too_late(void **state)
{
    struct store *s = *state;
    struct wait w[3] = {{0}};
    struct sl_quota_ask ask[3];
    struct sl_quota_answer a[3];
    uint64_t until = suite_ms() + 4 * SL_SCRIPT_MS;
    long before;

    every_limit(s);
    s->ask.reserve_micro = 10;
    assert_true(asks(s)); /* stays */
    before = calls_so_far();
    assert_string_equal(says("CLIENT PAUSE %d ALL", SL_SCRIPT_MS + 1000), "OK");
    for (int i = 0; i < 3; i++) {
        ask[i] = s->ask;
        suite_id(++s->ids, ask[i].id);
        s->b->ops->admit(s->b, &ask[i], &a[i], WAIT(&w[i]));
    }
    while (w[0].n + w[1].n + w[2].n < 3) {
        sl_net_turn(s->net, 20);
        assert_true(suite_ms() < until);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(w[i].err, SL_ERR_STORE);
    while (calls_so_far() < before + 2) { /* they are taken, and given back */
        sl_net_turn(s->net, 20);
        assert_true(suite_ms() < until);
    }
    assert_string_equal(says("HGET slc:{acme}:acct:k:alice reserved"), "10");
    assert_string_equal(says("ZCARD slc:{acme}:live:t"), "1");
    assert_string_equal(says("ZCARD slc:{acme}:w:t:rpm"), "1");
}

static size_t noted_bytes(struct store *s, const char *name)
{
    struct sl_noted out = {.n = 9};

    assert_int_equal(CALL(s, noted, s->ask.tenant, sl_str_of(name), &out), SL_OK);
    return out.n;
}

static void notes_r(struct store *s, const char *id, const char *other)
{
    s->b->ops->note(s->b, s->ask.tenant,
                    &(struct sl_note){sl_str_of(id), sl_str_of(other), SL_STR("{}")});
    assert_int_equal(noted_bytes(s, id), 2);
}

/* Each ends by itself, however busy its tenant is; one that is written anew begins anew. */
static void notes_are_a_day_old(void **state)
{
    struct store *s = *state;

    notes_r(s, "r1", "m1");
    notes_r(s, "r2", "m1");
    assert_string_equal(says("ZCARD slc:{acme}:notes:order"), "3"); /* r1, r2, m1 */
    (void)says("ZINCRBY slc:{acme}:notes:order -%d000000 r1", SL_STORE_NOTE_S);
    assert_int_equal(noted_bytes(s, "r1"), 0);
    assert_int_equal(noted_bytes(s, "m1"), 2); /* of r2 */
    (void)says("ZINCRBY slc:{acme}:notes:order -%d000000 r2", SL_STORE_NOTE_S);
    assert_int_equal(noted_bytes(s, "m1"), 0); /* what it means has ended */
    assert_string_equal(says("HLEN slc:{acme}:notes"), "3");
    notes_r(s, "r3", "");
    assert_string_equal(says("HLEN slc:{acme}:notes"), "2"); /* r3 and m1 */
    assert_string_equal(says("ZCARD slc:{acme}:notes:order"), "2");
}

/* The sluice before this one kept the order of names in a list. */
static void notes_of_an_older_sluice(void **state)
{
    struct store *s = *state;

    (void)says("HSET slc:{acme}:notes r1 {} m1 =r1");
    (void)says("RPUSH slc:{acme}:notes:order r1 m1");
    assert_int_equal(noted_bytes(s, "m1"), 2);
    assert_int_equal(noted_bytes(s, "r2"), 0);
    notes_r(s, "r2", "m2");
    assert_int_equal(noted_bytes(s, "m2"), 2);
    assert_string_equal(says("HLEN slc:{acme}:notes"), "2");
    assert_string_equal(says("ZCARD slc:{acme}:notes:order"), "2");
}

/* Redis' own clock goes back by two hours: what it counted lies ahead, and does not count. */
static void clock_set_back(void **state)
{
    struct store *s = *state;

    s->ask.gateway_qps = 100;
    s->terms[T].limits = (struct sl_limits){.rpm = 3, .qps = 3, .tpm = 100, .concurrency = 3};
    s->terms[K].limits = (struct sl_limits){.rpm = 2, .qps = 3, .burst = 4};
    books_tokens(s, 100);
    refuses(s, SL_LIMIT_TPM, T);
    (void)says("SET clock:ahead -7200000000");
    asks_all(s, 3); /* and the windows are full of these */
    (void)says("SET clock:ahead -14400000000");
    asks_all(s, 3);
    refuses(s, SL_LIMIT_QPS, T);
    assert_true(s->a.wait_ms <= 1001);
    s->ask.gateway_qps = 3;
    (void)says("SET clock:ahead -21600000000");
    asks_all(s, 3);
    refuses(s, SL_LIMIT_GATEWAY_QPS, T);
    /* some seconds back count on */
    (void)says("SET clock:ahead -21602000000");
    refuses(s, SL_LIMIT_GATEWAY_QPS, T);
    assert_string_equal(says("ZCARD slc:{acme}:w:t:rpm"), "3");
    assert_string_equal(says("ZCARD slc:{acme}:live:t"), "3");
}

/* Money that the dead held comes back in the time it would have; who runs keeps what it has. */
static void clock_set_back_on_the_dead(void **state)
{
    struct store *s = *state;

    s->terms[T].budget.credits_micro = 25;
    s->ask.reserve_micro = 10;
    asks_all(s, 2);
    (void)says("SET clock:ahead -7200000000");
    refuses(s, SL_LIMIT_CREDITS, T); /* still held, as nobody knows who died */
    for (int i = 0; i < 3; i++) {
        (void)says("INCRBY clock:ahead %d", SL_QUOTA_RENEW_MS * 1000);
        renews(s, 2);
    }
    (void)says("INCRBY clock:ahead 1000000");
    assert_true(asks(s)); /* what the first one held is free */
    refuses(s, SL_LIMIT_CREDITS, T);
    assert_int_equal(balance_of(s, T).reserved_micro, 20);
    /* and where nobody is refused, by looking at it */
    (void)says("SET clock:ahead -14400000000");
    assert_int_equal(balance_of(s, T).reserved_micro, 20);
    (void)says("INCRBY clock:ahead %d", (SL_QUOTA_LEASE_MS + 1000) * 1000);
    assert_int_equal(balance_of(s, T).reserved_micro, 0);
}

/* An instance that died before counts no longer than one that dies after. */
static void clock_set_back_on_instances(void **state)
{
    struct store *s = *state;
    struct sl_beat out;

    assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &out), SL_OK);
    assert_int_equal(CALL(s, beat, SL_STR("inst0002"), &out), SL_OK);
    assert_int_equal(out.instances, 2);
    (void)says("SET clock:ahead -7200000000");
    assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &out), SL_OK);
    assert_int_equal(out.instances, 1);
    assert_int_equal(CALL(s, beat, SL_STR("inst0002"), &out), SL_OK);
    assert_int_equal(out.instances, 2);
}

/* Those that are there change; a restore brings what there was. */
static void names_are_counted(void **state)
{
    enum { PART = 5000 };
    static const char fill[] = "for i = ARGV[1], ARGV[2] do"
                               " redis.call('ZADD', 'slc:switches:index', 0, 'purge.' .. i) end"
                               " return 1";
    struct store *s = *state;
    struct sl_record one = record(SL_RECORD_SWITCH, "model:a", 0);
    struct sl_record more = record(SL_RECORD_SWITCH, "model:b", 7);
    redisContext *c = redis_open(&server);
    struct sl_records out;

    for (int i = 0; i < SL_STORE_NAMES; i += PART) {
        redisReply *r = redisCommand(c, "EVAL %s 0 %d %d", fill, i > 0 ? i : 1, i + PART - 1);

        assert_int_equal(r->type, REDIS_REPLY_INTEGER);
        freeReplyObject(r);
    }
    redisFree(c);
    assert_string_equal(says("COPY slc:switches:index slc:tenants:index"), "1");
    sl_net_turn(s->net, 0); /* that took its time: limits count from now */
    assert_int_equal(CALL(s, put, &one, &out), SL_OK);
    assert_int_equal(puts_new(s, SL_RECORD_TENANT, "acme"), SL_OK);
    assert_int_equal(puts_new(s, SL_RECORD_SWITCH, "model:b"), SL_ERR_CEILING);
    assert_int_equal(puts_new(s, SL_RECORD_TENANT, "beta"), SL_ERR_CEILING);
    assert_int_equal(puts_new(s, SL_RECORD_KEY, "alice"), SL_OK);
    one.rev = 1;
    assert_int_equal(CALL(s, put, &one, &out), SL_OK);
    assert_int_equal(CALL(s, restore_records, &more, 1), SL_OK);
    assert_string_equal(says("ZCARD slc:switches:index"), "100001");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_by_halves),
        CASE(nothing_when_full),
        CASE(strange_numbers),
        CASE(anothers_account),
        CASE(keys_end),
        CASE(refused_ones_keep_nothing),
        CASE(old_entries_leave),
        CASE(answered_too_late),
        CASE(notes_are_a_day_old),
        CASE(notes_of_an_older_sluice),
        CASE(names_are_counted),
        CASE(clock_set_back),
        CASE(clock_set_back_on_the_dead),
        CASE(clock_set_back_on_instances),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    redis_end(&server);
    return failed;
}
