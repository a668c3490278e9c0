/* main.c -- the command line: which command, with which options. */
#include "base/near.h"
#include "cli/client.h"
#include "cli/manage/manage.h"
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(const struct sl_options *o);
    const char *options;  /* letters it takes, as in the table below */
    const char *argument; /* what may follow it, for the help; NULL: nothing */
    const char *line;     /* one line of help */
    const char *text;     /* the rest of it */
};

static const struct command commands[] = {
    {"serve", sl_cmd_serve, "cfq", NULL, "run the gateway",
     "Without -c it starts from the environment (and .env in this directory): providers\n"
     "from ANTHROPIC_API_KEY, OPENAI_API_KEY, OPENROUTER_API_KEY and their _BASE_URL, a\n"
     "tenant `dev` whose key is kept in the state directory (SLUICE_STATE, else\n"
     "XDG_STATE_HOME/sluice, else ~/.local/state/sluice). SLUICE_LISTEN and\n"
     "SLUICE_ADMIN_LISTEN move the two listeners. SLUICE_ADMIN_KEY opens the dashboard and\n"
     "the admin API; without it a key is made beside dev.key.\n"
     "SIGTERM and SIGINT drain, a second one ends at once; SIGHUP reloads and reopens logs;\n"
     "SIGUSR2 starts another process that takes over (a new binary, say).\n"},
    {"check", sl_cmd_check, "cqs", "FILE", "say what is wrong with a configuration, or what it is",
     "Prints the effective configuration without its secrets. Nothing is asked of the\n"
     "network. With --schema it prints the table of settings instead.\n"},
    {"init", sl_cmd_init, "", NULL, "print the file that a start without one amounts to",
     "sluice init >sluice.yaml; sluice serve -c sluice.yaml\n"},
    {"env", sl_cmd_env, "cuk", "CLIENT", "print what a client's shell has to export",
     "CLIENT is claude-code (the default), anthropic, openai or openrouter:\n"
     "eval \"$(sluice env claude-code)\". The key is --key, else the first one that the file\n"
     "given has in full; without a file it is the dev key of the state directory.\n"},
    {"reload", sl_cmd_reload, "cakq", NULL, "make a running gateway read its configuration again",
     "The key is --key, else admin.key of the file given, else SLUICE_ADMIN_KEY.\n"},
    {"health", sl_cmd_health, "caq", NULL, "ask a running gateway whether it is ready", ""},
    {"explain", sl_cmd_explain, "caktpHj", "FILE", "say what would become of a request",
     "FILE is the request's body, - is stdin. With --admin the gateway that runs there is\n"
     "asked, on its state as it is; without it the configuration is, as if it had just been\n"
     "started. Nothing is sent to a provider, and nothing is taken from any limit. --key is\n"
     "the client's: its text, its id or its name; without one -H 'x-api-key: ...' counts.\n"},
    {"seal", sl_cmd_seal, "", NULL, "seal a secret, so that it may stand in a file",
     "Reads the secret from stdin and prints seal:v1:..., which the configuration takes\n"
     "wherever it takes a secret. The master key is in SLUICE_MASTER_KEY, or in the file\n"
     "that SLUICE_MASTER_KEY_FILE names; of several the first seals, and all open.\n"},
    {"unseal", sl_cmd_unseal, "", NULL, "print the secret that a sealed value holds",
     "Reads the sealed value from stdin. The master key is found as by `sluice seal`.\n"},
    {"reseal", sl_cmd_reseal, "", "FILE", "seal a file's values anew under the first master key",
     "For a new master key: put it before the old one, reload the gateways, reseal each\n"
     "file, reload again, take the old key away. All else in the file stays as it is.\n"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct option longs[] = {
    {"config", required_argument, NULL, 'c'}, {"admin", required_argument, NULL, 'a'},
    {"url", required_argument, NULL, 'u'},    {"key", required_argument, NULL, 'k'},
    {"quiet", no_argument, NULL, 'q'},        {"schema", no_argument, NULL, 's'},
    {"fresh", no_argument, NULL, 'f'},        {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},      {"tenant", required_argument, NULL, 't'},
    {"path", required_argument, NULL, 'p'},   {"header", required_argument, NULL, 'H'},
    {"json", no_argument, NULL, 'j'},         {NULL, 0, NULL, 0},
};

static void print_option(FILE *to, char letter)
{
    switch (letter) {
    case 'c': fprintf(to, "  -c, --config FILE  the configuration (YAML)\n"); break;
    case 'a':
        fprintf(
            to,
            "  -a, --admin ADDR   the admin listener, host:port or unix:/path; else that of -c,\n"
            "                     else SLUICE_ADMIN_LISTEN, else 127.0.0.1:9091\n");
        break;
    case 'u': fprintf(to, "  -u, --url URL      the gateway as its clients see it\n"); break;
    case 'k': fprintf(to, "  -k, --key KEY      the key to use\n"); break;
    case 't': fprintf(to, "  -t, --tenant NAME  some key of that tenant\n"); break;
    case 'p':
        fprintf(to, "  -p, --path PATH    the request's path; /v1/messages if not said\n");
        break;
    case 'H':
        fprintf(to, "  -H, --header TEXT  one of its headers, 'name: value'; may be repeated\n");
        break;
    case 'j': fprintf(to, "  -j, --json         print JSON\n"); break;
    case 'q': fprintf(to, "  -q, --quiet        say only what is wrong\n"); break;
    case 's': fprintf(to, "  -s, --schema       print the table of settings\n"); break;
    case 'f':
        fprintf(to,
                "  -f, --fresh        begin anew where the store is empty but keys were made\n");
        break;
    default: break;
    }
}

static void print_command(FILE *to, const struct command *c)
{
    fprintf(to, "sluice %s [options]%s%s%s -- %s\n\n%s%s", c->name, c->argument != NULL ? " [" : "",
            c->argument != NULL ? c->argument : "", c->argument != NULL ? "]" : "", c->line,
            c->text, c->text[0] != '\0' ? "\n" : "");
    for (const char *p = c->options; *p != '\0'; p++)
        print_option(to, *p);
    fprintf(to, "  -h, --help         this text\n");
}

static void print_all(FILE *to)
{
    fprintf(to, "sluice " SL_VERSION " -- a gateway between LLM clients and providers\n\n"
                "  sluice COMMAND [options]     (sluice COMMAND --help says more)\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].line);
    fprintf(to, "  %-8s %s\n", "version", "print the version");
    fprintf(to, "\nwith a running gateway's admin API, or on files:\n\n");
    sl_manage_help(to);
    fprintf(to, "\nExit codes: 0 done, 1 failed, 2 wrong command line, 3 not ready (health),\n"
                "4 the configuration is not valid (serve, check, reload), 5 a trail is broken or "
                "sums\ndiffer (ledger, store copy).\n");
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int usage(const char *name, const char *what, const char *which)
{
    fprintf(stderr, "sluice%s%s: %s%s%s\n", name[0] != '\0' ? " " : "", name, what,
            which[0] != '\0' ? " " : "", which);
    fprintf(stderr, "try: sluice%s%s --help\n", name[0] != '\0' ? " " : "", name);
    return SL_EXIT_USAGE;
}

/* There is no such command; perhaps one whose name is near. */
static int no_command(const char *name)
{
    struct sl_near near;
    char text[160];

    sl_near_init(&near, sl_str_of(name));
    for (size_t i = 0; i < COMMANDS; i++)
        sl_near_try(&near, sl_str_of(commands[i].name));
    sl_near_try(&near, SL_STR("version"));
    sl_manage_near(&near);
    snprintf(text, sizeof(text), "%.80s%s%.*s%s", name, near.best.n > 0 ? " (is it " : "",
             SL_STR_ARGS(near.best), near.best.n > 0 ? "?)" : "");
    return usage("", "there is no command", text);
}

/* The options behind a command; -1: go on, else an exit code. */
static int take_options(const struct command *c, int argc, char **argv, struct sl_options *o)
{
    char letter[3] = "-?";
    int got;

    optind = 1;
    while ((got = getopt_long(argc, argv, "c:a:u:k:t:p:H:jqsfhV", longs, NULL)) != -1) {
        if (got == '?')
            return usage(c->name, "that option is not known, or lacks its value", "");
        if (got == 'h') {
            print_command(stdout, c);
            return SL_EXIT_OK;
        }
        letter[1] = (char)got;
        if (strchr(c->options, got) == NULL)
            return usage(c->name, "does not take the option", letter);
        switch (got) {
        case 'c': o->config = optarg; break;
        case 'a': o->admin = optarg; break;
        case 'u': o->url = optarg; break;
        case 'k': o->key = optarg; break;
        case 't': o->tenant = optarg; break;
        case 'p': o->path = optarg; break;
        case 'j': o->json = true; break;
        case 'H':
            if (o->headers_n == SL_OPTIONS_HEADERS)
                return usage(c->name, "takes no more headers than those before", optarg);
            o->headers[o->headers_n++] = optarg;
            break;
        case 'q': o->quiet = true; break;
        case 'f': o->fresh = true; break;
        default: o->schema = true; break;
        }
    }
    if (o->admin != NULL && !sl_client_is_address(o->admin))
        return usage(c->name, SL_CLIENT_ADDRESS, o->admin);
    if (optind < argc)
        o->argument = argv[optind++];
    if (optind < argc || (o->argument != NULL && c->argument == NULL))
        return usage(c->name,
                     strchr(c->options, 'c') != NULL && c->argument == NULL
                         ? "a configuration is given with -c; has no use for"
                         : "has no use for",
                     argv[argc - 1]);
    return -1;
}

static int run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    struct sl_options o = {0};
    const struct command *c;
    int code;

    if (strcmp(name, "help") == 0 && argc == 3) { /* as the command's own --help */
        char flag[] = "--help", *own[] = {argv[0], argv[2], flag, NULL};

        return run(3, own);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_all(stdout);
        return SL_EXIT_OK;
    }
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("sluice " SL_VERSION "\n");
        return SL_EXIT_OK;
    }
    if (name[0] == '\0') {
        print_all(stderr);
        return SL_EXIT_USAGE;
    }
    if (sl_manage_is(name))
        return sl_manage_run(argc - 1, argv + 1);
    c = find(name);
    if (c == NULL)
        return no_command(name);
    code = take_options(c, argc - 1, argv + 1, &o);
    return code >= 0 ? code : c->run(&o);
}

int main(int argc, char **argv)
{
    sl_limits_guard();
    return run(argc, argv);
}
