/* cli/manage/line.c -- the command line: which verb, arguments, options. */
#include "base/near.h"
#include "cli/client.h"
#include "cli/manage/manage.h"

#include <string.h>

static bool is_same(const char *a, struct sl_str b)
{
    return sl_str_eq(sl_str_of(a), b);
}

bool sl_manage_is(const char *group)
{
    for (const struct sl_manage_verb *v = sl_manage_verbs; v->group != NULL; v++)
        if (strcmp(v->group, group) == 0)
            return true;
    return false;
}

/* ---- help ---- */

static const char *const groups[][2] = {
    {"key", "make, change, rotate, revoke keys"},
    {"tenant", "make, change, pause, delete tenants"},
    {"budget", "what tenants have left; raises that end"},
    {"usage", "requests, tokens and cost, as a table or CSV"},
    {"cache", "statistics; purge by tenant, model, version or text"},
    {"provider", "places, queues and connections of providers"},
    {"last", "the requests that ended last"},
    {"show", "what happened to a request, and what it cost"},
    {"live", "the requests that are under way"},
    {"stop", "end one of them"},
    {"pause", "ask nothing of a provider, model or target, or refuse a tenant or key"},
    {"weight", "other weights for a model's targets, for a while"},
    {"resume", "take a pause or weights back before their time"},
    {"switches", "the pauses and weights that are in force"},
    {"store", "how the store is; move it to a Redis"},
    {"ledger", "how the trail is; check it, and set the store right by it"},
    {"import", "write our configuration from another gateway's"},
    {"audit", "check trails, and list what is in them"},
};
#define GROUPS (sizeof groups / sizeof groups[0])

void sl_manage_help(FILE *to)
{
    for (size_t i = 0; i < GROUPS; i++)
        fprintf(to, "  %-8s %s\n", groups[i][0], groups[i][1]);
}

void sl_manage_near(struct sl_near *near)
{
    for (size_t i = 0; i < GROUPS; i++)
        sl_near_try(near, sl_str_of(groups[i][0]));
}

static void help_common(FILE *to)
{
    fprintf(
        to,
        "  -a, --admin ADDR             the admin listener, host:port or unix:/path; else that\n"
        "                               of -c, else SLUICE_ADMIN_LISTEN, else 127.0.0.1:9091\n"
        "  -k KEY                       its key; else that of -c, else SLUICE_ADMIN_KEY, else\n"
        "                               without -a what a start without a file has made\n"
        "  -c, --config FILE            the configuration that says both\n"
        "      --json                   the answer as JSON\n");
}

static void help_end(FILE *to)
{
    fprintf(to, "  -h, --help                   this text\n");
}

static void help_group(FILE *to, const char *group)
{
    bool asks = false; /* a gateway, some of them */

    fprintf(to, "sluice %s VERB [options]     (sluice %s VERB --help has a verb's own)\n\n", group,
            group);
    for (const struct sl_manage_verb *v = sl_manage_verbs; v->group != NULL; v++) {
        if (strcmp(v->group, group) != 0)
            continue;
        asks = asks || v->run == NULL;
        if (v->args != NULL)
            fprintf(to, "  %s %-10s %-14s %s\n", group, v->name, v->args, v->line);
    }
    fprintf(to, "\n");
    if (asks)
        help_common(to);
    help_end(to);
}

static bool takes(const struct sl_manage_verb *v, const struct sl_manage_option *o)
{
    struct sl_str list = sl_str_of(v->options), one;

    while (sl_str_split(&list, ',', &one))
        if (is_same(o->id, one))
            return true;
    return false;
}

static void help_verb(FILE *to, const struct sl_manage_verb *v)
{
    char left[48];

    fprintf(to, "sluice %s%s%s%s%s [options] -- %s\n\n", v->group, v->name[0] != '\0' ? " " : "",
            v->name, v->args[0] != '\0' ? " " : "", v->args, v->line);
    for (const struct sl_manage_option *o = sl_manage_options; o->name != NULL; o++) {
        if (!takes(v, o))
            continue;
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->value[0] != '\0' ? " " : "", o->value);
        fprintf(to, "      %-24s %s\n", left, o->line);
    }
    if (v->shape == SL_MANAGE_ROWS)
        fprintf(to, "      --csv                    the rows as CSV\n");
    if (v->run == NULL)
        help_common(to);
    help_end(to);
}

