/* cli/import/import.c -- the command, and what its parts share. */
#include "cli/import/import.h"

#include "base/mem.h"
#include "base/obj.h"
#include "cli/manage/manage.h"
#include "net/file.h"
#include "policy/money.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define ARENA ((size_t)512 << 20)
#define DAY_MS 86400000

void *sl_import_alloc(struct sl_import *im, size_t n)
{
    void *p = sl_arena_zalloc(&im->arena, n);

    SL_CHECK(p != NULL);
    return p;
}

void sl_import_say(struct sl_import *im, const struct sl_node *at, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s:%u:%u: ", at->file, at->line, at->column);
    if (at->key.n > 0)
        fprintf(stderr, "%.*s: ", SL_STR_ARGS(at->key));
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    im->reported++;
}

struct sl_str sl_import_value(struct sl_import *im, const struct sl_node *n)
{
    const struct sl_str mark = SL_STR("os.environ/"), variable = SL_STR("${");
    struct sl_str s = n->text, out = {"", 0};
    struct sl_grow g;
    ptrdiff_t at;

    if (sl_str_starts(s, mark))
        return sl_arena_printf(&im->arena, "${%.*s}", SL_STR_ARGS(sl_str_from(s, mark.n)));
    if (sl_str_find(s, variable) < 0)
        return s;
    sl_grow_init(&g, SL_IMPORT_OUT);
    while ((at = sl_str_find(s, variable)) >= 0) {
        sl_grow_add(&g, sl_str_first(s, (size_t)at));
        sl_grow_add(&g, SL_STR("$${"));
        s = sl_str_from(s, (size_t)at + variable.n);
    }
    sl_grow_add(&g, s);
    SL_CHECK(sl_grow_take(&g, &im->arena, &out) == SL_OK);
    return out;
}

uint64_t sl_import_ms(struct sl_import *im, const struct sl_node *n)
{
    int64_t ms;

    if (n == NULL || sl_node_is_null(n))
        return 0;
    if (sl_money_parse(n->text, 3, &ms) && ms >= 100 && ms <= DAY_MS)
        return (uint64_t)ms;
    sl_import_say(im, n, "is not carried over: it must be seconds, from 0.1 to 86400");
    return 0;
}

static bool load(struct sl_import *im, const char *path)
{
    struct sl_tree t = {.arena = &im->arena, .faults = &im->faults};
    size_t n = 0;
    char *text = sl_file_load(path, SL_TREE_FILE, &n);

    if (text == NULL) {
        fprintf(stderr, "sluice import litellm: %s can't be read: %s\n", path, strerror(errno));
        return false;
    }
    im->root = sl_tree_parse(&t, path, (struct sl_str){text, n});
    sl_mem_wipe(text, n);
    sl_mem_free(text);
    if (im->root == NULL || im->faults.n > 0) {
        struct sl_str faults = sl_faults_text(&im->faults);

        fprintf(stderr, "%.*s", SL_STR_ARGS(faults));
        return false;
    }
    if (im->root->kind == SL_NODE_MAP && sl_node_get(im->root, "model_list") != NULL)
        return true;
    fprintf(stderr, "sluice import litellm: %s has no model_list: is it LiteLLM's config.yaml?\n",
            path);
    return false;
}

static int import(struct sl_import *im, const char *path)
{
    struct sl_grow out;
    int code = SL_EXIT_OK;

    if (!load(im, path))
        return SL_EXIT_FAILED;
    sl_import_settings(im);
    sl_import_models(im);
    sl_import_names(im);
    if (im->models == NULL) {
        fprintf(stderr, "sluice import litellm: nothing is left of the models in %s\n", path);
        return SL_EXIT_FAILED;
    }
    sl_grow_init(&out, SL_IMPORT_OUT);
    sl_import_write(im, &out);
    if (im->arena.failed && out.err == SL_OK)
        out.err = SL_ERR_NO_MEMORY;
    if (out.err == SL_OK) {
        fwrite(out.p, 1, out.n, stdout);
        fprintf(stderr, "sluice import litellm: written; %zu lines above say what to look at\n",
                im->reported);
    } else {
        fprintf(stderr, "sluice import litellm: what comes of %s is too long for memory\n", path);
        code = SL_EXIT_FAILED;
    }
    if (out.p != NULL)
        sl_mem_wipe(out.p, out.n);
    sl_grow_fini(&out);
    return code;
}

int sl_manage_import(const struct sl_manage_line *l)
{
    struct sl_import *im = sl_mem_new(sizeof *im);
    int code;

    sl_arena_init(&im->arena, ARENA);
    sl_faults_init(&im->faults);
    code = import(im, l->args[0]);
    sl_arena_fini(&im->arena);
    sl_mem_free(im);
    return code;
}
