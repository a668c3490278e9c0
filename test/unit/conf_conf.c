/* Files and what they include. */
#include "conf/conf.c"

#include "_conf_text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static char *in_dir(const char *name)
{
    static char path[2][256];
    static int turn;

    turn = !turn;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
    return path[turn];
}

static void put(const char *name, const char *text)
{
    int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static struct sl_conf *load(const char *name)
{
    struct sl_env env = {.get = test_env_get};

    return sl_conf_load(in_dir(name), &env);
}

static void load_refused(const char *name, const char *want)
{
    struct sl_conf *c = load(name);

    assert_true(c->faults.n > 0);
    test_has(c, name, want);
    sl_conf_end(&c);
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/sluice-conf-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    return mkdir(in_dir("tenants.d"), 0700);
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

static void test_include(void **state)
{
    struct sl_conf *c;
    const struct sl_node *tenants;

    (void)state;
    put("main.yaml", TEST_BASE "include: [\"tenants.d/*.yaml\", more.yaml]\n"
                               "plans: [{name: p0}]\n"
                               "tenants: [{name: zero}]\n");
    put("tenants.d/b.yaml", "tenants: [{name: two}]\n");
    put("tenants.d/a.yaml",
        "plans: [{name: p1}]\ntenants: [{name: one, labels: {l: \"${SET}\"}}]\n");
    put("more.yaml", "queue: {max: 5}\n");
    c = load("main.yaml");
    assert_int_equal(c->faults.n, 0);
    tenants = sl_node_get(c->root, "tenants");
    assert_int_equal(tenants->n, 3);
    assert_true(sl_str_eq(sl_node_text(tenants->first, "name"), SL_STR("zero")));
    assert_true(sl_str_eq(sl_node_text(tenants->first->next, "name"), SL_STR("one")));
    assert_true(sl_str_eq(sl_node_text(tenants->last, "name"), SL_STR("two")));
    assert_true(sl_str_eq(sl_node_text(sl_node_get(tenants->first->next, "labels"), "l"),
                          SL_STR("the value")));
    assert_int_equal(sl_conf_number(c, "queue.max"), 5);
    assert_int_equal(sl_node_get(c->root, "plans")->n, 2);
    sl_conf_end(&c);
}

static void test_include_refusals(void **state)
{
    (void)state;
    put("m.yaml", TEST_BASE "include: nothing.yaml\n");
    load_refused("m.yaml", "m.yaml:3:10: include: no file");
    put("m.yaml", TEST_BASE "include: [m2.yaml]\nqueue: {max: 1}\n");
    put("m2.yaml", "queue: {max: 2}\n");
    load_refused("m.yaml", "m2.yaml:1:8: queue: stands in");
    put("m2.yaml", "include: [m.yaml]\n");
    load_refused("m.yaml", "only the first file may include");
    put("m2.yaml", "- 1\n");
    load_refused("m.yaml", "m2.yaml:1:1: the file must be a map");
    put("m2.yaml", "tenants: [{nome: x}]\n");
    load_refused("m.yaml", "m2.yaml:1:18: tenants[].nome: unknown key");
    put("m2.yaml", "a: [\n");
    load_refused("m.yaml", "not valid YAML");
}

static void test_no_match_is_fine(void **state)
{
    struct sl_conf *c;

    (void)state;
    put("e.yaml", TEST_BASE "include: [\"empty.d/*.yaml\"]\n");
    c = load("e.yaml");
    assert_int_equal(c->faults.n, 0);
    sl_conf_end(&c);
}

static void test_unreadable(void **state)
{
    (void)state;
    load_refused("absent.yaml", "absent.yaml: cannot be read (No such file");
    load_refused("tenants.d", "tenants.d: cannot be read");
}

/* Paths of certificates and secrets start where the file that names them is. */
static void test_relative_paths(void **state)
{
    struct sl_conf *c;
    const struct sl_node *provider;

    (void)state;
    put("r.yaml", "include: tenants.d/p.inc\nmodels: [{name: a, targets: [{provider: p}]}]\n");
    put("tenants.d/p.inc", "providers: [{name: p, protocol: openai, base_url: \"https://h\", tls: "
                           "{ca_file: ca.pem, crl_file: /abs/crl.pem}}]\n");
    c = load("r.yaml");
    assert_int_equal(c->faults.n, 0);
    provider = sl_node_get(c->root, "providers")->first;
    assert_string_equal(sl_node_text(sl_node_get(provider, "tls"), "ca_file").p,
                        in_dir("tenants.d/ca.pem"));
    assert_string_equal(sl_node_text(sl_node_get(provider, "tls"), "crl_file").p, "/abs/crl.pem");
    sl_conf_end(&c);
}

/* A file that is longer than what is read at once. */
static void put_long(const char *name, const char *text)
{
    static char line[6000];

    memset(line, '\n', sizeof(line) - 1);
    memcpy(line, text, strlen(text));
    put(name, line);
}

/* Whichever piece was missing, the files themselves too: that reason alone. */
static void test_no_memory_for_a_file(void **state)
{
    size_t refused = 0;
    bool ok = false;

    (void)state;
    put_long("key", "a-key-of-many");
    put_long("more.inc", "tenants: []");
    put_long("m.yaml", "include: more.inc\n"
                       "providers: [{name: p, protocol: openai, base_url: \"https://h\",\n"
                       "  keys: [\"file:key\"]}]\n"
                       "models: [{name: a, targets: [{provider: p}]}]\n");
    for (uint64_t n = 1; !ok; n++) {
        struct sl_conf *c;

        sl_mem_fail_at(n);
        c = load("m.yaml");
        sl_mem_fail_at(0);
        ok = c->faults.n == 0;
        if (!ok) {
            test_has(c, "m.yaml", "not enough memory to read the configuration; free some");
            assert_int_equal(c->faults.n, 1);
            refused++;
        }
        sl_conf_end(&c);
    }
    assert_true(refused > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_include),          cmocka_unit_test(test_include_refusals),
        cmocka_unit_test(test_no_match_is_fine), cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_relative_paths),   cmocka_unit_test(test_no_memory_for_a_file),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
