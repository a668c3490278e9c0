/* Records over the configuration: what is known of a key, and for how long. */
#include "gateway/quota/keys.h"

#include <stdio.h>

#include "base/log.h"
#include "base/map.h"
#include "policy/record.h"

#undef HASH_KEYCMP
#define HASH_KEYCMP SL_MAP_SECRET_KEYCMP

#define ARENA_CEILING ((size_t)4 * SL_RECORD_MAX)

struct known { /* what the last look said about a digest */
    uint8_t sha256[32];
    enum sl_err verdict;      /* OK: `made`, or the configuration's own key */
    struct sl_made_key *made; /* shared: or NULL */
    int64_t good_until_unix_ms;
    struct sl_list age;
    UT_hash_handle hh;
};

struct sl_keys {
    struct sl_net *net;             /* up */
    struct sl_store *store;         /* up */
    struct sl_gateway_conf *conf;   /* shared: in force */
    struct sl_key_records *records; /* owns: tenants and purges */
    struct known *table;            /* owns: a uthash */
    struct sl_list ages;            /* oldest first */
    size_t n;
    void (*changed)(void *ctx);
    void *ctx; /* up: the gateway */
};

/* ---- a key made of records ---- */

struct sl_made_key *sl_made_key_share(struct sl_made_key *k)
{
    k->holders++;
    return k;
}

void sl_made_key_drop(struct sl_made_key **pk)
{
    struct sl_made_key *k = *pk;

    *pk = NULL;
    if (k == NULL || --k->holders > 0)
        return;
    sl_gateway_conf_drop(&k->conf);
    sl_arena_fini(&k->arena);
    sl_mem_free(k);
}

static struct sl_made_key *new_made(struct sl_keys *k)
{
    struct sl_made_key *m = sl_mem_new(sizeof *m);

    m->holders = 1;
    m->conf = sl_gateway_conf_share(k->conf);
    sl_arena_init(&m->arena, ARENA_CEILING);
    return m;
}

/* The tenant as it is now, in the made key's own memory. Its name need not stand in
 * the configuration. */
static enum sl_err lay_tenant(struct sl_keys *k, struct sl_made_key *m, struct sl_str name,
                              int64_t now)
{
    const struct sl_tenant_record *rec = sl_key_records_tenant(k->records, name);
    struct sl_record_doc doc;
    char why[160];

    if (rec == NULL && sl_tenants_get(k->conf->tenants, name) == NULL)
        return SL_ERR_NO_KEY; /* its tenant is gone */
    if (rec != NULL && sl_str_eq(rec->state, SL_STR("paused")))
        return SL_ERR_PAUSED;
    if (rec != NULL && sl_str_eq(rec->state, SL_STR("deleted")))
        return SL_ERR_NO_KEY;
    name = sl_arena_dup(&m->arena, name);
    if (name.p == NULL)
        return SL_ERR_NO_MEMORY;
    if (rec != NULL) {
        struct sl_str text = sl_arena_dup(&m->arena, rec->doc);

        if (text.p == NULL || sl_record_read(text, &m->arena, &doc, why, sizeof why) != SL_OK)
            return SL_ERR_STORE;
        if (doc.of_file == 1 && sl_tenants_get(k->conf->tenants, name) == NULL)
            return SL_ERR_NO_KEY; /* it only lay over the configuration's */
        m->until_unix_ms = doc.raise.until_unix_ms;
    }
    /* a plan that went from the configuration leaves the tenant without one */
    (void)!sl_record_tenant(rec != NULL ? &doc : NULL, k->conf->tenants, name, now, &m->tenant);
    m->tenant.rev = rec != NULL ? rec->rev : 0;
    return SL_OK;
}

/* `rec`: the key's own record, or NULL; `file`: the configuration's key, or NULL. */
static enum sl_err make(struct sl_keys *k, const struct sl_record *rec, const struct sl_key *file,
                        int64_t now, struct sl_made_key **out)
{
    struct sl_made_key *m = new_made(k);
    struct sl_str tenant = rec != NULL ? rec->tenant : file->tenant;
    struct sl_record_doc doc;
    char why[160];
    enum sl_err e = lay_tenant(k, m, tenant, now);

    if (e == SL_OK && rec != NULL) {
        struct sl_str text = sl_arena_dup(&m->arena, rec->doc);

        if (text.p == NULL || sl_record_read(text, &m->arena, &doc, why, sizeof why) != SL_OK)
            e = SL_ERR_STORE;
        else if (doc.of_file == 1 && file == NULL)
            e = SL_ERR_NO_KEY;
        else
            sl_record_key(&doc, file, &m->tenant, &m->key);
        m->key.public_id = sl_arena_dup(&m->arena, rec->id);
        m->key.tenant = m->tenant.own.name;
        m->key.rev = rec->rev;
    } else if (e == SL_OK) {
        m->key = *file;
        m->key.of = &m->tenant;
        sl_key_settle(&m->key);
    }
    if (e != SL_OK)
        sl_made_key_drop(&m);
    *out = m;
    return e;
}

