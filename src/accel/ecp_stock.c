/* ecp_stock.c - Mbed TLS's own elliptic curves, but for two functions under our prefix, beside what replaces
 * them. What it calls itself (for key pairs, for linear combinations) stays with its own. The build leaves
 * out the file that this one includes: MBEDTLS_ECP_ALT would do so as well, but take away the group's type
 * too. */
#include "ecp_names.h"
/* with them: */
#include <ecp.c>
