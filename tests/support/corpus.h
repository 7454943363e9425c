/* corpus.h - the matrix's corpus: sequences of requests in text files, and what has to come of them. The
 * format is told in tests/matrix/README.md. */
#ifndef PST_TESTS_CORPUS_H
#define PST_TESTS_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postern/http.h>
#include <postern/limits.h>

enum { CORPUS_STEPS_MOST = 16, CORPUS_STATUSES_MOST = 64, CORPUS_TEXTS_MOST = 8 };

struct corpus_step {
    bool is_wait; /* until the server has sent these bytes; else: bytes to send */
    struct pst_text bytes;
};

struct corpus_entry {
    char name[80];
    char file[80];
    struct corpus_step steps[CORPUS_STEPS_MOST];
    size_t step_count;
    int statuses[CORPUS_STATUSES_MOST]; /* of the exchanges, in order; 0: no reply was begun */
    size_t status_count;
    struct pst_text has[CORPUS_TEXTS_MOST], lacks[CORPUS_TEXTS_MOST];
    size_t has_count, lacks_count;
    struct pst_limits limits;
    bool has_fin;      /* the client half-closes behind its last byte */
    bool is_close;     /* the server ends the connection by itself */
    bool is_cut;       /* in the middle of the last reply */
    bool is_maybe_100; /* 100 Continue may come or not */
    size_t bytes;      /* that are sent, in all */
};

struct corpus {
    struct corpus_entry *entries;
    size_t count, cap;
};

/* Gives what "{etag:PATH}" stands for; the result is used at once. */
typedef const char *corpus_etag_fn(const char *path, void *arg);

/* Reads all *.http files of a folder, in the order of their names. Ends the process with file and line where
 * one is malformed. etag may be NULL. */
void corpus_load(struct corpus *ret_corpus, const char *folder, corpus_etag_fn *etag, void *arg);
void corpus_free(struct corpus *corpus);

#endif
