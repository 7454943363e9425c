/*
 * constant_time.c - does anything that src/accel does with a secret show in the time it takes? Run under
 * valgrind, which follows each bit that the program calls undefined, and complains where one decides a branch
 * or an address: here the secrets are "undefined". What is public again (a signature, ciphertext) is called
 * defined again.
 *
 * Each case is a process of its own, so that its complaints are its own; run.py reads them, and knows which
 * are expected. A case says, too, that the secret did reach its outputs: else it would have shown nothing.
 *
 * valgrind does not have all instructions, so it is not all code that runs here: see
 * tests/consttime/README.md.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* limbs: to call them secret */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <valgrind/memcheck.h>

#include <mbedtls/constant_time.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/gcm.h>
#include <mbedtls/sha256.h>

#if defined(POSTERN_ACCEL_SHA256)
#include <nettle/sha2.h>
#endif

#include "accel/accel.h"

#define SECRET(ptr, len) ((void)VALGRIND_MAKE_MEM_UNDEFINED(ptr, len))
#define PUBLIC(ptr, len) ((void)VALGRIND_MAKE_MEM_DEFINED(ptr, len))

/* What fails here is the test, not the code it tests. */
static void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "constant_time: %s\n", what);
    abort();
}

#define MUST(is_so) must(is_so, #is_so)

/* Whether a secret is in it. */
static bool is_touched(const void *ptr, size_t len)
{
    unsigned char bits[4096] = {0};
    unsigned char any = 0;
    MUST(len <= sizeof(bits) && VALGRIND_GET_VBITS(ptr, bits, len) == 1);
    for (size_t i = 0; i < len; i++)
        any |= bits[i];
    return any != 0;
}

static void fill(unsigned char *out, size_t len, unsigned char seed)
{
    uint32_t x = 0x9e3779b9U * (seed + 1U);
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525U + 1013904223U;
        out[i] = (unsigned char)(x >> 24);
    }
}

/* For blinding, which needs no secret numbers to be tested. */
static int public_random(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    fill(out, len, 7);
    return 0;
}

/* For nonces: one below the order of P-256, so that the first try serves. */
static int secret_random(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    fill(out, len, 11);
    if (len > 0)
        out[0] &= 0x7f;
    SECRET(out, len);
    return 0;
}

/* ---- controls: what valgrind has to see ---- */

static volatile unsigned seen;

static void control_branch(void)
{
    unsigned char key[16];
    fill(key, sizeof(key), 1);
    SECRET(key, sizeof(key));
    if (((volatile unsigned char *)key)[3] & 1)
        seen++;
}

static void control_address(void)
{
    static const unsigned table[256] = {1, 2, 3};
    unsigned char key[16];
    fill(key, sizeof(key), 1);
    SECRET(key, sizeof(key));
    seen += ((const volatile unsigned *)table)[key[3]];
}

static void control_tag(void)
{
    unsigned char a[16];
    unsigned char b[16];
    fill(a, sizeof(a), 1);
    memcpy(b, a, sizeof(b));
    SECRET(a, sizeof(a));
    for (size_t i = 0; i < sizeof(a); i++)
        if (((volatile unsigned char *)a)[i] != b[i])
            break;
}

/* Comparison without a branch of one's own, and silent until somebody looks at its outcome. */
static void tag_comparison(void)
{
    unsigned char a[16];
    unsigned char b[16];
    fill(a, sizeof(a), 1);
    for (unsigned flipped = 0; flipped < 2; flipped++) {
        memcpy(b, a, sizeof(b));
        b[15] ^= (unsigned char)flipped;
        SECRET(a, sizeof(a));
        int differs = mbedtls_ct_memcmp(a, b, sizeof(a));
        MUST(is_touched(&differs, sizeof(differs)));
        PUBLIC(&differs, sizeof(differs));
        PUBLIC(a, sizeof(a));
        MUST((differs != 0) == flipped);
    }
}

/* ---- AES-GCM ---- */

enum { IV_LEN = 12, TAG_LEN = 16, RECORD_HEAD = 5, MESSAGE_MAX = 4096 };

