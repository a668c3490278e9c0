/* A request that is kept, from its body to its line. */
#include "gateway/kept/inside.h"

#include "base/json_scan.h"
#include "base/mem.h"
#include "llm/said.h"

#define ESCAPED 6  /* bytes of a line that one of a text may take */
#define MORE 16384 /* all that a line has besides texts */
#define WORD 4096  /* of the last one of a text that was cut */

/* ---- its life ---- */

bool sl_kept_is_due(const struct sl_req *r)
{
    return r->explain == NULL && r->gw->prompts != NULL && r->key->of->log_prompts;
}

void sl_kept_begin(struct sl_req *r, struct sl_str secret)
{
    struct sl_kept *k;

    k = sl_mem_try(sizeof(*k));
    if (k == NULL) {
        r->gw->prompts_lost++;
        return;
    }
    memset(k, 0, sizeof(*k));
    k->r = r;
    k->secret = secret;
    k->left = r->conf->kept.max;
    sl_sse_init(&k->sse);
    sl_grow_init(&k->tail, SL_KEPT_WHOLE);
    r->kept = k;
    sl_exch_tap(r->x, sl_kept_hear, k);
}

void sl_kept_end(struct sl_req *r)
{
    struct sl_kept *k = r->kept;

    if (k == NULL)
        return;
    r->kept = NULL;
    if (r->x != NULL)
        sl_exch_tap(r->x, NULL, NULL);
    for (size_t i = 0; i < k->texts_n; i++)
        sl_grow_fini(&k->texts[i].text);
    sl_grow_fini(&k->tail);
    sl_mem_free(k);
}

/* ---- a text ---- */

bool sl_kept_unescape(struct sl_grow *out, struct sl_str inner, size_t left)
{
    while (inner.n > 0) {
        ptrdiff_t plain = sl_str_find_byte(inner, '\\');
        size_t n = plain < 0 ? inner.n : (size_t)plain;
        char bytes[4] = "\\";
        uint32_t code = 0;

        if (n == 0) { /* an escape; a backslash that begins none stands for itself */
            size_t made = 1;

            n = sl_json_char(inner, &code);
            if (n > 0)
                made = sl_json_encode(code, bytes);
            n = n > 0 ? n : 1;
            if (made > left)
                return false;
            sl_grow_add(out, (struct sl_str){bytes, made});
            left -= made;
        } else {
            sl_grow_add(out, sl_str_first(inner, n < left ? n : left));
            if (n > left)
                return false;
            left -= n;
        }
        inner = sl_str_from(inner, n);
    }
    return out->err == SL_OK;
}

struct line {
    struct sl_kept *k; /* up */
    struct sl_grow out;
    size_t first; /* of the prompt's texts: those before it have no room */
    size_t seen, texts, redacted;
};

/* As an element of a list: redacted, and as JSON. */
static void add_text(struct line *l, struct sl_str text)
{
    struct sl_grow clean;

    sl_grow_init(&clean, text.n * sizeof(SL_REDACT_MARK) + sizeof(SL_REDACT_MARK));
    l->redacted += sl_redact_add(&l->k->r->conf->kept.redact, &l->k->secret, 1, text, &clean);
    if (clean.err != SL_OK)
        l->out.err = clean.err;
    if (l->texts++ > 0)
        sl_grow_byte(&l->out, ',');
    sl_grow_json(&l->out, sl_grow_str(&clean));
    sl_grow_fini(&clean);
}

/* Half of an address or of a key has no form by which it would be known: of a text that was cut,
 * its last word is left out. */
static struct sl_str kept_part(const struct sl_grow *text, bool cut)
{
    struct sl_str s = sl_grow_str(text);
    size_t least = s.n > WORD ? s.n - WORD : 0;

    while (cut && s.n > least && (unsigned char)s.p[s.n - 1] > ' ')
        s.n--;
    return s;
}

/* JSON in a text: what it says stands behind escapes of its own. */
static void add_unescaped(struct line *l, struct sl_str text, bool json)
{
    struct sl_grow inner;

    if (text.n == 0)
        return;
    if (!json || sl_str_find_byte(text, '\\') < 0) {
        add_text(l, text);
        return;
    }
    sl_grow_init(&inner, text.n);
    if (!sl_kept_unescape(&inner, text, text.n))
        l->out.err = SL_ERR_NO_MEMORY;
    add_text(l, sl_grow_str(&inner));
    sl_grow_fini(&inner);
}

