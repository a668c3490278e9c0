/* Variables and secret files. */
#include "conf/expand.c"

#include "_conf_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void listen_is(const char *written, const char *want)
{
    char text[1024];
    struct sl_conf *c;

    snprintf(text, sizeof(text), TEST_BASE "listen: %s\n", written);
    c = test_accepted(text);
    test_text_is(c, "listen", want);
    sl_conf_end(&c);
}

static void test_variables(void **state)
{
    (void)state;
    listen_is("${SET}", "the value");
    listen_is("a${SET}b${SET}", "athe valuebthe value");
    listen_is("${NOPE:-x}", "x");
    listen_is("${EMPTY:-x}", "x");
    listen_is("\"${EMPTY}\"", "");
    listen_is("${NOPE:-}", "");
    listen_is("${NOPE:-a:-b}", "a:-b");
    listen_is("\"$${SET}\"", "${SET}");
    listen_is("\"a$${b}$${c}\"", "a${b}${c}");
    listen_is("\"$$${SET}\"", "$${SET}");
    listen_is("\"$ {SET} $SET\"", "$ {SET} $SET");
    listen_is("${NESTED}", "${SET}"); /* what comes from outside is not looked at again */
}

/* A value stays a value: it can't open a list or a key. */
static void test_structure_is_safe(void **state)
{
    struct sl_conf *c = test_accepted(TEST_BASE "default_models: {moderations: \"${TRICK}\"}\n");

    (void)state;
    test_text_is(c, "default_models.moderations", "x]\nlisten: 1");
    test_text_is(c, "listen", "127.0.0.1:8080");
    sl_conf_end(&c);
}

static void test_refusals(void **state)
{
    (void)state;
    test_refused(TEST_BASE "listen: ${NOPE}\n",
                 "t.yaml:3:9: the environment variable NOPE is not set");
    test_refused(TEST_BASE "listen: \"${SET\"\n", "without its `}`");
    test_refused(TEST_BASE "listen: \"${}\"\n", "takes a name");
    test_refused(TEST_BASE "listen: \"${1A}\"\n", "takes a name");
    test_refused(TEST_BASE "listen: \"${A B}\"\n", "takes a name");
    /* keys are not places for variables */
    test_refused(TEST_BASE "\"${SET}\": 1\n", "unknown key");
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void test_secret_files(void **state)
{
    char dir[] = "/tmp/sluice-expand-XXXXXX", path[128], conf[128];
    struct sl_env env = {.get = test_env_get};
    struct sl_conf *c;
    const struct sl_node *key;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/key", dir);
    snprintf(conf, sizeof(conf), "%s/c.yaml", dir);
    write_file(path, "the-secret\r\n\n");
    write_file(conf, TEST_BASE "admin: {key: \"file:key\"}\n");
    c = sl_conf_load(conf, &env);
    assert_int_equal(c->faults.n, 0);
    test_text_is(c, "admin.key", "the-secret");
    key = sl_node_at(c->root, "admin.key");
    assert_true(key->secret);
    assert_true(sl_str_eq(key->from, sl_str_of(path)));
    sl_conf_end(&c);

    unlink(path);
    c = sl_conf_load(conf, &env);
    assert_int_equal(c->faults.n, 1);
    test_has(c, conf, "key: cannot be read (No such file");
    sl_conf_end(&c);
    unlink(conf);
    rmdir(dir);
}

static void test_paths(void **state)
{
    struct sl_arena a;

    (void)state;
    sl_arena_init(&a, 65536);
    assert_string_equal(sl_expand_path(&a, "/etc/s/c.yaml", SL_STR("k")).p, "/etc/s/k");
    assert_string_equal(sl_expand_path(&a, "/etc/s/c.yaml", SL_STR("/k")).p, "/k");
    assert_string_equal(sl_expand_path(&a, "c.yaml", SL_STR("k/l")).p, "k/l");
    assert_string_equal(sl_expand_path(&a, "d/c.yaml", SL_STR("k")).p, "d/k");
    sl_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables), cmocka_unit_test(test_structure_is_safe),
        cmocka_unit_test(test_refusals),  cmocka_unit_test(test_secret_files),
        cmocka_unit_test(test_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
