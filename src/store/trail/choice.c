/* Members of a line, compared with what is asked for. */
#include "store/choice.h"

#include <assert.h>

#include "base/json.h"

#define VALUE 1024 /* bytes of a value that are compared */

static const char *const names[] = {
    [SL_CHOICE_KIND] = "kind",     [SL_CHOICE_ID] = "id",
    [SL_CHOICE_TENANT] = "tenant", [SL_CHOICE_KEY] = "key",
    [SL_CHOICE_USER] = "user",     [SL_CHOICE_END_USER] = "end_user",
    [SL_CHOICE_MODEL] = "model",   [SL_CHOICE_PROVIDER] = "provider",
    [SL_CHOICE_TRACE] = "trace",   [SL_CHOICE_ACTOR] = "actor",
    [SL_CHOICE_CLIENT] = "client", [SL_CHOICE_FROM] = "from",
    [SL_CHOICE_TO] = "to",
};
static_assert(sizeof names / sizeof names[0] == SL_CHOICE__COUNT, "a name for each");

const char *sl_choice_name(enum sl_choice_by by)
{
    return names[by];
}

bool sl_choice_is_kind(struct sl_str kind)
{
    static const char *const kinds[] = {"settle", "sum",   "key",     "tenant", "switch",
                                        "grant",  "start", "dropped", "admin"};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (sl_str_eq(kind, sl_str_of(kinds[i])))
            return true;
    return false;
}

static struct sl_str text_of(struct sl_str line, const char *name, char out[VALUE])
{
    struct sl_str value = sl_json_get(line, sl_str_of(name));
    size_t n = 0;

    return sl_json_type_of(value) == SL_JSON_STRING && sl_json_unescape(value, out, VALUE, &n)
               ? (struct sl_str){out, n}
               : (struct sl_str){"", 0};
}

static bool has(struct sl_str line, const char *name, struct sl_str want)
{
    char text[VALUE];

    return sl_str_eq(text_of(line, name, text), want);
}

bool sl_choice_is_change(struct sl_str line)
{
    return sl_json_get(line, SL_STR("actor")).p != NULL;
}

static bool has_kind(struct sl_str line, struct sl_str want)
{
    return sl_str_eq(want, SL_STR("admin")) ? sl_choice_is_change(line) : has(line, "kind", want);
}

/* A request's own id, which answers carry, is the end of the one in the ledger. */
static bool has_id(struct sl_str line, struct sl_str want)
{
    char text[VALUE];
    struct sl_str id = text_of(line, "id", text);

    return sl_str_eq(id, want) ||
           (want.n == 16 && sl_str_ends(id, want) && has(line, "kind", SL_STR("settle"))) ||
           has(line, "provider_id", want);
}

static bool has_client(const struct sl_choice *c, struct sl_str line)
{
    return has(line, "client", c->of[SL_CHOICE_CLIENT]) ||
           (c->named && has(line, "client_name", (struct sl_str){c->client, sizeof c->client}));
}

static bool has_actor(struct sl_str line, struct sl_str want)
{
    char text[VALUE];

    return sl_choice_is_change(line) && sl_str_starts(text_of(line, "actor", text), want);
}

/* Moments are texts that sort; a day stands for its first or its last one. */
static int compare_moment(struct sl_str line, struct sl_str want)
{
    char text[VALUE];
    struct sl_str at = text_of(line, "t", text);

    return memcmp(at.p, want.p, at.n < want.n ? at.n : want.n);
}

bool sl_choice_is_before(const struct sl_choice *c, struct sl_str line)
{
    return c->of[SL_CHOICE_FROM].p != NULL && compare_moment(line, c->of[SL_CHOICE_FROM]) < 0;
}

static bool takes(const struct sl_choice *c, enum sl_choice_by by, struct sl_str line)
{
    struct sl_str want = c->of[by];

    switch (by) {
    case SL_CHOICE_KIND: return has_kind(line, want);
    case SL_CHOICE_ID: return has_id(line, want);
    case SL_CHOICE_ACTOR: return has_actor(line, want);
    case SL_CHOICE_CLIENT: return has_client(c, line);
    case SL_CHOICE_FROM: return !sl_choice_is_before(c, line);
    case SL_CHOICE_TO: return compare_moment(line, want) <= 0;
    case SL_CHOICE_TENANT:
    case SL_CHOICE_KEY:
    case SL_CHOICE_USER:
    case SL_CHOICE_END_USER:
    case SL_CHOICE_MODEL:
    case SL_CHOICE_PROVIDER:
    case SL_CHOICE_TRACE:
    case SL_CHOICE__COUNT: break;
    }
    return has(line, names[by], want);
}

bool sl_choice_takes(const struct sl_choice *c, struct sl_str line)
{
    for (int by = 0; by < SL_CHOICE__COUNT; by++)
        if (c->of[by].p != NULL && !takes(c, (enum sl_choice_by)by, line))
            return false;
    return true;
}
