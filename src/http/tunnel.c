/* http/tunnel.c -- CONNECT. */
#include "http/tunnel.h"

#include "base/mem.h"
#include "http/parse.h"

#include <stdio.h>

#define ANSWER_ARENA ((size_t)64 << 10)

struct tunnel {
    struct sl_dial_proxy proxy;
    size_t cap;
    char text[]; /* its host, and the hello */
};

static void write_hello(struct sl_text *t, const struct sl_origin_conf *c)
{
    bool six = sl_str_find_byte(c->host, ':') >= 0;
    char place[8];
    struct sl_text port = sl_text_over(place, sizeof(place));
    const struct sl_str where[] = {six ? SL_STR("[") : SL_STR(""), c->host,
                                   six ? SL_STR("]:") : SL_STR(":")};

    sl_text_u64(&port, c->port);
    for (int line = 0; line < 2; line++) {
        sl_text_add(t, line == 0 ? SL_STR("CONNECT ") : SL_STR("host: "));
        for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++)
            sl_text_add(t, where[i]);
        sl_text_add(t, sl_text_str(&port));
        sl_text_add(t, line == 0 ? SL_STR(" HTTP/1.1\r\n") : SL_STR("\r\n"));
    }
    sl_text_add(t, SL_STR("user-agent: sluice/" SL_VERSION "\r\n"));
    if (c->proxy.auth.n > 0) {
        sl_text_add(t, SL_STR("proxy-authorization: "));
        sl_text_add(t, c->proxy.auth);
        sl_text_add(t, SL_STR("\r\n"));
    }
    sl_text_add(t, SL_STR("\r\n"));
}

struct sl_dial_proxy *sl_tunnel_new(const struct sl_origin_conf *c)
{
    size_t cap = c->proxy.host.n + c->host.n * 2 + c->proxy.auth.n + 256;
    struct tunnel *t;
    struct sl_text text;

    if (c->proxy.port == 0)
        return NULL;
    t = sl_mem_new(sizeof(*t) + cap);
    t->cap = cap;
    text = sl_text_over(t->text, cap);
    sl_text_add(&text, c->proxy.host);
    write_hello(&text, c);
    SL_CHECK(!text.cut);
    t->proxy.host = sl_str_first(sl_text_str(&text), c->proxy.host.n);
    t->proxy.hello = sl_str_from(sl_text_str(&text), c->proxy.host.n);
    t->proxy.port = c->proxy.port;
    t->proxy.read = sl_tunnel_read;
    return &t->proxy;
}

void sl_tunnel_end(struct sl_dial_proxy **pp)
{
    struct tunnel *t;

    if (*pp == NULL)
        return;
    t = SL_CONTAINER(*pp, struct tunnel, proxy);
    *pp = NULL;
    sl_mem_wipe(t->text, t->cap);
    sl_mem_free(t);
}

static enum sl_dial_word refused(int status, char *why, size_t cap)
{
    const char *means = status == 407 ? "it wants user and password, or others; they stand in the "
                                        "URL that `proxy` or HTTPS_PROXY gives"
                        : status == 403 ? "it does not allow the way to this provider"
                        : status >= 500 ? "it does not reach the provider"
                                        : "it does not open the way";

    snprintf(why, cap, "%s (its answer is %d)", means, status);
    return SL_DIAL_REFUSED;
}

static enum sl_dial_word garbage(char *why, size_t cap)
{
    snprintf(why, cap, "its answer is not HTTP; is this the address of an HTTP proxy?");
    return SL_DIAL_REFUSED;
}

/* The first head that is no 1xx. */
static enum sl_dial_word read_heads(struct sl_parse *p, struct sl_arena *a, struct sl_str *in,
                                    int *status)
{
    struct sl_answer_head head;
    struct sl_str piece;

    for (int i = 0; i < SL_TUNNEL_HINTS; i++) {
        switch (sl_parse_next(p, in, &piece)) {
        case SL_PARSE_MORE: return SL_DIAL_MORE;
        case SL_PARSE_HEAD: break;
        case SL_PARSE_BODY:
        case SL_PARSE_END:
        case SL_PARSE_FAIL: return SL_DIAL_REFUSED;
        }
        if (sl_parse_answer(p, a, true, &head) != SL_OK || head.status == 101)
            return SL_DIAL_REFUSED;
        *status = head.status;
        if (head.status >= 200)
            return SL_DIAL_OPEN;
        sl_parse_again(p);
    }
    return SL_DIAL_REFUSED;
}

enum sl_dial_word sl_tunnel_read(struct sl_str came, size_t *used, char *why, size_t cap)
{
    static const struct sl_str begin = SL_STR_INIT("HTTP/1.");
    struct sl_str in = came;
    struct sl_parse p;
    struct sl_arena a;
    enum sl_dial_word word;
    int status = 0;

    if (!sl_str_starts(begin, sl_str_first(came, begin.n)))
        return garbage(why, cap);
    if (sl_str_find(came, SL_STR("\r\n\r\n")) < 0)
        return SL_DIAL_MORE; /* a slow answer is not read from its beginning each time */
    sl_parse_init(&p, false);
    sl_arena_init(&a, ANSWER_ARENA);
    word = read_heads(&p, &a, &in, &status);
    sl_parse_fini(&p);
    sl_arena_fini(&a);
    *used = came.n - in.n;
    if (word == SL_DIAL_MORE)
        return word;
    if (word == SL_DIAL_REFUSED)
        return garbage(why, cap);
    return status < 300 ? SL_DIAL_OPEN : refused(status, why, cap);
}
