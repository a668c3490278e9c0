/* Words as they are added, folded into symbols. */
#include "policy/words/inside.h"

#include "base/mem.h"
#include "base/obj.h"

#include <string.h>

#define WORDS_MAX 200000

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
        uint16_t *grown;

        cap = w->text_cap > 0 ? w->text_cap * 2 : 4096;
        grown = sl_mem_grow(w->text, cap * sizeof(*grown));
        if (grown == NULL)
            return false;
        w->text = grown;
        w->text_cap = cap;
    }
    return true;
}

struct folded { /* a word on its way to symbols */
    uint16_t symbols[SL_WORDS_BYTES];
    size_t n;
    enum sl_letters_kind last;
};

/* False: too long. */
static bool fold_letter(struct folded *f, struct sl_letters_text letter)
{
    if (letter.text.n == 0 || (letter.kind == SL_LETTERS_SPACE && f->last == SL_LETTERS_SPACE))
        return true;
    if (letter.text.n > SL_WORDS_BYTES - f->n)
        return false;
    for (size_t i = 0; i < letter.text.n; i++) {
        bool begins = i == 0 && sl_letters_begins(f->last, letter.kind);

        f->symbols[f->n++] = (uint16_t)((uint8_t)letter.text.p[i] | (begins ? SL_WORDS_MARK : 0));
    }
    f->last = letter.kind;
    return true;
}

static bool fold_char(const struct sl_letters *letters, struct folded *f, uint32_t code)
{
    char room[SL_LETTERS_BYTES];
    struct sl_letters_text all = sl_letters_fold(letters, code, room);

    if (all.kind != SL_LETTERS_SEVERAL)
        return fold_letter(f, all);
    while (all.text.n > 0)
        if (!fold_letter(f, sl_letters_part(&all.text)))
            return false;
    return true;
}

/* Without spaces at its ends; BAD_FIELD, CEILING. */
static enum sl_err fold_word(const struct sl_words *w, struct sl_str word, struct folded *f)
{
    uint32_t code;
    size_t used;

    f->n = 0;
    f->last = SL_LETTERS_SPACE;
    for (; (used = sl_letters_decode(word, &code)) > 0; word = sl_str_from(word, used))
        if (!fold_char(w->letters, f, code))
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
    e = fold_word(w, word, &f);
    if (e != SL_OK)
        return e;
    if (w->made_n == WORDS_MAX)
        return SL_ERR_CEILING;
    if (!room_for(w, f.n))
        return SL_ERR_NO_MEMORY;
    if (anywhere)
        f.symbols[0] &= (uint16_t)~SL_WORDS_MARK;
    memcpy(w->text + w->text_n, f.symbols, f.n * sizeof(*f.symbols));
    w->made[w->made_n++] = (struct sl_word){
        .at = (uint32_t)w->text_n, .n = (uint16_t)f.n, .list = (uint8_t)list, .anywhere = anywhere};
    w->text_n += f.n;
    return SL_OK;
}

struct sl_words *sl_words_new(void)
{
    struct sl_words *w = sl_mem_try(sizeof(*w));

    if (w == NULL)
        return NULL;
    memset(w, 0, sizeof(*w));
    w->letters = sl_letters_new();
    if (w->letters == NULL)
        sl_words_end(&w);
    return w;
}

void sl_words_end(struct sl_words **pw)
{
    struct sl_words *w = *pw;

    *pw = NULL;
    if (w == NULL)
        return;
    sl_letters_end(&w->letters);
    sl_mem_free(w->made);
    sl_mem_free(w->text);
    sl_mem_free(w->nodes);
    sl_mem_free(w->ends);
    sl_mem_free(w->below);
    sl_mem_free(w->cells);
    sl_mem_free(w->rows);
    sl_mem_free(w);
}
