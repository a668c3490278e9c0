/* base/metric.c -- families in order, each with a hash of its series.
 *
 * A series is known by its labels as they stand in the exposition, escapes and
 * all: two series that would print the same can't both exist, which Prometheus
 * would answer by refusing the whole scrape.
 */
#include "base/metric.h"

#include "base/map.h"
#include "base/obj.h"
#include "base/text.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define METRICS_MAGIC 0x534c4d54u
#define LABELS_BYTES 4096 /* of one series; longer ones count as overflow */
#define PIECE 8192
#define NUMBER_BYTES 32

struct series {
    struct sl_metric m; /* first: the public part is the series */
    UT_hash_handle hh;
    struct series *next; /* owns: the next one of the family, oldest first */
    char *labels;        /* owns: a="x",b="y" */
    size_t labels_n;
};

struct sl_metric_family {
    struct sl_metrics *metrics;    /* up */
    struct sl_metric_family *next; /* owns */
    enum sl_metric_kind kind;
    struct sl_str name;
    struct sl_str help;
    struct sl_str label_list;
    struct sl_str labels[SL_METRIC_LABELS_MAX];
    size_t n_labels;
    double bounds[SL_METRIC_BUCKETS_MAX];
    char le[SL_METRIC_BUCKETS_MAX][NUMBER_BYTES];
    size_t n_bounds;
    struct series *table; /* up: the hash over the list below */
    struct series *first; /* owns */
    struct series *last;  /* up */
};

struct sl_metrics {
    uint32_t magic;
    size_t max_series;
    size_t n_series;
    struct sl_metric_family *first; /* owns */
    struct sl_metric_family *last;  /* up */
};

struct sl_metrics *sl_metrics_new(size_t max_series)
{
    struct sl_metrics *m = sl_mem_new(sizeof(*m));

    m->magic = METRICS_MAGIC;
    m->max_series = max_series;
    return m;
}

void sl_metric_clear(struct sl_metric_family *f)
{
    HASH_CLEAR(hh, f->table);
    while (f->first != NULL) {
        struct series *s = f->first;

        f->first = s->next;
        f->metrics->n_series--;
        sl_mem_free(s->m.buckets);
        sl_mem_free(s->labels);
        sl_mem_free(s);
    }
    f->last = NULL;
}

static void end_family(struct sl_metric_family *f)
{
    sl_metric_clear(f);
    sl_mem_free(f);
}

void sl_metrics_end(struct sl_metrics **pm)
{
    struct sl_metrics *m = *pm;

    if (m == NULL)
        return;
    SL_OBJ_CHECK(m, METRICS_MAGIC);
    *pm = NULL;
    while (m->first != NULL) {
        struct sl_metric_family *f = m->first;

        m->first = f->next;
        end_family(f);
    }
    m->magic = SL_OBJ_DEAD;
    sl_mem_free(m);
}

/* The shortest decimal that reads back as the same double. */
static struct sl_str number(double v, char out[NUMBER_BYTES])
{
    const double exact = 9007199254740992.0; /* 2^53 */
    int n = 0;

