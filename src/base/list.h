/* base/list.h -- intrusive, circular, doubly linked list.
 *
 * A node sits inside its object; an unlinked node points at itself, so
 * unlinking twice is harmless and "am I linked" is a question with an answer.
 */
#ifndef SL_BASE_LIST_H
#define SL_BASE_LIST_H

#include "base/obj.h"

#include <stdbool.h>

struct sl_list {
    struct sl_list *next; /* up: neighbour, or self */
    struct sl_list *prev; /* up: neighbour, or self */
};

static inline void sl_list_init(struct sl_list *l)
{
    l->next = l->prev = l;
}

static inline bool sl_list_is_empty(const struct sl_list *l)
{
    return l->next == l;
}

/* The same question asked of a node. */
static inline bool sl_list_is_linked(const struct sl_list *node)
{
    return node->next != node;
}

static inline void sl_list_insert_before(struct sl_list *at, struct sl_list *node)
{
    node->prev = at->prev;
    node->next = at;
    at->prev->next = node;
    at->prev = node;
}

static inline void sl_list_push_back(struct sl_list *head, struct sl_list *node)
{
    sl_list_insert_before(head, node);
}

static inline void sl_list_push_front(struct sl_list *head, struct sl_list *node)
{
    sl_list_insert_before(head->next, node);
}

static inline void sl_list_unlink(struct sl_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    sl_list_init(node);
}

static inline struct sl_list *sl_list_pop_front(struct sl_list *head)
{
    struct sl_list *n = head->next;

    if (n == head)
        return NULL;
    sl_list_unlink(n);
    return n;
}

/* Moves all nodes of `from` to the (empty) list `to`. */
static inline void sl_list_move(struct sl_list *to, struct sl_list *from)
{
    sl_list_init(to);
    if (sl_list_is_empty(from))
        return;
    *to = *from;
    to->next->prev = to->prev->next = to;
    sl_list_init(from);
}

#endif
