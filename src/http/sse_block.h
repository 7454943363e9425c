/* sse_block.h - a piece of event stream that many readers send, on several threads: written once, counted. */
#ifndef PST_HTTP_SSE_BLOCK_H
#define PST_HTTP_SSE_BLOCK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/sse.h"

/* Blocks make a log, each leading to the next: who holds one can go on from it, and what nobody can reach any
 * more is freed. */
struct pst_sse_block {
    atomic_size_t refs;
    _Atomic(struct pst_sse_block *) next; /* counted; NULL until there is one, then constant */
    uint64_t end;                         /* so many bytes lie in the log up to this block's end */
    size_t len;
    char bytes[];
};

/* The bytes of before, then those of the events. Errors: PST_E_NOMEM; PST_E_INVAL, a name or id with a line
 * end or NUL. */
int pst_sse_block_new(struct pst_sse_block **ret_block, struct pst_slice before,
                      const struct pst_sse_event *events, size_t count);
struct pst_sse_block *pst_sse_block_ref(struct pst_sse_block *block);
/* NULL is allowed. */
void pst_sse_block_unref(struct pst_sse_block *block);

#endif
