/* gcm_stock.c - Mbed TLS's own GCM under our prefix, beside what replaces it. */
#include <mbedtls/build_info.h>

#undef MBEDTLS_GCM_ALT
#undef MBEDTLS_SELF_TEST /* the tests are of what is in use */

#include "gcm_names.h"
/* with them: */
#include <gcm.c>
