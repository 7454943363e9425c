/*
 * wide_config.h - read by Mbed TLS after postern's own configuration: with it is all else that its default
 * configuration has, so that far more of its suites have something to run. What src/accel puts in place of
 * the stock code then serves many that postern has no use for (SHA-224, other curves, GCM with other ciphers,
 * DTLS), and has to hand them on rightly.
 */
#include <mbedtls/mbedtls_config.h>

/* The stock code under our prefix has no self-tests. */
#undef MBEDTLS_SELF_TEST

/* Suites that look inside need it. */
#define MBEDTLS_TEST_HOOKS
