/* store/front/outage.c -- answers while the store is away or lost its balances: by an engine
 * of this process alone, with its share of every limit and of what was last seen of the
 * money. Worst overshoot: each instance fills its own windows, beside what the store
 * had already counted; money at most the balance last seen. */
#include "base/log.h"
#include "base/mem.h"
#include "store/front/inside.h"

#define SEEN_MAX 65536 /* levels with a budget; beyond it the longest unseen is forgotten */

#define NAME_MAX_ 520

static size_t name_of(const struct sl_quota_ask *ask, enum sl_level level, char out[NAME_MAX_])
{
    struct sl_str tenant = sl_str_first(ask->tenant, 256), key = sl_str_first(ask->key_id, 256);

    memcpy(out, tenant.p, tenant.n);
    out[tenant.n] = '\n';
    if (level == SL_LEVEL_TENANT)
        return tenant.n + 1;
    memcpy(out + tenant.n + 1, key.p, key.n);
    return tenant.n + 1 + key.n;
}

static struct sl_seen *find(const struct sl_outage *o, const struct sl_quota_ask *ask,
                            enum sl_level level)
{
    char name[NAME_MAX_];
    size_t n = name_of(ask, level, name);
    struct sl_seen *seen;

    HASH_FIND(hh, o->seen, name, n, seen);
    return seen;
}

static void forget(struct sl_outage *o, struct sl_seen *seen)
{
    HASH_DEL(o->seen, seen);
    sl_mem_free(seen);
}

/* To the end of the order: just seen. What stands there already stays: a table that its last
 * entry leaves is taken down, and most gateways have one tenant who asks. */
static void note(struct sl_outage *o, const struct sl_quota_ask *ask, enum sl_level level,
                 int64_t left_micro)
{
    char name[NAME_MAX_];
    size_t n = name_of(ask, level, name);
    unsigned hash;
    struct sl_seen *seen;

    HASH_VALUE(name, n, hash);
    HASH_FIND_BYHASHVALUE(hh, o->seen, name, n, hash, seen);
    if (seen == NULL) {
        if (HASH_COUNT(o->seen) >= SEEN_MAX)
            forget(o, o->seen);
        seen = sl_mem_new(sizeof *seen + n);
        memcpy(seen->name, name, n);
        seen->n = n;
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, o->seen, seen->name, seen->n, hash, seen);
    } else if (seen->hh.next != NULL) {
        HASH_DEL(o->seen, seen);
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, o->seen, seen->name, seen->n, hash, seen);
    }
    seen->left_micro = left_micro;
    seen->turn = 0;
}

void sl_outage_note(struct sl_store *s, const struct sl_quota_ask *ask,
                    const struct sl_quota_answer *a)
{
    for (int level = 0; level < SL_LEVEL__COUNT; level++)
        if (a->room[level].credits_left_micro != SL_UNSET)
            note(&s->outage, ask, (enum sl_level)level, a->room[level].credits_left_micro);
}

int64_t sl_outage_now_us(struct sl_store *s)
{
    return sl_net_onward_us(s->net, &s->outage.ahead_us);
}

static bool has_budget(const struct sl_quota_ask *ask, int level)
{
    return ask->terms[level] != NULL && sl_terms_has_budget(ask->terms[level]);
}

bool sl_outage_needs_money(const struct sl_quota_ask *ask)
{
    return !ask->free && !ask->light && !ask->windows_only &&
           (has_budget(ask, SL_LEVEL_TENANT) || has_budget(ask, SL_LEVEL_KEY));
}

static void refuse(struct sl_quota_answer *out, enum sl_limit limit, enum sl_level level)
{
    *out = (struct sl_quota_answer){.limit = limit, .level = level, .wait_ms = -1, .local = true};
    for (int i = 0; i < SL_LEVEL__COUNT; i++)
        out->room[i] =
            (struct sl_quota_room){SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET, SL_UNSET};
}

