/* conf/parts/tenants.c -- who may call: plans, tenants, and keys, which become SHA-256
 * here and are forgotten. */
#include "conf/parts/parts.h"

#include "net/tls.h"
#include "policy/period.h"
#include "policy/record.h"

static bool is_endpoint(struct sl_str name)
{
    for (int ep = SL_EP_NONE + 1; ep < SL_EP__COUNT; ep++) {
        const char *known = sl_endpoint_name((enum sl_endpoint)ep);

        if (known != NULL && sl_str_eq(sl_str_of(known), name))
            return true;
    }
    return sl_str_eq(name, SL_STR("*"));
}

/* `what`: whose scopes they are, in messages. */
static void check_scope(struct sl_build *b, const struct sl_node *n, const char *what)
{
    struct sl_str rest, piece;

    if (!sl_tenant_is_scope(n->text)) {
        sl_fault_add(b->faults, n, "%s.scopes: must be models:<pattern> or endpoints:<a>,<b>",
                     what);
        return;
    }
    if (!sl_str_starts(n->text, SL_STR("endpoints:")))
        return;
    rest = sl_str_from(n->text, 10);
    while (sl_str_split(&rest, ',', &piece))
        if (!is_endpoint(sl_str_trim(piece)))
            sl_fault_add(b->faults, n, "%s.scopes: no endpoint is called %.*s", what,
                         SL_STR_ARGS(sl_str_first(piece, 60)));
}

static struct sl_scopes scopes_of(struct sl_build *b, const struct sl_node *map, const char *what)
{
    const struct sl_node *scopes = sl_node_get(map, "scopes");
    struct sl_str *list = sl_build_alloc(b, scopes->n, sizeof(*list));
    size_t n = 0;

    for (const struct sl_node *c = scopes->first; list != NULL && c != NULL; c = c->next) {
        check_scope(b, c, what);
        list[n++] = c->text;
    }
    return (struct sl_scopes){list, n};
}

/* ---- plans and tenants ---- */

#define ALERT_MIN_PPM 10000 /* 1 % */
#define ALERT_MAX_PPM 10000000

/* In ascending order, however they are written. */
static void read_alerts(struct sl_build *b, const struct sl_node *list, const char *what,
                        struct sl_alerts *out)
{
    if (list->n > SL_TENANT_ALERTS) {
        sl_fault_add(b->faults, list, "%s.budget.alert_at: at most %d", what, SL_TENANT_ALERTS);
        return;
    }
    for (const struct sl_node *c = list->first; c != NULL; c = c->next) {
        size_t at = out->n++;

        if (c->number < ALERT_MIN_PPM || c->number > ALERT_MAX_PPM)
            sl_fault_add(b->faults, c, "%s.budget.alert_at: must lie between 0.01 and 10", what);
        for (; at > 0 && out->at_ppm[at - 1] > c->number; at--)
            out->at_ppm[at] = out->at_ppm[at - 1];
        out->at_ppm[at] = (uint32_t)(c->number & UINT32_MAX);
    }
}

static void read_top_up(struct sl_build *b, const struct sl_node *budget, const char *what,
                        struct sl_top_up *out)
{
    const struct sl_node *map = sl_node_get(budget, "auto_top_up");

    *out = (struct sl_top_up){.low_micro = sl_build_leaf(budget, "credits_low"),
                              .amount_micro = sl_build_leaf(map, "amount"),
                              .daily_micro = sl_build_leaf(map, "daily")};
    if (out->amount_micro > 0 &&
        sl_node_text(sl_node_get(b->conf->root, "hooks"), "auto_top_up").n == 0)
        sl_fault_add(b->faults, map,
                     "%s.budget.auto_top_up: needs `hooks.auto_top_up`, who is asked", what);
}

/* Of the tenant as its plan has it, too. What the file can't say, a record of the store can't
 * but for the credits, and those are begun with 0 as well. */
