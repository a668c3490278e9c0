/* Fuzz: a configuration's text, from YAML to the snapshot and back.
 *
 * Held: any text ends in faults or in a snapshot; what is accepted is shown as
 * text that is accepted again and is shown the same. No file is read and no
 * variable of the process is seen.
 */
#include "base/mem.h"
#include "base/obj.h"
#include "conf/build.h"
#include "conf/show.h"

#define SECRET "fuzz-secret-value"

struct gather {
    char *p;
    size_t n;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *get_env(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "SET") == 0)
        return SECRET;
    if (strcmp(name, "ODD") == 0)
        return "a: [b\n\"${SET}\" \xe2\x80\xa8 c";
    return strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static void on_piece(void *ctx, struct sl_str piece)
{
    struct gather *g = ctx;

    g->p = sl_mem_grow(g->p, g->n + piece.n + 1);
    SL_CHECK(g->p != NULL);
    if (piece.n > 0)
        memcpy(g->p + g->n, piece.p, piece.n);
    g->n += piece.n;
}

static struct sl_conf *read_text(struct sl_str text)
{
    struct sl_env env = {.get = get_env, .no_files = true};

    return sl_conf_parse("fuzz", text, &env);
}

static void read_again(const struct sl_conf *first)
{
    struct gather a = {NULL, 0}, b = {NULL, 0};
    struct sl_conf *second;

    sl_show_tree(first->root, true, on_piece, &a);
    second = read_text((struct sl_str){a.p, a.n});
    SL_CHECK(second->faults.n == 0);
    sl_show_tree(second->root, true, on_piece, &b);
    SL_CHECK(a.n == b.n && memcmp(a.p, b.p, a.n) == 0);
    sl_conf_end(&second);
    sl_mem_free(a.p);
    sl_mem_free(b.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_conf *c = read_text((struct sl_str){(const char *)data, size});
    struct sl_gateway_conf *made;

    if (c->faults.n == 0)
        read_again(c);
    made = sl_build_snapshot(c, NULL, NULL);
    SL_CHECK((made == NULL) == (c->faults.n > 0));
    if (made != NULL) {
        SL_CHECK(made->providers_n > 0 && sl_routes_count(made->routes) > 0);
        sl_gateway_conf_drop(&made);
    }
    sl_conf_end(&c);
    return 0;
}
