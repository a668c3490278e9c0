/* store/measure.h -- the families that the store and the cache both have series of. */
#ifndef SL_STORE_MEASURE_H
#define SL_STORE_MEASURE_H

#include "base/metric.h"

/* sluice_store_seconds{op}: one step, waited for. */
static inline struct sl_metric *sl_measure_seconds(struct sl_metrics *m, const char *op)
{
    static const double bounds[] = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                    0.01,    0.025,  0.05,    0.1,    0.25,  1,      0};
    struct sl_str label = sl_str_of(op);

    return sl_metric_series(sl_metric_family(m, SL_METRIC_HISTOGRAM, "sluice_store_seconds",
                                             "Time of one step of the store.", "op", bounds),
                            &label);
}

/* sluice_store_up{role}: store, cache. */
static inline struct sl_metric *sl_measure_up(struct sl_metrics *m, const char *role)
{
    struct sl_str label = sl_str_of(role);

    return sl_metric_series(sl_metric_family(m, SL_METRIC_GAUGE, "sluice_store_up",
                                             "1: the store answers in its time.", "role", NULL),
                            &label);
}

#endif
