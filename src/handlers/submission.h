/* submission.h - one post on its way in: reads whatever body kind it has, streams its files into a draft off
 * the loop, has it committed, and hands the outcome to whoever replies. Boxes and the board stand on it.
 *
 * Mount it as a streaming handler: on_request calls pst_submission_begin(), on_body is pst_submission_body().
 */
#ifndef PST_HANDLERS_SUBMISSION_H
#define PST_HANDLERS_SUBMISSION_H

#include <postern/exchange.h>
#include <postern/store.h>

struct pst_rate;
struct pst_submission;

struct pst_submission_field {
    struct pst_slice name;
    bool is_required; /* must be there, and not only of blanks */
};

struct pst_submission_outcome {
    int status;         /* 201: stored; otherwise the status of the error, 4xx or 5xx */
    const char *reason; /* of an error, for a person; safe to show once escaped */
    unsigned retry_s;   /* 429 and 503: seconds until another try may succeed; else 0 */
    bool is_spam;       /* 201 for the sender's eyes only: the honeypot was filled in, nothing was stored */
    struct pst_receipt receipt;
    /* What was read of it, so that a page can show again what was typed: pst_submission_value() may be asked
     * during reply only. NULL where nothing was. */
    const struct pst_submission *submission;
};

/* What a place takes. Copied; what it points to stays as it is until the server has ended, but for box, which
 * lives as long as the exchange. */
struct pst_submission_rules {
    struct pst_slice box;
    bool may_make_box, is_declared; /* as in struct pst_draft_head */
    uint64_t box_bytes;             /* 0: the store's */
    uint64_t body_bytes;            /* of the whole request; 0: limits.stream_bytes */
    uint64_t file_bytes;            /* of one file; 0: limits.form_file_bytes */
    unsigned max_files;             /* 0: files are refused */
    bool is_form_only;              /* JSON and plain text are 415 */
    /* Of fields and files; field_count 0: any names. Others are refused with 422. */
    const struct pst_submission_field *fields;
    size_t field_count;
    struct pst_slice honeypot;       /* a field that people do not see and leave empty; empty: none */
    const struct pst_slice *origins; /* other sites that may post here, as "https://example.com" */
    size_t origin_count;
    struct pst_rate *rate; /* NULL: none */
    /* Whether a file may be taken, by its first bytes (up to 16, fewer only where the file is shorter); NULL:
     * any. A refused one is 415 with the reason in *ret_reason. */
    bool (*takes_file)(const char *head, size_t len, const char **ret_reason, void *arg);
    /* The last word before the commit: NULL, or the reason for 422. May be NULL. */
    const char *(*check)(const struct pst_submission *submission, void *arg);
    /* Called exactly once for each exchange that lives to see it: replies. */
    void (*reply)(struct pst_exchange *ex, const struct pst_submission_outcome *outcome, void *arg);
    void *arg;
};

/* Checks what the head tells (cross-site, rate, kind, declared length: the outcome comes at once, before any
 * of the body is read) and makes ready for the body. Takes pst_exchange_set_data() and pst_exchange_on_end()
 * for itself until it calls reply.
 *
 * Fields: those of a form; the members of a JSON object, strings decoded, others as their own text. Never
 * stored are "_charset_" and "_idempotency_key", which is the same as the request's field Idempotency-Key,
 * the honeypot, and file inputs that were left empty. */
void pst_submission_begin(struct pst_exchange *ex, struct pst_store *store,
                          const struct pst_submission_rules *rules);
/* struct pst_handler's on_body; arg is not used. */
void pst_submission_body(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg);

/* The first field of that name, as UTF-8; false, with *ret_value empty, where there is none. */
bool pst_submission_value(const struct pst_submission *submission, const char *name,
                          struct pst_slice *ret_value);
/* How many files that are not empty it has. */
size_t pst_submission_files(const struct pst_submission *submission);

#endif
