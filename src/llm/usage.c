/* llm/usage.c -- tokens of both protocols in one record, and the tap that
 * reads a plain answer as it passes. */
#include "llm/usage.h"

#include "llm/inside.h"

#define TOKEN_BYTES 4

void sl_usage_init(struct sl_usage *u)
{
    *u = (struct sl_usage){.source = SL_USAGE_ESTIMATED};
}

/* --- Small readers ---------------------------------------------------------------- */

/* Raw bytes of the first character of a string's inside. */
static size_t char_len(struct sl_str s)
{
    uint8_t c = (uint8_t)s.p[0];
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

    if (c == '\\') {
        n = s.n > 1 && s.p[1] == 'u' ? 6 : 2;
        if (n == 6 && s.n >= 12 && (s.p[2] == 'd' || s.p[2] == 'D') && s.p[6] == '\\' &&
            s.p[7] == 'u')
            n = 12; /* a surrogate pair, or two characters at once */
    }
    return n < s.n ? n : s.n;
}

size_t sl_llm_copy(struct sl_str value, char *out, size_t cap)
{
    struct sl_str rest = sl_llm_inner(value);
    size_t used = 0, n = 0;

    if (rest.n == 0)
        return 0;
    if (sl_json_unescape(value, out, cap - 1, &n)) {
        out[n] = '\0';
        return n;
    }
    while (rest.n > 0) {
        char one[16] = {'"'};
        size_t k = char_len(rest);

        memcpy(one + 1, rest.p, k);
        one[k + 1] = '"';
        if (!sl_json_unescape((struct sl_str){one, k + 2}, out + used, cap - 1 - used, &n))
            break;
        used += n;
        rest = sl_str_from(rest, k);
    }
    out[used] = '\0';
    return used;
}

void sl_llm_note_stop(struct sl_usage *u, struct sl_str reason)
{
    if (sl_llm_copy(reason, u->stop, sizeof(u->stop)) > 0)
        u->has_stop = true;
}

/* What errors are called: letters, and what joins them; or a number. It is logged, so a text that
 * stands in its place, which may quote the prompt or a key, is none. */
static bool is_kind(const char *s)
{
    bool letters = true, digits = true;

    for (; *s != '\0'; s++) {
        bool digit = *s >= '0' && *s <= '9';
        bool letter = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');

        digits = digits && digit;
        letters = letters && (letter || *s == '_' || *s == '-' || *s == '.');
    }
    return letters || digits;
}

static bool copy_error(struct sl_usage *u, struct sl_str value)
{
    struct sl_str s;

    if (sl_llm_copy(value, u->error_type, sizeof(u->error_type)) > 0)
        return is_kind(u->error_type);
    if (!sl_llm_is_set(value) || sl_json_type_of(value) != SL_JSON_NUMBER)
        return false;
    s = sl_str_first(value, sizeof(u->error_type) - 1);
    memcpy(u->error_type, s.p, s.n);
    u->error_type[s.n] = '\0';
    return true;
}

void sl_llm_note_error(struct sl_usage *u, struct sl_str error)
{
    struct sl_str metadata = sl_json_get(error, SL_STR("metadata"));
    struct sl_str type = sl_json_get(error, SL_STR("type"));

    if (sl_str_eq(type, SL_STR("\"error\""))) /* the event's, where both are one object */
        type = (struct sl_str){NULL, 0};
    if (copy_error(u, type) || copy_error(u, sl_json_get(metadata, SL_STR("error_type"))) ||
        copy_error(u, sl_json_get(error, SL_STR("code"))))
        return;
    memcpy(u->error_type, "error", sizeof("error"));
}

bool sl_llm_note_choice_error(struct sl_usage *u, struct sl_str choice)
{
    struct sl_str error = sl_json_get(choice, SL_STR("error"));

    if (!sl_llm_is_set(error))
        return false;
    sl_llm_note_error(u, error);
    return true;
}

struct sl_text sl_llm_text(struct sl_arena *a, struct sl_str message, struct sl_str id, size_t more)
{
    size_t cap =
        sl_text_json_room(message, SL_LLM_MESSAGE) + sl_text_json_room(id, SL_LLM_MESSAGE) + more;
    char *p = sl_arena_alloc(a, cap);

    return sl_text_over(p, p != NULL ? cap : 0);
}

/* --- Settling ---------------------------------------------------------------------- */

void sl_usage_settle(struct sl_usage *u, uint64_t request_bytes)
{
    uint64_t counted = (u->text_bytes + TOKEN_BYTES - 1) / TOKEN_BYTES;

    if (!u->has_in) {
        u->in = (request_bytes + TOKEN_BYTES - 1) / TOKEN_BYTES;
        u->source = SL_USAGE_ESTIMATED;
    }
    if (!u->has_out && u->text_bytes > 0) {
        if (counted > u->out)
            u->out = counted;
        u->source = SL_USAGE_COUNTED;
    }
    u->has_in = u->has_out = true;
}

