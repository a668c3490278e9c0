/* cli/manage/offline.c -- what needs no gateway: the chain of a trail is checked. */
#include "cli/manage/manage.h"

#include <inttypes.h>

#include "base/text.h"
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
