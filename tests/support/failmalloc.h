/* failmalloc.h - an allocator that fails on demand. Only for files named *_oom.c, which are linked with
 * malloc, calloc, realloc, posix_memalign, aligned_alloc and free wrapped; what libc allocates for itself is
 * not seen.
 *
 *     for (size_t i = 1;; i++) {
 *         failmalloc_arm(i, 1);
 *         ... run ...
 *         if (!failmalloc_disarm())
 *             break; // it ran to its end without reaching allocation i
 *     }
 */
#ifndef PST_TESTS_FAILMALLOC_H
#define PST_TESTS_FAILMALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAILMALLOC_ALL SIZE_MAX

/* Of the calling thread's allocations from now on, number first (counted from 1) fails, and the count - 1
 * behind it. */
void failmalloc_arm(size_t first, size_t count);
/* Whether one did fail since failmalloc_arm(). */
bool failmalloc_has_failed(void);
/* Lets all succeed again. True where one did fail since failmalloc_arm(). */
bool failmalloc_disarm(void);
/* Between the two: for what belongs to the test, not to what is tested. */
void failmalloc_pause(void);
void failmalloc_resume(void);

/* Bytes that these functions have handed out and that were not freed since, of all threads, with what the
 * allocator rounds them up to: what a thing holds is the difference that freeing it makes. */
size_t failmalloc_live_bytes(void);

#endif
