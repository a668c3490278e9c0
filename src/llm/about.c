/* llm/about.c -- the marks of an account, and the pieces of a key. */
#include "llm/about.h"

#include "llm/neutral/neutral.h"

#define PIECE 16 /* characters in a row that make a key known */
#define BLOCK 8  /* any such piece holds one block of the key whole */
#define SHORT 4  /* of fewer characters there is no secret */
#define LAST 4   /* what masked keys still show of their end */
#define NESTED 3 /* how deep a JSON may be a text in another */

static bool is_in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Does the name with text[at] in it stand as a word, or as a JSON value of its own? What
 * a provider quotes from a request ('get_organization', \"org-chart\") does not. */
static bool is_own_word(struct sl_str text, size_t at)
{
    while (at > 0 && is_in_name(text.p[at - 1]))
        at--;
    if (at == 0 || text.p[at - 1] == ' ' || text.p[at - 1] == '(')
        return true;
    return text.p[at - 1] == '"' && (at == 1 || text.p[at - 2] != '\\');
}

static bool has_word(struct sl_str text, struct sl_str mark)
{
    ptrdiff_t found;

    for (size_t at = 0; (found = sl_str_find(sl_str_from(text, at), mark)) >= 0; at += mark.n) {
        at += (size_t)found;
        if (is_own_word(text, at))
            return true;
    }
    return false;
}

bool sl_about_account(struct sl_str text, bool *quota)
{
    static const struct {
        struct sl_str text;
        bool quota;    /* it says that the account is empty */
        bool anywhere; /* too odd to be quoted by chance, and some providers quote others */
    } marks[] = {
        {SL_STR_INIT("insufficient_quota"), true, true},
        {SL_STR_INIT("credit_balance"), true, true},
        {SL_STR_INIT("credit balance"), true, true},
        {SL_STR_INIT("billing_"), true, false},
        {SL_STR_INIT("spend_limit"), true, false},
        {SL_STR_INIT("organization"), false, false},
        {SL_STR_INIT("org-"), false, false},
    };

    bool about = false;

    *quota = false;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (marks[i].anywhere ? sl_str_find(text, marks[i].text) < 0
                              : !has_word(text, marks[i].text))
            continue;
        about = true;
        *quota = *quota || marks[i].quota;
    }
    return about;
}

/* ---- the prompt ---- */

static bool is_policy(struct sl_str raw)
{
    static const struct sl_str words[] = {
        SL_STR_INIT("content_policy_violation"),
        SL_STR_INIT("content_filter"),
        SL_STR_INIT("moderation_blocked"),
        SL_STR_INIT("moderation"),
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (sl_str_eq(sl_llm_inner(raw), words[i]))
            return true;
    return false;
}

bool sl_about_flagged(struct sl_str error)
{
    struct sl_str metadata = sl_json_get(error, SL_STR("metadata")), one;
    struct sl_str reasons = sl_json_get(metadata, SL_STR("reasons"));
    size_t pos = 0;

    return sl_llm_inner(sl_json_get(metadata, SL_STR("flagged_input"))).n > 0 ||
           sl_json_next(reasons, &pos, &one) ||
           is_policy(sl_json_get(metadata, SL_STR("error_type"))) ||
           is_policy(sl_json_get(error, SL_STR("error_type"))) ||
           is_policy(sl_json_get(error, SL_STR("type"))) ||
           is_policy(sl_json_get(error, SL_STR("code")));
}

bool sl_about_moderation(struct sl_str body)
{
    return sl_json_is_object(body) && sl_about_flagged(sl_json_get(body, SL_STR("error")));
}

struct sl_str sl_about_said(struct sl_str body, char *out, size_t cap)
{
    return sl_neutral_message(body, out, cap);
}

/* ---- keys ---- */

/* Characters that `text` from `at` and `key` from `from` have alike in a row, both ways. */
static size_t alike(struct sl_str text, size_t at, struct sl_str key, size_t from)
{
    size_t before = 0, n = 0;

    while (before < at && before < from && text.p[at - before - 1] == key.p[from - before - 1])
        before++;
    while (at + n < text.n && from + n < key.n && text.p[at + n] == key.p[from + n])
        n++;
    return before + n;
}

static bool has_piece(struct sl_str text, struct sl_str key)
{
    for (size_t from = 0; from + BLOCK <= key.n; from += BLOCK) {
        struct sl_str block = sl_str_first(sl_str_from(key, from), BLOCK);
        ptrdiff_t found;

        for (size_t at = 0; (found = sl_str_find(sl_str_from(text, at), block)) >= 0; at++) {
            at += (size_t)found;
            if (alike(text, at, key, from) >= PIECE)
                return true;
        }
    }
    return false;
}

static bool ends_in_mask(struct sl_str text)
{
    static const struct sl_str masks[] = {
        SL_STR_INIT("***"),          SL_STR_INIT("..."),     SL_STR_INIT("\xe2\x80\xa6"),
        SL_STR_INIT("\xe2\x80\xa2"), SL_STR_INIT("\\u2026"), SL_STR_INIT("\\u2022"),
    };

    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++)
        if (sl_str_ends(text, masks[i]))
            return true;
    return false;
}

