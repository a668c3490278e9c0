/* policy/routing/switches.h -- what an operator says for now: pauses and weights.
 *
 * A switch is a record of the store that ends by itself. Its id is "<kind>:<name>", its
 * document
 *
 *   {"since":ms,"until":ms,"by":"…","why":"…","weights":{"<target>":n,…}}
 *
 * with times in milliseconds since 1970 by the store's clock. Names: a provider, model or
 * tenant by its own, a key by its public id, a weight by its model's. A target is
 * "<provider>/<its model there>", or the provider alone where that is the name asked for;
 * a weight may name it by the provider alone.
 *
 * Holder   The gateway: one table, made anew from the store's records when they change.
 * Limits   SL_SWITCHES_ROOM in the table: more than the store takes, so that none in force is
 *          left out. Setting ends at SL_SWITCHES_MAX, as far as the instance that sets knows.
 * Pure     `now_ms` is an argument, by the store's clock. Records are bytes from outside:
 *          one that can't be read is none.
 */
#ifndef SL_POLICY_ROUTING_SWITCHES_H
#define SL_POLICY_ROUTING_SWITCHES_H

#include "base/text.h"
#include "policy/route.h"

#define SL_SWITCHES_MAX 1000
#define SL_SWITCHES_ROOM (100 * SL_SWITCHES_MAX)
#define SL_SWITCH_NAME 200 /* bytes of a name */
#define SL_SWITCH_ID (SL_SWITCH_NAME + 16)
#define SL_SWITCH_TEXT 200 /* bytes of `why` and `by` */
#define SL_SWITCH_DOC 8192
#define SL_SWITCH_LONGEST_MS ((int64_t)30 * 86400000)
#define SL_SWITCH_WEIGHT_MAX 1000000

enum sl_switch_kind {
    SL_SWITCH_PROVIDER,
    SL_SWITCH_MODEL,
    SL_SWITCH_TARGET,
    SL_SWITCH_TENANT,
    SL_SWITCH_KEY,
    SL_SWITCH_WEIGHT,
    SL_SWITCH__COUNT
};

struct sl_switch_weight {
    struct sl_str target;
    uint64_t weight;
};

struct sl_switch {
    enum sl_switch_kind kind;
    struct sl_str name, why, by;
    int64_t since_ms, until_ms;
    struct sl_switch_weight weights[SL_ROUTE_TARGETS_MAX];
    size_t weights_n;
};

const char *sl_switch_kind_name(enum sl_switch_kind kind);
SL_MUST bool sl_switch_kind_of(struct sl_str word, enum sl_switch_kind *out);
/* The record's id. Empty: the name is too long, or empty. */
struct sl_str sl_switch_id(enum sl_switch_kind kind, struct sl_str name, char out[SL_SWITCH_ID]);
/* How a target is called. Empty: too long. */
struct sl_str sl_switch_target(struct sl_str provider, struct sl_str model,
                               char out[SL_SWITCH_NAME]);
/* Does the record say nothing any more? What is no switch, or can't be read, is not over. */
bool sl_switch_is_over(struct sl_str id, struct sl_str doc, int64_t now_ms);
/* The record's document; `cut` where it does not fit. */
void sl_switch_write(const struct sl_switch *s, struct sl_text *to);

struct sl_switches;

struct sl_switches *sl_switches_new(void);
void sl_switches_end(struct sl_switches **t);
void sl_switches_clear(struct sl_switches *t);
/* Copies. False: it is no switch of ours, can't be read, is over, or there is no room. */
bool sl_switches_add(struct sl_switches *t, struct sl_str id, struct sl_str doc, int64_t now_ms);

/* Nothing is switched: no need to ask, nor for the time. */
bool sl_switches_is_empty(const struct sl_switches *t);
/* The one that is in force, or NULL; it lives until the table is cleared. */
const struct sl_switch *sl_switches_find(const struct sl_switches *t, enum sl_switch_kind kind,
                                         struct sl_str name, int64_t now_ms);
/* All that are in force, from NULL to NULL. */
const struct sl_switch *sl_switches_next(const struct sl_switches *t, const struct sl_switch *after,
                                         int64_t now_ms);
/* Until when nothing is to be asked there, by the latest of provider, model and target;
 * 0: it is not paused. */
int64_t sl_switches_pause(const struct sl_switches *t, struct sl_str provider,
                          const struct sl_model *m, const struct sl_target *target, int64_t now_ms);
/* What stands in the place of the target's own weight. False: that one holds. */
SL_MUST bool sl_switches_weight(const struct sl_switches *t, struct sl_str provider,
                                const struct sl_model *m, const struct sl_target *target,
                                int64_t now_ms, uint64_t *weight);

#endif
