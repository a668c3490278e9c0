/* Ten thousand random calls of a real Redis, beside the model, by a clock of the test's. */
/* timeout: 240 */
#include "_suite.h"

#include "_clock.h"
#include "_model.h"

static struct redis server;
static redisContext *aside;
static struct store st;

static struct sl_backend *in_redis(struct sl_net *net, const char *dir, char *why, size_t cap)
{
    struct sl_store_conf conf = {.prefix = SL_STR("slc:"), .timeout_ms = 1000};
    struct sl_backend *b;
    char url[128];

    (void)dir;
    (void)snprintf(url, sizeof url, "unix://%s", server.sock);
    conf.url = sl_str_of(url);
    b = sl_redis_new(net, &conf, why, cap);
    if (b != NULL)
        clock_take(b, true);
    return b;
}

static void at_now(void)
{
    static int64_t told = -1;
    redisReply *r;

    if (told == now_us)
        return;
    told = now_us;
    r = redisCommand(aside, "SET clock:at %lld", (long long)now_us);
    assert_non_null(r);
    freeReplyObject(r);
}

static void admit(const struct sl_quota_ask *ask, struct sl_quota_answer *a)
{
    at_now();
    assert_int_equal(CALL(&st, admit, ask, a), SL_OK);
}

static void settle(struct sl_str tenant, const struct sl_line *line)
{
    struct sl_line whole = *line;
    struct sl_batch batch = {tenant, SL_STR("instance"), &whole, 1};

    at_now();
    whole.user = whole.model = whole.provider = SL_STR("x");
    whole.day = SL_STR("2026-11-25");
    assert_int_equal(CALL(&st, apply, &batch), SL_OK);
}

static void renew(struct sl_str tenant, const struct sl_hold *h)
{
    at_now();
    assert_int_equal(CALL(&st, renew, tenant, h, 1), SL_OK);
}

static void give_back(struct sl_str tenant, const struct sl_hold *h)
{
    at_now();
    st.b->ops->give_back(st.b, tenant, h);
}

static bool grow(const struct sl_quota_ask *ask, int64_t more_micro)
{
    struct sl_quota_answer out;
    enum sl_err e;

    at_now();
    e = CALL(&st, grow, ask, more_micro, &out);
    assert_true(e == SL_OK || e == SL_ERR_CREDITS);
    return e == SL_OK;
}

struct put {
    struct wait w;
    struct sl_records out;
    uint64_t rev;
};

static void put_told(void *ctx, enum sl_err e)
{
    struct put *p = ctx;

    p->rev = e == SL_OK ? p->out.at[0].rev : 0;
    told(&p->w, e);
}

static uint64_t write_state(struct sl_str tenant, struct sl_str key_id, bool active, uint64_t rev)
{
    struct put p = {.rev = 0};
    struct sl_record r = {.kind = key_id.n > 0 ? SL_RECORD_KEY : SL_RECORD_TENANT,
                          .id = key_id.n > 0 ? key_id : tenant,
                          .tenant = tenant,
                          .rev = rev,
                          .state = active ? SL_STR("active") : SL_STR("paused"),
                          .doc = SL_STR("{}")};

    memcpy(r.sha256, tenant.p, tenant.n);
    memcpy(r.sha256 + 16, key_id.p, key_id.n);
    st.b->ops->put(st.b, &r, &p.out, &p.w.op, put_told, &p);
    assert_int_equal(wait_for(&st, &p.w), SL_OK);
    return p.rev;
}

static void grant_more(struct sl_str tenant, struct sl_str key_id, int64_t initial, int64_t more)
{
    struct sl_store_grant what = {tenant, key_id, initial, more, SL_STR("")};
    struct sl_balance out;

    at_now();
    assert_int_equal(CALL(&st, grant, &what, &out), SL_OK);
}

static void set(struct sl_str tenant, struct sl_str key_id, const struct sl_account *a)
{
    struct sl_restore_account one = {.key_id = key_id, .account = *a};
    struct sl_restore what = {.tenant = tenant, .accounts = &one, .accounts_n = 1};

    assert_int_equal(CALL(&st, restore, &what), SL_OK);
}

static int64_t field(const redisReply *r, size_t i)
{
    return r->element[i]->str != NULL ? strtoll(r->element[i]->str, NULL, 10) : 0;
}

static void get(struct sl_str tenant, struct sl_str key_id, struct sl_account *a, int64_t *reserved)
{
    const struct sl_periods now = {{0}, {0}};
    struct sl_balance b;
    redisReply *r;

    at_now();
    assert_int_equal(CALL(&st, balance, tenant, key_id, &now, &b), SL_OK);
    r = redisCommand(aside, "HMGET slc:{%b}:acct:%s%b day0 day month0 month", tenant.p, tenant.n,
                     key_id.n > 0 ? "k:" : "t", key_id.p, key_id.n);
    assert_int_equal(r->elements, 4);
    *a = (struct sl_account){.held = b.held,
                             .granted_micro = b.granted_micro,
                             .spent_micro = b.spent_micro,
                             .day0 = field(r, 0),
                             .day_micro = field(r, 1),
                             .month0 = field(r, 2),
                             .month_micro = field(r, 3)};
    *reserved = b.reserved_micro;
    freeReplyObject(r);
}

static int begin(void **state_)
{
    static const struct maker maker = {"redis", in_redis, NULL, SL_SCRIPT_MOST};

    (void)state_;
    redis_start(&server);
    aside = redis_open(&server);
    st.maker = &maker;
    suite_begin(&st);
    return 0;
}

static int end(void **state_)
{
    (void)state_;
    suite_end(&st);
    redisFree(aside);
    redis_end(&server);
    return 0;
}

int main(void)
{
    static const struct kind plain = {
        10000, -SL_SCRIPT_MOST, SL_SCRIPT_MOST, true, admit, settle, renew, give_back,
        grow,  write_state,     grant_more,     set,  get};
    const struct CMUnitTest tests[] = {
        {"beside_a_model", beside_a_model, begin, end, (void *)(uintptr_t)&plain}};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
