/* part_head.h - the header section of one part of a multipart/form-data body: RFC 7578 4.2 and what clients
 * really write. */
#ifndef PST_HTTP_PART_HEAD_H
#define PST_HTTP_PART_HEAD_H

#include <postern/form.h>

/* Reads a whole head: lines that each end in CRLF, then an empty one; every byte of a line may stand in a
 * field value. Decodes in place: the part's slices point into head. On PST_E_SYNTAX *ret_why, a static text,
 * says what was wrong. */
int pst_part_head_read(char *head, size_t len, struct pst_form_part *ret_part, const char **ret_why);

#endif
