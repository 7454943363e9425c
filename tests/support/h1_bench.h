/* h1_bench.h - an HTTP/1.1 session driven by bytes: no transport, no connection. The test is the peer and the
 * driver in one. */
#ifndef PST_TESTS_H1_BENCH_H
#define PST_TESTS_H1_BENCH_H

#include "http/session.h"
#include "support/test_worker.h"

/* The routes: GET, PUT and DELETE of any path and POST /whole call on_request with the whole body; POST
 * /stream calls on_request with the head, then on_body. */
struct h1_bench {
    struct test_worker w;
    struct pst_session_host host;
    struct pst_session *s; /* NULL: none */
    unsigned wakes;
    struct pst_text out; /* what the session has sent */
    size_t send_most;    /* bytes that are taken from it at a time; 0: all */
    bool is_deaf;        /* the peer takes nothing */
    bool reads_files; /* a file is read and sent along with what stands before it; else as sendfile would */
    /* What the handlers do. NULL: reply "hello"; on_body then replies at the end. */
    void (*on_request)(struct h1_bench *b, struct pst_exchange *ex);
    void (*on_body)(struct h1_bench *b, struct pst_exchange *ex, struct pst_slice data, bool last);
    struct pst_exchange *ex; /* the one that was seen last and has not ended */
    unsigned begun, ended;   /* handlers called for the first time, and calls of on_end */
    enum pst_end why;        /* of the last one that ended */
    struct pst_text body;    /* pieces that /stream has got */
    unsigned lasts;          /* how often it was told the end */
};

/* Never fail: end the process. */
void h1_bench_init(struct h1_bench *b);
void h1_bench_fini(struct h1_bench *b);
/* A new session; the one before is aborted. What the peer has got is forgotten. */
void h1_bench_open(struct h1_bench *b);
/* Aborts and destroys the session. */
void h1_bench_close(struct h1_bench *b, enum pst_end why);

/* Gives input in pieces of piece bytes (0: all at once), taking output in between as a driver does. Returns
 * how many bytes the session has used. */
size_t h1_bench_feed(struct h1_bench *b, const void *data, size_t len, size_t piece);
/* The same in two pieces, the first of them first bytes long. */
size_t h1_bench_feed_two(struct h1_bench *b, const void *data, size_t len, size_t first);
/* Takes output as long as there is some. */
void h1_bench_pump(struct h1_bench *b);
/* Feeds the text, which must be used up, and returns what was sent since the last time, NUL-terminated, valid
 * until the next call. */
const char *h1_bench_says(struct h1_bench *b, const char *text);
/* The latter alone. */
const char *h1_bench_take(struct h1_bench *b);

bool h1_bench_wants_input(const struct h1_bench *b);
bool h1_bench_is_finished(const struct h1_bench *b);
struct pst_progress h1_bench_progress(const struct h1_bench *b);

/* The beginning of every reply, as the bench's clock stands still. */
#define H1_BENCH_DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

#endif
