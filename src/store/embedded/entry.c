/* store/embedded/entry.c -- what waits for the file: asked, and told. */
#include "store/embedded/inside.h"

#define ARENA_MAX ((size_t)8 << 20) /* a page of the largest records, twice */
#define STATE_MAX 32

static bool is_name(struct sl_str s)
{
    return s.n > 0 && s.n <= SL_EMBEDDED_NAME;
}

static bool is_name_or_none(struct sl_str s)
{
    return s.n <= SL_EMBEDDED_NAME;
}

static struct sl_lane *lane_for(struct sl_embedded *b, enum sl_entry_kind kind)
{
    return kind >= SL_ENTRY_KEY && b->read.db != NULL ? &b->read : &b->write;
}

static struct sl_entry *new_entry(struct sl_embedded *b, enum sl_entry_kind kind, void *out,
                                  SL_BACKEND_WAIT)
{
    struct sl_entry *n;

    if (!sl_lane_has_room(lane_for(b, kind))) {
        sl_embedded_say(b, SL_ERR_STORE, slot, done, ctx);
        return NULL;
    }
    n = sl_mem_new(sizeof *n);
    n->b = b;
    n->kind = kind;
    n->out = out;
    n->done = done;
    n->ctx = ctx;
    sl_list_init(&n->node);
    sl_arena_init(&n->arena, ARENA_MAX);
    sl_op_open(&n->op, slot, NULL); /* cancelled, it runs all the same, and nobody hears */
    return n;
}

static void send(struct sl_entry *n)
{
    sl_lane_add(lane_for(n->b, n->kind), n);
}

static struct sl_str keep(struct sl_entry *n, struct sl_str s)
{
    struct sl_str copy = sl_arena_dup(&n->arena, s);

    if (copy.p == NULL)
        n->err = SL_ERR_STORE;
    return copy;
}

/* ---- settled lines ---- */

/* In memory at once; false: no room, and this line and those behind it stay out. */
static bool apply_lines(struct sl_embedded *b, const struct sl_batch *batch,
                        struct sl_tally_seq *seq)
{
    int64_t now_us = sl_embedded_now_us(b);

    for (size_t i = 0; i < batch->n; i++) {
        const struct sl_line *line = &batch->lines[i];

        if (line->number <= seq->seen)
            continue;
        if (!sl_tally_has_room(&b->tally) || !sl_tally_add(&b->tally, batch->tenant, line))
            return false;
        sl_engine_settle(b->engine, batch->tenant, line, now_us);
        seq->seen = line->number;
    }
    return true;
}

void sl_entry_apply(struct sl_backend *backend, const struct sl_batch *batch, SL_BACKEND_WAIT)
{
    struct sl_embedded *b = sl_embedded_of(backend);
    struct sl_tally_seq *seq = sl_tally_seq(&b->tally, batch->tenant, batch->instance);
    struct sl_entry *n;

    if (seq == NULL || !apply_lines(b, batch, seq)) {
        sl_embedded_say(b, SL_ERR_STORE, slot, done, ctx);
        sl_lane_soon(b);
        return;
    }
    if (seq->seen <= seq->written) {
        sl_embedded_say(b, SL_OK, slot, done, ctx);
        return;
    }
    n = new_entry(b, SL_ENTRY_APPLY, NULL, slot, done, ctx);
    if (n != NULL)
        send(n);
    else
        sl_lane_soon(b);
}

void sl_entry_mark(struct sl_backend *backend, SL_BACKEND_WAIT)
{
    struct sl_entry *n = new_entry(sl_embedded_of(backend), SL_ENTRY_MARK, NULL, slot, done, ctx);

    if (n != NULL)
        send(n);
}

/* ---- records ---- */

static void keep_record(struct sl_entry *n, const struct sl_record *from, struct sl_record *to)
{
    *to = *from;
    to->tenant = keep(n, from->kind == SL_RECORD_KEY ? from->tenant : (struct sl_str){0});
    to->id = keep(n, from->id);
    to->state = keep(n, from->state);
    to->doc = keep(n, from->doc);
}

