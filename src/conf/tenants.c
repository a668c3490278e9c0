/* conf/tenants.c -- who may call: keys become SHA-256 here and are forgotten. */
#include "conf/parts.h"

#include "net/tls.h"

#include <stdlib.h>

static bool is_endpoint(struct sl_str name)
{
    for (int ep = SL_EP_NONE + 1; ep < SL_EP__COUNT; ep++) {
        const char *known = sl_endpoint_name((enum sl_endpoint)ep);

        if (known != NULL && sl_str_eq(sl_str_of(known), name))
            return true;
    }
    return sl_str_eq(name, SL_STR("*"));
}

static void check_scope(struct sl_build *b, const struct sl_node *n)
{
    struct sl_str rest, piece;

    if (sl_str_starts(n->text, SL_STR("models:")) && n->text.n > 7)
        return;
    if (!sl_str_starts(n->text, SL_STR("endpoints:")) || n->text.n == 10) {
        sl_fault_add(b->faults, n,
                     "tenants[].keys[].scopes: must be models:<pattern> or endpoints:<a>,<b>");
        return;
    }
    rest = sl_str_from(n->text, 10);
    while (sl_str_split(&rest, ',', &piece))
        if (!is_endpoint(sl_str_trim(piece)))
            sl_fault_add(b->faults, n, "tenants[].keys[].scopes: no endpoint is called %.*s",
                         SL_STR_ARGS(sl_str_first(piece, 60)));
}

/* What may stand in a header line and is not guessed at once. */
static bool is_usable_key(struct sl_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] == 0x7f)
            return false;
    return s.n >= 8 && s.n <= 512;
}

/* The digest and the public half, from `key` or from `sha256`. */
static bool identify(struct sl_build *b, const struct sl_node *map, struct sl_key *k,
                     uint8_t digest[32])
{
    const struct sl_node *plain = sl_node_get(map, "key"), *hashed = sl_node_get(map, "sha256");

    if ((plain == NULL) == (hashed == NULL)) {
        sl_fault_add(b->faults, map, "tenants[].keys[]: needs either `key` or `sha256`");
        return false;
    }
    if (hashed != NULL)
        return sl_str_unhex(hashed->text, digest, 32);
    if (!is_usable_key(plain->text)) {
        sl_fault_add(b->faults, plain,
                     "tenants[].keys[].key: must be 8 to 512 characters without spaces");
        return false;
    }
    sl_tls_sha256(plain->text, digest);
    k->public_id = sl_tenant_public_id(plain->text);
    return true;
}

static void key(struct sl_build *b, const struct sl_node *map, struct sl_str tenant)
{
    const struct sl_node *scopes = sl_node_get(map, "scopes");
    struct sl_str *list = sl_build_alloc(b, scopes->n, sizeof(*list));
    struct sl_key k;
    char why[256] = "", id[8];
    uint8_t digest[32];

    sl_key_init(&k);
    k.tenant = tenant;
    k.name = sl_node_text(map, "name");
    k.user = sl_node_text(map, "user");
    k.expires_unix_ms = (int64_t)sl_node_number(map, "expires", 0);
    k.scopes = list;
    for (const struct sl_node *c = scopes->first; c != NULL; c = c->next) {
        check_scope(b, c);
        list[k.scopes_n++] = c->text;
    }
    if (k.name.n > 200 || k.user.n > 200)
        sl_fault_add(b->faults, map, "tenants[].keys[]: name and user have at most 200 bytes");
    if (!identify(b, map, &k, digest))
        return;
    if (k.public_id.n == 0) { /* a key of another form is known by its hash */
        sl_str_hex(digest, 4, id);
        k.public_id = (struct sl_str){id, sizeof(id)};
    }
    if (sl_tenants_add(b->made->tenants, &k, digest, why, sizeof(why)) != SL_OK)
        sl_fault_add(b->faults, map, "tenants[].keys[]: %s", why);
}

static int by_name(const void *a, const void *b)
{
    struct sl_str x = sl_node_text(*(struct sl_node *const *)a, "name");
    struct sl_str y = sl_node_text(*(struct sl_node *const *)b, "name");
    int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

    return order != 0 ? order : (x.n > y.n) - (x.n < y.n);
}

static void check_repeats(struct sl_build *b, const struct sl_node *list)
{
    struct sl_node **all = sl_build_alloc(b, list->n, sizeof(struct sl_node *));
    size_t n = 0;

    for (struct sl_node *t = list->first; t != NULL; t = t->next)
        all[n++] = t;
    qsort(all, n, sizeof(struct sl_node *), by_name);
    for (size_t i = 1; i < n; i++)
        if (by_name(&all[i - 1], &all[i]) == 0)
            sl_fault_add(b->faults, all[i], "tenants[].name: %.*s stands twice",
                         SL_STR_ARGS(sl_node_text(all[i], "name")));
}

void sl_build_tenants(struct sl_build *b)
{
    const struct sl_node *list = sl_node_get(b->conf->root, "tenants");

    check_repeats(b, list);
    for (struct sl_node *t = list->first; t != NULL; t = t->next) {
        sl_build_check_name(b, t, "tenants[]");
        for (const struct sl_node *k = sl_node_get(t, "keys")->first; k != NULL; k = k->next)
            key(b, k, sl_node_text(t, "name"));
    }
}
