/* store/front/mirror.c -- a copy of the store's records: keys are known in an outage and at a
 * start without the store, and are written back to one that lost them. A record is
 * replaced by a newer one; of a deleted one that fact is kept, of a switch that is over
 * nothing. */
#include "store/front/mirror.h"

#include "base/log.h"
#include "base/mem.h"
#include "policy/routing/switches.h"

#define SWEEP_MAX 1000 /* rows looked at in a call */

/* A kind's digit and the id. */
static size_t name_of(enum sl_record_kind kind, struct sl_str id, char out[SL_MIRROR_NAME])
{
    id = sl_str_first(id, SL_MIRROR_NAME - 1);
    out[0] = (char)('0' + kind);
    if (id.n > 0)
        memcpy(out + 1, id.p, id.n);
    return id.n + 1;
}

static struct sl_mirror_row *find(struct sl_mirror *m, enum sl_record_kind kind, struct sl_str id)
{
    char name[SL_MIRROR_NAME];
    size_t n = name_of(kind, id, name);
    struct sl_mirror_row *r;

    HASH_FIND(by_id, m->ids, name, n, r);
    return r;
}

static void drop(struct sl_mirror *m, struct sl_mirror_row *r)
{
    HASH_DELETE(by_id, m->ids, r);
    if (r->rec.kind == SL_RECORD_KEY)
        HASH_DELETE(by_sha, m->shas, r);
    sl_list_unlink(&r->node);
    sl_list_unlink(&r->switches);
    m->n--;
    if (m->writing != NULL)
        sl_list_push_back(&m->gone, &r->node);
    else
        sl_mem_free(r);
}

static struct sl_str keep(char **at, struct sl_str s)
{
    struct sl_str out = {*at, s.n};

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

static struct sl_mirror_row *copy(const struct sl_record *rec)
{
    size_t n = rec->id.n + rec->tenant.n + rec->state.n + rec->doc.n;
    struct sl_mirror_row *r = sl_mem_try(sizeof *r + n);
    char *at;

    if (r == NULL)
        return NULL;
    memset(r, 0, sizeof *r);
    at = r->text;
    r->rec = *rec;
    r->rec.id = keep(&at, rec->id);
    r->rec.tenant = keep(&at, rec->tenant);
    r->rec.state = keep(&at, rec->state);
    r->rec.doc = keep(&at, rec->doc);
    r->name_n = name_of(rec->kind, rec->id, r->name);
    sl_list_init(&r->node);
    sl_list_init(&r->switches);
    return r;
}

static bool is_same(const struct sl_record *a, const struct sl_record *b)
{
    return a->rev == b->rev && sl_str_eq(a->state, b->state) && sl_str_eq(a->doc, b->doc) &&
           memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0;
}

static bool is_over(const struct sl_mirror *m, const struct sl_record *rec)
{
    return rec->kind == SL_RECORD_SWITCH &&
           sl_switch_is_over(rec->id, rec->doc, sl_store_now_ms(m->s));
}

void sl_mirror_sweep(struct sl_mirror *m)
{
    for (int i = 0; i < SWEEP_MAX && !sl_list_is_empty(&m->switches); i++) {
        struct sl_list *first = sl_list_pop_front(&m->switches);
        struct sl_mirror_row *r = SL_CONTAINER(first, struct sl_mirror_row, switches);

        if (is_over(m, &r->rec))
            drop(m, r);
        else
            sl_list_push_back(&m->switches, first);
    }
}

static bool has_room(struct sl_mirror *m)
{
    if (m->n < SL_MIRROR_MAX)
        return true;
    if (!m->full)
        sl_log(SL_LOG_WARN, "store", (struct sl_str){NULL, 0},
               "there are more than %d keys and tenants: those above it are not known in an "
               "outage, nor written back to a store that lost them",
               SL_MIRROR_MAX);
    m->full = true;
    return false;
}

struct sl_mirror_row *sl_mirror_put(struct sl_mirror *m, const struct sl_record *rec)
{
    struct sl_mirror_row *old = find(m, rec->kind, rec->id), *r;

