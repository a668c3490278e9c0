/* What is heard of a stream's events, and of which strand. */
#include "llm/heard.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PARTS 16

struct notes {
    char all[600];
    uint32_t parts[PARTS]; /* as they were met */
    size_t n;
};

static size_t number_of(struct notes *o, uint32_t part)
{
    size_t i = 0;

    while (i < o->n && o->parts[i] != part)
        i++;
    if (i == o->n) {
        assert_true(o->n < PARTS);
        o->parts[o->n++] = part;
    }
    return i;
}

static void on_text(void *ctx, const struct sl_heard_text *t)
{
    struct notes *o = ctx;
    size_t at = strlen(o->all);

    if (t->whole)
        snprintf(o->all + at, sizeof(o->all) - at, "%u:%.*s ", t->group, SL_STR_ARGS(t->inner));
    else
        snprintf(o->all + at, sizeof(o->all) - at, "%u.%zu:%.*s%s ", t->group,
                 number_of(o, t->part), SL_STR_ARGS(t->inner), t->json ? "$" : "");
}

static void on_end(void *ctx, uint32_t group)
{
    struct notes *o = ctx;
    size_t at = strlen(o->all);

    if (group == SL_HEARD_ALL)
        snprintf(o->all + at, sizeof(o->all) - at, "/all ");
    else
        snprintf(o->all + at, sizeof(o->all) - at, "/%u ", group);
}

/* `events`: the data of each, one a line. */
static void assert_heard(enum sl_endpoint ep, const char *events, const char *want)
{
    static const struct sl_heard_ops ops = {on_text, on_end};
    struct sl_heard h = {.done = {0}};
    struct notes o = {{0}, {0}, 0};
    struct sl_str rest = sl_str_of(events), line;

    while (sl_str_split(&rest, '\n', &line)) {
        char event[1024];
        int n = snprintf(event, sizeof(event), "data: %.*s\n\n", SL_STR_ARGS(line));

        assert_true(sl_heard_event(&h, ep, (struct sl_str){event, (size_t)n}, &ops, &o));
    }
    if (strcmp(o.all, want) != 0)
        fail_msg("%s\nheard %s", want, o.all);
}

static void messages(void **state)
{
    (void)state;
    assert_heard(
        SL_EP_MESSAGES,
        "{\"type\":\"message_start\",\"message\":{\"content\":[],\"model\":\"no\"}}\n"
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\","
        "\"thinking\":\"\",\"signature\":\"no\"}}\n"
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\","
        "\"thinking\":\"a\"}}\n"
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\","
        "\"signature\":\"no\"}}\n"
        "{\"type\":\"content_block_stop\",\"index\":0}\n"
        "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\","
        "\"text\":\"b\"}}\n"
        "{\"type\":\"ping\"}\n"
        "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":"
        "\"c\"}}\n"
        "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"citations_delta\","
        "\"citation\":{\"type\":\"no\",\"cited_text\":\"d\"}}}\n"
        "{\"type\":\"content_block_stop\",\"index\":1}\n"
        "{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\","
        "\"partial_json\":\"{}\"}}\n"
        "{\"type\":\"content_block_start\",\"index\":3,\"content_block\":{\"type\":"
        "\"web_search_tool_result\",\"content\":[{\"title\":\"e\",\"url\":\"no\"}]}}\n"
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"no\"}}\n",
        "0.0:a /0 1.1:b 1.1:c 1.2:d /1 2.3:{}$ 3:e ");
}

