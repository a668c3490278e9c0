/* Scripts: loaded, run by digest, sent whole when forgotten. */
#include "store/redis/script.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/redis/account.lua.h"
#include "store/redis/admit.lua.h"
#include "store/redis/apply.lua.h"
#include "store/redis/beat.lua.h"
#include "store/redis/common.lua.h"
#include "store/redis/grow.lua.h"
#include "store/redis/hold.lua.h"
#include "store/redis/list.lua.h"
#include "store/redis/money.lua.h"
#include "store/redis/note.lua.h"
#include "store/redis/put.lua.h"
#include "store/redis/pipe.h"
#include "store/redis/resp.h"
#include "store/redis/restore.lua.h"
#include "store/redis/tokens.lua.h"
#include "store/redis/usage.lua.h"

/* Each begins with common.lua; what no script needs is in none: Redis' collector goes through
 * all that was loaded. */
static const struct {
    const char *money, *tokens, *own;
} texts[] = {
    [SL_SCRIPT_ADMIT] = {money_lua, tokens_lua, admit_lua},
    [SL_SCRIPT_APPLY] = {money_lua, tokens_lua, apply_lua},
    [SL_SCRIPT_HOLD] = {"", "", hold_lua},
    [SL_SCRIPT_GROW] = {money_lua, "", grow_lua},
    [SL_SCRIPT_BEAT] = {"", "", beat_lua},
    [SL_SCRIPT_PUT] = {"", "", put_lua},
    [SL_SCRIPT_LIST] = {"", "", list_lua},
    [SL_SCRIPT_ACCOUNT] = {money_lua, "", account_lua},
    [SL_SCRIPT_USAGE] = {"", "", usage_lua},
    [SL_SCRIPT_NOTE] = {"", "", note_lua},
    [SL_SCRIPT_RESTORE] = {"", "", restore_lua},
};

/* Of the arguments of one call, and of the rows it answers with. */
#define CEILING ((size_t)16 << 20)
#define FIRST_ARGS 1024 /* bytes: an admission's */
#define SAY_MS 10000    /* between two lines about keys that can't be used, or refusals */
#define KEY_SAID 200    /* bytes of a name, and of an error, in such a line */
#define ERROR_SAID 300

/* ---- loading ---- */

void sl_scripts_init(struct sl_scripts *s, struct sl_net *net, struct sl_link_redis *link)
{
    memset(s, 0, sizeof *s);
    s->net = net;
    s->link = link;
    for (int i = 0; i < SL_SCRIPT__COUNT; i++) {
        size_t n = strlen(common_lua) + strlen(texts[i].money) + strlen(texts[i].tokens) +
                   strlen(texts[i].own) + 1;

        s->at[i].text = sl_mem_new(n);
        (void)snprintf(s->at[i].text, n, "%s%s%s%s", common_lua, texts[i].money, texts[i].tokens,
                       texts[i].own);
    }
}

/* The digest of a text never changes, so whichever load answers is right. */
static void on_loaded(void *ctx, enum sl_err e, const redisReply *reply)
{
    struct sl_script_one *one = ctx;
    struct sl_str sha = sl_reply_str(reply);

    if (e != SL_OK || sha.n != sizeof one->sha)
        return;
    memcpy(one->sha, sha.p, sha.n);
    one->loaded = true;
}

void sl_scripts_load(struct sl_scripts *s)
{
    for (int i = 0; i < SL_SCRIPT__COUNT; i++) {
        struct sl_str args[] = {SL_STR("SCRIPT"), SL_STR("LOAD"), sl_str_of(s->at[i].text)};
        struct sl_redis_command c = {.args = args, .n = 3, .deadline_ms = SL_SCRIPT_MS};

        if (s->at[i].loading == NULL)
            sl_redis_link_start(s->link, &c, &s->at[i].loading, on_loaded, &s->at[i]);
    }
}

void sl_scripts_fini(struct sl_scripts *s)
{
    for (int i = 0; i < SL_SCRIPT__COUNT; i++) {
        sl_op_cancel(&s->at[i].loading);
        sl_mem_free(s->at[i].text);
    }
}

/* ---- arguments ---- */

struct sl_script_call *sl_script_new(struct sl_scripts *s, enum sl_script script)
{
    struct sl_script_call *c = sl_mem_new(sizeof *c);

    c->scripts = s;
    c->script = script;
    sl_arena_init(&c->arena, CEILING);
    sl_grow_init(&c->args, CEILING);
    (void)!sl_grow_room(&c->args, FIRST_ARGS); /* trouble stays in args.err */
    return c;
}

struct sl_script_call *sl_script_command(struct sl_scripts *s, struct sl_str name)
{
    struct sl_script_call *c = sl_script_new(s, SL_SCRIPT__COUNT);

    c->name = name;
    return c;
}

void sl_script_refuse(struct sl_script_call *c, enum sl_err e)
{
    c->refused = e;
}

void sl_script_joined(struct sl_script_call *c, const struct sl_str *parts, size_t n)
{
    c->n++;
    sl_resp_add(&c->args, parts, n);
}

