/* Jobs: work that goes to a pool of threads and comes back to its loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "loop/jobs.h"
#include "support/fake_clock.h"

enum { JOBS = 500, ROUNDS = 4 };

struct task {
    struct pst_job job;
    struct bench *bench;
    unsigned number, rounds; /* rounds: how often it is begun again */
    atomic_uint runs;
    unsigned dones;
};

struct bench {
    struct pst_fake_clock clock;
    struct pst_loop *loop;
    struct pst_offload *pool;
    struct pst_jobs jobs;
    pthread_t thread; /* the loop's */
    unsigned idle_calls;
    struct task tasks[JOBS];
    /* a gate that holds up the threads of the pool */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    unsigned inside;
    bool is_open;
};

static struct bench *bench; /* of the running test; jobs find theirs by task->bench */

static struct task *task_of(struct pst_job *job)
{
    return PST_CONTAINER(job, struct task, job);
}

static void after_run(struct pst_job *job)
{
    pst_jobs_finish(&task_of(job)->bench->jobs, job);
}

static void submit(struct task *task)
{
    pst_jobs_begin(&task->bench->jobs);
    pst_offload_submit(task->bench->pool, &task->job);
}

static void on_run(struct pst_job *job)
{
    struct task *task = task_of(job);
    assert_false(pthread_equal(pthread_self(), task->bench->thread));
    atomic_fetch_add(&task->runs, 1);
}

static void on_done(struct pst_job *job)
{
    struct task *task = task_of(job);
    assert_true(pthread_equal(pthread_self(), task->bench->thread));
    assert_int_equal(atomic_load(&task->runs), ++task->dones);
    if (task->dones < task->rounds)
        submit(task);
}

static void on_idle(struct pst_jobs *jobs)
{
    assert_int_equal(jobs->open, 0);
    PST_CONTAINER(jobs, struct bench, jobs)->idle_calls++;
}

static int set_up(unsigned threads)
{
    bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    pst_fake_clock_init(&bench->clock);
    assert_int_equal(pst_loop_new(&bench->loop, &bench->clock.clock), 0);
    assert_int_equal(pst_offload_new(&bench->pool, threads, after_run), 0);
    assert_int_equal(pst_jobs_init(&bench->jobs, bench->loop, bench->pool), 0);
    bench->jobs.on_idle = on_idle;
    bench->thread = pthread_self();
    pthread_mutex_init(&bench->lock, NULL);
    pthread_cond_init(&bench->moved, NULL);
    for (unsigned i = 0; i < JOBS; i++)
        bench->tasks[i] =
            (struct task){.job = {.run = on_run, .done = on_done}, .bench = bench, .number = i, .rounds = 1};
    return 0;
}

static void tear_down(void)
{
    assert_int_equal(bench->jobs.open, 0);
    pst_offload_free(bench->pool);
    pst_jobs_fini(&bench->jobs);
    pst_loop_free(bench->loop);
    pthread_cond_destroy(&bench->moved);
    pthread_mutex_destroy(&bench->lock);
    free(bench);
}

static void test_jobs__many_on_few_threads__each_runs_there_and_is_done_here(void **state)
{
    (void)state;
    set_up(3);
    for (unsigned i = 0; i < JOBS; i++) {
        bench->tasks[i].rounds = ROUNDS;
        submit(&bench->tasks[i]);
    }
    while (bench->jobs.open > 0)
        assert_int_equal(pst_loop_turn(bench->loop, -1), 0);
    for (unsigned i = 0; i < JOBS; i++)
        assert_int_equal(bench->tasks[i].dones, ROUNDS);
    assert_true(bench->idle_calls >= 1);
    tear_down();
}

/* ---- a gate ---- */

