/* mock/wire.h -- HTTP/1.1 as a provider reads it.
 *
 * The mock has a reader of its own and not http/server: two sides that share
 * their code share its mistakes, and its faults need every byte in hand.
 */
#ifndef SL_MOCK_WIRE_H
#define SL_MOCK_WIRE_H

#include "http/message.h"

#define SL_WIRE_HEADERS 128
#define SL_WIRE_HEAD_MAX 65536

struct sl_wire_head {
    struct sl_str method;
    struct sl_str target;
    struct sl_str path;
    struct sl_header headers[SL_WIRE_HEADERS];
    size_t n;
    bool http10;
    bool keep_alive;
    bool chunked;
    bool expect;
    uint64_t length;
    size_t size; /* of the head, with its empty line */
};

enum sl_wire_step { SL_WIRE_MORE, SL_WIRE_WHOLE, SL_WIRE_BAD };

/* Slices of `h` point into `in`. */
enum sl_wire_step sl_wire_head(struct sl_str in, struct sl_wire_head *h);
/* First value, or .p NULL. */
struct sl_str sl_wire_get(const struct sl_wire_head *h, struct sl_str name);

/* A chunked body is decoded where it lies: `out` decoded bytes stand at its
 * beginning, `raw` bytes of it have been read. */
struct sl_wire_chunks {
    size_t raw;
    size_t out;
    uint64_t left; /* of the chunk being read */
    enum { SL_CHUNK_SIZE, SL_CHUNK_DATA, SL_CHUNK_END, SL_CHUNK_TRAILER } state;
};
enum sl_wire_step sl_wire_dechunk(char *body, size_t n, struct sl_wire_chunks *c);

#endif
