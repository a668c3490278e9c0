/* A backend that does as it is told: answers, fails, keeps silent or is slow, by operation;
 * and remembers what it was asked. Its ledger applies each number once, as the real ones
 * do. */
#ifndef SL_TEST_UNIT_STORE_FAKE_H
#define SL_TEST_UNIT_STORE_FAKE_H

#include "base/map.h"
#include "base/mem.h"
#include "net/timer.h"
#include "store/front/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum fake_op {
    F_START,
    F_ADMIT,
    F_APPLY,
    F_RENEW,
    F_GROW,
    F_BEAT,
    F_MARK,
    F_KEY,
    F_LIST,
    F_PUT,
    F_BALANCE,
    F_GRANT,
    F_USAGE,
    F_NOTED,
    F_TIP,
    F_KEEP_TIP,
    F_RESTORE,
    F_RESTORE_RECORDS,
    F_BACK,
    F__COUNT
};

enum fake_mood {
    OBEY,
    FAIL,   /* done with STORE, nothing done */
    FORGET, /* does it, and says STORE: the answer was lost */
    SILENT, /* no answer until it is cancelled or the mood changes */
};

#define FAKE_LINES 400000
#define FAKE_RECORDS 512

struct fake_line {
    uint64_t number;
    int64_t cost_micro, reserved_micro;
    unsigned requests, cached;
    uint64_t tpm_tokens;
    bool tpm, leased, account;
    char tenant[24], key[24], id[SL_QUOTA_ID];
};

struct fake_seq {
    char name[40]; /* tenant and instance */
    uint64_t last;
};

struct fake {
    struct sl_backend base;
    struct sl_net *net;
    enum fake_mood mood[F__COUNT];
    uint64_t slow_ms[F__COUNT];
    size_t calls[F__COUNT], cancelled[F__COUNT], running[F__COUNT];
    struct sl_list open;
    bool linked;
    /* what it holds */
    struct fake_line *lines;
    size_t lines_n;
    struct fake_seq seqs[64];
    size_t seqs_n;
    size_t largest_batch;
    size_t busy_tenants; /* batches under way at once, the most of one tenant */
    bool out_of_order;
    size_t skipped;            /* lines that came again */
    struct sl_hold backs[256]; /* given back; key ids are not kept */
    size_t backs_n;
    char back_tenant[24];
    size_t renewed; /* holds of the last call */
    unsigned instances;
    uint64_t revision;
    bool has_epoch;
    struct sl_quota_answer answer; /* to admissions */
    struct sl_record records[FAKE_RECORDS];
    char *record_text[FAKE_RECORDS];
    size_t records_n;
    struct sl_balance balance;
    enum sl_err verdict; /* of put and grow */
    struct sl_restore_account restored[64];
    char restored_name[64][24], restored_once[64][SL_STORE_ONCE + 1];
    size_t restored_n, restored_rows, restored_seqs;
    struct sl_usage_row rows[64];
    size_t rows_n;
    bool usage_off;
    char note[64]; /* the last one's text */
    size_t notes_n;
    struct sl_tip tip;            /* kept */
    char once[SL_STORE_ONCE + 1]; /* of the last grant that had one */
    const char *broken;           /* a tenant whose lines can't be applied */
};

struct fake_call {
    struct sl_op op;
    struct fake *f;
    struct sl_list node;
    struct sl_timer timer;
    enum fake_op what;
    bool (*act)(struct fake_call *c); /* false: STORE */
    sl_store_done_fn *done;
    void *ctx;
    enum sl_err err;
    /* arguments, as far as they are needed */
    struct sl_quota_answer *answer;
    struct sl_batch batch;
    struct sl_line *lines;
    char tenant[40], instance[8], after[300];
    struct sl_beat *beat;
    struct sl_noted *noted;
    struct sl_tip *tip, kept;
    uint8_t sha256[32];
    enum sl_record_kind kind;
    struct sl_records *records;
    const struct sl_record *given;
    size_t given_n;
    struct sl_record page[SL_STORE_PAGE];
    struct sl_balance *balance;
    int64_t initial, more;
    char once[SL_STORE_ONCE + 1];
    const struct sl_restore *restore;
    struct sl_usage_rows *usage;
};

