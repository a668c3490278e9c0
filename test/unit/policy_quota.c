/* Refusals: their kind, and the sentence a client reads. */
#include "policy/quota.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW 1795607999500 /* 2026-11-25T11:59:59.5Z */

static const struct sl_quota_ask ask = {.tenant = {"acme", 4}, .key_id = {"a1b2", 4}};

static void says(struct sl_quota_answer a, enum sl_err e, const char *want)
{
    char out[512], small[9] = "12345678";
    size_t n = sl_quota_explain(&ask, &a, NOW, out, sizeof(out));

    assert_int_equal(sl_quota_error(&a), e);
    if (n != strlen(want) || memcmp(out, want, n) != 0)
        fail_msg("'%.*s'\nis not\n'%s'", (int)n, out, want);
    n = sl_quota_explain(&ask, &a, NOW, small, 8);
    assert_true(n <= 8 && memcmp(small, want, n) == 0 && small[8] == '\0');
}

static void test_bursts(void **state)
{
    struct sl_terms terms = {.limits = {.rpm = 60, .qps = 5, .burst = 10}};
    struct sl_quota_ask with = ask;
    struct sl_quota_answer a = {
        .limit = SL_LIMIT_RPM, .level = SL_LEVEL_KEY, .figure = 60, .used = 10, .wait_ms = 900};
    const char *want = "Rate limit exceeded: key a1b2 of tenant acme may make 60 requests a minute "
                       "(rpm), in bursts of at most 10 (burst), which are used up. Try again in "
                       "0.9 s.";
    char out[512];

    (void)state;
    with.terms[SL_LEVEL_KEY] = &terms;
    out[sl_quota_explain(&with, &a, NOW, out, sizeof out)] = '\0';
    assert_string_equal(out, want);
    a.level = SL_LEVEL_TENANT; /* which has none */
    out[sl_quota_explain(&with, &a, NOW, out, sizeof out)] = '\0';
    assert_null(strstr(out, "burst"));
}

static void test_rates(void **state)
{
    (void)state;
    says((struct sl_quota_answer){.limit = SL_LIMIT_RPM,
                                  .level = SL_LEVEL_KEY,
                                  .figure = 60,
                                  .used = 60,
                                  .wait_ms = 12001},
         SL_ERR_RATE,
         "Rate limit exceeded: key a1b2 of tenant acme may make 60 requests a minute (rpm), "
         "60 were made. Try again in 13 s.");
    says((struct sl_quota_answer){.limit = SL_LIMIT_QPS,
                                  .level = SL_LEVEL_TENANT,
                                  .figure = 50,
                                  .used = 50,
                                  .wait_ms = 301},
         SL_ERR_RATE,
         "Rate limit exceeded: tenant acme may make 50 requests a second (qps), 50 were made. "
         "Try again in 0.4 s.");
    says(
        (struct sl_quota_answer){
            .limit = SL_LIMIT_GATEWAY_QPS, .figure = 9, .used = 9, .wait_ms = 0},
        SL_ERR_RATE,
        "Rate limit exceeded: this gateway takes 9 requests a second from all tenants together "
        "(qps), 9 were made. Try again in 0.1 s.");
    says((struct sl_quota_answer){.limit = SL_LIMIT_CONCURRENCY,
                                  .level = SL_LEVEL_TENANT,
                                  .figure = 5,
                                  .used = 5,
                                  .wait_ms = 1000},
         SL_ERR_RATE,
         "Rate limit exceeded: tenant acme may have 5 requests at once (concurrency), 5 are "
         "running. Try again in 1 s.");
    says((struct sl_quota_answer){.limit = SL_LIMIT_USER,
                                  .level = SL_LEVEL_TENANT,
                                  .figure = 2,
                                  .used = 2,
                                  .wait_ms = 1000},
         SL_ERR_RATE,
         "Rate limit exceeded: tenant acme may have 2 requests at once of one end user "
         "(user_concurrency), 2 of this one are running. Try again in 1 s.");
    says((struct sl_quota_answer){.limit = SL_LIMIT_TPM,
                                  .level = SL_LEVEL_KEY,
                                  .figure = 1000,
                                  .used = 1203,
                                  .wait_ms = -1},
         SL_ERR_RATE,
         "Rate limit exceeded: key a1b2 of tenant acme may use 1000 tokens a minute (tpm), 1203 "
         "were used.");
}

