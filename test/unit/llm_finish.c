/* Streams that we end: after every event of every kind of stream what comes of it is
 * read as whole, says that tokens ran out, and holds what had passed. */
#include "llm/finish/finish.c"

#include "_fold.h"

#define EV(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define CH(json) "data: " json "\n\n"

static const struct sl_usage usage = {
    .in = 20, .cache_read = 5, .cache_write_5m = 3, .cache_write_1h = 1, .out = 7, .reasoning = 2};

static struct sl_finish_ask ask_of(void)
{
    return (struct sl_finish_ask){.usage = &usage,
                                  .id = SL_STR("req1"),
                                  .model = SL_STR("the \"model\""),
                                  .now_unix_s = 1790000000};
}

static void feed(struct sl_finish *f, struct sl_str stream)
{
    struct sl_str event;

    while (next_event(&stream, &event))
        sl_finish_event(f, event);
    assert_int_equal(stream.n, 0);
}

/* The events behind `stream`. */
static struct sl_str ending(enum sl_endpoint ep, const char *stream)
{
    struct sl_finish_ask ask = ask_of();
    struct sl_finish *f = sl_finish_new(ep);
    struct sl_finish_text t;
    struct sl_str out;

    assert_non_null(f);
    feed(f, sl_str_of(stream));
    assert_int_equal(sl_finish_write(f, &ask, &t), SL_OK);
    out = sl_arena_printf(&arena, "%.*s%.*s%.*s", SL_STR_ARGS(t.body), SL_STR_ARGS(t.usage),
                          SL_STR_ARGS(t.last));
    assert_non_null(out.p);
    sl_finish_end(&f);
    return out;
}

static void assert_ending(enum sl_endpoint ep, const char *stream, const char *want)
{
    struct sl_str got = ending(ep, stream);

    if (!sl_str_eq(got, sl_str_of(want)))
        fail_msg("got  %.*s\nwant %s", SL_STR_ARGS(got), want);
}

/* --- Known endings ------------------------------------------------------------------------ */

#define START                                                                                      \
    EV("message_start", ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"content\":[],"      \
                        "\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}")
#define BLOCK(i)                                                                                   \
    EV("content_block_start", ",\"index\":" i ",\"content_block\":{\"type\":\"text\",\"text\":"    \
                              "\"\"}")
#define SAYS(i, s)                                                                                 \
    EV("content_block_delta",                                                                      \
       ",\"index\":" i ",\"delta\":{\"type\":\"text_delta\",\"text\":\"" s "\"}")
#define STOP(i) EV("content_block_stop", ",\"index\":" i)
#define TOKENS                                                                                     \
    "\"usage\":{\"input_tokens\":20,\"cache_creation_input_tokens\":4,"                            \
    "\"cache_read_input_tokens\":5,\"output_tokens\":"
#define ENDS                                                                                       \
    EV("message_delta",                                                                            \
       ",\"delta\":{\"stop_reason\":\"max_tokens\",\"stop_sequence\":null}," TOKENS "7}")          \
    EV("message_stop", "")

static void test_messages(void **state)
{
    (void)state;
    assert_ending(SL_EP_MESSAGES, START BLOCK("0") SAYS("0", "a"), STOP("0") ENDS);
    assert_ending(SL_EP_MESSAGES, START BLOCK("0") STOP("0") BLOCK("1") EV("ping", ""),
                  STOP("1") ENDS);
    assert_ending(SL_EP_MESSAGES, START BLOCK("0") SAYS("0", "a") STOP("0"), ENDS);
    assert_ending(SL_EP_MESSAGES, START, ENDS);
    assert_ending(SL_EP_MESSAGES, "",
                  EV("message_start",
                     ",\"message\":{\"id\":\"msg_req1\",\"type\":\"message\","
                     "\"role\":\"assistant\",\"model\":\"the \\\"model\\\"\","
                     "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null," TOKENS "0}}")
                      ENDS);
    /* names or types alone, and garbage between */
    assert_ending(SL_EP_MESSAGES,
                  START "data: {\"type\":\"content_block_start\",\"index\":3}\n\n"
                        "event: content_block_start\ndata: nothing\n\n: a comment\n\n",
                  STOP("3") ENDS);
    assert_ending(SL_EP_MESSAGES, START "event: content_block_start\ndata: {\"index\":4}\n\n",
                  STOP("4") ENDS);
    assert_ending(SL_EP_MESSAGES, START BLOCK("0") STOP("0") EV("content_block_start", ""),
                  STOP("1") ENDS);
}

