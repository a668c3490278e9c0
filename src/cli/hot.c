/* cli/hot.c -- starting the next process, and handing over to it. */
#include "cli/hot.h"

#include "base/log.h"
#include "base/mem.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define WORDS_MAX 64
#define LINE_MAX_BYTES 65536

static const struct sl_str nobody = SL_STR_INIT("");

static struct { /* of the whole process: how it was started */
    char program[PATH_MAX];
    char line[LINE_MAX_BYTES]; /* its arguments, each with a zero behind it */
    char *argv[WORDS_MAX + 1]; /* up: in the line */
} self;

static bool read_line(void)
{
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, self.line, sizeof self.line - 1) : -1;
    size_t words = 0;

    if (fd >= 0)
        close(fd);
    for (ssize_t at = 0; at < n && words < WORDS_MAX; at += (ssize_t)strlen(self.line + at) + 1)
        self.argv[words++] = self.line + at;
    return words > 0 && words < WORDS_MAX;
}

/* By its path as it is now: later another file may stand there, and that one is meant. */
bool sl_hot_remember(void)
{
    ssize_t n = readlink("/proc/self/exe", self.program, sizeof self.program - 1);

    if (n > 0 && read_line())
        return true;
    self.program[0] = '\0';
    return false;
}

/* ---- what forbids it ---- */

static const char *objection(const struct sl_serve *s)
{
    struct sl_store_state store;

    if (s->phase == SL_STARTING)
        return "this process is starting";
    if (s->phase != SL_SERVING)
        return "this process is ending";
    if (s->hand != NULL)
        return "one is under way";
    sl_store_look(s->store, &store);
    if (strcmp(store.kind, "embedded") == 0)
        return "an embedded store serves one process; it takes a Redis (store.url)";
    if (getpid() == 1)
        return "this is the container's first process: with its end the container ends";
    if (self.program[0] == '\0')
        return "it is not known how this process was started (is /proc there?)";
    return NULL;
}

static void refuse(const char *why)
{
    sl_log(SL_LOG_ERROR, "cli", nobody, "hot restart refused: %s", why);
}

/* ---- handing over ---- */

static void on_hand(void *ctx, bool ready, const char *why)
{
    struct sl_serve *s = ctx;
    int pid = sl_hand_pid(s->hand);

    sl_hand_end(&s->hand);
    if (!ready) {
        sl_log(SL_LOG_ERROR, "cli", nobody,
               "hot restart failed, this process goes on: the new one did not come up: %s", why);
        return;
    }
    sl_log(SL_LOG_INFO, "cli", nobody, "hot restart: process %d serves; %zu requests to finish",
           pid, sl_gateway_requests(s->gateway));
    s->phase = SL_LEAVING;
    s->drain_from_ms = sl_net_now(s->net);
    sl_store_leave(s->store);
    sl_gateway_hand_over(s->gateway);
    sl_admin_hand_over(s->admin);
    sl_timer_start(s->net, &s->step, 0);
}

void sl_hot_begin(struct sl_serve *s)
{
    struct sl_hand_ask ask = {
        .program = self.program, .argv = self.argv, .limit_ms = SL_HOT_READY_MS};
    const char *why = objection(s);

    if (why != NULL) {
        refuse(why);
        return;
    }
    sl_log(SL_LOG_INFO, "cli", nobody, "hot restart: %s is started", self.program);
    if (sl_hand_start(s->net, &ask, on_hand, s, &s->hand) != SL_OK)
        refuse("the program can't be started");
}

/* Whoever ends this process means no other one either. */
void sl_hot_give_up(struct sl_serve *s)
{
    if (s->hand == NULL)
        return;
    sl_log(SL_LOG_WARN, "cli", nobody,
           "hot restart given up, the new process is ended: this one was told to end");
    sl_hand_end(&s->hand);
}

/* An idle connection is closed by its answer or its time; to close it at once could
 * meet a request on its way. */
bool sl_hot_is_over(const struct sl_serve *s)
{
    return sl_gateway_is_idle(s->gateway) && sl_gateway_server_count(s->gateway).connections == 0;
}

uint64_t sl_hot_limit_ms(const struct sl_serve *s)
{
    return s->made->timeouts.stream_total + s->made->timeouts.client_idle;
}