static void check_top_up(struct sl_build *b, const struct sl_node *map, const struct sl_tenant *t)
{
    const struct sl_node *own = sl_node_get(sl_node_get(map, "budget"), "auto_top_up");
    const struct sl_node *at = own != NULL ? own : map;

    if (t->top_up.amount_micro <= 0)
        return;
    if (t->top_up.low_micro <= 0)
        sl_fault_add(b->faults, at,
                     "tenants[].budget.auto_top_up: nothing is ever asked for without "
                     "`budget.credits_low`; add it to the tenant or its plan, or `daily: 0` here");
    if (t->terms.budget.credits_micro == SL_UNSET)
        sl_fault_add(b->faults, at,
                     "tenants[].budget.auto_top_up: nothing is ever asked for without credits; "
                     "add `budget.initial_credits` (0 will do) to the tenant or its plan, or "
                     "`daily: 0` here");
}

/* Whoever gave an address waits for letters. */
static void check_alerts(struct sl_build *b, const struct sl_node *map, const struct sl_tenant *t)
{
    const struct sl_node *budget = sl_node_get(map, "budget");

    if (sl_node_text(budget, "alert_url").n > 0 && t->alerts.n == 0)
        sl_fault_add(b->faults, sl_node_get(budget, "alert_url"),
                     "tenants[].budget.alert_url: nobody is ever told anything without "
                     "`budget.alert_at`; add it to the tenant or its plan");
}

/* What a plan and a tenant say alike. */
static void read_plan(struct sl_build *b, const struct sl_node *map, const char *what,
                      struct sl_plan *p)
{
    const struct sl_node *budget = sl_node_get(map, "budget"), *zone = sl_node_get(budget, "zone");

    sl_plan_init(p);
    sl_build_check_name(b, map, what);
    p->name = sl_node_text(map, "name");
    p->scopes = scopes_of(b, map, what);
    sl_build_terms(map, &p->terms);
    sl_build_terms(sl_node_get(map, "per_key"), &p->per_key);
    p->spending = (struct sl_spending){.zone = sl_node_text(budget, "zone"),
                                       .drain = sl_build_leaf(budget, "on_client_gone"),
                                       .hard = sl_build_leaf(budget, "hard")};
    read_alerts(b, sl_node_get(budget, "alert_at"), what, &p->spending.alerts);
    if (sl_node_get(budget, "alert_url") != NULL)
        p->spending.alert_to = sl_build_alert_of(sl_node_text(budget, "alert_url"));
    read_top_up(b, budget, what, &p->spending.top_up);
    if (zone != NULL && !sl_period_is_zone(zone->text))
        sl_fault_add(b->faults, zone,
                     "%s.budget.zone: no time zone is called %.*s; write UTC, or a name such as "
                     "Europe/Berlin (and see that the system has its zones: tzdata)",
                     what, SL_STR_ARGS(sl_str_first(zone->text, 60)));
}

static void add_plans(struct sl_build *b)
{
    for (const struct sl_node *n = sl_node_get(b->conf->root, "plans")->first; n != NULL;
         n = n->next) {
        struct sl_plan p;
        char why[200] = "";

        read_plan(b, n, "plans[]", &p);
        sl_build_judge(b, n, sl_tenants_add_plan(b->made->tenants, &p, why, sizeof(why)),
                       "plans[].name", why);
    }
}

static void read_labels(struct sl_build *b, const struct sl_node *dict, struct sl_tenant *t)
{
    struct sl_label *out = sl_build_alloc(b, dict->n, sizeof(*out));

    if (dict->n > SL_RECORD_LABELS)
        sl_fault_add(b->faults, dict, "tenants[].labels: at most %d", SL_RECORD_LABELS);
    t->labels = out;
    for (const struct sl_node *c = dict->first; out != NULL && c != NULL; c = c->next)
        out[t->labels_n++] = (struct sl_label){c->key, c->text};
}

