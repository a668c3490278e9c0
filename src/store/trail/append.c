/* store/trail/append.c -- lines wait in blocks, without their macs; when there are too many
 * the oldest block goes, and the one behind it says which numbers are missing. */
#include "base/mem.h"
#include "base/text.h"
#include "store/trail/inside.h"

#define FRAME 256 /* bytes of a line that are not `members` */

/* The block that waited longest goes; the next one says what is missing before it. */
static bool drop_oldest(struct sl_trail *t)
{
    struct sl_trail_block *b = sl_trail_first_block(&t->waiting), *next;
    struct sl_list one;
    uint64_t from;

    if (b == NULL)
        return false;
    from = b->gap_from != 0 ? b->gap_from : b->first;
    sl_list_init(&one);
    sl_list_unlink(&b->node);
    sl_list_push_back(&one, &b->node);
    t->dropped += b->lines;
    sl_trail_let_go(t, &one);
    next = sl_trail_first_block(&t->waiting);
    if (next != NULL)
        next->gap_from = from;
    else
        t->gap_from = from;
    return true;
}

static struct sl_trail_block *take_spare(struct sl_trail *t)
{
    struct sl_list *n = sl_list_pop_front(&t->spares);

    if (n == NULL)
        return NULL;
    t->spares_n--;
    return SL_CONTAINER(n, struct sl_trail_block, node);
}

static struct sl_trail_block *new_block(struct sl_trail *t)
{
    struct sl_trail_block *b;

    if (t->waiting_n + sizeof *b > t->waiting_max && !drop_oldest(t))
        return NULL;
    b = take_spare(t);
    if (b == NULL)
        b = sl_mem_try(sizeof *b);
    if (b == NULL)
        return NULL;
    b->gap_from = t->gap_from;
    t->gap_from = 0;
    b->first = t->covered + 1;
    b->lines = b->n = 0;
    b->began_ms = sl_net_now(t->net);
    t->waiting_n += sizeof *b;
    sl_list_init(&b->node);
    sl_list_push_back(&t->waiting, &b->node);
    return b;
}

static struct sl_trail_block *block_for(struct sl_trail *t, size_t n)
{
    struct sl_trail_block *b;

    if (n > SL_TRAIL_LINE)
        return NULL;
    if (t->gap_from == 0 && !sl_list_is_empty(&t->waiting)) {
        b = SL_CONTAINER(t->waiting.prev, struct sl_trail_block, node);
        if (sizeof b->bytes - b->n >= n + sizeof(uint32_t))
            return b;
    }
    return new_block(t);
}

static void put_line(struct sl_trail_block *b, uint64_t number, int64_t unix_ms,
                     struct sl_str members)
{
    char *begin = b->bytes + b->n + sizeof(uint32_t), *at;
    struct sl_text text = sl_text_over(begin, members.n + FRAME);
    uint32_t n;

    sl_text_add(&text, SL_STR("{\"n\":"));
    sl_text_u64(&text, number);
    sl_text_add(&text, SL_STR(",\"t\":\""));
    sl_text_time(&text, unix_ms);
    sl_text_add(&text, SL_STR("\","));
    sl_text_add(&text, members);
    n = (uint32_t)text.n;
    /* a document may be written over several lines; ours is one */
    while ((at = memchr(begin, '\n', n)) != NULL)
        *at = ' ';
    memcpy(b->bytes + b->n, &n, sizeof n);
    b->n += sizeof n + n;
    b->lines++;
}

uint64_t sl_trail_append(struct sl_trail *t, int64_t unix_ms, struct sl_str members)
{
    struct sl_trail_block *b;
    uint64_t number;

    SL_OBJ_CHECK(t, SL_TRAIL_MAGIC);
    number = ++t->last;
    b = block_for(t, members.n + FRAME);
    if (b != NULL) {
        put_line(b, number, unix_ms, members);
    } else {
        t->dropped++;
        if (t->gap_from == 0)
            t->gap_from = t->covered + 1;
    }
    t->covered = number;
    sl_trail_arm(t);
    return number;
}
