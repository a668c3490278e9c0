/* conf/schema.c -- the table, in the order in which it is printed. */
#include "conf/schema.h"

#define MS(n) ((uint64_t)(n))
#define SEC(n) ((uint64_t)(n)*1000)
#define MIN(n) SEC((n)*60)
#define HOUR(n) MIN((n)*60)
#define DAY(n) HOUR((n)*24)
#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

#define TEXT(path, def, flags, prose)                                                              \
    {                                                                                              \
        path, SL_TYPE_TEXT, SL_TYPE_TEXT, def, 0, 0, NULL, NULL, flags, prose                      \
    }
#define SECRET(path, def, flags, prose)                                                            \
    {                                                                                              \
        path, SL_TYPE_SECRET, SL_TYPE_TEXT, def, 0, 0, NULL, NULL, flags, prose                    \
    }
#define FILE_PATH(path, prose)                                                                     \
    {                                                                                              \
        path, SL_TYPE_PATH, SL_TYPE_TEXT, "", 0, 0, NULL, NULL, 0, prose                           \
    }
#define DURATION(path, def, min, max, prose)                                                       \
    {                                                                                              \
        path, SL_TYPE_DURATION, SL_TYPE_TEXT, def, min, max, NULL, NULL, 0, prose                  \
    }
#define SIZE(path, def, min, max, prose)                                                           \
    {                                                                                              \
        path, SL_TYPE_SIZE, SL_TYPE_TEXT, def, min, max, NULL, NULL, 0, prose                      \
    }
#define COUNT(path, def, min, max, flags, prose)                                                   \
    {                                                                                              \
        path, SL_TYPE_COUNT, SL_TYPE_TEXT, def, min, max, NULL, NULL, flags, prose                 \
    }
#define BOOL(path, def, prose)                                                                     \
    {                                                                                              \
        path, SL_TYPE_BOOL, SL_TYPE_TEXT, def, 0, 0, NULL, NULL, 0, prose                          \
    }
#define CHOICE(path, def, choices, later, prose)                                                   \
    {                                                                                              \
        path, SL_TYPE_CHOICE, SL_TYPE_TEXT, def, 0, 0, choices, later, 0, prose                    \
    }
#define MAP(path, prose)                                                                           \
    {                                                                                              \
        path, SL_TYPE_MAP, SL_TYPE_TEXT, NULL, 0, 0, NULL, NULL, 0, prose                          \
    }
#define MAPS(path, flags, prose)                                                                   \
    {                                                                                              \
        path, SL_TYPE_MAPS, SL_TYPE_TEXT, NULL, 0, 0, NULL, NULL, flags, prose                     \
    }
#define LIST(path, item, choices, flags, prose)                                                    \
    {                                                                                              \
        path, SL_TYPE_LIST, item, NULL, 0, 0, choices, NULL, flags, prose                          \
    }
#define DICT(path, item, prose)                                                                    \
    {                                                                                              \
        path, SL_TYPE_DICT, item, NULL, 0, 0, NULL, NULL, 0, prose                                 \
    }
#define LATER(path)                                                                                \
    {                                                                                              \
        path, SL_TYPE_LATER, SL_TYPE_TEXT, NULL, 0, 0, NULL, NULL, 0, ""                           \
    }

