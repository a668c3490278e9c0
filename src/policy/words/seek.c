/* A text against the automaton, letter by letter.
 *
 * Whether a word ended is known only when the next letter is here: until then the lists that
 * it belongs to are due. */
#include "policy/words/inside.h"

#include "base/obj.h"

#include <string.h>

#define NOT_A_CHARACTER 0xfffdu

static const struct sl_words_node *node_of(const struct sl_words *w, uint32_t state)
{
    return &w->nodes[w->bases[state & SL_WORDS_BASE].node];
}

static void count(struct sl_words_seek *s, uint64_t lists)
{
    s->found |= lists;
    for (; lists != 0; lists &= lists - 1) {
        uint32_t *n = &s->count[__builtin_ctzll(lists)];

        *n += *n < UINT32_MAX;
    }
}

/* A letter follows: what is due stands by itself where it begins a word. */
static void settle(struct sl_words_seek *s, bool begins)
{
    if (begins)
        count(s, s->due);
    s->due = 0;
}

/* Lists of which a word is due or found count once, however many of its words end here. */
static void look(struct sl_words_seek *s, uint32_t node)
{
    const struct sl_words *w = s->words;
    const struct sl_words_ends *ends = &w->ends[w->bases[node & SL_WORDS_BASE].ends];
    uint64_t found = ends->anywhere & s->lists;

    s->due = ends->alone & s->lists & ~found;
    if (found != 0)
        count(s, found);
}

/* ---- from letter to letter ---- */

struct place { /* of a search, while a piece is read: what changes with each letter */
    uint32_t node, near;
    unsigned last;
};

static inline struct place place_of(const struct sl_words_seek *s)
{
    return (struct place){s->node, s->near, s->last};
}

static inline void put_back(struct sl_words_seek *s, struct place p)
{
    s->node = p.node;
    s->near = p.near;
    s->last = p.last;
}

/* What a state's own cell does not say, and is not known of its endings together: each of
 * them is asked, until one knows the rest. */
static uint32_t ask_endings(const struct sl_words *w, uint32_t node, uint32_t symbol, uint32_t to)
{
    do {
        const struct sl_words_cell *cell;

        node = node_of(w, node)->fail;
        cell = &w->cells[(node & SL_WORDS_BASE) + symbol];
        if (cell->from == (node & SL_WORDS_BASE))
            return cell->to;
    } while ((node & SL_WORDS_FAR) != 0);
    return to;
}

/* `a` or `b`, without a branch: it would often be guessed wrong. */
static inline uint32_t choose(bool first, uint32_t a, uint32_t b)
{
    return __builtin_expect_with_probability(first, 1, 0.5) ? a : b;
}

/* The longest ending of what was read that is a beginning. `begins`: a word may. */
static inline void go(struct sl_words_seek *s, struct place *p, uint32_t symbol, bool begins)
{
    const struct sl_words *w = s->words;
    uint32_t base = p->node & SL_WORDS_BASE, root = w->root[symbol];
    const struct sl_words_cell *own = &w->cells[base + symbol];
    const struct sl_words_cell *other = &w->cells[p->near + symbol];
    uint32_t to = choose(other->from == p->near, other->to, root);

    p->near = root & SL_WORDS_BASE;
    if (p->node != base) {
        settle(s, begins);
        if ((p->node & SL_WORDS_FAR) != 0 && own->from != base) {
            p->node = ask_endings(w, p->node, symbol, to);
            return;
        }
    }
    p->node = choose(own->from == base, own->to, to);
}

static inline void take(struct sl_words_seek *s, struct place *p, const struct sl_symbol *one)
{
    bool begins = sl_letters_begins(p->last, one->kind);

    if (one->bytes == 0 || (one->kind == SL_LETTERS_SPACE && p->last == SL_LETTERS_SPACE))
        return;
    go(s, p, one->number + (begins ? s->words->half : 0), begins);
    s->at += one->bytes;
    p->last = one->kind;
    if ((p->node & SL_WORDS_ENDS) != 0 && !one->goes_on)
        look(s, p->node);
}

static void take_several(struct sl_words_seek *s, struct place *p, const struct sl_symbol *all,
                         size_t n)
{
    for (size_t i = 0; i < n; i++)
        take(s, p, &all[i]);
}

static inline void take_code(struct sl_words_seek *s, struct place *p, uint32_t code)
{
    const struct sl_symbols *symbols = s->words->symbols;
    const struct sl_symbol *one = &symbols->table[code];

    if (one->kind == SL_SYMBOLS_SEVERAL)
        take_several(s, p, symbols->more + one->number, one->bytes);
    else
        take(s, p, one);
}

void sl_words_char(struct sl_words_seek *s, uint32_t code)
{
    struct place p = place_of(s);
    struct sl_symbol all[SL_LETTERS_MOST];

    if (code < SL_SYMBOLS_TABLE)
        take_code(s, &p, code);
    else
        take_several(s, &p, all, sl_symbols_fold(s->words->symbols, code, all));
    put_back(s, p);
}

/* ---- a piece ---- */

/* The rest of a word in which no other begins: how many letters don't matter. Four at a
 * time, since where it ends would be guessed wrong as well. */
