/* cli/manage/print.c -- answers for people: tables, lines, CSV. */
#include "cli/manage/manage.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "policy/money.h"

#define COLUMNS 24
#define CELL 4096 /* bytes of one cell that are shown */

struct column {
    struct sl_str title, member;
    size_t width;
    bool numbers; /* nothing but numbers: to the right */
};

/* ---- cells ---- */

/* "balance.today.spent" within an object. */
static struct sl_str find(struct sl_str object, struct sl_str path)
{
    struct sl_str name;

    while (object.p != NULL && sl_str_split(&path, '.', &name))
        object = sl_json_get(object, name);
    return object;
}

/* A value as a text; a text's control bytes would move the terminal's cursor. */
static struct sl_str text_of(struct sl_str value, char out[CELL])
{
    size_t n = 0;

    if (value.p == NULL || sl_str_eq(value, SL_STR("null")))
        return (struct sl_str){"", 0};
    if (sl_json_type_of(value) != SL_JSON_STRING)
        return value;
    if (!sl_json_unescape(value, out, CELL, &n))
        return SL_STR("(too long)");
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f)
            out[i] = '?';
    return (struct sl_str){out, n};
}

/* Members that are seconds since 1970, by the last part of their name. */
static bool is_time(struct sl_str member)
{
    static const char *const names[] = {"expires",       "created", "until",      "since",
                                        "rotated_until", "stored",  "fresh_until"};
    struct sl_str last = member, part;

    while (sl_str_split(&member, '.', &part))
        last = part;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (sl_str_eq(last, sl_str_of(names[i])))
            return true;
    return false;
}

/* What people see of a member: times as dates. */
static struct sl_str show(struct sl_str member, struct sl_str value, char out[CELL])
{
    struct sl_text t = sl_text_over(out, CELL);
    uint64_t seconds;

    if (!is_time(member) || !sl_json_u64(value, &seconds) || seconds > 253402300799u)
        return text_of(value, out);
    sl_text_time(&t, (int64_t)seconds * 1000);
    t.n = 19; /* without the fraction */
    sl_text_byte(&t, 'Z');
    return sl_text_str(&t);
}

static size_t width_of(struct sl_str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

/* ---- columns ---- */

static void add_column(struct column *all, size_t *n, struct sl_str title, struct sl_str member)
{
    if (*n < COLUMNS)
        all[(*n)++] = (struct column){.title = title, .member = member, .numbers = true};
}

static size_t columns_of(const struct sl_manage_line *l, struct column all[COLUMNS])
{
    static const char sums[] = "requests,cached,input,cache_read,cache_write,output,cost";
    const char *by = sl_manage_value(l, "by");
    struct sl_str list = sl_str_of(l->verb->columns), one;
    size_t n = 0;

    if (l->verb->shape != SL_MANAGE_ROWS) {
        while (sl_str_split(&list, ',', &one)) {
            ptrdiff_t equals = sl_str_find_byte(one, '=');

            add_column(all, &n, sl_str_first(one, (size_t)equals),
                       sl_str_from(one, (size_t)equals + 1));
        }
        return n;
    }
    list = sl_str_of(by != NULL && by[0] != '\0' ? by : "tenant");
    while (sl_str_split(&list, ',', &one)) {
        one = sl_str_trim(one);
        if (sl_str_starts(one, SL_STR("label:")))
            one = sl_str_from(one, 6);
        add_column(all, &n, one, one);
    }
    list = SL_STR(sums);
    while (sl_str_split(&list, ',', &one))
        add_column(all, &n, one, one);
    return n;
}

/* A label may have dots in its name. */
static struct sl_str cell(const struct sl_manage_line *l, struct sl_str row, const struct column *c,
                          char out[CELL])
{
    if (l->verb->shape == SL_MANAGE_ROWS)
        return text_of(sl_json_get(row, c->member), out);
    return show(c->member, find(row, c->member), out);
}

static bool is_number(struct sl_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '.' && s.p[i] != '-')
            return false;
    return true;
}

