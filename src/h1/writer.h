/* writer.h - the head of an HTTP/1.1 reply as bytes. */
#ifndef PST_H1_WRITER_H
#define PST_H1_WRITER_H

#include "base/arena.h"
#include "http/exchange.h"

/* How the body's end is known (RFC 9112 6.3). */
enum pst_h1_body { PST_H1_NO_BODY, PST_H1_LENGTH, PST_H1_CHUNKED, PST_H1_UNTIL_CLOSE };

/* The head for a reply: status line, Date, the framing fields, Connection where it is needed, the reply's own
 * fields. length: Content-Length, written where it is >= 0. spare: bytes that are left free behind it. In the
 * arena; ptr is NULL when out of memory. */
struct pst_slice pst_h1_write_head(struct pst_arena *arena, const struct pst_reply *reply, const char *date,
                                   enum pst_h1_body framing, int64_t length, bool is_close,
                                   bool say_keep_alive, size_t spare);

/* The size line of a chunk, right-aligned so that it ends at end; returns where it begins. At most
 * PST_CHUNK_LINE_BYTES. */
#define PST_CHUNK_LINE_BYTES 18
char *pst_h1_write_chunk_line(char *end, size_t size);

#endif
