/* gateway/req.h -- one request: its states, its events, what it holds.
 *
 * Private to the gateway room. A step is a function that returns the state it
 * wants to be in; its own state means "wait". sl_req_event() is the one door:
 * nothing else moves a request, and nothing may call back into a step.
 *
 *                             ┌─► FOLLOW ─┐
 *   AUTH ─► BODY ─► ROUTE ─► ADMIT ─► TRY ◄─► RELAY ─► ACCOUNT ─► DEAD
 *     └──────┴───────┴─────────┴───────┴──► REPLY ──────┘
 *
 * Memory   Texts live in the exchange's arena, the body in one block of its own
 *          (it is as large as the client says, up to body_max). Both go when
 *          the request is reaped.
 */
#ifndef SL_GATEWAY_REQ_H
#define SL_GATEWAY_REQ_H

#include "base/buf.h"
#include "gateway/gateway.h"
#include "http/client.h"
#include "llm/body.h"
#include "llm/sse.h"
#include "net/timer.h"

enum sl_state {
    SL_ST_AUTH,
    SL_ST_BODY,
    SL_ST_ROUTE,
    SL_ST_ADMIT,
    SL_ST_FOLLOW,
    SL_ST_GATHER,
    SL_ST_TRY,
    SL_ST_RELAY,
    SL_ST_REPLY,
    SL_ST_ACCOUNT,
    SL_ST_DEAD,
    SL_ST__COUNT
};

enum sl_ev {
    SL_EVT_ENTER,
    SL_EVT_BODY,     /* the whole body is here, or will never be */
    SL_EVT_STORE,    /* the store has answered */
    SL_EVT_TOKEN,    /* r->why: there is an access token for the provider, or none */
    SL_EVT_FLIGHT,   /* the flight that is followed went on */
    SL_EVT_ROOM,     /* the followers take more */
    SL_EVT_SENT,     /* the provider has the whole request */
    SL_EVT_HEAD,     /* r->answer */
    SL_EVT_DATA,     /* r->bytes */
    SL_EVT_DONE,     /* the provider's answer is whole */
    SL_EVT_FAIL,     /* r->why */
    SL_EVT_DRAIN,    /* the client takes more */
    SL_EVT_BEAT,     /* time to look at silence */
    SL_EVT_BROKE,    /* the balance does not cover more of the answer */
    SL_EVT_DEADLINE, /* r->why */
    SL_EVT_GONE,     /* r->why: the client */
    SL_EVT_HALT,     /* an operator ends it */
    SL_EVT_STOP      /* the process ends */
};

enum sl_ending {
    SL_END_NONE,
    SL_END_DONE,
    SL_END_REFUSED, /* answered by us before any provider was asked */
    SL_END_CLIENT_GONE,
    SL_END_STALLED,
    SL_END_UPSTREAM_CUT,
    SL_END_UPSTREAM_ERROR,
    SL_END_TIMEOUT,
    SL_END_SHED,
    SL_END_BUDGET,  /* the balance ended the stream */
    SL_END_STOPPED, /* an operator did, or a list of words */
    SL_END_SHUTDOWN,
    SL_END__COUNT
};

/* How the provider's answer goes on. */
enum sl_relay_mode {
    SL_RELAY_HOLD,  /* kept whole (errors, short plain answers), then replied */
    SL_RELAY_PLAIN, /* bytes as they come */
    SL_RELAY_STREAM /* event by event */
};

#define SL_REQ_HOLD_MAX 65536 /* commit point, short answers, unfinished events */
#define SL_REQ_MAGIC 0x534c5251u

struct sl_req_times { /* monotonic, microseconds; 0: did not happen */
    uint64_t begin, authed, whole, admitted, started, sent, head, first, end;
};

struct sl_req {
    uint32_t magic;
    enum sl_state state;
    bool stepping;
    enum sl_err why;   /* of the event being handled */
    enum sl_err error; /* of the request: what went wrong, if anything */
    enum sl_ending ending;
    struct sl_gateway *gw;              /* up */
    struct sl_gateway_conf *conf;       /* shared */
    struct sl_exch *x;                  /* owns */
    struct sl_call *call;               /* owns */
    struct sl_arena *arena;             /* up: the exchange's */
    const struct sl_request_head *head; /* up: the exchange's */
    struct sl_list node;                /* in the gateway's list */
    struct sl_explain *explain;         /* up: it is only explained: explain/explain.h; or NULL */
    struct sl_grave grave;
    char id[16];

