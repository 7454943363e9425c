/* ctype.h - which bytes HTTP and URIs allow where: one table, looked up without branches or locales. */
#ifndef PST_HTTP_CTYPE_H
#define PST_HTTP_CTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PST_CT_TOKEN = 1,       /* RFC 9110 5.6.2 Tokens: tchar */
    PST_CT_FIELD_VALUE = 2, /* RFC 9110 5.5 Field Values: VCHAR, obs-text, SP, HTAB */
    PST_CT_PATH = 4, /* RFC 3986 3.3 Path: pchar and "/", no "%"; and [ ] ^ ` { | }, which browsers send */
    PST_CT_QUERY =
        8, /* RFC 3986 3.4 Query: as PST_CT_PATH, "?"; and "%" "\\", which browsers send as typed */
    PST_CT_REG_NAME = 16,   /* RFC 3986 3.2.2 Host: reg-name without "%" */
    PST_CT_UNRESERVED = 32, /* RFC 3986 2.3 Unreserved Characters */
    PST_CT_DIGIT = 64,
};

extern const uint8_t pst_ctype_table[256];

static inline bool pst_is_token(unsigned char c)
{
    return (pst_ctype_table[c] & PST_CT_TOKEN) != 0;
}

static inline bool pst_is_field_value(unsigned char c)
{
    return (pst_ctype_table[c] & PST_CT_FIELD_VALUE) != 0;
}

static inline bool pst_is_unreserved(unsigned char c)
{
    return (pst_ctype_table[c] & PST_CT_UNRESERVED) != 0;
}

static inline bool pst_is_digit(unsigned char c)
{
    return (pst_ctype_table[c] & PST_CT_DIGIT) != 0;
}

/* How many bytes from p on, of n, are in the class flag. Four at a time: half the instructions of one at a
 * time. */
static inline size_t pst_ctype_span(const char *p, size_t n, uint8_t flag)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t i = 0;
    while (n - i >= 4 && (pst_ctype_table[u[i]] & pst_ctype_table[u[i + 1]] & pst_ctype_table[u[i + 2]] &
                          pst_ctype_table[u[i + 3]] & flag))
        i += 4;
    while (i < n && pst_ctype_table[u[i]] & flag)
        i++;
    return i;
}

/* 0 to 15 for a hexadecimal digit of either case, else -1. */
static inline int pst_hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    unsigned char lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* How many bytes from p on, of n, are all token characters. p may be NULL where n is 0. */
size_t pst_token_span(const char *p, size_t n);

/* How many bytes from p on, of n, may stand in a field value. p may be NULL where n is 0. */
size_t pst_field_value_span(const char *p, size_t n);

#endif
