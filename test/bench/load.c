/* load.c -- the load of `make bench`: an HTTP/1.1 client on one thread, with
 * kept connections, that can do what packaged ones can't: count SSE events,
 * hold thousands of streams open, and ask at a fixed rate, timed from when a
 * request was due. It also reads what the watched processes used meanwhile.
 *
 *   bench_load --to PORT --request FILE [options]      prints one line of JSON
 *
 *   --mode saturate   each connection asks again as soon as it is answered
 *   --mode rate       --rate N requests a second, whatever the answers do
 *   --mode hold       each connection asks once; measured when all have an event
 *                     (or, without events, an answer)
 *   --connections N   --seconds S   --warm S (not measured)   --watch PID (repeat)
 *   --beside PID      its processor time is reported apart (repeat)
 *   --status N (200)  --events N (each answer has exactly so many)  --body N (at least)
 *
 * Where the request has `##########`, each one that goes out has a number of its own,
 * which no earlier run had.
 */
#include "answer.h"
#include "watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum mode { SATURATE, RATE, HOLD };

enum { SAMPLES_MAX = 4 << 20, DUE_MAX = 1 << 16, DIALS_MAX = 64, READ_SIZE = 256 << 10 };
enum { DIGITS = 10 };

struct conn {
    int fd;
    bool busy, connected;
    bool counted;      /* has had an answer, or the first event of one */
    size_t sent;       /* of the request */
    uint64_t asked_ns; /* when, or when it was due */
    struct answer answer;
};

struct load {
    enum mode mode;
    uint16_t port;
    size_t conns_n;
    double seconds, warm, rate;
    int status;
    uint64_t events_each, body_least;
    char *request; /* owns */
    size_t request_n;
    char *number; /* up: in the request, DIGITS of them; NULL: all are the same */
    uint64_t asked;
    struct watch watch, beside;

    int poll, timer;
    struct conn *conns; /* owns */
    size_t *idle;       /* owns: rate: numbers of the connections without work */
    size_t idle_n, dialled, dialling, there;
    uint64_t *due; /* owns: rate: ring of requests that found none */
    size_t due_at, due_n;
    uint64_t first_ns, fired;
    bool measuring;
    uint32_t *samples; /* owns: microseconds */
    size_t samples_n;
    uint64_t requests, events, bytes, failed, reconnects, ended;
    char last_failure[256];
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_load: %s%s%s\n", what, errno != 0 ? ": " : "",
            errno != 0 ? strerror(errno) : "");
    exit(1);
}

static void arm(struct load *l, struct conn *c, uint32_t events, int how)
{
    struct epoll_event e = {.events = events, .data.u64 = (uint64_t)(c - l->conns)};

    if (epoll_ctl(l->poll, how, c->fd, &e) != 0)
        die("epoll");
}

static void dial(struct load *l, struct conn *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(l->port)};
    int one = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)
        die("connect");
    errno = 0;
    c->connected = false;
    l->dialling++;
    arm(l, c, EPOLLOUT, EPOLL_CTL_ADD);
}

