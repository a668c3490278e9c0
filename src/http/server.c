/* http/server.c -- a listener's connections: accepting, counting, draining. */
#include "http/conn.h"

#include "base/mem.h"

#include <time.h>

static void on_accept(void *ctx, struct sl_stream *stream)
{
    struct sl_server *s = ctx;

    s->counts.accepted++;
    sl_conn_new(s, stream);
}

/* lint: budgets the header's contract, and it is called once */
enum sl_err sl_server_start(struct sl_net *net, struct sl_str addr, struct sl_tls_profile *tls,
                            const struct sl_server_conf *conf, const struct sl_server_hooks *hooks,
                            struct sl_server **out, char *why, size_t cap)
{
    struct sl_server *s = sl_mem_new(sizeof(*s));
    enum sl_err e;

    s->magic = SL_SERVER_MAGIC;
    s->net = net;
    s->conf = *conf;
    s->hooks = *hooks;
    s->date_sec = -1;
    sl_list_init(&s->conns);
    e = sl_listen_start(net, addr, tls, conf->connections, on_accept, s, &s->listener, why, cap);
    if (e != SL_OK) {
        sl_mem_free(s);
        s = NULL;
    }
    *out = s;
    return e;
}

uint16_t sl_server_port(const struct sl_server *s)
{
    SL_OBJ_CHECK(s, SL_SERVER_MAGIC);
    return s->listener != NULL ? sl_listen_port(s->listener) : 0;
}

void sl_server_reconfigure(struct sl_server *s, const struct sl_server_conf *conf)
{
    SL_OBJ_CHECK(s, SL_SERVER_MAGIC);
    s->conf = *conf;
}

void sl_server_drain(struct sl_server *s)
{
    SL_OBJ_CHECK(s, SL_SERVER_MAGIC);
    s->draining = true;
}

void sl_server_stop_accepting(struct sl_server *s)
{
    SL_OBJ_CHECK(s, SL_SERVER_MAGIC);
    sl_listen_end(&s->listener);
}

void sl_server_hand_over(struct sl_server *s)
{
    SL_OBJ_CHECK(s, SL_SERVER_MAGIC);
    s->draining = true;
    if (s->listener != NULL)
        sl_listen_hand_over(s->listener);
    sl_listen_end(&s->listener);
}

static void reap_server(struct sl_grave *g)
{
    struct sl_server *s = SL_CONTAINER(g, struct sl_server, grave);

    s->magic = SL_OBJ_DEAD;
    sl_mem_free(s);
}

void sl_server_end(struct sl_server **ps)
{
    struct sl_server *s = *ps;

    if (s == NULL)
        return;
    SL_OBJ_CHECK(s, SL_SERVER_MAGIC);
    *ps = NULL;
    sl_listen_end(&s->listener);
    while (!sl_list_is_empty(&s->conns))
        sl_conn_lose(SL_CONTAINER(s->conns.next, struct sl_conn, node), SL_ERR_DRAINING,
                     SL_CONN_FLUSH);
    sl_net_bury(s->net, &s->grave, reap_server);
}

struct sl_server_counts sl_server_count(const struct sl_server *s)
{
    SL_OBJ_CHECK(s, SL_SERVER_MAGIC);
    return s->counts;
}

struct sl_str sl_server_date(struct sl_server *s)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t sec = sl_net_unix_ms(s->net) / 1000;
    struct sl_text t = sl_text_over(s->date, sizeof(s->date));
    struct tm tm;
    time_t at;

    if (sec == s->date_sec)
        return (struct sl_str){s->date, s->date_n};
    at = (time_t)sec;
    gmtime_r(&at, &tm);
    sl_text_printf(&t, "date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday],
                   tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                   tm.tm_sec);
    s->date_sec = sec;
    s->date_n = t.n;
    return sl_text_str(&t);
}
