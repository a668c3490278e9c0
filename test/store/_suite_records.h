/* The suite's cases of records, states, usage, and what a rebuild sets. */
#ifndef SL_TEST_STORE_SUITE_RECORDS_H
#define SL_TEST_STORE_SUITE_RECORDS_H

#include "_suite.h"

static inline struct sl_record record_of(enum sl_record_kind kind, const char *tenant,
                                         const char *id, const char *state)
{
    struct sl_record r = {.kind = kind,
                          .id = sl_str_of(id),
                          .tenant = sl_str_of(tenant),
                          .state = sl_str_of(state),
                          .doc = SL_STR("{\"name\":\"n\"}")};

    for (size_t i = 0; i < sizeof r.sha256 && kind == SL_RECORD_KEY; i++)
        r.sha256[i] = (uint8_t)(i < strlen(id) ? id[i] : tenant[0]);
    return r;
}

static inline enum sl_err puts_err(struct store *s, struct sl_record *r)
{
    struct sl_records out = {0};
    struct wait w = {0};
    enum sl_err e;

    s->b->ops->put(s->b, r, &out, WAIT(&w));
    e = wait_for(s, &w);
    if (e == SL_OK)
        assert_int_equal(out.n, 1);
    return e;
}

/* Records live until `done` returns: what a test wants of them is copied there. */
struct page {
    struct wait w;
    struct sl_records out;
    size_t n;
    char ids[SL_STORE_PAGE][32], tenants[SL_STORE_PAGE][32], state[16], next[300];
    uint64_t rev;
    uint8_t sha256[32];
    char *doc; /* the first one's; freed by the next reading */
    size_t doc_n;
};

static inline void page_told(void *ctx, enum sl_err e)
{
    struct page *p = ctx;

    p->n = 0;
    for (size_t i = 0; e == SL_OK && i < p->out.n; i++, p->n++) {
        (void)snprintf(p->ids[i], sizeof p->ids[i], "%.*s", SL_STR_ARGS(p->out.at[i].id));
        (void)snprintf(p->tenants[i], sizeof p->tenants[i], "%.*s",
                       SL_STR_ARGS(p->out.at[i].tenant));
    }
    free(p->doc);
    p->doc = NULL;
    if (p->n > 0) {
        const struct sl_record *r = p->out.at;

        (void)snprintf(p->state, sizeof p->state, "%.*s", SL_STR_ARGS(r->state));
        p->rev = r->rev;
        memcpy(p->sha256, r->sha256, sizeof p->sha256);
        p->doc = sl_mem_dup(r->doc);
        p->doc_n = r->doc.n;
    }
    (void)snprintf(p->next, sizeof p->next, "%.*s", SL_STR_ARGS(p->out.next));
    told(&p->w, e);
}

static inline void reads(struct store *s, struct page *p, const uint8_t sha256[32])
{
    p->w = (struct wait){0};
    s->b->ops->key(s->b, sha256, &p->out, &p->w.op, page_told, p);
    assert_int_equal(wait_for(s, &p->w), SL_OK);
}

static inline void finds(struct store *s, struct page *p, enum sl_record_kind kind, const char *id)
{
    p->w = (struct wait){0};
    s->b->ops->find(s->b, kind, sl_str_of(id), &p->out, &p->w.op, page_told, p);
    assert_int_equal(wait_for(s, &p->w), SL_OK);
}

static inline void lists(struct store *s, struct page *p, enum sl_record_kind kind,
                         const char *tenant, const char *after)
{
    p->w = (struct wait){0};
    s->b->ops->list(s->b, kind, sl_str_of(tenant), sl_str_of(after), &p->out, &p->w.op, page_told,
                    p);
    assert_int_equal(wait_for(s, &p->w), SL_OK);
}

/* Puts, and takes over the new revision. */
static inline void puts_ok(struct store *s, struct sl_record *r)
{
    struct page *p = calloc(1, sizeof *p);
    uint64_t before = r->rev;

    s->b->ops->put(s->b, r, &p->out, &p->w.op, page_told, p);
    assert_int_equal(wait_for(s, &p->w), SL_OK);
    assert_int_equal(p->n, 1);
    assert_true(p->rev > before);
    assert_string_equal(p->ids[0], r->id.p);
    r->rev = p->rev;
    free(p->doc);
    free(p);
}

