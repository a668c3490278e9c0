/* The token endpoint's request, and its answer. */
#include "gateway/tokens/grant.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/grow.h"
#include "base/json.h"
#include "base/mem.h"
#include "http/message.h"

#define REQUEST_MAX ((size_t)128 << 10)

void sl_grant_forget(struct sl_str *text)
{
    union {
        const char *from;
        char *to;
    } p = {text->p};

    if (p.to != NULL)
        sl_mem_wipe(p.to, text->n);
    sl_mem_free(p.to);
    *text = (struct sl_str){NULL, 0};
}

void sl_grant_fini(struct sl_grant *g)
{
    sl_grant_forget(&g->token);
    sl_grant_forget(&g->refresh);
}

/* ---- the request ---- */

/* application/x-www-form-urlencoded, with every byte that could mean something written
 * as %XX. */
static void add_encoded(struct sl_grow *g, struct sl_str s)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '~') {
            sl_grow_byte(g, (char)c);
            continue;
        }
        sl_grow_byte(g, '%');
        sl_grow_byte(g, digits[c >> 4]);
        sl_grow_byte(g, digits[c & 15]);
    }
}

static void add_field(struct sl_grow *g, struct sl_str name, struct sl_str value)
{
    if (value.n == 0)
        return;
    if (g->n > 0)
        sl_grow_byte(g, '&');
    sl_grow_add(g, name);
    sl_grow_byte(g, '=');
    add_encoded(g, value);
}

static void write_body(struct sl_grow *g, const struct sl_oauth *o, struct sl_str refresh)
{
    bool refreshes = refresh.n > 0;

    add_field(g, SL_STR("grant_type"),
              refreshes ? SL_STR("refresh_token") : SL_STR("client_credentials"));
    add_field(g, SL_STR("refresh_token"), refresh);
    if (!o->basic) {
        add_field(g, SL_STR("client_id"), o->client_id);
        add_field(g, SL_STR("client_secret"), o->client_secret);
    }
    add_field(g, SL_STR("scope"), o->scope);
    if (o->params.n > 0) {
        sl_grow_byte(g, '&');
        sl_grow_add(g, o->params);
    }
}

/* RFC 6749 section 2.3.1: both halves are encoded as in a form before they are joined. */
static void add_basic(struct sl_grow *g, const struct sl_oauth *o)
{
    struct sl_grow pair;
    char *room;

    sl_grow_init(&pair, REQUEST_MAX / 4);
    add_encoded(&pair, o->client_id);
    sl_grow_byte(&pair, ':');
    add_encoded(&pair, o->client_secret);
    sl_grow_add(g, SL_STR("authorization: Basic "));
    room = pair.err == SL_OK ? sl_grow_room(g, SL_BASE64_ROOM(pair.n)) : NULL;
    if (room != NULL)
        g->n += sl_base64_encode((const uint8_t *)pair.p, pair.n, room);
    else if (g->err == SL_OK)
        g->err = pair.err;
    sl_grow_add(g, SL_STR("\r\n"));
    if (pair.p != NULL)
        sl_mem_wipe(pair.p, pair.n);
    sl_grow_fini(&pair);
}

static void write_request(struct sl_grow *g, const struct sl_oauth *o, struct sl_str body)
{
    sl_grow_add(g, SL_STR("POST "));
    sl_grow_add(g, o->path);
    sl_grow_add(g, SL_STR(" HTTP/1.1\r\nhost: "));
    sl_grow_add(g, o->host_header);
    sl_grow_add(g, SL_STR("\r\ncontent-type: application/x-www-form-urlencoded\r\n"
                          "accept: application/json\r\naccept-encoding: identity\r\n"
                          "user-agent: sluice/" SL_VERSION "\r\n"));
    if (o->basic)
        add_basic(g, o);
    sl_grow_add(g, SL_STR("content-length: "));
    sl_grow_u64(g, body.n);
    sl_grow_add(g, SL_STR("\r\n\r\n"));
    sl_grow_add(g, body);
}

static void wipe(struct sl_grow *g)
{
    if (g->p != NULL)
        sl_mem_wipe(g->p, g->n);
    sl_grow_fini(g);
}

