/* form_stream.c - see form_stream.h. The WHATWG URL standard, 5.1. */
#include "http/form_stream.h"

#include "http/ctype.h"

void pst_form_stream_init(struct pst_form_stream *s, struct pst_form_sink *sink, char *name)
{
    *s = (struct pst_form_stream){.sink = sink, .name_cap = sink->limits.form_name_bytes};
    s->name = name;
}

static int flush(struct pst_form_stream *s)
{
    size_t len = s->out_len;
    s->out_len = 0;
    return pst_form_sink_data(s->sink, s->out, len);
}

/* One decoded byte. */
static int put(struct pst_form_stream *s, char c)
{
    if (!s->is_in_value) {
        if (s->name_len == s->name_cap)
            return pst_form_sink_name_too_long(s->sink);
        s->name[s->name_len++] = c;
        return 0;
    }
    s->out[s->out_len++] = c;
    return s->out_len == sizeof s->out ? flush(s) : 0;
}

/* What may have become an escape does not: it stands for itself. */
static int put_escape(struct pst_form_stream *s)
{
    int err = 0;
    for (size_t i = 0; i < s->escape_len && !err; i++)
        err = put(s, s->escape[i]);
    s->escape_len = 0;
    return err;
}

static int begin_value(struct pst_form_stream *s)
{
    int err = put_escape(s);
    if (err)
        return err;
    const struct pst_form_part part = {.name = pst_slice_of(s->name, s->name_len)};
    s->is_in_value = true;
    return pst_form_sink_begin(s->sink, &part);
}

static int end_field(struct pst_form_stream *s)
{
    int err = 0;
    if (!s->is_begun)
        return 0;
    err = s->is_in_value ? put_escape(s) : begin_value(s);
    if (!err)
        err = flush(s);
    s->is_begun = false;
    s->is_in_value = false;
    s->name_len = 0;
    return err ? err : pst_form_sink_end(s->sink);
}

static int read_byte(struct pst_form_stream *s, char c)
{
    int digit = s->escape_len > 0 ? pst_hex_value((unsigned char)c) : -1;
    if (digit >= 0 && s->escape_len == 1) {
        s->escape[s->escape_len++] = c;
        return 0;
    }
    if (digit >= 0) {
        s->escape_len = 0;
        return put(s, (char)(pst_hex_value((unsigned char)s->escape[1]) * 16 + digit));
    }
    if (c == '&')
        return end_field(s);
    s->is_begun = true;
    if (c == '=' && !s->is_in_value)
        return begin_value(s);
    int err = s->escape_len > 0 ? put_escape(s) : 0;
    if (err)
        return err;
    if (c == '%') {
        s->escape[s->escape_len++] = c;
        return 0;
    }
    return put(s, c == '+' ? ' ' : c);
}

int pst_form_stream_feed(struct pst_form_stream *s, const char *data, size_t len)
{
    int err = 0;
    for (size_t i = 0; i < len && !err; i++)
        err = read_byte(s, data[i]);
    /* What is there is given on, so that a slow sender's text is seen as it comes. */
    return err || s->out_len == 0 ? err : flush(s);
}

int pst_form_stream_finish(struct pst_form_stream *s)
{
    return end_field(s);
}
