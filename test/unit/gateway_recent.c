/* The last requests: newest first, by their ids, and never more than the memory there is. */
#include "gateway/audit/recent.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void id_of(uint64_t i, char id[17])
{
    (void)snprintf(id, 17, "%016llx", (unsigned long long)i);
}

static void add(struct sl_recent *r, uint64_t i, size_t n)
{
    static char json[SL_RECENT_BYTES];
    struct sl_str text = {json, n};
    char id[17];

    id_of(i, id);
    memset(json, ' ', n);
    (void)snprintf(json, n, "{\"id\":\"%s\",\"provider_request_id\":\"p-%llu\"}", id,
                   (unsigned long long)i);
    json[strlen(json)] = ' ';
    sl_recent_add(r, id, text);
}

/* The newest are there, whole, back to back; none is there twice. */
static void assert_newest(const struct sl_recent *r, uint64_t newest)
{
    for (size_t back = 0; back < sl_recent_count(r); back++) {
        char id[17], quoted[20];

        id_of(newest - back, id);
        (void)snprintf(quoted, sizeof quoted, "\"%s\"", id);
        assert_true(sl_str_eq(sl_json_get(sl_recent_at(r, back), SL_STR("id")), sl_str_of(quoted)));
    }
    assert_null(sl_recent_at(r, sl_recent_count(r)).p);
}

static void in_order(void **state)
{
    struct sl_recent *r = sl_recent_new();

    (void)state;
    assert_int_equal(sl_recent_count(r), 0);
    assert_null(sl_recent_at(r, 0).p);
    for (uint64_t i = 1; i <= 3 * SL_RECENT_LINES; i++) {
        add(r, i, 100);
        assert_int_equal(sl_recent_count(r), i < SL_RECENT_LINES ? i : SL_RECENT_LINES);
    }
    assert_newest(r, 3 * SL_RECENT_LINES);
    assert_non_null(sl_recent_find(r, SL_STR("p-6144")).p);
    assert_non_null(sl_recent_find(r, SL_STR("0000000000001800")).p);
    assert_null(sl_recent_find(r, SL_STR("0000000000000001")).p);
    assert_null(sl_recent_find(r, SL_STR("")).p);
    sl_recent_end(&r);
    assert_null(r);
}

/* Lines of any length, over and over the end of the block. */
static void of_any_length(void **state)
{
    struct sl_recent *r = sl_recent_new();
    uint64_t last = 0, dice = 7;

    (void)state;
    for (uint64_t i = 1; i <= 20000; i++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u; /* the same each time */
        add(r, i, 80 + (size_t)(dice >> 33) % (i % 100 == 0 ? SL_RECENT_BYTES / 4 - 80 : 6000));
        last = i;
        if (i % 37 == 0)
            assert_newest(r, last);
    }
    assert_newest(r, last);
    assert_true(sl_recent_count(r) > 4);
    add(r, last + 1, SL_RECENT_BYTES / 4 + 1); /* left out: the others stay */
    assert_newest(r, last);
    sl_recent_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_order), cmocka_unit_test(of_any_length)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
