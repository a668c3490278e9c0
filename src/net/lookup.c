/* Asking the system's resolver, each name on a thread of its own.
 *
 * getaddrinfo() lasts as long as the resolver is patient: ten seconds and more while a name server
 * is silent, and nothing ends it sooner. libuv's pool lends eight of its threads to look-ups, so
 * that as many dead names would keep all others from being found. Here a name takes a thread from
 * nobody; beyond SL_LOOKUP_THREADS of them the next wait their turn.
 *
 *   wanted ─► asked (its thread runs) ─► the loop is woken ─► done, joined, freed
 */
#include "net/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/mem.h"

#define STACK (512u << 10) /* the C library's own name services need less */

struct sl_lookup {
    struct sl_list node; /* of sl_net.wanted, then of sl_net.asked */
    struct sl_net *net;  /* up */
    uv_thread_t thread;
    atomic_bool answered;   /* set last by the thread: from then on all is the loop's */
    int status;             /* of getaddrinfo() */
    bool starved;           /* it failed, and there was no descriptor to be had */
    struct addrinfo *found; /* owns */
    sl_lookup_fn *done;
    void *ctx; /* up */
    char name[];
};

/* The resolver does not tell that from a name that there is not. */
static bool lacks_descriptors(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (fd >= 0)
        (void)close(fd);
    return fd < 0 && (errno == EMFILE || errno == ENFILE);
}

static void run(void *arg)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct sl_lookup *l = arg;
    struct sl_net *net = l->net;

    l->status = getaddrinfo(l->name, NULL, &hints, &l->found);
    l->starved = l->status != 0 && lacks_descriptors();
    atomic_store(&l->answered, true);
    (void)uv_async_send(&net->answers);
}

static void end(struct sl_lookup *l, enum sl_err e, const char *why)
{
    struct sl_net *net = l->net;
    struct addrinfo *found = l->found;

    sl_list_unlink(&l->node);
    net->counts.ops--;
    l->done(l->ctx, e, found, why);
    if (found != NULL)
        freeaddrinfo(found);
    sl_mem_free(l);
}

/* Those that wait, as far as there are threads; one that gets none has failed. */
static void start_threads(struct sl_net *net)
{
    static const uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE,
                                                .stack_size = STACK};
    struct sl_list *n;

    while (net->asked_n < SL_LOOKUP_THREADS && (n = sl_list_pop_front(&net->wanted)) != NULL) {
        struct sl_lookup *l = SL_CONTAINER(n, struct sl_lookup, node);
        int e = uv_thread_create_ex(&l->thread, &options, run, l);

        if (e != 0) {
            end(l, SL_ERR_OVERLOAD, uv_strerror(e));
            continue;
        }
        sl_list_push_back(&net->asked, &l->node);
        net->asked_n++;
    }
}

/* While one is under way, the loop lives. */
static void ask(struct sl_net *net)
{
    start_threads(net);
    if (net->asked_n == 0)
        uv_unref((uv_handle_t *)&net->answers);
}

static void tell(struct sl_lookup *l)
{
    if (l->status == 0)
        end(l, SL_OK, "");
    else if (l->starved)
        end(l, SL_ERR_OVERLOAD, uv_strerror(UV_EMFILE));
    else
        end(l, SL_ERR_DNS, gai_strerror(l->status));
}

static void look(struct sl_net *net)
{
    struct sl_list *n, *next;

    for (n = net->asked.next; n != &net->asked; n = next) {
        struct sl_lookup *l = SL_CONTAINER(n, struct sl_lookup, node);

        next = n->next;
        if (!atomic_load(&l->answered))
            continue;
        (void)uv_thread_join(&l->thread);
        net->asked_n--;
        tell(l);
    }
    ask(net);
}

static void on_uv_async(uv_async_t *h)
{
    look(h->data);
}

static void begin(struct sl_task *t)
{
    ask(SL_CONTAINER(t, struct sl_net, asking));
}

void sl_lookup_init(struct sl_net *net)
{
    sl_list_init(&net->wanted);
    sl_list_init(&net->asked);
    sl_task_init(&net->asking, begin);
    SL_CHECK(uv_async_init(&net->loop, &net->answers, on_uv_async) == 0);
    net->answers.data = net;
    uv_unref((uv_handle_t *)&net->answers);
}

void sl_lookup_start(struct sl_net *net, const char *name, sl_lookup_fn *done, void *ctx)
{
    size_t n = strlen(name) + 1;
    struct sl_lookup *l = sl_mem_new(sizeof *l + n);

    l->net = net;
    l->done = done;
    l->ctx = ctx;
    memcpy(l->name, name, n);
    sl_list_init(&l->node);
    sl_list_push_back(&net->wanted, &l->node);
    net->counts.ops++;
    uv_ref((uv_handle_t *)&net->answers); /* the loop lives until it is over */
    sl_net_defer(net, &net->asking);
}

void sl_lookup_cancel(struct sl_net *net)
{
    struct sl_list *n;

    while ((n = sl_list_pop_front(&net->wanted)) != NULL)
        end(SL_CONTAINER(n, struct sl_lookup, node), SL_ERR_DNS, "we are ending");
}
