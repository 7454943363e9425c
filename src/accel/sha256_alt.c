/* sha256_alt.c - SHA-256 by nettle where the processor has SHA instructions, which nettle then uses; else,
 * and for SHA-224, by the stock code. Which one is settled by starts(): a context of zeros belongs to the
 * stock code, so every misuse ends as it does there. */
#include <stdint.h>
#include <stdio.h>

#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>

#include <nettle/sha2.h>
#include <nettle/version.h>

#include "cpu.h"
#include "hooks.h"

_Static_assert(sizeof(struct sha256_ctx) <= sizeof(((mbedtls_sha256_context *)0)->u.nettle),
               "no room for nettle's context");
_Static_assert(_Alignof(struct sha256_ctx) <= _Alignof(mbedtls_sha256_context),
               "not aligned for nettle's context");

static struct sha256_ctx *nettle(mbedtls_sha256_context *ctx)
{
    return (struct sha256_ctx *)ctx->u.nettle;
}

void mbedtls_sha256_init(mbedtls_sha256_context *ctx)
{
    *ctx = (mbedtls_sha256_context){.is_nettle = 0};
    pst_stock_sha256_init(&ctx->u.stock);
}

void mbedtls_sha256_free(mbedtls_sha256_context *ctx)
{
    if (ctx)
        mbedtls_platform_zeroize(ctx, sizeof(*ctx));
}

void mbedtls_sha256_clone(mbedtls_sha256_context *dst, const mbedtls_sha256_context *src)
{
    *dst = *src;
}

int mbedtls_sha256_starts(mbedtls_sha256_context *ctx, int is224)
{
    ctx->is_nettle = is224 == 0 && pst_accel_cpu_has(PST_ACCEL_CPU_SHA);
    if (!ctx->is_nettle)
        return pst_stock_sha256_starts(&ctx->u.stock, is224);
    sha256_init(nettle(ctx));
    return 0;
}

int mbedtls_sha256_update(mbedtls_sha256_context *ctx, const unsigned char *input, size_t ilen)
{
    if (!ctx->is_nettle)
        return pst_stock_sha256_update(&ctx->u.stock, input, ilen);
    if (ilen > 0) /* or input may be NULL */
        sha256_update(nettle(ctx), ilen, input);
    return 0;
}

int mbedtls_sha256_finish(mbedtls_sha256_context *ctx, unsigned char *output)
{
    int ret = 0;
    if (ctx->is_nettle)
        sha256_digest(nettle(ctx), SHA256_DIGEST_SIZE, output);
    else
        ret = pst_stock_sha256_finish(&ctx->u.stock, output);
    mbedtls_sha256_free(ctx);
    return ret;
}

void pst_accel_sha256_tell(char *out, size_t size)
{
    out[0] = '\0';
    if (pst_accel_cpu_has(PST_ACCEL_CPU_SHA))
        (void)snprintf(out, size, "SHA-256 by nettle %d.%d (SHA instructions)", nettle_version_major(),
                       nettle_version_minor());
}
