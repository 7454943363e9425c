/* tls_seal.c - see tls_seal.h. */
#include "transport/tls_seal.h"

#include <string.h>

void pst_tls_skip(struct pst_tls_cursor *c, size_t n)
{
    c->offset += n;
    while (c->left > 0 && c->offset >= c->iov->iov_len) {
        c->offset -= c->iov->iov_len;
        c->iov++;
        c->left--;
    }
}

/* Whole entries as long as they fit. An entry that does not fit is sealed by itself, straight from the
 * caller's memory: filling records to the brim by copying from it costs more (16 KiB: 0.4 us) than the short
 * record that is left at its end (0.2 us). Records of one segment are filled. */
size_t pst_tls_measure(const struct pst_tls_cursor *c, size_t most, int *ret_pieces)
{
    size_t n = c->iov->iov_len - c->offset;
    *ret_pieces = 1;
    if (n >= most)
        return most;
    for (int i = 1; i < c->left && n < most; i++) {
        size_t more = c->iov[i].iov_len;
        if (more > most - n) {
            if (most > PST_TLS_SEGMENT_BYTES)
                break;
            more = most - n;
        }
        n += more;
        if (more > 0)
            ++*ret_pieces;
    }
    return n;
}

void pst_tls_gather(const struct pst_tls_cursor *c, unsigned char *dst, size_t n)
{
    size_t offset = c->offset;
    for (const struct iovec *iov = c->iov; n > 0; iov++) {
        size_t piece = iov->iov_len - offset < n ? iov->iov_len - offset : n;
        if (piece > 0)
            memcpy(dst, (const unsigned char *)iov->iov_base + offset, piece);
        dst += piece;
        n -= piece;
        offset = 0;
    }
}

#if defined(POSTERN_OWN_MBEDTLS)
/* Mbed TLS seals in a buffer of its own, from which the record would have to be copied. Its pointers to that
 * buffer are made to point to the place meanwhile, which spares 4 to 7 % of the server's CPU for replies of
 * 64 KiB and 1 MiB. Not to its sequence number, which it keeps in the 8 bytes before the record; those only
 * have to be in the same object for its arithmetic. */
int pst_tls_seal_at(mbedtls_ssl_context *ssl, unsigned char *place, const unsigned char *data, size_t n)
{
    unsigned char *buf = ssl->MBEDTLS_PRIVATE(out_buf), *hdr = ssl->MBEDTLS_PRIVATE(out_hdr);
    unsigned char *len = ssl->MBEDTLS_PRIVATE(out_len), *iv = ssl->MBEDTLS_PRIVATE(out_iv);
    unsigned char *msg = ssl->MBEDTLS_PRIVATE(out_msg);
    ssl->MBEDTLS_PRIVATE(out_buf) = place - (hdr - buf);
    ssl->MBEDTLS_PRIVATE(out_hdr) = place;
    ssl->MBEDTLS_PRIVATE(out_len) = place + (len - hdr);
    ssl->MBEDTLS_PRIVATE(out_iv) = place + (iv - hdr);
    ssl->MBEDTLS_PRIVATE(out_msg) = place + (msg - hdr);
    int sealed = mbedtls_ssl_write(ssl, data, n);
    ssl->MBEDTLS_PRIVATE(out_buf) = buf;
    ssl->MBEDTLS_PRIVATE(out_hdr) = hdr;
    ssl->MBEDTLS_PRIVATE(out_len) = len;
    ssl->MBEDTLS_PRIVATE(out_iv) = iv;
    ssl->MBEDTLS_PRIVATE(out_msg) = msg;
    return sealed;
}
#else
int pst_tls_seal_at(mbedtls_ssl_context *ssl, unsigned char *place, const unsigned char *data, size_t n)
{
    (void)place;
    return mbedtls_ssl_write(ssl, data, n);
}
#endif
