/* Tokens of a request, estimated in one pass over its strings. */
#include "llm/estimate.h"

#define LONG 1024 /* shorter strings are text, whatever they hold */
#define LOOK 64   /* bytes by which base64 is known */
#define BEFORE 96 /* bytes before a value that may name its media type */

static bool is_base64(struct sl_str s)
{
    for (size_t i = s.n - LOOK; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/' || c == '=' || c == '-' || c == '_'))
            return false;
    }
    return true;
}

/* Its media type stands in the data URL, or in the members around the value. */
static bool is_document(struct sl_str body, size_t at, size_t end)
{
    size_t from = at > BEFORE ? at - BEFORE : 0;
    struct sl_str around[] = {{body.p + from, at - from},
                              sl_str_first((struct sl_str){body.p + at, end - at}, BEFORE),
                              sl_str_first((struct sl_str){body.p + end, body.n - end}, BEFORE)};

    for (size_t i = 0; i < 3; i++)
        if (sl_str_find(around[i], SL_STR("application/pdf")) >= 0)
            return true;
    return false;
}

/* The closing quote behind `at`, or the end. */
static size_t string_end(struct sl_str body, size_t at)
{
    while (at < body.n) {
        const char *quote = memchr(body.p + at, '"', body.n - at);
        size_t end = quote != NULL ? (size_t)(quote - body.p) : body.n;
        size_t slashes = 0;

        while (end - slashes > at && body.p[end - slashes - 1] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            return end;
        at = end + 1;
    }
    return body.n;
}

uint64_t sl_estimate_input(struct sl_str body)
{
    uint64_t bytes = body.n, tokens = 0;
    size_t at = 0;

    while (at < body.n) {
        const char *quote = memchr(body.p + at, '"', body.n - at);
        size_t from, end;

        if (quote == NULL)
            break;
        from = (size_t)(quote - body.p) + 1;
        end = string_end(body, from);
        if (end - from >= LONG && is_base64((struct sl_str){body.p + from, end - from})) {
            bytes -= end - from;
            tokens += is_document(body, from, end) ? (end - from) / 6 : SL_ESTIMATE_IMAGE;
        }
        at = end + 1;
    }
    return tokens + (bytes + 3) / 4;
}
