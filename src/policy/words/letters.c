/* What the library says of each code point, asked once for those of most texts. */
#include "policy/words/letters.h"

#include "base/mem.h"
#include "base/obj.h"

#include <string.h>
#include <utf8proc.h>

#define TABLE 0x10000u
#define POOL_MAX ((size_t)1 << 18)
#define CODES_MAX 18
#define SHORT 6

/* A short text stands here, which is most of them; of a longer one its place in the pool. */
struct entry {
    uint8_t n;
    uint8_t kind;
    char text[SHORT];
};

struct sl_letters {
    struct entry table[TABLE];
    char *pool; /* owns */
    size_t used;
};

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

static size_t encode(const utf8proc_int32_t *codes, size_t n, char out[SL_LETTERS_BYTES])
{
    size_t used = 0;

    for (size_t i = 0; i < n && used + 4 <= SL_LETTERS_BYTES; i++)
        used += (size_t)utf8proc_encode_char(codes[i], (utf8proc_uint8_t *)out + used);
    return used;
}

/* The first one's, unless a word may begin behind it. */
static enum sl_letters_kind kind_of_all(const utf8proc_int32_t *codes, size_t n,
                                        enum sl_letters_kind first)
{
    enum sl_letters_kind before = first;

    for (size_t i = 1; i < n; i++) {
        enum sl_letters_kind kind = kind_of((uint32_t)codes[i]);

        if (sl_letters_begins(before, kind))
            return SL_LETTERS_SEVERAL;
        before = kind;
    }
    return first;
}

/* What the library says. Surrogates are no characters; they stay what they are, as the
 * three bytes that the JSON readers make of them. */
static size_t fold(uint32_t code, char out[SL_LETTERS_BYTES], enum sl_letters_kind *kind)
{
    utf8proc_int32_t codes[CODES_MAX], one = (utf8proc_int32_t)code;
    utf8proc_ssize_t n;
    int last = 0;

    *kind = kind_of(code);
    if (*kind == SL_LETTERS_SPACE) {
        out[0] = ' ';
        return 1;
    }
    n = utf8proc_decompose_char(
        one, codes, CODES_MAX,
        UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE, &last);
    if (n < 0 || n > CODES_MAX)
        return encode(&one, 1, out);
    if (n > 0)
        *kind =
            kind_of_all(codes, (size_t)n, codes[0] == one ? *kind : kind_of((uint32_t)codes[0]));
    return encode(codes, (size_t)n, out);
}

static void put(struct sl_letters *f, struct entry *e, struct sl_letters_text letter)
{
    uint32_t at = (uint32_t)f->used;

    *e = (struct entry){.n = (uint8_t)letter.text.n, .kind = (uint8_t)letter.kind};
    if (letter.text.n <= SHORT) {
        memcpy(e->text, letter.text.p, letter.text.n);
        return;
    }
    SL_CHECK(letter.text.n <= POOL_MAX - f->used);
    memcpy(f->pool + f->used, letter.text.p, letter.text.n);
    memcpy(e->text, &at, sizeof(at));
    f->used += letter.text.n;
}

static struct sl_letters_text get(const struct sl_letters *f, const struct entry *e)
{
    uint32_t at;

    if (e->n <= SHORT)
        return (struct sl_letters_text){{e->text, e->n}, (enum sl_letters_kind)e->kind};
    memcpy(&at, e->text, sizeof(at));
    return (struct sl_letters_text){{f->pool + at, e->n}, (enum sl_letters_kind)e->kind};
}

struct sl_letters *sl_letters_new(void)
{
    struct sl_letters *f = sl_mem_try(sizeof(*f));
    char text[SL_LETTERS_BYTES];
    enum sl_letters_kind kind;

    if (f == NULL)
        return NULL;
    f->used = 0;
    f->pool = sl_mem_try(POOL_MAX);
    if (f->pool == NULL) {
        sl_letters_end(&f);
        return NULL;
    }
    for (uint32_t code = 0; code < TABLE; code++) {
        size_t n = fold(code, text, &kind);

        put(f, &f->table[code], (struct sl_letters_text){{text, n}, kind});
    }
    return f;
}

void sl_letters_end(struct sl_letters **f)
{
    if (*f != NULL) {
        sl_mem_free((*f)->pool);
        sl_mem_free(*f);
    }
    *f = NULL;
}

struct sl_letters_text sl_letters_fold(const struct sl_letters *f, uint32_t code,
                                       char room[SL_LETTERS_BYTES])
{
    struct sl_letters_text made = {{room, 0}, SL_LETTERS_OTHER};

    if (code < TABLE)
        return get(f, &f->table[code]);
    made.text.n = fold(code, room, &made.kind);
    return made;
}

struct sl_letters_text sl_letters_part(struct sl_str *text)
{
    uint32_t code = 0;
    struct sl_str one = sl_str_first(*text, sl_letters_decode(*text, &code));

    *text = sl_str_from(*text, one.n);
    return (struct sl_letters_text){one, kind_of(code)};
}
