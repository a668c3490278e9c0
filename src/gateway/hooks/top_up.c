/* One tenant after the other: is it claimed, is it still low, what says the receiver. */
#include "gateway/hooks/top_up.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "gateway/hooks/inside.h"
#include "gateway/hooks/top_up_state.h"
#include "gateway/inside.h"

#define ACTOR SL_STR("auto_top_up")

struct wanted {
    char tenant[SL_TOP_UP_NAME];
    size_t tenant_n;
    struct sl_top_up rules;
    int64_t initial_micro, left_micro;
};

struct sl_top_ups {
    struct sl_gateway *gw; /* up */
    struct wanted queue[SL_TOP_UPS_QUEUE];
    size_t first, n;
    struct sl_timer timer; /* the next one, or the next try */
    /* the first one */
    struct sl_op *op; /* owns */
    struct sl_top_up_state state;
    uint64_t rev;
    bool fresh;                  /* its id is of this claim: nobody was asked under it */
    char mine[SL_TOP_UP_ID + 1]; /* claimed here, and not closed: the store was slow, perhaps */
    unsigned tries;
    int64_t amount_micro;
    struct sl_records records;
    struct sl_balance balance;
    char id[SL_TOP_UP_NAME + 8], doc[SL_TOP_UP_DOC];
    struct sl_post post;
    struct sl_gateway_conf *conf; /* shared: its receiver is called */
    char body[1024], line[160];
    size_t body_n;
};

static const struct wanted *first_of(const struct sl_top_ups *t)
{
    return &t->queue[t->first];
}

static struct sl_str name_of(const struct wanted *w)
{
    return (struct sl_str){w->tenant, w->tenant_n};
}

static struct sl_store *store_of(const struct sl_top_ups *t)
{
    return t->gw->store;
}

static void count(struct sl_top_ups *t, const char *result)
{
    struct sl_str label = sl_str_of(result);

    sl_metric_add(sl_metric_series(t->gw->f.top_ups, &label), 1);
}

static void go_on(struct sl_top_ups *t, uint64_t in_ms)
{
    sl_timer_start(t->gw->net, &t->timer, in_ms);
}

/* The first one is done with, however it came out. */
static void drop(struct sl_top_ups *t)
{
    t->first = (t->first + 1) % SL_TOP_UPS_QUEUE;
    t->n--;
    t->tries = 0;
    t->body_n = 0;
    if (t->n > 0)
        go_on(t, 0);
}

/* ---- what is told ---- */

static void begin_event(struct sl_text *members, struct sl_str tenant, const char *money,
                        int64_t micro)
{
    char place[24];

    sl_text_add(members, SL_STR(",\"tenant\":"));
    sl_text_json(members, tenant, 64);
    sl_text_printf(members, ",\"%s\":", money);
    sl_text_add(members, sl_money_print(micro, place));
}

static void tell_low(struct sl_top_ups *t, const struct sl_top_up_seen *seen)
{
    char place[512], money[24];
    struct sl_text m = sl_text_over(place, sizeof place);
    struct sl_str left = sl_money_print(seen->left_micro, money);

    sl_log(SL_LOG_WARN, "gateway", seen->tenant,
           "tenant %.*s has credits of %.*s dollars left, which is below its credits_low",
           SL_STR_ARGS(seen->tenant), SL_STR_ARGS(left));
    begin_event(&m, seen->tenant, "left", seen->left_micro);
    sl_text_add(&m, SL_STR(",\"credits_low\":"));
    sl_text_add(&m, sl_money_print(seen->rules.low_micro, money));
    sl_hooks_tell(t->gw->hooks, "credits_low", sl_text_str(&m));
}

static void tell_added(struct sl_top_ups *t)
{
    struct sl_str tenant = name_of(first_of(t));
    char place[512], money[24];
    struct sl_text m = sl_text_over(place, sizeof place);
    struct sl_str sum = sl_money_print(t->amount_micro, money);

    sl_log(SL_LOG_INFO, "gateway", tenant, "tenant %.*s was given %.*s dollars by auto_top_up",
           SL_STR_ARGS(tenant), SL_STR_ARGS(sum));
    begin_event(&m, tenant, "amount", t->amount_micro);
    sl_text_printf(&m, ",\"top_up\":\"%s\",\"left\":", t->state.id);
    sl_text_add(&m, sl_money_print(t->balance.granted_micro - t->balance.spent_micro, money));
    sl_hooks_tell(t->gw->hooks, "credits_added", sl_text_str(&m));
    count(t, "added");
}