struct gcm_bench {
    mbedtls_gcm_context gcm;
    unsigned char key[32];
    unsigned char iv[IV_LEN];
    unsigned char head[RECORD_HEAD];
    unsigned char text[MESSAGE_MAX];
    unsigned char sealed[MESSAGE_MAX];
    unsigned char opened[MESSAGE_MAX];
    unsigned char tag[TAG_LEN];
};

static const size_t lengths[] = {0, 1, 15, 16, 17, 255, 1024, 1031, MESSAGE_MAX};
#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

static void gcm_begin(struct gcm_bench *b, unsigned keybits)
{
    memset(b, 0, sizeof(*b));
    fill(b->key, sizeof(b->key), 2);
    fill(b->iv, sizeof(b->iv), 3);
    fill(b->text, sizeof(b->text), 4);
    SECRET(b->key, sizeof(b->key));
    SECRET(b->text, sizeof(b->text));
    mbedtls_gcm_init(&b->gcm);
    MUST(mbedtls_gcm_setkey(&b->gcm, MBEDTLS_CIPHER_ID_AES, b->key, keybits) == 0);
}

/* The seal is published: what goes over the wire, and comes back from it. */
static void gcm_seal(struct gcm_bench *b, size_t len)
{
    MUST(mbedtls_gcm_crypt_and_tag(&b->gcm, MBEDTLS_GCM_ENCRYPT, len, b->iv, IV_LEN, b->head, RECORD_HEAD,
                                   b->text, b->sealed, TAG_LEN, b->tag) == 0);
    MUST((len == 0 || is_touched(b->sealed, len)) && is_touched(b->tag, TAG_LEN));
    PUBLIC(b->sealed, len);
    PUBLIC(b->tag, TAG_LEN);
}

static void gcm_seal_all(unsigned keybits)
{
    struct gcm_bench b;
    gcm_begin(&b, keybits);
    for (size_t i = 0; i < LENGTHS; i++)
        gcm_seal(&b, lengths[i]);
    mbedtls_gcm_free(&b.gcm);
}

static void gcm_128_seal(void)
{
    gcm_seal_all(128);
}

static void gcm_256_seal(void)
{
    gcm_seal_all(256);
}

/* One message, since the verdict of each is a complaint. */
static void gcm_open(unsigned keybits, bool is_forged)
{
    enum { LEN = 1031 };
    struct gcm_bench b;
    gcm_begin(&b, keybits);
    gcm_seal(&b, LEN);
    b.tag[TAG_LEN - 1] ^= is_forged;
    int ret = mbedtls_gcm_auth_decrypt(&b.gcm, LEN, b.iv, IV_LEN, b.head, RECORD_HEAD, b.tag, TAG_LEN,
                                       b.sealed, b.opened);
    PUBLIC(&ret, sizeof(ret));
    MUST(ret == (is_forged ? MBEDTLS_ERR_GCM_AUTH_FAILED : 0));
    MUST(is_touched(b.opened, LEN) == !is_forged);
    mbedtls_gcm_free(&b.gcm);
}

static void gcm_128_open(void)
{
    gcm_open(128, false);
}

static void gcm_256_open(void)
{
    gcm_open(256, false);
}

static void gcm_open_forged(void)
{
    gcm_open(128, true);
}

#if defined(POSTERN_ACCEL_GCM)
/* In parts: the key goes over to the stock code. */
static void gcm_turned_stock(void)
{
    struct gcm_bench b;
    gcm_begin(&b, 128);
    size_t len = 0;
    MUST(b.gcm.ipsec_keybits == 128);
    MUST(mbedtls_gcm_starts(&b.gcm, MBEDTLS_GCM_ENCRYPT, b.iv, IV_LEN) == 0);
    MUST(b.gcm.ipsec_keybits == 0);
    MUST(mbedtls_gcm_update(&b.gcm, b.text, 64, b.sealed, 64, &len) == 0 && len == 64);
    MUST(is_touched(b.sealed, 64));
    mbedtls_gcm_free(&b.gcm);
}
#endif

