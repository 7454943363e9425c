/* What a start spends on certificates, counted in work, not in time: each is read and checked once when it is
 * added, read once more for each further worker, and a local CA is looked at only where there may be
 * something to renew. The linker's --wrap sends Mbed TLS's functions here first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <postern/postern.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/x509_crt.h>

#include "server/local_cert.h"
#include "server/server.h"
#include "support/test_certs.h"

enum { WORKERS = 3 };

/* ---- counting ---- */

static atomic_uint crt_parsed, key_parsed, pair_checked, signature_checked;

int __real_mbedtls_x509_crt_parse(mbedtls_x509_crt *chain, const unsigned char *buf, size_t len);
int __wrap_mbedtls_x509_crt_parse(mbedtls_x509_crt *chain, const unsigned char *buf, size_t len);
int __real_mbedtls_pk_parse_key(mbedtls_pk_context *key, const unsigned char *data, size_t len,
                                const unsigned char *password, size_t password_len,
                                int (*f_rng)(void *, unsigned char *, size_t), void *p_rng);
int __wrap_mbedtls_pk_parse_key(mbedtls_pk_context *key, const unsigned char *data, size_t len,
                                const unsigned char *password, size_t password_len,
                                int (*f_rng)(void *, unsigned char *, size_t), void *p_rng);
int __real_mbedtls_pk_check_pair(const mbedtls_pk_context *pub, const mbedtls_pk_context *prv,
                                 int (*f_rng)(void *, unsigned char *, size_t), void *p_rng);
int __wrap_mbedtls_pk_check_pair(const mbedtls_pk_context *pub, const mbedtls_pk_context *prv,
                                 int (*f_rng)(void *, unsigned char *, size_t), void *p_rng);
int __real_mbedtls_pk_verify_ext(mbedtls_pk_type_t type, const void *options, mbedtls_pk_context *key,
                                 mbedtls_md_type_t md, const unsigned char *hash, size_t hash_len,
                                 const unsigned char *sig, size_t sig_len);
int __wrap_mbedtls_pk_verify_ext(mbedtls_pk_type_t type, const void *options, mbedtls_pk_context *key,
                                 mbedtls_md_type_t md, const unsigned char *hash, size_t hash_len,
                                 const unsigned char *sig, size_t sig_len);

int __wrap_mbedtls_x509_crt_parse(mbedtls_x509_crt *chain, const unsigned char *buf, size_t len)
{
    atomic_fetch_add(&crt_parsed, 1);
    return __real_mbedtls_x509_crt_parse(chain, buf, len);
}

int __wrap_mbedtls_pk_parse_key(mbedtls_pk_context *key, const unsigned char *data, size_t len,
                                const unsigned char *password, size_t password_len,
                                int (*f_rng)(void *, unsigned char *, size_t), void *p_rng)
{
    atomic_fetch_add(&key_parsed, 1);
    return __real_mbedtls_pk_parse_key(key, data, len, password, password_len, f_rng, p_rng);
}

int __wrap_mbedtls_pk_check_pair(const mbedtls_pk_context *pub, const mbedtls_pk_context *prv,
                                 int (*f_rng)(void *, unsigned char *, size_t), void *p_rng)
{
    atomic_fetch_add(&pair_checked, 1);
    return __real_mbedtls_pk_check_pair(pub, prv, f_rng, p_rng);
}

int __wrap_mbedtls_pk_verify_ext(mbedtls_pk_type_t type, const void *options, mbedtls_pk_context *key,
                                 mbedtls_md_type_t md, const unsigned char *hash, size_t hash_len,
                                 const unsigned char *sig, size_t sig_len)
{
    atomic_fetch_add(&signature_checked, 1);
    return __real_mbedtls_pk_verify_ext(type, options, key, md, hash, hash_len, sig, sig_len);
}

static void forget_counts(void)
{
    crt_parsed = key_parsed = pair_checked = signature_checked = 0;
}

static void assert_counts(unsigned parsed, unsigned pairs, unsigned signatures)
{
    assert_int_equal(crt_parsed, parsed);
    assert_int_equal(key_parsed, parsed);
    assert_int_equal(pair_checked, pairs);
    assert_int_equal(signature_checked, signatures);
}

/* ---- files and servers ---- */

static char dir[64];

