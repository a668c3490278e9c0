/* conf/schema.c -- the table, in the order in which it is printed. */
#include "conf/schema_kinds.h"

const struct sl_schema_row sl_schema[] = {
    TEXT("listen", "${SLUICE_LISTEN:-127.0.0.1:8080}", SL_SCHEMA_FIXED,
         "Where clients connect: host:port, [::1]:port, or unix:/path."),
    MAP("admin", "The listener for operators."),
    TEXT("admin.listen", "${SLUICE_ADMIN_LISTEN:-127.0.0.1:9091}", SL_SCHEMA_FIXED,
         "/healthz /readyz /metrics and /admin/…; host:port, or unix:/path, which needs no key for "
         "its owner."),
    SECRET("admin.key", "${SLUICE_ADMIN_KEY:-}", SL_SCHEMA_FIXED,
           "Bearer key of the admin API; empty: the admin API is closed, except on a unix socket."),
    MAP("store", "What remembers limits, budgets, keys and cached answers."),
    {"store.url", SL_TYPE_ADDRESS, SL_TYPE_TEXT, "", 0, 0, NULL, SL_SCHEMA_FIXED,
     "redis://, rediss://, unix://, redis+sentinel://, or embedded:DIR (memory and SQLite); "
     "empty: embedded, in `data` of the state directory."},
    SECRET("store.password", "", SL_SCHEMA_FIXED,
           "Password for `url` and `cache_url` where they hold none, as it is."),
    {"store.cache_url", SL_TYPE_ADDRESS, SL_TYPE_TEXT, "", 0, 0, NULL, SL_SCHEMA_FIXED,
     "A Redis of its own for cached answers, which may evict; empty: `url`."},
    {"store.timeout", SL_TYPE_DURATION, SL_TYPE_TEXT, "50ms", MS(1), SEC(10), NULL, SL_SCHEMA_FIXED,
     "How long a request waits for it at most."},
    {"store.on_outage", SL_TYPE_CHOICE, SL_TYPE_TEXT, "local", 0, 0, "local|refuse",
     SL_SCHEMA_FIXED,
     "While it is away: go on with this process's share of each limit, or refuse."},
    BOOL("store.generations", "true",
         "Whether it is kept for a day what became of requests, for GET /v1/generation."),
    TEXT("store.prefix", "slc:", SL_SCHEMA_FIXED, "What its keys begin with."),
    {"store.ca_file", SL_TYPE_PATH, SL_TYPE_TEXT, "", 0, 0, NULL, SL_SCHEMA_FIXED,
     "PEM file of trusted CAs for rediss://; empty: the system's."},
    {"store.state_dir", SL_TYPE_PATH, SL_TYPE_TEXT, "${SLUICE_STORE_STATE:-}", 0, 0, NULL,
     SL_SCHEMA_FIXED,
     "Where this process keeps its trail; empty: the state directory. One process at a time."},
    MAP("limits", "Ceilings of the whole gateway."),
    SIZE("limits.body_max", "32MiB", KIB(1), GIB(1), "Largest request body; beyond it: 413."),
    COUNT("limits.connections", "10000", 1, 1000000, 0,
          "Client connections at once; lowered at start to what the descriptor limit allows."),
    COUNT("limits.qps", "0", 0, SL_TERMS_WINDOW_MAX, 0,
          "Requests of all tenants in any second; 0: no limit."),
    MAP("overload", "Beyond these, requests are refused by the class of their key, low ones first; "
                    "0: not watched."),
    COUNT("overload.connections", "0", 0, 1000000, 0, "Client connections at once."),
    SIZE("overload.memory", "0", 0, GIB(1024), "Resident memory of the process."),
    DURATION("overload.loop_lag", "0", 0, MIN(1), "How late the loop is; 100ms is a lot."),
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
          "Ready connections held: made at start, before readiness, and with each request."),
    DURATION("upstream_pool.dns_ttl", "60s", 0, DAY(1), "How long resolved addresses are used."),
    DURATION("keepalive_ping", "15s", MS(100), HOUR(1),
             "While a stream's provider is silent, a ping goes to the client this often."),
    MAP("retry", "Tries of a request, before its first byte has gone to the client."),
    RETRY("retry", "3", "500ms", "30s"),
    MAP("breaker", "When a provider's model is not asked for a while."),
    BREAKER("breaker", "0.15", "30s", "20", "30s", "3", "0"),
    MAP("queue",
        "Requests that wait for a place at a provider: by class of their key, then by arrival."),
    COUNT("queue.max", "1000", 0, 1000000, 0,
          "How many, per provider; beyond it the newest of the lowest class gets 429."),
    DURATION("queue.wait", "10s", 0, HOUR(1),
             "How long, in all; longer: 429. A tenth of it is worth a class."),
    MAP("cache", "Cached answers. Models and tenants switch them on."),
    BOOL("cache.enabled", "false",
         "true: for all operations. false: for moderations, embeddings and the prompt API, and "
         "where a "
         "model or a tenant says so."),
    SIZE("cache.memory", "64MiB", 0, GIB(1024), "The layer in memory; 0: none."),
    SIZE("cache.entry_max", "1MiB", KIB(1), MIB(64), "A larger answer is not kept."),
    CACHE_TTL("cache", "600s"),
    RATIO("cache.jitter", "0.1", 1000000,
          "Part of its ttl by which an answer may end earlier, so that not all end at once."),
    CACHE_SCOPE("cache", "tenant"),
    SIZE("cache.request_max", "64KiB", KIB(1), GIB(1), "A larger request is not looked up."),
    SIZE("cache.recording", "64MiB", 0, GIB(1024), "Answers being recorded, all together."),
    FILE_PATH("prices", "A list of prices instead of the one that is built in."),
    MAP("log", "What is written down. Keys and prompts never are."),
    CHOICE("log.level", "info", "debug|info|warn|error",
           "Least level of the log for people, which goes to stderr."),
    {"log.access", SL_TYPE_TEXT, SL_TYPE_TEXT, "stdout", 0, 0, NULL, SL_SCHEMA_FIXED,
     "One line per request: stdout, stderr, a file (reopened on SIGHUP), or off."},
    CHOICE("log.format", "json", "json|logfmt", "Form of both logs."),
    MAP("log.sample", "Which requests have an access line."),
    RATIO("log.sample.cache_hit", "1.0", 1000000, "This part of the answers from the cache."),
    MAP("audit", "What the trail's lines hold for auditors, beside what is charged."),
    CHOICE("audit.client", "hashed", "hashed|plain|off",
           "The client's address: a name for it that the trail's key makes, as it is, or not."),
    BOOL("audit.hash", "false",
         "SHA-256 of the request's body as it came, and of the answer's as it went out."),
    BOOL("audit.every", "false",
         "A line for each request that was admitted. false: those that cost nothing share one in "
         "10 s."),
    MAP("consul",
        "Consul: for providers with `base_url: consul://…`, and for this gateway itself."),
    SECRET("consul.token", "", 0, "Sent to its agents; empty: none is needed."),
    BOOL("consul.tls", "false", "Agents are spoken to by TLS."),
    FILE_PATH("consul.ca_file", "PEM file of trusted CAs for them; empty: the system's."),
    MAP("consul.register", "This gateway as an instance of a service, while it is ready."),
    TEXT("consul.register.service", "", SL_SCHEMA_FIXED,
         "The service's name; empty: it is not registered."),
    TEXT("consul.register.agent", "127.0.0.1:8500", SL_SCHEMA_FIXED, "The agent, as host:port."),
    TEXT("consul.register.id", "", SL_SCHEMA_FIXED,
         "Of this instance; empty: made of service, address and port."),
    TEXT("consul.register.address", "", SL_SCHEMA_FIXED,
         "Where others reach it; empty: as in `listen`."),
    COUNT("consul.register.port", "0", 0, 65535, SL_SCHEMA_FIXED, "Likewise; 0: as in `listen`."),
    LIST("consul.register.tags", SL_TYPE_TEXT, NULL, 0, "Its tags."),
    TEXT("consul.register.check", "", 0,
         "The URL of its /readyz as the agent sees it; empty: as in `admin.listen`."),
    MAP("prompts", "What tenants with `log_prompts` ask and are answered, in a file of its own."),
    {"prompts.file", SL_TYPE_PATH, SL_TYPE_TEXT, "", 0, 0, NULL, SL_SCHEMA_FIXED,
     "Appended to (mode 0600), reopened on SIGHUP. Empty: nothing is kept of anybody."},
    SIZE("prompts.max", "64KiB", KIB(1), KIB(256), "Of a prompt, and of an answer."),
    LIST("prompts.redact", SL_TYPE_TEXT, NULL, 0, "`emails`, `numbers`, and patterns."),
    MAP("hooks", "Who is told when a budget is used up, a breaker opens, a provider's key is "
                 "refused, requests fail, a certificate is about to end, or the store is away."),
    SECRET("hooks.url", "", 0,
           "Gets a POST for each event; https, but on this host. Empty: nobody."),
    SECRET("hooks.secret", "", 0, "Signs them: `sluice-signature`. Empty: they are not signed."),
    SECRET(
        "hooks.auto_top_up", "", 0,
        "Is asked for credits by a POST, when a tenant's are low; a 2xx adds them. https, but on "
        "this host. Empty: nobody."),
    FILE_PATH("hooks.ca_file",
              "PEM file of trusted CAs for it, and each `alert_url`; empty: the system's."),
    RATIO("hooks.error_rate", "0", 1000000,
          "Part of a model's or a provider's requests that fail, from which on it is told; 0: "
          "never."),
    DURATION("hooks.error_window", "5m", SEC(10), DAY(1), "Requests that are looked at for it."),
    COUNT("hooks.error_min", "20", 1, 1000000000, 0, "With fewer of them nothing is told."),
    DURATION(
        "hooks.certificate_left", "14d", 0, DAY(1000),
        "A certificate of a provider, the store or another server that ends sooner is told of, "
        "each day; 0: never."),
    MAP("otlp", "Where traces go: a span for each request and for each try of a provider."),
    {"otlp.endpoint", SL_TYPE_ADDRESS, SL_TYPE_TEXT, "", 0, 0, NULL, 0,
     "A collector that takes OTLP over HTTP, as JSON; /v1/traces is added where the path does not "
     "end so. Empty: none."},
    DICT("otlp.headers", SL_TYPE_SECRET, "Headers of each POST, such as `authorization`."),
    FILE_PATH("otlp.ca_file", "PEM file of trusted CAs for it; empty: the system's."),
    TEXT("otlp.service", "sluice", 0, "`service.name` of the spans."),
    RATIO("otlp.sample", "1.0", 1000000,
          "Part of the traces that begin here; a client's own `traceparent` decides for its own."),
    DURATION("otlp.every", "5s", MS(100), MIN(5), "The longest that a span waits to be sent."),
    COUNT("otlp.batch", "512", 1, 10000, 0, "Spans of one POST, at most."),
    COUNT("otlp.queue", "2048", 1, 100000, 0,
          "Spans that wait, those on their way too; more are dropped and counted."),
    MAP("pushgateway", "Where metrics are pushed, for whoever can't scrape /metrics."),
    {"pushgateway.url", SL_TYPE_ADDRESS, SL_TYPE_TEXT, "", 0, 0, NULL, 0,
     "A Prometheus Pushgateway; /metrics/job/JOB/instance/INSTANCE is added. Empty: none."},
    DICT("pushgateway.headers", SL_TYPE_SECRET, "Headers of each PUT, such as `authorization`."),
    FILE_PATH("pushgateway.ca_file", "PEM file of trusted CAs for it; empty: the system's."),
    TEXT("pushgateway.job", "sluice", 0, "The label `job`."),
    TEXT("pushgateway.instance", "", 0,
         "The label `instance`; empty: the instance's id in the store."),
    DURATION("pushgateway.every", "15s", SEC(1), HOUR(1), "How often; and once more at the end."),
    LIST("trusted_proxies", SL_TYPE_TEXT, NULL, 0,
         "Addresses whose X-Forwarded-For is believed, for logs only."),
    BOOL("meter_streams", "true",
         "Ask OpenAI streams for their usage and hold the extra chunk back."),
    BOOL("estimate_tokens", "true",
         "Answer count_tokens with an estimate where no provider of the model counts; else 501."),
    LIST("forward_headers", SL_TYPE_TEXT, NULL, 0,
         "Client headers sent on beside the built-in list: names, or `prefix-*`."),
    MAP("default_models", "When a request may leave its model out."),
    TEXT("default_models.moderations", "", 0, "For /v1/moderations."),
    MAP("prompt_api", "What a request of the prompt API may leave out."),
    TEXT("prompt_api.model", "", 0, "Its model; empty: a request must name one."),
    COUNT("prompt_api.max_tokens", "1024", 1, 1000000000, 0, "Tokens of an answer."),
    RATIO("prompt_api.temperature", "0.7", 2000000, "How freely words are chosen."),
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
    CHOICE("providers[].flavor", NULL, "generic|openai|openrouter|vllm|ollama|deepseek",
           "Its peculiarities; by host where not given."),
    BOOL("providers[].responses", NULL,
         "It has the Responses API; where not given, those of flavor openai and openrouter do. "
         "Others are asked through chat completions."),
    BOOL("providers[].stream_usage", "true",
         "Its streams may be asked for their usage; false where it refuses `stream_options`: their "
         "tokens are counted as they pass."),
    BOOL("providers[].prompt_cache", "false",
         "Translated requests are marked for Anthropic's prompt cache: behind the last tool, the "
         "system text and what the user said last."),
    BOOL("providers[].plain_schemas", "false",
         "The schemas of translated requests go without `format`, `pattern`, `patternProperties` "
         "and "
         "`additionalProperties`, which some servers refuse."),
    BOOL("providers[].structured_output", "true",
         "It knows structured output as Anthropic has it; false for older servers: translated "
         "requests ask for a forced tool in its place."),
    TEXT("providers[].base_url", NULL, SL_SCHEMA_REQUIRED,
         "What that vendor's own SDK takes: Anthropic without /v1, OpenAI with it."),
    LIST("providers[].keys", SL_TYPE_SECRET, NULL, 0,
         "Its API keys; several are a pool, of which one that met a limit or was refused rests. "
         "Leave out where it takes none."),
    TEXT("providers[].auth", NULL, 0,
         "How a key is sent: x-api-key, bearer, or header:<name>; by protocol where not given. "
         "oauth2: an access token is fetched, kept good, and sent as bearer."),
    MAP("providers[].oauth2", "Where its access tokens come from (RFC 6749)."),
    TEXT("providers[].oauth2.token_url", NULL, 0, "The token endpoint; https, but on this host."),
    TEXT("providers[].oauth2.client_id", NULL, 0, "Who this gateway is there."),
    SECRET("providers[].oauth2.client_secret", NULL, 0,
           "Its secret: the grant is client_credentials."),
    SECRET("providers[].oauth2.refresh_token", NULL, 0,
           "The grant is refresh_token. One that comes with a token replaces it until a restart."),
    CHOICE("providers[].oauth2.client_auth", "basic", "basic|form",
           "Where the client's name and secret are sent: in an Authorization header, or in the "
           "form."),
    TEXT("providers[].oauth2.scope", NULL, 0, "What the token shall be good for."),
    DICT("providers[].oauth2.params", SL_TYPE_SECRET,
         "More fields of the form, such as `audience`."),
    FILE_PATH("providers[].oauth2.ca_file",
              "PEM file of trusted CAs for the token endpoint; empty: the system's."),
    MAP("providers[].tls", "For https."),
    FILE_PATH("providers[].tls.ca_file", "PEM file of trusted CAs; empty: the system's."),
    FILE_PATH("providers[].tls.crl_file", "PEM file of revocation lists; empty: none."),
    BOOL("providers[].tls.verify", "true",
         "Check certificate and host name; false is for tests and is warned about."),
    TEXT("providers[].tls.server_name", "", 0, "Name to send and to check instead of the host."),
    {"providers[].proxy", SL_TYPE_ADDRESS, SL_TYPE_TEXT, "", 0, 0, NULL, 0,
     "The way out: an HTTP proxy that opens it by CONNECT, as http://[user:password@]host:port; "
     "none: straight. Where not given, HTTPS_PROXY, HTTP_PROXY and NO_PROXY decide."},
    DICT("providers[].headers", SL_TYPE_SECRET, "Headers added to every request."),
    DICT("providers[].query", SL_TYPE_SECRET, "Query parameters added to every request."),
    COUNT("providers[].max_concurrency", "0", 0, 100000, 0,
          "Requests at once; more wait in the queue. 0: what upstream_pool allows."),
    COUNT("providers[].key_concurrency", "0", 0, 100000, 0,
          "Requests at once with one of its keys; 0: no limit of its own."),
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
    MAP("providers[].retry", "The general one for this provider."),
    RETRY("providers[].retry", NULL, NULL, NULL),
    MAP("providers[].breaker", "The general one for this provider."),
    BREAKER("providers[].breaker", NULL, NULL, NULL, NULL, NULL, NULL),

    MAPS("models", SL_SCHEMA_REQUIRED, "What clients may ask for."),
    TEXT("models[].name", NULL, SL_SCHEMA_REQUIRED,
         "A name, `prefix*` or `*`: exact names first, then the longest prefix."),
    TEXT("models[].display_name", "", 0, "For people, in /v1/models."),
    LIST("models[].aliases", SL_TYPE_TEXT, NULL, 0, "Other names for the same."),
    CHOICE("models[].strategy", "priority", "priority|weighted|latency|cost",
           "Which of the targets of one priority goes first: file order, a draw by weight for each "
           "user, the quickest, the cheapest."),
    CHOICE("models[].affinity", "session", "session|user|key|none",
           "Whose requests go back to the target and the provider's key that answered the last "
           "one, for its prompt cache: of a session where one can be seen, a user, a key."),
    MAPS("models[].targets", SL_SCHEMA_REQUIRED, "Where it is answered."),
    TEXT("models[].targets[].provider", NULL, SL_SCHEMA_REQUIRED, "A provider's name."),
    TEXT("models[].targets[].model", "", 0, "Name there; empty: the name asked for."),
    COUNT("models[].targets[].priority", "0", 0, 1000000, 0,
          "Low first; equal: as `strategy` says."),
    COUNT("models[].targets[].weight", "1", 0, 1000000, 0,
          "Its share under `weighted`; 0: only when the others of its priority fail."),
    COUNT("models[].targets[].context", "0", 0, 1000000000, 0,
          "Tokens of its window: a request too long for a smaller one is sent to it; 0: not "
          "said."),
    DURATION("models[].targets[].reserve", "0", 0, DAY(1),
             "Part of timeouts.total that is kept for it: the targets before it must have begun to "
             "answer by then."),
    MAP("models[].targets[].price", "What it costs there, instead of what the list says."),
    PRICE("models[].targets[].price"),
    BOOL("models[].targets[].free", NULL, "It costs nothing there."),
    BOOL("models[].free", NULL, "It costs nothing, wherever it is answered."),
    BOOL("models[].warm_ping", "false",
         "At start, and when a reload brings them, its targets get a request for one token each, "
         "which no tenant pays; the provider bills it."),
    MAP("models[].mirror", "A shadow target: it gets a copy, its answer goes nowhere."),
    TEXT("models[].mirror.provider", "", 0, "A provider's name; empty: no mirror."),
    TEXT("models[].mirror.model", "", 0, "Name there; empty: the name asked for."),
    {"models[].mirror.percent", SL_TYPE_RATIO, SL_TYPE_TEXT, "1", 0, 100000000, NULL, 0,
     "Of a hundred requests that a provider is asked for, so many."},
    COUNT("models[].max_tokens_default", NULL, 0, 1000000000, 0,
          "Tokens of an answer, where a request does not limit them."),
    COUNT("models[].max_tokens_max", NULL, 0, 1000000000, 0,
          "More than this is not asked of a provider of another protocol; 0: as asked."),
    MAP("models[].cache", "Its cached answers."),
    BOOL("models[].cache.enabled", NULL, "Switches them on or off."),
    CACHE_TTL("models[].cache", NULL),
    TEXT("models[].cache.version", NULL, 0,
         "Part of what tells answers apart: change it when the answers should change."),
    LIST("models[].cache.normalize", SL_TYPE_CHOICE, "trim|spaces|invisible", 0,
         "What is evened out in texts, before they are judged and looked up."),
    CACHE_HITS("models[].cache"),
    CACHE_STALE("models[].cache"),
    CACHE_SCOPE("models[].cache", NULL),
    CONTEXT("models[].context"),

    MAPS("plans", 0, "What tenants have in common; a tenant's own values win."),
    TEXT("plans[].name", NULL, SL_SCHEMA_REQUIRED, "Unique."),
    LIST("plans[].scopes", SL_TYPE_TEXT, NULL, 0, "As of a key; each list must allow."),
    MAP("plans[].limits", "Of the tenant as a whole."),
    LIMITS("plans[].limits"),
    MAP("plans[].budget", "Of the tenant as a whole."),
    BUDGET("plans[].budget"),
    SPENDING("plans[].budget"),
    MAP("plans[].per_key", "What each of its keys has, where the key says nothing else."),
    MAP("plans[].per_key.limits", "Of each key."),
    LIMITS("plans[].per_key.limits"),
    MAP("plans[].per_key.budget", "Of each key."),
    BUDGET("plans[].per_key.budget"),

    MAPS("tenants", 0, "Who may ask."),
    TEXT("tenants[].name", NULL, SL_SCHEMA_REQUIRED, "Unique; seen in logs and metrics."),
    TEXT("tenants[].plan", NULL, 0, "A plan's name."),
    LIST("tenants[].scopes", SL_TYPE_TEXT, NULL, 0, "As of a key; each list must allow."),
    MAP("tenants[].limits", "Of the tenant as a whole."),
    LIMITS("tenants[].limits"),
    MAP("tenants[].budget", "Of the tenant as a whole."),
    BUDGET("tenants[].budget"),
    SPENDING("tenants[].budget"),
    MAP("tenants[].per_key", "What each of its keys has, where the key says nothing else."),
    MAP("tenants[].per_key.limits", "Of each key."),
    LIMITS("tenants[].per_key.limits"),
    MAP("tenants[].per_key.budget", "Of each key."),
    BUDGET("tenants[].per_key.budget"),
    MAP("tenants[].cache", "Its cached answers; wins over the model's."),
    BOOL("tenants[].cache.enabled", NULL, "Switches them on or off."),
    CACHE_TTL("tenants[].cache", NULL),
    CACHE_HITS("tenants[].cache"),
    CACHE_STALE("tenants[].cache"),
    CACHE_SCOPE("tenants[].cache", NULL),
    CONTEXT("tenants[].context"),
    BOOL("tenants[].log_prompts", "false", "What it asks and is answered is kept."),
    MAPS("tenants[].keys", 0, "Its API keys."),
    TEXT("tenants[].keys[].name", "", 0, "For people."),
    SECRET("tenants[].keys[].key", NULL, 0, "The key itself, from ${…} or file:…; or `sha256`."),
    {"tenants[].keys[].sha256", SL_TYPE_SHA256, SL_TYPE_TEXT, NULL, 0, 0, NULL, 0,
     "SHA-256 of the key's text, 64 hexadecimal digits."},
    TEXT("tenants[].keys[].user", "", 0, "Whose key it is, for logs."),
    LIST("tenants[].keys[].scopes", SL_TYPE_TEXT, NULL, 0,
         "`models:<name or prefix*>`, `endpoints:<a>,<b>`; none of a kind: all of it."),
    {"tenants[].keys[].expires", SL_TYPE_DATE, SL_TYPE_TEXT, NULL, 0, 0, NULL, 0,
     "Valid before this day (UTC) or moment."},
    COUNT("tenants[].keys[].class", NULL, 0, 9, 0,
          "Who goes first when requests must wait: high ones; unset: 5."),
    MAP("tenants[].keys[].limits", "Beside the tenant's: both hold."),
    LIMITS("tenants[].keys[].limits"),
    MAP("tenants[].keys[].budget", "Beside the tenant's: both hold."),
    BUDGET("tenants[].keys[].budget"),
    DICT("tenants[].labels", SL_TYPE_TEXT, "For people, and for `usage` by label."),

    MAPS("jwt", 0, "Issuers whose JSON Web Tokens are taken in place of keys."),
    TEXT("jwt[].name", NULL, SL_SCHEMA_REQUIRED, "Unique; seen in logs."),
    CHOICE("jwt[].algorithm", "RS256", "RS256|ES256|HS256",
           "How its tokens are signed; one by another algorithm is refused."),
    TEXT("jwt[].issuer", NULL, SL_SCHEMA_REQUIRED, "A token's `iss`."),
    TEXT("jwt[].audience", NULL, SL_SCHEMA_REQUIRED, "What a token's `aud` must be or hold."),
    FILE_PATH(
        "jwt[].keys_file",
        "Its public keys: a JSON Web Key Set, or one key or certificate in PEM. Read at start "
        "and with each reload."),
    LIST("jwt[].secrets", SL_TYPE_SECRET, NULL, 0,
         "For HS256, at least 32 bytes each; any of them may have signed."),
    DURATION("jwt[].leeway", "60s", 0, MIN(10), "How far its clock may be off."),
    TEXT("jwt[].tenant", "", 0, "The tenant of all its tokens; or:"),
    TEXT("jwt[].tenant_claim", "", 0, "The member that names the tenant."),
    TEXT("jwt[].user_claim", "sub", 0, "The member that names the user; a must in each token."),
    TEXT("jwt[].scopes_claim", "", 0,
         "The member with scopes as keys have them, as a list or a text with spaces; a token "
         "without one is refused. Empty: tokens narrow nothing."),
    MAP("key_tokens", "Tokens that POST /v1/auth/token gives in exchange for a key."),
    LIST("key_tokens.secrets", SL_TYPE_SECRET, NULL, 0,
         "The first one signs, any may have signed; at least 32 bytes each. None: no tokens are "
         "given."),
    DURATION("key_tokens.ttl", "10m", SEC(10), DAY(1), "How long one is good."),

    MAPS("words", 0, "Lists of words that are looked for in prompts and answers."),
    TEXT("words[].name", NULL, SL_SCHEMA_REQUIRED, "Unique; seen in errors and metrics."),
    LIST("words[].words", SL_TYPE_TEXT, NULL, 0, "Words, or phrases of several."),
    FILE_PATH("words[].file",
              "More of them, one a line; a line that begins with # is a remark. Read at start and "
              "with each reload."),
    CHOICE("words[].action", "count", "count|block",
           "`block` refuses a request with such a word in its prompt, and ends an answer with "
           "one."),
    CHOICE("words[].in", "prompts", "prompts|answers|both", "Where they are looked for."),
    CHOICE("words[].match", "word", "word|anywhere",
           "`word`: where it stands by itself; `anywhere`: inside of other words, too."),
    LIST("words[].tenants", SL_TYPE_TEXT, NULL, 0, "Whom it holds for; none: all."),
    MAPS("intents", 0, "Lists of words that tell what a request is about; they only count."),
    TEXT("intents[].name", NULL, SL_SCHEMA_REQUIRED, "Unique; the label of its metric."),
    LIST("intents[].words", SL_TYPE_TEXT, NULL, 0, "As of `words`."),
    FILE_PATH("intents[].file", "As of `words`."),
    CHOICE("intents[].match", "word", "word|anywhere", "As of `words`."),

    TEXT(SL_SCHEMA_PRICES ".dated", NULL, SL_SCHEMA_REQUIRED, "The day they were read on."),
    TEXT(SL_SCHEMA_PRICES ".source", NULL, SL_SCHEMA_REQUIRED, "Where they were read."),
    MAPS(SL_SCHEMA_PRICES ".prices", SL_SCHEMA_REQUIRED, "By provider."),
    TEXT(SL_SCHEMA_PRICES ".prices[].provider", NULL, SL_SCHEMA_REQUIRED,
         "A provider's name in the configuration."),
    LIST(SL_SCHEMA_PRICES ".prices[].hosts", SL_TYPE_TEXT, NULL, 0,
         "Providers at these hosts, whatever their names."),
    CHOICE(SL_SCHEMA_PRICES ".prices[].protocol", "openai", "anthropic|openai",
           "Decides what is assumed of prices that are left out: a tenth, 1.25 and 2 times the "
           "input's for Anthropic's cache, the input's for others."),
    MAPS(SL_SCHEMA_PRICES ".prices[].models", SL_SCHEMA_REQUIRED, "By model."),
    LIST(SL_SCHEMA_PRICES ".prices[].models[].name", SL_TYPE_TEXT, NULL, SL_SCHEMA_REQUIRED,
         "Its name or names at the provider; a snapshot's date may be left out."),
    PRICE(SL_SCHEMA_PRICES ".prices[].models[]"),
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
    case SL_TYPE_ADDRESS: return "URL";
    case SL_TYPE_PATH: return "file";
    case SL_TYPE_DURATION: return "duration";
    case SL_TYPE_SIZE: return "size";
    case SL_TYPE_COUNT: return "number";
    case SL_TYPE_RATIO: return "decimal";
    case SL_TYPE_MONEY: return "dollars";
    case SL_TYPE_BOOL: return "true or false";
    case SL_TYPE_CHOICE: return "choice";
    case SL_TYPE_DATE: return "date";
    case SL_TYPE_SHA256: return "SHA-256";
    case SL_TYPE_MAP: return "map";
    case SL_TYPE_MAPS: return "list of maps";
    case SL_TYPE_LIST: return "list";
    case SL_TYPE_DICT: return "names and values";
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
    case SL_TYPE_RATIO: return "list of decimals";
    default: return "list of texts";
    }
}
