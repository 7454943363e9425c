/* fake_store.h - a store that a test holds up and makes fail as it likes: the adding side of postern/store.h,
 * defined here. Include it in one file of a test program, which then does not link the store itself.
 *
 * It is a witness, too: two callers at once in one draft, a draft freed twice or written after an error, a
 * commit while a file is open, a call that blocks on the thread of the loop end the process. */
#ifndef PST_TESTS_FAKE_STORE_H
#define PST_TESTS_FAKE_STORE_H

#include <postern/store.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/test_worker.h"

struct pst_draft {
    unsigned callers;
    bool is_file_open, has_failed, is_described;
    unsigned files;
    struct pst_text log, file; /* what was said of it, and the contents of the open file */
};

struct fake_store {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    pthread_t loop; /* the thread of fake_store_init() */
    /* what the test sets */
    bool holds_files, holds_commits;
    unsigned fail_at; /* this call for a file, counted from 1; 0: none */
    int fail_err, commit_err;
    bool is_repeated;
    /* what came */
    unsigned file_calls, waiting; /* waiting: calls that are held */
    unsigned drafts;              /* alive */
    unsigned commits, discards;   /* discards: drafts with files that were not committed */
    size_t largest_write;
    struct pst_text committed; /* a line for each thing of each committed post */
    struct pst_draft *draft;   /* whose commit is held */
    pst_commit_fn *done;
    void *done_arg;
};
static struct fake_store fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

static void fake_must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fake_store: %s\n", what);
    abort();
}

/* ---- the test's side ---- */

static void fake_store_init(void)
{
    fake_must(fake.drafts == 0, "a draft is left");
    fake.loop = pthread_self();
    pst_text_free(&fake.committed);
    fake.holds_files = fake.holds_commits = fake.is_repeated = false;
    fake.fail_at = fake.file_calls = fake.waiting = fake.commits = fake.discards = 0;
    fake.fail_err = fake.commit_err = 0;
    fake.largest_write = 0;
    fake.draft = NULL;
}

/* Waits until a call for a file is held. */
__attribute__((unused)) static void fake_store_wait(void)
{
    pthread_mutex_lock(&fake.lock);
    while (fake.waiting == 0)
        pthread_cond_wait(&fake.moved, &fake.lock);
    pthread_mutex_unlock(&fake.lock);
}

__attribute__((unused)) static void fake_store_hold_files(bool holds)
{
    pthread_mutex_lock(&fake.lock);
    fake.holds_files = holds;
    pthread_cond_broadcast(&fake.moved);
    pthread_mutex_unlock(&fake.lock);
}

__attribute__((unused)) static unsigned fake_store_drafts(void)
{
    pthread_mutex_lock(&fake.lock);
    unsigned n = fake.drafts;
    pthread_mutex_unlock(&fake.lock);
    return n;
}

static void fake_commit(struct pst_draft *draft, pst_commit_fn *done, void *arg)
{
    const struct pst_receipt receipt = {.id = 41 + (uint64_t)fake.commits,
                                        .time_ms = INT64_C(1767323045678),
                                        .is_repeated = fake.is_repeated};
    int err = fake.commit_err;
    if (!err && !fake.is_repeated) {
        pst_text_add(&fake.committed, pst_slice_of(draft->log.ptr, draft->log.len));
        if (fake.committed.failed) {
            err = PST_E_NOMEM;
            pst_text_free(&fake.committed);
        } else {
            draft->files = 0;
        }
    }
    done(draft, err, err ? NULL : &receipt, arg);
}

/* The commit that is held goes on. */
__attribute__((unused)) static void fake_store_commits(void)
{
    fake_must(fake.draft, "no commit is held");
    struct pst_draft *draft = fake.draft;
    fake.draft = NULL;
    fake_commit(draft, fake.done, fake.done_arg);
}

/* ---- the store's side ---- */

static bool fake_is_on_loop(void)
{
    return pthread_equal(pthread_self(), fake.loop);
}

static void fake_enter(struct pst_draft *draft)
{
    pthread_mutex_lock(&fake.lock);
    fake_must(draft->callers++ == 0, "two callers at once");
    fake_must(!draft->has_failed, "used after an error");
    pthread_mutex_unlock(&fake.lock);
}

static int fake_leave(struct pst_draft *draft, int err)
{
    pthread_mutex_lock(&fake.lock);
    draft->callers--;
    draft->has_failed = err != 0;
    pthread_mutex_unlock(&fake.lock);
    return err;
}

