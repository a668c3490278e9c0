/* mock/guest.h -- the mock: its listeners, its connections, what it counts. */
#ifndef SL_MOCK_GUEST_H
#define SL_MOCK_GUEST_H

#include "mock/stats.h"
#include "net/listen.h"
#include "net/tls.h"

#define SL_MOCK_CONNECTIONS 20000
#define SL_MOCK_BODY_MAX (512 << 20)

struct sl_mock {
    struct sl_net *net; /* up */
    struct sl_list guests;
    struct sl_stats stats;
    struct sl_str key;     /* empty: any credentials will do */
    char token_words[128]; /* how the token endpoint answers */
    size_t token_words_n;
    bool closing;
    struct sl_wire_head head; /* of the request being read; used within one callback */
};

void sl_mock_init(struct sl_mock *m, struct sl_net *net);
/* The ctx of an accept callback is the mock. */
void sl_guest_accept(void *ctx, struct sl_stream *s);
/* Ends all connections. */
void sl_mock_fini(struct sl_mock *m);

#endif
