/* policy/words/symbols.h -- what each code point of a text is to the automaton: numbers.
 *
 * Letters that stand in some word are numbered from 1 on, by their code points. All others
 * are number 0, whatever they are: no word goes on with them.
 *
 * Memory   A table of the first 65,536 code points, 256 KiB, and as much for those that become
 *          several letters; shared by all who read. Code points above are asked of the
 *          library each time.
 */
#ifndef SL_POLICY_WORDS_SYMBOLS_H
#define SL_POLICY_WORDS_SYMBOLS_H

#include "base/err.h"
#include "policy/words/words.h"

#define SL_SYMBOLS_TABLE 0x10000u
#define SL_SYMBOLS_SEVERAL 7u /* as a kind: it becomes several letters */

struct sl_symbol {   /* a letter of a text */
    uint16_t number; /* SEVERAL: where they stand in `more` */
    uint8_t kind;
    uint8_t bytes : 7;   /* in UTF-8; 0: it is not seen. SEVERAL: how many letters */
    uint8_t goes_on : 1; /* of several: the next is a part of it, no word ends in between */
};

struct sl_symbols {
    struct sl_symbol table[SL_SYMBOLS_TABLE];
    struct sl_symbol *more; /* owns */
    uint32_t *codes;        /* owns: of letters with a number, one less than it is their place */
    uint32_t codes_n;
    size_t more_n, more_cap;
};

/* `text`: the code points of all words. CEILING: more than SL_WORDS_LETTERS different ones.
 * NO_MEMORY. */
SL_MUST enum sl_err sl_symbols_new(struct sl_symbols **s, const uint32_t *text, size_t n);
void sl_symbols_end(struct sl_symbols **s);
/* A folded letter's number. */
uint32_t sl_symbols_number(const struct sl_symbols *s, uint32_t code);
/* As sl_letters_fold(); for code points beyond the table. */
size_t sl_symbols_fold(const struct sl_symbols *s, uint32_t code,
                       struct sl_symbol out[SL_LETTERS_MOST]);

#endif
