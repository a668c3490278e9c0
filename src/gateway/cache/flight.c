/* Flights: the table, the record and its window, who leads and who follows. */
#include "gateway/cache/flight.h"

#include "base/map.h"
#include "gateway/inside.h"

#define FLIGHT_MAGIC 0x534c464cu
#define FIRST_BYTES 4096
#define WINDOW_LOW 32768 /* the leader reads on below it */

struct sl_flights {
    struct sl_net *net;       /* up */
    struct sl_flight *by_key; /* up: those that may be joined, a uthash */
    uint64_t recording;       /* ceiling of all records */
    uint64_t bytes;           /* of all records */
};

struct sl_flight {
    uint32_t magic;
    struct sl_flights *all; /* up */
    struct sl_req *leader;  /* up: NULL once it has left */
    struct sl_list followers;
    size_t followers_n;
    uint8_t key[SL_FLIGHT_KEY];
    bool listed;  /* in the table: may be joined */
    bool stream;  /* what the record holds */
    bool thirsty; /* the leader waits for room */
    bool telling; /* its task runs: it is not freed under it */
    bool closed;  /* the record no longer holds, or will not hold, all */
    enum sl_flight_phase phase;
    enum sl_ending ending; /* of a whole one */
    char *record;          /* owns */
    uint64_t base;         /* bytes of the answer before the record's first */
    size_t n, cap, ceiling;
    uint64_t usage_at;   /* of the answer: where the usage chunk stands */
    size_t usage_n;      /* its length; 0: none */
    struct sl_str plain; /* owns */
    struct {             /* what the leader answered, when it failed */
        enum sl_ending ending;
        enum sl_err error;
        int status;
        struct sl_str message, raw; /* owns */
    } failure;
    struct sl_task tell;
    struct sl_grave grave;
    UT_hash_handle hh;
};

/* ---- the table ---- */

struct sl_flights *sl_flights_new(struct sl_net *net)
{
    struct sl_flights *t = sl_mem_new(sizeof *t);

    t->net = net;
    return t;
}

void sl_flights_end(struct sl_flights **pt)
{
    struct sl_flights *t = *pt;

    *pt = NULL;
    if (t == NULL)
        return;
    SL_CHECK(t->by_key == NULL); /* their requests have ended before */
    sl_mem_free(t);
}

void sl_flights_configure(struct sl_flights *t, uint64_t recording)
{
    t->recording = recording;
}

size_t sl_flights_bytes(const struct sl_flights *t)
{
    return (size_t)t->bytes;
}

struct sl_flight *sl_flight_find(struct sl_flights *t, const uint8_t key[SL_FLIGHT_KEY])
{
    struct sl_flight *f = NULL;

    HASH_FIND(hh, t->by_key, key, SL_FLIGHT_KEY, f);
    return f;
}

static void unlist(struct sl_flight *f)
{
    if (f->listed)
        HASH_DEL(f->all->by_key, f);
    f->listed = false;
}

/* ---- its life ---- */

static void reap(struct sl_grave *g)
{
    struct sl_flight *f = SL_CONTAINER(g, struct sl_flight, grave);

    f->magic = SL_OBJ_DEAD;
    sl_mem_free(f->record);
    sl_mem_free((char *)f->plain.p);
    sl_mem_free((char *)f->failure.message.p);
    sl_mem_free((char *)f->failure.raw.p);
    sl_mem_free(f);
}

static void end_if_empty(struct sl_flight *f)
{
    if (f->leader != NULL || f->followers_n > 0 || f->telling)
        return;
    unlist(f);
    f->all->bytes -= f->cap;
    sl_task_cancel(&f->tell);
    sl_net_bury(f->all->net, &f->grave, reap);
}

/* Every follower once; a step may end its request, so the list is taken round.
 * Those that join meanwhile stand behind the last one. */
static void tell_followers(struct sl_flight *f)
{
    size_t n = f->followers_n;

    while (n-- > 0 && !sl_list_is_empty(&f->followers)) {
        struct sl_req *r = SL_CONTAINER(f->followers.next, struct sl_req, fellow);

        sl_list_unlink(&r->fellow);
        sl_list_push_back(&f->followers, &r->fellow);
        sl_req_event(r, SL_EVT_FLIGHT);
    }
}

static void tell_leader(struct sl_flight *f)
{
    if (f->leader == NULL)
        return;
    if (f->leader->headless && f->followers_n == 0) {
        f->leader->why = SL_ERR_CLIENT_GONE;
        sl_req_event(f->leader, SL_EVT_GONE);
    } else if (f->thirsty && sl_flight_has_room(f)) {
        f->thirsty = false;
        sl_req_event(f->leader, SL_EVT_ROOM);
    }
}

static void run_tell(struct sl_task *t)
{
    struct sl_flight *f = SL_CONTAINER(t, struct sl_flight, tell);

    f->telling = true;
    tell_followers(f);
    tell_leader(f);
    f->telling = false;
    end_if_empty(f);
}

