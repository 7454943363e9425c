/* posts_rig.c - see posts_rig.h. */
#include "support/posts_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void posts_rig_init(struct posts_rig *rig)
{
    static const struct pst_posts_options options = {.auto_boxes = true};
    char why[256];
    memset(rig, 0, sizeof *rig);
    store_rig_init(&rig->store);
    store_rig_open(&rig->store);
    test_worker_init(&rig->w);
    assert_int_equal(pst_posts_new(&rig->posts, rig->store.store, &options), 0);
    assert_int_equal(pst_posts_box(rig->posts, "shut", why, sizeof why), 0);
    assert_int_equal(pst_posts_box(rig->posts, "open:public", why, sizeof why), 0);
    assert_int_equal(pst_posts_mount(rig->posts, rig->w.server, "/post/"), 0);
    test_worker_start(&rig->w);
}

void posts_rig_fini(struct posts_rig *rig)
{
    test_worker_fini(&rig->w);
    pst_posts_free(rig->posts);
    store_rig_fini(&rig->store);
    pst_text_free(&rig->answer);
}

struct pair *posts_rig_visit(struct posts_rig *rig, const struct pair_options *options)
{
    struct pair *p = pair_new(options);
    assert_int_equal(pst_connection_open(&rig->w.driver, pair_transport(p), &p->connection), 0);
    return p;
}

void posts_rig_leave(struct posts_rig *rig, struct pair *p)
{
    if (!p->is_gone)
        pair_end(p, PST_IO_ERR);
    test_worker_turns(&rig->w, 1);
    assert_true(p->is_gone);
    pair_free(p);
}

/* RFC 9112 7.1: what a chunked body is, in its place. */
static void undo_chunks(struct pst_text *answer)
{
    char *from = strstr(answer->ptr, "\r\n\r\n"), *to;
    if (!from || !strstr(answer->ptr, "Transfer-Encoding: chunked\r\n"))
        return;
    from = to = from + 4;
    for (size_t len; (len = strtoul(from, &from, 16)) > 0; to += len, from += len + 2)
        memmove(to, from += 2, len);
    *to = '\0';
}

const char *posts_rig_ask(struct posts_rig *rig, const char *address, const char *line, const char *fields)
{
    struct pair *p = posts_rig_visit(rig, &(struct pair_options){.address = address});
    struct pst_text request = {0};
    size_t before = 0;
    pst_text_addf(&request, "%s HTTP/1.1\r\nConnection: close\r\n%s%s\r\n", line,
                  strstr(fields, "Host: ") ? "" : "Host: localhost\r\n", fields);
    pst_text_add(&request, pst_slice_of("", 1));
    assert_false(request.failed);
    pair_says(p, request.ptr);
    pst_text_free(&request);
    rig->answer.len = 0;
    do {
        before = rig->answer.len;
        test_worker_jobs(&rig->w);
        pair_take_all(p, &rig->answer);
    } while (rig->answer.len > before || rig->w.worker.jobs.open > 0);
    pst_text_add(&rig->answer, pst_slice_of("", 1));
    assert_false(rig->answer.failed);
    undo_chunks(&rig->answer);
    posts_rig_leave(rig, p);
    return rig->answer.ptr;
}

const char *posts_rig_gets(struct posts_rig *rig, const char *target, const char *fields)
{
    char line[200];
    (void)snprintf(line, sizeof line, "GET %s", target);
    return posts_rig_ask(rig, "127.0.0.1", line, fields);
}

int posts_rig_status(const char *answer)
{
    return strncmp(answer, "HTTP/1.", 7) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

const char *posts_rig_body(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

const char *posts_rig_field(const char *answer, const char *name)
{
    static char value[1200];
    size_t len = strlen(name);
    const char *end = posts_rig_body(answer) - 2;
    for (const char *line = strstr(answer, "\r\n") + 2; line < end; line = strstr(line, "\r\n") + 2) {
        if (strncasecmp(line, name, len) != 0 || line[len] != ':')
            continue;
        size_t n = (size_t)(strstr(line, "\r\n") - line) - len - 2;
        assert_true(n < sizeof value);
        memcpy(value, line + len + 2, n);
        value[n] = '\0';
        return value;
    }
    return "";
}

uint64_t posts_rig_file(struct posts_rig *rig, const char *box, struct pst_slice file_name, const char *type,
                        struct pst_slice data)
{
    struct pst_receipt receipt = {0};
    struct pst_draft *draft = store_rig_draft(rig->store.store, box);
    assert_int_equal(pst_draft_file_begin(draft, PST_SLICE("file"), file_name, pst_slice_str(type)), 0);
    assert_int_equal(pst_draft_file_write(draft, data.ptr, data.len), 0);
    assert_int_equal(pst_draft_file_end(draft), 0);
    assert_int_equal(store_rig_commit(rig->store.store, draft, &receipt), 0);
    return receipt.id;
}
