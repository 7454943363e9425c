/* tls_key.c - reading a private key, as PKCS #8, SEC 1 or PKCS #1, PEM or DER, and PKCS #8 under a password.
 */
#include <stdlib.h>
#include <string.h>

#include <mbedtls/error.h>
#include <mbedtls/platform_util.h>

#include "postern/err.h"
#include "transport/tls_internal.h"

/* What shows before anything is parsed. */
static int check_kind(const void *data, size_t len, bool has_password, struct pst_tls_line line)
{
    const char *text = NULL;
    if (len == 0)
        text = "the file is empty; make a key and its certificate with scripts/mkcert.sh";
    else if (!pst_tls_holds(data, len, "PRIVATE KEY-----") &&
             pst_tls_holds(data, len, "-----BEGIN CERTIFICATE-----"))
        text = "this is a certificate, not a private key; are the two files swapped?";
    /* The old way derives its key by MD5, which is not here. */
    else if (pst_tls_holds(data, len, "Proc-Type: 4,ENCRYPTED"))
        text =
            "the private key is encrypted in an old way that is easy to break; write it in the present one: "
            "openssl pkcs8 -topk8 -in KEY -out NEW-KEY";
    else if (pst_tls_holds(data, len, "-----BEGIN ENCRYPTED PRIVATE KEY-----") && !has_password)
        text = "the private key is protected by a password: name a file that holds it, or write the key "
               "without one: "
               "openssl pkey -in KEY -out NEW-KEY";
    if (text)
        pst_tls_say(line, "%s", text);
    return text ? PST_E_KEY : 0;
}

static int explain(int result, const struct pst_tls_pem *pem, struct pst_tls_line line)
{
    switch (result) {
    case 0:
        return 0;
    case MBEDTLS_ERR_PK_ALLOC_FAILED:
        return pst_tls_out_of_memory(line);
    case MBEDTLS_ERR_PK_PASSWORD_MISMATCH:
        pst_tls_say(line, "%s", "the password does not open the private key");
        return PST_E_KEY;
    case MBEDTLS_ERR_PK_PASSWORD_REQUIRED:
        pst_tls_say(line, "%s", "the private key is protected by a password: name a file that holds it");
        return PST_E_KEY;
    default:
        break;
    }
    if (result == MBEDTLS_ERR_PK_UNKNOWN_PK_ALG || result == MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE ||
        pst_tls_holds(pem->key, pem->key_len, "BEGIN OPENSSH PRIVATE KEY"))
        pst_tls_say(
            line, "%s",
            "the private key is of a kind that TLS here cannot use; it takes EC keys on P-256 or P-384 "
            "and RSA keys: make one with scripts/mkcert.sh");
    else if (result == MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE)
        pst_tls_say(line, "%s",
                    "the private key is encrypted in a way that is not known here; write it anew: "
                    "openssl pkcs8 -topk8 -in KEY -out NEW-KEY");
    else
        pst_tls_say(line, "the private key cannot be read (%s); give a PEM or DER key",
                    pst_tls_describe(result));
    return PST_E_KEY;
}

int pst_tls_key_load(mbedtls_pk_context *key, mbedtls_ctr_drbg_context *rng, const struct pst_tls_pem *pem,
                     struct pst_tls_line line)
{
    int err = check_kind(pem->key, pem->key_len, pem->password != NULL, line);
    if (err != 0)
        return err;
    unsigned char *copy = pst_tls_terminated(pem->key, pem->key_len);
    if (!copy)
        return pst_tls_out_of_memory(line);
    bool is_pem = pst_tls_holds(pem->key, pem->key_len, "-----BEGIN ");
    int result = mbedtls_pk_parse_key(
        key, copy, is_pem ? pem->key_len + 1 : pem->key_len, (const unsigned char *)pem->password,
        pem->password ? strlen(pem->password) : 0, mbedtls_ctr_drbg_random, rng);
    mbedtls_platform_zeroize(copy, pem->key_len);
    free(copy);
    return explain(result, pem, line);
}
