/* Who waits goes by class, then by arrival; nobody is passed for ever; the newest of the
 * lowest class makes room; and the wait that is told comes true. */
#include "policy/queue.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define T0 UINT64_C(1000000)
#define MANY 200

static struct sl_queue q;
static struct sl_queue_seat seats[MANY + 4];

static int begin(void **state)
{
    (void)state;
    sl_queue_init(&q, MANY, 10000); /* a class for each second */
    for (size_t i = 0; i < sizeof seats / sizeof *seats; i++)
        sl_queue_seat_init(&seats[i]);
    return 0;
}

static struct sl_queue_seat *join(size_t i, unsigned grade, uint64_t since)
{
    seats[i].grade = grade;
    seats[i].since_ms = since;
    return sl_queue_join(&q, &seats[i]);
}

static long next(void)
{
    struct sl_queue_seat *s = sl_queue_next(&q, NULL);

    if (s == NULL)
        return -1;
    sl_queue_leave(&q, s);
    return s - seats;
}

static void test_order(void **state)
{
    (void)state;
    assert_int_equal(next(), -1);
    join(0, 2, T0);
    join(1, 5, T0 + 10);
    join(2, 8, T0 + 20);
    join(3, 5, T0 + 30);
    join(4, 8, T0 + 40);
    assert_int_equal(q.n, 5);
    assert_int_equal(next(), 2);
    assert_int_equal(next(), 4);
    assert_int_equal(next(), 1);
    assert_int_equal(next(), 3);
    assert_int_equal(next(), 0);
    assert_int_equal(next(), -1);
    assert_int_equal(q.n, 0);
}

/* Two hundred of three classes, in any order of coming: the classes come one after the
 * other, and each in the order of its arrival. */
static void test_two_hundred(void **state)
{
    static const unsigned grades[] = {2, 5, 8};
    long before = -1;

    (void)state;
    for (size_t i = 0; i < MANY; i++)
        assert_null(join(i, grades[i * 7919 % 3], T0 + i));
    for (size_t i = 0; i < MANY; i++) {
        long at = next();

        if (before >= 0) {
            assert_true(seats[at].grade <= seats[before].grade);
            if (seats[at].grade == seats[before].grade)
                assert_true(at > before);
        }
        before = at;
    }
}

/* A lowest one is passed only by those that came within nine tenths of the wait. */
static void test_ageing(void **state)
{
    (void)state;
    join(0, 0, T0);
    join(1, 9, T0 + 8999);
    join(2, 9, T0 + 9001);
    join(3, 1, T0 + 999);
    join(4, 1, T0 + 1001);
    assert_int_equal(next(), 1);
    assert_int_equal(next(), 3);
    assert_int_equal(next(), 0);
    assert_int_equal(next(), 2); /* in the millisecond of both the higher class first */
    assert_int_equal(next(), 4);
    join(0, 3, T0);
    join(1, 4, T0 + 1000);
    assert_int_equal(next(), 1);
}

static void test_walk(void **state)
{
    static const long order[] = {2, 4, 1, 3, 0};
    struct sl_queue_seat *s = NULL;

    (void)state;
    join(0, 2, T0);
    join(1, 5, T0 + 10);
    join(2, 8, T0 + 20);
    join(3, 5, T0 + 30);
    join(4, 8, T0 + 40);
    for (size_t i = 0; i < 5; i++) {
        s = sl_queue_next(&q, s);
        assert_int_equal(s - seats, order[i]);
    }
    assert_null(sl_queue_next(&q, s));
    assert_int_equal(q.n, 5);
}

/* Who sits down again has the place of its first arrival. */
static void test_coming_back(void **state)
{
    (void)state;
    join(0, 5, T0);
    join(1, 5, T0 + 1);
    join(2, 5, T0 + 2);
    sl_queue_leave(&q, &seats[1]);
    sl_queue_leave(&q, &seats[1]); /* twice is harmless */
    assert_int_equal(q.n, 2);
    assert_false(sl_queue_is_seated(&seats[1]));
    join(1, 5, T0 + 1);
    assert_int_equal(next(), 0);
    assert_int_equal(next(), 1);
    assert_int_equal(next(), 2);
}

