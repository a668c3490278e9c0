/* store/trail/head.c -- trail.head: one line of fixed length, rewritten in place, which
 * also works where the disk is full. It is not synced: one that is a second old finds
 * a little less, and lets lines be sent again that are then skipped. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "store/trail/inside.h"

#define BODY 121 /* bytes before the mac of the head itself */
#define SIZE 191

static void put_number(struct sl_text *t, uint64_t v)
{
    sl_text_printf(t, "%020llu", (unsigned long long)v);
}

static void put_mac(struct sl_text *t, const struct sl_trail_mac *m)
{
    char hex[64];

    sl_str_hex(m->b, sizeof m->b, hex);
    sl_text_add(t, (struct sl_str){hex, sizeof hex});
}

static const struct sl_trail_mac zero;

bool sl_trail_head_write(int dir, const struct sl_tls_key *key, const struct sl_trail_head *h)
{
    char line[SIZE + 1];
    struct sl_text t = sl_text_over(line, sizeof line);
    struct sl_trail_mac own;
    int fd = openat(dir, "trail.head", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool ok;

    if (fd < 0)
        return false;
    sl_text_add(&t, SL_STR("acked "));
    put_number(&t, h->acked);
    sl_text_add(&t, SL_STR(" last "));
    put_number(&t, h->last);
    sl_text_add(&t, SL_STR(" mac "));
    put_mac(&t, &h->mac);
    own = sl_trail_line_mac(key, sl_text_str(&t), &zero);
    sl_text_add(&t, SL_STR(" own "));
    put_mac(&t, &own);
    sl_text_byte(&t, '\n');
    ok = pwrite(fd, line, t.n, 0) == (ssize_t)t.n;
    return close(fd) == 0 && ok;
}

static bool take(struct sl_str *rest, struct sl_str word, size_t n, struct sl_str *out)
{
    if (!sl_str_starts(*rest, word) || rest->n < word.n + n)
        return false;
    *out = sl_str_first(sl_str_from(*rest, word.n), n);
    *rest = sl_str_from(*rest, word.n + n);
    return true;
}

static bool read_line(struct sl_str rest, const struct sl_tls_key *key, struct sl_trail_head *h)
{
    struct sl_str body = sl_str_first(rest, BODY), acked, last, mac, own;
    struct sl_trail_mac said, is;

    if (!take(&rest, SL_STR("acked "), 20, &acked) || !take(&rest, SL_STR(" last "), 20, &last) ||
        !take(&rest, SL_STR(" mac "), 64, &mac) || !take(&rest, SL_STR(" own "), 64, &own) ||
        !sl_str_eq(rest, SL_STR("\n")))
        return false;
    if (!sl_str_to_u64(acked, &h->acked) || !sl_str_to_u64(last, &h->last) ||
        !sl_str_unhex(mac, h->mac.b, sizeof h->mac.b) || !sl_str_unhex(own, said.b, sizeof said.b))
        return false;
    is = sl_trail_line_mac(key, body, &zero);
    return sl_trail_mac_eq(&is, &said);
}

enum sl_trail_head_is sl_trail_head_read(const char *dir, const struct sl_tls_key *key,
                                         struct sl_trail_head *h)
{
    char line[SIZE + 1];
    int fd = sl_trail_files_open(dir, "trail.head");
    int64_t n;

    if (fd < 0)
        return errno == ENOENT ? SL_TRAIL_HEAD_NONE : SL_TRAIL_HEAD_BAD;
    n = sl_trail_files_read(fd, 0, line, sizeof line);
    close(fd);
    if (n == 0) /* made, and the process died before the first line of it */
        return SL_TRAIL_HEAD_NONE;
    if (n == SIZE && read_line((struct sl_str){line, SIZE}, key, h))
        return SL_TRAIL_HEAD_OK;
    return SL_TRAIL_HEAD_BAD;
}
