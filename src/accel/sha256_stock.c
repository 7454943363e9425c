/* sha256_stock.c - Mbed TLS's own SHA-256 under our prefix, beside what replaces it. */
#include <mbedtls/build_info.h>

#undef MBEDTLS_SHA256_ALT
#undef MBEDTLS_SELF_TEST /* the tests are of what is in use */

#include "sha256_names.h"
#include <sha256.c>
