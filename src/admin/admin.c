/* admin/admin.c -- the admin listener: routes, its key, the exposition. */
#include "admin/api/api.h"
#include "admin/page/page.h"
#include "admin/page/play.h"
#include "admin/push.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/tls.h"

#define PIECES 8
#define ARENA ((size_t)2 << 20) /* of a request: one of the playground may have many tries */

/* One request on the admin listener. */
struct request {
    struct sl_list node;
    struct sl_grave grave;
    struct sl_admin *admin; /* up */
    struct sl_exch *exch;   /* owns */
    struct sl_buf out;      /* what of the exposition waits */
    bool too_large;         /* the exposition: else it was memory */
};

static void reap(struct sl_grave *g)
{
    struct request *r = SL_CONTAINER(g, struct request, grave);

    sl_mem_free(r);
}

static void request_end(struct request *r)
{
    sl_list_unlink(&r->node);
    sl_buf_fini(&r->out);
    sl_exch_end(&r->exch);
    sl_net_bury(r->admin->net, &r->grave, reap);
}

/* ---- for both kinds of requests ---- */

bool sl_admin_pump(struct sl_exch *x, struct sl_buf *bytes)
{
    struct sl_str parts[PIECES];
    bool room = true;

    while (room && bytes->len > 0) {
        size_t n = sl_buf_peek(bytes, parts, PIECES), sum = 0;

        for (size_t i = 0; i < n; i++)
            sum += parts[i].n;
        room = sl_exch_write(x, parts, n);
        sl_buf_consume(bytes, sum);
    }
    if (bytes->len > 0)
        return false;
    sl_exch_finish(x);
    return true;
}

/* ---- answers ---- */

static void add_header(struct request *r, struct sl_headers *h, struct sl_str name,
                       struct sl_str value)
{
    if (!sl_headers_add(h, sl_exch_arena(r->exch), name, value))
        sl_log(SL_LOG_ERROR, "admin", (struct sl_str){"", 0}, "no memory for an answer's head");
}

static void reply(struct request *r, int status, struct sl_str type, struct sl_str body)
{
    struct sl_headers h = {0};

    add_header(r, &h, SL_STR("content-type"), type);
    add_header(r, &h, SL_STR("cache-control"), SL_STR("no-store"));
    sl_exch_reply(r->exch, status, &h, body);
    request_end(r);
}

static void reply_json(struct request *r, int status, struct sl_str body)
{
    reply(r, status, SL_STR("application/json"), body);
}

static void reply_error(struct request *r, int status, struct sl_str message)
{
    size_t cap = message.n * 6 + 64;
    char *place = sl_mem_new(cap);
    struct sl_text t = sl_text_over(place, cap);

    sl_text_add(&t, SL_STR("{\"error\":{\"message\":"));
    sl_text_json(&t, message, 0);
    sl_text_add(&t, SL_STR("}}\n"));
    reply_json(r, status, sl_text_str(&t));
    sl_mem_free(place);
}

static void refuse_method(struct request *r, struct sl_str allow)
{
    struct sl_headers h = {0};

    add_header(r, &h, SL_STR("allow"), allow);
    add_header(r, &h, SL_STR("content-type"), SL_STR("application/json"));
    sl_exch_reply(r->exch, 405, &h,
                  SL_STR("{\"error\":{\"message\":\"this path does not take that method\"}}\n"));
    request_end(r);
}

/* ---- the exposition ---- */

static void on_metric_piece(void *ctx, struct sl_str piece)
{
    struct request *r = ctx;

    if (r->out.max > 0 && !sl_buf_append(&r->out, piece)) {
        r->too_large = piece.n > r->out.max - r->out.len;
        r->out.max = 0; /* everything after a hole would be wrong */
    }
}

static void pump_or_end(struct request *r)
{
    if (sl_admin_pump(r->exch, &r->out))
        request_end(r);
}

static void answer_metrics(struct request *r)
{
    struct sl_headers h = {0};

    sl_process_refresh(r->admin);
    r->out.max = SL_ADMIN_EXPOSITION;
    sl_metrics_write(r->admin->metrics, on_metric_piece, r);
    if (r->out.max == 0 && r->too_large) {
        reply_error(r, 500, SL_STR("the exposition is too large: lower metrics.max_series"));
        return;
    }
    if (r->out.max == 0) {
        reply_error(r, 503, SL_STR("no memory for the exposition now; ask again"));
        return;
    }
    add_header(r, &h, SL_STR("content-type"), SL_STR("text/plain; version=0.0.4; charset=utf-8"));
    if (!sl_exch_start(r->exch, 200, &h, true, r->out.len)) {
        reply_error(r, 503, SL_STR("out of memory; try again"));
        return;
    }
    if (sl_exch_head(r->exch)->method == SL_HEAD)
        sl_buf_fini(&r->out);
    pump_or_end(r);
}