/* ---- reading ---- */

static int wrong(const struct sl_manage_line *l, const char *what, const char *which)
{
    const struct sl_manage_verb *v = l->verb;

    fprintf(stderr, "sluice %s%s%s: %s%s%s\ntry: sluice %s%s%s --help\n", v->group,
            v->name[0] != '\0' ? " " : "", v->name, what, which[0] != '\0' ? " " : "", which,
            v->group, v->name[0] != '\0' ? " " : "", v->name);
    return SL_EXIT_USAGE;
}

static bool has_verbs(const char *group)
{
    for (const struct sl_manage_verb *v = sl_manage_verbs; v->group != NULL; v++)
        if (strcmp(v->group, group) == 0 && v->name[0] != '\0')
            return true;
    return false;
}

/* The first row of that name; `*used`: how many words of argv it is. A group without verbs
 * has no use for one: what stands there is an argument. */
static const struct sl_manage_verb *find_verb(int argc, char **argv, int *used)
{
    const char *word = argc > 1 && argv[1][0] != '-' && has_verbs(argv[0]) ? argv[1] : "";

    *used = word[0] != '\0' ? 2 : 1;
    for (const struct sl_manage_verb *v = sl_manage_verbs; v->group != NULL; v++)
        if (strcmp(v->group, argv[0]) == 0 && strcmp(v->name, word) == 0)
            return v;
    return NULL;
}

static int no_verb(int argc, char **argv)
{
    bool named = argc > 1 && argv[1][0] != '-';
    size_t n = 0;

    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        help_group(stdout, argv[0]);
        return SL_EXIT_OK;
    }
    fprintf(stderr, "sluice %s: %s%s; it has", argv[0],
            named ? "does not know the verb " : "needs a verb", named ? argv[1] : "");
    for (const struct sl_manage_verb *v = sl_manage_verbs; v->group != NULL; v++)
        if (strcmp(v->group, argv[0]) == 0 && v->name[0] != '\0' && v->args != NULL)
            fprintf(stderr, "%s %s", n++ > 0 ? "," : "", v->name);
    fprintf(stderr, "\ntry: sluice %s --help\n", argv[0]);
    return SL_EXIT_USAGE;
}

static const struct sl_manage_option *find_option(const struct sl_manage_verb *v,
                                                  struct sl_str name)
{
    for (const struct sl_manage_option *o = sl_manage_options; o->name != NULL; o++)
        if (is_same(o->name, name) && takes(v, o))
            return o;
    return NULL;
}

/* Where one of all commands' options puts its value. */
static const char **common(struct sl_manage_line *l, struct sl_str name)
{
    struct {
        const char *letter, *word;
        const char **to;
    } const all[] = {{"a", "admin", &l->common.admin},
                     {"k", "key", &l->common.key},
                     {"c", "config", &l->common.config}};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (is_same(all[i].letter, name) || is_same(all[i].word, name))
            return all[i].to;
    return NULL;
}

/* None of that name; perhaps one whose name is near. */
static int no_option(const struct sl_manage_line *l, const char *word, struct sl_str name)
{
    static const struct sl_str commons[] = {SL_STR_INIT("json"), SL_STR_INIT("admin"),
                                            SL_STR_INIT("config"), SL_STR_INIT("help")};
    struct sl_near near;
    char text[160];

    sl_near_init(&near, name);
    for (const struct sl_manage_option *o = sl_manage_options; o->name != NULL; o++)
        if (takes(l->verb, o))
            sl_near_try(&near, sl_str_of(o->name));
    for (size_t i = 0; l->verb->run == NULL && i < sizeof commons / sizeof commons[0]; i++)
        sl_near_try(&near, commons[i]);
    snprintf(text, sizeof text, "%.80s%s%.*s%s", word, near.best.n > 0 ? " (is it --" : "",
             SL_STR_ARGS(near.best), near.best.n > 0 ? "?)" : "");
    return wrong(l, "does not take the option", text);
}

