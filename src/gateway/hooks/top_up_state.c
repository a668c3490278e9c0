/* The record of a tenant's top-ups, read, judged, written. */
#include "gateway/hooks/top_up_state.h"

#include "base/json.h"
#include "base/rand.h"
#include "gateway/hooks/top_up.h"

#define DAY_MS 86400000

static int64_t number(struct sl_str doc, const char *name)
{
    uint64_t v;

    if (!sl_json_u64(sl_json_get(doc, sl_str_of(name)), &v) || v > INT64_MAX)
        return 0;
    return (int64_t)v;
}

void sl_top_up_state_read(struct sl_top_up_state *s, struct sl_str doc)
{
    size_t n;

    *s = (struct sl_top_up_state){.day = 0};
    if (!sl_json_is_object(doc))
        return;
    if (!sl_json_unescape(sl_json_get(doc, SL_STR("id")), s->id, SL_TOP_UP_ID, &n))
        n = 0;
    s->id[n] = '\0';
    s->until_ms = number(doc, "until");
    s->day = number(doc, "day");
    s->added_micro = number(doc, "added");
    s->cap_micro = number(doc, "cap");
}

void sl_top_up_state_write(const struct sl_top_up_state *s, struct sl_text *doc)
{
    sl_text_add(doc, SL_STR("{\"id\":"));
    sl_text_json(doc, sl_str_of(s->id), 0);
    sl_text_printf(doc, ",\"until\":%lld,\"day\":%lld,\"added\":%lld,\"cap\":%lld}",
                   (long long)s->until_ms, (long long)s->day, (long long)s->added_micro,
                   (long long)s->cap_micro);
}

bool sl_top_up_state_is_due(const struct sl_top_up_state *s, const struct sl_top_up *rules,
                            int64_t now_ms)
{
    bool raised = s->cap_micro > 0 && s->cap_micro != rules->daily_micro;

    return s->until_ms <= now_ms || s->until_ms - DAY_MS > now_ms || raised;
}

static void name(struct sl_top_up_state *s)
{
    sl_rand_id(s->id);
    sl_rand_id(s->id + SL_TOP_UP_ID / 2);
    s->id[SL_TOP_UP_ID] = '\0';
}

void sl_top_up_state_claim(struct sl_top_up_state *s, const struct sl_top_up *rules, int64_t now_ms)
{
    int64_t day = now_ms / DAY_MS, under_way = s->id[0] != '\0' ? rules->amount_micro : 0;

    if (s->day != day)
        s->added_micro = under_way;
    s->day = day;
    s->cap_micro = 0;
    s->until_ms = now_ms + SL_TOP_UP_CLAIM_MS;
    if (s->id[0] != '\0')
        return;
    if (s->added_micro > rules->daily_micro - rules->amount_micro) {
        s->cap_micro = rules->daily_micro;
        s->until_ms = (day + 1) * DAY_MS;
        return;
    }
    s->added_micro += rules->amount_micro;
    name(s);
}

/* Rounded towards 0: what is taken is never more than was said. */
static bool amount_of(struct sl_str text, int64_t *out)
{
    bool exact;

    if (!sl_str_to_decimal(text, 6, out, &exact))
        return false;
    if (!exact)
        *out -= *out > 0 ? 1 : -1;
    return true;
}

enum sl_top_up_says sl_top_up_amount(struct sl_str answer, int64_t most_micro, int64_t *out)
{
    struct sl_str text = {NULL, 0};
    int64_t said;

    *out = most_micro;
    answer = sl_str_trim(answer);
    if (sl_json_is_object(answer))
        text = sl_json_get(answer, SL_STR("amount"));
    else if (sl_str_starts(answer, SL_STR("{"))) /* it was to say something */
        return SL_TOP_UP_UNREADABLE;
    if (text.p == NULL)
        return SL_TOP_UP_GIVES;
    if (!amount_of(text, &said))
        return SL_TOP_UP_UNREADABLE;
    if (said <= 0)
        return SL_TOP_UP_REFUSES;
    if (said < most_micro)
        *out = said;
    return SL_TOP_UP_GIVES;
}
