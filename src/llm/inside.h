/* llm/inside.h -- what the files of this room share.
 *
 * All take raw values as sl_json_get() gives them; .p NULL (not there) is fine
 * everywhere.
 */
#ifndef SL_LLM_INSIDE_H
#define SL_LLM_INSIDE_H

#include "base/text.h"
#include "llm/dialect.h"

#define SL_LLM_SCRATCH 16384 /* data of events in several lines, joined */
#define SL_LLM_MESSAGE 4096  /* of an error message, at most */

/* There and not null. */
static inline bool sl_llm_is_set(struct sl_str value)
{
    return value.n > 0 && value.p[0] != 'n';
}

static inline bool sl_llm_is_true(struct sl_str value)
{
    return value.n > 0 && value.p[0] == 't';
}

/* Between a string's quotes, still escaped; empty if it is none. */
static inline struct sl_str sl_llm_inner(struct sl_str value)
{
    if (value.n < 2 || value.p[0] != '"')
        return (struct sl_str){"", 0};
    return (struct sl_str){value.p + 1, value.n - 2};
}

/* Unescapes a string into `out`, as many whole characters as fit; terminated.
 * Returns the length; 0, and `out` stays as it was, if it is empty or no string. */
size_t sl_llm_copy(struct sl_str value, char *out, size_t cap);
/* A count of tokens; too large ones, even for 64 bits, are clamped. */
bool sl_llm_count(struct sl_str value, uint64_t *out);
/* What kind of error: its type, error_type or code, whatever is there first, or "error". */
void sl_llm_note_error(struct sl_usage *u, struct sl_str error);
/* A stop or finish reason; null is none. */
void sl_llm_note_stop(struct sl_usage *u, struct sl_str reason);
/* Notes the `error` of one choice, if it has one that is not null. */
bool sl_llm_note_choice_error(struct sl_usage *u, struct sl_str choice);
/* Room for an error of that message and id and `more` bytes; .p NULL without memory. */
struct sl_text sl_llm_text(struct sl_arena *a, struct sl_str message, struct sl_str id,
                           size_t more);

#endif
