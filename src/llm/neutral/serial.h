/* llm/neutral/serial.h -- what a stream says, one thing at a time.
 *
 * Private to the room. Chat completions may mix the pieces of several calls; Messages has one
 * block open at a time, and so have our Responses. A piece of the open call goes on as it
 * comes; those of others are held until it is whole, or the answer ends, and a signature of
 * ours until no call is open. An adapter that says
 * `one_by_one` hears CALL with id and name, its ARGS (at least one), its CALL_END, and nothing
 * else in between but PING, STOP and ERROR.
 * Memory   What waits: at most SL_TRANSLATE_WAIT bytes; beyond that CEILING.
 */
#ifndef SL_LLM_NEUTRAL_SERIAL_H
#define SL_LLM_NEUTRAL_SERIAL_H

#include "base/grow.h"

struct sl_say;
struct sl_translate_stream;

/* Where the JSON of a call's arguments stands. */
struct sl_neutral_scan {
    uint64_t objects; /* bit i: container i is an object */
    unsigned depth;
    bool begun, in_string, escaped;
};

enum sl_neutral_state { SL_CALL_WAITS, SL_CALL_OPEN, SL_CALL_SHUT };

struct sl_neutral_call {
    char *id, *name;     /* owns: both */
    struct sl_grow held; /* pieces of its arguments while another call is open */
    struct sl_neutral_scan scan;
    enum sl_neutral_state state;
    bool sent; /* a piece of its arguments */
};

struct sl_neutral_serial {
    struct sl_neutral_call *calls; /* owns: the array */
    unsigned calls_n, calls_cap;
    bool is_open;
    unsigned open;       /* the call that is */
    struct sl_grow kept; /* text that came while it was incomplete */
    bool kept_refusal;
    struct sl_grow seal; /* a signature of ours that came while a call was open: the last one */
    size_t waiting;      /* bytes, of all that is held */
};

/* In the order that one thing at a time needs: to the client's adapter. */
void sl_neutral_serial_say(struct sl_translate_stream *s, const struct sl_say *say);
void sl_neutral_serial_fini(struct sl_neutral_serial *q);

#endif
