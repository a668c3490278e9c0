/* Two queues, a table of ghosts, and one of keys. */
#include "store/cache/s3fifo.h"

#include "base/list.h"
#include "base/map.h"
#include "store/cache/places.h"

#define ASKED_MAX 3
#define ROUNDS 64 /* of second chances for one eviction: the rest is taken as it comes */
#define GHOST_WAYS 4
#define GHOST_BYTES 512 /* of `max` for each ghost */
#define BESIDE 64       /* the heap's headers of two blocks, and the places for an entry */

struct entry {
    struct sl_list node;
    struct sl_cached *value; /* shared */
    uint64_t hash;
    uint8_t key[SL_CACHE_KEY];
    uint8_t asked;
    bool is_main;
};

struct ghost {
    uint32_t print; /* 0: none */
    uint32_t at;    /* number of the eviction */
};

struct queue {
    struct sl_list list; /* the newest first */
    uint64_t bytes;
};

struct sl_s3fifo {
    uint64_t max, entries, evicted;
    struct sl_places places; /* of all entries */
    struct queue small, main;
    struct ghost *ghosts; /* owns: sets of GHOST_WAYS */
    uint64_t sets;        /* a power of two; 0: none */
    uint32_t evictions;
};

static uint64_t cost_of(const struct sl_cached *v)
{
    return sizeof(struct entry) + sizeof *v + BESIDE + v->n;
}

static uint64_t ghost_bytes(const struct sl_s3fifo *f)
{
    return f->sets * GHOST_WAYS * sizeof(struct ghost);
}

static uint64_t bytes_of(const struct sl_s3fifo *f)
{
    return f->small.bytes + f->main.bytes + ghost_bytes(f);
}

/* ---- ghosts ---- */

static void make_ghosts(struct sl_s3fifo *f)
{
    uint64_t sets = 1;

    sl_mem_free(f->ghosts);
    f->ghosts = NULL;
    f->sets = 0;
    while (sets * 2 * GHOST_WAYS * GHOST_BYTES <= f->max)
        sets *= 2;
    if (f->max < GHOST_WAYS * GHOST_BYTES)
        return;
    f->ghosts = sl_mem_try(sets * GHOST_WAYS * sizeof *f->ghosts);
    if (f->ghosts == NULL)
        return; /* a cache without memory of the past is still one */
    memset(f->ghosts, 0, sets * GHOST_WAYS * sizeof *f->ghosts);
    f->sets = sets;
}

static uint32_t print_of(uint64_t hash)
{
    uint32_t print = (uint32_t)(hash >> 32);

    return print != 0 ? print : 1;
}

/* Into the place of its set that was filled the longest ago. */
static void remember(struct sl_s3fifo *f, uint64_t hash)
{
    struct ghost *set, *oldest;

    f->evictions++;
    if (f->sets == 0)
        return;
    set = oldest = &f->ghosts[(hash & (f->sets - 1)) * GHOST_WAYS];
    for (size_t i = 0; i < GHOST_WAYS; i++) {
        if (set[i].print == 0) {
            oldest = &set[i];
            break;
        }
        if (f->evictions - set[i].at > f->evictions - oldest->at)
            oldest = &set[i];
    }
    *oldest = (struct ghost){print_of(hash), f->evictions};
}

/* Did it leave not longer ago than there are entries? It is forgotten then. */
static bool recall(struct sl_s3fifo *f, uint64_t hash)
{
    struct ghost *set;
    uint32_t print = print_of(hash);

    if (f->sets == 0)
        return false;
    set = &f->ghosts[(hash & (f->sets - 1)) * GHOST_WAYS];
    for (size_t i = 0; i < GHOST_WAYS; i++) {
        if (set[i].print != print)
            continue;
        set[i].print = 0;
        return f->evictions - set[i].at <= f->entries;
    }
    return false;
}

/* ---- entries ---- */

static bool is_of(const void *entry, const void *key)
{
    return memcmp(((const struct entry *)entry)->key, key, SL_CACHE_KEY) == 0;
}

static struct entry *find(const struct sl_s3fifo *f, const uint8_t *key, uint64_t hash)
{
    return sl_places_find(&f->places, hash, is_of, key);
}

static struct queue *queue_of(struct sl_s3fifo *f, const struct entry *e)
{
    return e->is_main ? &f->main : &f->small;
}

static void enter(struct sl_s3fifo *f, struct entry *e, bool is_main)
{
    e->is_main = is_main;
    sl_list_push_front(&queue_of(f, e)->list, &e->node);
    queue_of(f, e)->bytes += cost_of(e->value);
}

static void leave(struct sl_s3fifo *f, struct entry *e)
{
    sl_list_unlink(&e->node);
    queue_of(f, e)->bytes -= cost_of(e->value);
}