static inline void fake_text(char *out, size_t cap, struct sl_str s)
{
    (void)snprintf(out, cap, "%.*s", SL_STR_ARGS(s));
}

static inline void fake_free(struct fake_call *c)
{
    c->f->running[c->what]--;
    sl_list_unlink(&c->node);
    sl_timer_stop(c->f->net, &c->timer);
    free(c->lines);
    free(c);
}

static inline void fake_cancel(struct sl_op *op)
{
    struct fake_call *c = SL_CONTAINER(op, struct fake_call, op);

    c->f->cancelled[c->what]++;
    fake_free(c);
}

static inline void fake_fire(struct sl_timer *t)
{
    struct fake_call *c = SL_CONTAINER(t, struct fake_call, timer);
    struct fake *f = c->f;
    enum fake_mood mood = f->mood[c->what];
    bool waits;

    if (mood == SILENT) {
        sl_timer_start(f->net, t, 5); /* perhaps it will be told otherwise */
        return;
    }
    c->err = SL_OK;
    if (mood == FAIL || !c->act(c) || mood == FORGET)
        c->err = SL_ERR_STORE;
    waits = sl_op_close(&c->op);
    sl_list_unlink(&c->node); /* over: what `done` asks for comes after it */
    if (waits)
        c->done(c->ctx, c->err);
    fake_free(c);
}

static inline struct fake_call *fake_call(struct sl_backend *b, enum fake_op what,
                                          bool (*act)(struct fake_call *), SL_BACKEND_WAIT)
{
    struct fake *f = SL_CONTAINER(b, struct fake, base);
    struct fake_call *c = calloc(1, sizeof *c);

    f->calls[what]++;
    f->running[what]++;
    c->f = f;
    c->what = what;
    c->act = act;
    c->done = done;
    c->ctx = ctx;
    sl_list_init(&c->node);
    sl_list_push_back(&f->open, &c->node);
    sl_timer_init(&c->timer, fake_fire);
    sl_timer_start(f->net, &c->timer, f->slow_ms[what]);
    sl_op_open(&c->op, slot, fake_cancel);
    return c;
}

static inline bool act_nothing(struct fake_call *c)
{
    (void)c;
    return true;
}

static inline void fake_start(struct sl_backend *b, SL_BACKEND_WAIT)
{
    (void)fake_call(b, F_START, act_nothing, slot, done, ctx);
}

static inline void fake_end(struct sl_backend **b)
{
    struct fake *f = SL_CONTAINER(*b, struct fake, base);

    *b = NULL;
    if (!sl_list_is_empty(&f->open))
        abort(); /* a call was left behind */
}

static inline bool fake_is_up(const struct sl_backend *b)
{
    return SL_CONTAINER(b, const struct fake, base)->linked;
}

static inline bool act_admit(struct fake_call *c)
{
    *c->answer = c->f->answer;
    return true;
}

static inline void fake_admit(struct sl_backend *b, const struct sl_quota_ask *ask,
                              struct sl_quota_answer *out, SL_BACKEND_WAIT)
{
    struct fake_call *c = fake_call(b, F_ADMIT, act_admit, slot, done, ctx);

    (void)ask;
    c->answer = out;
}

static inline struct fake_seq *fake_seq(struct fake *f, const char *tenant, const char *instance)
{
    char name[64];

    (void)snprintf(name, sizeof name, "%s/%.8s", tenant, instance);
    for (size_t i = 0; i < f->seqs_n; i++)
        if (strcmp(f->seqs[i].name, name) == 0)
            return &f->seqs[i];
    if (f->seqs_n == 64)
        abort();
    (void)snprintf(f->seqs[f->seqs_n].name, sizeof f->seqs[0].name, "%.39s", name);
    return &f->seqs[f->seqs_n++];
}

