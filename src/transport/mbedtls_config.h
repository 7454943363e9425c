/*
 * What postern's own build of Mbed TLS contains. Read by Mbed TLS and by everything that includes its
 * headers, so that both agree on the layout of its structures.
 *
 * The rule: TLS 1.2 and 1.3, forward secrecy always, authenticated encryption only. What is not named here
 * does not exist in the binary: no CCM suites, no static RSA or finite-field key exchange, no renegotiation,
 * no DTLS, no SHA-1, no MD5.
 *
 * One exception: CBC is here because private keys under a password are encrypted with it (PKCS #5). That
 * compiles the CBC suites of TLS 1.2 as well; the list in tls_ctx.c keeps them from being spoken, and a test
 * tries them.
 */
#ifndef PST_TRANSPORT_MBEDTLS_CONFIG_H
#define PST_TRANSPORT_MBEDTLS_CONFIG_H

/* The machine: one allocator that can be replaced at run time (memory accounting, failing-malloc tests), real
 * clocks for certificates and tickets, locks because workers are threads. */
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_HAVE_TIME
#define MBEDTLS_HAVE_TIME_DATE
#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD
#define MBEDTLS_FS_IO
#define MBEDTLS_HAVE_ASM

/* Names for error codes in our log lines, and the version in --version. */
#define MBEDTLS_ERROR_C
#define MBEDTLS_VERSION_C

/* Keep our own code off what the next major version drops. */
#define MBEDTLS_DEPRECATED_REMOVED

/* Randomness: the kernel's, stretched by AES in counter mode. */
#define MBEDTLS_ENTROPY_C
#define MBEDTLS_CTR_DRBG_C

/* Hashes. SHA-512 also gathers entropy. */
#define MBEDTLS_MD_C
#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA384_C
#define MBEDTLS_SHA512_C
#define MBEDTLS_HKDF_C
#if defined(POSTERN_ACCEL_SHA256) /* see src/accel */
#define MBEDTLS_SHA256_ALT
#endif

/* Record protection: AES-GCM (with the processor's instructions where it has them) and ChaCha20-Poly1305. */
#define MBEDTLS_CIPHER_C
#define MBEDTLS_AES_C
#define MBEDTLS_AESNI_C
#if defined(__aarch64__)
#define MBEDTLS_AESCE_C
#endif
#define MBEDTLS_GCM_C
#if defined(POSTERN_ACCEL_GCM) /* see src/accel */
#define MBEDTLS_GCM_ALT
#endif
#define MBEDTLS_CHACHA20_C
#define MBEDTLS_POLY1305_C
#define MBEDTLS_CHACHAPOLY_C
#if defined(POSTERN_ACCEL_CHACHAPOLY) /* see src/accel */
#define MBEDTLS_CHACHAPOLY_ALT
#endif
#define MBEDTLS_CIPHER_MODE_CBC
#define MBEDTLS_CIPHER_PADDING_PKCS7

/* Elliptic curves: key exchange over X25519, P-256 and P-384; P-521 so that a certificate that uses it can be
 * read. Deterministic ECDSA: a weak random number in one signature would give the private key away. */
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED
#define MBEDTLS_ECP_DP_SECP521R1_ENABLED
#define MBEDTLS_ECP_DP_CURVE25519_ENABLED
#define MBEDTLS_ECDH_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_ECDSA_DETERMINISTIC
#define MBEDTLS_HMAC_DRBG_C
#if defined(POSTERN_ACCEL_P256) /* see src/accel */
#define MBEDTLS_ECDSA_SIGN_ALT
#define MBEDTLS_ECDSA_VERIFY_ALT
#endif

/* RSA for signatures only: PKCS #1 v1.5 where TLS 1.2 asks for it, PSS for TLS 1.3. Primes so that tests and
 * tools can make a key. */
#define MBEDTLS_RSA_C
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_GENPRIME

/* Keys and certificates: read what is on disk, write what a self-made certificate needs. */
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_BASE64_C
#define MBEDTLS_OID_C
#define MBEDTLS_PEM_PARSE_C
#define MBEDTLS_PKCS5_C
#define MBEDTLS_PEM_WRITE_C
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_PK_PARSE_EC_COMPRESSED
#define MBEDTLS_PK_WRITE_C
#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT
#define MBEDTLS_X509_CREATE_C
#define MBEDTLS_X509_CRT_WRITE_C

/* TLS 1.3 reaches its cryptography through PSA. The key store must grow: the fixed one has 32 slots, and
 * every handshake in flight holds some. Our buffers are never shared with another process, so PSA need not
 * copy them first. MBEDTLS_USE_PSA_CRYPTO stays off: it would set the AES key anew for each record and take
 * the key store's lock. */
#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_PSA_KEY_STORE_DYNAMIC
#define MBEDTLS_PSA_ASSUME_EXCLUSIVE_BUFFERS

/* TLS. The client half is for tests and for reaching other servers. TLS 1.3 requires KEEP_PEER_CERTIFICATE.
 */
#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_SRV_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
#define MBEDTLS_SSL_ALL_ALERT_MESSAGES
#define MBEDTLS_SSL_ALPN
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_MAX_FRAGMENT_LENGTH
#define MBEDTLS_SSL_SESSION_TICKETS
#define MBEDTLS_SSL_TICKET_C

/* TLS 1.2: ephemeral elliptic curves only; extended master secret (RFC 7627) binds it to the handshake. */
#define MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET

/* TLS 1.3: full handshakes, and resumption with a fresh key exchange. Compatibility mode (RFC 8446 D.4) is
 * for middleboxes that expect the look of TLS 1.2. */
#define MBEDTLS_SSL_TLS1_3_COMPATIBILITY_MODE
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL_ENABLED

/* Full-size records both ways: a peer that did not negotiate less may send them (RFC 8446 5.1). */
#define MBEDTLS_SSL_IN_CONTENT_LEN  16384
#define MBEDTLS_SSL_OUT_CONTENT_LEN 16384

#endif
