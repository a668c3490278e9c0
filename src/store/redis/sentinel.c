/* Asking the Sentinels, one after the other, where the master is. What they say is
 * believed only as far as the ROLE of whoever answers there. */
#include "store/redis/machine.h"

#include <stdio.h>

enum { ASK_AUTH = 'a', ASK_ADDRESS = 'm' };

void sl_sentinel_ask(struct sl_link_redis *l)
{
    sl_machine_dial(l, SL_MACHINE_ASKING, &l->url->at[l->sentinel]);
}

void sl_sentinel_failed(struct sl_link_redis *l, const char *why)
{
    l->sentinel = (l->sentinel + 1) % l->url->n;
    if (++l->asked >= l->url->n) {
        sl_machine_down(l, "no Sentinel names a master; the last one asked: %s", why);
        return;
    }
    sl_stream_close(&l->stream);
    sl_pipe_detach(&l->pipe);
    sl_sentinel_ask(l);
}

static bool is_text(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING && r->len > 0 && strlen(r->str) == r->len;
}

static bool read_address(const redisReply *reply, struct sl_redis_host *out)
{
    uint64_t port;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !is_text(reply->element[0]) ||
        !is_text(reply->element[1]) || reply->element[0]->len >= sizeof out->host ||
        !sl_str_to_u64(sl_str_of(reply->element[1]->str), &port) || port == 0 || port > UINT16_MAX)
        return false;
    (void)snprintf(out->host, sizeof out->host, "%s", reply->element[0]->str);
    out->port = (uint16_t)port;
    return true;
}

static void on_reply(void *ctx, const void *note, const redisReply *reply)
{
    struct sl_link_redis *l = ctx;
    struct sl_redis_host at;

    if (l->state != SL_MACHINE_ASKING || *(const char *)note == ASK_AUTH)
        return; /* a Sentinel may well want no password */
    if (!read_address(reply, &at)) {
        sl_sentinel_failed(l, reply->type == REDIS_REPLY_ERROR ? reply->str
                                                               : "it does not know that name");
        return;
    }
    sl_stream_close(&l->stream);
    sl_pipe_detach(&l->pipe);
    sl_machine_dial(l, SL_MACHINE_DIALLING, &at);
}

void sl_sentinel_opened(struct sl_link_redis *l)
{
    struct sl_str args[3] = {SL_STR("SENTINEL"), SL_STR("get-master-addr-by-name"),
                             sl_str_of(l->url->master)};

    (void)sl_greet_auth(l, on_reply, ASK_AUTH);
    sl_greet_say(l, args, 3, on_reply, ASK_ADDRESS);
}
