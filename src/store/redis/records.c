/* Records on Redis: a hash each, an index a kind, and states beside the tenant's limits. */
#include "store/redis/backend.h"

static const struct sl_str kinds[] = {[SL_RECORD_KEY] = SL_STR_INIT("key"),
                                      [SL_RECORD_TENANT] = SL_STR_INIT("tenant"),
                                      [SL_RECORD_SWITCH] = SL_STR_INIT("switch")};
static const struct sl_str indexes[] = {[SL_RECORD_KEY] = SL_STR_INIT("keys:index"),
                                        [SL_RECORD_TENANT] = SL_STR_INIT("tenants:index"),
                                        [SL_RECORD_SWITCH] = SL_STR_INIT("switches:index")};

#define STATE_MAX 32

struct record_note {
    struct sl_records *out; /* up: the waiter's */
    struct sl_record rec;   /* of put: its texts are in the call's arena */
    enum sl_record_kind kind;
};

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

/* ---- one ---- */

static bool read_one(struct sl_script_call *c, const redisReply *reply)
{
    const struct record_note *n = c->note;
    struct sl_record *at;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 6)
        return false;
    *n->out = (struct sl_records){0};
    if (reply->element[0]->type == REDIS_REPLY_NIL)
        return true;
    at = sl_arena_alloc(&c->arena, sizeof *at);
    if (at == NULL || !read_record(c, (const redisReply *const *)reply->element, n->kind, at))
        return false;
    *n->out = (struct sl_records){.at = at, .n = 1};
    return true;
}

static struct sl_script_call *read_call(struct sl_redis *r, enum sl_record_kind kind,
                                        struct sl_str name, struct sl_records *out)
{
    static const char *const fields[] = {"rev", "id", "tenant", "sha256", "state", "doc"};
    struct sl_script_call *c = sl_script_command(&r->scripts, SL_STR("HMGET"));
    struct sl_str parts[] = {sl_str_of(r->prefix), kinds[kind], SL_STR(":"), name};

    note_of(c, out, kind);
    c->read = read_one;
    sl_script_joined(c, parts, 4);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        sl_script_arg(c, sl_str_of(fields[i]));
    return c;
}

void sl_redis_key(struct sl_backend *b, const uint8_t sha256[32], struct sl_records *out,
                  SL_BACKEND_WAIT)
{
    char hex[64];

    sl_str_hex(sha256, 32, hex);
    sl_script_send(read_call(sl_redis_of(b), SL_RECORD_KEY, (struct sl_str){hex, sizeof hex}, out),
                   slot, done, ctx);
}

void sl_redis_find(struct sl_backend *b, enum sl_record_kind kind, struct sl_str id,
                   struct sl_records *out, SL_BACKEND_WAIT)
{
    sl_script_send(read_call(sl_redis_of(b), kind, id, out), slot, done, ctx);
}

/* ---- a page ---- */

/* Pages of keys go on behind "<id>:<tenant>", as the embedded store's do, and members of their
 * index are "<tenant>\x1f<id>"; with the others, whose names may have colons, both are the id. */
static struct sl_str next_of(struct sl_script_call *c, struct sl_str member)
{
    ptrdiff_t unit = sl_str_find_byte(member, '\x1f');
    struct sl_str tenant = sl_str_first(member, unit > 0 ? (size_t)unit : 0);

    if (member.n == 0)
        return (struct sl_str){"", 0};
    if (unit < 0)
        return sl_arena_dup(&c->arena, member);
    member = sl_str_from(member, (size_t)unit + 1);
    return sl_arena_printf(&c->arena, "%.*s:%.*s", SL_STR_ARGS(member), SL_STR_ARGS(tenant));
}

/* The member behind which there is more, then the records. */
static bool read_page(struct sl_script_call *c, const redisReply *reply)
{
    const struct record_note *n = c->note;
    const redisReply *rows;
    struct sl_records out = {0};

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[1]->type != REDIS_REPLY_ARRAY)
        return false;
    rows = reply->element[1];
    out.at = sl_arena_alloc(&c->arena, (rows->elements + 1) * sizeof *out.at);
    out.next = next_of(c, sl_reply_str(reply->element[0]));
    if (out.at == NULL || out.next.p == NULL)
        return false;
    for (size_t i = 0; i < rows->elements; i++) {
        const redisReply *row = rows->element[i];

        if (row->type != REDIS_REPLY_ARRAY || row->elements != 6 ||
            !read_record(c, (const redisReply *const *)row->element, n->kind, &out.at[out.n]))
            return false;
        out.n++;
    }
    *n->out = out;
    return true;
}