static void keep_records(struct sl_entry *n, const struct sl_record *from, size_t count)
{
    n->records = sl_arena_alloc(&n->arena, count * sizeof *n->records);
    n->applied = sl_arena_zalloc(&n->arena, count * sizeof *n->applied);
    if (n->records == NULL || n->applied == NULL) {
        n->err = SL_ERR_STORE;
        return;
    }
    for (size_t i = 0; i < count; i++)
        keep_record(n, &from[i], &n->records[i]);
    n->records_n = count;
}

/* The level whose state a record sets; false: none (a switch). */
static bool level_of(const struct sl_record *r, struct sl_str *tenant, struct sl_str *key_id)
{
    *tenant = r->kind == SL_RECORD_KEY ? r->tenant : r->id;
    *key_id = r->kind == SL_RECORD_KEY ? r->id : (struct sl_str){0};
    return r->kind != SL_RECORD_SWITCH;
}

static bool fits(const struct sl_embedded *b, const struct sl_record *r)
{
    struct sl_str tenant, key_id;

    if (!is_name(r->id) || r->doc.n > SL_RECORD_MAX || r->state.n > STATE_MAX ||
        (r->kind == SL_RECORD_KEY && !is_name(r->tenant)))
        return false;
    return !level_of(r, &tenant, &key_id) || sl_engine_has_room(b->engine, tenant, key_id);
}

void sl_entry_put(struct sl_backend *backend, const struct sl_record *rec, struct sl_records *out,
                  SL_BACKEND_WAIT)
{
    struct sl_embedded *b = sl_embedded_of(backend);
    struct sl_entry *n;

    if (!fits(b, rec)) {
        sl_embedded_say(b, SL_ERR_CEILING, slot, done, ctx);
        return;
    }
    n = new_entry(b, SL_ENTRY_PUT, out, slot, done, ctx);
    if (n == NULL)
        return;
    keep_records(n, rec, 1);
    n->now_ms = sl_embedded_now_us(b) / 1000;
    send(n);
}

void sl_entry_restore_records(struct sl_backend *backend, const struct sl_record *recs,
                              size_t count, SL_BACKEND_WAIT)
{
    struct sl_embedded *b = sl_embedded_of(backend);
    bool fit = count <= SL_STORE_PAGE;
    struct sl_entry *n;

    for (size_t i = 0; fit && i < count; i++)
        fit = fits(b, &recs[i]);
    if (!fit) {
        sl_embedded_say(b, SL_ERR_CEILING, slot, done, ctx);
        return;
    }
    n = new_entry(b, SL_ENTRY_RESTORE_RECORDS, NULL, slot, done, ctx);
    if (n == NULL)
        return;
    keep_records(n, recs, count);
    send(n);
}

void sl_entry_key(struct sl_backend *backend, const uint8_t sha256[32], struct sl_records *out,
                  SL_BACKEND_WAIT)
{
    struct sl_entry *n = new_entry(sl_embedded_of(backend), SL_ENTRY_KEY, out, slot, done, ctx);
    struct sl_record r = {.kind = SL_RECORD_KEY};

    if (n == NULL)
        return;
    memcpy(r.sha256, sha256, sizeof r.sha256);
    keep_records(n, &r, 1);
    send(n);
}

void sl_entry_find(struct sl_backend *backend, enum sl_record_kind kind, struct sl_str id,
                   struct sl_records *out, SL_BACKEND_WAIT)
{
    struct sl_entry *n = new_entry(sl_embedded_of(backend), SL_ENTRY_KEY, out, slot, done, ctx);
    struct sl_record r = {.kind = kind, .id = id};

    if (n == NULL)
        return;
    keep_records(n, &r, 1);
    send(n);
}

void sl_entry_list(struct sl_backend *backend, enum sl_record_kind kind, struct sl_str tenant,
                   struct sl_str after, struct sl_records *out, SL_BACKEND_WAIT)
{
    struct sl_entry *n = new_entry(sl_embedded_of(backend), SL_ENTRY_LIST, out, slot, done, ctx);