static bool has_masked_end(struct sl_str text, struct sl_str key)
{
    struct sl_str end = sl_str_from(key, key.n - LAST);
    ptrdiff_t found;

    for (size_t at = 0; (found = sl_str_find(sl_str_from(text, at), end)) >= 0; at++) {
        at += (size_t)found;
        if (ends_in_mask(sl_str_first(text, at)))
            return true;
    }
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_joined(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* What stands there for a key that nobody asks for: "none", "EMPTY". */
static bool is_filler(struct sl_str key)
{
    for (size_t i = 0; i < key.n; i++)
        if (!is_letter(key.p[i]))
            return false;
    return true;
}

static bool has_apart(struct sl_str text, struct sl_str key)
{
    ptrdiff_t found;

    for (size_t at = 0; (found = sl_str_find(sl_str_from(text, at), key)) >= 0; at++) {
        at += (size_t)found;
        if ((at == 0 || !is_joined(text.p[at - 1])) &&
            (at + key.n == text.n || !is_joined(text.p[at + key.n])))
            return true;
    }
    return false;
}

bool sl_about_key(struct sl_str text, struct sl_str key)
{
    if (key.n < BLOCK)
        return key.n >= SHORT && !is_filler(key) && has_apart(text, key);
    if (key.n < PIECE)
        return sl_str_find(text, key) >= 0;
    return has_piece(text, key) || has_masked_end(text, key);
}

/* The character that an escape at text[at] stands for, and its length; 0: none that matters. */
static size_t escape_at(struct sl_str text, size_t at, char *c)
{
    uint8_t code[2];

    if (at + 2 > text.n || text.p[at] != '\\')
        return 0;
    *c = text.p[at + 1];
    if (*c == '/' || *c == '"' || *c == '\\')
        return 2;
    if (*c != 'u' || at + 6 > text.n ||
        !sl_str_unhex((struct sl_str){text.p + at + 2, 4}, code, sizeof code) || code[0] != 0 ||
        code[1] >= 0x80)
        return 0;
    *c = (char)code[1];
    return 6;
}

size_t sl_about_plain(struct sl_str text, char *out)
{
    size_t n = 0;

    for (size_t pass = 0; pass < NESTED && n != text.n; pass++) {
        size_t at = 0;

        text = pass == 0 ? text : (struct sl_str){out, n};
        for (n = 0; at < text.n; n++) {
            char c = text.p[at];
            size_t used = escape_at(text, at, &c);

            out[n] = used > 0 ? c : text.p[at];
            at += used > 0 ? used : 1;
        }
    }
    return n;
}

/* ---- what is sent with every request ---- */

static bool is_known(struct sl_str name)
{
    static const struct sl_str names[] = {
        SL_STR_INIT("anthropic-version"),
        SL_STR_INIT("anthropic-beta"),
        SL_STR_INIT("openai-beta"),
        SL_STR_INIT("user-agent"),
        SL_STR_INIT("x-title"),
        SL_STR_INIT("x-openrouter-title"),
        SL_STR_INIT("http-referer"),
        SL_STR_INIT("referer"),
        SL_STR_INIT("accept"),
        SL_STR_INIT("api-version"),
        SL_STR_INIT("beta"),
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (sl_str_eq_nocase(name, names[i]))
            return true;
    return false;
}

bool sl_about_extra(struct sl_str text, struct sl_str name, struct sl_str value)
{
    struct sl_str word;

    if (is_known(name))
        return false;
    while (sl_str_split(&value, ' ', &word))
        if (word.n >= BLOCK && sl_about_key(text, word))
            return true;
    return false;
}

bool sl_about_query(struct sl_str text, struct sl_str query)
{
    struct sl_str one;

    while (sl_str_split(&query, '&', &one)) {
        ptrdiff_t at = sl_str_find_byte(one, '=');

        if (at >= 0 &&
            sl_about_extra(text, sl_str_first(one, (size_t)at), sl_str_from(one, (size_t)at + 1)))
            return true;
    }
    return false;
}
