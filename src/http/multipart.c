/* multipart.c - see multipart.h.
 *
 * The delimiter is CRLF "--" boundary; CR is no byte of a boundary, so a CR can only be its first byte, and
 * of a failed match nothing can be the beginning of another one. What was read of a delimiter that turns out
 * to be data is given on from the piece where it lies; where it lies in an earlier piece, from our own copy
 * of the delimiter: so nothing has to be stored. */
#include "http/multipart.h"

#include "http/ctype.h"
#include "http/part_head.h"

void pst_multipart_init(struct pst_multipart *m, struct pst_form_sink *sink, struct pst_slice boundary,
                        char *head)
{
    *m = (struct pst_multipart){.sink = sink, .head_cap = sink->limits.part_head_bytes};
    m->head = head;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.ptr, boundary.len);
    m->delimiter_len = 4 + boundary.len;
    m->delimiter[m->delimiter_len] = '-';
    /* The first delimiter may be the first thing of all. */
    m->matched = 2;
    m->is_crlf_ours = true;
}

/* ---- data ---- */

static int give(const struct pst_multipart *m, const char *data, size_t len)
{
    return m->is_in_part && len > 0 ? pst_form_sink_data(m->sink, data, len) : 0;
}

/* What looked like a delimiter is data; p is behind it. */
static int give_back(struct pst_multipart *m, const char *p)
{
    size_t ours = m->is_crlf_ours ? 2 : 0;
    size_t len = m->matched - ours;
    m->state = PST_MULTIPART_TEXT;
    m->matched = 0;
    m->is_crlf_ours = false;
    return m->is_held ? give(m, m->held, (size_t)(p - m->held)) : give(m, m->delimiter + ours, len);
}

/* Goes on with a delimiter of which some bytes were read. */
static int match_on(struct pst_multipart *m, const char **p, const char *end)
{
    if (m->is_crlf_ours && m->matched == 2) {
        m->is_held = true;
        m->held = *p;
    }
    while (m->matched < m->delimiter_len && *p < end && **p == m->delimiter[m->matched]) {
        ++*p;
        m->matched++;
    }
    if (m->matched == m->delimiter_len)
        m->state = PST_MULTIPART_BEHIND;
    else if (*p < end)
        return give_back(m, *p);
    return 0;
}

/* Where the piece ends in the beginning of a delimiter; end where it does not. */
static const char *partial_delimiter(const struct pst_multipart *m, const char *from, const char *end)
{
    size_t most = m->delimiter_len - 1;
    if ((size_t)(end - from) > most)
        from = end - most;
    const char *cr = end;
    while (cr > from && cr[-1] != '\r')
        cr--;
    if (cr == from)
        return end;
    cr--;
    return memcmp(cr, m->delimiter, (size_t)(end - cr)) == 0 ? cr : end;
}

static int read_text(struct pst_multipart *m, const char **p, const char *end)
{
    if (m->matched > 0)
        return match_on(m, p, end);
    const char *from = *p;
    const char *found = memmem(from, (size_t)(end - from), m->delimiter, m->delimiter_len);
    if (found) {
        m->matched = m->delimiter_len;
        m->state = PST_MULTIPART_BEHIND;
        *p = found + m->delimiter_len;
    } else {
        found = partial_delimiter(m, from, end);
        m->matched = (size_t)(end - found);
        *p = end;
    }
    m->is_held = true;
    m->held = found;
    return give(m, from, (size_t)(found - from));
}

/* ---- behind a delimiter ---- */

static int end_part(struct pst_multipart *m)
{
    if (!m->is_in_part)
        return 0;
    m->is_in_part = false;
    return pst_form_sink_end(m->sink);
}

/* A line that merely begins with the delimiter is data: "--boundaryX". What others might take for a delimiter
 * and we do not is refused: a blank and then more, or a bare LF. */
static int read_behind(struct pst_multipart *m, const char **p)
{
    switch (**p) {
    case '-':
        m->state = PST_MULTIPART_DASH;
        m->matched++;
        ++*p;
        return 0;
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        m->state = PST_MULTIPART_PADDING;
        return end_part(m);
    default:
        return give_back(m, *p);
    }
}