/* ---- the table ---- */

static void forget(struct sl_keys *k, struct known *n)
{
    HASH_DEL(k->table, n);
    sl_list_unlink(&n->age);
    sl_made_key_drop(&n->made);
    k->n--;
    sl_mem_free(n);
}

static void forget_all(struct sl_keys *k)
{
    while (!sl_list_is_empty(&k->ages))
        forget(k, SL_CONTAINER(k->ages.next, struct known, age));
}

static struct known *look(const struct sl_keys *k, const uint8_t sha256[32])
{
    struct known *n = NULL;

    HASH_FIND(hh, k->table, sha256, sizeof n->sha256, n);
    return n;
}

static void learn(struct sl_keys *k, const uint8_t sha256[32], enum sl_err verdict,
                  struct sl_made_key *made, int64_t now)
{
    struct known *n = look(k, sha256);

    if (n != NULL)
        forget(k, n);
    if (k->n >= SL_KEYS_MAX)
        forget(k, SL_CONTAINER(k->ages.next, struct known, age));
    n = sl_mem_new(sizeof *n);
    memcpy(n->sha256, sha256, sizeof n->sha256);
    n->verdict = verdict;
    n->made = made;
    n->good_until_unix_ms = now + (verdict == SL_OK ? SL_KEYS_KNOWN_MS : SL_KEYS_UNKNOWN_MS);
    if (made != NULL && made->until_unix_ms > now && made->until_unix_ms < n->good_until_unix_ms)
        n->good_until_unix_ms = made->until_unix_ms; /* a raise ends */
    sl_list_init(&n->age);
    sl_list_push_back(&k->ages, &n->age);
    HASH_ADD(hh, k->table, sha256, sizeof n->sha256, n);
    k->n++;
}

void sl_keys_note(struct sl_keys *k, const struct sl_record *rec)
{
    struct known *n = rec->kind == SL_RECORD_KEY ? look(k, rec->sha256) : NULL;

    if (n != NULL)
        forget(k, n);
    if (rec->kind == SL_RECORD_KEY)
        return;
    sl_key_records_note(k->records, rec);
    if (rec->kind == SL_RECORD_TENANT)
        forget_all(k);
    else
        k->changed(k->ctx);
}

static enum sl_err has_ended(const struct sl_key *key, int64_t now)
{
    return key->expires_unix_ms != 0 && now >= key->expires_unix_ms ? SL_ERR_KEY_ENDED : SL_OK;
}

/* The store says something else of it: that is to be read, and then known for a while. */
static bool has_record(struct sl_keys *k, const struct sl_key *file, const uint8_t sha256[32])
{
    struct sl_record rec;

    return sl_store_known(k->store, SL_RECORD_KEY, file->public_id, &rec) &&
           sl_str_eq_secret((struct sl_str){(const char *)rec.sha256, sizeof rec.sha256},
                            (struct sl_str){(const char *)sha256, sizeof rec.sha256});
}

/* A key of the configuration whose tenant a record has changed. */
static enum sl_err find_in_file(struct sl_keys *k, const struct sl_gateway_conf *conf,
                                const uint8_t sha256[32], int64_t now, const struct sl_key **key,
                                struct sl_made_key **made)
{
    const struct sl_key *file = NULL;
    enum sl_err e = sl_tenant_find(conf->tenants, sha256, now, &file);

    if (e == SL_ERR_NO_KEY || has_record(k, file, sha256))
        return SL_ERR_STORE;
    if (e != SL_OK || conf != k->conf || sl_key_records_tenant(k->records, file->tenant) == NULL) {
        *key = file;
        return e;
    }
    e = make(k, NULL, file, now, made);
    learn(k, sha256, e, *made, now);
    if (e == SL_OK) {
        sl_made_key_share(*made);
        *key = &(*made)->key;
    }
    return e;
}

