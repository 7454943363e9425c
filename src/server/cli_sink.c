/* cli_sink.c - where the log and the trace go. */
#include "server/cli_sink.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A pipe that is ready takes this much without waiting (pipe(7): PIPE_BUF). */
#define PIECE_BYTES 4096U
/* What a reader gets to take the last lines. */
#define FINISH_WAIT_MS 1000
/* "... lines were lost" */
#define NOTE_BYTES 128U

char *pst_cli_sink_line(struct pst_cli_sink *sink)
{
    const size_t most = sizeof sink->buf - PST_CLI_LINE_BYTES - NOTE_BYTES;
    if (sink->len > most)
        pst_cli_sink_flush(sink);
    sink->is_full = sink->len > most;
    if (!sink->is_full && sink->lost > 0) {
        int n = snprintf(sink->buf + sink->len, NOTE_BYTES,
                         "postern: %llu lines were lost, for nobody read them\n", sink->lost);
        sink->len += n > 0 ? (size_t)n : 0;
        sink->lost = 0;
    }
    /* A line for nobody is made behind the others all the same: there is room for one. */
    return sink->buf + sink->len;
}

void pst_cli_sink_add(struct pst_cli_sink *sink, const char *end)
{
    if (sink->is_full)
        sink->lost++;
    else
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

/* A file is ready always, so that it is not asked. */
static bool is_ready(const struct pst_cli_sink *sink, int wait_ms)
{
    if (sink->output->is_file)
        return true;
    struct pollfd fd = {.fd = sink->output->fd, .events = POLLOUT};
    int n = poll(&fd, 1, wait_ms);
    /* Where poll cannot tell, write will. */
    return n != 0 && (n < 0 || fd.revents != 0);
}

/* How much to write at once: all to a file; to others what goes without waiting, in whole lines where they
 * fit, so that the lines of several workers do not mix. */
static size_t piece_bytes(const struct pst_cli_sink *sink, size_t done)
{
    size_t left = sink->len - done;
    if (sink->output->is_file || left <= PIECE_BYTES)
        return left;
    const char *begin = sink->buf + done, *newline = memrchr(begin, '\n', PIECE_BYTES);
    return newline ? (size_t)(newline - begin) + 1 : PIECE_BYTES;
}

static void flush(struct pst_cli_sink *sink, int wait_ms)
{
    size_t done = 0;
    while (done < sink->len && is_ready(sink, wait_ms)) {
        ssize_t n = write(sink->output->fd, sink->buf + done, piece_bytes(sink, done));
        if (n > 0) {
            done += (size_t)n;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            complain(sink->output, errno);
            done = sink->len;
        }
    }
    sink->len -= done;
    memmove(sink->buf, sink->buf + done, sink->len);
}

void pst_cli_sink_flush(struct pst_cli_sink *sink)
{
    flush(sink, 0);
}

void pst_cli_sink_finish(struct pst_cli_sink *sink)
{
    flush(sink, FINISH_WAIT_MS);
}

char *pst_cli_put(char *p, struct pst_slice s)
{
    if (s.len == 0)
        return p;
    memcpy(p, s.ptr, s.len);
    return p + s.len;
}

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Not 0 where one of the bytes of x is 0, and only there. */
static uint64_t zeros(uint64_t x)
{
    return (x - EACH_BYTE(1)) & ~x & EACH_BYTE(0x80);
}

/* Whether eight bytes are printable ASCII without quotes and backslashes, as nearly all are that come. */
static bool are_harmless(uint64_t x)
{
    uint64_t below_0x20 = (x - EACH_BYTE(0x20)) & ~x & EACH_BYTE(0x80); /* not 0 where one is, likewise */
    uint64_t others = zeros(x ^ EACH_BYTE(0x7f)) | zeros(x ^ EACH_BYTE('"')) | zeros(x ^ EACH_BYTE('\\'));
    return (below_0x20 | others | (x & EACH_BYTE(0x80))) == 0;
}

static bool is_harmless(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static char *put_escaped_byte(char *p, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    if (!is_harmless(c))
        *p++ = '\\';
    if (is_harmless(c) || c == '"' || c == '\\') {
        *p++ = (char)c;
    } else {
        *p++ = 'x';
        *p++ = digits[c >> 4U];
        *p++ = digits[c & 15U];
    }
    return p;
}

char *pst_cli_put_escaped(char *p, struct pst_slice s, size_t max)
{
    size_t n = s.len < max ? s.len : max;
    size_t i = 0;
    while (i < n) {
        uint64_t eight;
        if (n - i >= sizeof eight) {
            memcpy(&eight, s.ptr + i, sizeof eight);
            if (are_harmless(eight)) {
                memcpy(p, &eight, sizeof eight);
                p += sizeof eight;
                i += sizeof eight;
                continue;
            }
        }
        /* All that those eight were, or the rest. */
        for (size_t end = n - i < sizeof eight ? n : i + sizeof eight; i < end; i++)
            p = put_escaped_byte(p, (unsigned char)s.ptr[i]);
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
