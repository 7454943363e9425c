/* mailbox.c - see mailbox.h. A mutex is enough: letters are rare (stop, work that comes back), bytes never go
 * this way. */
#include "loop/mailbox.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "postern/err.h"

int pst_mailbox_init(struct pst_mailbox *mailbox)
{
    mailbox->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (mailbox->event_fd < 0)
        return PST_E_SYSTEM;
    if (pthread_mutex_init(&mailbox->lock, NULL) != 0) {
        close(mailbox->event_fd);
        return PST_E_SYSTEM;
    }
    pst_list_init(&mailbox->letters);
    mailbox->is_closed = false;
    return 0;
}

void pst_mailbox_fini(struct pst_mailbox *mailbox)
{
    pthread_mutex_destroy(&mailbox->lock);
    close(mailbox->event_fd);
    mailbox->event_fd = -1;
}

int pst_mailbox_post(struct pst_mailbox *mailbox, struct pst_letter *letter)
{
    int ret = 0;
    pthread_mutex_lock(&mailbox->lock);
    if (mailbox->is_closed) {
        ret = PST_E_STATE;
    } else {
        bool was_empty = pst_list_is_empty(&mailbox->letters);
        pst_list_push_back(&mailbox->letters, &letter->node);
        if (was_empty) {
            uint64_t one = 1;
            /* Within the lock, so that the descriptor cannot be closed in between. It can only fail when the
             * counter is full, and then the loop is awake already. */
            ssize_t n = write(mailbox->event_fd, &one, sizeof(one));
            (void)n;
        }
    }
    pthread_mutex_unlock(&mailbox->lock);
    return ret;
}

static void take_all(struct pst_mailbox *mailbox, bool and_close, struct pst_list *ret_letters)
{
    pthread_mutex_lock(&mailbox->lock);
    uint64_t count;
    ssize_t n = read(mailbox->event_fd, &count, sizeof(count));
    (void)n; /* nothing to read is fine */
    if (and_close)
        mailbox->is_closed = true;
    pst_list_take(ret_letters, &mailbox->letters);
    pthread_mutex_unlock(&mailbox->lock);
}

static void receive(struct pst_mailbox *mailbox, bool and_close)
{
    struct pst_list letters;
    take_all(mailbox, and_close, &letters);
    while (!pst_list_is_empty(&letters)) {
        struct pst_letter *letter = PST_CONTAINER(letters.next, struct pst_letter, node);
        pst_list_remove(&letter->node);
        letter->on_receive(letter);
    }
}

void pst_mailbox_receive(struct pst_mailbox *mailbox)
{
    receive(mailbox, false);
}

void pst_mailbox_close(struct pst_mailbox *mailbox)
{
    receive(mailbox, true);
}
