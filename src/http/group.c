/* http/group.c -- the instances of a provider: told, chosen, let go. */
#include "http/group.h"

#include <stdio.h>

#include "base/mem.h"
#include "http/link.h"
#include "net/tls.h"

#define WHY 256

struct member {
    struct sl_origin *origin; /* shared */
    struct sl_group_at at;
    uint64_t rests_until; /* it could not be reached */
};

struct sl_group {
    struct member v[SL_GROUP_MAX];
    size_t n;
    size_t next;         /* where the search begins: in turn among equals */
    bool known;          /* they have been told */
    uint64_t hope_until; /* so long the first list is waited for */
    char why[WHY];
};

struct sl_group *sl_group_new(void)
{
    struct sl_group *g = sl_mem_new(sizeof(*g));

    snprintf(g->why, sizeof(g->why), "its instances are not known yet");
    return g;
}

void sl_group_end(struct sl_origin *front)
{
    for (size_t i = 0; i < front->group->n; i++)
        sl_origin_drop(&front->group->v[i].origin);
    sl_mem_free(front->group);
    front->group = NULL;
}

/* ---- their limits ---- */

static size_t part_of(size_t all, size_t n)
{
    size_t part = n > 0 ? all / n : all;

    return all > 0 && part == 0 ? 1 : part;
}

static struct sl_origin_conf conf_of(const struct sl_origin *front, const struct sl_group_at *at,
                                     size_t n)
{
    struct sl_origin_conf c = front->conf;

    c.group = false;
    c.host = sl_str_of(at->host);
    c.port = at->port;
    c.max_keepalive = part_of(c.max_keepalive, n);
    c.warm = part_of(c.warm, n);
    return c;
}

void sl_group_reconfigure(struct sl_origin *front)
{
    struct sl_group *g = front->group;

    for (size_t i = 0; i < g->n; i++) {
        struct sl_origin_conf c = conf_of(front, &g->v[i].at, g->n);

        sl_origin_reconfigure(g->v[i].origin, &c);
    }
}

/* ---- which there are ---- */

static bool is_same(const struct sl_group_at *a, const struct sl_group_at *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static bool is_listed(const struct sl_group_at *list, size_t n, const struct sl_group_at *at)
{
    for (size_t i = 0; i < n; i++)
        if (is_same(&list[i], at))
            return true;
    return false;
}

static bool has(const struct sl_group *g, const struct sl_group_at *at)
{
    for (size_t i = 0; i < g->n; i++)
        if (is_same(&g->v[i].at, at))
            return true;
    return false;
}

static void add(struct sl_origin *front, const struct sl_group_at *at, size_t n)
{
    struct sl_group *g = front->group;
    struct member *m = &g->v[g->n];
    struct sl_origin_conf c = conf_of(front, at, n);

    *m = (struct member){.at = *at, .origin = sl_origin_new(front->net, &c)};
    g->n++;
    if (front->warmed)
        sl_origin_warm(m->origin);
}

void sl_group_set(struct sl_origin *front, const struct sl_group_at *list, size_t n)
{
    struct sl_group *g = front->group;
    size_t kept = 0;

    SL_OBJ_CHECK(front, SL_ORIGIN_MAGIC);
    SL_CHECK(g != NULL);
    g->known = true;
    for (size_t i = 0; i < g->n; i++) {
        if (is_listed(list, n, &g->v[i].at))
            g->v[kept++] = g->v[i];
        else
            sl_origin_drop(&g->v[i].origin);
    }
    g->n = kept;
    for (size_t i = 0; i < n && g->n < SL_GROUP_MAX; i++)
        if (!has(g, &list[i]))
            add(front, &list[i], n);
    sl_group_reconfigure(front);
}

void sl_group_explain(struct sl_origin *front, const char *why)
{
    SL_OBJ_CHECK(front, SL_ORIGIN_MAGIC);
    snprintf(front->group->why, WHY, "%s", why);
}

struct sl_str sl_group_why(const struct sl_origin *front)
{
    return sl_str_of(front->group->why);
}

/* ---- which is next ---- */

static size_t busy(const struct sl_origin *o)
{
    return o->links - o->n_idle - o->n_dialling + o->n_waiting;
}

struct sl_origin *sl_group_pick(struct sl_origin *front)
{
    struct sl_group *g = front->group;
    uint64_t now = sl_net_now(front->net);
    struct member *best = NULL;
    bool best_rests = false;

    for (size_t i = 0; i < g->n; i++) {
        struct member *m = &g->v[(g->next + i) % g->n];
        bool rests = m->rests_until > now;

        if (best != NULL &&
            (rests > best_rests || (rests == best_rests && busy(m->origin) >= busy(best->origin))))
            continue;
        best = m;
        best_rests = rests;
    }
    if (best == NULL)
        return NULL;
    g->next = (size_t)(best - g->v + 1) % g->n;
    return best->origin;
}

void sl_group_blame(struct sl_origin *front, const struct sl_origin *member)
{
    struct sl_group *g = front->group;

    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].origin == member)
            g->v[i].rests_until = sl_net_now(front->net) + SL_GROUP_REST_MS;
}

/* ---- as one ---- */

void sl_group_warm(struct sl_origin *front)
{
    struct sl_group *g = front->group;

    if (front->warmed)
        return;
    front->warmed = true;
    g->hope_until = sl_net_now(front->net) + front->conf.connect_ms;
    for (size_t i = 0; i < g->n; i++)
        sl_origin_warm(g->v[i].origin);
}

bool sl_group_is_warming(const struct sl_origin *front)
{
    const struct sl_group *g = front->group;

    if (!g->known)
        return sl_net_now(front->net) < g->hope_until;
    for (size_t i = 0; i < g->n; i++)
        if (sl_origin_is_warming(g->v[i].origin))
            return true;
    return false;
}

struct sl_origin_counts sl_group_count(const struct sl_origin *front)
{
    struct sl_origin_counts all = {.open = 0};

    for (size_t i = 0; i < front->group->n; i++) {
        struct sl_origin_counts n = sl_origin_count(front->group->v[i].origin);

        all.open += n.open;
        all.idle += n.idle;
        all.queued += n.queued;
        all.dialled += n.dialled;
        all.reused += n.reused;
    }
    return all;
}

bool sl_group_certificate(const struct sl_origin *front, struct sl_tls_certificate *out)
{
    struct sl_tls_certificate one;
    bool any = false;

    for (size_t i = 0; i < front->group->n; i++) {
        if (!sl_origin_certificate(front->group->v[i].origin, &one))
            continue;
        if (!any || one.ends_s < out->ends_s)
            *out = one;
        any = true;
    }
    return any;
}

bool sl_group_look(const struct sl_origin *front, size_t i, struct sl_group_view *out)
{
    const struct sl_group *g = front->group;
    uint64_t now = sl_net_now(front->net);

    SL_OBJ_CHECK(front, SL_ORIGIN_MAGIC);
    if (g == NULL || i >= g->n)
        return false;
    *out = (struct sl_group_view){.at = &g->v[i].at,
                                  .n = sl_origin_count(g->v[i].origin),
                                  .rest_ms =
                                      g->v[i].rests_until > now ? g->v[i].rests_until - now : 0};
    return true;
}

bool sl_group_is_known(const struct sl_origin *front)
{
    SL_OBJ_CHECK(front, SL_ORIGIN_MAGIC);
    return front->group != NULL && front->group->known;
}
