/* The state directory, the dev key, .env. */
#include "conf/state.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static char dir[64];
static char why[512];

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/sluice-state-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void test_places(void **state)
{
    char out[SL_STATE_PATH], want[128];

    (void)state;
    setenv("HOME", dir, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("SLUICE_STATE");
    assert_true(sl_state_dir(out, why, sizeof(why)));
    snprintf(want, sizeof(want), "%s/.local/state/sluice", dir);
    assert_string_equal(out, want);
    assert_int_equal(mode_of(out), 0700);
    snprintf(want, sizeof(want), "%s/xdg", dir);
    setenv("XDG_STATE_HOME", want, 1);
    assert_true(sl_state_dir(out, why, sizeof(why)));
    snprintf(want, sizeof(want), "%s/xdg/sluice", dir);
    assert_string_equal(out, want);
    snprintf(want, sizeof(want), "%s/own", dir);
    setenv("SLUICE_STATE", want, 1);
    assert_true(sl_state_dir(out, why, sizeof(why)));
    assert_string_equal(out, want);
    setenv("SLUICE_STATE", "", 1);
    setenv("XDG_STATE_HOME", "relative", 1); /* the XDG rules: such a value is ignored */
    unsetenv("HOME");
    assert_false(sl_state_dir(out, why, sizeof(why)));
    assert_non_null(strstr(why, "set SLUICE_STATE or HOME"));
}

static void test_key(void **state)
{
    char path[SL_STATE_PATH], again[SL_STATE_PATH], a[256], b[256], own[128];

    (void)state;
    snprintf(own, sizeof(own), "%s/k", dir);
    setenv("SLUICE_STATE", own, 1);
    assert_false(sl_state_read_key(SL_STATE_DEV, a, sizeof(a), why, sizeof(why)));
    assert_true(sl_state_key(SL_STATE_DEV, path, why, sizeof(why)));
    assert_int_equal(mode_of(path), 0600);
    assert_true(sl_state_read_key(SL_STATE_DEV, a, sizeof(a), why, sizeof(why)));
    assert_int_equal(strlen(a), 51);
    assert_int_equal(strncmp(a, "sk-slc-dev-", 11), 0);
    assert_true(sl_state_key(SL_STATE_DEV, again, why, sizeof(why)));
    assert_true(sl_state_read_key(SL_STATE_DEV, b, sizeof(b), why, sizeof(why)));
    assert_string_equal(a, b);
    assert_int_equal(chmod(path, 0644), 0); /* repaired, and said by nobody */
    assert_true(sl_state_key(SL_STATE_DEV, again, why, sizeof(why)));
    assert_int_equal(mode_of(path), 0600);
    assert_false(sl_state_read_key(SL_STATE_ADMIN, b, sizeof(b), why, sizeof(why)));
    assert_true(sl_state_key(SL_STATE_ADMIN, again, why, sizeof(why))); /* another's, beside it */
    assert_int_equal(mode_of(again), 0600);
    assert_true(sl_state_read_key(SL_STATE_ADMIN, b, sizeof(b), why, sizeof(why)));
    assert_int_equal(strncmp(b, "sluice-admin-", 13), 0);
    assert_string_not_equal(strrchr(a, '-'), strrchr(b, '-'));
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(sl_state_key(SL_STATE_DEV, again, why, sizeof(why)));
}

static bool dotenv(const char *text)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/env", dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return sl_state_dotenv(path, why, sizeof(why));
}

static void is(const char *name, const char *want)
{
    const char *got = getenv(name);

    if (got == NULL || strcmp(got, want) != 0)
        fail_msg("%s is '%s', not '%s'", name, got != NULL ? got : "(unset)", want);
}

static void test_dotenv(void **state)
{
    (void)state;
    setenv("T_SET", "kept", 1);
    assert_true(dotenv("# words\n\n T_A=1\nexport T_B = two words \r\nT_C=\"a # b\" # c\n"
                       "T_D='q\"q'\nT_E=x#y # z\nT_SET=lost\nT_F=\nT_G=a=b\nT_H=${T_A}"));
    is("T_A", "1");
    is("T_SET", "kept");
    is("T_C", "a # b");
    is("T_D", "q\"q");
    is("T_E", "x#y");
    is("T_F", "");
    is("T_G", "a=b");
    is("T_H", "${T_A}");
    assert_false(dotenv("T_OK=1\nno equals sign\n"));
    assert_non_null(strstr(why, "env:2: must be NAME=value"));
    assert_false(dotenv("1X=2\n"));
    assert_false(dotenv("=2\n"));
    assert_false(dotenv("T_Q=\"open\n"));
    assert_true(sl_state_dotenv("/nonexistent/.env", why, sizeof(why)));
    assert_false(sl_state_dotenv(dir, why, sizeof(why)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_dotenv),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
