/* chachapoly_names.h - gives what <mbedtls/chachapoly.h> declares a prefix; included again, takes it off. So
 * it has no guard. */
#ifndef PST_ACCEL_CHACHAPOLY_NAMES
#define PST_ACCEL_CHACHAPOLY_NAMES
#define MBEDTLS_CHACHAPOLY_ENCRYPT         PST_STOCK_CHACHAPOLY_ENCRYPT
#define MBEDTLS_CHACHAPOLY_DECRYPT         PST_STOCK_CHACHAPOLY_DECRYPT
#define mbedtls_chachapoly_mode_t          pst_stock_chachapoly_mode_t
#define mbedtls_chachapoly_context         pst_stock_chachapoly_context
#define mbedtls_chachapoly_init            pst_stock_chachapoly_init
#define mbedtls_chachapoly_free            pst_stock_chachapoly_free
#define mbedtls_chachapoly_setkey          pst_stock_chachapoly_setkey
#define mbedtls_chachapoly_starts          pst_stock_chachapoly_starts
#define mbedtls_chachapoly_update_aad      pst_stock_chachapoly_update_aad
#define mbedtls_chachapoly_update          pst_stock_chachapoly_update
#define mbedtls_chachapoly_finish          pst_stock_chachapoly_finish
#define mbedtls_chachapoly_encrypt_and_tag pst_stock_chachapoly_encrypt_and_tag
#define mbedtls_chachapoly_auth_decrypt    pst_stock_chachapoly_auth_decrypt
#define mbedtls_chachapoly_self_test       pst_stock_chachapoly_self_test
#else
#undef PST_ACCEL_CHACHAPOLY_NAMES
#undef MBEDTLS_CHACHAPOLY_ENCRYPT
#undef MBEDTLS_CHACHAPOLY_DECRYPT
#undef mbedtls_chachapoly_mode_t
#undef mbedtls_chachapoly_context
#undef mbedtls_chachapoly_init
#undef mbedtls_chachapoly_free
#undef mbedtls_chachapoly_setkey
#undef mbedtls_chachapoly_starts
#undef mbedtls_chachapoly_update_aad
#undef mbedtls_chachapoly_update
#undef mbedtls_chachapoly_finish
#undef mbedtls_chachapoly_encrypt_and_tag
#undef mbedtls_chachapoly_auth_decrypt
#undef mbedtls_chachapoly_self_test
#endif
