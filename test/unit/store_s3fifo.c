/* The memory layer against a plain table: never a wrong value, never over its
 * bytes; what is asked again survives a scan. */
#include "store/cache/s3fifo.c"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/cache/cached.h"

#define KEYS 3000
#define MAX (256u << 10)

static void key_of(uint64_t n, uint8_t key[SL_CACHE_KEY])
{
    memset(key, 0xab, SL_CACHE_KEY);
    memcpy(key + 3, &n, sizeof n);
}

static struct sl_cached *value_of(uint64_t stamp, size_t n)
{
    struct sl_cached *v = sl_cached_new(n);

    v->stored_unix_ms = (int64_t)stamp;
    memset(v->bytes, (int)(stamp & 0xff), n);
    return v;
}

static void put(struct sl_s3fifo *f, uint64_t k, uint64_t stamp, size_t n)
{
    struct sl_cached *v = value_of(stamp, n);
    uint8_t key[SL_CACHE_KEY];

    key_of(k, key);
    sl_s3fifo_put(f, key, v);
    sl_cached_drop(&v);
}

static struct sl_cached *get(struct sl_s3fifo *f, uint64_t k)
{
    uint8_t key[SL_CACHE_KEY];

    key_of(k, key);
    return sl_s3fifo_get(f, key);
}

/* The books: what the queues say is what stands in them. */
static void audit(const struct sl_s3fifo *f)
{
    const struct queue *queues[] = {&f->small, &f->main};
    uint64_t entries = 0, bytes = ghost_bytes(f);

    for (size_t q = 0; q < 2; q++) {
        uint64_t sum = 0;

        for (struct sl_list *at = queues[q]->list.next; at != &queues[q]->list; at = at->next) {
            struct entry *e = SL_CONTAINER(at, struct entry, node);

            assert_int_equal(e->is_main, q);
            assert_true(e->asked <= ASKED_MAX);
            assert_true(e->value->holders > 0);
            assert_ptr_equal(find(f, e->key, e->hash), e);
            sum += cost_of(e->value);
            entries++;
        }
        assert_int_equal(sum, queues[q]->bytes);
        bytes += sum;
    }
    assert_int_equal(entries, f->entries);
    assert_int_equal(entries, f->places.used);
    assert_int_equal(bytes, sl_s3fifo_count(f).bytes);
    assert_true(bytes <= f->max);
}

static void test_model(void **state)
{
    static uint64_t latest[KEYS]; /* stamp of the last put; 0: dropped or none */
    struct sl_s3fifo *f = sl_s3fifo_new(MAX);
    uint64_t hits = 0;

    (void)state;
    memset(latest, 0, sizeof latest);
    for (uint64_t i = 1; i <= 400000; i++) {
        uint64_t k = sl_rand_u64() % KEYS;
        uint64_t dice = sl_rand_u64() % 100;
        struct sl_cached *v;
        uint8_t key[SL_CACHE_KEY];

        k = k * (sl_rand_u64() % KEYS) / KEYS; /* low ones more often */
        key_of(k, key);
        if (dice < 30) {
            size_t n = sl_rand_u64() % (dice == 0 ? MAX / 4 : 2000);

            put(f, k, i, n);
            latest[k] = i;
        } else if (dice < 33) {
            sl_s3fifo_drop(f, key);
            latest[k] = 0;
        } else {
            v = get(f, k);
            assert_true(v == NULL || (uint64_t)v->stored_unix_ms == latest[k]);
            hits += v != NULL;
        }
        if (dice == 99 && i % 50 == 0)
            sl_s3fifo_resize(f, MAX / 2 + sl_rand_u64() % MAX);
        if (i % 1000 == 0)
            audit(f);
        assert_true(sl_s3fifo_count(f).bytes <= f->max);
    }
    assert_true(hits > 20000);
    assert_true(sl_s3fifo_count(f).evicted > 10000);
    sl_s3fifo_end(&f);
}

/* A hot set of a quarter of the room, asked again and again; then ten times the
 * room of keys seen once, between which each hot key is asked twice. */
static void test_scan(void **state)
{
    struct sl_s3fifo *f = sl_s3fifo_new(4u << 20);
    const uint64_t room = (4u << 20) / 700, hot = room / 4, scan = room * 10;
    uint64_t alive = 0, next = 1000000;

    (void)state;
    for (uint64_t k = 0; k < hot; k++)
        put(f, k, k + 1, 400);
    for (int round = 0; round < 2; round++)
        for (uint64_t k = 0; k < hot; k++)
            assert_non_null(get(f, k));
    for (uint64_t i = 0; i < scan; i++) {
        put(f, next++, 1, 400);
        if (i % 5 == 4)
            (void)get(f, (i / 5) % hot);
    }
    for (uint64_t k = 0; k < hot; k++)
        alive += get(f, k) != NULL;
    audit(f);
    assert_true(alive == hot);
    /* asked no more, it makes room in the end */
    for (uint64_t i = 0; i < scan; i++)
        put(f, next++, 1, 400);
    for (uint64_t i = 0; i < scan; i++) {
        put(f, next, 1, 400);
        (void)get(f, next);
        (void)get(f, next++);
    }
    alive = 0;
    for (uint64_t k = 0; k < hot; k++)
        alive += get(f, k) != NULL;
    assert_true(alive < hot / 10);
    sl_s3fifo_end(&f);
}