static inline void put_and_read(void **state)
{
    struct store *s = *state;
    struct sl_record key = record_of(SL_RECORD_KEY, "acme", "alice", "active"), other = key;
    struct page p = {0};
    struct sl_beat before, after;
    char doc[SL_RECORD_MAX + 1];

    memset(doc, 'd', sizeof doc);
    assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &before), SL_OK);
    reads(s, &p, key.sha256);
    assert_int_equal(p.n, 0);
    puts_ok(s, &key);
    reads(s, &p, key.sha256);
    assert_int_equal(p.n, 1);
    assert_string_equal(p.ids[0], "alice");
    assert_string_equal(p.tenants[0], "acme");
    assert_string_equal(p.state, "active");
    assert_string_equal(p.doc, "{\"name\":\"n\"}");
    assert_memory_equal(p.sha256, key.sha256, 32);
    assert_int_equal(p.rev, key.rev);
    assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &after), SL_OK);
    assert_true(after.revision != before.revision);
    /* somebody else was faster */
    other.doc = SL_STR("{}");
    assert_int_equal(puts_err(s, &other), SL_ERR_CONFLICT); /* 0: it should be new */
    other.rev = key.rev + 1;
    assert_int_equal(puts_err(s, &other), SL_ERR_CONFLICT);
    other.rev = key.rev;
    other.state = SL_STR("paused");
    puts_ok(s, &other);
    assert_int_equal(puts_err(s, &key), SL_ERR_CONFLICT);
    reads(s, &p, key.sha256);
    assert_string_equal(p.doc, "{}");
    assert_string_equal(p.state, "paused");
    /* one key has one record; a record may get another key */
    key = record_of(SL_RECORD_KEY, "acme", "bob", "active");
    memcpy(key.sha256, other.sha256, 32);
    assert_int_equal(puts_err(s, &key), SL_ERR_CONFLICT);
    other.sha256[0] ^= 1;
    other.doc = (struct sl_str){doc, SL_RECORD_MAX};
    puts_ok(s, &other);
    reads(s, &p, other.sha256);
    assert_int_equal(p.doc_n, SL_RECORD_MAX);
    assert_memory_equal(p.doc, doc, SL_RECORD_MAX);
    puts_ok(s, &key);
    reads(s, &p, key.sha256);
    assert_string_equal(p.ids[0], "bob");
    key.doc = (struct sl_str){doc, SL_RECORD_MAX + 1};
    assert_int_equal(puts_err(s, &key), SL_ERR_CEILING);
    free(p.doc);
}

static inline void found_by_name(void **state)
{
    struct store *s = *state;
    struct sl_record acme = record_of(SL_RECORD_TENANT, "", "acme", "active");
    struct sl_record purge = record_of(SL_RECORD_SWITCH, "", "acme", "paused");
    struct page p = {0};

    finds(s, &p, SL_RECORD_TENANT, "acme");
    assert_int_equal(p.n, 0);
    puts_ok(s, &acme);
    finds(s, &p, SL_RECORD_SWITCH, "acme");
    assert_int_equal(p.n, 0);
    puts_ok(s, &purge);
    finds(s, &p, SL_RECORD_TENANT, "acme");
    assert_int_equal(p.n, 1);
    assert_string_equal(p.ids[0], "acme");
    assert_string_equal(p.state, "active");
    assert_int_equal(p.rev, acme.rev);
    finds(s, &p, SL_RECORD_SWITCH, "acme");
    assert_string_equal(p.state, "paused");
    finds(s, &p, SL_RECORD_TENANT, "acm");
    assert_int_equal(p.n, 0);
    free(p.doc);
}

/* Two at once from the same revision: one of them. */
static inline void puts_race(void **state)
{
    struct store *s = *state;
    struct sl_record r = record_of(SL_RECORD_TENANT, "", "acme", "active");
    struct sl_records out[4];
    struct wait w[4] = {{0}};
    int ok = 0;

    for (int i = 0; i < 4; i++)
        s->b->ops->put(s->b, &r, &out[i], WAIT(&w[i]));
    for (int i = 0; i < 4; i++) {
        if (w[i].n == 0)
            (void)wait_for(s, &w[i]);
        ok += w[i].err == SL_OK;
        assert_true(w[i].err == SL_OK || w[i].err == SL_ERR_CONFLICT);
    }
    assert_int_equal(ok, 1);
}

/* Their names may have what parts names elsewhere. */
static inline void lists_switches_in_pages(void **state)
{
    struct store *s = *state;
    struct page *p = calloc(1, sizeof *p);
    size_t all = 0;
    char id[32], last[32] = "";

    for (int i = 0; i < SL_STORE_PAGE + 50; i++) {
        struct sl_record r;

        (void)snprintf(id, sizeof id, "model:a:%03d:b", i);
        r = record_of(SL_RECORD_SWITCH, "", id, "active");
        puts_ok(s, &r);
    }
    for (int pages = 0; pages == 0 || p->next[0] != 0; pages++) {
        assert_true(pages < 3);
        lists(s, p, SL_RECORD_SWITCH, "", p->next);
        for (size_t i = 0; i < p->n; i++) {
            assert_true(strcmp(last, p->ids[i]) < 0);
            (void)snprintf(last, sizeof last, "%s", p->ids[i]);
        }
        all += p->n;
    }
    assert_int_equal(all, SL_STORE_PAGE + 50);
    free(p->doc);
    free(p);
}

/* All pages of the switches there are; the number of their ids. */
static inline size_t lists_switches(struct store *s, struct page *p)
{
    size_t all = 0;

    p->next[0] = 0;
    do {
        lists(s, p, SL_RECORD_SWITCH, "", p->next);
        all += p->n;
    } while (p->next[0] != 0);
    return all;
}

#define SWITCHES_OVER 450

/* Two pages and more, each until then. */
static inline void restores_switches(struct store *s, int64_t until_ms)
{
    static struct sl_record recs[SL_STORE_PAGE];
    static char ids[SL_STORE_PAGE][32];
    char doc[64];
    size_t n = 0;

    (void)snprintf(doc, sizeof doc, "{\"since\":1,\"until\":%lld,\"by\":\"x\"}",
                   (long long)until_ms);
    for (int i = 0; i < SWITCHES_OVER; i++) {
        (void)snprintf(ids[n], sizeof ids[n], "provider:%04d", i);
        recs[n] = record_of(SL_RECORD_SWITCH, "", ids[n], i % 2 == 0 ? "active" : "deleted");
        recs[n].doc = sl_str_of(doc);
        recs[n++].rev = (uint64_t)i + 1;
        if (n < SL_STORE_PAGE && i + 1 < SWITCHES_OVER)
            continue;
        assert_int_equal(CALL(s, restore_records, recs, n), SL_OK);
        n = 0;
    }
}

