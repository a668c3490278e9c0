/* conf/origins.c -- a list of origins by identity; one entry a provider. */
#include "conf/origins.h"

#include "base/mem.h"
#include "net/file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define PEM_MAX ((size_t)16 << 20)

struct entry {
    struct sl_list node;
    uint8_t identity[32];
    struct sl_origin *origin;     /* shared */
    struct sl_tls_profile *tls;   /* shared: NULL for http */
    struct sl_origin_conf wanted; /* of the build under way */
    char *name;                   /* owns: wanted's texts */
    char *host;                   /* owns */
    char *proxy;                  /* owns: its host */
    bool taken;                   /* by the build under way */
    bool fresh;                   /* made by it */
};

struct sl_origins {
    struct sl_net *net; /* up */
    struct sl_list entries;
};

struct sl_origins *sl_origins_new(struct sl_net *net)
{
    struct sl_origins *o = sl_mem_new(sizeof(*o));

    o->net = net;
    sl_list_init(&o->entries);
    return o;
}

static void entry_end(struct entry *e)
{
    sl_list_unlink(&e->node);
    sl_origin_drop(&e->origin);
    sl_tls_drop(&e->tls);
    sl_mem_free(e->name);
    sl_mem_free(e->host);
    sl_mem_free(e->proxy);
    sl_mem_free(e);
}

void sl_origins_end(struct sl_origins **po)
{
    struct sl_origins *o = *po;

    *po = NULL;
    if (o == NULL)
        return;
    while (!sl_list_is_empty(&o->entries))
        entry_end(SL_CONTAINER(o->entries.next, struct entry, node));
    sl_mem_free(o);
}

/* A file by its content, so that a renewed CA or CRL makes a new origin. False: there was
 * no memory to read it; what else is wrong with it, the profile will say. */
static bool digest_file(const char *path, uint8_t out[32])
{
    size_t n = 0;
    char *p = path != NULL && path[0] != '\0' ? sl_file_load(path, PEM_MAX, &n) : NULL;

    if (p == NULL && path != NULL && path[0] != '\0' && errno == ENOMEM)
        return false;
    sl_tls_sha256((struct sl_str){p != NULL ? p : "", n}, out);
    sl_mem_free(p);
    return true;
}

/* The system's store is long, and each provider's: by what says that it was written anew. */
static void digest_system_store(uint8_t out[32])
{
    const char *path = sl_tls_system_store();
    struct stat st = {0};
    char text[512];
    int n;

    (void)stat(path, &st);
    n = snprintf(text, sizeof text, "%jd %jd %jd.%09ld %s", (intmax_t)st.st_ino,
                 (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, path);
    sl_tls_sha256((struct sl_str){text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1},
                  out);
}

static bool digest_ca(const struct sl_tls_client_conf *tls, uint8_t out[32])
{
    if (tls->ca_file != NULL && tls->ca_file[0] != '\0')
        return digest_file(tls->ca_file, out);
    digest_system_store(out);
    return true;
}

static bool identify(const struct sl_origin_conf *c, const struct sl_tls_client_conf *tls,
                     uint8_t out[32])
{
    char text[2048], ca[65] = "", crl[65] = "", auth[65] = "";
    uint8_t digest[32];
    int n;

    if (tls != NULL) {
        if (!digest_ca(tls, digest))
            return false;
        sl_str_hex(digest, 32, ca);
        if (!digest_file(tls->crl_file, digest))
            return false;
        sl_str_hex(digest, 32, crl);
    }
    sl_tls_sha256(c->proxy.auth, digest);
    sl_str_hex(digest, 32, auth);
    n = snprintf(text, sizeof(text), "%.*s|%.*s|%u|%.*s|%u|%s|%s|%d|%s|%s|%s", SL_STR_ARGS(c->name),
                 SL_STR_ARGS(c->host), c->port, SL_STR_ARGS(c->proxy.host), c->proxy.port, auth,
                 tls != NULL ? "tls" : "plain", tls != NULL && tls->verify,
                 tls != NULL ? tls->server_name : "", ca, crl);
    sl_tls_sha256((struct sl_str){text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1},
                  out);
    return true;
}

static struct entry *find(struct sl_origins *o, const uint8_t identity[32])
{
    for (struct sl_list *at = o->entries.next; at != &o->entries; at = at->next) {
        struct entry *e = SL_CONTAINER(at, struct entry, node);

        if (memcmp(e->identity, identity, sizeof(e->identity)) == 0)
            return e;
    }
    return NULL;
}

static void remember(struct entry *e, const struct sl_origin_conf *conf)
{
    sl_mem_free(e->name);
    sl_mem_free(e->host);
    sl_mem_free(e->proxy);
    e->name = sl_mem_dup(conf->name);
    e->host = sl_mem_dup(conf->host);
    e->proxy = sl_mem_dup(conf->proxy.host);
    e->wanted = *conf;
    e->wanted.name.p = e->name;
    e->wanted.host.p = e->host;
    e->wanted.proxy.host.p = e->proxy;
    e->wanted.proxy.auth = (struct sl_str){"", 0}; /* the origin has it */
    e->wanted.tls = e->tls;
    e->taken = true;
}

struct sl_origin *sl_origins_take(struct sl_origins *o, const struct sl_origin_conf *conf,
                                  const struct sl_tls_client_conf *tls, char *why, size_t cap)
{
    struct sl_tls_profile *profile = NULL;
    struct sl_origin_conf first;
    uint8_t identity[32];
    struct entry *e;

    if (!identify(conf, tls, identity)) {
        snprintf(why, cap, "not enough memory to read its certificates; free some, and try again");
        return NULL;
    }
    e = find(o, identity);
    if (e != NULL) {
        remember(e, conf);
        return sl_origin_share(e->origin);
    }
    if (tls != NULL && sl_tls_client_profile(tls, &profile, why, cap) != SL_OK)
        return NULL;
    e = sl_mem_new(sizeof(*e));
    memcpy(e->identity, identity, sizeof(e->identity));
    e->tls = profile;
    e->fresh = true;
    remember(e, conf);
    first = e->wanted;
    first.proxy.auth = conf->proxy.auth;
    e->origin = sl_origin_new(o->net, &first);
    sl_list_push_back(&o->entries, &e->node);
    return sl_origin_share(e->origin);
}

static void settle(struct sl_origins *o, bool commit)
{
    struct sl_list *at = o->entries.next;

    while (at != &o->entries) {
        struct entry *e = SL_CONTAINER(at, struct entry, node);

        at = at->next;
        if (commit ? !e->taken : e->fresh) {
            entry_end(e);
            continue;
        }
        if (commit && !e->fresh)
            sl_origin_reconfigure(e->origin, &e->wanted);
        e->taken = e->fresh = false;
    }
}

void sl_origins_commit(struct sl_origins *o)
{
    settle(o, true);
}

void sl_origins_revert(struct sl_origins *o)
{
    settle(o, false);
}
