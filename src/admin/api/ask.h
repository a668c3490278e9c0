/* admin/api/ask.h -- what a body asks for, as a patch of the record's document.
 *
 * Members have the configuration's names, and short ones beside them (One API's and
 * ours): rpm, qps, burst, tpm, concurrency, user_concurrency, reserve_output for those of "limits";
 * credits (in dollars) and remain_quota (500,000 are a dollar) for "budget.initial_credits"; models
 * and endpoints, lists or texts with commas, for "scopes"; expires also as a date. Null
 * takes a member away. What is not known is refused by name. Pure.
 */
#ifndef SL_ADMIN_API_ASK_H
#define SL_ADMIN_API_ASK_H

#include "policy/record.h"

#define SL_ASK_SCOPES 64

enum sl_ask_for { /* which body it is */
                  SL_ASK_MAKE_KEY = 1,
                  SL_ASK_CHANGE_KEY = 2,
                  SL_ASK_MAKE_TENANT = 4,
                  SL_ASK_CHANGE_TENANT = 8,
                  SL_ASK_CREDITS = 16, /* {"credits"} or {"quota"}, may be below 0 */
                  SL_ASK_ROTATE = 32,  /* {"overlap"} */
                  SL_ASK_RAISE = 64,   /* {"daily","monthly","until" or "for"} */
};

struct sl_ask_list { /* scopes of one family */
    bool given;
    const struct sl_str *at; /* up: arena */
    size_t n;
};

struct sl_ask {
    struct sl_str patch;        /* a JSON object, without scopes by family */
    struct sl_str name, tenant; /* of what is made */
    struct sl_str state;        /* "active", "paused", or empty */
    bool has_rev;
    uint64_t rev; /* it must be this one */
    struct sl_ask_list models, endpoints;
    bool has_scopes; /* in the patch */
    bool has_micro;
    int64_t micro;      /* credits */
    int64_t overlap_ms; /* of a rotation; -1: not said */
    int64_t until_unix_ms;
    char why[300];
};

/* BAD_BODY, BAD_FIELD, BODY_TOO_BIG, NO_MEMORY with `out->why`, which begins with the
 * member's name and a colon where it is one's fault. */
SL_MUST enum sl_err sl_ask_read(struct sl_str body, enum sl_ask_for what, int64_t now_unix_ms,
                                struct sl_arena *a, struct sl_ask *out);
/* The patch with the scopes by family beside what is there already: those of a family
 * that was not named stay. .p NULL: no memory. */
struct sl_str sl_ask_patch(const struct sl_ask *ask, const struct sl_str *scopes, size_t scopes_n,
                           struct sl_arena *a);

#endif
