/* limits.h - every quantity that a peer controls has a limit here: one table makes the struct, the defaults,
 * the command line's --limit option and the README's table (scripts check that they agree). */
#ifndef POSTERN_LIMITS_H
#define POSTERN_LIMITS_H

#include <stdint.h>

#include <postern/export.h>
#include <postern/slice.h>

/* X(name, default, least, most, text). Names carry their unit. */
/* clang-format off */
#define PST_LIMIT_MAP(X)                                                                                     \
    X(request_line_bytes, 8192, 64, 65536, "longest request line; over it 414")                              \
    X(head_bytes, 16384, 256, 262144, "request line and fields together; over it 431")                       \
    X(field_count, 100, 1, 1000, "fields of a request; over it 431")                                         \
    X(trailer_bytes, 4096, 0, 65536, "trailer section of a chunked body; over it 431")                       \
    X(chunk_line_bytes, 256, 16, 4096, "a chunk's size line with its extensions; over it 400")               \
    X(body_bytes, 1048576, 0, 1073741824, "request body that a handler takes whole; over it 413")            \
    X(stream_bytes, 2147483648, 0, 1099511627776, "request body that a handler takes as a stream; over it 413") \
    X(form_parts, 256, 1, 65536, "parts of a multipart body; over it 413")                                   \
    X(form_fields, 200, 1, 65536, "fields of a form, and members of a posted JSON object; over it 413")      \
    X(form_files, 16, 0, 65536, "files of a form; over it 413")                                              \
    X(form_name_bytes, 1024, 1, 65536, "name of a field or of a file; over it 413")                          \
    X(form_field_bytes, 65536, 1, 1073741824, "value of a form's field; over it 413")                        \
    X(form_text_bytes, 1048576, 1, 1073741824, "names and values of a form's fields together, or a posted text or JSON; over it 413") \
    X(form_file_bytes, 1073741824, 1, 1099511627776, "one file of a form; over it 413")                      \
    X(part_head_bytes, 4096, 64, 65536, "header section of one part of a multipart body; over it 413")       \
    X(post_memory_bytes, 268435456, 65536, 1099511627776, "memory of all posts on their way in; over it 503 for all but small ones") \
    X(json_depth, 64, 1, 1024, "nesting of posted JSON; over it 413")                                        \
    X(boxes, 100, 0, 1000000, "boxes that --boxes auto makes (0: no limit); over it 507") \
    X(box_bytes, 1073741824, 0, 1099511627776, "fields and files of one box together (0: no limit); over it 507") \
    X(data_bytes, 10737418240, 0, 1099511627776, "fields and files of all boxes together (0: no limit); over it 507") \
    X(spare_bytes, 67108864, 0, 1099511627776, "left free on the disk that holds the posts; under it 507")   \
    X(discard_bytes, 65536, 0, 16777216, "unwanted body read and thrown away to keep the connection")        \
    X(connections, 10000, 1, 1000000, "open connections of one worker; over it new ones wait in the kernel") \
    X(handshakes, 512, 1, 1000000, "TLS handshakes under way of one worker; over it new ones wait, and slow ones end") \
    X(handshakes_each, 64, 1, 8000, "the same from one address (IPv6: /64; from this machine: 8 times as many); over it closed") \
    X(handshake_ms, 10000, 10, 3600000, "TLS handshake, whole")                                              \
    X(head_ms, 10000, 10, 3600000, "from a request's first byte (or the connection's begin) to its head's end; over it 408") \
    X(body_idle_ms, 15000, 10, 3600000, "between two pieces of a request body; over it 408")                 \
    X(body_rate_bytes, 256, 0, 1000000000, "a request body's mean bytes a second, after rate_grace_ms; under it 408") \
    X(idle_ms, 30000, 10, 3600000, "between two requests of one connection")                                 \
    X(write_stall_ms, 30000, 10, 3600000, "without the peer taking a byte of the reply")                     \
    X(write_rate_bytes, 256, 0, 1000000000, "a reply's mean bytes a second, after rate_grace_ms")            \
    X(rate_grace_ms, 10000, 0, 3600000, "time before the mean rates count")                                  \
    X(linger_ms, 3000, 10, 60000, "waiting for the peer to close after our last byte")                       \
    X(linger_bytes, 16777216, 0, 1073741824, "read and thrown away after our last byte")                     \
    X(send_batch, 32, 0, 256, "small plain replies of one turn handed to the kernel together, through io_uring; 0: each alone") \
    X(drain_ms, 10000, 0, 3600000, "finishing what is in flight when the server stops")

/* clang-format on */

struct pst_limits {
#define PST_X(name, def, least, most, text) uint64_t name;
    PST_LIMIT_MAP(PST_X)
#undef PST_X
};

PST_BEGIN_DECLS

/* Fills in every default. */
PST_API void pst_limits_init(struct pst_limits *limits);

/* Sets the limit called name (such as "head_bytes").
 * Errors: PST_E_NOENT no such limit; PST_E_RANGE value outside least and most. Nothing is changed then. */
PST_API int pst_limits_set(struct pst_limits *limits, struct pst_slice name, uint64_t value);

PST_END_DECLS

#endif
