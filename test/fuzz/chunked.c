/* Fuzz: a chunked body behind a good head. Held beside the split oracle: the
 * payload is never longer than what came, and a second, plain reader of chunks
 * agrees about every body that was accepted. */
#include "fuzz/_http.h"

static const char head[] =
    "POST /v1/messages HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads one size line, extensions and all; false where it does not end. */
static bool size_line(struct sl_str *s, uint64_t *n)
{
    ptrdiff_t end = sl_str_find(*s, SL_STR("\r\n"));
    size_t i = 0;

    *n = 0;
    while (i < s->n && digit(s->p[i]) >= 0)
        *n = *n * 16 + (uint64_t)digit(s->p[i++]);
    if (end < 0 || i == 0)
        return false;
    *s = sl_str_from(*s, (size_t)end + 2);
    return true;
}

/* The sum over the payload of a body known to be well formed. */
static void plain_reader(struct sl_str s, const struct story_message *m)
{
    uint64_t sum = 1, total = 0, n;

    while (size_line(&s, &n) && n > 0) {
        SL_CHECK(n <= s.n);
        sum = story_mix(sum, s.p, (size_t)n);
        total += n;
        s = sl_str_from(s, (size_t)n);
        SL_CHECK(sl_str_starts(s, SL_STR("\r\n")));
        s = sl_str_from(s, 2);
    }
    SL_CHECK(total == m->body_n && (total == 0 || sum == m->body));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct story whole;
    size_t n = sizeof(head) - 1 + size;
    char *text = sl_mem_new(n);

    memcpy(text, head, sizeof(head) - 1);
    if (size > 0)
        memcpy(text + sizeof(head) - 1, data, size);
    story_check((struct sl_str){text, n}, true, false, &whole);
    SL_CHECK(whole.m[0].body_n <= size);
    /* a quote in an extension may hide a line end from the plain reader */
    if (whole.m[0].over && (size == 0 || memchr(data, '"', size) == NULL))
        plain_reader((struct sl_str){(const char *)data, size}, &whole.m[0]);
    sl_mem_free(text);
    return 0;
}
