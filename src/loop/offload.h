/* offload.h - a pool of threads for work that blocks. */
#ifndef PST_LOOP_OFFLOAD_H
#define PST_LOOP_OFFLOAD_H

#include "postern/job.h"

struct pst_offload;

/* Up to max_threads threads, each made when a job finds all others busy; after_run is called on the thread
 * that ran a job, which is not touched any more afterwards. Errors: PST_E_NOMEM, PST_E_SYSTEM. */
int pst_offload_new(struct pst_offload **ret_pool, unsigned max_threads,
                    void (*after_run)(struct pst_job *job));
/* Runs what was given, then ends the threads. NULL is allowed. */
void pst_offload_free(struct pst_offload *pool);
/* Any thread. Jobs begin in this order. Where the system gives us no thread at all, the job runs before the
 * call returns: slow is better than lost. */
void pst_offload_submit(struct pst_offload *pool, struct pst_job *job);

#endif
