/* Metrics: what is counted, what is printed, and the ceiling. */
#include "base/metric.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char output[1 << 20];
static size_t output_n;
static size_t pieces;

static void gather(void *ctx, struct sl_str piece)
{
    (void)ctx;
    assert_true(piece.n > 0 && piece.n <= PIECE);
    assert_true(output_n + piece.n < sizeof(output));
    memcpy(output + output_n, piece.p, piece.n);
    output_n += piece.n;
    output[output_n] = '\0';
    pieces++;
}

static const char *write_all(const struct sl_metrics *m)
{
    output_n = pieces = 0;
    output[0] = '\0';
    sl_metrics_write(m, gather, NULL);
    return output;
}

static void test_exposition(void **state)
{
    static const double bounds[] = {0.005, 0.1, 1, 2.5, 0};
    struct sl_metrics *m = sl_metrics_new(100);
    struct sl_metric_family *requests, *up, *seconds;
    struct sl_metric *s;

    (void)state;
    requests = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_requests_total",
                                "Requests, by end.\nWith \\.", "tenant,status", NULL);
    up = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_store_up", "Is it there.", "", NULL);
    seconds = sl_metric_family(m, SL_METRIC_HISTOGRAM, "sluice_ttft_seconds", "First byte.",
                               "model", bounds);
    sl_metric_family(m, SL_METRIC_GAUGE, "sluice_unused", "No series yet.", "x", NULL);
    s = sl_metric_series(requests, (struct sl_str[]){SL_STR("acme"), SL_STR("200")});
    sl_metric_add(s, 1);
    sl_metric_add(s, 2);
    sl_metric_add(
        sl_metric_series(requests, (struct sl_str[]){SL_STR("a\"b\\c\nd\xff"), SL_STR("")}), 0.5);
    sl_metric_set(sl_metric_series(up, NULL), -1.25);
    s = sl_metric_series(seconds, (struct sl_str[]){SL_STR("m")});
    sl_metric_observe(s, 0.005); /* on the bound: counts in it */
    sl_metric_observe(s, 0.05);
    sl_metric_observe(s, 2);
    sl_metric_observe(s, 99);
    sl_metric_observe(s, NAN);
    assert_string_equal(
        write_all(m),
        "# HELP sluice_requests_total Requests, by end.\\nWith \\\\.\n"
        "# TYPE sluice_requests_total counter\n"
        "sluice_requests_total{tenant=\"acme\",status=\"200\"} 3\n"
        "sluice_requests_total{tenant=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\",status=\"\"} 0.5\n"
        "# HELP sluice_store_up Is it there.\n"
        "# TYPE sluice_store_up gauge\n"
        "sluice_store_up -1.25\n"
        "# HELP sluice_ttft_seconds First byte.\n"
        "# TYPE sluice_ttft_seconds histogram\n"
        "sluice_ttft_seconds_bucket{model=\"m\",le=\"0.005\"} 1\n"
        "sluice_ttft_seconds_bucket{model=\"m\",le=\"0.1\"} 2\n"
        "sluice_ttft_seconds_bucket{model=\"m\",le=\"1\"} 2\n"
        "sluice_ttft_seconds_bucket{model=\"m\",le=\"2.5\"} 3\n"
        "sluice_ttft_seconds_bucket{model=\"m\",le=\"+Inf\"} 4\n"
        "sluice_ttft_seconds_sum{model=\"m\"} 101.055\n"
        "sluice_ttft_seconds_count{model=\"m\"} 4\n");
    sl_metrics_end(&m);
    assert_null(m);
    sl_metrics_end(&m);
}