/* What ended goes, some by a call; what is in force, and purges, stay. */
static inline void switches_that_are_over_go(void **state)
{
    struct store *s = *state;
    struct page *p = calloc(1, sizeof *p);
    struct sl_record now = record_of(SL_RECORD_SWITCH, "", "provider:now", "active");
    struct sl_record purge = record_of(SL_RECORD_SWITCH, "", "purge.model.0", "active");
    struct sl_record again = record_of(SL_RECORD_SWITCH, "", "provider:0007", "active");
    struct sl_beat beat;
    char doc[64];

    assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &beat), SL_OK);
    restores_switches(s, beat.now_us / 1000 + 60000);
    (void)snprintf(doc, sizeof doc, "{\"since\":1,\"until\":%lld}",
                   (long long)(beat.now_us / 1000 + 7200000));
    now.doc = again.doc = sl_str_of(doc);
    purge.doc = SL_STR("{\"since\":1,\"until\":2}");
    puts_ok(s, &now);
    puts_ok(s, &purge);
    assert_int_equal(lists_switches(s, p), SWITCHES_OVER + 2); /* none is over yet */
    pass_us(s, 61000000);
    for (int i = 0; i < 4; i++) {
        (void)lists_switches(s, p);
        puts_ok(s, &now);
    }
    assert_int_equal(lists_switches(s, p), 2);
    assert_string_equal(p->ids[0], "provider:now");
    assert_string_equal(p->ids[1], "purge.model.0");
    finds(s, p, SL_RECORD_SWITCH, "provider:0007");
    assert_int_equal(p->n, 0);
    puts_ok(s, &again); /* as one that never was */
    assert_int_equal(lists_switches(s, p), 3);
    free(p->doc);
    free(p);
}

/* Many at once, in no order. */
static inline void puts_many(struct store *s, int n)
{
    struct wait *w = calloc((size_t)n, sizeof *w);
    struct sl_records out;
    char id[16];

    for (int i = 0; i < n; i++) {
        struct sl_record r;

        (void)snprintf(id, sizeof id, "key-%04d", i * 37 % n);
        r = record_of(SL_RECORD_KEY, i % 5 == 0 ? "beta" : "acme", id, "active");
        s->b->ops->put(s->b, &r, &out, WAIT(&w[i]));
    }
    for (int i = 0; i < n; i++) {
        if (w[i].n == 0)
            (void)wait_for(s, &w[i]);
        assert_int_equal(w[i].err, SL_OK);
    }
    free(w);
}

static inline void lists_in_pages(void **state)
{
    struct store *s = *state;
    struct page *p = calloc(1, sizeof *p);
    char id[16], last[300] = "";
    size_t all = 0, pages = 0;

    puts_many(s, 250);
    for (int i = 0; i < 3; i++) {
        struct sl_record r;

        (void)snprintf(id, sizeof id, "tenant-%d", 2 - i);
        r = record_of(SL_RECORD_TENANT, "", id, "active");
        puts_ok(s, &r);
    }
    lists(s, p, SL_RECORD_KEY, "acme", "");
    assert_int_equal(p->n, SL_STORE_PAGE);
    assert_string_equal(p->next, ""); /* exactly a page */
    for (size_t i = 1; i < p->n; i++)
        assert_true(strcmp(p->ids[i - 1], p->ids[i]) < 0);
    lists(s, p, SL_RECORD_KEY, "beta", "");
    assert_int_equal(p->n, 50);
    assert_string_equal(p->tenants[0], "beta");
    do { /* of all tenants, in pages */
        lists(s, p, SL_RECORD_KEY, "", p->next);
        for (size_t i = 0; i < p->n; i++) {
            (void)snprintf(id, sizeof id, "%.15s", p->ids[i]);
            assert_true(strcmp(last, id) != 0);
            memcpy(last, id, sizeof id);
        }
        all += p->n;
        pages++;
        assert_true(pages < 10);
    } while (p->next[0] != 0);
    assert_int_equal(all, 250);
    assert_int_equal(pages, 2);
    lists(s, p, SL_RECORD_TENANT, "", "");
    assert_int_equal(p->n, 3);
    assert_string_equal(p->ids[0], "tenant-0");
    assert_string_equal(p->ids[2], "tenant-2");
    lists(s, p, SL_RECORD_SWITCH, "", "");
    assert_int_equal(p->n, 0);
    free(p->doc);
    free(p);
}

