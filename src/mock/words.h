/* mock/words.h -- how an answer shall behave, from the words of a model's name.
 *
 * "mock-events-50-slow-20ms": words joined by dashes, each may be followed by a
 * number ("20", "20ms", "2s", "64k", "100m"). The fields below are the words; a
 * fault (stall, cut, reset, badchunk, error) takes a count of content events or
 * "pre"; a number from 400 to 599 is a status, and one behind it the
 * retry-after. Unknown words mean nothing, so any other name is an echo.
 */
#ifndef SL_MOCK_WORDS_H
#define SL_MOCK_WORDS_H

#include "base/str.h"

enum sl_fault {
    SL_FAULT_NONE,
    SL_FAULT_STALL,    /* goes silent, keeps the connection */
    SL_FAULT_CUT,      /* FIN in the middle */
    SL_FAULT_RESET,    /* RST in the middle */
    SL_FAULT_BADCHUNK, /* a chunk size that is none */
    SL_FAULT_ERROR     /* an error event inside the 200 answer */
};

struct sl_words {
    uint64_t status;      /* 400..599, 0: answer normally */
    uint64_t retry_after; /* seconds, 0: no such header */
    uint64_t events;      /* that many content events */
    uint64_t bytes;       /* plain body of that size; streamed: that much text */
    uint64_t big;         /* that much text in events of 4 KiB */
    uint64_t piece;       /* bytes of text an event, for bytes and big */
    uint64_t slow;        /* ms after each content event */
    uint64_t first;       /* ms before the head */
    uint64_t split;       /* bytes a write, one write a turn */
    uint64_t splitutf8;   /* writes end in the middle of code points */
    uint64_t tools;       /* tool calls */
    uint64_t thinking;
    uint64_t refusal;
    uint64_t length;    /* stopped by max_tokens */
    uint64_t json;      /* the text is a JSON object */
    uint64_t hang;      /* no head, ever */
    uint64_t drop;      /* FIN instead of an answer */
    uint64_t rst;       /* RST instead of an answer */
    uint64_t html;      /* 200 and a page for people */
    uint64_t empty;     /* 200 and no body */
    uint64_t idleclose; /* closes that many ms after an answer that promised keep-alive */
    uint64_t nofinal;   /* a stream that ends in order, but without its terminal event */
    uint64_t eofbody;   /* body ends with the connection: no length, no chunks */
    uint64_t early;     /* that many 103 answers first */
    uint64_t quota;     /* the error is OpenAI's insufficient_quota */
    uint64_t org;       /* the error's text names the organisation */
    uint64_t lives;     /* ms that an access token is said to be good for */
    uint64_t rotate;    /* an access token comes with a new refresh token */
    uint64_t fault;     /* enum sl_fault */
    uint64_t fault_at;  /* after that many content events; 0: before the first event */
    uint64_t fault_pre; /* after what comes before the first content event */
};

/* Adds what `text` says to `w`; zero it before the first call. */
void sl_words_read(struct sl_words *w, struct sl_str text);

#endif
