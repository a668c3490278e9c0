/* Fuzz: event streams, from bytes to what both dialects make of them.
 *
 * Byte 0 says how the rest is cut. Held: the cuts make no difference to the
 * events' names and data, nor to what a dialect reads of them; texts kept are
 * terminated and counts stay below the clamp.
 */
#include "base/obj.h"
#include "llm/dialect.h"
#include "llm/sse.h"

struct story {
    uint64_t events; /* with data: others may move with a CR that was cut */
    uint64_t sum;
    struct sl_usage usage[SL_EP__COUNT];
    uint64_t kinds[SL_EP__COUNT];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mix(uint64_t *h, struct sl_str s)
{
    for (size_t i = 0; i < s.n; i++)
        *h = (*h ^ (uint8_t)s.p[i]) * 1099511628211u;
    *h = (*h ^ 0x100) * 1099511628211u;
}

static void check_usage(const struct sl_usage *u)
{
    const uint64_t most = 1000000000000u;

    SL_CHECK(memchr(u->model, 0, sizeof(u->model)) != NULL);
    SL_CHECK(memchr(u->stop, 0, sizeof(u->stop)) != NULL);
    SL_CHECK(memchr(u->error_type, 0, sizeof(u->error_type)) != NULL);
    SL_CHECK(u->in <= most && u->out <= most && u->cache_read <= most && u->reasoning <= most);
    SL_CHECK(u->cache_write_5m <= most && u->cache_write_1h <= most);
}

static void on_event(struct story *s, struct sl_str event)
{
    static char scratch[1 << 16];
    struct sl_sse_event e;

    sl_sse_parse(event, scratch, sizeof(scratch), &e);
    SL_CHECK(e.data.n <= event.n && e.name.n <= event.n);
    if (!e.has_data)
        return;
    s->events++;
    mix(&s->sum, e.name);
    mix(&s->sum, e.data);
    for (int ep = 0; ep < SL_EP__COUNT; ep++) {
        const struct sl_dialect *d = sl_endpoint_dialect((enum sl_endpoint)ep);

        if (d == NULL)
            continue;
        s->kinds[ep] = s->kinds[ep] * 31 + d->event((enum sl_endpoint)ep, event, &s->usage[ep]);
        (void)d->is_whole((enum sl_endpoint)ep, &s->usage[ep]);
        check_usage(&s->usage[ep]);
    }
}

static void run(struct sl_str text, size_t piece, struct story *s)
{
    const char *event = text.p, *end = text.p + text.n;
    struct sl_str rest;
    struct sl_sse sse;
    size_t n;

    memset(s, 0, sizeof(*s));
    sl_sse_init(&sse);
    for (const char *at = text.p; at < end; at += piece) {
        rest = sl_str_first((struct sl_str){at, (size_t)(end - at)}, piece);
        while (sl_sse_next(&sse, rest, &n)) {
            SL_CHECK(n > 0 && n <= rest.n && sl_sse_is_between(&sse));
            rest = sl_str_from(rest, n);
            on_event(s, (struct sl_str){event, (size_t)(rest.p - event)});
            event = rest.p;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct story whole, pieces;
    struct sl_str text;

    if (size < 2)
        return 0;
    text = (struct sl_str){(const char *)data + 1, size - 1};
    run(text, text.n, &whole);
    run(text, 1 + data[0] % 64u, &pieces);
    SL_CHECK(whole.events == pieces.events && whole.sum == pieces.sum);
    SL_CHECK(memcmp(whole.kinds, pieces.kinds, sizeof(whole.kinds)) == 0);
    for (int ep = 0; ep < SL_EP__COUNT; ep++) {
        sl_usage_settle(&whole.usage[ep], size);
        check_usage(&whole.usage[ep]);
    }
    return 0;
}