static const char *path_of(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

static void put(const char *name, const char *text)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void put_cert(const struct test_cert *cert)
{
    put("localhost.pem", cert->cert);
    put("localhost-key.pem", cert->key);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/postern-start-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"ca.pem",    "ca-key.pem",   "localhost.pem", "localhost-key.pem",
                                        "other.pem", "other-key.pem"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlink(path_of(names[i]));
    return rmdir(dir);
}

static struct pst_server *new_server(void)
{
    struct pst_server *server = NULL;
    assert_int_equal(pst_server_new(&server), 0);
    assert_int_equal(pst_server_workers(server, WORKERS), 0);
    assert_int_equal(pst_server_listen_https(server, "127.0.0.1:0"), 0);
    return server;
}

static int add(struct pst_server *server, const char *cert, const char *key)
{
    return pst_tls_add(server, path_of(cert), path_of(key), NULL);
}

/* All threads have ended then, and have done what they do at a start. */
static void start_and_free(struct pst_server *server)
{
    assert_int_equal(pst_server_start(server), 0);
    pst_server_stop(server);
    assert_int_equal(pst_server_wait(server), 0);
    pst_server_free(server);
}

/* ---- tests ---- */

static void test_server_start__two_certificates__each_is_checked_once(void **state)
{
    (void)state;
    struct test_cert other;
    test_cert_make(&other, &(struct test_cert_spec){.key = TEST_KEY_P256, .name = "other.example"});
    put_cert(test_cert_ec());
    put("other.pem", other.cert);
    put("other-key.pem", other.key);
    struct pst_server *server = new_server();
    forget_counts();
    assert_int_equal(add(server, "localhost.pem", "localhost-key.pem"), 0);
    assert_int_equal(add(server, "other.pem", "other-key.pem"), 0);
    assert_counts(2, 2, 0);
    start_and_free(server);
    assert_counts(2 * WORKERS, 2, 0);
    test_cert_free(&other);
}

/* What is served is what the files hold at the start, and never unchecked. */
static void test_server_start__files_changed_since_they_were_added__are_checked_anew(void **state)
{
    (void)state;
    struct test_cert other;
    test_cert_make(&other, &(struct test_cert_spec){.key = TEST_KEY_P256, .name = "other.example"});
    put_cert(test_cert_ec());
    struct pst_server *server = new_server();
    assert_int_equal(add(server, "localhost.pem", "localhost-key.pem"), 0);
    put_cert(&other);
    forget_counts();
    start_and_free(server);
    assert_counts(WORKERS, 1, 0);

    server = new_server();
    assert_int_equal(add(server, "localhost.pem", "localhost-key.pem"), 0);
    put("localhost-key.pem", test_cert_ec()->key); /* the certificate is still other's */
    assert_int_equal(pst_server_start(server), PST_E_MISMATCH);
    pst_server_free(server);
    test_cert_free(&other);
}

static void test_server_start__one_certificate_is_refused__the_others_are_kept(void **state)
{
    (void)state;
    put_cert(test_cert_ec());
    put("other.pem", test_cert_ec()->cert);
    put("other-key.pem", test_cert_rsa()->key);
    struct pst_server *server = new_server();
    assert_int_equal(add(server, "localhost.pem", "localhost-key.pem"), 0);
    assert_int_equal(add(server, "other.pem", "other-key.pem"), PST_E_MISMATCH);
    assert_int_equal(pst_server_cert_count(server), 1);
    forget_counts();
    start_and_free(server);
    assert_counts(WORKERS - 1, 0, 0);
}

static void make_local(unsigned days)
{
    struct pst_local_folder folder;
    struct pst_local_result result;
    struct pst_local_names names = {.count = 0};
    struct pst_tls_name name;
    assert_null(pst_tls_name_read(&name, "localhost"));
    (void)pst_local_names_add(&names, &name);
    struct pst_local_request request = {.names = &names,
                                        .ca_name = "postern local CA",
                                        .days = days,
                                        .ca_days = 3650,
                                        .new_ca = true,
                                        .now = (int64_t)time(NULL)};
    assert_int_equal(pst_local_open(&folder, dir, false), 0);
    assert_int_equal(pst_local_lock(&folder, 0), 0);
    assert_int_equal(pst_local_make(&folder, &request, &result), 0);
    pst_local_close(&folder);
}

/* One look at its date, by the keeper. */
static void test_server_start__local_certificate_not_due__ca_is_left_alone(void **state)
{
    (void)state;
    make_local(397);
    struct pst_server *server = new_server();
    forget_counts();
    assert_int_equal(add(server, "localhost.pem", "localhost-key.pem"), 0);
    assert_int_equal(pst_tls_renew_local(server, false), 0);
    start_and_free(server);
    assert_int_equal(crt_parsed, WORKERS + 1);
    assert_int_equal(key_parsed, WORKERS);
    assert_int_equal(pair_checked, 1);
    assert_int_equal(signature_checked, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_server_start__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(two_certificates__each_is_checked_once),
        TEST(files_changed_since_they_were_added__are_checked_anew),
        TEST(one_certificate_is_refused__the_others_are_kept),
        TEST(local_certificate_not_due__ca_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