static int read_dash(struct pst_multipart *m, const char **p)
{
    if (**p != '-')
        return give_back(m, *p);
    ++*p;
    m->state = PST_MULTIPART_CLOSED;
    return end_part(m);
}

/* RFC 2046 5.1.1: transport-padding, which "must be ignored". next: the state behind its CR. */
static int read_padding(struct pst_multipart *m, const char **p, enum pst_multipart_state next)
{
    char c = *(*p)++;
    if (c == '\r')
        m->state = next;
    else if (c != ' ' && c != '\t')
        return pst_form_sink_refuse(m->sink, "a delimiter's line has more than the delimiter");
    return 0;
}

static int read_line_feed(struct pst_multipart *m, const char **p)
{
    if (*(*p)++ != '\n')
        return pst_form_sink_refuse(m->sink, "a delimiter's line does not end in CRLF");
    if (m->state == PST_MULTIPART_CLOSED_LINE) {
        m->state = PST_MULTIPART_EPILOGUE;
        return 0;
    }
    m->state = PST_MULTIPART_HEAD;
    m->head_len = 0;
    m->line_at = 0;
    return pst_form_sink_part(m->sink);
}

/* ---- heads ---- */

static int begin_part(struct pst_multipart *m)
{
    struct pst_form_part part;
    const char *why;
    if (pst_part_head_read(m->head, m->head_len, &part, &why) != 0)
        return pst_form_sink_refuse(m->sink, why);
    m->state = PST_MULTIPART_TEXT;
    m->matched = 2;
    m->is_crlf_ours = true;
    m->is_in_part = true;
    return pst_form_sink_begin(m->sink, &part);
}

/* The bytes of a head, one by one: it is short, and so the same is wrong wherever it was cut. */
static int read_head(struct pst_multipart *m, const char **p, const char *end)
{
    while (*p < end) {
        unsigned char c = (unsigned char)*(*p)++;
        bool is_behind_cr = m->head_len > m->line_at && m->head[m->head_len - 1] == '\r';
        if (is_behind_cr != (c == '\n'))
            return pst_form_sink_refuse(m->sink, "a line of a part's head does not end in CRLF");
        if (c != '\r' && c != '\n' && !pst_is_field_value(c))
            return pst_form_sink_refuse(m->sink, "a part's head holds a control byte");
        if (m->head_len == m->head_cap)
            return pst_form_sink_over(m->sink, "a part's head is longer than", "part_head_bytes",
                                      m->sink->limits.part_head_bytes);
        m->head[m->head_len++] = (char)c;
        if (c != '\n')
            continue;
        bool is_last = m->head_len - m->line_at == 2;
        m->line_at = m->head_len;
        if (is_last)
            return begin_part(m);
    }
    return 0;
}

/* ---- all of it ---- */

static int step(struct pst_multipart *m, const char **p, const char *end)
{
    switch (m->state) {
    case PST_MULTIPART_TEXT:
        return read_text(m, p, end);
    case PST_MULTIPART_BEHIND:
        return read_behind(m, p);
    case PST_MULTIPART_DASH:
        return read_dash(m, p);
    case PST_MULTIPART_PADDING:
        return read_padding(m, p, PST_MULTIPART_LINE_END);
    case PST_MULTIPART_CLOSED:
        return read_padding(m, p, PST_MULTIPART_CLOSED_LINE);
    case PST_MULTIPART_LINE_END:
    case PST_MULTIPART_CLOSED_LINE:
        return read_line_feed(m, p);
    case PST_MULTIPART_HEAD:
        return read_head(m, p, end);
    case PST_MULTIPART_EPILOGUE:
        break;
    }
    *p = end;
    return 0;
}

int pst_multipart_feed(struct pst_multipart *m, const char *data, size_t len)
{
    const char *p = data, *end = data + len;
    int err = 0;
    m->is_held = false;
    while (p < end && err == 0)
        err = step(m, &p, end);
    return err;
}

int pst_multipart_finish(struct pst_multipart *m)
{
    if (m->state == PST_MULTIPART_CLOSED || m->state == PST_MULTIPART_EPILOGUE)
        return 0;
    return pst_form_sink_refuse(m->sink, "the body ends before its last delimiter");
}