/* Who comes back soon after leaving enters the main queue at once. */
static void test_ghosts(void **state)
{
    struct sl_s3fifo *f = sl_s3fifo_new(1u << 20);
    uint8_t key[SL_CACHE_KEY];
    uint64_t back = 0;

    (void)state;
    for (uint64_t k = 0; k < 20000; k++)
        put(f, k, 1, 100);
    for (uint64_t k = 20000; f->evicted < 19000; k++)
        put(f, k, 1, 100);
    assert_int_equal(f->main.bytes, 0);
    key_of(f->evicted - 10, key); /* evicted in the order of coming */
    assert_null(sl_s3fifo_get(f, key));
    for (uint64_t k = f->evicted - 100, n = 0; n < 100; n++)
        put(f, k + n, 2, 100);
    for (struct sl_list *at = f->main.list.next; at != &f->main.list; at = at->next)
        back++;
    assert_true(back >= 95); /* a set may be too full for one */
    put(f, 5, 2, 100);       /* long gone, and forgotten */
    key_of(5, key);
    assert_false(find(f, key, sl_map_hash(key, sizeof key))->is_main);
    audit(f);
    sl_s3fifo_end(&f);
    /* of large values, few have room: a key is forgotten after as many evictions,
     * though the table could still hold it */
    f = sl_s3fifo_new(1u << 20);
    put(f, 1, 1, 4000);
    for (uint64_t k = 100; f->evicted < 300; k++)
        put(f, k, 1, 4000);
    assert_true(f->entries < 299);
    put(f, 1, 2, 4000);
    key_of(1, key);
    assert_false(find(f, key, sl_map_hash(key, sizeof key))->is_main);
    sl_s3fifo_end(&f);
}

static void promote(struct sl_s3fifo *f, uint64_t k)
{
    put(f, k, 1, 400);
    (void)get(f, k);
    (void)get(f, k);
}

/* At the main queue's end, who was asked there goes round again. */
static void test_round(void **state)
{
    struct sl_s3fifo *f = sl_s3fifo_new(1u << 20);
    uint64_t asked = 0, others = 0, next = 1000;

    (void)state;
    for (uint64_t k = 500; k < 600; k++) /* the first to leave */
        promote(f, k);
    for (uint64_t k = 0; k < 400; k++)
        promote(f, k);
    while (f->main.bytes < f->max / 2) /* all of them are there now */
        promote(f, next++);
    for (uint64_t k = 0; k < 400; k += 2)
        (void)get(f, k);
    for (uint64_t more = 0; more < 1220; more++)
        promote(f, next++);
    for (uint64_t k = 0; k < 400; k += 2) {
        asked += get(f, k) != NULL;
        others += get(f, k + 1) != NULL;
    }
    assert_int_equal(asked, 200);
    assert_int_equal(others, 0);
    audit(f);
    sl_s3fifo_end(&f);
}

/* A reader's share outlives the entry, and is not the layer's to count. */
static void test_held(void **state)
{
    struct sl_s3fifo *f = sl_s3fifo_new(64u << 10);
    struct sl_cached *held[20];

    (void)state;
    for (uint64_t k = 0; k < 20; k++) {
        put(f, k, k + 1, 3000);
        held[k] = sl_cached_share(get(f, k));
    }
    for (uint64_t k = 100; k < 400; k++)
        put(f, k, 1, 3000);
    audit(f);
    for (uint64_t k = 0; k < 20; k++) {
        assert_null(get(f, k));
        assert_int_equal(held[k]->holders, 1);
        assert_int_equal(held[k]->stored_unix_ms, k + 1);
        assert_int_equal((unsigned char)held[k]->bytes[2999], k + 1);
        sl_cached_drop(&held[k]);
    }
    sl_s3fifo_end(&f);
}

static void test_edges(void **state)
{
    struct sl_s3fifo *f = sl_s3fifo_new(0);

    (void)state;
    put(f, 1, 1, 0); /* no memory layer */
    assert_null(get(f, 1));
    assert_int_equal(sl_s3fifo_count(f).bytes, 0);
    sl_s3fifo_resize(f, 80000);
    put(f, 1, 1, 10000); /* more than an eighth */
    assert_null(get(f, 1));
    put(f, 1, 1, 5000);
    assert_non_null(get(f, 1));
    put(f, 1, 2, 10000); /* takes the place of what it can't replace */
    assert_null(get(f, 1));
    put(f, 2, 1, 0);
    assert_int_equal(get(f, 2)->n, 0);
    sl_s3fifo_resize(f, 0);
    assert_int_equal(sl_s3fifo_count(f).bytes, 0);
    sl_s3fifo_resize(f, 80000);
    for (uint64_t at = 2; at <= 3; at++) { /* the value is there, its entry or the table is not */
        sl_s3fifo_end(&f);
        f = sl_s3fifo_new(80000);
        sl_mem_fail_at(at);
        put(f, 3, 1, 10);
        sl_mem_fail_at(0);
        assert_null(get(f, 3));
        audit(f);
        put(f, 3, 1, 10);
        assert_non_null(get(f, 3));
    }
    audit(f);
    sl_s3fifo_end(&f);
    sl_s3fifo_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model), cmocka_unit_test(test_scan), cmocka_unit_test(test_ghosts),
        cmocka_unit_test(test_round), cmocka_unit_test(test_held), cmocka_unit_test(test_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
