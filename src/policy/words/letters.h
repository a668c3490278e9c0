/* policy/words/letters.h -- characters as they are compared: without case, width and ligature.
 *
 * A code point becomes the UTF-8 of its compatibility decomposition, case-folded: "É", "é"
 * and "e" with a combining acute are one, as are "Ａ" and "a", "ﬁ" and "fi". What nobody sees
 * (soft hyphens, joiners, variation selectors) becomes nothing; every space, tab and line
 * end one space.
 *
 * Words    Whether two letters beside each other belong to one word depends on the script:
 *          Chinese, Japanese kana, Thai, Lao, Khmer and Burmese write no spaces, so there
 *          every letter may begin a word.
 * Memory   One table of the first 65,536 code points, about 400 KiB; shared by all who
 *          read. Code points above are asked of the library each time.
 * Source   Unicode Standard Annex 15 (NFKD), section 3.13 (case folding), by utf8proc.
 */
#ifndef SL_POLICY_WORDS_LETTERS_H
#define SL_POLICY_WORDS_LETTERS_H

#include "base/err.h"

#define SL_LETTERS_BYTES 80 /* of the longest decomposition: 18 code points, U+FDFA */

enum sl_letters_kind {
    SL_LETTERS_OTHER,  /* punctuation, symbols */
    SL_LETTERS_SPACE,  /* becomes one space */
    SL_LETTERS_JOINED, /* letter, mark or digit of a script that writes spaces */
    SL_LETTERS_ALONE   /* of one that writes none */
};

struct sl_letters;

struct sl_letters *sl_letters_new(void); /* NULL: no memory */
void sl_letters_end(struct sl_letters **f);
/* The folded text of `code`; empty: it is not seen. Lives as long as `f` or, above
 * U+FFFF, as `room` does. */
struct sl_str sl_letters_fold(const struct sl_letters *f, uint32_t code,
                              char room[SL_LETTERS_BYTES], enum sl_letters_kind *kind);

#endif
