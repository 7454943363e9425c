/* mailbox.h - work handed from any thread to a loop's thread. */
#ifndef PST_LOOP_MAILBOX_H
#define PST_LOOP_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>

#include "base/list.h"

/* Embedded by the sender in what it sends; untouched by the sender from post until on_receive. */
struct pst_letter {
    struct pst_list node;
    /* Called once on the loop's thread; the letter belongs to the callee again. */
    void (*on_receive)(struct pst_letter *letter);
};

struct pst_mailbox {
    pthread_mutex_t lock;
    struct pst_list letters;
    bool is_closed;
    int event_fd;
};

/* Errors: PST_E_SYSTEM. */
int pst_mailbox_init(struct pst_mailbox *mailbox);
void pst_mailbox_fini(struct pst_mailbox *mailbox);
/* Thread-safe. PST_E_STATE once the mailbox is closed: the letter was not taken. */
int pst_mailbox_post(struct pst_mailbox *mailbox, struct pst_letter *letter);
/* On the loop's thread: receives all letters there are. */
void pst_mailbox_receive(struct pst_mailbox *mailbox);
/* On the loop's thread: takes no further letter, then receives what is left. */
void pst_mailbox_close(struct pst_mailbox *mailbox);

#endif
