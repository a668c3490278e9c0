/* gateway/cache/flight.h -- identical requests in flight share one answer.
 *
 * Private to the room. The first cacheable miss leads a flight; requests with the
 * same canonical form that come while it runs follow it. The leader records what
 * it relays; a follower reads the record from its beginning at its own pace.
 *
 *   leader ── add ──► record [base, base + n) ◄── read ── followers (FOLLOW)
 *
 * Window   While the record holds everything (base 0) anyone may join. When it
 *          would pass its ceiling (cache.entry_max, or the gateway's
 *          cache.recording for all records) it becomes a window: nobody joins any
 *          more, what every follower has read is dropped, and the provider is read
 *          at the slowest one's pace.
 * Leaving  A leader whose client has left goes on without a client as long as
 *          somebody follows; the last follower's leaving is told to it (GONE).
 * Order    sl_flight_lead; head; add…; finish once. A follower hears
 *          SL_EVT_FLIGHT from a task, never from inside a call.
 * Memory   A flight lives until leader and followers have let go.
 */
#ifndef SL_GATEWAY_CACHE_FLIGHT_H
#define SL_GATEWAY_CACHE_FLIGHT_H

#include "gateway/req.h"

#define SL_FLIGHT_KEY 32

enum sl_flight_phase {
    SL_FLIGHT_WAITING, /* nothing committed yet */
    SL_FLIGHT_STREAM,  /* events are in the record */
    SL_FLIGHT_PLAIN,   /* a plain answer's bytes are */
    SL_FLIGHT_WHOLE,   /* it ended well */
    SL_FLIGHT_FAILED   /* it ended otherwise */
};

struct sl_flight;
struct sl_flights; /* the gateway's table */

struct sl_flights *sl_flights_new(struct sl_net *net);
void sl_flights_end(struct sl_flights **t);
void sl_flights_configure(struct sl_flights *t, uint64_t recording); /* bytes of all records */
size_t sl_flights_bytes(const struct sl_flights *t);

/* The flight of that canonical digest that may be joined, or NULL. */
struct sl_flight *sl_flight_find(struct sl_flights *t, const uint8_t key[SL_FLIGHT_KEY]);
/* Sets r->flight; r leads. */
void sl_flight_lead(struct sl_flights *t, struct sl_req *r, const uint8_t key[SL_FLIGHT_KEY],
                    size_t ceiling);
/* Can r take what that flight brings? (A stream's usage, if it wants one; what its lists of
 * words let pass.) */
bool sl_flight_suits(const struct sl_flight *f, const struct sl_req *r);
/* Sets r->flight; r follows. */
void sl_flight_join(struct sl_flight *f, struct sl_req *r);
/* Leader or follower lets go. A leader that has not finished fails the flight. */
void sl_flight_leave(struct sl_req *r);
bool sl_flight_is_leader(const struct sl_req *r);
size_t sl_flight_followers(const struct sl_flight *f);

/* ---- the leader ---- */
/* The commit point: what kind of answer it is. */
void sl_flight_head(struct sl_flight *f, bool stream);
/* Copied. False: the window is full; SL_EVT_ROOM comes when it has room again. */
SL_MUST bool sl_flight_add(struct sl_flight *f, const struct sl_str *parts, size_t n);
/* The chunk of a stream that only carries usage: for those who want it. */
SL_MUST bool sl_flight_add_usage(struct sl_flight *f, struct sl_str event);
bool sl_flight_has_room(const struct sl_flight *f);
/* All of the answer, if the record holds it. */
struct sl_str sl_flight_record(const struct sl_flight *f);
bool sl_flight_is_complete(const struct sl_flight *f); /* base 0: nothing was dropped */
/* `plain`: the answer in its plain form, or empty where there is none. Copied. `ending`
 * is its followers' too: DONE, or what we ended it for, in its protocol's way. */
void sl_flight_finish_whole(struct sl_flight *f, struct sl_str plain, enum sl_ending ending);
/* What followers shall answer. Texts are copied. */
void sl_flight_finish_failed(struct sl_flight *f, const struct sl_req *leader);

/* ---- a follower ---- */
enum sl_flight_phase sl_flight_phase(const struct sl_flight *f);
enum sl_ending sl_flight_ending(const struct sl_flight *f); /* of a whole one */
bool sl_flight_is_stream(const struct sl_flight *f);        /* of the record, also when ended */
/* The next bytes for r, at most `max`; empty: none now. */
struct sl_str sl_flight_read(struct sl_req *r, size_t max);
void sl_flight_took(struct sl_req *r, size_t n);
/* Does the record hold anything? (A short plain answer is in sl_flight_plain alone.) */
bool sl_flight_has_record(const struct sl_flight *f);
struct sl_str sl_flight_plain(const struct sl_flight *f);
/* r answers as the leader did. */
enum sl_state sl_flight_copy_failure(struct sl_req *r);

#endif