/* A change holds from the next request on. */
static inline void states_at_admission(void **state)
{
    struct store *s = *state;
    struct sl_record key = record_of(SL_RECORD_KEY, "acme", "alice", "active");
    struct sl_record tenant = record_of(SL_RECORD_TENANT, "", "acme", "active");

    s->ask.gateway_qps = 1;
    assert_true(asks(s)); /* none known, none there; the gateway's window is full */
    s->ask.rev[K] = 12345;
    refuses(s, SL_LIMIT_GATEWAY_QPS, T); /* a store without a record does not judge */
    s->ask.rev[K] = 0;
    puts_ok(s, &key);
    refuses(s, SL_LIMIT_STALE, K);
    assert_int_equal(s->a.wait_ms, -1);
    s->ask.rev[K] = key.rev;
    refuses(s, SL_LIMIT_GATEWAY_QPS, T);
    puts_ok(s, &tenant);
    refuses(s, SL_LIMIT_STALE, T);
    s->ask.rev[T] = tenant.rev;
    refuses(s, SL_LIMIT_GATEWAY_QPS, T);
    key.state = SL_STR("revoked");
    puts_ok(s, &key);
    refuses(s, SL_LIMIT_STATE, K); /* before the question of revisions */
    tenant.state = SL_STR("paused");
    puts_ok(s, &tenant);
    refuses(s, SL_LIMIT_STATE, T);
    s->ask.key_id = SL_STR("bob");
    s->ask.rev[K] = 0;
    refuses(s, SL_LIMIT_STATE, T);
    tenant.state = SL_STR("active");
    puts_ok(s, &tenant);
    s->ask.rev[T] = tenant.rev;
    s->ask.gateway_qps = 0;
    assert_true(asks(s));
    s->ask.tenant = SL_STR("other"); /* its key of that name is another */
    s->ask.key_id = SL_STR("alice");
    s->ask.rev[T] = 0;
    assert_true(asks(s));
}

/* Names of one letter are names: none is a tenant's own place among its keys. */
static inline void states_of_short_names(void **state)
{
    static const char *const names[] = {".", "-", "_", "t"};
    struct store *s = *state;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sl_record key = record_of(SL_RECORD_KEY, "acme", names[i], "paused");

        puts_ok(s, &key);
        s->ask.key_id = SL_STR("alice");
        assert_true(asks(s));
        s->ask.key_id = sl_str_of(names[i]);
        refuses(s, SL_LIMIT_STATE, K);
    }
}

/* A key that took another's place: that one's windows and money, its own record. */
static inline void successors_go_on(void **state)
{
    struct store *s = *state;
    struct sl_record old = record_of(SL_RECORD_KEY, "acme", "alice", "active");
    struct sl_record young = record_of(SL_RECORD_KEY, "acme", "alice2", "active");

    s->ask.key_id = SL_STR("alice");
    s->terms[K].limits.rpm = 3;
    puts_ok(s, &old);
    s->ask.rev[K] = old.rev;
    asks_all(s, 2);
    puts_ok(s, &young);
    s->ask.record_id = SL_STR("alice2");
    refuses(s, SL_LIMIT_STALE, K);
    s->ask.rev[K] = young.rev;
    assert_true(asks(s));
    refuses(s, SL_LIMIT_RPM, K);
    young.state = SL_STR("revoked");
    puts_ok(s, &young);
    refuses(s, SL_LIMIT_STATE, K);
    s->ask.record_id = SL_STR("");
    s->ask.rev[K] = old.rev;
    refuses(s, SL_LIMIT_RPM, K);
    old.state = SL_STR("revoked");
    puts_ok(s, &old);
    refuses(s, SL_LIMIT_STATE, K);
    s->ask.record_id = SL_STR("alice2");
    young.state = SL_STR("active");
    puts_ok(s, &young);
    s->ask.rev[K] = young.rev;
    refuses(s, SL_LIMIT_RPM, K); /* the old one's end is not its own */
}

static inline void epoch_is_marked(void **state)
{
    struct store *s = *state;
    struct sl_beat b;
    struct wait w = {0};

    assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &b), SL_OK);
    assert_false(b.has_epoch);
    assert_int_equal(b.instances, 1);
    assert_in_range(b.now_us / 1000000, time(NULL) - 5, time(NULL) + 5);
    s->b->ops->mark(s->b, WAIT(&w));
    assert_int_equal(wait_for(s, &w), SL_OK);
    assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &b), SL_OK);
    assert_true(b.has_epoch);
}

/* ---- usage ---- */

struct usage {
    struct wait w;
    struct sl_usage_rows out;
    size_t n;
    struct sl_usage_row first, last; /* numbers; texts below */
    char day[2][16], model[2][300], key_id[2][64], provider[2][64], app[2][64], next[300];
    uint64_t requests;
};

static inline void usage_told(void *ctx, enum sl_err e)
{
    struct usage *u = ctx;

    u->n = e == SL_OK ? u->out.n : 0;
    for (size_t i = 0; i < u->n; i++) {
        const struct sl_usage_row *r = &u->out.at[i];
        int at = i > 0;

        *(at ? &u->last : &u->first) = *r;
        if (!at)
            u->last = *r;
        for (int k = at; k < 2; k++) {
            (void)snprintf(u->day[k], sizeof u->day[k], "%.*s", SL_STR_ARGS(r->day));
            (void)snprintf(u->model[k], sizeof u->model[k], "%.*s", SL_STR_ARGS(r->model));
            (void)snprintf(u->key_id[k], sizeof u->key_id[k], "%.*s", SL_STR_ARGS(r->key_id));
            (void)snprintf(u->provider[k], sizeof u->provider[k], "%.*s", SL_STR_ARGS(r->provider));
            (void)snprintf(u->app[k], sizeof u->app[k], "%.*s", SL_STR_ARGS(r->app));
        }
        assert_true(i == 0 || strncmp(u->out.at[i - 1].day.p, r->day.p, r->day.n) <= 0);
        u->requests += r->requests;
    }
    (void)snprintf(u->next, sizeof u->next, "%.*s", SL_STR_ARGS(u->out.next));
    told(&u->w, e);
}