static void tell_failed(struct sl_top_ups *t, const char *result, struct sl_str why)
{
    struct sl_str tenant = name_of(first_of(t));
    char place[512];
    struct sl_text m = sl_text_over(place, sizeof place);

    sl_log(SL_LOG_WARN, "gateway", tenant, "tenant %.*s was given no credits by auto_top_up: %.*s",
           SL_STR_ARGS(tenant), SL_STR_ARGS(why));
    begin_event(&m, tenant, "amount", first_of(t)->rules.amount_micro);
    sl_text_add(&m, SL_STR(",\"why\":"));
    sl_text_json(&m, why, 200);
    sl_hooks_tell(t->gw->hooks, "auto_top_up_failed", sl_text_str(&m));
    count(t, result);
}

/* It is left as it is, and the log says why: somebody may have been charged for it meanwhile. */
static void leave(struct sl_top_ups *t, const char *why, const char *what_to_do)
{
    struct sl_str tenant = name_of(first_of(t));

    sl_log(SL_LOG_WARN, "gateway", tenant,
           "the top-up of tenant %.*s under the id %s is left as it is: %s; %s",
           SL_STR_ARGS(tenant), t->state.id[0] != '\0' ? t->state.id : "that it would get", why,
           what_to_do);
}

static void leave_to_store(struct sl_top_ups *t, enum sl_err e)
{
    if (e == SL_ERR_CEILING)
        leave(t, "the store has as many switches as it takes",
              "end some of those that `sluice switches` shows");
    else
        leave(t, "the store failed or did not answer in time",
              "the same is begun again when the tenant's balance is next looked at");
}

/* ---- the record ---- */

static void put(struct sl_top_ups *t, sl_store_done_fn *done)
{
    struct sl_record rec = {
        .kind = SL_RECORD_SWITCH, .rev = t->rev, .state = SL_STR("active"), .quiet = true};
    struct sl_text id = sl_text_over(t->id, sizeof t->id);
    struct sl_text doc = sl_text_over(t->doc, sizeof t->doc);

    sl_text_add(&id, SL_STR("topup."));
    sl_text_add(&id, name_of(first_of(t)));
    sl_top_up_state_write(&t->state, &doc);
    rec.id = rec.tenant = sl_text_str(&id);
    rec.doc = sl_text_str(&doc);
    sl_store_put_start(store_of(t), &rec, ACTOR, &t->records, &t->op, done, t);
}

static void on_closed(void *ctx, enum sl_err e)
{
    struct sl_top_ups *t = ctx;

    if (e != SL_OK)
        leave(t, "its end was not kept",
              "the same is asked again in two minutes, and the receiver is to answer as before");
    drop(t);
}

static void close_claim(struct sl_top_ups *t, uint64_t rest_ms)
{
    t->mine[0] = '\0';
    t->state.until_ms = rest_ms > 0 ? sl_store_now_ms(store_of(t)) + (int64_t)rest_ms : 0;
    put(t, on_closed);
}

/* Nothing came of it, and that is known: another id, then, and what was booked is given back. */
static void forget_id(struct sl_top_ups *t)
{
    t->state.id[0] = '\0';
    t->state.added_micro -= first_of(t)->rules.amount_micro;
    if (t->state.added_micro < 0)
        t->state.added_micro = 0;
}

/* ---- granted ---- */

static void on_granted(void *ctx, enum sl_err e)
{
    struct sl_top_ups *t = ctx;

    if (e != SL_OK) {
        tell_failed(t, "failed", SL_STR("the store did not take it; it is asked again"));
        drop(t);
        return;
    }
    tell_added(t); /* also where it was there: who added it may have died before it could tell */
    t->state.added_micro -= first_of(t)->rules.amount_micro - t->amount_micro;
    t->state.id[0] = '\0';
    close_claim(t, 0);
}

static void grant(struct sl_top_ups *t)
{
    const struct wanted *w = first_of(t);
    struct sl_store_grant what = {.tenant = name_of(w),
                                  .initial_micro = w->initial_micro,
                                  .more_micro = t->amount_micro,
                                  .once = sl_str_of(t->state.id)};

    sl_store_grant_start(store_of(t), &what, ACTOR, &t->balance, &t->op, on_granted, t);
}

/* The account remembers the last name only. So whoever is late, and whose claim another one has
 * taken over meanwhile, must not add: the claim is put once more, which fails then. */
static void on_still_mine(void *ctx, enum sl_err e)
{
    struct sl_top_ups *t = ctx;

    if (e == SL_OK) {
        t->rev = t->records.at[0].rev;
        grant(t);
        return;
    }
    if (e == SL_ERR_CONFLICT) {
        t->mine[0] = '\0';
        leave(t, "the receiver took so long that another instance has claimed it",
              "that one asks again under the same id; let the receiver answer within two minutes");
    } else {
        tell_failed(t, "failed", SL_STR("the store did not take it; it is asked again"));
    }
    drop(t);
}

static void renew_claim(struct sl_top_ups *t)
{
    t->state.until_ms = sl_store_now_ms(store_of(t)) + SL_TOP_UP_CLAIM_MS;
    put(t, on_still_mine);
}

