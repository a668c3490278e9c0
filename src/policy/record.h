/* policy/record.h -- keys and tenants as the admin API keeps them: JSON documents.
 *
 * Money in dollars as decimal text in JSON numbers is read exactly (policy/money.h).
 * A document holds only what was set: leaves that are absent are unset, so that it
 * can be laid over the configuration file. Unknown members are refused by name.
 *
 * key     {"name","tenant","user","scopes":[…],"expires":unix,"class",
 *          "limits":{…},"budget":{…},"rotated_until":unix}
 * tenant  {"plan","scopes","limits","budget":{…,"zone"},"per_key":{…},
 *          "raise":{"daily":…,"monthly":…,"until":unix},"labels":{…}}
 * Pure; texts point into the document or the arena.
 */
#ifndef SL_POLICY_RECORD_H
#define SL_POLICY_RECORD_H

#include "base/arena.h"
#include "policy/terms.h"

struct sl_raise {
    struct sl_budget to;
    int64_t until_unix_ms;
};

struct sl_record_doc {
    struct sl_str name, tenant, user, zone, plan;
    const struct sl_str *scopes; /* up: arena */
    size_t scopes_n;
    bool has_scopes;
    int64_t expires_unix_ms; /* 0: never, SL_UNSET: not said */
    int64_t grade;           /* class, 0..9; SL_UNSET */
    struct sl_terms terms, per_key;
    struct sl_raise raise;
};

/* BAD_FIELD with `why` naming the member. */
SL_MUST enum sl_err sl_record_read(struct sl_str doc, struct sl_arena *a, struct sl_record_doc *out,
                                   char *why, size_t cap);
/* `patch` laid over `doc`, member by member (null removes): RFC 7396. The result has been
 * read once, so it is valid. */
SL_MUST enum sl_err sl_record_merge(struct sl_str doc, struct sl_str patch, struct sl_arena *a,
                                    struct sl_str *out, char *why, size_t cap);

#endif
