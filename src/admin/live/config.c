/* GET config: the effective configuration as YAML, as `sluice check` prints it, without secrets. */
#include "admin/api/handlers.h"

#include "base/grow.h"

#define MOST ((size_t)4 << 20)

static void add(void *ctx, struct sl_str piece)
{
    sl_grow_add(ctx, piece);
}

void sl_config_show(struct sl_api *c)
{
    const struct sl_admin *a = c->admin;
    struct sl_grow text;

    sl_grow_init(&text, MOST);
    a->hooks.show(a->hooks.ctx, add, &text);
    if (text.err != SL_OK) {
        sl_grow_fini(&text);
        sl_api_no_memory(c);
        return;
    }
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '{');
    sl_out_text(&c->out, "hash", (struct sl_str){a->hash, sizeof a->hash});
    sl_out_text(&c->out, "yaml", sl_grow_str(&text));
    sl_out_close(&c->out, '}');
    sl_grow_fini(&text);
    sl_api_done(c);
}
