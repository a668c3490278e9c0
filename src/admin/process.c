/* admin/process.c -- gauges about the process and about what is alive in it.
 *
 * /proc answers from memory: reading it does not block. The admin's own
 * connections are left out of the live objects, so that looking changes
 * nothing. Names of process_* as in Prometheus' client library guidelines.
 */
#include "admin/inside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <dirent.h>
#include <time.h>
#include <unistd.h>

#define FDS_COUNTED 100000 /* entries looked at where the kernel does not tell */

/* From the start: a counter that begins with 1 has not increased, for Prometheus. */
static void begin_at_zero(struct sl_metric_family *reloads)
{
    static const struct sl_str results[] = {{"ok", 2}, {"refused", 7}};

    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        sl_metric_add(sl_metric_series(reloads, &results[i]), 0);
}

void sl_process_families_make(struct sl_admin *a)
{
    struct sl_metrics *m = a->metrics;
    struct sl_process_families *f = &a->f;

    f->cpu = sl_metric_family(m, SL_METRIC_COUNTER, "process_cpu_seconds_total",
                              "User and system CPU time.", "", NULL);
    f->memory = sl_metric_family(m, SL_METRIC_GAUGE, "process_resident_memory_bytes",
                                 "Resident memory.", "", NULL);
    f->fds =
        sl_metric_family(m, SL_METRIC_GAUGE, "process_open_fds", "Open descriptors.", "", NULL);
    f->max_fds = sl_metric_family(m, SL_METRIC_GAUGE, "process_max_fds",
                                  "Most descriptors the system allows.", "", NULL);
    f->started = sl_metric_family(m, SL_METRIC_GAUGE, "process_start_time_seconds",
                                  "When the process began, in seconds since the epoch.", "", NULL);
    f->lag = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_loop_lag_seconds",
                              "Longest turn of the loop since the last exposition.", "", NULL);
    f->live = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_live_objects",
                               "Objects alive on the data path.", "kind", NULL);
    f->config = sl_metric_family(m, SL_METRIC_GAUGE, "sluice_config_info",
                                 "1 for the configuration in force.", "hash", NULL);
    f->reloads = sl_metric_family(m, SL_METRIC_COUNTER, "sluice_config_reloads_total",
                                  "Reloads asked for, by what became of them.", "result", NULL);
    begin_at_zero(f->reloads);
}

static void set(struct sl_metric_family *f, struct sl_str label, double v)
{
    sl_metric_set(sl_metric_series(f, &label), v);
}

static void set_plain(struct sl_metric_family *f, double v)
{
    set(f, (struct sl_str){"", 0}, v);
}

/* Field `n` (from 1) of /proc/self/stat; the name in brackets may hold spaces,
 * so fields are counted from behind it. */
static uint64_t stat_field(struct sl_str text, unsigned n)
{
    struct sl_str rest = text, piece = {"", 0};
    uint64_t v = 0;

    for (size_t i = text.n; i > 0; i--) {
        if (text.p[i - 1] == ')') {
            rest = sl_str_from(text, i + 1);
            break;
        }
    }
    for (unsigned at = 3; at <= n; at++)
        if (!sl_str_split(&rest, ' ', &piece))
            return 0;
    return sl_str_to_u64(piece, &v) ? v : 0;
}

static struct sl_str read_small(const char *path, char *place, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return (struct sl_str){"", 0};
    n = read(fd, place, cap);
    close(fd);
    return (struct sl_str){place, n > 0 ? (size_t)n : 0};
}

/* Newer kernels say the number in st_size; elsewhere entries are counted. */
static double open_fds(void)
{
    struct stat st;
    double n = 0;
    DIR *dir;

    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
        return (double)st.st_size;
    dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return 0;
    for (const struct dirent *e = readdir(dir); e != NULL && n < FDS_COUNTED; e = readdir(dir))
        n += e->d_name[0] != '.';
    closedir(dir);
    return n > 0 ? n - 1 : 0; /* without the directory itself */
}

static double start_time(struct sl_str stat_text)
{
    double ticks = (double)stat_field(stat_text, 22), hz = (double)sysconf(_SC_CLK_TCK);
    struct timespec wall, boot;

    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return (double)wall.tv_sec - (double)boot.tv_sec + (double)(wall.tv_nsec - boot.tv_nsec) / 1e9 +
           ticks / hz;
}

static void refresh_process(struct sl_admin *a)
{
    char place[1024];
    struct sl_str text = read_small("/proc/self/stat", place, sizeof(place));
    struct rusage use;
    struct rlimit limit;

    if (getrusage(RUSAGE_SELF, &use) == 0)
        set_plain(a->f.cpu, (double)use.ru_utime.tv_sec + (double)use.ru_stime.tv_sec +
                                (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    if (text.n > 0) {
        set_plain(a->f.memory, (double)stat_field(text, 24) * (double)sysconf(_SC_PAGESIZE));
        if (sl_metric_series(a->f.started, &(struct sl_str){"", 0})->value == 0)
            set_plain(a->f.started, start_time(text)); /* once: clocks drift apart */
    }
    set_plain(a->f.fds, open_fds());
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        set_plain(a->f.max_fds, (double)limit.rlim_cur);
}

static void refresh_live(struct sl_admin *a)
{
    const struct sl_gateway_conf *conf = sl_gateway_conf_now(a->gateway);
    struct sl_net_counts net = sl_net_count(a->net);
    struct sl_server_counts clients = sl_gateway_server_count(a->gateway);
    size_t own = a->server != NULL ? sl_server_count(a->server).connections : 0, upstreams = 0;

    for (size_t i = 0; i < conf->providers_n; i++)
        if (conf->providers[i].origin != NULL)
            upstreams += sl_origin_count(conf->providers[i].origin).open;
    set(a->f.live, SL_STR("requests"), (double)sl_gateway_requests(a->gateway));
    set(a->f.live, SL_STR("exchanges"), (double)clients.exchanges);
    set(a->f.live, SL_STR("connections"), (double)clients.connections);
    set(a->f.live, SL_STR("upstreams"), (double)upstreams);
    set(a->f.live, SL_STR("streams"), (double)(net.streams > own ? net.streams - own : 0));
    set(a->f.live, SL_STR("ops"), (double)net.ops);
    set(a->f.live, SL_STR("timers"), (double)net.timers);
    set_plain(a->f.lag, (double)net.lag_us / 1e6);
}

void sl_process_refresh(struct sl_admin *a)
{
    sl_gateway_refresh_metrics(a->gateway);
    refresh_process(a);
    refresh_live(a);
}
