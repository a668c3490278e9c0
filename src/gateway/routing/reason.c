/* The one table of reasons. */
#include "gateway/routing/reason.h"

#include <assert.h>

static const struct {
    struct sl_str name, text;
} reasons[] = {
    [SL_REASON_NONE] = {SL_STR_INIT("none"), SL_STR_INIT("")},
    [SL_REASON_PRIORITY] = {SL_STR_INIT("priority"), SL_STR_INIT("by priority")},
    [SL_REASON_WEIGHT] = {SL_STR_INIT("weight"), SL_STR_INIT("by weight, kept for this user")},
    [SL_REASON_LATENCY] = {SL_STR_INIT("latency"), SL_STR_INIT("by expected latency")},
    [SL_REASON_COST] = {SL_STR_INIT("cost"), SL_STR_INIT("by the cost of this request")},
    [SL_REASON_AFFINITY] = {SL_STR_INIT("affinity"),
                            SL_STR_INIT("it holds the conversation's prompt cache")},
    [SL_REASON_WISH_ORDER] = {SL_STR_INIT("wish_order"),
                              SL_STR_INIT("by the request's provider.order")},
    [SL_REASON_FALLBACK_MODEL] = {SL_STR_INIT("fallback_model"),
                                  SL_STR_INIT("of the request's models")},
    [SL_REASON_PAUSED] = {SL_STR_INIT("paused"), SL_STR_INIT("an operator has paused it")},
    [SL_REASON_BREAKER_OPEN] = {SL_STR_INIT("breaker_open"), SL_STR_INIT("its breaker is open")},
    [SL_REASON_TOKEN_RESTS] = {SL_STR_INIT("token_rests"),
                               SL_STR_INIT("its access token can't be fetched now")},
    [SL_REASON_KEYS_REST] = {SL_STR_INIT("keys_rest"), SL_STR_INIT("all of its keys rest")},
    [SL_REASON_PROVIDER_WAITS] = {SL_STR_INIT("provider_waits"),
                                  SL_STR_INIT("it asked for a longer wait than retry.max")},
    [SL_REASON_NO_PLACE] = {SL_STR_INIT("no_place"), SL_STR_INIT("all of its places are taken")},
    [SL_REASON_NO_TIME] = {SL_STR_INIT("no_time"),
                           SL_STR_INIT("the time is kept for a last resort")},
    [SL_REASON_SPENT] = {SL_STR_INIT("spent"), SL_STR_INIT("another try there would end alike")},
    [SL_REASON_NO_TRANSLATION] = {SL_STR_INIT("no_translation"),
                                  SL_STR_INIT("the request can't be said in its protocol")},
    [SL_REASON_TRIES] = {SL_STR_INIT("tries"), SL_STR_INIT("retry.attempts are spent before it")},
    [SL_REASON_PROTOCOL] = {SL_STR_INIT("protocol"),
                            SL_STR_INIT("it does not speak the request's protocol")},
    [SL_REASON_WISHED_AWAY] = {SL_STR_INIT("wished_away"),
                               SL_STR_INIT("the request's `provider` rules it out")},
    [SL_REASON_TWICE] = {SL_STR_INIT("twice"), SL_STR_INIT("it is a candidate already")},
    [SL_REASON_TOO_MANY] = {SL_STR_INIT("too_many"),
                            SL_STR_INIT("there are as many candidates as are tried")},
    [SL_REASON_SCOPE] = {SL_STR_INIT("scope"), SL_STR_INIT("the key may not use that model")},
    [SL_REASON_UNKNOWN_MODEL] = {SL_STR_INIT("unknown_model"),
                                 SL_STR_INIT("no such model is served here")},
};
static_assert(sizeof reasons / sizeof reasons[0] == SL_REASON__COUNT, "a reason without a text");

struct sl_str sl_reason_name(enum sl_reason r)
{
    return reasons[r].name;
}

struct sl_str sl_reason_text(enum sl_reason r)
{
    return reasons[r].text;
}