static inline bool act_apply(struct fake_call *c)
{
    struct fake *f = c->f;
    struct fake_seq *seq = fake_seq(f, c->tenant, c->instance);

    if (f->broken != NULL && strcmp(f->broken, c->tenant) == 0) {
        c->err = SL_ERR_STORE_DATA;
        return true;
    }
    for (size_t i = 0; i < c->batch.n; i++) {
        const struct sl_line *l = &c->lines[i];
        struct fake_line *at = &f->lines[f->lines_n];

        if (i > 0 && l->number <= c->lines[i - 1].number)
            f->out_of_order = true;
        if (l->number <= seq->last) {
            f->skipped++;
            continue;
        }
        seq->last = l->number;
        *at = (struct fake_line){.number = l->number,
                                 .cost_micro = l->cost_micro,
                                 .reserved_micro = l->reserved_micro,
                                 .requests = l->requests,
                                 .cached = l->cached,
                                 .tpm_tokens = l->tpm_tokens,
                                 .tpm = l->tpm[0] || l->tpm[1],
                                 .leased = l->leased[0] || l->leased[1],
                                 .account = l->account[0] || l->account[1]};
        fake_text(at->tenant, sizeof at->tenant, sl_str_of(c->tenant));
        memcpy(at->id, l->id, sizeof at->id);
        if (++f->lines_n == FAKE_LINES)
            abort();
    }
    return true;
}

static inline void fake_apply(struct sl_backend *b, const struct sl_batch *batch, SL_BACKEND_WAIT)
{
    struct fake *f = SL_CONTAINER(b, struct fake, base);
    struct fake_call *c;

    for (struct sl_list *n = f->open.next; n != &f->open; n = n->next) {
        struct fake_call *other = SL_CONTAINER(n, struct fake_call, node);

        if (other->what == F_APPLY && sl_str_eq(sl_str_of(other->tenant), batch->tenant))
            f->busy_tenants++;
    }
    c = fake_call(b, F_APPLY, act_apply, slot, done, ctx);
    c->batch = *batch;
    c->lines = malloc(batch->n * sizeof *c->lines);
    memcpy(c->lines, batch->lines, batch->n * sizeof *c->lines);
    fake_text(c->tenant, sizeof c->tenant, batch->tenant);
    memcpy(c->instance, batch->instance.p, 8);
    if (batch->n > f->largest_batch)
        f->largest_batch = batch->n;
}

static inline void fake_renew(struct sl_backend *b, struct sl_str tenant,
                              const struct sl_hold *holds, size_t n, SL_BACKEND_WAIT)
{
    (void)tenant;
    (void)holds;
    (void)fake_call(b, F_RENEW, act_nothing, slot, done, ctx);
    SL_CONTAINER(b, struct fake, base)->renewed = n;
}

static inline void fake_give_back(struct sl_backend *b, struct sl_str tenant,
                                  const struct sl_hold *hold)
{
    struct fake *f = SL_CONTAINER(b, struct fake, base);

    f->calls[F_BACK]++;
    fake_text(f->back_tenant, sizeof f->back_tenant, tenant);
    if (f->backs_n < 256)
        f->backs[f->backs_n++] = *hold;
}

static inline bool act_verdict(struct fake_call *c)
{
    c->err = c->f->verdict;
    return true;
}

static inline void fake_grow(struct sl_backend *b, const struct sl_quota_ask *ask,
                             int64_t more_micro, struct sl_quota_answer *out, SL_BACKEND_WAIT)
{
    *out = SL_CONTAINER(b, struct fake, base)->answer;
    (void)ask;
    (void)more_micro;
    (void)fake_call(b, F_GROW, act_verdict, slot, done, ctx);
}

static inline bool act_beat(struct fake_call *c)
{
    *c->beat = (struct sl_beat){.instances = c->f->instances,
                                .revision = c->f->revision,
                                .has_epoch = c->f->has_epoch,
                                .now_us = sl_net_unix_ms(c->f->net) * 1000};
    return true;
}

static inline void fake_beat(struct sl_backend *b, struct sl_str instance, struct sl_beat *out,
                             SL_BACKEND_WAIT)
{
    (void)instance;
    fake_call(b, F_BEAT, act_beat, slot, done, ctx)->beat = out;
}

static inline bool act_mark(struct fake_call *c)
{
    c->f->has_epoch = true;
    return true;
}

