/* A ring of places over a ring of bytes. */
#include "gateway/audit/recent.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/obj.h"

#define ID_MAX 256 /* bytes of a provider's id that are compared */

struct place {
    char id[SL_RECENT_ID];
    size_t at, n; /* in `bytes` */
};

struct sl_recent {
    struct place places[SL_RECENT_LINES];
    size_t first, n; /* places in use */
    size_t next;     /* where the next bytes go */
    char *bytes;     /* owns */
};

struct sl_recent *sl_recent_new(void)
{
    struct sl_recent *r = sl_mem_new(sizeof *r);

    r->bytes = sl_mem_new(SL_RECENT_BYTES);
    return r;
}

void sl_recent_end(struct sl_recent **pr)
{
    struct sl_recent *r = *pr;

    *pr = NULL;
    if (r == NULL)
        return;
    sl_mem_free(r->bytes);
    sl_mem_free(r);
}

static const struct place *place_of(const struct sl_recent *r, size_t i)
{
    return &r->places[(r->first + i) % SL_RECENT_LINES];
}

static void forget_oldest(struct sl_recent *r)
{
    r->first = (r->first + 1) % SL_RECENT_LINES;
    r->n--;
}

/* Bytes lie in the order of places: who is in the way is the oldest, and those after it. */
static void clear(struct sl_recent *r, size_t from, size_t to)
{
    while (r->n > 0) {
        const struct place *p = place_of(r, 0);

        if (p->at >= to || p->at + p->n <= from)
            return;
        forget_oldest(r);
    }
}

void sl_recent_add(struct sl_recent *r, const char id[SL_RECENT_ID], struct sl_str json)
{
    struct place *p;

    if (json.n == 0 || json.n > SL_RECENT_BYTES / 4)
        return;
    if (SL_RECENT_BYTES - r->next < json.n) {
        clear(r, r->next, SL_RECENT_BYTES);
        r->next = 0;
    }
    clear(r, r->next, r->next + json.n);
    if (r->n == SL_RECENT_LINES)
        forget_oldest(r);
    p = &r->places[(r->first + r->n++) % SL_RECENT_LINES];
    memcpy(p->id, id, sizeof p->id);
    p->at = r->next;
    p->n = json.n;
    memcpy(r->bytes + r->next, json.p, json.n);
    r->next += json.n;
}

size_t sl_recent_count(const struct sl_recent *r)
{
    return r->n;
}

static struct sl_str text_at(const struct sl_recent *r, const struct place *p)
{
    return (struct sl_str){r->bytes + p->at, p->n};
}

struct sl_str sl_recent_at(const struct sl_recent *r, size_t back)
{
    if (back >= r->n)
        return (struct sl_str){NULL, 0};
    return text_at(r, place_of(r, r->n - 1 - back));
}

static bool is_of(const struct sl_recent *r, const struct place *p, struct sl_str id)
{
    char text[ID_MAX];
    size_t n = 0;

    if (sl_str_eq(id, (struct sl_str){p->id, sizeof p->id}))
        return true;
    return sl_json_unescape(sl_json_get(text_at(r, p), SL_STR("provider_request_id")), text,
                            sizeof text, &n) &&
           n > 0 && sl_str_eq(id, (struct sl_str){text, n});
}

struct sl_str sl_recent_find(const struct sl_recent *r, struct sl_str id)
{
    for (size_t back = 0; back < r->n; back++) {
        const struct place *p = place_of(r, r->n - 1 - back);

        if (is_of(r, p, id))
            return text_at(r, p);
    }
    return (struct sl_str){NULL, 0};
}
