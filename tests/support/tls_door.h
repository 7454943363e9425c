/* tls_door.h - the TLS transport at one end of a socket pair, a test client at the other. */
#ifndef PST_TESTS_TLS_DOOR_H
#define PST_TESTS_TLS_DOOR_H

#include "base/pool.h"
#include "support/test_certs.h"
#include "support/tls_client.h"
#include "transport/tls.h"

struct tls_door {
    struct pst_pools pools;
    struct pst_tls_ctx *ctx;
    struct pst_transport *t;
    struct tls_client *c;
};

/* A context of cert. */
void tls_door_init(struct tls_door *d, const struct test_cert *cert);
/* A new connection, nothing said yet. kind: SOCK_STREAM, or SOCK_SEQPACKET, where each send stays one message
 * of its own. */
void tls_door_connect(struct tls_door *d, int kind, const struct tls_client_options *options);
/* False where the socket does not take all. */
bool tls_door_flush(struct tls_door *d);
/* Shakes hands until both sides are done, or one has failed: the server's result. */
enum pst_io tls_door_shake(struct tls_door *d);
/* connect over a stream, and shake, which must succeed. */
void tls_door_open(struct tls_door *d, const struct tls_client_options *options);
/* Destroys transport and client; no buffer may be missing from the pools after it. */
void tls_door_close(struct tls_door *d);
void tls_door_fini(struct tls_door *d);

/* What the transport says went wrong. */
const char *tls_door_failure(const struct tls_door *d);
/* Reads once, stepping the client as long as the transport waits for it. */
enum pst_io tls_door_read(struct tls_door *d, void *dst, size_t cap, size_t *ret_n);

#endif