static inline void fake_mark(struct sl_backend *b, SL_BACKEND_WAIT)
{
    (void)fake_call(b, F_MARK, act_mark, slot, done, ctx);
}

/* ---- records ---- */

static inline void fake_keep(struct fake *f, const struct sl_record *rec)
{
    size_t i = 0;
    char *text;

    while (i < f->records_n &&
           !(f->records[i].kind == rec->kind && sl_str_eq(f->records[i].id, rec->id)))
        i++;
    if (i == FAKE_RECORDS)
        abort();
    free(f->record_text[i]);
    text = malloc(rec->id.n + rec->tenant.n + rec->state.n + rec->doc.n + 1);
    f->record_text[i] = text;
    f->records[i] = *rec;
    memcpy(text, rec->id.p, rec->id.n);
    f->records[i].id.p = text;
    text += rec->id.n;
    if (rec->tenant.n > 0)
        memcpy(text, rec->tenant.p, rec->tenant.n);
    f->records[i].tenant.p = text;
    text += rec->tenant.n;
    memcpy(text, rec->state.p, rec->state.n);
    f->records[i].state.p = text;
    text += rec->state.n;
    if (rec->doc.n > 0)
        memcpy(text, rec->doc.p, rec->doc.n);
    f->records[i].doc.p = text;
    f->records_n += i == f->records_n;
}

static inline void fake_lose(struct fake *f) /* FLUSHALL */
{
    for (size_t i = 0; i < f->records_n; i++) {
        free(f->record_text[i]);
        f->record_text[i] = NULL;
    }
    f->records_n = f->seqs_n = f->lines_n = 0;
    f->revision = 0;
    f->has_epoch = false;
}

static inline bool act_key(struct fake_call *c)
{
    *c->records = (struct sl_records){.n = 0};
    for (size_t i = 0; i < c->f->records_n; i++)
        if (c->f->records[i].kind == SL_RECORD_KEY &&
            memcmp(c->f->records[i].sha256, c->sha256, 32) == 0)
            *c->records = (struct sl_records){.at = &c->f->records[i], .n = 1};
    return true;
}

static inline void fake_key(struct sl_backend *b, const uint8_t sha256[32], struct sl_records *out,
                            SL_BACKEND_WAIT)
{
    struct fake_call *c = fake_call(b, F_KEY, act_key, slot, done, ctx);

    memcpy(c->sha256, sha256, 32);
    c->records = out;
}

static inline bool act_list(struct fake_call *c)
{
    bool on = c->after[0] == 0;
    size_t n = 0, i;

    *c->records = (struct sl_records){.at = c->page};
    for (i = 0; i < c->f->records_n && n < 50; i++) {
        const struct sl_record *r = &c->f->records[i];

        if (r->kind != c->kind ||
            (c->tenant[0] != 0 && !sl_str_eq(r->tenant, sl_str_of(c->tenant))))
            continue;
        if (on)
            c->page[n++] = *r;
        else
            on = sl_str_eq(r->id, sl_str_of(c->after));
    }
    c->records->n = n;
    if (i < c->f->records_n && n > 0)
        c->records->next = c->page[n - 1].id;
    return true;
}

static inline void fake_list(struct sl_backend *b, enum sl_record_kind kind, struct sl_str tenant,
                             struct sl_str after, struct sl_records *out, SL_BACKEND_WAIT)
{
    struct fake_call *c = fake_call(b, F_LIST, act_list, slot, done, ctx);

    c->kind = kind;
    c->records = out;
    fake_text(c->tenant, sizeof c->tenant, tenant);
    fake_text(c->after, sizeof c->after, after);
}

static inline bool act_put(struct fake_call *c)
{
    c->err = c->f->verdict;
    if (c->err != SL_OK)
        return true;
    c->page[0] = *c->given;
    c->page[0].rev = ++c->f->revision;
    fake_keep(c->f, &c->page[0]);
    *c->records = (struct sl_records){.at = c->page, .n = 1};
    return true;
}

static inline void fake_put(struct sl_backend *b, const struct sl_record *rec,
                            struct sl_records *out, SL_BACKEND_WAIT)
{
    struct fake_call *c = fake_call(b, F_PUT, act_put, slot, done, ctx);

