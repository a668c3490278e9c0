/* net/file.h -- appended files (logs) that never block the loop.
 *
 * Lines are collected in memory and written by libuv's pool, one write at a
 * time, at most `delay_ms` after the first. Beyond `max` waiting bytes lines
 * are dropped and counted. "-" or "stdout" is descriptor 1, "stderr" is 2.
 */
#ifndef SL_NET_FILE_H
#define SL_NET_FILE_H

#include "net/loop.h"

struct sl_file;

SL_MUST enum sl_err sl_file_open(struct sl_net *net, const char *path, size_t max,
                                 uint64_t delay_ms, struct sl_file **out);
/* The same for a file that only its owner may read (0600); an older one becomes so. */
SL_MUST enum sl_err sl_file_open_private(struct sl_net *net, const char *path, size_t max,
                                         uint64_t delay_ms, struct sl_file **out);
/* False: dropped. */
bool sl_file_append(struct sl_file *f, struct sl_str line);
uint64_t sl_file_dropped(const struct sl_file *f);
SL_MUST enum sl_err sl_file_reopen(struct sl_file *f); /* for log rotation, on SIGHUP */
/* Writes what is left (blocking, at most a second), closes. */
void sl_file_end(struct sl_file **f);

/* Whole small files at start, blocking: configuration, secrets. Zero-terminated;
 * free with sl_mem_free(). NULL and errno on failure or beyond max. */
char *sl_file_load(const char *path, size_t max, size_t *n);

#endif
