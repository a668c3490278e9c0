/* policy/words/inside.h -- the automaton, as its builder and its reader see it. */
#ifndef SL_POLICY_WORDS_INSIDE_H
#define SL_POLICY_WORDS_INSIDE_H

#include "policy/words/words.h"

struct sl_word { /* while the automaton is made */
    uint32_t at; /* of `text` */
    uint16_t n;
    uint8_t list;
    bool anywhere;
};

#define SL_WORDS_FEW 4

struct sl_words_ends { /* lists */
    uint64_t alone;    /* a word ends here that has to stand by itself */
    uint64_t anywhere; /* one that has not */
};

/* A beginning of words. Node 0 is the empty one. */
struct sl_words_node {
    uint32_t first; /* node of the lowest of its next bytes; the others follow */
    uint32_t fail;  /* the longest ending of it that is a beginning, too */
    uint32_t next;  /* of such endings the longest one where a word ends; 0: none */
    uint32_t ends;  /* of `ends`; 0: no word ends here */
    uint32_t row;   /* of `rows`; 0: it has few next bytes, or is the empty one */
    uint16_t depth; /* bytes */
    uint8_t few;    /* how many of them `bytes` holds */
    uint8_t bytes[SL_WORDS_FEW];
};

/* Where each byte leads from a node with many next bytes, endings looked up. */
struct sl_words_row {
    uint32_t to[256];
};

struct sl_words_letter {
    char byte;
    uint8_t kind;
    bool one; /* it becomes one byte */
};

struct sl_words {
    struct sl_letters *letters;        /* owns */
    struct sl_words_letter ascii[128]; /* most texts are of these */
    struct sl_word *made;              /* owns */
    char *text;                        /* owns: the words, folded */
    struct sl_words_node *nodes;       /* owns; NULL: not done */
    struct sl_words_ends *ends;        /* owns; the first one is none */
    struct sl_words_ends *below; /* owns: a node each: all that end there or go on behind it */
    struct sl_words_row *rows;   /* owns; the first one is the empty beginning's */
    size_t made_n, made_cap, text_n, text_cap, ends_n, rows_n, rows_cap;
    uint32_t nodes_n;
};

/* The longest ending of what was read that is a beginning. */
static inline uint32_t sl_words_go(const struct sl_words *w, uint32_t at, uint8_t byte)
{
    for (;; at = w->nodes[at].fail) {
        const struct sl_words_node *node = &w->nodes[at];

        if (at == 0 || node->row != 0)
            return w->rows[node->row].to[byte];
        for (uint32_t i = 0; i < node->few; i++)
            if (node->bytes[i] == byte)
                return node->first + i;
    }
}

/* The character that begins `text` and how many bytes it has; 0: none, or no UTF-8. */
size_t sl_words_decode(struct sl_str text, uint32_t *code);

#endif
