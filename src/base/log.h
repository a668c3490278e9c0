/* base/log.h -- the log for people: one line each, on a sink the process sets.
 *
 * Levels   error: someone must act; warn; info: a state of the service
 *          changed; debug: steps of a request.
 * Line     JSON {"time","level","room","msg",...} or logfmt of the same, cut at
 *          1 KiB a field, control bytes escaped: input can't forge a line.
 *          Keys appear as public ids, prompts and bodies never.
 * Sink     Default: one write(2) to stderr a line, for the time before the loop
 *          runs. main.c sets one that appends to a net/file afterwards.
 */
#ifndef SL_BASE_LOG_H
#define SL_BASE_LOG_H

#include "base/str.h"

enum sl_log_level { SL_LOG_DEBUG, SL_LOG_INFO, SL_LOG_WARN, SL_LOG_ERROR };

typedef void sl_log_sink_fn(void *ctx, struct sl_str line); /* line ends with \n */

void sl_log_setup(enum sl_log_level least, bool json, sl_log_sink_fn *sink, void *ctx);
/* Cheap question for callers that would have to build something first. */
bool sl_log_has(enum sl_log_level level);
/* `id`: the object's identity (a request id, a provider's name), or empty. */
void sl_log(enum sl_log_level level, const char *room, struct sl_str id, const char *fmt, ...)
    SL_PRINTF(4, 5);
SL_MUST bool sl_log_level_parse(struct sl_str s, enum sl_log_level *out);

#endif
