/* Top-ups: what a record says, who may claim it, what is booked, what an answer gives. */
#include "gateway/hooks/top_up_state.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define DAY ((int64_t)20000)
#define NOW (DAY * DAY_MS + 1000)

static const struct sl_top_up rules = {.low_micro = 5, .amount_micro = 20, .daily_micro = 50};

static struct sl_top_up_state read_of(const char *doc)
{
    struct sl_top_up_state s;

    sl_top_up_state_read(&s, sl_str_of(doc));
    return s;
}

static void is_read_as_written(void **state)
{
    struct sl_top_up_state s = {"0123456789abcdef0123456789abcdef", NOW, DAY, INT64_MAX, 7}, t;
    char place[SL_TOP_UP_DOC];
    struct sl_text doc = sl_text_over(place, sizeof place);

    (void)state;
    sl_top_up_state_write(&s, &doc);
    assert_false(doc.cut);
    sl_top_up_state_read(&t, sl_text_str(&doc));
    assert_string_equal(t.id, s.id);
    assert_int_equal(t.until_ms, s.until_ms);
    assert_int_equal(t.day, s.day);
    assert_int_equal(t.added_micro, s.added_micro);
    assert_int_equal(t.cap_micro, s.cap_micro);
}

static void what_cannot_be_read(void **state)
{
    static const char *const docs[] = {
        "", "[]", "{", "{\"id\":7,\"until\":-1,\"day\":\"x\",\"added\":1.5,\"cap\":null}",
        "{\"id\":\"0123456789abcdef0123456789abcdefX\",\"added\":9223372036854775808}"};

    (void)state;
    for (size_t i = 0; i < sizeof docs / sizeof docs[0]; i++) {
        struct sl_top_up_state s = read_of(docs[i]);

        assert_string_equal(s.id, "");
        assert_true(s.until_ms == 0 && s.day == 0 && s.added_micro == 0 && s.cap_micro == 0);
        assert_true(sl_top_up_state_is_due(&s, &rules, NOW));
    }
}

/* Two of 20 are within 50 a day, a third is not; tomorrow it is, and at once under a higher cap. */
static void no_more_than_daily(void **state)
{
    struct sl_top_up_state s = read_of("{}");
    struct sl_top_up raised = rules;
    char first[SL_TOP_UP_ID + 1];

    (void)state;
    sl_top_up_state_claim(&s, &rules, NOW);
    assert_int_equal(strlen(s.id), SL_TOP_UP_ID);
    memcpy(first, s.id, sizeof first);
    assert_int_equal(s.until_ms, NOW + SL_TOP_UP_CLAIM_MS);
    assert_false(sl_top_up_state_is_due(&s, &rules, s.until_ms - 1));
    assert_true(sl_top_up_state_is_due(&s, &rules, s.until_ms));
    s.id[0] = '\0';
    sl_top_up_state_claim(&s, &rules, NOW);
    assert_int_equal(s.added_micro, 40);
    assert_string_not_equal(s.id, first);
    s.id[0] = '\0';
    sl_top_up_state_claim(&s, &rules, NOW);
    assert_string_equal(s.id, "");
    assert_int_equal(s.added_micro, 40);
    assert_int_equal(s.until_ms, (DAY + 1) * DAY_MS);
    assert_false(sl_top_up_state_is_due(&s, &rules, s.until_ms - 1));
    raised.daily_micro = 60;
    assert_true(sl_top_up_state_is_due(&s, &raised, NOW));
    sl_top_up_state_claim(&s, &rules, s.until_ms);
    assert_int_equal(s.added_micro, 20);
    assert_int_not_equal(strlen(s.id), 0);
}

/* Whoever takes over one whose end is not known asks for the same, and books it once. */
static void the_same_again(void **state)
{
    struct sl_top_up_state s = read_of("{}"), t;

    (void)state;
    sl_top_up_state_claim(&s, &rules, NOW);
    t = s;
    sl_top_up_state_claim(&t, &rules, s.until_ms);
    assert_string_equal(t.id, s.id);
    assert_int_equal(t.added_micro, 20);
    sl_top_up_state_claim(&t, &rules, NOW + DAY_MS); /* and in the day it is added */
    assert_string_equal(t.id, s.id);
    assert_int_equal(t.added_micro, 20);
}

static void what_an_answer_gives(void **state)
{
    static const struct {
        const char *answer;
        enum sl_top_up_says says;
        int64_t micro;
    } cases[] = {
        {"", SL_TOP_UP_GIVES, 5000000},
        {"ok", SL_TOP_UP_GIVES, 5000000},
        {"{}", SL_TOP_UP_GIVES, 5000000},
        {"[{\"amount\":1}]", SL_TOP_UP_GIVES, 5000000},
        {"{\"amount\":1.25}", SL_TOP_UP_GIVES, 1250000},
        {"{\"amount\":2e0, \"more\":1}", SL_TOP_UP_GIVES, 2000000},
        {"{\"amount\":5.000001}", SL_TOP_UP_GIVES, 5000000},
        {"{\"amount\":9000000000}", SL_TOP_UP_GIVES, 5000000},
        {"{\"amount\":3.0000000000000004}", SL_TOP_UP_GIVES, 3000000}, /* cut off */
        {"{\"amount\":2.9999999999999996}", SL_TOP_UP_GIVES, 2999999},
        {"{\"amount\":0}", SL_TOP_UP_REFUSES, 0},
        {"{\"amount\":-1}", SL_TOP_UP_REFUSES, 0},
        {"{\"amount\":-0.0000001}", SL_TOP_UP_REFUSES, 0},
        {"{\"amount\":0.0000001}", SL_TOP_UP_REFUSES, 0},
        {"{\"amount\":\"3\"}", SL_TOP_UP_UNREADABLE, 0},
        {"{\"amount\":null}", SL_TOP_UP_UNREADABLE, 0},
        {"{\"amount\":{}}", SL_TOP_UP_UNREADABLE, 0},
        {"{\"amount\":1e300}", SL_TOP_UP_UNREADABLE, 0},
        {" {\"amount\":2}", SL_TOP_UP_GIVES, 2000000},
        {"{\"amount\":3.0,}", SL_TOP_UP_UNREADABLE, 0}, /* a part of it was to be given */
        {" {\"amount\":.5}", SL_TOP_UP_UNREADABLE, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t micro;

        assert_int_equal(sl_top_up_amount(sl_str_of(cases[i].answer), 5000000, &micro),
                         cases[i].says);
        if (cases[i].says == SL_TOP_UP_GIVES)
            assert_int_equal(micro, cases[i].micro);
    }
}

/* No claim or rest is given more than a day: one that has more is of a clock that was wrong. */
static void a_clock_set_back(void **state)
{
    struct sl_top_up_state s = {.until_ms = NOW + DAY_MS, .day = DAY};

    (void)state;
    assert_false(sl_top_up_state_is_due(&s, &rules, NOW));
    s.until_ms++;
    assert_true(sl_top_up_state_is_due(&s, &rules, NOW));
    s.until_ms = INT64_MAX;
    assert_true(sl_top_up_state_is_due(&s, &rules, NOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_read_as_written),   cmocka_unit_test(what_cannot_be_read),
        cmocka_unit_test(no_more_than_daily),   cmocka_unit_test(the_same_again),
        cmocka_unit_test(what_an_answer_gives), cmocka_unit_test(a_clock_set_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
