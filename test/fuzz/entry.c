/* Fuzz: bytes out of a cache. Held: what is an entry is written again as the same bytes,
 * and everything it points to lies inside. */
#include "base/obj.h"
#include "gateway/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_inside(struct sl_str part, struct sl_str whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_str bytes = {(const char *)data, size};
    struct sl_cached *again;
    struct sl_entry e;
    struct sl_usage u;

    if (!sl_entry_decode(bytes, &e))
        return 0;
    SL_CHECK(lies_inside(e.model, bytes) && lies_inside(e.stop, bytes) &&
             lies_inside(e.body, bytes));
    again = sl_entry_encode(&e);
    SL_CHECK(again != NULL && (bytes.p[4] != SL_ENTRY_SCHEMA ||
                               sl_str_eq((struct sl_str){again->bytes, again->n}, bytes)));
    sl_entry_get_usage(&e, &u);
    SL_CHECK(strlen(u.model) < SL_USAGE_TEXT && strlen(u.stop) < sizeof(u.stop));
    sl_cached_drop(&again);
    return 0;
}
