/* policy/words/inside.h -- the automaton, as its builder and its reader see it.
 *
 * It reads symbols: the bytes of folded letters, the first byte of one that may begin a word
 * marked. A word that has to stand by itself begins with such a mark, so that its beginning
 * leads nowhere in the middle of another word; of a word that may stand anywhere the first
 * byte has none, and is taken with and without. What is marked behind the first byte depends
 * on the letters alone, and is the same in the word and in the text.
 */
#ifndef SL_POLICY_WORDS_INSIDE_H
#define SL_POLICY_WORDS_INSIDE_H

#include "policy/words/words.h"

#define SL_WORDS_MARK 0x100u /* of a symbol: a word may begin here */
#define SL_WORDS_SYMBOLS 0x200u

/* Where the automaton is: a beginning of words, its number with what has to be known of it
 * at each byte. */
#define SL_WORDS_ENDS 0x80000000u /* a word ends here */
#define SL_WORDS_ROW 0x40000000u  /* all that follows stands in a row */
#define SL_WORDS_INDEX 0x3fffffffu
#define SL_WORDS_ROOT SL_WORDS_ROW /* the empty beginning, number 0 */

struct sl_word { /* while the automaton is made */
    uint32_t at; /* of `text` */
    uint16_t n;  /* symbols */
    uint8_t list;
    bool anywhere;
};

struct sl_words_ends { /* lists */
    uint64_t alone;    /* a word ends here that has to stand by itself */
    uint64_t anywhere; /* one that has not */
};

struct sl_words_node {
    uint32_t fail;  /* the longest ending of it that is a beginning, too; see above */
    uint32_t ends;  /* of `ends`: with those of all such endings */
    uint32_t row;   /* of `rows`, where it has one */
    uint16_t depth; /* bytes */
};

/* Where a symbol leads that goes on with a word: one probe, mostly. */
struct sl_words_cell {
    uint32_t key; /* number of the node, symbol; 0: empty, since the root's stand in a row */
    uint32_t to;
};

/* Where each symbol leads from a node with many next ones, endings looked up. */
struct sl_words_row {
    uint32_t to[SL_WORDS_SYMBOLS];
};

/* A byte of ASCII, which becomes one byte or, a space behind another, none. */
struct sl_words_ascii {
    uint16_t symbol[SL_LETTERS_SEVERAL]; /* by the kind of the letter before it; 0: none */
    uint8_t kind;
    bool dull; /* inside of a word of which nothing begins a word, it doesn't either */
};

struct sl_words {
    struct sl_letters *letters;       /* owns */
    struct sl_words_ascii ascii[256]; /* most texts are of these; no others are dull */
    struct sl_word *made;             /* owns */
    uint16_t *text;                   /* owns: the words' symbols */
    struct sl_words_node *nodes;      /* owns; NULL: not done */
    struct sl_words_ends *ends;       /* owns; the first one is none */
    uint64_t *below;                  /* owns: a node each: lists of all words that begin with it */
    struct sl_words_cell *cells;      /* owns: at most half of them are taken */
    struct sl_words_row *rows;        /* owns; the first one is the root's */
    size_t made_n, made_cap, text_n, text_cap, ends_n, rows_n, rows_cap;
    uint32_t nodes_n;
    unsigned cells_shift; /* 32 less the bits of a place in `cells` */
};

static inline uint32_t sl_words_place(const struct sl_words *w, uint32_t key)
{
    return key * 0x9e3779b1u >> w->cells_shift;
}

static inline uint32_t sl_words_key(uint32_t at, uint32_t symbol)
{
    return (at & SL_WORDS_INDEX) * SL_WORDS_SYMBOLS + symbol;
}

/* The longest ending of what was read that is a beginning. */
static inline uint32_t sl_words_go(const struct sl_words *w, uint32_t at, uint32_t symbol)
{
    for (; (at & SL_WORDS_ROW) == 0; at = w->nodes[at & SL_WORDS_INDEX].fail) {
        uint32_t key = sl_words_key(at, symbol), mask = UINT32_MAX >> w->cells_shift;

        for (uint32_t i = sl_words_place(w, key); w->cells[i].key != 0; i = (i + 1) & mask)
            if (w->cells[i].key == key)
                return w->cells[i].to;
    }
    return w->rows[w->nodes[at & SL_WORDS_INDEX].row].to[symbol];
}

#endif
