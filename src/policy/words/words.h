/* policy/words/words.h -- thousands of words, looked for in one pass over a text.
 *
 *   new ─► add, add, … ─► done          (once, when the configuration is read)
 *   begin ─► feed, feed, … ─► rest      (for each text; any number at once)
 *              └ open: how much of its end may still become a word
 *
 * Every word belongs to a list, a number below SL_WORDS_LISTS; a text is told how often
 * words of each list stand in it. Words and texts are compared folded (letters.h), with runs of
 * spaces as one; a word may be several ("credit card"). It counts where it stands by itself,
 * or, added with `anywhere`, inside of others too.
 *
 * Order    Not to be changed after `done`. A text comes in any pieces, cut anywhere, even
 *          inside a character; what is no UTF-8 separates words and matches nothing.
 * Letters  What one code point becomes is looked at letter by letter, but for its parts: "gros"
 *          is found inside "groß" where it may stand anywhere, "и" is not inside "й".
 * Limits   A word has at most SL_WORDS_BYTES folded bytes; there are at most SL_WORDS_MOST words,
 *          together of SL_WORDS_NODES different beginnings and SL_WORDS_LETTERS letters. One text
 *          costs one step a letter and a few bytes of state, whatever the number of words.
 * Memory   35 bytes a different beginning, 50 where words may stand anywhere: of 5,000 words
 *          of many languages 150 to 250 each; and the tables of symbols.h. Pure.
 * Source   A. Aho, M. Corasick, "Efficient string matching: an aid to bibliographic
 *          search", CACM 18 (1975).
 */
#ifndef SL_POLICY_WORDS_WORDS_H
#define SL_POLICY_WORDS_WORDS_H

#include "base/err.h"
#include "policy/words/letters.h"

#define SL_WORDS_LISTS 64
#define SL_WORDS_BYTES 256
#define SL_WORDS_NODES 500000
#define SL_WORDS_MOST 200000
#define SL_WORDS_LETTERS 65535

struct sl_words;

struct sl_words *sl_words_new(void); /* NULL: no memory */
void sl_words_end(struct sl_words **w);
/* BAD_FIELD: nothing of it can be seen, or it is no UTF-8. CEILING: too long, or too many
 * words. NO_MEMORY. */
SL_MUST enum sl_err sl_words_add(struct sl_words *w, unsigned list, bool anywhere,
                                 struct sl_str word);
/* CEILING: too many beginnings or letters, or no place in the table for them. NO_MEMORY. */
SL_MUST enum sl_err sl_words_done(struct sl_words *w);

struct sl_words_seek {
    const struct sl_words *words; /* up */
    uint64_t lists;               /* bits: those that are looked for */
    uint64_t found;               /* bits: those of which a word was found */
    uint32_t count[SL_WORDS_LISTS];
    uint64_t at; /* folded bytes so far */
    /* private from here */
    uint32_t node, near; /* where it is, by all letters and by the last one */
    uint64_t due;        /* lists: a word stands here if it ends here */
    enum sl_letters_kind last;
    uint32_t code; /* of a character that is not whole */
    uint8_t owed;  /* its bytes that are not here */
    uint8_t lo, hi;
};

/* `lists`: bits; the others are passed over. */
void sl_words_begin(struct sl_words_seek *s, const struct sl_words *w, uint64_t lists);
void sl_words_feed(struct sl_words_seek *s, struct sl_str text);
void sl_words_char(struct sl_words_seek *s, uint32_t code);
/* How many of the last folded bytes may still become a word of `lists`, or are one if the
 * text ends here; 0: none. At most SL_WORDS_BYTES. */
size_t sl_words_open(const struct sl_words_seek *s, uint64_t lists);
/* Lists of which a word stands here if the text ends here. */
static inline uint64_t sl_words_due(const struct sl_words_seek *s)
{
    return s->due;
}
/* The text ends here; the next one begins a word. */
void sl_words_rest(struct sl_words_seek *s);

#endif
