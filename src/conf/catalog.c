/* conf/catalog.c -- GET /v1/models of each provider, one call each at a time. */
#include "conf/catalog.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/client.h"
#include "net/timer.h"

#define HEAD_BYTES 20000
#define NAME_BYTES 200

/* One provider: its last good list, and the call under way. */
struct entry {
    struct sl_list node;
    struct sl_grave grave;
    struct sl_catalog *catalog; /* up */
    char *name;                 /* owns: the provider's */
    struct sl_arena arena;      /* of the list */
    struct sl_listed *list;     /* up: arena */
    size_t n;
    struct sl_call *call; /* owns; NULL: nothing under way */
    struct sl_timer limit;
    char *head; /* owns: of the request */
    struct sl_str part;
    char *body; /* owns: the answer so far */
    size_t body_n, body_cap;
    int status;
};

struct sl_catalog {
    struct sl_net *net; /* up */
    sl_catalog_changed_fn *changed;
    void *ctx; /* up: the callback's own */
    struct sl_list entries;
    struct sl_gateway_conf *conf; /* shared: while a round is under way */
    size_t waiting;               /* calls of the round not yet over */
    size_t good;                  /* of them that brought a list */
};

/* ---- reading a list ---- */

static bool is_json(struct sl_str body)
{
    struct sl_json j;
    bool ok;

    sl_json_init(&j);
    j.need_object = true;
    ok = sl_json_feed(&j, body) == SL_OK && sl_json_finish(&j) == SL_OK;
    sl_json_fini(&j);
    return ok;
}

static bool is_fit(struct sl_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];

        if (c <= ' ' || c == 0x7f || c == '"' || c == '\\' || c == '*')
            return false;
    }
    return name.n > 0;
}

static struct sl_str text_of(struct sl_arena *a, struct sl_str object, struct sl_str key)
{
    char place[NAME_BYTES];
    struct sl_str raw = sl_json_get(object, key);
    size_t n = 0;

    if (raw.p == NULL || !sl_json_unescape(raw, place, sizeof(place), &n))
        return (struct sl_str){"", 0};
    return sl_arena_dup(a, (struct sl_str){place, n});
}

/* Both families answer {"data":[{"id":…}]}; the name for people differs. */
static bool take_list(struct entry *e, struct sl_str body)
{
    struct sl_str data, one;
    size_t at = 0, n = 0;

    if (!is_json(body))
        return false;
    data = sl_json_get(body, SL_STR("data"));
    if (data.p == NULL || sl_json_type_of(data) != SL_JSON_ARRAY)
        return false;
    sl_arena_fini(&e->arena);
    e->n = 0;
    e->list = sl_arena_zalloc(&e->arena, SL_CATALOG_MODELS * sizeof(*e->list));
    while (e->list != NULL && n < SL_CATALOG_MODELS && sl_json_next(data, &at, &one)) {
        struct sl_listed m = {.id = text_of(&e->arena, one, SL_STR("id"))};

        if (m.id.p == NULL || !is_fit(m.id))
            continue;
        m.display_name = text_of(&e->arena, one, SL_STR("display_name"));
        if (m.display_name.n == 0)
            m.display_name = text_of(&e->arena, one, SL_STR("name"));
        if (m.display_name.p == NULL)
            m.display_name = (struct sl_str){"", 0};
        m.owned_by = sl_str_of(e->name);
        e->list[n++] = m;
    }
    e->n = n;
    return true;
}

/* ---- the call ---- */

static void call_over(struct entry *e, bool good, const char *why)
{
    struct sl_catalog *c = e->catalog;

    sl_timer_stop(c->net, &e->limit);
    sl_call_end(&e->call);
    sl_mem_free(e->body);
    e->body = NULL;
    e->body_n = e->body_cap = 0;
    if (good)
        sl_log(SL_LOG_DEBUG, "conf", sl_str_of(e->name), "lists %zu models", e->n);
    else
        sl_log(SL_LOG_WARN, "conf", sl_str_of(e->name), "does not list its models: %s", why);
    c->good += good;
    if (--c->waiting > 0)
        return;
    sl_gateway_conf_drop(&c->conf);
    if (c->good > 0)
        c->changed(c->ctx);
}