    if (n == NULL)
        return;
    n->record_kind = kind;
    n->tenant = keep(n, kind == SL_RECORD_KEY ? tenant : (struct sl_str){0});
    n->after = keep(n, after);
    send(n);
}

/* ---- balances and usage ---- */

void sl_entry_grant(struct sl_backend *backend, const struct sl_store_grant *what,
                    struct sl_balance *out, SL_BACKEND_WAIT)
{
    struct sl_embedded *b = sl_embedded_of(backend);
    struct sl_entry *n;

    if (!is_name(what->tenant) || !is_name_or_none(what->key_id) || what->once.n > SL_STORE_ONCE ||
        !sl_engine_has_room(b->engine, what->tenant, what->key_id)) {
        sl_embedded_say(b, SL_ERR_CEILING, slot, done, ctx);
        return;
    }
    n = new_entry(b, SL_ENTRY_GRANT, out, slot, done, ctx);
    if (n == NULL)
        return;
    n->tenant = keep(n, what->tenant);
    n->key_id = keep(n, what->key_id);
    n->once = keep(n, what->once);
    n->initial_micro = what->initial_micro;
    n->more_micro = what->more_micro;
    send(n);
}

/* lint: budgets the backend's contract */
void sl_entry_usage(struct sl_backend *backend, struct sl_str tenant, struct sl_str from_day,
                    struct sl_str to_day, struct sl_str after, struct sl_usage_rows *out,
                    SL_BACKEND_WAIT)
{
    struct sl_entry *n = new_entry(sl_embedded_of(backend), SL_ENTRY_USAGE, out, slot, done, ctx);

    if (n == NULL)
        return;
    n->tenant = keep(n, tenant);
    n->from_day = keep(n, from_day);
    n->to_day = keep(n, to_day);
    n->after = keep(n, after);
    send(n);
}

void sl_entry_tip(struct sl_backend *backend, struct sl_str instance, struct sl_tip *out,
                  SL_BACKEND_WAIT)
{
    struct sl_entry *n = new_entry(sl_embedded_of(backend), SL_ENTRY_TIP, out, slot, done, ctx);

    if (n == NULL)
        return;
    n->instance = keep(n, instance);
    send(n);
}

void sl_entry_keep_tip(struct sl_backend *backend, struct sl_str instance, const struct sl_tip *tip,
                       SL_BACKEND_WAIT)
{
    struct sl_entry *n =
        new_entry(sl_embedded_of(backend), SL_ENTRY_KEEP_TIP, NULL, slot, done, ctx);

    if (n == NULL)
        return;
    n->instance = keep(n, instance);
    n->tip = *tip;
    send(n);
}

static void keep_usage(struct sl_entry *n, const struct sl_restore *what)
{
    n->tenant = keep(n, what->tenant);
    n->usage = sl_arena_alloc(&n->arena, what->rows_n * sizeof *n->usage);
    if (n->usage == NULL) {
        n->err = SL_ERR_STORE;
        return;
    }
    for (size_t i = 0; i < what->rows_n; i++) {
        struct sl_usage_row *row = &n->usage[i];

        *row = what->rows[i];
        row->tenant = n->tenant;
        row->day = keep(n, row->day);
        row->key_id = keep(n, row->key_id);
        row->user = keep(n, row->user);
        row->model = keep(n, row->model);
        row->provider = keep(n, row->provider);
        row->app = keep(n, row->app);
    }
    n->usage_n = what->rows_n;
}

static void keep_named(struct sl_entry *n, const struct sl_restore *what)
{
    n->named = sl_arena_alloc(&n->arena, what->accounts_n * sizeof *n->named);
    if (n->named == NULL) {
        n->err = SL_ERR_STORE;
        return;
    }
    for (size_t i = 0; i < what->accounts_n; i++) {
        n->named[i].key_id = keep(n, what->accounts[i].key_id);
        n->named[i].once = keep(n, what->accounts[i].once);
    }
    n->named_n = what->accounts_n;
}

