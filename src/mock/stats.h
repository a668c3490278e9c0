/* mock/stats.h -- what the mock has seen, for tests: counts, and the last
 * request byte for byte. */
#ifndef SL_MOCK_STATS_H
#define SL_MOCK_STATS_H

#include "base/arena.h"
#include "mock/wire.h"

struct sl_stats {
    uint64_t accepted;
    uint64_t requests;
    uint64_t tokens;        /* requests for an access token, counted apart */
    uint64_t tokens_before; /* those before the last reset: numbers go on */
    uint64_t revoked;       /* access tokens up to that number are refused */
    char token_asked[2048]; /* the last of them, head and body, as far as it fits */
    size_t token_asked_n;
    uint64_t aborted;        /* the client left before its answer was whole */
    size_t open_connections; /* those that only asked for stats do not count */
    size_t open_streams;     /* answers under way, streamed or not */
    /* the last request that was not about the mock itself */
    char *last; /* owns: head and body */
    size_t last_cap;
    size_t head_n;
    size_t body_n;
};

void sl_stats_fini(struct sl_stats *s);
/* Counts to zero (what is open stays), no last request. */
void sl_stats_reset(struct sl_stats *s);
/* A JSON object; .p NULL without memory. */
struct sl_str sl_stats_json(const struct sl_stats *s, struct sl_arena *a);

#endif
