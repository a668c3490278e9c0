/* base/buf.h -- a byte queue of chunks, with a ceiling.
 *
 * Holder   One object; embedded. Empty costs no memory: chunks are given back
 *          as they drain.
 * Limits   Appending takes all or nothing: false beyond `max` or without
 *          memory. Chunks hold SL_BUF_CHUNK bytes, the first one of a queue
 *          just what is needed (rounded up to 512, or to 2 KiB with its head),
 *          so short lines stay short.
 */
#ifndef SL_BASE_BUF_H
#define SL_BASE_BUF_H

#include "base/str.h"

#define SL_BUF_CHUNK 16384

struct sl_buf_chunk;

struct sl_buf {
    struct sl_buf_chunk *head; /* owns */
    struct sl_buf_chunk *tail; /* up: last of the chain */
    size_t len;                /* bytes queued */
    size_t max;                /* ceiling, bytes */
};

void sl_buf_init(struct sl_buf *b, size_t max);
void sl_buf_fini(struct sl_buf *b); /* also empties; usable again afterwards */
SL_MUST bool sl_buf_append(struct sl_buf *b, struct sl_str s);
/* The slices one behind the other, in as few chunks as if they were one. */
SL_MUST bool sl_buf_append_all(struct sl_buf *b, const struct sl_str *parts, size_t n);
/* Up to `n` slices of the queue's beginning, in order; returns how many. */
size_t sl_buf_peek(const struct sl_buf *b, struct sl_str *out, size_t n);
/* Drops the first n bytes (n <= len). */
void sl_buf_consume(struct sl_buf *b, size_t n);
/* Room for at least `n` contiguous bytes at the end, to be filled by hand and
 * made known with sl_buf_commit(). NULL beyond the ceiling or without memory.
 * Nothing else may be done to the queue between the two. */
SL_MUST char *sl_buf_reserve(struct sl_buf *b, size_t n, size_t *got);
void sl_buf_commit(struct sl_buf *b, size_t n);

#endif
