/* ipsec.h - what is taken from intel-ipsec-mb: functions that need no manager of theirs, so that any thread
 * may call them. They check their parameters and do nothing, silently, if they are wrong: a caller sorts out
 * before all that they might object to, null pointers even where the length is 0. */
#ifndef PST_ACCEL_IPSEC_H
#define PST_ACCEL_IPSEC_H

#include <stdbool.h>
#include <stddef.h>

#include <intel-ipsec-mb.h>

struct pst_accel_ipsec_gcm {
    aes_gcm_pre_t set_key;
    aes_gcm_enc_dec_t encrypt;
    aes_gcm_enc_dec_t decrypt;
};

struct pst_accel_ipsec {
    struct pst_accel_ipsec_gcm aes128, aes256;
    chacha_poly_init_t chachapoly_init;
    chacha_poly_enc_dec_update_t chachapoly_encrypt;
    chacha_poly_enc_dec_update_t chachapoly_decrypt;
    chacha_poly_finalize_t chachapoly_finalize;
};

/* The functions for this processor, or NULL if the library does not serve here. Loads it at the first call,
 * which takes 2 ms: it tests itself. */
const struct pst_accel_ipsec *pst_accel_ipsec(void);

/* What a caller of theirs may have: in place, or apart. */
bool pst_accel_ipsec_is_overlap_fine(const unsigned char *input, const unsigned char *output, size_t len);

/* "PRIMITIVE by intel-ipsec-mb VERSION", or "". */
void pst_accel_ipsec_tell(const char *primitive, char *out, size_t size);

#endif
