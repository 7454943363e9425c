#include "cpu.h"

#include <cpuid.h>
#include <stdatomic.h>

#define ASKED (1U << 31)

/* Threads that come at the same time write the same. */
static atomic_uint known;

#define BIT(n) (1U << (n))

/* Which registers the system saves and restores: extended control register 0. */
static unsigned ask_saved(void)
{
    unsigned low = 0;
    unsigned high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* CPUID leaf 1 has the features, leaf 7 those that came later. */
static unsigned ask(void)
{
    enum { PCLMULQDQ = 1, SSE42 = 20, AESNI = 25, OSXSAVE = 27, AVX = 28 }; /* leaf 1, ecx */
    enum { AVX512F = 16, SHA = 29 };                                        /* leaf 7, ebx */
    const unsigned aes = BIT(PCLMULQDQ) | BIT(SSE42) | BIT(AESNI);
    const unsigned avx_saved = 0x06;
    const unsigned avx512_saved = 0xe6;
    unsigned features = PST_ACCEL_CPU_64;
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    unsigned late = 0;
    if (__get_cpuid_count(7, 0, &eax, &late, &ecx, &edx) && (late & BIT(SHA)))
        features |= PST_ACCEL_CPU_SHA;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
        return features;
    if ((ecx & aes) == aes)
        features |= PST_ACCEL_CPU_AES;
    unsigned saved = ecx & BIT(OSXSAVE) ? ask_saved() : 0;
    if ((!(ecx & BIT(AVX)) || (saved & avx_saved) == avx_saved) &&
        (!(late & BIT(AVX512F)) || (saved & avx512_saved) == avx512_saved))
        features |= PST_ACCEL_CPU_VECTORS;
    return features;
}

bool pst_accel_cpu_has(unsigned features)
{
    unsigned has = atomic_load_explicit(&known, memory_order_relaxed);
    if (!(has & ASKED)) {
        has = ask() | ASKED;
        atomic_store_explicit(&known, has, memory_order_relaxed);
    }
    return (has & features) == features;
}

void pst_accel_cpu_limit(unsigned features)
{
    atomic_store_explicit(&known, (ask() & features) | ASKED, memory_order_relaxed);
}
