/* One structured line per request: who, what, how it ended, how long it took.
 * No prompt, no answer, no secret: keys appear by their public id. */
#include "gateway/inside.h"

#include "base/rand.h"
#include "base/text.h"
#include "gateway/audit/audit.h"
#include "gateway/audit/recent.h"
#include "gateway/quota/pass.h"
#include "gateway/cache/reuse.h"

#define LINE_MAX_BYTES 6144
#define RECENT_BYTES 16384 /* with what is added to a line that is kept in memory */
#define FIELD_MAX 256
#define PPM 1000000

struct line {
    struct sl_text t;
    bool json;
};

/* What stands between two values, in either form: the compiler knows its length in both. */
struct name {
    struct sl_str json, plain;
};
#define NAME(key) ((struct name){SL_STR_INIT(",\"" key "\":"), SL_STR_INIT(" " key "=")})

static inline void put(struct line *l, struct name name)
{
    if (l->json)
        sl_text_add(&l->t, name.json);
    else
        sl_text_add(&l->t, name.plain);
}

/* Of anybody's making: escaped, and cut where it is long. */
static inline void text(struct line *l, struct name name, struct sl_str value)
{
    if (value.n == 0)
        return;
    put(l, name);
    sl_text_json(&l->t, value, FIELD_MAX);
}

/* One of our own words, which need no look at their letters. */
static inline void word(struct line *l, struct name name, struct sl_str value)
{
    put(l, name);
    sl_text_byte(&l->t, '"');
    sl_text_add(&l->t, value);
    sl_text_byte(&l->t, '"');
}

static inline void number(struct line *l, struct name name, uint64_t value)
{
    put(l, name);
    sl_text_u64(&l->t, value);
}

/* Milliseconds with three decimals. */
static inline void span(struct line *l, struct name name, uint64_t from, uint64_t to)
{
    if (from == 0 || to < from)
        return;
    put(l, name);
    sl_text_thousandths(&l->t, to - from);
}

static void who(struct line *l, const struct sl_req *r)
{
    word(l, NAME("id"), (struct sl_str){r->id, sizeof r->id});
    text(l, NAME("provider_request_id"), r->provider_id);
    text(l, NAME("client"), sl_audit_client(r));
    if (r->key == NULL)
        return;
    text(l, NAME("tenant"), r->key->tenant);
    text(l, NAME("key"), r->key_id);
    text(l, NAME("key_name"), r->key->name);
}

static void what(struct line *l, const struct sl_req *r)
{
    text(l, NAME("method"), r->head->method_text);
    /* an unknown path is not written: people paste keys into URLs */
    word(l, NAME("endpoint"), sl_str_of(sl_endpoint_name(r->ep)));
    text(l, NAME("model"), r->asked);
    if (!sl_str_eq(r->served, r->asked))
        text(l, NAME("model_sent"), r->served);
    text(l, NAME("model_served"), sl_str_of(r->usage.model));
    if (r->provider != NULL)
        text(l, NAME("provider"), r->provider->name);
    put(l, NAME("stream"));
    sl_text_add(&l->t, r->streams ? SL_STR("true") : SL_STR("false"));
}

static void how(struct line *l, const struct sl_req *r)
{
    number(l, NAME("status"), (uint64_t)r->status);
    if (r->up_status != 0)
        number(l, NAME("provider_status"), (uint64_t)r->up_status);
    word(l, NAME("ending"), sl_str_of(sl_ending_name(r->ending)));
    if (r->error != SL_OK)
        word(l, NAME("error"), sl_str_of(sl_err_name(r->error)));
    text(l, NAME("error_type"), sl_str_of(r->usage.error_type));
    text(l, NAME("stop"), sl_str_of(r->usage.stop));
    if (r->attempts > 0)
        number(l, NAME("attempts"), r->attempts);
    if (r->pass != NULL && r->pass->answer.at_us != 0) /* by the store's clock */
        number(l, NAME("admitted_us"), (uint64_t)r->pass->answer.at_us);
    if (r->pass != NULL && r->pass->answer.local)
        word(l, NAME("admitted_by"), SL_STR("outage")); /* this process alone */
    if (r->pass != NULL && r->pass->answer.limit != SL_LIMIT_NONE)
        word(l, NAME("limit"), sl_str_of(sl_limit_name(r->pass->answer.limit)));
    if (r->reuse != NULL)
        word(l, NAME("cache"), sl_reuse_name(r->reuse->result));
    number(l, NAME("bytes_in"), r->body_n);
    number(l, NAME("bytes_out"), sl_exch_bytes_out(r->x));
}

