/* An explained request as JSON. */
#include "admin/live/explain.h"

#include <assert.h>

static struct sl_str z(const char *text)
{
    return sl_str_of(text != NULL ? text : "");
}

static void text_if(struct sl_out *o, const char *name, struct sl_str s)
{
    if (s.n > 0)
        sl_out_text(o, name, s);
}

static void number_if(struct sl_out *o, const char *name, int64_t v)
{
    if (v >= 0)
        sl_out_number(o, name, v);
}

static void money_if(struct sl_out *o, const char *name, int64_t micro)
{
    if (micro >= 0)
        sl_out_money(o, name, micro);
}

static void outcome(struct sl_out *o, const struct sl_explained *x)
{
    static const char *const ways[] = {
        [SL_EXPLAINED_REFUSED] = "refused", [SL_EXPLAINED_ASKS] = "asks",
        [SL_EXPLAINED_WAITS] = "waits",     [SL_EXPLAINED_HIT] = "hit",
        [SL_EXPLAINED_JOINS] = "joins",     [SL_EXPLAINED_OURS] = "ours"};

    static_assert(sizeof ways / sizeof ways[0] == SL_EXPLAINED__COUNT, "a way without a name");
    sl_out_open(o, "outcome", '{');
    sl_out_text(o, "way", sl_str_of(ways[x->way]));
    if (x->status > 0)
        sl_out_number(o, "status", x->status);
    if (x->way == SL_EXPLAINED_REFUSED) {
        sl_out_text(o, "error", sl_str_of(sl_err_name(x->error)));
        sl_out_text(o, "message", x->message);
    }
    if (x->retry_ms > 0)
        sl_out_count(o, "retry_ms", x->retry_ms);
    if (x->wait_ms > 0)
        sl_out_count(o, "wait_ms", x->wait_ms);
    sl_out_close(o, '}');
}

static void request(struct sl_out *o, const struct sl_explained *x)
{
    sl_out_open(o, "request", '{');
    sl_out_text(o, "endpoint", z(x->endpoint));
    text_if(o, "protocol", z(x->protocol));
    text_if(o, "model", x->asked);
    text_if(o, "route", x->model);
    text_if(o, "strategy", z(x->strategy));
    sl_out_flag(o, "stream", x->streams);
    if (x->max_tokens > 0)
        sl_out_count(o, "max_tokens", x->max_tokens);
    sl_out_count(o, "bytes", x->body_n);
    if (x->left_out > 0) {
        sl_out_count(o, "left_out", x->left_out);
        sl_out_count(o, "messages", x->messages);
    }
    sl_out_close(o, '}');
}

static void level(struct sl_out *o, const char *name, const struct sl_explained_level *l,
                  bool admission)
{
    const struct sl_limits *limits = &l->terms.limits;
    const struct sl_budget *budget = &l->terms.budget;

    sl_out_open(o, name, '{');
    sl_out_open(o, "limits", '{');
    number_if(o, "rpm", limits->rpm);
    number_if(o, "qps", limits->qps);
    number_if(o, "burst", limits->burst);
    number_if(o, "tpm", limits->tpm);
    number_if(o, "concurrency", limits->concurrency);
    number_if(o, "user_concurrency", limits->user_concurrency);
    number_if(o, "reserve_output", limits->reserve_output);
    sl_out_close(o, '}');
    sl_out_open(o, "budget", '{');
    money_if(o, "initial_credits", budget->credits_micro);
    money_if(o, "daily", budget->daily_micro);
    money_if(o, "monthly", budget->monthly_micro);
    sl_out_close(o, '}');
    if (admission) {
        sl_out_open(o, "left", '{');
        number_if(o, "rpm", l->room.rpm_left);
        number_if(o, "tpm", l->room.tpm_left);
        number_if(o, "concurrency", l->room.concurrency_left);
        money_if(o, "money", l->room.credits_left_micro);
        sl_out_close(o, '}');
    }
    sl_out_close(o, '}');
}

