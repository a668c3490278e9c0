/* http/parse.c -- the machine of parse.h. Callbacks of llhttp note places in
 * the input and nothing else; decisions are made after llhttp_execute(). */
#include "http/parse.h"

#include "base/mem.h"
#include "base/obj.h"

#include <assert.h>

#define KEPT_FIRST 512

static_assert(SL_MESSAGE_HEAD_MAX < UINT16_MAX, "places in a head fit a span");

static struct sl_parse *self(llhttp_t *ll)
{
    return SL_CONTAINER(ll, struct sl_parse, ll);
}

static size_t place_of(const struct sl_parse *p, const char *at)
{
    return p->head_n + (size_t)(at - p->from);
}

static void extend(struct sl_parse *p, struct sl_parse_span *s, const char *at, size_t n)
{
    if (s->n == 0)
        s->at = (uint16_t)place_of(p, at);
    s->n = (uint16_t)(s->n + n);
}

static int refuse(struct sl_parse *p, enum sl_err why)
{
    p->err = why;
    return HPE_USER;
}

static int note_target(struct sl_parse *p, const char *at, size_t n)
{
    extend(p, &p->work->target, at, n);
    return p->work->target.n > SL_MESSAGE_TARGET_MAX ? refuse(p, SL_ERR_TARGET_TOO_BIG) : 0;
}

/* A name begins a line, unless it goes on where the piece before ended in one. */
static int note_name(struct sl_parse *p, const char *at, size_t n)
{
    struct sl_parse_work *w = p->work;
    size_t place = place_of(p, at);
    bool goes_on = w->name_end == place;

    w->name_end = (uint16_t)(place + n);
    if (goes_on) {
        w->lines[w->n - 1].name.n = (uint16_t)(w->lines[w->n - 1].name.n + n);
        return 0;
    }
    if (w->n == SL_MESSAGE_HEADERS_MAX)
        return refuse(p, SL_ERR_HEAD_TOO_BIG);
    w->lines[w->n++] = (struct sl_parse_line){{(uint16_t)place, (uint16_t)n}, {0, 0}};
    return 0;
}

static int on_llhttp_url(llhttp_t *ll, const char *at, size_t n)
{
    return note_target(self(ll), at, n);
}

/* Without `work` these are trailers: counted with the framing, never kept. */
static int on_llhttp_field(llhttp_t *ll, const char *at, size_t n)
{
    return self(ll)->work != NULL ? note_name(self(ll), at, n) : 0;
}

static int on_llhttp_value(llhttp_t *ll, const char *at, size_t n)
{
    struct sl_parse_work *w = self(ll)->work;

    if (w != NULL)
        extend(self(ll), &w->lines[w->n - 1].value, at, n);
    return 0;
}

static int on_llhttp_pause(llhttp_t *ll)
{
    (void)ll;
    return HPE_PAUSED;
}

static int on_llhttp_chunk(llhttp_t *ll)
{
    self(ll)->chunks++;
    return ll->content_length > SL_PARSE_CHUNK_MAX ? HPE_USER : 0;
}

static int on_llhttp_body(llhttp_t *ll, const char *at, size_t n)
{
    self(ll)->piece = (struct sl_str){at, n};
    return n > 0 ? HPE_PAUSED : 0;
}

static const llhttp_settings_t settings = {
    .on_url = on_llhttp_url,
    .on_header_field = on_llhttp_field,
    .on_header_value = on_llhttp_value,
    .on_headers_complete = on_llhttp_pause,
    .on_chunk_header = on_llhttp_chunk,
    .on_body = on_llhttp_body,
    .on_message_complete = on_llhttp_pause,
};

static struct sl_mem_shelf shelf = {.size = sizeof(struct sl_parse_work), .most = 64};

void sl_parse_forget(struct sl_parse *p)
{
    struct sl_parse_work *w = p->work;

    p->head = (struct sl_str){NULL, 0};
    p->work = NULL;
    if (w == NULL)
        return;
    if (w->kept != NULL)
        sl_mem_free(w->kept);
    sl_mem_give(&shelf, w);
}

