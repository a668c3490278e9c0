/* cli/manage/body.c -- arguments and options as a path, a query and a body. */
#include "cli/manage/manage.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- path and query ---- */

static void add_encoded(struct sl_text *t, struct sl_str s)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\0' && strchr(plain, s.p[i]) != NULL)
            sl_text_byte(t, s.p[i]);
        else
            sl_text_printf(t, "%%%02X", (unsigned)(unsigned char)s.p[i]);
    }
}

static void add_parameter(struct sl_text *t, const char *name, struct sl_str value, bool *first)
{
    sl_text_printf(t, "%c%s=", *first ? '?' : '&', name);
    add_encoded(t, value);
    *first = false;
}

bool sl_manage_path(const struct sl_manage_line *l, struct sl_str after, char *out, size_t cap)
{
    struct sl_text t = sl_text_over(out, cap);
    bool first = true;

    sl_text_add(&t, SL_STR("/admin/api/"));
    for (const char *p = l->verb->path; *p != '\0'; p++) {
        if (p[0] == '%' && p[1] >= '1' && p[1] <= '9')
            add_encoded(&t, sl_str_of(l->args[*++p - '1']));
        else
            sl_text_byte(&t, *p);
    }
    for (int i = 0; i < l->options_n; i++)
        if (l->options[i].is->kind == SL_MANAGE_QUERY)
            add_parameter(&t, l->options[i].is->member, sl_str_of(l->options[i].value), &first);
    if (l->verb->shape == SL_MANAGE_LIST && l->verb->body == NULL)
        add_parameter(&t, "limit", SL_STR("200"), &first);
    if (after.n > 0)
        add_parameter(&t, "after", after, &first);
    sl_text_byte(&t, '\0');
    if (t.cut)
        fprintf(stderr, "sluice %s: names and options are too long\n", l->verb->group);
    return !t.cut;
}

/* ---- the body ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* As JSON writes them, without an exponent. */
static bool is_number(const char *s)
{
    if (*s == '-')
        s++;
    if (!is_digit(s[0]) || (s[0] == '0' && is_digit(s[1])))
        return false;
    while (is_digit(*s))
        s++;
    if (s[0] == '.' && is_digit(s[1]))
        for (s++; is_digit(*s); s++)
            continue;
    return *s == '\0';
}

static bool wrong(const struct sl_manage_line *l, const char *what, const char *name)
{
    const char *space = l->verb->name[0] != '\0' ? " " : "";

    fprintf(stderr, "sluice %s%s%s: %s: %s\ntry: sluice %s%s%s --help\n", l->verb->group, space,
            l->verb->name, name, what, l->verb->group, space, l->verb->name);
    return false;
}

static void comma(struct sl_text *t, size_t empty)
{
    if (t->n > empty)
        sl_text_byte(t, ',');
}

static bool add_value(struct sl_text *t, const struct sl_manage_line *l,
                      const struct sl_manage_option *o, const char *value)
{
    bool flag = strcmp(value, "true") == 0 || strcmp(value, "false") == 0;

    if (strcmp(value, "none") == 0) {
        sl_text_add(t, SL_STR("null"));
        return true;
    }
    if (o->kind == SL_MANAGE_TEXT) {
        sl_text_json(t, sl_str_of(value), 0);
        return true;
    }
    if (o->kind == SL_MANAGE_NUMBER && !is_number(value))
        return wrong(l, "must be a number, or none", o->name);
    if ((o->kind == SL_MANAGE_FLAG || o->kind == SL_MANAGE_SWITCH) && !flag)
        return wrong(l, "must be true or false", o->name);
    sl_text_add(t, sl_str_of(value));
    return true;
}

/* "NAME=TEXT" into the map of labels. */
static bool add_pair(struct sl_text *t, const struct sl_manage_line *l, const char *value)
{
    struct sl_str s = sl_str_of(value);
    ptrdiff_t equals = sl_str_find_byte(s, '=');

    if (equals <= 0)
        return wrong(l, "must be NAME=TEXT", "label");
    comma(t, 0);
    sl_text_json(t, sl_str_first(s, (size_t)equals), 0);
    sl_text_byte(t, ':');
    s = sl_str_from(s, (size_t)equals + 1);
    if (sl_str_eq(s, SL_STR("none")))
        sl_text_add(t, SL_STR("null"));
    else
        sl_text_json(t, s, 0);
    return true;
}

