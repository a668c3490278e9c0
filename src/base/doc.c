/* base/doc.c -- yyjson over base/mem, counted. */
#include "base/doc.h"

#include "base/mem.h"

#include <assert.h>

/* Before every block, so that what is given back can be counted. */
struct head {
    _Alignas(16) size_t n;
};

static_assert(sizeof(struct head) == 16, "blocks stay aligned");

static bool may_take(struct sl_doc *d, size_t n)
{
    if (n <= d->max - d->used && n < SIZE_MAX - sizeof(struct head))
        return true;
    d->full = true;
    return false;
}

static void *on_yyjson_malloc(void *ctx, size_t n)
{
    struct sl_doc *d = ctx;
    struct head *h = may_take(d, n) ? sl_mem_try(sizeof(*h) + n) : NULL;

    if (h == NULL)
        return NULL;
    h->n = n;
    d->used += n;
    return h + 1;
}

static void *on_yyjson_realloc(void *ctx, void *p, size_t old, size_t n)
{
    struct sl_doc *d = ctx;
    struct head *h = (struct head *)p - 1;

    (void)old;
    if (n > h->n && !may_take(d, n - h->n))
        return NULL;
    h = sl_mem_grow(h, sizeof(*h) + n);
    if (h == NULL)
        return NULL;
    d->used += n - h->n; /* also right when it shrank: modulo */
    h->n = n;
    return h + 1;
}

static void on_yyjson_free(void *ctx, void *p)
{
    struct sl_doc *d = ctx;
    struct head *h = (struct head *)p - 1;

    d->used -= h->n;
    sl_mem_free(h);
}

/* Values lie in one block, each container before what it holds. */
static bool is_shallow(yyjson_doc *doc)
{
    yyjson_val *ends[SL_JSON_DEPTH], *v = yyjson_doc_get_root(doc);
    yyjson_val *end = v + yyjson_doc_get_val_count(doc);
    size_t depth = 0;

    for (; v < end; v++) {
        while (depth > 0 && v >= ends[depth - 1])
            depth--;
        if (!unsafe_yyjson_is_ctn(v))
            continue;
        if (depth == SL_JSON_DEPTH)
            return false;
        ends[depth++] = unsafe_yyjson_get_next(v);
    }
    return true;
}

enum sl_err sl_doc_read(struct sl_doc *d, struct sl_str text, size_t max, yyjson_read_flag flags)
{
    yyjson_read_err why = {0};

    *d = (struct sl_doc){.alc = {on_yyjson_malloc, on_yyjson_realloc, on_yyjson_free, d},
                         .max = max};
    if (text.n == 0)
        return SL_ERR_BAD_BODY;
    /* without YYJSON_READ_INSITU the text is not written to */
    d->doc = yyjson_read_opts((char *)(uintptr_t)text.p, text.n, flags & ~YYJSON_READ_INSITU,
                              &d->alc, &why);
    if (d->doc == NULL)
        return why.code != YYJSON_READ_ERROR_MEMORY_ALLOCATION ? SL_ERR_BAD_BODY
               : d->full                                       ? SL_ERR_BODY_TOO_BIG
                                                               : SL_ERR_NO_MEMORY;
    d->root = yyjson_doc_get_root(d->doc);
    return is_shallow(d->doc) ? SL_OK : SL_ERR_BAD_BODY;
}

void sl_doc_fini(struct sl_doc *d)
{
    yyjson_doc_free(d->doc);
    d->doc = NULL;
    d->root = NULL;
}
