/* list.h - intrusive doubly linked circular list; a list head is a node of its own. */
#ifndef PST_BASE_LIST_H
#define PST_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct pst_list {
    struct pst_list *next, *prev;
};

/* The object that holds node as its field member. */
#define PST_CONTAINER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void pst_list_init(struct pst_list *l)
{
    l->next = l->prev = l;
}

/* True for an empty head, and for a node that is on no list (initialised or removed). */
static inline bool pst_list_is_empty(const struct pst_list *l)
{
    return l->next == l;
}

static inline void pst_list_push_back(struct pst_list *head, struct pst_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Removing a node that is on no list does nothing. */
static inline void pst_list_remove(struct pst_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    pst_list_init(node);
}

/* Moves all nodes of from, in order, to the (empty) list to. */
static inline void pst_list_take(struct pst_list *to, struct pst_list *from)
{
    if (pst_list_is_empty(from)) {
        pst_list_init(to);
        return;
    }
    *to = *from;
    to->next->prev = to;
    to->prev->next = to;
    pst_list_init(from);
}

#endif
