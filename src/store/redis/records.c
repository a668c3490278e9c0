/* Records on Redis: a hash each, an index a kind, and states beside the tenant's limits. */
#include "store/redis/backend.h"

#include <stdio.h>

#include "base/mem.h"

static const struct sl_str kinds[] = {[SL_RECORD_KEY] = SL_STR_INIT("key"),
                                      [SL_RECORD_TENANT] = SL_STR_INIT("tenant"),
                                      [SL_RECORD_SWITCH] = SL_STR_INIT("switch")};
static const struct sl_str indexes[] = {[SL_RECORD_KEY] = SL_STR_INIT("keys:index"),
                                        [SL_RECORD_TENANT] = SL_STR_INIT("tenants:index"),
                                        [SL_RECORD_SWITCH] = SL_STR_INIT("switches:index")};

struct record_note {
    struct sl_records *out;
    struct sl_record rec; /* of put: its texts are in the call's arena */
    enum sl_record_kind kind;
};

static struct sl_redis *of(struct sl_backend *b)
{
    return SL_CONTAINER(b, struct sl_redis, base);
}

/* rev, id, tenant, SHA-256, state, document. */
static bool read_record(struct sl_script_call *c, const redisReply *const *v,
                        enum sl_record_kind kind, struct sl_record *out)
{
    struct sl_str sha = sl_reply_str(v[3]);
    int64_t rev;

    *out = (struct sl_record){.kind = kind};
    if (!sl_reply_int(v[0], &rev) || (kind == SL_RECORD_KEY && !sl_str_unhex(sha, out->sha256, 32)))
        return false;
    out->rev = (uint64_t)rev;
    out->id = sl_arena_dup(&c->arena, sl_reply_str(v[1]));
    out->tenant = sl_arena_dup(&c->arena, sl_reply_str(v[2]));
    out->state = sl_arena_dup(&c->arena, sl_reply_str(v[4]));
    out->doc = sl_arena_dup(&c->arena, sl_reply_str(v[5]));
    return out->id.p != NULL && out->tenant.p != NULL && out->state.p != NULL && out->doc.p != NULL;
}

static struct record_note *note_of(struct sl_script_call *c, struct sl_records *out,
                                   enum sl_record_kind kind)
{
    struct record_note *n = sl_mem_new(sizeof *n);

    n->out = out;
    n->kind = kind;
    c->note = n;
    return n;
}

/* ---- one key ---- */

static bool read_key(struct sl_script_call *c, const redisReply *reply)
{
    const struct record_note *n = c->note;
    struct sl_record *at;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 6)
        return false;
    *n->out = (struct sl_records){0};
    if (reply->element[0]->type == REDIS_REPLY_NIL)
        return true;
    at = sl_arena_alloc(&c->arena, sizeof *at);
    if (at == NULL || !read_record(c, (const redisReply *const *)reply->element, SL_RECORD_KEY, at))
        return false;
    *n->out = (struct sl_records){.at = at, .n = 1};
    return true;
}

/* "<prefix>key:<sha256>", or the same of another kind, as a key. */
static void push_record(struct sl_redis *r, struct sl_script_call *c, enum sl_record_kind kind,
                        struct sl_str name)
{
    struct sl_str parts[] = {sl_str_of(r->prefix), kinds[kind], SL_STR(":"), name};

    c->keys++;
    sl_script_joined(c, parts, 4);
}

void sl_redis_key(struct sl_backend *b, const uint8_t sha256[32], struct sl_records *out,
                  SL_BACKEND_WAIT)
{
    static const char *const fields[] = {"rev", "id", "tenant", "sha256", "state", "doc"};
    struct sl_redis *r = of(b);
    struct sl_script_call *c = sl_script_command(&r->scripts, SL_STR("HMGET"));
    char hex[64];

    sl_str_hex(sha256, 32, hex);
    note_of(c, out, SL_RECORD_KEY);
    c->read = read_key;
    push_record(r, c, SL_RECORD_KEY, (struct sl_str){hex, sizeof hex});
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        sl_script_arg(c, sl_str_of(fields[i]));
    sl_script_send(c, slot, done, ctx);
}

/* ---- a page ---- */

/* How many members the index gave, the last of them, and the records there are of them. */
static bool read_page(struct sl_script_call *c, const redisReply *reply)
{
    const struct record_note *n = c->note;
    const redisReply *rows;
    struct sl_records out = {0};

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        reply->element[0]->type != REDIS_REPLY_INTEGER ||
        reply->element[2]->type != REDIS_REPLY_ARRAY)
        return false;
    rows = reply->element[2];
    out.at = sl_arena_alloc(&c->arena, (rows->elements + 1) * sizeof *out.at);
    if (out.at == NULL)
        return false;
    for (size_t i = 0; i < rows->elements; i++) {
        const redisReply *row = rows->element[i];

        if (row->type != REDIS_REPLY_ARRAY || row->elements != 7)
            return false;
        if (read_record(c, (const redisReply *const *)row->element, n->kind, &out.at[out.n]))
            out.n++;
    }
    if (reply->element[0]->integer >= SL_STORE_PAGE)
        out.next = sl_arena_dup(&c->arena, sl_reply_str(reply->element[1]));
    *n->out = out;
    return true;
}

