/* admin/api/books.c -- balances, and what is added to them. */
#include "admin/api/api.h"

#include "base/log.h"
#include "policy/money.h"

static void on_balance(void *ctx, enum sl_err e)
{
    struct sl_api *c = ctx;

    if (sl_api_is_fine(c, e))
        c->then(c);
}

/* A key that took another's place uses that one's account. */
static struct sl_str account_of(const struct sl_key *key)
{
    if (key == NULL)
        return (struct sl_str){"", 0};
    return key->account.n > 0 ? key->account : key->public_id;
}

void sl_books_balance(struct sl_api *c, const struct sl_key *key, const struct sl_tenant *of,
                      sl_api_fn *then)
{
    c->then = then;
    sl_period_find(of->zone, sl_api_now(c) / 1000, &c->periods);
    sl_store_balance_start(c->store, of->own.name, account_of(key), &c->periods, &c->balance,
                           &c->op, on_balance, c);
}

static void on_grant(void *ctx, enum sl_err e)
{
    struct sl_api *c = ctx;
    char sum[24];

    if (!sl_api_is_fine(c, e))
        return;
    sl_log(SL_LOG_INFO, "admin", c->name, "credits changed by %.*s dollars by %.*s",
           SL_STR_ARGS(sl_money_print(c->ask.micro, sum)), SL_STR_ARGS(c->actor));
    c->then(c);
}

void sl_books_grant(struct sl_api *c, const struct sl_key *key, const struct sl_tenant *of,
                    sl_api_fn *then)
{
    const struct sl_terms *terms = key != NULL ? &key->terms : &of->terms;
    struct sl_store_grant what;

    if (terms->budget.credits_micro == SL_UNSET) {
        sl_api_fail(c, 0, SL_ERR_CONFLICT, "credits",
                    "credits: it is not held to credits; PATCH it with "
                    "{\"budget\":{\"initial_credits\":…}} first");
        return;
    }
    c->then = then;
    what = (struct sl_store_grant){.tenant = of->own.name,
                                   .key_id = account_of(key),
                                   .initial_micro = terms->budget.credits_micro,
                                   .more_micro = c->ask.micro};
    sl_store_grant_start(c->store, &what, c->actor, &c->balance, &c->op, on_grant, c);
}
