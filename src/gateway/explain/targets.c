/* Who is asked first and who next, and what the first is sent. */
#include "gateway/explain/explain.h"

#include "gateway/inside.h"
#include "gateway/quota/pass.h"
#include "gateway/routing/trial.h"
#include "gateway/translate/translate.h"

#define MASK SL_STR("(secret)")

static const struct sl_provider *provider_of(const struct sl_req *r, const struct sl_target *t)
{
    return &r->conf->providers[t->provider];
}

/* ---- what it would be sent ---- */

static bool is_secret(const struct sl_provider *p, struct sl_str name)
{
    if (sl_str_eq_nocase(name, SL_STR("authorization")) ||
        sl_str_eq_nocase(name, SL_STR("x-api-key")) || sl_str_eq_nocase(name, p->auth_header))
        return true;
    for (size_t i = 0; i < p->headers_n; i++)
        if (sl_str_eq_nocase(name, p->header_names[i]))
            return true;
    return false;
}

static bool has_pair(struct sl_str query, struct sl_str pair)
{
    struct sl_str one;

    while (sl_str_split(&query, '&', &one))
        if (sl_str_eq(one, pair))
            return true;
    return false;
}

/* Of the query only what the client has sent is shown in full: the rest is the operator's. */
static struct sl_str mask_line(struct sl_req *r, struct sl_str line)
{
    char text[SL_MESSAGE_TARGET_MAX];
    struct sl_text t = sl_text_over(text, sizeof text);
    ptrdiff_t mark = sl_str_find_byte(line, '?');
    struct sl_str query, pair;

    if (mark < 0)
        return sl_arena_dup(r->arena, line);
    query = sl_str_from(line, (size_t)mark + 1);
    sl_text_add(&t, sl_str_first(line, (size_t)mark));
    for (char before = '?'; sl_str_split(&query, '&', &pair); before = '&') {
        ptrdiff_t is = sl_str_find_byte(pair, '=');

        sl_text_byte(&t, before);
        if (is < 0 || has_pair(r->head->query, pair)) {
            sl_text_add(&t, pair);
        } else {
            sl_text_add(&t, sl_str_first(pair, (size_t)is + 1));
            sl_text_add(&t, MASK);
        }
    }
    return sl_arena_dup(r->arena, sl_text_str(&t));
}

static bool next_line(struct sl_str *rest, struct sl_str *line)
{
    if (!sl_str_split(rest, '\n', line))
        return false;
    if (line->n > 0 && line->p[line->n - 1] == '\r')
        line->n--;
    return true;
}

static void tell_head(struct sl_req *r, struct sl_explained *out)
{
    struct sl_str rest = r->parts[0], line, end = SL_STR(" HTTP/1.1");

    (void)next_line(&rest, &line);
    if (line.n > end.n)
        line = sl_str_first(line, line.n - end.n);
    out->line = mask_line(r, line);
    while (next_line(&rest, &line)) {
        ptrdiff_t colon = sl_str_find_byte(line, ':');
        struct sl_str name, value;

        if (colon <= 0)
            continue;
        name = sl_str_first(line, (size_t)colon);
        value =
            is_secret(r->provider, name) ? MASK : sl_str_trim(sl_str_from(line, (size_t)colon + 1));
        if (!sl_headers_add(&out->head, r->arena, sl_arena_dup(r->arena, name),
                            sl_arena_dup(r->arena, value)))
            return;
    }
    out->sent_n = 0;
    for (size_t i = 1; i < r->parts_n; i++)
        out->sent_n += r->parts[i].n;
}

/* ---- in which order ---- */

static uint64_t rest_of(struct sl_req *r, size_t i, enum sl_reason bar)
{
    const struct sl_candidate *c = &r->trial->rank[i];
    const struct sl_provider *p = provider_of(r, c->target);
    const struct sl_health *h = sl_health_of(r->gw->healths, r->conf, c->model, c->target);
    uint64_t now = sl_net_now(r->gw->net), wait;

    switch ((int)bar) {
    case SL_REASON_PAUSED:
        return sl_switched_rest_ms(&r->gw->switched, r->conf, c->model, c->target);
    case SL_REASON_BREAKER_OPEN: return sl_breaker_rest_ms(&h->breaker, &p->breaker, now);
    case SL_REASON_TOKEN_RESTS: return sl_tokens_rest_ms(r->gw->tokens, p);
    case SL_REASON_KEYS_REST:
        wait = sl_keyring_wait_ms(&h->ring, now);
        return wait == SL_KEYRING_NEVER ? 0 : wait;
    default: return 0;
    }
}

static struct sl_explained_target candidate(struct sl_req *r, size_t i, uint64_t in)
{
    const struct sl_trial *t = r->trial;
    const struct sl_candidate *c = &t->rank[i];
    const struct sl_trial_note *n = &t->notes->of[i];
    enum sl_reason bar = sl_trial_bar(r, i);

