/* conf/proxy.c -- proxies: their URLs, the environment's variables. */
#include "conf/proxy.h"

#include "base/base64.h"
#include "base/mem.h"
#include "conf/fit.h"
#include "conf/url.h"

#include <arpa/inet.h>

#define PAIR_MAX 1024 /* bytes of user and password */

static const struct sl_str none = SL_STR_INIT("none");
static const struct sl_str http = SL_STR_INIT("http://");

/* ---- NO_PROXY ---- */

struct address {
    unsigned char bytes[16];
    unsigned n; /* 4 or 16; 0: it is none */
};

static struct address address_of(struct sl_str s)
{
    char text[INET6_ADDRSTRLEN];
    struct address a = {.n = 0};

    if (s.n == 0 || s.n >= sizeof(text))
        return a;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (inet_pton(AF_INET, text, a.bytes) == 1)
        a.n = 4;
    else if (inet_pton(AF_INET6, text, a.bytes) == 1)
        a.n = 16;
    return a;
}

static bool is_in_network(struct sl_str net, struct sl_str bits, const struct address *a)
{
    struct address b = address_of(net);
    uint64_t n = 0;

    if (b.n == 0 || b.n != a->n || !sl_str_to_u64(bits, &n) || n > (uint64_t)b.n * 8)
        return false;
    if (memcmp(a->bytes, b.bytes, n / 8) != 0)
        return false;
    return n % 8 == 0 || ((a->bytes[n / 8] ^ b.bytes[n / 8]) >> (8 - n % 8)) == 0;
}

/* Takes `:port` and the brackets of an IPv6 address off. False: for another port. */
static bool take_port(struct sl_str *e, uint16_t port)
{
    struct sl_str text = {NULL, 0};
    ptrdiff_t at;
    uint64_t wanted = 0;

    if (e->n > 0 && e->p[0] == '[') {
        at = sl_str_find_byte(*e, ']');
        if (at < 0)
            return false;
        text = sl_str_from(*e, (size_t)at + 1);
        *e = (struct sl_str){e->p + 1, (size_t)at - 1};
    } else {
        at = sl_str_find_byte(*e, ':');
        if (at < 0 || sl_str_find_byte(sl_str_from(*e, (size_t)at + 1), ':') >= 0)
            return true; /* no port; or an IPv6 address */
        text = sl_str_from(*e, (size_t)at);
        *e = sl_str_first(*e, (size_t)at);
    }
    return text.n == 0 ||
           (text.p[0] == ':' && sl_str_to_u64(sl_str_from(text, 1), &wanted) && wanted == port);
}

static bool is_named(struct sl_str e, struct sl_str host)
{
    struct sl_str tail;

    if (sl_str_starts(e, SL_STR("*.")))
        e = sl_str_from(e, 1);
    if (e.n == 0 || e.n > host.n)
        return false;
    if (e.n == host.n)
        return sl_str_eq_nocase(e, host);
    tail = sl_str_from(host, host.n - e.n);
    return sl_str_eq_nocase(tail, e) && (e.p[0] == '.' || tail.p[-1] == '.');
}

static bool is_exempt_by(struct sl_str e, struct sl_str host, uint16_t port)
{
    struct address a = address_of(host), b;
    ptrdiff_t slash = sl_str_find_byte(e, '/');

    if (sl_str_eq(e, SL_STR("*")))
        return true;
    if (slash >= 0)
        return a.n > 0 &&
               is_in_network(sl_str_first(e, (size_t)slash), sl_str_from(e, (size_t)slash + 1), &a);
    if (!take_port(&e, port))
        return false;
    b = address_of(e);
    if (a.n > 0 || b.n > 0)
        return a.n == b.n && memcmp(a.bytes, b.bytes, a.n) == 0;
    return is_named(e, host);
}

bool sl_proxy_is_exempt(struct sl_str list, struct sl_str host, uint16_t port)
{
    size_t n;

    if (host.n > 0 && host.p[host.n - 1] == '.')
        host.n--; /* example.com. is example.com */
    while (list.n > 0) {
        n = 0;
        while (n < list.n && list.p[n] != ',' && list.p[n] != ' ' && list.p[n] != '\t')
            n++;
        if (n > 0 && is_exempt_by(sl_str_first(list, n), host, port))
            return true;
        list = sl_str_from(list, n + 1);
    }
    return false;
}

/* ---- the environment ---- */

/* The first that is set and not empty. */
static struct sl_str variable(const struct sl_env *env, const char *lower, const char *upper,
                              const char **name)
{
    const char *z = sl_env_get(env, lower);

    *name = lower;
    if (z == NULL || z[0] == '\0') {
        z = sl_env_get(env, upper);
        *name = upper;
    }
    return sl_str_trim(sl_str_of(z != NULL ? z : ""));
}

