/* store/redis/script.h -- the scripts, and how one is run.
 *
 * Private to store/redis. A script's text is common.lua, what it needs of money.lua and
 * tokens.lua, and its own. It is loaded when the
 * link comes up and run by its digest; where Redis has forgotten it (SCRIPT FLUSH, a
 * restart) it answers NOSCRIPT, and the same call goes out once more with the whole
 * text. Arguments are gathered in a `struct sl_script_call`, as the bytes that go out,
 * which keeps them until the reply has been read.
 * Numbers  are doubles in a script: what is sent ends at SL_SCRIPT_MOST.
 */
#ifndef SL_STORE_REDIS_SCRIPT_H
#define SL_STORE_REDIS_SCRIPT_H

#include "base/arena.h"
#include "base/grow.h"
#include "store/backend.h"
#include "store/redis/link.h"

#define SL_SCRIPT_MOST 9007199254740991 /* 2^53 - 1 */
#define SL_SCRIPT_DOUBLES 32            /* of one argument */
#define SL_SCRIPT_MS 5000 /* store.c's own limits are shorter; this one ends the rest */

enum sl_script {
    SL_SCRIPT_ADMIT,
    SL_SCRIPT_APPLY,
    SL_SCRIPT_HOLD,
    SL_SCRIPT_GROW,
    SL_SCRIPT_BEAT,
    SL_SCRIPT_PUT,
    SL_SCRIPT_LIST,
    SL_SCRIPT_ACCOUNT,
    SL_SCRIPT_USAGE,
    SL_SCRIPT_NOTE,
    SL_SCRIPT_RESTORE,
    SL_SCRIPT__COUNT
};

struct sl_script_one {
    char *text; /* owns */
    char sha[40];
    bool loaded;
    struct sl_op *loading; /* owns */
};

struct sl_scripts {
    struct sl_net *net;         /* up */
    struct sl_link_redis *link; /* up */
    struct sl_script_one at[SL_SCRIPT__COUNT];
    uint64_t said_ms;    /* when a broken key was last logged */
    uint64_t refused_ms; /* likewise what Redis says of itself */
    /* Sends what has been put off, before anything else goes out; may be NULL. */
    void (*first)(void *ctx);
    void *first_ctx; /* up */
};

void sl_scripts_init(struct sl_scripts *s, struct sl_net *net, struct sl_link_redis *link);
void sl_scripts_load(struct sl_scripts *s); /* the link is up */
void sl_scripts_fini(struct sl_scripts *s);

struct sl_script_call {
    struct sl_op op;
    struct sl_op *inner;        /* owns */
    struct sl_scripts *scripts; /* up */
    enum sl_script script;
    bool whole;            /* sent with its text */
    struct sl_str name;    /* up: of a plain command */
    struct sl_grow args;   /* owns: keys and arguments, as resp.h writes them */
    size_t n, keys;        /* how many in all, and of these keys */
    struct sl_arena arena; /* of what was read */
    enum sl_err refused;   /* it is not sent: no memory, or what it says is too long */
    struct sl_task fail;   /* tells of that */
    /* Reads the reply; false: it is not what was expected. */
    bool (*read)(struct sl_script_call *c, const redisReply *reply);
    void *out;           /* up: where to */
    enum sl_err verdict; /* read may set it: what `done` is told of a good reply */
    /* Hears the reply when nobody waits any more: link.h. `note` is on the heap */
    void (*late)(void *ctx, const void *note, const redisReply *reply);
    void *note; /* owns */
    size_t note_n;
    sl_store_done_fn *done;
    void *ctx; /* up: the waiter's */
};

struct sl_script_call *sl_script_new(struct sl_scripts *s, enum sl_script script);
/* A plain command in the same clothes; `name` is static. */
struct sl_script_call *sl_script_command(struct sl_scripts *s, struct sl_str name);
void sl_script_drop(struct sl_script_call *c); /* not sent yet */
/* Keys first. */
void sl_script_key(struct sl_script_call *c, struct sl_str prefix, struct sl_str rest);
void sl_script_arg(struct sl_script_call *c, struct sl_str s);
/* Parts one behind the other. */
void sl_script_joined(struct sl_script_call *c, const struct sl_str *parts, size_t n);
void sl_script_int(struct sl_script_call *c, int64_t n);
void sl_script_count(struct sl_script_call *c, uint64_t n);
/* One argument: each as a double, the lowest byte first, for struct.unpack('<d...'). That is
 * less work for both sides than a text each. */
void sl_script_doubles(struct sl_script_call *c, const int64_t *v, size_t n);
/* It is told `e` in place of being sent. */
void sl_script_refuse(struct sl_script_call *c, enum sl_err e);
/* Sends; the call frees itself. `done` may be NULL (slot then too): nobody waits. */
void sl_script_send(struct sl_script_call *c, struct sl_op **slot, sl_store_done_fn *done,
                    void *ctx);

/* ---- several, one after the other; the first failure ends it ---- */
struct sl_script_series;
struct sl_script_series *sl_series_new(size_t n);
void sl_series_add(struct sl_script_series *s, struct sl_script_call *c);
void sl_series_send(struct sl_script_series *s, struct sl_op **slot, sl_store_done_fn *done,
                    void *ctx);

/* ---- readers ---- */
bool sl_reply_int(const redisReply *r, int64_t *out); /* an integer, or its text; nil is 0 */
struct sl_str sl_reply_str(const redisReply *r);      /* empty for anything else */

#endif
