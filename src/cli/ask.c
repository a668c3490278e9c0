/* cli/ask.c -- commands that ask a running gateway: health, reload. */
#include "cli/client.h"
#include "cli/source.h"

#include "base/mem.h"

#include <stdio.h>

#define WHERE_BYTES 512

static void print_line(FILE *to, const char *what, struct sl_str text)
{
    while (text.n > 0 && text.p[text.n - 1] == '\n')
        text.n--;
    fprintf(to, "%s%.*s\n", what, SL_STR_ARGS(text));
}

int sl_cmd_health(const struct sl_options *o)
{
    char where[WHERE_BYTES];
    struct sl_client_ask ask = {.where = where, .method = "GET", .path = "/readyz"};
    struct sl_client_answer a;
    int code = SL_EXIT_FAILED;

    sl_source_admin(o, where, sizeof(where));
    sl_client_ask(&ask, &a);
    if (a.status == 200)
        code = SL_EXIT_OK;
    else if (a.status == 503)
        code = SL_EXIT_NOT_READY;
    if (!o->quiet || code == SL_EXIT_FAILED)
        print_line(code == SL_EXIT_OK ? stdout : stderr, "", a.body);
    sl_client_fini(&a);
    return code;
}

int sl_cmd_reload(const struct sl_options *o)
{
    char where[WHERE_BYTES], key[1024], message[16384];
    struct sl_client_ask ask = {
        .where = where, .method = "POST", .path = "/admin/api/reload", .key = key};
    struct sl_client_answer a;
    int code = SL_EXIT_FAILED;

    sl_source_admin(o, where, sizeof(where));
    sl_source_admin_key(o, key, sizeof(key));
    sl_client_ask(&ask, &a);
    sl_mem_wipe(key, sizeof(key));
    if (a.status == 200) {
        code = SL_EXIT_OK;
        if (!o->quiet)
            print_line(stdout, "", a.body);
    } else {
        print_line(stderr, a.status == 422 ? "reload refused, nothing has changed:\n" : "",
                   sl_client_message(a.body, message, sizeof(message)));
        if (a.status == 422)
            code = SL_EXIT_CONFIG;
    }
    sl_client_fini(&a);
    return code;
}
