/* timeout: 300
 *
 * The n-th allocation that may fail does, for every n of a few exchanges: each
 * connection ends in an answer or in its end, never in silence, and the next
 * good request is served. */
#include "base/mem.h"
#include "http/server.h"
#include "net/_http.h"

static const char *const texts[] = {
    "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
    "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
    "GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "POST /lazy HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    "2\r\nhi\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
};

/* True when the failure struck. */
static bool run_one(struct app *app, const char *text, uint64_t n, bool split)
{
    struct raw r = raw_open(app);
    size_t half = strlen(text) / 2;
    bool struck;

    for (int i = 0; i < 3; i++)
        raw_turn(app, &r);
    n += sl_mem_tries();
    sl_mem_fail_at(n - sl_mem_tries());
    if (split) {
        raw_send(app, &r, (struct sl_str){text, half});
        for (int i = 0; i < 3; i++)
            raw_turn(app, &r);
        raw_send(app, &r, sl_str_of(text + half));
    } else {
        raw_send(app, &r, sl_str_of(text));
    }
    assert_true(raw_until(app, &r, NULL, 0, 3000));
    struck = sl_mem_tries() >= n;
    sl_mem_fail_at(0);
    if (!struck)
        assert_true(raw_status(raw_str(&r)) > 0);
    raw_close(&r);
    return struck;
}

static void test_each(void **state)
{
    struct app app = {.ran = 0};

    (void)state;
    app_start(&app);
    app.frail = true;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        for (int split = 0; split < 2; split++)
            for (uint64_t n = 1; n < 100 && run_one(&app, texts[i], n, split); n++)
                raw_good(&app);
    app_stop(&app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