#define HEAD "\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"m\""
#define SAID(i, s) "{\"index\":" i ",\"delta\":{\"content\":\"" s "\"},\"finish_reason\":null}"
#define LENGTH(i)                                                                                  \
    "\"choices\":[{\"index\":" i ",\"delta\":{},\"logprobs\":null,\"finish_reason\":\"length\"}]"
#define COUNTS                                                                                     \
    "\"choices\":[],\"usage\":{\"prompt_tokens\":29,\"completion_tokens\":7,\"total_tokens\":36,"  \
    "\"prompt_tokens_details\":{\"cached_tokens\":5},"                                             \
    "\"completion_tokens_details\":{\"reasoning_tokens\":2}}}"

static void test_chunks(void **state)
{
    (void)state;
    assert_ending(SL_EP_CHAT, CH("{" HEAD ",\"choices\":[" SAID("0", "a") "]}"),
                  CH("{" HEAD "," LENGTH("0") "}") CH("{" HEAD "," COUNTS) "data: [DONE]\n\n");
    /* members of the first chunk with a choice, whatever stands in them */
    assert_ending(SL_EP_CHAT,
                  CH("{\"id\":\"\",\"choices\":[],\"created\":0}") CH("{\"choices\":[" SAID(
                      "0", "a") "],\"id\":\"x\\\"\",\"provider\":{\"a\":"
                                "[1]},\"usage\":null,\"obfuscation\":\"zz\"}"),
                  CH("{\"id\":\"x\\\"\",\"provider\":{\"a\":[1]}," LENGTH("0") ",\"usage\":null}")
                      CH("{\"id\":\"x\\\"\",\"provider\":{\"a\":[1]}," COUNTS) "data: [DONE]\n\n");
    /* several choices, of which one has ended */
    assert_ending(SL_EP_CHAT,
                  CH("{" HEAD ",\"choices\":[" SAID("0", "a") "," SAID("1", "b") "]}")
                      CH("{" HEAD ",\"choices\":[" SAID("70", "a") "]}")
                          CH("{" HEAD ",\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":"
                             "\"stop\"}]}"),
                  CH("{" HEAD "," LENGTH("0") "}") CH("{" HEAD "," LENGTH("70") "}")
                      CH("{" HEAD "," COUNTS) "data: [DONE]\n\n");
    assert_ending(SL_EP_COMPLETIONS,
                  CH("{\"id\":\"t\",\"choices\":[{\"index\":0,\"text\":\"a\",\"finish_reason\":"
                     "null}]}"),
                  CH("{\"id\":\"t\",\"choices\":[{\"index\":0,\"text\":\"\",\"logprobs\":null,"
                     "\"finish_reason\":\"length\"}]}")
                      CH("{\"id\":\"t\"," COUNTS) "data: [DONE]\n\n");
    assert_ending(
        SL_EP_CHAT, "",
        CH("{\"id\":\"chatcmpl-req1\",\"object\":\"chat.completion.chunk\",\"created\":"
           "1790000000,\"model\":\"the \\\"model\\\"\",\"choices\":[{\"index\":0,"
           "\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,"
           "\"finish_reason\":\"length\"}]}")
            CH("{\"id\":\"chatcmpl-req1\",\"object\":\"chat.completion.chunk\","
               "\"created\":1790000000,\"model\":\"the \\\"model\\\"\"," COUNTS) "data: "
                                                                                 "[DONE]\n\n");
}

static bool is_over(enum sl_endpoint ep, const char *stream)
{
    struct sl_finish *f = sl_finish_new(ep);
    bool over;

    assert_non_null(f);
    feed(f, sl_str_of(stream));
    over = sl_finish_is_over(f);
    sl_finish_end(&f);
    return over;
}