const struct sl_schema_row sl_schema[] = {
    TEXT("listen", "${SLUICE_LISTEN:-127.0.0.1:8080}", SL_SCHEMA_FIXED,
         "Where clients connect: host:port, [::1]:port, or unix:/path."),
    MAP("admin", "The listener for operators."),
    TEXT("admin.listen", "${SLUICE_ADMIN_LISTEN:-127.0.0.1:9091}", SL_SCHEMA_FIXED,
         "/healthz /readyz /metrics and /admin/…; host:port, or unix:/path, which needs no key for "
         "its owner."),
    SECRET("admin.key", "${SLUICE_ADMIN_KEY:-}", SL_SCHEMA_FIXED,
           "Bearer key of the admin API; empty: the admin API is closed, except on a unix socket."),
    MAP("limits", "Ceilings of the whole gateway."),
    SIZE("limits.body_max", "32MiB", KIB(1), GIB(1), "Largest request body; beyond it: 413."),
    COUNT("limits.connections", "10000", 1, 1000000, 0,
          "Client connections at once; lowered at start to what the descriptor limit allows."),
    MAP("timeouts", "How long each wait may last."),
    DURATION("timeouts.connect", "5s", MS(10), MIN(5),
             "To a provider: name look-up, connect and TLS handshake together."),
    DURATION("timeouts.first_byte", "90s", MS(100), HOUR(1),
             "Until a provider's answer begins: streams, embeddings, moderations, count_tokens."),
    DURATION("timeouts.idle", "180s", MS(100), HOUR(1),
             "Silence of a provider within an answer; standstill of a request on its way to it."),
    DURATION("timeouts.total", "600s", MS(100), DAY(1),
             "A whole plain request, or a stream until its first content."),
    DURATION("timeouts.stream_total", "60m", SEC(1), DAY(1), "A whole stream."),
    DURATION("timeouts.client_idle", "75s", MS(100), DAY(1),
             "A kept client connection without a request."),
    DURATION("timeouts.client_header", "10s", MS(100), MIN(10), "For a whole request head."),
    DURATION("timeouts.client_body", "60s", MS(100), HOUR(1), "For a whole request body."),
    DURATION("timeouts.client_stall", "60s", MS(100), HOUR(1),
             "A client that reads nothing while bytes wait for it."),
    DURATION("timeouts.drain", "60s", 0, DAY(1), "For running requests after SIGTERM."),
    MAP("upstream_pool", "Connections to each provider."),
    COUNT("upstream_pool.max_connections", "1000", 1, 100000, 0,
          "Connections at once; more requests wait in the queue."),
    COUNT("upstream_pool.max_keepalive", "100", 0, 100000, 0, "Idle connections kept."),
    DURATION("upstream_pool.keepalive_expiry", "300s", 0, DAY(1), "How long an idle one is kept."),
    COUNT("upstream_pool.warm", "1", 0, 1000, 0,
          "Ready connections held once a first request has come."),
    DURATION("upstream_pool.dns_ttl", "60s", 0, DAY(1), "How long resolved addresses are used."),
    DURATION("keepalive_ping", "15s", MS(100), HOUR(1),
             "While a stream's provider is silent, a ping goes to the client this often."),
    MAP("queue", "Requests that wait for a connection to a provider."),
    COUNT("queue.max", "1000", 0, 1000000, 0, "How many, per provider; more: 429."),
    DURATION("queue.wait", "10s", 0, HOUR(1), "How long; longer: 429."),
    MAP("log", "What is written down. Keys and prompts never are."),
    CHOICE("log.level", "info", "debug|info|warn|error", NULL,
           "Least level of the log for people, which goes to stderr."),
    {"log.access", SL_TYPE_TEXT, SL_TYPE_TEXT, "stdout", 0, 0, NULL, NULL, SL_SCHEMA_FIXED,
     "One line per request: stdout, stderr, a file (reopened on SIGHUP), or off."},
    CHOICE("log.format", "json", "json|logfmt", NULL, "Form of both logs."),
    LIST("trusted_proxies", SL_TYPE_TEXT, NULL, 0,
         "Addresses whose X-Forwarded-For is believed, for logs only."),
    BOOL("meter_streams", "true",
         "Ask OpenAI streams for their usage and hold the extra chunk back."),
    LIST("forward_headers", SL_TYPE_TEXT, NULL, 0,
         "Client headers sent on beside the built-in list: names, or `prefix-*`."),
    MAP("default_models", "When a request may leave its model out."),
    TEXT("default_models.moderations", "", 0, "For /v1/moderations."),
    BOOL("list_models", "false",
         "Let GET /v1/models list what the providers behind patterns list; they are asked at start "
         "and reload."),
    MAP("metrics", "The exposition."),
    COUNT("metrics.max_series", "20000", 100, 1000000, SL_SCHEMA_FIXED,
          "Ceiling of time series; label sets beyond it are counted as `other`."),
    LIST("include", SL_TYPE_TEXT, NULL, 0,
         "More files, as globs relative to this one; their lists are appended."),

    MAPS("providers", SL_SCHEMA_REQUIRED, "Who answers."),
    TEXT("providers[].name", NULL, SL_SCHEMA_REQUIRED, "Unique; seen in logs and metrics."),
    LIST("providers[].protocol", SL_TYPE_CHOICE, "anthropic|openai", SL_SCHEMA_REQUIRED,
         "What it speaks; a list where it speaks both."),
    CHOICE("providers[].flavor", NULL, "generic|openai|openrouter|vllm|ollama|deepseek", NULL,
           "Its peculiarities; by host where not given."),
    TEXT("providers[].base_url", NULL, SL_SCHEMA_REQUIRED,
         "What that vendor's own SDK takes: Anthropic without /v1, OpenAI with it."),
    LIST("providers[].keys", SL_TYPE_SECRET, NULL, 0,
         "Its API keys; the first is used. Leave out where it takes none."),
    TEXT("providers[].auth", NULL, 0,
         "How a key is sent: x-api-key, bearer, or header:<name>; by protocol where not given."),
    MAP("providers[].tls", "For https."),
    FILE_PATH("providers[].tls.ca_file", "PEM file of trusted CAs; empty: the system's."),
    FILE_PATH("providers[].tls.crl_file", "PEM file of revocation lists; empty: none."),
    BOOL("providers[].tls.verify", "true",
         "Check certificate and host name; false is for tests and is warned about."),
    TEXT("providers[].tls.server_name", "", 0, "Name to send and to check instead of the host."),
    DICT("providers[].headers", SL_TYPE_SECRET, "Headers added to every request."),
    DICT("providers[].query", SL_TYPE_SECRET, "Query parameters added to every request."),
    COUNT("providers[].max_concurrency", "0", 0, 100000, 0,
          "Requests at once; 0: what upstream_pool allows."),
    MAP("providers[].timeouts", "The general ones for this provider."),
    DURATION("providers[].timeouts.connect", NULL, MS(10), MIN(5), "See timeouts.connect."),
    DURATION("providers[].timeouts.first_byte", NULL, MS(100), HOUR(1), "See timeouts.first_byte."),
    DURATION("providers[].timeouts.idle", NULL, MS(100), HOUR(1), "See timeouts.idle."),
    DURATION("providers[].timeouts.total", NULL, MS(100), DAY(1), "See timeouts.total."),
    DURATION("providers[].timeouts.stream_total", NULL, SEC(1), DAY(1),
             "See timeouts.stream_total."),
    MAP("providers[].upstream_pool", "The general one for this provider."),
    COUNT("providers[].upstream_pool.max_connections", NULL, 1, 100000, 0,
          "See upstream_pool.max_connections."),
    COUNT("providers[].upstream_pool.max_keepalive", NULL, 0, 100000, 0,
          "See upstream_pool.max_keepalive."),
    DURATION("providers[].upstream_pool.keepalive_expiry", NULL, 0, DAY(1),
             "See upstream_pool.keepalive_expiry."),
    COUNT("providers[].upstream_pool.warm", NULL, 0, 1000, 0, "See upstream_pool.warm."),
    DURATION("providers[].upstream_pool.dns_ttl", NULL, 0, DAY(1), "See upstream_pool.dns_ttl."),

    MAPS("models", SL_SCHEMA_REQUIRED, "What clients may ask for."),
    TEXT("models[].name", NULL, SL_SCHEMA_REQUIRED,
         "A name, `prefix*` or `*`: exact names first, then the longest prefix."),
    TEXT("models[].display_name", "", 0, "For people, in /v1/models."),
    LIST("models[].aliases", SL_TYPE_TEXT, NULL, 0, "Other names for the same."),
    CHOICE("models[].strategy", "priority", "priority", "weighted|latency|cost",
           "How a target is chosen: the lowest priority first."),
    MAPS("models[].targets", SL_SCHEMA_REQUIRED, "Where it is answered."),
    TEXT("models[].targets[].provider", NULL, SL_SCHEMA_REQUIRED, "A provider's name."),
    TEXT("models[].targets[].model", "", 0, "Name there; empty: the name asked for."),
    COUNT("models[].targets[].priority", "0", 0, 1000000, 0, "Low first; equal: in file order."),

    MAPS("tenants", 0, "Who may ask."),
    TEXT("tenants[].name", NULL, SL_SCHEMA_REQUIRED, "Unique; seen in logs and metrics."),
    MAPS("tenants[].keys", 0, "Its API keys."),
    TEXT("tenants[].keys[].name", "", 0, "For people."),
    SECRET("tenants[].keys[].key", NULL, 0, "The key itself, from ${…} or file:…; or `sha256`."),
    {"tenants[].keys[].sha256", SL_TYPE_SHA256, SL_TYPE_TEXT, NULL, 0, 0, NULL, NULL, 0,
     "SHA-256 of the key's text, 64 hexadecimal digits."},
    TEXT("tenants[].keys[].user", "", 0, "Whose key it is, for logs."),
    LIST("tenants[].keys[].scopes", SL_TYPE_TEXT, NULL, 0,
         "`models:<name or prefix*>`, `endpoints:<a>,<b>`; none of a kind: all of it."),
    {"tenants[].keys[].expires", SL_TYPE_DATE, SL_TYPE_TEXT, NULL, 0, 0, NULL, NULL, 0,
     "Valid before this day (UTC) or moment."},
    DICT("tenants[].labels", SL_TYPE_TEXT, "For people."),

    LATER("store"),
    LATER("retry"),
    LATER("breaker"),
    LATER("cache"),
    LATER("prices"),
    LATER("plans"),
    LATER("prompt_api"),
    LATER("limits.qps"),
    LATER("log.sample"),
    LATER("providers[].proxy"),
    LATER("providers[].retry"),
    LATER("providers[].breaker"),
    LATER("models[].affinity"),
    LATER("models[].mirror"),
    LATER("models[].cache"),
    LATER("models[].max_tokens_default"),
    LATER("models[].free"),
    LATER("models[].targets[].price"),
    LATER("models[].targets[].weight"),
    LATER("tenants[].plan"),
    LATER("tenants[].scopes"),
    LATER("tenants[].limits"),
    LATER("tenants[].budget"),
    LATER("tenants[].log_prompts"),
    LATER("tenants[].cache"),
    LATER("tenants[].keys[].class"),
    LATER("tenants[].keys[].limits"),
    LATER("tenants[].keys[].budget"),
};
const size_t sl_schema_n = sizeof(sl_schema) / sizeof(sl_schema[0]);