static void key(struct sl_out *o, const struct sl_explained *x)
{
    if (!x->has_key) {
        sl_out_null(o, "key");
        return;
    }
    sl_out_open(o, "key", '{');
    sl_out_text(o, "id", x->level[SL_LEVEL_KEY].id);
    text_if(o, "name", x->level[SL_LEVEL_KEY].name);
    sl_out_text(o, "tenant", x->tenant);
    text_if(o, "user", x->user);
    sl_out_number(o, "class", x->grade);
    sl_out_close(o, '}');
    sl_out_open(o, "levels", '{');
    level(o, "tenant", &x->level[SL_LEVEL_TENANT], x->admission);
    level(o, "key", &x->level[SL_LEVEL_KEY], x->admission);
    sl_out_close(o, '}');
    if (x->admission) {
        sl_out_text(o, "limit", x->limit);
        sl_out_flag(o, "local", x->local);
    }
}

static void cache(struct sl_out *o, const struct sl_explained *x)
{
    sl_out_open(o, "cache", '{');
    sl_out_text(o, "result", x->cache.n > 0 ? x->cache : SL_STR("OFF"));
    text_if(o, "why", z(x->cache_why));
    text_if(o, "key", x->cache_at);
    text_if(o, "sha256", x->cache_sha256);
    text_if(o, "kept_as", x->cache_kept);
    if (x->items > 0) {
        sl_out_count(o, "items", x->items);
        sl_out_count(o, "known", x->items_known);
    }
    sl_out_close(o, '}');
}

static void price(struct sl_out *o, const struct sl_explained *x)
{
    sl_out_open(o, "price", '{');
    sl_out_count(o, "input_tokens", x->input_tokens);
    sl_out_count(o, "output_tokens", x->output_tokens);
    if (x->admission) {
        sl_out_money(o, "reserve", x->reserve_micro);
        sl_out_flag(o, "free", x->free);
    }
    sl_out_close(o, '}');
}

static void facts(struct sl_out *o, const struct sl_explained_target *t)
{
    sl_out_number(o, "priority", t->priority);
    sl_out_flag(o, "translated", t->translated);
    sl_out_count(o, "share_ppm", t->share_ppm);
    sl_out_count(o, "weight", t->weight);
    if (t->why == SL_REASON_LATENCY)
        sl_out_count(o, "expected_us", t->load);
    money_if(o, "price", t->price_micro);
}

static void target(struct sl_out *o, const struct sl_explained_target *t)
{
    sl_out_open(o, NULL, '{');
    if (t->turn > 0)
        sl_out_count(o, "turn", t->turn);
    else
        sl_out_null(o, "turn");
    text_if(o, "provider", t->provider);
    text_if(o, "served", t->served);
    sl_out_text(o, "model", t->model);
    sl_out_text(o, "why", sl_reason_name(t->why));
    sl_out_text(o, "because", sl_reason_text(t->why));
    if (t->bar != SL_REASON_NONE) {
        sl_out_text(o, "bar", sl_reason_name(t->bar));
        sl_out_text(o, "bar_because", sl_reason_text(t->bar));
        if (t->rest_ms > 0)
            sl_out_count(o, "rest_ms", t->rest_ms);
    }
    text_if(o, "proxy", t->proxy);
    if (t->proxy_from != NULL)
        sl_out_text(o, "proxy_from", sl_str_of(t->proxy_from));
    sl_out_flag(o, "candidate", t->candidate);
    if (t->has_facts)
        facts(o, t);
    sl_out_close(o, '}');
}

static void send(struct sl_out *o, const struct sl_explained *x)
{
    if (x->line.n == 0) {
        sl_out_null(o, "send");
        return;
    }
    sl_out_open(o, "send", '{');
    sl_out_text(o, "line", x->line);
    sl_out_open(o, "headers", '[');
    for (size_t i = 0; i < x->head.n; i++) {
        sl_out_open(o, NULL, '[');
        sl_out_text(o, NULL, x->head.v[i].name);
        sl_out_text(o, NULL, x->head.v[i].value);
        sl_out_close(o, ']');
    }
    sl_out_close(o, ']');
    sl_out_count(o, "bytes", x->sent_n);
    sl_out_close(o, '}');
}

void sl_explain_write(struct sl_out *o, const struct sl_explained *x)
{
    sl_out_open(o, NULL, '{');
    outcome(o, x);
    request(o, x);
    key(o, x);
    cache(o, x);
    price(o, x);
    text_if(o, "affinity", x->affinity);
    sl_out_open(o, "targets", '[');
    for (size_t i = 0; i < x->targets_n; i++)
        target(o, &x->targets[i]);
    sl_out_close(o, ']');
    send(o, x);
    sl_out_close(o, '}');
}
