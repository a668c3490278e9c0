/* admin/api/token_make.c -- keys made, and keys made to take another's place.
 *
 * "sk-slc-<public id>-<secret>": 16 letters and digits that may be logged (80 random bits),
 * 56 that may not (280). The text is shown once, in the answer; its SHA-256 is kept. */
#include "admin/api/handlers.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/rand.h"
#include "net/tls.h"

#define ID_BYTES 10
#define SECRET_BYTES 35
#define LETTERS(bytes) ((bytes) / 5 * 8)
#define DEFAULT_TENANT SL_STR("default")
#define OVERLAP_MS 86400000

/* RFC 4648's alphabet in lower case, five bytes to eight letters. */
static char *letters(char *to, const uint8_t *p, size_t n)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

    for (size_t i = 0; i < n; i += 5) {
        uint64_t bits = 0;

        for (size_t j = 0; j < 5; j++)
            bits = bits << 8 | p[i + j];
        for (int shift = 35; shift >= 0; shift -= 5)
            *to++ = alphabet[bits >> shift & 31];
    }
    return to;
}

struct made {
    char text[7 + LETTERS(ID_BYTES) + 1 + LETTERS(SECRET_BYTES)];
    sl_api_fn *then; /* once it is in the store */
};

/* A new key for c->other, its text in c->note. */
static bool make_key(struct sl_api *c, struct sl_str tenant)
{
    struct made *m = sl_arena_zalloc(&c->arena, sizeof *m);
    struct sl_subject *s = &c->other;
    uint8_t random[ID_BYTES + SECRET_BYTES];
    char *at;

    if (m == NULL)
        return false;
    sl_rand_bytes(random, sizeof random);
    memcpy(m->text, "sk-slc-", 7);
    at = letters(m->text + 7, random, ID_BYTES);
    *at++ = '-';
    letters(at, random + ID_BYTES, SECRET_BYTES);
    sl_mem_wipe(random, sizeof random);
    *s = (struct sl_subject){.kind = SL_RECORD_KEY,
                             .id = {m->text + 7, LETTERS(ID_BYTES)},
                             .tenant = tenant,
                             .has_sha256 = true};
    sl_tls_sha256((struct sl_str){m->text, sizeof m->text}, s->sha256);
    c->note = m;
    return true;
}

static void answer(struct sl_api *c)
{
    struct made *m = c->note;
    struct sl_str text = {m->text, sizeof m->text};
    struct sl_tenant of;
    struct sl_key k;

    sl_find_lay_tenant(c, &c->tenant, &of);
    sl_find_lay_key(&c->other, &of, &k);
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '{');
    sl_show_key(c, &c->other, &k, NULL);
    sl_out_text(&c->out, "key", text);
    sl_out_close(&c->out, '}');
    sl_out_text(&c->out, "key", text);
    sl_api_done(c);
    sl_mem_wipe(m->text, sizeof m->text);
}

/* ---- made ---- */

static bool apply_made(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    put->doc = sl_arena_printf(&c->arena, "{\"created\":%lld}", (long long)(sl_api_now(c) / 1000));
    if (put->doc.p != NULL)
        return sl_change_patch(c, s, sl_ask_patch(&c->ask, NULL, 0, &c->arena), put);
    sl_api_no_memory(c);
    return false;
}

static void put_key(struct sl_api *c)
{
    if (make_key(c, c->tenant.id))
        sl_change_start(c, &c->other, apply_made, "made", answer);
    else
        sl_api_no_memory(c);
}

static bool apply_tenant(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    (void)s;
    put->state = SL_STR("active");
    put->doc = sl_arena_printf(&c->arena, "{\"created\":%lld}", (long long)(sl_api_now(c) / 1000));
    if (put->doc.p == NULL)
        sl_api_no_memory(c);
    return put->doc.p != NULL;
}

static void on_tenant(struct sl_api *c)
{
    const struct sl_subject *t = &c->tenant;

    if (!sl_subject_is_there(t) && sl_str_eq(t->id, DEFAULT_TENANT))
        sl_change_start(c, &c->tenant, apply_tenant, "made", put_key);
    else if (!sl_subject_is_there(t))
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "tenant",
                    "tenant: there is no tenant %.*s; POST /admin/api/tenant makes one",
                    SL_STR_ARGS(t->id));
    else if (sl_str_eq(sl_subject_state(t), SL_STR("deleted")))
        sl_api_fail(c, 0, SL_ERR_CONFLICT, "tenant",
                    "tenant: %.*s is deleted; PATCH it with {\"state\":\"active\"} first",
                    SL_STR_ARGS(t->id));
    else
        put_key(c);
}

