/* cli_sink.c - where the log and the trace go. */
#include "server/cli_sink.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

char *pst_cli_sink_line(struct pst_cli_sink *sink)
{
    if (sink->len > sizeof sink->buf - PST_CLI_LINE_BYTES)
        pst_cli_sink_flush(sink);
    return sink->buf + sink->len;
}

void pst_cli_sink_add(struct pst_cli_sink *sink, const char *end)
{
    sink->len = (size_t)(end - sink->buf);
}

static void complain(struct pst_cli_output *output, int err)
{
    if (atomic_exchange(&output->complained, true))
        return;
    char text[128];
    fprintf(stderr, "postern: cannot write to %s (%s): going on without\n", output->name,
            strerror_r(err, text, sizeof text));
}

void pst_cli_sink_flush(struct pst_cli_sink *sink)
{
    size_t done = 0;
    while (done < sink->len) {
        ssize_t n = write(sink->output->fd, sink->buf + done, sink->len - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (errno != EINTR) {
            complain(sink->output, errno);
            break;
        }
    }
    sink->len = 0;
}

char *pst_cli_put(char *p, struct pst_slice s)
{
    if (s.len == 0)
        return p;
    memcpy(p, s.ptr, s.len);
    return p + s.len;
}

static bool is_harmless(char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

char *pst_cli_put_escaped(char *p, struct pst_slice s, size_t max)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = s.len < max ? s.len : max;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (is_harmless(s.ptr[i])) {
            *p++ = s.ptr[i];
        } else if (c == '"' || c == '\\') {
            *p++ = '\\';
            *p++ = s.ptr[i];
        } else {
            *p++ = '\\';
            *p++ = 'x';
            *p++ = digits[c >> 4U];
            *p++ = digits[c & 15U];
        }
    }
    return n < s.len ? pst_cli_put(p, PST_SLICE("...")) : p;
}

char *pst_cli_put_number(char *p, unsigned long long n)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    return pst_cli_put(p, pst_slice_of(digits + at, sizeof digits - at));
}
