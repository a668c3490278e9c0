/* mock/words.c -- one table of words, one pass over the name. */
#include "mock/words.h"

#include <stddef.h>

#define WORD_NUMBER_MAX (UINT64_C(1) << 40)

enum kind { FLAG, NUMBER, FAULT };

static const struct word {
    const char *name;
    enum kind kind;
    size_t field;
    uint64_t value; /* without a number behind it; FAULT: which */
} table[] = {
#define W(name, kind, value)                                                                       \
    {                                                                                              \
#name, kind, offsetof(struct sl_words, name), value                                        \
    }
    W(events, NUMBER, 10),
    W(bytes, NUMBER, 1024),
    W(big, NUMBER, 1 << 20),
    W(piece, NUMBER, 4096),
    W(slow, NUMBER, 100),
    W(first, NUMBER, 500),
    W(split, NUMBER, 1),
    W(splitutf8, FLAG, 1),
    W(tools, NUMBER, 1),
    W(thinking, FLAG, 1),
    W(refusal, FLAG, 1),
    W(length, FLAG, 1),
    W(json, FLAG, 1),
    W(hang, FLAG, 1),
    W(drop, FLAG, 1),
    W(rst, FLAG, 1),
    W(html, FLAG, 1),
    W(empty, FLAG, 1),
    W(idleclose, NUMBER, 1),
    W(nofinal, FLAG, 1),
    W(eofbody, FLAG, 1),
    W(early, NUMBER, 1),
    W(quota, FLAG, 1),
    W(org, FLAG, 1),
    W(lives, NUMBER, 3600000),
    W(rotate, FLAG, 1),
#undef W
    {"stall", FAULT, 0, SL_FAULT_STALL},
    {"cut", FAULT, 0, SL_FAULT_CUT},
    {"reset", FAULT, 0, SL_FAULT_RESET},
    {"badchunk", FAULT, 0, SL_FAULT_BADCHUNK},
    {"error", FAULT, 0, SL_FAULT_ERROR},
};

static const struct word retry_after = {"retry-after", NUMBER,
                                        offsetof(struct sl_words, retry_after), 0};

/* "20", "20ms", "2s", "64k", "100m", "1g": times in ms, sizes in bytes. */
static bool number_of(struct sl_str s, uint64_t *out)
{
    static const struct unit {
        struct sl_str name;
        uint64_t by;
    } units[] = {{SL_STR_INIT("ms"), 1},
                 {SL_STR_INIT("s"), 1000},
                 {SL_STR_INIT("k"), 1 << 10},
                 {SL_STR_INIT("m"), 1 << 20},
                 {SL_STR_INIT("g"), 1 << 30}};
    uint64_t by = 1;

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (sl_str_ends(s, units[i].name)) {
            by = units[i].by;
            s.n -= units[i].name.n;
            break;
        }
    if (!sl_str_to_u64(s, out) || *out > WORD_NUMBER_MAX / by)
        return false;
    *out *= by;
    return true;
}

static const struct word *find(struct sl_str name)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (sl_str_eq_nocase(name, sl_str_of(table[i].name)))
            return &table[i];
    return NULL;
}

static void put(struct sl_words *w, const struct word *word, uint64_t value)
{
    uint64_t *field = (uint64_t *)(void *)((char *)w + word->field);

    *field = value;
}

void sl_words_read(struct sl_words *w, struct sl_str text)
{
    const struct word *open = NULL; /* the word a number would belong to */
    size_t at = 0;

    while (at < text.n) {
        size_t end = at;
        while (end < text.n && text.p[end] != '-' && text.p[end] != ' ' && text.p[end] != ',')
            end++;
        struct sl_str s = {text.p + at, end - at};
        const struct word *word = find(s);
        uint64_t n;

        at = end + 1;
        if (word != NULL && word->kind == FAULT) {
            w->fault = word->value;
            w->fault_at = 1;
        } else if (word != NULL) {
            put(w, word, word->value);
        } else if (open != NULL && open->kind == FAULT && sl_str_eq_nocase(s, SL_STR("pre"))) {
            w->fault_pre = 1;
        } else if (number_of(s, &n)) {
            if (open != NULL && open->kind == FAULT)
                w->fault_at = n;
            else if (open != NULL && open->kind == NUMBER)
                put(w, open, n);
            else if (n >= 400 && n <= 599)
                w->status = n, word = &retry_after;
        }
        open = word;
    }
}
