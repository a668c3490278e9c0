/* admin/api/api.h -- one call of the admin API: its body, its waits, its answer.
 *
 * Private to the room. What runs is a chain of steps (sl_api_fn): each starts one wait,
 * an op of the store's in `op` whose done function gets the call, or answers. After an
 * answer a step returns and touches the call no more. The client's leaving, the limit
 * and the end of the process end it too, and cancel what is waited for; a change
 * that is with the store already is made all the same.
 *
 * Memory   Texts live in the call's arena, until its answer has gone out.
 * Answers  {"success":true,"message":"","data":…}, as One API has it, with a "next" where
 *          a list goes on. Errors have their own status and {"success":false,"message",
 *          "error":{"message","code","param"}}; the message says what to do.
 */
#ifndef SL_ADMIN_API_API_H
#define SL_ADMIN_API_API_H

#include "admin/api/ask.h"
#include "admin/api/out.h"
#include "admin/api/subject.h"
#include "admin/inside.h"
#include "net/timer.h"

#define SL_API_MAGIC 0x534c4150u
#define SL_API_BODY 65536 /* bytes of a request's body */
#define SL_API_SECONDS 10
#define SL_API_ARENA ((size_t)32 << 20)
#define SL_API_OUT ((size_t)16 << 20)
#define SL_API_TRIES 4 /* of a change that others change meanwhile */

struct sl_api;
typedef void sl_api_fn(struct sl_api *c);
/* Writes what a subject shall be: its state and document. False: it has answered. */
typedef bool sl_api_apply_fn(struct sl_api *c, struct sl_subject *s, struct sl_record *put);

struct sl_api_route {
    enum sl_method method;
    const char *path;  /* behind /admin/api/; "*" is a name */
    sl_api_fn *run;    /* the body and the name are there */
    const char *query; /* parameters it takes, between commas */
    bool body;         /* it takes a JSON object */
    unsigned seconds;  /* its limit; 0: SL_API_SECONDS */
    bool anybody;      /* no key is needed */
};

struct sl_api_search {     /* find.c */
    struct sl_subject *of; /* up: in the call */
    sl_api_fn *then;
    struct sl_str after; /* of pages */
};

struct sl_api_change {     /* change.c: a record being written */
    struct sl_subject *of; /* up: in the call */
    sl_api_apply_fn *apply;
    const char *what; /* for the log: "made", "changed", … */
    sl_api_fn *then;
    struct sl_record put;
    unsigned tries;
};

struct sl_api {
    uint32_t magic;
    struct sl_list node;
    struct sl_grave grave;
    struct sl_admin *admin;           /* up */
    struct sl_net *net;               /* up */
    struct sl_store *store;           /* up */
    struct sl_exch *exch;             /* owns */
    struct sl_gateway_conf *conf;     /* shared */
    const struct sl_api_route *route; /* shared: static */
    struct sl_arena arena;
    struct sl_timer limit;
    struct sl_op *op;         /* owns: what is waited for */
    struct sl_buf got;        /* of the body */
    struct sl_str body, name; /* the name in the path, decoded */
    struct sl_str actor;      /* who asks, for trail and log */
    struct sl_out out;        /* the answer */
    struct sl_str cookie;     /* of its head; or empty */
    /* what handlers work with */
    struct sl_ask ask;
    struct sl_subject key, tenant, other;
    struct sl_api_change change;
    struct sl_records page;
    struct sl_balance balance;
    struct sl_periods periods;
    struct sl_api_search search;
    sl_api_fn *then;   /* of a balance */
    void *note;        /* up: arena; the handler's own */
    sl_api_fn *let_go; /* what of it is not the arena's; or NULL */
};

/* Takes the exchange over and answers it. From inside on_request. */
void sl_api_start(struct sl_admin *a, struct sl_exch *x);
void sl_api_end(struct sl_api *c);

/* ---- answers ---- */

/* Writes everything up to the value of "data", which comes next; then sl_api_done(). */
void sl_api_begin(struct sl_api *c);
/* "next", behind the data. Empty: null. */
void sl_api_next(struct sl_api *c, struct sl_str cursor);
void sl_api_done(struct sl_api *c);
/* `status` 0: the error's own. `param`: which member, parameter or name; or NULL. */
void sl_api_fail(struct sl_api *c, int status, enum sl_err e, const char *param, const char *fmt,
                 ...) SL_PRINTF(5, 6);
