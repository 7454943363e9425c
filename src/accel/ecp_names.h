/* ecp_names.h - gives the functions of <mbedtls/ecp.h> that ecp_alt.c replaces a prefix; included again,
 * takes it off. So it has no guard. */
#ifndef PST_ACCEL_ECP_NAMES
#define PST_ACCEL_ECP_NAMES
#define mbedtls_ecp_mul             pst_stock_ecp_mul
#define mbedtls_ecp_mul_restartable pst_stock_ecp_mul_restartable
#else
#undef PST_ACCEL_ECP_NAMES
#undef mbedtls_ecp_mul
#undef mbedtls_ecp_mul_restartable
#endif
