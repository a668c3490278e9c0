/* Words into an automaton. Sorted, the words below a node are a range, and nodes made
 * breadth first have their children side by side. */
#include "policy/words/inside.h"

#include "base/mem.h"
#include "base/obj.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 200000

/* ---- words as they are added ---- */

static bool room_for(struct sl_words *w, size_t bytes)
{
    size_t cap;

    if (w->made_n == w->made_cap) {
        struct sl_word *grown;

        cap = w->made_cap > 0 ? w->made_cap * 2 : 64;
        grown = sl_mem_grow(w->made, cap * sizeof(*grown));
        if (grown == NULL)
            return false;
        w->made = grown;
        w->made_cap = cap;
    }
    if (w->text_n + bytes > w->text_cap) {
        char *grown;

        cap = w->text_cap > 0 ? w->text_cap * 2 : 4096;
        grown = sl_mem_grow(w->text, cap);
        if (grown == NULL)
            return false;
        w->text = grown;
        w->text_cap = cap;
    }
    return true;
}

/* Folded into `out`, without spaces at its ends; BAD_FIELD, CEILING. */
static enum sl_err fold_word(const struct sl_words *w, struct sl_str word, char out[SL_WORDS_BYTES],
                             size_t *n)
{
    char room[SL_LETTERS_BYTES];
    enum sl_letters_kind kind, last = SL_LETTERS_SPACE;
    uint32_t code;
    size_t used;

    for (*n = 0; (used = sl_words_decode(word, &code)) > 0; word = sl_str_from(word, used)) {
        struct sl_str one = sl_letters_fold(w->letters, code, room, &kind);

        if (one.n == 0 || (kind == SL_LETTERS_SPACE && last == SL_LETTERS_SPACE))
            continue;
        if (one.n > SL_WORDS_BYTES - *n)
            return SL_ERR_CEILING;
        memcpy(out + *n, one.p, one.n);
        *n += one.n;
        last = kind;
    }
    if (*n > 0 && last == SL_LETTERS_SPACE)
        (*n)--;
    return word.n > 0 || *n == 0 ? SL_ERR_BAD_FIELD : SL_OK;
}

enum sl_err sl_words_add(struct sl_words *w, unsigned list, bool anywhere, struct sl_str word)
{
    char folded[SL_WORDS_BYTES];
    size_t n;
    enum sl_err e;

    SL_CHECK(w->nodes == NULL && list < SL_WORDS_LISTS);
    e = fold_word(w, word, folded, &n);
    if (e != SL_OK)
        return e;
    if (w->made_n == WORDS_MAX)
        return SL_ERR_CEILING;
    if (!room_for(w, n))
        return SL_ERR_NO_MEMORY;
    memcpy(w->text + w->text_n, folded, n);
    w->made[w->made_n++] = (struct sl_word){
        .at = (uint32_t)w->text_n, .n = (uint16_t)n, .list = (uint8_t)list, .anywhere = anywhere};
    w->text_n += n;
    return SL_OK;
}

/* ---- the automaton ---- */

static struct sl_str text_of(const struct sl_words *w, const struct sl_word *one)
{
    return (struct sl_str){w->text + one->at, one->n};
}

static int compare(const void *a, const void *b, void *ctx)
{
    struct sl_str x = text_of(ctx, a), y = text_of(ctx, b);
    int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

    return order != 0 ? order : x.n < y.n ? -1 : x.n > y.n;
}

