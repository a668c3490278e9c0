/* Real Redis servers, started by the test in a folder of their own and killed by
 * their pid; and a blocking connection beside the loop, to arrange things with. */
#ifndef SL_TEST_STORE_SERVER_H
#define SL_TEST_STORE_SERVER_H

#include <hiredis/hiredis.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

struct redis {
    pid_t pid;
    uint16_t port;
    bool is_sentinel, is_tls;
    char dir[64], sock[96];
    char more[1024]; /* of the configuration */
};

static inline uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static inline void redis_conf(const struct redis *r, const char *path)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fprintf(f, "bind 127.0.0.1\n%s %u\n", r->is_tls ? "port 0\ntls-port" : "port", r->port);
    fprintf(f, "unixsocket %s\nlogfile %s/log\ndir %s\ndaemonize no\n", r->sock, r->dir, r->dir);
    if (!r->is_sentinel)
        fprintf(f, "save \"\"\nappendonly no\nenable-debug-command yes\n");
    fprintf(f, "%s\n", r->more);
    fclose(f);
}

static inline void redis_exec(const struct redis *r, const char *path)
{
    const char *mode = r->is_sentinel ? "--sentinel" : NULL;
    FILE *f;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    f = freopen("/dev/null", "w", stdout);
    (void)!f;
    execlp("redis-server", "redis-server", path, mode, (char *)NULL);
    execl("deps/.tools/bin/redis-server", "redis-server", path, mode, (char *)NULL);
    fprintf(stderr, "no redis-server: run  sh deps/setup.sh test\n");
    _exit(127);
}

static inline redisContext *redis_open(const struct redis *r)
{
    struct timeval limit = {2, 0};
    redisContext *c = redisConnectUnixWithTimeout(r->sock, limit);

    if (c != NULL && c->err != 0) {
        redisFree(c);
        c = NULL;
    }
    if (c != NULL)
        redisSetTimeout(c, limit);
    return c;
}

/* A command of words, its reply as text (errors too); "" for nil and others. */
static inline const char *redis_do(const struct redis *r, const char *words)
{
    static char text[65536];
    redisContext *c = redis_open(r);
    redisReply *reply;

    if (c == NULL)
        fail_msg("no Redis at %s", r->sock);
    reply = redisCommand(c, words);
    if (reply == NULL)
        fail_msg("%s: %s", words, c->errstr);
    text[0] = 0;
    if (reply->str != NULL)
        (void)snprintf(text, sizeof text, "%s", reply->str);
    else if (reply->type == REDIS_REPLY_INTEGER)
        (void)snprintf(text, sizeof text, "%lld", reply->integer);
    freeReplyObject(reply);
    redisFree(c);
    return text;
}

/* On the port and in the folder it has. */
static inline void redis_run(struct redis *r)
{
    redisContext *c = NULL;
    char path[96];
    int status;

    (void)snprintf(path, sizeof path, "%s/conf", r->dir);
    if (access(path, R_OK) != 0)
        redis_conf(r, path);
    unlink(r->sock);
    r->pid = fork();
    if (r->pid == 0)
        redis_exec(r, path);
    for (int i = 0; i < 500 && c == NULL; i++) {
        usleep(10000);
        if (waitpid(r->pid, &status, WNOHANG) == r->pid)
            fail_msg("redis-server ended with %d; its reasons: %s/log", status, r->dir);
        c = redis_open(r);
    }
    if (c == NULL)
        fail_msg("redis-server does not come up: %s/log", r->dir);
    redisFree(c);
}

static inline void redis_start(struct redis *r)
{
    (void)snprintf(r->dir, sizeof r->dir, "/tmp/store_redis_XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    (void)snprintf(r->sock, sizeof r->sock, "%s/sock", r->dir);
    r->port = free_port();
    redis_run(r);
}

static inline void redis_kill(struct redis *r)
{
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    r->pid = 0;
}

static inline void redis_end(struct redis *r)
{
    char command[128];

    redis_kill(r);
    if (r->dir[0] == 0)
        return;
    (void)snprintf(command, sizeof command, "rm -rf %s", r->dir);
    if (system(command) != 0)
        printf("left behind: %s\n", r->dir);
    r->dir[0] = 0;
}

static inline const char *redis_url(const struct redis *r, const char *scheme, const char *before,
                                    const char *after)
{
    static char url[256];

    (void)snprintf(url, sizeof url, "%s://%s127.0.0.1:%u%s", scheme, before, r->port, after);
    return url;
}

#endif
