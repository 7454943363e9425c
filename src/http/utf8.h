/* utf8.h - where characters end, in text that may be no UTF-8 at all. */
#ifndef PST_HTTP_UTF8_H
#define PST_HTTP_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes from p on, of n >= 1, are one character. Where they are none, *ret_valid is false and the
 * result is the length of what one U+FFFD replaces: the longest beginning of a character, or one byte (The
 * Unicode Standard, 3.9, "U+FFFD Substitution of Maximal Subparts"; browsers do the same). RFC 3629 4: no
 * overlong forms, no surrogates, nothing over U+10FFFF; they are told by the second byte. */
static inline size_t pst_utf8_span(const char *p, size_t n, bool *ret_valid)
{
    unsigned char first = (unsigned char)p[0], low = 0x80, high = 0xbf;
    size_t need = first < 0x80   ? 1
                  : first < 0xc2 ? 0
                  : first < 0xe0 ? 2
                  : first < 0xf0 ? 3
                  : first < 0xf5 ? 4
                                 : 0;

    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;

    size_t i = 1;
    while (i < need && i < n && (unsigned char)p[i] >= low && (unsigned char)p[i] <= high) {
        low = 0x80;
        high = 0xbf;
        i++;
    }
    *ret_valid = i == need;
    return i;
}

/* Whether a character of more than one byte may begin so. */
static inline bool pst_utf8_is_lead(unsigned char c)
{
    return c >= 0xc2 && c < 0xf5;
}

#endif
