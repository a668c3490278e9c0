/* admin/page/session.c -- the table of sessions, and that of wrong keys. */
#include "admin/page/session.h"

#include "base/mem.h"
#include "base/rand.h"
#include "net/tls.h"

static struct sl_str bytes(const uint8_t digest[32])
{
    return (struct sl_str){(const char *)digest, 32};
}

void sl_session_open(struct sl_sessions *s, uint64_t now_ms, char id[SL_SESSION_ID])
{
    struct sl_session *place = &s->at[0];
    uint8_t secret[SL_SESSION_ID / 2];

    for (size_t i = 1; i < SL_SESSION_MAX; i++)
        if (s->at[i].until_ms < place->until_ms)
            place = &s->at[i];
    sl_rand_bytes(secret, sizeof secret);
    sl_str_hex(secret, sizeof secret, id);
    sl_mem_wipe(secret, sizeof secret);
    sl_tls_sha256((struct sl_str){id, SL_SESSION_ID}, place->digest);
    place->until_ms = now_ms + SL_SESSION_MS;
}

/* Every place is compared, so that time tells nothing of which. */
static const struct sl_session *find(const struct sl_sessions *s, struct sl_str id)
{
    const struct sl_session *found = NULL;
    uint8_t digest[32];

    if (id.n != SL_SESSION_ID)
        return NULL;
    sl_tls_sha256(id, digest);
    for (size_t i = 0; i < SL_SESSION_MAX; i++)
        if (sl_str_eq_secret(bytes(digest), bytes(s->at[i].digest)) && s->at[i].until_ms > 0)
            found = &s->at[i];
    return found;
}

bool sl_session_is_open(const struct sl_sessions *s, struct sl_str id, uint64_t now_ms)
{
    const struct sl_session *at = find(s, id);

    return at != NULL && now_ms < at->until_ms;
}

void sl_session_close(struct sl_sessions *s, struct sl_str id)
{
    const struct sl_session *at = find(s, id);

    if (at != NULL)
        s->at[at - s->at] = (struct sl_session){.until_ms = 0};
}

/* ---- wrong keys ---- */

static const unsigned most[SL_SESSION__WAYS] = {
    [SL_SESSION_LOGIN] = SL_SESSION_TRIES, [SL_SESSION_BEARER] = SL_SESSION_CALLS};

static bool is_running(const struct sl_session_peer *p, uint64_t now_ms)
{
    return (p->wrong[SL_SESSION_LOGIN] > 0 || p->wrong[SL_SESSION_BEARER] > 0) &&
           now_ms - p->from_ms < SL_SESSION_MINUTE_MS;
}

bool sl_session_may_try(const struct sl_sessions *s, enum sl_session_way way, struct sl_str peer,
                        uint64_t now_ms, uint64_t *wait_ms)
{
    uint8_t digest[32];

    sl_tls_sha256(peer, digest);
    for (size_t i = 0; i < SL_SESSION_PEERS; i++) {
        const struct sl_session_peer *p = &s->peers[i];

        if (is_running(p, now_ms) && p->wrong[way] >= most[way] &&
            sl_str_eq(bytes(p->digest), bytes(digest))) { /* lint: secrets an address */
            *wait_ms = p->from_ms + SL_SESSION_MINUTE_MS - now_ms;
            return false;
        }
    }
    return true;
}

bool sl_session_note_wrong(struct sl_sessions *s, enum sl_session_way way, struct sl_str peer,
                           uint64_t now_ms)
{
    struct sl_session_peer *place = &s->peers[0];
    uint8_t digest[32];

    sl_tls_sha256(peer, digest);
    for (size_t i = 0; i < SL_SESSION_PEERS; i++) {
        struct sl_session_peer *p = &s->peers[i];

        if (is_running(p, now_ms) &&
            sl_str_eq(bytes(p->digest), bytes(digest))) { /* lint: secrets an address */
            p->wrong[way]++;
            return p->wrong[way] == most[way];
        }
        if (p->from_ms < place->from_ms)
            place = p;
    }
    memcpy(place->digest, digest, sizeof digest);
    place->from_ms = now_ms;
    memset(place->wrong, 0, sizeof place->wrong);
    place->wrong[way] = 1;
    return false;
}
