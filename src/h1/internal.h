/* internal.h - what session.c (input) and output.c (replies) of the HTTP/1.1 session share. */
#ifndef PST_H1_INTERNAL_H
#define PST_H1_INTERNAL_H

#include "h1/chunked.h"
#include "h1/head.h"
#include "h1/writer.h"
#include "http/exchange.h"
#include "http/session.h"

enum pst_h1_in {
    H1_IN_HEAD,     /* idle, or within a head */
    H1_IN_DISPATCH, /* the handler is being called for the first time */
    H1_IN_BODY,     /* of the current request, or what is left of one that was answered already */
    H1_IN_WAIT,     /* the request is whole; its reply is awaited or being sent */
    H1_IN_CLOSED,   /* no more input is wanted */
};

/* The reply on its way. */
struct pst_h1_out {
    bool is_begun;
    enum pst_h1_body framing;
    struct iovec iov[PST_OUTPUT_IOV_MAX]; /* head, then body or the piece of it in buffer */
    int iov_count;
    size_t head_left; /* bytes of the head among them */
    int file_fd;      /* borrowed from the exchange; -1: no file, or all of it sent */
    off_t file_offset;
    uint64_t file_left;
    bool is_source_done; /* the last piece is in iov */
    bool has_piece;      /* a first piece of the body was made */
    char *buffer;        /* from the pools, while a source is under way */
    struct pst_pool *buffer_pool;
};

struct pst_h1 {
    struct pst_session base;
    struct pst_http_env *env;
    struct pst_exchange_link link;
    struct pst_exchange *ex; /* NULL between requests */
    struct pst_progress progress;
    /* input */
    enum pst_h1_in in;
    unsigned blank_bytes;
    struct pst_h1_scanner scanner;
    struct pst_h1_framing framing;
    char *head; /* in the exchange's arena */
    size_t head_len, head_cap;
    struct pst_chunked chunked;
    uint64_t body_left, discarded;
    /* both */
    bool owes_continue; /* 100 is to be sent, unless a reply comes first */
    bool is_continue_begun;
    size_t continue_sent;
    bool is_draining;
    bool is_last;                /* nothing follows the current reply */
    bool is_settled, must_close; /* whether the current reply's head says that it is the last, and that this
                                    is decided */
    /* output */
    struct pst_h1_out out;
};

void pst_h1_await_request(struct pst_h1 *h1);
/* No further input; what is being replied still goes out. */
void pst_h1_finish(struct pst_h1 *h1);

void pst_h1_output(struct pst_session *s, struct pst_output *ret_out);
void pst_h1_sent(struct pst_session *s, size_t n);
void pst_h1_file_failed(struct pst_session *s);
void pst_h1_drop_output(struct pst_h1 *h1);

#endif
