/* answer.h -- what the load generator has to understand of an HTTP/1.1 answer:
 * its status, where it ends, and how many SSE events are in it.
 *
 * Bytes are fed as they come. Only the line being read is kept, so that
 * thousands of open streams cost next to nothing here.
 */
#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum answer_at {
    ANSWER_STATUS,
    ANSWER_HEADER,
    ANSWER_BODY,       /* `left` bytes */
    ANSWER_CHUNK_SIZE, /* a line */
    ANSWER_CHUNK,      /* `left` bytes */
    ANSWER_CHUNK_END,  /* an empty line */
    ANSWER_TRAILER,
    ANSWER_REST, /* until the connection ends */
    ANSWER_DONE,
    ANSWER_BAD
};

struct answer {
    enum answer_at at;
    int status;
    bool chunked, has_length, close;
    bool line_end; /* the last byte of the body so far was a line's end */
    uint64_t left;
    uint64_t body;   /* bytes, without the framing */
    uint64_t events; /* empty lines in it */
    size_t line_n;
    char line[256]; /* a longer one is cut: nothing of interest stands there */
};

void answer_start(struct answer *a);
/* Takes bytes up to the end of the answer; how many that were. */
size_t answer_feed(struct answer *a, const char *p, size_t n);
/* The connection has ended: is that a whole answer? */
bool answer_end(struct answer *a);

#endif
