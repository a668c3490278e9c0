/* cli/manage/audit.c -- trails of directories: does the chain hold, does its end agree with what
 * the store knows of it, what is in it, and which lines are somebody's. Only the store's word
 * needs a gateway. */
#include "cli/manage/manage.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "policy/money.h"
#include "store/choice.h"
#include "store/trail.h"

#define VALUE 1024 /* bytes of a value that is shown */

/* ---- the chain ---- */

struct tally { /* what stands in it, up to where it breaks */
    uint64_t requests, cached, failed, changes;
    int64_t cost_micro;
    struct sl_manage_tip tip;
    bool has_tip; /* the line that the store knows is among them */
};

static uint64_t number_of(struct sl_str line, const char *name)
{
    uint64_t v = 0;

    return sl_json_u64(sl_json_get(line, sl_str_of(name)), &v) ? v : 0;
}

static bool is_kind(struct sl_str line, const char *kind)
{
    char text[VALUE];
    size_t n = 0;

    return sl_json_unescape(sl_json_get(line, SL_STR("kind")), text, sizeof text, &n) &&
           sl_str_eq((struct sl_str){text, n}, sl_str_of(kind));
}

static bool is_tip(const struct tally *t, struct sl_str line)
{
    char mac[VALUE];
    size_t n = 0;

    return sl_json_unescape(sl_json_get(line, SL_STR("mac")), mac, sizeof mac, &n) &&
           n == sizeof t->tip.mac && memcmp(mac, t->tip.mac, n) == 0;
}

static void count(void *ctx, uint64_t number, struct sl_str line)
{
    struct tally *t = ctx;
    uint64_t cost = number_of(line, "cost_micro");

    if (number == t->tip.number)
        t->has_tip = is_tip(t, line);
    t->changes += sl_choice_is_change(line);
    t->cached += number_of(line, "cached");
    if (is_kind(line, "settle")) {
        t->requests++;
        t->failed += number_of(line, "status") >= 400;
        if (cost <= (uint64_t)(INT64_MAX - t->cost_micro))
            t->cost_micro += (int64_t)cost;
    } else if (is_kind(line, "sum")) {
        t->requests += number_of(line, "requests");
        t->failed += number_of(line, "failed");
    }
}

static void print_json(const char *dir, const struct sl_trail_report *r, const struct tally *n)
{
    char place[8192], sum[24];
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
    sl_text_printf(&t,
                   ",\"requests\":%" PRIu64 ",\"cached\":%" PRIu64 ",\"failed\":%" PRIu64
                   ",\"cost\":%.*s,\"changes\":%" PRIu64 ",\"compared\":%s,\"not_compared\":",
                   n->requests, n->cached, n->failed,
                   SL_STR_ARGS(sl_money_print(n->cost_micro, sum)), n->changes,
                   n->tip.known ? "true" : "false");
    sl_text_json(&t, sl_str_of(n->tip.why), 0);
    printf("%.*s}\n", (int)t.n, t.p);
}

static void print_words(const char *dir, const struct sl_trail_report *r, const struct tally *n)
{
    char sum[24];

    printf("%s: instance %.8s, %" PRIu64 " lines in %" PRIu64 " files, %" PRIu64 " to %" PRIu64
           "%s\n",
           dir, r->instance, r->lines, r->files, r->first, r->last,
           r->torn ? ", the last one is torn" : "");
    printf("%s: %" PRIu64 " requests (%" PRIu64 " from the cache, %" PRIu64
           " failed) cost $%.*s; %" PRIu64 " changes by operators\n",
           dir, n->requests, n->cached, n->failed, SL_STR_ARGS(sl_money_print(n->cost_micro, sum)),
           n->changes);
    if (r->dropped > 0)
        printf("%s: %" PRIu64 " lines never got on a full disk\n", dir, r->dropped);
    if (n->tip.known)
        printf("%s: the store knows of line %" PRIu64 "\n", dir, n->tip.number);
    else
        printf("%s: its end was not compared with the store's word: %s\n", dir, n->tip.why);
}

/* What the store knows of its end and the lines do not have, unless they are broken anyway. */
static void compare_end(struct sl_trail_report *r, const struct tally *n)
{
    if (!n->tip.known || r->broken_at != 0)
        return;
    if (!n->has_tip) {
        r->broken_at = r->last + 1;
        snprintf(r->what, sizeof r->what,
                 n->tip.number > r->last
                     ? "the end was cut off, or this is an older copy: the store knows of line "
                       "%" PRIu64 ", %" PRIu64 " is the last one here"
                     : "it was written anew: line %" PRIu64 " is not the one that the store knows, "
                       "%" PRIu64 " is the last one here",
                 n->tip.number, r->last);
    } else if (n->tip.lost != 0) {
        r->broken_at = n->tip.lost;
        snprintf(r->what, sizeof r->what,
                 "the end was cut off before a start: the store knew of line %" PRIu64
                 ", which was gone then",
                 n->tip.lost);
    }
}

