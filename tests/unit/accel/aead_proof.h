/* aead_proof.h - what the proofs of both kinds of authenticated encryption share: memory that messages lie
 * in, and the dice for their lengths and contents. */
#ifndef PST_TESTS_AEAD_PROOF_H
#define PST_TESTS_AEAD_PROOF_H

#include "unit/accel/proof.h"

#if defined(POSTERN_TEST_OPENSSL)
#include <openssl/evp.h>
#endif

enum { TAG = 16, LEN_MAX = 1200, RECORD_MAX = 16384 + 256, AAD_MAX = 300 };

struct aead_memory {
    struct fenced in, out, aad;
    unsigned char sealed[RECORD_MAX]; /* by the stock code */
    unsigned char tag[TAG];
    unsigned char other[RECORD_MAX];
    unsigned char other_tag[TAG];
#if defined(POSTERN_TEST_OPENSSL)
    EVP_CIPHER_CTX *openssl;
#endif
};

static inline void aead_memory_init(struct aead_memory *a)
{
    fenced_init(&a->in, RECORD_MAX);
    fenced_init(&a->out, RECORD_MAX);
    fenced_init(&a->aad, AAD_MAX);
#if defined(POSTERN_TEST_OPENSSL)
    a->openssl = EVP_CIPHER_CTX_new();
    assert_non_null(a->openssl);
#endif
}

static inline void aead_memory_fini(struct aead_memory *a)
{
    fenced_fini(&a->in);
    fenced_fini(&a->out);
    fenced_fini(&a->aad);
#if defined(POSTERN_TEST_OPENSSL)
    EVP_CIPHER_CTX_free(a->openssl);
#endif
}

/* Up to AAD_MAX bytes; returns how many. */
static inline size_t roll_aad(unsigned char *aad)
{
    static const size_t lens[] = {5, 13, 0}; /* of TLS 1.3 and 1.2; none */
    size_t kind = roll(5);
    size_t len = kind < 3 ? lens[kind] : roll(AAD_MAX + 1);
    roll_fill(aad, len);
    return len;
}

/* Up to RECORD_MAX bytes; returns how many. */
static inline size_t roll_text(unsigned char *text)
{
    size_t len = roll(50) ? roll(roll(2) ? 80 : LEN_MAX) : roll(RECORD_MAX + 1);
    /* Of random bytes a few go a long way; runs of equal ones have their own corners. */
    size_t how = roll(8);
    if (how < 2)
        memset(text, how ? 0xff : 0, len);
    else
        for (size_t at = 0; at < len; at += 61)
            roll_fill(text + at, len - at < 7 ? len - at : 7);
    return len;
}

/* Where a message comes from and goes to: in place or apart, against a fence or not. */
struct place {
    unsigned char *in, *out, *aad;
};

static inline struct place roll_place(const struct aead_memory *a, const unsigned char *text, size_t len,
                                      const unsigned char *aad, size_t aad_len)
{
    struct place p = {.in = fenced_place(&a->in, len), .aad = fenced_place(&a->aad, aad_len)};
    p.out = roll(2) ? p.in : fenced_place(&a->out, len);
    memset(p.out, 0x5a, len);
    memcpy(p.in, text, len);
    memcpy(p.aad, aad, aad_len);
    return p;
}

/* The same text twice, in both areas, and where in them input and output lie so that they overlap. */
struct overlap {
    unsigned char *areas[2];
    size_t in, out, len; /* offsets; and of all that is touched */
};

/* False: there is no room. */
static inline bool roll_overlap(const struct aead_memory *a, const unsigned char *text, size_t len,
                                struct overlap *ret_overlap)
{
    size_t shift = 1 + roll(130);
    if (len + shift > a->in.size || len + shift > a->out.size)
        return false;
    bool is_ahead = roll(2);
    *ret_overlap = (struct overlap){.areas = {a->in.bytes, a->out.bytes},
                                    .in = is_ahead ? shift : 0,
                                    .out = is_ahead ? 0 : shift,
                                    .len = len + shift};
    for (unsigned i = 0; i < 2; i++) {
        memset(ret_overlap->areas[i], 0, len + shift);
        memcpy(ret_overlap->areas[i] + ret_overlap->in, text, len);
    }
    return true;
}

#endif
