/* What became of one request: noted when it has ended, told to who asks. */
#include "gateway/quota/generation.h"

#include "base/text.h"
#include "gateway/inside.h"
#include "policy/money.h"
#include "store/store.h"

#define NAME_MAX 128 /* bytes of a name in a note */
#define ANSWER_BYTES 8192

struct sl_generation {
    struct sl_str id; /* as asked for */
    struct sl_noted noted;
};

/* ---- noted ---- */

/* By hand: each answer passes here, and printing by format costs more than all the rest. */
static inline void put_text(struct sl_text *t, struct sl_str name, struct sl_str s)
{
    if (s.n == 0)
        return;
    sl_text_add(t, name);
    sl_text_json(t, s, NAME_MAX);
}

static inline void put_number(struct sl_text *t, struct sl_str name, uint64_t n)
{
    if (n == 0)
        return;
    sl_text_add(t, name);
    sl_text_u64(t, n);
}

static uint64_t ms(uint64_t from, uint64_t to)
{
    return from != 0 && to > from ? (to - from) / 1000 : 0;
}

static void put_who(struct sl_text *t, const struct sl_req *r)
{
    sl_text_add(t, SL_STR("{\"id\":"));
    sl_text_json(t, (struct sl_str){r->id, sizeof r->id}, 0);
    put_text(t, SL_TEXT_MEMBER("of"), sl_str_of(r->usage.id));
    put_text(t, SL_TEXT_MEMBER("ep"), sl_str_of(sl_endpoint_name(r->ep)));
    put_text(t, SL_TEXT_MEMBER("model"), r->model->name);
    put_text(t, SL_TEXT_MEMBER("provider"), r->provider->name);
    put_text(t, SL_TEXT_MEMBER("up"), r->provider_id);
    put_text(t, SL_TEXT_MEMBER("referer"),
             sl_headers_get(&r->head->headers, SL_STR("http-referer")));
    put_text(t, SL_TEXT_MEMBER("stop"), sl_str_of(r->usage.stop));
}

static void put_counts(struct sl_text *t, const struct sl_req *r)
{
    const struct sl_usage *u = &r->usage;
    uint64_t end_ms = (uint64_t)sl_net_unix_ms(r->gw->net);

    put_number(t, SL_TEXT_MEMBER("cost"), r->cost_micro > 0 ? (uint64_t)r->cost_micro : 0);
    put_number(t, SL_TEXT_MEMBER("in"),
               u->in + u->cache_read + u->cache_write_5m + u->cache_write_1h);
    put_number(t, SL_TEXT_MEMBER("read"), u->cache_read);
    put_number(t, SL_TEXT_MEMBER("out"), u->out);
    put_number(t, SL_TEXT_MEMBER("thought"), u->reasoning);
    put_number(t, SL_TEXT_MEMBER("searches"), u->searches);
    put_number(t, SL_TEXT_MEMBER("stream"), r->streams);
    put_number(t, SL_TEXT_MEMBER("left"),
               r->ending == SL_END_CLIENT_GONE || r->ending == SL_END_STALLED);
    put_number(t, SL_TEXT_MEMBER("began"), end_ms - ms(r->t.begin, r->t.end));
    put_number(t, SL_TEXT_MEMBER("first"), ms(r->t.begin, r->t.first));
    put_number(t, SL_TEXT_MEMBER("made"), ms(r->t.sent, r->t.end));
}

void sl_generation_note(struct sl_req *r)
{
    char doc[SL_STORE_NOTE_MAX];
    struct sl_text t = sl_text_over(doc, sizeof doc);

    if (!r->conf->generations || r->provider == NULL || r->ep == SL_EP_COUNT_TOKENS ||
        r->ep == SL_EP_MODERATIONS)
        return;
    put_who(&t, r);
    put_counts(&t, r);
    sl_text_byte(&t, '}');
    if (t.cut)
        return;
    sl_store_note(r->gw->store, r->key->tenant,
                  &(struct sl_note){.id = {r->id, sizeof r->id},
                                    .other = sl_str_of(r->usage.id),
                                    .doc = sl_text_str(&t)});
}

/* ---- told ---- */

static struct sl_str raw(const struct sl_generation *g, const char *name)
{
    return sl_json_get((struct sl_str){g->noted.doc, g->noted.n}, sl_str_of(name));
}

static uint64_t number(const struct sl_generation *g, const char *name)
{
    uint64_t n = 0;

    return sl_json_u64(raw(g, name), &n) ? n : 0;
}

static void add_raw(struct sl_text *t, const char *name, struct sl_str value, const char *none)
{
    sl_text_printf(t, ",\"%s\":", name);
    sl_text_add(t, value.n > 0 ? value : sl_str_of(none));
}

static void add_number(struct sl_text *t, const char *name, uint64_t n)
{
    sl_text_printf(t, ",\"%s\":%llu", name, (unsigned long long)n);
}

static void add_flag(struct sl_text *t, const char *name, bool on)
{
    sl_text_printf(t, ",\"%s\":%s", name, on ? "true" : "false");
}

