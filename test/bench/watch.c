#include "watch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* schedstat counts in nanoseconds; user and system ticks of `stat` are the same
 * sum cut into hundredths of a second, used only where the first is missing. */
static uint64_t ticks_ns(long pid)
{
    char path[64], text[1024];
    char *field, *rest = NULL;
    uint64_t ticks = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    f = fopen(path, "r");
    if (f == NULL)
        return 0;
    field = fgets(text, sizeof(text), f) != NULL ? strrchr(text, ')') : NULL;
    for (int i = 2; field != NULL && i < 13; i++) /* utime and stime are numbers 14 and 15 */
        field = strchr(field + 1, ' ');
    if (field != NULL) {
        ticks = strtoull(field, &rest, 10);
        ticks += strtoull(rest, NULL, 10);
    }
    fclose(f);
    return ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t thread_ns(long pid, const char *thread)
{
    char path[320], text[64];
    uint64_t ns = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/task/%s/schedstat", pid, thread);
    f = fopen(path, "r");
    if (f == NULL)
        return 0;
    if (fgets(text, sizeof(text), f) != NULL)
        ns = strtoull(text, NULL, 10);
    fclose(f);
    return ns;
}

uint64_t watch_cpu_ns(const struct watch *w)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < w->n; i++) {
        char path[64];
        uint64_t ns = 0;
        struct dirent *entry;
        DIR *d;

        snprintf(path, sizeof(path), "/proc/%ld/task", w->pids[i]);
        d = opendir(path);
        while (d != NULL && (entry = readdir(d)) != NULL)
            if (entry->d_name[0] != '.')
                ns += thread_ns(w->pids[i], entry->d_name);
        if (d != NULL)
            closedir(d);
        sum += ns > 0 ? ns : ticks_ns(w->pids[i]);
    }
    return sum;
}

uint64_t watch_rss_kib(const struct watch *w)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < w->n; i++) {
        char path[64], line[128];
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%ld/status", w->pids[i]);
        f = fopen(path, "r");
        while (f != NULL && fgets(line, sizeof(line), f) != NULL)
            if (strncmp(line, "VmRSS:", 6) == 0)
                sum += strtoull(line + 6, NULL, 10);
        if (f != NULL)
            fclose(f);
    }
    return sum;
}