    if (old != NULL && (old->rec.rev > rec->rev || is_same(&old->rec, rec)))
        return NULL;
    if (is_over(m, rec)) {
        if (old != NULL)
            drop(m, old);
        return NULL;
    }
    if (old == NULL && !has_room(m))
        return NULL;
    r = copy(rec);
    if (r == NULL)
        return NULL; /* the next pass brings it again */
    if (old != NULL)
        drop(m, old);
    HASH_ADD_KEYPTR(by_id, m->ids, r->name, r->name_n, r);
    if (rec->kind == SL_RECORD_KEY)
        HASH_ADD(by_sha, m->shas, rec.sha256, sizeof r->rec.sha256, r);
    if (rec->kind == SL_RECORD_SWITCH)
        sl_list_push_back(&m->switches, &r->switches);
    sl_list_push_back(&m->rows, &r->node);
    m->n++;
    return r;
}

void sl_mirror_note(struct sl_mirror *m, const struct sl_record *rec)
{
    const struct sl_mirror_row *r = sl_mirror_put(m, rec);

    if (r != NULL)
        sl_mirror_append(m, &r->rec);
}

static bool give(const struct sl_mirror_row *r, struct sl_record *out)
{
    if (r != NULL)
        *out = r->rec;
    return r != NULL;
}

bool sl_mirror_key(struct sl_mirror *m, const uint8_t sha256[32], struct sl_record *out)
{
    struct sl_mirror_row *r;

    HASH_FIND(by_sha, m->shas, sha256, 32, r);
    return give(r, out);
}

bool sl_mirror_find(struct sl_mirror *m, enum sl_record_kind kind, struct sl_str id,
                    struct sl_record *out)
{
    return m->n > 0 && give(find(m, kind, id), out);
}

static bool is_asked_for(const struct sl_mirror_ask *ask, const struct sl_record *rec)
{
    return rec->kind == ask->kind && (ask->tenant.n == 0 || sl_str_eq(rec->tenant, ask->tenant));
}

size_t sl_mirror_page(struct sl_mirror *m, const struct sl_mirror_ask *ask, struct sl_record *at,
                      size_t cap, struct sl_str *next)
{
    struct sl_mirror_row *r = m->ids; /* in the order in which they came */
    size_t n = 0;

    if (ask->after.n > 0) {
        r = find(m, ask->kind, ask->after);
        r = r != NULL ? r->by_id.next : NULL;
    }
    *next = (struct sl_str){NULL, 0};
    for (; r != NULL && n < cap; r = r->by_id.next)
        if (is_asked_for(ask, &r->rec))
            at[n++] = r->rec;
    if (r != NULL && n > 0)
        *next = at[n - 1].id;
    return n;
}

size_t sl_mirror_count(const struct sl_mirror *m)
{
    return m->n;
}

void sl_mirror_forget(struct sl_mirror *m)
{
    while (!sl_list_is_empty(&m->rows))
        drop(m, SL_CONTAINER(m->rows.next, struct sl_mirror_row, node));
}

struct sl_mirror *sl_mirror_new(struct sl_store *s, struct sl_str dir)
{
    struct sl_mirror *m = sl_mem_new(sizeof *m);

    m->s = s;
    sl_list_init(&m->rows);
    sl_list_init(&m->switches);
    sl_list_init(&m->gone);
    sl_mirror_sync_init(m);
    if (dir.n > 0)
        sl_mirror_load(m, dir);
    return m;
}

void sl_mirror_end(struct sl_mirror **pm)
{
    struct sl_mirror *m = *pm;

    *pm = NULL;
    if (m == NULL)
        return;
    sl_mirror_sync_fini(m);
    sl_file_end(&m->file);
    sl_mirror_forget(m);
    sl_mem_free(m);
}
