/* What the library says of a code point. */
#include "policy/words/letters.h"

#include <utf8proc.h>

struct range {
    uint32_t from, to;
};

/* Thai and Lao, Burmese, Khmer, kana, bopomofo, ideographs with their extensions. */
static bool writes_no_spaces(uint32_t code)
{
    static const struct range ranges[] = {
        {0x0e00, 0x0eff}, {0x1000, 0x109f}, {0x1780, 0x17ff},   {0x3005, 0x3007},
        {0x3040, 0x312f}, {0x31a0, 0x31bf}, {0x31f0, 0x31ff},   {0x3400, 0x4dbf},
        {0x4e00, 0x9fff}, {0xf900, 0xfaff}, {0x1b000, 0x1b16f}, {0x20000, 0x323af},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (code >= ranges[i].from && code <= ranges[i].to)
            return true;
    return false;
}

static enum sl_letters_kind kind_of(uint32_t code)
{
    if ((code >= 0x09 && code <= 0x0d) || code == 0x85)
        return SL_LETTERS_SPACE;
    switch (utf8proc_category((utf8proc_int32_t)code)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return SL_LETTERS_SPACE;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return writes_no_spaces(code) ? SL_LETTERS_BOUND : SL_LETTERS_JOINED;
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return writes_no_spaces(code) ? SL_LETTERS_ALONE : SL_LETTERS_JOINED;
    default: return SL_LETTERS_OTHER;
    }
}

/* "й" is not found where "и" is looked for, nor "각" for "가". */
static bool is_part(uint32_t code)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);

    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
           category == UTF8PROC_CATEGORY_ME || (code >= 0x1160 && code <= 0x11ff);
}

static struct sl_letter letter_of(uint32_t code)
{
    return (struct sl_letter){code, kind_of(code), is_part(code)};
}

/* Surrogates are no characters; they stay what they are, as do those that the library has
 * nothing to say of. */
size_t sl_letters_fold(uint32_t code, struct sl_letter out[SL_LETTERS_MOST])
{
    utf8proc_int32_t codes[SL_LETTERS_MOST];
    utf8proc_ssize_t n;
    int last = 0;

    out[0] = letter_of(code);
    if (out[0].kind == SL_LETTERS_SPACE) {
        out[0].code = ' ';
        return 1;
    }
    n = utf8proc_decompose_char(
        (utf8proc_int32_t)code, codes, SL_LETTERS_MOST,
        UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE, &last);
    if (n < 0 || n > SL_LETTERS_MOST)
        return 1;
    for (utf8proc_ssize_t i = 0; i < n; i++)
        out[i] = letter_of((uint32_t)codes[i]);
    return (size_t)n;
}