static inline void uses(struct store *s, struct usage *u, const char *from, const char *to,
                        const char *after)
{
    u->w = (struct wait){0};
    s->b->ops->usage(s->b, s->ask.tenant, sl_str_of(from), sl_str_of(to), sl_str_of(after), &u->out,
                     &u->w.op, usage_told, u);
    assert_int_equal(wait_for(s, &u->w), SL_OK);
}

static inline void usage_adds_up(void **state)
{
    struct store *s = *state;
    struct sl_line l[4];
    struct usage u = {0};

    for (unsigned i = 0; i < 4; i++)
        l[i] = line_of(s, i + 1, 100);
    l[1].cached = 1;
    l[1].cost_micro = 0;
    l[2].requests = 70; /* an aggregated one */
    l[2].cached = 60;
    l[3].day = SL_STR("2026-11-26");
    l[3].model = SL_STR("other");
    l[3].cache_read = 3;
    l[3].cache_write = 4;
    applies(s, l, 3);
    applies(s, l, 4); /* the first three are known */
    s->ask.tenant = SL_STR("beta");
    l[0].number = ++s->number;
    applies(s, l, 1);
    s->ask.tenant = SL_STR("acme");
    uses(s, &u, "2026-11-01", "2026-11-30", "");
    assert_int_equal(u.n, 2);
    assert_string_equal(u.next, "");
    assert_string_equal(u.day[0], "2026-11-25");
    assert_string_equal(u.model[0], "claude-sonnet");
    assert_string_equal(u.key_id[0], "alice");
    assert_int_equal(u.first.requests, 72);
    assert_int_equal(u.first.cached, 61);
    assert_int_equal(u.first.in, 30);
    assert_int_equal(u.first.out, 15);
    assert_int_equal(u.first.cost_micro, 200);
    assert_string_equal(u.day[1], "2026-11-26");
    assert_string_equal(u.model[1], "other");
    assert_int_equal(u.last.cache_read, 3);
    assert_int_equal(u.last.cache_write, 4);
    uses(s, &u, "2026-11-26", "2026-11-26", "");
    assert_int_equal(u.n, 1);
    uses(s, &u, "2026-11-27", "2026-12-31", "");
    assert_int_equal(u.n, 0);
}

/* Requests of another program are another row, before and behind a restore. */
static inline void usage_by_app(void **state)
{
    struct store *s = *state;
    struct sl_usage_row row = {.day = SL_STR("2026-11-26"),
                               .key_id = SL_STR("alice"),
                               .provider = SL_STR("anthropic"),
                               .app = SL_STR("Desk (https://acme.example)"),
                               .requests = 7};
    struct sl_restore what = {.tenant = SL_STR("acme"), .rows = &row, .rows_n = 1};
    struct sl_line l[3];
    struct usage u = {0};

    for (unsigned i = 0; i < 3; i++)
        l[i] = line_of(s, i + 1, 100);
    l[1].app = l[2].app = SL_STR("Desk");
    applies(s, l, 3);
    uses(s, &u, "2026-11-25", "2026-11-25", "");
    assert_int_equal(u.n, 2);
    assert_string_equal(u.provider[0], u.provider[1]);
    assert_string_equal(u.app[u.first.requests == 2 ? 1 : 0], "");
    assert_string_equal(u.app[u.first.requests == 2 ? 0 : 1], "Desk");
    assert_int_equal(u.first.requests + u.last.requests, 3);
    assert_int_equal(CALL(s, restore, &what), SL_OK);
    uses(s, &u, "2026-11-26", "2026-11-26", "");
    assert_int_equal(u.n, 1);
    assert_string_equal(u.provider[0], "anthropic");
    assert_string_equal(u.app[0], "Desk (https://acme.example)");
}

static inline void usage_in_pages(void **state)
{
    enum { N = 450, BATCH = 50 };
    struct store *s = *state;
    struct sl_line l[BATCH];
    struct usage u = {0};
    char model[N][16], day[N][16];
    size_t pages = 0;

    for (int i = 0; i < N; i++) {
        (void)snprintf(model[i], sizeof model[i], "m-%d", i);
        (void)snprintf(day[i], sizeof day[i], "2026-11-%02d", 1 + i * 7 % 28);
        l[i % BATCH] = line_of(s, (unsigned)i, 1);
        l[i % BATCH].model = sl_str_of(model[i]);
        l[i % BATCH].day = sl_str_of(day[i]);
        if (i % BATCH == BATCH - 1)
            applies(s, l, BATCH);
    }
    do {
        char after[300];

        memcpy(after, u.next, sizeof after);
        uses(s, &u, "2026-11-01", "2026-11-30", after);
        pages++;
        assert_true(pages < 10);
    } while (u.next[0] != 0);
    assert_int_equal(u.requests, N);
    assert_int_equal(pages, 3);
}

