/* gateway/conf.h -- one immutable snapshot of what the configuration says.
 *
 * Built by the conf room, counted: every request keeps the snapshot it began
 * with; a reload puts a new one in force. Texts live in the snapshot's arena.
 */
#ifndef SL_GATEWAY_CONF_H
#define SL_GATEWAY_CONF_H

#include "base/arena.h"
#include "http/pool.h"
#include "llm/dialect.h"
#include "llm/prompt.h"
#include "llm/translate.h"
#include "net/crypto/verify.h"
#include "policy/health/breaker.h"
#include "policy/health/errors.h"
#include "policy/health/keyring.h"
#include "policy/health/overload.h"
#include "policy/health/retry.h"
#include "policy/jwt.h"
#include "policy/prices.h"
#include "policy/words/redact.h"
#include "policy/route.h"
#include "policy/tenant.h"
#include "policy/words/words.h"
#include "store/store.h"

enum sl_auth { SL_AUTH_X_API_KEY, SL_AUTH_BEARER, SL_AUTH_HEADER, SL_AUTH_OAUTH2 };

struct sl_timeouts { /* milliseconds */
    uint64_t connect, first_byte, idle, total, stream_total;
    uint64_t client_idle, client_header, client_body, client_stall, drain;
};

struct sl_oauth {             /* where a provider's access tokens come from */
    struct sl_origin *origin; /* shared: of the token endpoint */
    struct sl_str host_header, path;
    struct sl_str client_id, client_secret, refresh_token; /* secrets; may be empty */
    struct sl_str scope;
    struct sl_str params; /* "a=b&c=d" or empty: added to the form */
    bool basic;           /* the client's name and secret go in a header, not in the form */
    uint64_t print;       /* of all of it: other settings, another print */
};

struct sl_consul {             /* where a provider's instances are asked for */
    struct sl_origin *origin;  /* shared: the agent's */
    struct sl_str host_header; /* the agent's */
    struct sl_str target;      /* path and query, without what makes it wait */
    struct sl_str service;
    struct sl_str token; /* secret; may be empty */
};

struct sl_enrol {              /* what this instance is known by in Consul */
    struct sl_origin *origin;  /* shared: the agent's */
    struct sl_str host_header; /* the agent's */
    struct sl_str id, body;    /* `body` registers it */
    struct sl_str token;       /* secret; may be empty */
};

struct sl_provider {
    struct sl_str name;
    unsigned speaks;           /* bits of enum sl_protocol */
    bool openrouter;           /* knows `provider`, `models`, `route` */
    enum sl_flavor flavor;     /* what else is said to it than its protocol has */
    bool marks_prompts;        /* translated requests are marked for its prompt cache */
    bool no_stream_usage;      /* it refuses to be asked for a stream's usage */
    bool plain_schemas;        /* it refuses some of JSON Schema's words */
    bool forms_by_tool;        /* it knows no structured output, but tools */
    struct sl_str host_header; /* "api.example.com" or "host:port" */
    struct sl_str base_path;   /* prefix of every path; no trailing slash */
    /* base_path for each protocol: an OpenAI base carries /v1, Anthropic's not */
    struct sl_str anthropic_prefix; /* goes before "/v1/messages" */
    struct sl_str openai_prefix;    /* goes before "/chat/completions" */
    const struct sl_str *keys;      /* up: arena; secrets */
    size_t keys_n;
    uint64_t keys_print; /* of all keys: another list, another print */
    enum sl_auth auth;
    struct sl_str auth_header;          /* for SL_AUTH_HEADER */
    const struct sl_oauth *oauth;       /* up: arena; for SL_AUTH_OAUTH2, else NULL */
    const struct sl_consul *consul;     /* up: arena; its origin is a front then; else NULL */
    const struct sl_str *header_names;  /* up: arena; fixed headers added */
    const struct sl_str *header_values; /* up: arena */
    size_t headers_n;
    struct sl_str query;         /* "a=b&c=d" or empty: added to every target */
    size_t max_concurrency;      /* requests at once, at most its connections */
    size_t key_concurrency;      /* with one of its keys; 0: no limit of its own */
    struct sl_timeouts timeouts; /* general ones with the provider's own on top */
    struct sl_retry_rules retry; /* likewise */
    struct sl_breaker_rules breaker;
    struct sl_str proxy;      /* as it may be shown; empty: it is reached without one */
    const char *proxy_from;   /* static: the environment variable that gave it; or NULL */
    struct sl_origin *origin; /* shared */
    struct sl_str price_list; /* whose prices hold for it; empty: no list has it */
};

