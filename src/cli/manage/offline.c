/* cli/manage/offline.c -- what needs no gateway: a trail is checked, a store moved. */
#include "cli/manage/manage.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/money.h"
#include "store/copy.h"
#include "store/trail.h"

static void on_line(void *ctx, uint64_t number, struct sl_str line)
{
    (void)ctx; /* counted by who reads them */
    (void)number;
    (void)line;
}

static void print_json(const char *dir, const struct sl_trail_report *r)
{
    char place[8192];
    struct sl_text t = sl_text_over(place, sizeof place);

    sl_text_add(&t, SL_STR("{\"dir\":"));
    sl_text_json(&t, sl_str_of(dir), 1000);
    sl_text_printf(&t,
                   ",\"instance\":\"%.8s\",\"lines\":%" PRIu64 ",\"files\":%" PRIu64
                   ",\"first\":%" PRIu64 ",\"last\":%" PRIu64 ",\"dropped\":%" PRIu64
                   ",\"torn\":%s,\"broken_at\":%" PRIu64 ",\"what\":",
                   r->instance, r->lines, r->files, r->first, r->last, r->dropped,
                   r->torn ? "true" : "false", r->broken_at);
    sl_text_json(&t, sl_str_of(r->what), 0);
    printf("%.*s}\n", (int)t.n, t.p);
}

static int verify_one(const struct sl_manage_line *l, const char *dir)
{
    struct sl_trail_report r;

    if (sl_trail_verify(sl_str_of(dir), &r, on_line, NULL) != SL_OK) {
        fprintf(stderr, "sluice ledger verify: %s: %s\n", dir, r.what);
        return SL_EXIT_FAILED;
    }
    if (l->json)
        print_json(dir, &r);
    else
        printf("%s: instance %.8s, %" PRIu64 " lines in %" PRIu64 " files, %" PRIu64 " to %" PRIu64
               "%s\n",
               dir, r.instance, r.lines, r.files, r.first, r.last,
               r.torn ? ", the last one is torn" : "");
    if (r.dropped > 0 && !l->json)
        printf("%s: %" PRIu64 " lines never got on a full disk\n", dir, r.dropped);
    if (r.broken_at == 0)
        return SL_EXIT_OK;
    fprintf(stderr, "sluice ledger verify: %s: broken at line %" PRIu64 ": %s\n", dir, r.broken_at,
            r.what);
    return SL_EXIT_BROKEN;
}

int sl_manage_verify(const struct sl_manage_line *l)
{
    int worst = SL_EXIT_OK, code;

    for (int i = 0; i < l->args_n; i++) {
        code = verify_one(l, l->args[i]);
        worst = code > worst ? code : worst;
    }
    return worst;
}

/* ---- store copy ---- */

static int wrong(const char *what)
{
    fprintf(stderr, "sluice store copy: %s\ntry: sluice store copy --help\n", what);
    return SL_EXIT_USAGE;
}

static int report(const struct sl_manage_line *l, enum sl_err e, const struct sl_copy_report *r)
{
    char sum[24];

    if (e != SL_OK) {
        fprintf(stderr, "sluice store copy: %s\n", r->why[0] != '\0' ? r->why : sl_err_text(e));
        return e == SL_ERR_CONFLICT ? SL_EXIT_BROKEN : SL_EXIT_FAILED;
    }
    if (l->json)
        printf("{\"records\":%" PRIu64 ",\"tenants\":%" PRIu64 ",\"accounts\":%" PRIu64
               ",\"rows\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"spent\":%.*s}\n",
               r->records, r->tenants, r->accounts, r->rows, r->requests,
               SL_STR_ARGS(sl_money_print(r->spent_micro, sum)));
    else
        printf("%" PRIu64 " records, %" PRIu64 " accounts of %" PRIu64
               " tenants that spent $%.*s, %" PRIu64 " rows of usage (%" PRIu64
               " requests): moved, and the same when read back\n",
               r->records, r->accounts, r->tenants,
               SL_STR_ARGS(sl_money_print(r->spent_micro, sum)), r->rows, r->requests);
    return SL_EXIT_OK;
}

/* "-": a URL with a password need not stand in the list of processes. */
static struct sl_str target(const char *arg, char *line, size_t cap)
{
    size_t n;

    if (strcmp(arg, "-") != 0)
        return sl_str_of(arg);
    if (fgets(line, (int)cap, stdin) == NULL)
        line[0] = '\0';
    n = strcspn(line, "\r\n");
    return sl_str_trim((struct sl_str){line, n});
}

int sl_manage_copy(const struct sl_manage_line *l)
{
    const char *prefix = sl_manage_value(l, "prefix"), *ca = sl_manage_value(l, "ca-file");
    struct sl_str from = sl_str_of(l->args[0]), scheme = SL_STR("embedded:");
    struct sl_store_conf to = {.prefix = sl_str_of(prefix != NULL ? prefix : "slc:"),
                               .ca_file = sl_str_of(ca != NULL ? ca : ""),
                               .timeout_ms = 5000};
    struct sl_copy_ask ask = {.to = &to, .over = sl_manage_value(l, "over") != NULL};
    struct sl_copy_report r;
    struct sl_net *net;
    char line[1024];
    enum sl_err e;

    to.url = target(l->args[1], line, sizeof line);
    if (!sl_str_starts(from, scheme) || from.n == scheme.n)
        return wrong("the first must be embedded:DIR");
    if (sl_str_starts(to.url, scheme) || to.url.n == 0)
        return wrong("the second must be a Redis, redis://HOST:PORT/DB");
    ask.dir = sl_str_from(from, scheme.n);
    net = sl_net_new();
    if (net == NULL)
        return SL_EXIT_FAILED;
    e = sl_copy_run(net, &ask, &r);
    sl_net_end(&net);
    sl_mem_wipe(line, sizeof line);
    return report(l, e, &r);
}
