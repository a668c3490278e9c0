/* conf/parts/store.c -- where the store is, and what a request may ask of it. */
#include "conf/parts/parts.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "store/url.h"

#define URL_BYTES 4096
#define PREFIX_BYTES 32

/* ---- a password of its own ---- */

static void add_encoded(struct sl_text *t, struct sl_str s)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
            sl_text_byte(t, (char)c);
        } else {
            sl_text_byte(t, '%');
            sl_text_byte(t, digits[c >> 4]);
            sl_text_byte(t, digits[c & 15]);
        }
    }
}

static struct sl_str authority(struct sl_str url, size_t from)
{
    struct sl_str rest = sl_str_from(url, from);
    ptrdiff_t slash = sl_str_find_byte(rest, '/');

    return slash >= 0 ? sl_str_first(rest, (size_t)slash) : rest;
}

/* redis://host and redis://user@host, with the password where it belongs. Empty: the URL
 * has one already. */
static struct sl_str with_password(struct sl_build *b, struct sl_str url, struct sl_str password)
{
    ptrdiff_t scheme = sl_str_find(url, SL_STR("://")), at;
    char place[URL_BYTES];
    struct sl_text t = sl_text_over(place, sizeof(place));
    struct sl_str head, user, made;

    if (password.n == 0 || scheme < 0)
        return url;
    head = sl_str_first(url, (size_t)scheme + 3);
    user = authority(url, head.n);
    at = sl_str_find_byte(user, '@');
    user = sl_str_first(user, at >= 0 ? (size_t)at : 0);
    if (sl_str_find_byte(user, ':') >= 0)
        return (struct sl_str){"", 0};
    sl_text_add(&t, head);
    sl_text_add(&t, user);
    sl_text_byte(&t, ':');
    add_encoded(&t, password);
    sl_text_byte(&t, '@');
    sl_text_add(&t, sl_str_from(url, head.n + (at >= 0 ? (size_t)at + 1 : 0)));
    made = t.cut ? url : sl_build_dup(b, sl_text_str(&t));
    sl_mem_wipe(place, t.n);
    return made;
}

/* ---- addresses ---- */

static void check_redis(struct sl_build *b, const struct sl_node *n, const char *key,
                        struct sl_str url)
{
    struct sl_redis_url parts;
    bool other = strcmp(key, "url") == 0 && sl_str_find(url, SL_STR("redis")) != 0 &&
                 sl_str_find(url, SL_STR("unix:")) != 0;
    char why[256] = "";

    if (sl_redis_url_read(url, &parts, why, sizeof(why)) != SL_OK)
        sl_fault_add(b->faults, n, "store.%s: %s%s", key, why,
                     other ? "; without a Redis it is embedded:DIR, or is left out" : "");
    sl_mem_wipe(&parts, sizeof(parts));
}

static struct sl_str address(struct sl_build *b, const struct sl_node *store, const char *key)
{
    const struct sl_node *n = sl_node_get(store, key);
    struct sl_str url;

    if (n->text.n == 0 || sl_str_starts(n->text, SL_STR("embedded:")))
        return sl_build_dup(b, n->text);
    url = with_password(b, n->text, sl_node_text(store, "password"));
    if (url.n == 0)
        sl_fault_add(b->faults, n,
                     "store.%s: holds a password, and so does store.password; keep "
                     "one of them",
                     key);
    else
        check_redis(b, n, key, url);
    return sl_build_dup(b, url);
}

static void check_prefix(struct sl_build *b, const struct sl_node *n)
{
    bool good = n->text.n > 0 && n->text.n <= PREFIX_BYTES;

    for (size_t i = 0; i < n->text.n; i++) {
        char c = n->text.p[i];

        /* no brace: a tenant's keys have a hash tag of their own */
        good = good && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || strchr(":._-", c) != NULL);
    }
    if (!good)
        sl_fault_add(b->faults, n,
                     "store.prefix: takes 1 to %d letters, digits, colons, dots, dashes and "
                     "underscores",
                     PREFIX_BYTES);
}

/* Who starts finds out otherwise, and whoever reloads never does. */
static void check_trust(struct sl_build *b, const struct sl_node *file)
{
    struct sl_tls_client_conf client = {.ca_file = file->text.p, .verify = true};
    struct sl_tls_profile *made = NULL;
    char why[512] = "";

    if (file->text.n == 0 || b->origins == NULL || b->faults->n > 0)
        return;
    if (sl_tls_client_profile(&client, &made, why, sizeof why) != SL_OK)
        sl_fault_add(b->faults, file, "store.ca_file: %s", why);
    sl_tls_drop(&made);
}

static void check_state_dir(struct sl_build *b, const struct sl_node *dir)
{
    struct stat about;

    if (dir->text.n > 0 && b->origins != NULL && stat(dir->text.p, &about) == 0 &&
        !S_ISDIR(about.st_mode))
        sl_fault_add(b->faults, dir,
                     "store.state_dir: %.*s is a file; name a directory, made if "
                     "it is not there",
                     SL_STR_ARGS(sl_str_first(dir->text, 200)));
}

void sl_build_store(struct sl_build *b)
{
    const struct sl_node *store = sl_node_get(b->conf->root, "store");
    const struct sl_node *cache_url = sl_node_get(store, "cache_url");
    struct sl_store_conf *s = &b->made->store;

    s->url = address(b, store, "url");
    s->cache_url = address(b, store, "cache_url");
    s->state_dir = sl_build_dup(b, sl_node_text(store, "state_dir"));
    s->prefix = sl_build_dup(b, sl_node_text(store, "prefix"));
    s->ca_file = sl_build_dup(b, sl_node_text(store, "ca_file"));
    s->timeout_ms = sl_node_number(store, "timeout", 0);
    s->refuse = sl_node_number(store, "on_outage", 0) == 1;
    b->made->generations = sl_conf_number(b->conf, "store.generations") != 0;
    check_prefix(b, sl_node_get(store, "prefix"));
    check_trust(b, sl_node_get(store, "ca_file"));
    check_state_dir(b, sl_node_get(store, "state_dir"));
    if (sl_str_starts(cache_url->text, SL_STR("embedded:")))
        sl_fault_add(b->faults, cache_url,
                     "store.cache_url: must be a Redis; leave it out, the layer in memory is "
                     "always there");
    else if (cache_url->text.n > 0 && sl_str_starts(s->url, SL_STR("embedded:")))
        sl_fault_add(b->faults, cache_url,
                     "store.cache_url: needs a Redis as store.url, too; leave it out");
}