enum sl_err sl_keys_find(struct sl_keys *k, const struct sl_gateway_conf *conf,
                         const uint8_t sha256[32], int64_t now_unix_ms, const struct sl_key **key,
                         struct sl_made_key **made)
{
    struct known *n = look(k, sha256);

    *key = NULL;
    *made = NULL;
    if (n != NULL && now_unix_ms >= n->good_until_unix_ms) {
        forget(k, n);
        n = NULL;
    }
    if (n == NULL)
        return find_in_file(k, conf, sha256, now_unix_ms, key, made);
    if (n->verdict != SL_OK)
        return n->verdict;
    if (n->made == NULL) /* no record has a say */
        return sl_tenant_find(conf->tenants, sha256, now_unix_ms, key);
    *made = sl_made_key_share(n->made);
    *key = &n->made->key;
    return has_ended(*key, now_unix_ms);
}

/* The texts are the made key's own: what describes it goes. */
static enum sl_err copy_texts(struct sl_made_key *m)
{
    struct sl_str *texts[] = {&m->key.name, &m->key.public_id, &m->key.user};
    struct sl_str *scopes = sl_arena_alloc(&m->arena, (m->key.scopes_n + 1) * sizeof *scopes);

    if (scopes == NULL)
        return SL_ERR_NO_MEMORY;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i] = sl_arena_dup(&m->arena, *texts[i]);
        if (texts[i]->p == NULL)
            return SL_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < m->key.scopes_n; i++) {
        scopes[i] = sl_arena_dup(&m->arena, m->key.scopes[i]);
        if (scopes[i].p == NULL)
            return SL_ERR_NO_MEMORY;
    }
    m->key.scopes = scopes;
    m->key.tenant = m->tenant.own.name;
    return SL_OK;
}

enum sl_err sl_keys_claim(struct sl_keys *k, const uint8_t sha256[32], const struct sl_key *as,
                          int64_t now_unix_ms, const struct sl_key **key, struct sl_made_key **made)
{
    struct known *n = look(k, sha256);
    enum sl_err e;

    if (n != NULL && now_unix_ms >= n->good_until_unix_ms) {
        forget(k, n);
        n = NULL;
    }
    if (n == NULL) {
        e = make(k, NULL, as, now_unix_ms, made);
        if (e == SL_OK && copy_texts(*made) != SL_OK) {
            sl_made_key_drop(made);
            return SL_ERR_NO_MEMORY;
        }
        learn(k, sha256, e, *made, now_unix_ms);
        n = look(k, sha256);
    }
    *made = NULL;
    if (n->verdict != SL_OK)
        return n->verdict;
    *made = sl_made_key_share(n->made);
    *key = &n->made->key;
    return has_ended(*key, now_unix_ms);
}

/* ---- asking the store ---- */

struct fetch {
    struct sl_op op;
    struct sl_op *inner; /* owns */
    struct sl_keys *k;   /* up */
    struct sl_records out;
    uint8_t sha256[32];
    bool tenant_alone;
    sl_store_done_fn *done;
    void *ctx; /* up: the waiter's */
};

static void note(struct sl_keys *k, const uint8_t sha256[32], const struct sl_records *found)
{
    const struct sl_record *rec = found->n > 0 ? &found->at[0] : NULL;
    int64_t now = sl_net_unix_ms(k->net);
    const struct sl_key *file = NULL;
    struct sl_made_key *made = NULL;
    enum sl_err e = sl_tenant_find(k->conf->tenants, sha256, now, &file);

    if (rec == NULL && e == SL_OK && sl_key_records_tenant(k->records, file->tenant) == NULL)
        e = SL_OK; /* the configuration alone */
    else if (rec == NULL && e == SL_OK)
        e = make(k, NULL, file, now, &made);
    else if (rec == NULL)
        ; /* e says it */
    else if (sl_str_eq(rec->state, SL_STR("active")))
        e = make(k, rec, file, now, &made);
    else if (sl_str_eq(rec->state, SL_STR("paused")))
        e = SL_ERR_PAUSED;
    else
        e = sl_str_eq(rec->state, SL_STR("revoked")) ? SL_ERR_KEY_ENDED : SL_ERR_NO_KEY;
    learn(k, sha256, e, made, now);
}

static void end_fetch(struct fetch *f, enum sl_err e)
{
    if (sl_op_close(&f->op))
        f->done(f->ctx, e);
    sl_mem_free(f);
}

