#include "cpu.h"

#include <cpuid.h>
#include <stdatomic.h>

#define ASKED (1U << 31)

/* Threads that come at the same time write the same. */
static atomic_uint known;

/* CPUID leaf 7, subleaf 0: the structured extended features. */
static unsigned ask(void)
{
    unsigned features = 0;
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & 1U << 29))
        features |= PST_ACCEL_CPU_SHA;
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
