/* A span as OTLP has it in JSON, with the attributes that OpenTelemetry's conventions name.
 *
 * Source   OTLP 1.9 (JSON: names in lowerCamelCase, ids as hexadecimal, 64-bit integers as
 *          texts, enums as numbers); semantic conventions for generative AI, client spans
 *          (status "development", after 1.37: gen_ai.provider.name in place of gen_ai.system);
 *          for HTTP, server spans (stable, 1.23). Names of our own begin with "sluice.".
 */
#include "gateway/otlp/span.h"

#include "base/text.h"
#include "gateway/cache/reuse.h"
#include "gateway/inside.h"

#define TEXT_MAX 256 /* of one value */

enum kind { SERVER = 2, CLIENT = 3 };

#define FLAG_SAMPLED 0x01u
#define FLAG_HAS_REMOTE 0x100u /* it is known whether the parent is another process's */
#define FLAG_REMOTE 0x200u

/* ---- attributes ---- */

static void key(struct sl_text *t, const char *name)
{
    if (t->p[t->n - 1] != '[')
        sl_text_byte(t, ',');
    sl_text_add(t, SL_STR("{\"key\":\""));
    sl_text_add(t, sl_str_of(name));
    sl_text_add(t, SL_STR("\",\"value\":{"));
}

static void text(struct sl_text *t, const char *name, struct sl_str value)
{
    if (value.n == 0)
        return;
    key(t, name);
    sl_text_add(t, SL_STR("\"stringValue\":"));
    sl_text_json(t, value, TEXT_MAX);
    sl_text_add(t, SL_STR("}}"));
}

static void number(struct sl_text *t, const char *name, uint64_t value)
{
    key(t, name);
    sl_text_add(t, SL_STR("\"intValue\":\""));
    sl_text_u64(t, value);
    sl_text_add(t, SL_STR("\"}}"));
}

static void texts(struct sl_text *t, const char *name, struct sl_str value)
{
    if (value.n == 0)
        return;
    key(t, name);
    sl_text_add(t, SL_STR("\"arrayValue\":{\"values\":[{\"stringValue\":"));
    sl_text_json(t, value, TEXT_MAX);
    sl_text_add(t, SL_STR("}]}}}"));
}

static void dollars(struct sl_text *t, const char *name, int64_t micro)
{
    char place[24];

    key(t, name);
    sl_text_add(t, SL_STR("\"doubleValue\":"));
    sl_text_add(t, sl_money_print(micro, place));
    sl_text_add(t, SL_STR("}}"));
}

/* ---- words of the conventions ---- */

static struct sl_str operation(enum sl_endpoint ep)
{
    switch ((int)ep) {
    case SL_EP_MESSAGES:
    case SL_EP_CHAT:
    case SL_EP_RESPONSES:
    case SL_EP_PROMPT: return SL_STR("chat");
    case SL_EP_COMPLETIONS: return SL_STR("text_completion");
    default: return sl_str_of(sl_endpoint_name(ep)); /* embeddings; the rest has no word there */
    }
}

/* Who answers there, where the conventions have a word for it; else as the operator named it. */
static struct sl_str provider_name(const struct sl_provider *p)
{
    static const struct {
        struct sl_str host, name;
    } known[] = {
        {SL_STR_INIT("anthropic.com"), SL_STR_INIT("anthropic")},
        {SL_STR_INIT("openai.azure.com"), SL_STR_INIT("azure.ai.openai")},
        {SL_STR_INIT("openai.com"), SL_STR_INIT("openai")},
        {SL_STR_INIT("deepseek.com"), SL_STR_INIT("deepseek")},
        {SL_STR_INIT("generativelanguage.googleapis.com"), SL_STR_INIT("gcp.gemini")},
        {SL_STR_INIT("aiplatform.googleapis.com"), SL_STR_INIT("gcp.vertex_ai")},
        {SL_STR_INIT("amazonaws.com"), SL_STR_INIT("aws.bedrock")},
        {SL_STR_INIT("groq.com"), SL_STR_INIT("groq")},
        {SL_STR_INIT("mistral.ai"), SL_STR_INIT("mistral_ai")},
        {SL_STR_INIT("perplexity.ai"), SL_STR_INIT("perplexity")},
        {SL_STR_INIT("cohere.com"), SL_STR_INIT("cohere")},
        {SL_STR_INIT("x.ai"), SL_STR_INIT("x_ai")},
    };
    struct sl_str host = sl_origin_host(p->origin);

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct sl_str end = known[i].host;

        if (sl_str_ends(host, end) && (host.n == end.n || host.p[host.n - end.n - 1] == '.'))
            return known[i].name;
    }
    return p->name;
}

/* ---- one span ---- */

static void field(struct sl_text *t, struct sl_str name, const char *p, size_t n)
{
    sl_text_add(t, name);
    sl_text_add(t, (struct sl_str){p, n});
    sl_text_byte(t, '"');
}

static void name_of(struct sl_text *t, const struct sl_req *r, const struct sl_span_try *one)
{
    char place[512];
    struct sl_text name = sl_text_over(place, sizeof place);

    if (one != NULL) {
        sl_text_add(&name, operation(r->ep));
        sl_text_byte(&name, ' ');
        sl_text_add(&name, sl_str_first(one->served, TEXT_MAX));
    } else {
        sl_text_add(&name,
                    r->head->method == SL_METHOD_OTHER ? SL_STR("HTTP") : r->head->method_text);
        sl_text_byte(&name, ' ');
        sl_text_add(&name, sl_str_of(sl_endpoint_name(r->ep)));
    }
    sl_text_add(t, SL_STR(",\"name\":"));
    sl_text_json(t, sl_text_str(&name), 0);
}

