/* cpu.h - the processor's instructions. Asked once a process: under a hypervisor the question takes
 * microseconds. */
#ifndef PST_ACCEL_CPU_H
#define PST_ACCEL_CPU_H

#include <stdbool.h>

enum {
    PST_ACCEL_CPU_SHA = 1 << 0,
    PST_ACCEL_CPU_AES = 1 << 1,     /* with carry-less multiplication */
    PST_ACCEL_CPU_VECTORS = 1 << 2, /* the system keeps the registers of whatever AVX there is */
    PST_ACCEL_CPU_64 = 1 << 3,      /* what every x86-64 has; a name for what tests take away */
};

/* Whether it has all of these. */
bool pst_accel_cpu_has(unsigned features);

/* For tests: from now on it has none but these, and of them only what it really has; ~0U gives all back. */
void pst_accel_cpu_limit(unsigned features);

#endif
