/* admin/api/ask_scopes.c -- scopes of one family, beside those of the other that stay. */
#include "admin/api/ask.h"

#include "base/text.h"

struct scopes {
    struct sl_text t;
    size_t n;
};

static void add(struct scopes *s, struct sl_str family, struct sl_str name)
{
    char place[512];
    struct sl_text one = sl_text_over(place, sizeof place);

    sl_text_add(&one, family);
    sl_text_add(&one, name);
    if (s->n++ > 0)
        sl_text_byte(&s->t, ',');
    sl_text_json(&s->t, sl_text_str(&one), 0);
}

static void add_family(struct scopes *s, const struct sl_ask_list *list, struct sl_str family,
                       const struct sl_str *have, size_t have_n)
{
    for (size_t i = 0; i < list->n; i++)
        add(s, family, list->at[i]);
    for (size_t i = 0; !list->given && i < have_n; i++)
        if (sl_str_starts(have[i], family))
            add(s, (struct sl_str){"", 0}, have[i]);
}

struct sl_str sl_ask_patch(const struct sl_ask *ask, const struct sl_str *scopes, size_t scopes_n,
                           struct sl_arena *a)
{
    const struct sl_str models = SL_STR("models:"), endpoints = SL_STR("endpoints:");
    size_t cap = ask->patch.n + 64 + (2 * SL_ASK_SCOPES + scopes_n) * 6 * 320;
    struct scopes s = {.n = 0};
    char *place;

    if (!ask->models.given && !ask->endpoints.given)
        return ask->patch;
    place = sl_arena_alloc(a, cap);
    if (place == NULL)
        return (struct sl_str){NULL, 0};
    s.t = sl_text_over(place, cap);
    sl_text_add(&s.t, sl_str_first(ask->patch, ask->patch.n - 1));
    sl_text_add(&s.t, ask->patch.n > 2 ? SL_STR(",\"scopes\":[") : SL_STR("\"scopes\":["));
    add_family(&s, &ask->models, models, scopes, scopes_n);
    add_family(&s, &ask->endpoints, endpoints, scopes, scopes_n);
    sl_text_add(&s.t, SL_STR("]}"));
    return sl_text_str(&s.t);
}