static struct sl_str found(struct sl_tree *t, const struct sl_env *env, const struct sl_url *url,
                           const char **name)
{
    struct sl_str no = variable(env, "no_proxy", "NO_PROXY", name), text;
    const char *which = NULL;

    *name = NULL;
    if (sl_url_is_own_host(url->host) || sl_proxy_is_exempt(no, url->host, url->port))
        return sl_tree_dup(t->arena, none);
    text = url->tls ? variable(env, "https_proxy", "HTTPS_PROXY", &which)
                    : variable(env, "http_proxy", "HTTP_PROXY", &which);
    if (text.n > 0 && !sl_str_eq(text, none))
        *name = which;
    if (text.n == 0 || sl_str_find(text, SL_STR("://")) >= 0)
        return sl_tree_dup(t->arena, text.n == 0 ? none : text);
    text = sl_arena_printf(t->arena, "http://%.*s", SL_STR_ARGS(text));
    return text.p != NULL ? text : SL_STR(""); /* without memory: that will be said */
}

void sl_proxy_fill(struct sl_tree *t, const struct sl_env *env, struct sl_node *root)
{
    const struct sl_node *list = sl_node_get(root, "providers");

    for (struct sl_node *map = list != NULL ? list->first : NULL; map != NULL; map = map->next) {
        struct sl_node *n = sl_node_get(map, "proxy");
        struct sl_url url;

        if (n == NULL || n->text.n > 0)
            continue;
        /* an address that is wrong is a fault later on */
        if (n->implied && sl_url_parse(sl_node_text(map, "base_url"), &url) == NULL)
            n->text = found(t, env, &url, &n->variable);
        else
            n->text = sl_tree_dup(t->arena, none); /* it is overwritten in the end */
        sl_fit_show_address(t->arena, n);
    }
}

/* ---- a URL ---- */

/* Percent-decoded, behind what is there. False: not encoded well, or too long. */
static bool add_decoded(char *out, size_t *n, struct sl_str s)
{
    uint8_t byte;

    for (size_t i = 0; i < s.n; i++) {
        if (*n == PAIR_MAX)
            return false;
        if (s.p[i] != '%') {
            out[(*n)++] = s.p[i];
            continue;
        }
        if (s.n - i < 3 || !sl_str_unhex((struct sl_str){s.p + i + 1, 2}, &byte, 1))
            return false;
        out[(*n)++] = (char)byte;
        i += 2;
    }
    return true;
}

/* RFC 7617: base64 of user, colon, password. */
static bool write_auth(struct sl_str pair, char *auth, struct sl_str *out)
{
    char plain[PAIR_MAX + 1];
    ptrdiff_t colon = sl_str_find_byte(pair, ':');
    size_t user = colon < 0 ? pair.n : (size_t)colon, n = 0;
    bool ok = add_decoded(plain, &n, sl_str_first(pair, user));

    if (ok) {
        plain[n++] = ':';
        ok = n < PAIR_MAX && add_decoded(plain, &n, sl_str_from(pair, user + 1));
    }
    if (ok) {
        memcpy(auth, "Basic ", 6);
        *out = (struct sl_str){auth, 6 + sl_base64_encode((const uint8_t *)plain, n, auth + 6)};
    }
    sl_mem_wipe(plain, sizeof(plain));
    return ok;
}

static const char *parse_place(struct sl_str place, struct sl_origin_proxy *out)
{
    char text[512];
    struct sl_text t = sl_text_over(text, sizeof(text));
    struct sl_url url;

    sl_text_add(&t, http);
    sl_text_add(&t, place);
    if (t.cut || sl_url_parse(sl_text_str(&t), &url) != NULL || url.path.n > 0)
        return "must be http://host:port, with user:password@ before the host if it wants them";
    if (sl_str_find_byte(sl_str_from(place, url.host.n), ':') < 0)
        return "needs its port, as in http://proxy.example:3128";
    out->host = (struct sl_str){place.p + ((size_t)(url.host.p - text) - http.n), url.host.n};
    out->port = url.port;
    return NULL;
}

const char *sl_proxy_parse(struct sl_str text, char *auth, struct sl_origin_proxy *out)
{
    struct sl_str place;
    ptrdiff_t at = -1;

    *out = (struct sl_origin_proxy){.host = SL_STR(""), .auth = SL_STR("")};
    if (text.n == 0 || sl_str_eq(text, none))
        return NULL;
    if (!sl_str_starts_nocase(text, http))
        return "must begin with http://, or be none; a proxy that is itself reached by TLS or "
               "SOCKS is not supported";
    place = sl_str_from(text, http.n);
    for (size_t i = 0; i < place.n; i++)
        if (place.p[i] == '@')
            at = (ptrdiff_t)i;
    if (at >= 0 && !write_auth(sl_str_first(place, (size_t)at), auth, &out->auth))
        return "user and password must be percent-encoded, and at most 1000 bytes";
    return parse_place(sl_str_from(place, (size_t)(at + 1)), out);
}
