/* A text against the automaton, letter by letter.
 *
 * Whether a word ended is known only when the next letter is here: until then the lists that
 * it belongs to are due. */
#include "policy/words/inside.h"

#include "base/obj.h"

#include <string.h>

#define NOT_A_CHARACTER 0xfffdu

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
    const struct sl_words_ends *ends = &s->words->ends[s->words->nodes[node & SL_WORDS_INDEX].ends];
    uint64_t found = ends->anywhere & s->lists;

    s->due = ends->alone & s->lists & ~found;
    if (found != 0)
        count(s, found);
}

static void take(struct sl_words_seek *s, struct sl_letters_text letter)
{
    bool begins = sl_letters_begins(s->last, letter.kind);
    uint32_t node = s->node;

    if (letter.text.n == 0 || (letter.kind == SL_LETTERS_SPACE && s->last == SL_LETTERS_SPACE))
        return;
    if (s->due != 0)
        settle(s, begins);
    node = sl_words_go(s->words, node, (uint8_t)letter.text.p[0] | (begins ? SL_WORDS_MARK : 0));
    for (size_t i = 1; i < letter.text.n; i++)
        node = sl_words_go(s->words, node, (uint8_t)letter.text.p[i]);
    s->at += letter.text.n;
    s->node = node;
    s->last = letter.kind;
    if ((node & SL_WORDS_ENDS) != 0)
        look(s, node);
}

void sl_words_char(struct sl_words_seek *s, uint32_t code)
{
    char room[SL_LETTERS_BYTES];
    struct sl_letters_text all = sl_letters_fold(s->words->letters, code, room);

    if (all.kind != SL_LETTERS_SEVERAL) {
        take(s, all);
        return;
    }
    while (all.text.n > 0)
        take(s, sl_letters_part(&all.text));
}

/* The rest of a word in which no other begins: how many letters don't matter. */
static inline size_t skip(const struct sl_words *w, struct sl_str text)
{
    size_t n = 0;

    while (n < text.n && w->ascii[(uint8_t)text.p[n]].dull)
        n++;
    return n;
}

/* As take(), for the letters of ASCII that `text` begins with; how many there are. */
static size_t take_ascii(struct sl_words_seek *s, struct sl_str text)
{
    const struct sl_words *w = s->words;
    uint32_t node = s->node;
    unsigned last = s->last;
    size_t i, spaces = 0;

    for (i = 0; i < text.n && (uint8_t)text.p[i] < 0x80; i++) {
        const struct sl_words_ascii *one = &w->ascii[(uint8_t)text.p[i]];
        uint32_t symbol = one->symbol[last];

        spaces += symbol == 0;
        if (symbol == 0)
            continue;
        if ((node & SL_WORDS_ENDS) != 0)
            settle(s, (symbol & SL_WORDS_MARK) != 0);
        node = sl_words_go(w, node, symbol);
        last = one->kind;
        if (node == SL_WORDS_ROOT && last == SL_LETTERS_JOINED)
            i += skip(w, sl_str_from(text, i + 1));
        else if ((node & SL_WORDS_ENDS) != 0)
            look(s, node);
    }
    s->at += i - spaces;
    s->node = node;
    s->last = last;
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

/* A character that `text` begins with, beyond ASCII; its bytes. 0: it is cut, or none. */
static size_t take_whole(struct sl_words_seek *s, struct sl_str text)
{
    uint32_t code = 0;
    size_t n = s->owed == 0 ? sl_letters_decode(text, &code) : 0;

    if (n > 0)
        sl_words_char(s, code);
    return n;
}

void sl_words_feed(struct sl_words_seek *s, struct sl_str text)
{
    while (text.n > 0) {
        size_t n;

        if ((uint8_t)text.p[0] < 0x80 && s->owed == 0)
            n = take_ascii(s, text);
        else
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
    const struct sl_words *w = s->words;

    for (uint32_t at = s->node & SL_WORDS_INDEX; at != 0; at = w->nodes[at].fail & SL_WORDS_INDEX)
        if ((w->below[at] & lists) != 0)
            return w->nodes[at].depth;
    return 0;
}

void sl_words_rest(struct sl_words_seek *s)
{
    if (s->owed > 0)
        sl_words_char(s, NOT_A_CHARACTER);
    s->owed = 0;
    settle(s, true);
    s->node = SL_WORDS_ROOT;
    s->last = SL_LETTERS_SPACE;
}

void sl_words_begin(struct sl_words_seek *s, const struct sl_words *w, uint64_t lists)
{
    SL_CHECK(w->nodes != NULL);
    memset(s, 0, sizeof(*s));
    s->words = w;
    s->lists = lists;
    s->node = SL_WORDS_ROOT;
    s->last = SL_LETTERS_SPACE;
}
