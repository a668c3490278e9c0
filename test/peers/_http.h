/* A provider that follows a script, in the same loop as the client under test,
 * and calls with everything they were told. */
#ifndef SL_TEST_PEERS_HTTP_H
#define SL_TEST_PEERS_HTTP_H

#include "base/mem.h"
#include "http/client.h"
#include "net/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum then { KEEP, FIN, RST };

/* What one connection does, to each request on it. */
struct script {
    const char *bytes;
    size_t n;
    enum then then;
    unsigned drip_ms; /* one byte each */
    unsigned wait_ms; /* before the answer, or the end in its place */
    bool early;       /* answers at the head, and reads no further */
    size_t sip;       /* reads at most so much each millisecond */
    size_t enough;    /* and after so much no more; 0: all there is */
    const char *late; /* said 30 ms after the first answer, unasked */
    unsigned answers; /* close after so many; 0: no limit */
    enum then after;
};

#define SCRIPT(...) ((const struct script){__VA_ARGS__})
#define BYTES(s) .bytes = (s), .n = sizeof(s) - 1

struct prov_conn {
    int fd;
    struct script s;
    char in[16384];
    size_t n;
    size_t at; /* of the answer, when dripping */
    bool answering;
    unsigned answered;
    uint64_t next_ms;
    uint64_t sipped_ms;
    size_t total; /* request bytes seen */
};

struct prov {
    int fd;
    uint16_t port;
    struct script script; /* for connections to come */
    struct prov_conn *conns[256];
    size_t n;
    size_t requests;
};

struct job {
    struct sl_call *call;
    int status;
    char body[65536];
    size_t n;
    size_t bytes; /* of the body, also those that did not fit */
    bool sent, done, failed;
    enum sl_err why;
    bool end_at_head;      /* end the call from inside the event */
    void (*at_body)(void); /* called there */
    size_t order;          /* finished as which one */
};

struct world {
    struct sl_net *net;
    struct prov p;
    struct sl_origin *o;
    struct sl_origin_conf conf;
    size_t finished;
};

static struct world *the; /* jobs count their order here */

static inline uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- the provider ---- */

static inline void prov_close(struct prov_conn *c, enum then how)
{
    struct linger l = {1, 0};

    if (how == KEEP || c->fd < 0)
        return;
    if (how == RST)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    close(c->fd);
    c->fd = -1;
}

/* A whole request: "\r\n\r\n" and a body that ends with '!'. */
static inline bool prov_has_request(struct prov_conn *c)
{
    struct sl_str s = {c->in, c->n};
    ptrdiff_t end = sl_str_find(s, SL_STR("\r\n\r\n"));

    if (end < 0)
        return false;
    return c->s.early || memchr(c->in + end, '!', c->n - (size_t)end) != NULL;
}

static inline void prov_answer(struct prov *p, struct prov_conn *c)
{
    uint64_t now = now_ms();
    struct sl_str s = sl_str_from((struct sl_str){c->s.bytes, c->s.n}, c->at);

    if (now < c->next_ms)
        return;
    if (c->s.drip_ms > 0) {
        c->next_ms = now + c->s.drip_ms;
        s = sl_str_first(s, 1);
    }
    if (s.n > 0) {
        ssize_t n = send(c->fd, s.p, s.n, MSG_NOSIGNAL);

        if (n > 0)
            c->at += (size_t)n;
        else if (errno != EAGAIN)
            c->at = c->s.n;
    }
    if (c->at < c->s.n)
        return;
    c->answering = false;
    c->answered++;
    p->requests++;
    c->n = 0;
    c->next_ms = now + 30;
    prov_close(c, c->s.then);
    if (c->s.answers != 0 && c->answered == c->s.answers)
        prov_close(c, c->s.after);
}

/* How much it would read now. */
static inline size_t prov_thirst(struct prov_conn *c)
{
    size_t most = sizeof(c->in) - c->n;
    uint64_t now = now_ms();

    if ((c->s.early && c->answering) || (c->s.enough > 0 && c->total >= c->s.enough))
        return 0;
    if (c->s.sip == 0)
        return most;
    if (now == c->sipped_ms)
        return 0;
    c->sipped_ms = now;
    return c->s.sip < most ? c->s.sip : most;
}

static inline void prov_conn_turn(struct prov *p, struct prov_conn *c)
{
    size_t most = c->fd < 0 ? 0 : prov_thirst(c);
    ssize_t n;

    if (c->fd < 0)
        return;
    n = -1;
    errno = EAGAIN;
    if (most > 0)
        n = recv(c->fd, c->in + c->n, most, 0);
    if (n > 0) {
        c->n += (size_t)n;
        c->total += (size_t)n;
        if (c->n == sizeof(c->in)) { /* long bodies: the head and the newest bytes */
            memmove(c->in + 4096, c->in + 8192, sizeof(c->in) - 8192);
            c->n -= 4096;
        }
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        prov_close(c, FIN);
        return;
    }
    if (!c->answering && prov_has_request(c)) {
        c->answering = true;
        c->at = 0;
        c->next_ms = c->s.wait_ms > 0 ? now_ms() + c->s.wait_ms : 0;
    }
    if (c->answering)
        prov_answer(p, c);
    else if (c->fd >= 0 && c->s.late != NULL && c->answered == 1 && now_ms() >= c->next_ms) {
        (void)!send(c->fd, c->s.late, strlen(c->s.late), MSG_NOSIGNAL);
        c->next_ms = UINT64_MAX;
    }
}