/* Why it stopped, in the words of chat completions. */
static struct sl_str stop_of(struct sl_str native)
{
    static const struct {
        struct sl_str native, said;
    } words[] = {
        {SL_STR_INIT("\"end_turn\""), SL_STR_INIT("\"stop\"")},
        {SL_STR_INIT("\"stop_sequence\""), SL_STR_INIT("\"stop\"")},
        {SL_STR_INIT("\"pause_turn\""), SL_STR_INIT("\"stop\"")},
        {SL_STR_INIT("\"completed\""), SL_STR_INIT("\"stop\"")},
        {SL_STR_INIT("\"max_tokens\""), SL_STR_INIT("\"length\"")},
        {SL_STR_INIT("\"max_output_tokens\""), SL_STR_INIT("\"length\"")},
        {SL_STR_INIT("\"model_context_window_exceeded\""), SL_STR_INIT("\"length\"")},
        {SL_STR_INIT("\"incomplete\""), SL_STR_INIT("\"length\"")},
        {SL_STR_INIT("\"tool_use\""), SL_STR_INIT("\"tool_calls\"")},
        {SL_STR_INIT("\"refusal\""), SL_STR_INIT("\"content_filter\"")},
        {SL_STR_INIT("\"failed\""), SL_STR_INIT("\"error\"")},
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (sl_str_eq(native, words[i].native))
            return words[i].said;
    return native;
}

static void add_what(struct sl_text *t, const struct sl_generation *g)
{
    struct sl_str origin = raw(g, "referer");
    bool embeds = sl_str_eq(raw(g, "ep"), SL_STR("\"embeddings\""));

    sl_text_add(t, SL_STR("{\"data\":{\"id\":"));
    sl_text_add(t, raw(g, raw(g, "of").n > 0 ? "of" : "id"));
    add_raw(t, "request_id", raw(g, "id"), "null");
    add_raw(t, "upstream_id", raw(g, "up"), "null");
    add_raw(t, "model", raw(g, "model"), "\"\"");
    add_raw(t, "provider_name", raw(g, "provider"), "null");
    add_raw(t, "api_type", embeds ? SL_STR("\"embeddings\"") : SL_STR("\"completions\""), "");
    add_raw(t, "origin", origin, "\"\"");
    add_raw(t, "http_referer", origin, "null");
    add_raw(t, "finish_reason", stop_of(raw(g, "stop")), "null");
    add_raw(t, "native_finish_reason", raw(g, "stop"), "null");
    sl_text_add(t, SL_STR(",\"created_at\":\""));
    sl_text_time(t, (int64_t)number(g, "began"));
    sl_text_byte(t, '"');
}

static void add_counts(struct sl_text *t, const struct sl_generation *g)
{
    uint64_t in = number(g, "in"), out = number(g, "out");
    char money[24];
    struct sl_str cost = sl_money_print((int64_t)number(g, "cost"), money);

    add_raw(t, "total_cost", cost, "0");
    add_raw(t, "usage", cost, "0");
    add_number(t, "tokens_prompt", in);
    add_number(t, "tokens_completion", out);
    add_number(t, "native_tokens_prompt", in);
    add_number(t, "native_tokens_completion", out);
    add_number(t, "native_tokens_reasoning", number(g, "thought"));
    add_number(t, "native_tokens_cached", number(g, "read"));
    add_number(t, "num_search_results", number(g, "searches"));
    add_number(t, "latency", number(g, "first"));
    add_number(t, "generation_time", number(g, "made"));
    add_flag(t, "streamed", number(g, "stream") != 0);
    add_flag(t, "cancelled", number(g, "left") != 0);
}

/* OpenRouter's other members: its clients look for each of them. */
static const struct sl_str others = SL_STR_INIT(
    ",\"is_byok\":false,\"data_region\":\"global\",\"app_id\":null,\"cache_discount\":null,"
    "\"external_user\":null,\"moderation_latency\":null,\"native_tokens_completion_images\":null,"
    "\"num_fetches\":null,\"num_input_audio_prompt\":null,\"num_media_completion\":null,"
    "\"num_media_prompt\":null,\"preset_id\":null,\"provider_responses\":null,\"router\":null,"
    "\"service_tier\":null,\"upstream_inference_cost\":null,\"user_agent\":null,"
    "\"web_search_engine\":null,\"workspace_id\":null}}\n");

static void on_store(void *ctx, enum sl_err e)
{
    struct sl_req *r = ctx;

    r->why = e;
    sl_req_event(r, SL_EVT_STORE);
}

enum sl_state sl_generation_begin(struct sl_req *r)
{
    struct sl_str id = sl_query_get(r->head->query, SL_STR("id"));
    struct sl_generation *g = sl_arena_zalloc(r->arena, sizeof *g);

    if (g == NULL)
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    g->id = sl_query_decode(r->arena, id);
    if (id.n == 0 || g->id.p == NULL)
        return sl_req_refuse(r, SL_ERR_BAD_FIELD, 0,
                             "Say which generation: `?id=` and the `x-sluice-request-id` of its "
                             "answer, or the answer's own id.");
    if (!r->conf->generations)
        return sl_req_refuse(r, SL_ERR_NO_ROUTE, 0,
                             "Generation not found: none are kept here (store.generations is "
                             "false); the answer itself says its usage.");
    r->generation = g;
    sl_store_noted_start(r->gw->store, r->key->tenant, g->id, &g->noted, &r->key_op, on_store, r);
    return SL_ST_BODY;
}

enum sl_state sl_generation_go_on(struct sl_req *r)
{
    const struct sl_generation *g = r->generation;
    char *place = sl_arena_alloc(r->arena, ANSWER_BYTES);
    struct sl_text t = sl_text_over(place, ANSWER_BYTES);

    if (place == NULL)
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    if (r->why != SL_OK)
        return sl_req_refuse(r, SL_ERR_STORE, 0,
                             "The store that knows of requests does not answer; try again "
                             "shortly.");
    if (g->noted.n == 0)
        return sl_req_refuse(r, SL_ERR_NO_ROUTE, 0,
                             "Generation not found: it is not of this tenant, is older than a "
                             "day, or too many have followed it.");
    add_what(&t, g);
    add_counts(&t, g);
    sl_text_add(&t, others);
    r->raw_body = sl_text_str(&t);
    r->reply_status = 200;
    return SL_ST_REPLY;
}