static void times(struct sl_text *t, uint64_t from_us, uint64_t to_us, int64_t at_ns)
{
    sl_text_add(t, SL_STR(",\"startTimeUnixNano\":\""));
    sl_text_i64(t, at_ns + (int64_t)from_us * 1000);
    sl_text_add(t, SL_STR("\",\"endTimeUnixNano\":\""));
    sl_text_i64(t, at_ns + (int64_t)(to_us > from_us ? to_us : from_us) * 1000);
    sl_text_byte(t, '"');
}

static void begin(struct sl_text *t, const struct sl_req *r, const struct sl_span_try *one)
{
    const struct sl_span *s = r->span;
    unsigned flags = FLAG_SAMPLED | FLAG_HAS_REMOTE;

    field(t, SL_STR("{\"traceId\":\""), s->trace, sizeof s->trace);
    if (one != NULL) {
        field(t, SL_STR(",\"spanId\":\""), one->id, sizeof one->id);
        field(t, SL_STR(",\"parentSpanId\":\""), s->id, sizeof s->id);
    } else {
        field(t, SL_STR(",\"spanId\":\""), s->id, sizeof s->id);
        if (s->has_parent) {
            flags |= FLAG_REMOTE;
            field(t, SL_STR(",\"parentSpanId\":\""), s->parent, sizeof s->parent);
        }
    }
    sl_text_add(t, SL_STR(",\"flags\":"));
    sl_text_u64(t, flags);
    sl_text_add(t, SL_STR(",\"kind\":"));
    sl_text_u64(t, one != NULL ? CLIENT : SERVER);
    name_of(t, r, one);
}

/* The attribute and, behind the list, the status. The word is one of few. */
static void end(struct sl_text *t, bool failed, enum sl_err why, int status)
{
    char digits[8];
    struct sl_text d = sl_text_over(digits, sizeof digits);

    if (failed && status >= 400)
        sl_text_u64(&d, (uint64_t)status);
    if (failed)
        text(t, "error.type", d.n > 0 ? sl_text_str(&d) : sl_str_of(sl_err_name(why)));
    sl_text_add(t, failed ? SL_STR("],\"status\":{\"code\":2}}") : SL_STR("],\"status\":{}}"));
}

static void usage(struct sl_text *t, const struct sl_usage *u)
{
    text(t, "gen_ai.response.model", sl_str_of(u->model));
    text(t, "gen_ai.response.id", sl_str_of(u->id));
    texts(t, "gen_ai.response.finish_reasons", sl_str_of(u->stop));
    number(t, "gen_ai.usage.input_tokens",
           u->in + u->cache_read + u->cache_write_5m + u->cache_write_1h);
    if (u->cache_read > 0)
        number(t, "gen_ai.usage.cache_read.input_tokens", u->cache_read);
    if (u->cache_write_5m + u->cache_write_1h > 0)
        number(t, "gen_ai.usage.cache_creation.input_tokens",
               u->cache_write_5m + u->cache_write_1h);
    number(t, "gen_ai.usage.output_tokens", u->out);
}

static void write_try(const struct sl_req *r, const struct sl_span_try *one, struct sl_text *t)
{
    bool last = one == &r->span->tries[r->span->n - 1];

    text(t, "gen_ai.operation.name", operation(r->ep));
    text(t, "gen_ai.provider.name", provider_name(one->provider));
    text(t, "gen_ai.request.model", one->served);
    text(t, "server.address", sl_origin_host(one->provider->origin));
    number(t, "server.port", sl_origin_port(one->provider->origin));
    text(t, "sluice.provider", one->provider->name);
    if (one->status != 0)
        number(t, "http.response.status_code", (uint64_t)one->status);
    if (last && r->worked)
        usage(t, &r->usage);
    end(t, one->why != SL_OK || one->status >= 400, one->why, one->status);
}

static void write_request(const struct sl_req *r, struct sl_text *t)
{
    bool cut = r->ending == SL_END_UPSTREAM_CUT || r->ending == SL_END_TIMEOUT ||
               (r->ending == SL_END_UPSTREAM_ERROR && r->status < 400);

    text(t, "http.request.method",
         r->head->method == SL_METHOD_OTHER ? SL_STR("_OTHER") : r->head->method_text);
    if (r->status != 0)
        number(t, "http.response.status_code", (uint64_t)r->status);
    text(t, "url.scheme", SL_STR("http"));
    if (r->model != NULL)
        text(t, "gen_ai.operation.name", operation(r->ep));
    text(t, "gen_ai.request.model", r->asked);
    text(t, "sluice.request_id", (struct sl_str){r->id, sizeof r->id});
    if (r->key != NULL) {
        text(t, "sluice.tenant", r->key->tenant);
        text(t, "sluice.key", r->key_id);
    }
    if (r->model != NULL)
        text(t, "sluice.model", r->model->name);
    text(t, "sluice.ending", sl_str_of(sl_ending_name(r->ending)));
    if (r->reuse != NULL)
        text(t, "sluice.cache", sl_reuse_name(r->reuse->result));
    if (r->attempts > 0)
        number(t, "sluice.attempts", r->attempts);
    if (r->worked)
        dollars(t, "sluice.cost_usd", r->cost_micro);
    end(t, r->status >= 500 || cut, r->error, r->status);
}

void sl_span_write(struct sl_req *r, const struct sl_span_try *one, int64_t at_ns,
                   struct sl_text *t)
{
    begin(t, r, one);
    if (one != NULL)
        times(t, one->start_us, one->end_us, at_ns);
    else
        times(t, r->t.begin, r->t.end, at_ns);
    sl_text_add(t, SL_STR(",\"attributes\":["));
    if (one != NULL)
        write_try(r, one, t);
    else
        write_request(r, t);
}