static int add_option(struct sl_manage_line *l, const struct sl_manage_option *o, const char *value)
{
    if (l->options_n == SL_MANAGE_OPTIONS)
        return wrong(l, "that are too many options", "");
    if (o->kind != SL_MANAGE_PAIR && sl_manage_value(l, o->name) != NULL)
        return wrong(l, "this option stands twice:", o->name);
    l->options[l->options_n].is = o;
    l->options[l->options_n++].value = value;
    return -1;
}

/* One word that begins with a dash; `*i` goes on where its value is the next word. */
static int take_option(struct sl_manage_line *l, int argc, char **argv, int *i)
{
    const char *word = argv[*i];
    struct sl_str name = sl_str_of(word + (word[1] == '-' ? 2 : 1));
    ptrdiff_t equals = sl_str_find_byte(name, '=');
    const struct sl_manage_option *o;
    const char **to, *value;

    if (equals > 0)
        name = sl_str_first(name, (size_t)equals);
    if (sl_str_eq(name, SL_STR("json")) || sl_str_eq(name, SL_STR("csv"))) {
        l->json = l->json || name.p[0] == 'j';
        l->csv = l->csv || name.p[0] == 'c';
        return -1;
    }
    o = find_option(l->verb, name);
    to = o == NULL ? common(l, name) : NULL;
    if (o == NULL && to == NULL)
        return no_option(l, word, name);
    if (o != NULL && o->kind == SL_MANAGE_SWITCH && equals < 0)
        return add_option(l, o, "true");
    value = equals > 0 ? name.p + equals + 1 : *i + 1 < argc ? argv[++*i] : NULL;
    if (value == NULL)
        return wrong(l, "this option needs a value:", word);
    if (o != NULL)
        return add_option(l, o, value);
    if (to == &l->common.admin && !sl_client_is_address(value))
        return wrong(l, SL_CLIENT_ADDRESS, value);
    *to = value;
    return -1;
}

/* "-5" is an amount, "-" a word. */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && !(word[1] >= '0' && word[1] <= '9') &&
           word[1] != '.';
}

/* The row of that name which takes so many arguments. */
static int choose_row(struct sl_manage_line *l)
{
    const struct sl_manage_verb *first = l->verb;

    for (const struct sl_manage_verb *v = first; v->group != NULL; v++)
        if (strcmp(v->group, first->group) == 0 && strcmp(v->name, first->name) == 0 &&
            l->args_n >= v->least && l->args_n <= v->most) {
            l->verb = v;
            return -1;
        }
    return wrong(l, first->args[0] != '\0' ? "takes" : "takes no arguments", first->args);
}

int sl_manage_read(int argc, char **argv, struct sl_manage_line *out)
{
    int code = -1, used = 0;

    *out = (struct sl_manage_line){.verb = find_verb(argc, argv, &used)};
    if (used == 1 && has_verbs(argv[0]) && argc > 1 &&
        (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
        out->verb = NULL; /* of the whole group */
    if (out->verb == NULL)
        return no_verb(argc, argv);
    for (int i = used; i < argc && code < 0; i++) {
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            help_verb(stdout, out->verb);
            return SL_EXIT_OK;
        }
        if (is_option(argv[i]))
            code = take_option(out, argc, argv, &i);
        else if (out->args_n == SL_MANAGE_ARGS)
            code = wrong(out, "that are too many arguments", "");
        else
            out->args[out->args_n++] = argv[i];
    }
    if (code < 0)
        code = choose_row(out);
    if (code < 0 && out->csv && out->verb->shape != SL_MANAGE_ROWS)
        code = wrong(out, "has no --csv", "");
    return code;
}

const char *sl_manage_value(const struct sl_manage_line *l, const char *option)
{
    for (int i = 0; i < l->options_n; i++)
        if (strcmp(l->options[i].is->name, option) == 0)
            return l->options[i].value;
    return NULL;
}
