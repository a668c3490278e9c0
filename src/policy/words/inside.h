/* policy/words/inside.h -- the automaton, as its builders and its reader see it.
 *
 * It reads symbols: numbers of folded letters (symbols.h), higher by `half` where a word may
 * begin with the letter. A word that has to stand by itself begins with such a symbol, so
 * that its beginning leads nowhere in the middle of another word; of a word that may stand
 * anywhere the first one is plain, and is taken for either. Which it is behind the first
 * letter depends on the letters alone, and is the same in the word and in the text.
 *
 * States   A beginning of words is known to the reader by its base: where it goes on by a
 *          symbol stands in the cell that is so many behind the base, if that cell is its
 *          own. Else the text's last letter alone, `near`, may go on by it; else the root.
 *          What other endings lead to is copied into a state's own cells, for as many of the
 *          short ones as there is room; the others are FAR, and their endings asked one by one.
 * Source   J. Aoe, "An efficient digital search algorithm by using a double-array
 *          structure", IEEE Transactions on Software Engineering 15 (1989).
 */
#ifndef SL_POLICY_WORDS_INSIDE_H
#define SL_POLICY_WORDS_INSIDE_H

#include "policy/words/symbols.h"
#include "policy/words/words.h"

#define SL_WORDS_MARK 0x80000000u /* of a word's letter: a word may begin here */

/* Of a state: its base, with what has to be known at each letter. */
#define SL_WORDS_ENDS 0x80000000u /* a word ends here */
#define SL_WORDS_FAR 0x40000000u  /* endings of it lead to more than its cells say */
#define SL_WORDS_BASE 0x3fffffffu
#define SL_WORDS_ROOT 0u /* the empty beginning, number 0: has a row in place of cells */

#define SL_WORDS_NOBODY UINT32_MAX /* no base: of a cell that is empty */

struct sl_word { /* while the automaton is made */
    uint32_t at; /* of `text` */
    uint16_t n;  /* letters */
    uint8_t list;
    bool anywhere;
};

struct sl_words_ends { /* lists */
    uint64_t alone;    /* a word ends here that has to stand by itself */
    uint64_t anywhere; /* one that has not */
};

struct sl_words_node {
    uint64_t below; /* lists of all words that begin with it */
    uint32_t fail;  /* the state of its longest ending that is a beginning, too */
    uint16_t depth; /* bytes */
};

struct sl_words_cell {
    uint32_t from; /* the base whose it is */
    uint32_t to;   /* state */
};

struct sl_words_base {
    uint32_t node; /* whose it is; 0: nobody's */
    uint32_t ends; /* of `ends`: with those of its endings */
};

/* A letter of ASCII, which most texts are of. */
struct sl_words_ascii {
    uint32_t symbol;
    uint8_t kind;
    bool again; /* a space behind another, nothing new */
};

struct sl_words {
    struct sl_symbols *symbols;                         /* owns */
    struct sl_words_ascii ascii[SL_LETTERS_KINDS][128]; /* by the kind of the letter before */
    bool dull[256]; /* inside of a word of which nothing begins a word, it doesn't either */
    struct sl_words_cell *cells; /* owns */
    uint32_t *root;              /* owns: the state that each symbol leads to from there */
    struct sl_words_base *bases; /* owns: as many as cells */
    struct sl_words_node *nodes; /* owns; NULL: not done */
    struct sl_words_ends *ends;  /* owns; the first one is none */
    struct sl_word *made;        /* owns, until it is done, as `text` */
    uint32_t *text; /* owns: the words' letters, with their marks; then their symbols */
    size_t made_n, made_cap, text_n, text_cap, ends_n, cells_n;
    uint32_t half; /* of the symbols: plain ones, then those that begin a word */
};

#endif
