/* ecdsa_names.h - gives what <mbedtls/ecdsa.h> declares a prefix; included again, takes it off. So it has no
 * guard. */
#ifndef PST_ACCEL_ECDSA_NAMES
#define PST_ACCEL_ECDSA_NAMES
#define mbedtls_ecdsa_can_do                      pst_stock_ecdsa_can_do
#define mbedtls_ecdsa_sign                        pst_stock_ecdsa_sign
#define mbedtls_ecdsa_sign_restartable            pst_stock_ecdsa_sign_restartable
#define mbedtls_ecdsa_sign_det_ext                pst_stock_ecdsa_sign_det_ext
#define mbedtls_ecdsa_sign_det_restartable        pst_stock_ecdsa_sign_det_restartable
#define mbedtls_ecdsa_verify                      pst_stock_ecdsa_verify
#define mbedtls_ecdsa_verify_restartable          pst_stock_ecdsa_verify_restartable
#define mbedtls_ecdsa_write_signature             pst_stock_ecdsa_write_signature
#define mbedtls_ecdsa_write_signature_restartable pst_stock_ecdsa_write_signature_restartable
#define mbedtls_ecdsa_read_signature              pst_stock_ecdsa_read_signature
#define mbedtls_ecdsa_read_signature_restartable  pst_stock_ecdsa_read_signature_restartable
#define mbedtls_ecdsa_genkey                      pst_stock_ecdsa_genkey
#define mbedtls_ecdsa_from_keypair                pst_stock_ecdsa_from_keypair
#define mbedtls_ecdsa_init                        pst_stock_ecdsa_init
#define mbedtls_ecdsa_free                        pst_stock_ecdsa_free
#else
#undef PST_ACCEL_ECDSA_NAMES
#undef mbedtls_ecdsa_can_do
#undef mbedtls_ecdsa_sign
#undef mbedtls_ecdsa_sign_restartable
#undef mbedtls_ecdsa_sign_det_ext
#undef mbedtls_ecdsa_sign_det_restartable
#undef mbedtls_ecdsa_verify
#undef mbedtls_ecdsa_verify_restartable
#undef mbedtls_ecdsa_write_signature
#undef mbedtls_ecdsa_write_signature_restartable
#undef mbedtls_ecdsa_read_signature
#undef mbedtls_ecdsa_read_signature_restartable
#undef mbedtls_ecdsa_genkey
#undef mbedtls_ecdsa_from_keypair
#undef mbedtls_ecdsa_init
#undef mbedtls_ecdsa_free
#endif
