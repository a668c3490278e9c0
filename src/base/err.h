/* base/err.h -- every way a thing can go wrong, in one table.
 *
 * Functions return `enum sl_err` (must be checked) or deliver it in an event.
 * A row: symbol, HTTP status a client sees for it (0: none), wire name (access
 * log, metrics, `code` in OpenAI's envelope), and a text for people. Rows that
 * end an exchange with a provider say in their fourth column whether another
 * try may succeed.
 */
#ifndef SL_BASE_ERR_H
#define SL_BASE_ERR_H

#include "base/str.h"

#define SL_ERR_TABLE(X)                                                                            \
    X(OK, 0, "ok", false, "no error")                                                              \
    /* what a client did */                                                                        \
    X(BAD_HEAD, 400, "bad_request_head", false, "the request head is not valid HTTP/1.1")          \
    X(BAD_HOST, 400, "bad_host", false, "the request needs exactly one valid Host header")         \
    X(BAD_FRAMING, 400, "bad_framing", false, "the body's framing is not valid")                   \
    X(BAD_BODY, 400, "invalid_json", false, "the body is not valid JSON")                          \
    X(BAD_FIELD, 400, "invalid_value", false, "a field of the body is not valid")                  \
    X(REPEATED_KEY, 400, "repeated_key", false, "a top-level key stands twice in the body")        \
    X(WORDS, 400, "blocked_words", false, "a list of words blocks the prompt")                     \
    X(NO_KEY, 401, "invalid_api_key", false, "no API key, or a wrong one")                         \
    X(KEY_ENDED, 403, "key_ended", false, "the key is revoked or expired")                         \
    X(SCOPE, 403, "scope", false, "the key may not use this")                                      \
    X(CREDITS, 402, "insufficient_quota", false, "credits or budget are used up")                  \
    X(PAUSED, 403, "paused", false, "the key or tenant is paused")                                 \
    X(NO_ROUTE, 404, "not_found", false, "no such path")                                           \
    X(NO_MODEL, 404, "model_not_found", false, "no such model")                                    \
    X(BAD_METHOD, 405, "method_not_allowed", false, "the path does not take this method")          \
    X(CLIENT_SLOW, 408, "request_timeout", false, "the request did not arrive in time")            \
    X(CONFLICT, 409, "conflict", false, "it was changed meanwhile")                                \
    X(NO_LENGTH, 411, "length_required", false, "the request needs a Content-Length")              \
    X(BODY_TOO_BIG, 413, "request_too_large", false, "the body is larger than the limit")          \
    X(TARGET_TOO_BIG, 414, "uri_too_long", false, "the request target is too long")                \
    X(BAD_TYPE, 415, "unsupported_media_type", false, "the body must be plain application/json")   \
    X(EXPECT, 417, "expectation_failed", false, "leave out Expect, or say 100-continue alone")     \
    X(HEAD_TOO_BIG, 431, "headers_too_large", false, "the request head is too large")              \
    X(RATE, 429, "rate_limit_exceeded", false, "a limit of the tenant, key or gateway is reached") \
    X(NOT_DONE, 501, "not_supported", false, "this gateway does not support that")                 \
    X(BAD_VERSION, 505, "http_version", false, "only HTTP/1.0 and HTTP/1.1 are spoken here")       \
    X(CLIENT_GONE, 499, "client_gone", false, "the client left")                                   \
    X(CLIENT_STALLED, 499, "client_stalled", false, "the client stopped reading")                  \
    /* what a provider did */                                                                      \
    X(DNS, 502, "provider_dns", true, "the provider's name could not be resolved")                 \
    X(CONNECT, 502, "provider_connect", true, "the provider refused the connection")               \
    X(CONNECT_SLOW, 504, "provider_connect_timeout", true, "connecting took too long")             \
    X(TLS, 502, "provider_tls", true, "the TLS handshake with the provider failed")                \
    X(TLS_BROKEN, 502, "provider_tls_broken", true,                                                \
      "TLS with the provider failed after its handshake")                                          \
    X(TLS_VERIFY, 502, "provider_certificate", true, "the provider's certificate was refused")     \
    X(TLS_CUT, 502, "provider_tls_cut", true, "TLS ended without close_notify")                    \
    X(UP_RESET, 502, "provider_reset", true, "the provider reset the connection")                  \
    X(UP_CLOSED, 502, "provider_closed", true, "the provider closed before the answer was whole")  \
    X(UP_GARBAGE, 502, "provider_bad_answer", true,                                                \
      "the provider's answer is none of its protocol")                                             \
    X(UP_SILENT, 504, "provider_first_byte", true, "the provider did not answer in time")          \
    X(UP_IDLE, 504, "provider_idle", true, "the provider fell silent")                             \
    X(UP_STALLED, 504, "provider_stalled", true, "the provider stopped reading the request")       \
    X(UP_STREAM_ERROR, 502, "provider_error", true, "the provider answered with an error")         \
    X(UP_TOKEN, 502, "provider_token", true, "there is no access token for the provider")          \
    X(UP_REFUSED_US, 502, "provider_refused_key", true, "the provider refused our credentials")    \
    X(TOTAL, 504, "total_timeout", false, "the request took longer than allowed")                  \
    X(QUEUE_FULL, 429, "queue_full", false, "too many requests wait for this provider")            \
    X(QUEUE_SLOW, 429, "queue_timeout", false, "no connection to the provider came free in time")  \
    X(UP_FLAGGED, 400, "content_policy_violation", false,                                          \
      "the provider's moderation refused the prompt")                                              \
    X(UP_LIMITED, 429, "provider_limited", true, "the provider's own limit is reached")            \
    X(NO_PROVIDER, 503, "provider_unavailable", true, "no provider can be asked now")              \
    X(NO_TARGET, 400, "no_target", false, "no provider speaks this protocol for that model")       \
    /* ourselves */                                                                                \
    X(OVERLOAD, 503, "overloaded", true, "the gateway is at its limit")                            \
    X(STORE, 503, "store_down", true, "the store is away")                                         \
    X(STORE_DATA, 503, "store_data", false, "what the store holds for this can't be used")         \
    X(STOPPED, 503, "stopped", false, "an operator has ended the request")                         \
    X(DRAINING, 503, "draining", true, "the gateway is shutting down")                             \
    X(NO_MEMORY, 503, "out_of_memory", true, "the gateway is out of memory")                       \
    X(CEILING, 500, "ceiling", false, "an internal limit was reached")                             \
    X(CANCELLED, 0, "cancelled", false, "cancelled by the holder")                                 \
    X(IO, 500, "io", false, "a system call failed")                                                \
    X(CONFIG, 0, "configuration", false, "the configuration is not valid")                         \
    X(BUG, 500, "internal", false, "an internal error")

enum sl_err {
#define X(sym, status, name, retry, text) SL_ERR_##sym,
    SL_ERR_TABLE(X)
#undef X
        SL_ERR__COUNT
};
#define SL_OK SL_ERR_OK

int sl_err_status(enum sl_err e);
const char *sl_err_name(enum sl_err e);
const char *sl_err_text(enum sl_err e);
/* May another candidate be tried after this? */
bool sl_err_is_retryable(enum sl_err e);

#endif
