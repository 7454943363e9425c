/* chaos.h - a transport around another one that makes everything a peer and a kernel may do happen at once:
 * partial reads and writes, single bytes, WANT in either direction out of any call, bytes that were counted
 * but linger.
 *
 * It keeps to the contract in transport/transport.h: what it puts off is delivered later, by a task of the
 * loop that tells the connection. The same seed gives the same chaos. */
#ifndef PST_TESTS_CHAOS_H
#define PST_TESTS_CHAOS_H

#include <stdbool.h>
#include <stdint.h>

#include "connection/connection.h"
#include "loop/loop.h"
#include "transport/transport.h"

struct chaos_options {
    uint64_t seed;
    unsigned want_percent; /* calls that are put off */
    unsigned byte_percent; /* reads and writes of a single byte */
    unsigned part_percent; /* reads and writes of some other part; the rest is as the caller wished */
    size_t hold_cap;       /* counted bytes kept back until flush, or until they are too many; 0: none */
    unsigned turns_most;   /* a call is put off for up to so many turns of the loop */
};

/* Lively defaults, and some of the other ways, chosen by seed. */
struct chaos_options chaos_options_of(uint64_t seed);

/* The next number of a small generator (xorshift64*); never of use for secrets. state: any number but 0. */
uint64_t chaos_random(uint64_t *state);

/* Wraps inner, which it owns. connection: the place that pst_connection_open() will fill in; set to NULL when
 * the connection has gone. Never fails: ends the process. */
struct pst_transport *chaos_new(struct pst_transport *inner, struct pst_loop *loop,
                                struct pst_connection **connection, const struct chaos_options *options);

#endif
