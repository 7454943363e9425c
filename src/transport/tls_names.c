/* tls_names.c - names as certificates hold them. */
#include "transport/tls_names.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define LABEL_MAX 63 /* RFC 1035 2.3.4 Size limits */

/* ---- reading ---- */

/* A number at the end is what browsers take for a piece of an IPv4 address (WHATWG URL, "ends in a number").
 */
static bool is_number(const char *label)
{
    bool is_hex = label[0] == '0' && label[1] == 'x';
    const char *digits = is_hex ? "0123456789abcdef" : "0123456789";
    const char *from = is_hex ? label + 2 : label;
    return from[strspn(from, digits)] == '\0';
}

/* RFC 1123 2.1 Host Names and Numbers, in lower case. */
static bool is_dns_name(const char *name)
{
    const char *label = name;
    for (;;) {
        size_t len = strcspn(label, ".");
        if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
            return false;
        for (size_t i = 0; i < len; i++)
            if (!(label[i] >= 'a' && label[i] <= 'z') && !(label[i] >= '0' && label[i] <= '9') &&
                label[i] != '-')
                return false;
        if (label[len] == '\0')
            return !is_number(label);
        label += len + 1;
    }
}

const char *pst_tls_name_read(struct pst_tls_name *ret_name, const char *text)
{
    static const char neither[] =
        "neither a DNS name (letters, digits, hyphens, dots; *.NAME for a wildcard) nor an IP address";
    size_t len = strlen(text);
    *ret_name = (struct pst_tls_name){0};
    if (strchr(text, ':')) {
        ret_name->address_len = 16;
        ret_name->prefix_bits = 128;
        return inet_pton(AF_INET6, text, ret_name->address) == 1 ? NULL : "not an IPv6 address";
    }
    if (inet_pton(AF_INET, text, ret_name->address) == 1) {
        ret_name->address_len = 4;
        ret_name->prefix_bits = 32;
        return NULL;
    }
    if (len >= PST_TLS_NAME_BYTES)
        return neither;
    for (size_t i = 0; i <= len; i++)
        ret_name->dns[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]);
    if (strncmp(ret_name->dns, "*.", 2) != 0)
        return is_dns_name(ret_name->dns) ? NULL : neither;
    if (!is_dns_name(ret_name->dns + 2) || !strchr(ret_name->dns + 2, '.'))
        return "a wildcard is *.NAME with at least two labels in NAME, as in *.dev.example (clients match no "
               "*.localhost)";
    return NULL;
}

struct pst_tls_name pst_tls_name_address(const void *bytes, size_t len)
{
    struct pst_tls_name name = {.address_len = (uint8_t)len, .prefix_bits = (uint8_t)(len * 8)};
    memcpy(name.address, bytes, len);
    return name;
}

/* ---- writing, comparing ---- */

void pst_tls_name_write(const struct pst_tls_name *name, char text[PST_TLS_NAME_BYTES])
{
    if (name->address_len == 0) {
        memcpy(text, name->dns, strlen(name->dns) + 1);
        return;
    }
    char address[INET6_ADDRSTRLEN] = "?";
    (void)inet_ntop(name->address_len == 4 ? AF_INET : AF_INET6, name->address, address, sizeof(address));
    if (name->prefix_bits == name->address_len * 8)
        (void)snprintf(text, PST_TLS_NAME_BYTES, "%s", address);
    else
        (void)snprintf(text, PST_TLS_NAME_BYTES, "%s/%u", address, name->prefix_bits);
}

bool pst_tls_name_eq(const struct pst_tls_name *a, const struct pst_tls_name *b)
{
    if (a->address_len != b->address_len)
        return false;
    return a->address_len == 0
               ? strcmp(a->dns, b->dns) == 0
               : a->prefix_bits == b->prefix_bits && memcmp(a->address, b->address, a->address_len) == 0;
}

static bool address_is_below(const struct pst_tls_name *name, const struct pst_tls_name *subtree)
{
    unsigned whole = subtree->prefix_bits / 8U, rest = subtree->prefix_bits % 8U;
    if (name->address_len != subtree->address_len || name->prefix_bits < subtree->prefix_bits ||
        memcmp(name->address, subtree->address, whole) != 0)
        return false;
    return rest == 0 || (name->address[whole] ^ subtree->address[whole]) >> (8 - rest) == 0;
}

bool pst_tls_name_is_below(const struct pst_tls_name *name, const struct pst_tls_name *subtree)
{
    if (name->address_len != 0 || subtree->address_len != 0)
        return address_is_below(name, subtree);
    const char *dns = strncmp(name->dns, "*.", 2) == 0 ? name->dns + 2 : name->dns;
    size_t len = strlen(dns), tail = strlen(subtree->dns);
    if (len < tail || strcmp(dns + len - tail, subtree->dns) != 0)
        return false;
    return len == tail || tail == 0 || dns[len - tail - 1] == '.';
}

/* ---- what is local ---- */

/* scripts/mkcert.sh has the same list. */
static const struct pst_tls_name local_subtrees[] = {
    {.dns = "localhost"}, /* RFC 6761 6.3, as are test and example: nobody can own them */
    {.dns = "test"},
    {.dns = "example"},
    {.dns = "local"},     /* RFC 6762, multicast DNS */
    {.dns = "home.arpa"}, /* RFC 8375 */
    {.dns = "internal"},  /* reserved by ICANN in 2024 */
    {.dns = "lan"},       /* what many routers call their network; RFC 6762 appendix G */
    {4, 8, {.address = {127}}},
    {4, 8, {.address = {10}}}, /* RFC 1918 */
    {4, 12, {.address = {172, 16}}},
    {4, 16, {.address = {192, 168}}},
    {4, 16, {.address = {169, 254}}}, /* RFC 3927, link-local */
    {4, 10, {.address = {100, 64}}},  /* RFC 6598, shared; private networks over the Internet use it */
    {16, 128, {.address = {[15] = 1}}},
    {16, 7, {.address = {0xfc}}},        /* RFC 4193, unique local */
    {16, 10, {.address = {0xfe, 0x80}}}, /* RFC 4291, link-local */
};

const struct pst_tls_name *pst_tls_local_subtrees(size_t *ret_count)
{
    *ret_count = sizeof(local_subtrees) / sizeof(local_subtrees[0]);
    return local_subtrees;
}
