/* Letters get their numbers, and what the library says of most texts' is remembered. */
#include "policy/words/symbols.h"

#include "base/mem.h"
#include "base/obj.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Each code point once, by size. */
static enum sl_err read_codes(struct sl_symbols *s, const uint32_t *text, size_t n)
{
    s->codes = sl_mem_try((n + 1) * sizeof(*s->codes));
    if (s->codes == NULL)
        return SL_ERR_NO_MEMORY;
    if (n > 0) {
        memcpy(s->codes, text, n * sizeof(*text));
        qsort(s->codes, n, sizeof(*s->codes), compare);
    }
    for (size_t i = 0; i < n; i++)
        if (i == 0 || s->codes[i] != s->codes[i - 1])
            s->codes[s->codes_n++] = s->codes[i];
    return s->codes_n > SL_WORDS_LETTERS ? SL_ERR_CEILING : SL_OK;
}

uint32_t sl_symbols_number(const struct sl_symbols *s, uint32_t code)
{
    uint32_t from = 0, to = s->codes_n;

    while (from < to) {
        uint32_t middle = from + (to - from) / 2;

        if (s->codes[middle] == code)
            return middle + 1;
        if (s->codes[middle] < code)
            from = middle + 1;
        else
            to = middle;
    }
    return 0;
}

size_t sl_symbols_fold(const struct sl_symbols *s, uint32_t code,
                       struct sl_symbol out[SL_LETTERS_MOST])
{
    struct sl_letter letters[SL_LETTERS_MOST];
    size_t n = sl_letters_fold(code, letters);

    for (size_t i = 0; i < n; i++)
        out[i] = (struct sl_symbol){
            .number = (uint16_t)sl_symbols_number(s, letters[i].code),
            .kind = (uint8_t)letters[i].kind,
            .bytes = sl_letters_bytes(letters[i].code) & 0x7fu,
            .goes_on = i + 1 < n && letters[i + 1].part,
        };
    return n;
}

/* Where there is room for `n` more; NULL: no memory. */
static struct sl_symbol *more_room(struct sl_symbols *s, size_t n)
{
    if (s->more_n + n > s->more_cap) {
        size_t cap = s->more_cap > 0 ? s->more_cap * 2 : 4096;
        struct sl_symbol *grown = sl_mem_grow(s->more, cap * sizeof(*grown));

        if (grown == NULL)
            return NULL;
        s->more = grown;
        s->more_cap = cap;
    }
    return s->more + s->more_n;
}

static bool learn(struct sl_symbols *s, uint32_t code)
{
    struct sl_symbol all[SL_LETTERS_MOST] = {{.bytes = 0}}, *more;
    size_t n = sl_symbols_fold(s, code, all);

    s->table[code] = all[0];
    if (n < 2)
        return true;
    more = more_room(s, n);
    if (more == NULL)
        return false;
    SL_CHECK(s->more_n <= UINT16_MAX);
    memcpy(more, all, n * sizeof(*more));
    s->table[code] = (struct sl_symbol){
        .number = (uint16_t)s->more_n, .kind = SL_SYMBOLS_SEVERAL, .bytes = n & 0x7fu};
    s->more_n += n;
    return true;
}

static bool learn_all(struct sl_symbols *s)
{
    for (uint32_t code = 0; code < SL_SYMBOLS_TABLE; code++)
        if (!learn(s, code))
            return false;
    return true;
}

enum sl_err sl_symbols_new(struct sl_symbols **out, const uint32_t *text, size_t n)
{
    struct sl_symbols *s = sl_mem_try(sizeof(*s));
    enum sl_err e;

    *out = s;
    if (s == NULL)
        return SL_ERR_NO_MEMORY;
    s->more = NULL;
    s->codes = NULL;
    s->more_n = s->more_cap = s->codes_n = 0;
    e = read_codes(s, text, n);
    if (e == SL_OK && !learn_all(s))
        e = SL_ERR_NO_MEMORY;
    if (e != SL_OK)
        sl_symbols_end(out);
    return e;
}

void sl_symbols_end(struct sl_symbols **s)
{
    if (*s != NULL) {
        sl_mem_free((*s)->more);
        sl_mem_free((*s)->codes);
        sl_mem_free(*s);
    }
    *s = NULL;
}
