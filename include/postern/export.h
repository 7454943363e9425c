/* export.h - how public symbols are marked. Everything without PST_API is hidden in the shared library. */
#ifndef POSTERN_EXPORT_H
#define POSTERN_EXPORT_H

#define PST_API __attribute__((visibility("default")))

/* Lets the compiler check format strings: ARG is the format's position, FIRST its first value's. */
#define PST_PRINTF(ARG, FIRST) __attribute__((format(printf, ARG, FIRST)))

#ifdef __cplusplus
#define PST_BEGIN_DECLS extern "C" {
#define PST_END_DECLS   }
#else
#define PST_BEGIN_DECLS
#define PST_END_DECLS
#endif

#endif
