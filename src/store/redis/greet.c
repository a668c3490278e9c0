/* The first words on a new connection: who we are, which database, and whether
 * this is a Redis that can serve us. All leave in one write. */
#include "store/redis/machine.h"

#include <stdio.h>

enum { GREET_AUTH = 'a', GREET_SELECT = 's', GREET_NAME = 'n', GREET_ROLE = 'r', GREET_PING = 'p' };

void sl_greet_say(struct sl_link_redis *l, const struct sl_str *args, size_t n,
                  void (*late)(void *ctx, const void *note, const redisReply *reply), char step)
{
    struct sl_redis_command c = {.args = args,
                                 .n = n,
                                 .deadline_ms = sl_machine_limit(l),
                                 .late = late,
                                 .late_ctx = l,
                                 .note = &step,
                                 .note_n = 1};

    sl_pipe_send(&l->pipe, true, &c, NULL, NULL, NULL);
}

bool sl_greet_auth(struct sl_link_redis *l,
                   void (*late)(void *ctx, const void *note, const redisReply *reply), char step)
{
    struct sl_str args[3] = {SL_STR("AUTH")};
    size_t n = 1;

    if (l->url->password[0] == 0)
        return false;
    if (l->url->user[0] != 0)
        args[n++] = sl_str_of(l->url->user);
    args[n++] = sl_str_of(l->url->password);
    sl_greet_say(l, args, n, late, step);
    return true;
}

static bool is_master(const redisReply *r)
{
    return r->type == REDIS_REPLY_ARRAY && r->elements > 0 &&
           r->element[0]->type == REDIS_REPLY_STRING && strcmp(r->element[0]->str, "master") == 0;
}

/* "ERR AUTH <password> called without any password configured for the default user. …" */
static bool is_without_password(const redisReply *reply)
{
    struct sl_str text = {reply->str, reply->len};

    return sl_str_find(text, SL_STR("without any password")) >= 0 ||
           sl_str_find(text, SL_STR("no password is set")) >= 0; /* before Redis 6 */
}

/* The name is a courtesy. PING is there because a Redis that still loads its data
 * tells its ROLE all the same. */
static void on_greeting(void *ctx, const void *note, const redisReply *reply)
{
    struct sl_link_redis *l = ctx;
    char step = *(const char *)note;
    bool failed = reply->type == REDIS_REPLY_ERROR;

    if (l->state != SL_MACHINE_GREETING || step == GREET_NAME)
        return;
    if (failed && step == GREET_AUTH && is_without_password(reply))
        sl_machine_down(l, "it has no password, and one was sent: leave it out of the URL and "
                           "store.password, or set it there (requirepass)");
    else if (failed &&
             step == GREET_AUTH) /* no more of it: some servers repeat what they were sent */
        sl_machine_down(l, "it refuses the user or the password: %.*s",
                        (int)strcspn(reply->str, " \r\n"), reply->str);
    else if (failed && step == GREET_ROLE && sl_str_starts(sl_str_of(reply->str), SL_STR("NOPERM")))
        sl_machine_down(l, "its user may not ask for ROLE: allow it with ACL SETUSER … +role");
    else if (failed)
        sl_machine_down(l, "it says %.*s", (int)strcspn(reply->str, "\r\n"), reply->str);
    else if (step == GREET_ROLE && !is_master(reply))
        sl_machine_down(l, "it is not a master");
    else if (step == GREET_PING)
        sl_machine_up(l);
}

void sl_greet_begin(struct sl_link_redis *l)
{
    char db[16], name[48];
    struct sl_str args[3];

    l->state = SL_MACHINE_GREETING;
    sl_timer_start(l->net, &l->timer, sl_machine_limit(l));
    (void)sl_greet_auth(l, on_greeting, GREET_AUTH);
    if (l->url->db > 0) {
        (void)snprintf(db, sizeof db, "%u", l->url->db);
        args[0] = SL_STR("SELECT");
        args[1] = sl_str_of(db);
        sl_greet_say(l, args, 2, on_greeting, GREET_SELECT);
    }
    (void)snprintf(name, sizeof name, "sluice-%s", l->name);
    args[0] = SL_STR("CLIENT");
    args[1] = SL_STR("SETNAME");
    args[2] = sl_str_of(name);
    sl_greet_say(l, args, 3, on_greeting, GREET_NAME);
    args[0] = SL_STR("ROLE");
    sl_greet_say(l, args, 1, on_greeting, GREET_ROLE);
    args[0] = SL_STR("PING");
    sl_greet_say(l, args, 1, on_greeting, GREET_PING);
}