static void push_request(struct load *l, struct conn *c)
{
    while (c->sent < l->request_n) {
        ssize_t n = send(c->fd, l->request + c->sent, l->request_n - c->sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            arm(l, c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            return;
        }
        if (n < 0)
            return; /* the reading side learns why */
        c->sent += (size_t)n;
        if (c->sent == l->request_n && (size_t)n < l->request_n)
            arm(l, c, EPOLLIN, EPOLL_CTL_MOD);
    }
}

static void put_number(struct load *l)
{
    uint64_t n = l->asked++;

    for (int i = DIGITS - 1; i >= 0; i--, n /= 10)
        l->number[i] = (char)('0' + n % 10);
}

static void ask(struct load *l, struct conn *c, uint64_t when)
{
    if (l->number != NULL)
        put_number(l);
    c->busy = true;
    c->asked_ns = when;
    c->sent = 0;
    answer_start(&c->answer);
    if (c->connected)
        push_request(l, c);
}

static void fail(struct load *l, const struct conn *c, const char *why)
{
    l->failed++;
    snprintf(l->last_failure, sizeof(l->last_failure),
             "%s (status %d, %" PRIu64 " bytes, %" PRIu64 " events)", why, c->answer.status,
             c->answer.body, c->answer.events);
}

static void judge(struct load *l, const struct conn *c)
{
    const struct answer *a = &c->answer;

    if (a->status != l->status)
        fail(l, c, "unexpected status");
    else if (a->body < l->body_least)
        fail(l, c, "short body");
    else if (l->events_each > 0 && a->events != l->events_each)
        fail(l, c, "unexpected number of events");
}

/* A new connection in the place of an ended one; an unanswered request goes
 * out again there. */
static void redial(struct load *l, struct conn *c)
{
    close(c->fd);
    if (!c->connected)
        l->dialling--;
    l->reconnects++;
    c->sent = 0;
    dial(l, c);
}

static void answered(struct load *l, struct conn *c)
{
    uint64_t now = now_ns();

    judge(l, c);
    c->busy = false;
    if (l->measuring) {
        l->requests++;
        if (l->samples_n < SAMPLES_MAX)
            l->samples[l->samples_n++] = (uint32_t)((now - c->asked_ns) / 1000);
    }
    if (c->answer.close)
        redial(l, c);
    if (l->mode == SATURATE) {
        ask(l, c, now);
    } else if (l->mode == RATE && l->due_n > 0) {
        ask(l, c, l->due[l->due_at]);
        l->due_at = (l->due_at + 1) % DUE_MAX;
        l->due_n--;
    } else if (l->mode == RATE) {
        l->idle[l->idle_n++] = (size_t)(c - l->conns);
    }
}

static void note_there(struct load *l, struct conn *c)
{
    if (!c->counted && (c->answer.events > 0 || c->answer.at == ANSWER_DONE)) {
        c->counted = true;
        l->there++;
    }
}

static void on_end(struct load *l, struct conn *c)
{
    if (!c->busy && l->mode == HOLD) {
        l->ended++;
        epoll_ctl(l->poll, EPOLL_CTL_DEL, c->fd, NULL);
        return;
    }
    if (c->busy && c->answer.at != ANSWER_STATUS) {
        if (answer_end(&c->answer)) {
            c->answer.close = true;
            answered(l, c);
            return;
        }
        fail(l, c, "answer cut short");
        answer_start(&c->answer);
    }
    if (l->failed > 1000)
        die(l->last_failure);
    redial(l, c);
}

static void on_input(struct load *l, struct conn *c)
{
    static char bytes[READ_SIZE];
    ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
    uint64_t before = c->answer.events;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        on_end(l, c);
        return;
    }
    if (l->measuring)
        l->bytes += (uint64_t)n;
    if (!c->busy || answer_feed(&c->answer, bytes, (size_t)n) != (size_t)n) {
        fail(l, c, "bytes that nobody asked for");
        die(l->last_failure);
    }
    if (l->measuring)
        l->events += c->answer.events - before;
    if (c->answer.at == ANSWER_BAD)
        die("an answer that is not HTTP/1.1");
    note_there(l, c);
    if (c->answer.at == ANSWER_DONE)
        answered(l, c);
}

static void on_connected(struct load *l, struct conn *c)
{
    int error = 0;
    socklen_t n = sizeof(error);

    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error != 0) {
        errno = error;
        die("connect");
    }
    c->connected = true;
    l->dialling--;
    arm(l, c, EPOLLIN, EPOLL_CTL_MOD);
    if (c->busy)
        push_request(l, c);
}

/* Connections are opened some at a time, so that no accept queue overflows;
 * held streams too, since behind each stands a handshake. */
static bool may_dial(const struct load *l)
{
    size_t under_way = l->mode == HOLD ? l->dialled - l->there : l->dialling;

    return l->dialled < l->conns_n && under_way < DIALS_MAX;
}

static void dial_more(struct load *l)
{
    while (may_dial(l)) {
        struct conn *c = &l->conns[l->dialled++];

        dial(l, c);
        if (l->mode == RATE)
            l->idle[l->idle_n++] = (size_t)(c - l->conns);
        else
            ask(l, c, now_ns());
    }
}