static size_t count_nodes(const struct sl_words *w)
{
    size_t n = 1;
    struct sl_str before = {"", 0};

    for (size_t i = 0; i < w->made_n; i++) {
        struct sl_str word = text_of(w, &w->made[i]);
        size_t same = 0;

        while (same < word.n && same < before.n && word.p[same] == before.p[same])
            same++;
        n += word.n - same;
        before = word;
    }
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

/* What ends at a node, and the words of the range that go on behind it. */
static uint32_t take_ends(struct sl_words *w, struct sl_words_node *node, struct span span)
{
    struct span here = {span.from, span.from};
    struct sl_words_ends ends;

    while (here.to < span.to && w->made[here.to].n == node->depth)
        here.to++;
    ends = ends_of(w, here);
    if ((ends.alone | ends.anywhere) != 0) {
        node->ends = (uint32_t)w->ends_n;
        w->ends[w->ends_n++] = ends;
    }
    return here.to;
}

static void add_child(struct sl_words *w, struct span *spans, uint32_t parent, uint8_t byte,
                      struct span span)
{
    uint32_t at = w->nodes_n++;
    struct sl_words_node *up = &w->nodes[parent], *node = &w->nodes[at];

    if (up->first == 0)
        up->first = at;
    if (at - up->first < SL_WORDS_FEW)
        up->bytes[up->few++] = byte;
    memset(node, 0, sizeof(*node));
    node->depth = (uint16_t)(up->depth + 1);
    node->fail = parent == 0 ? 0 : sl_words_go(w, up->fail, byte);
    w->below[at] = ends_of(w, span);
    span.from = take_ends(w, node, span);
    spans[at] = span;
}

static uint8_t byte_at(const struct sl_words *w, uint32_t word, size_t depth)
{
    return (uint8_t)text_of(w, &w->made[word]).p[depth];
}

static void add_children(struct sl_words *w, struct span *spans, uint32_t node)
{
    struct span all = spans[node];
    size_t depth = w->nodes[node].depth;

    while (all.from < all.to) {
        uint8_t byte = byte_at(w, all.from, depth);
        struct span one = {all.from, all.from};

        while (one.to < all.to && byte_at(w, one.to, depth) == byte)
            one.to++;
        add_child(w, spans, node, byte, one);
        all.from = one.to;
    }
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

/* A row for a node with many next bytes: those of its words, `all`, over those of its
 * longest ending. False: no memory. */
static bool add_row(struct sl_words *w, uint32_t node, struct span all)
{
    struct sl_words_row *row;
    uint32_t child = w->nodes[node].first;
    size_t depth = w->nodes[node].depth;

    if (node != 0 && (child == 0 || w->nodes_n - child <= SL_WORDS_FEW))
        return true;
    row = row_room(w);
    if (row == NULL)
        return false;
    for (size_t byte = 0; byte < 256; byte++)
        row->to[byte] = node == 0 ? 0 : sl_words_go(w, w->nodes[node].fail, (uint8_t)byte);
    for (uint32_t i = all.from; i < all.to; i++)
        if (i == all.from || byte_at(w, i, depth) != byte_at(w, i - 1, depth))
            row->to[byte_at(w, i, depth)] = child++;
    w->nodes[node].row = (uint32_t)w->rows_n++;
    return true;
}

/* Breadth first: what a node fails to is whole before it. */
static bool connect(struct sl_words *w, struct span *spans)
{
    spans[0] = (struct span){0, (uint32_t)w->made_n};
    for (uint32_t i = 0; i < w->nodes_n; i++) {
        uint32_t fail = w->nodes[i].fail;

        w->nodes[i].next = w->nodes[fail].ends != 0 ? fail : w->nodes[fail].next;
        add_children(w, spans, i);
        if (!add_row(w, i, spans[i]))
            return false;
    }
    return true;
}

enum sl_err sl_words_done(struct sl_words *w)
{
    size_t n;
    struct span *spans;
    bool done = false;

    SL_CHECK(w->nodes == NULL);
    if (w->made_n > 0)
        qsort_r(w->made, w->made_n, sizeof(*w->made), compare, w);
    n = count_nodes(w);
    if (n > SL_WORDS_NODES)
        return SL_ERR_CEILING;
    spans = sl_mem_try(n * sizeof(*spans));
    w->nodes = sl_mem_try(n * sizeof(*w->nodes));
    w->ends = sl_mem_try((w->made_n + 1) * sizeof(*w->ends));
    w->below = sl_mem_try(n * sizeof(*w->below));
    if (spans != NULL && w->nodes != NULL && w->ends != NULL && w->below != NULL) {
        memset(w->nodes, 0, sizeof(*w->nodes));
        memset(w->ends, 0, sizeof(*w->ends));
        memset(w->below, 0, sizeof(*w->below));
        w->nodes_n = 1;
        w->ends_n = 1;
        done = connect(w, spans);
        SL_CHECK(!done || w->nodes_n == n);
    }
    sl_mem_free(spans);
    return done ? SL_OK : SL_ERR_NO_MEMORY;
}

static void learn_ascii(struct sl_words *w)
{
    char room[SL_LETTERS_BYTES];
    enum sl_letters_kind kind;

    for (uint32_t code = 0; code < 128; code++) {
        struct sl_str text = sl_letters_fold(w->letters, code, room, &kind);

        if (text.n == 1)
            w->ascii[code] = (struct sl_words_letter){text.p[0], (uint8_t)kind, true};
    }
}

struct sl_words *sl_words_new(void)
{
    struct sl_words *w = sl_mem_try(sizeof(*w));

    if (w == NULL)
        return NULL;
    memset(w, 0, sizeof(*w));
    w->letters = sl_letters_new();
    if (w->letters == NULL)
        sl_words_end(&w);
    else
        learn_ascii(w);
    return w;
}

void sl_words_end(struct sl_words **pw)
{
    struct sl_words *w = *pw;

    *pw = NULL;
    if (w == NULL)
        return;
    sl_letters_end(&w->letters);
    sl_mem_free(w->made);
    sl_mem_free(w->text);
    sl_mem_free(w->nodes);
    sl_mem_free(w->ends);
    sl_mem_free(w->below);
    sl_mem_free(w->rows);
    sl_mem_free(w);
}