static void on_call_sent(void *holder)
{
    (void)holder;
}

static void on_call_head(void *holder, const struct sl_answer_head *head)
{
    struct entry *e = holder;

    e->status = head->status;
}

static void on_call_body(void *holder, struct sl_str piece)
{
    struct entry *e = holder;
    char *more;

    if (e->body_n + piece.n > SL_CATALOG_BYTES) {
        call_over(e, false, "its list is too long");
        return;
    }
    if (e->body_n + piece.n > e->body_cap) {
        size_t cap = (e->body_n + piece.n) * 2;

        more = sl_mem_grow(e->body, cap);
        if (more == NULL) {
            call_over(e, false, "out of memory");
            return;
        }
        e->body = more;
        e->body_cap = cap;
    }
    memcpy(e->body + e->body_n, piece.p, piece.n);
    e->body_n += piece.n;
}

static void on_call_done(void *holder)
{
    struct entry *e = holder;

    if (e->status != 200)
        call_over(e, false, "its answer was no 200");
    else if (e->body == NULL || !take_list(e, (struct sl_str){e->body, e->body_n}))
        call_over(e, false, "its answer is no list");
    else
        call_over(e, true, "");
}

static void on_call_fail(void *holder, enum sl_err why)
{
    call_over(holder, false, sl_err_text(why));
}

static void on_limit(struct sl_timer *t)
{
    call_over(SL_CONTAINER(t, struct entry, limit), false, "no answer in time");
}

static const struct sl_call_ops call_ops = {
    .sent = on_call_sent,
    .head = on_call_head,
    .body = on_call_body,
    .done = on_call_done,
    .fail = on_call_fail,
};

static void add_line(struct sl_text *t, struct sl_str name, struct sl_str value)
{
    sl_text_add(t, name);
    sl_text_add(t, SL_STR(": "));
    sl_text_add(t, value);
    sl_text_add(t, SL_STR("\r\n"));
}

static void add_key(struct sl_text *t, const struct sl_provider *p)
{
    if (p->keys_n == 0)
        return;
    if (p->auth == SL_AUTH_BEARER)
        sl_text_add(t, SL_STR("authorization: Bearer "));
    else if (p->auth == SL_AUTH_X_API_KEY)
        sl_text_add(t, SL_STR("x-api-key: "));
    else
        sl_text_printf(t, "%.*s: ", SL_STR_ARGS(p->auth_header));
    sl_text_add(t, p->keys[0]);
    sl_text_add(t, SL_STR("\r\n"));
}

/* Values were checked when the configuration was read: no line can be forged. */
static bool write_head(struct sl_text *t, const struct sl_provider *p)
{
    bool openai = (p->speaks & SL_OPENAI) != 0;

    sl_text_printf(t, "GET %.*s%s%s%.*s HTTP/1.1\r\n",
                   SL_STR_ARGS(openai ? p->openai_prefix : p->anthropic_prefix),
                   openai ? "/models" : "/v1/models?limit=1000",
                   p->query.n == 0 ? ""
                   : openai        ? "?"
                                   : "&",
                   SL_STR_ARGS(p->query));
    add_line(t, SL_STR("host"), p->host_header);
    add_line(t, SL_STR("accept"), SL_STR("application/json"));
    add_line(t, SL_STR("accept-encoding"), SL_STR("identity"));
    add_line(t, SL_STR("user-agent"), SL_STR("sluice/" SL_VERSION));
    if (!openai)
        add_line(t, SL_STR("anthropic-version"), SL_STR("2023-06-01"));
    add_key(t, p);
    for (size_t i = 0; i < p->headers_n; i++)
        add_line(t, p->header_names[i], p->header_values[i]);
    sl_text_add(t, SL_STR("\r\n"));
    return !t->cut;
}

static struct entry *entry_of(struct sl_catalog *c, struct sl_str name)
{
    struct entry *e;

