/* cli/limits.c -- what a process asks of the system: of each command that nobody may read its
 * memory, and before it serves, descriptors. */
#include "cli/options.h"
#include "cli/serve.h"

#include "base/log.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define SPARE_FDS 64 /* loop, logs, listeners, resolver, admin connections */

#ifndef IS_SANITIZED /* a unit test says for itself */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

static const struct sl_str nobody = SL_STR_INIT("");

/* Memory holds keys and prompts: neither a core file nor a debugger of the same
 * user may take it. The leak checker works like a debugger, so it is let be. */
void sl_limits_guard(void)
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) != 0)
        sl_log(SL_LOG_WARN, "cli", nobody, "core files can't be switched off");
    if (!IS_SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        sl_log(SL_LOG_WARN, "cli", nobody, "the process can't be made undumpable");
}

void sl_limits_apply(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct rlimit fds;

    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL);
    if (getrlimit(RLIMIT_NOFILE, &fds) == 0 && fds.rlim_cur < fds.rlim_max) {
        fds.rlim_cur = fds.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &fds) != 0)
            sl_log(SL_LOG_WARN, "cli", nobody, "the descriptor limit can't be raised");
    }
}

/* A client's request needs two descriptors at most: its own and the provider's. */
void sl_limits_fit(const struct sl_conf *conf, struct sl_gateway_conf *made)
{
    size_t upstreams = sl_build_upstreams(conf), all, most;
    struct rlimit fds;

    if (getrlimit(RLIMIT_NOFILE, &fds) != 0 || fds.rlim_cur == RLIM_INFINITY)
        return;
    all = fds.rlim_cur > 2 * SPARE_FDS ? (size_t)fds.rlim_cur - SPARE_FDS : SPARE_FDS;
    most = upstreams < all / 2 ? all - upstreams : all / 2;
    if (made->connections <= most)
        return;
    sl_log(SL_LOG_WARN, "cli", nobody,
           "limits.connections lowered from %zu to %zu: %llu descriptors are allowed and providers "
           "may take %zu (raise `ulimit -n`)",
           made->connections, most, (unsigned long long)fds.rlim_cur, upstreams);
    made->connections = most;
}