/* In memory at once, so that lines which come before it is written are added to it. */
static bool restore_memory(struct sl_embedded *b, const struct sl_restore *what,
                           const struct sl_entry *n)
{
    for (size_t i = 0; i < what->seqs_n; i++) {
        struct sl_str instance = {what->seqs[i].instance, strnlen(what->seqs[i].instance, 8)};
        struct sl_tally_seq *seq = sl_tally_seq(&b->tally, what->tenant, instance);

        if (seq == NULL)
            return false;
        if (seq->seen < what->seqs[i].number)
            seq->seen = what->seqs[i].number;
    }
    for (size_t i = 0; i < what->accounts_n; i++) {
        sl_engine_set_account(b->engine, n->tenant, what->accounts[i].key_id,
                              &what->accounts[i].account);
        sl_engine_unsave(b->engine, n->tenant, what->accounts[i].key_id);
    }
    for (size_t i = 0; i < n->usage_n; i++)
        sl_tally_drop(&b->tally, &n->usage[i]);
    return true;
}

void sl_entry_restore(struct sl_backend *backend, const struct sl_restore *what, SL_BACKEND_WAIT)
{
    struct sl_embedded *b = sl_embedded_of(backend);
    bool fit = is_name(what->tenant) && what->accounts_n <= SL_STORE_PAGE &&
               what->rows_n <= SL_STORE_PAGE && what->seqs_n <= SL_STORE_PAGE;
    struct sl_entry *n;

    for (size_t i = 0; fit && i < what->accounts_n; i++)
        fit = is_name_or_none(what->accounts[i].key_id) &&
              what->accounts[i].once.n <= SL_STORE_ONCE &&
              sl_engine_has_room(b->engine, what->tenant, what->accounts[i].key_id);
    if (!fit) {
        sl_embedded_say(b, SL_ERR_CEILING, slot, done, ctx);
        return;
    }
    n = new_entry(b, SL_ENTRY_RESTORE, NULL, slot, done, ctx);
    if (n == NULL)
        return;
    keep_usage(n, what);
    keep_named(n, what);
    if (n->err == SL_OK && !restore_memory(b, what, n))
        n->err = SL_ERR_STORE;
    send(n);
}

/* ---- told ---- */

static void tell_state(struct sl_embedded *b, const struct sl_record *r)
{
    struct sl_str tenant, key_id;

    if (level_of(r, &tenant, &key_id))
        sl_engine_set_state(b->engine, tenant, key_id, r->state, r->rev);
    if (!r->quiet && r->rev > b->revision)
        b->revision = r->rev;
}

void sl_entry_tell_engine(struct sl_embedded *b, const struct sl_entry *n)
{
    if (n->kind == SL_ENTRY_PUT) {
        tell_state(b, n->records);
    } else if (n->kind == SL_ENTRY_RESTORE_RECORDS) {
        b->revision++;
        for (size_t i = 0; i < n->records_n; i++) {
            if (n->applied[i])
                tell_state(b, &n->records[i]);
        }
    } else if (n->kind == SL_ENTRY_GRANT && !n->again) {
        (void)sl_engine_grant(b->engine, n->tenant, n->key_id, n->initial_micro, n->more_micro);
    } else if (n->kind == SL_ENTRY_MARK) {
        b->has_epoch = true;
    }
}

void sl_entry_tell_waiter(struct sl_embedded *b, const struct sl_entry *n)
{
    static const struct sl_periods none; /* counters as they are */

    if (n->out == NULL)
        return;
    if (n->kind == SL_ENTRY_PUT)
        *(struct sl_records *)n->out = (struct sl_records){.at = n->records, .n = 1};
    else if (n->kind == SL_ENTRY_KEY || n->kind == SL_ENTRY_LIST)
        *(struct sl_records *)n->out = n->found;
    else if (n->kind == SL_ENTRY_USAGE)
        *(struct sl_usage_rows *)n->out = n->rows;
    else if (n->kind == SL_ENTRY_TIP)
        *(struct sl_tip *)n->out = n->tip;
    else if (n->kind == SL_ENTRY_GRANT) {
        sl_engine_balance(b->engine, n->tenant, n->key_id, &none, sl_embedded_now_us(b), n->out);
        ((struct sl_balance *)n->out)->again = n->again;
    }
}
