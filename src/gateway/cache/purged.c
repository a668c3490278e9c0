/* Names of purged answers, handed to the other instances. */
#include "gateway/cache/purged.h"

#include "base/json.h"
#include "base/text.h"
#include "gateway/quota/keys.h"

struct name {
    uint64_t at_s;
    uint8_t md5[SL_CACHE_KEY];
};

/* One element of "at". */
static bool read_name(struct sl_str element, struct name *out)
{
    struct sl_str part;
    size_t pos = 0, n = 0;
    char hex[2 * SL_CACHE_KEY];

    return sl_json_next(element, &pos, &part) && sl_json_u64(part, &out->at_s) &&
           sl_json_next(element, &pos, &part) && sl_json_unescape(part, hex, sizeof hex, &n) &&
           sl_str_unhex((struct sl_str){hex, n}, out->md5, sizeof out->md5);
}

/* How many names the list has, and what it counts. */
static uint64_t count(struct sl_str doc, size_t *have)
{
    struct sl_str at = sl_json_get(doc, SL_STR("at")), element;
    uint64_t total = 0;
    size_t pos = 0;

    *have = 0;
    while (at.p != NULL && sl_json_next(at, &pos, &element))
        (*have)++;
    if (!sl_json_u64(sl_json_get(doc, SL_STR("n")), &total) || total < *have)
        total = *have;
    return total;
}

void sl_purged_take(struct sl_purged *p)
{
    const struct sl_tenant_record *rec = sl_keys_switch(p->keys, SL_STR(SL_PURGED_ID));
    struct sl_str at, element;
    struct name name;
    uint64_t total, number;
    size_t pos = 0, have;

    if (rec == NULL || rec->rev == p->rev || p->cache == NULL)
        return;
    total = count(rec->doc, &have);
    number = total - have;
    at = sl_json_get(rec->doc, SL_STR("at"));
    while (at.p != NULL && sl_json_next(at, &pos, &element))
        if (number++ >= p->seen && read_name(element, &name))
            sl_cache_drop_key(p->cache, name.md5);
    p->rev = rec->rev;
    p->seen = total;
}

void sl_purged_init(struct sl_purged *p, struct sl_cache *cache, struct sl_keys *keys)
{
    *p = (struct sl_purged){.cache = cache, .keys = keys};
}

/* ---- the list ---- */

static void add(struct sl_text *t, size_t *n, uint64_t at_s, const uint8_t md5[SL_CACHE_KEY])
{
    char hex[2 * SL_CACHE_KEY];

    sl_str_hex(md5, SL_CACHE_KEY, hex);
    sl_text_printf(t, "%s[%llu,\"%.32s\"]", (*n)++ > 0 ? "," : "", (unsigned long long)at_s, hex);
}

enum sl_err sl_purged_list(struct sl_str doc, const uint8_t (*names)[SL_CACHE_KEY], size_t n,
                           int64_t now_s, struct sl_arena *a, struct sl_str *out)
{
    const size_t cap = SL_RECORD_MAX;
    char *place = sl_arena_alloc(a, cap);
    struct sl_text t = sl_text_over(place, cap);
    struct sl_str at = sl_json_get(doc, SL_STR("at")), element;
    struct name name;
    size_t pos = 0, have, kept = 0;
    uint64_t total = count(doc, &have) + n;

    if (place == NULL)
        return SL_ERR_NO_MEMORY;
    sl_text_printf(&t, "{\"n\":%llu,\"at\":[", (unsigned long long)total);
    while (at.p != NULL && sl_json_next(at, &pos, &element))
        if (read_name(element, &name) && name.at_s + SL_PURGED_KEEP_S > (uint64_t)now_s)
            add(&t, &kept, name.at_s, name.md5);
    for (size_t i = 0; i < n; i++)
        add(&t, &kept, (uint64_t)now_s, names[i]);
    sl_text_add(&t, SL_STR("]}"));
    *out = sl_text_str(&t);
    return kept <= SL_PURGED_NAMES && !t.cut ? SL_OK : SL_ERR_CEILING;
}
