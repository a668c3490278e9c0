/* llm/neutral/error.c -- what a provider's error says, whatever its form.
 * Source: protocols' error objects; vLLM, FastAPI, OpenRouter; pages of proxies. */
#include "llm/neutral/neutral.h"

#include "llm/about.h"

#define TEXT_MAX 300 /* of a body that is no JSON */

static size_t from_json(struct sl_str body, char *out, size_t cap)
{
    struct sl_str error = sl_json_get(body, SL_STR("error"));
    struct sl_str detail = sl_json_get(body, SL_STR("detail")), first;
    size_t n = sl_llm_copy(sl_json_get(error, SL_STR("message")), out, cap), pos = 0;

    if (n == 0)
        n = sl_llm_copy(error, out, cap);
    if (n == 0)
        n = sl_llm_copy(sl_json_get(body, SL_STR("message")), out, cap);
    if (n == 0)
        n = sl_llm_copy(detail, out, cap);
    if (n == 0 && sl_json_next(detail, &pos, &first)) {
        n = sl_llm_copy(sl_json_get(first, SL_STR("msg")), out, cap);
        if (n == 0)
            n = sl_llm_copy(first, out, cap);
    }
    return n;
}

/* A page's text: without tags, spaces made one. */
static size_t from_text(struct sl_str body, char *out, size_t cap)
{
    bool in_tag = false;
    size_t n = 0;

    for (size_t i = 0; i < body.n && n + 1 < cap && n < TEXT_MAX; i++) {
        char c = body.p[i];

        if (c == '<' || in_tag) {
            in_tag = c != '>';
            c = ' ';
        }
        if ((unsigned char)c <= ' ') {
            if (n > 0 && out[n - 1] != ' ')
                out[n++] = ' ';
        } else {
            out[n++] = c;
        }
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    return n;
}

struct sl_str sl_neutral_message(struct sl_str body, char *out, size_t cap)
{
    size_t n = sl_json_is_object(body) ? from_json(body, out, cap) : from_text(body, out, cap);

    if (n == 0)
        return SL_STR("The provider gave no reason.");
    return (struct sl_str){out, n};
}

/* The next number of at least three digits. */
static bool next_number(struct sl_str *text, uint64_t *out)
{
    while (text->n > 0) {
        size_t n = 0;

        while (n < text->n && text->p[n] >= '0' && text->p[n] <= '9')
            n++;
        if (n >= 3 && sl_str_to_u64(sl_str_first(*text, n), out)) {
            *text = sl_str_from(*text, n);
            return true;
        }
        *text = sl_str_from(*text, n > 0 ? n : 1);
    }
    return false;
}

bool sl_neutral_too_long(struct sl_str message, char *out, size_t cap)
{
    static const struct sl_str marks[] = {
        SL_STR_INIT("context length"),          SL_STR_INIT("context window"),
        SL_STR_INIT("maximum context"),         SL_STR_INIT("prompt is too long"),
        SL_STR_INIT("context_length_exceeded"),
    };
    struct sl_str rest = message;
    uint64_t a = 0, b = 0;
    struct sl_text t = sl_text_over(out, cap);
    bool found = false;

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        found = found || sl_str_find(message, marks[i]) >= 0;
    if (!found)
        return false;
    if (next_number(&rest, &a))
        while (next_number(&rest, &b) && b == a) {
        }
    if (b == 0 || b == a) /* one number is the limit: what was sent is more than that */
        b = a + 1;
    sl_text_add(&t, SL_STR("prompt is too long: "));
    sl_text_u64(&t, a > b ? a : b);
    sl_text_add(&t, SL_STR(" tokens > "));
    sl_text_u64(&t, a > b ? b : a);
    sl_text_add(&t, SL_STR(" maximum"));
    if (a == 0)
        t.n = sizeof("prompt is too long") - 1;
    out[t.n] = '\0';
    return true;
}

int sl_neutral_event_status(struct sl_str error)
{
    static const struct {
        const char *start;
        int status;
    } types[] = {
        {"overloaded", 529},          {"service_unavailable", 503}, {"server_is_overloaded", 503},
        {"provider_overloaded", 503}, {"rate_limit", 429},          {"invalid_request", 400},
        {"not_found", 404},           {"request_too_large", 413},   {"timeout", 504},
    };
    struct sl_str type = sl_llm_inner(sl_json_get(error, SL_STR("type")));
    struct sl_str code = sl_json_get(error, SL_STR("code"));
    uint64_t status;

    if (sl_json_u64(code, &status) && status >= 400 && status < 600) /* OpenRouter's, vLLM's */
        return status == 403 && sl_about_flagged(error) ? 400 : (int)status;
    if (sl_about_flagged(error))
        return 400;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (sl_str_starts(type, sl_str_of(types[i].start)) ||
            sl_str_starts(sl_llm_inner(code), sl_str_of(types[i].start)))
            return types[i].status;
    return 500;
}
