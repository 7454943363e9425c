/* submission.c - the life of a submission: from the head over the body to the commit and the reply.
 *
 * It lives beside its exchange, not in it: a job may hold the draft when the peer goes. While one does,
 * nothing of the submission is freed; whichever comes last, the exchange's end or the job's, sees to that. */
#include "handlers/submission_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "handlers/rate.h"
#include <postern/access.h>

enum { RETRY_S = 5 }; /* after an error that may pass */
enum { SMALL_BYTES = 65536 };

/* ---- memory ----
 * What one connection may hold is bounded by the limits of forms, but there may be ten thousand of them, each
 * with a megabyte that never comes to its end. So all together are bounded, too: over that, who holds much is
 * refused, while small posts, which most are, still come through. */

static atomic_size_t held_by_all;

/* Counts what s holds now. Returns what all hold. */
static size_t count_memory(struct pst_submission *s)
{
    size_t now = s->fields.text.cap + s->fields.cap * sizeof(*s->fields.fields) + s->part.text.cap +
                 s->body.cap + s->upload.filling.cap + s->upload.writing.cap;
    size_t more = now - s->held_bytes; /* where it is less, it wraps around, as the sum does then */
    s->held_bytes = now;
    return atomic_fetch_add(&held_by_all, more) + more;
}

static bool is_too_much(struct pst_submission *s)
{
    return count_memory(s) > s->limits.post_memory_bytes && s->held_bytes > SMALL_BYTES;
}

/* ---- what is wrong ---- */

int pst_submission_refuse(struct pst_submission *s, int status, const char *reason)
{
    if (!s->status) {
        s->status = status;
        s->reason = reason;
        s->retry_s = status == 503 ? RETRY_S : 0;
    }
    return PST_E_STATE;
}

int pst_submission_refuse_err(struct pst_submission *s, int err)
{
    switch (err) {
    case PST_E_FULL:
        return pst_submission_refuse(s, 507, "there is no room left for it; nothing was stored");
    case PST_E_LIMIT:
        return pst_submission_refuse(s, 507, "no further box can be made; nothing was stored");
    case PST_E_NOENT:
        return pst_submission_refuse(s, 404, "there is no such box");
    case PST_E_MISMATCH:
        return pst_submission_refuse(s, 422, "its idempotency key was used for another post before");
    case PST_E_NOMEM:
        return pst_submission_refuse(s, 503, "the server is short of memory; nothing was stored");
    default:
        return pst_submission_refuse(s, 503, "the server could not store it");
    }
}

/* ---- the end ---- */

static void discard_draft(struct pst_job *job)
{
    struct pst_submission *s = (struct pst_submission *)((char *)job - offsetof(struct pst_submission, job));
    pst_draft_free(s->draft);
    s->draft = NULL;
}

static void release(struct pst_submission *s);

static void on_discarded(struct pst_job *job)
{
    release((struct pst_submission *)((char *)job - offsetof(struct pst_submission, job)));
}

/* What was read; what a job works on stays. */
static void free_reading(struct pst_submission *s)
{
    pst_form_free(s->form);
    s->form = NULL;
    pst_submitted_free(&s->fields);
    pst_text_free(&s->part.text);
    pst_text_free(&s->form_charset);
    pst_text_free(&s->body);
    pst_text_free(&s->reason_text);
}

/* The exchange needs it no more. Called again when a job that held it is done. */
static void release(struct pst_submission *s)
{
    free_reading(s);
    (void)count_memory(s);
    if (pst_upload_is_busy(&s->upload) || s->is_committing)
        return;
    if (s->draft && pst_upload_has_begun(&s->upload) && !s->has_committed) {
        /* It has files, and to remove them blocks. */
        s->job.run = discard_draft;
        s->job.done = on_discarded;
        pst_job_offload(&s->job, s->worker);
        return;
    }
    pst_draft_free(s->draft);
    pst_upload_fini(&s->upload);
    (void)count_memory(s);
    free(s->has_file);
    free(s);
}

static void on_end(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    struct pst_submission *s = arg;
    (void)ex;
    (void)why;
    s->ex = NULL;
    release(s);
}