bool sl_schema_is_below(const struct sl_schema_row *row, struct sl_str parent, struct sl_str *key)
{
    struct sl_str path = sl_str_of(row->path);

    if (parent.n > 0) {
        if (!sl_str_starts(path, parent) || path.n <= parent.n || path.p[parent.n] != '.')
            return false;
        path = sl_str_from(path, parent.n + 1);
    }
    if (sl_str_find_byte(path, '.') >= 0)
        return false;
    *key = path;
    return true;
}

const struct sl_schema_row *sl_schema_find(struct sl_str parent, struct sl_str key)
{
    struct sl_str name;

    for (size_t i = 0; i < sl_schema_n; i++)
        if (sl_schema_is_below(&sl_schema[i], parent, &name) && sl_str_eq(name, key))
            return &sl_schema[i];
    return NULL;
}

static const char *scalar_name(enum sl_type t)
{
    switch (t) {
    case SL_TYPE_TEXT: return "text";
    case SL_TYPE_SECRET: return "secret";
    case SL_TYPE_PATH: return "file";
    case SL_TYPE_DURATION: return "duration";
    case SL_TYPE_SIZE: return "size";
    case SL_TYPE_COUNT: return "number";
    case SL_TYPE_BOOL: return "true or false";
    case SL_TYPE_CHOICE: return "choice";
    case SL_TYPE_DATE: return "date";
    case SL_TYPE_SHA256: return "SHA-256";
    case SL_TYPE_MAP: return "map";
    case SL_TYPE_MAPS: return "list of maps";
    case SL_TYPE_LIST: return "list";
    case SL_TYPE_DICT: return "names and values";
    case SL_TYPE_LATER: return "later";
    }
    return "";
}

const char *sl_schema_type_name(const struct sl_schema_row *row)
{
    if (row->type != SL_TYPE_LIST)
        return scalar_name(row->type);
    switch (row->item) {
    case SL_TYPE_SECRET: return "list of secrets";
    case SL_TYPE_CHOICE: return "list of choices";
    default: return "list of texts";
    }
}