/* ---- SHA-256 ---- */

#if defined(POSTERN_ACCEL_SHA256)
/* What mbedtls_sha256_starts() does on a processor with SHA instructions. valgrind has none, so that nettle
 * takes its other code: what is tested is what lies around it. */
static void sha256(void)
{
    mbedtls_sha256_context ctx;
    mbedtls_sha256_context copy;
    unsigned char text[300];
    unsigned char digest[32];
    fill(text, sizeof(text), 5);
    SECRET(text, sizeof(text));
    mbedtls_sha256_init(&ctx);
    mbedtls_sha256_init(&copy);
    ctx.is_nettle = 1;
    nettle_sha256_init((struct sha256_ctx *)ctx.u.nettle);
    MUST(mbedtls_sha256_update(&ctx, text, 3) == 0);
    MUST(mbedtls_sha256_update(&ctx, text + 3, 200) == 0);
    mbedtls_sha256_clone(&copy, &ctx);
    MUST(mbedtls_sha256_update(&ctx, text + 203, sizeof(text) - 203) == 0);
    MUST(mbedtls_sha256_finish(&ctx, digest) == 0 && is_touched(digest, sizeof(digest)));
    MUST(mbedtls_sha256_finish(&copy, digest) == 0 && is_touched(digest, sizeof(digest)));
    mbedtls_sha256_free(&ctx);
    mbedtls_sha256_free(&copy);
}
#endif

/* ---- elliptic curves ---- */

#if defined(POSTERN_ACCEL_P256) || defined(POSTERN_ACCEL_X25519)
struct curve_bench {
    mbedtls_ecp_group grp;
    mbedtls_ecp_point P, R;
    mbedtls_mpi m;
};

static void curve_begin(struct curve_bench *b, mbedtls_ecp_group_id id)
{
    mbedtls_ecp_group_init(&b->grp);
    mbedtls_ecp_point_init(&b->P);
    mbedtls_ecp_point_init(&b->R);
    mbedtls_mpi_init(&b->m);
    MUST(mbedtls_ecp_group_load(&b->grp, id) == 0);
    /* Another point than the generator, and then the secret number itself. */
    MUST(mbedtls_mpi_lset(&b->m, 5) == 0);
    if (id == MBEDTLS_ECP_DP_CURVE25519)
        MUST(mbedtls_ecp_gen_privkey(&b->grp, &b->m, public_random, NULL) == 0);
    MUST(mbedtls_ecp_mul(&b->grp, &b->P, &b->m, &b->grp.G, public_random, NULL) == 0);
    MUST(mbedtls_ecp_gen_privkey(&b->grp, &b->m, public_random, NULL) == 0);
}

static void curve_end(struct curve_bench *b)
{
    mbedtls_ecp_group_free(&b->grp);
    mbedtls_ecp_point_free(&b->P);
    mbedtls_ecp_point_free(&b->R);
    mbedtls_mpi_free(&b->m);
}

static void multiply(struct curve_bench *b, bool is_generator)
{
    MUST(mbedtls_ecp_mul(&b->grp, &b->R, &b->m, is_generator ? &b->grp.G : &b->P, public_random, NULL) == 0);
    MUST(is_touched(b->R.X.p, b->R.X.n * sizeof(b->R.X.p[0])));
}
#endif

#if defined(POSTERN_ACCEL_P256)
static void p256_mul(bool is_generator)
{
    struct curve_bench b;
    curve_begin(&b, MBEDTLS_ECP_DP_SECP256R1);
    SECRET(b.m.p, b.m.n * sizeof(b.m.p[0]));
    multiply(&b, is_generator);
    curve_end(&b);
}

static void p256_generate(void)
{
    p256_mul(true);
}

static void p256_shared(void)
{
    p256_mul(false);
}

