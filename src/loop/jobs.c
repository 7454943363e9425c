/* jobs.c - see jobs.h. */
#include "loop/jobs.h"

static void deliver(struct pst_jobs *jobs, struct pst_job *job)
{
    while (job) {
        struct pst_job *next = job->next; /* done may free the job, or begin it again */
        jobs->open--;
        job->done(job);
        job = next;
    }
}

/* With the lock held. */
static struct pst_job *take_all(struct pst_jobs *jobs)
{
    struct pst_job *first = jobs->first;
    jobs->first = NULL;
    jobs->tail = &jobs->first;
    return first;
}

static void on_letter(struct pst_letter *letter)
{
    struct pst_jobs *jobs = PST_CONTAINER(letter, struct pst_jobs, letter);
    pthread_mutex_lock(&jobs->lock);
    jobs->is_letter_under_way = false;
    struct pst_job *finished = take_all(jobs);
    pthread_mutex_unlock(&jobs->lock);
    deliver(jobs, finished);
    if (jobs->open == 0 && jobs->on_idle)
        jobs->on_idle(jobs);
}

int pst_jobs_init(struct pst_jobs *jobs, struct pst_loop *loop, struct pst_offload *pool)
{
    *jobs = (struct pst_jobs){.loop = loop, .pool = pool, .letter.on_receive = on_letter};
    jobs->tail = &jobs->first;
    if (pthread_mutex_init(&jobs->lock, NULL) != 0)
        return PST_E_SYSTEM;
    if (pthread_cond_init(&jobs->finished, NULL) != 0) {
        pthread_mutex_destroy(&jobs->lock);
        return PST_E_SYSTEM;
    }
    return 0;
}

void pst_jobs_fini(struct pst_jobs *jobs)
{
    pthread_cond_destroy(&jobs->finished);
    pthread_mutex_destroy(&jobs->lock);
}

void pst_jobs_begin(struct pst_jobs *jobs)
{
    jobs->open++;
}

/* All under the lock, also the letter: once the job is in the list the worker may end as soon as it is let.
 */
void pst_jobs_finish(struct pst_jobs *jobs, struct pst_job *job)
{
    pthread_mutex_lock(&jobs->lock);
    job->next = NULL;
    *jobs->tail = job;
    jobs->tail = &job->next;
    if (!jobs->is_letter_under_way) {
        /* A closed mailbox takes no letter: then pst_jobs_wait() fetches what has come. */
        jobs->is_letter_under_way = pst_loop_post(jobs->loop, &jobs->letter) == 0;
    }
    pthread_cond_signal(&jobs->finished);
    pthread_mutex_unlock(&jobs->lock);
}

void pst_jobs_wait(struct pst_jobs *jobs)
{
    while (jobs->open > 0) {
        pthread_mutex_lock(&jobs->lock);
        while (!jobs->first)
            pthread_cond_wait(&jobs->finished, &jobs->lock);
        struct pst_job *finished = take_all(jobs);
        pthread_mutex_unlock(&jobs->lock);
        deliver(jobs, finished);
    }
}
