/* mock/play.h -- sends an answer, and does on the way what its words ask for.
 *
 * Holder   The connection; embedded. init once, start per answer, stop at any
 *          time, fini before the memory goes.
 * Ends     start and drained return how it went; where it ends later, from a
 *          timer or a task, `over` is called with that.
 */
#ifndef SL_MOCK_PLAY_H
#define SL_MOCK_PLAY_H

#include "mock/answer.h"
#include "net/stream.h"
#include "net/timer.h"

enum sl_play_end {
    SL_PLAY_RUNS,
    SL_PLAY_DONE,   /* whole; the connection may go on */
    SL_PLAY_FINISH, /* flush, then FIN */
    SL_PLAY_RESET   /* RST */
};

struct sl_play {
    struct sl_net *net;       /* up */
    struct sl_stream *stream; /* up: the connection's, while it plays */
    struct sl_answer *answer; /* up: the connection's */
    void (*over)(struct sl_play *p, enum sl_play_end how);
    struct sl_timer timer;
    struct sl_task tick;
    enum sl_play_state {
        SL_PLAY_IDLE,
        SL_PLAY_FIRST,   /* waits before the head */
        SL_PLAY_BODY,    /* waits for room, or between events */
        SL_PLAY_SPLIT,   /* gives out small writes */
        SL_PLAY_STALLED, /* silent until the client leaves */
        SL_PLAY_LAST     /* flushes before a reset */
    } state;
    bool full;   /* the stream has said so, and no drain came yet */
    bool ending; /* the answer's last byte is in `wire` */
    uint64_t items;
    uint64_t content;
    char *wire; /* owns: what small writes are taken from */
    size_t wire_n, wire_at, wire_cap;
};

void sl_play_init(struct sl_play *p, struct sl_net *net,
                  void (*over)(struct sl_play *p, enum sl_play_end how));
SL_MUST enum sl_play_end sl_play_start(struct sl_play *p, struct sl_stream *s,
                                       struct sl_answer *an);
SL_MUST enum sl_play_end sl_play_drained(struct sl_play *p);
void sl_play_stop(struct sl_play *p);
void sl_play_fini(struct sl_play *p);

#endif
