/* cli/options.h -- the command line, taken apart; and what exit codes mean.
 *
 * Each command is one function that gets the options and returns an exit code.
 */
#ifndef SL_CLI_OPTIONS_H
#define SL_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define SL_OPTIONS_HEADERS 64

enum sl_exit {
    SL_EXIT_OK = 0,
    SL_EXIT_FAILED = 1,    /* it could not be done; stderr says why */
    SL_EXIT_USAGE = 2,     /* the command line is wrong */
    SL_EXIT_NOT_READY = 3, /* health: alive, but draining */
    SL_EXIT_CONFIG = 4,    /* the configuration is wrong: check, serve, reload */
    SL_EXIT_BROKEN = 5     /* ledger, store copy: a chain does not hold, sums differ */
};

struct sl_options {
    const char *config;   /* -c, or the file given to check; NULL: zero-file start */
    const char *admin;    /* --admin: URL or unix:/path; NULL: by configuration */
    const char *url;      /* --url: the gateway as clients see it */
    const char *key;      /* --key */
    const char *argument; /* what follows the command, or NULL */
    const char *tenant;   /* explain: --tenant */
    const char *path;     /* explain: --path */
    const char *headers[SL_OPTIONS_HEADERS]; /* explain: -H, each */
    size_t headers_n;
    bool json;   /* explain: as JSON */
    bool quiet;  /* no banner; check: no output but faults */
    bool schema; /* check: print the table of settings */
    bool fresh;  /* serve: begin anew with an empty store */
};

/* Before anything else: secrets that are read now stay in this process (limits.c). */
void sl_limits_guard(void);

int sl_cmd_serve(const struct sl_options *o);
int sl_cmd_check(const struct sl_options *o);
int sl_cmd_init(const struct sl_options *o);
int sl_cmd_env(const struct sl_options *o);
int sl_cmd_reload(const struct sl_options *o);
int sl_cmd_explain(const struct sl_options *o);
int sl_cmd_health(const struct sl_options *o);
int sl_cmd_seal(const struct sl_options *o);
int sl_cmd_unseal(const struct sl_options *o);
int sl_cmd_reseal(const struct sl_options *o);

#endif
