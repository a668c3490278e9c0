/* base/near.c -- how many slips lie between two words: one row after the other of the usual table.
 */
#include "base/near.h"

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The cell of `a`'s first i and `b`'s first j letters; of rows the last three are kept. */
static size_t cell(struct sl_str a, struct sl_str b, size_t i, size_t j,
                   size_t rows[3][SL_NEAR_WORD + 1])
{
    const size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *higher = rows[(i + 1) % 3];
    size_t slips = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);

    slips = least(slips, least(above[j], row[j - 1]) + 1);
    if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
        slips = least(slips, higher[j - 2] + 1);
    return slips;
}

static size_t slips_between(struct sl_str a, struct sl_str b)
{
    size_t rows[3][SL_NEAR_WORD + 1] = {{0}};

    for (size_t j = 0; j <= b.n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *row = rows[i % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.n; j++)
            row[j] = cell(a, b, i, j, rows);
    }
    return rows[a.n % 3][b.n];
}

void sl_near_init(struct sl_near *n, struct sl_str word)
{
    *n = (struct sl_near){.word = word, .best = {"", 0}, .slips = word.n < 5 ? 2 : 3};
}

void sl_near_try(struct sl_near *n, struct sl_str candidate)
{
    size_t slips;

    /* of two letters, one slip leaves nothing to know it by */
    if (n->word.n < 3 || n->word.n > SL_NEAR_WORD || candidate.n < 3 || candidate.n > SL_NEAR_WORD)
        return;
    slips = slips_between(n->word, candidate);
    if (slips >= n->slips)
        return;
    n->slips = slips;
    n->best = candidate;
}