static void test_numbers(void **state)
{
    static const struct {
        double v;
        const char *want;
    } cases[] = {{0, "0"},
                 {-0.0, "0"},
                 {1e15, "1000000000000000"},
                 {9007199254740991.0, "9007199254740991"},
                 {9007199254740992.0, "9007199254740992"},
                 {1e300, "1e+300"},
                 {0.1, "0.1"},
                 {1.0 / 3, "0.3333333333333333"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {1e-9, "1e-09"},
                 {INFINITY, "+Inf"},
                 {-INFINITY, "-Inf"},
                 {NAN, "NaN"}};
    char place[NUMBER_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sl_str s = number(cases[i].v, place);

        assert_int_equal(s.n, strlen(cases[i].want));
        assert_memory_equal(s.p, cases[i].want, s.n);
    }
}

static void test_same_series(void **state)
{
    struct sl_metrics *m = sl_metrics_new(100);
    struct sl_metric_family *f =
        sl_metric_family(m, SL_METRIC_COUNTER, "a_total", "A.", "x,y", NULL);
    struct sl_metric *one, *two;

    (void)state;
    assert_ptr_equal(sl_metric_family(m, SL_METRIC_COUNTER, "a_total", "A.", "x,y", NULL), f);
    one = sl_metric_series(f, (struct sl_str[]){SL_STR("ab"), SL_STR("c")});
    assert_ptr_equal(sl_metric_series(f, (struct sl_str[]){SL_STR("ab"), SL_STR("c")}), one);
    /* the border between two labels is part of what they are */
    two = sl_metric_series(f, (struct sl_str[]){SL_STR("a"), SL_STR("bc")});
    assert_ptr_not_equal(one, two);
    two = sl_metric_series(f, (struct sl_str[]){SL_STR("ab\",y=\"c"), SL_STR("c")});
    assert_ptr_not_equal(one, two);
    assert_ptr_equal(one->family, f);
    assert_int_equal(sl_metrics_series(m), 3);
    sl_metrics_end(&m);
}

static void test_ceiling(void **state)
{
    static char longest[LABELS_BYTES];
    static const double bounds[] = {1, INFINITY}; /* the other way to end the list */
    struct sl_metrics *m = sl_metrics_new(3);
    struct sl_metric_family *f =
        sl_metric_family(m, SL_METRIC_COUNTER, "a_total", "A.", "x,y", NULL);
    struct sl_metric_family *h =
        sl_metric_family(m, SL_METRIC_HISTOGRAM, "b_seconds", "B.", "z", bounds);
    struct sl_metric_family *g = sl_metric_family(m, SL_METRIC_GAUGE, "c", "C.", "", NULL);
    struct sl_metric *over;
    char value[20];

    (void)state;
    for (int i = 0; i < 3; i++) {
        snprintf(value, sizeof(value), "%d", i);
        sl_metric_add(sl_metric_series(f, (struct sl_str[]){sl_str_of(value), SL_STR("y")}), 1);
    }
    for (int i = 3; i < 1000; i++) {
        snprintf(value, sizeof(value), "%d", i);
        over = sl_metric_series(f, (struct sl_str[]){sl_str_of(value), SL_STR("y")});
        sl_metric_add(over, 1);
        sl_metric_observe(sl_metric_series(h, (struct sl_str[]){sl_str_of(value)}), 2);
    }
    assert_ptr_equal(sl_metric_series(f, (struct sl_str[]){SL_STR("other"), SL_STR("other")}),
                     over);
    assert_true(over->value == 997);
    sl_metric_set(sl_metric_series(g, NULL), 1); /* one without labels is always there */
    assert_int_equal(sl_metrics_series(m), 6);
    assert_true(sl_metric_series(f, (struct sl_str[]){SL_STR("1"), SL_STR("y")})->value == 1);
    memset(longest, 'x', sizeof(longest));
    assert_ptr_equal(sl_metric_series(f, (struct sl_str[]){{longest, sizeof(longest)}, SL_STR("")}),
                     over);
    assert_non_null(strstr(write_all(m), "b_seconds_bucket{z=\"other\",le=\"+Inf\"} 997\n"));
    sl_metrics_end(&m);
}

static void test_large_output(void **state)
{
    struct sl_metrics *m = sl_metrics_new(20000);
    struct sl_metric_family *f = sl_metric_family(m, SL_METRIC_COUNTER, "a_total", "A.", "x", NULL);
    char value[20];
    size_t lines = 0;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        snprintf(value, sizeof(value), "v%d", i);
        sl_metric_add(sl_metric_series(f, (struct sl_str[]){sl_str_of(value)}), i);
    }
    for (const char *p = write_all(m); *p != '\0'; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 20002);
    assert_true(pieces > 10);
    assert_non_null(strstr(output, "a_total{x=\"v19999\"} 19999\n"));
    sl_metrics_end(&m);
}

/* What was cleared is not shown, and its place is free for others. */
static void test_cleared(void **state)
{
    struct sl_metrics *m = sl_metrics_new(2);
    struct sl_metric_family *f = sl_metric_family(m, SL_METRIC_GAUGE, "a", "A.", "name", NULL);
    const struct sl_str names[] = {SL_STR("x"), SL_STR("y"), SL_STR("z")};

    (void)state;
    for (int round = 0; round < 3; round++) {
        sl_metric_clear(f);
        assert_int_equal(sl_metrics_series(m), 0);
        sl_metric_set(sl_metric_series(f, &names[round]), 1);
        assert_int_equal(sl_metrics_series(m), 1);
        assert_true(sl_metric_series(f, &names[round])->value > 0);
    }
    sl_metric_clear(f);
    assert_true(sl_metric_series(f, &names[2])->value < 1);
    sl_metrics_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exposition),   cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_same_series),  cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_large_output), cmocka_unit_test(test_cleared)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