static void test_over(void **state)
{
    (void)state;
    assert_false(is_over(SL_EP_MESSAGES, START BLOCK("0") STOP("0")));
    assert_true(is_over(SL_EP_MESSAGES, START EV("message_delta", ",\"delta\":{\"stop_reason\":"
                                                                  "\"end_turn\"}")));
    assert_false(is_over(SL_EP_MESSAGES, START EV("message_delta", ",\"delta\":{\"stop_reason\":"
                                                                   "null}")));
    assert_true(is_over(SL_EP_CHAT, "data: [DONE]\n\n"));
    assert_false(is_over(SL_EP_CHAT, CH("{\"choices\":[]}")));
    assert_true(
        is_over(SL_EP_CHAT, CH("{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}]}")));
    assert_false(is_over(SL_EP_CHAT,
                         CH("{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}]}")
                             CH("{\"choices\":[{\"index\":1,\"finish_reason\":null}]}")));
    assert_false(is_over(SL_EP_RESPONSES, EV("response.created", ",\"response\":{}")));
    assert_true(is_over(SL_EP_RESPONSES, EV("response.failed", ",\"response\":{}")));
    assert_null(sl_finish_new(SL_EP_EMBEDDINGS));
}

/* --- A strict client of responses ---------------------------------------------------------- */

#define ITEMS 8

/* As the TypeScript helper: first created, the same id, indices and numbers without
 * gaps, events at the items they name, and nothing unfinished at the end. */
struct client {
    uint64_t next; /* number */
    char id[64];
    size_t items, parts;
    bool open, told; /* an item; its string is done */
    char ids[ITEMS][64];
    struct sl_grow text; /* of the open part, or call */
    struct sl_grow all;  /* of all that grew */
    bool ended;
};

static const char *text_in(yyjson_val *v, const char *key)
{
    const char *z = yyjson_get_str(yyjson_obj_get(v, key));

    assert_non_null(z);
    return z;
}

static uint64_t number_in(yyjson_val *v, const char *key)
{
    yyjson_val *n = yyjson_obj_get(v, key);

    assert_true(yyjson_is_uint(n));
    return yyjson_get_uint(n);
}

static void read_place(struct client *c, yyjson_val *e)
{
    uint64_t output = number_in(e, "output_index");

    assert_true(c->open);
    assert_int_equal(output, c->items - 1);
    assert_string_equal(text_in(e, "item_id"), c->ids[output]);
}

static void read_item(struct client *c, yyjson_val *e, bool done)
{
    yyjson_val *item = yyjson_obj_get(e, "item");
    uint64_t output = number_in(e, "output_index");

    assert_int_equal(c->open, done);
    assert_true(!done || c->told || c->text.n == 0);
    c->open = !done;
    c->told = false;
    c->parts = 0;
    sl_grow_fini(&c->text);
    if (done) {
        assert_int_equal(output, c->items - 1);
        assert_string_equal(text_in(item, "id"), c->ids[output]);
        return;
    }
    assert_int_equal(output, c->items);
    assert_true(c->items < ITEMS && text_in(item, "id")[0] != '\0');
    snprintf(c->ids[c->items++], 64, "%s", text_in(item, "id"));
}

/* The done events of strings repeat what the deltas said. */
static void read_done(struct client *c, yyjson_val *e)
{
    static const char *const members[] = {"text", "refusal", "arguments", "input"};
    const char *z = NULL;

    for (size_t i = 0; i < COUNT(members) && z == NULL; i++)
        z = yyjson_get_str(yyjson_obj_get(e, members[i]));
    assert_non_null(z);
    assert_true(sl_str_eq(sl_str_of(z), sl_grow_str(&c->text)));
    assert_false(c->told);
    c->told = true;
}

static void read_inside(struct client *c, struct sl_str name, yyjson_val *e)
{
    read_place(c, e);
    if (sl_str_ends(name, SL_STR("_part.added"))) {
        sl_grow_fini(&c->text);
        c->told = false;
        assert_int_equal(number_in(e, name.p[9] == 'r' ? "summary_index" : "content_index"),
                         c->parts);
    } else if (sl_str_ends(name, SL_STR("_part.done"))) {
        assert_true(c->told);
        c->parts++;
        assert_non_null(yyjson_obj_get(e, "part"));
    } else if (sl_str_ends(name, SL_STR(".delta"))) {
        say(&c->text, text_in(e, "delta"));
        say(&c->all, text_in(e, "delta"));
    } else if (sl_str_ends(name, SL_STR(".done"))) {
        read_done(c, e);
    }
}

