/* page.h - a page of posts, collected row by row in memory that is reused, then made in one piece. */
#ifndef PST_STORE_PAGE_H
#define PST_STORE_PAGE_H

#include "store/internal.h"

/* A run of the reader's text. Offsets, since the text moves while it grows. */
struct pst_page_span {
    size_t at, len;
};
struct pst_page_row {
    uint64_t id;
    int64_t time_ms;
    struct pst_page_span type, address, fields, body;
    size_t field_count, file_count;
};
struct pst_page_file {
    uint64_t id; /* of its post */
    uint64_t size;
    unsigned number;
    struct pst_page_span name, file_name, type;
    uint8_t hash[PST_SHA256_BYTES];
};

void pst_page_scratch_free(struct pst_reader *reader);
/* Gives a large page's memory back. */
void pst_page_scratch_trim(struct pst_reader *reader);

#endif