static void measure(const struct sl_manage_line *l, struct column *c, const struct sl_str *rows,
                    size_t n)
{
    char place[CELL];

    c->width = width_of(c->title);
    for (size_t i = 0; i < n; i++) {
        struct sl_str s = cell(l, rows[i], c, place);
        size_t w = width_of(s);

        c->width = w > c->width ? w : c->width;
        c->numbers = c->numbers && is_number(s);
    }
}

static void put_cell(const struct column *c, struct sl_str s, bool last)
{
    int pad = (int)(c->width - width_of(s));

    if (c->numbers)
        printf("%*s%.*s%s", pad, "", SL_STR_ARGS(s), last ? "" : "  ");
    else
        printf("%.*s%*s%s", SL_STR_ARGS(s), last ? 0 : pad, "", last ? "" : "  ");
}

static void print_table(const struct sl_manage_line *l, const struct sl_str *rows, size_t n)
{
    struct column all[COLUMNS];
    size_t columns = columns_of(l, all);
    char place[CELL];

    for (size_t c = 0; c < columns; c++)
        measure(l, &all[c], rows, n);
    for (size_t c = 0; c < columns; c++)
        put_cell(&all[c], all[c].title, c + 1 == columns);
    printf("\n");
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < columns; c++)
            put_cell(&all[c], cell(l, rows[i], &all[c], place), c + 1 == columns);
        printf("\n");
    }
}

/* ---- CSV: RFC 4180 ---- */

/* What a spreadsheet would take for a formula stays a text behind an apostrophe; a number
 * may be below zero. Source: OWASP, "CSV Injection". */
static bool is_formula(struct sl_str s)
{
    if (s.n == 0 || strchr("=+-@\t\r", s.p[0]) == NULL)
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (s.p[0] != '-' || strchr("0123456789.", s.p[i]) == NULL)
            return true;
    return s.p[0] != '-';
}

void sl_manage_put_csv(struct sl_str s, bool last)
{
    bool quoted = false;

    for (size_t i = 0; i < s.n; i++)
        quoted = quoted || strchr(",\"\r\n", s.p[i]) != NULL;
    if (quoted)
        putchar('"');
    if (is_formula(s))
        putchar('\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            putchar('"');
        putchar(s.p[i]);
    }
    if (quoted)
        putchar('"');
    printf("%s", last ? "\r\n" : ",");
}

static void print_csv(const struct sl_manage_line *l, const struct sl_str *rows, size_t n)
{
    struct column all[COLUMNS];
    size_t columns = columns_of(l, all);
    char place[CELL];

    for (size_t c = 0; c < columns; c++)
        sl_manage_put_csv(all[c].title, c + 1 == columns);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < columns; c++)
            sl_manage_put_csv(cell(l, rows[i], &all[c], place), c + 1 == columns);
}

void sl_manage_print_rows(const struct sl_manage_line *l, const struct sl_str *rows, size_t n)
{
    if (l->csv) {
        print_csv(l, rows, n);
    } else if (l->json) {
        for (size_t i = 0; i < n; i++)
            printf("%s%.*s", i == 0 ? "[" : ",\n ", SL_STR_ARGS(rows[i]));
        printf("%s\n", n == 0 ? "[]" : "]");
    } else {
        print_table(l, rows, n);
    }
}

/* ---- a rebuild ---- */

static void print_money(struct sl_str what, struct sl_str value)
{
    uint64_t micro;
    char place[24];

    /* accounts and costs are in micro-dollars, all else is counted */
    if (sl_str_eq(what, SL_STR("requests")) || !sl_json_u64(value, &micro) || micro > INT64_MAX)
        printf("%.*s", SL_STR_ARGS(value));
    else
        printf("$%.*s", SL_STR_ARGS(sl_money_print((int64_t)micro, place)));
}

