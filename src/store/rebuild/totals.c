/* store/rebuild/totals.c -- lines of trails summed up. Runs in the pool: its memory is its
 * own, and ends with SL_ERR_CEILING or NO_MEMORY instead of aborting. */
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/ledger/inside.h"
#include "store/rebuild/inside.h"

#define DAY_SPREAD 43200 /* first seconds closer than this are of one period: policy/quota.h */
#define MONTH_SPREAD 1209600
#define NAME_BYTES (7 * SL_LEDGER_TEXT)

void sl_totals_init(struct sl_totals *t, int64_t now_unix_ms)
{
    *t = (struct sl_totals){.err = SL_OK};
    sl_line_day(now_unix_ms - (int64_t)(SL_STORE_USAGE_DAYS - 1) * 86400000, t->from_day);
}

void *sl_totals_make(struct sl_totals *t, size_t size)
{
    void *p = NULL;

    if (t->things >= SL_REBUILD_ROWS)
        t->err = SL_ERR_CEILING;
    else if ((p = sl_mem_try(size)) == NULL)
        t->err = SL_ERR_NO_MEMORY;
    if (p == NULL)
        return NULL;
    memset(p, 0, size);
    t->things++;
    return p;
}

/* ---- who ---- */

static struct sl_total_tenant *tenant_of(struct sl_totals *t, struct sl_str name)
{
    struct sl_total_tenant *one;

    HASH_FIND(hh, t->tenants, name.p, name.n, one);
    if (one != NULL)
        return one;
    one = sl_totals_make(t, sizeof *one + name.n);
    if (one == NULL)
        return NULL;
    one->name_n = name.n;
    memcpy(one->name, name.p, name.n);
    HASH_ADD_KEYPTR(hh, t->tenants, one->name, one->name_n, one);
    return one;
}

static struct sl_total *account_of(struct sl_totals *t, struct sl_total_tenant *of,
                                   struct sl_str key_id)
{
    struct sl_total *a;

    HASH_FIND(hh, of->accounts, key_id.p, key_id.n, a);
    if (a != NULL)
        return a;
    a = sl_totals_make(t, sizeof *a + key_id.n + 1);
    if (a == NULL)
        return NULL;
    if (key_id.n > 0)
        memcpy(a->name, key_id.p, key_id.n);
    a->a.key_id = (struct sl_str){a->name, key_id.n};
    HASH_ADD_KEYPTR(hh, of->accounts, a->name, key_id.n, a);
    t->accounts++;
    return a;
}

/* ---- money ---- */

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return b > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

static void book(int64_t *first, int64_t *sum, int64_t line_first, int64_t spread, int64_t cost)
{
    if (line_first - *first >= spread) {
        *first = line_first;
        *sum = cost;
    } else if (*first - line_first < spread) {
        *first = line_first;
        *sum = add(*sum, cost);
    }
}

static void charge(struct sl_total *a, const struct sl_line *line)
{
    struct sl_account *to = &a->a.account;

    to->spent_micro = add(to->spent_micro, line->cost_micro);
    book(&to->day0, &to->day_micro, line->day0, DAY_SPREAD, line->cost_micro);
    book(&to->month0, &to->month_micro, line->month0, MONTH_SPREAD, line->cost_micro);
}

static bool time_of(struct sl_str line, char time[24])
{
    size_t n;

    memset(time, 0, 24);
    return sl_json_unescape(sl_json_get(line, SL_STR("t")), time, 24, &n);
}

static void note_initial(struct sl_total *a, struct sl_str line, int64_t initial_micro)
{
    char time[24];

    if (!time_of(line, time))
        return;
    if (a->has_initial && memcmp(a->initial_at, time, sizeof time) <= 0)
        return;
    a->has_initial = true;
    memcpy(a->initial_at, time, sizeof time);
    a->a.account.granted_micro = initial_micro;
}

void sl_total_close(struct sl_total *a)
{
    if (!a->has_initial)
        return;
    a->a.account.held = true;
    a->a.account.granted_micro = add(a->a.account.granted_micro, a->more_micro);
    a->more_micro = 0;
}

