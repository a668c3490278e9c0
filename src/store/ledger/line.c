/* store/ledger/line.c -- a settled request as a line: for the backend, into the trail, and
 * back from it. */
#include "base/json.h"
#include "base/mem.h"
#include "store/ledger/inside.h"

/* Names end where a character ends, so that they are the same when they are read back. */
static struct sl_str cut(struct sl_str s)
{
    if (s.n <= SL_LEDGER_TEXT)
        return s;
    s.n = SL_LEDGER_TEXT;
    while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
        s.n--;
    return s;
}

void sl_line_day(int64_t unix_ms, char day[10])
{
    char time[32];
    struct sl_text t = sl_text_over(time, sizeof time);

    sl_text_time(&t, unix_ms);
    memcpy(day, time, 10);
}

/* First second of the period that `now` is in: policy/quota.h. */
static int64_t period(const int64_t begins[3], int64_t now_s)
{
    return now_s < begins[1] ? begins[0] : now_s < begins[2] ? begins[1] : begins[2];
}

void sl_ledger_fill(const struct sl_settle *s, const struct sl_ledger_extra *extra,
                    int64_t now_unix_ms, char day[10], struct sl_line *out)
{
    const struct sl_quota_ask *ask = s->ask;

    *out = (struct sl_line){.key_id = cut(ask->key_id),
                            .user = cut(s->user),
                            .model = cut(s->model),
                            .provider = cut(s->provider),
                            .app = cut(s->app),
                            .day = {day, 10},
                            .reserved_micro = extra->reserved_micro,
                            .cost_micro = s->cost_micro > 0 ? s->cost_micro : 0,
                            .in = s->in,
                            .cache_read = s->cache_read,
                            .cache_write = s->cache_write,
                            .out = s->out,
                            .requests = 1,
                            .cached = s->cached};
    memcpy(out->id, ask->id, sizeof out->id);
    sl_line_day(now_unix_ms, day);
    out->day0 = period(ask->periods.day, now_unix_ms / 1000);
    out->month0 = period(ask->periods.month, now_unix_ms / 1000);
    for (int level = 0; level < SL_LEVEL__COUNT; level++) {
        const struct sl_terms *terms = ask->terms[level];

        out->leased[level] = extra->leased[level];
        out->account[level] = terms != NULL && sl_terms_has_budget(terms);
        out->tpm[level] = terms != NULL && !ask->light && s->tpm_tokens > 0 &&
                          sl_terms_limit(terms->limits.tpm) > 0;
        if (out->tpm[level])
            out->tpm_tokens = s->tpm_tokens;
    }
}

static struct sl_str keep(char **at, struct sl_str s)
{
    struct sl_str out = {*at, s.n};

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

struct sl_entry *sl_entry_new(const struct sl_line *line)
{
    size_t n = line->key_id.n + line->user.n + line->model.n + line->provider.n + line->app.n +
               line->day.n;
    struct sl_entry *e = sl_mem_try(sizeof *e + n);
    char *at;

