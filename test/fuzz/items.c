/* Fuzz: requests and answers taken apart item by item.
 *
 * Byte 0 of the input chooses between a body and an answer, and for how many items.
 * Held: a body with its own items put back splits the same; results put together are
 * JSON, and give the same results again.
 */
#include "base/obj.h"
#include "llm/items.h"

#define ROOM ((size_t)1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_body(struct sl_str body, struct sl_arena *a)
{
    struct sl_items items, again;
    struct sl_str raw[SL_ITEMS_MAX], made;
    bool valid = sl_json_is_object(body);

    if (sl_items_split(body, a, &items) != SL_OK)
        return;
    SL_CHECK(items.n > 0 && items.n <= SL_ITEMS_MAX && (!items.lone || items.n == 1));
    for (size_t i = 0; i < items.n; i++) {
        raw[i] = items.at[i].raw;
        SL_CHECK(raw[i].p >= body.p && raw[i].p + raw[i].n <= body.p + body.n);
    }
    SL_CHECK(sl_items_body(body, raw, items.n, a, &made) == SL_OK);
    if (!valid)
        return;
    SL_CHECK(sl_json_is_object(made) && sl_items_split(made, a, &again) == SL_OK);
    SL_CHECK(again.n == items.n && again.lone == items.lone);
    for (size_t i = 0; i < items.n; i++)
        SL_CHECK(sl_str_eq(again.at[i].raw, raw[i]) && again.at[i].by_url == items.at[i].by_url);
}

static void check_answer(enum sl_endpoint ep, struct sl_str answer, size_t n, struct sl_arena *a)
{
    struct sl_item_result first[16], second[16];
    const uint64_t weights[16] = {1, 2, 3, 4};
    struct sl_items_head head = {ep, SL_STR("id"), SL_STR("m")};
    uint64_t before = 0, after = 0;
    struct sl_str made;

    if (sl_items_results(ep, answer, weights, n, a, first) != SL_OK)
        return;
    SL_CHECK(sl_items_answer(&head, first, n, a, &made) == SL_OK && sl_json_is_object(made));
    SL_CHECK(sl_items_results(ep, made, weights, n, a, second) == SL_OK);
    for (size_t i = 0; i < n; i++) {
        SL_CHECK(sl_str_eq(first[i].raw, second[i].raw));
        before += first[i].tokens;
        after += second[i].tokens;
    }
    SL_CHECK(ep != SL_EP_EMBEDDINGS || before == after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_arena a;
    struct sl_str rest;

    if (size == 0 || size > 65536)
        return 0;
    rest = (struct sl_str){(const char *)data + 1, size - 1};
    sl_arena_init(&a, ROOM);
    switch (data[0] & 3) {
    case 0: check_answer(SL_EP_MODERATIONS, rest, (data[0] >> 2) % 16, &a); break;
    case 1: check_answer(SL_EP_EMBEDDINGS, rest, (data[0] >> 2) % 16, &a); break;
    default: check_body(rest, &a); break;
    }
    sl_arena_fini(&a);
    return 0;
}
