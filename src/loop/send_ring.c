/* send_ring.c - see send_ring.h. The sole user of io_uring: three system calls and shared memory
 * (io_uring(7)), few enough to do without a library. */
#include "loop/send_ring.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/err.h"

/* Headers may be older than the kernel that runs; these numbers are part of its interface. */
#ifndef IORING_SETUP_SUBMIT_ALL
#define IORING_SETUP_SUBMIT_ALL (1U << 7)
#endif
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#define SYS_io_uring_enter 426
#endif

static int enter(const struct pst_send_ring *ring, unsigned submit, unsigned wait, unsigned flags)
{
    return (int)syscall(SYS_io_uring_enter, ring->fd, submit, wait, flags, NULL, 0);
}

/* Heads and tails are shared with the kernel: what they announce was written before them. */
static uint32_t load(const uint32_t *shared)
{
    return __atomic_load_n(shared, __ATOMIC_ACQUIRE);
}

static uint32_t *at(const struct pst_send_ring *ring, uint32_t offset)
{
    return (uint32_t *)(void *)((char *)ring->rings + offset);
}

static bool map(struct pst_send_ring *ring, const struct io_uring_params *params)
{
    size_t submit_size = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
    size_t complete_size = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
    ring->rings_size = submit_size > complete_size ? submit_size : complete_size;
    ring->entries_size = params->sq_entries * sizeof(struct io_uring_sqe);
    int access = PROT_READ | PROT_WRITE;
    ring->rings =
        mmap(NULL, ring->rings_size, access, MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQ_RING);
    if (ring->rings == MAP_FAILED)
        return false;
    ring->entries =
        mmap(NULL, ring->entries_size, access, MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
    if (ring->entries == MAP_FAILED) {
        munmap(ring->rings, ring->rings_size);
        return false;
    }
    return true;
}

int pst_send_ring_init(struct pst_send_ring *ring, unsigned room)
{
    /* One thread, and nothing of the kernel's done behind its back: completions cost the least then. */
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                              IORING_SETUP_SUBMIT_ALL};
    memset(ring, 0, sizeof(*ring));
    ring->fd = (int)syscall(SYS_io_uring_setup, room, &params);
    if (ring->fd < 0)
        return PST_E_SYSTEM;
    if (!(params.features & IORING_FEAT_SINGLE_MMAP) || !map(ring, &params)) {
        close(ring->fd);
        return PST_E_SYSTEM;
    }
    ring->submit_head = at(ring, params.sq_off.head);
    ring->submit_tail = at(ring, params.sq_off.tail);
    ring->submit_mask = params.sq_entries - 1;
    ring->complete_head = at(ring, params.cq_off.head);
    ring->complete_tail = at(ring, params.cq_off.tail);
    ring->complete_mask = params.cq_entries - 1;
    ring->completions = (struct io_uring_cqe *)(void *)at(ring, params.cq_off.cqes);
    for (uint32_t i = 0; i < params.sq_entries; i++)
        at(ring, params.sq_off.array)[i] = i; /* entry i lies in slot i, for good */
    return 0;
}

void pst_send_ring_fini(struct pst_send_ring *ring)
{
    munmap(ring->entries, ring->entries_size);
    munmap(ring->rings, ring->rings_size);
    close(ring->fd);
}

void pst_send_ring_push(struct pst_send_ring *ring, int fd, const void *data, size_t len)
{
    uint32_t tail = *ring->submit_tail + ring->pushed; /* ours alone to write */
    ring->entries[tail & ring->submit_mask] = (struct io_uring_sqe){
        .opcode = IORING_OP_SEND,
        .fd = fd,
        .addr = (uint64_t)(uintptr_t)data,
        .len = (uint32_t)len,
        .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
        .user_data = ring->pushed++,
    };
}

static unsigned take_completions(struct pst_send_ring *ring, int *ret_results)
{
    uint32_t head = *ring->complete_head, tail = load(ring->complete_tail);
    unsigned count = tail - head;
    for (; head != tail; head++) {
        const struct io_uring_cqe *done = &ring->completions[head & ring->complete_mask];
        ret_results[done->user_data] = done->res;
    }
    __atomic_store_n(ring->complete_head, head, __ATOMIC_RELEASE);
    return count;
}

unsigned pst_send_ring_run(struct pst_send_ring *ring, int *ret_results)
{
    unsigned count = ring->pushed;
    ring->pushed = 0;
    for (unsigned i = 0; i < count; i++)
        ret_results[i] = -EIO; /* of whatever the kernel should never tell */
    __atomic_store_n(ring->submit_tail, *ring->submit_tail + count, __ATOMIC_RELEASE);
    int taken;
    do
        taken = enter(ring, count, 0, 0);
    while (taken < 0 && errno == EINTR);
    if (taken < 0)
        taken = 0;
    if ((unsigned)taken < count) /* out of memory, or the wrong thread: what it has not taken is ours again */
        __atomic_store_n(ring->submit_tail, load(ring->submit_head), __ATOMIC_RELEASE);
    /* A send that must not wait is over when the call returns; should a kernel think otherwise, it is waited
     * for: the data is ours only after that. */
    unsigned done = take_completions(ring, ret_results);
    while (done < (unsigned)taken) {
        if (enter(ring, 0, 1, IORING_ENTER_GETEVENTS) < 0 && errno != EINTR)
            break;
        done += take_completions(ring, ret_results);
    }
    return (unsigned)taken;
}
