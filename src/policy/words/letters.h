/* policy/words/letters.h -- characters as they are compared: without case, width and ligature.
 *
 * A code point becomes the UTF-8 of its compatibility decomposition, case-folded: "É", "é"
 * and "e" with a combining acute are one, as are "Ａ" and "a", "ﬁ" and "fi". What nobody sees
 * (soft hyphens, joiners, variation selectors) becomes nothing; every space, tab and line
 * end one space.
 *
 * Words    Whether two letters beside each other belong to one word depends on the script:
 *          Chinese, Japanese kana, Thai, Lao, Khmer and Burmese write no spaces, so there
 *          every letter may begin a word, but for the marks on it. It is asked of the letters
 *          that a code point becomes ("½" is "1", "⁄" and "2").
 * Memory   One table of the first 65,536 code points, about 770 KiB; shared by all who
 *          read. Code points above are asked of the library each time.
 * Source   Unicode Standard Annex 15 (NFKD), section 3.13 (case folding), by utf8proc.
 */
#ifndef SL_POLICY_WORDS_LETTERS_H
#define SL_POLICY_WORDS_LETTERS_H

#include "base/err.h"
#include "base/utf8.h"

#define SL_LETTERS_BYTES 80 /* of the longest decomposition: 18 code points, U+FDFA */

enum sl_letters_kind {
    SL_LETTERS_OTHER,  /* punctuation, symbols */
    SL_LETTERS_SPACE,  /* becomes one space */
    SL_LETTERS_JOINED, /* letter, mark or digit of a script that writes spaces */
    SL_LETTERS_ALONE,  /* letter or digit of one that writes none */
    SL_LETTERS_BOUND,  /* mark of one that writes none */
    SL_LETTERS_SEVERAL /* becomes letters of which some behind the first may begin a word */
};

struct sl_letters;

struct sl_letters_text {
    struct sl_str text; /* folded; empty: it is not seen */
    enum sl_letters_kind kind;
};

struct sl_letters *sl_letters_new(void); /* NULL: no memory */
void sl_letters_end(struct sl_letters **f);
/* What `code` becomes. Lives as long as `f` or, above U+FFFF, as `room` does. */
struct sl_letters_text sl_letters_fold(const struct sl_letters *f, uint32_t code,
                                       char room[SL_LETTERS_BYTES]);
/* The first letter of SEVERAL, taken from `text`; its text is empty behind the last one. */
struct sl_letters_text sl_letters_part(struct sl_str *text);

/* May a word begin with a letter, behind the one before it? */
static inline bool sl_letters_begins(enum sl_letters_kind before, enum sl_letters_kind kind)
{
    return !(kind == SL_LETTERS_JOINED && before == SL_LETTERS_JOINED) &&
           !(kind == SL_LETTERS_BOUND &&
             (before == SL_LETTERS_ALONE || before == SL_LETTERS_BOUND));
}

/* The character that begins `text` and how many bytes it has; 0: none, or no UTF-8. */
static inline size_t sl_letters_decode(struct sl_str text, uint32_t *code)
{
    size_t n = sl_utf8_len(text.p, text.n);

    if (n == 0)
        return 0;
    *code = (uint8_t)text.p[0] & (n == 1 ? 0x7fu : 0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        *code = *code << 6 | ((uint8_t)text.p[i] & 0x3fu);
    return n;
}

#endif