static void add_tenant(struct sl_build *b, const struct sl_node *map)
{
    const struct sl_node *plan = sl_node_get(map, "plan");
    struct sl_tenant t;
    char why[200] = "";

    sl_tenant_init(&t);
    read_plan(b, map, "tenants[]", &t.own);
    sl_build_cache_rules(sl_node_get(map, "cache"), &t.cache);
    t.context = sl_build_context(map);
    t.log_prompts = sl_node_number(map, "log_prompts", 0) == 1;
    read_labels(b, sl_node_get(map, "labels"), &t);
    if (plan != NULL) {
        t.plan = sl_tenants_plan(b->made->tenants, plan->text);
        if (t.plan == NULL)
            sl_fault_add(b->faults, plan, "tenants[].plan: no plan is called %.*s",
                         SL_STR_ARGS(sl_str_first(plan->text, 60)));
    }
    sl_build_judge(b, map, sl_tenants_add_tenant(b->made->tenants, &t, why, sizeof(why)),
                   "tenants[].name", why);
    sl_tenant_settle(&t);
    if (plan != NULL && t.plan == NULL)
        return; /* what a missing plan would have said is not known */
    check_top_up(b, map, &t);
    check_alerts(b, map, &t);
}

/* ---- keys ---- */

/* What may stand in a header line and is not guessed at once. */
static bool is_usable_key(struct sl_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] == 0x7f)
            return false;
    return s.n >= 8 && s.n <= 512;
}

/* The digest and the public half, from `key` or from `sha256`. */
static bool identify(struct sl_build *b, const struct sl_node *map, struct sl_key *k,
                     uint8_t digest[32])
{
    const struct sl_node *plain = sl_node_get(map, "key"), *hashed = sl_node_get(map, "sha256");

    if ((plain == NULL) == (hashed == NULL)) {
        sl_fault_add(b->faults, map, "tenants[].keys[]: needs either `key` or `sha256`");
        return false;
    }
    if (hashed != NULL)
        return sl_str_unhex(hashed->text, digest, 32);
    if (!is_usable_key(plain->text)) {
        sl_fault_add(b->faults, plain,
                     "tenants[].keys[].key: must be 8 to 512 characters without spaces");
        return false;
    }
    sl_tls_sha256(plain->text, digest);
    k->public_id = sl_tenant_public_id(plain->text);
    return true;
}

static void key(struct sl_build *b, const struct sl_node *map, struct sl_str tenant)
{
    struct sl_scopes scopes = scopes_of(b, map, "tenants[].keys[]");
    struct sl_key k;
    char why[400] = "", id[8];
    uint8_t digest[32];

    sl_key_init(&k);
    k.tenant = tenant;
    k.name = sl_node_text(map, "name");
    k.user = sl_node_text(map, "user");
    k.expires_unix_ms = (int64_t)sl_node_number(map, "expires", 0);
    k.scopes = scopes.at;
    k.scopes_n = scopes.n;
    k.grade = sl_build_leaf(map, "class");
    sl_build_terms(map, &k.own);
    if (k.name.n > 200 || k.user.n > 200)
        sl_fault_add(b->faults, map, "tenants[].keys[]: name and user have at most 200 bytes");
    if (!identify(b, map, &k, digest))
        return;
    if (k.public_id.n == 0) { /* a key of another form is known by its hash */
        sl_str_hex(digest, 4, id);
        k.public_id = (struct sl_str){id, sizeof(id)};
    }
    sl_build_judge(b, map, sl_tenants_add(b->made->tenants, &k, digest, why, sizeof(why)),
                   "tenants[].keys[]", why);
}

void sl_build_tenants(struct sl_build *b)
{
    const struct sl_node *list = sl_node_get(b->conf->root, "tenants");

    add_plans(b);
    for (struct sl_node *t = list->first; t != NULL; t = t->next) {
        add_tenant(b, t);
        for (const struct sl_node *k = sl_node_get(t, "keys")->first; k != NULL; k = k->next)
            key(b, k, sl_node_text(t, "name"));
    }
}
