/* tls_client.h - a TLS client for tests, on Mbed TLS: bytes in memory, moved over a socket in steps that the
 * test sizes, so that it can feed a server byte by byte, read slowly, cut and garble. */
#ifndef PST_TESTS_TLS_CLIENT_H
#define PST_TESTS_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mbedtls/ssl.h>

#include "transport/tls.h"

struct tls_client_options {
    enum pst_tls_versions versions;
    const char **alpn;          /* ends with NULL; NULL: none offered */
    const int *suites;          /* ends with 0; NULL: Mbed TLS's own choice */
    const uint16_t *groups;     /* ends with 0; NULL: likewise */
    const char *ca;             /* PEM; the server is checked against it for "localhost". NULL: not checked */
    const char *name;           /* the server's that is asked for; NULL: "localhost"; "": none */
    const uint16_t *signatures; /* MBEDTLS_TLS1_3_SIG_*, ends with 0; NULL: Mbed TLS's own choice */
    const mbedtls_ssl_session *session; /* to resume; NULL: none */
    unsigned char max_fragment;         /* MBEDTLS_SSL_MAX_FRAG_LEN_*; 0: none asked for */
};

struct tls_bytes {
    unsigned char *data;
    size_t len, cap;
};

struct tls_client {
    int fd;                      /* non-blocking; the client's; -1: the test moves in and out by itself */
    size_t send_most, recv_most; /* bytes that one step moves; 0: no bound */
    struct tls_bytes in, out;    /* ciphertext received and not yet decrypted; sealed and not yet sent */
    bool is_open;                /* the handshake is done */
    bool is_eof;                 /* the server's FIN was seen */
    int error;                   /* Mbed TLS's, once something failed */
    int alert;                   /* received from the server with that; -1: none */
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config conf;
    mbedtls_x509_crt ca;
};

/* Takes over fd. options may be NULL. Ends the process where memory or Mbed TLS fail. */
struct tls_client *tls_client_new(int fd, const struct tls_client_options *options);
/* Closes fd. */
void tls_client_free(struct tls_client *c);

/* Moves bytes both ways over fd and carries the handshake on. False once something failed. */
bool tls_client_step(struct tls_client *c);

#define TLS_CLIENT_AGAIN (-1) /* nothing there yet */
#define TLS_CLIENT_EOF   (-2) /* close_notify */
#define TLS_CLIENT_TRUNC (-3) /* FIN without it */
#define TLS_CLIENT_ERROR (-4) /* see error and alert */
/* Steps, then decrypts what is there: the number of bytes or one of these. */
int tls_client_read(struct tls_client *c, void *dst, size_t cap);
/* Seals data as one or more records behind what is waiting to be sent; sends nothing. */
void tls_client_write(struct tls_client *c, const void *data, size_t len);
void tls_client_close_notify(struct tls_client *c);

void tls_bytes_add(struct tls_bytes *b, const void *data, size_t len);
void tls_bytes_drop(struct tls_bytes *b, size_t len);

#endif
