/* cli/proxied.c -- providers by the proxy that the environment gives them. */
#include "cli/proxied.h"

#include "base/log.h"
#include "base/text.h"

#define NAMED 12 /* providers in a line; of the rest their number is said */

static bool is_alike(const struct sl_provider *a, const struct sl_provider *b)
{
    return b->proxy_from != NULL && strcmp(a->proxy_from, b->proxy_from) == 0 &&
           sl_str_eq(a->proxy, b->proxy);
}

static bool is_first(const struct sl_gateway_conf *c, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (is_alike(&c->providers[at], &c->providers[i]))
            return false;
    return true;
}

static void write_line(const struct sl_gateway_conf *c, size_t at, struct sl_text *t)
{
    const struct sl_provider *p = &c->providers[at];
    size_t n = 0;

    sl_text_printf(t, "by %.*s, from %s: ", SL_STR_ARGS(p->proxy), p->proxy_from);
    for (size_t i = at; i < c->providers_n; i++)
        if (is_alike(p, &c->providers[i]) && n++ < NAMED)
            sl_text_printf(t, "%s%.*s", n > 1 ? ", " : "", SL_STR_ARGS(c->providers[i].name));
    if (n > NAMED)
        sl_text_printf(t, " and %zu more", n - NAMED);
    sl_text_printf(t, " (NO_PROXY or proxy: none keeps a provider off it)");
}

bool sl_proxied_line(const struct sl_gateway_conf *c, size_t *at, char *out, size_t cap)
{
    struct sl_text t = sl_text_over(out, cap - 1);

    while (*at < c->providers_n && (c->providers[*at].proxy_from == NULL || !is_first(c, *at)))
        ++*at;
    if (*at == c->providers_n)
        return false;
    write_line(c, (*at)++, &t);
    out[t.n] = '\0';
    return true;
}

void sl_proxied_log(const struct sl_gateway_conf *c)
{
    char line[SL_PROXIED_LINE];

    for (size_t at = 0; sl_proxied_line(c, &at, line, sizeof(line));)
        sl_log(SL_LOG_INFO, "cli", SL_STR(""), "providers are reached %s", line);
}
