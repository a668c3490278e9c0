/* llm/finish/inside.h -- what the files of this folder share.
 *
 * finish.c takes events apart and hands whole JSON objects to the protocol's own file,
 * which notes what is open, and at the end writes into `out`.
 */
#ifndef SL_LLM_FINISH_INSIDE_H
#define SL_LLM_FINISH_INSIDE_H

#include "base/grow.h"
#include "llm/finish.h"

#define SL_FINISH_CHOICES 128 /* of a chat; those beyond end with the stream */

struct sl_finish_kind {
    /* Must an event of that type be read? */
    bool (*wants)(struct sl_str type);
    /* One event's data, a valid JSON object, and its type. */
    void (*event)(struct sl_finish *f, struct sl_str type, struct sl_str data);
    void (*lost)(struct sl_finish *f, struct sl_str name);
    /* The events for everybody; then `usage` and `last`, where there are such. */
    void (*end)(struct sl_finish *f, const struct sl_finish_ask *ask);
};

struct sl_finish_block { /* of messages */
    bool open;
    uint64_t index, next; /* the open one's, and the one after it */
};

struct sl_finish_choices { /* of chat and completions, a bit each */
    uint64_t seen[SL_FINISH_CHOICES / 64], ended[SL_FINISH_CHOICES / 64];
    bool nulls; /* chunks say "usage":null */
};

/* The item that a response is making. Texts as they came. */
struct sl_finish_item {
    bool open;
    bool lost; /* more than is kept, or something of it was not seen */
    bool told; /* its open string was said to be done */
    uint64_t output;
    struct sl_grow raw;      /* as it was added */
    struct sl_grow parts[2]; /* done ones, with commas between: of `content`, `summary` */
    int list;                /* the open part's: 0 content, 1 summary; -1: no part is open */
    uint64_t inner;          /* its index there */
    struct sl_grow part;     /* as it was added */
    struct sl_grow notes;    /* its annotations, with commas between */
    struct sl_grow text;     /* what grows, of the part or the item: between the quotes */
};

struct sl_finish {
    enum sl_endpoint ep;
    const struct sl_finish_kind *kind; /* shared: static */
    bool began;                        /* the event with the ids came */
    bool over;
    struct sl_grow head; /* of chunks, the first one's own members; the response as created */
    struct sl_finish_block block;
    struct sl_finish_choices choices;
    uint64_t sequence;   /* the next event's number */
    struct sl_grow done; /* items, with commas between */
    struct sl_finish_item item;
    struct sl_grow out;
    size_t usage_at, last_at; /* where those begin */
};

extern const struct sl_finish_kind sl_finish_anthropic;
extern const struct sl_finish_kind sl_finish_chunks;
extern const struct sl_finish_kind sl_finish_responses;

void sl_finish_responses_write(struct sl_finish *f, const struct sl_finish_ask *ask);

/* A number of an object, or `otherwise`. */
uint64_t sl_finish_number(struct sl_str object, struct sl_str key, uint64_t otherwise);
/* A valid JSON value, on one line: outside of strings line ends are mere space. */
void sl_finish_raw(struct sl_grow *g, struct sl_str raw);
/* `"key":value`, with a comma before it unless nothing or an opening bracket is. */
void sl_finish_member(struct sl_grow *g, struct sl_str key, struct sl_str value);
void sl_finish_count(struct sl_grow *g, const char *key, uint64_t n); /* likewise */
/* Tokens of the question with what came from and went to the provider's cache. */
uint64_t sl_finish_input(const struct sl_usage *u);

static inline void sl_finish_add(struct sl_grow *g, const char *z)
{
    sl_grow_add(g, sl_str_of(z));
}

#endif