static void test_budgets(void **state)
{
    (void)state;
    says((struct sl_quota_answer){.limit = SL_LIMIT_CREDITS,
                                  .level = SL_LEVEL_KEY,
                                  .figure = 100000000,
                                  .used = 99999997,
                                  .wait_ms = -1},
         SL_ERR_CREDITS,
         "Insufficient quota: key a1b2 of tenant acme was given credits of 100 USD, of which "
         "99.999997 USD are spent or reserved by requests that run. Ask whoever runs this "
         "gateway for more.");
    says((struct sl_quota_answer){.limit = SL_LIMIT_DAILY,
                                  .level = SL_LEVEL_TENANT,
                                  .figure = 40000000,
                                  .used = 40500000,
                                  .wait_ms = 43200500},
         SL_ERR_CREDITS,
         "Insufficient quota: tenant acme has a daily budget of 40 USD, of which 40.5 USD are "
         "spent or reserved by requests that run. It begins anew at 2026-11-26T00:00:00.000Z; "
         "whoever runs this gateway can raise it before.");
    says((struct sl_quota_answer){.limit = SL_LIMIT_MONTHLY,
                                  .level = SL_LEVEL_TENANT,
                                  .figure = 1,
                                  .used = INT64_MAX,
                                  .wait_ms = INT64_MAX},
         SL_ERR_CREDITS,
         "Insufficient quota: tenant acme has a monthly budget of 0.000001 USD, of which "
         "9223372036854.775807 USD are spent or reserved by requests that run. It begins anew "
         "at 9999-12-31T23:59:59.999Z; whoever runs this gateway can raise it before.");
}

/* It says what the request was held for where it is that which does not fit, and a whole second. */
static void test_a_reservation_too_large(void **state)
{
    struct sl_quota_ask with = ask;
    struct sl_quota_answer a = {.limit = SL_LIMIT_DAILY,
                                .level = SL_LEVEL_TENANT,
                                .figure = 1000,
                                .used = 300,
                                .wait_ms = 43200499};
    const char *reserve =
        "This request may cost up to 0.000701 USD; a shorter one, or one with a "
        "smaller max_tokens, may pass. It begins anew at 2026-11-26T00:00:00.000Z";
    char out[768];

    (void)state;
    with.reserve_micro = 701;
    out[sl_quota_explain(&with, &a, NOW, out, sizeof out)] = '\0';
    assert_non_null(strstr(out, reserve));
    a.wait_ms += 2;
    out[sl_quota_explain(&with, &a, NOW, out, sizeof out)] = '\0';
    assert_non_null(strstr(out, reserve));
    with.reserve_micro = 700; /* it would fit: something else came between */
    out[sl_quota_explain(&with, &a, NOW, out, sizeof out)] = '\0';
    assert_null(strstr(out, "may cost"));
    a.used = a.figure; /* nothing passes */
    out[sl_quota_explain(&with, &a, NOW, out, sizeof out)] = '\0';
    assert_null(strstr(out, "may cost"));
}

static void test_others(void **state)
{
    (void)state;
    says((struct sl_quota_answer){.limit = SL_LIMIT_NONE}, SL_OK, "");
    says((struct sl_quota_answer){.limit = SL_LIMIT_STATE, .level = SL_LEVEL_TENANT}, SL_ERR_PAUSED,
         "Authentication failed: tenant acme is paused or revoked. Ask whoever runs this gateway.");
    says((struct sl_quota_answer){.limit = SL_LIMIT_STORE}, SL_ERR_STORE,
         "The store that counts limits and budgets does not answer, so key a1b2 of tenant acme "
         "can't be let through. Try again shortly.");
    says((struct sl_quota_answer){.limit = SL_LIMIT_STALE}, SL_ERR_STORE,
         "The store that counts limits and budgets does not answer, so key a1b2 of tenant acme "
         "can't be let through. Try again shortly.");
}

static void test_kinds(void **state)
{
    static const bool soft[SL_LIMIT__COUNT] = {
        [SL_LIMIT_CONCURRENCY] = true, [SL_LIMIT_USER] = true,  [SL_LIMIT_TPM] = true,
        [SL_LIMIT_CREDITS] = true,     [SL_LIMIT_DAILY] = true, [SL_LIMIT_MONTHLY] = true,
    };

    (void)state;
    for (int l = 0; l < SL_LIMIT__COUNT; l++) {
        assert_int_equal(sl_limit_is_soft((enum sl_limit)l), soft[l]);
        for (int other = 0; other < l; other++)
            assert_string_not_equal(sl_limit_name((enum sl_limit)l),
                                    sl_limit_name((enum sl_limit)other));
    }
    assert_string_equal(sl_limit_name(SL_LIMIT_GATEWAY_QPS), "gateway_qps");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),   cmocka_unit_test(test_bursts),
        cmocka_unit_test(test_budgets), cmocka_unit_test(test_a_reservation_too_large),
        cmocka_unit_test(test_others),  cmocka_unit_test(test_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
