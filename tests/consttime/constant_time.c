/*
 * constant_time.c - does anything that src/accel does with a secret show in the time it takes? Run under
 * valgrind, which follows each bit that the program calls undefined, and complains where one decides a branch
 * or an address: here the secrets are "undefined". What is public again (a signature, ciphertext) is called
 * defined again.
 *
 * Each case is a process of its own, so that its complaints are its own; run.py reads them, and knows which
 * are expected. A case says, too, that the secret did reach its outputs: else it would have shown nothing.
 *
 * valgrind does not have all instructions, so it is not all code that runs here: see README.md.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mbedtls/constant_time.h>

#include "accel/accel.h"
#include "secrets.h"

void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "constant_time: %s\n", what);
    abort();
}

bool is_touched(const void *ptr, size_t len)
{
    unsigned char bits[4096] = {0};
    unsigned char any = 0;
    MUST(len <= sizeof(bits) && VALGRIND_GET_VBITS(ptr, bits, len) == 1);
    for (size_t i = 0; i < len; i++)
        any |= bits[i];
    return any != 0;
}

void fill(unsigned char *out, size_t len, unsigned char seed)
{
    uint32_t x = 0x9e3779b9U * (seed + 1U);
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525U + 1013904223U;
        out[i] = (unsigned char)(x >> 24);
    }
}

/* ---- controls: what valgrind has to see ---- */

static volatile unsigned seen;

static void control_branch(void)
{
    unsigned char key[16];
    fill(key, sizeof(key), 1);
    SECRET(key, sizeof(key));
    if (((volatile unsigned char *)key)[3] & 1)
        seen++;
}

static void control_address(void)
{
    static const unsigned table[256] = {1, 2, 3};
    unsigned char key[16];
    fill(key, sizeof(key), 1);
    SECRET(key, sizeof(key));
    seen += ((const volatile unsigned *)table)[key[3]];
}

static void control_tag(void)
{
    unsigned char a[16];
    unsigned char b[16];
    fill(a, sizeof(a), 1);
    memcpy(b, a, sizeof(b));
    SECRET(a, sizeof(a));
    for (size_t i = 0; i < sizeof(a); i++)
        if (((volatile unsigned char *)a)[i] != b[i])
            break;
}

/* Comparison without a branch of one's own, and silent until somebody looks at its outcome. */
static void tag_comparison(void)
{
    unsigned char a[16];
    unsigned char b[16];
    fill(a, sizeof(a), 1);
    for (unsigned flipped = 0; flipped < 2; flipped++) {
        memcpy(b, a, sizeof(b));
        b[15] ^= (unsigned char)flipped;
        SECRET(a, sizeof(a));
        int differs = mbedtls_ct_memcmp(a, b, sizeof(a));
        MUST(is_touched(&differs, sizeof(differs)));
        PUBLIC(&differs, sizeof(differs));
        PUBLIC(a, sizeof(a));
        MUST((differs != 0) == flipped);
    }
}

static const struct secret_case own_cases[] = {
    {"control/branch", control_branch},
    {"control/address", control_address},
    {"control/tag", control_tag},
    {"tag/compare", tag_comparison},
    {NULL, NULL},
};

/* ---- all of them ---- */

static bool run_in_child(const struct secret_case *one)
{
    int status = 0;
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        VALGRIND_PRINTF("CASE %s\n", one->name);
        one->run();
        VALGRIND_PRINTF("DONE %s %u\n", one->name, (unsigned)VALGRIND_COUNT_ERRORS);
        _exit(0);
    }
    MUST(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    fprintf(stderr, "constant_time: %s did not end well\n", one->name);
    return false;
}

static bool run_all(const struct secret_case *cases)
{
    bool is_well = true;
    for (; cases->name; cases++)
        is_well = run_in_child(cases) && is_well;
    return is_well;
}

int main(void)
{
    char in_use[512];
    MUST(RUNNING_ON_VALGRIND);
    /* The libraries make their choices, and test themselves. */
    pst_accel_tell(in_use, sizeof(in_use));
    printf("in use: %s\n", in_use);
    (void)fflush(stdout);
    MUST(VALGRIND_COUNT_ERRORS == 0);
    bool is_well = run_all(own_cases);
    is_well = run_all(record_cases) && is_well;
    is_well = run_all(curve_cases) && is_well;
    return is_well ? 0 : 1;
}
