/* cli/manage/offline.c -- `sluice store copy`, which needs no gateway. */
#include "cli/manage/manage.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/money.h"
#include "store/copy.h"

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
