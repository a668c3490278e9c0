/* base/json_keys.c -- a key's text, and hashes for the ones that went before.
 *
 * A 64-bit hash under the process's secret seed stands for a key: bodies can't
 * be made to collide, and by chance it happens once in 10^12 of the largest.
 */
#include "base/json_keys.h"

#include "base/json_scan.h"
#include "base/map.h"

struct sl_json_keys {
    size_t n;
    size_t cap;       /* a power of two */
    uint64_t slots[]; /* 0: free */
};

size_t sl_json_key_add(struct sl_json *j, const char *p, size_t n)
{
    size_t room = SL_JSON_KEY - j->key_n;

    if (n > room)
        n = room;
    memcpy(j->key + j->key_n, p, n);
    j->key_n += n;
    return n;
}

bool sl_json_key_add_unit(struct sl_json *j, uint32_t unit)
{
    const uint8_t *key = (const uint8_t *)j->key;
    char bytes[4];
    size_t n = j->key_n;

    /* Three such bytes at the key's end can only come from an escape: as raw
     * UTF-8 they were refused. */
    if (unit >= 0xdc00 && unit <= 0xdfff && n >= 3 && key[n - 3] == 0xed && key[n - 2] >= 0xa0 &&
        key[n - 2] <= 0xaf) {
        uint32_t high = (uint32_t)(key[n - 2] & 0x0f) << 6 | (key[n - 1] & 0x3fu);

        j->key_n -= 3;
        unit = 0x10000 + (high << 10) + (unit - 0xdc00);
    }
    n = sl_json_encode(unit, bytes);
    return sl_json_key_add(j, bytes, n) == n;
}

/* False if the hash was there. The table always has free slots. */
static bool put(struct sl_json_keys *k, uint64_t hash)
{
    size_t i = (size_t)hash & (k->cap - 1);

    while (k->slots[i] != 0) {
        if (k->slots[i] == hash)
            return false;
        i = (i + 1) & (k->cap - 1);
    }
    k->slots[i] = hash;
    k->n++;
    return true;
}

/* A larger table with the hashes of `from`; NULL without memory. */
static struct sl_json_keys *grow(const uint64_t *from, size_t n, size_t cap)
{
    size_t size = sizeof(struct sl_json_keys) + cap * sizeof(uint64_t);
    struct sl_json_keys *k = sl_mem_try(size);

    if (k == NULL)
        return NULL;
    memset(k, 0, size);
    k->cap = cap;
    for (size_t i = 0; i < n; i++)
        if (from[i] != 0)
            (void)put(k, from[i]);
    return k;
}

static enum sl_err remember_in_table(struct sl_json *j, uint64_t hash)
{
    struct sl_json_keys *old = j->keys, *k = old;

    if (old == NULL)
        k = grow(j->few, SL_JSON_FEW, (size_t)8 * SL_JSON_FEW);
    else if (old->n * 2 >= old->cap)
        k = grow(old->slots, old->cap, old->cap * 4);
    if (k == NULL)
        return SL_ERR_NO_MEMORY;
    if (k != old)
        sl_mem_free(old);
    j->keys = k;
    return put(k, hash) ? SL_OK : SL_ERR_REPEATED_KEY;
}

static enum sl_err remember(struct sl_json *j)
{
    uint64_t hash = sl_map_hash(j->key, j->key_n);
    size_t n = j->members - 1;

    if (hash == 0)
        hash = 1;
    if (n >= SL_JSON_FEW)
        return remember_in_table(j, hash);
    for (size_t i = 0; i < n; i++)
        if (j->few[i] == hash)
            return SL_ERR_REPEATED_KEY;
    j->few[n] = hash;
    return SL_OK;
}

enum sl_err sl_json_key_done(struct sl_json *j)
{
    if (j->members == SL_JSON_MEMBERS)
        return SL_ERR_CEILING;
    j->members++;
    return j->check_repeats ? remember(j) : SL_OK;
}
