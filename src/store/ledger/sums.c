/* store/ledger/sums.c -- endings of no cost, counted together before they are written. */
#include "store/ledger/inside.h"

#define NAME (7 * SL_LEDGER_TEXT + 16)

static void on_sums(struct sl_timer *t)
{
    sl_ledger_sums_write(SL_CONTAINER(t, struct sl_ledger, sums_timer), false);
}

static void on_tokens(struct sl_timer *t)
{
    sl_ledger_sums_write(SL_CONTAINER(t, struct sl_ledger, tokens_timer), true);
}

void sl_ledger_sums_init(struct sl_ledger *l)
{
    sl_timer_init(&l->sums_timer, on_sums);
    sl_timer_init(&l->tokens_timer, on_tokens);
}

static void drop(struct sl_ledger *l, struct sl_sum *sum)
{
    HASH_DEL(l->sums, sum);
    sl_mem_free(sum);
}

void sl_ledger_sums_fini(struct sl_ledger *l)
{
    struct sl_sum *sum, *next;

    sl_timer_stop(l->net, &l->sums_timer);
    sl_timer_stop(l->net, &l->tokens_timer);
    HASH_ITER(hh, l->sums, sum, next)
    {
        drop(l, sum);
    }
}

static void write_sum(struct sl_ledger *l, struct sl_sum *sum)
{
    char members[16384];
    struct sl_text t = sl_text_over(members, sizeof members);

    sl_line_write_sum(&t, sum);
    sum->line.number = sl_ledger_append(l, sl_text_str(&t));
    sl_ledger_add(l, sum->tenant, &sum->line);
}

void sl_ledger_sums_write(struct sl_ledger *l, bool tokens_only)
{
    struct sl_sum *sum, *next;

    HASH_ITER(hh, l->sums, sum, next)
    {
        if (tokens_only && sum->line.tpm_tokens == 0)
            continue;
        write_sum(l, sum);
        drop(l, sum);
    }
    if (!tokens_only)
        sl_timer_stop(l->net, &l->sums_timer);
}

static struct sl_str place(char **at, struct sl_str s)
{
    struct sl_str out = {*at, s.n};

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    (*at)[s.n] = '\n'; /* no name holds one as it stands: a name of names is unique */
    *at += s.n + 1;
    return out;
}

/* What is summed under one line: its texts, moved to `name`. Returns their length. */
static size_t name_it(char *name, struct sl_str *tenant, struct sl_line *line)
{
    char *at = name;

    *tenant = place(&at, sl_str_first(*tenant, SL_LEDGER_TEXT));
    line->key_id = place(&at, line->key_id);
    line->user = place(&at, line->user);
    line->model = place(&at, line->model);
    line->provider = place(&at, line->provider);
    line->app = place(&at, line->app);
    line->day = place(&at, line->day);
    return (size_t)(at - name);
}

static struct sl_sum *new_sum(struct sl_ledger *l, struct sl_str tenant, const struct sl_line *like,
                              size_t n)
{
    struct sl_sum *sum = sl_mem_new(sizeof *sum + n);

    sum->line = (struct sl_line){.key_id = like->key_id,
                                 .user = like->user,
                                 .model = like->model,
                                 .provider = like->provider,
                                 .app = like->app,
                                 .day = like->day};
    memset(sum->line.id, '0', sizeof sum->line.id); /* of no one request */
    sum->tenant = tenant;
    sum->name_n = name_it(sum->name, &sum->tenant, &sum->line);
    sum->since_unix_ms = sl_net_unix_ms(l->net);
    HASH_ADD_KEYPTR(hh, l->sums, sum->name, sum->name_n, sum);
    return sum;
}

static void count(struct sl_sum *sum, const struct sl_settle *s, const struct sl_line *line)
{
    sum->line.requests++;
    sum->line.cached += line->cached;
    sum->line.in += line->in;
    sum->line.cache_read += line->cache_read;
    sum->line.cache_write += line->cache_write;
    sum->line.out += line->out;
    sum->line.tpm_tokens += line->tpm_tokens;
    for (int level = 0; level < SL_LEVEL__COUNT; level++)
        sum->line.tpm[level] = sum->line.tpm[level] || line->tpm[level];
    sum->failed += s->status >= 400;
}

void sl_ledger_sum(struct sl_ledger *l, const struct sl_settle *s, const struct sl_line *line)
{
    struct sl_line like = *line;
    struct sl_str tenant = s->ask->tenant;
    char name[NAME];
    size_t n = name_it(name, &tenant, &like);
    struct sl_sum *sum;

    HASH_FIND(hh, l->sums, name, n, sum);
    if (sum == NULL && HASH_COUNT(l->sums) >= SL_LEDGER_SUMS)
        sl_ledger_sums_write(l, false);
    if (sum == NULL)
        sum = new_sum(l, tenant, &like, n);
    count(sum, s, line);
    if (!sl_timer_is_armed(&l->sums_timer))
        sl_timer_start(l->net, &l->sums_timer, SL_LEDGER_SUM_MS);
    if (sum->line.tpm_tokens > 0 && !sl_timer_is_armed(&l->tokens_timer))
        sl_timer_start(l->net, &l->tokens_timer, SL_TRAIL_DELAY_MS);
}
