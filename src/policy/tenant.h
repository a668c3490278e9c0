/* policy/tenant.h -- who may call, and what: plans, tenants, keys, scopes.
 *
 * Holder   The configuration snapshot; immutable once built. Pure: `now` is an
 *          argument. Plans are added first, then tenants, then keys.
 * Secrets  Keys are held as SHA-256 only and found by it; comparing is constant
 *          time. The public id of "sk-slc-<public id>-<secret>" may be logged;
 *          keys of another form have the first 8 hex digits of their SHA-256.
 * Scopes   "models:<pattern>" and "endpoints:<a>,<b>"; no scope of a family
 *          means all of it. Patterns: exact, "*", or "prefix*". Those of plan,
 *          tenant and key intersect: each list must allow.
 * Terms    Leaf by leaf: a tenant's own over its plan's; a key's own over its
 *          tenant's per_key, that one over the plan's. sl_tenant_settle() and
 *          sl_key_settle() lay them; records of the store (policy/record.h) go
 *          through the same two.
 */
#ifndef SL_POLICY_TENANT_H
#define SL_POLICY_TENANT_H

#include "policy/caching.h"
#include "policy/context.h"

#define SL_TENANT_GRADE 5 /* class of a key that names none; 0 to 9, high first */

struct sl_tenants; /* the table */

struct sl_scopes {
    const struct sl_str *at; /* up: in the table */
    size_t n;
};

struct sl_label {
    struct sl_str name, value;
};

/* Parts of a budget that somebody wants to know of when they are used: ascending. */
#define SL_TENANT_ALERTS 8
struct sl_alerts {
    size_t n; /* 0: unset */
    uint32_t at_ppm[SL_TENANT_ALERTS];
};

/* Somebody of a tenant's own who is told of them: a hash of the URL, which is a secret and is held
 * in one place. */
#define SL_ALERT_UNSET 0
#define SL_ALERT_NOBODY 1

/* When few credits are left, and what may be added then: gateway/hooks/top_up.h. Micro-dollars;
 * SL_UNSET, or once it is settled 0: nobody cares, nothing is added. */
struct sl_top_up {
    int64_t low_micro, amount_micro, daily_micro;
};

/* How a budget is kept, beside its amounts. */
struct sl_spending {
    struct sl_str zone; /* of days and months; empty: unset */
    int64_t drain;      /* 1: a client's leaving does not end the provider's answer */
    int64_t hard;       /* 1: a running answer ends when the balance does */
    struct sl_alerts alerts;
    uint64_t alert_to; /* who is told of them */
    struct sl_top_up top_up;
};

struct sl_plan { /* also what a tenant says itself */
    struct sl_str name;
    struct sl_scopes scopes;
    struct sl_terms terms;   /* of the tenant as a whole */
    struct sl_terms per_key; /* of each of its keys */
    struct sl_spending spending;
};

struct sl_tenant {
    struct sl_plan own;            /* its name, and what it says itself */
    const struct sl_plan *plan;    /* up: in the table; or NULL */
    const struct sl_label *labels; /* up: in the table */
    size_t labels_n;
    struct sl_cache_rules cache; /* over the model's */
    struct sl_context context;   /* beside the model's */
    bool log_prompts;            /* what it asks and is answered is kept */
    uint64_t rev;                /* of the store's record; 0: from the file */
    /* settled */
    struct sl_terms terms, per_key;
    struct sl_str zone;
    bool drain, hard;
    struct sl_alerts alerts;
    uint64_t alert_to;
    struct sl_top_up top_up; /* `amount` is at most `daily` */
};

struct sl_key {           /* texts live in the table */
    struct sl_str tenant; /* its name */
    struct sl_str name;
    struct sl_str public_id;
    struct sl_str account; /* the id whose windows and money it uses; empty: its own */
    struct sl_str user;
    int64_t expires_unix_ms;     /* 0: never */
    const struct sl_str *scopes; /* up: in the table */
    size_t scopes_n;
    int64_t grade;              /* class, 0 to 9; SL_UNSET before it is settled */
    struct sl_terms own;        /* what it says itself */
    uint64_t rev;               /* of the store's record; 0: from the file */
    const struct sl_tenant *of; /* up: in the table, or the record's */
    /* settled */
    struct sl_terms terms;
};

void sl_plan_init(struct sl_plan *p);     /* all unset */
void sl_tenant_init(struct sl_tenant *t); /* all unset */
void sl_key_init(struct sl_key *k);       /* all unset */
/* What `top` says replaces what `p` says, leaf by leaf; its name and scopes stay. */
void sl_plan_over(struct sl_plan *p, const struct sl_plan *top);
/* From `own` and `plan`; UTC and abort where nobody says otherwise. */
void sl_tenant_settle(struct sl_tenant *t);
/* From `own` and the settled `of`. */
void sl_key_settle(struct sl_key *k);

struct sl_tenants *sl_tenants_new(void);
void sl_tenants_end(struct sl_tenants **t);
/* Each copies everything and answers CONFIG with `why` set for a repeated name, key or
 * public id, NO_MEMORY without memory. A tenant's `plan` is one of this table's; it is settled
 * here. */
SL_MUST enum sl_err sl_tenants_add_plan(struct sl_tenants *t, const struct sl_plan *p, char *why,
                                        size_t cap);
SL_MUST enum sl_err sl_tenants_add_tenant(struct sl_tenants *t, const struct sl_tenant *from,
                                          char *why, size_t cap);
/* `k->of` is set and the key settled here, by its tenant's name; a tenant that was
 * not added yet is added with nothing set. */
SL_MUST enum sl_err sl_tenants_add(struct sl_tenants *t, const struct sl_key *k,
                                   const uint8_t sha256[32], char *why, size_t cap);
size_t sl_tenants_count(const struct sl_tenants *t); /* of keys */
/* NO_KEY, KEY_ENDED, or OK and *out. */
SL_MUST enum sl_err sl_tenant_find(const struct sl_tenants *t, const uint8_t sha256[32],
                                   int64_t now_unix_ms, const struct sl_key **out);
/* By name, or NULL. */
const struct sl_tenant *sl_tenants_get(const struct sl_tenants *t, struct sl_str name);
const struct sl_plan *sl_tenants_plan(const struct sl_tenants *t, struct sl_str name);
/* The next in the order they were added in, from NULL to NULL: for lists. `sha256`
 * (or NULL) is the key's. */
const struct sl_tenant *sl_tenants_next(const struct sl_tenants *t, const struct sl_tenant *after);
const struct sl_key *sl_tenants_next_key(const struct sl_tenants *t, const struct sl_key *after,
                                         const uint8_t **sha256);

/* Key, tenant and plan must all allow. */
bool sl_tenant_can_model(const struct sl_key *k, struct sl_str model);
bool sl_tenant_can_endpoint(const struct sl_key *k, struct sl_str endpoint);
/* "models:<pattern>" or "endpoints:<list>", as far as that can be known here. */
bool sl_tenant_is_scope(struct sl_str scope);
/* The public part of a key's text as given by a client, for logs. */
struct sl_str sl_tenant_public_id(struct sl_str key_text);

#endif
