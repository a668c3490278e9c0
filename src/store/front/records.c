/* store/front/records.c -- keys, tenants and switches: looked up, listed, changed. In an outage
 * the mirror answers, for what it knows. */
#include "base/mem.h"
#include "base/text.h"
#include "store/front/inside.h"

/* ---- one key ---- */

struct key {
    struct sl_step st;
    uint8_t sha256[32];
    struct sl_records got;
    struct sl_records *out; /* up */
    struct sl_record one;
    bool doubts; /* waits for a beat: was the store emptied? */
};

static bool from_mirror(struct key *k)
{
    if (!sl_mirror_key(k->st.s->m, k->sha256, &k->one))
        return false;
    *k->out = (struct sl_records){.at = &k->one, .n = 1};
    return true;
}

/* No such key, says the store; but one was known here. Revoked elsewhere just now, or gone
 * with everything else? */
static bool begin_doubt(struct key *k)
{
    struct sl_record known;

    if (k->doubts || !sl_mirror_key(k->st.s->m, k->sha256, &known) ||
        sl_str_eq(known.state, SL_STR("deleted")))
        return false;
    k->doubts = true;
    if (!k->st.s->health.lost)
        sl_health_ask(k->st.s);
    return !k->st.s->health.lost;
}

static bool finish_key(struct sl_step *st, enum sl_err *e)
{
    struct key *k = SL_CONTAINER(st, struct key, st);

    *k->out = (struct sl_records){.n = 0};
    if (*e == SL_OK && k->got.n > 0) {
        *k->out = k->got;
        sl_mirror_note(st->s->m, &k->got.at[0]);
    } else if (*e == SL_OK && begin_doubt(k)) {
        return false;
    } else if (*e != SL_OK || (k->doubts && st->s->health.lost)) {
        if (from_mirror(k))
            *e = SL_OK;
    }
    return true;
}

void sl_store_key_start(struct sl_store *s, const uint8_t sha256[32], struct sl_records *out,
                        struct sl_op **slot, sl_store_done_fn *done, void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    struct key *k;

    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    k = sl_step_new(s, sizeof *k, SL_STORE_KEY, s->timeout_ms, &w);
    k->st.finish = finish_key;
    k->out = out;
    memcpy(k->sha256, sha256, sizeof k->sha256);
    if (sl_store_is_asked(s))
        s->b->ops->key(s->b, k->sha256, &k->got, &k->st.below, sl_step_on_done, k);
    else
        sl_step_tell_later(&k->st, SL_ERR_STORE);
}

static struct key *first_in_doubt(struct sl_store *s)
{
    for (struct sl_list *n = s->steps.next; n != &s->steps; n = n->next) {
        struct sl_step *st = SL_CONTAINER(n, struct sl_step, node);

        if (st->what == SL_STORE_KEY && !st->told && SL_CONTAINER(st, struct key, st)->doubts)
            return SL_CONTAINER(st, struct key, st);
    }
    return NULL;
}

void sl_records_on_beat(struct sl_store *s, bool answered)
{
    struct key *k;

    while ((k = first_in_doubt(s)) != NULL)
        sl_step_tell(&k->st, answered ? SL_OK : SL_ERR_STORE);
}

/* ---- one tenant or switch ---- */

struct find {
    struct sl_step st;
    enum sl_record_kind kind;
    struct sl_str id;
    struct sl_records got;
    struct sl_records *out; /* up */
    struct sl_record one;
};

static bool finish_find(struct sl_step *st, enum sl_err *e)
{
    struct find *f = SL_CONTAINER(st, struct find, st);

    *f->out = f->got;
    if (*e == SL_OK && f->got.n > 0) {
        sl_mirror_note(st->s->m, &f->got.at[0]);
    } else if (*e == SL_ERR_STORE && sl_mirror_find(st->s->m, f->kind, f->id, &f->one)) {
        *f->out = (struct sl_records){.at = &f->one, .n = 1};
        *e = SL_OK;
    }
    return true;
}

/* lint: budgets what, by which name, and who waits */
void sl_store_find_start(struct sl_store *s, enum sl_record_kind kind, struct sl_str id,
                         struct sl_records *out, struct sl_op **slot, sl_store_done_fn *done,
                         void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    struct find *f;

    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    SL_CHECK(kind != SL_RECORD_KEY);
    f = sl_step_new(s, sizeof *f, SL_STORE_LIST, s->timeout_ms, &w); /* KEY: a struct key */
    f->st.finish = finish_find;
    f->kind = kind;
    f->id = id;
    f->out = out;
    if (sl_store_is_asked(s))
        s->b->ops->find(s->b, kind, id, &f->got, &f->st.below, sl_step_on_done, f);
    else
        sl_step_tell_later(&f->st, SL_ERR_STORE);
}

bool sl_store_known(struct sl_store *s, enum sl_record_kind kind, struct sl_str id,
                    struct sl_record *out)
{
    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    return sl_mirror_find(s->m, kind, id, out);
}

/* ---- lists ---- */

struct list {
    struct sl_step st;
    struct sl_mirror_ask ask;
    struct sl_records got;
    struct sl_records *out;  /* up */
    struct sl_record *known; /* owns: the mirror's, in an outage */
};