static void chat(void **state)
{
    (void)state;
    assert_heard(
        SL_EP_CHAT,
        "{\"id\":\"no\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
        "\"content\":\"\"}}]}\n"
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"logprobs\":{\"content\":"
        "[{\"token\":\"no\"}]},\"finish_reason\":null}]}\n"
        "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\",\"reasoning_content\":\"c\"}},"
        "{\"index\":0,\"delta\":{\"content\":\"d\"}}]}\n"
        "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"no\","
        "\"function\":{\"name\":\"no\",\"arguments\":\"e\"}}]}}]}\n"
        "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"function\":"
        "{\"arguments\":\"f\"}}]}}]}\n"
        "{\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"g\",\"reasoning_details\":"
        "[{\"type\":\"reasoning.text\",\"text\":\"g\"}]}}]}\n"
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\"},\"finish_reason\":\"stop\"}]}\n"
        "{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n[DONE]\n",
        "0.0:a 1.0:b 1.1:c 0.0:d 0.2:e$ 0.2:f$ 0.3:g 0.0:h /0 ");
    /* what a filter says of each piece is no strand beside it */
    assert_heard(SL_EP_CHAT,
                 "{\"choices\":[],\"prompt_filter_results\":[{\"hate\":{\"severity\":\"no\"}}]}\n"
                 "{\"choices\":[{\"content_filter_results\":{\"hate\":{\"filtered\":false,"
                 "\"severity\":\"no\"}},\"delta\":{\"content\":\"a\"}}]}\n"
                 "{\"choices\":[{\"delta\":{\"content\":\"b\"},\"content_filter_results\":{"
                 "\"hate\":{\"severity\":\"no\"}},\"content_filter_offsets\":{\"x\":\"no\"}}]}\n",
                 "0.0:a 0.0:b ");
    assert_heard(SL_EP_COMPLETIONS,
                 "{\"choices\":[{\"index\":0,\"text\":\"a\",\"finish_reason\":null}]}\n"
                 "{\"choices\":[{\"index\":0,\"text\":\"b\",\"finish_reason\":\"stop\"}]}\n",
                 "0.0:a 0.0:b /0 ");
}

static void responses(void **state)
{
    (void)state;
    assert_heard(
        SL_EP_RESPONSES,
        "{\"type\":\"response.created\",\"response\":{\"instructions\":\"no\",\"output\":[]}}\n"
        "{\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,"
        "\"delta\":\"a\"}\n"
        "{\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":1,"
        "\"delta\":\"b\"}\n"
        "{\"type\":\"response.output_text.done\",\"output_index\":0,\"text\":\"no\"}\n"
        "{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"content\":"
        "[{\"text\":\"no\"}]}}\n"
        "{\"type\":\"response.function_call_arguments.delta\",\"output_index\":1,"
        "\"delta\":\"c\"}\n"
        "{\"type\":\"response.audio.delta\",\"delta\":\"no\"}\n"
        "{\"type\":\"response.output_item.done\",\"output_index\":2,\"item\":{\"type\":"
        "\"web_search_call\",\"action\":{\"query\":\"d\"}}}\n"
        "{\"type\":\"response.completed\",\"response\":{\"output\":[{\"text\":\"no\"},"
        "{\"arguments\":\"no\"},{\"text\":\"no\"},{\"text\":\"e\"}]}}\n",
        "0.0:a 0.1:b /0 /0 1.2:c$ 2:d /2 3:e /all ");
    /* what the tools of a server have found comes at once, behind pieces of the call */
    assert_heard(
        SL_EP_RESPONSES,
        "{\"type\":\"response.mcp_call_arguments.delta\",\"output_index\":0,\"delta\":\"a\"}\n"
        "{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"mcp_"
        "call\","
        "\"arguments\":\"no\",\"output\":\"b\"}}\n"
        "{\"type\":\"response.code_interpreter_call_code.delta\",\"output_index\":1,"
        "\"delta\":\"c\"}\n"
        "{\"type\":\"response.output_text.delta\",\"output_index\":2,\"delta\":\"d\"}\n"
        "{\"type\":\"response.output_text.annotation.added\",\"output_index\":2,\"annotation\":"
        "{\"type\":\"no\",\"url\":\"no\",\"title\":\"e\"}}\n"
        "{\"type\":\"response.completed\",\"response\":{\"output\":[{\"output\":\"no\"},"
        "{\"code\":\"no\",\"outputs\":[{\"type\":\"no\",\"logs\":\"f\"}]},{\"content\":[\"no\"]}]}}"
        "\n",
        "0.0:a$ 0:b /0 1.1:c 2.2:d 2:e 1:f /all ");
}