    c->given = rec;
    c->records = out;
}

static inline bool act_restore_records(struct fake_call *c)
{
    for (size_t i = 0; i < c->given_n; i++)
        fake_keep(c->f, &c->given[i]);
    return true;
}

static inline void fake_restore_records(struct sl_backend *b, const struct sl_record *recs,
                                        size_t n, SL_BACKEND_WAIT)
{
    struct fake_call *c = fake_call(b, F_RESTORE_RECORDS, act_restore_records, slot, done, ctx);

    c->given = recs;
    c->given_n = n;
}

/* ---- books ---- */

static inline bool act_balance(struct fake_call *c)
{
    *c->balance = c->f->balance;
    for (size_t i = 0; i < c->f->restored_n; i++)
        if (strcmp(c->f->restored_name[i], c->tenant) == 0)
            *c->balance =
                (struct sl_balance){.held = c->f->restored[i].account.held,
                                    .granted_micro = c->f->restored[i].account.granted_micro,
                                    .spent_micro = c->f->restored[i].account.spent_micro,
                                    .day_micro = c->f->restored[i].account.day_micro,
                                    .month_micro = c->f->restored[i].account.month_micro};
    return true;
}

static inline void fake_level(char *out, size_t cap, struct sl_str tenant, struct sl_str key_id)
{
    (void)snprintf(out, cap, "%.*s/%.*s", SL_STR_ARGS(tenant), SL_STR_ARGS(key_id));
}

static inline void fake_balance(struct sl_backend *b, struct sl_str tenant, struct sl_str key_id,
                                const struct sl_periods *now, struct sl_balance *out,
                                SL_BACKEND_WAIT)
{
    struct fake_call *c = fake_call(b, F_BALANCE, act_balance, slot, done, ctx);

    (void)now;
    c->balance = out;
    fake_level(c->tenant, sizeof c->tenant, tenant, key_id);
}

static inline bool act_grant(struct fake_call *c)
{
    if (!c->f->balance.held)
        c->f->balance.granted_micro = c->initial;
    c->f->balance.held = true;
    c->f->balance.again = c->once[0] != 0 && strcmp(c->once, c->f->once) == 0;
    if (!c->f->balance.again)
        c->f->balance.granted_micro += c->more;
    if (c->once[0] != 0)
        memcpy(c->f->once, c->once, sizeof c->once);
    *c->balance = c->f->balance;
    return true;
}

static inline void fake_grant(struct sl_backend *b, const struct sl_store_grant *what,
                              struct sl_balance *out, SL_BACKEND_WAIT)
{
    struct fake_call *c = fake_call(b, F_GRANT, act_grant, slot, done, ctx);

    fake_text(c->once, sizeof c->once, what->once);
    c->initial = what->initial_micro;
    c->more = what->more_micro;
    c->balance = out;
}

static inline bool act_usage(struct fake_call *c)
{
    *c->usage = (struct sl_usage_rows){.at = c->f->rows, .n = c->f->usage_off ? 0 : c->f->rows_n};
    return true;
}

static inline void fake_usage(struct sl_backend *b, struct sl_str tenant, struct sl_str from_day,
                              struct sl_str to_day, struct sl_str after, struct sl_usage_rows *out,
                              SL_BACKEND_WAIT)
{
    (void)tenant;
    (void)from_day;
    (void)to_day;
    (void)after;
    fake_call(b, F_USAGE, act_usage, slot, done, ctx)->usage = out;
}

static inline void fake_note(struct sl_backend *b, struct sl_str tenant, const struct sl_note *note)
{
    struct fake *f = SL_CONTAINER(b, struct fake, base);

    (void)tenant;
    f->notes_n++;
    fake_text(f->note, sizeof f->note, note->doc);
}

static inline bool act_noted(struct fake_call *c)
{
    c->noted->n = strlen(c->f->note);
    memcpy(c->noted->doc, c->f->note, c->noted->n);
    return true;
}

