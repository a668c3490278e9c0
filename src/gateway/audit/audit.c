/* Fields of a settled line that are not counted with. */
#include "gateway/audit/audit.h"

#include "base/text.h"
#include "gateway/cache/reuse.h"
#include "gateway/inside.h"
#include "gateway/otlp/span.h"
#include "gateway/quota/pass.h"
#include "gateway/routing/trial.h"
#include "net/tls.h"

#define USER_BYTES 256
#define PATH_BYTES 4096
#define STEP_BYTES 320

/* ---- whose ---- */

struct sl_str sl_audit_client(const struct sl_req *r)
{
    struct sl_str peer = sl_exch_peer(r->x);
    struct sl_str list, one, last = peer;

    for (size_t i = 0; i < r->conf->trusted_proxies_n; i++) {
        if (!sl_str_eq(peer, r->conf->trusted_proxies[i]))
            continue;
        list = sl_headers_get(&r->head->headers, SL_STR("x-forwarded-for"));
        while (sl_str_split(&list, ',', &one))
            last = sl_str_trim(one);
        break;
    }
    return last;
}

static bool is_hex(struct sl_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return true;
}

static struct sl_str trace_of(const struct sl_req *r)
{
    struct sl_str rest = sl_headers_get(&r->head->headers, SL_STR("traceparent")), version, id;

    if (r->span != NULL) /* the same that its spans have */
        return (struct sl_str){r->span->trace, sizeof r->span->trace};
    if (!sl_str_split(&rest, '-', &version) || !sl_str_split(&rest, '-', &id) || version.n != 2 ||
        id.n != 32 || !is_hex(id))
        return (struct sl_str){"", 0};
    return id;
}

static struct sl_str name_of(const struct sl_req *r)
{
    const struct sl_headers *h = &r->head->headers;
    struct sl_str title = sl_headers_get(h, SL_STR("x-openrouter-title"));
    char place[SL_APPS_TEXT];
    struct sl_str name;

    if (title.n == 0)
        title = sl_headers_get(h, SL_STR("x-title"));
    name = sl_apps_write(sl_headers_get(h, SL_STR("http-referer")), title, place);
    return name.n > 0 ? sl_arena_dup(r->arena, name) : name;
}

static struct sl_str end_user_of(const struct sl_req *r)
{
    char user[USER_BYTES];
    struct sl_str who;

    if (r->inspect == NULL || r->body_err != SL_OK || r->body == NULL)
        return (struct sl_str){"", 0};
    who = sl_body_user(r->inspect, (struct sl_str){r->body, r->body_n}, user, sizeof user);
    return who.n > 0 ? sl_arena_dup(r->arena, who) : who;
}

const struct sl_audit_who *sl_audit_who(struct sl_req *r)
{
    static const struct sl_audit_who nobody; /* without memory */
    struct sl_audit_who *who = r->who;

    if (who != NULL)
        return who;
    who = r->who = sl_arena_alloc(r->arena, sizeof *who);
    if (who == NULL)
        return &nobody;
    who->named = name_of(r);
    who->app =
        who->named.n > 0 ? who->named : sl_headers_get(&r->head->headers, SL_STR("user-agent"));
    who->end_user = end_user_of(r);
    who->trace = trace_of(r);
    return who;
}

/* ---- how it was decided ---- */

/* One more text of the list; what does not fit is left out whole. */
static void add(struct sl_text *list, struct sl_str s)
{
    const struct sl_text before = *list;

    if (list->n > 1)
        sl_text_byte(list, ',');
    sl_text_json(list, s, 0);
    if (list->cut)
        *list = before;
}

static void add_try(struct sl_text *list, const struct sl_req *r, const struct sl_trial_step *s)
{
    const struct sl_candidate *c = &r->trial->rank[s->at];
    char place[STEP_BYTES];
    struct sl_text t = sl_text_over(place, sizeof place - 64);

    sl_text_add(&t, r->conf->providers[c->target->provider].name);
    sl_text_byte(&t, '/');
    sl_text_add(&t, c->served);
    t.cap = sizeof place;
    t.cut = false;
    sl_text_byte(&t, ' ');
    if (s->status != 0)
        sl_text_u64(&t, (uint64_t)s->status);
    if (s->why != SL_OK) {
        sl_text_add(&t, s->status != 0 ? SL_STR(" ") : SL_STR(""));
        sl_text_add(&t, sl_str_of(sl_err_name(s->why)));
    }
    sl_text_add(&t, SL_STR(" after "));
    sl_text_u64(&t, s->took_ms);
    sl_text_add(&t, SL_STR(" ms"));
    add(list, sl_text_str(&t));
}

