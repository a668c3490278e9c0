/* Lists of names against candidates. */
#include "policy/routing/wish.h"

#include "base/json.h"

#define NAME_MAX 64 /* of a provider of ours */

static struct sl_str list_of(struct sl_str object, struct sl_str key)
{
    struct sl_str list = sl_json_get(object, key);

    if (list.p == NULL || sl_json_type_of(list) != SL_JSON_ARRAY)
        return (struct sl_str){NULL, 0};
    return list;
}

void sl_wish_read(struct sl_str provider, struct sl_wish *out)
{
    *out = (struct sl_wish){.no_fallbacks = false};
    if (provider.p == NULL || sl_json_type_of(provider) != SL_JSON_OBJECT)
        return;
    out->order = list_of(provider, SL_STR("order"));
    out->only = list_of(provider, SL_STR("only"));
    out->ignore = list_of(provider, SL_STR("ignore"));
    out->no_fallbacks =
        sl_str_eq(sl_json_get(provider, SL_STR("allow_fallbacks")), SL_STR("false"));
}

/* Where a list names it; SL_WISH_NAMES: not among the first so many. */
static size_t place_of(struct sl_str list, struct sl_str name)
{
    struct sl_str element;
    char text[NAME_MAX];
    size_t pos = 0, n;

    for (size_t i = 0; i < SL_WISH_NAMES && list.p != NULL && sl_json_next(list, &pos, &element);
         i++) {
        if (sl_json_unescape(element, text, sizeof text, &n) &&
            sl_str_eq_nocase((struct sl_str){text, n}, name))
            return i;
    }
    return SL_WISH_NAMES;
}

static bool names(struct sl_str list, const struct sl_candidate *c)
{
    return place_of(list, c->provider) < SL_WISH_NAMES;
}

static bool names_any(struct sl_str list, const struct sl_candidate *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (names(list, &v[i]))
            return true;
    return false;
}

static size_t keep_named(struct sl_str list, struct sl_candidate *v, size_t n)
{
    bool any = names_any(list, v, n);
    size_t left = 0;

    for (size_t i = 0; i < n; i++)
        if (names(list, &v[i]) || (!any && v[i].reads_wish))
            v[left++] = v[i];
    return left;
}

static size_t drop_named(struct sl_str list, struct sl_candidate *v, size_t n)
{
    size_t left = 0;

    for (size_t i = 0; i < n; i++)
        if (!names(list, &v[i]))
            v[left++] = v[i];
    return left;
}

/* Stable: those that are not named stay in their order, behind. */
static void put_in_order(struct sl_str list, struct sl_candidate *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct sl_candidate c = v[i];
        size_t place = place_of(list, c.provider), at = i;

        for (; at > 0 && place_of(list, v[at - 1].provider) > place; at--)
            v[at] = v[at - 1];
        v[at] = c;
    }
}

size_t sl_wish_apply(const struct sl_wish *w, struct sl_candidate *v, size_t n)
{
    if (w->only.p != NULL)
        n = keep_named(w->only, v, n);
    if (w->ignore.p != NULL)
        n = drop_named(w->ignore, v, n);
    if (w->order.p != NULL)
        put_in_order(w->order, v, n);
    if (!w->no_fallbacks)
        return n;
    if (w->order.p != NULL)
        return keep_named(w->order, v, n);
    return n > 1 ? 1 : n;
}