void sl_script_arg(struct sl_script_call *c, struct sl_str s)
{
    sl_script_joined(c, &s, 1);
}

void sl_script_key(struct sl_script_call *c, struct sl_str prefix, struct sl_str rest)
{
    struct sl_str parts[] = {prefix, rest};

    c->keys++;
    sl_script_joined(c, parts, 2);
}

void sl_script_int(struct sl_script_call *c, int64_t n)
{
    c->n++;
    sl_resp_int(&c->args, n > SL_SCRIPT_MOST    ? SL_SCRIPT_MOST
                          : n < -SL_SCRIPT_MOST ? -SL_SCRIPT_MOST
                                                : n);
}

void sl_script_count(struct sl_script_call *c, uint64_t n)
{
    sl_script_int(c, n < SL_SCRIPT_MOST ? (int64_t)n : SL_SCRIPT_MOST);
}

void sl_script_doubles(struct sl_script_call *c, const int64_t *v, size_t n)
{
    char bytes[SL_SCRIPT_DOUBLES * sizeof(double)];

    SL_CHECK(n <= SL_SCRIPT_DOUBLES);
    for (size_t i = 0; i < n; i++) {
        double d = (double)(v[i] > SL_SCRIPT_MOST    ? SL_SCRIPT_MOST
                            : v[i] < -SL_SCRIPT_MOST ? -SL_SCRIPT_MOST
                                                     : v[i]);
        uint64_t word;

        memcpy(&word, &d, sizeof word);
        word = htole64(word);
        memcpy(bytes + i * sizeof word, &word, sizeof word);
    }
    sl_script_arg(c, (struct sl_str){bytes, n * sizeof(double)});
}

/* ---- a call ---- */

static void send(struct sl_script_call *c);

static void end(struct sl_script_call *c)
{
    sl_arena_fini(&c->arena);
    sl_grow_fini(&c->args);
    sl_mem_free(c->note);
    sl_mem_free(c);
}

void sl_script_drop(struct sl_script_call *c)
{
    end(c);
}

static void finish(struct sl_script_call *c, enum sl_err e)
{
    if (c->done == NULL) { /* nobody waits */
        end(c);
        return;
    }
    if (sl_op_close(&c->op))
        c->done(c->ctx, e);
    end(c);
}

static void fail(struct sl_task *t)
{
    struct sl_script_call *c = SL_CONTAINER(t, struct sl_script_call, fail);

    finish(c, c->refused);
}

static bool is_forgotten(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR && reply->len >= 8 &&
           memcmp(reply->str, "NOSCRIPT", 8) == 0;
}

/* Does the user lack a right? A command says NOPERM; of one in a script Redis 7.0 and before say
 * "the user executing the script can't run this command", later ones "ACL failure in script". */
static bool is_barred(struct sl_str text)
{
    return sl_str_find(text, SL_STR("NOPERM")) >= 0 ||
           sl_str_find(text, SL_STR("executing the script")) >= 0 ||
           sl_str_find(text, SL_STR("ACL failure in script")) >= 0;
}

/* Is it a key's or an argument's fault? A command says WRONGTYPE; in a script also "ERR" of
 * a value, or of a line of ours that could not go on. Before Redis 7 the command's own error
 * stands behind the script's. What Redis says of itself (OOM, BUSY, NOAUTH ...) has
 * another code. */
static bool is_of_data(const struct sl_script_call *c, const redisReply *reply)
{
    struct sl_str text = {reply->str, reply->len};
    ptrdiff_t at;

    if (sl_str_starts(text, SL_STR("ERR Error running script")) &&
        (at = sl_str_find(text, SL_STR(": -"))) >= 0)
        text = sl_str_from(text, (size_t)at + 3);
    return sl_str_starts(text, SL_STR("WRONGTYPE ")) ||
           (c->script != SL_SCRIPT__COUNT && sl_str_starts(text, SL_STR("ERR ")) &&
            !is_barred(text));
}

/* The first argument as it went out: "$<digits>\r\n<key>\r\n". */
static struct sl_str first_key(const struct sl_script_call *c)
{
    struct sl_str rest = sl_grow_str(&c->args), head;
    uint64_t n;

    if (!sl_str_split(&rest, '\r', &head) || !sl_str_to_u64(sl_str_from(head, 1), &n))
        return (struct sl_str){"", 0};
    return sl_str_first(sl_str_from(rest, 1), n < KEY_SAID ? (size_t)n : KEY_SAID);
}

static bool is_time(const struct sl_scripts *s, uint64_t *last_ms)
{
    uint64_t now = sl_net_now(s->net);

    if (*last_ms != 0 && now - *last_ms < SAY_MS)
        return false;
    *last_ms = now;
    return true;
}

static void say(const struct sl_script_call *c, struct sl_str what)
{
    if (!is_time(c->scripts, &c->scripts->said_ms))
        return;
    sl_log(SL_LOG_WARN, "store", first_key(c),
           "a call about this key and those beside it fails: %.*s; its requests go on as when the "
           "store is away, all others as ever; mend or delete the key",
           SL_STR_ARGS(what));
}

