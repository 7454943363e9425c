/* rig.h - one connection over a pair, with handlers that do what a test tells them: the driver's test bench.
 */
#ifndef PST_TESTS_RIG_H
#define PST_TESTS_RIG_H

#include "support/pair.h"
#include "support/test_worker.h"

/* The routes:
 *   GET  /hello     "hello"
 *   GET  /big       big_len bytes of letters from memory
 *   GET  /file      file_len bytes of an open file, of which it may have fewer
 *   GET  /source    a source: see source_plan
 *   GET  /wait      replies when the test calls rig_reply()
 *   POST /whole     takes the body whole, replies how long it was
 *   POST /stream    takes it as a stream, replies the same at its end; pauses after each piece if pauses is
 * set POST /early     takes it as a stream and replies at once, without having read any of it */
struct rig {
    struct test_worker w;
    struct pair *p;
    struct pst_text got; /* what the peer has received, once it was taken */
    size_t big_len, file_len;
    int file_fd;             /* -1: none */
    const char *source_plan; /* one letter a pull: d 1000 bytes, n nothing now, f failure; the end after it */
    bool pauses;             /* /stream */
    size_t pieces, streamed; /* of /stream's body */
    bool is_stream_ended;    /* its handler was told so */
    struct pst_exchange *waiting; /* /wait's, or /stream's while paused; NULL once it ended */
    unsigned ends;                /* on_end calls, of all handlers */
    enum pst_end why;             /* of the last one */
};

/* Routes and worker, no connection yet. */
void rig_init(struct rig *r);
/* Opens a connection. options may be NULL. The one before must have gone. */
void rig_open(struct rig *r, const struct pair_options *options);
/* The same, but the handshake waits for pair_handshakes(). */
void rig_open_shaking(struct rig *r);
/* Ends what is left of it. */
void rig_fini(struct rig *r);

/* Takes what the server has sent; the text so far, NUL-terminated. */
const char *rig_take(struct rig *r);
/* Completes the reply of the exchange that waits. */
void rig_reply(struct rig *r, const char *text);
/* How often needle occurs in text. */
size_t rig_count(const char *text, const char *needle);
/* Sends all of data, as far as the server lets it; returns how much that was. */
size_t rig_pour(struct rig *r, const void *data, size_t len);

#endif
