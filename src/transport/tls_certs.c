/* tls_certs.c - a set of certificates with their keys, and which of them a client gets by the name it asks
 * for.
 *
 * A set never changes; a new one takes its place, and the old one goes when the last connection that began
 * with it ends. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <mbedtls/sha256.h>

#include "postern/err.h"
#include "transport/tls_internal.h"

/* ---- names ---- */

static struct pst_slice san_name(const mbedtls_x509_sequence *name)
{
    bool is_dns = (name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_DNS_NAME;
    return pst_slice_of((const char *)name->buf.p, is_dns ? name->buf.len : 0);
}

/* RFC 6125 6.4.3: the wildcard stands for the whole first label, and for one only. */
static bool wildcard_matches(struct pst_slice pattern, struct pst_slice host)
{
    if (pattern.len < 3 || pattern.ptr[0] != '*' || pattern.ptr[1] != '.')
        return false;
    const char *dot = memchr(host.ptr, '.', host.len);
    if (!dot || dot == host.ptr)
        return false;
    struct pst_slice rest = pst_slice_of(dot, host.len - (size_t)(dot - host.ptr));
    return pst_slice_case_eq(rest, pst_slice_of(pattern.ptr + 1, pattern.len - 1));
}

enum match { MATCH_NONE, MATCH_WILDCARD, MATCH_EXACT };

static enum match match(const mbedtls_x509_crt *leaf, struct pst_slice host)
{
    enum match best = MATCH_NONE;
    if (!mbedtls_x509_crt_has_ext_type(leaf, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        return best;
    for (const mbedtls_x509_sequence *name = &leaf->subject_alt_names; name; name = name->next) {
        struct pst_slice dns = san_name(name);
        if (dns.len > 0 && pst_slice_case_eq(dns, host))
            return MATCH_EXACT;
        if (wildcard_matches(dns, host))
            best = MATCH_WILDCARD;
    }
    return best;
}

/* RFC 5280 4.2.1.6: an address stands there in network byte order. */
static bool has_address(const mbedtls_x509_crt *leaf, const void *bytes, size_t len)
{
    if (!mbedtls_x509_crt_has_ext_type(leaf, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        return false;
    for (const mbedtls_x509_sequence *name = &leaf->subject_alt_names; name; name = name->next)
        if ((name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_IP_ADDRESS &&
            name->buf.len == len && memcmp(name->buf.p, bytes, len) == 0)
            return true;
    return false;
}

bool pst_tls_certs_have(const struct pst_tls_certs *certs, struct pst_slice host)
{
    char text[INET6_ADDRSTRLEN + 2] = "";
    unsigned char bytes[16];
    size_t len = 0;
    if (host.len > 1 && host.ptr[host.len - 1] == '.')
        host.len--;
    if (host.len > 2 && host.len < sizeof(text)) {
        bool is_v6 = host.ptr[0] == '[';
        memcpy(text, host.ptr + is_v6, host.len - (is_v6 ? 2 : 0));
        if (inet_pton(is_v6 ? AF_INET6 : AF_INET, text, bytes) == 1)
            len = is_v6 ? 16 : 4;
    }
    for (size_t i = 0; i < certs->count; i++) {
        const mbedtls_x509_crt *leaf = &certs->pairs[i]->chain;
        if (len > 0 ? has_address(leaf, bytes, len) : match(leaf, host) != MATCH_NONE)
            return true;
    }
    return false;
}

/* Whether other serves the name that first begins with as well: the same site with another kind of key. */
static bool is_sibling(const mbedtls_x509_crt *first, const mbedtls_x509_crt *other)
{
    if (!mbedtls_x509_crt_has_ext_type(first, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        return false;
    struct pst_slice name = san_name(&first->subject_alt_names);
    return name.len > 0 && match(other, name) == MATCH_EXACT;
}

/* ---- choosing ---- */

static bool is_rsa(const struct pst_tls_pair *pair)
{
    return mbedtls_pk_get_type(&pair->chain.pk) == MBEDTLS_PK_RSA;
}

static bool is_wanted(struct pst_tls_certs *certs, size_t i, struct pst_slice host, enum match wanted)
{
    const mbedtls_x509_crt *leaf = &certs->pairs[i]->chain;
    if (wanted == MATCH_NONE)
        return i == 0 || is_sibling(&certs->pairs[0]->chain, leaf);
    return match(leaf, host) == wanted;
}

/* Offers Mbed TLS those that match so well; EC keys first, for they are the faster ones. It takes the first
 * whose signature the client accepts. */
static int offer(mbedtls_ssl_context *ssl, struct pst_tls_certs *certs, struct pst_slice host,
                 enum match wanted, bool *ret_found)
{
    for (int rsa = 0; rsa <= 1; rsa++)
        for (size_t i = 0; i < certs->count; i++) {
            struct pst_tls_pair *pair = certs->pairs[i];
            if (is_rsa(pair) != (rsa == 1) || !is_wanted(certs, i, host, wanted))
                continue;
            *ret_found = true;
            int result = mbedtls_ssl_set_hs_own_cert(ssl, &pair->chain, &pair->key);
            if (result != 0)
                return result;
        }
    return 0;
}

int pst_tls_certs_choose(mbedtls_ssl_context *ssl)
{
    struct pst_tls_certs *certs = mbedtls_ssl_get_user_data_p(ssl);
    pst_tls_client_ask(ssl, certs);
    size_t len = 0;
    const unsigned char *name = mbedtls_ssl_get_hs_sni(ssl, &len);
    struct pst_slice host = pst_slice_of((const char *)name, name ? len : 0);
    if (host.len > 1 &&
        host.ptr[host.len - 1] == '.') /* RFC 6066 3: none should be there, but some send it */
        host.len--;
    int chosen = certs->on_sni ? certs->on_sni(host, certs->count, certs->on_sni_arg) : -1;
    if (chosen >= 0 && (size_t)chosen < certs->count)
        return mbedtls_ssl_set_hs_own_cert(ssl, &certs->pairs[chosen]->chain, &certs->pairs[chosen]->key);
    /* A name that no certificate has, an address (which RFC 6066 3 forbids), no name at all: the first
     * certificate. An alert would tell its reader less than the browser's page about a wrong name does. */
    static const enum match order[] = {MATCH_EXACT, MATCH_WILDCARD, MATCH_NONE};
    bool is_found = false;
    int result = 0;
    for (size_t i = host.len > 0 ? 0 : 2; result == 0 && !is_found && i < 3; i++)
        result = offer(ssl, certs, host, order[i], &is_found);
    return result;
}

/* ---- life ---- */

static void free_pair(struct pst_tls_pair *pair)
{
    if (!pair)
        return;
    mbedtls_pk_free(&pair->key); /* wipes it */
    mbedtls_x509_crt_free(&pair->chain);
    free(pair);
}

void pst_tls_certs_unref(struct pst_tls_certs *certs)
{
    if (!certs || --certs->refs > 0)
        return;
    for (size_t i = 0; i < certs->count; i++)
        free_pair(certs->pairs[i]);
    pst_tls_client_ca_free(certs);
    free(certs->pairs);
    free(certs);
}

struct pst_tls_certs *pst_tls_certs_ref(struct pst_tls_certs *certs)
{
    certs->refs++;
    return certs;
}

static int take_fingerprint(struct pst_tls_certs *certs)
{
    mbedtls_sha256_context sha;
    mbedtls_sha256_init(&sha);
    int result = mbedtls_sha256_starts(&sha, 0);
    for (size_t i = 0; i < certs->count && result == 0; i++)
        result = mbedtls_sha256_update(&sha, certs->pairs[i]->chain.raw.p, certs->pairs[i]->chain.raw.len);
    if (result == 0)
        result = mbedtls_sha256_finish(&sha, certs->fingerprint);
    mbedtls_sha256_free(&sha);
    return result == 0 ? 0 : PST_E_TLS;
}

static int read_pair(struct pst_tls_pair **ret_pair, mbedtls_ctr_drbg_context *rng,
                     const struct pst_tls_pem *pem, struct pst_tls_line line)
{
    struct pst_tls_pair *pair = calloc(1, sizeof(*pair));
    if (!pair)
        return pst_tls_out_of_memory(line);
    mbedtls_x509_crt_init(&pair->chain);
    mbedtls_pk_init(&pair->key);
    int err = pst_tls_cert_load(pair, rng, pem, line);
    if (err)
        free_pair(pair);
    else
        *ret_pair = pair;
    return err;
}

static struct pst_tls_certs *new_empty(size_t cap)
{
    struct pst_tls_certs *certs = calloc(1, sizeof(*certs));
    if (!certs)
        return NULL;
    certs->refs = 1;
    certs->pairs = calloc(cap, sizeof(certs->pairs[0]));
    if (certs->pairs)
        return certs;
    free(certs);
    return NULL;
}

/* There is room for them. *ret_bad: the one that is at fault. */
static int add_all(struct pst_tls_certs *certs, const struct pst_tls_pem *pems, size_t count,
                   const int64_t *checked_at, size_t *ret_bad, struct pst_tls_line line)
{
    struct pst_tls_random random;
    int err = pst_tls_random_init(&random, line);
    for (size_t i = 0; !err && i < count; i++) {
        *ret_bad = i;
        if (line.cap > 0)
            line.text[0] = '\0'; /* a warning that is left is of the last one */
        err = read_pair(&certs->pairs[certs->count], &random.rng, &pems[i], line);
        if (err)
            break;
        struct pst_tls_pair *pair = certs->pairs[certs->count++];
        if (checked_at)
            err = pst_tls_cert_check(pair, &random.rng, *checked_at, line);
    }
    pst_tls_random_fini(&random);
    return err ? err : take_fingerprint(certs);
}

static int new_set(struct pst_tls_certs **ret_certs, const struct pst_tls_pem *pems, size_t count,
                   const int64_t *checked_at, size_t *ret_bad, struct pst_tls_line line)
{
    if (line.cap > 0)
        line.text[0] = '\0';
    *ret_bad = 0;
    struct pst_tls_certs *certs = new_empty(count);
    if (!certs)
        return pst_tls_out_of_memory(line);
    int err = add_all(certs, pems, count, checked_at, ret_bad, line);
    if (err) {
        pst_tls_certs_unref(certs);
        return err;
    }
    *ret_certs = certs;
    return 0;
}

int pst_tls_certs_new(struct pst_tls_certs **ret_certs, const struct pst_tls_pem *pems, size_t count,
                      int64_t now, size_t *ret_bad, char *error, size_t error_cap)
{
    return new_set(ret_certs, pems, count, &now, ret_bad, (struct pst_tls_line){error, error_cap});
}

int pst_tls_certs_new_again(struct pst_tls_certs **ret_certs, const struct pst_tls_pem *pems, size_t count,
                            char *error, size_t error_cap)
{
    size_t bad = 0;
    return new_set(ret_certs, pems, count, NULL, &bad, (struct pst_tls_line){error, error_cap});
}

static int extend(struct pst_tls_certs **certs, const struct pst_tls_pem *pem, int64_t now,
                  struct pst_tls_line line)
{
    size_t bad = 0;
    struct pst_tls_certs *set = *certs;
    if (!set)
        return new_set(certs, pem, 1, &now, &bad, line);
    struct pst_tls_pair **grown = realloc(set->pairs, (set->count + 1) * sizeof(set->pairs[0]));
    if (!grown)
        return pst_tls_out_of_memory(line);
    set->pairs = grown;
    size_t before = set->count;
    int err = add_all(set, pem, 1, &now, &bad, line);
    if (err && set->count > before)
        free_pair(set->pairs[--set->count]);
    return err;
}

int pst_tls_certs_extend(struct pst_tls_certs **certs, const struct pst_tls_pem *pem, int64_t now,
                         char *error, size_t error_cap)
{
    return extend(certs, pem, now, (struct pst_tls_line){error, error_cap});
}

void pst_tls_certs_on_sni(struct pst_tls_certs *certs,
                          int (*fn)(struct pst_slice name, size_t count, void *arg), void *arg)
{
    certs->on_sni = fn;
    certs->on_sni_arg = arg;
}

size_t pst_tls_certs_count(const struct pst_tls_certs *certs)
{
    return certs->count;
}

void pst_tls_certs_info(const struct pst_tls_certs *certs, size_t i, struct pst_tls_cert_info *ret_info)
{
    pst_tls_cert_describe(&certs->pairs[i]->chain, ret_info);
}