    /* who and what */
    enum sl_endpoint ep;
    struct sl_str model_id;             /* of GET /v1/models/{id}, still encoded */
    const struct sl_dialect *dialect;   /* shared: static */
    const struct sl_key *key;           /* up: the snapshot's */
    struct sl_str key_id;               /* its public half, for the log */
    const struct sl_model *model;       /* up: the snapshot's */
    const struct sl_target *target;     /* up: the snapshot's */
    const struct sl_provider *provider; /* up: the snapshot's */
    struct sl_str asked;                /* model name, as the client wrote it */
    struct sl_str served;               /* as the provider was asked */
    struct sl_str prompt_name;          /* of a prompt that stands alone: what others find its
                                         * answer by; empty: it has no such name */
    bool streams;
    bool added_usage;

    /* the body, contiguous */
    char *body; /* owns */
    size_t body_n;
    size_t body_cap;
    enum sl_err body_err;
    struct sl_body *inspect;                       /* up: in the arena, once a body is wanted */
    struct sl_tls_hash *prompt_hash, *answer_hash; /* up: in the arena: audit.hash; or NULL */

    /* admission and cache: pass.h, hard.h, reuse.h, flight.h */
    struct sl_made_key *made; /* shared: a key of the store's, or NULL */
    uint8_t key_sha256[32];
    struct sl_str named;              /* its key, known by an id: key_sha256 is set; or empty */
    struct sl_str jwt;                /* up: the head's: a token in the place of a key; or empty */
    bool jwt_of_key;                  /* it was given here, and stands for the key above */
    struct sl_op *key_op;             /* owns: it is looked up, or what is left of its money */
    struct sl_op *token_op;           /* owns: an access token for the provider is awaited */
    struct sl_self *self;             /* up: in the arena; of GET key and credits */
    struct sl_generation *generation; /* up: in the arena; of GET generation */
    struct sl_pass *pass;             /* up: in the arena; NULL before ADMIT */
    struct sl_hard *hard;             /* up: in the arena; NULL: its budget is no hard one */
    struct sl_reuse *reuse;           /* up: in the arena; NULL: the cache is off */
    struct sl_flight *flight;         /* up: led or followed */
    struct sl_list fellow;            /* among the followers */
    uint64_t flight_at;               /* bytes of its answer taken */
    bool headless;                    /* goes on without its client, for others or for the ledger */
    enum sl_ending left;              /* headless: how its client went */
    bool wants_usage;                 /* of a stream, in a chunk of its own */
    bool brings_usage;                /* a leader's stream will have that chunk */
    bool raw_is_json;                 /* raw_body is a provider's answer, read to its end */
    bool worked;                      /* a provider did work that somebody has to pay */
    uint64_t max_tokens;              /* asked for, in whichever member; 0: none */
    uint32_t left_out, messages;      /* of a conversation too long, and all there were */
    uint64_t retry_ms;                /* of our own refusal: when to come back; 0: not known */
    int64_t cost_micro;

    struct sl_translation *translation; /* owns: translate/translate.h; NULL: the provider speaks as
                                         * the client does */

    /* the provider's answer */
    struct sl_str *parts; /* up: in the arena: what is sent, head and slices */
    size_t parts_n;
    const struct sl_answer_head *answer; /* up: the call's */
    struct sl_str provider_id;           /* its request id, in our arena */
    struct sl_str bytes;                 /* of SL_EVT_DATA */
    unsigned attempts;                   /* tries of all rounds */
    struct sl_trial *trial;              /* up: in the arena: routing/trial.h; NULL before ROUTE */
    struct sl_span *span;                /* up: in the arena: otlp/span.h; NULL: not traced */
    enum sl_relay_mode mode;
    bool committed; /* a byte of the answer went out */
    bool mid_event; /* an event too large to hold is passing */
    bool paused;    /* reading from the provider is off: the client is full */
    bool crowded;   /* likewise: the followers are */
    int status;     /* answered */
    int up_status;
    struct sl_sse sse;
    struct sl_buf hold;    /* before the commit point; short answers */
    struct sl_buf tail;    /* an unfinished event; of one too large to hold, its last bytes */
    uint64_t answer_lists; /* bits: lists of words for its answer: words/spoken.h */
    const struct sl_word_list *blocked_by; /* up: the snapshot's: the list that ended it; or NULL */
    struct sl_spoken *spoken; /* owns: of a stream or a long answer with such; or NULL */
    struct sl_kept *kept;     /* owns: kept/kept.h: its tenant wants it kept; or NULL */
    struct sl_usage usage;
    struct sl_answer_tap *tap; /* owns: plain answers */
    uint64_t last_ms;          /* when the provider last sent something */
    uint64_t out_ms;           /* when the client last got something, or the head came */
    uint64_t final_ms;         /* when the terminal event came; 0: not yet */