/* An integer with its sign. */
static bool get_i64(struct sl_str value, int64_t *out)
{
    bool minus = value.n > 0 && value.p[0] == '-';
    uint64_t v;

    if (!sl_json_u64(minus ? sl_str_from(value, 1) : value, &v) || v > INT64_MAX)
        return false;
    *out = minus ? -(int64_t)v : (int64_t)v;
    return true;
}

/* ---- settled lines ---- */

static size_t name_row(const struct sl_line *line, char out[NAME_BYTES])
{
    static const struct sl_str end = SL_STR_INIT("\n");
    const struct sl_str parts[] = {line->day,   line->key_id,   line->user,
                                   line->model, line->provider, line->app};
    char *at = out;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        (void)sl_totals_keep(&at, parts[i]);
        (void)sl_totals_keep(&at, end);
    }
    return (size_t)(at - out);
}

static struct sl_usage_row *row_of(struct sl_totals *t, struct sl_total_tenant *of,
                                   const struct sl_line *line)
{
    char name[NAME_BYTES];
    size_t n = name_row(line, name);
    struct sl_total_row *r;
    char *at;

    HASH_FIND(hh, of->rows, name, n, r);
    if (r != NULL)
        return &r->row;
    r = sl_totals_make(t, sizeof *r + 2 * n);
    if (r == NULL)
        return NULL;
    memcpy(r->name, name, n);
    r->name_n = n;
    at = r->name + n;
    r->row.tenant = (struct sl_str){of->name, of->name_n};
    r->row.day = sl_totals_keep(&at, line->day);
    r->row.key_id = sl_totals_keep(&at, line->key_id);
    r->row.user = sl_totals_keep(&at, line->user);
    r->row.model = sl_totals_keep(&at, line->model);
    r->row.provider = sl_totals_keep(&at, line->provider);
    r->row.app = sl_totals_keep(&at, line->app);
    HASH_ADD_KEYPTR(hh, of->rows, r->name, r->name_n, r);
    t->rows++;
    return &r->row;
}

static void count(struct sl_totals *t, struct sl_total_tenant *of, const struct sl_line *line)
{
    struct sl_usage_row *row;

    if (line->day.n != sizeof t->from_day ||
        memcmp(line->day.p, t->from_day, sizeof t->from_day) < 0)
        return;
    row = row_of(t, of, line);
    if (row == NULL)
        return;
    row->requests += line->requests;
    row->cached += line->cached;
    row->in += line->in;
    row->cache_read += line->cache_read;
    row->cache_write += line->cache_write;
    row->out += line->out;
    row->cost_micro = add(row->cost_micro, line->cost_micro);
    of->requests += line->requests;
    of->cost_micro = add(of->cost_micro, line->cost_micro);
}

static void charge_levels(struct sl_totals *t, struct sl_total_tenant *of,
                          const struct sl_line *line, struct sl_str text)
{
    const struct sl_str keys[] = {{"", 0}, line->key_id};
    struct sl_str initials = sl_json_get(text, SL_STR("initial")), initial;
    size_t pos = 0;

    for (int level = 0; level < SL_LEVEL__COUNT; level++) {
        bool said = sl_json_next(initials, &pos, &initial);
        struct sl_total *a;
        int64_t v;

        if (!line->account[level])
            continue;
        a = account_of(t, of, keys[level]);
        if (a == NULL)
            return;
        charge(a, line);
        if (said && get_i64(initial, &v))
            note_initial(a, text, v);
    }
}

static void settled(struct sl_totals *t, uint64_t number, struct sl_str text)
{
    char names[SL_LINE_TEXT];
    struct sl_total_tenant *of;
    struct sl_str tenant;
    struct sl_line line;

    if (!sl_line_read(text, number, &line, &tenant, names))
        return;
    of = tenant_of(t, tenant);
    if (of == NULL)
        return;
    charge_levels(t, of, &line, text);
    count(t, of, &line);
}

/* ---- grants ---- */

/* True: that name was counted already, or there is no memory to know it by. */
static bool is_again(struct sl_totals *t, struct sl_total_tenant *of, struct sl_str name)
{
    struct sl_total_once *one;

    HASH_FIND(hh, of->once, name.p, name.n, one);
    if (one != NULL)
        return true;
    one = sl_totals_make(t, sizeof *one + name.n);
    if (one == NULL)
        return true;
    one->name_n = name.n;
    memcpy(one->name, name.p, name.n);
    HASH_ADD_KEYPTR(hh, of->once, one->name, one->name_n, one);
    return false;
}