    if (e == NULL)
        return NULL;
    memset(e, 0, sizeof *e);
    sl_list_init(&e->node);
    sl_list_init(&e->all);
    at = e->text;
    e->line = *line;
    e->line.key_id = keep(&at, line->key_id);
    e->line.user = keep(&at, line->user);
    e->line.model = keep(&at, line->model);
    e->line.provider = keep(&at, line->provider);
    e->line.app = keep(&at, line->app);
    e->line.day = keep(&at, line->day);
    return e;
}

/* ---- into the trail ---- */

static inline void put_text(struct sl_text *t, struct sl_str name, struct sl_str s)
{
    sl_text_add(t, name);
    sl_text_json(t, s, 0);
}

static inline void put_u64(struct sl_text *t, struct sl_str name, uint64_t v)
{
    sl_text_add(t, name);
    sl_text_u64(t, v);
}

static inline void put_i64(struct sl_text *t, struct sl_str name, int64_t v)
{
    sl_text_add(t, name);
    sl_text_i64(t, v);
}

static void put_who(struct sl_text *t, struct sl_str tenant, const struct sl_line *line)
{
    put_text(t, SL_TEXT_MEMBER("tenant"), tenant);
    put_text(t, SL_TEXT_MEMBER("key"), line->key_id);
    put_text(t, SL_TEXT_MEMBER("user"), line->user);
    put_text(t, SL_TEXT_MEMBER("model"), line->model);
    put_text(t, SL_TEXT_MEMBER("provider"), line->provider);
    if (line->app.n > 0)
        put_text(t, SL_TEXT_MEMBER("used_by"), line->app);
    put_text(t, SL_TEXT_MEMBER("day"), line->day);
}

static void put_tokens(struct sl_text *t, const struct sl_line *line)
{
    put_u64(t, SL_TEXT_MEMBER("in"), line->in);
    put_u64(t, SL_TEXT_MEMBER("cache_read"), line->cache_read);
    put_u64(t, SL_TEXT_MEMBER("cache_write"), line->cache_write);
    put_u64(t, SL_TEXT_MEMBER("out"), line->out);
}

/* What an account begins with, so that a rebuild knows it without the configuration. */
static void put_initial(struct sl_text *t, const struct sl_quota_ask *ask)
{
    sl_text_add(t, SL_STR(",\"initial\":["));
    for (int level = 0; level < SL_LEVEL__COUNT; level++) {
        const struct sl_terms *terms = ask->terms[level];

        if (level > 0)
            sl_text_byte(t, ',');
        if (terms != NULL && terms->budget.credits_micro != SL_UNSET)
            sl_text_i64(t, terms->budget.credits_micro);
        else
            sl_text_add(t, SL_STR("null"));
    }
    sl_text_byte(t, ']');
}

static const char *levels_of(const bool account[SL_LEVEL__COUNT])
{
    static const char *const names[] = {"", "t", "k", "tk"};

    return names[account[SL_LEVEL_TENANT] + 2 * account[SL_LEVEL_KEY]];
}

void sl_line_write(struct sl_text *t, const struct sl_settle *s, const struct sl_line *line)
{
    sl_text_add(t, SL_STR("\"kind\":\"settle\""));
    put_text(t, SL_TEXT_MEMBER("id"), (struct sl_str){line->id, sizeof line->id});
    put_who(t, s->ask->tenant, line);
    put_text(t, SL_TEXT_MEMBER("key_name"), cut(s->key_name));
    put_text(t, SL_TEXT_MEMBER("served"), cut(s->served));
    put_text(t, SL_TEXT_MEMBER("endpoint"), cut(s->endpoint));
    put_text(t, SL_TEXT_MEMBER("ending"), sl_str_of(s->ending));
    put_text(t, SL_TEXT_MEMBER("source"), sl_str_of(s->source));
    put_i64(t, SL_TEXT_MEMBER("status"), s->status);
    put_u64(t, SL_TEXT_MEMBER("cached"), line->cached);
    put_i64(t, SL_TEXT_MEMBER("cost_micro"), line->cost_micro);
    put_tokens(t, line);
    put_i64(t, SL_TEXT_MEMBER("reserved_micro"), line->reserved_micro);
    put_text(t, SL_TEXT_MEMBER("levels"), sl_str_of(levels_of(line->account)));
    put_i64(t, SL_TEXT_MEMBER("day0"), line->day0);
    put_i64(t, SL_TEXT_MEMBER("month0"), line->month0);
    put_initial(t, s->ask);
    put_i64(t, SL_TEXT_MEMBER("began"), s->begin_unix_ms);
    put_i64(t, SL_TEXT_MEMBER("took_ms"), s->took_ms);
    if (s->answer->local)
        sl_text_add(t, SL_STR(",\"local\":true"));
}

void sl_line_write_sum(struct sl_text *t, const struct sl_sum *sum)
{
    sl_text_add(t, SL_STR("\"kind\":\"sum\""));
    put_who(t, sum->tenant, &sum->line);
    put_u64(t, SL_TEXT_MEMBER("requests"), sum->line.requests);
    put_u64(t, SL_TEXT_MEMBER("cached"), sum->line.cached);
    put_u64(t, SL_TEXT_MEMBER("failed"), sum->failed);
    put_tokens(t, &sum->line);
    put_i64(t, SL_TEXT_MEMBER("since"), sum->since_unix_ms);
}

/* ---- and back ---- */

struct source {
    struct sl_str line;
    char *at, *end; /* free text */
    bool ok;
};

static struct sl_str get_text(struct source *s, const char *name)
{
    struct sl_str value = sl_json_get(s->line, sl_str_of(name)), out = {s->at, 0};

