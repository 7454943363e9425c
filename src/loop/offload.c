/* offload.c - see offload.h. */
#include "loop/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct pst_offload {
    pthread_mutex_t lock;
    pthread_cond_t wanted; /* a job, or the end */
    struct pst_job *first, **tail;
    size_t queued; /* jobs that no thread has taken */
    unsigned idle; /* threads that wait for one */
    bool is_ending;
    void (*after_run)(struct pst_job *job);
    unsigned thread_count, max_threads;
    pthread_t threads[];
};

/* With the lock held. NULL: the pool ends and nothing is left. */
static struct pst_job *take(struct pst_offload *pool)
{
    while (!pool->first && !pool->is_ending) {
        pool->idle++;
        pthread_cond_wait(&pool->wanted, &pool->lock);
        pool->idle--;
    }
    struct pst_job *job = pool->first;
    if (!job)
        return NULL;
    pool->first = job->next;
    if (!pool->first)
        pool->tail = &pool->first;
    pool->queued--;
    return job;
}

static void *work(void *arg)
{
    struct pst_offload *pool = arg;
    pthread_mutex_lock(&pool->lock);
    for (struct pst_job *job; (job = take(pool)) != NULL;) {
        pthread_mutex_unlock(&pool->lock);
        job->run(job);
        pool->after_run(job);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

int pst_offload_new(struct pst_offload **ret_pool, unsigned max_threads,
                    void (*after_run)(struct pst_job *job))
{
    struct pst_offload *pool = calloc(1, sizeof(*pool) + max_threads * sizeof(pool->threads[0]));
    if (!pool)
        return PST_E_NOMEM;
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        free(pool);
        return PST_E_SYSTEM;
    }
    if (pthread_cond_init(&pool->wanted, NULL) != 0) {
        pthread_mutex_destroy(&pool->lock);
        free(pool);
        return PST_E_SYSTEM;
    }
    pool->tail = &pool->first;
    pool->after_run = after_run;
    pool->max_threads = max_threads;
    *ret_pool = pool;
    return 0;
}

void pst_offload_free(struct pst_offload *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->is_ending = true;
    pthread_cond_broadcast(&pool->wanted);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wanted);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* With the lock held. Signals are for the program's own threads. */
static void add_thread(struct pst_offload *pool)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t *thread = &pool->threads[pool->thread_count];
    if (pthread_create(thread, NULL, work, pool) == 0) {
        pool->thread_count++;
        pthread_setname_np(*thread, "postern/job");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void pst_offload_submit(struct pst_offload *pool, struct pst_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&pool->lock);
    if (pool->queued >= pool->idle && pool->thread_count < pool->max_threads)
        add_thread(pool);
    bool has_threads = pool->thread_count > 0;
    if (has_threads) {
        *pool->tail = job;
        pool->tail = &job->next;
        pool->queued++;
        if (pool->idle > 0)
            pthread_cond_signal(&pool->wanted);
    }
    pthread_mutex_unlock(&pool->lock);
    if (!has_threads) {
        job->run(job);
        pool->after_run(job);
    }
}