/* An account remembers the name of its last named grant: asked for again, it is there. */
static void note_name(struct sl_total *a, struct sl_str line, struct sl_str quoted)
{
    char once[SL_STORE_ONCE], time[24];
    size_t n;

    if (!sl_json_unescape(quoted, once, sizeof once, &n) || !time_of(line, time) ||
        memcmp(time, a->once_at, sizeof time) < 0)
        return;
    memcpy(a->once, once, n);
    memcpy(a->once_at, time, sizeof time);
    a->a.once = (struct sl_str){a->once, n};
}

static void granted(struct sl_totals *t, struct sl_str text)
{
    struct sl_str once = sl_json_get(text, SL_STR("once"));
    struct sl_str tenant, key;
    struct sl_total_tenant *of;
    struct sl_total *a;
    int64_t initial, more;
    char names[2 * SL_LEDGER_TEXT];

    tenant.p = names;
    key.p = names + SL_LEDGER_TEXT;
    if (!sl_json_unescape(sl_json_get(text, SL_STR("tenant")), names, SL_LEDGER_TEXT, &tenant.n) ||
        !sl_json_unescape(sl_json_get(text, SL_STR("key")), names + SL_LEDGER_TEXT, SL_LEDGER_TEXT,
                          &key.n) ||
        !get_i64(sl_json_get(text, SL_STR("initial_micro")), &initial) ||
        !get_i64(sl_json_get(text, SL_STR("more_micro")), &more))
        return;
    of = tenant_of(t, tenant);
    a = of != NULL ? account_of(t, of, key) : NULL;
    if (a == NULL)
        return;
    note_initial(a, text, initial);
    if (once.n > 0)
        note_name(a, text, once);
    if (once.n > 0 && is_again(t, of, once))
        return;
    a->more_micro = add(a->more_micro, more);
}

void sl_totals_line(void *totals, uint64_t number, struct sl_str line)
{
    struct sl_totals *t = totals;
    struct sl_str kind = sl_json_get(line, SL_STR("kind"));

    if (t->err != SL_OK)
        return;
    if (sl_str_eq(kind, SL_STR("\"settle\"")) || sl_str_eq(kind, SL_STR("\"sum\"")))
        settled(t, number, line);
    else if (sl_str_eq(kind, SL_STR("\"grant\"")))
        granted(t, line);
    else if (sl_str_eq(kind, SL_STR("\"key\"")))
        sl_totals_record(t, SL_RECORD_KEY, line);
    else if (sl_str_eq(kind, SL_STR("\"tenant\"")))
        sl_totals_record(t, SL_RECORD_TENANT, line);
    else if (sl_str_eq(kind, SL_STR("\"switch\"")))
        sl_totals_record(t, SL_RECORD_SWITCH, line);
}

static void end_tenant(struct sl_totals *t, struct sl_total_tenant *of)
{
    struct sl_total *a, *next_a;
    struct sl_total_row *r, *next_r;
    struct sl_total_once *one, *next_one;

    HASH_ITER(hh, of->once, one, next_one)
    {
        HASH_DEL(of->once, one);
        sl_mem_free(one);
    }
    HASH_ITER(hh, of->accounts, a, next_a)
    {
        HASH_DEL(of->accounts, a);
        sl_mem_free(a);
    }
    HASH_ITER(hh, of->rows, r, next_r)
    {
        HASH_DEL(of->rows, r);
        sl_mem_free(r);
    }
    HASH_DEL(t->tenants, of);
    sl_mem_free(of);
}

void sl_totals_fini(struct sl_totals *t)
{
    struct sl_total_tenant *of, *next;
    struct sl_total_record *r, *next_r;

    HASH_ITER(hh, t->tenants, of, next)
    {
        end_tenant(t, of);
    }
    HASH_ITER(hh, t->records, r, next_r)
    {
        HASH_DEL(t->records, r);
        sl_mem_free(r);
    }
}