/* The store counts it as a failure and knows no more: without this line nobody would learn
 * that its memory is full, or that its user lacks a right. */
static void say_refused(struct sl_scripts *s, const redisReply *reply)
{
    struct sl_str text = {reply->str, strcspn(reply->str, "\r\n")};
    bool full = sl_str_find(text, SL_STR("OOM ")) >= 0;

    if (sl_pipe_must_leave(reply) || !is_time(s, &s->refused_ms))
        return; /* the link says why it left */
    sl_log(SL_LOG_WARN, "store", SL_STR("store"), "Redis refuses what it is asked: it says %.*s%s",
           SL_STR_ARGS(sl_str_first(text, ERROR_SAID)),
           full              ? "; raise its maxmemory, or give cached answers a Redis of their own "
                               "(store.cache_url)"
           : is_barred(text) ? "; docs/store.md has the rights that its user needs"
                             : "");
}

static enum sl_err judge(struct sl_script_call *c, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR && !is_of_data(c, reply)) {
        say_refused(c->scripts, reply);
        return SL_ERR_STORE;
    }
    if (reply->type != REDIS_REPLY_ERROR && c->read(c, reply))
        return c->verdict;
    say(c, reply->type == REDIS_REPLY_ERROR
               ? sl_str_first((struct sl_str){reply->str, reply->len}, ERROR_SAID)
               : SL_STR("its answer is not what was asked for"));
    return SL_ERR_STORE_DATA;
}

static void on_reply(void *ctx, enum sl_err e, const redisReply *reply)
{
    struct sl_script_call *c = ctx;

    if (e == SL_OK && is_forgotten(reply) && !c->whole) {
        c->scripts->at[c->script].loaded = false;
        send(c);
        sl_scripts_load(c->scripts);
        return;
    }
    finish(c, e == SL_OK ? judge(c, reply) : e);
}

static void cancel(struct sl_op *op)
{
    struct sl_script_call *c = SL_CONTAINER(op, struct sl_script_call, op);

    sl_op_cancel(&c->inner);
    sl_task_cancel(&c->fail);
    end(c);
}

/* What stands before the keys; `digits` is theirs. */
static size_t name_script(struct sl_script_call *c, struct sl_str first[3], struct sl_text *digits)
{
    const struct sl_script_one *one;

    if (c->script == SL_SCRIPT__COUNT) {
        first[0] = c->name;
        return 1;
    }
    one = &c->scripts->at[c->script];
    c->whole = !one->loaded;
    sl_text_u64(digits, c->keys);
    first[0] = c->whole ? SL_STR("EVAL") : SL_STR("EVALSHA");
    first[1] = c->whole ? sl_str_of(one->text) : (struct sl_str){one->sha, sizeof one->sha};
    first[2] = sl_text_str(digits);
    return 3;
}

static void send(struct sl_script_call *c)
{
    struct sl_str first[3];
    char place[24];
    struct sl_text digits = sl_text_over(place, sizeof place);
    struct sl_redis_command command = {.args = first,
                                       .n = name_script(c, first, &digits),
                                       .more = sl_grow_str(&c->args),
                                       .more_n = c->n,
                                       .deadline_ms = SL_SCRIPT_MS,
                                       .late = c->late,
                                       .note = c->note,
                                       .note_n = c->note_n};

    sl_redis_link_start(c->scripts->link, &command, &c->inner, on_reply, c);
}

void sl_script_send(struct sl_script_call *c, struct sl_op **slot, sl_store_done_fn *done,
                    void *ctx)
{
    if (c->scripts->first != NULL)
        c->scripts->first(c->scripts->first_ctx);
    c->done = done;
    c->ctx = ctx;
    sl_task_init(&c->fail, fail);
    if (done != NULL)
        sl_op_open(&c->op, slot, cancel);
    if (c->args.err != SL_OK && c->refused == SL_OK)
        sl_script_refuse(c, SL_ERR_STORE);
    if (c->refused != SL_OK)
        sl_net_defer(c->scripts->net, &c->fail);
    else
        send(c);
}

/* ---- readers ---- */

bool sl_reply_int(const redisReply *r, int64_t *out)
{
    struct sl_str text;
    bool minus;
    uint64_t n;

    *out = 0;
    if (r->type == REDIS_REPLY_NIL)
        return true;
    if (r->type == REDIS_REPLY_INTEGER) {
        *out = r->integer;
        return true;
    }
    if (r->type != REDIS_REPLY_STRING)
        return false;
    text = (struct sl_str){r->str, r->len};
    minus = text.n > 0 && text.p[0] == '-';
    if (!sl_str_to_u64(sl_str_from(text, minus), &n) || n > INT64_MAX)
        return false;
    *out = minus ? -(int64_t)n : (int64_t)n;
    return true;
}

struct sl_str sl_reply_str(const redisReply *r)
{
    if (r == NULL || r->type != REDIS_REPLY_STRING)
        return (struct sl_str){"", 0};
    return (struct sl_str){r->str, r->len};
}