static void wake(struct sl_flight *f)
{
    sl_net_defer(f->all->net, &f->tell);
}

void sl_flight_lead(struct sl_flights *t, struct sl_req *r, const uint8_t key[SL_FLIGHT_KEY],
                    size_t ceiling)
{
    struct sl_flight *f = sl_mem_new(sizeof *f), *other;
    unsigned hash;

    SL_CHECK(r->flight == NULL);
    f->magic = FLIGHT_MAGIC;
    f->all = t;
    f->leader = r;
    f->ceiling = ceiling;
    memcpy(f->key, key, SL_FLIGHT_KEY);
    sl_list_init(&f->followers);
    sl_task_init(&f->tell, run_tell);
    r->flight = f;
    HASH_VALUE(key, SL_FLIGHT_KEY, hash);
    HASH_FIND_BYHASHVALUE(hh, t->by_key, key, SL_FLIGHT_KEY, hash, other);
    if (other == NULL) {
        HASH_ADD_BYHASHVALUE(hh, t->by_key, key, SL_FLIGHT_KEY, hash, f);
        f->listed = true;
    }
}

bool sl_flight_suits(const struct sl_flight *f, const struct sl_req *r)
{
    const struct sl_req *leader = f->leader;

    if (leader == NULL)
        return r->answer_lists == 0 && (!r->streams || !r->wants_usage);
    if (leader->answer_lists != r->answer_lists ||
        (r->answer_lists != 0 && leader->conf != r->conf))
        return false;
    return !r->streams || !r->wants_usage || leader->brings_usage;
}

void sl_flight_join(struct sl_flight *f, struct sl_req *r)
{
    SL_OBJ_CHECK(f, FLIGHT_MAGIC);
    SL_CHECK(r->flight == NULL && f->listed);
    r->flight = f;
    r->flight_at = 0;
    sl_list_push_back(&f->followers, &r->fellow);
    f->followers_n++;
}

void sl_flight_leave(struct sl_req *r)
{
    struct sl_flight *f = r->flight;

    if (f == NULL)
        return;
    SL_OBJ_CHECK(f, FLIGHT_MAGIC);
    r->flight = NULL;
    if (f->leader == r) {
        f->leader = NULL;
        unlist(f);
        if (f->phase < SL_FLIGHT_WHOLE) /* it went without a word */
            f->phase = SL_FLIGHT_FAILED;
    } else {
        sl_list_unlink(&r->fellow);
        f->followers_n--;
    }
    if (f->leader != NULL || f->followers_n > 0)
        wake(f);
    else
        end_if_empty(f);
}

bool sl_flight_is_leader(const struct sl_req *r)
{
    return r->flight != NULL && r->flight->leader == r;
}

size_t sl_flight_followers(const struct sl_flight *f)
{
    return f->followers_n;
}

/* ---- the record ---- */

/* What every follower has read is not needed any more, once nobody can join. */
static void drop_read(struct sl_flight *f)
{
    uint64_t least = f->base + f->n;

    for (struct sl_list *l = f->followers.next; l != &f->followers; l = l->next) {
        const struct sl_req *r = SL_CONTAINER(l, struct sl_req, fellow);

        if (r->flight_at < least)
            least = r->flight_at;
    }
    if (least == f->base)
        return;
    memmove(f->record, f->record + (least - f->base), f->n - (size_t)(least - f->base));
    f->n -= (size_t)(least - f->base);
    f->base = least;
}

/* What is recorded is also folded (reuse.c), in about as much memory. */
static bool may_grow(const struct sl_flight *f, size_t more)
{
    return f->n + more <= f->ceiling && (f->all->bytes + more) * 2 <= f->all->recording;
}

static bool grow(struct sl_flight *f, size_t more)
{
    size_t cap = f->cap > 0 ? f->cap : FIRST_BYTES;
    char *p;

    while (cap < f->n + more)
        cap *= 2;
    if (cap == f->cap)
        return true;
    p = sl_mem_grow(f->record, cap);
    if (p == NULL)
        return false;
    f->record = p;
    f->all->bytes += cap - f->cap;
    f->cap = cap;
    return true;
}

void sl_flight_head(struct sl_flight *f, bool stream)
{
    f->stream = stream;
    f->phase = stream ? SL_FLIGHT_STREAM : SL_FLIGHT_PLAIN;
    wake(f);
}

/* Those who follow now are the last. */
static void close_record(struct sl_flight *f)
{
    f->closed = true;
    unlist(f);
}

static void lose_record(struct sl_flight *f)
{
    close_record(f);
    f->phase = SL_FLIGHT_FAILED;
    f->failure.error = SL_ERR_NO_MEMORY;
    f->failure.status = sl_err_status(SL_ERR_NO_MEMORY);
    f->failure.ending = SL_END_UPSTREAM_ERROR;
}

