/* cli/serve.c -- the process: put together, reloaded, drained, taken apart. */
#include "cli/serve.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/hot.h"
#include "cli/proxied.h"
#include "cli/source.h"
#include "conf/show.h"
#include "conf/state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#define LOG_WAITING ((size_t)4 << 20)      /* bytes of log lines not yet written */
#define PROMPTS_WAITING ((size_t)32 << 20) /* of prompts and answers that are kept */
#define ACCESS_WAITING ((size_t)8 << 20)   /* of access lines */
#define LOG_DELAY_MS 50
#define ACCESS_DELAY_MS 200
#define NOTICE_MS 2000                        /* between "not ready" and not accepting any more */
#define LOOK_MS 50                            /* how often a drain looks whether it is over */
#define CLOSE_MS 1000                         /* for what is left at the very end */
#define OPEN_MS 3000                          /* for the store, at start */
#define HOT_OPEN_MS (SL_HOT_READY_MS - 10000) /* likewise, while another process serves */
#define FLUSH_MS 2000                         /* for settled lines, at the end */
#define TELL_MS 2000                          /* for what operators are told of the last requests */

static const struct sl_str nobody = SL_STR_INIT("");

/* ---- logs ---- */

static void to_file(void *ctx, struct sl_str line)
{
    (void)sl_file_append(ctx, line); /* what is dropped is counted there */
}

static void set_log(const struct sl_serve *s)
{
    sl_log_setup((enum sl_log_level)sl_conf_number(s->conf, "log.level"),
                 sl_conf_number(s->conf, "log.format") == 0, s->log != NULL ? to_file : NULL,
                 s->log);
}

static bool open_logs(struct sl_serve *s)
{
    struct sl_str access = sl_conf_text(s->conf, "log.access");

    if (sl_file_open(s->net, "stderr", LOG_WAITING, LOG_DELAY_MS, &s->log) != SL_OK)
        return false;
    set_log(s);
    if (sl_str_eq(access, SL_STR("off")))
        return true;
    if (sl_file_open(s->net, access.p, ACCESS_WAITING, ACCESS_DELAY_MS, &s->access) == SL_OK)
        return true;
    sl_log(SL_LOG_ERROR, "cli", nobody, "log.access: %s can't be opened", access.p);
    return false;
}

static bool open_prompts(struct sl_serve *s)
{
    struct sl_str path = sl_conf_text(s->conf, "prompts.file");

    if (path.n == 0 || sl_file_open_private(s->net, path.p, PROMPTS_WAITING, ACCESS_DELAY_MS,
                                            &s->prompts) == SL_OK)
        return true;
    sl_log(SL_LOG_ERROR, "cli", nobody, "prompts.file: %s can't be opened", path.p);
    return false;
}

static void log_lines(enum sl_log_level level, struct sl_str lines)
{
    struct sl_str line;

    while (sl_str_split(&lines, '\n', &line))
        sl_log(level, "conf", nobody, "%.*s", SL_STR_ARGS(line));
}

static void copy(char *out, size_t cap, struct sl_str text)
{
    if (cap > 0)
        snprintf(out, cap, "%.*s", (int)(text.n < cap ? text.n : cap - 1), text.p);
}

/* ---- the providers' own lists ---- */

static void ask_lists(struct sl_serve *s)
{
    if (sl_conf_number(s->conf, "list_models") != 0)
        sl_catalog_ask(s->catalog, s->made);
}

/* The configuration is the same; what patterns lead to is known better now. */
static void on_lists(void *ctx)
{
    struct sl_serve *s = ctx;
    struct sl_gateway_conf *made = sl_build_snapshot(s->conf, s->origins, s->catalog);

    if (made == NULL) { /* a certificate that went away meanwhile, for one */
        sl_origins_revert(s->origins);
        log_lines(SL_LOG_WARN, sl_faults_text(&s->conf->faults));
        sl_faults_init(&s->conf->faults);
        return;
    }
    sl_origins_commit(s->origins);
    sl_limits_fit(s->conf, made);
    sl_gateway_reload(s->gateway, made);
    sl_gateway_conf_drop(&s->made);
    s->made = made;
}

/* ---- reload ---- */

