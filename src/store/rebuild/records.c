/* store/rebuild/records.c -- the newest state of each key, tenant and switch in the trails. */
#include "base/json.h"
#include "store/rebuild/inside.h"

#define NAME_BYTES 256 /* of an id */

struct texts {
    struct sl_str line;
    char *at, *end; /* free text */
    bool ok;
};

static struct sl_str text_of(struct texts *t, const char *name)
{
    struct sl_str out = {t->at, 0}, value = sl_json_get(t->line, sl_str_of(name));

    t->ok = sl_json_unescape(value, t->at, (size_t)(t->end - t->at), &out.n) && t->ok;
    t->at += t->ok ? out.n : 0;
    return out;
}

static bool read_record(struct sl_str line, enum sl_record_kind kind, char *space, size_t cap,
                        struct sl_record *out)
{
    struct texts t = {.line = line, .at = space, .end = space + cap, .ok = true};
    struct sl_str sha;

    *out = (struct sl_record){.kind = kind};
    out->id = text_of(&t, "id");
    out->tenant = text_of(&t, "tenant");
    out->state = text_of(&t, "state");
    out->doc = text_of(&t, "doc");
    if (kind == SL_RECORD_KEY) {
        sha = text_of(&t, "sha256");
        t.ok = t.ok && sl_str_unhex(sha, out->sha256, sizeof out->sha256);
    }
    return t.ok && out->id.n > 0 && sl_json_u64(sl_json_get(line, SL_STR("rev")), &out->rev);
}

static struct sl_total_record *copy(struct sl_totals *t, const struct sl_record *rec,
                                    const char *name, size_t n)
{
    struct sl_total_record *r =
        sl_totals_make(t, sizeof *r + n + rec->id.n + rec->tenant.n + rec->state.n + rec->doc.n);
    char *at;

    if (r == NULL)
        return NULL;
    at = r->name;
    r->name_n = n;
    (void)sl_totals_keep(&at, (struct sl_str){name, n});
    r->rec = *rec;
    r->rec.id = sl_totals_keep(&at, rec->id);
    r->rec.tenant = sl_totals_keep(&at, rec->tenant);
    r->rec.state = sl_totals_keep(&at, rec->state);
    r->rec.doc = sl_totals_keep(&at, rec->doc);
    return r;
}

void sl_totals_record(struct sl_totals *t, enum sl_record_kind kind, struct sl_str text)
{
    char space[SL_RECORD_MAX + 2048], name[1 + NAME_BYTES];
    struct sl_total_record *r, *old;
    struct sl_record rec;
    size_t n;

    if (!read_record(text, kind, space, sizeof space, &rec) || rec.id.n > NAME_BYTES)
        return;
    name[0] = (char)('0' + kind);
    memcpy(name + 1, rec.id.p, rec.id.n);
    n = 1 + rec.id.n;
    HASH_FIND(hh, t->records, name, n, old);
    if (old != NULL && old->rec.rev >= rec.rev)
        return;
    r = copy(t, &rec, name, n);
    if (r == NULL)
        return;
    if (old != NULL) {
        HASH_DEL(t->records, old);
        sl_mem_free(old);
        t->things--;
    }
    HASH_ADD_KEYPTR(hh, t->records, r->name, r->name_n, r);
}
