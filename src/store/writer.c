/* writer.c - the one thread that writes. It takes all that is queued and commits it at once, so that a burst
 * of posts shares one sync of the disk; what comes in while a group is being applied joins it.
 *
 * One operation that fails half way (memory, the disk) must not fail the others: then the group is rolled
 * back and each is tried by itself. That costs nothing where all goes well, as savepoints would. */
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "store/group.h"
#include "store/keys.h"

enum { EXPIRE_EVERY_MS = 60 * 1000 };

/* Moves operations from the queue to ops, at most PST_STORE_GROUP in all; waits for one where is_patient.
 * False: the store closes, and there are none. */
static bool take(struct pst_writer *writer, struct pst_list *ops, size_t *count, bool is_patient)
{
    pthread_mutex_lock(&writer->lock);
    while (is_patient && pst_list_is_empty(&writer->queue) && !writer->is_closing)
        pthread_cond_wait(&writer->wake, &writer->lock);
    size_t before = *count;
    while (!pst_list_is_empty(&writer->queue) && *count < PST_STORE_GROUP) {
        struct pst_list *node = writer->queue.next;
        pst_list_remove(node);
        pst_list_push_back(ops, node);
        ++*count;
    }
    pthread_mutex_unlock(&writer->lock);
    return *count > before;
}

static struct pst_op *op_of(struct pst_list *node)
{
    return PST_CONTAINER(node, struct pst_op, node);
}

/* In time with a group that is being written anyway. */
static int expire_keys(struct pst_group *group)
{
    struct pst_writer *writer = &group->store->writer;
    int64_t now_ms = group->store->now_ms();
    if (!group->is_changed || now_ms < writer->expire_at_ms)
        return 0;
    int err = pst_key_expire(group->db, now_ms);
    if (!err)
        writer->expire_at_ms = now_ms + EXPIRE_EVERY_MS;
    return err;
}

/* After the commit: numbers that others read, and files that nobody has any more. */
static void settle(struct pst_group *group)
{
    struct pst_store *store = group->store;
    atomic_store(&store->total_bytes, group->total_bytes);
    if (group->is_changed)
        atomic_fetch_add(&store->writer.groups, 1);
    pst_blob_purge(&store->folder, group->db, &group->unused);
}

/* Applies all of ops, those that come in meanwhile as well where is_open, and commits. Not 0: nothing
 * happened. */
static int run_group(struct pst_store *store, struct pst_group *group, struct pst_list *ops, size_t *count,
                     bool is_open)
{
    int err = pst_group_begin(group, store);
    if (err)
        return err;
    struct pst_list *node = ops;
    do {
        while (node->next != ops && !err) {
            node = node->next;
            err = pst_group_apply(group, op_of(node));
        }
    } while (!err && is_open && take(&store->writer, ops, count, false));
    if (!err)
        err = expire_keys(group);
    if (!err)
        err = pst_group_commit(group);
    if (err)
        pst_group_roll_back(group);
    else
        settle(group);
    return err;
}

/* An operation has failed: what it had placed in files/ goes again. But not where the disk failed: the
 * commit may yet be found in the log by the next opening, which then knows what is needed. */
static void give_up(struct pst_store *store, struct pst_op *op, int err)
{
    struct pst_blob_list placed = {NULL, 0, 0};
    op->err = pst_db_plain_err(err);
    op->receipt = (struct pst_receipt){0, 0, false};
    if (!op->draft || op->err == PST_E_IO)
        return;
    for (const struct pst_draft_file *file = op->draft->files; file; file = file->next)
        if (!file->has_tmp)
            pst_blob_list_add(&placed, file->hash);
    pst_blob_purge(&store->folder, &store->writer.db, &placed);
}

static void give_up_all(struct pst_store *store, struct pst_list *ops, int err)
{
    for (struct pst_list *node = ops->next; node != ops; node = node->next)
        give_up(store, op_of(node), err);
}

static void run_each(struct pst_store *store, struct pst_group *group, struct pst_list *ops)
{
    for (struct pst_list *node = ops->next, *next; node != ops; node = next) {
        struct pst_list one;
        size_t count = 1;
        next = node->next;
        pst_list_remove(node);
        pst_list_init(&one);
        pst_list_push_back(&one, node);
        int err = run_group(store, group, &one, &count, false);
        if (err)
            give_up(store, op_of(node), err);
        pst_list_remove(node);
        pst_list_push_back(next, node); /* before next: where it was */
    }
}

