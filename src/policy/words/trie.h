/* policy/words/trie.h -- all words as a tree of their beginnings, while the automaton is made.
 *
 * Nodes are numbered breadth first, the root being 0: those that one goes on to are side by
 * side, by symbol, and behind all that they fail to.
 *
 * Order    Words are symbols, sorted. make; then what lays it out (cells.h); free.
 */
#ifndef SL_POLICY_WORDS_TRIE_H
#define SL_POLICY_WORDS_TRIE_H

#include "policy/words/inside.h"

struct sl_trie_node {
    uint32_t from, to;     /* of `made`: the words that go on behind it */
    uint32_t symbol;       /* its last one */
    uint32_t kids, kids_n; /* the first of those that it goes on to */
    uint32_t fail;         /* its longest ending that is a beginning, too */
    uint32_t ends;         /* what ends with it: of the automaton's `ends` */
    uint32_t base;         /* where its cells are, when they are */
    uint16_t depth;        /* letters */
    bool far;              /* not all is in its cells */
};

struct sl_trie {
    struct sl_trie_node *nodes; /* owns */
    uint32_t n, half;
};

/* Fills `nodes`, but for states, and `ends` of `w`. CEILING, NO_MEMORY; to be freed in any case. */
SL_MUST enum sl_err sl_trie_make(struct sl_trie *t, struct sl_words *w);
void sl_trie_free(struct sl_trie *t);
/* The node to which one goes on; from the root, by a symbol that begins a word, also a plain
 * one. 0: none. */
uint32_t sl_trie_next(const struct sl_trie *t, uint32_t at, uint32_t symbol);

#endif
