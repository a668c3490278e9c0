/* base/metric.h -- counters, gauges and histograms as plain data.
 *
 * Holder   One `struct sl_metrics` per process; families are registered at
 *          start, series appear when first used and stay.
 * Limits   At most `max_series` series over all families; a label set that
 *          would be one too many is counted under the family's overflow series,
 *          whose labels are all "other". Label values must come from the
 *          configuration, or be "other": callers see to that.
 * Cost     sl_metric_series() hashes; callers on the hot path keep the pointer
 *          (series never move or die). inc/add/observe are plain arithmetic.
 * Output   Prometheus text format 0.0.4 by sl_metrics_write(); values are
 *          escaped as that format says.
 */
#ifndef SL_BASE_METRIC_H
#define SL_BASE_METRIC_H

#include "base/str.h"

#define SL_METRIC_LABELS_MAX 6
#define SL_METRIC_BUCKETS_MAX 20

enum sl_metric_kind { SL_METRIC_COUNTER, SL_METRIC_GAUGE, SL_METRIC_HISTOGRAM };

struct sl_metric_family; /* registered description */

struct sl_metric { /* one series; for histograms see sl_metric_observe() */
    double value;
    uint64_t *buckets; /* owns: counts per bucket, histograms only */
    double sum;
    uint64_t count;
    struct sl_metric_family *family; /* up */
};

struct sl_metrics;

struct sl_metrics *sl_metrics_new(size_t max_series);
void sl_metrics_end(struct sl_metrics **m);

/* `labels`: comma separated names in order, "" for none. `bounds`: ascending
 * upper bounds of a histogram's buckets, without +Inf and ended by a 0 (the
 * first one may not be 0); NULL otherwise. Names and help are static texts.
 * A name that is known already answers with the family it has; kind and labels
 * must be the same then. */
struct sl_metric_family *sl_metric_family(struct sl_metrics *m, enum sl_metric_kind kind,
                                          const char *name, const char *help, const char *labels,
                                          const double *bounds);
/* The series with these label values, in the order of the names; never NULL. */
struct sl_metric *sl_metric_series(struct sl_metric_family *f, const struct sl_str *values);
/* No series any more: for gauges of names that come and go, set anew before each exposition.
 * Nobody may have kept a pointer to one. */
void sl_metric_clear(struct sl_metric_family *f);
/* Counts `v` into its bucket, v <= bound. What is not a number is left out. */
void sl_metric_observe(struct sl_metric *s, double v);

static inline void sl_metric_add(struct sl_metric *s, double v)
{
    s->value += v;
}

static inline void sl_metric_set(struct sl_metric *s, double v)
{
    s->value = v;
}

/* The whole exposition, in pieces of a few KiB each given to `put`; a piece may
 * end within a line. Families without a series are left out. */
typedef void sl_metric_put_fn(void *ctx, struct sl_str piece);
void sl_metrics_write(const struct sl_metrics *m, sl_metric_put_fn *put, void *ctx);
size_t sl_metrics_series(const struct sl_metrics *m);

#endif