/* ---- the dashboard's files ---- */

static void answer_file(struct request *r, const struct sl_page_file *f)
{
    struct sl_arena *arena = sl_exch_arena(r->exch);
    struct sl_headers h = {0};

    add_header(r, &h, SL_STR("content-type"), sl_str_of(f->type));
    add_header(r, &h, SL_STR("cache-control"), SL_STR("no-store"));
    if (!sl_page_headers(&h, arena) || !sl_buf_append(&r->out, f->bytes) ||
        !sl_exch_start(r->exch, 200, &h, true, f->bytes.n)) {
        reply_error(r, 503, SL_STR("out of memory; try again"));
        return;
    }
    if (sl_exch_head(r->exch)->method == SL_HEAD)
        sl_buf_fini(&r->out);
    pump_or_end(r);
}

/* `/admin`, as people type it. */
static void answer_moved(struct request *r)
{
    struct sl_headers h = {0};

    add_header(r, &h, SL_STR("location"), SL_STR("/admin/"));
    sl_exch_reply(r->exch, 308, &h, SL_STR(""));
    request_end(r);
}

/* ---- the other routes ---- */

static void answer_ready(struct request *r)
{
    static const char *const words[] = {[SL_READY] = "ready",
                                        [SL_READY_DRAINS] = "draining",
                                        [SL_READY_NO_STORE] = "store is down",
                                        [SL_READY_STARTS] = "starting",
                                        [SL_READY_WARMS] = "connecting to providers"};
    enum sl_ready how = sl_gateway_ready(r->admin->gateway);
    bool ready = how == SL_READY;
    struct sl_store_state store;
    char place[256];
    struct sl_text t = sl_text_over(place, sizeof(place));

    sl_store_look(sl_gateway_store(r->admin->gateway), &store);
    sl_text_printf(&t,
                   "{\"status\":\"%s\",\"store\":\"%s\",\"kind\":\"%s\",\"requests\":%zu,"
                   "\"config\":\"%.16s\"}\n",
                   words[how], store.up ? "up" : "down", store.kind,
                   sl_gateway_requests(r->admin->gateway), r->admin->hash);
    reply_json(r, ready ? 200 : 503, sl_text_str(&t));
}

static void route(struct request *r)
{
    const struct sl_request_head *head = sl_exch_head(r->exch);
    struct sl_str path = head->path;
    bool reads = head->method == SL_GET || head->method == SL_HEAD;
    const struct sl_page_file *file = sl_page_find(path);
    bool moved = sl_str_eq(path, SL_STR("/admin"));

    if (file == NULL && !moved && !sl_str_eq(path, SL_STR("/healthz")) &&
        !sl_str_eq(path, SL_STR("/readyz")) && !sl_str_eq(path, SL_STR("/metrics"))) {
        reply_error(r, 404,
                    SL_STR("no such path; /healthz, /readyz, /metrics and /admin/ are here, the "
                           "model API is on the other listener"));
    } else if (!reads) {
        refuse_method(r, SL_STR("GET, HEAD"));
    } else if (file != NULL) {
        answer_file(r, file);
    } else if (moved) {
        answer_moved(r);
    } else if (sl_str_eq(path, SL_STR("/healthz"))) {
        reply(r, 200, SL_STR("text/plain"), SL_STR("ok\n"));
    } else if (sl_str_eq(path, SL_STR("/readyz"))) {
        answer_ready(r);
    } else {
        answer_metrics(r);
    }
}

/* ---- the server's events ---- */

static void on_exch_body(void *holder, struct sl_str piece)
{
    (void)holder; /* bodies are not asked for */
    (void)piece;
}

static void on_exch_whole(void *holder)
{
    (void)holder;
}

static void on_exch_drain(void *holder)
{
    pump_or_end(holder);
}

static void on_exch_gone(void *holder, enum sl_err why)
{
    (void)why;
    request_end(holder);
}

static const struct sl_exch_ops exch_ops = {
    .body = on_exch_body,
    .whole = on_exch_whole,
    .drain = on_exch_drain,
    .gone = on_exch_gone,
};

static void on_request(void *ctx, struct sl_exch *x)
{
    struct sl_admin *a = ctx;
    struct sl_str path = sl_exch_head(x)->path;
    struct request *r;

    if (sl_play_take(a, x))
        return;
    if (sl_str_starts(path, SL_STR("/admin/")) && sl_page_find(path) == NULL) {
        sl_api_start(a, x);
        return;
    }
    r = sl_mem_new(sizeof(*r));
    r->admin = a;
    r->exch = x;
    sl_buf_init(&r->out, SL_ADMIN_EXPOSITION);
    sl_list_init(&r->node);
    sl_list_push_back(&a->requests, &r->node);
    sl_exch_take(x, &exch_ops, r);
    route(r);
}

