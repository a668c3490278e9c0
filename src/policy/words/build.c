/* Words into an automaton. Sorted, the words below a node are a range; made breadth first, a
 * node comes after all that it fails to. */
#include "policy/words/inside.h"

#include "base/mem.h"
#include "base/obj.h"

#include <stdlib.h>
#include <string.h>

#define FEW 4 /* next symbols of a node without a row */

/* How many symbols two words begin with alike. */
static size_t same(const struct sl_words *w, const struct sl_word *a, const struct sl_word *b)
{
    size_t n = 0;

    while (n < a->n && n < b->n && w->text[a->at + n] == w->text[b->at + n])
        n++;
    return n;
}

static int compare(const void *a, const void *b, void *ctx)
{
    const struct sl_words *w = ctx;
    const struct sl_word *x = a, *y = b;
    size_t n = same(w, x, y);

    if (n == x->n || n == y->n)
        return (x->n > y->n) - (x->n < y->n);
    return w->text[x->at + n] < w->text[y->at + n] ? -1 : 1;
}

static size_t count_nodes(const struct sl_words *w)
{
    size_t n = 1;

    for (size_t i = 0; i < w->made_n; i++)
        n += w->made[i].n - (i > 0 ? same(w, &w->made[i - 1], &w->made[i]) : 0);
    return n;
}

struct span { /* words below a node */
    uint32_t from, to;
};

static struct sl_words_ends ends_of(const struct sl_words *w, struct span span)
{
    struct sl_words_ends ends = {0, 0};

    for (; span.from < span.to; span.from++) {
        const struct sl_word *one = &w->made[span.from];

        *(one->anywhere ? &ends.anywhere : &ends.alone) |= UINT64_C(1) << one->list;
    }
    return ends;
}

/* What ends at a node, also in the middle of it; the words of the range that go on behind it. */
static uint32_t take_ends(struct sl_words *w, struct sl_words_node *node, struct span span)
{
    struct span here = {span.from, span.from};
    uint32_t inner = w->nodes[node->fail & SL_WORDS_INDEX].ends;
    struct sl_words_ends ends;

    while (here.to < span.to && w->made[here.to].n == node->depth)
        here.to++;
    ends = ends_of(w, here);
    node->ends = inner;
    if (here.to > here.from) {
        ends.alone |= w->ends[inner].alone;
        ends.anywhere |= w->ends[inner].anywhere;
        node->ends = (uint32_t)w->ends_n;
        w->ends[w->ends_n++] = ends;
    }
    return here.to;
}

static uint32_t symbol_at(const struct sl_words *w, uint32_t word, size_t depth)
{
    return w->text[w->made[word].at + depth];
}

static void put_cell(struct sl_words *w, uint32_t key, uint32_t to)
{
    uint32_t i = sl_words_place(w, key);

    while (w->cells[i].key != 0)
        i = (i + 1) & (UINT32_MAX >> w->cells_shift);
    w->cells[i] = (struct sl_words_cell){key, to};
}

/* The words of the range that go on with the first one's next symbol. */
static struct span span_of(const struct sl_words *w, struct span all, size_t depth)
{
    struct span one = {all.from, all.from};
    uint32_t symbol = symbol_at(w, all.from, depth);

    while (one.to < all.to && symbol_at(w, one.to, depth) == symbol)
        one.to++;
    return one;
}

/* How many next symbols a node has. */
static size_t count_next(const struct sl_words *w, struct span all, size_t depth)
{
    size_t n = 0;

    for (; all.from < all.to; n++)
        all.from = span_of(w, all, depth).to;
    return n;
}

/* Where a node with these words leads that was just numbered: its number, and what is known
 * of it. */
static uint32_t mark_of(const struct sl_words *w, uint32_t at, struct span behind)
{
    const struct sl_words_node *node = &w->nodes[at];

    return at | (node->ends != 0 ? SL_WORDS_ENDS : 0) |
           (count_next(w, behind, node->depth) > FEW ? SL_WORDS_ROW : 0);
}

/* From `parent` on by a symbol, with the words of `span`; where that leads. The root's row
 * knows what a marked symbol led to before, unmarked: the same, for words anywhere. */
static uint32_t add_child(struct sl_words *w, struct span *spans, uint32_t parent, uint32_t symbol,
                          struct span span)
{
    uint32_t at = w->nodes_n++;
    struct sl_words_node *up = &w->nodes[parent], *node = &w->nodes[at];
    struct sl_words_ends all = ends_of(w, span);

    node->depth = (uint16_t)(up->depth + 1);
    node->fail = parent == 0 ? w->rows[0].to[symbol] : sl_words_go(w, up->fail, symbol);
    w->below[at] = all.alone | all.anywhere;
    span.from = take_ends(w, node, span);
    spans[at] = span;
    return mark_of(w, at, span);
}

