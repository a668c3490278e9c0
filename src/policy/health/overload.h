/* policy/health/overload.h -- which classes are refused while the process is overloaded.
 *
 * Beyond a limit for two looks in a row, the lowest class is refused; at each further look
 * that is beyond, the next one. The highest class never is: what can't be helped by refusing
 * (connections that stay, memory that is kept) must not end all service. A class comes back
 * after SL_OVERLOAD_CALM_MS in which everything was below nine tenths of its limit, then the
 * next one; between nine tenths and the limit nothing changes. So it rises fast, falls slowly
 * and does not flap.
 * Holder   One for each process, zeroed at first. Pure; `now_ms` is of one clock.
 */
#ifndef SL_POLICY_HEALTH_OVERLOAD_H
#define SL_POLICY_HEALTH_OVERLOAD_H

#include <stdbool.h>
#include <stdint.h>

#define SL_OVERLOAD_LOOK_MS 100 /* how often it is looked */
#define SL_OVERLOAD_CALM_MS 2000
#define SL_OVERLOAD_TOP 9 /* the class that is never refused */

enum sl_overload_kind {
    SL_OVERLOAD_CONNECTIONS,
    SL_OVERLOAD_MEMORY,
    SL_OVERLOAD_LAG,
    SL_OVERLOAD__COUNT
};

struct sl_overload_load {            /* or limits, of which 0 is none */
    uint64_t of[SL_OVERLOAD__COUNT]; /* connections, bytes, milliseconds */
};

struct sl_overload {
    unsigned below;             /* classes below this one are refused; 0: none is */
    bool beyond;                /* at the last look */
    uint64_t calm_ms;           /* since then; 0: it is not */
    enum sl_overload_kind kind; /* what was furthest beyond its limit when it last was */
};

void sl_overload_look(struct sl_overload *o, const struct sl_overload_load *limits,
                      const struct sl_overload_load *load, uint64_t now_ms);
bool sl_overload_refuses(const struct sl_overload *o, unsigned grade);
/* Until that class is taken again, if it stays calm from now on. */
uint64_t sl_overload_wait_ms(const struct sl_overload *o, unsigned grade, uint64_t now_ms);
const char *sl_overload_name(enum sl_overload_kind kind); /* "connections", ... */

#endif
