/* chachapoly_stock.c - Mbed TLS's own ChaCha20-Poly1305 under our prefix, beside what replaces it. */
#include <mbedtls/build_info.h>

#undef MBEDTLS_CHACHAPOLY_ALT
#undef MBEDTLS_SELF_TEST /* the tests are of what is in use */

#include "chachapoly_names.h"
/* with them: */
#include <chachapoly.c>
