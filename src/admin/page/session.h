/* admin/page/session.h -- who is logged in to the dashboard, and who guesses at its key.
 *
 * A session is 32 random bytes that its browser alone holds; here is their SHA-256, so that
 * nothing read from this memory logs anybody in. Sessions end SL_SESSION_MS after the login, at
 * a logout, and with the process. Of more than SL_SESSION_MAX the one that ends first gives way.
 *
 * Wrong keys are counted by address: after SL_SESSION_TRIES at the login, or SL_SESSION_CALLS
 * with calls of programs, within a minute no further one is looked at for the rest of it. The two
 * are counted apart, so that a program with an old key keeps nobody from the login. Of more
 * addresses than SL_SESSION_PEERS the oldest is forgotten.
 *
 * Holder   struct sl_admin. No I/O but random bytes; `now_ms` is the loop's monotonic clock.
 */
#ifndef SL_ADMIN_PAGE_SESSION_H
#define SL_ADMIN_PAGE_SESSION_H

#include "base/str.h"

#define SL_SESSION_MAX 32
#define SL_SESSION_SECONDS 43200
#define SL_SESSION_MS ((uint64_t)SL_SESSION_SECONDS * 1000)
#define SL_SESSION_ID 64 /* characters of an id: hexadecimal digits */
#define SL_SESSION_TRIES 10
#define SL_SESSION_CALLS 100
#define SL_SESSION_PEERS 64
#define SL_SESSION_MINUTE_MS 60000u

struct sl_session {
    uint8_t digest[32];
    uint64_t until_ms; /* 0: free */
};

enum sl_session_way { SL_SESSION_LOGIN, SL_SESSION_BEARER, SL_SESSION__WAYS };

struct sl_session_peer {
    uint8_t digest[32];               /* of the address */
    uint64_t from_ms;                 /* its minute began */
    unsigned wrong[SL_SESSION__WAYS]; /* all 0: free */
};

struct sl_sessions {
    struct sl_session at[SL_SESSION_MAX];
    struct sl_session_peer peers[SL_SESSION_PEERS];
};

/* Logs in: `id` is what the browser keeps. */
void sl_session_open(struct sl_sessions *s, uint64_t now_ms, char id[SL_SESSION_ID]);
bool sl_session_is_open(const struct sl_sessions *s, struct sl_str id, uint64_t now_ms);
void sl_session_close(struct sl_sessions *s, struct sl_str id);

/* May this address have a key looked at? If not, `*wait_ms` says how long not. */
bool sl_session_may_try(const struct sl_sessions *s, enum sl_session_way way, struct sl_str peer,
                        uint64_t now_ms, uint64_t *wait_ms);
/* True: it was the last one that is looked at. */
bool sl_session_note_wrong(struct sl_sessions *s, enum sl_session_way way, struct sl_str peer,
                           uint64_t now_ms);

#endif
