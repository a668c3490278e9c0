/* Nodes into cells, breadth first, so that the ones that most texts come by are close together. */
#include "policy/words/cells.h"

#include "base/mem.h"

#include <string.h>

#define WINDOW 512 /* places that are tried again for each node */

struct way { /* on from a node */
    uint32_t symbol, to;
};

struct layer {
    struct sl_words *w; /* up */
    struct sl_trie *t;  /* up */
    struct way *ways;   /* owns: of one node */
    uint32_t *seen;     /* owns: a symbol each, the last node with a way by it */
    size_t ways_n;
    size_t spare;
    size_t from[2]; /* where places are looked for: for one cell; for more */
    size_t end;     /* of the cells that may be asked for */
    uint32_t symbols;
    enum sl_err err;
};

/* ---- all ways on ---- */

static void add_ways(struct layer *l, uint32_t at, uint32_t of)
{
    const struct sl_trie_node *node = &l->t->nodes[of];

    for (uint32_t kid = node->kids; kid < node->kids + node->kids_n; kid++) {
        uint32_t symbol = l->t->nodes[kid].symbol;

        if (l->seen[symbol] == at)
            continue;
        l->seen[symbol] = at;
        l->ways[l->ways_n++] = (struct way){symbol, kid};
    }
}

/* A node's own, and those of its endings, but for what the last letter alone leads to. A
 * single letter's are always whole: those of the plain one, and no more in all than nodes. */
static void gather(struct layer *l, uint32_t at)
{
    struct sl_trie_node *node = &l->t->nodes[at];
    uint32_t near = node->depth > 1 ? sl_trie_next(l->t, 0, node->symbol) : 0;
    size_t own, most = l->spare < SL_CELLS_EACH ? l->spare : SL_CELLS_EACH;

    l->ways_n = 0;
    add_ways(l, at, at);
    own = l->ways_n;
    for (uint32_t f = node->fail; f != near && f != 0; f = l->t->nodes[f].fail) {
        add_ways(l, at, f);
        node->far = node->depth > 1 && l->ways_n - own > most;
        if (node->far)
            break;
    }
    if (node->far)
        l->ways_n = own;
    else if (node->depth > 1)
        l->spare -= l->ways_n - own;
}

/* ---- a place for them ---- */

/* Empty cells up to `n`. False: see `err`. */
static bool room_for(struct layer *l, size_t n)
{
    struct sl_words *w = l->w;
    size_t cap = w->cells_n * 2 > n ? w->cells_n * 2 : n;
    struct sl_words_cell *cells;
    struct sl_words_base *bases;

    if (n <= w->cells_n)
        return true;
    l->err = n > SL_CELLS_MAX ? SL_ERR_CEILING : SL_ERR_NO_MEMORY;
    if (n > SL_CELLS_MAX)
        return false;
    cells = sl_mem_grow(w->cells, cap * sizeof(*cells));
    if (cells == NULL)
        return false;
    w->cells = cells;
    bases = sl_mem_grow(w->bases, cap * sizeof(*bases));
    if (bases == NULL)
        return false;
    w->bases = bases;
    memset(cells + w->cells_n, 0xff, (cap - w->cells_n) * sizeof(*cells));
    memset(bases + w->cells_n, 0, (cap - w->cells_n) * sizeof(*bases));
    w->cells_n = cap;
    l->err = SL_OK;
    return true;
}

static bool is_free(const struct layer *l, size_t cell)
{
    return l->w->cells[cell].from == SL_WORDS_NOBODY;
}

/* Would the first way's cell be this one? */
static bool fits(const struct layer *l, size_t cell)
{
    size_t base = cell - l->ways[0].symbol;

    if (cell <= l->ways[0].symbol || l->w->bases[base].node != 0)
        return false;
    for (size_t i = 0; i < l->ways_n; i++)
        if (!is_free(l, base + l->ways[i].symbol))
            return false;
    return true;
}

/* The first place in the window that fits; where none does, the window moves on for good. 0:
 * none, see `err`. */
static uint32_t find_base(struct layer *l)
{
    size_t *from = &l->from[l->ways_n > 1];

    for (;; *from += WINDOW) {
        while (*from < l->w->cells_n && !is_free(l, *from))
            ++*from;
        if (!room_for(l, *from + WINDOW + l->symbols))
            return 0;
        for (size_t cell = *from; cell < *from + WINDOW; cell++)
            if (fits(l, cell))
                return (uint32_t)(cell - l->ways[0].symbol);
    }
}

