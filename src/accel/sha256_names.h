/* sha256_names.h - gives what <mbedtls/sha256.h> declares a prefix; included again, takes it off. So it has
 * no guard. */
#ifndef PST_ACCEL_SHA256_NAMES
#define PST_ACCEL_SHA256_NAMES
#define mbedtls_sha256_context          pst_stock_sha256_context
#define mbedtls_sha256_init             pst_stock_sha256_init
#define mbedtls_sha256_free             pst_stock_sha256_free
#define mbedtls_sha256_clone            pst_stock_sha256_clone
#define mbedtls_sha256_starts           pst_stock_sha256_starts
#define mbedtls_sha256_update           pst_stock_sha256_update
#define mbedtls_sha256_finish           pst_stock_sha256_finish
#define mbedtls_internal_sha256_process pst_stock_internal_sha256_process
#define mbedtls_sha256                  pst_stock_sha256
#define mbedtls_sha224_self_test        pst_stock_sha224_self_test
#define mbedtls_sha256_self_test        pst_stock_sha256_self_test
#else
#undef PST_ACCEL_SHA256_NAMES
#undef mbedtls_sha256_context
#undef mbedtls_sha256_init
#undef mbedtls_sha256_free
#undef mbedtls_sha256_clone
#undef mbedtls_sha256_starts
#undef mbedtls_sha256_update
#undef mbedtls_sha256_finish
#undef mbedtls_internal_sha256_process
#undef mbedtls_sha256
#undef mbedtls_sha224_self_test
#undef mbedtls_sha256_self_test
#endif