    for (struct sl_list *at = c->entries.next; at != &c->entries; at = at->next) {
        e = SL_CONTAINER(at, struct entry, node);
        if (sl_str_eq(sl_str_of(e->name), name))
            return e;
    }
    e = sl_mem_new(sizeof(*e));
    e->catalog = c;
    e->name = sl_mem_dup(name);
    e->head = sl_mem_new(HEAD_BYTES);
    sl_arena_init(&e->arena, SL_CATALOG_BYTES * 2);
    sl_timer_init(&e->limit, on_limit);
    sl_list_init(&e->node);
    sl_list_push_back(&c->entries, &e->node);
    return e;
}

static void ask(struct sl_catalog *c, const struct sl_provider *p)
{
    struct entry *e = entry_of(c, p->name);
    struct sl_text t = sl_text_over(e->head, HEAD_BYTES);
    struct sl_call_req req = {.parts = &e->part, .n = 1};

    if (e->call != NULL || p->oauth != NULL || !write_head(&t, p))
        return; /* behind two patterns, without a token yet, or with headers that fill a head */
    e->part = sl_text_str(&t);
    e->status = 0;
    c->waiting++;
    sl_timer_start(c->net, &e->limit, SL_CATALOG_WAIT_MS);
    e->call = sl_call_start(p->origin, &req, &call_ops, e);
}

/* ---- rounds ---- */

static void give_up(struct sl_catalog *c)
{
    for (struct sl_list *at = c->entries.next; at != &c->entries; at = at->next) {
        struct entry *e = SL_CONTAINER(at, struct entry, node);

        sl_timer_stop(c->net, &e->limit);
        sl_call_end(&e->call);
        sl_mem_free(e->body);
        e->body = NULL;
        e->body_n = e->body_cap = 0;
    }
    c->waiting = c->good = 0;
    sl_gateway_conf_drop(&c->conf);
}

void sl_catalog_ask(struct sl_catalog *c, struct sl_gateway_conf *conf)
{
    const struct sl_target *rank[SL_ROUTE_TARGETS_MAX];

    give_up(c);
    c->conf = sl_gateway_conf_share(conf);
    for (size_t i = 0; i < sl_routes_count(conf->routes); i++) {
        const struct sl_model *m = sl_routes_at(conf->routes, i);

        for (unsigned protocol = SL_ANTHROPIC; m->is_pattern && protocol <= SL_OPENAI; protocol++)
            if (sl_route_rank(m, (enum sl_protocol)protocol, rank) > 0)
                ask(c, &conf->providers[rank[0]->provider]);
    }
    if (c->waiting == 0)
        sl_gateway_conf_drop(&c->conf);
}

size_t sl_catalog_find(const struct sl_catalog *c, struct sl_str provider,
                       const struct sl_listed **out)
{
    for (const struct sl_list *at = c->entries.next; at != &c->entries; at = at->next) {
        const struct entry *e = SL_CONTAINER(at, struct entry, node);

        if (sl_str_eq(sl_str_of(e->name), provider)) {
            *out = e->list;
            return e->n;
        }
    }
    return 0;
}

struct sl_catalog *sl_catalog_new(struct sl_net *net, sl_catalog_changed_fn *changed, void *ctx)
{
    struct sl_catalog *c = sl_mem_new(sizeof(*c));

    c->net = net;
    c->changed = changed;
    c->ctx = ctx;
    sl_list_init(&c->entries);
    return c;
}

static void reap_entry(struct sl_grave *g)
{
    struct entry *e = SL_CONTAINER(g, struct entry, grave);

    sl_arena_fini(&e->arena);
    sl_mem_wipe(e->head, HEAD_BYTES);
    sl_mem_free(e->head);
    sl_mem_free(e->name);
    sl_mem_free(e);
}

void sl_catalog_end(struct sl_catalog **pc)
{
    struct sl_catalog *c = *pc;

    *pc = NULL;
    if (c == NULL)
        return;
    give_up(c);
    while (!sl_list_is_empty(&c->entries)) {
        struct entry *e = SL_CONTAINER(c->entries.next, struct entry, node);

        sl_list_unlink(&e->node);
        sl_net_bury(c->net, &e->grave, reap_entry);
    }
    sl_mem_free(c);
}