static inline void fake_noted(struct sl_backend *b, struct sl_str tenant, struct sl_str name,
                              struct sl_noted *out, SL_BACKEND_WAIT)
{
    (void)tenant;
    (void)name;
    fake_call(b, F_NOTED, act_noted, slot, done, ctx)->noted = out;
}

static inline bool act_tip(struct fake_call *c)
{
    if (c->tip != NULL)
        *c->tip = c->f->tip;
    else
        c->f->tip = c->kept;
    return true;
}

static inline void fake_tip(struct sl_backend *b, struct sl_str instance, struct sl_tip *out,
                            SL_BACKEND_WAIT)
{
    (void)instance;
    fake_call(b, F_TIP, act_tip, slot, done, ctx)->tip = out;
}

static inline void fake_keep_tip(struct sl_backend *b, struct sl_str instance,
                                 const struct sl_tip *tip, SL_BACKEND_WAIT)
{
    (void)instance;
    fake_call(b, F_KEEP_TIP, act_tip, slot, done, ctx)->kept = *tip;
}

static inline bool act_restore(struct fake_call *c)
{
    struct fake *f = c->f;

    for (size_t i = 0; i < c->restore->accounts_n && f->restored_n < 64; i++) {
        f->restored[f->restored_n] = c->restore->accounts[i];
        fake_level(f->restored_name[f->restored_n], sizeof f->restored_name[0], c->restore->tenant,
                   c->restore->accounts[i].key_id);
        fake_text(f->restored_once[f->restored_n], sizeof f->restored_once[0],
                  c->restore->accounts[i].once);
        f->restored_n++;
    }
    for (size_t i = 0; i < c->restore->rows_n && f->rows_n < 64; i++)
        f->rows[f->rows_n++] = c->restore->rows[i]; /* its numbers; the texts die */
    f->restored_rows += c->restore->rows_n;
    f->restored_seqs += c->restore->seqs_n;
    for (size_t i = 0; i < c->restore->seqs_n; i++) {
        struct fake_seq *seq;

        fake_text(c->tenant, sizeof c->tenant, c->restore->tenant);
        seq = fake_seq(f, c->tenant, c->restore->seqs[i].instance);
        if (c->restore->seqs[i].number > seq->last)
            seq->last = c->restore->seqs[i].number;
    }
    return true;
}

static inline void fake_restore(struct sl_backend *b, const struct sl_restore *what,
                                SL_BACKEND_WAIT)
{
    fake_call(b, F_RESTORE, act_restore, slot, done, ctx)->restore = what;
}

static const struct sl_backend_ops fake_ops = {.name = "fake",
                                               .start = fake_start,
                                               .end = fake_end,
                                               .is_up = fake_is_up,
                                               .admit = fake_admit,
                                               .apply = fake_apply,
                                               .renew = fake_renew,
                                               .give_back = fake_give_back,
                                               .grow = fake_grow,
                                               .beat = fake_beat,
                                               .mark = fake_mark,
                                               .key = fake_key,
                                               .list = fake_list,
                                               .put = fake_put,
                                               .balance = fake_balance,
                                               .grant = fake_grant,
                                               .usage = fake_usage,
                                               .note = fake_note,
                                               .noted = fake_noted,
                                               .tip = fake_tip,
                                               .keep_tip = fake_keep_tip,
                                               .restore = fake_restore,
                                               .restore_records = fake_restore_records};

static inline void fake_init(struct fake *f, struct sl_net *net)
{
    static const struct sl_quota_room none = {SL_UNSET, SL_UNSET, SL_UNSET,
                                              SL_UNSET, SL_UNSET, SL_UNSET};

    memset(f, 0, sizeof *f);
    f->base.ops = &fake_ops;
    f->net = net;
    f->linked = true;
    f->instances = 1;
    f->lines = calloc(FAKE_LINES, sizeof *f->lines);
    f->answer.room[0] = f->answer.room[1] = none;
    sl_list_init(&f->open);
}

static inline void fake_fini(struct fake *f)
{
    fake_lose(f);
    free(f->lines);
}

static inline void fake_all(struct fake *f, enum fake_mood mood)
{
    for (int i = 0; i < F__COUNT; i++)
        f->mood[i] = mood;
}

#endif
