/* policy/record.h -- keys and tenants as the admin API keeps them: JSON documents.
 *
 * Money in dollars as decimal text in JSON numbers is read exactly (policy/money.h).
 * A document holds only what was set: leaves that are absent are unset, so that it
 * can be laid over the configuration file. Unknown members are refused by name.
 *
 * key     {"name","tenant","user","scopes":[…],"expires":unix,"class",
 *          "limits":{rpm,qps,tpm,concurrency,reserve_output},
 *          "budget":{initial_credits,daily,monthly},"rotated_until":unix,
 *          "account":"<id>","created":unix,"of_file":true}
 * tenant  {"plan","scopes","limits","budget":{… and "zone","hard","on_client_gone"},
 *          "per_key":{"limits","budget"},"labels":{…},"log_prompts":true,
 *          "raise":{"daily","monthly","until":unix},"created":unix,"of_file":true}
 *          unix: whole seconds. Names of leaves are those of the configuration.
 * account A key that took another's place uses that one's windows and money: limits
 *         go on across a rotation.
 * of_file It only lies over the configuration's: where that has it no more, neither
 *         has the store.
 * Over the file: sl_record_tenant() and sl_record_key() lay a document over what
 * the configuration says; a `plan` named by a document is the configuration's.
 * Pure; texts point into the document or the arena.
 */
#ifndef SL_POLICY_RECORD_H
#define SL_POLICY_RECORD_H

#include "base/arena.h"
#include "policy/tenant.h"

#define SL_RECORD_BYTES 16384 /* of a document */
#define SL_RECORD_SCOPES 64
#define SL_RECORD_LABELS 32

struct sl_raise { /* the tenant's budget until then */
    struct sl_budget to;
    int64_t until_unix_ms; /* 0: none */
};

struct sl_record_doc {
    struct sl_str name, tenant, user, plan, account;
    const struct sl_str *scopes; /* up: arena */
    size_t scopes_n;
    bool has_scopes;
    int64_t expires_unix_ms; /* 0: never, SL_UNSET: not said */
    int64_t rotated_unix_ms; /* a key that was replaced ends then; SL_UNSET */
    int64_t created_unix_ms; /* SL_UNSET */
    int64_t grade;           /* class, 0..9; SL_UNSET */
    int64_t of_file;         /* 1; SL_UNSET */
    int64_t log_prompts;     /* SL_UNSET */
    struct sl_terms terms, per_key;
    struct sl_spending spending;
    struct sl_raise raise;
    const struct sl_label *labels; /* up: arena */
    size_t labels_n;
    bool has_labels;
};

/* BAD_FIELD or BAD_BODY with `why` naming the member; BODY_TOO_BIG, NO_MEMORY. */
SL_MUST enum sl_err sl_record_read(struct sl_str doc, struct sl_arena *a, struct sl_record_doc *out,
                                   char *why, size_t cap);
/* `patch` laid over `doc`, member by member (null removes): RFC 7396. The result has been
 * read once, so it is valid. */
SL_MUST enum sl_err sl_record_merge(struct sl_str doc, struct sl_str patch, struct sl_arena *a,
                                    struct sl_str *out, char *why, size_t cap);

/* The tenant `name` as it is at `now`: the file's (or nothing) with `doc` on top, settled.
 * `out` points into the table and the document's arena. `doc` may be NULL. CONFIG: the
 * plan it names is not there; `out` is then as without a plan. */
SL_MUST enum sl_err sl_record_tenant(const struct sl_record_doc *doc, const struct sl_tenants *file,
                                     struct sl_str name, int64_t now_unix_ms,
                                     struct sl_tenant *out);
/* A key as it is: `file` is the same key in the configuration, or NULL, and `doc` (or
 * NULL) lies over it. The public id is the caller's to set where there is no `file`. `of`
 * lives at least as long as `out`. */
void sl_record_key(const struct sl_record_doc *doc, const struct sl_key *file,
                   const struct sl_tenant *of, struct sl_key *out);

#endif
