/* proof.h - what the tests named proof_* share: random cases of a primitive, each held against Mbed TLS's own
 * code and, where the tests were built with it, against OpenSSL.
 *
 * A case follows from its number alone. Some hundreds run by default; the environment can ask for others:
 *   POSTERN_ACCEL_CASES=100000   this many (scripts/test.sh --full does)
 *   POSTERN_ACCEL_CASE=1234      this one: what a failure prints
 *
 * The includer defines DICE_SEED, and HAS_LIBRARY where its primitive has one. */
#ifndef PST_TESTS_PROOF_H
#define PST_TESTS_PROOF_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit/accel/accel_bench.h"

#if defined(__SANITIZE_THREAD__)
#define PROOF_QUICK(n) ((n) / 10)
#else
#define PROOF_QUICK(n) (n)
#endif

#define OK(call) assert_int_equal(call, 0)

/* Stands for what is left out without it. */
static inline void test_openssl__to_compare_with__was_there_at_build_time(void **state)
{
    (void)state;
#if !defined(POSTERN_TEST_OPENSSL)
    print_message("built without OpenSSL: compared with the stock code alone\n");
    skip();
#endif
}

/* Says what is wrong with a case, or NULL. */
typedef const char *(*proof_fn)(void *arg);

#define PROOF_STRING_(x) #x
#define PROOF_STRING(x)  PROOF_STRING_(x)
/* In a proof_fn: else this is what is wrong. */
#define HOLDS(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return __FILE__ ":" PROOF_STRING(__LINE__) ": not so: " #condition;                              \
    } while (0)

/* Far apart for neighbours, and never 0. */
static inline void deal(size_t number)
{
    uint64_t x = (uint64_t)number * 0x9e3779b97f4a7c15 + DICE_SEED;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    dice = (x ^ x >> 31) | 1;
}

static inline void prove(proof_fn fn, void *arg, size_t quick)
{
    const char *many = getenv("POSTERN_ACCEL_CASES");
    const char *one = getenv("POSTERN_ACCEL_CASE");
    size_t from = one ? strtoul(one, NULL, 10) : 0;
    size_t to = one ? from + 1 : many ? strtoul(many, NULL, 10) : quick;
    for (size_t n = from; n < to; n++) {
        deal(n);
        const char *wrong = fn(arg);
        if (wrong)
            fail_msg("case %zu of seed %#llx: %s\nalone: POSTERN_ACCEL_CASE=%zu", n,
                     (unsigned long long)DICE_SEED, wrong, n);
    }
    if (many || one)
        print_message("%zu cases from %zu\n", to - from, from);
}

static inline void roll_fill(unsigned char *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)roll(256);
}

static inline bool is_all(const unsigned char *p, size_t len, unsigned char value)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != value)
            return false;
    return true;
}

/* Memory between two pages that may not be touched: assembler that strays, which no sanitizer sees, is caught
 * at both ends of it. */
struct fenced {
    unsigned char *bytes;
    size_t size;
};

static inline void fenced_init(struct fenced *f, size_t least)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    f->size = (least + page - 1) / page * page;
    unsigned char *all = mmap(NULL, f->size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(all != MAP_FAILED);
    f->bytes = all + page;
    OK(mprotect(f->bytes, f->size, PROT_READ | PROT_WRITE));
}

static inline void fenced_fini(struct fenced *f)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    OK(munmap(f->bytes - page, f->size + 2 * page));
}

/* Room for len bytes in it: against one fence or the other, or anywhere. */
static inline unsigned char *fenced_place(const struct fenced *f, size_t len)
{
    size_t how = roll(4);
    return f->bytes + (how == 0 ? 0 : how == 1 ? roll(f->size - len + 1) : f->size - len);
}

#endif