/* ---- the prompt ---- */

static void on_size(void *ctx, struct sl_str inner, bool json)
{
    struct line *l = ctx;

    (void)json;
    l->seen += inner.n;
    l->first += inner.n > 0;
}

/* The last texts that have room together, but at least one. */
static void on_prompt(void *ctx, struct sl_str inner, bool json)
{
    struct line *l = ctx;
    struct sl_grow text;
    bool whole;

    if (inner.n == 0)
        return;
    l->first--;
    if (l->seen > l->k->r->conf->kept.max && l->first > 0) {
        l->seen -= inner.n;
        l->k->cut = true;
        return;
    }
    sl_grow_init(&text, l->k->r->conf->kept.max);
    whole = sl_kept_unescape(&text, inner, text.max);
    l->k->cut = l->k->cut || !whole;
    if (text.err == SL_ERR_NO_MEMORY)
        l->out.err = text.err;
    add_unescaped(l, kept_part(&text, !whole), json);
    sl_grow_fini(&text);
}

static void add_prompt(struct line *l)
{
    struct sl_str body = {l->k->r->body, l->k->r->body_n};

    sl_grow_add(&l->out, SL_STR(",\"prompt\":["));
    sl_said_each(body, on_size, l);
    sl_said_each(body, on_prompt, l);
    sl_grow_byte(&l->out, ']');
}

/* ---- the line ---- */

static void add_answer(struct line *l)
{
    struct sl_kept *k = l->k;

    l->texts = 0;
    sl_grow_add(&l->out, SL_STR(",\"answer\":["));
    for (size_t i = 0; i < k->texts_n; i++) {
        struct sl_kept_text *t = &k->texts[i];

        if (t->text.err == SL_ERR_NO_MEMORY)
            l->out.err = t->text.err;
        add_unescaped(l, kept_part(&t->text, t->cut), t->json);
    }
    sl_grow_byte(&l->out, ']');
}

static void add_member(struct line *l, const char *name, struct sl_str value)
{
    sl_grow_add(&l->out, sl_str_of(name));
    sl_grow_json(&l->out, value);
}

static void add_whose(struct line *l)
{
    const struct sl_req *r = l->k->r;
    char place[32];
    struct sl_text time = sl_text_over(place, sizeof(place));

    sl_text_time(&time, sl_net_unix_ms(r->gw->net));
    add_member(l, "{\"time\":", sl_text_str(&time));
    add_member(l, ",\"id\":", (struct sl_str){r->id, sizeof(r->id)});
    add_member(l, ",\"tenant\":", r->key->tenant);
    add_member(l, ",\"key\":", r->key_id);
    add_member(l, ",\"endpoint\":", sl_str_of(sl_endpoint_name(r->ep)));
    add_member(l, ",\"model\":", r->asked);
    add_member(l, ",\"ending\":", sl_str_of(sl_ending_name(r->ending)));
    sl_grow_add(&l->out, SL_STR(",\"status\":"));
    sl_grow_u64(&l->out, (uint64_t)r->status);
}

void sl_kept_write(struct sl_req *r)
{
    struct line l = {.k = r->kept};

    if (r->kept == NULL)
        return;
    sl_kept_hear_end(r->kept);
    sl_grow_init(&l.out, 2 * r->conf->kept.max * ESCAPED * sizeof(SL_REDACT_MARK) + MORE);
    add_whose(&l);
    add_prompt(&l);
    add_answer(&l);
    sl_grow_add(&l.out, SL_STR(",\"redacted\":"));
    sl_grow_u64(&l.out, l.redacted);
    sl_grow_add(&l.out, r->kept->cut ? SL_STR(",\"cut\":true}\n") : SL_STR(",\"cut\":false}\n"));
    if (l.out.err == SL_OK)
        (void)sl_file_append(r->gw->prompts, sl_grow_str(&l.out)); /* counts what it drops */
    else
        r->gw->prompts_lost++;
    sl_grow_fini(&l.out);
    sl_kept_end(r);
}
