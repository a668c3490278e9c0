/* store/search.h -- lines of this process's own trail, the newest first.
 *
 * A part at a time: a job on the pool reads at most SL_SEARCH_PART bytes backward, from the
 * newest line or from before a number, and chooses. So a search of years costs the loop
 * nothing, and the pool's threads, which also write the trail, little at a time. What is
 * told is not verified: `sluice audit verify` does that.
 *
 * Holder   Who asks holds struct sl_search until `done`; its texts may go after the start.
 */
#ifndef SL_STORE_SEARCH_H
#define SL_STORE_SEARCH_H

#include "base/op.h"
#include "store/choice.h"
#include "store/store.h"

#define SL_SEARCH_PART ((size_t)8 << 20)
#define SL_SEARCH_TEXT ((size_t)1 << 20) /* bytes of lines in one part */
#define SL_SEARCH_VALUE 256              /* bytes of a value asked for; more: nothing has it */

struct sl_search {
    struct sl_choice choice;
    uint64_t before; /* only lines with smaller numbers; 0: all */
    size_t limit;    /* lines at most; at least 1 */
    /* the answer */
    struct sl_str lines; /* up: dies when done returns; each with its line end */
    size_t found;
    uint64_t next; /* `before` of the next part; 0: there are no older lines */
};

/* `done` with SL_OK, NO_ROUTE (no trail is kept), IO or NO_MEMORY. */
void sl_search_start(struct sl_store *s, struct sl_search *io, struct sl_op **slot,
                     sl_store_done_fn *done, void *ctx);
/* The name that this trail keeps for an address, into the choice. */
void sl_search_name_client(const struct sl_store *s, struct sl_choice *c);

#endif