/* Rows of one day fill pages too: each comes once. */
static inline void usage_of_one_day(void **state)
{
    enum { N = 700, BATCH = 50 };
    struct store *s = *state;
    struct sl_line l[BATCH];
    char model[BATCH][16];

    for (int i = 1; i <= N; i++) {
        struct sl_line *one = &l[i % BATCH];

        (void)snprintf(model[i % BATCH], sizeof model[0], "m-%d", i);
        *one = line_of(s, (unsigned)i, 1);
        one->model = sl_str_of(model[i % BATCH]);
        if (i % BATCH == BATCH - 1)
            applies(s, l + (i < BATCH), BATCH - (i < BATCH));
        if (i == 299 || i == 699) {
            struct usage u = {0};
            int pages = 0;

            do {
                char after[300];

                memcpy(after, u.next, sizeof after);
                uses(s, &u, "2026-11-20", "2026-11-30", after);
                assert_in_range(u.n, 1, SL_STORE_PAGE);
                assert_true(++pages < 8);
            } while (u.next[0] != 0);
            assert_int_equal(u.requests, i);
        }
    }
}

/* ---- what is set, whatever was there ---- */

static inline void restored(void **state)
{
    struct store *s = *state;
    struct sl_restore_account accounts[2] = {
        {{0}, {.held = true, .granted_micro = 900, .spent_micro = 400}, {0}},
        {SL_STR("alice"), {.spent_micro = 70}, {0}}};
    struct sl_usage_row row = {.day = SL_STR("2026-11-25"),
                               .key_id = SL_STR("alice"),
                               .user = SL_STR("alice@acme"),
                               .model = SL_STR("claude-sonnet"),
                               .provider = SL_STR("anthropic"),
                               .requests = 7,
                               .cost_micro = 70};
    struct sl_restore_seq seqs[2] = {{"inst0001", 50}, {"inst0002", 1}};
    struct sl_restore what = {SL_STR("acme"), accounts, &row, seqs, 2, 1, 2};
    struct sl_line l;
    struct usage u = {0};

    s->terms[T].budget.credits_micro = 100;
    s->terms[K].budget.daily_micro = 1000;
    s->ask.reserve_micro = 10;
    assert_true(asks(s));
    settles(s, 1, 33);
    assert_true(asks(s)); /* its reservation stays */
    l = line_of(s, 5, 5);
    assert_int_equal(applies_as(s, "inst0002", &l, 1), SL_OK); /* number 2 of it */
    accounts[0].account.day0 = accounts[1].account.day0 = s->ask.periods.day[0];
    accounts[1].account.day_micro = 70;
    assert_int_equal(CALL(s, restore, &what), SL_OK);
    assert_int_equal(balance_of(s, T).granted_micro, 900);
    assert_int_equal(balance_of(s, T).spent_micro, 400);
    assert_int_equal(balance_of(s, T).reserved_micro, 10);
    assert_int_equal(balance_of(s, T).day_micro, 0);
    assert_int_equal(balance_of(s, K).spent_micro, 70);
    assert_int_equal(balance_of(s, K).day_micro, 70);
    uses(s, &u, "2026-11-25", "2026-11-25", "");
    assert_int_equal(u.n, 1);
    assert_int_equal(u.first.requests, 7);
    assert_int_equal(u.first.cost_micro, 70);
    s->number = 49;
    settles(s, 2, 11); /* 50: is in the sums */
    assert_int_equal(balance_of(s, T).spent_micro, 400);
    settles(s, 2, 11); /* 51 */
    assert_int_equal(balance_of(s, T).spent_micro, 411);
    assert_int_equal(balance_of(s, T).reserved_micro, 0);
    assert_int_equal(applies_as(s, "inst0002", &l, 1), SL_OK); /* never lowered */
    assert_int_equal(balance_of(s, T).spent_micro, 411);
    uses(s, &u, "2026-11-25", "2026-11-25", "");
    assert_int_equal(u.first.requests, 8);
}

/* An account knows the name of its last grant also when it was set from outside: that of the sums
 * it is given, and no other. */
static inline void restored_names(void **state)
{
    static const char own[] = "own", theirs[] = "0123456789abcdef0123456789abcdef";
    struct store *s = *state;
    struct sl_restore_account accounts[2] = {
        {{0}, {.held = true, .granted_micro = 900}, SL_STR("0123456789abcdef0123456789abcdef")},
        {s->ask.key_id, {.held = true, .granted_micro = 50}, {0}}};
    struct sl_restore what = {.tenant = s->ask.tenant, .accounts = accounts, .accounts_n = 2};

    (void)grants_once(s, T, 100, 40, own);
    (void)grants_once(s, K, 0, 7, own);
    assert_int_equal(CALL(s, restore, &what), SL_OK);
    assert_true(grants_once(s, T, 100, 40, theirs).again);
    assert_int_equal(balance_of(s, T).granted_micro, 900);
    assert_int_equal(grants_once(s, K, 0, 7, own).granted_micro, 57); /* the sum was without it */
    assert_int_equal(grants_once(s, T, 100, 40, own).granted_micro, 940);
    accounts[0].once = SL_STR("0123456789abcdef0123456789abcdefX");
    assert_int_equal(CALL(s, restore, &what), SL_ERR_CEILING);
}

