/* RELAY, of a stream the events that are too large to hold: what can be known of them
 * from their first and their last bytes. */
#include "gateway/relay/relay.h"

#include "gateway/quota/hard.h"

#define LAST_MAX 2048 /* of an event too large to hold: where usage stands */

/* An event too large to hold is known by its name line alone, and by its last
 * bytes: the final event of the responses protocol repeats the whole answer and
 * carries the usage at its end. */
void sl_relay_large_begin(struct sl_req *r, struct sl_str first)
{
    struct sl_str data = SL_STR("data: {}\n\n");
    char scratch[160];
    ptrdiff_t end;

    sl_hard_lost(r, first);
    if (!sl_str_starts(first, SL_STR("event:")))
        return;
    end = sl_str_find_byte(first, '\n');
    if (end < 0 || (size_t)end + 1 + data.n > sizeof scratch)
        return;
    memcpy(scratch, first.p, (size_t)end + 1);
    memcpy(scratch + end + 1, data.p, data.n);
    (void)r->dialect->event(r->ep, (struct sl_str){scratch, (size_t)end + 1 + data.n}, &r->usage);
}

/* Is it an error? By its first bytes: its name, or where errors have none, their member. */
bool sl_relay_large_is_error(const struct sl_req *r, struct sl_str first)
{
    static const struct sl_str starts[] = {
        SL_STR_INIT("event: error"),
        SL_STR_INIT("event:error"),
        SL_STR_INIT("event: response.fa"),
        SL_STR_INIT("event:response.fa"),
        SL_STR_INIT("data: {\"type\":\"error\""),
    };

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (sl_str_starts(first, starts[i]))
            return true;
    return (r->ep == SL_EP_CHAT || r->ep == SL_EP_COMPLETIONS) &&
           sl_str_find(first, SL_STR("\"error\":{")) >= 0;
}

/* Of a passing large event the last bytes are kept. */
void sl_relay_large_keep(struct sl_req *r, struct sl_str bytes)
{
    if (bytes.n > LAST_MAX)
        bytes = sl_str_from(bytes, bytes.n - LAST_MAX);
    if (r->tail.len + bytes.n > LAST_MAX)
        sl_buf_consume(&r->tail, r->tail.len + bytes.n - LAST_MAX);
    (void)!sl_buf_append(&r->tail, bytes); /* without memory the count is an estimate */
}

void sl_relay_large_end(struct sl_req *r)
{
    char text[LAST_MAX];
    struct sl_str part, rest = {text, 0}, found = {NULL, 0};
    ptrdiff_t at;
    size_t end = 0;

    while (sl_buf_peek(&r->tail, &part, 1) == 1) {
        memcpy(text + rest.n, part.p, part.n);
        rest.n += part.n;
        sl_buf_consume(&r->tail, part.n);
    }
    while ((at = sl_str_find(rest, SL_STR("\"usage\":{"))) >= 0)
        found = rest = sl_str_from(rest, (size_t)at + 8);
    /* numbers and objects of numbers: no string hides a brace */
    for (int depth = 0; end < found.n; end++) {
        depth += found.p[end] == '{' ? 1 : found.p[end] == '}' ? -1 : 0;
        if (depth == 0) {
            (void)sl_usage_merge(&r->usage, sl_str_first(found, end + 1));
            return;
        }
    }
}