struct sl_str sl_grant_request(const struct sl_oauth *o, struct sl_str refresh)
{
    struct sl_grow body, whole;
    struct sl_str out;

    sl_grow_init(&body, REQUEST_MAX / 2);
    sl_grow_init(&whole, REQUEST_MAX);
    write_body(&body, o, refresh);
    write_request(&whole, o, sl_grow_str(&body));
    out = sl_grow_str(&whole);
    if (body.err != SL_OK || whole.err != SL_OK) {
        wipe(&whole);
        out = (struct sl_str){NULL, 0};
    }
    wipe(&body);
    return out;
}

/* ---- the answer ---- */

static bool is_json(struct sl_str body)
{
    struct sl_json j;
    bool ok;

    sl_json_init(&j);
    j.need_object = true;
    j.check_repeats = true;
    ok = sl_json_feed(&j, body) == SL_OK && sl_json_finish(&j) == SL_OK;
    sl_json_fini(&j);
    return ok;
}

/* One line that may stand in a header, as a block of its own; .p NULL: it is not that. */
static struct sl_str take_secret(struct sl_str body, struct sl_str name)
{
    struct sl_str raw = sl_json_get(body, name), out = {NULL, 0};
    char *p;
    size_t n = 0;

    if (raw.p == NULL || raw.n > SL_GRANT_TOKEN_MAX)
        return out;
    p = sl_mem_try(raw.n + 1);
    if (p == NULL)
        return out;
    out = (struct sl_str){p, raw.n};
    if (!sl_json_unescape(raw, p, raw.n, &n) || n == 0 ||
        !sl_headers_value_ok((struct sl_str){p, n}))
        sl_grant_forget(&out);
    else
        out.n = n;
    return out;
}

/* The endpoint's word for what is wrong: RFC 6749 allows few characters, we fewer. */
static void read_error(struct sl_str body, char out[64])
{
    struct sl_str raw;
    char word[48];
    size_t n = 0;

    out[0] = '\0';
    if (!is_json(body))
        return;
    raw = sl_json_get(body, SL_STR("error"));
    if (raw.p == NULL || !sl_json_unescape(raw, word, sizeof word, &n) || n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (!((word[i] >= 'a' && word[i] <= 'z') || word[i] == '_'))
            return;
    snprintf(out, 64, ": %.*s", (int)n, word);
}

/* Some write the number as a text. */
static uint64_t lives_ms(struct sl_str body)
{
    struct sl_str raw = sl_json_get(body, SL_STR("expires_in"));
    uint64_t s;

    if (raw.p != NULL && raw.n > 2 && sl_json_type_of(raw) == SL_JSON_STRING)
        raw = (struct sl_str){raw.p + 1, raw.n - 2};
    if (raw.p == NULL || !sl_str_to_u64(raw, &s))
        return SL_GRANT_LIVES_MS;
    return (s < SL_GRANT_LIVES_MAX_S ? s : SL_GRANT_LIVES_MAX_S) * 1000;
}

static bool is_bearer(struct sl_str body)
{
    struct sl_str raw = sl_json_get(body, SL_STR("token_type"));

    return raw.p == NULL || sl_str_eq_nocase(raw, SL_STR("\"bearer\""));
}

bool sl_grant_read(int status, struct sl_str body, struct sl_grant *out, char *why, size_t cap)
{
    char word[64];

    *out = (struct sl_grant){.lives_ms = 0};
    if (status != 200) {
        read_error(body, word);
        snprintf(why, cap, "its token endpoint answered %d%s", status, word);
        return false;
    }
    if (!is_json(body)) {
        snprintf(why, cap, "its token endpoint's answer is not JSON");
        return false;
    }
    if (!is_bearer(body)) {
        snprintf(why, cap, "its token endpoint gives tokens of another type than Bearer");
        return false;
    }
    out->token = take_secret(body, SL_STR("access_token"));
    out->refresh = take_secret(body, SL_STR("refresh_token"));
    out->lives_ms = lives_ms(body);
    if (out->token.p != NULL && out->lives_ms > 0)
        return true;
    sl_grant_fini(out);
    snprintf(why, cap, "its token endpoint's answer holds no access token that can be used");
    return false;
}
