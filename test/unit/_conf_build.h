/* Helpers of tests that build snapshots: text in, faults or a snapshot out. */
#ifndef SL_TEST_CONF_BUILD_H
#define SL_TEST_CONF_BUILD_H

#include "_conf_text.h"
#include "conf/build.h"

/* What the schema takes must be refused by the builders, with `want` among the faults. */
static inline void build_refused(const char *text, const char *want)
{
    struct sl_conf *c = test_accepted(text);

    assert_null(sl_build_snapshot(c, NULL, NULL));
    test_has(c, text, want);
    sl_conf_end(&c);
}

static inline struct sl_gateway_conf *build_made(const char *text)
{
    struct sl_conf *c = test_accepted(text);
    struct sl_gateway_conf *made = sl_build_snapshot(c, NULL, NULL);

    if (made == NULL)
        fail_msg("%s\n-- refused: %.*s", text, SL_STR_ARGS(sl_faults_text(&c->faults)));
    sl_conf_end(&c); /* nothing of the snapshot may live there */
    return made;
}

static inline void build_is(struct sl_str got, const char *want)
{
    if (!sl_str_eq(got, sl_str_of(want)))
        fail_msg("'%.*s' is not '%s'", SL_STR_ARGS(got), want);
}

#endif
