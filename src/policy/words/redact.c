/* At each place: does something begin here that must not stay, and how long is it? */
#include "policy/words/redact.h"

#define KEY_BYTES 16                 /* behind `sk-`, that it is no word */
#define BEARER_BYTES 8               /* of the token */
#define JWT_BYTES 20                 /* in all */
#define NUMBER_DIGITS 7              /* of the shortest */
#define LOCAL ".!#$%&'*+/=?^_`{|}~-" /* what an address may have before its @, besides letters */

/* Runs that were read in vain are not read again where a match ends in their middle. */
struct scan {
    size_t at, from;           /* from: behind the last match */
    size_t no_token, no_email; /* before these none begins */
    char before;               /* the byte in front of `at`, that is in no match; else \0 */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_alnum(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

static bool is_one_of(char c, const char *more)
{
    return is_alnum(c) || (c != '\0' && strchr(more, c) != NULL);
}

/* Letters, digits and `more`, from `at` on. */
static size_t run(struct sl_str s, size_t at, const char *more)
{
    size_t n = at;

    while (n < s.n && is_one_of(s.p[n], more))
        n++;
    return n - at;
}

/* ---- credentials ---- */

/* A name in front of at least `least` bytes of a token. */
static size_t named(struct sl_str s, struct sl_str name, const char *more, size_t least)
{
    size_t n = sl_str_starts_nocase(s, name) ? run(s, name.n, more) : 0;

    return n >= least && n > 0 ? name.n + n : 0;
}

static size_t token(struct scan *c, struct sl_str s)
{
    size_t n = c->at >= c->no_token && sl_str_starts(s, SL_STR("eyJ")) ? run(s, 0, "-_.") : 0;
    size_t dots = 0;

    for (size_t i = 0; i < n; i++)
        dots += s.p[i] == '.';
    if (n >= JWT_BYTES && dots >= 2)
        return n;
    if (n > 0)
        c->no_token = c->at + n;
    return 0;
}

static bool are_hex(const char *p, size_t n)
{
    while (n > 0 && (is_digit(p[n - 1]) || (lower(p[n - 1]) >= 'a' && lower(p[n - 1]) <= 'f')))
        n--;
    return n == 0;
}

/* Of JSON in a text, or of an address: its last letter belongs to nothing that follows. */
static bool ends_escape(const char *end, size_t n)
{
    return (n >= 2 && end[-2] == '\\' && end[-1] != '\0' && strchr("nrtbf", end[-1]) != NULL) ||
           (n >= 3 && end[-3] == '%' && are_hex(end - 2, 2)) ||
           (n >= 6 && end[-6] == '\\' && end[-5] == 'u' && are_hex(end - 4, 4));
}

/* A word may end with "sk-" ("risk-…"), and what goes on is no beginning of a token. */
static size_t credential(struct scan *c, struct sl_str s)
{
    char before = ends_escape(s.p, c->at - c->from) ? '\0' : c->before;
    bool inside = is_alnum(before);
    size_t n = named(s, SL_STR("sk-slc-"), "-_", 1);

    if (n == 0)
        n = named(s, SL_STR("seal:v1:"), "-_+/=:", 1);
    if (n == 0 && !inside)
        n = named(s, SL_STR("sk-"), "-_", KEY_BYTES);
    if (n == 0 && !inside)
        n = named(s, SL_STR("bearer "), "-_.~+/=", BEARER_BYTES);
    return n == 0 && !is_one_of(before, "-_.") ? token(c, s) : n;
}

/* ---- what the operator names ---- */

/* Names may be written in any script. */
static size_t domain(struct sl_str s, size_t at)
{
    size_t n = at, more;

    do {
        more = run(s, n, ".-");
        n += more;
        for (; n < s.n && (s.p[n] & 0x80) != 0; n++)
            more++;
    } while (more > 0);
    return sl_str_find_byte((struct sl_str){s.p + at, n - at}, '.') > 0 ? n - at : 0;
}

/* Looked for where a run of such letters begins, or goes on behind a match. */
static size_t email(struct scan *c, struct sl_str s)
{
    size_t n, behind = 0;

    if (c->at < c->no_email || is_one_of(c->before, LOCAL))
        return 0;
    n = run(s, 0, LOCAL);
    if (n > 0 && n < s.n && s.p[n] == '@')
        behind = domain(s, n + 1);
    if (behind > 0)
        return n + 1 + behind;
    c->no_email = c->at + n;
    return 0;
}

static size_t number(struct sl_str s)
{
    size_t digits = 0, first = s.n > 1 && (s.p[0] == '+' || s.p[0] == '('), end = first;

    if (s.n == 0 || !is_digit(s.p[first]))
        return 0;
    for (size_t i = first; i < s.n; i++) {
        if (is_digit(s.p[i])) {
            digits++;
            end = i + 1;
        } else if (i > end + 1 || s.p[i] == '\0' || strchr(" .-/()", s.p[i]) == NULL) {
            break; /* two between digits at most: ") " */
        }
    }
    return digits >= NUMBER_DIGITS ? end : 0;
}

static size_t pattern(struct sl_str s, struct sl_str p)
{
    for (size_t i = 0; i < p.n; i++) {
        if (p.p[i] == '*') {
            size_t more = run(s, i, "-_");

            return more > 0 ? i + more : 0;
        }
        if (i >= s.n || (p.p[i] == '#' ? !is_digit(s.p[i]) : lower(p.p[i]) != lower(s.p[i])))
            return 0;
    }
    return p.n;
}

bool sl_redact_is_pattern(struct sl_str s)
{
    ptrdiff_t star = sl_str_find_byte(s, '*');

    return s.n >= 3 && s.n <= SL_REDACT_PATTERN && (star < 0 || (size_t)star == s.n - 1);
}

/* ---- together ---- */

static size_t longer(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t by_rules(const struct sl_redact *rules, struct scan *c, struct sl_str s)
{
    size_t n = rules->emails ? email(c, s) : 0;

    if (rules->numbers && !is_digit(c->before))
        n = longer(n, number(s));
    for (size_t i = 0; i < rules->patterns_n; i++)
        n = longer(n, pattern(s, rules->patterns[i]));
    return n;
}

size_t sl_redact_add(const struct sl_redact *rules, const struct sl_str *secrets, size_t secrets_n,
                     struct sl_str text, struct sl_grow *out)
{
    struct scan c = {.at = 0};
    size_t places = 0, n;

    for (; c.at<text.n; c.at += n> 0 ? n : 1) {
        struct sl_str s = sl_str_from(text, c.at);

        c.before = c.at > c.from ? text.p[c.at - 1] : '\0';
        n = longer(credential(&c, s), by_rules(rules, &c, s));
        for (size_t i = 0; i < secrets_n; i++)
            if (secrets[i].n > 0 && sl_str_starts(s, secrets[i]))
                n = longer(n, secrets[i].n);
        if (n == 0)
            continue;
        sl_grow_add(out, (struct sl_str){text.p + c.from, c.at - c.from});
        sl_grow_add(out, SL_STR(SL_REDACT_MARK));
        c.from = c.at + n;
        places++;
    }
    sl_grow_add(out, sl_str_from(text, c.from));
    return places;
}
