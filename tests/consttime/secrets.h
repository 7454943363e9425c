/* secrets.h - what the cases of the constant-time test share: how a secret is marked for valgrind, and how it
 * is seen where it got to. */
#ifndef PST_TESTS_CONSTTIME_SECRETS_H
#define PST_TESTS_CONSTTIME_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include <valgrind/memcheck.h>

#define SECRET(ptr, len) ((void)VALGRIND_MAKE_MEM_UNDEFINED(ptr, len))
#define PUBLIC(ptr, len) ((void)VALGRIND_MAKE_MEM_DEFINED(ptr, len))

/* What fails here is the test, not the code it tests. */
#define MUST(is_so) must(is_so, #is_so)
void must(bool is_so, const char *what);

/* Whether a secret is in it. */
bool is_touched(const void *ptr, size_t len);

/* The same bytes each time. */
void fill(unsigned char *out, size_t len, unsigned char seed);

struct secret_case {
    const char *name;
    void (*run)(void);
};

/* Each ends with one without a name. */
extern const struct secret_case record_cases[];
extern const struct secret_case curve_cases[];

#endif