static void settle(struct layer *l, uint32_t at, uint32_t base)
{
    struct sl_words_cell *cells = l->w->cells + base;

    for (size_t i = 0; i < l->ways_n; i++)
        cells[l->ways[i].symbol] = (struct sl_words_cell){base, l->ways[i].to};
    l->t->nodes[at].base = base;
    l->w->bases[base] = (struct sl_words_base){at, l->t->nodes[at].ends};
    if (l->end < base + (size_t)l->symbols)
        l->end = base + (size_t)l->symbols;
}

static bool place(struct layer *l, uint32_t at)
{
    uint32_t base;

    gather(l, at);
    if (l->ways_n == 0)
        return true;
    base = find_base(l);
    if (base != 0)
        settle(l, at, base);
    return base != 0;
}

/* Those from which nothing goes on have no cells, but a base that no other has. */
static bool place_ends(struct layer *l)
{
    uint32_t base = 1;

    l->ways_n = 0;
    for (uint32_t at = 1; at < l->t->n; at++) {
        if (l->t->nodes[at].base != 0)
            continue;
        for (; room_for(l, base + (size_t)l->symbols) && l->w->bases[base].node != 0; base++)
            ;
        if (l->err != SL_OK)
            return false;
        settle(l, at, base);
    }
    return true;
}

/* ---- nodes become states ---- */

static uint32_t state_of(const struct layer *l, uint32_t at)
{
    const struct sl_trie_node *node = &l->t->nodes[at];

    return node->base | (node->ends != 0 ? SL_WORDS_ENDS : 0) | (node->far ? SL_WORDS_FAR : 0);
}

/* A plain symbol comes first; one that begins a word leads to the same if to nothing longer. */
static void fill_root(struct layer *l)
{
    const struct sl_trie_node *root = &l->t->nodes[0];
    uint32_t *to = l->w->root, half = l->t->half;

    memset(to, 0, l->symbols * sizeof(*to));
    for (uint32_t kid = root->kids; kid < root->kids + root->kids_n; kid++) {
        uint32_t symbol = l->t->nodes[kid].symbol;

        to[symbol] = state_of(l, kid);
        if (symbol < half)
            to[symbol + half] = to[symbol];
    }
}

static void name_states(struct layer *l)
{
    struct sl_words *w = l->w;

    for (size_t i = 0; i < w->cells_n; i++)
        if (!is_free(l, i))
            w->cells[i].to = state_of(l, w->cells[i].to);
    for (uint32_t at = 0; at < l->t->n; at++)
        w->nodes[at].fail = state_of(l, l->t->nodes[at].fail);
    fill_root(l);
}

/* What was grown for more nodes than came. */
static void give_back(struct layer *l)
{
    struct sl_words *w = l->w;
    void *cells = sl_mem_grow(w->cells, l->end * sizeof(*w->cells));
    void *bases = sl_mem_grow(w->bases, l->end * sizeof(*w->bases));

    w->cells = cells != NULL ? cells : w->cells;
    w->bases = bases != NULL ? bases : w->bases;
    w->cells_n = l->end;
}

static bool lay(struct layer *l)
{
    if (!room_for(l, l->symbols + 1))
        return false;
    for (uint32_t at = 1; at < l->t->n; at++)
        if (!place(l, at))
            return false;
    if (!place_ends(l))
        return false;
    name_states(l);
    give_back(l);
    return true;
}

enum sl_err sl_cells_lay(struct sl_words *w, struct sl_trie *t)
{
    struct layer l = {.w = w, .t = t, .symbols = 2 * t->half, .err = SL_ERR_NO_MEMORY};

    l.spare = (size_t)t->n * SL_CELLS_SPARE;
    l.end = l.symbols + 1;
    l.ways = sl_mem_try(l.symbols * sizeof(*l.ways));
    l.seen = sl_mem_try(l.symbols * sizeof(*l.seen));
    w->root = sl_mem_try(l.symbols * sizeof(*w->root));
    if (l.ways != NULL && l.seen != NULL && w->root != NULL) {
        memset(l.seen, 0, l.symbols * sizeof(*l.seen));
        l.err = SL_OK;
        if (lay(&l))
            l.err = SL_OK;
    }
    sl_mem_free(l.ways);
    sl_mem_free(l.seen);
    return l.err;
}