/* Where something is sent that is no request of a client: gateway/push/post.h. */
struct sl_receiver {
    struct sl_origin *origin; /* shared */
    struct sl_str host_header;
    struct sl_str path;    /* with its query; a secret, some receivers are known by it alone */
    struct sl_str headers; /* secret: header lines, each with its end; may be empty */
};

struct sl_hook { /* where operators are told of events */
    struct sl_receiver to;
    struct sl_str secret; /* signs; may be empty */
    struct sl_errors_rules errors;
    uint64_t certificate_left_ms; /* 0: nobody is told of them */
};

struct sl_alert_conf { /* who else is told of a budget: `budget.alert_url` */
    uint64_t id;       /* what tenants know it by: policy/tenant.h */
    struct sl_receiver to;
};

struct sl_top_up_conf { /* who is asked for credits: gateway/hooks/top_up.h */
    struct sl_receiver to;
    struct sl_str secret; /* signs; may be empty */
};

struct sl_pushgateway_conf { /* where the metrics are pushed: admin/push.h */
    struct sl_receiver to;
    bool named; /* the path has its instance; else the process adds its own */
    uint64_t every_ms;
};

struct sl_otlp_conf { /* where spans go: gateway/otlp/otlp.h */
    struct sl_receiver to;
    struct sl_str service; /* `service.name` */
    uint64_t sample_ppm;   /* of a million traces that begin here so many are sent */
    uint64_t every_ms;
    size_t batch, queue; /* spans */
};

/* Whose tokens are taken in place of keys. */
#define SL_ISSUERS_MAX 16
#define SL_ISSUER_KEYS_MAX 32
#define SL_ISSUER_SECRETS_MAX 4

enum sl_issuer_alg { SL_ISSUER_RS256, SL_ISSUER_ES256, SL_ISSUER_HS256 };

struct sl_issuer_key {
    struct sl_str kid;         /* may be empty */
    struct sl_verify_key *key; /* owns */
};

struct sl_issuer {
    struct sl_str name;
    enum sl_issuer_alg alg; /* a token of another one is refused */
    struct sl_jwt_rules rules;
    struct sl_issuer_key *keys; /* up: arena */
    size_t keys_n;
    const struct sl_str *secrets; /* up: arena; for HS256 */
    size_t secrets_n;
};

struct sl_listed { /* one entry of GET /v1/models */
    struct sl_str id;
    struct sl_str display_name;
    struct sl_str owned_by; /* provider's name */
};

struct sl_cache_general { /* what is the same for all models */
    uint64_t memory;      /* bytes of the layer in memory; 0: none */
    uint64_t entry_max;   /* bytes of an answer that is kept */
    uint64_t request_max; /* bytes of a body that is looked up at all */
    uint64_t recording;   /* bytes of all answers being recorded */
    uint64_t jitter_ppm;  /* a ttl is shorter by up to this many millionths */
};

enum sl_audit_client { SL_AUDIT_HASHED, SL_AUDIT_PLAIN, SL_AUDIT_OFF };

struct sl_audit_conf { /* what the trail holds for auditors */
    enum sl_audit_client client;
    bool hash; /* SHA-256 of prompts and answers */
    bool every;
};

