/* Places against a plain list: with hashes that collide, at the table's end, while it grows and
 * while entries leave; and that nobody waits for a whole table. */
#include "store/cache/places.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/rand.h"

#define MOST 5000

struct thing {
    uint64_t key, hash;
    bool there;
};

static struct thing things[MOST];

static bool is_thing(const void *entry, const void *key)
{
    return ((const struct thing *)entry)->key == *(const uint64_t *)key;
}

static void *find(const struct sl_places *p, const struct thing *t)
{
    return sl_places_find(p, t->hash, is_thing, &t->key);
}

/* As many as `kinds` homes, some of them the table's last. */
static void make_things(uint64_t kinds)
{
    for (uint64_t k = 0; k < MOST; k++) {
        uint64_t hash = kinds == 0 ? sl_rand_u64() : UINT64_MAX - sl_rand_u64() % kinds;

        things[k] = (struct thing){k, hash, false};
    }
}

static void audit(const struct sl_places *p, uint64_t n, uint64_t step)
{
    uint64_t there = 0, used = 0;

    for (uint64_t k = 0; k < n; k += step)
        assert_ptr_equal(find(p, &things[k]), things[k].there ? &things[k] : NULL);
    for (uint64_t k = 0; k < n; k++)
        there += things[k].there;
    assert_int_equal(p->used, there);
    for (uint64_t i = 0; i < p->now.n; i++) {
        assert_ptr_not_equal(p->now.at[i].entry, &gone);
        used += p->now.at[i].entry != NULL;
    }
    for (uint64_t i = 0; i < p->old.n; i++)
        used += p->old.at[i].entry != NULL && p->old.at[i].entry != &gone;
    assert_int_equal(used, there);
    assert_true(used == 0 || has_room(p->now.n, used));
}

static void go(uint64_t kinds, uint64_t n, int rounds)
{
    struct sl_places p = {.used = 0};

    make_things(kinds);
    audit(&p, n, 1);
    for (int i = 0; i < rounds; i++) {
        struct thing *t = &things[sl_rand_u64() % n];
        bool fills = i / 3000 % 2 == 0; /* more come than go, and then the other way */

        assert_ptr_equal(find(&p, t), t->there ? t : NULL);
        if (!t->there && sl_rand_u64() % 10 < (fills ? 9 : 2)) {
            assert_true(sl_places_put(&p, t->hash, t));
            t->there = true;
        } else if (t->there && sl_rand_u64() % 10 < (fills ? 2 : 9)) {
            sl_places_drop(&p, t->hash, t);
            t->there = false;
        }
        if (i % 997 == 0)
            audit(&p, n, 7);
        if (i % 7001 == 0)
            sl_places_fit(&p);
    }
    audit(&p, n, 1);
    sl_places_fini(&p);
    assert_int_equal(p.now.n + p.old.n, 0);
}

static void against_a_list(void **state)
{
    (void)state;
    go(0, MOST, 60000);
    go(0, 40, 20000);    /* the least table */
    go(100, 300, 20000); /* about three of each hash, and the table's end */
    go(1, 60, 8000);     /* all of one */
}

/* An entry takes along a few, and the old table is empty before the new one is full. */
static void a_few_at_a_time(void **state)
{
    struct sl_places p = {.used = 0};
    uint64_t begun = 0;

    (void)state;
    make_things(0);
    for (uint64_t k = 0; k < MOST; k++) {
        uint64_t n = p.now.n, in_old = p.moved;

        assert_true(sl_places_put(&p, things[k].hash, &things[k]));
        things[k].there = true;
        if (p.now.n != n) {
            assert_true(n == 0 || p.now.n == 2 * n);
            assert_int_equal(p.old.n, n);
            begun++;
            in_old = 0;
        }
        if (p.old.n > 0)
            assert_in_range(p.moved - in_old, 1, STEP);
        if (k % 100 == 0)
            audit(&p, MOST, 3);
    }
    assert_int_equal(begun, 8); /* 64, 128 ... 8192 */
    audit(&p, MOST, 1);
    sl_places_fini(&p);
}

/* Who leaves, or is looked for, while it stands in the old table. */
static void in_the_old_table(void **state)
{
    struct sl_places p = {.used = 0};
    uint64_t n = 0;

    (void)state;
    make_things(0);
    while (p.old.n == 0) {
        assert_true(sl_places_put(&p, things[n].hash, &things[n]));
        things[n++].there = true;
    }
    for (uint64_t k = 0; k < n; k += 2) {
        sl_places_drop(&p, things[k].hash, &things[k]);
        things[k].there = false;
    }
    audit(&p, n, 1);
    assert_true(p.old.n > 0);
    sl_places_fit(&p);
    assert_int_equal(p.old.n, 0);
    audit(&p, n, 1);
    sl_places_fini(&p);
}

/* What is there stays, and the next one tries again. */
static void no_memory(void **state)
{
    struct sl_places p = {.used = 0};
    uint64_t n = 0;

    (void)state;
    make_things(0);
    sl_mem_fail_at(1);
    assert_false(sl_places_put(&p, things[0].hash, &things[0]));
    sl_mem_fail_at(0);
    audit(&p, MOST, 1);
    while (n == 0 || has_room(p.now.n, n + 1)) {
        assert_true(sl_places_put(&p, things[n].hash, &things[n]));
        things[n++].there = true;
    }
    sl_mem_fail_at(1);
    assert_false(sl_places_put(&p, things[n].hash, &things[n]));
    sl_mem_fail_at(1);
    sl_places_drop(&p, things[0].hash, &things[0]);
    things[0].there = false;
    sl_places_fit(&p);
    sl_mem_fail_at(0);
    audit(&p, MOST, 1);
    assert_true(sl_places_put(&p, things[n].hash, &things[n]));
    things[n].there = true;
    audit(&p, MOST, 1);
    sl_places_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_a_list),
        cmocka_unit_test(a_few_at_a_time),
        cmocka_unit_test(in_the_old_table),
        cmocka_unit_test(no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