static bool finish_list(struct sl_step *st, enum sl_err *e)
{
    struct list *l = SL_CONTAINER(st, struct list, st);

    *l->out = l->got;
    if (*e != SL_ERR_STORE)
        return true;
    *l->out = (struct sl_records){.at = l->known};
    l->out->n = sl_mirror_page(st->s->m, &l->ask, l->known, SL_STORE_PAGE, &l->out->next);
    if (l->out->n > 0)
        *e = SL_OK;
    return true;
}

/* lint: budgets a page of what, of whom, from where, to whom */
void sl_store_list_start(struct sl_store *s, enum sl_record_kind kind, struct sl_str tenant,
                         struct sl_str after, struct sl_records *out, struct sl_op **slot,
                         sl_store_done_fn *done, void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    struct list *l;

    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    l = sl_step_new(s, sizeof *l + SL_STORE_PAGE * sizeof *l->known, SL_STORE_LIST,
                    SL_STORE_ADMIN_MS, &w);
    l->st.finish = finish_list;
    l->known = (struct sl_record *)(l + 1);
    l->ask = (struct sl_mirror_ask){kind, tenant, after};
    l->out = out;
    if (sl_store_is_asked(s))
        s->b->ops->list(s->b, kind, tenant, after, &l->got, &l->st.below, sl_step_on_done, l);
    else
        sl_step_tell_later(&l->st, SL_ERR_STORE);
}

/* ---- a change ---- */

struct put {
    struct sl_step st;
    struct sl_record rec; /* its texts are in `text`: they outlive a waiter that leaves */
    struct sl_str actor;
    struct sl_records got;
    struct sl_records *out; /* up */
    bool made;              /* in the store; the trail's line is on its way */
    char text[];
};

static struct sl_str keep(char **at, struct sl_str s)
{
    struct sl_str out = {*at, s.n};

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

static void write_record(struct sl_text *t, const struct put *p, struct sl_str doc)
{
    static const char *const kinds[] = {"key", "tenant", "switch"};
    char hex[64];

    sl_text_printf(t, "\"kind\":\"%s\",\"actor\":", kinds[p->rec.kind]);
    sl_text_json(t, p->actor, 256);
    sl_text_add(t, SL_STR(",\"id\":"));
    sl_text_json(t, p->rec.id, 256);
    sl_text_add(t, SL_STR(",\"tenant\":"));
    sl_text_json(t, p->rec.tenant, 256);
    if (p->rec.kind == SL_RECORD_KEY) {
        sl_str_hex(p->rec.sha256, sizeof p->rec.sha256, hex);
        sl_text_printf(t, ",\"sha256\":\"%.64s\"", hex);
    }
    sl_text_printf(t, ",\"rev\":%llu,\"state\":", (unsigned long long)p->rec.rev);
    sl_text_json(t, p->rec.state, 256);
    sl_text_add(t, SL_STR(",\"doc\":"));
    sl_text_json(t, doc, 0); /* as a text: whatever it is, the line stays one */
}

/* True: nothing to wait for. */
static bool prove(struct put *p)
{
    char members[SL_TRAIL_LINE - 512];
    struct sl_text t = sl_text_over(members, sizeof members);

    p->rec.rev = p->got.n > 0 ? p->got.at[0].rev : p->rec.rev;
    sl_mirror_note(p->st.s->m, &p->rec);
    write_record(&t, p, p->rec.doc);
    if (t.cut) { /* it escaped to more than a line: the proof names it without */
        t = sl_text_over(members, sizeof members);
        write_record(&t, p, (struct sl_str){NULL, 0});
    }
    return sl_store_prove(&p->st, sl_text_str(&t));
}

static bool finish_put(struct sl_step *st, enum sl_err *e)
{
    struct put *p = SL_CONTAINER(st, struct put, st);

    if (p->made) {
        *e = SL_OK; /* it is; whatever became of the line */
        return true;
    }
    *p->out = (struct sl_records){.n = 0};
    if (*e != SL_OK)
        return true;
    p->made = true;
    *p->out = (struct sl_records){.at = &p->rec, .n = 1};
    return prove(p);
}

static void late_put(struct sl_step *st, enum sl_err e)
{
    struct put *p = SL_CONTAINER(st, struct put, st);

    if (e == SL_OK)
        (void)prove(p);
}

/* lint: budgets a change, by whom, and who waits */
void sl_store_put_start(struct sl_store *s, const struct sl_record *rec, struct sl_str actor,
                        struct sl_records *out, struct sl_op **slot, sl_store_done_fn *done,
                        void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    struct put *p;
    char *at;

    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    p = sl_step_new(s, sizeof *p + rec->id.n + rec->tenant.n + rec->state.n + rec->doc.n + actor.n,
                    SL_STORE_PUT, SL_STORE_ADMIN_MS, &w);
    at = p->text;
    p->rec = *rec;
    p->rec.id = keep(&at, rec->id);
    p->rec.tenant = keep(&at, rec->tenant);
    p->rec.state = keep(&at, rec->state);
    p->rec.doc = keep(&at, rec->doc);
    p->actor = keep(&at, actor);
    p->out = out;
    p->st.finish = finish_put;
    p->st.late = late_put;
    if (sl_store_is_asked(s))
        s->b->ops->put(s->b, &p->rec, &p->got, &p->st.below, sl_step_on_done, p);
    else
        sl_step_tell_later(&p->st, SL_ERR_STORE);
}

void sl_store_on_change(struct sl_store *s, void (*fn)(void *ctx), void *ctx)
{
    s->on_change = fn;
    s->on_change_ctx = ctx;
}
