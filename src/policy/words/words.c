/* Words as they are added, folded into letters. */
#include "policy/words/inside.h"

#include "base/mem.h"
#include "base/obj.h"

#include <string.h>

static bool room_for(struct sl_words *w, size_t n)
{
    size_t cap;

    if (w->made_n == w->made_cap) {
        struct sl_word *grown;

        cap = w->made_cap > 0 ? w->made_cap * 2 : 64;
        grown = sl_mem_grow(w->made, cap * sizeof(*grown));
        if (grown == NULL)
            return false;
        w->made = grown;
        w->made_cap = cap;
    }
    if (w->text_n + n > w->text_cap) {
        uint32_t *grown;

        cap = w->text_cap > 0 ? w->text_cap * 2 : 4096;
        grown = sl_mem_grow(w->text, cap * sizeof(*grown));
        if (grown == NULL)
            return false;
        w->text = grown;
        w->text_cap = cap;
    }
    return true;
}

struct folded { /* a word on its way to its letters */
    uint32_t letters[SL_WORDS_BYTES];
    size_t n, bytes;
    enum sl_letters_kind last;
};

/* False: too long. */
static bool fold_letter(struct folded *f, struct sl_letter letter)
{
    uint32_t mark = sl_letters_begins(f->last, letter.kind) ? SL_WORDS_MARK : 0;

    if (letter.kind == SL_LETTERS_SPACE && f->last == SL_LETTERS_SPACE)
        return true;
    f->bytes += sl_letters_bytes(letter.code);
    if (f->bytes > SL_WORDS_BYTES)
        return false;
    f->letters[f->n++] = letter.code | mark;
    f->last = letter.kind;
    return true;
}

static bool fold_char(struct folded *f, uint32_t code)
{
    struct sl_letter all[SL_LETTERS_MOST];
    size_t n = sl_letters_fold(code, all);

    for (size_t i = 0; i < n; i++)
        if (!fold_letter(f, all[i]))
            return false;
    return true;
}

/* Without spaces at its ends; BAD_FIELD, CEILING. */
static enum sl_err fold_word(struct sl_str word, struct folded *f)
{
    uint32_t code;
    size_t used;

    f->n = f->bytes = 0;
    f->last = SL_LETTERS_SPACE;
    for (; (used = sl_letters_decode(word, &code)) > 0; word = sl_str_from(word, used))
        if (!fold_char(f, code))
            return SL_ERR_CEILING;
    if (f->n > 0 && f->last == SL_LETTERS_SPACE)
        f->n--;
    return word.n > 0 || f->n == 0 ? SL_ERR_BAD_FIELD : SL_OK;
}

enum sl_err sl_words_add(struct sl_words *w, unsigned list, bool anywhere, struct sl_str word)
{
    struct folded f;
    enum sl_err e;

    SL_CHECK(w->nodes == NULL && list < SL_WORDS_LISTS);
    e = fold_word(word, &f);
    if (e != SL_OK)
        return e;
    if (w->made_n == SL_WORDS_MOST)
        return SL_ERR_CEILING;
    if (!room_for(w, f.n))
        return SL_ERR_NO_MEMORY;
    if (anywhere)
        f.letters[0] &= ~SL_WORDS_MARK;
    memcpy(w->text + w->text_n, f.letters, f.n * sizeof(*f.letters));
    w->made[w->made_n++] = (struct sl_word){
        .at = (uint32_t)w->text_n, .n = (uint16_t)f.n, .list = (uint8_t)list, .anywhere = anywhere};
    w->text_n += f.n;
    return SL_OK;
}

struct sl_words *sl_words_new(void)
{
    struct sl_words *w = sl_mem_try(sizeof(*w));

    if (w != NULL)
        memset(w, 0, sizeof(*w));
    return w;
}

void sl_words_end(struct sl_words **pw)
{
    struct sl_words *w = *pw;

    *pw = NULL;
    if (w == NULL)
        return;
    sl_symbols_end(&w->symbols);
    sl_mem_free(w->made);
    sl_mem_free(w->text);
    sl_mem_free(w->nodes);
    sl_mem_free(w->ends);
    sl_mem_free(w->cells);
    sl_mem_free(w->root);
    sl_mem_free(w->bases);
    sl_mem_free(w);
}