    if (isnan(v))
        return SL_STR("NaN");
    if (isinf(v))
        return v > 0 ? SL_STR("+Inf") : SL_STR("-Inf");
    if (v > -exact && v < exact && (double)(long long)v == v) {
        n = snprintf(out, NUMBER_BYTES, "%lld", (long long)v);
        return (struct sl_str){out, (size_t)n};
    }
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(out, NUMBER_BYTES, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
    return (struct sl_str){out, (size_t)n};
}

static void set_bounds(struct sl_metric_family *f, const double *bounds)
{
    SL_CHECK((f->kind == SL_METRIC_HISTOGRAM) == (bounds != NULL));
    if (bounds == NULL)
        return;
    for (size_t i = 0; bounds[i] != 0 && !isinf(bounds[i]); i++) {
        char digits[NUMBER_BYTES];

        SL_CHECK(i < SL_METRIC_BUCKETS_MAX && (i == 0 || bounds[i] > bounds[i - 1]));
        f->bounds[i] = bounds[i];
        snprintf(f->le[i], NUMBER_BYTES, "%.*s", SL_STR_ARGS(number(bounds[i], digits)));
        f->n_bounds = i + 1;
    }
}

struct sl_metric_family *sl_metric_family(struct sl_metrics *m, enum sl_metric_kind kind,
                                          const char *name, const char *help, const char *labels,
                                          const double *bounds)
{
    struct sl_metric_family *f;
    struct sl_str rest = sl_str_of(labels), label;

    SL_OBJ_CHECK(m, METRICS_MAGIC);
    for (f = m->first; f != NULL; f = f->next) {
        if (!sl_str_eq(f->name, sl_str_of(name)))
            continue;
        SL_CHECK(f->kind == kind && sl_str_eq(f->label_list, rest));
        return f;
    }
    f = sl_mem_new(sizeof(*f));
    f->metrics = m;
    f->kind = kind;
    f->name = sl_str_of(name);
    f->help = sl_str_of(help);
    f->label_list = rest;
    while (sl_str_split(&rest, ',', &label)) {
        SL_CHECK(f->n_labels < SL_METRIC_LABELS_MAX && label.n > 0);
        f->labels[f->n_labels++] = label;
    }
    set_bounds(f, bounds);
    if (m->last != NULL)
        m->last->next = f;
    else
        m->first = f;
    m->last = f;
    return f;
}

/* Backslash, quote and newline escaped as the format wants it; what is not
 * UTF-8 becomes U+FFFD, or the scrape would be refused. */
static void add_label_value(struct sl_text *t, struct sl_str v)
{
    size_t plain = 0, i = 0;

    while (i < v.n) {
        size_t n = sl_utf8_len(v.p + i, v.n - i);
        char c = v.p[i];

        if (n > 0 && c != '\\' && c != '"' && c != '\n') {
            i += n;
            continue;
        }
        sl_text_add(t, (struct sl_str){v.p + plain, i - plain});
        if (n == 0)
            sl_text_add(t, SL_STR("\xef\xbf\xbd"));
        else
            sl_text_add(t, c == '\n' ? SL_STR("\\n") : c == '"' ? SL_STR("\\\"") : SL_STR("\\\\"));
        plain = ++i;
    }
    if (i > plain)
        sl_text_add(t, (struct sl_str){v.p + plain, i - plain});
}

/* `values` NULL: all of them "other". */
static void render_labels(const struct sl_metric_family *f, const struct sl_str *values,
                          struct sl_text *t)
{
    for (size_t i = 0; i < f->n_labels; i++) {
        if (i > 0)
            sl_text_byte(t, ',');
        sl_text_add(t, f->labels[i]);
        sl_text_add(t, SL_STR("=\""));
        add_label_value(t, values != NULL ? values[i] : SL_STR("other"));
        sl_text_byte(t, '"');
    }
}

static struct series *find_series(struct sl_metric_family *f, const struct sl_text *labels)
{
    struct series *s = NULL;

    HASH_FIND(hh, f->table, labels->p, labels->n, s);
    return s;
}

static struct series *add_series(struct sl_metric_family *f, const struct sl_text *labels)
{
    struct series *s = sl_mem_new(sizeof(*s));

    s->m.family = f;
    if (f->kind == SL_METRIC_HISTOGRAM)
        s->m.buckets = sl_mem_new((f->n_bounds + 1) * sizeof(s->m.buckets[0]));
    s->labels = sl_mem_dup(sl_text_str(labels));
    s->labels_n = labels->n;
    HASH_ADD_KEYPTR(hh, f->table, s->labels, s->labels_n, s);
    if (f->last != NULL)
        f->last->next = s;
    else
        f->first = s;
    f->last = s;
    f->metrics->n_series++;
    return s;
}

struct sl_metric *sl_metric_series(struct sl_metric_family *f, const struct sl_str *values)
{
    char place[LABELS_BYTES];
    struct sl_text t = sl_text_over(place, sizeof(place));
    struct series *s;