static enum sl_err refuse(struct sl_serve *s, struct sl_conf **fresh, char *why, size_t cap)
{
    struct sl_str faults = sl_faults_text(&(*fresh)->faults);

    sl_log(SL_LOG_ERROR, "conf", nobody,
           "reload refused, the running configuration stays in force; %zu to repair:",
           (*fresh)->faults.n);
    log_lines(SL_LOG_ERROR, faults);
    copy(why, cap, faults);
    sl_conf_end(fresh);
    sl_admin_note_reload(s->admin, false);
    return SL_ERR_CONFIG;
}

static void put_in_force(struct sl_serve *s, struct sl_conf *fresh, struct sl_gateway_conf *made)
{
    sl_origins_commit(s->origins);
    sl_limits_fit(fresh, made);
    sl_gateway_reload(s->gateway, made);
    sl_cache_configure(s->cache, &(struct sl_cache_conf){.memory = made->cache.memory,
                                                         .entry_max = made->cache.entry_max});
    sl_gateway_conf_drop(&s->made);
    sl_conf_end(&s->conf);
    s->made = made;
    s->conf = fresh;
    set_log(s);
    sl_admin_note_conf(s->admin, made->hash);
    sl_admin_note_reload(s->admin, true);
    sl_log(SL_LOG_INFO, "conf", nobody, "configuration %.*s is in force", SL_STR_ARGS(made->hash));
    sl_proxied_log(made);
}

static enum sl_err reload(void *ctx, char *why, size_t cap)
{
    struct sl_serve *s = ctx;
    struct sl_conf *fresh = sl_source_load(s->config);
    struct sl_gateway_conf *made;
    char fixed[256] = "";

    if (fresh->faults.n == 0)
        sl_build_fixed(s->conf, fresh, fixed, sizeof(fixed));
    if (fixed[0] != '\0')
        sl_fault_add(&fresh->faults, NULL, "%s: can't change while running; restart for that",
                     fixed);
    made = sl_build_snapshot(fresh, s->origins, s->catalog);
    if (made == NULL) {
        sl_origins_revert(s->origins);
        return refuse(s, &fresh, why, cap);
    }
    put_in_force(s, fresh, made);
    ask_lists(s);
    return SL_OK;
}

static void show(void *ctx, void (*put)(void *to, struct sl_str piece), void *to)
{
    struct sl_serve *s = ctx;

    sl_show_tree(s->conf->root, false, put, to);
}

/* ---- signals ---- */

static void stop(struct sl_serve *s, const char *why)
{
    s->phase = SL_STOPPING;
    sl_timer_stop(s->net, &s->step);
    sl_log(SL_LOG_INFO, "cli", nobody, "stopping: %s, %zu requests left", why,
           sl_gateway_requests(s->gateway));
    sl_net_stop(s->net);
}

static bool is_drained(const struct sl_serve *s)
{
    struct sl_server_counts n = sl_gateway_server_count(s->gateway);

    /* a connection that is neither idle nor in a request still flushes */
    return sl_gateway_is_idle(s->gateway) && n.connections <= n.idle;
}

static void on_step(struct sl_timer *t)
{
    struct sl_serve *s = SL_CONTAINER(t, struct sl_serve, step);
    uint64_t passed = sl_net_now(s->net) - s->drain_from_ms;

    if (s->phase == SL_LEAVING) {
        if (sl_hot_is_over(s))
            stop(s, "handed over");
        else if (passed >= sl_hot_limit_ms(s))
            stop(s, "timeouts.stream_total has passed");
        else
            sl_timer_start(s->net, t, LOOK_MS);
        return;
    }
    if (s->phase == SL_DRAINING && passed >= NOTICE_MS) {
        sl_gateway_stop_accepting(s->gateway);
        if (is_drained(s)) {
            stop(s, "drained");
            return;
        }
        if (passed >= NOTICE_MS + s->made->timeouts.drain) {
            stop(s, "timeouts.drain has passed");
            return;
        }
    }
    sl_timer_start(s->net, t, passed < NOTICE_MS ? NOTICE_MS - passed : LOOK_MS);
}

