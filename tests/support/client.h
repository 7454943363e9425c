/* client.h - a client of a test worker, whatever carries it: a pair in memory, TCP, TLS 1.2, TLS 1.3, each
 * with chaos in between if wished. Everything happens on the test's own thread. */
#ifndef PST_TESTS_CLIENT_H
#define PST_TESTS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "support/chaos.h"
#include "support/test_worker.h"
#include "transport/tls.h"

/* CLIENT_BATCHED: TCP, where the server's small sends go at the end of the turn. */
enum client_kind { CLIENT_PAIR, CLIENT_TCP, CLIENT_BATCHED, CLIENT_TLS12, CLIENT_TLS13 };
const char *client_kind_name(enum client_kind kind);

/* The worker's side of TLS, one context for each version. */
struct client_tls {
    struct pst_tls_ctx *tls12, *tls13;
};
void client_tls_init(struct client_tls *tls);
void client_tls_fini(struct client_tls *tls);

struct client_options {
    enum client_kind kind;
    struct test_worker *worker;
    const struct client_tls *tls;
    const struct chaos_options *chaos; /* NULL: none */
    bool is_narrow;                    /* little room between client and server, so that writing blocks */
    size_t wire_most;                  /* TLS: bytes of ciphertext moved at a time; 0: no bound */
    const int *suites;                 /* TLS: ends with 0; NULL: Mbed TLS's own choice */
};

enum client_end { CLIENT_OPEN, CLIENT_EOF, CLIENT_TRUNC, CLIENT_RESET };

struct client;
/* Never fails: ends the process. */
struct client *client_open(const struct client_options *options);
/* Closes and frees; NULL is allowed. */
void client_free(struct client *c);

/* Sends as many of the bytes as there is room for now; returns their number. Of TLS, all: they are sealed and
 * wait. */
size_t client_send(struct client *c, const void *data, size_t len);
/* Whether all that was sent has left the client. */
bool client_is_sent(struct client *c);
/* Receives what is there, up to cap bytes. */
size_t client_receive(struct client *c, void *dst, size_t cap);
/* Ends the client's direction in good order; the server's goes on. */
void client_end(struct client *c);
/* How the server's direction has ended, as of the last client_receive(). */
enum client_end client_how_ended(const struct client *c);

#endif
