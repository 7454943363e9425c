/* limit.c - before a suite of Mbed TLS begins: POSTERN_TEST_ACCEL=limited takes from the processor, as far as
 * src/accel is told, all that it has. */
#include <stdlib.h>
#include <string.h>

#if defined(POSTERN_HAS_ACCEL)
#include "cpu.h"

__attribute__((constructor)) static void limit(void)
{
    const char *state = getenv("POSTERN_TEST_ACCEL");
    if (state && strcmp(state, "limited") == 0)
        pst_accel_cpu_limit(0);
}
#endif