/* --- Plain answers --------------------------------------------------------------------- */

/* Members of an answer's top that tell something, the shorter names first. */
enum member {
    M_ID,
    M_USAGE,
    M_MODEL,
    M_ERROR,
    M_STATUS,
    M_OBJECT,
    M_OUTPUT,
    M_CHOICES,
    M_CONTENT,
    M_STOP_REASON,
    M_INPUT_TOKENS,
    M_OTHER
};

static bool pick(void *ctx, struct sl_str key)
{
    static const struct sl_str names[M_OTHER] = {
        [M_ID] = SL_STR_INIT("id"),
        [M_USAGE] = SL_STR_INIT("usage"),
        [M_MODEL] = SL_STR_INIT("model"),
        [M_ERROR] = SL_STR_INIT("error"),
        [M_STATUS] = SL_STR_INIT("status"),
        [M_OBJECT] = SL_STR_INIT("object"),
        [M_OUTPUT] = SL_STR_INIT("output"),
        [M_CHOICES] = SL_STR_INIT("choices"),
        [M_CONTENT] = SL_STR_INIT("content"),
        [M_STOP_REASON] = SL_STR_INIT("stop_reason"),
        [M_INPUT_TOKENS] = SL_STR_INIT("input_tokens"),
    };
    struct sl_answer_tap *t = ctx;

    t->member = (uint8_t)sl_str_among(key, names, M_OTHER);
    /* what is only counted is not looked at */
    return t->member != M_OTHER && t->member != M_CONTENT && t->member != M_OUTPUT;
}

static void read_choices(struct sl_answer_tap *t, struct sl_str choices)
{
    struct sl_str choice;
    size_t pos = 0;

    if (choices.p == NULL)
        return;
    while (sl_json_next(choices, &pos, &choice)) {
        sl_llm_note_stop(t->u, sl_json_get(choice, SL_STR("finish_reason")));
        if (sl_llm_note_choice_error(t->u, choice))
            t->is_error = true;
    }
}

static void note_error(struct sl_answer_tap *t, const struct sl_json_member *m)
{
    if (m->type == SL_JSON_NULL)
        return;
    t->is_error = true;
    sl_llm_note_error(t->u, m->value);
}

/* Tokens counted where they belong at the top: the answer of count_tokens. */
static void note_count(struct sl_usage *u, struct sl_str value)
{
    if (!sl_llm_count(value, &u->in))
        return;
    u->has_in = true;
    u->source = SL_USAGE_REPORTED;
}

static void on_member(void *ctx, const struct sl_json_member *m)
{
    struct sl_answer_tap *t = ctx;

    switch ((enum member)t->member) {
    case M_USAGE: (void)sl_usage_merge(t->u, m->value); break;
    case M_MODEL: (void)sl_llm_copy(m->value, t->u->model, sizeof(t->u->model)); break;
    case M_ID: (void)sl_llm_copy(m->value, t->u->id, sizeof(t->u->id)); break;
    case M_STOP_REASON:
    case M_STATUS: sl_llm_note_stop(t->u, m->value); break;
    case M_ERROR: note_error(t, m); break;
    case M_CHOICES: read_choices(t, m->value); break;
    case M_INPUT_TOKENS: note_count(t->u, m->value); break;
    case M_OBJECT:
        if (sl_str_eq(m->value, SL_STR("\"response\"")))
            t->is_response = true;
        break;
    case M_CONTENT:
    case M_OUTPUT: break;
    case M_OTHER: return;
    }
    if (t->member == M_CONTENT || t->member == M_CHOICES || t->member == M_OUTPUT)
        t->u->text_bytes += m->value_end - m->value_at;
}

void sl_answer_tap_init(struct sl_answer_tap *t, struct sl_usage *u)
{
    memset(t, 0, sizeof(*t));
    sl_json_init(&t->json);
    t->json.member = on_member;
    t->json.pick = pick;
    t->json.ctx = t;
    t->u = u;
}

void sl_answer_tap_fini(struct sl_answer_tap *t)
{
    sl_json_fini(&t->json);
}

void sl_answer_tap_feed(struct sl_answer_tap *t, struct sl_str piece)
{
    if (!t->broken && sl_json_feed(&t->json, piece) != SL_OK)
        t->broken = true;
}

bool sl_answer_tap_finish(struct sl_answer_tap *t)
{
    if (!t->broken && sl_json_finish(&t->json) != SL_OK)
        t->broken = true;
    if (t->is_response)
        t->is_error = false;
    return !t->broken;
}