static void said_of(struct sl_grow *out, yyjson_val *item)
{
    static const char *const lists[] = {"summary", "content"};
    size_t i, n;
    yyjson_val *part;

    for (size_t l = 0; l < COUNT(lists); l++)
        yyjson_arr_foreach(yyjson_obj_get(item, lists[l]), i, n, part)
        {
            say(out, text_in(part, yyjson_obj_get(part, "refusal") != NULL ? "refusal" : "text"));
        }
    if (yyjson_obj_get(item, "arguments") != NULL)
        say(out, text_in(item, "arguments"));
}

static void read_incomplete(struct client *c, yyjson_val *e)
{
    static const char *const needed[] = {"id",          "object",       "created_at",
                                         "status",      "error",        "incomplete_details",
                                         "metadata",    "model",        "parallel_tool_calls",
                                         "temperature", "instructions", "tool_choice",
                                         "tools",       "output",       "top_p",
                                         "usage"};
    yyjson_val *r = yyjson_obj_get(e, "response"), *item;
    yyjson_val *output = yyjson_obj_get(r, "output");
    struct sl_grow said;
    size_t i, n;

    assert_false(c->open);
    for (size_t k = 0; k < COUNT(needed); k++)
        if (yyjson_obj_get(r, needed[k]) == NULL)
            fail_msg("%s is missing", needed[k]);
    assert_string_equal(text_in(r, "id"), c->id);
    assert_string_equal(text_in(r, "status"), "incomplete");
    assert_string_equal(text_in(yyjson_obj_get(r, "incomplete_details"), "reason"),
                        "max_output_tokens");
    assert_int_equal(number_in(yyjson_obj_get(r, "usage"), "total_tokens"), 36);
    assert_int_equal(yyjson_arr_size(output), c->items);
    sl_grow_init(&said, FOLD_MAX);
    yyjson_arr_foreach(output, i, n, item)
    {
        assert_string_equal(text_in(item, "id"), c->ids[i]);
        said_of(&said, item);
    }
    assert_true(sl_str_eq(sl_grow_str(&said), sl_grow_str(&c->all)));
    sl_grow_fini(&said);
    c->ended = true;
}

static void read_event(struct client *c, struct sl_str event)
{
    char scratch[256];
    struct sl_sse_event e;
    struct sl_doc d;
    struct sl_str name;

    sl_sse_parse(event, scratch, sizeof(scratch), &e);
    assert_int_equal(sl_doc_read(&d, e.data, 1 << 26, 0), SL_OK);
    name = sl_str_of(text_in(d.root, "type"));
    assert_true(sl_str_eq(name, e.name));
    assert_false(c->ended);
    assert_int_equal(number_in(d.root, "sequence_number"), c->next++);
    if (c->next == 1) {
        assert_true(sl_str_eq(name, SL_STR("response.created")));
        snprintf(c->id, sizeof(c->id), "%s", text_in(yyjson_obj_get(d.root, "response"), "id"));
    } else if (sl_str_eq(name, SL_STR("response.incomplete"))) {
        read_incomplete(c, d.root);
    } else if (sl_str_starts(name, SL_STR("response.output_item."))) {
        read_item(c, d.root, sl_str_ends(name, SL_STR("done")));
    } else if (!sl_str_eq(name, SL_STR("response.in_progress"))) {
        read_inside(c, name, d.root);
    }
    sl_doc_fini(&d);
}

static void read_response(struct sl_str stream)
{
    struct client c = {.next = 0};
    struct sl_str event;

    sl_grow_init(&c.text, FOLD_MAX);
    sl_grow_init(&c.all, FOLD_MAX);
    while (next_event(&stream, &event))
        read_event(&c, event);
    assert_true(c.ended);
    sl_grow_fini(&c.text);
    sl_grow_fini(&c.all);
}

/* --- After every event --------------------------------------------------------------------- */

