/* The snapshot's shares: who drops the last one gives everything back. */
#include "gateway/conf.h"

#include "base/mem.h"
#include "base/obj.h"

struct sl_gateway_conf *sl_gateway_conf_share(struct sl_gateway_conf *c)
{
    SL_OBJ_CHECK(c, SL_GATEWAY_CONF_MAGIC);
    c->holders++;
    return c;
}

/* Secrets lie in the arena: they are overwritten before the memory goes back. */
static void wipe_secrets(struct sl_gateway_conf *c)
{
    union {
        const char *from;
        char *to;
    } p;

    for (size_t i = 0; i < c->providers_n; i++) {
        for (size_t k = 0; k < c->providers[i].keys_n; k++) {
            p.from = c->providers[i].keys[k].p;
            sl_mem_wipe(p.to, c->providers[i].keys[k].n);
        }
    }
    if (c->admin_key.n > 0) {
        p.from = c->admin_key.p;
        sl_mem_wipe(p.to, c->admin_key.n);
    }
}

void sl_gateway_conf_drop(struct sl_gateway_conf **pc)
{
    struct sl_gateway_conf *c = *pc;

    *pc = NULL;
    if (c == NULL)
        return;
    SL_OBJ_CHECK(c, SL_GATEWAY_CONF_MAGIC);
    if (--c->holders > 0)
        return;
    for (size_t i = 0; i < c->providers_n; i++) {
        struct sl_origin *o = c->providers[i].origin;

        sl_origin_drop(&o);
    }
    wipe_secrets(c);
    sl_routes_end(&c->routes);
    sl_tenants_end(&c->tenants);
    c->magic = SL_OBJ_DEAD;
    sl_arena_fini(&c->arena);
    sl_mem_free(c);
}