/* `why` begins with a member's name and a colon, or is of the whole body. */
void sl_api_fail_why(struct sl_api *c, enum sl_err e, const char *why);
/* Reads the body into c->ask. False: answered. */
SL_MUST bool sl_api_ask(struct sl_api *c, enum sl_ask_for what);
/* c->body is a JSON object, or was empty and is one now. False: answered. */
SL_MUST bool sl_api_is_object(struct sl_api *c);
/* What the store said: true if it is to be gone on with, else answered. */
SL_MUST bool sl_api_is_fine(struct sl_api *c, enum sl_err e);
void sl_api_no_memory(struct sl_api *c);
void sl_api_fail_foreign(struct sl_api *c); /* another origin's page asks */

/* A parameter of the query, decoded; empty where there is none. False: answered. */
SL_MUST bool sl_api_query(struct sl_api *c, const char *name, struct sl_str *out);
/* `limit` of the query: how many are told, from 1 to `most`; `usual` where it is not said.
 * False: answered. */
SL_MUST bool sl_api_limit(struct sl_api *c, uint64_t usual, uint64_t most, uint64_t *out);
/* Percent-encoding undone, in the call's arena; .p NULL: broken, or no memory. */
struct sl_str sl_api_decode(struct sl_api *c, struct sl_str s);
int64_t sl_api_now(const struct sl_api *c); /* unix ms */

/* ---- routes ---- */

/* NULL: there is none; then `allow` names the methods of that path, if it is one. */
const struct sl_api_route *sl_api_route(enum sl_method method, struct sl_str path,
                                        struct sl_str *name, struct sl_text *allow);
extern const struct sl_api_route sl_api_routes[]; /* up to one without a path */

/* ---- find.c ---- */

/* Looks for c->key or c->tenant by name; `then` asks sl_subject_is_there(). */
void sl_find_key(struct sl_api *c, struct sl_str id, sl_api_fn *then);
void sl_find_tenant(struct sl_api *c, struct sl_str name, sl_api_fn *then);
/* Reads the subject's record again, from the store itself. */
void sl_find_again(struct sl_api *c, struct sl_subject *s, sl_api_fn *then);
/* Takes a record over into the subject, in the call's memory. */
SL_MUST bool sl_find_take(struct sl_api *c, struct sl_subject *s, const struct sl_record *rec);
/* 404 where the subject is not there; true: it is. */
SL_MUST bool sl_find_has(struct sl_api *c, const struct sl_subject *s);
/* Key and tenant as requests have them now. */
void sl_find_lay_tenant(const struct sl_api *c, const struct sl_subject *s, struct sl_tenant *out);
void sl_find_lay_key(const struct sl_subject *s, const struct sl_tenant *of, struct sl_key *out);

/* ---- change.c ---- */

void sl_change_start(struct sl_api *c, struct sl_subject *s, sl_api_apply_fn *apply,
                     const char *what, sl_api_fn *then);
/* The body's patch over the subject's document, for apply functions; `more`: members
 * before it ("\"of_file\":true"), or empty. */
SL_MUST bool sl_change_patch(struct sl_api *c, struct sl_subject *s, struct sl_str patch,
                             struct sl_record *put);

/* ---- books.c ---- */

/* c->balance of a key (`of` its tenant) or, without one, of the tenant. */
void sl_books_balance(struct sl_api *c, const struct sl_key *key, const struct sl_tenant *of,
                      sl_api_fn *then);

/* Adds the body's credits to the account, durably; then c->balance. Answers where the
 * level is not held to credits. */
void sl_books_grant(struct sl_api *c, const struct sl_key *key, const struct sl_tenant *of,
                    sl_api_fn *then);

/* ---- show.c: members of an open object ---- */

/* What is shown as its state: `expired` where an active one is over. */
struct sl_str sl_show_key_state(struct sl_api *c, const struct sl_subject *s,
                                const struct sl_key *k);
/* `k` and `t` as laid; `b`: what is left, and what holds in effect, or NULL. */
void sl_show_key(struct sl_api *c, const struct sl_subject *s, const struct sl_key *k,
                 const struct sl_balance *b);
void sl_show_tenant(struct sl_api *c, const struct sl_subject *s, const struct sl_tenant *t,
                    const struct sl_balance *b);
/* These write a member of their own. Only leaves that are set. */
void sl_show_limits(struct sl_out *o, const char *name, const struct sl_limits *l);
void sl_show_budget(struct sl_out *o, const char *name, const struct sl_budget *b);
void sl_show_balance(struct sl_out *o, const char *name, const struct sl_balance *b,
                     const struct sl_terms *terms);

#endif
