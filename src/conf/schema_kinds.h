/* conf/schema_kinds.h -- how a row of the table is written: one word for each type, and for the
 * leaves that several maps have alike. Only schema.c includes it.
 */
#ifndef SL_CONF_SCHEMA_KINDS_H
#define SL_CONF_SCHEMA_KINDS_H

#include "conf/schema.h"
#include "policy/health/retry.h"
#include "policy/terms.h"

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
        path, SL_TYPE_TEXT, SL_TYPE_TEXT, def, 0, 0, NULL, flags, prose                            \
    }
#define SECRET(path, def, flags, prose)                                                            \
    {                                                                                              \
        path, SL_TYPE_SECRET, SL_TYPE_TEXT, def, 0, 0, NULL, flags, prose                          \
    }
#define FILE_PATH(path, prose)                                                                     \
    {                                                                                              \
        path, SL_TYPE_PATH, SL_TYPE_TEXT, "", 0, 0, NULL, 0, prose                                 \
    }
#define DURATION(path, def, min, max, prose)                                                       \
    {                                                                                              \
        path, SL_TYPE_DURATION, SL_TYPE_TEXT, def, min, max, NULL, 0, prose                        \
    }
#define SIZE(path, def, min, max, prose)                                                           \
    {                                                                                              \
        path, SL_TYPE_SIZE, SL_TYPE_TEXT, def, min, max, NULL, 0, prose                            \
    }
#define COUNT(path, def, min, max, flags, prose)                                                   \
    {                                                                                              \
        path, SL_TYPE_COUNT, SL_TYPE_TEXT, def, min, max, NULL, flags, prose                       \
    }
#define RATIO(path, def, max, prose)                                                               \
    {                                                                                              \
        path, SL_TYPE_RATIO, SL_TYPE_TEXT, def, 0, max, NULL, 0, prose                             \
    }
#define MONEY(path, max, prose)                                                                    \
    {                                                                                              \
        path, SL_TYPE_MONEY, SL_TYPE_TEXT, NULL, 0, max, NULL, 0, prose                            \
    }
#define BOOL(path, def, prose)                                                                     \
    {                                                                                              \
        path, SL_TYPE_BOOL, SL_TYPE_TEXT, def, 0, 0, NULL, 0, prose                                \
    }
#define CHOICE(path, def, choices, prose)                                                          \
    {                                                                                              \
        path, SL_TYPE_CHOICE, SL_TYPE_TEXT, def, 0, 0, choices, 0, prose                           \
    }
#define MAP(path, prose)                                                                           \
    {                                                                                              \
        path, SL_TYPE_MAP, SL_TYPE_TEXT, NULL, 0, 0, NULL, 0, prose                                \
    }
#define MAPS(path, flags, prose)                                                                   \
    {                                                                                              \
        path, SL_TYPE_MAPS, SL_TYPE_TEXT, NULL, 0, 0, NULL, flags, prose                           \
    }
#define LIST(path, item, choices, flags, prose)                                                    \
    {                                                                                              \
        path, SL_TYPE_LIST, item, NULL, 0, 0, choices, flags, prose                                \
    }
#define DICT(path, item, prose)                                                                    \
    {                                                                                              \
        path, SL_TYPE_DICT, item, NULL, 0, 0, NULL, 0, prose                                       \
    }

/* Leaves that plans, tenants and keys have alike. */
#define LIMITS(path)                                                                               \
    COUNT(path ".rpm", NULL, 0, SL_TERMS_WINDOW_MAX, 0, "Requests in any minute."),                \
        COUNT(path ".qps", NULL, 0, SL_TERMS_WINDOW_MAX, 0, "Requests in any second."),            \
        COUNT(path ".burst", NULL, 0, SL_TERMS_WINDOW_MAX, 0,                                      \
              "Requests at once, refilled evenly by rpm and qps; unset or 0: those are windows."), \
        COUNT(path ".tpm", NULL, 0, SL_TERMS_TOKENS_MAX, 0,                                        \
              "Tokens in any minute; cache reads don't count."),                                   \
        COUNT(path ".concurrency", NULL, 0, SL_TERMS_WINDOW_MAX, 0, "Requests at once."),          \
        COUNT(path ".user_concurrency", NULL, 0, SL_TERMS_WINDOW_MAX, 0,                           \
              "Requests at once of one end user, as requests name them."),                         \
        COUNT(path ".reserve_output", NULL, 0, SL_TERMS_TOKENS_MAX, 0,                             \
              "Tokens of an answer that credits and budgets are held for at most; unset: 8000.")
#define BUDGET(path)                                                                               \
    MONEY(path ".initial_credits", SL_TERMS_MONEY_MAX,                                             \
          "Dollars that an account begins with; unset: credits are not held."),                    \
        MONEY(path ".daily", SL_TERMS_MONEY_MAX, "Dollars a day; 0: no such budget."),             \
        MONEY(path ".monthly", SL_TERMS_MONEY_MAX, "Dollars a month; 0: no such budget.")
