/* llm/usage.h -- tokens, model and stop reason, read on the way.
 *
 * One record per answer in the neutral form (in, cache_read, cache_write_5m,
 * cache_write_1h, out, reasoning, searches). Source: reported by the provider,
 * counted while relaying (4 bytes of text a token), or estimated from the request.
 * A provider's own price for it comes along where it says one (OpenRouter:
 * usage.cost, to which the upstream's part is added under `is_byok`).
 */
#ifndef SL_LLM_USAGE_H
#define SL_LLM_USAGE_H

#include "base/json.h"

enum sl_usage_source { SL_USAGE_ESTIMATED, SL_USAGE_COUNTED, SL_USAGE_REPORTED };

#define SL_USAGE_TEXT 128
#define SL_USAGE_ID 96 /* a running request holds one */

struct sl_usage {
    enum sl_usage_source source;
    uint64_t in, cache_read, cache_write_5m, cache_write_1h, out, reasoning;
    uint64_t searches;         /* web searches that the provider ran */
    int64_t cost_pico;         /* what the provider says it costs, in pico-dollars, rounded up */
    bool has_cost;             /* it said so; 0 is a cost, too */
    uint64_t text_bytes;       /* of content relayed, for counting */
    bool has_stop;             /* a stop or finish reason was seen */
    bool has_final;            /* a terminal event was seen */
    bool has_in, has_out;      /* reported for good: a first event's `out` is not */
    char model[SL_USAGE_TEXT]; /* as the provider wrote it, cut; zero-terminated */
    char id[SL_USAGE_ID];      /* of the answer; likewise */
    char stop[32];
    char error_type[64]; /* of an error event or body */
};

void sl_usage_init(struct sl_usage *u);
/* Merges the raw bytes of a `usage` object of either protocol: later non-null
 * fields overwrite (never add); absurd values (> 10^12) are clamped. Returns
 * false if it held no number. */
bool sl_usage_merge(struct sl_usage *u, struct sl_str usage_object);
/* Fills what was not reported: out from text_bytes, in from the request's size.
 * `source` says COUNTED if out had to be counted, else ESTIMATED if in was not
 * reported. Once, at the end. */
void sl_usage_settle(struct sl_usage *u, uint64_t request_bytes);

/* A plain (not streamed) answer, fed as it passes; bounded memory. Must not move
 * between init and fini. */
struct sl_answer_tap {
    struct sl_json json;
    struct sl_usage *u; /* up */
    uint8_t member;     /* which one is being read */
    bool broken;        /* not JSON: passes all the same */
    bool is_error;      /* "error" at the top or in a choice; settled by finish: a Responses
                         * object that failed is an answer, not an error */
    bool is_response;   /* "object":"response" */
};
void sl_answer_tap_init(struct sl_answer_tap *t, struct sl_usage *u);
void sl_answer_tap_fini(struct sl_answer_tap *t);
void sl_answer_tap_feed(struct sl_answer_tap *t, struct sl_str piece);
/* True if it was whole JSON. */
bool sl_answer_tap_finish(struct sl_answer_tap *t);

#endif