static void on_timer(struct load *l)
{
    uint64_t expired = 0;

    if (read(l->timer, &expired, sizeof(expired)) != (ssize_t)sizeof(expired))
        return;
    for (; expired > 0; expired--) {
        uint64_t when = l->first_ns + (uint64_t)((double)l->fired++ * 1e9 / l->rate);

        if (l->idle_n > 0) {
            ask(l, &l->conns[l->idle[--l->idle_n]], when);
        } else if (l->due_n < DUE_MAX) {
            l->due[(l->due_at + l->due_n++) % DUE_MAX] = when;
        } else {
            errno = 0;
            die("the answers don't keep up with the rate");
        }
    }
}

static void turn(struct load *l, int wait_ms)
{
    struct epoll_event events[256];
    int n = epoll_wait(l->poll, events, 256, wait_ms);

    for (int i = 0; i < n; i++) {
        struct conn *c;

        if (events[i].data.u64 == UINT64_MAX) {
            on_timer(l);
            continue;
        }
        c = &l->conns[events[i].data.u64];
        if (!c->connected) {
            on_connected(l, c);
            continue;
        }
        if ((events[i].events & EPOLLOUT) != 0)
            push_request(l, c);
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0)
            on_input(l, c);
    }
    dial_more(l);
}

static void run_for(struct load *l, double seconds)
{
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);

    for (uint64_t now = now_ns(); now < end; now = now_ns())
        turn(l, (int)((end - now) / 1000000) + 1);
}

static void start_timer(struct load *l)
{
    uint64_t gap = (uint64_t)(1e9 / l->rate);
    struct itimerspec every = {
        .it_value = {.tv_nsec = 1000000},
        .it_interval = {.tv_sec = (time_t)(gap / 1000000000), .tv_nsec = (long)(gap % 1000000000)}};
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = UINT64_MAX};

    l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    l->first_ns = now_ns() + 1000000;
    if (l->timer < 0 || timerfd_settime(l->timer, 0, &every, NULL) != 0 ||
        epoll_ctl(l->poll, EPOLL_CTL_ADD, l->timer, &e) != 0)
        die("timer");
}

/* Nothing is measured before every connection has had an answer: behind the
 * first one stands a handshake with the provider, which is not a request's price.
 * At a fixed rate most connections stand by, so there the warm time must do. */
static void settle(struct load *l)
{
    uint64_t end = now_ns() + UINT64_C(60000000000);

    dial_more(l);
    while ((l->dialled < l->conns_n || l->dialling > 0 ||
            (l->mode != RATE && l->there < l->conns_n)) &&
           now_ns() < end)
        turn(l, 100);
    if (now_ns() >= end) {
        errno = 0;
        die("the connections were not answered within a minute");
    }
    if (l->mode == RATE)
        start_timer(l);
    run_for(l, l->warm);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static uint32_t quantile(const struct load *l, double q)
{
    return l->samples_n > 0 ? l->samples[(size_t)((double)(l->samples_n - 1) * q)] : 0;
}

static void report(struct load *l, double seconds, uint64_t cpu_ns, uint64_t beside_ns)
{
    qsort(l->samples, l->samples_n, sizeof(l->samples[0]), by_size);
    printf("{\"requests\": %" PRIu64 ", \"events\": %" PRIu64 ", \"bytes\": %" PRIu64
           ", \"seconds\": %.6f, \"cpu_us\": %.1f, \"beside_us\": %.1f, \"rss_kib\": %" PRIu64
           ", \"failed\": %" PRIu64 ", \"reconnects\": %" PRIu64 ", \"ended\": %" PRIu64
           ", \"p50_us\": %u, \"p90_us\": %u, \"p99_us\": %u, \"why\": \"%s\"}\n",
           l->requests, l->events, l->bytes, seconds, (double)cpu_ns / 1e3, (double)beside_ns / 1e3,
           watch_rss_kib(&l->watch), l->failed, l->reconnects, l->ended, quantile(l, 0.5),
           quantile(l, 0.9), quantile(l, 0.99), l->last_failure);
}

static void measure(struct load *l)
{
    uint64_t cpu, beside, start;

    settle(l);
    l->measuring = true;
    start = now_ns();
    cpu = watch_cpu_ns(&l->watch);
    beside = watch_cpu_ns(&l->beside);
    run_for(l, l->seconds);
    cpu = watch_cpu_ns(&l->watch) - cpu;
    beside = watch_cpu_ns(&l->beside) - beside;
    report(l, (double)(now_ns() - start) / 1e9, cpu, beside);
}

static void read_request(struct load *l, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= 0)
        die(path);
    l->request_n = (size_t)st.st_size;
    l->request = malloc(l->request_n + 1);
    if (l->request == NULL || read(fd, l->request, l->request_n) != (ssize_t)l->request_n)
        die(path);
    l->request[l->request_n] = '\0';
    l->number = strstr(l->request, "##########");
    l->asked = now_ns() / 1000; /* grows faster than anybody asks */
    close(fd);
}

