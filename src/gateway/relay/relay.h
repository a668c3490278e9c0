/* gateway/relay/relay.h -- what the files of RELAY share.
 *
 * Private to the room. A mode's functions take DATA (r->bytes, dead when they
 * return) or the end, and answer with the state to be in: RELAY for "wait", and
 * REPLY only while nothing is committed. Every byte of the answer goes to the
 * client through sl_relay_send(); an answer that can't go on ends in
 * sl_relay_fail(), which alone adds bytes of ours: the error event.
 */
#ifndef SL_GATEWAY_RELAY_RELAY_H
#define SL_GATEWAY_RELAY_RELAY_H

#include "gateway/inside.h"

struct sl_finish;

/* ---- relay.c: to the client, and how long silence may last ---- */

/* To the client alone, copied. A full client stops the provider until DRAIN. */
void sl_relay_say(struct sl_req *r, const struct sl_str *parts, size_t n);
/* Bytes of the answer: to the client, and to those who follow. */
void sl_relay_send(struct sl_req *r, const struct sl_str *parts, size_t n);
/* All of the buffer, which is empty afterwards. */
void sl_relay_send_buf(struct sl_req *r, struct sl_buf *b);
/* Sets the timer for the next thing that silence brings: anew whenever one of
 * the times it depends on moves nearer. */
void sl_relay_arm_beat(struct sl_req *r);

/* PLAIN: as it comes. */
void sl_relay_tap(struct sl_req *r, struct sl_str bytes);
enum sl_state sl_relay_plain_data(struct sl_req *r);

/* ---- relay_hold.c: the commit point ---- */

/* The answer's head goes out, and what was held behind it; from here on nothing
 * can be taken back. False: no memory, and nothing has happened. */
SL_MUST bool sl_relay_commit(struct sl_req *r);
/* Held before the commit point, sent after it. What no longer fits commits.
 * False: no memory. */
SL_MUST bool sl_relay_keep(struct sl_req *r, struct sl_str bytes);
/* The answer can't go on; the provider is let go. REPLY before the commit point;
 * after it an error event, or the end of the connection where there is none. */
enum sl_state sl_relay_fail(struct sl_req *r, enum sl_err e);
/* Behind the commit point: the error event, or the end of the connection. ACCOUNT. */
enum sl_state sl_relay_break(struct sl_req *r, enum sl_err e, struct sl_str message);
/* A provider's own error in a stream that is not committed: an ordinary answer. */
enum sl_state sl_relay_early_error(struct sl_req *r, struct sl_str event);
/* Does a provider's error speak of our account with it, or show our key? That is not the
 * client's to read. */
bool sl_relay_is_about_us(struct sl_req *r, struct sl_str text, bool *quota);
/* May a header of a provider's answer go on? Not one that shows what this try was sent with:
 * the whole key, since most values are shorter than one and need no look. */
bool sl_relay_may_show(struct sl_req *r, struct sl_str value);
/* HOLD: errors and short plain answers, replied whole. */
enum sl_state sl_relay_hold_data(struct sl_req *r);
enum sl_state sl_relay_hold_done(struct sl_req *r);

/* ---- relay_stream.c: STREAM, event by event ---- */

enum sl_state sl_relay_stream_data(struct sl_req *r);
/* An event that was looked at, to the client and to those who follow; `pass`: whatever they
 * asked for. False: no memory. */
SL_MUST bool sl_relay_hand(struct sl_req *r, struct sl_str event, bool pass);
/* The chunk that only carries usage goes to those who asked for it. */
void sl_relay_pass_usage(struct sl_req *r, struct sl_str event);
/* A keep-alive, if it is time for one and one may stand here. False: no memory. */
SL_MUST bool sl_relay_stream_ping(struct sl_req *r);
/* The provider has ended, well (SL_OK) or not; what has come decides. */
enum sl_state sl_relay_stream_end(struct sl_req *r, enum sl_err why);
/* The terminal event is there, and nobody waits for more. */
enum sl_state sl_relay_stream_done(struct sl_req *r);

/* ---- relay_early.c: what we stop ourselves, behind the commit point ---- */

enum sl_state sl_relay_end_early(struct sl_req *r, struct sl_finish *f, enum sl_err why,
                                 enum sl_ending ending);

/* ---- relay_large.c: an event too large to hold, from its first bytes on ---- */

bool sl_relay_large_is_error(const struct sl_req *r, struct sl_str first);
/* It passes in pieces: its name is read, the rest of it is not. */
void sl_relay_large_begin(struct sl_req *r, struct sl_str first);
/* In r->tail, for the end. */
void sl_relay_large_keep(struct sl_req *r, struct sl_str bytes);
void sl_relay_large_end(struct sl_req *r);

#endif
