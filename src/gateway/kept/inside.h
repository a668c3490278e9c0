/* gateway/kept/inside.h -- what is held of a request until its line is written. */
#ifndef SL_GATEWAY_KEPT_INSIDE_H
#define SL_GATEWAY_KEPT_INSIDE_H

#include "gateway/inside.h"
#include "gateway/kept/kept.h"
#include "llm/heard.h"

struct sl_kept_text { /* one of an answer's, as far as it has come */
    uint32_t group, part;
    bool whole; /* nothing is added any more */
    bool json;  /* it is JSON: its own escapes are resolved at the end */
    bool cut;   /* there was no room for all of it */
    struct sl_grow text;
};

struct sl_kept {
    struct sl_req *r;     /* up */
    struct sl_str secret; /* up: the head's */
    struct sl_sse sse;
    struct sl_heard heard;
    struct sl_grow tail; /* a plain answer, or an event that is not whole */
    struct sl_kept_text texts[SL_KEPT_STRANDS];
    size_t texts_n;
    size_t left; /* bytes of the answer's texts that may still come */
    bool cut;
};

/* kept.c: adds a JSON string's characters, at most `left` bytes of them. False: not all. */
SL_MUST bool sl_kept_unescape(struct sl_grow *out, struct sl_str inner, size_t left);
/* answer.c: what the client is sent; the last of it. */
void sl_kept_hear(void *ctx, struct sl_str piece);
void sl_kept_hear_end(struct sl_kept *k);

#endif
