/* store/embedded/notes.c -- notes of single requests: in memory alone, the latest of each
 * tenant, and of all. */
#include "base/text.h"
#include "store/embedded/inside.h"

#define ALL_MAX (50 * (size_t)SL_STORE_NOTES) /* names of all tenants */
#define END_US ((int64_t)SL_STORE_NOTE_S * 1000000)

struct sl_notes_one {
    UT_hash_handle hh;
    struct sl_list all, own;    /* the oldest first */
    struct sl_notes_tenant *of; /* up */
    int64_t at_us;
    size_t name_n, doc_n;
    char name[]; /* tenant, a line's end, the name; then the text, or "=" and another name */
};

struct sl_notes_tenant {
    UT_hash_handle hh;
    struct sl_list notes;
    size_t n, name_n;
    char name[];
};

void sl_notes_init(struct sl_notes *n)
{
    *n = (struct sl_notes){0};
    sl_list_init(&n->all);
}

static void drop(struct sl_notes *n, struct sl_notes_one *one)
{
    struct sl_notes_tenant *of = one->of;

    HASH_DEL(n->by_name, one);
    sl_list_unlink(&one->all);
    sl_list_unlink(&one->own);
    sl_mem_free(one);
    if (--of->n == 0) {
        HASH_DEL(n->tenants, of);
        sl_mem_free(of);
    }
}

void sl_notes_fini(struct sl_notes *n)
{
    while (!sl_list_is_empty(&n->all))
        drop(n, SL_CONTAINER(n->all.next, struct sl_notes_one, all));
}

static struct sl_notes_tenant *tenant_of(struct sl_notes *n, struct sl_str tenant)
{
    struct sl_notes_tenant *t;

    HASH_FIND(hh, n->tenants, tenant.p, tenant.n, t);
    if (t != NULL)
        return t;
    t = sl_mem_try(sizeof *t + tenant.n);
    if (t == NULL)
        return NULL;
    *t = (struct sl_notes_tenant){.name_n = tenant.n};
    memcpy(t->name, tenant.p, tenant.n);
    sl_list_init(&t->notes);
    HASH_ADD_KEYPTR(hh, n->tenants, t->name, t->name_n, t);
    return t;
}

struct full_name {
    char text[SL_EMBEDDED_NAME + 1 + SL_STORE_NOTE_NAME];
    size_t n;
    unsigned hash;
};

/* No name of a tenant holds a line's end. */
static bool write_name(struct full_name *f, struct sl_str tenant, struct sl_str name)
{
    struct sl_text t = sl_text_over(f->text, sizeof f->text);

    sl_text_add(&t, tenant);
    sl_text_byte(&t, '\n');
    sl_text_add(&t, name);
    f->n = t.n;
    f->hash = (unsigned)sl_map_hash(f->text, f->n);
    return !t.cut;
}

static struct sl_notes_one *find(struct sl_notes *n, const struct full_name *f)
{
    struct sl_notes_one *one;

    HASH_FIND_BYHASHVALUE(hh, n->by_name, f->text, f->n, f->hash, one);
    return one;
}

static void make_room(struct sl_notes *n, struct sl_notes_tenant *t, int64_t now_us)
{
    struct sl_notes_one *old;

    while (t->n > SL_STORE_NOTES)
        drop(n, SL_CONTAINER(t->notes.next, struct sl_notes_one, own));
    while (!sl_list_is_empty(&n->all)) {
        old = SL_CONTAINER(n->all.next, struct sl_notes_one, all);
        if (HASH_COUNT(n->by_name) <= ALL_MAX && now_us - old->at_us < END_US)
            return;
        drop(n, old);
    }
}

static struct sl_notes_one *new_one(const struct full_name *f, const struct sl_str doc[2])
{
    struct sl_notes_one *one = sl_mem_try(sizeof *one + f->n + doc[0].n + doc[1].n);

    if (one == NULL)
        return NULL;
    *one = (struct sl_notes_one){.name_n = f->n, .doc_n = doc[0].n + doc[1].n};
    memcpy(one->name, f->text, f->n);
    memcpy(one->name + f->n, doc[0].p, doc[0].n);
    memcpy(one->name + f->n + doc[0].n, doc[1].p, doc[1].n);
    sl_list_init(&one->all);
    sl_list_init(&one->own);
    return one;
}

struct note {
    struct sl_str tenant, name;
    struct sl_str doc[2];       /* in two parts */
    struct sl_notes_tenant *of; /* up: who has a note already, or NULL */
};

/* Without memory nothing is noted: NULL. */
static struct sl_notes_tenant *add(struct sl_notes *n, const struct note *note, int64_t now_us)
{
    struct sl_notes_one *old, *one;
    struct full_name f;

    if (!write_name(&f, note->tenant, note->name))
        return NULL;
    old = find(n, &f);
    if (old != NULL)
        drop(n, old);
    one = new_one(&f, note->doc);
    if (one == NULL)
        return NULL;
    one->of = note->of != NULL ? note->of : tenant_of(n, note->tenant);
    if (one->of == NULL) {
        sl_mem_free(one);
        return NULL;
    }
    one->at_us = now_us;
    one->of->n++;
    sl_list_push_back(&one->of->notes, &one->own);
    sl_list_push_back(&n->all, &one->all);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, n->by_name, one->name, one->name_n, f.hash, one);
    make_room(n, one->of, now_us); /* never the newest */
    return one->of;
}

void sl_notes_note(struct sl_backend *backend, struct sl_str tenant, const struct sl_note *note)
{
    struct sl_embedded *b = sl_embedded_of(backend);
    struct note one = {.tenant = tenant, .name = note->id, .doc = {{"", 0}, note->doc}};
    int64_t now_us = sl_embedded_turn_us(b);

    one.of = add(&b->notes, &one, now_us);
    if (note->other.n == 0 || sl_str_eq(note->other, note->id))
        return;
    one.name = note->other;
    one.doc[0] = SL_STR("=");
    one.doc[1] = note->id;
    (void)add(&b->notes, &one, now_us);
}

static struct sl_str text_of(struct sl_embedded *b, struct sl_str tenant, struct sl_str name)
{
    const struct sl_notes_one *one = NULL;
    struct full_name f;

    if (write_name(&f, tenant, name))
        one = find(&b->notes, &f);
    if (one == NULL || sl_embedded_turn_us(b) - one->at_us >= END_US)
        return (struct sl_str){"", 0};
    return (struct sl_str){one->name + one->name_n, one->doc_n};
}

/* lint: budgets the backend's contract */
void sl_notes_noted(struct sl_backend *backend, struct sl_str tenant, struct sl_str name,
                    struct sl_noted *out, SL_BACKEND_WAIT)
{
    struct sl_embedded *b = sl_embedded_of(backend);
    struct sl_str text = text_of(b, tenant, name);

    if (text.n > 0 && text.p[0] == '=')
        text = text_of(b, tenant, sl_str_from(text, 1));
    SL_CHECK(text.n <= sizeof out->doc);
    memcpy(out->doc, text.p, text.n);
    out->n = text.n;
    sl_embedded_say(b, SL_OK, slot, done, ctx);
}