static void read_folded(enum sl_endpoint ep, struct sl_str stream)
{
    struct sl_fold *f = feed_all(ep, stream);
    struct sl_str plain = {NULL, 0};

    assert_true(sl_fold_is_whole(f));
    if (sl_fold_finish(f, &arena, &plain) == SL_OK) { /* else: half of a tool's arguments */
        assert_false(sl_fold_is_keepable(ep, plain));
        assert_true(sl_str_find(plain, ep == SL_EP_MESSAGES ? SL_STR("\"max_tokens\"")
                                                            : SL_STR("\"length\"")) >= 0);
    }
    sl_fold_end(&f);
}

/* Ends the stream of that answer after each of its events in turn. */
static size_t end_everywhere(enum sl_endpoint ep, const char *plain)
{
    struct sl_finish_ask ask = ask_of();
    struct sl_str stream, rest, event;
    size_t ends = 0;

    assert_int_equal(sl_unfold(ep, sl_str_of(plain), false, &arena, &stream), SL_OK);
    for (size_t n = 0; n <= stream.n; n += event.n) {
        struct sl_finish *f = sl_finish_new(ep);
        struct sl_finish_text t;
        struct sl_str all;

        assert_non_null(f);
        feed(f, sl_str_first(stream, n));
        if (!sl_finish_is_over(f)) {
            assert_int_equal(sl_finish_write(f, &ask, &t), SL_OK);
            all = sl_arena_printf(&arena, "%.*s%.*s%.*s%.*s", (int)n, stream.p, SL_STR_ARGS(t.body),
                                  SL_STR_ARGS(t.usage), SL_STR_ARGS(t.last));
            assert_non_null(all.p);
            if (ep == SL_EP_RESPONSES)
                read_response(all);
            else
                read_folded(ep, all);
            ends++;
        }
        sl_finish_end(&f);
        rest = sl_str_from(stream, n);
        if (!next_event(&rest, &event))
            break;
    }
    return ends;
}

