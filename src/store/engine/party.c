/* store/engine/party.c -- tenants and keys: found, made, forgotten. */
#include "store/engine/inside.h"

#define NAME_MAX 128     /* bytes of a tenant's name, and of a key's id */
#define TOUCH_US 1000000 /* the order of use is kept to this grain */
#define COOL_US (SL_WINDOW_RPM_US + 2 * TOUCH_US)

struct name {
    char text[2 * NAME_MAX + 1];
    size_t tenant_n, n;
    unsigned hash;
};

static bool name_of(struct sl_str tenant, struct sl_str key_id, struct name *out)
{
    if (tenant.n > NAME_MAX || key_id.n > NAME_MAX)
        return false;
    memcpy(out->text, tenant.p, tenant.n);
    out->n = out->tenant_n = tenant.n;
    if (key_id.n > 0) {
        out->text[out->n++] = '\n';
        memcpy(out->text + out->n, key_id.p, key_id.n);
        out->n += key_id.n;
    }
    out->hash = (unsigned)sl_map_hash(out->text, out->n);
    return true;
}

static struct sl_party *find(const struct sl_engine *e, const struct name *name)
{
    struct sl_party *p;

    HASH_FIND_BYHASHVALUE(hh, e->parties, name->text, name->n, name->hash, p);
    return p;
}

static void end(struct sl_engine *e, struct sl_party *p)
{
    if (p->tenant != NULL)
        sl_party_loosen(e, p->tenant);
    HASH_DELETE(hh, e->parties, p);
    sl_list_unlink(&p->loose);
    sl_list_unlink(&p->warm);
    sl_list_unlink(&p->unsaved);
    sl_ring_fini(&p->qps);
    sl_ring_fini(&p->rpm);
    sl_mem_free(p->tokens);
    sl_mem_free(p);
}

/* A key may be forgotten before its tenant: the tenant is fastened by it. */
static bool make_room(struct sl_engine *e)
{
    if (HASH_COUNT(e->parties) < SL_ENGINE_LEVELS)
        return true;
    if (sl_list_is_empty(&e->loose))
        return false;
    end(e, SL_CONTAINER(e->loose.prev, struct sl_party, loose));
    return true;
}

static struct sl_party *make(struct sl_engine *e, const struct name *name, struct sl_party *tenant,
                             bool force)
{
    struct sl_party *p;

    if (!make_room(e) && !force)
        return NULL;
    p = sl_mem_new(sizeof *p + name->n);
    memcpy(p->name, name->text, name->n);
    p->tenant_n = (uint16_t)name->tenant_n;
    p->name_n = (uint16_t)name->n;
    p->tenant = tenant;
    p->touched_us = e->now_us;
    sl_list_init(&p->loose);
    sl_list_init(&p->warm);
    sl_list_init(&p->unsaved);
    sl_list_push_front(&e->loose, &p->loose);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, e->parties, p->name, p->name_n, name->hash, p);
    if (tenant != NULL)
        sl_party_fasten(tenant);
    return p;
}

static struct sl_party *get_tenant(struct sl_engine *e, struct sl_str tenant, bool force)
{
    struct name name;
    struct sl_party *p;

    if (!name_of(tenant, (struct sl_str){0}, &name))
        return NULL;
    p = find(e, &name);
    return p != NULL ? p : make(e, &name, NULL, force);
}

bool sl_party_get(struct sl_engine *e, struct sl_str tenant, struct sl_str key_id, bool force,
                  struct sl_party_pair *out)
{
    struct name name;
    struct sl_party *above, *key;

    if (key_id.n == 0) {
        *out = (struct sl_party_pair){{get_tenant(e, tenant, force), NULL}};
        return out->at[SL_LEVEL_TENANT] != NULL;
    }
    if (!name_of(tenant, key_id, &name))
        return false;
    key = find(e, &name); /* knows its tenant: mostly one look is enough */
    if (key == NULL) {
        above = get_tenant(e, tenant, force);
        if (above == NULL)
            return false;
        sl_party_fasten(above); /* making room must not take it */
        key = make(e, &name, above, force);
        sl_party_loosen(e, above);
        if (key == NULL)
            return false;
    }
    *out = (struct sl_party_pair){{key->tenant, key}};
    return true;
}

struct sl_party *sl_party_find(const struct sl_engine *e, struct sl_str tenant,
                               struct sl_str key_id)
{
    struct name name;

    return name_of(tenant, key_id, &name) ? find(e, &name) : NULL;
}

void sl_party_touch(struct sl_engine *e, struct sl_party *p)
{
    if (e->now_us - p->touched_us < TOUCH_US)
        return;
    p->touched_us = e->now_us;
    if (sl_list_is_linked(&p->loose)) {
        sl_list_unlink(&p->loose);
        sl_list_push_front(&e->loose, &p->loose);
    }
    if (sl_list_is_linked(&p->warm)) {
        sl_list_unlink(&p->warm);
        sl_list_push_front(&e->warm, &p->warm);
    }
}

void sl_party_fasten(struct sl_party *p)
{
    p->fast++;
    sl_list_unlink(&p->loose);
}

void sl_party_loosen(struct sl_engine *e, struct sl_party *p)
{
    if (--p->fast == 0)
        sl_list_push_front(&e->loose, &p->loose);
}

void sl_party_warm(struct sl_engine *e, struct sl_party *p)
{
    if (!sl_list_is_linked(&p->warm))
        sl_list_push_front(&e->warm, &p->warm);
}

void sl_party_cool(struct sl_engine *e)
{
    for (int i = 0; i < 2 && !sl_list_is_empty(&e->warm); i++) {
        struct sl_party *p = SL_CONTAINER(e->warm.prev, struct sl_party, warm);

        if (e->now_us - p->touched_us < COOL_US)
            return;
        sl_list_unlink(&p->warm);
        sl_ring_fini(&p->qps);
        sl_ring_fini(&p->rpm);
        sl_mem_free(p->tokens);
        p->tokens = NULL;
    }
}

void sl_party_end_all(struct sl_engine *e)
{
    struct sl_party *p, *next;

    /* keys first: they loosen their tenants */
    for (int round = 0; round < 2; round++) {
        HASH_ITER(hh, e->parties, p, next)
        {
            if (round == 1 || p->tenant != NULL)
                end(e, p);
        }
    }
}
