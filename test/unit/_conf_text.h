/* Helpers of the configuration's tests: text in, faults or values out. */
#ifndef SL_TEST_CONF_TEXT_H
#define SL_TEST_CONF_TEXT_H

#include "conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>

/* What every whole configuration needs; a test adds the rest. */
#define TEST_PROVIDER "{name: p, protocol: anthropic, base_url: \"https://h\"}"
#define TEST_BASE                                                                                  \
    "providers: [" TEST_PROVIDER "]\n"                                                             \
    "models: [{name: \"*\", targets: [{provider: p}]}]\n"

static const char *test_env_get(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "SET") == 0)
        return "the value";
    if (strcmp(name, "TRICK") == 0)
        return "x]\nlisten: 1";
    if (strcmp(name, "NESTED") == 0)
        return "${SET}";
    return strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static struct sl_conf *test_read(const char *text)
{
    struct sl_env env = {.get = test_env_get};

    return sl_conf_parse("t.yaml", sl_str_of(text), &env);
}

static inline void test_has(const struct sl_conf *c, const char *text, const char *want)
{
    struct sl_str faults = sl_faults_text(&c->faults);

    if (sl_str_find(faults, sl_str_of(want)) < 0)
        fail_msg("%s\n-- wanted: %s\n-- got: %.*s", text, want, SL_STR_ARGS(faults));
}

/* The text must be refused, and the faults must hold `want`. */
static inline void test_refused(const char *text, const char *want)
{
    struct sl_conf *c = test_read(text);

    assert_true(c->faults.n > 0);
    test_has(c, text, want);
    sl_conf_end(&c);
}

static inline struct sl_conf *test_accepted(const char *text)
{
    struct sl_conf *c = test_read(text);

    if (c->faults.n > 0)
        fail_msg("%s\n-- refused: %.*s", text, SL_STR_ARGS(sl_faults_text(&c->faults)));
    return c;
}

static inline void test_text_is(const struct sl_conf *c, const char *path, const char *want)
{
    struct sl_str got = sl_conf_text(c, path);

    if (!sl_str_eq(got, sl_str_of(want)))
        fail_msg("%s is '%.*s', not '%s'", path, SL_STR_ARGS(got), want);
}

#endif
