/* mock/answer.c -- what all answers share: the text, errors, heads. */
#include "mock/answer.h"

#include "base/text.h"
#include "http/message.h"

/* Two-, three- and four-byte characters, so that every split hurts. */
static const struct sl_str wide =
    SL_STR_INIT("Gr\u00fc\u00dfe aus Z\u00fcrich \u2013 \u65e5\u672c\u8a9e\u306e\u30c6\u30b9\u30c8 "
                "\U0001f642\U0001f680 na\u00efve \u20ac5 \u4f60\u597d\u3002");

struct sl_str sl_answer_keep(struct sl_answer *an, struct sl_str s)
{
    if (s.p == NULL)
        an->broken = true;
    return s;
}

/* FNV-1a over the body's ends and its length: enough to tell bodies apart. */
static uint64_t hash_of(struct sl_str body)
{
    const size_t end = 2048;
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ body.n;
    struct sl_str tail =
        body.n > end ? sl_str_from(body, body.n - end) : (struct sl_str){body.p, 0};

    for (size_t i = 0; i < body.n && i < end; i++)
        h = (h ^ (unsigned char)body.p[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < tail.n; i++)
        h = (h ^ (unsigned char)tail.p[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* What the answer says. */
static struct sl_source choose_text(const struct sl_answer *an, const struct sl_ask *ask)
{
    const struct sl_words *w = &an->words;
    struct sl_source s = {SL_SOURCE_RAW, SL_STR("ok"), 0, 24};
    size_t piece = (size_t)w->piece;

    if (w->big > 0)
        return (struct sl_source){SL_SOURCE_FILL, {NULL, 0}, w->big, piece > 0 ? piece : 4096};
    if (w->events > 0)
        return (struct sl_source){SL_SOURCE_COUNTED, {NULL, 0}, w->events, 8};
    if (w->bytes > 0) /* a plain body is brought to its size in the end */
        return (struct sl_source){
            SL_SOURCE_FILL, {NULL, 0}, an->stream ? w->bytes : 1, piece > 0 ? piece : 64};
    if (w->fault != SL_FAULT_NONE && an->stream)
        return (struct sl_source){SL_SOURCE_COUNTED, {NULL, 0}, w->fault_at + 5, 8};
    if (w->splitutf8)
        s.raw = wide;
    else if (w->json)
        s.raw = SL_STR("{\\\"answer\\\":42,\\\"ok\\\":true}");
    else if (w->tools > 0)
        s.raw = SL_STR("Checking.");
    else if (w->refusal)
        s.raw = SL_STR("I can't help with that.");
    else if (sl_ask_last_text(ask).n > 0)
        s.raw = sl_ask_last_text(ask);
    if (w->splitutf8)
        s.piece = 12;
    return s;
}

/* Brings a plain body to `words.bytes` by its filler, if the envelope leaves room. */
static void fit(struct sl_answer *an)
{
    uint64_t now = sl_script_length(&an->script);

    if (an->words.bytes <= now)
        return;
    for (size_t i = 0; i < an->script.n; i++) {
        struct sl_run *r = &an->script.runs[i];
        if (r->has_text && r->text.kind == SL_SOURCE_FILL) {
            r->text.n += an->words.bytes - now;
            return;
        }
    }
}

static const char *error_type(const struct sl_ask *ask, int status)
{
    static const struct row {
        int status;
        const char *anthropic;
        const char *openai;
    } rows[] = {
        {400, "invalid_request_error", "invalid_request_error"},
        {401, "authentication_error", "invalid_request_error"},
        {402, "billing_error", "insufficient_quota"},
        {403, "permission_error", "permission_error"},
        {404, "not_found_error", "invalid_request_error"},
        {409, "conflict_error", "invalid_request_error"},
        {413, "request_too_large", "invalid_request_error"},
        {429, "rate_limit_error", "requests"},
        {503, "api_error", "service_unavailable_error"},
        {504, "timeout_error", "server_error"},
        {529, "overloaded_error", "server_error"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].status == status)
            return ask->anthropic ? rows[i].anthropic : rows[i].openai;
    if (status < 500)
        return "invalid_request_error";
    return ask->anthropic ? "api_error" : "server_error";
}

static const char *error_code(const struct sl_answer *an, int status)
{
    if (an->words.quota)
        return "\"insufficient_quota\"";
    switch (status) {
    case 401: return "\"invalid_api_key\"";
    case 404: return "\"model_not_found\"";
    case 429: return "\"rate_limit_exceeded\"";
    default: return "null";
    }
}

static struct sl_str error_object(struct sl_answer *an, const struct sl_ask *ask, int status,
                                  const char *text)
{
    const char *type = an->words.quota ? "insufficient_quota" : error_type(ask, status);
    const char *org =
        an->words.org ? " (organization org-mockcanary, project proj-mockcanary)" : "";

    if (ask->anthropic)
        return SAY(an,
                   "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s%s\"},"
                   "\"request_id\":\"req_%.16s\"}",
                   type, text, org, an->id);
    return SAY(an, "{\"error\":{\"message\":\"%s%s\",\"type\":\"%s\",\"param\":null,\"code\":%s}}",
               text, org, type, error_code(an, status));
}

/* RFC 6749 section 5.2: what is wrong stands in `error`. */
static struct sl_str token_error(struct sl_answer *an, int status)
{
    return SAY(an, "{\"error\":\"%s\",\"error_description\":\"the mock was told to answer so\"}",
               status == 401   ? "invalid_client"
               : status == 400 ? "invalid_grant"
                               : "server_error");
}

void sl_answer_error(struct sl_answer *an, const struct sl_ask *ask, int status, const char *text)
{
    an->status = status;
    an->type = "application/json";
    an->stream = false;
    sl_script_text(&an->script, ask->what == SL_ASK_TOKEN ? token_error(an, status)
                                                          : error_object(an, ask, status, text));
}

/* The error that comes inside a 200 answer. */
static void make_inner_error(struct sl_answer *an, const struct sl_ask *ask)
{
    const char *text = "Overloaded, says the mock";
    struct sl_str o;

    if (ask->what == SL_ASK_RESPONSES && an->stream) {
        an->error = SAY(an,
                        "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\","
                        "\"message\":\"%s\",\"param\":null,\"sequence_number\":%llu}\n\n",
                        text, (unsigned long long)an->words.fault_at);
        return;
    }
    o = error_object(an, ask, 529, text);
    if (!an->stream)
        an->error = o;
    else
        an->error =
            SAY(an, "%sdata: %.*s\n\n", ask->anthropic ? "event: error\n" : "", SL_STR_ARGS(o));
}

/* RFC 6749 section 5.1. */
static void build_token(struct sl_answer *an)
{
    uint64_t lives = an->words.lives > 0 ? an->words.lives : 3600000;

    TELL(an, "{\"access_token\":\"mock-token-%llu\",\"token_type\":\"Bearer\",\"expires_in\":%llu",
         (unsigned long long)an->grant, (unsigned long long)(lives / 1000));
    if (an->words.rotate)
        TELL(an, ",\"refresh_token\":\"mock-refresh-%llu\"", (unsigned long long)an->grant);
    TELL(an, "}");
}

static void build(struct sl_answer *an, const struct sl_ask *ask)
{
    switch (ask->what) {
    case SL_ASK_MESSAGES: sl_messages_build(an, ask); break;
    case SL_ASK_COUNT_TOKENS: TELL(an, "{\"input_tokens\":%lu}", an->in_tokens); break;
    case SL_ASK_CHAT: sl_chat_build(an, ask); break;
    case SL_ASK_COMPLETIONS: sl_completions_build(an, ask); break;
    case SL_ASK_RESPONSES: sl_responses_build(an, ask); break;
    case SL_ASK_EMBEDDINGS:
    case SL_ASK_MODERATIONS: sl_items_build(an, ask); break;
    case SL_ASK_MODELS: sl_models_build(an, ask); break;
    case SL_ASK_TOKEN: build_token(an); break;
    default: TELL(an, "{\"ok\":true}"); break;
    }
}

/* Bodies that are no answer of the protocol at all. */
static bool build_oddity(struct sl_answer *an, const struct sl_ask *ask)
{
    if (an->words.html) {
        an->type = "text/html; charset=utf-8";
        an->stream = false;
        TELL(an, "<!doctype html>\n<title>Sign in</title>\n<p>This is a page for people.\n");
        return true;
    }
    if (an->words.empty) {
        an->type = an->stream ? "text/event-stream; charset=utf-8" : an->type;
        return true;
    }
    if (an->words.fault == SL_FAULT_ERROR)
        make_inner_error(an, ask);
    if (an->words.fault == SL_FAULT_ERROR && !an->stream) {
        sl_script_text(&an->script, an->error);
        return true;
    }
    return false;
}

void sl_answer_make(struct sl_answer *an, const struct sl_ask *ask, bool keys_ok)
{
    struct sl_text id = sl_text_over(an->id, sizeof(an->id));
    bool can_stream = ask->what == SL_ASK_MESSAGES || ask->what == SL_ASK_CHAT ||
                      ask->what == SL_ASK_COMPLETIONS || ask->what == SL_ASK_RESPONSES;

    sl_text_hex64(&id, hash_of(ask->body));
    an->status = 200;
    an->type = "application/json";
    an->stream = ask->stream && can_stream;
    an->model = ask->model;
    an->in_tokens = (unsigned long)(ask->body.n / 4 + 1);
    an->tool = sl_ask_tool_name(ask);
    if (an->tool.n == 0)
        an->tool = SL_STR("get_time");
    if (an->words.tools > 0 && sl_ask_is_tool_result(ask))
        an->words.tools = 0; /* the tool has been used: now answer */
    if (!sl_script_init(&an->script, &an->arena)) {
        an->broken = true;
        return;
    }
    if (!keys_ok) {
        sl_answer_error(an, ask, 401, "invalid x-api-key");
    } else if (an->words.status > 0) {
        sl_answer_error(an, ask, (int)an->words.status, "the mock was told to answer so");
    } else if (!build_oddity(an, ask)) {
        an->text = choose_text(an, ask);
        if (an->text.kind == SL_SOURCE_RAW) /* the body goes before the answer does */
            an->text.raw = sl_answer_keep(an, sl_arena_dup(&an->arena, an->text.raw));
        if (an->words.tools > 8)
            an->words.tools = 8;
        an->out_tokens = (unsigned long)(sl_source_length(&an->text) / 4 + 1);
        if (an->stream)
            an->type = "text/event-stream; charset=utf-8";
        build(an, ask);
        if (!an->stream && an->words.bytes > 0)
            fit(an);
    }
    sl_answer_head(an, ask);
}

/* What a provider says about itself and its account: a gateway stops most of it. */
static struct sl_str vendor_headers(struct sl_answer *an, const struct sl_ask *ask)
{
    if (ask->anthropic)
        return SAY(an,
                   "request-id: req_%.16s\r\n"
                   "anthropic-organization-id: org-mockcanary\r\n"
                   "anthropic-ratelimit-requests-limit: 4000\r\n"
                   "anthropic-ratelimit-requests-remaining: 3999\r\n"
                   "anthropic-ratelimit-requests-reset: 2026-11-24T00:00:00Z\r\n"
                   "anthropic-ratelimit-tokens-remaining: 399999\r\n",
                   an->id);
    return SAY(an,
               "x-request-id: req_%.16s\r\n"
               "openai-organization: org-mockcanary\r\n"
               "openai-processing-ms: 7\r\n"
               "openai-version: 2020-10-01\r\n"
               "x-ratelimit-limit-requests: 4000\r\n"
               "x-ratelimit-remaining-requests: 3999\r\n"
               "x-ratelimit-reset-requests: 20ms\r\n",
               an->id);
}

void sl_answer_head(struct sl_answer *an, const struct sl_ask *ask)
{
    uint64_t length = an->stream ? 0 : sl_script_length(&an->script);
    struct sl_str vendor = vendor_headers(an, ask);
    struct sl_str framing = SL_STR("");
    struct sl_str retry = SL_STR("");

    an->chunked = an->stream || an->words.fault == SL_FAULT_BADCHUNK;
    if (an->words.eofbody) {
        an->chunked = false;
        an->close = true;
    } else if (an->chunked) {
        framing = SL_STR("transfer-encoding: chunked\r\n");
    } else {
        framing = SAY(an, "content-length: %llu\r\n", (unsigned long long)length);
    }
    if (an->words.retry_after > 0)
        retry = SAY(an, "retry-after: %llu\r\n", (unsigned long long)an->words.retry_after);
    an->head =
        SAY(an,
            "HTTP/1.1 %d %s\r\n"
            "content-type: %s\r\n"
            "%.*s%.*s%.*s"
            "set-cookie: __mock_session=cookiecanary; path=/\r\n"
            "x-mock-vendor: kept\r\n"
            "%s"
            "connection: %s\r\n\r\n",
            an->status, sl_message_reason(an->status), an->type, SL_STR_ARGS(framing),
            SL_STR_ARGS(retry), SL_STR_ARGS(vendor),
            an->stream ? "cache-control: no-cache\r\n" : "", an->close ? "close" : "keep-alive");
}

void sl_answer_fini(struct sl_answer *an)
{
    sl_arena_fini(&an->arena);
}