/* Hands the outcome to whoever replies, to whom the exchange belongs from then on. */
static void answer(struct pst_submission *s)
{
    struct pst_exchange *ex = s->ex;
    const struct pst_submission_outcome outcome = {.status = s->status,
                                                   .reason = s->reason,
                                                   .retry_s = s->retry_s,
                                                   .is_spam = s->status == 201 && s->is_spam,
                                                   .receipt = s->receipt,
                                                   .submission = s};
    /* Of a body that was not read to its end, what there is. */
    if (s->kind == PST_SUBMISSION_FORM && !s->is_utf8 &&
        !pst_submitted_to_utf8(&s->fields, pst_slice_of(s->form_charset.ptr, s->form_charset.len)))
        pst_submitted_free(&s->fields);
    s->ex = NULL;
    pst_exchange_set_data(ex, NULL);
    pst_exchange_on_end(ex, NULL, NULL);
    s->rules.reply(ex, &outcome, s->rules.arg);
    release(s);
}

/* ---- the commit ---- */

/* On the store's thread. */
static void on_commit(struct pst_draft *draft, int err, const struct pst_receipt *receipt, void *arg)
{
    struct pst_submission *s = arg;
    (void)draft;
    s->commit_err = err;
    if (!err)
        s->receipt = *receipt;
    pst_job_finish(&s->job);
}

static void on_committed(struct pst_job *job)
{
    struct pst_submission *s = (struct pst_submission *)((char *)job - offsetof(struct pst_submission, job));
    s->is_committing = false;
    /* Of a repeated post the files were not needed. */
    s->has_committed = !s->commit_err && !s->receipt.is_repeated;
    if (!s->ex) {
        release(s);
        return;
    }
    if (s->commit_err)
        (void)pst_submission_refuse_err(s, s->commit_err);
    else
        s->status = 201;
    answer(s);
}

static int describe(struct pst_submission *s)
{
    struct pst_peer_info peer;
    pst_exchange_peer(s->ex, &peer);
    const struct pst_draft_head head = {.box = s->rules.box,
                                        .type = s->type,
                                        .address = pst_slice_str(peer.address),
                                        .key = pst_slice_of(s->key.text, s->key.len),
                                        .may_make_box = s->rules.may_make_box,
                                        .is_declared = s->rules.is_declared,
                                        .box_bytes = s->rules.box_bytes};
    int err = 0;
    for (size_t i = 0; i < s->fields.count && !err; i++)
        err =
            pst_draft_field(s->draft, pst_submitted_name(&s->fields, i), pst_submitted_value(&s->fields, i));
    if (!err && s->kind != PST_SUBMISSION_FORM)
        err = pst_draft_body(s->draft, pst_slice_of(s->body.ptr ? s->body.ptr : "", s->body.len));
    return err ? err : pst_draft_describe(s->draft, &head);
}

int pst_submission_need_draft(struct pst_submission *s)
{
    int err = s->draft ? 0 : pst_draft_new(&s->draft, s->store);
    return err ? pst_submission_refuse_err(s, err) : 0;
}

static void commit(struct pst_submission *s)
{
    int err = pst_submission_need_draft(s);
    if (!err) {
        err = describe(s);
        if (err)
            err = pst_submission_refuse_err(s, err);
    }
    if (err) {
        answer(s);
        return;
    }
    s->is_committing = true;
    s->job.run = NULL;
    s->job.done = on_committed;
    pst_job_begin(&s->job, s->worker);
    pst_store_commit(s->store, s->draft, on_commit, s);
}

/* ---- the body ---- */

/* The body is whole and right: what is still on its way to the disk has to arrive before the commit. */
static void commit_when_written(struct pst_submission *s)
{
    pst_upload_flush(&s->upload);
    if (pst_upload_is_done(&s->upload))
        commit(s);
}

static void on_written(void *arg)
{
    struct pst_submission *s = arg;
    if (!s->ex) {
        release(s);
        return;
    }
    int err = pst_upload_err(&s->upload);
    if (err) {
        (void)pst_submission_refuse_err(s, err);
        answer(s);
    } else if (s->is_body_done) {
        commit_when_written(s);
    } else if (!pst_upload_is_full(&s->upload)) {
        pst_exchange_resume(s->ex);
    }
}

