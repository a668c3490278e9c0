/* store/cache/places.c -- open addressing; while the table grows, two of them. */
#include "store/cache/places.h"

#include "base/mem.h"

#define LEAST 64
/* Places of the old table that one entry takes along: it is empty long before the new one is
 * full. */
#define STEP 8

/* Stands where an entry was in the old table: who looks behind it goes on. */
static char gone;

static uint64_t home_of(const struct sl_places_table *t, uint64_t hash)
{
    return (uint32_t)hash & (t->n - 1);
}

static uint64_t next_to(const struct sl_places_table *t, uint64_t i)
{
    return (i + 1) & (t->n - 1);
}

/* ---- one table ---- */

static void *find_in(const struct sl_places_table *t, uint64_t hash, sl_places_is_fn *is,
                     const void *key)
{
    if (t->n == 0)
        return NULL;
    for (uint64_t i = home_of(t, hash); t->at[i].entry != NULL; i = next_to(t, i))
        if (t->at[i].hash == (uint32_t)hash && t->at[i].entry != &gone && is(t->at[i].entry, key))
            return t->at[i].entry;
    return NULL;
}

static void put_in(struct sl_places_table *t, uint32_t hash, void *entry)
{
    uint64_t i = home_of(t, hash);

    while (t->at[i].entry != NULL)
        i = next_to(t, i);
    t->at[i] = (struct sl_place){entry, hash};
}

/* NULL: it is not in this one. */
static struct sl_place *place_of(const struct sl_places_table *t, uint64_t hash, const void *entry)
{
    if (t->n == 0)
        return NULL;
    for (uint64_t i = home_of(t, hash); t->at[i].entry != NULL; i = next_to(t, i))
        if (t->at[i].entry == entry)
            return &t->at[i];
    return NULL;
}

/* Those behind it move up, unless they would stand before their home: algorithm R. */
static void close_hole(struct sl_places_table *t, struct sl_place *place)
{
    uint64_t mask = t->n - 1, hole = (uint64_t)(place - t->at), i;

    for (i = next_to(t, hole); t->at[i].entry != NULL; i = next_to(t, i)) {
        if (((i - t->at[i].hash) & mask) < ((i - hole) & mask))
            continue;
        t->at[hole] = t->at[i];
        hole = i;
    }
    t->at[hole].entry = NULL;
}

/* ---- from one to the next ---- */

static void move(struct sl_places *p, uint64_t most)
{
    for (; most > 0 && p->moved < p->old.n; most--, p->moved++) {
        struct sl_place *from = &p->old.at[p->moved];

        if (from->entry == NULL || from->entry == &gone)
            continue;
        put_in(&p->now, from->hash, from->entry);
        from->entry = &gone;
    }
    if (p->moved < p->old.n)
        return;
    sl_mem_free(p->old.at);
    p->old = (struct sl_places_table){NULL, 0};
    p->moved = 0;
}

static bool has_room(uint64_t places, uint64_t entries)
{
    return entries * 4 <= places * 3;
}

/* False: no memory; all is as it was. */
static bool begin_table(struct sl_places *p, uint64_t entries)
{
    uint64_t n = LEAST;
    struct sl_place *at;

    while (!has_room(n, entries))
        n *= 2;
    if (n == p->now.n)
        return true;
    at = sl_mem_try_zeroed(n * sizeof *at);
    if (at == NULL)
        return false;
    move(p, UINT64_MAX); /* only a fit finds something there */
    p->old = p->now;
    p->now = (struct sl_places_table){at, n};
    return true;
}

/* ---- what holders call ---- */

void *sl_places_find(const struct sl_places *p, uint64_t hash, sl_places_is_fn *is, const void *key)
{
    void *found = find_in(&p->now, hash, is, key);

    return found != NULL ? found : find_in(&p->old, hash, is, key);
}

bool sl_places_put(struct sl_places *p, uint64_t hash, void *entry)
{
    if (!has_room(p->now.n, p->used + 1) && !begin_table(p, p->used + 1))
        return false;
    if (p->old.n > 0)
        move(p, STEP);
    put_in(&p->now, (uint32_t)hash, entry);
    p->used++;
    return true;
}

void sl_places_drop(struct sl_places *p, uint64_t hash, const void *entry)
{
    struct sl_place *place = place_of(&p->now, hash, entry);

    p->used--;
    if (place != NULL)
        close_hole(&p->now, place);
    else
        place_of(&p->old, hash, entry)->entry = &gone;
}

void sl_places_fit(struct sl_places *p)
{
    if (begin_table(p, p->used))
        move(p, UINT64_MAX);
}

void sl_places_fini(struct sl_places *p)
{
    sl_mem_free(p->now.at);
    sl_mem_free(p->old.at);
    *p = (struct sl_places){.used = 0};
}
