/* head.h - the head of an HTTP/1 request: finding its end as bytes arrive, then taking it apart.
 *
 * Two steps, so that the result cannot depend on how the bytes were split: the scanner only looks for line
 * ends and limits, in the order of the bytes; the parser sees nothing but whole heads. */
#ifndef PST_H1_HEAD_H
#define PST_H1_HEAD_H

#include "base/arena.h"
#include "http/exchange.h"
#include "postern/limits.h"

struct pst_h1_scanner {
    size_t line_bytes; /* of the line that is being read */
    size_t head_bytes;
    bool is_first_line;
    char last; /* the byte before */
};

enum { PST_H1_MORE = 0, PST_H1_HEAD_DONE = 1 }; /* or the status code to refuse the request with */

void pst_h1_scanner_init(struct pst_h1_scanner *scanner);
/* Looks at the next bytes. PST_H1_MORE: all of them belong to the head. PST_H1_HEAD_DONE: *ret_used of them
 * do, and the head is complete. 400: a line ends in a bare LF, or the first byte cannot begin a method. 414,
 * 431: over a limit. */
int pst_h1_scan(struct pst_h1_scanner *scanner, const struct pst_limits *limits, const char *data, size_t len,
                size_t *ret_used);

/* What the framing fields say (RFC 9112 6 and 9.3). */
struct pst_h1_framing {
    bool is_chunked;
    bool is_keep_alive;
    bool expects_continue;
};

/* Takes apart a complete head, with its empty line. Everything in req and ret points into head or the arena,
 * so head must live as long. Returns 0 or the status code to refuse the request with: 400, 413, 417, 431,
 * 500, 501, 505; req then holds as much of the request line as could be read, for the log. */
int pst_h1_parse_head(const char *head, size_t len, const struct pst_limits *limits, struct pst_arena *arena,
                      struct pst_request *req, struct pst_h1_framing *ret_framing);

#endif
