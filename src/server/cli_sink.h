/* cli_sink.h - where the log and the trace go: whole lines, gathered by each worker, one write a turn. */
#ifndef PST_SERVER_CLI_SINK_H
#define PST_SERVER_CLI_SINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <postern/slice.h>

/* One file or stream, shared by all workers. */
struct pst_cli_output {
    int fd;
    bool is_file;           /* a regular file: writing to it never waits for a reader */
    const char *name;       /* for the complaint */
    atomic_bool complained; /* that it cannot be written: said once */
};

/* The longest line. */
#define PST_CLI_LINE_BYTES 16384

/* One worker's way to it. */
struct pst_cli_sink {
    struct pst_cli_output *output;
    size_t len;
    unsigned long long lost; /* lines for which there was no room, since the last that could be written */
    bool is_full;            /* the line being made is for nobody */
    char buf[8 * PST_CLI_LINE_BYTES];
};

/* Room for a line of up to PST_CLI_LINE_BYTES, never NULL. */
char *pst_cli_sink_line(struct pst_cli_sink *sink);
/* end: behind the line's last byte, which is a newline. */
void pst_cli_sink_add(struct pst_cli_sink *sink, const char *end);
/* Writes what was gathered, as far as that needs no waiting: a terminal that was stopped, or a pipe whose
 * reader sleeps, must not stop the server. The rest is kept for the next time; when there is no room for
 * more, whole lines are lost, and counted in a line of their own. What cannot be written at all (a full disk)
 * is lost, too. */
void pst_cli_sink_flush(struct pst_cli_sink *sink);
/* The last flush: waits for a slow reader, but not for long. */
void pst_cli_sink_finish(struct pst_cli_sink *sink);

/* ---- writing into a line: each returns the new end ----
 * The caller has made sure that there is room. */
char *pst_cli_put(char *p, struct pst_slice s);
/* What a peer sent, made harmless: bytes outside printable ASCII as \xHH, quotes and backslashes with a
 * backslash before them. Of more than max bytes the first max, and "..."; takes up to 4 * max + 3. */
char *pst_cli_put_escaped(char *p, struct pst_slice s, size_t max);
char *pst_cli_put_number(char *p, unsigned long long n);

#endif
