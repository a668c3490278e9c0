/* Allocation 1, 2, 3, ... N of a request fails: it ends with an answer or a
 * closed connection, nothing leaks, and the next request is served. */
#include "_house.h"

static bool one_request(struct house *h, bool streams)
{
    bool closed = false;

    house_send(h, streams);
    for (int i = 0; i < 3000 && !closed; i++) {
        sl_net_turn(h->net, 1);
        closed = house_read(h);
        if (strstr(h->got, "message_stop") != NULL || strstr(h->got, "input_tokens\":1") != NULL)
            break;
        if (strncmp(h->got, "HTTP/1.1 5", 10) == 0 || strncmp(h->got, "HTTP/1.1 4", 10) == 0)
            break;
    }
    HOUSE_CHECK(closed || h->got_n > 0);
    house_kill_client(h, false);
    house_settle(h);
    return strncmp(h->got, "HTTP/1.1 200", 12) == 0;
}

static void fail_each(bool streams)
{
    struct house h;
    uint64_t before, calls;

    house_open(&h, 3);
    before = sl_mem_tries();
    HOUSE_CHECK(one_request(&h, streams));
    calls = sl_mem_tries() - before;
    for (uint64_t n = 1; n <= calls + 4; n++) {
        sl_mem_fail_at(n);
        (void)one_request(&h, streams);
        sl_mem_fail_at(0);
        HOUSE_CHECK(one_request(&h, streams)); /* and the next is served */
    }
    printf("ok: %llu allocations, streams=%d\n", (unsigned long long)calls, streams);
    house_close(&h);
}

static size_t lines_of(const char *path)
{
    char line[16384];
    size_t n = 0;
    FILE *f = fopen(path, "r");

    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        HOUSE_CHECK(line[0] == '{' && strcmp(line + strlen(line) - 2, "}\n") == 0);
        n++;
    }
    if (f != NULL)
        fclose(f);
    return n;
}

/* The same where requests are kept and traced: what finds no memory is left out, and costs
 * neither the request nor the line of the next one. */
static void fail_each_of_what_is_told(bool streams)
{
    char dir[] = "/tmp/sluice-torture-XXXXXX", path[64];
    struct house h;
    uint64_t before, calls;

    HOUSE_CHECK(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/prompts.jsonl", dir);
    house_open_with(&h, 3, path);
    before = sl_mem_tries();
    HOUSE_CHECK(one_request(&h, streams));
    calls = sl_mem_tries() - before;
    for (uint64_t n = 1; n <= calls + 20; n++) { /* the spans of the one before come in between */
        sl_mem_fail_at(n);
        (void)one_request(&h, streams);
        sl_mem_fail_at(0);
        HOUSE_CHECK(one_request(&h, streams));
    }
    for (int i = 0; i < 3000 && !sl_gateway_has_told(h.gateway); i++)
        sl_net_turn(h.net, 1);
    HOUSE_CHECK(h.traces > 0);
    house_close(&h);
    HOUSE_CHECK(lines_of(path) > calls + 20);
    printf("ok: %llu allocations, streams=%d, %zu lines kept, %zu times spans\n",
           (unsigned long long)calls, streams, lines_of(path), h.traces);
    HOUSE_CHECK(unlink(path) == 0 && rmdir(dir) == 0);
}

/* A head too long for the stack, before a stream that does not end: whatever
 * fails, once the client's connection is over the provider is let go. A head that
 * finds no memory is an error with its status. */
static void fail_each_of_a_long_head(void)
{
    struct house h;
    uint64_t before, calls = 100;
    size_t refused = 0;

    house_open(&h, 1000000);
    h.long_head = 3000;
    for (uint64_t n = 0; n <= calls + 4; n++) {
        bool closed = false;

        before = sl_mem_tries();
        sl_mem_fail_at(n);
        house_send(&h, true);
        for (int i = 0; i < 3000 && !closed && h.got_n == 0; i++) {
            sl_net_turn(h.net, 1);
            closed = house_read(&h);
        }
        sl_mem_fail_at(0);
        if (n == 0)
            calls = sl_mem_tries() - before;
        HOUSE_CHECK(closed || h.got_n > 0);
        refused += strncmp(h.got, "HTTP/1.1 503", 12) == 0;
        if (!closed && strncmp(h.got, "HTTP/1.1 200", 12) == 0)
            house_kill_client(&h, false);
        house_settle(&h);
        if (h.client >= 0)
            house_kill_client(&h, false);
    }
    printf("ok: %llu allocations of a long head, %zu times 503\n", (unsigned long long)calls,
           refused);
    HOUSE_CHECK(refused >= 2);
    house_close(&h);
}

int main(void)
{
    alarm(110);
    fail_each(false);
    fail_each(true);
    fail_each_of_what_is_told(false);
    fail_each_of_what_is_told(true);
    fail_each_of_a_long_head();
    return 0;
}