static void on_run_gated(struct pst_job *job)
{
    struct task *task = task_of(job);
    struct bench *b = task->bench;
    atomic_fetch_add(&task->runs, 1);
    pthread_mutex_lock(&b->lock);
    b->inside++;
    pthread_cond_broadcast(&b->moved);
    while (!b->is_open)
        pthread_cond_wait(&b->moved, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static void open_gate(void)
{
    pthread_mutex_lock(&bench->lock);
    bench->is_open = true;
    pthread_cond_broadcast(&bench->moved);
    pthread_mutex_unlock(&bench->lock);
}

static void wait_inside(unsigned count)
{
    pthread_mutex_lock(&bench->lock);
    while (bench->inside < count)
        pthread_cond_wait(&bench->moved, &bench->lock);
    assert_int_equal(bench->inside, count);
    pthread_mutex_unlock(&bench->lock);
}

static void test_offload__all_threads_held_up__as_many_as_allowed_and_the_loop_goes_on(void **state)
{
    (void)state;
    set_up(4);
    for (unsigned i = 0; i < 10; i++) {
        bench->tasks[i].job.run = on_run_gated;
        submit(&bench->tasks[i]);
    }
    wait_inside(4); /* hangs where fewer threads are made */
    assert_int_equal(pst_loop_turn(bench->loop, 0), 0);
    assert_int_equal(bench->jobs.open, 10);
    open_gate();
    while (bench->jobs.open > 0)
        assert_int_equal(pst_loop_turn(bench->loop, -1), 0);
    tear_down();
}

static unsigned order[JOBS], ordered;

static void on_run_ordered(struct pst_job *job)
{
    order[ordered++] = task_of(job)->number; /* one thread: no lock */
    atomic_fetch_add(&task_of(job)->runs, 1);
}

static void test_offload__one_thread__jobs_run_in_the_order_given(void **state)
{
    (void)state;
    set_up(1);
    ordered = 0;
    for (unsigned i = 0; i < JOBS; i++) {
        bench->tasks[i].job.run = on_run_ordered;
        submit(&bench->tasks[i]);
    }
    while (bench->jobs.open > 0)
        assert_int_equal(pst_loop_turn(bench->loop, -1), 0);
    for (unsigned i = 0; i < JOBS; i++)
        assert_int_equal(order[i], i);
    tear_down();
}

static void on_run_here(struct pst_job *job)
{
    atomic_fetch_add(&task_of(job)->runs, 1);
}

static void test_offload__no_thread_to_be_had__runs_at_once(void **state)
{
    (void)state;
    set_up(0);
    bench->tasks[0].job.run = on_run_here;
    submit(&bench->tasks[0]);
    assert_int_equal(atomic_load(&bench->tasks[0].runs), 1);
    assert_int_equal(bench->tasks[0].dones, 0); /* never from within the call */
    assert_int_equal(pst_loop_turn(bench->loop, -1), 0);
    assert_int_equal(bench->tasks[0].dones, 1);
    tear_down();
}

static void test_offload_free__jobs_are_queued__they_run_first(void **state)
{
    (void)state;
    set_up(2);
    for (unsigned i = 0; i < JOBS; i++)
        submit(&bench->tasks[i]);
    pst_offload_free(bench->pool);
    bench->pool = NULL;
    for (unsigned i = 0; i < JOBS; i++)
        assert_int_equal(atomic_load(&bench->tasks[i].runs), 1);
    pst_jobs_wait(&bench->jobs);
    for (unsigned i = 0; i < JOBS; i++)
        assert_int_equal(bench->tasks[i].dones, 1);
    tear_down();
}

static void test_jobs_wait__mailbox_closed_and_jobs_begun_again__all_are_done(void **state)
{
    (void)state;
    set_up(2);
    pst_loop_close_mailbox(bench->loop);
    for (unsigned i = 0; i < JOBS; i++) {
        bench->tasks[i].rounds = ROUNDS;
        submit(&bench->tasks[i]);
    }
    pst_jobs_wait(&bench->jobs);
    for (unsigned i = 0; i < JOBS; i++)
        assert_int_equal(bench->tasks[i].dones, ROUNDS);
    tear_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs__many_on_few_threads__each_runs_there_and_is_done_here),
        cmocka_unit_test(test_offload__all_threads_held_up__as_many_as_allowed_and_the_loop_goes_on),
        cmocka_unit_test(test_offload__one_thread__jobs_run_in_the_order_given),
        cmocka_unit_test(test_offload__no_thread_to_be_had__runs_at_once),
        cmocka_unit_test(test_offload_free__jobs_are_queued__they_run_first),
        cmocka_unit_test(test_jobs_wait__mailbox_closed_and_jobs_begun_again__all_are_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
