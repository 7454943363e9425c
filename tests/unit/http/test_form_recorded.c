/* What clients really posted (tests/support/record_bodies.py): read whole it means what stands in the file
 * beside it, and cut anywhere it gives the same events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <postern/form.h>
#include <postern/http.h>
#include <postern/server.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/bare_exchange.h"
#include "support/form_account.h"

#define FOLDER       POSTERN_SOURCE_DIR "/tests/data/bodies/"
#define FIELD        "Content-Type: "
#define BODIES_LEAST 18

static struct pst_slice slice_of(const struct pst_text *t)
{
    return pst_slice_of(t->ptr, t->len);
}

/* All of a file; the caller frees it. */
static struct pst_text read_file(const char *stem, const char *extension)
{
    char path[512], piece[4096];
    struct pst_text t = {0};
    size_t n;
    (void)snprintf(path, sizeof path, FOLDER "%s%s", stem, extension);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("cannot open %s", path);
        return t;
    }
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        pst_text_add(&t, pst_slice_of(piece, n));
    (void)fclose(file);
    assert_false(t.failed);
    return t;
}

static void take_apart(const struct pst_text *recorded, struct pst_slice *ret_type,
                       struct pst_slice *ret_body)
{
    const size_t before = sizeof FIELD - 1;
    const char *end = memmem(recorded->ptr, recorded->len, "\r\n\r\n", 4);
    assert_true(end != NULL && pst_slice_starts(slice_of(recorded), PST_SLICE(FIELD)));
    *ret_type = pst_slice_of(recorded->ptr + before, (size_t)(end - recorded->ptr) - before);
    *ret_body = pst_slice_of(end + 4, recorded->len - (size_t)(end + 4 - recorded->ptr));
}

/* ---- what it means ---- */

static struct pst_text meaning;

static void add_entry(const struct pst_form_entry *entry)
{
    pst_text_add_json(&meaning, entry->part.name);
    if (entry->part.is_file) {
        pst_text_adds(&meaning, " file ");
        pst_text_add_json(&meaning, entry->part.file_name);
    }
    if (entry->part.type.len > 0) {
        pst_text_adds(&meaning, " type ");
        pst_text_add_json(&meaning, entry->part.type);
    }
    pst_text_adds(&meaning, " = ");
    if (entry->part.is_file)
        pst_text_add_percent(&meaning, entry->value, false);
    else
        pst_text_add_json(&meaning, entry->value);
    pst_text_adds(&meaning, "\n");
}

static void read_form(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    struct pst_form_data data;
    int err = pst_form_read(ex, &data);
    if (err)
        pst_text_addf(&meaning, "%d: %s\n", pst_form_status(err), data.why);
    for (size_t i = 0; i < data.count; i++)
        add_entry(&data.entries[i]);
    assert_int_equal(pst_reply_empty(ex), 0);
}

static void expect_meaning(const char *stem, struct pst_slice type, struct pst_slice body)
{
    struct bare_exchange b;
    char head[512];
    bare_init(&b);
    const struct pst_handler handler = {.on_request = read_form};
    assert_int_equal(pst_server_route(b.w.server, "POST /form", &handler), 0);
    (void)snprintf(head, sizeof head,
                   "POST /form HTTP/1.1\r\nHost: h\r\nContent-Type: %.*s\r\nContent-Length: %zu\r\n\r\n",
                   PST_FMT(type), body.len);
    bare_request(&b, head);
    pst_exchange_dispatch(b.ex);
    pst_exchange_feed(b.ex, body.ptr, body.len, true);
    bare_fini(&b);

    struct pst_text expected = read_file(stem, ".account");
    if (!pst_slice_eq(slice_of(&meaning), slice_of(&expected)))
        fail_msg("%s means:\n%.*s", stem, (int)meaning.len, meaning.ptr);
    pst_text_free(&expected);
    pst_text_free(&meaning);
}

/* ---- cut anywhere ---- */

static void expect_same(const char *stem, size_t cut, struct form_account *a,
                        const struct form_account *whole)
{
    if (a->err != whole->err || strcmp(a->why, whole->why) != 0 ||
        !pst_slice_eq(slice_of(&a->text), slice_of(&whole->text)))
        fail_msg("%s, cut at %zu, gives %d '%.*s'", stem, cut, a->err, (int)a->text.len, a->text.ptr);
    form_account_free(a);
}

static void cut_anywhere(const char *stem, struct pst_slice type, struct pst_slice body)
{
    struct form_account whole = {0};
    form_account_read(&whole, type, body, NULL, NULL, NULL);
    for (size_t at = 1; at < body.len; at++) {
        struct form_account a = {0};
        size_t cut = at;
        form_account_read(&a, type, body, NULL, form_account_cut_at, &cut);
        expect_same(stem, at, &a, &whole);
    }
    for (size_t n = 1; n < 20; n++) {
        struct form_account a = {0};
        form_account_read(&a, type, body, NULL, form_account_cut_every, &n);
        expect_same(stem, n, &a, &whole);
    }
    form_account_free(&whole);
}

static void test_form__recorded_bodies__mean_what_was_sent(void **state)
{
    (void)state;
    size_t bodies = 0;
    DIR *dir = opendir(FOLDER);
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        struct pst_slice name = pst_slice_str(entry->d_name);
        if (!pst_slice_ends(name, PST_SLICE(".http")))
            continue;
        char stem[256];
        (void)snprintf(stem, sizeof stem, "%.*s", (int)(name.len - sizeof ".http" + 1), name.ptr);
        struct pst_text recorded = read_file(stem, ".http");
        struct pst_slice type, body;
        take_apart(&recorded, &type, &body);
        expect_meaning(stem, type, body);
        cut_anywhere(stem, type, body);
        pst_text_free(&recorded);
        bodies++;
    }
    (void)closedir(dir);
    assert_true(bodies >= BODIES_LEAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form__recorded_bodies__mean_what_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
