/* store/trail/line.c -- what a line looks like: {"n":12,…,"mac":"<64 digits>"}. */
#include "base/json.h"
#include "base/mem.h"
#include "net/tls.h"
#include "store/trail/inside.h"

static const struct sl_str tail_begin = SL_STR_INIT(",\"mac\":\"");

bool sl_trail_line_split(struct sl_str line, struct sl_str *body, struct sl_trail_mac *mac)
{
    struct sl_str tail, said;
    char hex[64];

    if (line.n <= SL_TRAIL_TAIL || line.p[0] != '{')
        return false;
    tail = sl_str_from(line, line.n - SL_TRAIL_TAIL);
    if (!sl_str_starts(tail, tail_begin) || !sl_str_ends(tail, SL_STR("\"}")))
        return false;
    *body = sl_str_first(line, line.n - SL_TRAIL_TAIL);
    said = sl_str_first(sl_str_from(tail, tail_begin.n), sizeof hex);
    if (!sl_str_unhex(said, mac->b, sizeof mac->b))
        return false;
    sl_str_hex(mac->b, sizeof mac->b, hex); /* one way to write it: no byte is free to change */
    return sl_str_eq(said, (struct sl_str){hex, sizeof hex});
}

/* Where a line stands is found by its first bytes alone: `{"n":` and digits. */
bool sl_trail_line_number(struct sl_str line, uint64_t *n)
{
    ptrdiff_t comma;

    if (!sl_str_starts(line, SL_STR("{\"n\":")))
        return false;
    line = sl_str_from(line, 5);
    comma = sl_str_find_byte(sl_str_first(line, 21), ',');
    return comma > 0 && sl_str_to_u64(sl_str_first(line, (size_t)comma), n) && *n > 0;
}

bool sl_trail_line_is(struct sl_str line, uint64_t number, const uint8_t mac[32])
{
    struct sl_trail_mac own;
    struct sl_str body;
    uint64_t n;

    return sl_trail_line_number(line, &n) && n == number &&
           sl_trail_line_split(line, &body, &own) && memcmp(own.b, mac, sizeof own.b) == 0;
}

uint64_t sl_trail_line_from(struct sl_str line, uint64_t n)
{
    struct sl_str kind = sl_json_get(line, SL_STR("kind"));
    uint64_t from;

    if (!sl_str_eq(kind, SL_STR("\"start\"")) && !sl_str_eq(kind, SL_STR("\"dropped\"")))
        return n;
    if (!sl_json_u64(sl_json_get(line, SL_STR("from")), &from) || from == 0 || from > n)
        return n;
    return from;
}

struct sl_trail_mac sl_trail_line_mac(const struct sl_tls_key *key, struct sl_str body,
                                      const struct sl_trail_mac *before)
{
    const struct sl_str parts[2] = {body, {(const char *)before->b, sizeof before->b}};
    struct sl_trail_mac out;

    sl_tls_key_hmac(key, parts, 2, out.b);
    return out;
}

bool sl_trail_mac_eq(const struct sl_trail_mac *a, const struct sl_trail_mac *b)
{
    return sl_str_eq_secret((struct sl_str){(const char *)a->b, sizeof a->b},
                            (struct sl_str){(const char *)b->b, sizeof b->b});
}

/* ---- texts that are told apart, and not told ---- */

static void blind(const struct sl_tls_key *key, struct sl_str text, char out[16])
{
    struct sl_trail_mac mac;
    char hex[64];

    sl_tls_key_hmac(key, &text, 1, mac.b);
    sl_str_hex(mac.b, sizeof mac.b, hex);
    memcpy(out, hex, 16);
}

void sl_trail_blind_init(const struct sl_tls_key *key, struct sl_tls_key *out)
{
    const struct sl_str use = SL_STR("names for addresses");
    struct sl_trail_mac made;

    sl_tls_key_hmac(key, &use, 1, made.b);
    sl_tls_key_init(out, (struct sl_str){(const char *)made.b, sizeof made.b});
    sl_mem_wipe(&made, sizeof made);
}

void sl_trail_blind(const struct sl_trail *t, struct sl_str text, char out[16])
{
    blind(&t->blind, text, out);
}

bool sl_trail_blind_by(struct sl_str dir, struct sl_str text, char out[16])
{
    char path[SL_TRAIL_PATH];
    struct sl_tls_key key, made;
    bool ok;

    if (dir.n == 0 || dir.n >= sizeof path)
        return false;
    memcpy(path, dir.p, dir.n);
    path[dir.n] = 0;
    ok = sl_trail_files_key(path, &key);
    if (ok) {
        sl_trail_blind_init(&key, &made);
        blind(&made, text, out);
        sl_mem_wipe(&key, sizeof key);
        sl_mem_wipe(&made, sizeof made);
    }
    return ok;
}