struct maps { /* what goes below the top */
    struct sl_text budget, labels;
    char budget_place[2048], labels_place[16384];
};

static bool add_option(struct sl_text *t, struct maps *m, const struct sl_manage_line *l, int i)
{
    const struct sl_manage_option *o = l->options[i].is;
    struct sl_str member = sl_str_of(o->member), budget = SL_STR("budget.");

    if (o->kind == SL_MANAGE_QUERY)
        return true;
    if (o->kind == SL_MANAGE_PAIR)
        return add_pair(&m->labels, l, l->options[i].value);
    if (sl_str_starts(member, budget)) {
        member = sl_str_from(member, budget.n);
        t = &m->budget;
        comma(t, 0);
    } else {
        comma(t, 1);
    }
    sl_text_json(t, member, 0);
    sl_text_byte(t, ':');
    return add_value(t, l, o, l->options[i].value);
}

/* The gateway stands in another directory. */
static bool add_paths(struct sl_text *t, const struct sl_manage_line *l)
{
    char path[PATH_MAX];

    sl_text_byte(t, '[');
    for (int i = 0; i < l->args_n; i++) {
        if (realpath(l->args[i], path) == NULL)
            return wrong(l, strerror(errno), l->args[i]);
        if (i > 0)
            sl_text_byte(t, ',');
        sl_text_json(t, sl_str_of(path), 0);
    }
    sl_text_byte(t, ']');
    return true;
}

/* "a=0 b=100"; a name may hold the sign, a number does not. */
static bool add_numbers(struct sl_text *t, const struct sl_manage_line *l)
{
    sl_text_byte(t, '{');
    for (int i = 1; i < l->args_n; i++) {
        const char *equals = strrchr(l->args[i], '=');

        if (equals == NULL || equals == l->args[i] || !is_number(equals + 1))
            return wrong(l, "must be NAME=NUMBER", l->args[i]);
        if (i > 1)
            sl_text_byte(t, ',');
        sl_text_json(t, (struct sl_str){l->args[i], (size_t)(equals - l->args[i])}, 0);
        sl_text_byte(t, ':');
        sl_text_add(t, sl_str_of(equals + 1));
    }
    sl_text_byte(t, '}');
    return true;
}

/* The verb's own members, with the arguments in them. */
static bool add_fixed(struct sl_text *t, const struct sl_manage_line *l)
{
    for (const char *p = l->verb->body; *p != '\0'; p++) {
        bool text = p[0] == '%', raw = p[0] == '$';

        if (*p == '@' || *p == '#') {
            if (!(*p == '@' ? add_paths(t, l) : add_numbers(t, l)))
                return false;
            continue;
        }
        if (!text && !raw) {
            sl_text_byte(t, *p);
            continue;
        }
        p++;
        if (raw && !is_number(l->args[*p - '1']))
            return wrong(l, "must be a number", l->args[*p - '1']);
        if (text)
            sl_text_json(t, sl_str_of(l->args[*p - '1']), 0);
        else
            sl_text_add(t, sl_str_of(l->args[*p - '1']));
    }
    return true;
}

static void add_map(struct sl_text *t, const char *name, const struct sl_text *map)
{
    if (map->n == 0)
        return;
    comma(t, 1);
    sl_text_printf(t, "\"%s\":{", name);
    sl_text_add(t, sl_text_str(map));
    sl_text_byte(t, '}');
    t->cut = t->cut || map->cut;
}

bool sl_manage_body(const struct sl_manage_line *l, char *out, size_t cap, struct sl_str *body)
{
    struct sl_text t = sl_text_over(out, cap);
    struct maps m;

    *body = (struct sl_str){out, 0};
    if (l->verb->body == NULL)
        return true;
    m.budget = sl_text_over(m.budget_place, sizeof m.budget_place);
    m.labels = sl_text_over(m.labels_place, sizeof m.labels_place);
    sl_text_byte(&t, '{');
    if (!add_fixed(&t, l))
        return false;
    for (int i = 0; i < l->options_n; i++)
        if (!add_option(&t, &m, l, i))
            return false;
    add_map(&t, "budget", &m.budget);
    add_map(&t, "labels", &m.labels);
    sl_text_byte(&t, '}');
    if (t.cut)
        return wrong(l, "are too long", "options");
    *body = sl_text_str(&t);
    return true;
}
