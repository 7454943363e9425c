/* job.h - work off the loop: calls that block run on a pool of threads, and come back to the worker they came
 * from.
 *
 * A loop that blocks stops every connection of its worker. What may block (files, databases, look-ups) goes
 * into a job. A job is embedded in its owner's memory, so nothing here allocates or fails. */
#ifndef POSTERN_JOB_H
#define POSTERN_JOB_H

#include <postern/exchange.h>
#include <postern/export.h>

PST_BEGIN_DECLS

/* The owner sets run and done; the rest is private. The memory stays untouched by its owner from
 * pst_job_offload() or pst_job_begin() until done is called, which happens exactly once for each, also when
 * the exchange that it was for has ended or the server stops: a worker ends only after all its jobs are done.
 * So an owner is no part of an exchange's own memory; it learns by pst_exchange_on_end() that the exchange is
 * over. */
struct pst_job {
    void (*run)(struct pst_job *job);  /* on a thread of the pool: may block */
    void (*done)(struct pst_job *job); /* on the worker's thread: may free the job, or begin it again */
    struct pst_worker *worker;
    struct pst_job *next;
};

/* On the worker's thread: run is called soon on another thread, then done on this one. Jobs begin in the
 * order in which they were given, several at a time. */
PST_API void pst_job_offload(struct pst_job *job, struct pst_worker *worker);

/* The same for work that another thread of the owner's does: begin on the worker's thread, pst_job_finish()
 * from any thread when it is done, exactly once. run is not used. */
PST_API void pst_job_begin(struct pst_job *job, struct pst_worker *worker);
PST_API void pst_job_finish(struct pst_job *job);

PST_END_DECLS

#endif