static inline void prov_turn(struct prov *p)
{
    int fd = p->fd < 0 ? -1 : accept(p->fd, NULL, NULL);

    if (fd >= 0 && p->n < 256) {
        struct prov_conn *c = sl_mem_new(sizeof(*c));

        fcntl(fd, F_SETFL, O_NONBLOCK);
        c->fd = fd;
        c->s = p->script;
        p->conns[p->n++] = c;
    }
    for (size_t i = 0; i < p->n; i++)
        prov_conn_turn(p, p->conns[i]);
}

static inline size_t prov_open(const struct prov *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        n += p->conns[i]->fd >= 0;
    return n;
}

/* ---- the world ---- */

static inline void turn(struct world *w)
{
    sl_net_turn(w->net, 1);
    prov_turn(&w->p);
}

static inline void turns_ms(struct world *w, uint64_t ms)
{
    uint64_t end = now_ms() + ms;

    while (now_ms() < end)
        turn(w);
}

static inline void world_start(struct world *w)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);

    signal(SIGPIPE, SIG_IGN);
    the = w;
    w->net = sl_net_new();
    w->p.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(w->p.fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(w->p.fd, 64), 0);
    assert_int_equal(getsockname(w->p.fd, (struct sockaddr *)&at, &n), 0);
    fcntl(w->p.fd, F_SETFL, O_NONBLOCK);
    w->p.port = ntohs(at.sin_port);
    if (w->conf.max_connections == 0)
        w->conf = (struct sl_origin_conf){.max_connections = 10,
                                          .max_keepalive = 10,
                                          .keepalive_expiry_ms = 5000,
                                          .connect_ms = 2000,
                                          .dns_ttl_ms = 1000,
                                          .queue_max = 10,
                                          .queue_wait_ms = 2000};
    w->conf.name = SL_STR("test");
    w->conf.host = SL_STR("127.0.0.1");
    w->conf.port = w->p.port;
    w->o = sl_origin_new(w->net, &w->conf);
}

static inline void world_stop(struct world *w)
{
    struct sl_net_counts n;

    sl_origin_drop(&w->o);
    for (int i = 0; i < 300; i++) {
        turn(w);
        n = sl_net_count(w->net);
        if (n.streams + n.ops + n.timers + n.graves == 0)
            break;
    }
    n = sl_net_count(w->net);
    assert_int_equal(n.streams, 0);
    assert_int_equal(n.ops, 0);
    assert_int_equal(n.timers, 0);
    assert_int_equal(n.graves, 0);
    for (size_t i = 0; i < w->p.n; i++) {
        prov_close(w->p.conns[i], FIN);
        sl_mem_free(w->p.conns[i]);
    }
    if (w->p.fd >= 0)
        close(w->p.fd);
    sl_net_end(&w->net);
}

/* ---- calls ---- */

static inline void job_sent(void *holder)
{
    struct job *j = holder;

    assert_false(j->sent || j->done || j->failed);
    j->sent = true;
}

static inline void job_head(void *holder, const struct sl_answer_head *head)
{
    struct job *j = holder;

    assert_int_equal(j->status, 0);
    j->status = head->status;
    if (j->end_at_head)
        sl_call_end(&j->call);
}

static inline void job_body(void *holder, struct sl_str piece)
{
    struct job *j = holder;
    struct sl_str s = sl_str_first(piece, sizeof(j->body) - j->n);

    assert_true(j->status != 0 && !j->done && !j->failed && piece.n > 0);
    memcpy(j->body + j->n, s.p, s.n);
    j->n += s.n;
    j->bytes += piece.n;
    if (j->at_body != NULL)
        j->at_body();
}

static inline void job_done(void *holder)
{
    struct job *j = holder;

    assert_false(j->done || j->failed);
    j->done = true;
    j->order = ++the->finished;
}

static inline void job_fail(void *holder, enum sl_err why)
{
    struct job *j = holder;

    assert_false(j->done || j->failed);
    j->failed = true;
    j->why = why;
    j->order = ++the->finished;
}

static const struct sl_call_ops job_ops = {job_sent, job_head, job_body, job_done, job_fail};

static const struct sl_str job_parts[2] = {
    SL_STR_INIT("POST / HTTP/1.1\r\nhost: p\r\ncontent-length: 3\r\n\r\n"), SL_STR_INIT("hi!")};

static inline void job_start(struct world *w, struct job *j)
{
    struct sl_call_req req = {.parts = job_parts, .n = 2};

    *j = (struct job){.end_at_head = j->end_at_head};
    j->call = sl_call_start(w->o, &req, &job_ops, j);
    assert_false(j->sent || j->failed); /* nothing from inside */
}

static inline bool job_wait(struct world *w, struct job *j, uint64_t ms)
{
    uint64_t end = now_ms() + ms;

    while (!j->done && !j->failed && now_ms() < end)
        turn(w);
    return j->done || j->failed;
}

static inline void job_run(struct world *w, struct job *j)
{
    job_start(w, j);
    assert_true(job_wait(w, j, 5000));
    sl_call_end(&j->call);
}

#define OK_TEXT "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\nok"

static inline void job_is_ok(const struct job *j)
{
    if (!j->done || j->status != 200 || j->n != 2 || memcmp(j->body, "ok", 2) != 0)
        fail_msg("done %d, failed %d (%s), status %d, body '%.*s'", j->done, j->failed,
                 sl_err_name(j->why), j->status, (int)j->n, j->body);
}

/* The next calls get their own answers, from a provider that has come to its
 * senses. */
static inline void job_good(struct world *w, size_t n)
{
    static struct job j;

    w->p.script = SCRIPT(BYTES(OK_TEXT));
    while (n-- > 0) {
        job_run(w, &j);
        job_is_ok(&j);
        assert_true(j.sent);
    }
}

#endif