/* A page of each at once. */
static inline void restored_in_full_pages(void **state)
{
    enum { N = SL_STORE_PAGE };
    static struct sl_restore_account accounts[N];
    static struct sl_usage_row rows[N + 1];
    static struct sl_restore_seq seqs[N];
    static char names[N][16];
    struct sl_restore what = {SL_STR("acme"), accounts, rows, seqs, N, N, N};
    struct store *s = *state;
    struct sl_line l;
    struct usage u = {0};

    for (int i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof names[i], "name%04d", i);
        accounts[i] = (struct sl_restore_account){sl_str_of(names[i]), {.spent_micro = i}, {0}};
        rows[i] = (struct sl_usage_row){.day = SL_STR("2026-11-25"),
                                        .key_id = sl_str_of(names[i]),
                                        .user = SL_STR("u"),
                                        .model = SL_STR("m"),
                                        .provider = SL_STR("p"),
                                        .requests = 1};
        memcpy(seqs[i].instance, names[i], sizeof seqs[i].instance);
        seqs[i].number = 7;
    }
    assert_int_equal(CALL(s, restore, &what), SL_OK);
    s->ask.key_id = sl_str_of(names[N - 1]);
    assert_int_equal(balance_of(s, K).spent_micro, N - 1);
    uses(s, &u, "2026-11-25", "2026-11-25", "");
    assert_int_equal(u.requests, N);
    s->terms[K].budget.daily_micro = 1;
    s->number = 6;
    settles(s, 1, 1);
    assert_int_equal(balance_of(s, K).spent_micro, N);
    l = line_of(s, 1, 1);
    l.number = 7;
    assert_int_equal(applies_as(s, names[3], &l, 1), SL_OK); /* is in the sums */
    assert_int_equal(balance_of(s, K).spent_micro, N);
    what.rows_n = N + 1;
    assert_int_equal(CALL(s, restore, &what), SL_ERR_CEILING);
}

/* Nobody hears of a quiet one, though it is guarded and kept as any other is; and what others put
 * meanwhile is heard of. */
static inline void records_quiet(void **state)
{
    struct store *s = *state;
    struct sl_record r = record_of(SL_RECORD_SWITCH, "", "topup.acme", "active"), old;
    struct sl_record other = record_of(SL_RECORD_TENANT, "", "acme", "active");
    struct sl_beat before, after;
    struct page p = {0};

    puts_ok(s, &other);
    assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &before), SL_OK);
    r.quiet = true;
    for (int i = 0; i < 3; i++) {
        old = r;
        puts_ok(s, &r);
    }
    assert_int_equal(puts_err(s, &old), SL_ERR_CONFLICT);
    assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &after), SL_OK);
    assert_int_equal(after.revision, before.revision);
    finds(s, &p, SL_RECORD_SWITCH, "topup.acme");
    assert_int_equal(p.rev, r.rev);
    puts_ok(s, &other);
    assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &after), SL_OK);
    assert_true(after.revision != before.revision);
    puts_ok(s, &r);
    r.quiet = false;
    puts_ok(s, &r); /* as an older gateway would */
    free(p.doc);
}

static inline void records_restored(void **state)
{
    struct store *s = *state;
    struct sl_record r[3] = {record_of(SL_RECORD_KEY, "acme", "alice", "active"),
                             record_of(SL_RECORD_KEY, "acme", "bob", "revoked"),
                             record_of(SL_RECORD_TENANT, "", "acme", "active")};
    struct sl_record newer = r[0];
    struct sl_beat before, after;
    struct page p = {0};

    puts_ok(s, &newer);
    newer.state = SL_STR("paused");
    puts_ok(s, &newer);
    r[0].rev = newer.rev - 1;
    r[1].rev = newer.rev + 100;
    r[2].rev = newer.rev + 5;
    assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &before), SL_OK);
    assert_int_equal(CALL(s, restore_records, r, 3), SL_OK);
    assert_int_equal(CALL(s, beat, SL_STR("inst0001"), &after), SL_OK);
    assert_true(before.revision != after.revision);
    reads(s, &p, r[0].sha256);
    assert_string_equal(p.state, "paused"); /* the store had a newer one */
    assert_int_equal(p.rev, newer.rev);
    reads(s, &p, r[1].sha256);
    assert_int_equal(p.rev, r[1].rev);
    s->ask.rev[T] = r[2].rev;
    refuses(s, SL_LIMIT_STATE, K);
    s->ask.key_id = SL_STR("bob");
    refuses(s, SL_LIMIT_STATE, K);
    s->ask.key_id = SL_STR("carol");
    assert_true(asks(s));
    s->ask.rev[T] = 0;
    refuses(s, SL_LIMIT_STALE, T);
    puts_ok(s, &r[1]); /* revisions go on behind the greatest */
    free(p.doc);
}

static inline struct sl_tip tip_of(struct store *s, const char *instance)
{
    struct sl_tip out;

    memset(&out, 0xff, sizeof out);
    assert_int_equal(CALL(s, tip, sl_str_of(instance), &out), SL_OK);
    return out;
}

/* The last one of an instance, whole. */
static inline void tips_are_kept(void **state)
{
    struct store *s = *state;
    struct sl_tip tip = {.number = ((uint64_t)1795000000 << 20) + 7}, got;

    assert_int_equal(tip_of(s, "inst0001").number, 0);
    assert_int_equal(tip_of(s, "inst0001").lost, 0);
    memset(tip.mac, 0xa5, sizeof tip.mac);
    assert_int_equal(CALL(s, keep_tip, SL_STR("inst0001"), &tip), SL_OK);
    got = tip_of(s, "inst0001");
    assert_memory_equal(&got, &tip, sizeof tip);
    tip = (struct sl_tip){.number = 9, .lost = 8};
    assert_int_equal(CALL(s, keep_tip, SL_STR("inst0001"), &tip), SL_OK);
    got = tip_of(s, "inst0001");
    assert_memory_equal(&got, &tip, sizeof tip);
    assert_int_equal(tip_of(s, "inst0002").number, 0);
}

