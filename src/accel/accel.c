/* accel.c - lists the hooks. */
#include "accel.h"

#include <stdio.h>
#include <string.h>

#include "hooks.h"

static void (*const hooks[])(char *out, size_t size) = {
#if defined(POSTERN_ACCEL_GCM)
    pst_accel_gcm_tell,
#endif
#if defined(POSTERN_ACCEL_CHACHAPOLY)
    pst_accel_chachapoly_tell,
#endif
#if defined(POSTERN_ACCEL_P256)
    pst_accel_p256_tell,
#endif
#if defined(POSTERN_ACCEL_X25519)
    pst_accel_x25519_tell,
#endif
#if defined(POSTERN_ACCEL_SHA256)
    pst_accel_sha256_tell,
#endif
};

void pst_accel_tell(char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
        char text[64];
        hooks[i](text, sizeof(text));
        size_t len = strlen(out);
        if (text[0])
            (void)snprintf(out + len, size - len, "%s%s", len ? ", " : "", text);
    }
}
