/* sends.c - see sends.h. */
#include "loop/sends.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "loop/send_ring.h"
#include "postern/err.h"

/* The mean send of a full batch; a page with its head is about half of that. */
enum { BYTES_EACH = 2048 };
enum { ROOM_MOST = 256 };

struct entry {
    struct pst_sending *send;
    int fd;
    size_t at, len; /* in bytes[] */
};

struct pst_sends {
    struct pst_task task;
    /* Made by the thread that runs the loop, when there is a use for it for the first time. */
    struct pst_send_ring ring;
    bool has_ring, is_refused;
    size_t room, count, size, used;
    struct entry *entries;
    unsigned char *bytes;
};

static void on_turn_end(struct pst_task *task)
{
    pst_sends_submit(PST_CONTAINER(task, struct pst_sends, task));
}

int pst_sends_new(struct pst_sends **ret_sends, struct pst_loop *loop, size_t room)
{
    struct pst_sends *sends = calloc(1, sizeof(*sends));
    if (!sends)
        return PST_E_NOMEM;
    sends->room = room < ROOM_MOST ? room : ROOM_MOST;
    sends->size = PST_SEND_MOST_BYTES + sends->room * BYTES_EACH;
    sends->entries = calloc(sends->room, sizeof(*sends->entries));
    sends->bytes = malloc(sends->size);
    if (!sends->entries || !sends->bytes) {
        free(sends->entries);
        free(sends->bytes);
        free(sends);
        return PST_E_NOMEM;
    }
    pst_task_init(&sends->task, on_turn_end);
    pst_loop_every_turn(loop, &sends->task);
    *ret_sends = sends;
    return 0;
}

void pst_sends_free(struct pst_sends *sends)
{
    if (!sends)
        return;
    pst_loop_unqueue(&sends->task);
    if (sends->has_ring)
        pst_send_ring_fini(&sends->ring);
    free(sends->entries);
    free(sends->bytes);
    free(sends);
}

static void append(struct pst_sends *sends, struct entry *entry, const struct iovec *iov, int count)
{
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len)
            memcpy(sends->bytes + sends->used, iov[i].iov_base, iov[i].iov_len);
        sends->used += iov[i].iov_len;
        entry->len += iov[i].iov_len;
    }
}

bool pst_sends_add(struct pst_sends *sends, struct pst_sending *send, int fd, const struct iovec *iov,
                   int count)
{
    size_t len = 0;
    for (int i = 0; i < count; i++) /* of all of them: append() copies all */
        len += iov[i].iov_len;
    bool is_last = sends->count && sends->entries[sends->count - 1].send == send;
    if (send->is_pending && is_last && len <= sends->size - sends->used) { /* answers to pipelined requests */
        append(sends, &sends->entries[sends->count - 1], iov, count);
        return true;
    }
    if (send->is_pending) {
        pst_sends_submit(sends); /* maybe not whole: what comes now is not to overtake it */
        return false;
    }
    if (len == 0 || len > PST_SEND_MOST_BYTES || sends->is_refused)
        return false;
    if (sends->count == sends->room || len > sends->size - sends->used)
        pst_sends_submit(sends);
    struct entry *entry = &sends->entries[sends->count++];
    *entry = (struct entry){send, fd, sends->used, 0};
    append(sends, entry, iov, count);
    send->is_pending = true;
    return true;
}

static bool has_ring(struct pst_sends *sends)
{
    if (sends->has_ring || sends->is_refused)
        return sends->has_ring;
    unsigned room = 1;
    while (room < sends->room)
        room *= 2;
    sends->has_ring = pst_send_ring_init(&sends->ring, room) == 0;
    sends->is_refused = !sends->has_ring;
    return sends->has_ring;
}

static int send_one(const struct pst_sends *sends, const struct entry *entry)
{
    ssize_t n;
    do
        n = send(entry->fd, sends->bytes + entry->at, entry->len, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (int)n;
}

/* What a kernel says that lets us have a ring and does not let us send by it. A socket's own fault among
 * these shows in the send that follows. */
static bool is_refusal(int result)
{
    return result == -EINVAL || result == -EACCES || result == -EPERM || result == -EOPNOTSUPP;
}

/* A ring for one send would cost more than the call that it saves. */
static void send_all(struct pst_sends *sends, int *ret_results)
{
    size_t done = 0;
    if (sends->count > 1 && has_ring(sends)) {
        for (size_t i = 0; i < sends->count; i++) {
            const struct entry *entry = &sends->entries[i];
            pst_send_ring_push(&sends->ring, entry->fd, sends->bytes + entry->at, entry->len);
        }
        done = pst_send_ring_run(&sends->ring, ret_results);
    }
    for (size_t i = 0; i < done; i++) {
        if (is_refusal(ret_results[i])) {
            sends->is_refused = true; /* from now on nothing is taken */
            ret_results[i] = send_one(sends, &sends->entries[i]);
        }
    }
    for (; done < sends->count; done++)
        ret_results[done] = send_one(sends, &sends->entries[done]);
}

void pst_sends_submit(struct pst_sends *sends)
{
    int results[ROOM_MOST];
    if (!sends->count)
        return;
    send_all(sends, results);
    size_t count = sends->count;
    sends->count = sends->used = 0;
    for (size_t i = 0; i < count; i++)
        sends->entries[i].send->is_pending = false;
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &sends->entries[i];
        size_t sent = results[i] > 0 ? (size_t)results[i] : 0;
        if (sent == entry->len)
            continue;
        int error = results[i] < 0 && results[i] != -EAGAIN ? -results[i] : 0;
        entry->send->on_left(entry->send, sends->bytes + entry->at + sent, entry->len - sent, error);
    }
}
