/* Windows of errors, one a name. */
#include "gateway/hooks/rates.h"

#include "base/map.h"
#include "base/text.h"
#include "gateway/hooks/inside.h"
#include "gateway/inside.h"

struct sl_rated { /* one of them; the head of a uthash is a pointer to one */
    UT_hash_handle hh;
    struct sl_errors errors;
    bool told;
    size_t name_n;
    char name[]; /* "m" or "p" before the model's or the provider's own */
};

static const struct sl_errors_rules *rules_of(const struct sl_hooks *h)
{
    return h->gw->conf->hook != NULL ? &h->gw->conf->hook->errors : NULL;
}

static struct sl_rated *find_or_make(struct sl_hooks *h, char kind, struct sl_str name)
{
    char place[128];
    struct sl_text t = sl_text_over(place, sizeof place);
    struct sl_rated *one = NULL;

    sl_text_byte(&t, kind);
    sl_text_add(&t, name);
    if (t.cut)
        return NULL;
    HASH_FIND(hh, h->rates, place, t.n, one);
    if (one != NULL || HASH_COUNT(h->rates) >= SL_RATES_MOST)
        return one;
    one = sl_mem_new(sizeof *one + t.n);
    memcpy(one->name, place, t.n);
    one->name_n = t.n;
    HASH_ADD_KEYPTR(hh, h->rates, one->name, one->name_n, one);
    return one;
}

static void note(struct sl_hooks *h, char kind, struct sl_str name, bool bad)
{
    struct sl_rated *one = name.n > 0 ? find_or_make(h, kind, name) : NULL;

    if (one != NULL)
        sl_errors_note(&one->errors, rules_of(h), sl_net_now(h->gw->net), bad);
}

void sl_rates_note(struct sl_hooks *h, struct sl_str model, struct sl_str provider, bool bad)
{
    if (rules_of(h) == NULL || rules_of(h)->rate_ppm == 0)
        return;
    note(h, 'm', model, bad);
    note(h, 'p', provider, bad);
}

static void tell(struct sl_hooks *h, const struct sl_rated *one, const struct sl_errors_sum *sum)
{
    char place[512], rate[24];
    struct sl_text t = sl_text_over(place, sizeof place);

    sl_text_add(&t, one->name[0] == 'm' ? SL_STR(",\"model\":") : SL_STR(",\"provider\":"));
    sl_text_json(&t, (struct sl_str){one->name + 1, one->name_n - 1}, 100);
    sl_text_add(&t, SL_STR(",\"rate\":"));
    sl_text_add(&t, sl_money_print((int64_t)sum->rate_ppm, rate)); /* millionths, as money */
    sl_text_add(&t, SL_STR(",\"errors\":"));
    sl_text_u64(&t, sum->bad);
    sl_text_add(&t, SL_STR(",\"requests\":"));
    sl_text_u64(&t, sum->all);
    sl_text_add(&t, SL_STR(",\"window_s\":"));
    sl_text_u64(&t, rules_of(h)->window_ms / 1000);
    sl_hooks_tell(h, sum->high ? "error_rate_high" : "error_rate_normal", sl_text_str(&t));
}

/* A provider that is not asked any more, for its breaker is open, is not well for that. */
static bool is_told(const struct sl_errors_rules *rules, const struct sl_errors_sum *sum)
{
    return sum->high || rules->rate_ppm == 0 || sum->all >= rules->min_requests;
}

void sl_rates_look(struct sl_hooks *h)
{
    struct sl_rated *one, *next;

    HASH_ITER(hh, h->rates, one, next)
    {
        struct sl_errors_sum sum = sl_errors_sum(&one->errors, rules_of(h), sl_net_now(h->gw->net));

        if (sum.high == one->told || !is_told(rules_of(h), &sum))
            continue;
        one->told = sum.high;
        tell(h, one, &sum);
    }
}

void sl_rates_forget(struct sl_hooks *h)
{
    struct sl_rated *one, *next;

    HASH_ITER(hh, h->rates, one, next)
    {
        HASH_DEL(h->rates, one);
        sl_mem_free(one);
    }
}