static struct sl_words_row *row_room(struct sl_words *w)
{
    if (w->rows_n == w->rows_cap) {
        size_t cap = w->rows_cap > 0 ? w->rows_cap * 2 : 16;
        struct sl_words_row *grown = sl_mem_grow(w->rows, cap * sizeof(*grown));

        if (grown == NULL)
            return NULL;
        w->rows = grown;
        w->rows_cap = cap;
    }
    return &w->rows[w->rows_n];
}

/* A row for a node: what its longest ending leads to, until its own are known. False: no
 * memory. */
static bool add_row(struct sl_words *w, uint32_t node)
{
    struct sl_words_row *row = row_room(w);

    if (row == NULL)
        return false;
    for (uint32_t symbol = 0; symbol < SL_WORDS_SYMBOLS; symbol++)
        row->to[symbol] = node == 0 ? SL_WORDS_ROOT : sl_words_go(w, w->nodes[node].fail, symbol);
    w->nodes[node].row = (uint32_t)w->rows_n++;
    return true;
}

/* Unmarked symbols come first, so a marked one that follows stands over them. */
static void put_child(struct sl_words *w, uint32_t parent, bool has_row, uint32_t symbol,
                      uint32_t to)
{
    struct sl_words_row *row = &w->rows[w->nodes[parent].row];

    if (!has_row) {
        put_cell(w, sl_words_key(parent, symbol), to);
        return;
    }
    row->to[symbol] = to;
    if (parent == 0 && symbol < SL_WORDS_MARK)
        row->to[symbol | SL_WORDS_MARK] = to;
}

static bool add_children(struct sl_words *w, struct span *spans, uint32_t node)
{
    struct span all = spans[node];
    size_t depth = w->nodes[node].depth;
    bool has_row = node == 0 || count_next(w, all, depth) > FEW;

    if (has_row && !add_row(w, node))
        return false;
    while (all.from < all.to) {
        struct span one = span_of(w, all, depth);
        uint32_t symbol = symbol_at(w, all.from, depth);

        put_child(w, node, has_row, symbol, add_child(w, spans, node, symbol, one));
        all.from = one.to;
    }
    return true;
}

/* Breadth first: what a node fails to is whole before it. */
static bool connect(struct sl_words *w, struct span *spans)
{
    spans[0] = (struct span){0, (uint32_t)w->made_n};
    for (uint32_t i = 0; i < w->nodes_n; i++)
        if (!add_children(w, spans, i))
            return false;
    return true;
}

/* Zeroed. False: no memory. */
static bool room_for_nodes(struct sl_words *w, size_t n)
{
    unsigned bits = 4;

    while ((size_t)1 << bits < n * 2)
        bits++;
    w->cells_shift = 32 - bits;
    w->nodes = sl_mem_try(n * sizeof(*w->nodes));
    w->ends = sl_mem_try((w->made_n + 1) * sizeof(*w->ends));
    w->below = sl_mem_try(n * sizeof(*w->below));
    w->cells = sl_mem_try(sizeof(*w->cells) << bits);
    if (w->nodes == NULL || w->ends == NULL || w->below == NULL || w->cells == NULL)
        return false;
    memset(w->nodes, 0, n * sizeof(*w->nodes));
    memset(w->ends, 0, sizeof(*w->ends));
    memset(w->below, 0, sizeof(*w->below));
    memset(w->cells, 0, sizeof(*w->cells) << bits);
    w->nodes_n = 1;
    w->ends_n = 1;
    return true;
}

/* What becomes of ASCII, when the root's row is known. */
static void learn_ascii(struct sl_words *w)
{
    char room[SL_LETTERS_BYTES];

    for (uint32_t code = 0; code < 128; code++) {
        struct sl_letters_text letter = sl_letters_fold(w->letters, code, room);
        struct sl_words_ascii *one = &w->ascii[code];
        uint8_t byte = (uint8_t)letter.text.p[0];

        SL_CHECK(letter.text.n == 1);
        for (unsigned before = 0; before < SL_LETTERS_SEVERAL; before++)
            one->symbol[before] =
                (uint16_t)(byte | (sl_letters_begins(before, letter.kind) ? SL_WORDS_MARK : 0));
        if (letter.kind == SL_LETTERS_SPACE)
            one->symbol[SL_LETTERS_SPACE] = 0;
        one->kind = (uint8_t)letter.kind;
        one->dull = letter.kind == SL_LETTERS_JOINED && w->rows[0].to[byte] == SL_WORDS_ROOT;
    }
}

enum sl_err sl_words_done(struct sl_words *w)
{
    size_t n;
    struct span *spans;
    bool done;

    SL_CHECK(w->nodes == NULL);
    if (w->made_n > 0)
        qsort_r(w->made, w->made_n, sizeof(*w->made), compare, w);
    n = count_nodes(w);
    if (n > SL_WORDS_NODES)
        return SL_ERR_CEILING;
    spans = sl_mem_try(n * sizeof(*spans));
    done = spans != NULL && room_for_nodes(w, n) && connect(w, spans);
    SL_CHECK(!done || w->nodes_n == n);
    sl_mem_free(spans);
    if (done)
        learn_ascii(w);
    return done ? SL_OK : SL_ERR_NO_MEMORY;
}
