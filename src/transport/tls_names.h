/* tls_names.h - names as certificates hold them: DNS names and addresses, and the subtrees that a CA is held
 * to. No I/O, no Mbed TLS. */
#ifndef PST_TRANSPORT_TLS_NAMES_H
#define PST_TRANSPORT_TLS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PST_TLS_NAME_BYTES 254 /* RFC 1035 2.3.4 Size limits: 253 characters, and a NUL */

/* A DNS name or an address. As a subtree (RFC 5280 4.2.1.10 Name Constraints) it stands for the name and all
 * names below it, or for all addresses that share prefix_bits with it. */
struct pst_tls_name {
    uint8_t address_len; /* 4 or 16; 0: a DNS name */
    uint8_t prefix_bits; /* of an address: all of it, but in subtrees */
    union {
        unsigned char address[16];
        char dns[PST_TLS_NAME_BYTES]; /* in lower case, perhaps with "*." in front */
    };
};

/* Reads what a person typed: a DNS name, a wildcard, an IPv4 or an IPv6 address. NULL, or why it is none. */
const char *pst_tls_name_read(struct pst_tls_name *ret_name, const char *text);
/* An address of 4 or 16 bytes. */
struct pst_tls_name pst_tls_name_address(const void *bytes, size_t len);
/* "192.168.0.0/16" (the prefix only where it is not all); never longer than PST_TLS_NAME_BYTES. */
void pst_tls_name_write(const struct pst_tls_name *name, char text[PST_TLS_NAME_BYTES]);
bool pst_tls_name_eq(const struct pst_tls_name *a, const struct pst_tls_name *b);
/* Whether name lies in the subtree; false where they are of different kinds. */
bool pst_tls_name_is_below(const struct pst_tls_name *name, const struct pst_tls_name *subtree);

/* The subtrees that cannot belong to anybody on the Internet; *ret_count of them. */
const struct pst_tls_name *pst_tls_local_subtrees(size_t *ret_count);

#endif
