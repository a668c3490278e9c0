/* Fuzz: what a Redis may send. Cut anywhere, the same bytes give the same replies,
 * within their limits; a string among them may be a cached value. */
#include "base/mem.h"
#include "base/obj.h"
#include "store/cache/cached.h"
#include "store/redis/reply.h"

#define REPLY_MAX 4096
#define INPUT_MAX 60000 /* below SL_REPLY_LINE: how much comes at once decides there */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct story {
    uint64_t sum;
    size_t n;
    bool bad;
};

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    const unsigned char *c = p;

    for (size_t i = 0; i < n; i++)
        h = (h ^ c[i]) * 1099511628211u;
    return h;
}

static uint64_t sum_of(uint64_t h, const redisReply *r, int depth)
{
    SL_CHECK(depth <= SL_REPLY_DEPTH + 1);
    SL_CHECK(r->type >= REDIS_REPLY_STRING && r->type <= REDIS_REPLY_ERROR);
    h = mix(h, &r->type, sizeof r->type);
    if (r->type == REDIS_REPLY_INTEGER)
        h = mix(h, &r->integer, sizeof r->integer);
    if (r->str != NULL) {
        SL_CHECK(r->len <= REPLY_MAX && r->str[r->len] == 0);
        h = mix(h, r->str, r->len);
    }
    SL_CHECK(r->elements <= SL_REPLY_ELEMENTS);
    for (size_t i = 0; i < r->elements; i++)
        h = sum_of(h, r->element[i], depth + 1);
    return h;
}

static void unpack(const redisReply *r)
{
    struct sl_cached *c = NULL;

    if (r->type == REDIS_REPLY_STRING)
        c = sl_cached_unpack((struct sl_str){r->str, r->len});
    SL_CHECK(c == NULL || c->n + SL_CACHED_HEADER == r->len);
    sl_cached_drop(&c);
}

static bool feed(struct sl_reply_reader *reader, struct sl_str piece, struct story *s)
{
    enum sl_reply_step step;
    redisReply *reply;

    SL_CHECK(sl_reply_feed(reader, piece));
    while ((step = sl_reply_next(reader, &reply)) == SL_REPLY_READY) {
        s->sum = sum_of(s->sum, reply, 1);
        s->n++;
        unpack(reply);
        sl_reply_drop(&reply);
    }
    SL_CHECK(reply == NULL);
    s->bad = step == SL_REPLY_BAD;
    return !s->bad;
}

/* In pieces that stand alone in memory; dice 0: in one. */
static struct story run(struct sl_str text, uint32_t dice)
{
    struct sl_reply_reader reader;
    struct story s = {.n = 0};
    bool on = true;

    sl_reply_init(&reader, REPLY_MAX);
    while (on && text.n > 0) {
        size_t n = text.n, most = dice & 1 ? 3 : 200;
        char *copy;

        if (dice != 0) {
            dice = dice * 1664525 + 1013904223;
            n = 1 + (dice >> 16) % most;
            n = n < text.n ? n : text.n;
        }
        copy = sl_mem_new(n);
        memcpy(copy, text.p, n);
        on = feed(&reader, (struct sl_str){copy, n}, &s);
        sl_mem_free(copy);
        text = sl_str_from(text, n);
    }
    sl_reply_fini(&reader);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_str text = {(const char *)data, size < INPUT_MAX ? size : INPUT_MAX};
    struct story whole = run(text, 0);

    for (uint32_t dice = 1; dice <= 3; dice++) {
        struct story pieces = run(text, dice);

        SL_CHECK(pieces.n == whole.n && pieces.sum == whole.sum && pieces.bad == whole.bad);
    }
    return 0;
}