static void print_difference(struct sl_str d)
{
    char tenant[CELL], key[CELL], what[CELL];
    struct sl_str t = text_of(sl_json_get(d, SL_STR("tenant")), tenant);
    struct sl_str k = text_of(sl_json_get(d, SL_STR("key")), key);
    struct sl_str w = text_of(sl_json_get(d, SL_STR("what")), what);

    printf("%.*s%s%.*s: %.*s: the trails have ", SL_STR_ARGS(t), k.n > 0 ? " key " : "",
           SL_STR_ARGS(k), SL_STR_ARGS(w));
    print_money(w, sl_json_get(d, SL_STR("trail")));
    printf(", the store ");
    print_money(w, sl_json_get(d, SL_STR("store")));
    printf("\n");
}

/* Sums of one's own trail look like truth, and take from the others what they have charged. */
static void warn_of_others(struct sl_str object)
{
    struct sl_str list = sl_json_get(object, SL_STR("trails")), one;
    uint64_t alive = 0;
    size_t pos = 0, n = 0;

    while (sl_json_next(list, &pos, &one))
        n++;
    if (sl_json_u64(sl_json_get(object, SL_STR("instances")), &alive) && alive > n)
        fprintf(stderr,
                "sluice ledger rebuild: %llu instances are alive, and %zu of their trails %s read: "
                "what the others have settled is not in these sums. Give the state directories of "
                "all of them, or copies\n",
                (unsigned long long)alive, n, n == 1 ? "was" : "were");
}

int sl_manage_print_report(struct sl_str object)
{
    struct sl_str list = sl_json_get(object, SL_STR("shown")), one;
    struct sl_str differences = sl_json_get(object, SL_STR("differences"));
    bool written = sl_str_eq(sl_json_get(object, SL_STR("written")), SL_STR("true"));
    bool none = sl_str_eq(differences, SL_STR("0"));
    size_t pos = 0;

    while (sl_json_next(list, &pos, &one))
        print_difference(one);
    printf("%.*s accounts and %.*s records of %.*s tenants are in the trails; ",
           SL_STR_ARGS(sl_json_get(object, SL_STR("accounts"))),
           SL_STR_ARGS(sl_json_get(object, SL_STR("records"))),
           SL_STR_ARGS(sl_json_get(object, SL_STR("tenants"))));
    if (none)
        printf("the store says the same%s\n", written ? ", and is whole" : "");
    else
        printf("%.*s differences%s\n", SL_STR_ARGS(differences),
               written ? " were set right" : "; nothing was changed");
    warn_of_others(object);
    return written || none ? SL_EXIT_OK : SL_EXIT_BROKEN;
}

/* ---- one object ---- */

/* What stands there for other programs: the same as members before it. */
static bool is_double(struct sl_str key)
{
    static const char *const names[] = {"status", "expired_time", "unlimited_quota", "remain_quota",
                                        "used_quota"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (sl_str_eq(key, sl_str_of(names[i])))
            return true;
    return false;
}

/* As deep as answers are: four. */
static void print_members(struct sl_str object, const char *path)
{
    struct sl_str key, value;
    size_t pos = 0;
    char name[200], place[CELL];

    while (sl_json_next_member(object, &pos, &key, &value)) {
        snprintf(name, sizeof name, "%s%.*s", path, SL_STR_ARGS(sl_str_first(key, 60)));
        if (sl_json_type_of(value) == SL_JSON_OBJECT && strlen(name) < 150) {
            snprintf(name + strlen(name), 2, ".");
            print_members(value, name);
        } else if (!is_double(key) && !sl_str_eq(value, SL_STR("null")) &&
                   !sl_str_eq(value, SL_STR("\"\"")) && !sl_str_eq(value, SL_STR("[]"))) {
            struct sl_str text = show(sl_str_of(name), value, place);

            printf("%-34s %.*s\n", name, SL_STR_ARGS(text));
        }
    }
}

void sl_manage_print_one(struct sl_str object)
{
    print_members(object, "");
}