static void test_shedding(void **state)
{
    (void)state;
    q.max = 3;
    assert_null(join(0, 5, T0));
    assert_null(join(1, 2, T0 + 1));
    assert_null(join(2, 2, T0 + 2));
    assert_ptr_equal(join(3, 2, T0 + 3), &seats[3]); /* the newest of the lowest is it */
    assert_ptr_equal(join(3, 1, T0 + 3), &seats[3]);
    assert_ptr_equal(join(3, 5, T0 + 3), &seats[2]);
    assert_ptr_equal(join(4, 9, T0 + 4), &seats[1]);
    assert_ptr_equal(join(5, 9, T0 + 5), &seats[3]);
    assert_int_equal(q.n, 3);
    assert_int_equal(next(), 4);
    assert_int_equal(next(), 5);
    assert_int_equal(next(), 0);
    q.max = 0;
    assert_ptr_equal(join(6, 12, T0), &seats[6]); /* a class beyond the last is the last */
    assert_int_equal(seats[6].grade, 9);
}

/* ---- the estimate, against a provider that is played ---- */

static void test_nothing_is_known(void **state)
{
    struct sl_queue_pace p = {0};

    (void)state;
    assert_int_equal(sl_queue_estimate(&p, 5, T0, T0), 1000);
    p = (struct sl_queue_pace){0};
    assert_int_equal(sl_queue_estimate(&p, 5, T0 - 7000, T0), 7000);
}

/* Five places held 300 ms each, all since `T0`: the first that returns finds one free, and
 * so does each of those that were told a later one. */
static void test_told_truly(void **state)
{
    struct sl_queue_pace p = {0};
    uint64_t before = 0;

    (void)state;
    for (size_t i = 0; i < 50; i++)
        sl_queue_note(&p, 300);
    for (size_t i = 0; i < 20; i++) {
        uint64_t wait = sl_queue_estimate(&p, 5, T0, T0 + 100);
        uint64_t free_places = (wait + 100) / 300 * 5; /* come free until then */

        assert_true(free_places > i);
        assert_true(wait > before);
        assert_true(wait < 600 + i * 100);
        before = wait;
    }
    assert_true(sl_queue_estimate(&p, 5, T0 + 10000, T0 + 10000) < 600); /* old words are over */
}

static void test_over_its_time(void **state)
{
    struct sl_queue_pace p = {0};

    (void)state;
    for (size_t i = 0; i < 50; i++)
        sl_queue_note(&p, 300);
    assert_in_range(sl_queue_estimate(&p, 1, T0 - 2300, T0), 1900, 2000);
}

static void test_bounds(void **state)
{
    struct sl_queue_pace p = {0};

    (void)state;
    sl_queue_note(&p, UINT64_MAX);
    sl_queue_note(&p, 0);
    for (size_t i = 0; i < 100; i++)
        assert_in_range(sl_queue_estimate(&p, 0, T0, T0), 1, SL_QUEUE_TOLD_MAX_MS);
    p = (struct sl_queue_pace){0};
    sl_queue_note(&p, 0);
    sl_queue_note(&p, 0);
    assert_in_range(sl_queue_estimate(&p, 5, T0, T0), 1, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, begin),
        cmocka_unit_test_setup(test_two_hundred, begin),
        cmocka_unit_test_setup(test_ageing, begin),
        cmocka_unit_test_setup(test_walk, begin),
        cmocka_unit_test_setup(test_coming_back, begin),
        cmocka_unit_test_setup(test_shedding, begin),
        cmocka_unit_test(test_nothing_is_known),
        cmocka_unit_test(test_told_truly),
        cmocka_unit_test(test_over_its_time),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