void sl_parse_init(struct sl_parse *p, bool request)
{
    *p = (struct sl_parse){.request = request};
    llhttp_init(&p->ll, request ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
}

void sl_parse_fini(struct sl_parse *p)
{
    sl_parse_forget(p);
}

void sl_parse_again(struct sl_parse *p)
{
    sl_parse_forget(p);
    sl_parse_init(p, p->request);
}

static enum sl_parse_event fail(struct sl_parse *p, enum sl_err why)
{
    p->err = p->request || why == SL_ERR_NO_MEMORY ? why : SL_ERR_UP_GARBAGE;
    p->state = SL_PARSE_AT_FAILED;
    return SL_PARSE_FAIL;
}

/* What llhttp found in a head, in our words. */
static enum sl_err head_error(const struct sl_parse *p, llhttp_errno_t e)
{
    switch ((int)e) {
    case HPE_USER: return p->err;
    case HPE_INVALID_VERSION: /* also told for what stands behind a good one */
        return p->ll.http_major == 1 && p->ll.http_minor <= 1 ? SL_ERR_BAD_HEAD
                                                              : SL_ERR_BAD_VERSION;
    case HPE_UNEXPECTED_CONTENT_LENGTH:
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_INVALID_TRANSFER_ENCODING: return SL_ERR_BAD_FRAMING;
    default: return SL_ERR_BAD_HEAD;
    }
}

static bool start_work(struct sl_parse *p)
{
    struct sl_parse_work *w = sl_mem_take(&shelf);

    if (w == NULL)
        return false;
    w->kept = NULL; /* the lines are written before they are read */
    w->kept_cap = 0;
    w->target = (struct sl_parse_span){0, 0};
    w->name_end = w->n = 0; /* where a request or status line begins no name does */
    p->work = w;
    return true;
}

/* Appends to the head kept from earlier pieces. */
static bool keep(struct sl_parse *p, struct sl_str s)
{
    struct sl_parse_work *w = p->work;
    size_t need = p->head_n + s.n;

    if (need > w->kept_cap) {
        size_t cap = w->kept_cap > 0 ? w->kept_cap * 2 : KEPT_FIRST;
        char *kept;

        cap = cap < need ? need : cap;
        kept = sl_mem_grow(w->kept, cap);
        if (kept == NULL)
            return false;
        w->kept = kept;
        w->kept_cap = cap;
    }
    if (s.n > 0)
        memcpy(w->kept + p->head_n, s.p, s.n);
    return true;
}

/* "GET /" and a line end is how HTTP/0.9 asks; it would wait for ever. */
static bool has_no_version(const struct sl_parse *p)
{
    size_t end = (size_t)p->work->target.at + p->work->target.n;
    struct sl_str rest;

    if (p->work->target.n == 0)
        return false;
    rest = sl_str_from((struct sl_str){p->work->kept, p->head_n}, end);
    return sl_str_starts(rest, SL_STR("\r\n")) || sl_str_starts(rest, SL_STR("\n"));
}

static enum sl_parse_event next_head(struct sl_parse *p, struct sl_str *in)
{
    struct sl_str s = sl_str_first(*in, SL_MESSAGE_HEAD_MAX + 1 - p->head_n);
    llhttp_errno_t e;
    bool whole;

    if (s.n == 0)
        return SL_PARSE_MORE;
    if (p->work == NULL && !start_work(p))
        return fail(p, SL_ERR_NO_MEMORY);
    p->state = SL_PARSE_AT_HEAD;
    p->from = s.p;
    e = llhttp_execute(&p->ll, s.p, s.n);
    whole = e == HPE_PAUSED;
    if (!whole && e != HPE_OK)
        return fail(p, head_error(p, e));
    if (whole)
        s.n = (size_t)(llhttp_get_error_pos(&p->ll) - s.p);
    if ((p->work->kept != NULL || !whole) && !keep(p, s))
        return fail(p, SL_ERR_NO_MEMORY);
    p->head_n += (uint32_t)s.n;
    *in = sl_str_from(*in, s.n);
    if (p->head_n > SL_MESSAGE_HEAD_MAX)
        return fail(p, SL_ERR_HEAD_TOO_BIG);
    if (!whole)
        return has_no_version(p) ? fail(p, SL_ERR_BAD_VERSION) : SL_PARSE_MORE;
    p->head = (struct sl_str){p->work->kept != NULL ? p->work->kept : s.p, p->head_n};
    p->state = SL_PARSE_AT_DECIDE;
    return SL_PARSE_HEAD;
}

static enum sl_parse_event next_counted(struct sl_parse *p, struct sl_str *in, struct sl_str *piece)
{
    if (p->left == 0) {
        p->state = SL_PARSE_AT_END;
        return SL_PARSE_END;
    }
    if (in->n == 0)
        return SL_PARSE_MORE;
    *piece = p->left < in->n ? sl_str_first(*in, (size_t)p->left) : *in;
    *in = sl_str_from(*in, piece->n);
    p->left -= piece->n;
    return SL_PARSE_BODY;
}

static enum sl_parse_event next_chunked(struct sl_parse *p, struct sl_str *in, struct sl_str *piece)
{
    llhttp_errno_t e;
    size_t used;

    if (in->n == 0)
        return SL_PARSE_MORE;
    p->piece = (struct sl_str){NULL, 0};
    llhttp_resume(&p->ll);
    e = llhttp_execute(&p->ll, in->p, in->n);
    if (e != HPE_OK && e != HPE_PAUSED)
        return fail(p, SL_ERR_BAD_FRAMING);
    used = e == HPE_OK ? in->n : (size_t)(llhttp_get_error_pos(&p->ll) - in->p);
    *in = sl_str_from(*in, used);
    p->framing += used - p->piece.n;
    if (p->framing > SL_PARSE_OVERHEAD + p->chunks * SL_PARSE_CHUNK_LINES)
        return fail(p, SL_ERR_BAD_FRAMING);
    if (p->piece.n > 0) {
        *piece = p->piece;
        return SL_PARSE_BODY;
    }
    if (e == HPE_OK)
        return SL_PARSE_MORE;
    p->state = SL_PARSE_AT_END;
    return SL_PARSE_END;
}

enum sl_parse_event sl_parse_next(struct sl_parse *p, struct sl_str *in, struct sl_str *piece)
{
    switch (p->state) {
    case SL_PARSE_AT_START:
    case SL_PARSE_AT_HEAD: return next_head(p, in);
    case SL_PARSE_AT_LENGTH: return next_counted(p, in, piece);
    case SL_PARSE_AT_CHUNKED: return next_chunked(p, in, piece);
    case SL_PARSE_AT_CLOSE:
        *piece = *in;
        *in = sl_str_from(*in, in->n);
        return piece->n > 0 ? SL_PARSE_BODY : SL_PARSE_MORE;
    case SL_PARSE_AT_FAILED: return SL_PARSE_FAIL;
    case SL_PARSE_AT_DECIDE:
    case SL_PARSE_AT_END: break;
    }
    SL_CHECK(p->state == SL_PARSE_AT_FAILED); /* read the head, or begin again, first */
    return SL_PARSE_FAIL;
}

bool sl_parse_finish(struct sl_parse *p)
{
    if (p->state == SL_PARSE_AT_CLOSE)
        p->state = SL_PARSE_AT_END;
    return sl_parse_is_over(p);
}

bool sl_parse_is_fresh(const struct sl_parse *p)
{
    size_t n = p->head_n;

    if (p->state != SL_PARSE_AT_START && p->state != SL_PARSE_AT_HEAD)
        return false;
    for (size_t i = 0; i < n; i++)
        if (p->work->kept[i] != '\r' && p->work->kept[i] != '\n')
            return false;
    return true;
}

struct sl_str sl_parse_target(const struct sl_parse *p)
{
    const struct sl_parse_work *w = p->work;
    const char *head;

    if (w == NULL || w->target.n == 0)
        return (struct sl_str){NULL, 0};
    /* one piece that failed was not kept: it is still where it came from */
    head = w->kept != NULL ? w->kept : p->from;
    if (w->kept != NULL && (size_t)w->target.at + w->target.n > p->head_n)
        return (struct sl_str){NULL, 0};
    return (struct sl_str){head + w->target.at, w->target.n};
}