static inline void notes(struct store *s, const char *tenant, const char *id, const char *other,
                         const char *doc)
{
    s->b->ops->note(
        s->b, sl_str_of(tenant),
        &(struct sl_note){sl_str_of(id), sl_str_of(other != NULL ? other : ""), sl_str_of(doc)});
}

/* The text of that name; "" if there is none. */
static inline const char *noted(struct store *s, const char *tenant, const char *name)
{
    static struct sl_noted out;

    out.n = 9;
    assert_int_equal(CALL(s, noted, sl_str_of(tenant), sl_str_of(name), &out), SL_OK);
    assert_true(out.n < sizeof out.doc);
    out.doc[out.n] = '\0';
    return out.doc;
}

static inline void notes_by_both_names(void **state)
{
    struct store *s = *state;
    char most[SL_STORE_NOTE_MAX + 1];

    notes(s, "acme", "r1", "msg_1", "{\"n\":1}");
    assert_string_equal(noted(s, "acme", "msg_1"), "{\"n\":1}"); /* at once */
    assert_string_equal(noted(s, "acme", "r1"), "{\"n\":1}");
    notes(s, "acme", "r2", NULL, "{\"n\":2}");
    notes(s, "bobs", "r1", "r1", "{\"n\":3}");
    notes(s, "bobs", "r4", "msg_1", "{\"n\":4}");
    assert_string_equal(noted(s, "acme", "r2"), "{\"n\":2}");
    assert_string_equal(noted(s, "acme", "r1"), "{\"n\":1}");
    assert_string_equal(noted(s, "bobs", "r1"), "{\"n\":3}");
    assert_string_equal(noted(s, "bobs", "msg_1"), "{\"n\":4}");
    assert_string_equal(noted(s, "bobs", "r2"), "");
    assert_string_equal(noted(s, "carol", "r1"), "");
    assert_string_equal(noted(s, "acme", ""), "");
    notes(s, "acme", "r5", "msg_1", "{\"n\":5}"); /* two answers of one name: the later one */
    assert_string_equal(noted(s, "acme", "msg_1"), "{\"n\":5}");
    memset(most, ' ', sizeof most - 1);
    most[sizeof most - 1] = '\0';
    most[0] = '{';
    notes(s, "acme", "r6", NULL, most);
    {
        struct sl_noted out = {0};

        assert_int_equal(CALL(s, noted, SL_STR("acme"), SL_STR("r6"), &out), SL_OK);
        assert_int_equal(out.n, SL_STORE_NOTE_MAX);
        assert_memory_equal(out.doc, most, out.n);
    }
}

/* The latest of a tenant stay, whatever others do. */
static inline void notes_are_bounded(void **state)
{
    struct store *s = *state;
    char id[24], other[24];

    notes(s, "bobs", "r", "o", "{}");
    for (int i = 0; i < SL_STORE_NOTES / 2 + 10; i++) {
        (void)snprintf(id, sizeof id, "r%d", i);
        (void)snprintf(other, sizeof other, "o%d", i);
        notes(s, "acme", id, other, "{}");
        if (i % 64 == 0)
            assert_string_equal(noted(s, "acme", id), "{}");
    }
    assert_string_equal(noted(s, "acme", "r9"), "");
    assert_string_equal(noted(s, "acme", "o9"), "");
    assert_string_equal(noted(s, "acme", "o10"), "{}");
    assert_string_equal(noted(s, "acme", "r10"), "{}");
    assert_string_equal(noted(s, "acme", other), "{}");
    assert_string_equal(noted(s, "bobs", "o"), "{}");
}

static inline void notes_end(void **state)
{
    struct store *s = *state;

    notes(s, "acme", "r1", "o1", "{}");
    assert_string_equal(noted(s, "acme", "o1"), "{}");
    notes(s, "acme", "r2", NULL, "{}"); /* one that is under way when the store ends */
}

#define SUITE_RECORDS(X)                                                                           \
    X(put_and_read)                                                                                \
    X(found_by_name)                                                                               \
    X(successors_go_on)                                                                            \
    X(puts_race)                                                                                   \
    X(lists_in_pages)                                                                              \
    X(lists_switches_in_pages)                                                                     \
    X(switches_that_are_over_go)                                                                   \
    X(tips_are_kept)                                                                               \
    X(states_at_admission)                                                                         \
    X(states_of_short_names)                                                                       \
    X(epoch_is_marked)                                                                             \
    X(usage_adds_up)                                                                               \
    X(usage_by_app)                                                                                \
    X(usage_in_pages)                                                                              \
    X(usage_of_one_day)                                                                            \
    X(restored_in_full_pages)                                                                      \
    X(restored)                                                                                    \
    X(restored_names)                                                                              \
    X(records_restored)                                                                            \
    X(records_quiet)                                                                               \
    X(notes_by_both_names)                                                                         \
    X(notes_are_bounded)                                                                           \
    X(notes_end)

#endif
