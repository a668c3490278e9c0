/* The limits around hiredis' reader. It calls us for each object it is about to
 * make; an object over the limit is not made, and the reader fails. */
#include "store/redis/reply.h"

#include <stdio.h>

#include "base/mem.h"

#define OBJECTS ((size_t)4 << 20) /* of a reply, beside its bytes */
#define FULL_PERCENT 80           /* of maxmemory */
#define LENGTH_LINE 32            /* bytes of a bulk's header at most: digits, sign, CR LF */

/* ---- hiredis' memory is base/mem's ---- */

static void *on_redis_calloc(size_t n, size_t size)
{
    void *p = n > 0 && size > SIZE_MAX / n ? NULL : sl_mem_try(n * size);

    if (p != NULL)
        memset(p, 0, n * size);
    return p;
}

static char *on_redis_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = sl_mem_try(n);

    return p != NULL ? memcpy(p, s, n) : NULL;
}

void sl_reply_setup(void)
{
    static bool done;
    hiredisAllocFuncs ours = {.mallocFn = sl_mem_try,
                              .callocFn = on_redis_calloc,
                              .reallocFn = sl_mem_grow,
                              .strdupFn = on_redis_strdup,
                              .freeFn = sl_mem_free};

    if (!done)
        (void)hiredisSetAllocators(&ours);
    done = true;
}

/* ---- objects, each paid for ---- */

static redisReplyObjectFunctions plain; /* hiredis' own */

static bool pay(const redisReadTask *t, size_t n)
{
    struct sl_reply_reader *r = t->privdata;

    n += sizeof(redisReply);
    if (n > r->left)
        return false;
    r->left -= n;
    return true;
}

static void *on_redis_string(const redisReadTask *t, char *s, size_t n)
{
    bool ok = t->type == REDIS_REPLY_STRING || t->type == REDIS_REPLY_STATUS ||
              t->type == REDIS_REPLY_ERROR;

    return ok && n <= ((struct sl_reply_reader *)t->privdata)->max && pay(t, n)
               ? plain.createString(t, s, n)
               : NULL;
}

static void *on_redis_array(const redisReadTask *t, size_t n)
{
    int depth = 1;

    if (t->type != REDIS_REPLY_ARRAY)
        return NULL;
    for (const redisReadTask *up = t->parent; up != NULL; up = up->parent)
        if (++depth > SL_REPLY_DEPTH)
            return NULL;
    return pay(t, n * sizeof(redisReply *)) ? plain.createArray(t, n) : NULL;
}

static void *on_redis_integer(const redisReadTask *t, long long v)
{
    return pay(t, 0) ? plain.createInteger(t, v) : NULL;
}

static void *on_redis_nil(const redisReadTask *t)
{
    return pay(t, 0) ? plain.createNil(t) : NULL;
}

/* RESP3's: nobody asked for that protocol. */
static void *on_redis_double(const redisReadTask *t, double v, char *s, size_t n)
{
    (void)t;
    (void)v;
    (void)s;
    (void)n;
    return NULL;
}

static void *on_redis_bool(const redisReadTask *t, int v)
{
    (void)t;
    (void)v;
    return NULL;
}

static redisReader *new_reader(void)
{
    static redisReplyObjectFunctions paid = {.createString = on_redis_string,
                                             .createArray = on_redis_array,
                                             .createInteger = on_redis_integer,
                                             .createDouble = on_redis_double,
                                             .createNil = on_redis_nil,
                                             .createBool = on_redis_bool};
    redisReader *r;

    sl_reply_setup();
    r = redisReaderCreate();
    if (r == NULL)
        return NULL;
    plain = *r->fn;
    paid.freeObject = plain.freeObject;
    r->fn = &paid;
    r->maxelements = SL_REPLY_ELEMENTS;
    return r;
}

/* ---- */

void sl_reply_init(struct sl_reply_reader *r, size_t max)
{
    *r = (struct sl_reply_reader){.max = max, .left = max + OBJECTS};
}

void sl_reply_fini(struct sl_reply_reader *r)
{
    if (r->reader != NULL)
        redisReaderFree(r->reader);
    sl_reply_init(r, r->max);
}

bool sl_reply_feed(struct sl_reply_reader *r, struct sl_str bytes)
{
    if (r->reader == NULL) {
        r->reader = new_reader();
        if (r->reader == NULL)
            return false;
        r->reader->privdata = r;
    }
    return redisReaderFeed(r->reader, bytes.p, bytes.n) == REDIS_OK;
}

static bool is_bulk(const redisReader *r)
{
    return r->ridx >= 0 && r->task[r->ridx]->type == REDIS_REPLY_STRING;
}

/* Of a reply that has no end yet: can it have an acceptable one? What is not
 * consumed begins behind the type byte of an item. */
static bool is_hopeless(const struct sl_reply_reader *r)
{
    const redisReader *in = r->reader;
    struct sl_str rest = {in->buf + in->pos, in->len - in->pos};
    ptrdiff_t end;
    uint64_t n;

    if (!is_bulk(in))
        return rest.n > SL_REPLY_LINE;
    end = sl_str_find_byte(sl_str_first(rest, LENGTH_LINE), '\r');
    if (end < 0)
        return rest.n >= LENGTH_LINE;
    return sl_str_to_u64(sl_str_first(rest, (size_t)end), &n) && n > r->max;
}

enum sl_reply_step sl_reply_next(struct sl_reply_reader *r, redisReply **out)
{
    void *reply = NULL;

    *out = NULL;
    if (redisReaderGetReply(r->reader, &reply) != REDIS_OK)
        return SL_REPLY_BAD;
    if (reply == NULL)
        return is_hopeless(r) ? SL_REPLY_BAD : SL_REPLY_MORE;
    r->left = r->max + OBJECTS;
    *out = reply;
    return SL_REPLY_READY;
}

void sl_reply_drop(redisReply **reply)
{
    if (*reply != NULL)
        freeReplyObject(*reply);
    *reply = NULL;
}

/* ---- INFO memory: lines of "name:value" ---- */

static bool find(struct sl_str info, struct sl_str name, struct sl_str *out)
{
    struct sl_str line;

    while (sl_str_split(&info, '\n', &line))
        if (sl_str_starts(line, name)) {
            line = sl_str_first(line, line.n - sl_str_ends(line, SL_STR("\r")));
            *out = sl_str_trim(sl_str_from(line, name.n));
            return true;
        }
    return false;
}

bool sl_redis_memory_read(const redisReply *reply, struct sl_redis_memory *out)
{
    struct sl_str info, used, most, policy;

    if (reply->type != REDIS_REPLY_STRING)
        return false;
    info = (struct sl_str){reply->str, reply->len};
    if (!find(info, SL_STR("used_memory:"), &used) || !sl_str_to_u64(used, &out->used) ||
        !find(info, SL_STR("maxmemory:"), &most) || !sl_str_to_u64(most, &out->most) ||
        !find(info, SL_STR("maxmemory_policy:"), &policy))
        return false;
    (void)snprintf(out->policy, sizeof out->policy, "%.*s", SL_STR_ARGS(policy));
    return true;
}

bool sl_redis_memory_evicts(const struct sl_redis_memory *m)
{
    return !sl_str_eq(sl_str_of(m->policy), SL_STR("noeviction"));
}

bool sl_redis_memory_is_full(const struct sl_redis_memory *m)
{
    return m->most > 0 && m->used > m->most / 100 * FULL_PERCENT;
}
