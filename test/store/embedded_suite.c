/* The suite over the embedded store, in memory and in a directory. */
/* timeout: 120 */
#include "_suite_all.h"

#include "store/embedded/inside.h"

static struct sl_backend *in_memory(struct sl_net *net, const char *dir, char *why, size_t cap)
{
    (void)dir;
    return sl_embedded_new(net, (struct sl_str){0}, why, cap);
}

static struct sl_backend *in_directory(struct sl_net *net, const char *dir, char *why, size_t cap)
{
    return sl_embedded_new(net, sl_str_of(dir), why, cap);
}

int main(void)
{
    static const struct maker memory = {"embedded, in memory", in_memory, sl_embedded_advance,
                                        INT64_MAX};
    static const struct maker directory = {"embedded, in a directory", in_directory,
                                           sl_embedded_advance, INT64_MAX};

    return suite_run(&memory) + suite_run(&directory);
}
