/* sends.h - the small sends of one turn, handed to the kernel together at its end: where many connections are
 * served in a turn, a system call for each is a good part of what their replies cost (docs/performance.md).
 *
 * What is added is copied, and goes out at the end of the turn, or before it when the batch is full. Where
 * the kernel has no io_uring for us nothing is ever taken, and the caller sends by itself. One thread's. */
#ifndef PST_LOOP_SENDS_H
#define PST_LOOP_SENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "loop/loop.h"

/* Bytes of one send: above, the copy and what the kernel does with the bytes outweigh the call. */
enum { PST_SEND_MOST_BYTES = 4096 };

struct pst_sends;

/* A socket's part in it; embedded in its owner, zeroed before the first use, and not moved while it is
 * pending. */
struct pst_sending {
    /* The last len bytes of what was added did not go: for want of room (error 0), and the socket will tell
     * when there is some; or because it has failed (error: its errno). rest is valid during the call only,
     * which may come from within any other function here, also for another socket: it must not use or end any
     * connection. */
    void (*on_left)(struct pst_sending *send, const void *rest, size_t len, int error);
    bool is_pending;
};

/* room: sends of one batch, at least 1. Error: PST_E_NOMEM. */
int pst_sends_new(struct pst_sends **ret_sends, struct pst_loop *loop, size_t room);
/* Nothing may be pending. NULL is allowed. */
void pst_sends_free(struct pst_sends *sends);

/* Appends to what is pending of this socket, if there is anything. False: not taken, and nothing of this
 * socket is pending any more, but on_left may have been called for it. */
bool pst_sends_add(struct pst_sends *sends, struct pst_sending *send, int fd, const struct iovec *iov,
                   int count);
/* All that is pending goes now. */
void pst_sends_submit(struct pst_sends *sends);

#endif
