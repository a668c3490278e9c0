/* llm/fold/unfold.c -- what unfolding has in common: raw values on one line, texts in
 * pieces. */
#include "llm/fold/inside.h"

#include "llm/inside.h"

/* Outside of strings line ends are mere space; inside, JSON has them escaped. */
void sl_unfold_raw(struct sl_unfold *u, struct sl_str raw)
{
    while (raw.n > 0) {
        size_t n = 0;

        while (n < raw.n && raw.p[n] != '\n' && raw.p[n] != '\r')
            n++;
        sl_grow_add(&u->out, sl_str_first(raw, n));
        raw = sl_str_from(raw, n + 1);
    }
}

void sl_unfold_member(struct sl_unfold *u, struct sl_str key, struct sl_str value)
{
    if (u->out.n > 0 && u->out.p[u->out.n - 1] != '{')
        sl_grow_byte(&u->out, ',');
    sl_grow_byte(&u->out, '"');
    sl_grow_add(&u->out, key);
    sl_grow_add(&u->out, SL_STR("\":"));
    sl_unfold_raw(u, value);
}

/* The most bytes of a piece that end with a whole character. */
static size_t whole_characters(struct sl_str s)
{
    size_t n = SL_FOLD_PIECE;

    while (n > SL_FOLD_PIECE - 4 && ((uint8_t)s.p[n] & 0xc0) == 0x80)
        n--;
    return n;
}

/* The same in a string that holds escapes. */
static size_t whole_escapes(struct sl_str s)
{
    size_t at = 0, n;
    uint32_t code;

    while ((n = sl_json_char(sl_str_from(s, at), &code)) > 0 && at + n <= SL_FOLD_PIECE)
        at += n;
    return at > 0 ? at : SL_FOLD_PIECE;
}

static bool cut_off(struct sl_str *rest, size_t n, struct sl_str *piece)
{
    *piece = sl_str_first(*rest, n);
    *rest = sl_str_from(*rest, n);
    return piece->n > 0;
}

bool sl_unfold_piece(struct sl_str *rest, struct sl_str *piece)
{
    size_t n = rest->n;

    if (n > SL_FOLD_PIECE)
        n = memchr(rest->p, '\\', SL_FOLD_PIECE) != NULL ? whole_escapes(*rest)
                                                         : whole_characters(*rest);
    return cut_off(rest, n, piece);
}

bool sl_unfold_slice(struct sl_str *rest, struct sl_str *slice)
{
    return cut_off(rest, rest->n > SL_FOLD_PIECE ? whole_characters(*rest) : rest->n, slice);
}

enum sl_err sl_unfold(enum sl_endpoint ep, struct sl_str plain, bool usage, struct sl_arena *a,
                      struct sl_str *out)
{
    struct sl_unfold u = {.plain = plain, .usage = usage};
    enum sl_err err;

    if (!sl_json_is_object(plain))
        return SL_ERR_UP_GARBAGE;
    /* a text stands five times in the events of a response; pieces and blocks have
     * frames. An answer of nothing but frames is not worth more. */
    sl_grow_init(&u.out, 16 * plain.n + 65536);
    switch (ep) {
    case SL_EP_MESSAGES: sl_unfold_anthropic(&u); break;
    case SL_EP_CHAT:
    case SL_EP_COMPLETIONS: sl_unfold_openai(&u, ep); break;
    case SL_EP_RESPONSES: sl_unfold_responses(&u); break;
    default: u.err = SL_ERR_UP_GARBAGE; break;
    }
    err = sl_grow_take(&u.out, a, out);
    return u.err != SL_OK ? u.err : err;
}