void sl_token_make(struct sl_api *c)
{
    if (sl_api_ask(c, SL_ASK_MAKE_KEY))
        sl_find_tenant(c, c->ask.tenant.n > 0 ? c->ask.tenant : DEFAULT_TENANT, on_tenant);
}

/* ---- rotated ---- */

/* The old key as a document of its own: the new one stands in no file. */
static struct sl_str document(struct sl_api *c)
{
    const struct sl_subject *s = &c->key;
    struct sl_out *o = &c->out;
    struct sl_tenant of;
    struct sl_key k;
    int64_t expires;
    struct sl_str piece, whole;
    char *at;

    sl_find_lay_tenant(c, &c->tenant, &of);
    sl_find_lay_key(s, &of, &k);
    expires = s->rev > 0 && s->doc.expires_unix_ms != SL_UNSET ? s->doc.expires_unix_ms
              : s->file_key != NULL                            ? s->file_key->expires_unix_ms
                                                               : 0;
    sl_out_clear(o);
    sl_out_open(o, NULL, '{');
    sl_out_text(o, "name", k.name);
    sl_out_text(o, "user", k.user);
    sl_out_number(o, "expires", expires / 1000);
    if (k.grade != SL_UNSET)
        sl_out_number(o, "class", k.grade);
    sl_out_open(o, "scopes", '[');
    for (size_t i = 0; i < k.scopes_n; i++)
        sl_out_text(o, NULL, k.scopes[i]);
    sl_out_close(o, ']');
    sl_show_limits(o, "limits", &k.own.limits);
    sl_show_budget(o, "budget", &k.own.budget);
    sl_out_text(o, "account", k.account.n > 0 ? k.account : s->id);
    sl_out_number(o, "created", sl_api_now(c) / 1000);
    sl_out_close(o, '}');
    whole = (struct sl_str){sl_arena_alloc(&c->arena, o->bytes.len), o->bytes.len};
    at = (char *)whole.p;
    while (at != NULL && !o->cut && o->bytes.len > 0) {
        (void)sl_buf_peek(&o->bytes, &piece, 1);
        memcpy(at, piece.p, piece.n);
        at += piece.n;
        sl_buf_consume(&o->bytes, piece.n);
    }
    return o->cut ? (struct sl_str){NULL, 0} : whole;
}

static bool apply_successor(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    struct sl_str doc = document(c);

    put->doc = SL_STR("{}");
    return sl_change_patch(c, s, doc, put);
}

static bool apply_ending(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    int64_t overlap = c->ask.overlap_ms >= 0 ? c->ask.overlap_ms : OVERLAP_MS;
    int64_t until = (sl_api_now(c) + overlap) / 1000;

    return sl_change_patch(
        c, s, sl_arena_printf(&c->arena, "{\"rotated_until\":%lld}", (long long)until), put);
}

static void end_old(struct sl_api *c)
{
    sl_change_start(c, &c->key, apply_ending, "rotated out", answer);
}

static void put_successor(struct sl_api *c)
{
    if (make_key(c, c->tenant.id))
        sl_change_start(c, &c->other, apply_successor, "made in another's place", end_old);
    else
        sl_api_no_memory(c);
}

static void on_old(struct sl_api *c)
{
    const struct sl_subject *s = &c->key;

    if (!sl_find_has(c, s))
        return;
    if (!sl_str_eq(sl_subject_state(s), SL_STR("active")) ||
        (s->rev > 0 && s->doc.rotated_unix_ms > 0)) {
        sl_api_fail(c, 0, SL_ERR_CONFLICT, "id",
                    "id: key %.*s is not active, or was rotated before; make a new one",
                    SL_STR_ARGS(s->id));
        return;
    }
    sl_find_tenant(c, s->tenant, put_successor);
}

void sl_token_rotate(struct sl_api *c)
{
    if (sl_api_ask(c, SL_ASK_ROTATE))
        sl_find_key(c, c->name, on_old);
}
