/* chunked.c - see chunked.h. Trailer fields are checked and dropped: RFC 9110 6.5.1 lets a recipient do so,
 * and merging them into the head would let a client add fields after they were looked at. */
#include "h1/chunked.h"

#include "http/ctype.h"

enum state { SIZE, SPACE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LF, END_LF, DONE };

void pst_chunked_init(struct pst_chunked *decoder)
{
    *decoder = (struct pst_chunked){.state = SIZE};
}

static int size_digit(struct pst_chunked *d, int value)
{
    if (d->left >> 59) /* the next digit would reach beyond 63 bits */
        return 400;
    d->left = d->left << 4 | (unsigned)value;
    d->has_digit = true;
    return 0;
}

/* A byte of the size line: chunk-size [ chunk-ext ] CRLF. Extensions are read over (RFC 9112 7.1.1). */
static int size_byte(struct pst_chunked *d, const struct pst_limits *limits, unsigned char c)
{
    if (++d->line_bytes > limits->chunk_line_bytes)
        return 400;
    int value = d->state == SIZE ? pst_hex_value(c) : -1;
    if (value >= 0)
        return size_digit(d, value);
    if (d->state == SIZE && !d->has_digit)
        return 400;
    if (c == '\r' && d->state != SPACE) {
        d->state = SIZE_LF;
        return 0;
    }
    if (d->state == EXTENSION)
        return pst_is_field_value(c) ? 0 : 400;
    /* Blanks after the size are only good before an extension: alone they have been read in two ways by
     * others. */
    if (c == ';')
        d->state = EXTENSION;
    else if (c == ' ' || c == '\t')
        d->state = SPACE;
    else
        return 400;
    return 0;
}

/* A byte of the trailer section: field lines, then an empty line. */
static int trailer_byte(struct pst_chunked *d, const struct pst_limits *limits, unsigned char c)
{
    /* One more: the CR of the empty line behind the section, which is not part of it. */
    if (++d->trailer_bytes > limits->trailer_bytes + 1)
        return 431;
    if (c == '\r') {
        if (d->is_line_begun && !d->has_colon)
            return 400;
        d->state = d->is_line_begun ? TRAILER_LF : END_LF;
        return 0;
    }
    if (d->has_colon)
        return pst_is_field_value(c) ? 0 : 400;
    if (c == ':' && d->is_line_begun) {
        d->has_colon = true;
        return 0;
    }
    d->is_line_begun = true;
    return pst_is_token(c) ? 0 : 400;
}

static void begin_line(struct pst_chunked *d)
{
    d->is_line_begun = false;
    d->has_colon = false;
}

static void after_size(struct pst_chunked *d)
{
    d->state = d->left ? DATA : TRAILER;
    d->line_bytes = 0;
    d->has_digit = false;
    begin_line(d);
}

/* Any byte outside of data. */
static int line_byte(struct pst_chunked *d, const struct pst_limits *limits, unsigned char c)
{
    switch ((enum state)d->state) {
    case SIZE:
    case SPACE:
    case EXTENSION:
        return size_byte(d, limits, c);
    case SIZE_LF:
        if (c != '\n' || ++d->line_bytes > limits->chunk_line_bytes)
            return 400;
        after_size(d);
        return 0;
    case DATA_CR:
        d->state = DATA_LF;
        return c == '\r' ? 0 : 400;
    case DATA_LF:
        d->state = SIZE;
        return c == '\n' ? 0 : 400;
    case TRAILER:
        return trailer_byte(d, limits, c);
    case TRAILER_LF:
        d->trailer_bytes++;
        begin_line(d);
        d->state = TRAILER;
        return c == '\n' ? 0 : 400;
    case END_LF:
        d->state = DONE;
        return c == '\n' ? PST_CHUNKED_DONE : 400;
    case DATA:
    case DONE:
        break;
    }
    return 400;
}

int pst_chunked_decode(struct pst_chunked *d, const struct pst_limits *limits, const char *in, size_t len,
                       size_t *ret_used, struct pst_slice *ret_data)
{
    *ret_data = pst_slice_of(in, 0);
    for (size_t i = 0; i < len; i++) {
        if (d->state == DATA) {
            size_t n = len - i < d->left ? len - i : (size_t)d->left;
            *ret_data = pst_slice_of(in + i, n);
            *ret_used = i + n;
            d->left -= n;
            if (d->left == 0)
                d->state = DATA_CR;
            return PST_CHUNKED_MORE;
        }
        int ret = line_byte(d, limits, (unsigned char)in[i]);
        if (ret) {
            *ret_used = i + 1;
            return ret;
        }
    }
    *ret_used = len;
    return PST_CHUNKED_MORE;
}