static void add_admission(struct sl_text *list, const struct sl_pass *p)
{
    char place[64];
    struct sl_text t = sl_text_over(place, sizeof place);

    if (p->answer.limit != SL_LIMIT_NONE) { /* a hit may pass all the same */
        sl_text_add(&t, SL_STR("limit "));
        sl_text_add(&t, sl_str_of(sl_limit_name(p->answer.limit)));
        add(list, sl_text_str(&t));
    }
    if (p->passed)
        add(list, p->answer.local ? SL_STR("admitted in an outage") : SL_STR("admitted"));
}

static void add_words(struct sl_text *list, struct sl_str name)
{
    char place[STEP_BYTES];
    struct sl_text t = sl_text_over(place, sizeof place);

    sl_text_add(&t, SL_STR("words "));
    sl_text_add(&t, name);
    add(list, sl_text_str(&t));
}

struct sl_str sl_audit_path(struct sl_req *r)
{
    char place[PATH_BYTES];
    struct sl_text t = sl_text_over(place, sizeof place - 2);
    char word[32];
    struct sl_text w = sl_text_over(word, sizeof word);

    if (r->decided.n > 0)
        return r->decided;
    sl_text_byte(&t, '[');
    if (r->pass != NULL)
        add_admission(&t, r->pass);
    if (r->reuse != NULL) {
        sl_text_add(&w, SL_STR("cache "));
        sl_text_add(&w, sl_reuse_name(r->reuse->result));
        add(&t, sl_text_str(&w));
    }
    for (size_t i = 0; r->trial != NULL && i < r->trial->steps_n; i++)
        add_try(&t, r, &r->trial->steps[i]);
    if (r->blocked_by != NULL)
        add_words(&t, r->blocked_by->name);
    t.cap = sizeof place;
    t.cut = false;
    sl_text_byte(&t, ']');
    r->decided = sl_arena_dup(r->arena, sl_text_str(&t));
    return r->decided;
}

/* ---- the whole ---- */

void sl_audit_begin(struct sl_req *r)
{
    if (!r->conf->audit.hash)
        return;
    r->prompt_hash = sl_tls_hash_new(r->arena);
    r->answer_hash = sl_tls_hash_new(r->arena);
    if (r->answer_hash != NULL)
        sl_exch_hash(r->x, r->answer_hash);
}

static void fill_digests(struct sl_req *r, struct sl_audit *out)
{
    out->has_prompt = r->prompt_hash != NULL;
    out->has_answer = r->answer_hash != NULL;
    if (out->has_prompt)
        sl_tls_hash_end(r->prompt_hash, out->prompt_sha256);
    if (out->has_answer)
        sl_tls_hash_end(r->answer_hash, out->answer_sha256);
    r->prompt_hash = r->answer_hash = NULL;
    sl_exch_hash(r->x, NULL);
}

void sl_audit_fill(struct sl_req *r, struct sl_audit *out)
{
    const struct sl_audit_conf *conf = &r->conf->audit;
    const struct sl_audit_who *who = sl_audit_who(r);

    *out = (struct sl_audit){.trace = who->trace,
                             .end_user = who->end_user,
                             .app = who->app,
                             .blind = conf->client == SL_AUDIT_HASHED,
                             .asked = r->asked,
                             .answered = sl_str_of(r->usage.model),
                             .provider_id = r->provider_id,
                             .config = r->conf->hash,
                             .path = sl_audit_path(r),
                             .first_ms = -1,
                             .every = conf->every};
    if (conf->client != SL_AUDIT_OFF)
        out->client = sl_audit_client(r);
    if (r->t.first != 0)
        out->first_ms = (int64_t)((r->t.first - r->t.begin) / 1000);
    fill_digests(r, out);
}
