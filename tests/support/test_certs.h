/* test_certs.h - certificates and keys made while the test runs, so that no key is ever in the repository. */
#ifndef PST_TESTS_TEST_CERTS_H
#define PST_TESTS_TEST_CERTS_H

#include "transport/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum test_key { TEST_KEY_P256, TEST_KEY_P384, TEST_KEY_P521, TEST_KEY_RSA_1024, TEST_KEY_RSA_2048 };

/* PEM texts, NUL-terminated; the lengths leave the NUL out. */
struct test_cert {
    char *cert, *key;
    size_t cert_len, key_len;
    char name[64];
    enum test_key kind;
};

struct test_cert_spec {
    enum test_key key;
    const char *name;               /* common name and DNS name; NULL: "localhost" */
    const char *subject;            /* the whole subject, such as "O=Somebody"; NULL: "CN=" and the name */
    const struct test_cert *issuer; /* NULL: self-signed */
    int64_t not_before, not_after;  /* both 0: valid for an hour around now */
    bool is_ca;
    bool has_no_names;   /* leaves subjectAltName out */
    unsigned more_names; /* further DNS names: name-001.example and so on */
    size_t padding;      /* bytes of an extension that means nothing */
};

/* Makes a certificate with a key of its own; RSA keys of a size are made once a process and shared. Never
 * fails: ends the process with a message. */
void test_cert_make(struct test_cert *ret_cert, const struct test_cert_spec *spec);
void test_cert_free(struct test_cert *cert);

/* For localhost, valid now, self-signed; made at the first call and kept until the process ends. */
const struct test_cert *test_cert_ec(void);
const struct test_cert *test_cert_rsa(void);

/* The length of the certificate (the first one of pem) in DER. */
size_t test_cert_der_len(const char *pem);
/* The bytes of a PEM text in DER; returns their number, at most cap. */
size_t test_cert_der(const char *pem, unsigned char *dst, size_t cap);

/* A random number function and its context for Mbed TLS. */
int test_random(void *ctx, unsigned char *dst, size_t len);

/* A context that serves one certificate; errors and line as of pst_tls_certs_new(). */
int test_tls_ctx_new(struct pst_tls_ctx **ret_ctx, const void *cert, size_t cert_len, const void *key,
                     size_t key_len, int64_t now, char *error, size_t error_cap);

#endif
