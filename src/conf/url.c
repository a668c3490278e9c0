/* conf/url.c -- http and https URLs without user, query and fragment. */
#include "conf/url.h"

#include <arpa/inet.h>

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

static const char *take_host(struct sl_str *rest, struct sl_url *out)
{
    size_t n = 0;

    if (rest->n > 0 && rest->p[0] == '[') {
        ptrdiff_t close = sl_str_find_byte(*rest, ']');

        if (close < 3)
            return "the IPv6 address needs its closing bracket";
        out->host = (struct sl_str){rest->p + 1, (size_t)close - 1};
        for (size_t i = 0; i < out->host.n; i++)
            if (strchr("0123456789abcdefABCDEF:.", out->host.p[i]) == NULL)
                return "the IPv6 address is not valid";
        *rest = sl_str_from(*rest, (size_t)close + 1);
        return NULL;
    }
    while (n < rest->n && is_host_byte(rest->p[n]))
        n++;
    if (n == 0 || n > 253)
        return "it needs a host name";
    out->host = sl_str_first(*rest, n);
    *rest = sl_str_from(*rest, n);
    return NULL;
}

static const char *take_path(struct sl_str rest, struct sl_url *out)
{
    for (size_t i = 0; i < rest.n; i++) {
        char c = rest.p[i];

        if (c == '?' || c == '#')
            return "it must not have a query or fragment (use `query`)";
        if (c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c) != NULL)
            return "its path holds a character that must be percent-encoded";
    }
    if (rest.n > 0 && rest.p[0] != '/')
        return "behind host and port comes a path that begins with /";
    while (rest.n > 0 && rest.p[rest.n - 1] == '/')
        rest.n--;
    if (rest.n > 1024)
        return "its path is too long";
    out->path = rest;
    return NULL;
}

const char *sl_url_parse(struct sl_str text, struct sl_url *out)
{
    struct sl_str rest = text;
    const char *wrong, *start;
    uint64_t port = 0;

    *out = (struct sl_url){.tls = true};
    if (sl_str_starts_nocase(rest, SL_STR("https://"))) {
        rest = sl_str_from(rest, 8);
    } else if (sl_str_starts_nocase(rest, SL_STR("http://"))) {
        out->tls = false;
        rest = sl_str_from(rest, 7);
    } else {
        return "it must begin with https:// or http://";
    }
    start = rest.p;
    wrong = take_host(&rest, out);
    if (wrong != NULL)
        return wrong;
    out->port = out->tls ? 443 : 80;
    out->authority = (struct sl_str){start, (size_t)(rest.p - start)};
    if (rest.n > 0 && rest.p[0] == '@')
        return "it must not hold a user or password (use `keys`)";
    if (rest.n > 0 && rest.p[0] == ':') {
        size_t n = 1;

        while (n < rest.n && rest.p[n] != '/')
            n++;
        if (!sl_str_to_u64((struct sl_str){rest.p + 1, n - 1}, &port) || port == 0 || port > 65535)
            return "its port must be a number between 1 and 65535";
        rest = sl_str_from(rest, n);
        if (port != out->port)
            out->authority.n = (size_t)(rest.p - start);
        out->port = (uint16_t)port;
    }
    return take_path(rest, out);
}

/* An address of 127.0.0.0/8, and no name that begins so. */
static bool is_loopback(struct sl_str host)
{
    struct in_addr address;
    char text[INET_ADDRSTRLEN];

    if (host.n >= sizeof(text))
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool sl_url_is_own_host(struct sl_str host)
{
    return sl_str_eq_nocase(host, SL_STR("localhost")) || is_loopback(host) ||
           sl_str_eq(host, SL_STR("::1"));
}