/* Items are told up to three times, and heard once; beyond those that are counted, each time. */
static void many_items(void **state)
{
    static const struct sl_heard_ops ops = {on_text, on_end};
    static const char *const told[] = {
        "{\"type\":\"response.output_item.done\",\"output_index\":%u,\"item\":{\"output\":\"a\"}}",
        "{\"type\":\"response.output_item.done\",\"output_index\":%u,\"item\":{\"output\":\"b\"}}",
    };
    static const struct {
        unsigned item;
        const char *want;
    } cases[] = {{0, "0:a /0 /0 "},
                 {63, "63:a /63 /63 "},
                 {64, "64:a /64 /64 "},
                 {SL_HEARD_ITEMS - 1, "1023:a /1023 /1023 "},
                 {SL_HEARD_ITEMS, "1024:a /1024 1024:b /1024 "}};
    struct sl_heard h = {.done = {0}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct notes o = {{0}, {0}, 0};

        for (size_t k = 0; k < COUNT(told); k++) {
            char data[200], event[240];
            int n;

            snprintf(data, sizeof(data), told[k], cases[i].item);
            n = snprintf(event, sizeof(event), "data: %s\n\n", data);
            assert_true(
                sl_heard_event(&h, SL_EP_RESPONSES, (struct sl_str){event, (size_t)n}, &ops, &o));
        }
        assert_string_equal(o.all, cases[i].want);
    }
}

/* Where providers number pieces, the number is the strand; deeper down, where only a hostile one
 * does, the place. */
static void deep(void **state)
{
    (void)state;
    assert_heard(SL_EP_CHAT,
                 "{\"choices\":[{\"a\":{\"b\":{\"c\":[{\"index\":5,\"t\":\"a\"}]}}}]}\n"
                 "{\"choices\":[{\"a\":{\"b\":{\"c\":[{\"index\":6,\"t\":\"b\"}]}}}]}\n"
                 "{\"choices\":[{\"a\":{\"b\":{\"c\":[{\"index\":5,\"t\":\"c\"}]}}}]}\n",
                 "0.0:a 0.1:b 0.0:c ");
    assert_heard(SL_EP_CHAT,
                 "{\"choices\":[{\"a\":[[[[[[[[{\"index\":5,\"t\":\"a\"},[\"b\"]]]]]]]]]}]}\n"
                 "{\"choices\":[{\"a\":[[[[[[[[{\"index\":6,\"t\":\"c\"},[\"d\"]]]]]]]]]}]}\n",
                 "0.0:a 0.1:b 0.0:c 0.1:d ");
}

/* What is no event of the protocol, or cut, is passed over; what can't be read is told. */
static void odd(void **state)
{
    static const struct sl_heard_ops ops = {on_text, on_end};
    static char many[60000];
    struct sl_heard h = {.done = {0}};
    struct notes o = {{0}, {0}, 0};
    size_t n = 0;

    (void)state;
    assert_heard(SL_EP_CHAT, "{\"choices\":[{\"delta\":{\"content\":\"a\n[1,2]\n\"x\"\n{\n", "");
    assert_heard(SL_EP_MESSAGES, "{\"type\":\"content_block_delta\"}\n", "");
    assert_true(sl_heard_event(&h, SL_EP_CHAT, SL_STR(": ping\n\n"), &ops, &o));
    while (n + 16 < sizeof(many))
        n += (size_t)snprintf(many + n, sizeof(many) - n, "data: 1234\n");
    assert_false(sl_heard_event(&h, SL_EP_CHAT, (struct sl_str){many, n}, &ops, &o));
    n = (size_t)snprintf(many, sizeof(many), "data: {\"choices\":[{\"delta\":");
    memset(many + n, '[', 40000);
    memcpy(many + n + 40000, "\n\n", 2);
    assert_true(sl_heard_event(&h, SL_EP_CHAT, (struct sl_str){many, n + 40002}, &ops, &o));
    assert_string_equal(o.all, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),   cmocka_unit_test(chat), cmocka_unit_test(responses),
        cmocka_unit_test(many_items), cmocka_unit_test(deep), cmocka_unit_test(odd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
