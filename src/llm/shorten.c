/* Messages are put together into units that go or stay as one. */
#include "llm/shorten.h"

#include "base/json.h"
#include "base/mem.h"
#include "llm/estimate.h"

#define WORD 24 /* longer than every role and type that is looked for */

enum kind { SYSTEM, QUESTION, ANSWER, RESULT };

struct message {
    size_t at, end;
    uint64_t tokens;
    size_t unit; /* the message that its unit begins with */
    size_t last; /* of the first of a unit: the one that it ends with */
    enum kind kind;
    bool gone;
};

struct talk {
    struct sl_str list; /* the array of messages */
    struct message *at; /* owns */
    size_t n, cap;
    size_t first, last, answer; /* units that stay: questions, and what came last; or n */
};

static bool is_word(struct sl_str value, struct sl_str word)
{
    char text[WORD];
    size_t n = 0;

    return value.p != NULL && sl_json_unescape(value, text, sizeof text, &n) &&
           sl_str_eq((struct sl_str){text, n}, word);
}

static bool has_result(struct sl_str content)
{
    struct sl_str block;
    size_t pos = 0;

    if (content.p == NULL || sl_json_type_of(content) != SL_JSON_ARRAY)
        return false;
    while (sl_json_next(content, &pos, &block))
        if (sl_json_type_of(block) == SL_JSON_OBJECT &&
            is_word(sl_json_get(block, SL_STR("type")), SL_STR("tool_result")))
            return true;
    return false;
}

static enum kind kind_of(struct sl_str message)
{
    struct sl_str role = sl_json_get(message, SL_STR("role"));

    if (is_word(role, SL_STR("system")) || is_word(role, SL_STR("developer")))
        return SYSTEM;
    if (is_word(role, SL_STR("assistant")))
        return ANSWER;
    if (is_word(role, SL_STR("tool")) || is_word(role, SL_STR("function")) ||
        has_result(sl_json_get(message, SL_STR("content"))))
        return RESULT;
    return QUESTION;
}

/* Room for one more: false without memory. */
static bool grow(struct talk *t)
{
    size_t cap = t->cap > 0 ? 2 * t->cap : 64;
    struct message *at;

    if (t->n < t->cap)
        return true;
    at = sl_mem_grow(t->at, cap * sizeof *at);
    if (at == NULL)
        return false;
    t->at = at;
    t->cap = cap;
    return true;
}

/* Results belong to the answer before them, whatever stands between, and answers in a row are
 * one (protocols.md 2.4). */
static void join(struct talk *t)
{
    size_t answer = t->n, before = t->n; /* of the message before that is no system's */

    t->first = t->last = t->answer = t->n;
    for (size_t i = 0; i < t->n; i++) {
        struct message *m = &t->at[i];

        m->unit = m->last = i;
        if (m->kind == SYSTEM)
            continue;
        if (m->kind == RESULT && answer < t->n)
            m->unit = answer;
        if (m->kind == ANSWER && before < t->n && t->at[before].kind == ANSWER)
            m->unit = t->at[before].unit;
        t->at[m->unit].last = i;
        if (m->kind == ANSWER)
            answer = m->unit;
        if (m->kind == QUESTION && t->first == t->n)
            t->first = i;
        if (m->kind == QUESTION)
            t->last = i;
        t->answer = m->unit;
        before = i;
    }
}

/* SL_OK with t->n 0: no list of messages. */
static enum sl_err read_talk(struct sl_str body, struct talk *t)
{
    struct sl_str one;
    size_t pos = 0;

    t->list = sl_json_get(body, SL_STR("messages"));
    if (t->list.p == NULL || sl_json_type_of(t->list) != SL_JSON_ARRAY)
        return SL_OK;
    while (sl_json_next(t->list, &pos, &one)) {
        if (sl_json_type_of(one) != SL_JSON_OBJECT || t->n == SL_SHORTEN_MESSAGES) {
            t->n = 0;
            return SL_OK;
        }
        if (!grow(t))
            return SL_ERR_NO_MEMORY;
        t->at[t->n++] = (struct message){.at = (size_t)(one.p - body.p),
                                         .end = (size_t)(one.p - body.p) + one.n,
                                         .tokens = sl_estimate_input(one),
                                         .kind = kind_of(one)};
    }
    join(t);
    return SL_OK;
}

/* A message's own estimate is rounded up: together they may be less by one each. */
static uint64_t drop_unit(struct talk *t, size_t unit, struct sl_shorten *s)
{
    uint64_t freed = 0;

    for (size_t i = unit; i <= t->at[unit].last; i++) {
        if (t->at[i].unit != unit || t->at[i].kind == SYSTEM)
            continue;
        freed += t->at[i].tokens > 0 ? t->at[i].tokens - 1 : 0;
        t->at[i].gone = true;
        s->dropped++;
    }
    return freed;
}

static void drop(struct talk *t, uint64_t over, struct sl_shorten *s)
{
    bool begun = false; /* something that stays may be the first message */

    for (size_t i = 0; i < t->n; i++) {
        uint64_t freed;

        if (t->at[i].kind == SYSTEM || t->at[i].gone)
            continue;
        if (i == t->last || t->at[i].unit == t->answer || (s->keep_first && i == t->first)) {
            begun = true;
            continue;
        }
        if (over == 0 && (begun || t->at[i].kind == QUESTION))
            return;
        freed = drop_unit(t, t->at[i].unit, s);
        over = freed < over ? over - freed : 0;
    }
}

static enum sl_err write_rest(struct sl_str body, const struct talk *t, struct sl_str *out)
{
    size_t list_at = (size_t)(t->list.p - body.p), n = list_at;
    struct sl_str rest = sl_str_from(body, list_at + t->list.n);
    char *p = sl_mem_try(body.n);

    if (p == NULL)
        return SL_ERR_NO_MEMORY;
    memcpy(p, body.p, list_at);
    p[n++] = '[';
    for (size_t i = 0; i < t->n; i++) {
        const struct message *m = &t->at[i];

        if (m->gone)
            continue;
        if (p[n - 1] != '[')
            p[n++] = ',';
        memcpy(p + n, body.p + m->at, m->end - m->at);
        n += m->end - m->at;
    }
    p[n++] = ']';
    memcpy(p + n, rest.p, rest.n);
    *out = (struct sl_str){p, n + rest.n};
    return SL_OK;
}

enum sl_err sl_shorten_body(struct sl_str body, struct sl_shorten *s, struct sl_str *out)
{
    uint64_t tokens = sl_estimate_input(body);
    struct talk t = {.at = NULL};
    enum sl_err e;

    *out = (struct sl_str){NULL, 0};
    s->messages = s->dropped = 0;
    if (tokens <= s->max_tokens)
        return SL_OK;
    e = read_talk(body, &t);
    s->messages = t.n;
    if (e == SL_OK && t.n > 0)
        drop(&t, tokens - s->max_tokens, s);
    if (e == SL_OK && s->dropped > 0)
        e = write_rest(body, &t, out);
    sl_mem_free(t.at);
    return e;
}
