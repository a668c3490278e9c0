/* store/cache/s3fifo.h -- values by key in bounded memory, what is asked again stays.
 *
 * S3-FIFO (Yang et al., SOSP 2023; why: store/cache.h). New keys enter a small
 * queue of a tenth of the bytes. At its end, who was asked more than once moves
 * to the main queue, the others leave, and their keys are remembered for a while
 * (the ghosts): who comes back then enters the main queue at once. At the main
 * queue's end, who was asked since goes round again. A hit counts up to 3 and
 * moves nothing.
 *
 *   new ─► small ─ asked > 1 ─► main ─ asked ─┐
 *            │ else               ▲ └◄────────┘
 *            └─► ghosts ─ again ──┘    else gone
 *
 * Bytes    At most `max`, with what an entry costs beside its value, and with the
 *          table of ghosts (8 bytes for each 512 of `max`). A value of more than an
 *          eighth of `max` is not kept. Shares held by others are not counted.
 * Ghosts   A table of 4-way sets with 32 bits of a key's hash: a wrong
 *          resemblance, one in 10^9, puts a key into the other queue, no more.
 */
#ifndef SL_STORE_CACHE_S3FIFO_H
#define SL_STORE_CACHE_S3FIFO_H

#include "store/cache.h"

struct sl_s3fifo;

struct sl_s3fifo *sl_s3fifo_new(uint64_t max);
void sl_s3fifo_end(struct sl_s3fifo **f);
/* Smaller: what is over leaves now. Ghosts are forgotten. */
void sl_s3fifo_resize(struct sl_s3fifo *f, uint64_t max);
/* The layer's own: share it to keep it. Counts as a hit. */
struct sl_cached *sl_s3fifo_get(struct sl_s3fifo *f, const uint8_t key[SL_CACHE_KEY]);
/* Takes a share of its own; replaces what the key had. */
void sl_s3fifo_put(struct sl_s3fifo *f, const uint8_t key[SL_CACHE_KEY], struct sl_cached *value);
void sl_s3fifo_drop(struct sl_s3fifo *f, const uint8_t key[SL_CACHE_KEY]);

struct sl_s3fifo_counts {
    uint64_t bytes, entries, evicted;
};
struct sl_s3fifo_counts sl_s3fifo_count(const struct sl_s3fifo *f);

#endif
