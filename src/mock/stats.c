/* mock/stats.c -- counts and the last request as JSON. */
#include "mock/stats.h"

#include "base/mem.h"
#include "base/text.h"
#include "net/tls.h"

#define BODY_SHOWN (1 << 20)

void sl_stats_reset(struct sl_stats *s)
{
    s->accepted = s->requests = s->aborted = 0;
    s->tokens_before += s->tokens;
    s->tokens = 0;
    s->head_n = s->body_n = 0;
}

void sl_stats_fini(struct sl_stats *s)
{
    sl_mem_free(s->last);
    s->last = NULL;
}

static void write_last(const struct sl_stats *s, struct sl_text *t)
{
    struct sl_str body = {s->last + s->head_n, s->body_n};
    struct sl_wire_head head;
    uint8_t sha[32];
    char hex[64];

    if (s->head_n == 0 ||
        sl_wire_head((struct sl_str){s->last, s->head_n}, &head) != SL_WIRE_WHOLE) {
        sl_text_add(t, SL_STR("null"));
        return;
    }
    sl_tls_sha256(body, sha);
    sl_str_hex(sha, sizeof(sha), hex);
    sl_text_add(t, SL_STR("{\"method\":"));
    sl_text_json(t, head.method, 0);
    sl_text_add(t, SL_STR(",\"target\":"));
    sl_text_json(t, head.target, 0);
    sl_text_add(t, SL_STR(",\"headers\":["));
    for (size_t i = 0; i < head.n; i++) {
        sl_text_add(t, i > 0 ? SL_STR(",[") : SL_STR("["));
        sl_text_json(t, head.headers[i].name, 0);
        sl_text_byte(t, ',');
        sl_text_json(t, head.headers[i].value, 0);
        sl_text_byte(t, ']');
    }
    sl_text_printf(t, "],\"body_bytes\":%zu,\"body_sha256\":\"%.64s\",\"body\":", body.n, hex);
    sl_text_json(t, sl_str_first(body, BODY_SHOWN), 0);
    sl_text_byte(t, '}');
}

struct sl_str sl_stats_json(const struct sl_stats *s, struct sl_arena *a)
{
    size_t shown = s->body_n < BODY_SHOWN ? s->body_n : BODY_SHOWN;
    size_t cap = 8192 + 6 * (s->head_n + shown + s->token_asked_n);
    char *p = sl_arena_alloc(a, cap);

    if (p == NULL)
        return (struct sl_str){NULL, 0};
    struct sl_text t = sl_text_over(p, cap);
    sl_text_printf(&t,
                   "{\"requests\":%llu,\"accepted\":%llu,\"open_connections\":%zu,"
                   "\"open_streams\":%zu,\"aborted\":%llu,\"tokens\":%llu,\"token_asked\":",
                   (unsigned long long)s->requests, (unsigned long long)s->accepted,
                   s->open_connections, s->open_streams, (unsigned long long)s->aborted,
                   (unsigned long long)s->tokens);
    sl_text_json(&t, (struct sl_str){s->token_asked, s->token_asked_n}, 0);
    sl_text_add(&t, SL_STR(",\"last_request\":"));
    write_last(s, &t);
    sl_text_byte(&t, '}');
    return t.cut ? (struct sl_str){NULL, 0} : sl_text_str(&t);
}
