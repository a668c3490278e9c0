/* What is left of a tenant's own limits, in the words of the route's protocol.
 *
 * The provider's rate-limit headers are its account's and never reach a client; ours
 * take their names, so that the SDKs' own readers show them. Of key and tenant the
 * one with less left speaks. Sources: Anthropic "Rate limits" (response headers,
 * RFC 3339 times), OpenAI "Rate limits" (x-ratelimit-*, times as "1s" or "6m0s").
 */
#include "gateway/inside.h"

#include "base/text.h"
#include "gateway/quota/pass.h"

struct left {
    int64_t limit, left, reset_ms;
};

static void less(struct left *out, int64_t limit, int64_t left, int64_t reset_ms)
{
    if (limit <= 0 || left == SL_UNSET || (out->limit > 0 && out->left <= left))
        return;
    *out = (struct left){limit, left > 0 ? left : 0, reset_ms > 0 ? reset_ms : 0};
}

static struct sl_str count(struct sl_req *r, int64_t n)
{
    char digits[24];
    struct sl_text t = sl_text_over(digits, sizeof digits);

    sl_text_i64(&t, n);
    return sl_arena_dup(r->arena, sl_text_str(&t));
}

static struct sl_str when(struct sl_req *r, int64_t reset_ms)
{
    char scratch[64];
    struct sl_text t = sl_text_over(scratch, sizeof scratch);

    if (r->dialect == &sl_dialect_anthropic) {
        sl_text_time(&t, sl_net_unix_ms(r->gw->net) + reset_ms);
        return sl_arena_dup(r->arena, sl_text_str(&t));
    }
    return sl_arena_printf(r->arena, "%lld.%03llds", (long long)(reset_ms / 1000),
                           (long long)(reset_ms % 1000));
}

static bool add(struct sl_req *r, struct sl_headers *h, const struct sl_str names[3],
                const struct left *l)
{
    struct sl_str limit, left, reset;

    if (l->limit <= 0)
        return true;
    limit = count(r, l->limit);
    left = count(r, l->left);
    reset = when(r, l->reset_ms);
    return limit.p != NULL && left.p != NULL && reset.p != NULL &&
           sl_headers_add(h, r->arena, names[0], limit) &&
           sl_headers_add(h, r->arena, names[1], left) &&
           sl_headers_add(h, r->arena, names[2], reset);
}

bool sl_pass_headers(struct sl_req *r, struct sl_headers *h)
{
    static const struct sl_str anthropic[2][3] = {
        {SL_STR_INIT("anthropic-ratelimit-requests-limit"),
         SL_STR_INIT("anthropic-ratelimit-requests-remaining"),
         SL_STR_INIT("anthropic-ratelimit-requests-reset")},
        {SL_STR_INIT("anthropic-ratelimit-tokens-limit"),
         SL_STR_INIT("anthropic-ratelimit-tokens-remaining"),
         SL_STR_INIT("anthropic-ratelimit-tokens-reset")}};
    static const struct sl_str openai[2][3] = {
        {SL_STR_INIT("x-ratelimit-limit-requests"), SL_STR_INIT("x-ratelimit-remaining-requests"),
         SL_STR_INIT("x-ratelimit-reset-requests")},
        {SL_STR_INIT("x-ratelimit-limit-tokens"), SL_STR_INIT("x-ratelimit-remaining-tokens"),
         SL_STR_INIT("x-ratelimit-reset-tokens")}};
    const struct sl_str(*names)[3] = r->dialect == &sl_dialect_anthropic ? anthropic : openai;
    struct left requests = {0}, tokens = {0};

    if (r->pass == NULL || r->pass->op != NULL || !r->pass->asked || r->pass->answer.local)
        return true;
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        const struct sl_limits *limits = &r->pass->ask.terms[l]->limits;
        const struct sl_quota_room *room = &r->pass->answer.room[l];

        less(&requests, limits->rpm > 0 && limits->burst > 0 ? limits->burst : limits->rpm,
             room->rpm_left, room->rpm_reset_ms);
        less(&tokens, limits->tpm, room->tpm_left, room->tpm_reset_ms);
    }
    return add(r, h, names[0], &requests) && add(r, h, names[1], &tokens);
}