void sl_redis_list(struct sl_backend *b, enum sl_record_kind kind, struct sl_str tenant,
                   struct sl_str after, struct sl_records *out, SL_BACKEND_WAIT)
{
    struct sl_redis *r = of(b);
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_LIST);
    bool of_one = kind == SL_RECORD_KEY && tenant.n > 0;
    struct sl_str from[] = {after.n > 0 ? SL_STR("(") : SL_STR("["), after.n > 0 ? after : tenant,
                            after.n == 0 ? SL_STR("\x1f") : SL_STR("")};
    struct sl_str to[] = {SL_STR("("), tenant, SL_STR("\x20")}; /* one behind \x1f */

    note_of(c, out, kind);
    c->read = read_page;
    sl_script_key(c, sl_str_of(r->prefix), indexes[kind]);
    sl_script_arg(c, sl_str_of(r->prefix));
    sl_script_arg(c, kinds[kind]);
    if (after.n == 0 && !of_one)
        sl_script_arg(c, SL_STR("-"));
    else
        sl_script_joined(c, from, 3);
    if (of_one)
        sl_script_joined(c, to, 3);
    else
        sl_script_arg(c, SL_STR("+"));
    sl_script_int(c, SL_STORE_PAGE);
    sl_script_send(c, slot, done, ctx);
}

/* ---- writing ---- */

static bool read_put(struct sl_script_call *c, const redisReply *reply)
{
    struct record_note *n = c->note;
    struct sl_record *at;

    if (reply->type != REDIS_REPLY_INTEGER)
        return false;
    if (reply->integer < 0) {
        c->verdict = SL_ERR_CONFLICT;
        return true;
    }
    if (n->out == NULL)
        return true;
    at = sl_arena_alloc(&c->arena, sizeof *at);
    if (at == NULL)
        return false;
    *at = n->rec;
    at->rev = (uint64_t)reply->integer;
    *n->out = (struct sl_records){.at = at, .n = 1};
    return true;
}

static bool keep_record(struct sl_script_call *c, const struct sl_record *rec,
                        struct sl_record *out)
{
    *out = *rec;
    out->id = sl_arena_dup(&c->arena, rec->id);
    out->tenant = sl_arena_dup(&c->arena, rec->tenant);
    out->state = sl_arena_dup(&c->arena, rec->state);
    out->doc = sl_arena_dup(&c->arena, rec->doc);
    return out->id.p != NULL && out->tenant.p != NULL && out->state.p != NULL && out->doc.p != NULL;
}

static struct sl_script_call *put_call(struct sl_redis *r, const struct sl_record *rec,
                                       struct sl_records *out, struct sl_str how)
{
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_PUT);
    struct record_note *n = note_of(c, out, rec->kind);
    bool key = rec->kind == SL_RECORD_KEY;
    struct sl_str member[] = {rec->tenant, SL_STR("\x1f"), rec->id};
    char text[SL_REDIS_BASE], hex[64];
    struct sl_str sha = {hex, sizeof hex};

    c->lost = !keep_record(c, rec, &n->rec);
    c->read = read_put;
    sl_str_hex(rec->sha256, 32, hex);
    push_record(r, c, rec->kind, key ? sha : rec->id);
    sl_script_key(c, sl_str_of(r->prefix), indexes[rec->kind]);
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("rev"));
    sl_script_key(c, sl_redis_base(r, key ? rec->tenant : rec->id, text), SL_STR("keys"));
    sl_script_arg(c, kinds[rec->kind]);
    sl_script_arg(c, rec->id);
    sl_script_arg(c, rec->tenant);
    sl_script_arg(c, key ? sha : SL_STR(""));
    sl_script_int(c, (int64_t)rec->rev);
    sl_script_arg(c, rec->state);
    sl_script_arg(c, rec->doc);
    if (key)
        sl_script_joined(c, member, 3);
    else
        sl_script_arg(c, rec->id);
    sl_script_arg(c, how);
    return c;
}

void sl_redis_put(struct sl_backend *b, const struct sl_record *rec, struct sl_records *out,
                  SL_BACKEND_WAIT)
{
    sl_script_send(put_call(of(b), rec, out, SL_STR("new")), slot, done, ctx);
}

void sl_redis_restore_records(struct sl_backend *b, const struct sl_record *recs, size_t n,
                              SL_BACKEND_WAIT)
{
    struct sl_script_series *s = sl_series_new(n > 0 ? n : 1);

    for (size_t i = 0; i < n; i++)
        sl_series_add(s, put_call(of(b), &recs[i], NULL, SL_STR("restore")));
    if (n == 0) { /* nothing to write: asked all the same, so that an answer comes */
        struct sl_script_call *c = sl_script_command(&of(b)->scripts, SL_STR("EXISTS"));

        c->read = read_put;
        note_of(c, NULL, SL_RECORD_SWITCH);
        sl_script_key(c, sl_str_of(of(b)->prefix), SL_STR("rev"));
        sl_series_add(s, c);
    }
    sl_series_send(s, slot, done, ctx);
}