    return (struct sl_explained_target){
        .provider = c->provider,
        .served = c->served,
        .model = c->model->name,
        .proxy = provider_of(r, c->target)->proxy,
        .proxy_from = provider_of(r, c->target)->proxy_from,
        .why = n->why,
        .bar = bar,
        .rest_ms = rest_of(r, i, bar),
        .candidate = true,
        .translated = r->ep == SL_EP_PROMPT || (provider_of(r, c->target)->speaks &
                                                (unsigned)sl_translation_protocol(r)) == 0,
        .has_facts = true,
        .priority = c->target->priority,
        .share_ppm = n->share_ppm,
        .weight = n->fact.weight,
        .load = n->fact.load,
        .price_micro = sl_pass_estimate(r, i, in),
    };
}

/* The first candidate that the request can be said to. SL_ST_REPLY: it can't; r says why. */
static enum sl_state make(struct sl_req *r, size_t i)
{
    size_t key = 0;

    sl_trial_aim(r, i);
    (void)sl_place_look(r, i, &key);
    r->trial->key = key;
    return sl_try_make(r);
}

/* Each as it would be asked if all before it failed in a way that is worth another try. */
static size_t put_in_turn(struct sl_req *r, struct sl_explained_target all[], size_t *first,
                          uint64_t *wait_ms)
{
    struct sl_trial *t = r->trial;
    uint64_t wait;
    size_t turn = 0, last = 0, i;

    while ((i = sl_trial_choose(r, &wait)) != SL_TRIAL_NOBODY && t->tries[i] == 0) {
        if (turn > 0 && turn >= provider_of(r, t->rank[last].target)->retry.attempts) {
            all[i].bar = SL_REASON_TRIES;
            t->spent[i] = true;
            continue;
        }
        if (turn == 0 && make(r, i) != SL_ST_TRY) {
            all[i].bar = SL_REASON_NO_TRANSLATION;
            t->spent[i] = true;
            continue;
        }
        if (turn == 0) {
            *first = i;
            *wait_ms = wait;
        }
        t->tries[i]++;
        all[i].turn = ++turn;
        last = i;
    }
    return turn;
}

static void add(struct sl_explained *out, const struct sl_explained_target *one)
{
    if (out->targets_n < SL_EXPLAIN_TARGETS)
        out->targets[out->targets_n++] = *one;
}

static void add_left_out(struct sl_req *r, struct sl_explained *out)
{
    const struct sl_trial_notes *n = r->trial->notes;

    for (size_t i = 0; i < n->left_n; i++) {
        const struct sl_trial_left *l = &n->left[i];
        struct sl_explained_target one = {.model = l->model, .why = l->why};

        if (l->target != NULL) {
            one.provider = provider_of(r, l->target)->name;
            one.served = l->target->model;
        }
        add(out, &one);
    }
}

static void tell_affinity(const struct sl_req *r, struct sl_explained *out)
{
    const struct sl_trial *t = r->trial;

    for (size_t i = 0; t->who != 0 && t->place.key != SIZE_MAX && i < t->n; i++)
        if (t->rank[i].name == t->place.target)
            out->affinity = t->rank[i].provider;
}

/* What becomes of one that may be sent. */
static void tell_start(struct sl_req *r, size_t first, uint64_t wait_ms, struct sl_explained *out)
{
    size_t key;

    if (wait_ms > 0 || !sl_place_look(r, first, &key))
        out->way = SL_EXPLAINED_WAITS;
    out->wait_ms = wait_ms;
    tell_head(r, out);
}

void sl_explain_targets(struct sl_req *r, bool decided, struct sl_explained *out)
{
    struct sl_explained_target all[SL_ROUTE_TARGETS_MAX];
    struct sl_trial *t = r->trial;
    size_t first = 0, turns = 0;
    uint64_t wait_ms = 0;

    tell_affinity(r, out);
    if (t->n > 0) {
        sl_timer_start(r->gw->net, &r->total, r->provider->timeouts.total); /* as TRY does */
        for (size_t i = 0; i < t->n; i++)
            all[i] = candidate(r, i, out->input_tokens);
        r->error = SL_OK;
        turns = put_in_turn(r, all, &first, &wait_ms);
        for (size_t turn = 1; turn <= turns; turn++)
            for (size_t i = 0; i < t->n; i++)
                if (all[i].turn == turn)
                    add(out, &all[i]);
        for (size_t i = 0; i < t->n; i++)
            if (all[i].turn == 0)
                add(out, &all[i]);
        if (!decided && turns > 0) {
            tell_start(r, first, wait_ms, out);
        } else if (!decided) {
            out->way = SL_EXPLAINED_REFUSED;
            if (r->error == SL_OK)
                (void)sl_trial_give_up(r);
        }
        sl_timer_stop(r->gw->net, &r->total);
    }
    add_left_out(r, out);
}