    SL_CHECK(f->n_labels == 0 || values != NULL);
    render_labels(f, values, &t);
    s = t.cut ? NULL : find_series(f, &t);
    if (s != NULL)
        return &s->m;
    if (!t.cut && (f->metrics->n_series < f->metrics->max_series || f->n_labels == 0))
        return &add_series(f, &t)->m;
    t = sl_text_over(place, sizeof(place));
    render_labels(f, NULL, &t);
    s = find_series(f, &t);
    return s != NULL ? &s->m : &add_series(f, &t)->m;
}

void sl_metric_observe(struct sl_metric *s, double v)
{
    const struct sl_metric_family *f = s->family;
    size_t i = 0;

    if (isnan(v))
        return;
    while (i < f->n_bounds && v > f->bounds[i])
        i++;
    s->buckets[i]++; /* the last one is +Inf */
    s->sum += v;
    s->count++;
}

/* --- Output ----------------------------------------------------------------- */

struct writer {
    sl_metric_put_fn *put;
    void *ctx; /* up: the reader's own */
    struct sl_text piece;
};

static void flush(struct writer *w)
{
    if (w->piece.n > 0)
        w->put(w->ctx, sl_text_str(&w->piece));
    w->piece.n = 0;
}

static void out(struct writer *w, struct sl_str s)
{
    while (s.n > w->piece.cap - w->piece.n) {
        struct sl_str part = sl_str_first(s, w->piece.cap - w->piece.n);

        sl_text_add(&w->piece, part);
        s = sl_str_from(s, part.n);
        flush(w);
    }
    sl_text_add(&w->piece, s);
}

static void out_head(struct writer *w, const struct sl_metric_family *f)
{
    static const struct sl_str types[] = {SL_STR_INIT(" counter\n"), SL_STR_INIT(" gauge\n"),
                                          SL_STR_INIT(" histogram\n")};

    out(w, SL_STR("# HELP "));
    out(w, f->name);
    out(w, SL_STR(" "));
    for (size_t i = 0; i < f->help.n; i++) {
        char c = f->help.p[i];

        out(w, c == '\n' ? SL_STR("\\n") : c == '\\' ? SL_STR("\\\\") : (struct sl_str){&c, 1});
    }
    out(w, SL_STR("\n# TYPE "));
    out(w, f->name);
    out(w, types[f->kind]);
}

/* One line: name and suffix, labels with the bucket's bound if it has one. */
static void out_sample(struct writer *w, const struct series *s, struct sl_str suffix,
                       const char *le, double v)
{
    char digits[NUMBER_BYTES];

    out(w, s->m.family->name);
    out(w, suffix);
    if (s->labels_n > 0 || le != NULL) {
        out(w, SL_STR("{"));
        out(w, (struct sl_str){s->labels, s->labels_n});
        if (le != NULL) {
            out(w, s->labels_n > 0 ? SL_STR(",le=\"") : SL_STR("le=\""));
            out(w, sl_str_of(le));
            out(w, SL_STR("\""));
        }
        out(w, SL_STR("}"));
    }
    out(w, SL_STR(" "));
    out(w, number(v, digits));
    out(w, SL_STR("\n"));
}

static void out_histogram(struct writer *w, const struct series *s)
{
    const struct sl_metric_family *f = s->m.family;
    uint64_t below = 0;

    for (size_t i = 0; i < f->n_bounds; i++) {
        below += s->m.buckets[i];
        out_sample(w, s, SL_STR("_bucket"), f->le[i], (double)below);
    }
    out_sample(w, s, SL_STR("_bucket"), "+Inf", (double)s->m.count);
    out_sample(w, s, SL_STR("_sum"), NULL, s->m.sum);
    out_sample(w, s, SL_STR("_count"), NULL, (double)s->m.count);
}

void sl_metrics_write(const struct sl_metrics *m, sl_metric_put_fn *put, void *ctx)
{
    char place[PIECE];
    struct writer w = {put, ctx, sl_text_over(place, sizeof(place))};

    SL_OBJ_CHECK(m, METRICS_MAGIC);
    for (const struct sl_metric_family *f = m->first; f != NULL; f = f->next) {
        if (f->first != NULL)
            out_head(&w, f);
        for (const struct series *s = f->first; s != NULL; s = s->next) {
            if (f->kind == SL_METRIC_HISTOGRAM)
                out_histogram(&w, s);
            else
                out_sample(&w, s, SL_STR(""), NULL, s->m.value);
        }
    }
    flush(&w);
}

size_t sl_metrics_series(const struct sl_metrics *m)
{
    return m->n_series;
}
