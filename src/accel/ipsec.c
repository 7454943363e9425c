#include "ipsec.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

#include "cpu.h"

/* Written once, before anything else here is done. */
static struct pst_accel_ipsec functions;
static bool is_usable;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The library chooses by processor, and tests itself. */
static void load(void)
{
    const uint64_t need = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SELF_TEST_PASS |
                          IMB_FEATURE_SAFE_DATA; /* it wipes registers and stack behind itself */
    IMB_MGR *manager = alloc_mb_mgr(0);
    if (!manager)
        return;
    IMB_ARCH arch = IMB_ARCH_NONE;
    init_mb_mgr_auto(manager, &arch);
    if (imb_get_errno(manager) == 0 && (manager->features & need) == need) {
        functions = (struct pst_accel_ipsec){
            .aes128 = {manager->gcm128_pre, manager->gcm128_enc, manager->gcm128_dec},
            .aes256 = {manager->gcm256_pre, manager->gcm256_enc, manager->gcm256_dec},
            .chachapoly_init = manager->chacha20_poly1305_init,
            .chachapoly_encrypt = manager->chacha20_poly1305_enc_update,
            .chachapoly_decrypt = manager->chacha20_poly1305_dec_update,
            .chachapoly_finalize = manager->chacha20_poly1305_finalize,
        };
        is_usable = arch != IMB_ARCH_NONE;
    }
    free_mb_mgr(manager);
}

const struct pst_accel_ipsec *pst_accel_ipsec(void)
{
    if (!pst_accel_cpu_has(PST_ACCEL_CPU_AES | PST_ACCEL_CPU_VECTORS))
        return NULL;
    return pthread_once(&once, load) == 0 && is_usable ? &functions : NULL;
}

bool pst_accel_ipsec_is_overlap_fine(const unsigned char *input, const unsigned char *output, size_t len)
{
    uintptr_t in = (uintptr_t)input;
    uintptr_t out = (uintptr_t)output;
    return in == out || (in < out ? out - in : in - out) >= len;
}

void pst_accel_ipsec_tell(const char *primitive, char *out, size_t size)
{
    out[0] = '\0';
    if (pst_accel_ipsec())
        (void)snprintf(out, size, "%s by intel-ipsec-mb %s", primitive, imb_get_version_str());
}