static struct sl_str on_fault(void *ctx, struct sl_arena *arena, struct sl_str path,
                              enum sl_err why)
{
    (void)ctx;
    (void)path;
    return sl_arena_printf(arena, "{\"error\":{\"message\":\"%s\",\"code\":\"%s\"}}\n",
                           sl_err_text(why), sl_err_name(why));
}

/* ---- the whole ---- */

struct sl_admin *sl_admin_new(struct sl_net *net, struct sl_gateway *gateway,
                              struct sl_metrics *metrics, const struct sl_admin_hooks *hooks)
{
    struct sl_admin *a = sl_mem_new(sizeof(*a));

    a->magic = SL_ADMIN_MAGIC;
    a->net = net;
    a->gateway = gateway;
    a->metrics = metrics;
    a->hooks = *hooks;
    sl_list_init(&a->requests);
    sl_list_init(&a->calls);
    memset(a->hash, '0', sizeof(a->hash));
    sl_process_families_make(a);
    a->push = sl_push_new(a);
    return a;
}

enum sl_err sl_admin_start(struct sl_admin *a, struct sl_str listen, struct sl_str key, char *why,
                           size_t cap)
{
    struct sl_server_conf conf = {
        .connections = SL_ADMIN_CONNECTIONS,
        .client_idle_ms = 75000,
        .client_header_ms = 10000,
        .client_body_ms = 10000,
        .client_stall_ms = 30000,
        .window = 4096,
        .arena_ceiling = ARENA,
    };
    struct sl_server_hooks hooks = {.on_request = on_request, .fault = on_fault, .ctx = a};

    SL_OBJ_CHECK(a, SL_ADMIN_MAGIC);
    a->is_unix = sl_str_starts(listen, SL_STR("unix:"));
    a->has_key = key.n > 0;
    sl_tls_sha256(key, a->key_digest);
    sl_overview_start(a);
    return sl_server_start(a->net, listen, NULL, &conf, &hooks, &a->server, why, cap);
}

uint16_t sl_admin_port(const struct sl_admin *a)
{
    return sl_server_port(a->server);
}

void sl_admin_note_reload(struct sl_admin *a, bool ok)
{
    struct sl_str result = ok ? SL_STR("ok") : SL_STR("refused");

    sl_metric_add(sl_metric_series(a->f.reloads, &result), 1);
}

void sl_admin_note_conf(struct sl_admin *a, struct sl_str hash)
{
    struct sl_str old = {a->hash, sizeof(a->hash)};

    SL_CHECK(hash.n == sizeof(a->hash));
    sl_push_reload(a->push);
    if (sl_str_eq(old, hash))
        return;
    if (!sl_str_eq(old, SL_STR("0000000000000000")))
        sl_metric_set(sl_metric_series(a->f.config, &old), 0);
    memcpy(a->hash, hash.p, sizeof(a->hash));
    sl_metric_set(sl_metric_series(a->f.config, &old), 1);
}

void sl_admin_hand_over(struct sl_admin *a)
{
    SL_OBJ_CHECK(a, SL_ADMIN_MAGIC);
    if (a->server != NULL)
        sl_server_hand_over(a->server);
}

void sl_admin_stop(struct sl_admin *a)
{
    SL_OBJ_CHECK(a, SL_ADMIN_MAGIC);
    while (!sl_list_is_empty(&a->requests))
        request_end(SL_CONTAINER(a->requests.next, struct request, node));
    while (!sl_list_is_empty(&a->calls))
        sl_api_end(SL_CONTAINER(a->calls.next, struct sl_api, node));
    sl_server_end(&a->server);
}

void sl_admin_push_last(struct sl_admin *a)
{
    SL_OBJ_CHECK(a, SL_ADMIN_MAGIC);
    sl_push_last(a->push);
}

bool sl_admin_has_pushed(const struct sl_admin *a)
{
    return sl_push_is_idle(a->push);
}

void sl_admin_end(struct sl_admin **pa)
{
    struct sl_admin *a = *pa;

    *pa = NULL;
    if (a == NULL)
        return;
    SL_OBJ_CHECK(a, SL_ADMIN_MAGIC);
    sl_admin_stop(a);
    sl_push_end(&a->push);
    sl_overview_end(a);
    a->magic = SL_OBJ_DEAD;
    sl_mem_free(a);
}
