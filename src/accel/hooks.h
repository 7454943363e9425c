/* hooks.h - what each hook says of itself, for accel.c. */
#ifndef PST_ACCEL_HOOKS_H
#define PST_ACCEL_HOOKS_H

#include <stddef.h>

/* Writes what is in use on this processor; "" where it is the stock code. */
void pst_accel_chachapoly_tell(char *out, size_t size);
void pst_accel_gcm_tell(char *out, size_t size);
void pst_accel_p256_tell(char *out, size_t size);
void pst_accel_sha256_tell(char *out, size_t size);
void pst_accel_x25519_tell(char *out, size_t size);

#endif
