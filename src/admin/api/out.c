/* admin/api/out.c -- JSON, piece by piece. */
#include "admin/api/out.h"

#include "base/mem.h"
#include "base/text.h"
#include "policy/money.h"

#define SHORT 512 /* bytes of a text that is escaped on the stack */

void sl_out_init(struct sl_out *o, size_t max)
{
    sl_buf_init(&o->bytes, max);
    o->comma = o->cut = false;
}

void sl_out_fini(struct sl_out *o)
{
    sl_buf_fini(&o->bytes);
}

void sl_out_clear(struct sl_out *o)
{
    sl_buf_fini(&o->bytes);
    o->comma = o->cut = false;
}

static void put(struct sl_out *o, struct sl_str s)
{
    if (!o->cut && !sl_buf_append(&o->bytes, s))
        o->cut = true;
}

static void put_byte(struct sl_out *o, char c)
{
    put(o, (struct sl_str){&c, 1});
}

static void put_escaped(struct sl_out *o, struct sl_str s)
{
    size_t cap = sl_text_json_room(s, 0) + 8;
    char scratch[SHORT], *place = cap <= sizeof scratch ? scratch : sl_mem_try(cap);
    struct sl_text t;

    if (place == NULL) {
        o->cut = true;
        return;
    }
    t = sl_text_over(place, cap);
    sl_text_json(&t, s, 0);
    put(o, sl_text_str(&t));
    o->cut = o->cut || t.cut;
    if (place != scratch)
        sl_mem_free(place);
}

void sl_out_name(struct sl_out *o, struct sl_str name)
{
    if (o->comma)
        put_byte(o, ',');
    put_escaped(o, name);
    put_byte(o, ':');
    o->comma = false;
}

static void begin(struct sl_out *o, const char *name)
{
    if (name != NULL)
        sl_out_name(o, sl_str_of(name));
    else if (o->comma)
        put_byte(o, ',');
    o->comma = true;
}

void sl_out_open(struct sl_out *o, const char *name, char bracket)
{
    begin(o, name);
    put_byte(o, bracket);
    o->comma = false;
}

void sl_out_close(struct sl_out *o, char bracket)
{
    put_byte(o, bracket);
    o->comma = true;
}

void sl_out_text(struct sl_out *o, const char *name, struct sl_str s)
{
    begin(o, name);
    put_escaped(o, s);
}

void sl_out_raw(struct sl_out *o, const char *name, struct sl_str json)
{
    begin(o, name);
    put(o, json);
}

void sl_out_number(struct sl_out *o, const char *name, int64_t v)
{
    char place[24];
    struct sl_text t = sl_text_over(place, sizeof place);

    sl_text_i64(&t, v);
    sl_out_raw(o, name, sl_text_str(&t));
}

void sl_out_count(struct sl_out *o, const char *name, uint64_t v)
{
    char place[24];
    struct sl_text t = sl_text_over(place, sizeof place);

    sl_text_u64(&t, v);
    sl_out_raw(o, name, sl_text_str(&t));
}

void sl_out_money(struct sl_out *o, const char *name, int64_t micro)
{
    char place[24];

    sl_out_raw(o, name, sl_money_print(micro, place));
}

void sl_out_flag(struct sl_out *o, const char *name, bool v)
{
    sl_out_raw(o, name, v ? SL_STR("true") : SL_STR("false"));
}

void sl_out_null(struct sl_out *o, const char *name)
{
    sl_out_raw(o, name, SL_STR("null"));
}

void sl_out_end(struct sl_out *o)
{
    put_byte(o, '\n');
}
