/* gcm_trim.c - finds the AES-GCM contexts of a connection. The way there is in no public header of Mbed TLS,
 * but this file is compiled into it. */
#include <ssl_misc.h>

#include "accel.h"

static void trim(mbedtls_cipher_context_t *cipher)
{
    if (mbedtls_cipher_get_cipher_mode(cipher) == MBEDTLS_MODE_GCM && cipher->cipher_ctx)
        pst_accel_gcm_trim(cipher->cipher_ctx);
}

void pst_accel_trim(struct mbedtls_ssl_context *ssl)
{
    if (ssl->transform_in)
        trim(&ssl->transform_in->cipher_ctx_dec);
    if (ssl->transform_out)
        trim(&ssl->transform_out->cipher_ctx_enc);
}
