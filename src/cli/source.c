/* cli/source.c -- a file, or the environment. */
#include "cli/source.h"

#include "conf/state.h"
#include "conf/zero.h"

#include <stdio.h>

bool sl_source_zero(struct sl_text *place, char *why, size_t cap)
{
    struct sl_env env = {0};
    char dev[SL_STATE_PATH], admin[SL_STATE_PATH];

    if (!sl_state_dotenv(".env", why, cap) || !sl_state_key(SL_STATE_DEV, dev, why, cap) ||
        !sl_state_key(SL_STATE_ADMIN, admin, why, cap))
        return false;
    if (sl_zero_write(place, &env, dev, admin))
        return true;
    snprintf(why, cap,
             "nothing to serve: give a file with -c, or set ANTHROPIC_API_KEY, "
             "OPENAI_API_KEY or OPENROUTER_API_KEY (a .env file here is read too)");
    return false;
}

struct sl_conf *sl_source_load(const char *config)
{
    struct sl_env env = {0};
    char text[SL_ZERO_TEXT], why[512] = "";
    struct sl_text place = sl_text_over(text, sizeof(text));
    struct sl_conf *c;

    if (config != NULL)
        return sl_conf_load(config, &env);
    if (sl_source_zero(&place, why, sizeof(why)))
        return sl_conf_parse("environment", sl_text_str(&place), &env);
    c = sl_conf_parse("environment", SL_STR("{}"), &env);
    sl_faults_init(&c->faults); /* what `{}` lacks is beside the point */
    sl_fault_add(&c->faults, NULL, "%s", why);
    return c;
}

void sl_source_admin(const struct sl_options *o, char *out, size_t cap)
{
    const char *set = sl_env_get(&(struct sl_env){0}, "SLUICE_ADMIN_LISTEN");
    struct sl_conf *c;

    snprintf(out, cap, "%s", set != NULL && set[0] != '\0' ? set : "127.0.0.1:9091");
    if (o->admin != NULL) {
        snprintf(out, cap, "%s", o->admin);
    } else if (o->config != NULL) {
        c = sl_source_load(o->config);
        if (c->faults.n == 0)
            snprintf(out, cap, "%.*s", SL_STR_ARGS(sl_conf_text(c, "admin.listen")));
        sl_conf_end(&c);
    }
}

void sl_source_admin_key(const struct sl_options *o, char *out, size_t cap)
{
    const char *set = sl_env_get(&(struct sl_env){0}, "SLUICE_ADMIN_KEY");
    char why[256];
    struct sl_conf *c;

    snprintf(out, cap, "%s", o->key != NULL ? o->key : set != NULL ? set : "");
    if (o->key == NULL && o->config == NULL && o->admin == NULL && out[0] == '\0' &&
        !sl_state_read_key(SL_STATE_ADMIN, out, cap, why, sizeof(why)))
        out[0] = '\0'; /* and the gateway says what is missing */
    if (o->key != NULL || o->config == NULL)
        return;
    c = sl_source_load(o->config);
    if (c->faults.n == 0)
        snprintf(out, cap, "%.*s", SL_STR_ARGS(sl_conf_text(c, "admin.key")));
    sl_conf_end(&c);
}