/* Of each call for a file: may wait, may fail. */
static int fake_file_call(void)
{
    fake_must(!fake_is_on_loop(), "a file is written on the loop");
    pthread_mutex_lock(&fake.lock);
    unsigned number = ++fake.file_calls;
    fake.waiting++;
    pthread_cond_broadcast(&fake.moved);
    while (fake.holds_files)
        pthread_cond_wait(&fake.moved, &fake.lock);
    fake.waiting--;
    int err = number == fake.fail_at ? fake.fail_err : 0;
    pthread_mutex_unlock(&fake.lock);
    return err;
}

int pst_draft_new(struct pst_draft **ret_draft, struct pst_store *store)
{
    (void)store;
    *ret_draft = calloc(1, sizeof(**ret_draft));
    if (!*ret_draft)
        return PST_E_NOMEM;
    pthread_mutex_lock(&fake.lock);
    fake.drafts++;
    pthread_mutex_unlock(&fake.lock);
    return 0;
}

void pst_draft_free(struct pst_draft *draft)
{
    if (!draft)
        return;
    pthread_mutex_lock(&fake.lock);
    fake_must(draft->callers == 0, "freed while somebody has it");
    fake_must(draft->files == 0 || !fake_is_on_loop(), "files are removed on the loop");
    fake.drafts--;
    fake.discards += draft->files > 0;
    pthread_mutex_unlock(&fake.lock);
    pst_text_free(&draft->log);
    pst_text_free(&draft->file);
    free(draft);
}

int pst_draft_field(struct pst_draft *draft, struct pst_slice name, struct pst_slice value)
{
    fake_enter(draft);
    pst_text_addf(&draft->log, "field %.*s=%.*s\n", PST_FMT(name), PST_FMT(value));
    return fake_leave(draft, draft->log.failed ? PST_E_NOMEM : 0);
}

int pst_draft_body(struct pst_draft *draft, struct pst_slice body)
{
    fake_enter(draft);
    pst_text_addf(&draft->log, "body %.*s\n", PST_FMT(body));
    return fake_leave(draft, draft->log.failed ? PST_E_NOMEM : 0);
}

int pst_draft_file_begin(struct pst_draft *draft, struct pst_slice name, struct pst_slice file_name,
                         struct pst_slice type)
{
    fake_enter(draft);
    fake_must(!draft->is_file_open, "two files at once");
    int err = fake_file_call();
    draft->is_file_open = true;
    draft->files++;
    draft->file.len = 0;
    pst_text_addf(&draft->log, "file %.*s|%.*s|%.*s|", PST_FMT(name), PST_FMT(file_name), PST_FMT(type));
    return fake_leave(draft, err);
}

int pst_draft_file_write(struct pst_draft *draft, const void *data, size_t len)
{
    fake_enter(draft);
    fake_must(draft->is_file_open && len > 0, "a write without a file, or without bytes");
    int err = fake_file_call();
    pst_text_add(&draft->file, pst_slice_of(data, len));
    if (len > fake.largest_write)
        fake.largest_write = len;
    return fake_leave(draft, err);
}

int pst_draft_file_end(struct pst_draft *draft)
{
    fake_enter(draft);
    fake_must(draft->is_file_open, "an end without a file");
    int err = fake_file_call();
    draft->is_file_open = false;
    if (draft->file.len <= 64)
        pst_text_addf(&draft->log, "%.*s\n", (int)draft->file.len, draft->file.len ? draft->file.ptr : "");
    else
        pst_text_addf(&draft->log, "%zu bytes %llx\n", draft->file.len,
                      (unsigned long long)test_hash(TEST_HASH_INIT, draft->file.ptr, draft->file.len));
    return fake_leave(draft, err);
}

int pst_draft_describe(struct pst_draft *draft, const struct pst_draft_head *head)
{
    fake_enter(draft);
    fake_must(!draft->is_described, "described twice");
    draft->is_described = true;
    pst_text_addf(&draft->log, "head %.*s|%.*s|%.*s|%.*s|%d|%llu\n", PST_FMT(head->box), PST_FMT(head->type),
                  PST_FMT(head->address), PST_FMT(head->key), head->may_make_box,
                  (unsigned long long)head->box_bytes);
    return fake_leave(draft, draft->log.failed ? PST_E_NOMEM : 0);
}

void pst_store_commit(struct pst_store *store, struct pst_draft *draft, pst_commit_fn *done, void *arg)
{
    (void)store;
    fake_must(draft->callers == 0 && !draft->is_file_open && draft->is_described, "not ready for a commit");
    fake.commits++;
    if (fake.holds_commits) {
        fake_must(!fake.draft, "one held commit at a time");
        fake.draft = draft;
        fake.done = done;
        fake.done_arg = arg;
        return;
    }
    fake_commit(draft, done, arg);
}

#endif