static void test_every_moment(void **state)
{
    static const char thinking[] =
        "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\",\"content\":["
        "{\"type\":\"thinking\",\"thinking\":\"well\",\"signature\":\"s\"},{\"type\":\"text\","
        "\"text\":\"a\\u00e9\\n\",\"citations\":[{\"n\":1}]},{\"type\":\"tool_use\",\"id\":\"t\","
        "\"name\":\"w\",\"input\":{\"city\":\"Oslo\"}}],\"stop_reason\":\"tool_use\","
        "\"stop_sequence\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}";
    static const char calls[] =
        "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":["
        "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi\",\"tool_calls\":[{"
        "\"id\":\"t\",\"type\":\"function\",\"function\":{\"name\":\"w\",\"arguments\":\"{}\"}}]},"
        "\"finish_reason\":\"tool_calls\"},{\"index\":1,\"message\":{\"role\":\"assistant\","
        "\"content\":\"ho\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"
        "\"completion_tokens\":1,\"total_tokens\":2}}";
    static const char text[] = "{\"id\":\"c\",\"object\":\"text_completion\",\"created\":1,"
                               "\"model\":\"m\",\"choices\":[{\"index\":0,\"text\":\"hi\","
                               "\"logprobs\":null,\"finish_reason\":\"stop\"}]}";
    static const char items[] =
        "{\"id\":\"r\",\"object\":\"response\",\"created_at\":1,\"status\":\"completed\","
        "\"model\":\"m\",\"instructions\":\"be\\nbrief\",\"output\":[{\"id\":\"i1\",\"type\":"
        "\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"so\"},{\"type\":"
        "\"summary_text\",\"text\":\"on\"}],\"content\":[]},{\"id\":\"i2\",\"type\":\"message\","
        "\"role\":\"assistant\",\"status\":\"completed\",\"content\":[{\"type\":\"output_text\","
        "\"text\":\"a\\\"b\",\"annotations\":[{\"type\":\"url_citation\",\"url\":\"u\"},{\"type\":"
        "\"file_path\"}],\"logprobs\":[]},{\"type\":\"refusal\",\"refusal\":\"no\"}]},{\"id\":"
        "\"i3\",\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"w\",\"arguments\":"
        "\"{\\\"city\\\":1}\",\"status\":\"completed\"}],\"usage\":{\"input_tokens\":1,"
        "\"output_tokens\":1,\"total_tokens\":2}}";

    (void)state;
    assert_true(end_everywhere(SL_EP_MESSAGES, thinking) > 12);
    assert_true(end_everywhere(SL_EP_CHAT, calls) >= 7);
    assert_true(end_everywhere(SL_EP_COMPLETIONS, text) >= 2);
    assert_true(end_everywhere(SL_EP_RESPONSES, items) > 25);
}

/* --- Responses: what is said of the item that was being made -------------------------------- */

#define CREATED                                                                                    \
    EV("response.created", ",\"sequence_number\":0,\"response\":{\"id\":\"r\",\"object\":"         \
                           "\"response\",\"created_at\":1,\"model\":\"m\",\"status\":"             \
                           "\"in_progress\",\"output\":[],\"usage\":null,\"tools\":[{\"a\":1}]}")
#define ADDED(n, item)                                                                             \
    EV("response.output_item.added", ",\"sequence_number\":" n ",\"output_index\":0,"              \
                                     "\"item\":" item)
#define MESSAGE(status, content)                                                                   \
    "{\"id\":\"i\",\"type\":\"message\",\"status\":\"" status                                      \
    "\",\"role\":\"assistant\",\"content\":[" content "]}"
#define PART(s, notes) "{\"type\":\"output_text\",\"annotations\":[" notes "],\"text\":\"" s "\"}"
#define AT ",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0"
#define INCOMPLETE(n, output)                                                                      \
    EV("response.incomplete",                                                                      \
       ",\"sequence_number\":" n                                                                   \
       ",\"response\":{\"id\":\"r\",\"object\":\"response\",\"created_at\":1,\"model\":\"m\","     \
       "\"tools\":[{\"a\":1}],\"error\":null,\"instructions\":null,\"metadata\":{},"               \
       "\"parallel_tool_calls\":true,\"temperature\":null,\"tool_choice\":\"auto\","               \
       "\"top_p\":null,\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":"              \
       "\"max_output_tokens\"},\"output\":[" output "],\"usage\":{\"input_tokens\":29,"            \
       "\"input_tokens_details\":{\"cached_tokens\":5},\"output_tokens\":7,"                       \
       "\"output_tokens_details\":{\"reasoning_tokens\":2},\"total_tokens\":36}}")
#define NOTE "{\"url\":\"u\"}"

static void test_responses(void **state)
{
    (void)state;
    assert_ending(
        SL_EP_RESPONSES,
        CREATED ADDED("1", MESSAGE("in_progress", ""))
            EV("response.content_part.added", ",\"sequence_number\":2" AT ",\"part\":" PART("", ""))
                EV("response.output_text.delta", ",\"sequence_number\":3" AT ",\"delta\":\"a\\n\"")
                    EV("response.output_text.annotation.added",
                       ",\"sequence_number\":4" AT ",\"annotation\":" NOTE),
        EV("response.output_text.done",
           ",\"sequence_number\":5" AT ",\"text\":\"a\\n\",\"logprobs\":[]")
            EV("response.content_part.done",
               ",\"sequence_number\":6" AT ",\"part\":" PART("a\\n", NOTE))
                EV("response.output_item.done",
                   ",\"sequence_number\":7,\"output_index\":0,\"item\":"
                   "{\"id\":\"i\",\"type\":\"message\",\"status\":\"incomplete\",\"role\":"
                   "\"assistant\",\"content\":[" PART("a\\n", NOTE) "]}")
                    INCOMPLETE("8", MESSAGE("incomplete", PART("a\\n", NOTE))));
    /* a tool of the provider's has no unfinished form */
    assert_ending(SL_EP_RESPONSES,
                  CREATED ADDED("1", "{\"id\":\"w\",\"type\":\"web_search_call\"}")
                      EV("response.web_search_call.searching", ",\"sequence_number\":2"),
                  INCOMPLETE("3", ""));
}

/* A provider that leaves things open: what nobody can know is left out. */
static void test_left_open(void **state)
{
    (void)state;
    assert_ending(
        SL_EP_RESPONSES,
        CREATED ADDED("1", MESSAGE("in_progress", ""))
            EV("response.content_part.added", ",\"sequence_number\":2" AT ",\"part\":" PART("", ""))
                EV("response.content_part.added",
                   ",\"sequence_number\":3" AT ",\"part\":" PART("", "")),
        INCOMPLETE("4", ""));
    assert_ending(SL_EP_RESPONSES,
                  CREATED ADDED("1", MESSAGE("in_progress", ""))
                      ADDED("2", "{\"id\":\"j\",\"type\":\"message\",\"content\":[]}"),
                  EV("response.output_item.done",
                     ",\"sequence_number\":3,\"output_index\":0,\"item\":{\"id\":\"j\",\"type\":"
                     "\"message\",\"content\":[]}")
                      INCOMPLETE("4", "{\"id\":\"j\",\"type\":\"message\",\"content\":[]}"));
}

/* Longer than is kept: what follows is whole without it. */
static void test_too_long(void **state)
{
    struct sl_finish_ask ask = ask_of();
    struct sl_finish *f = sl_finish_new(SL_EP_RESPONSES);
    char piece[8192], event[8400];
    struct sl_finish_text t;
    size_t most = 0;

    (void)state;
    assert_non_null(f);
    memset(piece, 'x', sizeof(piece));
    feed(f, SL_STR(CREATED));
    feed(f, SL_STR(EV("response.output_item.done",
                      ",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"first\"}")));
    feed(f, SL_STR(ADDED("2", MESSAGE("in_progress", ""))
                       EV("response.content_part.added",
                          ",\"sequence_number\":3" AT ",\"part\":" PART("", ""))));
    for (int i = 0; i < 12; i++) {
        int n = snprintf(event, sizeof(event),
                         "data: {\"type\":\"response.output_text.delta\",\"sequence_number\":%d,"
                         "\"delta\":\"%.*s\"}\n\n",
                         4 + i, (int)sizeof(piece), piece);

        feed(f, (struct sl_str){event, (size_t)n});
        if (f->item.text.cap > most)
            most = f->item.text.cap;
    }
    assert_true(most <= SL_FINISH_MAX);
    assert_int_equal(f->item.text.cap, 0);
    assert_int_equal(sl_finish_write(f, &ask, &t), SL_OK);
    assert_true(sl_str_eq(t.body, SL_STR(INCOMPLETE("16", "{\"id\":\"first\"}"))));
    sl_finish_end(&f);
}

/* All that is kept together has one ceiling: the first items are told, then none. */
static void test_many_items(void **state)
{
    struct sl_finish_ask ask = ask_of();
    struct sl_finish *f = sl_finish_new(SL_EP_RESPONSES);
    char pad[7001], head[28001], event[30000];
    struct sl_finish_text t;
    struct sl_sse_event e;
    struct sl_doc d;
    int n;

    (void)state;
    assert_non_null(f);
    memset(pad, 'x', sizeof(pad) - 1);
    pad[sizeof(pad) - 1] = '\0';
    for (int i = 0; i < 4; i++)
        snprintf(head + 7000 * i, sizeof(head) - 7000 * (size_t)i, "%s", pad);
    n = snprintf(event, sizeof(event),
                 "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"instructions\":"
                 "\"%s\"}}\n\n",
                 head);
    feed(f, (struct sl_str){event, (size_t)n});
    for (int i = 0; i < 20; i++) {
        n = snprintf(event, sizeof(event),
                     "data: {\"type\":\"response.output_item.done\",\"item\":{\"id\":\"%d\","
                     "\"pad\":\"%s\"}}\n\n",
                     i, pad);

        feed(f, (struct sl_str){event, (size_t)n});
    }
    feed(f, SL_STR(ADDED("21", MESSAGE("in_progress", ""))
                       EV("response.content_part.added", AT ",\"part\":" PART("", ""))));
    for (int i = 0; i < 2; i++) {
        n = snprintf(event, sizeof(event),
                     "data: {\"type\":\"response.output_text.delta\",\"delta\":\"%s\"}\n\n", pad);

        feed(f, (struct sl_str){event, (size_t)n});
        assert_true(f->head.n + f->done.n + f->item.text.n <= SL_FINISH_MAX);
    }
    assert_int_equal(sl_finish_write(f, &ask, &t), SL_OK);
    sl_sse_parse(t.body, event, sizeof(event), &e);
    assert_int_equal(sl_doc_read(&d, e.data, 1 << 26, 0), SL_OK);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(yyjson_obj_get(d.root, "response"), "output")),
                     5);
    sl_doc_fini(&d);
    sl_finish_end(&f);
}

