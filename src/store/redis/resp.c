/* Lengths and numbers are written by hand: a request has a hundred of them, and printf
 * takes longer for one than all the rest of an argument. */
#include "store/redis/resp.h"

static const struct sl_str line_end = SL_STR_INIT("\r\n");

void sl_resp_length(struct sl_text *t, char kind, size_t n)
{
    if (n >= 10 && n < 100) { /* most are */
        char line[] = {kind, (char)('0' + n / 10), (char)('0' + n % 10), '\r', '\n'};

        sl_text_add(t, (struct sl_str){line, sizeof line});
        return;
    }
    sl_text_byte(t, kind);
    sl_text_u64(t, n);
    sl_text_add(t, line_end);
}

void sl_resp_add(struct sl_grow *g, const struct sl_str *parts, size_t n)
{
    size_t total = 0;
    struct sl_text t;
    char *at;

    for (size_t i = 0; i < n; i++)
        total += parts[i].n;
    at = sl_grow_room(g, SL_RESP_LENGTH + total + line_end.n);
    if (at == NULL)
        return;
    t = sl_text_over(at, SL_RESP_LENGTH + total + line_end.n);
    sl_resp_length(&t, '$', total);
    for (size_t i = 0; i < n; i++)
        sl_text_add(&t, parts[i]);
    sl_text_add(&t, line_end);
    g->n += t.n;
}

void sl_resp_int(struct sl_grow *g, int64_t n)
{
    char digits[24];
    struct sl_text t = sl_text_over(digits, sizeof digits);
    struct sl_str text;

    if (n >= 0 && n < 10) { /* most are */
        char small[] = {'$', '1', '\r', '\n', (char)('0' + n), '\r', '\n'};

        sl_grow_add(g, (struct sl_str){small, sizeof small});
        return;
    }
    if (n == -1) { /* not set */
        sl_grow_add(g, SL_STR("$2\r\n-1\r\n"));
        return;
    }
    sl_text_i64(&t, n);
    text = sl_text_str(&t);
    sl_resp_add(g, &text, 1);
}