#define SPENDING(path)                                                                             \
    TEXT(path ".zone", NULL, 0,                                                                    \
         "Time zone of days and months, such as Europe/Berlin; unset: UTC."),                      \
        CHOICE(path ".on_client_gone", NULL, "abort|drain",                                        \
               "When the client leaves: end the provider's answer (unset: this), or read it "      \
               "to its end."),                                                                     \
        BOOL(path ".hard", NULL, "End a running answer when the balance does."),                   \
        LIST(path ".alert_at", SL_TYPE_RATIO, NULL, 0,                                             \
             "Used parts of a budget, 0.01 to 10, that the log tells of; at most 8."),             \
        SECRET(path ".alert_url", NULL, 0,                                                         \
               "Gets a POST for each of those, as `hooks.url` does; https, but on this host. "     \
               "Empty: nobody, whatever the plan says."),                                          \
        MONEY(path ".credits_low", SL_TERMS_MONEY_MAX,                                             \
              "Dollars of credits left below which that is told, and more asked for."),            \
        MAP(path ".auto_top_up", "What `hooks.auto_top_up` is asked for then."),                   \
        MONEY(path ".auto_top_up.amount", SL_TERMS_MONEY_MAX,                                      \
              "Dollars that one answer adds at most; unset or 0: nothing is asked for."),          \
        MONEY(                                                                                     \
            path ".auto_top_up.daily", SL_TERMS_MONEY_MAX,                                         \
            "Dollars that are added in a day (UTC) at most, and by one answer; unset: `amount`, "  \
            "0: nothing is asked for.")
#define RATES(path)                                                                                \
    MONEY(path ".input", PRICE_MAX, "Dollars a million tokens of input."),                         \
        MONEY(path ".output", PRICE_MAX, "Dollars a million tokens of output."),                   \
        MONEY(path ".cache_read", PRICE_MAX, "A million tokens read from the provider's cache."),  \
        MONEY(path ".cache_write", PRICE_MAX, "A million tokens written to it for 5 minutes."),    \
        MONEY(path ".cache_write_1h", PRICE_MAX, "A million tokens written to it for an hour.")
#define PRICE(path)                                                                                \
    RATES(path), MONEY(path ".search", PRICE_MAX, "Dollars a thousand web searches."),             \
        MONEY(path ".request", PRICE_MAX, "Dollars a request."),                                   \
        MAP(path ".long_prompt", "What a request with a longer prompt costs, all of it."),         \
        COUNT(path ".long_prompt.over", NULL, 1, SL_TERMS_TOKENS_MAX, 0,                           \
              "More tokens of prompt than that, the cache's included."),                           \
        RATES(path ".long_prompt")
#define PRICE_MAX 1000000000000 /* a million dollars */
#define CACHE_TTL(path, def)                                                                       \
    DURATION(path ".ttl", def, SEC(1), DAY(365), "How long an answer is good.")
#define CACHE_SCOPE(path, def)                                                                     \
    CHOICE(path ".scope", def, "tenant|shared",                                                    \
           "Whose answers may be given: the tenant's own, or all of those that share.")
#define CACHE_HITS(path)                                                                           \
    CHOICE(path ".hits", NULL, "admitted|free",                                                    \
           "Whether a hit in memory is counted in windows (unset: admitted) or passes freely.")
#define CACHE_STALE(path)                                                                          \
    DURATION(path ".serve_stale", NULL, 0, DAY(365),                                               \
             "How long behind its ttl an answer is kept, for when every target fails.")
#define CONTEXT(path)                                                                              \
    MAP(path, "Conversations that are too long lose their oldest messages."),                      \
        COUNT(path ".max_tokens", NULL, 0, 1000000000, 0,                                          \
              "Tokens of input, as estimated, that a request may have; 0: any. Of a model's and "  \
              "a tenant's the shorter one is in force."),                                          \
        CHOICE(path ".keep", NULL, "system+first+tools|system+tools",                              \
               "What stays in any case beside the last question and what follows it; unset: the "  \
               "first question, too.")
#define RETRY(path, attempts, base, max)                                                           \
    COUNT(path ".attempts", attempts, 1, SL_RETRY_ATTEMPTS_MAX, 0,                                 \
          "All tries of a request together; 1: none is repeated."),                                \
        DURATION(                                                                                  \
            path ".base", base, MS(1), MIN(1),                                                     \
            "Longest wait before the same target is tried a second time; doubled each time."),     \
        DURATION(path ".max", max, MS(1), MIN(10),                                                 \
                 "No wait is longer; a provider that asks for more is not waited for.")
#define BREAKER(path, rate, window, least, open, probes, slow)                                     \
    RATIO(path ".error_rate", rate, 1000000, "Part of the outcomes that opens it."),               \
        DURATION(path ".window", window, SEC(1), HOUR(1), "Outcomes that are looked at."),         \
        COUNT(path ".min_requests", least, 1, 1000000000, 0,                                       \
              "With fewer of them it stays closed."),                                              \
        DURATION(path ".open", open, MS(100), HOUR(1), "How long it lets nothing pass."),          \
        COUNT(path ".probes", probes, 1, 1000, 0,                                                  \
              "Requests that pass then; when they went well it closes."),                          \
        DURATION(path ".slow", slow, 0, HOUR(1),                                                   \
                 "An answer that begins later counts as failed; 0: none does.")

#endif
