/* submission_bench.h - a submission on the bench: posts over a connection in memory to a fake store; the
 * reply says what came of it. Include it in one file of a test program. */
#ifndef PST_TESTS_SUBMISSION_BENCH_H
#define PST_TESTS_SUBMISSION_BENCH_H

#include "handlers/rate.h"
#include "handlers/submission.h"
#include "support/pair.h"
#include "support/test_worker.h"
#include "unit/handlers/fake_store.h"

struct bench {
    struct test_worker w;
    struct pair *p;
    struct pst_submission_rules rules;
    struct pst_text got;
    unsigned replies;
};

static const char *bench_told(const struct pst_submission *submission)
{
    static char text[64];
    struct pst_slice value = PST_SLICE("");
    bool is_there = submission && pst_submission_value(submission, "told", &value);
    (void)snprintf(text, sizeof text, "%s%.*s", is_there ? " told=" : "", PST_FMT(value));
    return text;
}

static void bench_reply(struct pst_exchange *ex, const struct pst_submission_outcome *outcome, void *arg)
{
    struct bench *b = arg;
    b->replies++;
    (void)pst_reply_status(ex, outcome->status);
    int err;
    if (outcome->status == 201)
        err = pst_reply_printf(ex, "%s%s%llu", outcome->is_spam ? "spam " : "",
                               outcome->receipt.is_repeated ? "again " : "",
                               (unsigned long long)outcome->receipt.id);
    else
        err = pst_reply_printf(ex, "%s%s%s", outcome->reason, outcome->retry_s ? " (later)" : "",
                               bench_told(outcome->submission));
    if (err)
        (void)pst_reply_error(ex, 500);
}

static void bench_on_request(struct pst_exchange *ex, void *arg)
{
    const struct bench *b = arg;
    pst_submission_begin(ex, (struct pst_store *)&fake, &b->rules);
}

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    fake_store_init();
    b->rules = (struct pst_submission_rules){
        .box = PST_SLICE("box"), .max_files = 3, .reply = bench_reply, .arg = b, .box_bytes = 9};
    test_worker_init(&b->w);
    const struct pst_handler handler = {
        .on_request = bench_on_request, .on_body = pst_submission_body, .arg = b};
    fake_must(pst_server_route(b->w.server, "POST /in", &handler) == 0, "no route");
    test_worker_start(&b->w);
}

static void bench_open(struct bench *b)
{
    b->got.len = 0;
    b->p = pair_new(NULL);
    fake_must(pst_connection_open(&b->w.driver, pair_transport(b->p), &b->p->connection) == 0,
              "no connection");
}

/* The peer goes. What is left to do for it may take jobs. */
static void bench_close(struct bench *b, enum pst_io how)
{
    if (!b->p->is_gone && b->p->ended == PST_IO_OK)
        pair_end(b->p, how);
    test_worker_turns(&b->w, 2);
    if (!b->p->is_gone) /* lingering */
        test_worker_pass_ms(&b->w, 60000);
    fake_must(b->p->is_gone, "the connection stays");
    pair_free(b->p);
    b->p = NULL;
}

static void bench_fini(struct bench *b)
{
    if (b->p)
        bench_close(b, PST_IO_ERR);
    test_worker_jobs(&b->w);
    test_worker_fini(&b->w);
    pst_rate_free(b->rules.rate);
    pst_text_free(&b->got);
    fake_store_init();
}

/* Takes what has come; NUL-terminated. */
static const char *bench_take(struct bench *b)
{
    pair_take_all(b->p, &b->got);
    pst_text_add(&b->got, pst_slice_of("", 1));
    fake_must(!b->got.failed, "out of memory");
    b->got.len--;
    return b->got.ptr;
}

/* Sends in pieces of at most step bytes, with the loop and the jobs going on between them if is_slow. Returns
 * how much the server took before it had replied or paused for good. */
static size_t bench_send(struct bench *b, const char *data, size_t len, size_t step, bool is_slow)
{
    size_t sent = 0;
    while (sent < len && !b->p->is_gone) {
        size_t n = pair_send(b->p, data + sent, len - sent < step ? len - sent : step);
        sent += n;
        if (is_slow || n == 0)
            test_worker_turns(&b->w, 1);
        if (n == 0) {
            unsigned replies = b->replies;
            test_worker_jobs(&b->w);
            if (b->replies != replies || b->p->is_shut)
                break;
        }
    }
    return sent;
}

/* The head of a request with such a body. fields: each ended by CRLF. */
static const char *bench_head(const char *fields, size_t body_len)
{
    static char head[8192];
    int n = snprintf(head, sizeof head, "POST /in HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n%s\r\n",
                     body_len, fields);
    fake_must(n > 0 && (size_t)n < sizeof head, "too long a head");
    return head;
}

/* A whole post: "STATUS text" of its reply. Valid until the next call. */
__attribute__((unused)) static const char *bench_post(struct bench *b, const char *fields, const char *body,
                                                      size_t len, size_t step)
{
    static char answer[512];
    bench_open(b);
    pair_says(b->p, bench_head(fields, len));
    (void)bench_send(b, body, len, step, false);
    test_worker_jobs(&b->w);
    test_worker_turns(&b->w, 2);
    const char *got = bench_take(b);
    const char *text = strstr(got, "\r\n\r\n");
    (void)snprintf(answer, sizeof answer, "%.3s %s", b->got.len > 9 ? got + 9 : "none", text ? text + 4 : "");
    bench_close(b, PST_IO_EOF);
    test_worker_jobs(&b->w);
    return answer;
}

/* What was committed since the last call, as one text; "" for nothing. */
static const char *bench_committed(void)
{
    pst_text_add(&fake.committed, pst_slice_of("", 1));
    fake_must(!fake.committed.failed, "out of memory");
    fake.committed.len = 0;
    return fake.committed.ptr;
}

#endif