static enum mode mode_named(const char *name)
{
    if (strcmp(name, "rate") == 0)
        return RATE;
    if (strcmp(name, "hold") == 0)
        return HOLD;
    if (strcmp(name, "saturate") != 0)
        die("unknown mode");
    return SATURATE;
}

static void watch_too(struct watch *w, const char *pid)
{
    if (w->n == WATCH_MAX)
        die("too many processes to watch");
    w->pids[w->n++] = strtol(pid, NULL, 10);
}

static void set_option(struct load *l, int option, const char *value)
{
    switch (option) {
    case 't': l->port = (uint16_t)strtoul(value, NULL, 10); break;
    case 'q': read_request(l, value); break;
    case 'm': l->mode = mode_named(value); break;
    case 'c': l->conns_n = strtoul(value, NULL, 10); break;
    case 's': l->seconds = strtod(value, NULL); break;
    case 'w': l->warm = strtod(value, NULL); break;
    case 'r': l->rate = strtod(value, NULL); break;
    case 'p': watch_too(&l->watch, value); break;
    case 'B': watch_too(&l->beside, value); break;
    case 'S': l->status = (int)strtol(value, NULL, 10); break;
    case 'e': l->events_each = strtoull(value, NULL, 10); break;
    case 'b': l->body_least = strtoull(value, NULL, 10); break;
    default: exit(2);
    }
}

static const struct option options[] = {
    {"to", 1, NULL, 't'},      {"request", 1, NULL, 'q'}, {"mode", 1, NULL, 'm'},
    {"seconds", 1, NULL, 's'}, {"warm", 1, NULL, 'w'},    {"rate", 1, NULL, 'r'},
    {"watch", 1, NULL, 'p'},   {"status", 1, NULL, 'S'},  {"connections", 1, NULL, 'c'},
    {"events", 1, NULL, 'e'},  {"body", 1, NULL, 'b'},    {"beside", 1, NULL, 'B'},
    {NULL, 0, NULL, 0},
};

int main(int argc, char **argv)
{
    struct load l = {.conns_n = 16, .seconds = 1, .rate = 1000, .status = 200};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        set_option(&l, option, optarg);
    errno = 0;
    if (l.port == 0 || l.request == NULL || l.conns_n == 0 || l.rate <= 0)
        die("--to, --request and sensible numbers are needed");
    signal(SIGPIPE, SIG_IGN);
    l.poll = epoll_create1(EPOLL_CLOEXEC);
    l.conns = calloc(l.conns_n, sizeof(l.conns[0]));
    l.idle = calloc(l.conns_n, sizeof(l.idle[0]));
    l.due = calloc(DUE_MAX, sizeof(l.due[0]));
    l.samples = calloc(SAMPLES_MAX, sizeof(l.samples[0]));
    if (l.poll < 0 || l.conns == NULL || l.idle == NULL || l.due == NULL || l.samples == NULL)
        die("start");
    measure(&l);
    return l.failed > 0 ? 3 : 0; /* the kernel takes back what is left */
}