static inline const uint8_t *skip(const struct sl_words *w, const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= 4; at += 4) {
        unsigned dull = w->dull[at[0]] | (unsigned)w->dull[at[1]] << 1 |
                        (unsigned)w->dull[at[2]] << 2 | (unsigned)w->dull[at[3]] << 3;

        if (dull != 0xf)
            return at + __builtin_ctz(~dull);
    }
    while (at < end && w->dull[*at])
        at++;
    return at;
}

/* As take(), for the letters of ASCII that `text` begins with; how many there are. */
static size_t take_ascii(struct sl_words_seek *s, struct sl_str text)
{
    const struct sl_words *w = s->words;
    const uint8_t *at = (const uint8_t *)text.p, *end = at + text.n;
    struct place p = place_of(s);
    size_t spaces = 0;

    for (; at < end && *at < 0x80; at++) {
        const struct sl_words_ascii *one = &w->ascii[p.last][*at];

        if (one->again) {
            spaces++;
            continue;
        }
        go(s, &p, one->symbol, one->symbol >= w->half);
        p.last = one->kind;
        if (p.node == SL_WORDS_ROOT && p.last == SL_LETTERS_JOINED)
            at = skip(w, at + 1, end) - 1;
        else if ((p.node & SL_WORDS_ENDS) != 0)
            look(s, p.node);
    }
    put_back(s, p);
    s->at += (size_t)(at - (const uint8_t *)text.p) - spaces;
    return (size_t)(at - (const uint8_t *)text.p);
}

static inline bool goes_on(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}

/* A character of two or three bytes that `text` begins with, as most beyond ASCII; 0: none. */
static inline size_t decode_wide(struct sl_str text, uint32_t *code)
{
    uint8_t lead = (uint8_t)text.p[0];
    uint32_t two;

    if (lead < 0xc2 || lead > 0xef || text.n < 2 || !goes_on(text.p[1]))
        return 0;
    two = (lead & 0x1fu) << 6 | ((uint8_t)text.p[1] & 0x3fu);
    *code = two;
    if (lead < 0xe0)
        return 2;
    if (text.n < 3 || !goes_on(text.p[2]))
        return 0;
    *code = (two << 6 | ((uint8_t)text.p[2] & 0x3fu)) & 0xffffu;
    return *code >= 0x800 && (*code < 0xd800 || *code > 0xdfff) ? 3 : 0;
}

/* The wide characters that `text` begins with; how many bytes they have. */
static size_t take_wide(struct sl_words_seek *s, struct sl_str text)
{
    struct place p = place_of(s);
    uint32_t code = 0;
    size_t i = 0, n;

    for (; i < text.n; i += n) {
        n = decode_wide(sl_str_from(text, i), &code);
        if (n == 0)
            break;
        take_code(s, &p, code);
    }
    put_back(s, p);
    return i;
}

/* A byte of a character that is cut, or of none. */
static void take_byte(struct sl_words_seek *s, uint8_t byte)
{
    struct sl_utf8_lead lead;

    if (s->owed > 0 && byte >= s->lo && byte <= s->hi) {
        s->code = s->code << 6 | (byte & 0x3fu);
        s->lo = 0x80;
        s->hi = 0xbf;
        if (--s->owed == 0)
            sl_words_char(s, s->code);
        return;
    }
    if (s->owed > 0)
        sl_words_char(s, NOT_A_CHARACTER);
    lead = sl_utf8_lead(byte);
    s->owed = lead.due;
    s->lo = lead.lo;
    s->hi = lead.hi;
    s->code = byte & (0x3fu >> lead.due);
    if (byte < 0x80 || lead.due == 0)
        sl_words_char(s, byte < 0x80 ? byte : NOT_A_CHARACTER);
}

/* A character of four bytes that `text` begins with. 0: it is cut, or none. */
static size_t take_whole(struct sl_words_seek *s, struct sl_str text)
{
    uint32_t code = 0;
    size_t n = sl_letters_decode(text, &code);

    if (n > 0)
        sl_words_char(s, code);
    return n;
}

void sl_words_feed(struct sl_words_seek *s, struct sl_str text)
{
    while (text.n > 0) {
        size_t n = 0;

        if (s->owed == 0)
            n = (uint8_t)text.p[0] < 0x80 ? take_ascii(s, text) : take_wide(s, text);
        if (n == 0 && s->owed == 0)
            n = take_whole(s, text);
        if (n == 0) {
            take_byte(s, (uint8_t)text.p[0]);
            n = 1;
        }
        text = sl_str_from(text, n);
    }
}

size_t sl_words_open(const struct sl_words_seek *s, uint64_t lists)
{
    for (uint32_t at = s->node; at != SL_WORDS_ROOT; at = node_of(s->words, at)->fail)
        if ((node_of(s->words, at)->below & lists) != 0)
            return node_of(s->words, at)->depth;
    return 0;
}

void sl_words_rest(struct sl_words_seek *s)
{
    if (s->owed > 0)
        sl_words_char(s, NOT_A_CHARACTER);
    s->owed = 0;
    settle(s, true);
    s->node = SL_WORDS_ROOT;
    s->near = SL_WORDS_ROOT;
    s->last = SL_LETTERS_SPACE;
}

void sl_words_begin(struct sl_words_seek *s, const struct sl_words *w, uint64_t lists)
{
    SL_CHECK(w->nodes != NULL);
    memset(s, 0, sizeof(*s));
    s->words = w;
    s->lists = lists;
    s->last = SL_LETTERS_SPACE;
}
