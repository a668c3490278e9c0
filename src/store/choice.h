/* store/choice.h -- which lines of a trail are asked for: `sluice audit list`, GET audit.
 *
 * Pure. A line is chosen if it has each value that is given. Texts are the asker's and live
 * as long as the choice.
 */
#ifndef SL_STORE_CHOICE_H
#define SL_STORE_CHOICE_H

#include "base/str.h"

enum sl_choice_by {
    SL_CHOICE_KIND, /* or `admin`: what operators did */
    SL_CHOICE_ID,   /* a request's, its provider's for it, or of the key or tenant changed */
    SL_CHOICE_TENANT,
    SL_CHOICE_KEY,
    SL_CHOICE_USER,
    SL_CHOICE_END_USER,
    SL_CHOICE_MODEL,
    SL_CHOICE_PROVIDER,
    SL_CHOICE_TRACE,
    SL_CHOICE_ACTOR,  /* the actor begins with it */
    SL_CHOICE_CLIENT, /* the address, or the name that is kept for it */
    SL_CHOICE_FROM,   /* a day in UTC, or a moment */
    SL_CHOICE_TO,
    SL_CHOICE__COUNT
};

struct sl_choice {
    struct sl_str of[SL_CHOICE__COUNT]; /* .p NULL: whatever it is */
    char client[16];                    /* the name kept for the address (store/trail.h) */
    bool named;
};

const char *sl_choice_name(enum sl_choice_by by); /* "end_user" */
#define SL_CHOICE_KINDS "settle, sum, key, tenant, switch, grant, start, dropped or admin"
bool sl_choice_is_kind(struct sl_str kind); /* one of these */
bool sl_choice_takes(const struct sl_choice *c, struct sl_str line);
/* Is the line older than FROM? Those before it mostly are, too: the clock may have been set. */
bool sl_choice_is_before(const struct sl_choice *c, struct sl_str line);
/* Operators' doing: the only lines with an actor. */
bool sl_choice_is_change(struct sl_str line);

#endif
