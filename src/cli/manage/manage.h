/* cli/manage/manage.h -- tenant, key, budget, usage, store, cache, ledger, last, …: clients of a
 * running gateway's admin API.
 *
 * `sluice <group> <verb> [arguments] [options]`: one row of the table (verbs.c) says which
 * call it is, what becomes of arguments and options, and how the answer is shown: as a
 * table for people, as JSON with --json, as CSV with --csv.
 */
#ifndef SL_CLI_MANAGE_MANAGE_H
#define SL_CLI_MANAGE_MANAGE_H

#include <stdio.h>

#include "base/str.h"
#include "cli/options.h"

#define SL_MANAGE_ARGS 16
#define SL_MANAGE_OPTIONS 24
#define SL_MANAGE_BODY 65536

enum sl_manage_shape {
    SL_MANAGE_ONE,    /* an object, a line for each member */
    SL_MANAGE_LIST,   /* pages of objects, a row for each */
    SL_MANAGE_WHOLE,  /* the same, in one answer */
    SL_MANAGE_ROWS,   /* likewise; columns by --by */
    SL_MANAGE_KEY,    /* an object with a key's text, which alone goes to stdout */
    SL_MANAGE_REPORT, /* of a rebuild */
    SL_MANAGE_NOTHING
};

struct sl_manage_option;
struct sl_manage_line {                /* the command line, taken apart */
    const struct sl_manage_verb *verb; /* shared: static */
    const char *args[SL_MANAGE_ARGS];
    int args_n;
    struct {
        const struct sl_manage_option *is; /* shared: static */
        const char *value;
    } options[SL_MANAGE_OPTIONS];
    int options_n;
    struct sl_options common; /* where the gateway is, and its key */
    bool json, csv;
};

struct sl_manage_verb {
    const char *group, *name; /* name "": what the group does by itself */
    const char *args;         /* for the help: "ID AMOUNT"; NULL: the row before has the help */
    int least, most;          /* how many of them; rows of one name are told apart by it */
    const char *options;      /* ids of those it takes, between commas */
    const char *method;
    const char *path; /* behind /admin/api/; %1 is the first argument */
    /* Members; %2 an argument as a text, $2 as it stands, @ all of them as absolute paths, #
     * those behind the first, NAME=N each, as an object; NULL: none. */
    const char *body;
    enum sl_manage_shape shape;
    const char *columns;                        /* of a list: "TITLE=member.member,…" */
    const char *line;                           /* one line of help */
    int (*run)(const struct sl_manage_line *l); /* instead of a call */
};

enum sl_manage_kind {
    SL_MANAGE_TEXT,
    SL_MANAGE_NUMBER,
    SL_MANAGE_FLAG,   /* true or false */
    SL_MANAGE_SWITCH, /* without a value: true */
    SL_MANAGE_PAIR,
    SL_MANAGE_QUERY
};

struct sl_manage_option {
    const char *name; /* behind "--" */
    const char *id;   /* in a verb's list: names mean different things to different verbs */
    enum sl_manage_kind kind;
    const char *member; /* in the body, "budget.daily"; in the query, its parameter */
    const char *value;  /* for the help */
    const char *line;
};

extern const struct sl_manage_verb sl_manage_verbs[];     /* up to one without a group */
extern const struct sl_manage_option sl_manage_options[]; /* up to one without a name */

bool sl_manage_is(const char *group);
/* argv[0] is the group. */
int sl_manage_run(int argc, char **argv);
void sl_manage_help(FILE *to); /* a line for each group */
struct sl_near;
void sl_manage_near(struct sl_near *near); /* tries each group */

/* ---- line.c ---- */
/* -1: go on; else an exit code, and it has been said why. */
int sl_manage_read(int argc, char **argv, struct sl_manage_line *out);
/* An option's value, or NULL. */
const char *sl_manage_value(const struct sl_manage_line *l, const char *option);

/* ---- body.c ---- */
/* False: said why. */
SL_MUST bool sl_manage_path(const struct sl_manage_line *l, struct sl_str after, char *out,
                            size_t cap);
SL_MUST bool sl_manage_body(const struct sl_manage_line *l, char *out, size_t cap,
                            struct sl_str *body);

/* ---- print.c ---- */
/* Elements of lists: `rows` are JSON objects. */
void sl_manage_print_rows(const struct sl_manage_line *l, const struct sl_str *rows, size_t n);
void sl_manage_print_one(struct sl_str object);
/* A cell, with what ends it. */
void sl_manage_put_csv(struct sl_str s, bool last);
int sl_manage_print_report(struct sl_str object); /* the exit code */

/* ---- offline.c ---- */
int sl_manage_copy(const struct sl_manage_line *l);

/* ---- tip.c ---- */
struct sl_manage_tip { /* store/store.h */
    bool known;
    uint64_t number, lost;
    char mac[64];
    char why[300]; /* where it is not known */
};
/* Asks the gateway that the command line names. Blocking. */
void sl_manage_tip_ask(const struct sl_manage_line *l, const char *instance,
                       struct sl_manage_tip *out);

/* ---- audit.c ---- */
int sl_manage_verify(const struct sl_manage_line *l);
int sl_manage_audit_list(const struct sl_manage_line *l);

/* ---- cli/import ---- */
int sl_manage_import(const struct sl_manage_line *l);

#endif
