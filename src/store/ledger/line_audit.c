/* store/ledger/line_audit.c -- the members of a settled line that only auditors read. A
 * rebuild reads none of them, so they may grow without a new form of the line. */
#include "base/text.h"
#include "store/ledger/inside.h"

#define NAME_MAX_BYTES 128 /* of texts that clients and providers make */

static inline void put_text(struct sl_text *t, struct sl_str name, struct sl_str s)
{
    if (s.n == 0)
        return;
    sl_text_add(t, name);
    sl_text_json(t, s, NAME_MAX_BYTES);
}

static void put_digest(struct sl_text *t, struct sl_str name, const uint8_t sha256[32])
{
    char hex[64];

    sl_str_hex(sha256, 32, hex);
    put_text(t, name, (struct sl_str){hex, sizeof hex});
}

static void put_client(struct sl_text *t, const struct sl_audit *a, const struct sl_trail *trail)
{
    char name[16];

    if (a->client.n == 0 || trail == NULL)
        return;
    if (!a->blind) {
        put_text(t, SL_TEXT_MEMBER("client"), a->client);
        return;
    }
    sl_trail_blind(trail, a->client, name);
    put_text(t, SL_TEXT_MEMBER("client_name"), (struct sl_str){name, sizeof name});
}

void sl_line_write_audit(struct sl_text *t, const struct sl_settle *s, const struct sl_trail *trail)
{
    const struct sl_audit *a = s->audit;

    put_text(t, SL_TEXT_MEMBER("trace"), a->trace);
    put_text(t, SL_TEXT_MEMBER("end_user"), a->end_user);
    put_text(t, SL_TEXT_MEMBER("app"), a->app);
    put_client(t, a, trail);
    put_text(t, SL_TEXT_MEMBER("asked"), a->asked);
    put_text(t, SL_TEXT_MEMBER("answered"), a->answered);
    put_text(t, SL_TEXT_MEMBER("provider_id"), a->provider_id);
    put_text(t, SL_TEXT_MEMBER("config"), a->config);
    sl_text_add(t, SL_TEXT_MEMBER("path"));
    sl_text_add(t, a->path.n > 0 ? a->path : SL_STR("[]"));
    if (a->first_ms >= 0) {
        sl_text_add(t, SL_TEXT_MEMBER("first_ms"));
        sl_text_i64(t, a->first_ms);
    }
    if (a->has_prompt)
        put_digest(t, SL_TEXT_MEMBER("prompt_sha256"), a->prompt_sha256);
    if (a->has_answer)
        put_digest(t, SL_TEXT_MEMBER("answer_sha256"), a->answer_sha256);
}
