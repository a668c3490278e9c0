/* Tenants and purges, read page by page. */
#include "gateway/quota/keys_records.h"

#include <stdio.h>

#include "base/log.h"
#include "base/map.h"
#include "net/timer.h"
#include "net/tls.h"
#include "policy/routing/switches.h"

#define AGAIN_MS 500 /* after a page could not be read */

struct row { /* a tenant by its name, or a switch by its id */
    struct sl_tenant_record tenant;
    UT_hash_handle hh;
    char text[];
};

struct table {
    struct row *rows; /* owns: a uthash by name */
    size_t n;
};

struct sl_key_records {
    struct sl_net *net;     /* up */
    struct sl_store *store; /* up */
    void (*changed)(void *ctx);
    void *ctx;            /* up: the holder's */
    struct table now[2];  /* tenants, switches: in force */
    struct table next[2]; /* being read */
    unsigned kind;        /* which of the two is being read */
    struct sl_op *op;     /* owns: a page */
    struct sl_records page;
    char after[256];
    bool again; /* something changed while reading */
    bool known; /* the first pass is over, however it ended */
    struct sl_timer retry;
};

static const enum sl_record_kind kinds[2] = {SL_RECORD_TENANT, SL_RECORD_SWITCH};

/* ---- tables ---- */

static void drop(struct table *t, struct row *r)
{
    HASH_DEL(t->rows, r);
    sl_mem_free(r);
    t->n--;
}

static void empty(struct table *t)
{
    struct row *r, *next;

    HASH_ITER(hh, t->rows, r, next)
    {
        drop(t, r);
    }
}

static struct row *find(const struct table *t, struct sl_str name)
{
    struct row *r = NULL;

    HASH_FIND(hh, t->rows, name.p, name.n, r);
    return r;
}

static struct sl_str put(char **at, struct sl_str s)
{
    struct sl_str out = {*at, s.n};

    memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

static void add(struct table *t, const struct sl_record *rec)
{
    struct row *r = find(t, rec->id);
    char *at;

    if (r != NULL && r->tenant.rev >= rec->rev)
        return;
    if (r != NULL)
        drop(t, r);
    if (t->n >= SL_KEY_RECORDS_MAX)
        return;
    r = sl_mem_new(sizeof *r + rec->id.n + rec->state.n + rec->doc.n);
    at = r->text;
    r->tenant.rev = rec->rev;
    r->tenant.name = put(&at, rec->id);
    r->tenant.state = put(&at, rec->state);
    r->tenant.doc = put(&at, rec->doc);
    HASH_ADD_KEYPTR(hh, t->rows, r->tenant.name.p, r->tenant.name.n, r);
    t->n++;
}

/* A switch that is over takes no room; the store removes it some time later. Purges stay. */
static void add_switch(struct sl_key_records *t, struct table *to, const struct sl_record *rec)
{
    struct row *r = find(to, rec->id);

    if (!sl_switch_is_over(rec->id, rec->doc, sl_store_now_ms(t->store)))
        add(to, rec);
    else if (r != NULL && r->tenant.rev < rec->rev)
        drop(to, r);
}

static void add_kind(struct sl_key_records *t, struct table to[2], unsigned kind,
                     const struct sl_record *rec)
{
    if (kind == 0)
        add(&to[kind], rec);
    else
        add_switch(t, &to[kind], rec);
}

/* ---- reading ---- */

static void read_page(struct sl_key_records *t);

static void begin(struct sl_key_records *t)
{
    t->again = false;
    t->kind = 0;
    t->after[0] = '\0';
    empty(&t->next[0]);
    empty(&t->next[1]);
    read_page(t);
}

static void replace(struct sl_key_records *t)
{
    for (int i = 0; i < 2; i++) {
        empty(&t->now[i]);
        t->now[i] = t->next[i];
        t->next[i] = (struct table){0};
    }
    t->known = true;
    t->changed(t->ctx);
    if (t->again)
        begin(t);
}

static void on_page(void *ctx, enum sl_err e)
{
    struct sl_key_records *t = ctx;

    if (e != SL_OK) { /* what is in force stays so */
        t->known = true;
        sl_timer_start(t->net, &t->retry, AGAIN_MS);
        return;
    }
    for (size_t i = 0; i < t->page.n; i++)
        add_kind(t, t->next, t->kind, &t->page.at[i]);
    snprintf(t->after, sizeof t->after, "%.*s", SL_STR_ARGS(t->page.next));
    if (t->page.next.n == 0)
        t->kind++;
    if (t->kind < 2)
        read_page(t);
    else
        replace(t);
}

static void read_page(struct sl_key_records *t)
{
    sl_store_list_start(t->store, kinds[t->kind], (struct sl_str){"", 0}, sl_str_of(t->after),
                        &t->page, &t->op, on_page, t);
}

static void on_change(void *ctx)
{
    struct sl_key_records *t = ctx;

    if (t->op != NULL) {
        t->again = true;
        return;
    }
    sl_timer_stop(t->net, &t->retry);
    begin(t);
}

static void on_retry(struct sl_timer *timer)
{
    begin(SL_CONTAINER(timer, struct sl_key_records, retry));
}

/* ---- whole ---- */

struct sl_key_records *sl_key_records_new(struct sl_net *net, struct sl_store *store,
                                          void (*changed)(void *ctx), void *ctx)
{
    struct sl_key_records *t = sl_mem_new(sizeof *t);

    t->net = net;
    t->store = store;
    t->changed = changed;
    t->ctx = ctx;
    sl_timer_init(&t->retry, on_retry);
    sl_store_on_change(store, on_change, t);
    begin(t);
    return t;
}

void sl_key_records_end(struct sl_key_records **pt)
{
    struct sl_key_records *t = *pt;

    *pt = NULL;
    if (t == NULL)
        return;
    sl_store_on_change(t->store, NULL, NULL);
    sl_op_cancel(&t->op);
    sl_timer_stop(t->net, &t->retry);
    for (int i = 0; i < 2; i++) {
        empty(&t->now[i]);
        empty(&t->next[i]);
    }
    sl_mem_free(t);
}

bool sl_key_records_are_known(const struct sl_key_records *t)
{
    return t->known;
}

void sl_key_records_note(struct sl_key_records *t, const struct sl_record *rec)
{
    unsigned i = rec->kind == SL_RECORD_TENANT ? 0 : 1;

    add_kind(t, t->now, i, rec);
    if (t->op != NULL) /* the page it stands on may have been read before */
        add_kind(t, t->next, i, rec);
}

const struct sl_tenant_record *sl_key_records_tenant(const struct sl_key_records *t,
                                                     struct sl_str name)
{
    const struct row *r = find(&t->now[0], name);

    return r != NULL ? &r->tenant : NULL;
}

const struct sl_tenant_record *sl_key_records_switch(const struct sl_key_records *t,
                                                     struct sl_str id)
{
    const struct row *r = find(&t->now[1], id);

    return r != NULL ? &r->tenant : NULL;
}

const struct sl_tenant_record *sl_key_records_next_switch(const struct sl_key_records *t,
                                                          const struct sl_tenant_record *after)
{
    const struct row *r = t->now[1].rows;

    if (after != NULL)
        r = SL_CONTAINER((struct sl_tenant_record *)after, struct row, tenant)->hh.next;
    return r != NULL ? &r->tenant : NULL;
}

struct sl_str sl_key_records_purge_id(struct sl_str kind, struct sl_str name,
                                      char out[SL_KEYS_PURGE_ID])
{
    uint8_t digest[32];
    char hex[16];
    int n;

    sl_tls_sha256(name, digest);
    sl_str_hex(digest, sizeof hex / 2, hex);
    n = snprintf(out, SL_KEYS_PURGE_ID, "purge.%.*s.%.16s", SL_STR_ARGS(kind), hex);
    return (struct sl_str){out, n > 0 ? (size_t)n : 0};
}

uint64_t sl_key_records_purges(const struct sl_key_records *t, struct sl_str kind,
                               struct sl_str name)
{
    char id[SL_KEYS_PURGE_ID];
    const struct row *r;

    if (t->now[1].n == 0) /* nobody has ever purged */
        return 0;
    r = find(&t->now[1], sl_key_records_purge_id(kind, name, id));
    return r != NULL ? r->tenant.rev : 0;
}