    struct sl_timer limit; /* first byte */
    struct sl_timer total; /* whole request, then whole stream */
    struct sl_timer beat;  /* silence: idle limit and keep-alives */

    /* our own answer, when there is one */
    struct sl_str decided;    /* audit/audit.h: sl_audit_path(), once it was asked for */
    struct sl_audit_who *who; /* up: in `arena`, likewise; or NULL */
    struct sl_str message;
    struct sl_str raw_body; /* the answer's body, whole; a provider's error, passed on */
    int reply_status;
    struct sl_req_times t;
};

void sl_req_start(struct sl_gateway *g, struct sl_exch *x);
/* The same, as if it had come under that path, which lives as long as the exchange. */
void sl_req_start_as(struct sl_gateway *g, struct sl_exch *x, struct sl_str path);
/* All that needs no exchange, and the way back: a request that is only explained has none. */
void sl_req_init(struct sl_req *r, struct sl_gateway *g);
void sl_req_let_go(struct sl_req *r);
void sl_req_take_body(struct sl_req *r, struct sl_str piece);
void sl_req_event(struct sl_req *r, enum sl_ev ev);
const char *sl_ending_name(enum sl_ending e);
const char *sl_req_phase(const struct sl_req *r); /* its state's name */

/* Steps, by file. */
enum sl_state sl_step_auth(struct sl_req *r, enum sl_ev ev);
enum sl_state sl_step_body(struct sl_req *r, enum sl_ev ev);
enum sl_state sl_step_route(struct sl_req *r, enum sl_ev ev);
enum sl_state sl_step_admit(struct sl_req *r, enum sl_ev ev);
enum sl_state sl_step_gather(struct sl_req *r, enum sl_ev ev);
enum sl_state sl_step_follow(struct sl_req *r, enum sl_ev ev);
enum sl_state sl_step_try(struct sl_req *r, enum sl_ev ev);
enum sl_state sl_step_relay(struct sl_req *r, enum sl_ev ev);
enum sl_state sl_step_reply(struct sl_req *r, enum sl_ev ev);
enum sl_state sl_step_account(struct sl_req *r, enum sl_ev ev);

/* Puts an answer of ours in place and names REPLY; `status` 0: the error's own.
 * The message is printed into the arena; a text with nothing to fill in is
 * used where it is. */
enum sl_state sl_req_refuse(struct sl_req *r, enum sl_err e, int status, const char *fmt, ...)
    SL_PRINTF(4, 5);

/* The request's body is another one from now on: copied, and inspected anew. */
SL_MUST enum sl_err sl_req_replace_body(struct sl_req *r, struct sl_str body);

/* reply.c: the headers every answer carries, ours and the provider's. */
SL_MUST bool sl_reply_headers(struct sl_req *r, struct sl_headers *h);
/* Every target failed, and an answer past its time is there: better than none. */
bool sl_reply_is_stale(const struct sl_req *r);
/* translate/prompt.c: a body of the prompt API made whole. ROUTE, or REPLY with what is wrong. */
enum sl_state sl_prompt_begin(struct sl_req *r);
/* translate/context.c: a conversation too long loses its oldest messages; NO_MEMORY. */
SL_MUST enum sl_err sl_context_fit(struct sl_req *r);
/* models.c: GET /v1/models and /v1/models/{id}. */
enum sl_state sl_models_answer(struct sl_req *r);
/* forward.c: the head for the provider, into r->parts[0]. */
SL_MUST bool sl_forward_head(struct sl_req *r, uint64_t length);
struct sl_forward_to {
    const struct sl_provider *provider; /* up: the snapshot's */
    enum sl_endpoint ep;                /* there */
    size_t key;                         /* of its keys */
    uint64_t token;                     /* comes back: serial number of the access token; 0: none */
};
/* The head of a body of `length` bytes, in `a`. NULL: no memory. */
SL_MUST struct sl_str sl_forward_write(const struct sl_req *r, struct sl_forward_to *to,
                                       uint64_t length, struct sl_arena *a);
/* Likewise of a request of our own, for no client. */
SL_MUST struct sl_str sl_forward_own(const struct sl_gateway *g, struct sl_forward_to *to,
                                     uint64_t length, struct sl_arena *a);
bool sl_forward_is_back(struct sl_str name); /* may a provider's header go to the client? */
/* accesslog.c */
void sl_accesslog_write(struct sl_req *r);

#endif