/* An event that passed unread leaves its block closed, its item out. */
static void test_lost(void **state)
{
    struct sl_finish_ask ask = ask_of();
    struct sl_finish *f = sl_finish_new(SL_EP_MESSAGES);
    struct sl_finish_text t;

    (void)state;
    assert_non_null(f);
    feed(f, SL_STR(START BLOCK("0") STOP("0")));
    sl_finish_lost(f, SL_STR("content_block_start"));
    assert_int_equal(sl_finish_write(f, &ask, &t), SL_OK);
    assert_true(sl_str_eq(t.body, SL_STR(STOP("1") ENDS)));
    sl_finish_end(&f);
    f = sl_finish_new(SL_EP_RESPONSES);
    assert_non_null(f);
    feed(f, SL_STR(CREATED ADDED("1", MESSAGE("in_progress", ""))));
    sl_finish_lost(f, SL_STR("response.output_text.delta"));
    assert_int_equal(sl_finish_write(f, &ask, &t), SL_OK);
    assert_true(sl_str_eq(t.body, SL_STR(INCOMPLETE("3", ""))));
    sl_finish_end(&f);
}

/* Instructions may be long; ids are what counts. */
static void test_large_head(void **state)
{
    char *stream = malloc(50000), *long_text = malloc(40001);
    struct sl_str got;

    (void)state;
    assert_true(stream != NULL && long_text != NULL);
    memset(long_text, 'i', 40000);
    long_text[40000] = '\0';
    snprintf(stream, 50000,
             EV("response.created", ",\"sequence_number\":0,\"response\":{\"id\":\"r\","
                                    "\"created_at\":1,\"model\":\"m\",\"instructions\":\"%s\"}"),
             long_text);
    got = ending(SL_EP_RESPONSES, stream);
    assert_true(sl_str_find(got, SL_STR("\"response\":{\"id\":\"r\",\"created_at\":1,\"model\":"
                                        "\"m\",\"object\":\"response\",")) > 0);
    assert_true(got.n < 1000);
    free(stream);
    free(long_text);
}

