/* cli/manage/run.c -- asks, page by page, and shows what came. */
#include "cli/manage/manage.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cli/client.h"
#include "cli/source.h"

#define PATH_BYTES 4096
#define PAGES 1000 /* of a list */

struct asking {
    const struct sl_manage_line *l; /* up */
    char where[512], key[1024], path[PATH_BYTES], *text;
    struct sl_client_ask ask;
    struct sl_client_answer *pages; /* owns: their bodies are what rows point into */
    size_t pages_n;
    struct sl_str *rows; /* owns */
    size_t rows_n, rows_cap;
};

static int say(const struct asking *a, const struct sl_client_answer *got)
{
    char message[4096];
    struct sl_str text = sl_client_message(got->body, message, sizeof message);

    fprintf(stderr, "sluice %s%s%s: %.*s\n", a->l->verb->group,
            a->l->verb->name[0] != '\0' ? " " : "", a->l->verb->name, SL_STR_ARGS(text));
    return SL_EXIT_FAILED;
}

/* Members of an answer are only looked for in what is JSON, whole. */
static bool is_whole(struct sl_str body)
{
    struct sl_json j;
    enum sl_err e;

    sl_json_init(&j);
    j.need_object = true;
    e = sl_json_feed(&j, body);
    if (e == SL_OK)
        e = sl_json_finish(&j);
    sl_json_fini(&j);
    return e == SL_OK;
}

static int ask_once(struct asking *a, struct sl_client_answer *out)
{
    sl_client_ask(&a->ask, out);
    if (out->status == 200 && is_whole(out->body))
        return SL_EXIT_OK;
    if (out->status == 200)
        out->body = SL_STR("what answered is not a gateway, or was cut short");
    return say(a, out);
}

static bool add_rows(struct asking *a, struct sl_str list)
{
    struct sl_str one;
    size_t pos = 0;

    while (sl_json_next(list, &pos, &one)) {
        if (a->rows_n == a->rows_cap) {
            size_t cap = a->rows_cap * 2 + 256;
            struct sl_str *more = sl_mem_grow(a->rows, cap * sizeof *more);

            if (more == NULL)
                return false;
            a->rows = more;
            a->rows_cap = cap;
        }
        a->rows[a->rows_n++] = one;
    }
    return true;
}

/* What is under way comes with how much there is of it. */
static struct sl_str rows_of(struct sl_str body)
{
    struct sl_str data = sl_json_get(body, SL_STR("data"));

    return sl_json_type_of(data) == SL_JSON_OBJECT ? sl_json_get(data, SL_STR("requests")) : data;
}

/* A list to its end. */
static int ask_pages(struct asking *a)
{
    struct sl_str after = {"", 0};
    char cursor[2048];
    int code = SL_EXIT_OK;
    size_t n;

    a->pages = sl_mem_new(PAGES * sizeof *a->pages);
    do {
        struct sl_client_answer *got = &a->pages[a->pages_n++];

        if (!sl_manage_path(a->l, after, a->path, sizeof a->path))
            return SL_EXIT_USAGE;
        code = ask_once(a, got);
        if (code != SL_EXIT_OK)
            return code;
        if (!add_rows(a, rows_of(got->body))) {
            fprintf(stderr, "sluice: out of memory\n");
            return SL_EXIT_FAILED;
        }
        n = 0;
        if (!sl_json_unescape(sl_json_get(got->body, SL_STR("next")), cursor, sizeof cursor, &n))
            n = 0;
        after = (struct sl_str){cursor, n};
    } while (after.n > 0 && a->pages_n < PAGES);
    sl_manage_print_rows(a->l, a->rows, a->rows_n);
    return SL_EXIT_OK;
}

static void show_key(const struct asking *a, struct sl_str data)
{
    char text[256], id[128];
    size_t n = 0, id_n = 0;

    if (!sl_json_unescape(sl_json_get(data, SL_STR("key")), text, sizeof text, &n) ||
        !sl_json_unescape(sl_json_get(data, SL_STR("id")), id, sizeof id, &id_n))
        return;
    printf("%.*s\n", (int)n, text);
    fprintf(stderr, "sluice %s %s: this is key %.*s; keep it, it is not shown again\n",
            a->l->verb->group, a->l->verb->name, (int)id_n, id);
    sl_mem_wipe(text, sizeof text);
}

static int ask_one(struct asking *a)
{
    struct sl_client_answer got = {0};
    struct sl_str data;
    int code = SL_EXIT_USAGE;

    if (sl_manage_path(a->l, (struct sl_str){"", 0}, a->path, sizeof a->path))
        code = ask_once(a, &got);
    data = code == SL_EXIT_OK ? sl_json_get(got.body, SL_STR("data")) : (struct sl_str){"", 0};
    if (code != SL_EXIT_OK)
        ;
    else if (a->l->json)
        printf("%.*s\n", SL_STR_ARGS(data));
    else if (a->l->verb->shape == SL_MANAGE_KEY)
        show_key(a, data);
    else if (a->l->verb->shape == SL_MANAGE_REPORT)
        code = sl_manage_print_report(data);
    else
        sl_manage_print_one(data);
    sl_client_fini(&got);
    return code;
}

static void end(struct asking *a)
{
    for (size_t i = 0; i < a->pages_n; i++)
        sl_client_fini(&a->pages[i]);
    sl_mem_free(a->pages);
    sl_mem_free(a->rows);
    sl_mem_free(a->text);
    sl_mem_wipe(a->key, sizeof a->key);
    sl_mem_free(a);
}

/* A little longer than the gateway's own limits, so that it says what was wrong. */
static unsigned patience(enum sl_manage_shape shape)
{
    return shape == SL_MANAGE_REPORT                            ? 610
           : shape == SL_MANAGE_ROWS || shape == SL_MANAGE_LIST ? 70
                                                                : 15;
}

static int call(const struct sl_manage_line *l)
{
    struct asking *a = sl_mem_new(sizeof *a);
    bool list = l->verb->shape == SL_MANAGE_LIST || l->verb->shape == SL_MANAGE_ROWS ||
                l->verb->shape == SL_MANAGE_WHOLE;
    int code = SL_EXIT_USAGE;

    a->l = l;
    a->text = sl_mem_new(SL_MANAGE_BODY);
    sl_source_admin(&l->common, a->where, sizeof a->where);
    sl_source_admin_key(&l->common, a->key, sizeof a->key);
    a->ask = (struct sl_client_ask){.where = a->where,
                                    .method = l->verb->method,
                                    .path = a->path,
                                    .key = a->key,
                                    .seconds = patience(l->verb->shape)};
    if (sl_manage_body(l, a->text, SL_MANAGE_BODY, &a->ask.body))
        code = list ? ask_pages(a) : ask_one(a);
    end(a);
    return code;
}

int sl_manage_run(int argc, char **argv)
{
    struct sl_manage_line line;
    int code = sl_manage_read(argc, argv, &line);

    if (code < 0)
        code = line.verb->run != NULL ? line.verb->run(&line) : call(&line);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "sluice: writing failed: %s\n", strerror(errno));
    return SL_EXIT_FAILED;
}
