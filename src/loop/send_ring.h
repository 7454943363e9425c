/* send_ring.h - many sends by one system call, through io_uring. Knows nothing of what is sent, and keeps
 * nothing between two runs. For the thread that has made it alone. */
#ifndef PST_LOOP_SEND_RING_H
#define PST_LOOP_SEND_RING_H

#include <stddef.h>
#include <stdint.h>

struct io_uring_sqe;
struct io_uring_cqe;

struct pst_send_ring {
    int fd;
    unsigned pushed; /* since the last run */
    uint32_t *submit_tail, *submit_head, *complete_head, *complete_tail;
    uint32_t submit_mask, complete_mask;
    struct io_uring_sqe *entries;
    struct io_uring_cqe *completions;
    void *rings; /* both, in one mapping */
    size_t rings_size, entries_size;
};

/* room: a power of two. Error: PST_E_SYSTEM, where the kernel is older than 6.1, or does not let us. */
int pst_send_ring_init(struct pst_send_ring *ring, unsigned room);
void pst_send_ring_fini(struct pst_send_ring *ring);

/* Notes one send, never more than there is room for; without waiting, and without SIGPIPE. data stays as it
 * is until the run. */
void pst_send_ring_push(struct pst_send_ring *ring, int fd, const void *data, size_t len);

/* Carries out what was pushed, in that order. Returns for how many ret_results[] holds what send would have
 * returned, or a negative errno; the others were not touched. */
unsigned pst_send_ring_run(struct pst_send_ring *ring, int *ret_results);

#endif
