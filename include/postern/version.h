/* version.h - the library's version; the build reads it from here. */
#ifndef POSTERN_VERSION_H
#define POSTERN_VERSION_H

#include <postern/export.h>

#define PST_VERSION_MAJOR  0
#define PST_VERSION_MINOR  1
#define PST_VERSION_PATCH  0
#define PST_VERSION_STRING "0.1.0"

PST_BEGIN_DECLS

/* The version of the library that is linked in, such as "0.1.0"; compare it with PST_VERSION_STRING. */
PST_API const char *pst_version(void);

/* The Mbed TLS in use, and what replaces its code on this processor, such as
 * "Mbed TLS 3.6.6, AES-GCM by intel-ipsec-mb 1.3.0, SHA-256 by nettle 3.8 (SHA instructions)" or "Mbed
 * TLS 3.6.6, not accelerated". */
PST_API const char *pst_tls_version(void);

PST_END_DECLS

#endif
