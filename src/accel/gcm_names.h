/* gcm_names.h - gives what <mbedtls/gcm.h> declares a prefix; included again, takes it off. So it has no
 * guard. */
#ifndef PST_ACCEL_GCM_NAMES
#define PST_ACCEL_GCM_NAMES
#define mbedtls_gcm_context       pst_stock_gcm_context
#define mbedtls_gcm_init          pst_stock_gcm_init
#define mbedtls_gcm_setkey        pst_stock_gcm_setkey
#define mbedtls_gcm_crypt_and_tag pst_stock_gcm_crypt_and_tag
#define mbedtls_gcm_auth_decrypt  pst_stock_gcm_auth_decrypt
#define mbedtls_gcm_starts        pst_stock_gcm_starts
#define mbedtls_gcm_update_ad     pst_stock_gcm_update_ad
#define mbedtls_gcm_update        pst_stock_gcm_update
#define mbedtls_gcm_finish        pst_stock_gcm_finish
#define mbedtls_gcm_free          pst_stock_gcm_free
#define mbedtls_gcm_self_test     pst_stock_gcm_self_test
#else
#undef PST_ACCEL_GCM_NAMES
#undef mbedtls_gcm_context
#undef mbedtls_gcm_init
#undef mbedtls_gcm_setkey
#undef mbedtls_gcm_crypt_and_tag
#undef mbedtls_gcm_auth_decrypt
#undef mbedtls_gcm_starts
#undef mbedtls_gcm_update_ad
#undef mbedtls_gcm_update
#undef mbedtls_gcm_finish
#undef mbedtls_gcm_free
#undef mbedtls_gcm_self_test
#endif