    if (!sl_json_unescape(value, s->at, (size_t)(s->end - s->at), &out.n) || out.n > SL_LEDGER_TEXT)
        s->ok = false;
    else
        s->at += out.n;
    return out;
}

/* Older lines lack it. */
static struct sl_str get_text_or_none(struct source *s, const char *name)
{
    return sl_json_get(s->line, sl_str_of(name)).n > 0 ? get_text(s, name) : (struct sl_str){"", 0};
}

static uint64_t get_u64(struct source *s, const char *name)
{
    uint64_t v = 0;

    s->ok = sl_json_u64(sl_json_get(s->line, sl_str_of(name)), &v) && s->ok;
    return v;
}

static int64_t get_i64(struct source *s, const char *name)
{
    uint64_t v = get_u64(s, name);

    s->ok = s->ok && v <= INT64_MAX;
    return (int64_t)v;
}

static unsigned get_count(struct source *s, const char *name)
{
    uint64_t v = get_u64(s, name);

    s->ok = s->ok && v <= UINT32_MAX;
    return (unsigned)v;
}

static void get_who(struct source *s, struct sl_str *tenant, struct sl_line *out)
{
    *tenant = get_text(s, "tenant");
    out->key_id = get_text(s, "key");
    out->user = get_text(s, "user");
    out->model = get_text(s, "model");
    out->provider = get_text(s, "provider");
    out->app = get_text_or_none(s, "used_by");
    out->day = get_text(s, "day");
    out->in = get_u64(s, "in");
    out->cache_read = get_u64(s, "cache_read");
    out->cache_write = get_u64(s, "cache_write");
    out->out = get_u64(s, "out");
}

static void get_settled(struct source *s, struct sl_line *out)
{
    struct sl_str levels = sl_json_get(s->line, SL_STR("levels"));
    struct sl_str id = get_text(s, "id");

    s->ok = s->ok && id.n == sizeof out->id;
    if (s->ok)
        memcpy(out->id, id.p, sizeof out->id);
    out->cost_micro = get_i64(s, "cost_micro");
    out->reserved_micro = get_i64(s, "reserved_micro");
    out->day0 = get_i64(s, "day0");
    out->month0 = get_i64(s, "month0");
    out->account[SL_LEVEL_TENANT] = levels.n > 0 && sl_str_find_byte(levels, 't') >= 0;
    out->account[SL_LEVEL_KEY] = levels.n > 0 && sl_str_find_byte(levels, 'k') >= 0;
    out->requests = 1;
    out->cached = get_count(s, "cached");
}

bool sl_line_read(struct sl_str from, uint64_t number, struct sl_line *out, struct sl_str *tenant,
                  char text[SL_LINE_TEXT])
{
    struct source s = {.line = from, .at = text, .end = text + SL_LINE_TEXT, .ok = true};
    struct sl_str kind = sl_json_get(from, SL_STR("kind"));

    *out = (struct sl_line){.number = number};
    if (sl_str_eq(kind, SL_STR("\"settle\""))) {
        get_who(&s, tenant, out);
        get_settled(&s, out);
    } else if (sl_str_eq(kind, SL_STR("\"sum\""))) {
        get_who(&s, tenant, out);
        out->requests = get_count(&s, "requests");
        out->cached = get_count(&s, "cached");
    } else {
        return false;
    }
    return s.ok && tenant->n > 0;
}
