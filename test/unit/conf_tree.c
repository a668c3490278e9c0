/* YAML as a tree: lines and columns, and what is refused. */
#include "conf/tree.c"

#include "_conf_text.h"

static void test_places(void **state)
{
    struct sl_conf *c = test_accepted("# a comment\n" TEST_BASE "timeouts:\n  connect: 7s\n"
                                      "  idle: 9s\n");
    const struct sl_node *n = sl_node_at(c->root, "timeouts.idle");

    (void)state;
    assert_int_equal(n->line, 6);
    assert_int_equal(n->column, 9);
    assert_string_equal(n->file, "t.yaml");
    assert_null(sl_node_at(c->root, "timeouts.nothing"));
    assert_null(sl_node_at(c->root, "listen.nothing"));
    assert_null(sl_node_get(NULL, "x"));
    assert_int_equal(sl_node_number(c->root, "nothing", 7), 7);
    assert_int_equal(sl_node_text(c->root, "timeouts").n, 0);
    sl_conf_end(&c);
}

static void test_refusals(void **state)
{
    (void)state;
    test_refused("", "t.yaml:1:1: the file is empty");
    test_refused("# nothing\n", "the file is empty");
    test_refused("a: [1\n", "not valid YAML");
    test_refused("a: b: c\n", "t.yaml:1:5: not valid YAML");
    test_refused("a: &x 1\nb: *x\n", "t.yaml:1:4: anchors are not supported");
    test_refused("a: &x [1]\n", "anchors");
    test_refused("a: *x\n", "aliases are not supported");
    test_refused("a: !!str 1\n", "tags are not supported");
    test_refused("a: !x [1]\n", "tags");
    test_refused("<<: {a: 1}\n", "merge keys");
    test_refused("listen: a:1\nlisten: b:1\n", "t.yaml:2:1: listen: stands twice");
    test_refused("a: 1\n---\nb: 2\n", "one document");
    test_refused("? [1, 2]\n: 3\n", "a key must be plain text");
    test_refused("\"\": 1\n", "a key has between 1 and 200 bytes");
    test_refused("a: \"x\\0y\"\n", "zero byte");
    test_refused("a: \xff\n", "not valid YAML");
    test_refused("- 1\n- 2\n", "must be a map");
    test_refused("just text\n", "must be a map");
    test_refused("a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", "nested too deeply");
}

static void test_null_is_not_given(void **state)
{
    struct sl_conf *c =
        test_accepted(TEST_BASE "listen: ~\nkeepalive_ping:\ntenants:\nqueue: null\n");

    (void)state;
    test_text_is(c, "keepalive_ping", "15s");
    test_text_is(c, "queue.max", "1000");
    assert_int_equal(sl_node_get(c->root, "tenants")->n, 0);
    sl_conf_end(&c);
}

/* Control bytes of a file must not reach a terminal through a message. */
static void test_messages_are_plain(void **state)
{
    struct sl_conf *c = test_read("\"a\\e[31mb\": 1\n");
    struct sl_str text = sl_faults_text(&c->faults);

    (void)state;
    assert_true(c->faults.n > 0);
    for (size_t i = 0; i < text.n; i++)
        assert_true((unsigned char)text.p[i] >= 0x20 || text.p[i] == '\n');
    sl_conf_end(&c);
}

static void test_many_faults_are_counted(void **state)
{
    char text[4096];
    struct sl_text t = sl_text_over(text, sizeof(text) - 1);
    struct sl_conf *c;
    size_t lines = 0;

    (void)state;
    for (int i = 0; i < 100; i++)
        sl_text_printf(&t, "unknown%d: 1\n", i);
    text[t.n] = '\0';
    c = test_read(text);
    assert_true(c->faults.n >= 100);
    for (size_t i = 0; i < sl_faults_text(&c->faults).n; i++)
        lines += sl_faults_text(&c->faults).p[i] == '\n';
    assert_int_equal(lines, SL_FAULT_MAX);
    sl_conf_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_null_is_not_given),
        cmocka_unit_test(test_messages_are_plain),
        cmocka_unit_test(test_many_faults_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