static void tell_watchers(struct pst_store *store, const struct pst_op *op)
{
    struct pst_change change = {op->draft ? op->draft->head.box : op->box,
                                op->draft ? op->receipt.id : op->id, !op->draft};
    atomic_fetch_add(&store->generation, 1);
    pthread_mutex_lock(&store->watch_lock);
    for (size_t i = 0; i < store->watcher_count; i++)
        store->watchers[i].fn(&change, store->watchers[i].arg);
    pthread_mutex_unlock(&store->watch_lock);
}

static void tell(struct pst_store *store, struct pst_list *ops)
{
    for (struct pst_list *node = ops->next; node != ops; node = node->next) {
        struct pst_op *op = op_of(node);
        if (op->draft)
            pst_draft_drop_files(op->draft);
        if (!op->err && !op->receipt.is_repeated)
            tell_watchers(store, op);
    }
    while (!pst_list_is_empty(ops)) {
        struct pst_op *op = op_of(ops->next);
        pst_list_remove(&op->node);
        op->done(op);
    }
}

static void *run(void *arg)
{
    struct pst_store *store = arg;
    struct pst_group *group = store->writer.group;
    for (;;) {
        struct pst_list ops;
        size_t count = 0;
        pst_list_init(&ops);
        if (!take(&store->writer, &ops, &count, true))
            return NULL;
        int err = run_group(store, group, &ops, &count, true);
        if (err && count > 1 && group->has_begun)
            run_each(store, group, &ops);
        else if (err) /* also: another process kept the database locked, and would from each of them */
            give_up_all(store, &ops, err);
        tell(store, &ops);
    }
}

int pst_writer_start(struct pst_store *store)
{
    struct pst_writer *writer = &store->writer;
    pst_list_init(&writer->queue);
    writer->group = malloc(sizeof(*writer->group));
    if (!writer->group)
        return PST_E_NOMEM;
    if (pthread_mutex_init(&writer->lock, NULL) != 0)
        goto no_lock;
    if (pthread_cond_init(&writer->wake, NULL) != 0)
        goto no_cond;
    sigset_t all, before; /* signals are for the threads of the program that uses us */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&writer->thread, NULL, run, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        return 0;
    pthread_cond_destroy(&writer->wake);
no_cond:
    pthread_mutex_destroy(&writer->lock);
no_lock:
    free(writer->group);
    return PST_E_NOMEM;
}

void pst_writer_stop(struct pst_store *store)
{
    struct pst_writer *writer = &store->writer;
    pthread_mutex_lock(&writer->lock);
    writer->is_closing = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->lock);
    free(writer->group);
}

void pst_writer_put(struct pst_store *store, struct pst_op *op)
{
    struct pst_writer *writer = &store->writer;
    pthread_mutex_lock(&writer->lock);
    bool is_late = writer->is_closing;
    if (!is_late) {
        pst_list_push_back(&writer->queue, &op->node);
        pthread_cond_signal(&writer->wake);
    }
    pthread_mutex_unlock(&writer->lock);
    if (!is_late)
        return;
    op->err = PST_E_STATE;
    op->receipt = (struct pst_receipt){0, 0, false};
    op->done(op);
}

/* ---- the public side ---- */

static void wake_waiter(struct pst_op *op)
{
    sem_post(op->arg); /* op is gone as soon as its owner wakes */
}

int pst_writer_wait(struct pst_store *store, struct pst_op *op)
{
    sem_t done;
    sem_init(&done, 0, 0); /* cannot fail for such values */
    op->done = wake_waiter;
    op->arg = &done;
    pst_writer_put(store, op);
    while (sem_wait(&done) != 0) /* only a signal's handler ends it early */
        ;
    op->arg = NULL;
    sem_destroy(&done);
    return op->err;
}

static void tell_committer(struct pst_op *op)
{
    struct pst_draft *draft = op->draft;
    struct pst_receipt receipt = op->receipt; /* outlives the draft, which done may free first */
    draft->done(draft, op->err, &receipt, draft->done_arg);
}

void pst_store_commit(struct pst_store *store, struct pst_draft *draft, pst_commit_fn *done, void *arg)
{
    draft->done = done;
    draft->done_arg = arg;
    draft->op.draft = draft;
    draft->op.done = tell_committer;
    pst_writer_put(store, &draft->op);
}

int pst_store_commit_wait(struct pst_store *store, struct pst_draft *draft, struct pst_receipt *ret_receipt)
{
    draft->op.draft = draft;
    int err = pst_writer_wait(store, &draft->op);
    *ret_receipt = draft->op.receipt;
    return err;
}

int pst_store_delete(struct pst_store *store, struct pst_slice box, uint64_t id)
{
    struct pst_op op = {.draft = NULL, .box = box, .id = id};
    pst_list_init(&op.node);
    return pst_writer_wait(store, &op);
}
