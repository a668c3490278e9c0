/* store/embedded/tally.c -- what settled lines add to usage, summed until the next
 * commit, and up to which line of each tenant each instance has been heard. */
#include "store/embedded/inside.h"

#define ROWS_MAX 16384     /* written in well under a second */
#define SEQS_MAX 200000    /* tenants, times the instances that settled for them */
#define NAME_MAX_BYTES 128 /* of a tenant */
#define TEXT_MAX 256       /* bytes of each name in a row; longer ones are cut */
#define TEXTS 7

/* ---- rows ---- */

/* The name of a row: its texts, each behind its length. */
struct name {
    size_t n;
    char p[TEXTS * (2 + TEXT_MAX)];
};

static struct sl_str put_text(struct name *name, struct sl_str s)
{
    char *at = name->p + name->n;

    s = sl_str_first(s, TEXT_MAX);
    at[0] = (char)(s.n >> 8);
    at[1] = (char)(s.n & 0xff);
    if (s.n > 0)
        memcpy(at + 2, s.p, s.n);
    name->n += 2 + s.n;
    return (struct sl_str){at + 2, s.n};
}

static void put_texts(struct name *name, const struct sl_usage_row *row)
{
    name->n = 0;
    (void)put_text(name, row->tenant);
    (void)put_text(name, row->day);
    (void)put_text(name, row->key_id);
    (void)put_text(name, row->user);
    (void)put_text(name, row->model);
    (void)put_text(name, row->provider);
    (void)put_text(name, row->app);
}

static struct sl_str take_text(const char **at)
{
    const unsigned char *n = (const unsigned char *)*at;
    struct sl_str s = {*at + 2, (size_t)n[0] << 8 | n[1]};

    *at += 2 + s.n;
    return s;
}

static void take_texts(struct sl_tally_row *row)
{
    const char *at = row->name;

    row->sum.tenant = take_text(&at);
    row->sum.day = take_text(&at);
    row->sum.key_id = take_text(&at);
    row->sum.user = take_text(&at);
    row->sum.model = take_text(&at);
    row->sum.provider = take_text(&at);
    row->sum.app = take_text(&at);
}

static struct sl_tally_row *row_of(struct sl_tally *t, const struct name *name)
{
    struct sl_tally_row *row;

    HASH_FIND(hh, t->rows, name->p, name->n, row);
    if (row != NULL)
        return row;
    row = sl_mem_try(sizeof *row + name->n);
    if (row == NULL)
        return NULL;
    memset(row, 0, sizeof *row);
    row->name_n = name->n;
    memcpy(row->name, name->p, name->n);
    take_texts(row);
    HASH_ADD_KEYPTR(hh, t->rows, row->name, row->name_n, row);
    return row;
}

static void add(uint64_t *sum, uint64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum))
        *sum = UINT64_MAX;
}

static void add_row(struct sl_usage_row *to, const struct sl_usage_row *more)
{
    add(&to->requests, more->requests);
    add(&to->cached, more->cached);
    add(&to->in, more->in);
    add(&to->cache_read, more->cache_read);
    add(&to->cache_write, more->cache_write);
    add(&to->out, more->out);
    if (__builtin_add_overflow(to->cost_micro, more->cost_micro, &to->cost_micro))
        to->cost_micro = INT64_MAX;
}

bool sl_tally_has_room(const struct sl_tally *t)
{
    return HASH_COUNT(t->rows) < ROWS_MAX;
}

bool sl_tally_add(struct sl_tally *t, struct sl_str tenant, const struct sl_line *line)
{
    struct sl_usage_row one = {.tenant = tenant,
                               .day = line->day,
                               .key_id = line->key_id,
                               .user = line->user,
                               .model = line->model,
                               .provider = line->provider,
                               .app = line->app,
                               .requests = line->requests,
                               .cached = line->cached,
                               .in = line->in,
                               .cache_read = line->cache_read,
                               .cache_write = line->cache_write,
                               .out = line->out,
                               .cost_micro = line->cost_micro > 0 ? line->cost_micro : 0};
    struct sl_tally_row *row;
    struct name name;

    put_texts(&name, &one);
    row = row_of(t, &name);
    if (row == NULL)
        return false;
    add_row(&row->sum, &one);
    return true;
}

void sl_tally_drop(struct sl_tally *t, const struct sl_usage_row *like)
{
    struct sl_tally_row *row;
    struct name name;

    put_texts(&name, like);
    HASH_FIND(hh, t->rows, name.p, name.n, row);
    if (row == NULL)
        return;
    HASH_DEL(t->rows, row);
    sl_mem_free(row);
}

void sl_tally_merge(struct sl_tally *t, struct sl_tally_row **rows)
{
    struct sl_tally_row *row, *next, *old;

    HASH_ITER(hh, *rows, row, next)
    {
        HASH_DEL(*rows, row);
        HASH_FIND(hh, t->rows, row->name, row->name_n, old);
        if (old != NULL) {
            add_row(&old->sum, &row->sum);
            sl_mem_free(row);
        } else {
            HASH_ADD_KEYPTR(hh, t->rows, row->name, row->name_n, row);
        }
    }
}

void sl_tally_free(struct sl_tally_row **rows)
{
    struct sl_tally_row *row, *next;

    HASH_ITER(hh, *rows, row, next)
    {
        HASH_DEL(*rows, row);
        sl_mem_free(row);
    }
}

/* ---- numbers ---- */

struct sl_tally_seq *sl_tally_seq(struct sl_tally *t, struct sl_str tenant, struct sl_str instance)
{
    char name[NAME_MAX_BYTES + 8];
    size_t n = tenant.n + instance.n;
    struct sl_tally_seq *seq;

    if (tenant.n == 0 || tenant.n > NAME_MAX_BYTES || instance.n != 8)
        return NULL;
    memcpy(name, tenant.p, tenant.n);
    memcpy(name + tenant.n, instance.p, instance.n);
    HASH_FIND(hh, t->seqs, name, n, seq);
    if (seq != NULL || HASH_COUNT(t->seqs) >= SEQS_MAX)
        return seq;
    seq = sl_mem_new(sizeof *seq + n);
    memcpy(seq->name, name, n);
    seq->tenant_n = tenant.n;
    seq->name_n = n;
    HASH_ADD_KEYPTR(hh, t->seqs, seq->name, seq->name_n, seq);
    return seq;
}

void sl_tally_fini(struct sl_tally *t)
{
    struct sl_tally_seq *seq, *next;

    sl_tally_free(&t->rows);
    HASH_ITER(hh, t->seqs, seq, next)
    {
        HASH_DEL(t->seqs, seq);
        sl_mem_free(seq);
    }
}
