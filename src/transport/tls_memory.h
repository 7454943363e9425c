/* tls_memory.h - where Mbed TLS's memory comes from.
 *
 * Mbed TLS holds two record buffers of a little over 16 KiB for each connection, idle or not. They are served
 * from page-aligned blocks, so that an idle connection's pages can go back to the operating system while the
 * buffers stay where Mbed TLS believes them to be. Expanded keys come from tls_slots.h, for the same reason.
 * Everything else comes from calloc.
 *
 * With a system Mbed TLS the allocator is left alone (it is not ours to replace: other parts of the process
 * may use the same library); trimming then does nothing. */
#ifndef PST_TRANSPORT_TLS_MEMORY_H
#define PST_TRANSPORT_TLS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Installs the allocator. Once a process, before Mbed TLS allocates anything. */
void pst_tls_memory_init(void);

/* Gives the pages of a record buffer back; it reads as zero from then on. False where block is not a record
 * buffer of ours, or the system does not want them: nothing happens then. */
bool pst_tls_memory_trim(void *block);
/* The same, and frees it. */
bool pst_tls_memory_drop(void *block);

/* For tests and figures. */
struct pst_tls_memory_stats {
    uint64_t calls;     /* allocations of any size made by the calling thread */
    size_t live_blocks; /* record buffers handed out, of all threads */
    size_t kept_blocks; /* free ones that still hold their pages */
    size_t live_pages;  /* present in memory, of the record buffers handed out */
};
void pst_tls_memory_stats(struct pst_tls_memory_stats *ret_stats);

#endif