bool sl_flight_add(struct sl_flight *f, const struct sl_str *parts, size_t n)
{
    size_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += parts[i].n;
    if (!f->closed && !may_grow(f, total))
        close_record(f);
    if (f->closed)
        drop_read(f);
    if (f->closed && f->followers_n == 0) {
        f->base += total;
        return true;
    }
    if (f->phase == SL_FLIGHT_FAILED)
        return true;
    if (!grow(f, total)) {
        lose_record(f);
        wake(f);
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(f->record + f->n, parts[i].p, parts[i].n);
        f->n += parts[i].n;
    }
    wake(f);
    f->thirsty = !sl_flight_has_room(f);
    return !f->thirsty;
}

bool sl_flight_add_usage(struct sl_flight *f, struct sl_str event)
{
    f->usage_at = f->base + f->n;
    f->usage_n = event.n;
    return sl_flight_add(f, &event, 1);
}

/* An open record has room up to its ceiling, a window for one read. */
bool sl_flight_has_room(const struct sl_flight *f)
{
    return !f->closed || f->followers_n == 0 || f->n <= WINDOW_LOW;
}

struct sl_str sl_flight_record(const struct sl_flight *f)
{
    return (struct sl_str){f->record, f->n};
}

bool sl_flight_is_complete(const struct sl_flight *f)
{
    return !f->closed && f->base == 0;
}

/* ---- the end ---- */

/* NULL text without memory: followers then fail, they are not left waiting. */
static struct sl_str keep(struct sl_str s)
{
    char *p = s.n > 0 ? sl_mem_try(s.n) : NULL;

    if (p == NULL)
        return (struct sl_str){NULL, 0};
    memcpy(p, s.p, s.n);
    return (struct sl_str){p, s.n};
}

void sl_flight_finish_whole(struct sl_flight *f, struct sl_str plain, enum sl_ending ending)
{
    if (f->phase == SL_FLIGHT_FAILED)
        return;
    f->phase = SL_FLIGHT_WHOLE;
    f->ending = ending;
    if (f->followers_n > 0)
        f->plain = keep(plain);
    close_record(f);
    wake(f);
}

void sl_flight_finish_failed(struct sl_flight *f, const struct sl_req *leader)
{
    if (f->phase >= SL_FLIGHT_WHOLE)
        return;
    f->phase = SL_FLIGHT_FAILED;
    f->failure.ending = leader->ending;
    f->failure.error = leader->error != SL_OK ? leader->error : SL_ERR_UP_CLOSED;
    f->failure.status = leader->reply_status;
    if (f->followers_n > 0) {
        if (leader->ending != SL_END_BUDGET) /* whose balance it is concerns nobody else */
            f->failure.message = keep(leader->message);
        f->failure.raw = keep(leader->raw_body);
    }
    close_record(f);
    wake(f);
}

/* ---- a follower ---- */

enum sl_flight_phase sl_flight_phase(const struct sl_flight *f)
{
    return f->phase;
}

enum sl_ending sl_flight_ending(const struct sl_flight *f)
{
    return f->ending;
}

bool sl_flight_is_stream(const struct sl_flight *f)
{
    return f->stream;
}

/* Who does not want the usage chunk reads up to it, and on behind it. */
struct sl_str sl_flight_read(struct sl_req *r, size_t max)
{
    const struct sl_flight *f = r->flight;
    size_t at;

    SL_OBJ_CHECK(f, FLIGHT_MAGIC);
    if (f->usage_n > 0 && !r->wants_usage && r->flight_at == f->usage_at)
        r->flight_at += f->usage_n;
    SL_CHECK(r->flight_at >= f->base && r->flight_at <= f->base + f->n);
    if (f->usage_n > 0 && !r->wants_usage && r->flight_at < f->usage_at &&
        f->usage_at - r->flight_at < max)
        max = (size_t)(f->usage_at - r->flight_at);
    at = (size_t)(r->flight_at - f->base);
    return sl_str_first((struct sl_str){f->record + at, f->n - at}, max);
}

void sl_flight_took(struct sl_req *r, size_t n)
{
    struct sl_flight *f = r->flight;

    r->flight_at += n;
    if (!f->thirsty)
        return;
    drop_read(f);
    if (sl_flight_has_room(f))
        wake(f);
}

bool sl_flight_has_record(const struct sl_flight *f)
{
    return f->base + f->n > 0;
}

struct sl_str sl_flight_plain(const struct sl_flight *f)
{
    return f->plain;
}

enum sl_state sl_flight_copy_failure(struct sl_req *r)
{
    const struct sl_flight *f = r->flight;
    bool told = f->failure.status != 0;

    r->error = told ? f->failure.error : SL_ERR_UP_CLOSED;
    r->ending = told ? f->failure.ending : SL_END_UPSTREAM_ERROR;
    r->reply_status = told ? f->failure.status : sl_err_status(SL_ERR_UP_CLOSED);
    r->message = f->failure.message.n > 0 ? sl_arena_dup(r->arena, f->failure.message)
                                          : sl_str_of(sl_err_text(r->error));
    if (f->failure.raw.n > 0)
        r->raw_body = sl_arena_dup(r->arena, f->failure.raw);
    return SL_ST_REPLY;
}
