/* A text against the automaton, character by character.
 *
 * Whether a word ended is known only when the next character is here: until then the
 * lists that it belongs to are due. */
#include "policy/words/inside.h"

#include "base/obj.h"
#include "base/utf8.h"

#include <string.h>

#define NOT_A_CHARACTER 0xfffdu

size_t sl_words_decode(struct sl_str text, uint32_t *code)
{
    size_t n = sl_utf8_len(text.p, text.n);

    if (n == 0)
        return 0;
    *code = (uint8_t)text.p[0] & (n == 1 ? 0x7fu : 0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        *code = *code << 6 | ((uint8_t)text.p[i] & 0x3fu);
    return n;
}

static void count(struct sl_words_seek *s, uint64_t lists)
{
    s->found |= lists;
    for (; lists != 0; lists &= lists - 1) {
        uint32_t *n = &s->count[__builtin_ctzll(lists)];

        *n += *n < UINT32_MAX;
    }
}

/* May a word begin that many bytes ago? */
static inline bool is_start(const struct sl_words_seek *s, uint16_t depth)
{
    uint64_t start = (s->at - depth) % SL_WORDS_BYTES;

    return (s->starts[start / 64] >> start % 64 & 1) != 0;
}

/* Lists of which a word is due or found count once, however many of its words end here. */
static void look(struct sl_words_seek *s)
{
    const struct sl_words_node *nodes = s->words->nodes;
    uint32_t at = nodes[s->node].ends != 0 ? s->node : nodes[s->node].next;
    uint64_t found = 0;

    for (; at != 0; at = nodes[at].next) {
        const struct sl_words_ends *ends = &s->words->ends[nodes[at].ends];

        found |= ends->anywhere & s->lists;
        if (is_start(s, nodes[at].depth))
            s->due |= ends->alone & s->lists;
    }
    s->due &= ~found;
    if (found != 0)
        count(s, found);
}

static inline void step(struct sl_words_seek *s, uint8_t byte, bool begins)
{
    uint64_t bit = UINT64_C(1) << s->at % 64, *part = &s->starts[s->at % SL_WORDS_BYTES / 64];

    *part = begins ? *part | bit : *part & ~bit;
    s->at++;
    s->node = sl_words_go(s->words, s->node, byte);
}

static inline void take(struct sl_words_seek *s, struct sl_str text, enum sl_letters_kind kind)
{
    bool joined = s->last == SL_LETTERS_JOINED && kind == SL_LETTERS_JOINED;

    if (text.n == 0 || (kind == SL_LETTERS_SPACE && s->last == SL_LETTERS_SPACE))
        return;
    if (s->due != 0 && !joined)
        count(s, s->due);
    s->due = 0;
    for (size_t i = 0; i < text.n; i++)
        step(s, (uint8_t)text.p[i], i == 0 && !joined);
    s->last = kind;
    if (s->node != 0)
        look(s);
}

static inline void take_ascii(struct sl_words_seek *s, uint8_t byte)
{
    const struct sl_words_letter *letter = &s->words->ascii[byte];

    if (letter->one)
        take(s, (struct sl_str){&letter->byte, 1}, (enum sl_letters_kind)letter->kind);
}

void sl_words_char(struct sl_words_seek *s, uint32_t code)
{
    char room[SL_LETTERS_BYTES];
    enum sl_letters_kind kind;
    struct sl_str text = sl_letters_fold(s->words->letters, code, room, &kind);

    take(s, text, kind);
}

static void more(struct sl_words_seek *s, uint8_t byte)
{
    s->code = s->code << 6 | (byte & 0x3fu);
    s->lo = 0x80;
    s->hi = 0xbf;
    if (--s->owed == 0)
        sl_words_char(s, s->code);
}

void sl_words_feed(struct sl_words_seek *s, struct sl_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        uint8_t byte = (uint8_t)text.p[i];
        struct sl_utf8_lead lead;

        if (s->owed > 0 && byte >= s->lo && byte <= s->hi) {
            more(s, byte);
            continue;
        }
        if (s->owed > 0)
            sl_words_char(s, NOT_A_CHARACTER);
        s->owed = 0;
        if (byte < 0x80) {
            take_ascii(s, byte);
            continue;
        }
        lead = sl_utf8_lead(byte);
        s->owed = lead.due;
        s->lo = lead.lo;
        s->hi = lead.hi;
        s->code = byte & (0x3fu >> lead.due);
        if (lead.due == 0)
            sl_words_char(s, NOT_A_CHARACTER);
    }
}

size_t sl_words_open(const struct sl_words_seek *s, uint64_t lists)
{
    const struct sl_words_node *nodes = s->words->nodes;

    for (uint32_t at = s->node; at != 0; at = nodes[at].fail) {
        const struct sl_words_ends *below = &s->words->below[at];

        if ((below->anywhere & lists) != 0 ||
            ((below->alone & lists) != 0 && is_start(s, nodes[at].depth)))
            return nodes[at].depth;
    }
    return 0;
}

void sl_words_rest(struct sl_words_seek *s)
{
    if (s->owed > 0)
        sl_words_char(s, NOT_A_CHARACTER);
    s->owed = 0;
    if (s->due != 0)
        count(s, s->due);
    s->due = 0;
    s->node = 0;
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
