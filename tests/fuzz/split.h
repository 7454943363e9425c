/* split.h - cutting an input into pieces by a byte of its own, so that a fuzzer chooses the cuts, too. */
#ifndef PST_FUZZ_SPLIT_H
#define PST_FUZZ_SPLIT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                   \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

struct split {
    uint32_t state; /* 0: no cuts */
    uint32_t most;  /* the largest piece */
};

/* 0 cuts nowhere, the others in pieces of 1, of up to 2, 4, 8 ... bytes. */
static inline struct split split_of(uint8_t pattern)
{
    struct split s = {pattern ? pattern * 2654435761u | 1 : 0, 1u << pattern % 8};
    return s;
}

/* The size of the next piece of what is left: 1 to left. */
static inline size_t split_next(struct split *s, size_t left)
{
    if (s->state == 0)
        return left;
    s->state ^= s->state << 13;
    s->state ^= s->state >> 17;
    s->state ^= s->state << 5;
    size_t n = 1 + (s->state >> 8) % s->most;
    return n < left ? n : left;
}

/* A piece in memory of exactly its size, so that a sanitizer sees the first byte read past it. */
static inline char *split_copy(const char *data, size_t len)
{
    char *copy = malloc(len ? len : 1);
    if (!copy)
        abort();
    if (len)
        memcpy(copy, data, len);
    return copy;
}

#endif