static void tokens(struct line *l, const struct sl_req *r)
{
    static const char *const sources[] = {"estimated", "counted", "reported"};
    const struct sl_usage *u = &r->usage;

    if (r->target == NULL || !r->worked)
        return;
    number(l, NAME("tokens_in"), u->in);
    number(l, NAME("tokens_out"), u->out);
    if (u->cache_read > 0)
        number(l, NAME("tokens_cache_read"), u->cache_read);
    if (u->cache_write_5m + u->cache_write_1h > 0)
        number(l, NAME("tokens_cache_write"), u->cache_write_5m + u->cache_write_1h);
    word(l, NAME("tokens_source"), sl_str_of(sources[u->source]));
    number(l, NAME("cost_micro"), (uint64_t)r->cost_micro);
}

static void times(struct line *l, const struct sl_req *r)
{
    span(l, NAME("ms_auth"), r->t.begin, r->t.authed);
    span(l, NAME("ms_body"), r->t.authed, r->t.whole);
    span(l, NAME("ms_store"), r->t.whole, r->t.admitted);
    span(l, NAME("ms_send"), r->t.started, r->t.sent);
    span(l, NAME("ms_head"), r->t.started, r->t.head);
    span(l, NAME("ms_ttft"), r->t.begin, r->t.first);
    span(l, NAME("ms_total"), r->t.begin, r->t.end);
}

/* Of hits only a share has lines, where that is configured: log.sample.cache_hit. */
static bool is_left_out(const struct sl_req *r)
{
    return r->reuse != NULL && r->reuse->result == SL_REUSE_HIT && r->status == 200 &&
           r->conf->hit_lines_ppm < PPM && sl_rand_u64() % PPM >= r->conf->hit_lines_ppm;
}

static void write_line(struct line *l, const struct sl_req *r)
{
    sl_text_add(&l->t, l->json ? SL_STR("{\"time\":\"") : SL_STR("time="));
    sl_text_time(&l->t, sl_net_unix_ms(r->gw->net));
    if (l->json)
        sl_text_byte(&l->t, '"');
    who(l, r);
    what(l, r);
    how(l, r);
    tokens(l, r);
    times(l, r);
}

/* What the client was told. Where that quotes a provider, which may quote the prompt, or a path,
 * into which people paste keys, it is the client's alone, and here is what was wrong. */
static struct sl_str told(const struct sl_req *r)
{
    if (r->error == SL_ERR_UP_FLAGGED || r->error == SL_ERR_NO_ROUTE)
        return sl_str_of(sl_err_text(r->error));
    return r->message;
}

/* What people ask afterwards, and a line has no room for. */
static void add_more(struct line *l, struct sl_req *r)
{
    const struct sl_audit_who *from = sl_audit_who(r);
    struct sl_str path = sl_audit_path(r); /* empty without memory */
    char cost[24];

    if (r->target != NULL && r->worked) {
        put(l, NAME("cost"));
        sl_text_add(&l->t, sl_money_print(r->cost_micro, cost));
    }
    text(l, NAME("end_user"), from->end_user);
    text(l, NAME("app"), from->app);
    text(l, NAME("trace"), from->trace);
    text(l, NAME("message"), told(r));
    word(l, NAME("config"), r->conf->hash);
    put(l, NAME("path"));
    sl_text_add(&l->t, path.n > 0 ? path : SL_STR("[]"));
    l->t.p[l->t.n++] = '}';
}

void sl_accesslog_write(struct sl_req *r)
{
    char place[RECENT_BYTES];
    struct line l = {sl_text_over(place, LINE_MAX_BYTES - 2), r->conf->access_json};
    size_t n;

    if (r->ep == SL_EP_HEALTH || r->ep == SL_EP_HELLO || is_left_out(r))
        return;
    write_line(&l, r);
    n = l.t.n;
    if (r->gw->access != NULL) {
        if (l.json)
            l.t.p[l.t.n++] = '}'; /* two bytes were kept back for the end */
        l.t.p[l.t.n++] = '\n';
        sl_file_append(r->gw->access, sl_text_str(&l.t));
    }
    if (!l.json) { /* what is kept is JSON in any case */
        l = (struct line){sl_text_over(place, LINE_MAX_BYTES - 2), true};
        write_line(&l, r);
        n = l.t.n;
    }
    if (l.t.cut)
        return;
    l.t = (struct sl_text){place, n, sizeof place - 1, false};
    add_more(&l, r);
    sl_recent_add(r->gw->recent, r->id, sl_text_str(&l.t));
}
