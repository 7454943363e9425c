/* x25519_alt.c - X25519 by libsodium (RFC 7748 5). Mbed TLS's idea of a secret number is one already decoded
 * as that section says, which libsodium would do once more to the same effect. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* limbs: to copy them silently */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sodium/core.h>
#include <sodium/crypto_scalarmult_curve25519.h>
#include <sodium/version.h>

#include <mbedtls/ecp.h>
#include <mbedtls/platform_util.h>

#include "cpu.h"
#include "ecp_alt.h"
#include "hooks.h"

enum { BYTES = crypto_scalarmult_curve25519_BYTES, LIMBS = 4 };

_Static_assert(sizeof(mbedtls_mpi_uint) == sizeof(uint64_t) && sizeof(uint64_t) * LIMBS == BYTES,
               "limbs of another size");

static bool is_usable;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* It chooses by processor. */
static void load(void)
{
    is_usable = sodium_init() >= 0;
}

static bool can_use_sodium(void)
{
    return pst_accel_cpu_has(PST_ACCEL_CPU_64) && pthread_once(&once, load) == 0 && is_usable;
}

/* The number, if it is in 0 ... 2^255 - 1, in the order of bytes of this processor, which is that of RFC
 * 7748. Silent: what is told is only whether it is. */
static bool get(const mbedtls_mpi *number, unsigned char out[BYTES])
{
    uint64_t limbs[LIMBS];
    uint64_t rest = 0;
    for (size_t i = 0; i < LIMBS; i++)
        limbs[i] = i < number->n ? number->p[i] : 0;
    for (size_t i = LIMBS; i < number->n; i++)
        rest |= number->p[i];
    rest |= limbs[LIMBS - 1] >> 63;
    memcpy(out, limbs, BYTES);
    mbedtls_platform_zeroize(limbs, sizeof(limbs));
    return number->s > 0 && rest == 0;
}

static int put(mbedtls_mpi *number, const unsigned char bytes[BYTES])
{
    int ret = mbedtls_mpi_grow(number, LIMBS);
    if (ret != 0)
        return ret;
    memset(number->p, 0, number->n * sizeof(number->p[0]));
    memcpy(number->p, bytes, BYTES);
    number->s = 1;
    return 0;
}

/* The secret number as RFC 7748 5 has it decoded: a multiple of 8 between 2^254 and 2^255. */
static bool get_secret(const mbedtls_mpi *number, unsigned char out[BYTES])
{
    bool fits = get(number, out);
    return fits & ((out[0] & 7) == 0) & ((out[BYTES - 1] & 0x40) != 0);
}

int pst_accel_x25519_mul(mbedtls_ecp_point *R, const mbedtls_mpi *m, const mbedtls_ecp_point *P)
{
    static const unsigned char base[BYTES] = {9};
    int ret = PST_ACCEL_NOT_MINE;
    unsigned char secret[BYTES];
    unsigned char theirs[BYTES];
    unsigned char product[BYTES];
    if (!can_use_sodium())
        return ret;
    if (get_secret(m, secret) && get(&P->X, theirs) && mbedtls_mpi_cmp_int(&P->Z, 1) == 0) {
        /* RFC 7748 6.1: points of low order end as 0. That is refused there, and here left to the stock code.
         */
        int err = memcmp(theirs, base, BYTES) == 0 ? crypto_scalarmult_curve25519_base(product, secret)
                                                   : crypto_scalarmult_curve25519(product, secret, theirs);
        if (err == 0)
            ret = put(&R->X, product);
        if (ret == 0)
            ret = mbedtls_mpi_lset(&R->Z, 1);
        if (ret == 0)
            mbedtls_mpi_free(&R->Y); /* there is none */
    }
    mbedtls_platform_zeroize(secret, sizeof(secret));
    mbedtls_platform_zeroize(product, sizeof(product));
    return ret;
}

void pst_accel_x25519_tell(char *out, size_t size)
{
    out[0] = '\0';
    if (can_use_sodium())
        (void)snprintf(out, size, "X25519 by libsodium %s", sodium_version_string());
}
