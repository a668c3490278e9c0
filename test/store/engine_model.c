/* A hundred thousand random calls of the engine, beside the model. */
/* timeout: 120 */
#include "_model.h"

#include "store/engine/inside.h"

static struct sl_engine *engine;

static void admit(const struct sl_quota_ask *ask, struct sl_quota_answer *a)
{
    sl_engine_admit(engine, ask, 1, now_us, a);
}

static void settle(struct sl_str tenant, const struct sl_line *line)
{
    sl_engine_settle(engine, tenant, line, now_us);
}

static void renew(struct sl_str tenant, const struct sl_hold *h)
{
    sl_engine_renew(engine, tenant, h, now_us);
}

static void give_back(struct sl_str tenant, const struct sl_hold *h)
{
    sl_engine_give_back(engine, tenant, h, now_us);
}

static bool grow(const struct sl_quota_ask *ask, int64_t more_micro)
{
    struct sl_quota_answer out;

    return sl_engine_grow(engine, ask, more_micro, 1, now_us, &out);
}

static uint64_t write_state(struct sl_str tenant, struct sl_str key_id, bool active, uint64_t rev)
{
    sl_engine_set_state(engine, tenant, key_id, active ? SL_STR("active") : SL_STR("paused"),
                        rev + 1);
    return rev + 1;
}

static void grant_more(struct sl_str tenant, struct sl_str key_id, int64_t initial, int64_t more)
{
    assert_true(sl_engine_grant(engine, tenant, key_id, initial, more));
}

static void set(struct sl_str tenant, struct sl_str key_id, const struct sl_account *a)
{
    sl_engine_set_account(engine, tenant, key_id, a);
}

static void get(struct sl_str tenant, struct sl_str key_id, struct sl_account *a,
                int64_t *reserved_micro)
{
    sl_engine_tick(engine, now_us);
    (void)sl_engine_account(engine, tenant, key_id, a, reserved_micro);
}

int main(void)
{
    static const struct kind plain = {100000,     INT64_MIN, INT64_MAX, false, admit,
                                      settle,     renew,     give_back, grow,  write_state,
                                      grant_more, set,       get};
    const struct CMUnitTest tests[] = {
        {"beside_a_model", beside_a_model, NULL, NULL, (void *)(uintptr_t)&plain}};
    int failed;

    engine = sl_engine_new();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    sl_engine_end(&engine);
    return failed;
}
