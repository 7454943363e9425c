/* sha256.c - see sha256.h. */
#include "base/sha256.h"

#include <string.h>

#include <postern/err.h>

void pst_sha256_init(struct pst_sha256 *sha)
{
    mbedtls_sha256_init(&sha->context);
    sha->failure = mbedtls_sha256_starts(&sha->context, 0);
}

void pst_sha256_add(struct pst_sha256 *sha, const void *data, size_t len)
{
    if (!sha->failure && len)
        sha->failure = mbedtls_sha256_update(&sha->context, data, len);
}

int pst_sha256_end(struct pst_sha256 *sha, uint8_t ret_digest[PST_SHA256_BYTES])
{
    if (!sha->failure)
        sha->failure = mbedtls_sha256_finish(&sha->context, ret_digest);
    mbedtls_sha256_free(&sha->context);
    if (!sha->failure)
        return 0;
    memset(ret_digest, 0, PST_SHA256_BYTES);
    return PST_E_SYSTEM;
}

void pst_sha256_drop(struct pst_sha256 *sha)
{
    mbedtls_sha256_free(&sha->context);
}

void pst_sha256_hex(const uint8_t digest[PST_SHA256_BYTES], char ret_hex[PST_SHA256_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < PST_SHA256_BYTES; i++) {
        *ret_hex++ = digits[digest[i] >> 4];
        *ret_hex++ = digits[digest[i] & 15];
    }
    *ret_hex = '\0';
}