static void discard(struct sl_s3fifo *f, struct entry *e)
{
    leave(f, e);
    sl_places_drop(&f->places, e->hash, e);
    f->entries--;
    sl_cached_drop(&e->value);
    sl_mem_free(e);
}

static struct entry *oldest_of(const struct queue *q)
{
    return sl_list_is_empty(&q->list) ? NULL : SL_CONTAINER(q->list.prev, struct entry, node);
}

/* One entry leaves the small queue: to the main one, or for good. */
static void evict_small(struct sl_s3fifo *f)
{
    struct entry *e = oldest_of(&f->small);

    if (e->asked > 1) {
        leave(f, e);
        e->asked = 0;
        enter(f, e, true);
        return;
    }
    remember(f, e->hash);
    discard(f, e);
    f->evicted++;
}

static void evict_main(struct sl_s3fifo *f)
{
    struct entry *e = oldest_of(&f->main);

    for (int i = 0; i < ROUNDS && e->asked > 0; i++) {
        e->asked--;
        leave(f, e);
        enter(f, e, true);
        e = oldest_of(&f->main);
    }
    discard(f, e);
    f->evicted++;
}

/* Each step takes an entry out or moves one to the main queue, once in its life
 * there: the loop ends. */
static void make_room(struct sl_s3fifo *f, uint64_t cost)
{
    while (f->entries > 0 && bytes_of(f) + cost > f->max) {
        if (f->small.bytes > f->max / 10 || sl_list_is_empty(&f->main.list))
            evict_small(f);
        else
            evict_main(f);
    }
}

/* ---- what holders call ---- */

struct sl_s3fifo *sl_s3fifo_new(uint64_t max)
{
    struct sl_s3fifo *f = sl_mem_new(sizeof *f);

    f->max = max;
    sl_list_init(&f->small.list);
    sl_list_init(&f->main.list);
    make_ghosts(f);
    return f;
}

void sl_s3fifo_end(struct sl_s3fifo **pf)
{
    struct sl_s3fifo *f = *pf;

    *pf = NULL;
    if (f == NULL)
        return;
    while (!sl_list_is_empty(&f->small.list))
        discard(f, oldest_of(&f->small));
    while (!sl_list_is_empty(&f->main.list))
        discard(f, oldest_of(&f->main));
    sl_places_fini(&f->places);
    sl_mem_free(f->ghosts);
    sl_mem_free(f);
}

void sl_s3fifo_resize(struct sl_s3fifo *f, uint64_t max)
{
    if (max == f->max)
        return;
    f->max = max;
    make_ghosts(f);
    make_room(f, 0);
    sl_places_fit(&f->places);
}

struct sl_cached *sl_s3fifo_get(struct sl_s3fifo *f, const uint8_t key[SL_CACHE_KEY])
{
    struct entry *e = find(f, key, sl_map_hash(key, SL_CACHE_KEY));

    if (e == NULL)
        return NULL;
    if (e->asked < ASKED_MAX)
        e->asked++;
    return e->value;
}

/* In its place, with what it has earned. */
static void replace(struct sl_s3fifo *f, struct entry *e, struct sl_cached *value)
{
    queue_of(f, e)->bytes -= cost_of(e->value);
    sl_cached_drop(&e->value);
    e->value = sl_cached_share(value);
    queue_of(f, e)->bytes += cost_of(value);
    make_room(f, 0);
}

void sl_s3fifo_put(struct sl_s3fifo *f, const uint8_t key[SL_CACHE_KEY], struct sl_cached *value)
{
    uint64_t hash = sl_map_hash(key, SL_CACHE_KEY), cost = cost_of(value);
    struct entry *e = find(f, key, hash);

    if (cost > f->max / 8) {
        if (e != NULL)
            discard(f, e);
        return;
    }
    if (e != NULL) {
        replace(f, e, value);
        return;
    }
    make_room(f, cost);
    e = sl_mem_try(sizeof *e);
    if (e == NULL || !sl_places_put(&f->places, hash, e)) {
        sl_mem_free(e);
        return;
    }
    *e = (struct entry){.value = sl_cached_share(value), .hash = hash};
    memcpy(e->key, key, SL_CACHE_KEY);
    sl_list_init(&e->node);
    f->entries++;
    enter(f, e, recall(f, hash));
}

void sl_s3fifo_drop(struct sl_s3fifo *f, const uint8_t key[SL_CACHE_KEY])
{
    struct entry *e = find(f, key, sl_map_hash(key, SL_CACHE_KEY));

    if (e != NULL)
        discard(f, e);
}

struct sl_s3fifo_counts sl_s3fifo_count(const struct sl_s3fifo *f)
{
    return (struct sl_s3fifo_counts){bytes_of(f), f->entries, f->evicted};
}
