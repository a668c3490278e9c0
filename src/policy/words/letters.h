/* policy/words/letters.h -- characters as they are compared: without case, width and ligature.
 *
 * A code point becomes the letters of its compatibility decomposition, case-folded: "É", "é"
 * and "e" with a combining acute are one, as are "Ａ" and "a", "ﬁ" and "fi". What nobody sees
 * (soft hyphens, joiners, variation selectors) becomes nothing; every space, tab and line
 * end one space.
 *
 * Words    Whether two letters beside each other belong to one word depends on the script:
 *          Chinese, Japanese kana, Thai, Lao, Khmer and Burmese write no spaces, so there
 *          every letter may begin a word, but for the marks on it. It is asked of the letters
 *          that a code point becomes ("½" is "1", "⁄" and "2").
 * Memory   None: the library is asked each time. symbols.h remembers.
 * Source   Unicode Standard Annex 15 (NFKD), section 3.13 (case folding), by utf8proc.
 */
#ifndef SL_POLICY_WORDS_LETTERS_H
#define SL_POLICY_WORDS_LETTERS_H

#include "base/utf8.h"

#define SL_LETTERS_MOST 18 /* that one code point becomes: U+FDFA */

enum sl_letters_kind {
    SL_LETTERS_OTHER,  /* punctuation, symbols */
    SL_LETTERS_SPACE,  /* any of them */
    SL_LETTERS_JOINED, /* letter, mark or digit of a script that writes spaces */
    SL_LETTERS_ALONE,  /* letter or digit of one that writes none */
    SL_LETTERS_BOUND,  /* mark of one that writes none */
    SL_LETTERS_KINDS
};

struct sl_letter {
    uint32_t code;
    enum sl_letters_kind kind;
    bool part; /* with the one before it one letter to readers: a mark, a vowel of Hangul */
};

/* What `code` becomes, and how many there are; 0: it is not seen. */
size_t sl_letters_fold(uint32_t code, struct sl_letter out[SL_LETTERS_MOST]);

/* May a word begin with a letter, behind the one before it? */
static inline bool sl_letters_begins(enum sl_letters_kind before, enum sl_letters_kind kind)
{
    return !(kind == SL_LETTERS_JOINED && before == SL_LETTERS_JOINED) &&
           !(kind == SL_LETTERS_BOUND &&
             (before == SL_LETTERS_ALONE || before == SL_LETTERS_BOUND));
}

/* Of a code point in UTF-8. */
static inline unsigned sl_letters_bytes(uint32_t code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
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
