/* Words into an automaton, step by step. */
#include "policy/words/cells.h"

#include "base/mem.h"
#include "base/obj.h"

/* What becomes of ASCII, when the root's row is known. */
static void learn_ascii(struct sl_words *w)
{
    for (uint32_t code = 0; code < 128; code++) {
        struct sl_symbol one = w->symbols->table[code];
        bool space = one.kind == SL_LETTERS_SPACE;

        SL_CHECK(one.kind < SL_LETTERS_KINDS && one.bytes == 1);
        w->dull[code] = one.kind == SL_LETTERS_JOINED && w->root[one.number] == SL_WORDS_ROOT;
        for (unsigned before = 0; before < SL_LETTERS_KINDS; before++)
            w->ascii[before][code] = (struct sl_words_ascii){
                .symbol = one.number + (sl_letters_begins(before, one.kind) ? w->half : 0),
                .kind = one.kind,
                .again = space && before == SL_LETTERS_SPACE,
            };
    }
}

/* The words' letters become symbols. */
static enum sl_err number_letters(struct sl_words *w)
{
    uint32_t *codes = sl_mem_try((w->text_n + 1) * sizeof(*codes));
    enum sl_err e;

    if (codes == NULL)
        return SL_ERR_NO_MEMORY;
    for (size_t i = 0; i < w->text_n; i++)
        codes[i] = w->text[i] & ~SL_WORDS_MARK;
    e = sl_symbols_new(&w->symbols, codes, w->text_n);
    sl_mem_free(codes);
    if (e != SL_OK)
        return e;
    w->half = w->symbols->codes_n + 1;
    for (size_t i = 0; i < w->text_n; i++)
        w->text[i] = sl_symbols_number(w->symbols, w->text[i] & ~SL_WORDS_MARK) +
                     ((w->text[i] & SL_WORDS_MARK) != 0 ? w->half : 0);
    return SL_OK;
}

/* What none but the builders needs. */
static void forget_words(struct sl_words *w)
{
    sl_mem_free(w->made);
    sl_mem_free(w->text);
    w->made = NULL;
    w->text = NULL;
}

enum sl_err sl_words_done(struct sl_words *w)
{
    struct sl_trie trie;
    enum sl_err e;

    SL_CHECK(w->nodes == NULL);
    e = number_letters(w);
    if (e != SL_OK)
        return e;
    e = sl_trie_make(&trie, w);
    if (e == SL_OK)
        e = sl_cells_lay(w, &trie);
    sl_trie_free(&trie);
    if (e == SL_OK)
        learn_ascii(w);
    forget_words(w);
    return e;
}