/* ---- asked ---- */

static void failed(struct sl_top_ups *t, struct sl_str why)
{
    if (++t->tries < SL_HOOKS_TRIES) {
        go_on(t, (uint64_t)SL_HOOKS_BACKOFF_MS << (t->tries - 1));
        return;
    }
    tell_failed(t, "failed", why);
    close_claim(t, SL_TOP_UP_AGAIN_MS);
}

static void refused(struct sl_top_ups *t, struct sl_str why)
{
    tell_failed(t, "refused", why);
    forget_id(t);
    close_claim(t, SL_TOP_UP_REST_MS);
}

/* A 2xx, perhaps of a receiver that has charged somebody: what is not understood of it is asked
 * again under the same id, not under another one. */
static void taken(struct sl_top_ups *t, const struct sl_post_end *end)
{
    if (end->cut) {
        failed(t, SL_STR("the receiver's answer has more than 4096 bytes; let it be shorter"));
        return;
    }
    switch (sl_top_up_amount(end->answer, first_of(t)->rules.amount_micro, &t->amount_micro)) {
    case SL_TOP_UP_GIVES: renew_claim(t); break;
    case SL_TOP_UP_REFUSES:
        refused(t, SL_STR("`amount` of the receiver's answer is less than 0.000001 dollars"));
        break;
    case SL_TOP_UP_UNREADABLE:
        failed(t, SL_STR("`amount` of the receiver's answer is no number of dollars, as in "
                         "{\"amount\": 12.5}"));
        break;
    }
}

static void on_post(void *ctx, const struct sl_post_end *end)
{
    struct sl_top_ups *t = ctx;

    sl_gateway_conf_drop(&t->conf);
    if (sl_post_is_taken(end)) {
        taken(t, end);
    } else if (end->status >= 400 && end->status <= 499 && end->status != 408 &&
               end->status != 425 && end->status != 429) {
        refused(t, end->why);
    } else {
        failed(t, end->why);
    }
}

static void write_body(struct sl_top_ups *t)
{
    const struct wanted *w = first_of(t);
    struct sl_text b = sl_text_over(t->body, sizeof t->body);
    struct sl_store_state store;
    char money[24];

    sl_store_look(store_of(t), &store);
    sl_text_printf(&b, "{\"id\":\"%s\",\"event\":\"auto_top_up\",\"time\":\"", t->state.id);
    sl_text_time(&b, sl_net_unix_ms(t->gw->net));
    sl_text_printf(&b, "\",\"instance\":\"%.8s\"", store.instance);
    begin_event(&b, name_of(w), "left", w->left_micro);
    sl_text_add(&b, SL_STR(",\"credits_low\":"));
    sl_text_add(&b, sl_money_print(w->rules.low_micro, money));
    sl_text_add(&b, SL_STR(",\"amount\":"));
    sl_text_add(&b, sl_money_print(w->rules.amount_micro, money));
    sl_text_byte(&b, '}');
    t->body_n = b.n;
}

static void ask(struct sl_top_ups *t)
{
    const struct sl_top_up_conf *to = t->gw->conf->top_up;
    struct sl_text line = sl_text_over(t->line, sizeof t->line);
    struct sl_post_what what = {.method = SL_STR("POST"), .type = SL_STR("application/json")};

    if (t->body_n == 0)
        write_body(t);
    t->conf = sl_gateway_conf_share(t->gw->conf);
    what.body[0] = (struct sl_str){t->body, t->body_n};
    if (to->secret.n > 0)
        sl_hooks_sign(&line, to->secret, what.body[0], sl_net_unix_ms(t->gw->net) / 1000);
    what.path = to->to.path;
    what.lines = sl_text_str(&line);
    sl_post_start(&t->post, &to->to, &what);
}

/* ---- claimed ---- */

static void on_balance(void *ctx, enum sl_err e)
{
    struct sl_top_ups *t = ctx;
    struct wanted *w = &t->queue[t->first];

    if (e != SL_OK) {
        leave_to_store(t, e);
        drop(t);
        return;
    }
    w->left_micro =
        (t->balance.held ? t->balance.granted_micro : w->initial_micro) - t->balance.spent_micro;
    if (t->fresh && w->left_micro >= w->rules.low_micro) { /* somebody was faster */
        forget_id(t);
        close_claim(t, 0);
        return;
    }
    ask(t);
}

/* Others may have done it between the look that saw it and the claim. */
static void on_claimed(void *ctx, enum sl_err e)
{
    struct sl_top_ups *t = ctx;

    if (e != SL_OK) {
        if (e != SL_ERR_CONFLICT) /* another one has it, then */
            leave_to_store(t, e);
        drop(t);
        return;
    }
    t->rev = t->records.at[0].rev;
    if (t->state.id[0] == '\0') { /* it was put for its rest alone */
        tell_failed(t, "capped",
                    SL_STR("budget.auto_top_up.daily is reached; it goes on tomorrow"));
        drop(t);
        return;
    }
    sl_store_balance_start(store_of(t), name_of(first_of(t)), (struct sl_str){"", 0},
                           sl_gateway_periods(t->gw, SL_STR("UTC")), &t->balance, &t->op,
                           on_balance, t);
}