/* The first member that may come, in the words of ZRANGEBYLEX. */
static void push_from(struct sl_script_call *c, enum sl_record_kind kind, struct sl_str tenant,
                      struct sl_str after)
{
    ptrdiff_t colon = kind == SL_RECORD_KEY ? sl_str_find_byte(after, ':') : -1;
    struct sl_str id = colon >= 0 ? sl_str_first(after, (size_t)colon) : after;
    struct sl_str unit = kind == SL_RECORD_KEY ? SL_STR("\x1f") : SL_STR("");
    struct sl_str parts[] = {SL_STR("("), tenant, unit, id};

    if (tenant.n == 0 && colon >= 0)
        parts[1] = sl_str_from(after, (size_t)colon + 1);
    if (after.n == 0 && parts[1].n == 0)
        sl_script_arg(c, SL_STR("-"));
    else
        sl_script_joined(c, parts, 4);
}

void sl_redis_list(struct sl_backend *b, enum sl_record_kind kind, struct sl_str tenant,
                   struct sl_str after, struct sl_records *out, SL_BACKEND_WAIT)
{
    struct sl_redis *r = sl_redis_of(b);
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_LIST);
    struct sl_str of = kind == SL_RECORD_KEY ? tenant : (struct sl_str){"", 0};
    struct sl_str end[] = {SL_STR("("), of, SL_STR("\x20")}; /* the byte behind \x1f */

    note_of(c, out, kind);
    c->read = read_page;
    sl_script_key(c, sl_str_of(r->prefix), indexes[kind]);
    sl_script_arg(c, sl_str_of(r->prefix));
    sl_script_arg(c, kinds[kind]);
    push_from(c, kind, of, after);
    if (of.n > 0)
        sl_script_joined(c, end, 3);
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
        c->verdict = reply->integer == -2 ? SL_ERR_CEILING : SL_ERR_CONFLICT;
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

static bool fits(const struct sl_record *rec)
{
    return sl_redis_is_name(rec->id) && rec->doc.n <= SL_RECORD_MAX && rec->state.n <= STATE_MAX &&
           (rec->kind != SL_RECORD_KEY || sl_redis_is_name(rec->tenant));
}

static void push_record(struct sl_script_call *c, const struct sl_record *rec)
{
    bool key = rec->kind == SL_RECORD_KEY;
    char hex[64];

    sl_str_hex(rec->sha256, 32, hex);
    sl_script_arg(c, kinds[rec->kind]);
    sl_script_arg(c, rec->id);
    sl_script_arg(c, key ? rec->tenant : SL_STR(""));
    sl_script_arg(c, key ? (struct sl_str){hex, sizeof hex} : SL_STR(""));
    sl_script_count(c, rec->rev);
    sl_script_arg(c, rec->state);
    sl_script_arg(c, rec->doc);
    if (!fits(rec))
        sl_script_refuse(c, SL_ERR_CEILING);
}

static struct sl_script_call *put_call(struct sl_redis *r, struct sl_str how,
                                       const struct sl_record *recs, size_t n)
{
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_PUT);

    c->read = read_put;
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("rev"));
    sl_script_arg(c, sl_str_of(r->prefix));
    sl_script_arg(c, how);
    sl_script_count(c, n);
    sl_script_count(c, SL_STORE_NAMES);
    for (size_t i = 0; i < n && i < SL_STORE_PAGE; i++)
        push_record(c, &recs[i]);
    if (n > SL_STORE_PAGE)
        sl_script_refuse(c, SL_ERR_CEILING);
    return c;
}

void sl_redis_put(struct sl_backend *b, const struct sl_record *rec, struct sl_records *out,
                  SL_BACKEND_WAIT)
{
    struct sl_script_call *c =
        put_call(sl_redis_of(b), rec->quiet ? SL_STR("quiet") : SL_STR("new"), rec, 1);

    if (!keep_record(c, rec, &note_of(c, out, rec->kind)->rec))
        sl_script_refuse(c, SL_ERR_STORE);
    sl_script_send(c, slot, done, ctx);
}

void sl_redis_restore_records(struct sl_backend *b, const struct sl_record *recs, size_t n,
                              SL_BACKEND_WAIT)
{
    struct sl_script_call *c = put_call(sl_redis_of(b), SL_STR("restore"), recs, n);

    note_of(c, NULL, SL_RECORD_SWITCH);
    sl_script_send(c, slot, done, ctx);
}
