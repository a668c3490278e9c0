/* Fuzz: a conversation that is too long.
 *
 * Bytes 0 and 1 of the input hold how many tokens it may have, and whether the first
 * question stays. Held: what is left is JSON with the members it had, smaller by what was
 * counted, and the same again when it is shortened once more.
 */
#include "base/json.h"
#include "base/mem.h"
#include "base/obj.h"
#include "llm/estimate.h"
#include "llm/shorten.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_json(struct sl_str text, uint32_t *members)
{
    struct sl_json j;
    bool ok;

    sl_json_init(&j);
    j.need_object = j.check_repeats = true;
    ok = sl_json_feed(&j, text) == SL_OK && sl_json_finish(&j) == SL_OK;
    *members = j.members;
    sl_json_fini(&j);
    return ok;
}

static size_t count(struct sl_str body)
{
    struct sl_str list = sl_json_get(body, SL_STR("messages")), one;
    size_t pos = 0, n = 0;

    while (sl_json_next(list, &pos, &one))
        n++;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_shorten s = {0}, again;
    struct sl_str text, out, more;
    uint32_t members, left;

    if (size < 2)
        return 0;
    s.max_tokens = data[0];
    s.keep_first = (data[1] & 1) != 0;
    text = (struct sl_str){(const char *)data + 2, size - 2};
    if (!is_json(text, &members) || sl_shorten_body(text, &s, &out) != SL_OK || out.p == NULL)
        return 0;
    SL_CHECK(sl_estimate_input(text) > s.max_tokens && s.dropped > 0);
    SL_CHECK(out.n < text.n && is_json(out, &left) && left == members);
    SL_CHECK(count(out) + s.dropped == s.messages && s.messages == count(text));
    again = s;
    SL_CHECK(sl_shorten_body(out, &again, &more) == SL_OK);
    sl_mem_free((char *)more.p);
    sl_mem_free((char *)out.p);
    return 0;
}
