/* policy/words/cells.h -- the tree of words laid out for the reader.
 *
 * A base is chosen for each node so that its cells fall where none are yet: the first place
 * that fits, not further back than the window. A node with all that its endings lead to has
 * some more cells than ways on; there is room for SL_CELLS_SPARE a node on average, and
 * those nearest to the root get it.
 */
#ifndef SL_POLICY_WORDS_CELLS_H
#define SL_POLICY_WORDS_CELLS_H

#include "policy/words/trie.h"

#define SL_CELLS_SPARE 1u
#define SL_CELLS_EACH 64u                   /* of it, one node */
#define SL_CELLS_MAX (SL_WORDS_NODES * 16u) /* all together */

/* Fills `cells`, `root`, `bases` and the nodes' `fail` of `w`. CEILING, NO_MEMORY. */
SL_MUST enum sl_err sl_cells_lay(struct sl_words *w, struct sl_trie *t);

#endif