/* Says what is wrong, and is the exit code. */
static int judge(const struct sl_manage_line *l, const char *dir, enum sl_err e,
                 const struct sl_trail_report *r)
{
    const struct sl_manage_verb *v = l->verb;

    if (e != SL_OK) {
        fprintf(stderr, "sluice %s %s: %s: %s\n", v->group, v->name, dir, r->what);
        return SL_EXIT_FAILED;
    }
    if (r->broken_at == 0)
        return SL_EXIT_OK;
    fflush(stdout); /* in the order in which it was found */
    fprintf(stderr, "sluice %s %s: %s: broken at line %" PRIu64 ": %s\n", v->group, v->name, dir,
            r->broken_at, r->what);
    return SL_EXIT_BROKEN;
}

static int verify_one(const struct sl_manage_line *l, const char *dir)
{
    struct tally n = {0};
    struct sl_trail_report r;
    char instance[9];
    enum sl_err e;

    if (sl_trail_instance_in(sl_str_of(dir), instance)) /* before: the trail may go on growing */
        sl_manage_tip_ask(l, instance, &n.tip);
    e = sl_trail_verify(sl_str_of(dir), &r, count, &n);
    if (e == SL_OK)
        compare_end(&r, &n);
    if (e == SL_OK && l->json)
        print_json(dir, &r, &n);
    else if (e == SL_OK)
        print_words(dir, &r, &n);
    return judge(l, dir, e, &r);
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

/* ---- lines ---- */

struct listing {
    const struct sl_manage_line *l; /* up */
    struct sl_choice choice;
};

static struct sl_str text_of(struct sl_str line, const char *name, char out[VALUE])
{
    struct sl_str value = sl_json_get(line, sl_str_of(name));
    size_t n = 0;

    if (value.p == NULL || sl_str_eq(value, SL_STR("null")))
        return (struct sl_str){"", 0};
    if (sl_json_type_of(value) != SL_JSON_STRING)
        return value;
    return sl_json_unescape(value, out, VALUE, &n) ? (struct sl_str){out, n} : value;
}

static const char *const columns[] = {
    "n",
    "t",
    "kind",
    "actor",
    "tenant",
    "key",
    "user",
    "end_user",
    "app",
    "model",
    "asked",
    "provider",
    "served",
    "answered",
    "endpoint",
    "status",
    "ending",
    "cached",
    "in",
    "cache_read",
    "cache_write",
    "out",
    "source",
    "cost_micro",
    "took_ms",
    "first_ms",
    "id",
    "provider_id",
    "trace",
    "client",
    "client_name",
    "config",
    "prompt_sha256",
    "answer_sha256",
    "requests",
    "failed",
    "state",
    "more_micro",
};
#define COLUMNS (sizeof columns / sizeof columns[0])

static void print_line(void *ctx, uint64_t number, struct sl_str line)
{
    const struct listing *c = ctx;
    char text[VALUE];

    (void)number;
    if (!sl_choice_takes(&c->choice, line))
        return;
    if (!c->l->csv) {
        printf("%.*s\n", SL_STR_ARGS(line));
        return;
    }
    for (size_t i = 0; i < COLUMNS; i++)
        sl_manage_put_csv(text_of(line, columns[i], text), i + 1 == COLUMNS);
}

static int list_one(const struct sl_manage_line *l, const char *dir)
{
    struct listing c = {.l = l};
    struct sl_trail_report r;

    for (int by = 0; by < SL_CHOICE__COUNT; by++) {
        const char *want = sl_manage_value(l, sl_choice_name((enum sl_choice_by)by));

        if (want != NULL)
            c.choice.of[by] = sl_str_of(want);
    }
    if (c.choice.of[SL_CHOICE_CLIENT].p != NULL)
        c.choice.named =
            sl_trail_blind_by(sl_str_of(dir), c.choice.of[SL_CHOICE_CLIENT], c.choice.client);
    return judge(l, dir, sl_trail_verify(sl_str_of(dir), &r, print_line, &c), &r);
}

int sl_manage_audit_list(const struct sl_manage_line *l)
{
    const char *kind = sl_manage_value(l, "kind");
    int worst = SL_EXIT_OK, code;

    if (kind != NULL && !sl_choice_is_kind(sl_str_of(kind))) {
        fprintf(stderr, "sluice audit list: kind: must be " SL_CHOICE_KINDS "\n");
        return SL_EXIT_USAGE;
    }
    for (size_t i = 0; l->csv && i < COLUMNS; i++)
        sl_manage_put_csv(sl_str_of(columns[i]), i + 1 == COLUMNS);
    for (int i = 0; i < l->args_n; i++) {
        code = list_one(l, l->args[i]);
        worst = code > worst ? code : worst;
    }
    return worst;
}
