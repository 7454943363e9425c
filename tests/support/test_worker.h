/* test_worker.h - all that a worker has but its thread: a loop on a clock that the test turns, pools, limits,
 * routes, a driver. Tests open connections on it and step it by hand.
 *
 * Notes what was observed: a line for each exchange that ended, a line for each event. */
#ifndef PST_TESTS_TEST_WORKER_H
#define PST_TESTS_TEST_WORKER_H

#include <postern/http.h>
#include <postern/server.h>

#include "connection/connection.h"
#include "server/internal.h"
#include "support/fake_clock.h"

struct test_worker {
    struct pst_fake_clock clock;
    struct pst_limits limits; /* may be changed between connections */
    struct pst_pools pools;
    struct pst_loop *loop;
    struct pst_server *server; /* for its routes; it listens nowhere and never starts */
    struct pst_worker worker;  /* a stand-in, for jobs and letters from other threads */
    void **locals;
    struct pst_http_env env;
    struct pst_driver driver;
    struct test_company *company; /* of test_worker_sends() */
    /* what was observed */
    size_t ended;           /* exchanges */
    int status;             /* of the last one that ended; 0: no reply was begun */
    enum pst_end end;       /* likewise */
    uint64_t sent_bytes;    /* likewise */
    struct pst_text seen;   /* a line for each: what was asked, how it was understood, what came of it */
    struct pst_text events; /* a line for each event's cause */
    size_t closed;          /* connections that have gone */
};

/* Makes everything; routes are then added to w->server. Never fails: ends the process. */
void test_worker_init(struct test_worker *w);
/* After the routes: the handlers' own state of this worker. */
void test_worker_start(struct test_worker *w);
/* No connection and no job may be left; all memory of the pools must have come back. */
void test_worker_fini(struct test_worker *w);

/* The worker's batch of sends, made when first asked for. Another small send is in it each turn, so that one
 * of the test's goes the way of many. */
struct pst_sends *test_worker_sends(struct test_worker *w);

/* So many turns of the loop, without waiting. */
void test_worker_turns(struct test_worker *w, unsigned count);
/* Time passes, then the loop turns. */
void test_worker_pass_ms(struct test_worker *w, uint64_t ms);
/* Turns the loop until no job is open: waits for the threads that have them. */
void test_worker_jobs(struct test_worker *w);
/* Forgets what was observed. */
void test_worker_forget(struct test_worker *w);

/* FNV-1a: names a body in a few characters. */
uint64_t test_hash(uint64_t hash, const void *data, size_t len);
#define TEST_HASH_INIT UINT64_C(14695981039346656037)

#endif
