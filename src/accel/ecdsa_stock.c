/* ecdsa_stock.c - Mbed TLS's own ECDSA under our prefix, beside what replaces it. */
#include <mbedtls/build_info.h>

#undef MBEDTLS_ECDSA_SIGN_ALT
#undef MBEDTLS_ECDSA_VERIFY_ALT

#include "ecdsa_names.h"
/* with them: */
#include <ecdsa.c>