static void p256_sign(void)
{
    struct curve_bench b;
    mbedtls_mpi r;
    mbedtls_mpi s;
    unsigned char hash[32];
    fill(hash, sizeof(hash), 9);
    curve_begin(&b, MBEDTLS_ECP_DP_SECP256R1);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    SECRET(b.m.p, b.m.n * sizeof(b.m.p[0]));
    MUST(mbedtls_ecdsa_sign(&b.grp, &r, &s, &b.m, hash, sizeof(hash), secret_random, NULL) == 0);
    MUST(is_touched(r.p, 32) && is_touched(s.p, 32));
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    curve_end(&b);
}

/* As a handshake does: the nonce comes of key and hash (RFC 6979), by HMAC with SHA-256. */
static void p256_sign_deterministic(void)
{
    struct curve_bench b;
    mbedtls_mpi r;
    mbedtls_mpi s;
    unsigned char hash[32];
    fill(hash, sizeof(hash), 9);
    curve_begin(&b, MBEDTLS_ECP_DP_SECP256R1);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    SECRET(b.m.p, b.m.n * sizeof(b.m.p[0]));
    MUST(mbedtls_ecdsa_sign_det_ext(&b.grp, &r, &s, &b.m, hash, sizeof(hash), MBEDTLS_MD_SHA256,
                                    public_random, NULL) == 0);
    MUST(is_touched(r.p, 32) && is_touched(s.p, 32));
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    curve_end(&b);
}
#endif

#if defined(POSTERN_ACCEL_X25519)
/* RFC 7748 5: of the 256 bits of a decoded secret number five are the same for everybody. */
static void x25519_mul(bool is_generator)
{
    struct curve_bench b;
    curve_begin(&b, MBEDTLS_ECP_DP_CURVE25519);
    unsigned char secret_bits[32];
    memset(secret_bits, 0xff, sizeof(secret_bits));
    secret_bits[0] = 0xf8;
    secret_bits[31] = 0x3f;
    MUST(b.m.n * sizeof(b.m.p[0]) >= sizeof(secret_bits));
    (void)VALGRIND_SET_VBITS(b.m.p, secret_bits, sizeof(secret_bits));
    multiply(&b, is_generator);
    curve_end(&b);
}

static void x25519_generate(void)
{
    x25519_mul(true);
}

static void x25519_shared(void)
{
    x25519_mul(false);
}
#endif

/* ---- all of them ---- */

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"control/branch", control_branch},
    {"control/address", control_address},
    {"control/tag", control_tag},
    {"tag/compare", tag_comparison},
#if defined(POSTERN_ACCEL_GCM)
    {"gcm/128_seal", gcm_128_seal},
    {"gcm/256_seal", gcm_256_seal},
    {"gcm/128_open", gcm_128_open},
    {"gcm/256_open", gcm_256_open},
    {"gcm/open_forged", gcm_open_forged},
    {"gcm/turned_stock", gcm_turned_stock},
#endif
#if defined(POSTERN_ACCEL_SHA256)
    {"sha256/digest", sha256},
#endif
#if defined(POSTERN_ACCEL_P256)
    {"p256/generate", p256_generate},
    {"p256/shared", p256_shared},
    {"p256/sign", p256_sign},
    {"p256/sign_deterministic", p256_sign_deterministic},
#endif
#if defined(POSTERN_ACCEL_X25519)
    {"x25519/generate", x25519_generate},
    {"x25519/shared", x25519_shared},
#endif
};

static bool run_in_child(size_t i)
{
    int status = 0;
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        VALGRIND_PRINTF("CASE %s\n", cases[i].name);
        cases[i].run();
        VALGRIND_PRINTF("DONE %s %u\n", cases[i].name, (unsigned)VALGRIND_COUNT_ERRORS);
        _exit(0);
    }
    MUST(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
    char in_use[512];
    MUST(RUNNING_ON_VALGRIND);
    /* The libraries make their choices, and test themselves. */
    pst_accel_tell(in_use, sizeof(in_use));
    printf("in use: %s\n", in_use);
    (void)fflush(stdout);
    MUST(VALGRIND_COUNT_ERRORS == 0);
    int failed = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (!run_in_child(i)) {
            fprintf(stderr, "constant_time: %s did not end well\n", cases[i].name);
            failed = 1;
        }
    return failed;
}