static void on_body_end(struct pst_submission *s)
{
    s->is_body_done = true;
    int err = pst_submission_close_body(s);
    if (!err && s->is_spam) {
        s->status = 201;
        answer(s);
        return;
    }
    if (!err)
        err = pst_submission_check(s);
    if (err)
        answer(s);
    else
        commit_when_written(s);
}

void pst_submission_body(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg)
{
    struct pst_submission *s = pst_exchange_data(ex);
    (void)arg;
    if (!s) /* it has its outcome */
        return;
    int err = pst_submission_feed(s, data, len);
    if (!err && is_too_much(s) && !last) /* the last bytes make no difference */
        err = pst_submission_refuse(s, 503, "too many large posts are on their way in; nothing was stored");
    if (err)
        answer(s);
    else if (last)
        on_body_end(s);
    else if (pst_upload_is_full(&s->upload))
        pst_exchange_pause(ex);
}

/* ---- the head ---- */

static int read_key(struct pst_submission *s)
{
    size_t n = pst_exchange_field_count(s->ex), seen = 0;
    for (size_t i = 0; i < n; i++) {
        struct pst_field field = pst_exchange_field_at(s->ex, i);
        if (!pst_slice_case_eq(field.name, PST_SLICE("Idempotency-Key")))
            continue;
        if (seen++ > 0 || !pst_submission_key_read(field.value, &s->key))
            return pst_submission_refuse(s, 400,
                                         "Idempotency-Key is no key: at most 255 bytes of printable ASCII, "
                                         "in quotes");
    }
    return 0;
}

/* Last of all checks: a request that is wrong anyway, or that another site has a visitor's browser send,
 * costs him no token. */
static int take_token(struct pst_submission *s)
{
    struct pst_peer_info peer;
    unsigned retry_s = 0;
    pst_exchange_peer(s->ex, &peer);
    if (!s->rules.rate || pst_rate_take(s->rules.rate, peer.address, pst_exchange_now_ms(s->ex), &retry_s))
        return 0;
    int err = pst_submission_refuse(s, 429, "that was too much in a short time");
    s->retry_s = retry_s;
    return err;
}

static int check_head(struct pst_submission *s)
{
    if (!pst_access_is_same_site(s->ex, s->rules.origins, s->rules.origin_count))
        return pst_submission_refuse(s, 403, "a page of another site may not post here");
    int err = read_key(s);
    if (!err)
        err = pst_submission_open_body(s);
    return err ? err : take_token(s);
}

static struct pst_submission *make(struct pst_exchange *ex, struct pst_store *store,
                                   const struct pst_submission_rules *rules)
{
    struct pst_submission *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->has_file = calloc(rules->field_count + 1, sizeof(*s->has_file));
    if (!s->has_file) {
        free(s);
        return NULL;
    }
    s->ex = ex;
    s->worker = pst_exchange_worker(ex);
    s->store = store;
    s->rules = *rules;
    s->limits = *pst_exchange_limits(ex);
    s->upload.worker = s->worker;
    s->upload.on_written = on_written;
    s->upload.arg = s;
    return s;
}

void pst_submission_begin(struct pst_exchange *ex, struct pst_store *store,
                          const struct pst_submission_rules *rules)
{
    struct pst_submission *s = make(ex, store, rules);
    if (!s) {
        const struct pst_submission_outcome outcome = {
            .status = 503, .reason = "the server is short of memory", .retry_s = RETRY_S};
        rules->reply(ex, &outcome, rules->arg);
        return;
    }
    pst_exchange_set_data(ex, s);
    pst_exchange_on_end(ex, on_end, s);
    if (check_head(s) != 0)
        answer(s);
}

/* ---- what replies ask ---- */

bool pst_submission_value(const struct pst_submission *submission, const char *name,
                          struct pst_slice *ret_value)
{
    size_t i = pst_submitted_find(&submission->fields, pst_slice_str(name));
    bool is_there = i < submission->fields.count;
    *ret_value = is_there ? pst_submitted_value(&submission->fields, i) : PST_SLICE("");
    return is_there;
}

size_t pst_submission_files(const struct pst_submission *submission)
{
    return submission->full_file_count;
}