/* What the mirror says against it: revoked since, or changed. */
static bool is_barred(struct sl_store *s, const struct sl_quota_ask *ask,
                      struct sl_quota_answer *out)
{
    const struct sl_str ids[] = {ask->tenant, sl_quota_record(ask)};
    const enum sl_record_kind kinds[] = {SL_RECORD_TENANT, SL_RECORD_KEY};
    struct sl_record rec;

    for (int level = 0; level < SL_LEVEL__COUNT; level++) {
        bool active;

        if (!sl_mirror_find(s->m, kinds[level], ids[level], &rec) || rec.rev < ask->rev[level])
            continue; /* not known here, or the caller knows better */
        active = sl_str_eq(rec.state, SL_STR("active"));
        if (!active || rec.rev > ask->rev[level]) {
            refuse(out, active ? SL_LIMIT_STALE : SL_LIMIT_STATE, (enum sl_level)level);
            return true;
        }
    }
    return false;
}

/* Terms in which all three budgets are the balance last seen; false: it never was. */
static bool lend(struct sl_store *s, const struct sl_quota_ask *ask, enum sl_level level,
                 struct sl_terms *terms)
{
    struct sl_seen *seen = find(&s->outage, ask, level);
    struct sl_account account = {.held = true};

    if (seen == NULL)
        return false;
    terms->budget.credits_micro = 0;
    terms->budget.daily_micro = terms->budget.monthly_micro = 0;
    if (seen->turn != s->outage.turn) {
        seen->turn = s->outage.turn;
        account.granted_micro = seen->left_micro > 0 ? seen->left_micro : 0;
        sl_engine_set_account(s->outage.engine, ask->tenant,
                              level == SL_LEVEL_KEY ? ask->key_id : (struct sl_str){NULL, 0},
                              &account);
    }
    return true;
}

static void begin(struct sl_store *s)
{
    if (s->outage.engine != NULL)
        return;
    s->outage.engine = sl_engine_new();
    s->outage.turn++;
}

void sl_outage_admit(struct sl_store *s, const struct sl_quota_ask *ask,
                     struct sl_quota_answer *out)
{
    struct sl_quota_ask mine = *ask;
    struct sl_terms terms[SL_LEVEL__COUNT];

    if (s->refuse) {
        refuse(out, SL_LIMIT_STORE, SL_LEVEL_TENANT);
        return;
    }
    if (is_barred(s, ask, out))
        return;
    begin(s);
    mine.rev[SL_LEVEL_TENANT] = mine.rev[SL_LEVEL_KEY] = 0;
    for (int level = 0; level < SL_LEVEL__COUNT; level++) {
        if (!has_budget(ask, level))
            continue;
        terms[level] = *ask->terms[level];
        mine.terms[level] = &terms[level];
        if (!lend(s, ask, (enum sl_level)level, &terms[level]) && sl_outage_needs_money(ask)) {
            refuse(out, SL_LIMIT_STORE, (enum sl_level)level);
            return;
        }
    }
    sl_engine_admit(s->outage.engine, &mine, s->health.instances, sl_outage_now_us(s), out);
    out->local = true;
}

void sl_outage_settle(struct sl_store *s, struct sl_str tenant, const struct sl_line *line)
{
    const struct sl_quota_ask name = {.tenant = tenant, .key_id = line->key_id};

    if (s->outage.engine != NULL)
        sl_engine_settle(s->outage.engine, tenant, line, sl_outage_now_us(s));
    for (int level = 0; level < SL_LEVEL__COUNT; level++) {
        struct sl_seen *seen =
            line->account[level] ? find(&s->outage, &name, (enum sl_level)level) : NULL;

        if (seen != NULL) /* for the next outage, if no answer comes before it */
            seen->left_micro -=
                line->cost_micro < seen->left_micro ? line->cost_micro : seen->left_micro;
    }
}

void sl_outage_over(struct sl_store *s)
{
    if (s->outage.engine != NULL)
        sl_engine_end(&s->outage.engine);
}

void sl_outage_fini(struct sl_store *s)
{
    sl_outage_over(s);
    while (s->outage.seen != NULL)
        forget(&s->outage, s->outage.seen);
}