static void on_term(void *ctx, int signum)
{
    struct sl_serve *s = ctx;

    (void)signum;
    if (s->phase == SL_STOPPING)
        return; /* the gateway may be gone already, while the rest closes */
    if (s->phase != SL_SERVING) {
        stop(s, "asked twice");
        return;
    }
    sl_hot_give_up(s);
    s->phase = SL_DRAINING;
    s->drain_from_ms = sl_net_now(s->net);
    sl_log(SL_LOG_INFO, "cli", nobody,
           "draining: not ready from now on, %zu requests run; a second signal ends at once",
           sl_gateway_requests(s->gateway));
    sl_gateway_drain(s->gateway);
    sl_timer_start(s->net, &s->step, NOTICE_MS);
}

static void on_hup(void *ctx, int signum)
{
    struct sl_serve *s = ctx;
    char why[512];

    (void)signum;
    if (s->phase == SL_STARTING)
        s->reload_due = true;
    if (s->phase == SL_STARTING || s->phase == SL_STOPPING)
        return;
    if (s->access != NULL && sl_file_reopen(s->access) != SL_OK)
        sl_log(SL_LOG_ERROR, "cli", nobody, "the access log can't be reopened");
    if (s->prompts != NULL && sl_file_reopen(s->prompts) != SL_OK)
        sl_log(SL_LOG_ERROR, "cli", nobody, "prompts.file can't be reopened");
    (void)!reload(s, why, sizeof(why)); /* it has said what was wrong */
}

static void on_usr2(void *ctx, int signum)
{
    (void)signum;
    sl_hot_begin(ctx);
}

static bool is_watched(bool done)
{
    if (!done)
        fprintf(stderr,
                "sluice: signals can't be watched; are there descriptors left (ulimit -n)?\n");
    return done;
}

/* From the very start: whoever asks too early for a reload or a successor must not end it. */
static bool watch_early(struct sl_serve *s)
{
    return is_watched(sl_net_on_signal(s->net, SIGUSR2, on_usr2, s) == SL_OK &&
                      sl_net_on_signal(s->net, SIGHUP, on_hup, s) == SL_OK);
}

/* Before the first connection: until then there is nothing to drain. */
static bool watch_late(struct sl_serve *s)
{
    return is_watched(sl_net_on_signal(s->net, SIGTERM, on_term, s) == SL_OK &&
                      sl_net_on_signal(s->net, SIGINT, on_term, s) == SL_OK);
}

/* ---- together and apart ---- */

static bool say_listen(const char *key, struct sl_str address, const char *why)
{
    sl_log(SL_LOG_ERROR, "cli", nobody, "%s %.*s: %s", key, SL_STR_ARGS(address), why);
    return false;
}

/* A unix socket is made for owner and group, as nginx needs the clients' one;
 * the admin's needs no key and so is its owner's alone. */
static bool listen_admin(struct sl_serve *s)
{
    struct sl_str address = s->made->admin_listen;
    char why[512] = "";

    if (sl_admin_start(s->admin, address, s->made->admin_key, why, sizeof(why)) != SL_OK)
        return say_listen("admin.listen", address, why);
    if (sl_str_starts(address, SL_STR("unix:")) && chmod(address.p + 5, 0600) != 0)
        return say_listen("admin.listen", address, strerror(errno));
    return true;
}

static bool listen_clients(struct sl_serve *s)
{
    char why[512] = "";

    if (sl_gateway_start(s->gateway, why, sizeof(why)) != SL_OK)
        return say_listen("listen", s->made->listen, why);
    return true;
}

static void on_open(void *ctx, enum sl_err e)
{
    struct sl_serve *s = ctx;
    struct sl_store_state state;

    sl_store_look(s->store, &state);
    s->wrong_store = e == SL_ERR_CONFIG; /* the store has said why */
    if (s->wrong_store)
        return;
    if (e == SL_OK)
        sl_log(SL_LOG_DEBUG, "store", nobody, "%s store at %s is open", state.kind, state.where);
    else
        sl_log(SL_LOG_WARN, "store", nobody, "%s store at %s is away (%s); %s until it is back",
               state.kind, state.where, sl_err_text(e),
               s->hot ? "the process before this one serves" : "store.on_outage holds");
}

static bool is_store_up(const struct sl_serve *s)
{
    struct sl_store_state state;

    sl_store_look(s->store, &state);
    return state.up;
}

/* Whoever is the only one serves after a while by store.on_outage. One that follows another
 * does not: that one knows balances which this one would refuse to lend. */
