/* Whose trace a request belongs to, and how its tries went. */
#include "gateway/otlp/span.h"

#include "base/rand.h"
#include "gateway/inside.h"
#include "gateway/otlp/otlp.h"

#define SPAN_BYTES 6144 /* of one span: its texts are cut long before */

/* ---- traceparent ---- */

static bool is_id(struct sl_str s, size_t n)
{
    bool some = false;

    for (size_t i = 0; i < s.n; i++) {
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
        some = some || s.p[i] != '0';
    }
    return s.n == n && some;
}

static unsigned digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

/* Of a later version what this one has is read, and what follows it is not. */
bool sl_span_parse(struct sl_str value, struct sl_span_parent *out)
{
    struct sl_str version = sl_str_first(value, 2), flags;

    if (value.n < SL_SPAN_PARENT || value.p[2] != '-' || value.p[35] != '-' || value.p[52] != '-')
        return false;
    flags = sl_str_first(sl_str_from(value, 53), 2);
    out->trace = sl_str_first(sl_str_from(value, 3), 32);
    out->id = sl_str_first(sl_str_from(value, 36), 16);
    if (!is_id(out->trace, 32) || !is_id(out->id, 16) || sl_str_eq(version, SL_STR("ff")))
        return false;
    if (!(sl_str_eq(version, SL_STR("00")) ? value.n == SL_SPAN_PARENT : is_id(version, 2)))
        return false;
    if (value.n > SL_SPAN_PARENT && value.p[SL_SPAN_PARENT] != '-')
        return false;
    if (!sl_str_eq(flags, SL_STR("00")) && !is_id(flags, 2))
        return false;
    out->sampled = (digit(flags.p[1]) & 1) != 0;
    return true;
}

/* ---- the request ---- */

static bool is_chosen(const char trace[32], uint64_t ppm)
{
    uint64_t low = 0;

    for (size_t i = 32 - 14; i < 32; i++)
        low = low << 4 | digit(trace[i]);
    return low < (((uint64_t)1 << 56) / 1000000) * ppm || ppm >= 1000000;
}

void sl_span_begin(struct sl_req *r)
{
    const struct sl_otlp_conf *conf = r->conf->otlp;
    const struct sl_headers *h = &r->head->headers;
    struct sl_span_parent parent;
    char trace[32];
    bool has_parent;

    if (conf == NULL)
        return;
    has_parent = sl_headers_count(h, SL_STR("traceparent")) == 1 &&
                 sl_span_parse(sl_headers_get(h, SL_STR("traceparent")), &parent);
    if (has_parent) {
        memcpy(trace, parent.trace.p, sizeof trace);
    } else {
        sl_rand_id(trace);
        sl_rand_id(trace + 16);
    }
    if (has_parent ? !parent.sampled : !is_chosen(trace, conf->sample_ppm))
        return;
    r->span = sl_arena_alloc(r->arena, sizeof *r->span);
    if (r->span == NULL)
        return;
    *r->span = (struct sl_span){.has_parent = has_parent};
    memcpy(r->span->trace, trace, sizeof trace);
    sl_rand_id(r->span->id);
    if (has_parent)
        memcpy(r->span->parent, parent.id.p, sizeof r->span->parent);
}

/* ---- its tries ---- */

static struct sl_span_try *running(const struct sl_req *r)
{
    return r->span != NULL && r->span->open ? &r->span->tries[r->span->n - 1] : NULL;
}

void sl_span_try_begin(struct sl_req *r)
{
    struct sl_span *s = r->span;
    struct sl_span_try *one = running(r);
    uint64_t now;

    if (s == NULL)
        return;
    now = sl_net_now_us(r->gw->net);
    if (one != NULL) /* a batch asks a second time */
        one->end_us = now;
    s->open = s->n < SL_SPAN_TRIES;
    if (!s->open)
        return;
    one = &s->tries[s->n++];
    *one = (struct sl_span_try){.start_us = now, .provider = r->provider, .served = r->served};
    sl_rand_id(one->id);
}

void sl_span_try_end(struct sl_req *r, int status, enum sl_err why)
{
    struct sl_span_try *one = running(r);

    if (one == NULL)
        return;
    one->status = status;
    one->why = why;
    if (why == SL_OK && status < 400)
        return;
    one->end_us = sl_net_now_us(r->gw->net);
    r->span->open = false;
}

void sl_span_try_forget(struct sl_req *r)
{
    if (running(r) == NULL)
        return;
    r->span->n--;
    r->span->open = false;
}

bool sl_span_for_provider(const struct sl_req *r, char out[SL_SPAN_PARENT])
{
    const struct sl_span_try *one = running(r);
    struct sl_text t = sl_text_over(out, SL_SPAN_PARENT);

    if (one == NULL)
        return false;
    sl_text_add(&t, SL_STR("00-"));
    sl_text_add(&t, (struct sl_str){r->span->trace, sizeof r->span->trace});
    sl_text_byte(&t, '-');
    sl_text_add(&t, (struct sl_str){one->id, sizeof one->id});
    sl_text_add(&t, SL_STR("-01"));
    return true;
}

/* ---- the end ---- */

static void add(struct sl_req *r, const struct sl_span_try *one, int64_t at_ns)
{
    char place[SPAN_BYTES];
    struct sl_text t = sl_text_over(place, sizeof place);

    sl_span_write(r, one, at_ns, &t);
    sl_otlp_add(r->gw->otlp, t.cut ? (struct sl_str){NULL, 0} : sl_text_str(&t));
}

/* What still runs ended with the request, and as it did. */
static void settle(struct sl_req *r)
{
    struct sl_span_try *one = running(r);

    if (one == NULL)
        return;
    one->end_us = r->t.end;
    if (one->status == 0)
        one->status = r->up_status;
    if (r->ending == SL_END_UPSTREAM_CUT || r->ending == SL_END_UPSTREAM_ERROR ||
        r->ending == SL_END_TIMEOUT)
        one->why = r->error;
}

void sl_span_close(struct sl_req *r)
{
    int64_t at_ns;

    if (r->span == NULL || r->ep == SL_EP_HEALTH || r->ep == SL_EP_HELLO)
        return;
    if (r->key == NULL && !is_chosen(r->span->trace, r->conf->otlp->sample_ppm))
        return; /* whoever has no key does not say what is recorded */
    settle(r);
    at_ns = sl_net_unix_ms(r->gw->net) * 1000000 - (int64_t)r->t.end * 1000;
    for (size_t i = 0; i < r->span->n; i++)
        add(r, &r->span->tries[i], at_ns);
    add(r, NULL, at_ns);
}