struct sl_kept_conf {   /* what is kept of prompts and answers: gateway/kept/kept.h */
    struct sl_str file; /* opened once; empty: nothing */
    size_t max;         /* bytes of a request's prompt, and of its answer */
    struct sl_redact redact;
};

struct sl_word_list { /* its place in the array is its number in the automaton */
    struct sl_str name;
    bool is_intent;
    bool blocks;                  /* refuses the request, or is counted alone */
    bool prompts, answers;        /* where it is looked for */
    const struct sl_str *tenants; /* up: arena; whom it holds for; none: for all */
    size_t tenants_n;
};

struct sl_gateway_conf {
    uint32_t magic;
    unsigned holders;
    struct sl_arena arena;
    struct sl_str hash; /* of the effective configuration, 16 hex */
    /* what can't change while running */
    struct sl_str listen, admin_listen, admin_key;
    struct sl_store_conf store; /* `fresh` is the command line's */
    /* the rest can */
    uint64_t qps;                     /* of the whole gateway; 0: none */
    struct sl_overload_load overload; /* beyond which classes are refused */
    size_t queue_max;                 /* requests that wait, per provider */
    uint64_t queue_wait_ms;
    struct sl_cache_general cache;
    uint64_t hit_lines_ppm; /* of a million hits so many have an access line */
    uint64_t body_max;
    size_t connections;
    struct sl_timeouts timeouts;
    uint64_t keepalive_ping_ms;
    bool generations; /* what became of requests is noted */
    bool meter_streams;
    bool estimate_tokens;                 /* count_tokens where no provider counts */
    const struct sl_str *forward_headers; /* up: arena; patterns "a-*" or exact, lower case */
    size_t forward_headers_n;
    const struct sl_str *trusted_proxies; /* up: arena; addresses */
    size_t trusted_proxies_n;
    const struct sl_provider *providers; /* up: arena */
    size_t providers_n;
    const struct sl_issuer *issuers; /* up: arena */
    size_t issuers_n;
    const struct sl_str *token_secrets; /* up: arena; of tokens given here, the first signs */
    size_t token_secrets_n;             /* 0: none are given */
    uint64_t token_ttl_ms;
    struct sl_routes *routes;       /* owns */
    struct sl_tenants *tenants;     /* owns */
    struct sl_prices *prices;       /* owns */
    const struct sl_listed *listed; /* up: arena; sorted by id */
    size_t listed_n;
    struct sl_prompt_defaults prompt_api;
    struct sl_str default_moderations;     /* default_models.moderations or empty */
    struct sl_words *words;                /* owns; NULL: there are no lists */
    const struct sl_word_list *word_lists; /* up: arena */
    size_t word_lists_n;
    size_t max_series;
    struct sl_audit_conf audit;
    const struct sl_hook *hook;         /* up: arena; NULL: nobody is told */
    const struct sl_alert_conf *alerts; /* up: arena; each URL once */
    size_t alerts_n;
    struct sl_str alerts_secret;                   /* signs them; may be empty */
    const struct sl_top_up_conf *top_up;           /* up: arena; NULL: nobody is asked */
    const struct sl_otlp_conf *otlp;               /* up: arena; NULL: there are no spans */
    const struct sl_pushgateway_conf *pushgateway; /* up: arena; NULL: there is none */
    const struct sl_enrol *enrol;                  /* up: arena; NULL: it is in no catalog */
    struct sl_kept_conf kept;
    bool access_json;
};
#define SL_GATEWAY_CONF_MAGIC 0x534c4743u

/* What `served` (the name at the provider) costs there: the target's own price, or the
 * list's; NULL where neither knows it. */
const struct sl_price *sl_gateway_price(const struct sl_gateway_conf *c, const struct sl_target *t,
                                        struct sl_str served);

struct sl_gateway_conf *sl_gateway_conf_share(struct sl_gateway_conf *c);
/* Last drop gives origins back and frees. */
void sl_gateway_conf_drop(struct sl_gateway_conf **c);

#endif
