/* cli/client.h -- one blocking HTTP request to the admin listener.
 *
 * For commands that ask a running gateway something and end; nothing of the
 * loop is needed for that. Plain TCP or a unix socket, `connection: close`.
 * Limits: `seconds` for each wait, SL_CLIENT_ANSWER bytes.
 */
#ifndef SL_CLI_CLIENT_H
#define SL_CLI_CLIENT_H

#include "base/str.h"

#define SL_CLIENT_SECONDS 10
#define SL_CLIENT_ADDRESS "-a must be host:port, http://host:port or unix:/path, and is not:"
#define SL_CLIENT_ANSWER ((size_t)64 << 20)

struct sl_client_answer {
    int status; /* 0: none came, `body` says why */
    struct sl_str body;
    char *text; /* owns: what the body is part of */
};

struct sl_client_ask {
    const char *where; /* host:port, http://host:port or unix:/path */
    const char *method;
    const char *path;
    const char *key;    /* bearer; NULL or "": none */
    struct sl_str body; /* JSON; empty: none */
    unsigned seconds;   /* 0: SL_CLIENT_SECONDS */
};

/* Is it written as `where` has to be? Whether anybody listens there is another question. */
bool sl_client_is_address(const char *where);
/* `out` is to be given to sl_client_fini(), whatever came. */
void sl_client_ask(const struct sl_client_ask *ask, struct sl_client_answer *out);
void sl_client_fini(struct sl_client_answer *a);
/* The message within an error's body, unescaped over `out`; the body itself
 * where there is none. */
struct sl_str sl_client_message(struct sl_str body, char *out, size_t cap);

#endif
