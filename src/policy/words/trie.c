/* Words into a tree. Sorted, the words below a node are a range. */
#include "policy/words/trie.h"

#include "base/mem.h"
#include "base/obj.h"

#include <stdlib.h>
#include <string.h>

#define SETS 64 /* of ends, that are compared with a new one */

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

static uint32_t symbol_at(const struct sl_words *w, uint32_t word, size_t depth)
{
    return w->text[w->made[word].at + depth];
}

/* ---- from node to node ---- */

static uint32_t find(const struct sl_trie *t, const struct sl_trie_node *up, uint32_t symbol)
{
    uint32_t from = up->kids, to = up->kids + up->kids_n;

    while (from < to) {
        uint32_t middle = from + (to - from) / 2;

        if (t->nodes[middle].symbol == symbol)
            return middle;
        if (t->nodes[middle].symbol < symbol)
            from = middle + 1;
        else
            to = middle;
    }
    return 0;
}

uint32_t sl_trie_next(const struct sl_trie *t, uint32_t at, uint32_t symbol)
{
    uint32_t to = find(t, &t->nodes[at], symbol);

    return to == 0 && at == 0 && symbol >= t->half ? find(t, &t->nodes[0], symbol - t->half) : to;
}

/* Of what `parent` goes on to by a symbol that is not there yet: from the root, the plain one,
 * which came before. */
static uint32_t fail_of(const struct sl_trie *t, uint32_t parent, uint32_t symbol)
{
    uint32_t to = parent == 0 ? sl_trie_next(t, 0, symbol) : 0;

    while (parent != 0 && to == 0) {
        parent = t->nodes[parent].fail;
        to = sl_trie_next(t, parent, symbol);
    }
    return to;
}

/* ---- what ends where ---- */

static struct sl_words_ends ends_of(const struct sl_words *w, uint32_t from, uint32_t to)
{
    struct sl_words_ends ends = {0, 0};

    for (; from < to; from++) {
        const struct sl_word *one = &w->made[from];

        *(one->anywhere ? &ends.anywhere : &ends.alone) |= UINT64_C(1) << one->list;
    }
    return ends;
}

/* Where such a set stands, which most often is one of the last that came. */
static uint32_t place_ends(struct sl_words *w, struct sl_words_ends ends)
{
    size_t from = w->ends_n > SETS ? w->ends_n - SETS : 0;

    for (size_t i = from; i < w->ends_n; i++)
        if (w->ends[i].alone == ends.alone && w->ends[i].anywhere == ends.anywhere)
            return (uint32_t)i;
    w->ends[w->ends_n] = ends;
    return (uint32_t)w->ends_n++;
}

/* What ends at a node, also in the middle of it; only longer words stay below. */
static void take_ends(const struct sl_trie *t, struct sl_words *w, struct sl_trie_node *node)
{
    uint32_t from = node->from;
    struct sl_words_ends ends;

    while (node->from < node->to && w->made[node->from].n == node->depth)
        node->from++;
    node->ends = t->nodes[node->fail].ends;
    if (node->from == from)
        return;
    ends = ends_of(w, from, node->from);
    ends.alone |= w->ends[node->ends].alone;
    ends.anywhere |= w->ends[node->ends].anywhere;
    node->ends = place_ends(w, ends);
}

/* ---- breadth first ---- */

/* With the words from `from` to `to`; how many bytes it has is asked of its last letter. */
static void add_node(struct sl_trie *t, struct sl_words *w, uint32_t parent, uint32_t from,
                     uint32_t to)
{
    struct sl_trie_node *up = &t->nodes[parent], *node = &t->nodes[t->n];
    struct sl_words_node *made = &w->nodes[t->n];
    uint32_t symbol = symbol_at(w, from, up->depth);
    struct sl_words_ends all = ends_of(w, from, to);
    uint32_t code = w->symbols->codes[symbol % t->half - 1];

    *node = (struct sl_trie_node){.from = from, .to = to, .symbol = symbol};
    node->depth = (uint16_t)(up->depth + 1);
    node->fail = fail_of(t, parent, symbol);
    *made = (struct sl_words_node){.below = all.alone | all.anywhere};
    made->depth = (uint16_t)(w->nodes[parent].depth + sl_letters_bytes(code));
    take_ends(t, w, node);
    t->n++;
    up->kids_n++;
}

static void add_kids(struct sl_trie *t, struct sl_words *w, uint32_t at)
{
    struct sl_trie_node *node = &t->nodes[at];
    uint32_t from = node->from, to;

    node->kids = t->n;
    for (; from < node->to; from = to) {
        uint32_t symbol = symbol_at(w, from, node->depth);

        for (to = from + 1; to < node->to && symbol_at(w, to, node->depth) == symbol;)
            to++;
        add_node(t, w, at, from, to);
    }
}

enum sl_err sl_trie_make(struct sl_trie *t, struct sl_words *w)
{
    size_t n;

    *t = (struct sl_trie){.half = w->half};
    if (w->made_n > 0)
        qsort_r(w->made, w->made_n, sizeof(*w->made), compare, w);
    n = count_nodes(w);
    if (n > SL_WORDS_NODES)
        return SL_ERR_CEILING;
    t->nodes = sl_mem_try(n * sizeof(*t->nodes));
    w->nodes = sl_mem_try(n * sizeof(*w->nodes));
    w->ends = sl_mem_try((w->made_n + 1) * sizeof(*w->ends));
    if (t->nodes == NULL || w->nodes == NULL || w->ends == NULL)
        return SL_ERR_NO_MEMORY;
    w->ends[w->ends_n++] = (struct sl_words_ends){0, 0};
    w->nodes[0] = (struct sl_words_node){.below = 0};
    t->nodes[t->n++] = (struct sl_trie_node){.to = (uint32_t)w->made_n};
    for (uint32_t i = 0; i < t->n; i++)
        add_kids(t, w, i);
    SL_CHECK(t->n == n);
    return SL_OK;
}

void sl_trie_free(struct sl_trie *t)
{
    sl_mem_free(t->nodes);
    t->nodes = NULL;
}
