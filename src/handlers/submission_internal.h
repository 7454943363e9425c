/* submission_internal.h - a submission's inside: submission.c has its life, submission_read.c its body,
 * submission_form.c what a form has, submission_check.c what its rules say. */
#ifndef PST_HANDLERS_SUBMISSION_INTERNAL_H
#define PST_HANDLERS_SUBMISSION_INTERNAL_H

#include <postern/form.h>
#include <postern/job.h>

#include "handlers/submission.h"
#include "handlers/submission_fields.h"
#include "handlers/submission_key.h"
#include "handlers/upload.h"

enum pst_submission_kind { PST_SUBMISSION_FORM, PST_SUBMISSION_JSON, PST_SUBMISSION_TEXT };

enum { PST_FILE_HEAD_BYTES = 16 };

/* The part of a form that is being read. */
struct pst_submission_part {
    bool is_file, is_begun;
    /* of a file, as UTF-8 */
    struct pst_text text; /* name, file name, type, one behind the other */
    size_t name_len, file_name_len, type_len;
    char head[PST_FILE_HEAD_BYTES];
    size_t head_len;
};

struct pst_submission {
    struct pst_exchange *ex; /* NULL once it has its reply, or is over */
    struct pst_worker *worker;
    struct pst_store *store;
    struct pst_submission_rules rules;
    struct pst_limits limits;
    enum pst_submission_kind kind;
    struct pst_slice type, charset; /* of the body; the exchange's memory */
    struct pst_submission_key key;
    uint64_t fed_bytes;
    size_t held_bytes; /* of memory, as counted among those of all submissions */

    /* what was read */
    struct pst_form *form;
    struct pst_submission_part part;
    struct pst_submitted fields;
    struct pst_text form_charset; /* the value of _charset_ */
    struct pst_text body;         /* of JSON and text */
    bool *has_file;               /* for each of rules.fields, whether a file of its name is there */
    size_t file_count, full_file_count;
    bool is_spam, is_utf8;

    /* the first thing that was wrong; status 0: nothing yet */
    int status;
    const char *reason;
    unsigned retry_s;
    struct pst_text reason_text; /* what reason may point into */

    /* where it goes */
    struct pst_draft *draft;
    struct pst_upload upload;
    struct pst_job job; /* the commit; then, maybe, throwing the draft away */
    bool is_body_done, is_committing, has_committed;
    int commit_err;
    struct pst_receipt receipt;
};

/* ---- submission.c ---- */

/* Notes what is wrong, unless something was before. reason: static, or of the submission. Always returns
 * PST_E_STATE. */
int pst_submission_refuse(struct pst_submission *s, int status, const char *reason);
/* The same for an error of the store or of memory. */
int pst_submission_refuse_err(struct pst_submission *s, int err);
/* Makes the draft, if it is not there. Errors: PST_E_STATE, refused. */
int pst_submission_need_draft(struct pst_submission *s);

/* ---- submission_read.c: 0, or PST_E_STATE once it is refused ---- */

/* What kind of body it is, and whether it may come. */
int pst_submission_open_body(struct pst_submission *s);
int pst_submission_feed(struct pst_submission *s, const char *data, size_t len);
/* The body is whole: fields are complete, as UTF-8. */
int pst_submission_close_body(struct pst_submission *s);
/* The charset parameter of a Content-Type's value, or empty; points into it. */
struct pst_slice pst_submission_charset(struct pst_slice content_type);

/* ---- submission_form.c ---- */

extern const struct pst_form_events pst_submission_form_events;
/* The names that are not stored: takes the last one of the fields out, if it is such. is_text: it is a
 * string. */
int pst_submission_take_reserved(struct pst_submission *s, bool is_text);

/* ---- submission_check.c: 0, or PST_E_STATE once it is refused ---- */

/* Whether a field or file may have that name; its number among the rules' fields, where there are any. */
int pst_submission_check_name(struct pst_submission *s, struct pst_slice name, size_t *ret_rule);
/* What the rules ask of all the fields and files together. */
int pst_submission_check(struct pst_submission *s);

#endif
