/* llm/sse.h -- finds where events end, whatever the splits; copies nothing.
 *
 * Feed it the bytes as they come; it says how many bytes from the start of the
 * piece complete whole events. LF, CRLF and CR line ends, mixed; a leading BOM.
 * An empty line where no event is open counts as an event of its own, without
 * data. A CR ends its line at once; if its LF comes in the next piece, that byte
 * is the first of the next event.
 * Source: WHATWG HTML, section 9.2.6 (event stream interpretation).
 */
#ifndef SL_LLM_SSE_H
#define SL_LLM_SSE_H

#include "base/str.h"

struct sl_sse {
    bool in_line;  /* bytes of a line were seen since the last line end */
    bool was_cr;   /* last byte was CR: a LF now belongs to it */
    bool in_event; /* a line that is not empty ended since the last event's end */
};

void sl_sse_init(struct sl_sse *s);
/* Looks for the end of the first event in `piece`. Returns true and *n (bytes up
 * to and including its empty line), or false when none ends in it (all of
 * `piece` then belongs to the unfinished event). After true, feed the rest. */
bool sl_sse_next(struct sl_sse *s, struct sl_str piece, size_t *n);
/* Between events? (Nothing of an unfinished event was fed.) */
bool sl_sse_is_between(const struct sl_sse *s);

/* One whole event's fields: its name (or "") and its data. Several data lines
 * are joined by LF into `scratch` (cut at cap: then .p NULL); one line is
 * returned in place. Comments and other fields are skipped. */
struct sl_sse_event {
    struct sl_str name;
    struct sl_str data;
    bool has_data;
};
void sl_sse_parse(struct sl_str event, char *scratch, size_t cap, struct sl_sse_event *out);

#endif