/* One at a time: nobody is at it, then. */
static bool is_mine(const struct sl_top_ups *t)
{
    return t->mine[0] != '\0' && strcmp(t->mine, t->state.id) == 0;
}

static void on_found(void *ctx, enum sl_err e)
{
    struct sl_top_ups *t = ctx;
    const struct sl_top_up *rules = &first_of(t)->rules;
    bool known = e == SL_OK && t->records.n > 0;
    int64_t now_ms;

    if (e != SL_OK) {
        t->state.id[0] = '\0'; /* it is another tenant's */
        leave_to_store(t, e);
        drop(t);
        return;
    }
    now_ms = sl_store_now_ms(store_of(t));
    t->rev = known ? t->records.at[0].rev : 0;
    sl_top_up_state_read(&t->state, known ? t->records.at[0].doc : (struct sl_str){"", 0});
    if (!sl_top_up_state_is_due(&t->state, rules, now_ms) && !is_mine(t)) {
        drop(t);
        return;
    }
    t->fresh = t->state.id[0] == '\0';
    sl_top_up_state_claim(&t->state, rules, now_ms);
    memcpy(t->mine, t->state.id, sizeof t->mine);
    put(t, on_claimed);
}

/* ---- whole ---- */

static void fire(struct sl_timer *timer)
{
    struct sl_top_ups *t = SL_CONTAINER(timer, struct sl_top_ups, timer);
    struct sl_text id = sl_text_over(t->id, sizeof t->id);

    if (t->body_n > 0) { /* another try */
        ask(t);
        return;
    }
    sl_text_add(&id, SL_STR("topup."));
    sl_text_add(&id, name_of(first_of(t)));
    sl_store_find_start(store_of(t), SL_RECORD_SWITCH, sl_text_str(&id), &t->records, &t->op,
                        on_found, t);
}

static bool waits(const struct sl_top_ups *t, struct sl_str tenant)
{
    for (size_t i = 0; i < t->n; i++)
        if (sl_str_eq(name_of(&t->queue[(t->first + i) % SL_TOP_UPS_QUEUE]), tenant))
            return true;
    return false;
}

static void want(struct sl_top_ups *t, const struct sl_top_up_seen *seen)
{
    struct wanted *w = &t->queue[(t->first + t->n) % SL_TOP_UPS_QUEUE];

    if (t->n == SL_TOP_UPS_QUEUE || seen->tenant.n > sizeof w->tenant || waits(t, seen->tenant))
        return;
    memcpy(w->tenant, seen->tenant.p, seen->tenant.n);
    w->tenant_n = seen->tenant.n;
    w->rules = seen->rules;
    w->initial_micro = seen->initial_micro;
    w->left_micro = seen->left_micro;
    if (t->n++ == 0)
        go_on(t, 0);
}

void sl_top_ups_seen(struct sl_top_ups *t, const struct sl_top_up_seen *seen)
{
    if (seen->rules.low_micro <= 0 || seen->left_micro >= seen->rules.low_micro) {
        *seen->told = false;
        return;
    }
    if (!*seen->told)
        tell_low(t, seen);
    *seen->told = true;
    if (seen->rules.amount_micro > 0 && t->gw->conf->top_up != NULL)
        want(t, seen);
}

static void stop(struct sl_top_ups *t)
{
    sl_op_cancel(&t->op);
    sl_post_stop(&t->post);
    sl_gateway_conf_drop(&t->conf);
    sl_timer_stop(t->gw->net, &t->timer);
    t->n = t->tries = 0;
    t->body_n = 0;
}

void sl_top_ups_reload(struct sl_top_ups *t)
{
    if (t->gw->conf->top_up != NULL)
        return;
    if (t->body_n > 0)
        leave(t, "hooks.auto_top_up is gone from the configuration, and its receiver was asked",
              "set it again, and the same is asked once more");
    stop(t); /* what is under way is found again by its claim */
}

struct sl_top_ups *sl_top_ups_new(struct sl_gateway *g)
{
    struct sl_top_ups *t = sl_mem_new(sizeof *t);

    t->gw = g;
    sl_timer_init(&t->timer, fire);
    sl_post_init(&t->post, g->net, on_post, t);
    return t;
}

void sl_top_ups_end(struct sl_top_ups **pt)
{
    struct sl_top_ups *t = *pt;

    *pt = NULL;
    if (t == NULL)
        return;
    stop(t);
    sl_mem_free(t);
}
