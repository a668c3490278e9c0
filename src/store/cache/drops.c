/* What is to be deleted in Redis: told at once, and again each second and with each new
 * connection until Redis has confirmed it; no more than at once and with each connection where
 * its ACL does not let us. Up to then its value is not there for a look-up, one
 * that is under way too. */
#include "base/log.h"
#include "store/cache/inside.h"

#define TELL_MS 2000
#define SAY_MS 10000

static size_t place_of(const struct sl_far_drops *d, const uint8_t key[SL_CACHE_KEY])
{
    size_t i = 0;

    while (i < d->n && memcmp(d->at[i], key, SL_CACHE_KEY) != 0)
        i++;
    return i;
}

static void deny(struct sl_far *f, struct sl_str said)
{
    if (f->drops.denied)
        return;
    f->drops.denied = true;
    sl_log(SL_LOG_WARN, "store", SL_STR("cache"),
           "Redis at %s lets us delete nothing (%.*s): what is purged here may be found by other "
           "instances; give its user +del and ~%.*s*",
           sl_redis_link_where(f->link), SL_STR_ARGS(sl_str_first(said, 200)), (int)f->prefix_n,
           f->prefix);
}

static void on_deleted(void *ctx, const void *note, const redisReply *reply)
{
    struct sl_far *f = ctx;
    size_t i = place_of(&f->drops, note);

    if (reply->type == REDIS_REPLY_ERROR && sl_str_starts(sl_str_of(reply->str), SL_STR("NOPERM")))
        deny(f, sl_str_of(reply->str));
    if (reply->type != REDIS_REPLY_INTEGER)
        return;
    f->drops.denied = false;
    if (i < f->drops.n)
        memmove(f->drops.at[i], f->drops.at[--f->drops.n], SL_CACHE_KEY);
}

/* Also while look-ups are skipped. */
static void tell(struct sl_far *f, const uint8_t key[SL_CACHE_KEY])
{
    char name[SL_FAR_NAME];
    struct sl_str args[2] = {SL_STR("DEL"), sl_far_name(f, key, name)};
    struct sl_redis_command c = {.args = args,
                                 .n = 2,
                                 .deadline_ms = TELL_MS,
                                 .late = on_deleted,
                                 .late_ctx = f,
                                 .note = key,
                                 .note_n = SL_CACHE_KEY};

    sl_redis_link_tell(f->link, &c);
}

static void make_room(struct sl_far *f)
{
    struct sl_far_drops *d = &f->drops;
    uint64_t now = sl_net_now(f->net);

    if (d->said_ms == 0 || now - d->said_ms > SAY_MS)
        sl_log(SL_LOG_WARN, "store", SL_STR("cache"),
               "more than %d deletions wait for Redis: the first are forgotten, and what was "
               "purged there may be found again; purge its model, or its tenant",
               SL_FAR_DROPS);
    d->said_ms = now;
    memmove(d->at[0], d->at[1], --d->n * sizeof d->at[0]);
}

void sl_far_drop(struct sl_far *f, const uint8_t key[SL_CACHE_KEY])
{
    struct sl_far_drops *d = &f->drops;

    if (f->link == NULL)
        return;
    if (place_of(d, key) == d->n) {
        if (d->n == SL_FAR_DROPS)
            make_room(f);
        memcpy(d->at[d->n++], key, SL_CACHE_KEY);
    }
    tell(f, key);
}

bool sl_far_is_dropped(const struct sl_far *f, const uint8_t key[SL_CACHE_KEY])
{
    return place_of(&f->drops, key) < f->drops.n;
}

void sl_far_drop_again(struct sl_far *f, bool anew)
{
    f->drops.denied = f->drops.denied && !anew;
    if (f->drops.denied)
        return;
    for (size_t i = 0; i < f->drops.n; i++)
        tell(f, f->drops.at[i]);
}
