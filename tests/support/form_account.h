/* form_account.h - what a reader of forms says of a body, as one text that tests compare.
 *
 *     name=value;                      a field        name:TYPE=value;                with a type
 *     name@file name=bytes;            a file         name*file name:TYPE=bytes;      its name from filename*
 *
 * The pieces in which a value came leave no trace; a value that did not end has no semicolon. */
#ifndef PST_TESTS_FORM_ACCOUNT_H
#define PST_TESTS_FORM_ACCOUNT_H

#include <postern/form.h>
#include <postern/http.h>

struct form_account {
    struct pst_text text;
    int err; /* the first that pst_form_feed() or _finish() returned; or what pst_form_new() did */
    char why[256];
    size_t pieces;  /* calls of on_data */
    size_t fail_at; /* the event of this number returns FORM_ACCOUNT_STOP; 0: none */
    size_t events;
    bool is_open;
};

enum { FORM_ACCOUNT_STOP = -77 };

/* For pst_form_new(), with a struct form_account as arg. */
extern const struct pst_form_events form_account_events;

/* Reads a body. next: gives the size of the next piece, of so many bytes that are left; NULL: all at once.
 * Each piece is in memory of just its size, so that a sanitizer sees what is read beyond. Zero-initialise a
 * first. */
typedef size_t form_account_next(void *ctx, size_t left);
void form_account_read(struct form_account *a, struct pst_slice type, struct pst_slice body,
                       const struct pst_limits *limits, form_account_next *next, void *ctx);
void form_account_free(struct form_account *a);

/* Two pieces, the first of *(size_t *)ctx bytes. */
form_account_next form_account_cut_at;
/* Pieces of *(size_t *)ctx bytes. */
form_account_next form_account_cut_every;

#endif
