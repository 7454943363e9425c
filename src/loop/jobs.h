/* jobs.h - one worker's side of job.h: which jobs are under way, and their way back to its loop. */
#ifndef PST_LOOP_JOBS_H
#define PST_LOOP_JOBS_H

#include <pthread.h>

#include "loop/loop.h"
#include "loop/offload.h"
#include "postern/job.h"

struct pst_jobs {
    struct pst_loop *loop;
    struct pst_offload *pool;
    size_t open; /* begun and not yet done; the loop's thread only */
    /* Called on the loop's thread when none is open any more; may be NULL. */
    void (*on_idle)(struct pst_jobs *jobs);
    /* What comes back, from any thread. One letter carries all that finish before it is received. */
    pthread_mutex_t lock;
    pthread_cond_t finished;
    struct pst_job *first, **tail;
    bool is_letter_under_way;
    struct pst_letter letter;
};

/* Errors: PST_E_SYSTEM. */
int pst_jobs_init(struct pst_jobs *jobs, struct pst_loop *loop, struct pst_offload *pool);
/* None may be open. */
void pst_jobs_fini(struct pst_jobs *jobs);

/* On the loop's thread. */
void pst_jobs_begin(struct pst_jobs *jobs);
/* Any thread, once for each that was begun: its done is called on the loop's thread. */
void pst_jobs_finish(struct pst_jobs *jobs, struct pst_job *job);
/* On the loop's thread, when the loop turns no more: waits for all that are open, also for those begun
 * meanwhile. */
void pst_jobs_wait(struct pst_jobs *jobs);

#endif
