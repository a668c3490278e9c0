/* Notes on Redis: gathered for a moment, a call a tenant; nobody waits for them. And the ends
 * of trails. */
#include "store/redis/backend.h"

#include <stdio.h>

#define TIP_S "34560000" /* 400 days, as usage does: instances come and go */
#define GATHER_MS 20
#define NOTES_MAX 64   /* of one call */
#define TENANTS_MAX 64 /* whose notes are gathered */

struct notes {
    struct sl_list node;
    struct sl_script_call *call; /* owns */
    size_t n, tenant_n;
    char tenant[];
};

static struct notes *first_of(const struct sl_redis *r)
{
    return SL_CONTAINER(r->notes.next, struct notes, node);
}

static struct sl_script_call *take(struct notes *t)
{
    struct sl_script_call *c = t->call;

    sl_list_unlink(&t->node);
    sl_mem_free(t);
    return c;
}

static void send_all(struct sl_redis *r)
{
    sl_timer_stop(r->net, &r->notes_timer);
    while (!sl_list_is_empty(&r->notes))
        sl_script_send(take(first_of(r)), NULL, NULL, NULL);
}

static void on_timer(struct sl_timer *t)
{
    send_all(SL_CONTAINER(t, struct sl_redis, notes_timer));
}

void sl_redis_notes_init(struct sl_redis *r)
{
    sl_list_init(&r->notes);
    sl_timer_init(&r->notes_timer, on_timer);
}

void sl_redis_notes_fini(struct sl_redis *r)
{
    sl_timer_stop(r->net, &r->notes_timer);
    while (!sl_list_is_empty(&r->notes))
        sl_script_drop(take(first_of(r)));
}

static struct sl_script_call *begin(struct sl_redis *r, struct sl_str tenant, int64_t most)
{
    struct sl_script_call *c = sl_script_new(&r->scripts, SL_SCRIPT_NOTE);
    char text[SL_REDIS_BASE];
    struct sl_str base = sl_redis_base(r, tenant, text);

    sl_script_key(c, base, SL_STR("notes"));
    sl_script_key(c, base, SL_STR("notes:order"));
    sl_script_int(c, most);
    sl_script_int(c, SL_STORE_NOTE_S);
    if (!sl_redis_is_name(tenant))
        sl_script_refuse(c, SL_ERR_STORE_DATA);
    return c;
}

static struct notes *notes_of(struct sl_redis *r, struct sl_str tenant)
{
    struct notes *t;
    size_t n = 0;

    for (const struct sl_list *at = r->notes.next; at != &r->notes; at = at->next, n++) {
        t = SL_CONTAINER(at, struct notes, node);
        if (sl_str_eq((struct sl_str){t->tenant, t->tenant_n}, tenant))
            return t;
    }
    if (n >= TENANTS_MAX)
        sl_script_send(take(first_of(r)), NULL, NULL, NULL);
    t = sl_mem_new(sizeof *t + tenant.n);
    t->call = begin(r, tenant, SL_STORE_NOTES);
    t->call->read = sl_redis_read_done;
    t->tenant_n = tenant.n;
    memcpy(t->tenant, tenant.p, tenant.n);
    sl_list_push_back(&r->notes, &t->node);
    return t;
}

void sl_redis_note(struct sl_backend *b, struct sl_str tenant, const struct sl_note *note)
{
    struct sl_redis *r = sl_redis_of(b);
    struct sl_str other[] = {SL_STR("="), note->id};
    struct notes *t;

    if (r->full) /* what is left is for the ledger */
        return;
    t = notes_of(r, tenant);
    sl_script_arg(t->call, note->id);
    sl_script_arg(t->call, note->doc);
    if (note->other.n > 0 && !sl_str_eq(note->other, note->id)) {
        sl_script_arg(t->call, note->other);
        sl_script_joined(t->call, other, 2);
    }
    if (++t->n >= NOTES_MAX)
        send_all(r);
    else if (!sl_timer_is_armed(&r->notes_timer))
        sl_timer_start(r->net, &r->notes_timer, GATHER_MS);
}

static bool read_noted(struct sl_script_call *c, const redisReply *reply)
{
    struct sl_noted *out = c->out;

    out->n = 0;
    if (reply->type == REDIS_REPLY_NIL)
        return true;
    if (reply->type != REDIS_REPLY_STRING || reply->len > sizeof out->doc)
        return false;
    memcpy(out->doc, reply->str, reply->len);
    out->n = reply->len;
    return true;
}

/* lint: budgets the backend's contract */
void sl_redis_noted(struct sl_backend *b, struct sl_str tenant, struct sl_str name,
                    struct sl_noted *out, SL_BACKEND_WAIT)
{
    struct sl_redis *r = sl_redis_of(b);
    struct sl_script_call *c = begin(r, tenant, 0);

    send_all(r); /* it may be among them */
    sl_script_arg(c, name);
    c->read = read_noted;
    c->out = out;
    sl_script_send(c, slot, done, ctx);
}

/* ---- the ends of trails: a text of number, lost number and HMAC ---- */

static bool read_text(struct sl_str text, struct sl_tip *out)
{
    struct sl_str number, lost;

    return sl_str_split(&text, ' ', &number) && sl_str_split(&text, ' ', &lost) &&
           sl_str_to_u64(number, &out->number) && sl_str_to_u64(lost, &out->lost) &&
           sl_str_unhex(text, out->mac, sizeof out->mac);
}

static bool read_tip(struct sl_script_call *c, const redisReply *reply)
{
    struct sl_tip *out = c->out;

    *out = (struct sl_tip){.number = 0};
    return reply->type == REDIS_REPLY_NIL ||
           (reply->type == REDIS_REPLY_STRING && read_text(sl_reply_str(reply), out));
}

static bool read_kept(struct sl_script_call *c, const redisReply *reply)
{
    (void)c;
    return reply->type == REDIS_REPLY_STATUS;
}

static struct sl_script_call *call_of(struct sl_redis *r, struct sl_str name,
                                      struct sl_str instance)
{
    struct sl_script_call *c = sl_script_command(&r->scripts, name);
    struct sl_str parts[] = {sl_str_of(r->prefix), SL_STR("trail:"), instance};

    sl_script_joined(c, parts, 3);
    return c;
}

void sl_redis_tip(struct sl_backend *b, struct sl_str instance, struct sl_tip *out, SL_BACKEND_WAIT)
{
    struct sl_script_call *c = call_of(sl_redis_of(b), SL_STR("GET"), instance);

    c->read = read_tip;
    c->out = out;
    sl_script_send(c, slot, done, ctx);
}

void sl_redis_keep_tip(struct sl_backend *b, struct sl_str instance, const struct sl_tip *tip,
                       SL_BACKEND_WAIT)
{
    struct sl_script_call *c = call_of(sl_redis_of(b), SL_STR("SET"), instance);
    char hex[64], text[2 * 21 + sizeof hex + 1];
    int n;

    sl_str_hex(tip->mac, sizeof tip->mac, hex);
    n = snprintf(text, sizeof text, "%llu %llu %.64s", (unsigned long long)tip->number,
                 (unsigned long long)tip->lost, hex);
    c->read = read_kept;
    sl_script_arg(c, (struct sl_str){text, n > 0 ? (size_t)n : 0});
    sl_script_arg(c, SL_STR("EX"));
    sl_script_arg(c, SL_STR(TIP_S));
    sl_script_send(c, slot, done, ctx);
}
