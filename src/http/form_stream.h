/* form_stream.h - application/x-www-form-urlencoded as a stream: the same fields as pst_urlencoded_next()
 * gives of the whole text. Needs no memory but for one name. */
#ifndef PST_HTTP_FORM_STREAM_H
#define PST_HTTP_FORM_STREAM_H

#include "http/form_sink.h"

struct pst_form_stream {
    struct pst_form_sink *sink;
    char *name;
    size_t name_len, name_cap;
    bool is_begun;    /* the field at hand has a byte, so it is one: "&&" holds none */
    bool is_in_value; /* behind "=" */
    char escape[2];   /* "%", and a digit perhaps, that may become a byte */
    size_t escape_len;
    char out[1024]; /* of a value, decoded */
    size_t out_len;
};

/* name: memory for sink->limits.form_name_bytes. */
void pst_form_stream_init(struct pst_form_stream *s, struct pst_form_sink *sink, char *name);
/* Both return 0 or what ends the reading. */
int pst_form_stream_feed(struct pst_form_stream *s, const char *data, size_t len);
int pst_form_stream_finish(struct pst_form_stream *s);

#endif
