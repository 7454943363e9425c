/* failmalloc.c - see failmalloc.h. The linker's --wrap sends each call of malloc to __wrap_malloc, and calls
 * the real one __real_malloc. */
#include "support/failmalloc.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
int __real_posix_memalign(void **ret_ptr, size_t alignment, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *ptr);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
int __wrap_posix_memalign(void **ret_ptr, size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *ptr);

/* Of each thread's own: other threads go on undisturbed, and the numbers stay the same from run to run. */
static _Thread_local struct {
    bool is_armed, is_paused, has_failed;
    size_t before; /* allocations that succeed first */
    size_t left;   /* that fail then */
} plan;

void failmalloc_arm(size_t first, size_t count)
{
    plan.is_armed = true;
    plan.is_paused = plan.has_failed = false;
    plan.before = first - 1;
    plan.left = count;
}

bool failmalloc_has_failed(void)
{
    return plan.has_failed;
}

bool failmalloc_disarm(void)
{
    plan.is_armed = false;
    return plan.has_failed;
}

void failmalloc_pause(void)
{
    plan.is_paused = true;
}

void failmalloc_resume(void)
{
    plan.is_paused = false;
}

static bool must_fail(void)
{
    if (!plan.is_armed || plan.is_paused)
        return false;
    if (plan.before) {
        plan.before--;
        return false;
    }
    if (!plan.left)
        return false;
    plan.left--;
    plan.has_failed = true;
    errno = ENOMEM;
    return true;
}

static atomic_size_t live;

size_t failmalloc_live_bytes(void)
{
    return live;
}

static void *counted(void *ptr)
{
    live += malloc_usable_size(ptr);
    return ptr;
}

void *__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *ptr, size_t size)
{
    if (must_fail())
        return NULL;
    size_t old = malloc_usable_size(ptr);
    void *grown = __real_realloc(ptr, size);
    if (grown)
        live -= old;
    return counted(grown);
}

int __wrap_posix_memalign(void **ret_ptr, size_t alignment, size_t size)
{
    if (must_fail())
        return ENOMEM;
    int err = __real_posix_memalign(ret_ptr, alignment, size);
    if (err == 0)
        (void)counted(*ret_ptr);
    return err;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return must_fail() ? NULL : counted(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *ptr)
{
    live -= malloc_usable_size(ptr);
    __real_free(ptr);
}
