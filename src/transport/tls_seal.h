/* tls_seal.h - from the pieces of a reply to a TLS record: how much goes into one, and where it is sealed. */
#ifndef PST_TRANSPORT_TLS_SEAL_H
#define PST_TRANSPORT_TLS_SEAL_H

#include <stddef.h>
#include <sys/uio.h>

#include <mbedtls/ssl.h>

/* The most plaintext of a record that fits one TCP segment, also over IPv6 with timestamps and through a
 * tunnel: a record can be opened only when all of it has come. */
#define PST_TLS_SEGMENT_BYTES ((size_t)1370)
/* Bytes in front of the place of a record that must be of the same object; they are not touched. */
#define PST_TLS_SEAL_BEFORE ((size_t)8)

/* A place in the caller's buffers. */
struct pst_tls_cursor {
    const struct iovec *iov;
    int left;
    size_t offset; /* in iov[0] */
};

/* Goes on by n bytes, and over whatever is empty there. */
void pst_tls_skip(struct pst_tls_cursor *c, size_t n);

/* How much goes into the next record, of at most `most` bytes; *ret_pieces: of how many entries. c is not at
 * its end. */
size_t pst_tls_measure(const struct pst_tls_cursor *c, size_t most, int *ret_pieces);

/* Copies the next n bytes. */
void pst_tls_gather(const struct pst_tls_cursor *c, unsigned char *dst, size_t n);

/* Seals n bytes of data into one record: at place, with an Mbed TLS of our own, which hands that address to
 * its send callback; else in Mbed TLS's buffer. place has room for the record, and PST_TLS_SEAL_BEFORE before
 * it. Returns what mbedtls_ssl_write() does; nothing may be unsent in ssl. */
int pst_tls_seal_at(mbedtls_ssl_context *ssl, unsigned char *place, const unsigned char *data, size_t n);

#endif