#define PAD "0123456789012345678901234567890123456789012345678901234567890123456789"

/* Wherever memory is missing: an answer that is right, or an error. */
static void test_no_memory(void **state)
{
    static const char stream[] = CREATED EV(
        "response.output_item.done",
        ",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"a\"}")
        EV("response.output_item.done",
           ",\"sequence_number\":2,\"output_index\":1,\"item\":{\"id\":\"b\",\"pad\":\"" PAD PAD PAD
               PAD "\"}") ADDED("3", MESSAGE("in_progress", ""))
            EV("response.content_part.added", ",\"sequence_number\":4" AT ",\"part\":" PART("", ""))
                EV("response.output_text.delta", ",\"sequence_number\":5" AT ",\"delta\":\"a\"");
    struct sl_finish_ask ask = ask_of();
    unsigned wrong = 0;

    (void)state;
    for (uint64_t at = 1; at < 12; at++) {
        struct sl_finish *f;
        struct sl_finish_text t;
        enum sl_err err = SL_ERR_NO_MEMORY;

        sl_mem_fail_at(at);
        f = sl_finish_new(SL_EP_RESPONSES);
        if (f != NULL) {
            feed(f, SL_STR(stream));
            err = sl_finish_write(f, &ask, &t);
        }
        sl_mem_fail_at(0);
        wrong += err != SL_OK;
        for (struct sl_str event; err == SL_OK && next_event(&t.body, &event);) {
            char scratch[64];
            struct sl_sse_event e;

            sl_sse_parse(event, scratch, sizeof(scratch), &e);
            assert_true(sl_json_is_object(e.data));
        }
        sl_finish_end(&f);
    }
    assert_true(wrong >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_responses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_left_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_items, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
