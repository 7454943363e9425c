/*
 * accel.h - what runs in place of Mbed TLS's own code. All else in this folder is compiled into Mbed TLS:
 * NAME_alt.h  the context that Mbed TLS takes instead of its own, with room for either
 * NAME_alt.c  chooses, when a context is set up, between a library and the stock code, and hands everything
 *             to the stock code that is not the common case on a processor with the instructions
 * NAME_names.h, NAME_stock.c  the stock code itself, unchanged but for a prefix of its names
 */
#ifndef PST_ACCEL_ACCEL_H
#define PST_ACCEL_ACCEL_H

#include <stddef.h>

/* What is in use on this processor, such as "SHA-256 by nettle 3.8 (SHA instructions)"; "" where all is
 * stock. */
void pst_accel_tell(char *out, size_t size);

/* Gives back what the keys of a connection in use expand to; its next record makes that anew. Not while a
 * record is being sealed or opened. Where AES-GCM is accelerated (POSTERN_ACCEL_GCM). */
struct mbedtls_ssl_context;
void pst_accel_trim(struct mbedtls_ssl_context *ssl);

#endif
