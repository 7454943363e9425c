/* poison.h - tells AddressSanitizer which parts of memory that we hand out ourselves may be touched, so that
 * a use after give-back is caught as malloc's would be. Without it, nothing. */
#ifndef PST_BASE_POISON_H
#define PST_BASE_POISON_H

#if defined(__SANITIZE_ADDRESS__)
#define PST_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PST_HAS_ASAN 1
#endif
#endif

#ifdef PST_HAS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size)   ((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

#endif