static void on_fetched(void *ctx, enum sl_err e)
{
    struct fetch *f = ctx;

    if (e == SL_OK)
        note(f->k, f->sha256, &f->out);
    end_fetch(f, e);
}

static void on_tenant(void *ctx, enum sl_err e)
{
    struct fetch *f = ctx;

    if (e == SL_OK && f->out.n > 0)
        sl_keys_note(f->k, &f->out.at[0]);
    if (e != SL_OK || f->tenant_alone)
        end_fetch(f, e);
    else
        sl_store_key_start(f->k->store, f->sha256, &f->out, &f->inner, on_fetched, f);
}

static void cancel_fetch(struct sl_op *op)
{
    struct fetch *f = SL_CONTAINER(op, struct fetch, op);

    sl_op_cancel(&f->inner);
    sl_mem_free(f);
}

void sl_keys_fetch_start(struct sl_keys *k, const uint8_t sha256[32], struct sl_str tenant,
                         struct sl_op **slot, sl_store_done_fn *done, void *ctx)
{
    struct fetch *f = sl_mem_new(sizeof *f);

    f->k = k;
    f->done = done;
    f->ctx = ctx;
    memcpy(f->sha256, sha256, sizeof f->sha256);
    sl_op_open(&f->op, slot, cancel_fetch);
    if (tenant.n > 0)
        sl_store_find_start(k->store, SL_RECORD_TENANT, tenant, &f->out, &f->inner, on_tenant, f);
    else
        sl_store_key_start(k->store, sha256, &f->out, &f->inner, on_fetched, f);
}

void sl_keys_fetch_tenant_start(struct sl_keys *k, struct sl_str tenant, struct sl_op **slot,
                                sl_store_done_fn *done, void *ctx)
{
    struct fetch *f = sl_mem_new(sizeof *f);

    f->k = k;
    f->tenant_alone = true;
    f->done = done;
    f->ctx = ctx;
    sl_op_open(&f->op, slot, cancel_fetch);
    sl_store_find_start(k->store, SL_RECORD_TENANT, tenant, &f->out, &f->inner, on_tenant, f);
}

/* ---- whole ---- */

static void on_records(void *ctx)
{
    struct sl_keys *k = ctx;

    forget_all(k);
    k->changed(k->ctx);
}

static void on_nothing(void *ctx)
{
    (void)ctx;
}

void sl_keys_on_change(struct sl_keys *k, void (*changed)(void *ctx), void *ctx)
{
    k->changed = changed;
    k->ctx = ctx;
}

bool sl_keys_are_known(const struct sl_keys *k)
{
    return sl_key_records_are_known(k->records);
}

const struct sl_tenant_record *sl_keys_tenant(const struct sl_keys *k, struct sl_str name)
{
    return sl_key_records_tenant(k->records, name);
}

const struct sl_tenant_record *sl_keys_switch(const struct sl_keys *k, struct sl_str id)
{
    return sl_key_records_switch(k->records, id);
}

const struct sl_tenant_record *sl_keys_next_switch(const struct sl_keys *k,
                                                   const struct sl_tenant_record *after)
{
    return sl_key_records_next_switch(k->records, after);
}

struct sl_keys *sl_keys_new(struct sl_net *net, struct sl_store *store)
{
    struct sl_keys *k = sl_mem_new(sizeof *k);

    k->net = net;
    k->store = store;
    sl_list_init(&k->ages);
    k->changed = on_nothing;
    k->records = sl_key_records_new(net, store, on_records, k);
    return k;
}

void sl_keys_end(struct sl_keys **pk)
{
    struct sl_keys *k = *pk;

    *pk = NULL;
    if (k == NULL)
        return;
    forget_all(k);
    sl_key_records_end(&k->records);
    if (k->conf != NULL)
        sl_gateway_conf_drop(&k->conf);
    sl_mem_free(k);
}

void sl_keys_reload(struct sl_keys *k, struct sl_gateway_conf *conf)
{
    struct sl_gateway_conf *old = k->conf;

    k->conf = sl_gateway_conf_share(conf);
    if (old != NULL)
        sl_gateway_conf_drop(&old);
    forget_all(k);
}

void sl_keys_generations(const struct sl_keys *k, struct sl_str tenant, struct sl_str model,
                         struct sl_str version, uint64_t out[3])
{
    out[0] = sl_key_records_purges(k->records, SL_STR("tenant"), tenant);
    out[1] = sl_key_records_purges(k->records, SL_STR("model"), model);
    out[2] = sl_key_records_purges(k->records, SL_STR("version"), version);
}
