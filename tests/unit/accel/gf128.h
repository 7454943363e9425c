/* gf128.h - the field that GHASH works in, bit by bit as NIST SP 800-38D 6.3 has it, for tests. */
#ifndef PST_TESTS_GF128_H
#define PST_TESTS_GF128_H

#include <stdbool.h>
#include <string.h>

enum { GF128_BYTES = 16 };

/* x = x h */
static inline void gf128_multiply(unsigned char x[GF128_BYTES], const unsigned char h[GF128_BYTES])
{
    unsigned char z[GF128_BYTES] = {0};
    unsigned char v[GF128_BYTES];
    memcpy(v, h, GF128_BYTES);
    for (unsigned i = 0; i < 128; i++) {
        bool is_set = x[i / 8] >> (7 - i % 8) & 1;
        for (unsigned n = 0; is_set && n < GF128_BYTES; n++)
            z[n] ^= v[n];
        bool carry = v[GF128_BYTES - 1] & 1;
        for (unsigned n = GF128_BYTES - 1; n > 0; n--)
            v[n] = (unsigned char)(v[n] >> 1 | v[n - 1] << 7);
        v[0] = (unsigned char)(v[0] >> 1 ^ (carry ? 0xe1 : 0));
    }
    memcpy(x, z, GF128_BYTES);
}

/* x = 1 / x: x to the power of 2^128 - 2, which has 127 ones and a zero. */
static inline void gf128_invert(unsigned char x[GF128_BYTES])
{
    unsigned char power[GF128_BYTES];
    unsigned char product[GF128_BYTES] = {0x80}; /* 1 */
    memcpy(power, x, GF128_BYTES);
    for (unsigned i = 1; i < 128; i++) {
        gf128_multiply(power, power);
        gf128_multiply(product, power);
    }
    memcpy(x, product, GF128_BYTES);
}

#endif