static bool wait_for_store(struct sl_serve *s)
{
    uint64_t from = sl_net_now(s->net);
    bool awaited = s->hot;

    while (!s->wrong_store && (s->opening != NULL || (awaited && !is_store_up(s))) &&
           sl_net_now(s->net) - from < (awaited ? HOT_OPEN_MS : OPEN_MS)) {
        (void)sl_net_turn(s->net, 10);
        awaited = sl_hand_is_awaited(s->net);
    }
    if (s->wrong_store || !awaited || is_store_up(s))
        return !s->wrong_store;
    sl_log(SL_LOG_ERROR, "store", nobody, "the process before this one has to go on: no store");
    return false;
}

/* Balances and keys are known before the first request is taken, if the store can be
 * reached in reasonable time. */
static bool open_store(struct sl_serve *s)
{
    const struct sl_cache_general *c = &s->made->cache;
    struct sl_store_conf store = s->made->store;
    const struct sl_store_conf *conf = &store;
    struct sl_cache_conf cache = {.memory = c->memory,
                                  .entry_max = c->entry_max,
                                  .url = conf->cache_url.n > 0 ? conf->cache_url : conf->url,
                                  .shared = conf->cache_url.n == 0,
                                  .ca_file = conf->ca_file,
                                  .prefix = conf->prefix,
                                  .timeout_ms = conf->timeout_ms};
    char why[512] = "", dir[SL_STATE_PATH];

    (void)sl_net_turn(s->net, 0); /* reading the configuration took its time, and not the store's */
    store.fresh = s->fresh && !s->hot;
    store.hot = s->hot;
    copy(dir, sizeof(dir), conf->state_dir);
    if (dir[0] == '\0' || sl_state_make(dir, why, sizeof(why)))
        s->store = sl_store_new(s->net, conf, s->metrics, why, sizeof(why));
    if (s->store != NULL)
        s->cache = sl_cache_new(s->net, &cache, s->metrics, why, sizeof(why));
    if (s->cache == NULL) {
        sl_log(SL_LOG_ERROR, "store", nobody, "store: %s", why);
        return false;
    }
    sl_store_start(s->store, &s->opening, on_open, s);
    return wait_for_store(s);
}

/* What takes over is ready from its first connection on: it has read the store's tenants and
 * switches, or whoever watches would see the service go. */
static bool wait_to_be_ready(struct sl_serve *s)
{
    uint64_t from = sl_net_now(s->net);

    while (sl_hand_is_awaited(s->net) && sl_gateway_ready(s->gateway) != SL_READY) {
        if (sl_net_now(s->net) - from >= HOT_OPEN_MS) {
            sl_log(SL_LOG_ERROR, "cli", nobody,
                   "the process before this one has to go on: this one does not get ready");
            return false;
        }
        (void)sl_net_turn(s->net, 10);
    }
    return true;
}

static bool is_all_taken(const struct sl_serve *s)
{
    if (!sl_hand_has_unused(s->net))
        return true;
    sl_log(SL_LOG_ERROR, "cli", nobody,
           "listen and admin.listen can't change by a hot restart; put them back");
    return false;
}

static int start(struct sl_serve *s)
{
    struct sl_gateway_parts parts;
    struct sl_admin_hooks hooks = {.reload = reload, .show = show, .ctx = s};

    s->metrics = sl_metrics_new(s->made->max_series);
    sl_limits_fit(s->conf, s->made);
    if (!open_store(s))
        return SL_EXIT_FAILED;
    parts = (struct sl_gateway_parts){.conf = s->made,
                                      .store = s->store,
                                      .cache = s->cache,
                                      .metrics = s->metrics,
                                      .access = s->access,
                                      .prompts = s->prompts};
    s->gateway = sl_gateway_new(s->net, &parts);
    s->admin = sl_admin_new(s->net, s->gateway, s->metrics, &hooks);
    sl_admin_note_conf(s->admin, s->made->hash);
    sl_gateway_warm(s->gateway, !s->hot); /* what takes over is ready already */
    /* from the first connection that is accepted on, nothing may end this process */
    if (!wait_to_be_ready(s) || !watch_late(s) || !listen_admin(s) || !listen_clients(s) ||
        !is_all_taken(s))
        return SL_EXIT_FAILED;
    ask_lists(s);
    sl_hand_ready(s->net);
    return SL_EXIT_OK;
}

