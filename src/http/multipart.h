/* multipart.h - the body of multipart/form-data: bytes in, parts out. RFC 2046 5.1.1, RFC 7578.
 *
 *     [preamble CRLF] --boundary CRLF  head CRLF CRLF data  CRLF--boundary CRLF ... CRLF--boundary-- [CRLF
 * epilogue]
 *
 * Needs no memory but for one part's head. Knows nothing of charsets; limits are the sink's. */
#ifndef PST_HTTP_MULTIPART_H
#define PST_HTTP_MULTIPART_H

#include "http/form_sink.h"
#include "http/parameters.h"

enum pst_multipart_state {
    PST_MULTIPART_TEXT,        /* preamble or data, up to a delimiter */
    PST_MULTIPART_BEHIND,      /* a whole delimiter was read: is it one? */
    PST_MULTIPART_DASH,        /* and "-" */
    PST_MULTIPART_PADDING,     /* it is: blanks, up to CRLF */
    PST_MULTIPART_LINE_END,    /* its CR was read */
    PST_MULTIPART_HEAD,        /* a part's head */
    PST_MULTIPART_CLOSED,      /* behind "--": blanks, up to CRLF or the end */
    PST_MULTIPART_CLOSED_LINE, /* its CR was read */
    PST_MULTIPART_EPILOGUE,
};

struct pst_multipart {
    struct pst_form_sink *sink;
    enum pst_multipart_state state;
    char delimiter[4 + PST_BOUNDARY_MOST + 1]; /* CRLF "--" boundary, and a "-" */
    size_t delimiter_len;                      /* without that "-" */
    size_t matched;                            /* how many bytes of the delimiter were read */
    bool is_held;                              /* all of them lie in this piece, from here on: */
    const char *held;
    bool is_crlf_ours; /* the delimiter's CRLF is the end of the head, or before all: not data */
    bool is_in_part;
    char *head;
    size_t head_len, head_cap, line_at;
};

/* head: memory for sink->limits.part_head_bytes. boundary: as pst_parameter_boundary() gave it. */
void pst_multipart_init(struct pst_multipart *m, struct pst_form_sink *sink, struct pst_slice boundary,
                        char *head);
/* Both return 0 or what ends the reading. */
int pst_multipart_feed(struct pst_multipart *m, const char *data, size_t len);
int pst_multipart_finish(struct pst_multipart *m);

#endif
