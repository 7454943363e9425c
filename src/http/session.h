/* session.h - the contract between the connection driver and a protocol session (HTTP/1.1 now): bytes in,
 * bytes out.
 *
 * A session does no I/O and knows no descriptor and no TLS; a test drives it with byte strings. The driver
 * calls, the session answers; the only call in the other direction is host->wake. */
#ifndef PST_HTTP_SESSION_H
#define PST_HTTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "postern/exchange.h"

/* What the peer owes, so that the driver can hold it to a deadline. */
enum pst_phase {
    PST_PHASE_IDLE,    /* nothing of a request has arrived */
    PST_PHASE_HEAD,    /* a request's head has begun */
    PST_PHASE_BODY,    /* waiting for more of a body */
    PST_PHASE_HANDLER, /* the peer owes nothing but to take the reply */
};

struct pst_progress {
    enum pst_phase phase;
    uint64_t since_ms; /* the phase's begin */
    uint64_t last_ms;  /* the last byte that arrived in it */
    uint64_t bytes;    /* that arrived in it */
};

/* What there is to send, in order: memory first, then a part of a file, which the driver reads or has sent
 * unread. */
enum { PST_OUTPUT_IOV_MAX = 2 };

struct pst_output {
    const struct iovec *iov;
    int iov_count; /* at most PST_OUTPUT_IOV_MAX */
    int file_fd;   /* -1: none */
    off_t file_offset;
    size_t file_len;
};

struct pst_session;

/* The driver's side. */
struct pst_session_host {
    /* Something changed outside of a call by the driver (a late reply, a resumed body): drive again. */
    void (*wake)(struct pst_session_host *host);
    struct pst_peer_info peer; /* strings live as long as the host */
    bool is_secure;            /* "https" */
    bool sends_files;          /* the bytes of a file go out unread */
    bool is_wrong_door;        /* a client that speaks plain HTTP to the TLS door: see http/gate.h */
};

struct pst_session_ops {
    /* Takes a prefix of the bytes and says how many. Fewer than given: the session wants no more for now
     * (back-pressure); the driver keeps the rest and gives it again once wants_input. */
    void (*input)(struct pst_session *s, const char *data, size_t len, size_t *ret_used);
    /* The peer has ended its direction; clean: in good order. No input follows. */
    void (*input_end)(struct pst_session *s, bool clean);
    bool (*wants_input)(const struct pst_session *s);
    /* Fills in what there is to send; iov_count 0 and file_fd -1: nothing now. Valid until the next call of
     * any kind. */
    void (*output)(struct pst_session *s, struct pst_output *ret_out);
    /* n bytes of the last output were taken. */
    void (*sent)(struct pst_session *s, size_t n);
    /* The file of the last output had fewer bytes than it should: the reply cannot be completed. */
    void (*file_failed)(struct pst_session *s);
    /* True once nothing more will be sent or wanted: shut down when the output is empty. */
    bool (*is_finished)(const struct pst_session *s);
    /* True while an exchange is under way: abort would end one. */
    bool (*is_busy)(const struct pst_session *s);
    void (*progress)(const struct pst_session *s, struct pst_progress *ret_progress);
    /* The peer is late with a head or a body: answer 408 and finish. */
    void (*late)(struct pst_session *s);
    /* Finish what is in flight, begin nothing new. */
    void (*drain)(struct pst_session *s);
    /* The connection is gone, or is to go: end all exchanges. Only destroy follows. */
    void (*abort)(struct pst_session *s, enum pst_end why);
    /* After abort or is_finished. Frees s. */
    void (*destroy)(struct pst_session *s);
};

struct pst_session {
    const struct pst_session_ops *ops;
    struct pst_session_host *host;
    bool must_cut; /* set by the session: end the connection without an orderly close, for a body is not whole
                    */
    bool may_output; /* set by the session: without it output would say that there is nothing, and need not be
                        asked */
};

#endif