/* Operators are told of the last requests, too. */
static void let_tell(struct sl_serve *s)
{
    uint64_t from = sl_net_now(s->net);

    if (s->admin == NULL)
        return;
    sl_admin_stop(s->admin);
    sl_gateway_stop(s->gateway);
    sl_admin_push_last(s->admin);
    while (!(sl_gateway_has_told(s->gateway) && sl_admin_has_pushed(s->admin)) &&
           sl_net_now(s->net) - from < TELL_MS)
        (void)sl_net_turn(s->net, 10);
}

/* What was ended closes over the next turns; then nothing may be left. */
static void let_close(struct sl_serve *s)
{
    uint64_t from = sl_net_now(s->net);

    while (sl_net_count(s->net).streams > 0 || sl_net_count(s->net).graves > 0)
        if (!sl_net_turn(s->net, 10) || sl_net_now(s->net) - from > CLOSE_MS)
            break;
}

static void end(struct sl_serve *s)
{
    s->phase = SL_STOPPING; /* after a start that failed, too */
    if (s->net != NULL)
        sl_timer_stop(s->net, &s->step);
    sl_hand_end(&s->hand);
    let_tell(s);
    sl_admin_end(&s->admin);
    sl_gateway_end(&s->gateway);
    sl_op_cancel(&s->opening);
    if (s->store != NULL)
        sl_store_flush(s->store, FLUSH_MS);
    sl_cache_end(&s->cache);
    sl_store_end(&s->store);
    sl_catalog_end(&s->catalog);
    sl_gateway_conf_drop(&s->made);
    sl_origins_end(&s->origins);
    if (s->net != NULL)
        let_close(s);
    sl_log_setup(SL_LOG_INFO, true, NULL, NULL);
    sl_file_end(&s->log);
    sl_file_end(&s->access);
    sl_file_end(&s->prompts);
    sl_metrics_end(&s->metrics);
    sl_conf_end(&s->conf);
    sl_net_end(&s->net);
}

static int run(struct sl_serve *s, bool quiet)
{
    int code;

    if (!watch_early(s))
        return SL_EXIT_FAILED;
    s->conf = sl_source_load(s->config);
    s->made = sl_build_snapshot(s->conf, s->origins, s->catalog);
    if (s->made == NULL) {
        struct sl_str faults = sl_faults_text(&s->conf->faults);

        fprintf(stderr, "%.*s", SL_STR_ARGS(faults));
        return SL_EXIT_CONFIG;
    }
    sl_origins_commit(s->origins);
    if (!open_logs(s) || !open_prompts(s))
        return SL_EXIT_FAILED;
    code = start(s);
    if (code != SL_EXIT_OK)
        return code;
    if (!quiet && !s->hot) {
        sl_banner_print(s); /* says it all, in a screen's few lines */
    } else {
        sl_log(SL_LOG_INFO, "cli", nobody, "sluice " SL_VERSION " serves on %.*s, admin on %.*s",
               SL_STR_ARGS(s->made->listen), SL_STR_ARGS(s->made->admin_listen));
        sl_proxied_log(s->made);
    }
    s->phase = SL_SERVING;
    if (s->reload_due)
        on_hup(s, SIGHUP);
    sl_net_run(s->net);
    return SL_EXIT_OK;
}

int sl_cmd_serve(const struct sl_options *o)
{
    struct sl_serve s = {.config = o->config, .phase = SL_STARTING, .fresh = o->fresh};
    int code;

    sl_limits_apply();
    sl_mem_tune();
    s.net = sl_net_new();
    if (s.net == NULL) {
        fprintf(stderr, "sluice: the event loop can't be made\n");
        return SL_EXIT_FAILED;
    }
    s.hot = sl_hand_take(s.net);
    if (!sl_hot_remember())
        fprintf(stderr, "sluice: /proc can't be read, so there is no hot restart\n");
    sl_timer_init(&s.step, on_step);
    s.origins = sl_origins_new(s.net);
    s.catalog = sl_catalog_new(s.net, on_lists, &s);
    code = run(&s, o->quiet);
    end(&s);
    return code;
}
