/* The store's plain ways: posts go in, and come out as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <postern/store.h>

#include "support/store_rig.h"

#define COUNT(array)              (sizeof(array) / sizeof((array)[0]))
#define ABC_HASH                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define assert_slice(slice, text) assert_true(pst_slice_eq(slice, pst_slice_str(text)))

static int set_up(void **state)
{
    struct store_rig *rig = malloc(sizeof(*rig));
    assert_non_null(rig);
    store_rig_init(rig);
    store_rig_open(rig);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    store_rig_fini(*state);
    free(*state);
    return 0;
}

static void test_commit__fields_body_and_files__read_back_as_they_were(void **state)
{
    struct store_rig *rig = *state;
    struct pst_receipt receipt;
    struct pst_draft *draft = store_rig_draft(rig->store, "contact");
    struct pst_draft_head head = {.box = PST_SLICE("contact"),
                                  .type = PST_SLICE("multipart/form-data"),
                                  .address = PST_SLICE("192.0.2.1"),
                                  .may_make_box = true};
    assert_int_equal(pst_draft_describe(draft, &head), 0);
    store_rig_field(draft, "name", "Zo\xc3\xab");
    assert_int_equal(pst_draft_field(draft, PST_SLICE("text"), PST_SLICE("two\0parts")), 0);
    store_rig_field(draft, "", "");
    assert_int_equal(pst_draft_body(draft, PST_SLICE("{\"a\":1}")), 0);
    store_rig_file(draft, "first", "abc", 3);
    store_rig_file(draft, "empty", "", 0);
    assert_int_equal(store_rig_commit(rig->store, draft, &receipt), 0);
    assert_int_equal(receipt.id, 1);
    assert_false(receipt.is_repeated);
    assert_true(receipt.time_ms > 1600000000000);

    struct pst_post_page *page = store_rig_read(rig->store, "contact", 1);
    assert_int_equal(page->count, 1);
    assert_true(page->is_box);
    assert_false(page->is_more);
    assert_int_equal(page->box_count, 1);
    const struct pst_post *post = &page->posts[0];
    assert_int_equal(post->id, 1);
    assert_int_equal(post->time_ms, receipt.time_ms);
    assert_slice(post->box, "contact");
    assert_slice(post->type, "multipart/form-data");
    assert_slice(post->address, "192.0.2.1");
    assert_slice(post->body, "{\"a\":1}");
    assert_int_equal(post->field_count, 3);
    assert_slice(post->fields[0].name, "name");
    assert_slice(post->fields[0].value, "Zo\xc3\xab");
    assert_true(pst_slice_eq(post->fields[1].value, PST_SLICE("two\0parts")));
    assert_int_equal(post->fields[2].name.len, 0);
    assert_int_equal(post->file_count, 2);
    assert_int_equal(post->files[0].number, 1);
    assert_slice(post->files[0].name, "first");
    assert_slice(post->files[0].file_name, "photo.png");
    assert_slice(post->files[0].type, "image/png");
    assert_int_equal(post->files[0].size, 3);
    assert_string_equal(post->files[0].hash, ABC_HASH);
    assert_int_equal(post->files[1].number, 2);
    assert_int_equal(post->files[1].size, 0);
    pst_post_page_free(page);
    assert_true(store_rig_file_is(rig->store, "contact", 1, 1, "abc", 3));
    assert_true(store_rig_file_is(rig->store, "contact", 1, 2, "", 0));
    assert_int_equal(store_rig_names(rig, "tmp"), 0);
}

static void test_open__a_second_time__everything_is_still_there(void **state)
{
    struct store_rig *rig = *state;
    assert_int_equal(store_rig_post(rig->store, "a", "one"), 1);
    assert_int_equal(store_rig_post_file(rig->store, "a", "abc", 3), 2);
    store_rig_close(rig);
    store_rig_open(rig);
    assert_string_equal(rig->why, "");
    assert_int_equal(store_rig_post(rig->store, "a", "three"), 3);
    struct pst_post_page *page = store_rig_read(rig->store, "a", 1);
    assert_slice(page->posts[0].fields[0].value, "one");
    assert_int_equal(page->box_count, 3);
    pst_post_page_free(page);
    assert_true(store_rig_file_is(rig->store, "a", 2, 1, "abc", 3));
}

static void test_delete__last_post__its_id_is_never_used_again(void **state)
{
    struct store_rig *rig = *state;
    store_rig_post(rig->store, "a", "one");
    store_rig_post(rig->store, "a", "two");
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), 2), 0);
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), 2), PST_E_NOENT);
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), 0), PST_E_NOENT);
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), UINT64_MAX), PST_E_NOENT);
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("b"), 1), PST_E_NOENT);
    store_rig_close(rig);
    store_rig_open(rig);
    assert_int_equal(store_rig_post(rig->store, "a", "three"), 3);
    struct pst_post_page *page = store_rig_read(rig->store, "a", 2);
    assert_int_equal(page->count, 0);
    assert_int_equal(page->box_count, 2);
    pst_post_page_free(page);
}

/* ---- paging ---- */

static void test_read__pages_both_ways__ids_and_is_more(void **state)
{
    struct store_rig *rig = *state;
    for (int i = 0; i < 10; i++)
        store_rig_post(rig->store, "a", "x");
    store_rig_post(rig->store, "b", "other"); /* neighbours that must not show */
    store_rig_post(rig->store, "0", "other");
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), 5), 0);
    static const struct {
        struct pst_post_query query;
        const char *ids;
        bool is_more;
    } cases[] = {
        {{.limit = 3}, "10 9 8 ", true},
        {{.below = 8, .limit = 3}, "7 6 4 ", true},
        {{.below = 4, .limit = 3}, "3 2 1 ", false},
        {{.below = 4, .limit = 2}, "3 2 ", true},
        {{.below = 1, .limit = 3}, "", false},
        {{.below = UINT64_MAX, .limit = 1}, "10 ", true},
        {{.limit = 9}, "10 9 8 7 6 4 3 2 1 ", false},
        {{.limit = 1000}, "10 9 8 7 6 4 3 2 1 ", false},
        {{.limit = 4000000000}, "10 9 8 7 6 4 3 2 1 ", false},
        {{.limit = 0}, "10 ", true}, /* taken as 1 */
        {{.is_upward = true, .limit = 3}, "1 2 3 ", true},
        {{.is_upward = true, .above = 3, .limit = 3}, "4 6 7 ", true},
        {{.is_upward = true, .above = 7, .limit = 3}, "8 9 10 ", false},
        {{.is_upward = true, .above = 10, .limit = 3}, "", false},
        {{.is_upward = true, .above = UINT64_MAX, .limit = 3}, "", false},
        {{.id = 6, .limit = 1}, "6 ", false},
        {{.id = 6, .is_upward = true, .above = 9, .limit = 100}, "6 ", false},
        {{.id = 5, .limit = 1}, "", false},
        {{.id = 11, .limit = 1}, "", false},
        {{.id = UINT64_MAX, .limit = 1}, "", false},
        {{.id = UINT64_C(1) << 40, .limit = 1}, "", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pst_post_query query = cases[i].query;
        struct pst_post_page *page;
        char ids[64] = "";
        query.box = PST_SLICE("a");
        assert_int_equal(pst_store_read(rig->store, &query, &page), 0);
        for (size_t k = 0; k < page->count; k++)
            snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%llu ",
                     (unsigned long long)page->posts[k].id);
        if (strcmp(ids, cases[i].ids) != 0 || page->is_more != cases[i].is_more || page->box_count != 9)
            fail_msg("case %zu: \"%s\", more: %d, of %llu", i, ids, page->is_more,
                     (unsigned long long)page->box_count);
        pst_post_page_free(page);
    }
}

static void test_read__no_such_box__an_empty_page_that_says_so(void **state)
{
    struct store_rig *rig = *state;
    static const char *const names[] = {"nobody", "", "../x", "A"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct pst_post_page *page = store_rig_read(rig->store, names[i], 0);
        assert_false(page->is_box);
        assert_int_equal(page->count, 0);
        assert_int_equal(page->box_count, 0);
        pst_post_page_free(page);
    }
}

static void test_read__files_of_several_posts__each_has_its_own(void **state)
{
    struct store_rig *rig = *state;
    for (unsigned post = 1; post <= 6; post++) {
        struct pst_receipt receipt;
        struct pst_draft *draft = store_rig_draft(rig->store, "a");
        store_rig_field(draft, "n", "v");
        for (unsigned n = 0; n < post % 3; n++) {
            char data[2] = {(char)('0' + post), (char)('a' + n)};
            store_rig_file(draft, "f", data, 2);
        }
        assert_int_equal(store_rig_commit(rig->store, draft, &receipt), 0);
    }
    for (int is_upward = 0; is_upward < 2; is_upward++) {
        struct pst_post_query query = {.box = PST_SLICE("a"), .limit = 100, .is_upward = is_upward};
        struct pst_post_page *page;
        assert_int_equal(pst_store_read(rig->store, &query, &page), 0);
        assert_int_equal(page->count, 6);
        for (size_t i = 0; i < 6; i++) {
            const struct pst_post *post = &page->posts[i];
            assert_int_equal(post->id, is_upward ? i + 1 : 6 - i);
            assert_int_equal(post->file_count, post->id % 3);
            for (unsigned n = 0; n < post->file_count; n++) {
                char data[2] = {(char)('0' + post->id), (char)('a' + n)};
                assert_int_equal(post->files[n].number, n + 1);
                assert_true(store_rig_file_is(rig->store, "a", post->id, n + 1, data, 2));
            }
        }
        pst_post_page_free(page);
    }
}

static void test_read__large_posts__the_page_ends_early(void **state)
{
    struct store_rig *rig = *state;
    enum { BODY_BYTES = 3 * 1024 * 1024 };
    char *body = malloc(BODY_BYTES);
    assert_non_null(body);
    memset(body, 'x', BODY_BYTES);
    for (int i = 0; i < 5; i++) {
        struct pst_receipt receipt;
        struct pst_draft *draft = store_rig_draft(rig->store, "a");
        body[0] = (char)('1' + i);
        assert_int_equal(pst_draft_body(draft, pst_slice_of(body, BODY_BYTES)), 0);
        assert_int_equal(store_rig_commit(rig->store, draft, &receipt), 0);
    }
    struct pst_post_query query = {.box = PST_SLICE("a"), .limit = 50};
    static const struct {
        size_t count;
        bool is_more;
    } pages[] = {{3, true}, {2, false}};
    for (size_t i = 0; i < COUNT(pages); i++) {
        struct pst_post_page *page;
        assert_int_equal(pst_store_read(rig->store, &query, &page), 0);
        assert_int_equal(page->count, pages[i].count);
        assert_int_equal(page->is_more, pages[i].is_more);
        for (size_t k = 0; k < page->count; k++) {
            assert_int_equal(page->posts[k].body.len, BODY_BYTES);
            assert_int_equal(page->posts[k].body.ptr[0], '0' + page->posts[k].id);
        }
        query.below = page->posts[page->count - 1].id;
        pst_post_page_free(page);
    }
    free(body);
}

/* ---- files ---- */

static void test_commit__same_file_twice__kept_once_until_the_last_post_goes(void **state)
{
    struct store_rig *rig = *state;
    store_rig_post_file(rig->store, "a", "same", 4);
    store_rig_post_file(rig->store, "b", "same", 4);
    struct pst_receipt receipt;
    struct pst_draft *draft = store_rig_draft(rig->store, "a");
    store_rig_file(draft, "one", "same", 4);
    store_rig_file(draft, "two", "same", 4);
    store_rig_file(draft, "three", "other", 5);
    assert_int_equal(store_rig_commit(rig->store, draft, &receipt), 0);
    assert_int_equal(store_rig_names(rig, "files"), 2);
    assert_int_equal(store_rig_names(rig, "tmp"), 0);

    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), 1), 0);
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), 2), 0);
    assert_int_equal(store_rig_names(rig, "files"), 1);
    assert_true(store_rig_file_is(rig->store, "b", 1, 1, "same", 4));
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("b"), 1), 0);
    assert_int_equal(store_rig_names(rig, "files"), 0);
    store_rig_post_file(rig->store, "b", "same", 4);
    assert_true(store_rig_file_is(rig->store, "b", 2, 1, "same", 4));
}

static void test_draft__freed_at_any_step__leaves_nothing(void **state)
{
    struct store_rig *rig = *state;
    for (int steps = 0; steps <= 4; steps++) {
        struct pst_draft *draft = store_rig_draft(rig->store, "a");
        if (steps > 0)
            store_rig_file(draft, "first", "abc", 3);
        if (steps > 1)
            assert_int_equal(pst_draft_file_begin(draft, PST_SLICE("f"), PST_SLICE("n"), PST_SLICE("t")), 0);
        if (steps > 2)
            assert_int_equal(pst_draft_file_write(draft, "data", 4), 0);
        if (steps > 3)
            assert_int_equal(pst_draft_file_end(draft), 0);
        assert_int_equal(store_rig_names(rig, "tmp"), steps < 2 ? steps : 2);
        pst_draft_free(draft);
        assert_int_equal(store_rig_names(rig, "tmp"), 0);
    }
    assert_int_equal(store_rig_names(rig, "files"), 0);
    pst_draft_free(NULL);
}

static void test_draft__calls_out_of_order__refused(void **state)
{
    struct store_rig *rig = *state;
    struct pst_receipt receipt;
    struct pst_draft *draft = store_rig_draft(rig->store, "a");
    assert_int_equal(pst_draft_file_write(draft, "x", 1), PST_E_STATE);
    assert_int_equal(pst_draft_file_end(draft), PST_E_STATE);
    assert_int_equal(pst_draft_file_begin(draft, PST_SLICE("f"), PST_SLICE("n"), PST_SLICE("t")), 0);
    assert_int_equal(pst_draft_file_begin(draft, PST_SLICE("f"), PST_SLICE("n"), PST_SLICE("t")),
                     PST_E_STATE);
    assert_int_equal(store_rig_commit(rig->store, draft, &receipt), PST_E_STATE); /* the file has not ended */

    assert_int_equal(pst_draft_new(&draft, rig->store), 0);
    assert_int_equal(store_rig_commit(rig->store, draft, &receipt), PST_E_STATE); /* not described */
    struct pst_post_page *page = store_rig_read(rig->store, "a", 0);
    assert_false(page->is_box);
    pst_post_page_free(page);
    assert_int_equal(store_rig_names(rig, "tmp"), 0);
}

static void test_describe__bad_heads__refused(void **state)
{
    struct store_rig *rig = *state;
    char key[257];
    memset(key, 'k', sizeof(key));
    static const char *const names[] = {
        "",    "-a",  "_a",       "A",
        "a/b", "a.b", "\xc3\xab", "a2345678901234567890123456789012345678901234567890123456789012345"};
    struct pst_draft *draft = store_rig_draft(rig->store, "a");
    for (size_t i = 0; i < COUNT(names); i++) {
        struct pst_draft_head head = {.box = pst_slice_str(names[i])};
        assert_int_equal(pst_draft_describe(draft, &head), PST_E_INVAL);
    }
    assert_false(pst_box_name_is_valid(PST_SLICE("a\0b")));
    struct pst_draft_head head = {.box = PST_SLICE("0-_z"), .key = pst_slice_of(key, 255)};
    assert_int_equal(pst_draft_describe(draft, &head), 0);
    head.key.len = 256;
    assert_int_equal(pst_draft_describe(draft, &head), PST_E_LIMIT);
    head.key.len = 0;
    head.box = PST_SLICE("a234567890123456789012345678901234567890123456789012345678901234");
    assert_int_equal(pst_draft_describe(draft, &head), 0);
    pst_draft_free(draft);
}

static void test_open_file__buffers_of_any_size__names_are_cut_between_characters(void **state)
{
    struct store_rig *rig = *state;
    struct pst_receipt receipt;
    struct pst_draft *draft = store_rig_draft(rig->store, "a");
    assert_int_equal(
        pst_draft_file_begin(draft, PST_SLICE("fi"), PST_SLICE("\xc3\xab\xe2\x82\xac"), PST_SLICE("te")), 0);
    assert_int_equal(pst_draft_file_end(draft), 0);
    assert_int_equal(store_rig_commit(rig->store, draft, &receipt), 0);
    static const size_t file_name_lens[] = {0, 0, 2, 2, 2, 5, 5, 5, 5, 5};
    static const size_t type_lens[] = {0, 0, 0, 0, 0, 0, 1, 2, 2, 2};
    for (size_t size = 0; size < COUNT(type_lens); size++) {
        struct pst_post_file file;
        char buffer[16];
        int fd;
        memset(buffer, '#', sizeof(buffer));
        assert_int_equal(pst_store_open_file(rig->store, PST_SLICE("a"), 1, 1, &fd, &file, buffer, size), 0);
        close(fd);
        assert_int_equal(file.file_name.len, file_name_lens[size]);
        assert_memory_equal(file.file_name.ptr, "\xc3\xab\xe2\x82\xac", file.file_name.len);
        assert_int_equal(file.type.len, type_lens[size]);
        assert_memory_equal(file.type.ptr, "te", file.type.len);
        assert_int_equal(file.name.len, size > 7 ? size - 7 : 0);
        assert_int_equal(buffer[size], '#');
        assert_int_equal(file.size, 0);
    }
}

static void test_open_file__not_there__noent_or_io(void **state)
{
    struct store_rig *rig = *state;
    store_rig_post_file(rig->store, "a", "abc", 3);
    static const struct {
        const char *box;
        uint64_t id;
        unsigned number;
    } cases[] = {{"a", 1, 2}, {"a", 1, 0}, {"a", 2, 1}, {"b", 1, 1}, {"a", UINT64_MAX, 1}, {"", 1, 1}};
    int fd;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(pst_store_open_file(rig->store, pst_slice_str(cases[i].box), cases[i].id,
                                             cases[i].number, &fd, NULL, NULL, 0),
                         PST_E_NOENT);
        assert_int_equal(fd, -1);
    }
    char path[256];
    snprintf(path, sizeof(path), "%s/files/" ABC_HASH, rig->folder);
    assert_int_equal(truncate(path, 2), 0);
    assert_int_equal(pst_store_open_file(rig->store, PST_SLICE("a"), 1, 1, &fd, NULL, NULL, 0), PST_E_IO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(pst_store_open_file(rig->store, PST_SLICE("a"), 1, 1, &fd, NULL, NULL, 0), PST_E_IO);
    /* The same contents again: mended. */
    store_rig_post_file(rig->store, "a", "abc", 3);
    assert_true(store_rig_file_is(rig->store, "a", 1, 1, "abc", 3));
    assert_int_equal(truncate(path, 2), 0);
    store_rig_post_file(rig->store, "a", "abc", 3);
    assert_true(store_rig_file_is(rig->store, "a", 1, 1, "abc", 3));
}

/* ---- boxes ---- */

static void test_boxes__several__counted_and_sorted(void **state)
{
    struct store_rig *rig = *state;
    struct pst_box_info *boxes;
    size_t count;
    assert_int_equal(pst_store_boxes(rig->store, &boxes, &count), 0);
    assert_int_equal(count, 0);
    free(boxes);
    store_rig_post(rig->store, "zoo", "12345");
    store_rig_post_file(rig->store, "contact", "abc", 3);
    store_rig_post(rig->store, "contact", "12345");
    store_rig_post(rig->store, "empty", "1");
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("empty"), 1), 0);
    assert_int_equal(pst_store_boxes(rig->store, &boxes, &count), 0);
    assert_int_equal(count, 3);
    assert_string_equal(boxes[0].name, "contact");
    assert_int_equal(boxes[0].count, 2);
    assert_int_equal(boxes[0].last_id, 2);
    /* 128 and the media type for each; "picture", "photo.png", "image/png" and the file; "text" and the value
     */
    assert_int_equal(boxes[0].bytes, 2 * (128 + 19) + 7 + 9 + 9 + 3 + 4 + 5);
    struct pst_post_page *page = store_rig_read(rig->store, "contact", 2);
    assert_int_equal(boxes[0].last_time_ms, page->posts[0].time_ms);
    pst_post_page_free(page);
    assert_string_equal(boxes[1].name, "empty");
    assert_int_equal(boxes[1].count, 0);
    assert_int_equal(boxes[1].bytes, 0);
    assert_int_equal(boxes[1].last_id, 1);
    assert_int_equal(boxes[1].last_time_ms, 0);
    assert_string_equal(boxes[2].name, "zoo");
    free(boxes);
}

static void test_commit__box_may_not_be_made__noent_unless_it_is_there(void **state)
{
    struct store_rig *rig = *state;
    struct pst_draft_head head = {.box = PST_SLICE("a"), .type = PST_SLICE("text/plain")};
    static const int wanted[] = {PST_E_NOENT, 0};
    for (size_t i = 0; i < COUNT(wanted); i++) {
        struct pst_receipt receipt;
        struct pst_draft *draft = store_rig_draft(rig->store, "a");
        assert_int_equal(pst_draft_describe(draft, &head), 0);
        store_rig_file(draft, "f", "abc", 3);
        assert_int_equal(store_rig_commit(rig->store, draft, &receipt), wanted[i]);
        assert_int_equal(store_rig_names(rig, "files"), i);
        assert_int_equal(store_rig_names(rig, "tmp"), 0);
        if (i == 0)
            store_rig_post(rig->store, "a", "makes it");
    }
}

static void test_field_names__several_posts__each_once_in_order(void **state)
{
    struct store_rig *rig = *state;
    static const char *const posts[][4] = {{"name", "text", "name"}, {"text", "e-mail"}, {"", "x", "na"}};
    for (size_t i = 0; i < COUNT(posts); i++) {
        struct pst_receipt receipt;
        struct pst_draft *draft = store_rig_draft(rig->store, "a");
        for (size_t k = 0; posts[i][k]; k++)
            store_rig_field(draft, posts[i][k], "v");
        assert_int_equal(pst_draft_field(draft, PST_SLICE("nul\0within"), PST_SLICE("v")), 0);
        assert_int_equal(store_rig_commit(rig->store, draft, &receipt), 0);
    }
    store_rig_post(rig->store, "b", "not this box");
    char *names;
    static const char wanted[] = "name\0text\0e-mail\0x\0na\0";
    assert_int_equal(pst_store_field_names(rig->store, PST_SLICE("a"), 5, &names), 0);
    assert_memory_equal(names, wanted, sizeof(wanted));
    free(names);
    static const char first[] = "name\0text\0e-mail\0";
    assert_int_equal(pst_store_field_names(rig->store, PST_SLICE("a"), 3, &names), 0);
    assert_memory_equal(names, first, sizeof(first));
    free(names);
    assert_int_equal(pst_store_field_names(rig->store, PST_SLICE("none"), 5, &names), 0);
    assert_string_equal(names, "");
    free(names);
}

/* ---- changes ---- */

struct seen {
    const struct store_rig *rig;
    char text[256];
};

static void note(const struct pst_change *change, void *arg)
{
    struct seen *seen = arg;
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof(seen->text) - len, "%s%.*s/%llu ", change->is_deleted ? "-" : "+",
             PST_FMT(change->box), (unsigned long long)change->id);
}

static void test_watch__commits_and_deletions__told_before_the_caller(void **state)
{
    struct store_rig *rig = *state;
    struct seen seen[5] = {{rig, ""}};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pst_store_watch(rig->store, note, &seen[i]), 0);
    assert_int_equal(pst_store_watch(rig->store, note, &seen[4]), PST_E_LIMIT);
    uint64_t before = pst_store_generation(rig->store);
    store_rig_post(rig->store, "a", "one");
    assert_string_equal(seen[3].text, "+a/1 ");
    store_rig_post(rig->store, "b", "one");
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), 1), 0);
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), 1), PST_E_NOENT);
    assert_string_equal(seen[0].text, "+a/1 +b/1 -a/1 ");
    assert_string_equal(seen[4].text, "");
    assert_int_equal(pst_store_generation(rig->store), before + 3);
}

/* ---- vacuum ---- */

static void test_vacuum__after_deletions__gives_back_room(void **state)
{
    struct store_rig *rig = *state;
    static char body[100000];
    uint64_t bytes;
    memset(body, 'x', sizeof(body));
    for (int i = 0; i < 30; i++) {
        struct pst_receipt receipt;
        struct pst_draft *draft = store_rig_draft(rig->store, "a");
        assert_int_equal(pst_draft_body(draft, pst_slice_of(body, sizeof(body))), 0);
        assert_int_equal(store_rig_commit(rig->store, draft, &receipt), 0);
    }
    assert_int_equal(pst_store_vacuum(rig->store, &bytes), 0);
    assert_int_equal(bytes, 0);
    struct stat before, after;
    assert_int_equal(stat(store_rig_path(rig, "posts.db"), &before), 0);
    for (uint64_t id = 1; id < 30; id++)
        assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), id), 0);
    assert_int_equal(pst_store_vacuum(rig->store, &bytes), 0);
    assert_true(bytes > 28 * sizeof(body));
    assert_int_equal(stat(store_rig_path(rig, "posts.db"), &after), 0);
    assert_int_equal((uint64_t)(before.st_size - after.st_size), bytes);
    struct pst_post_page *page = store_rig_read(rig->store, "a", 30);
    assert_int_equal(page->posts[0].body.len, sizeof(body));
    pst_post_page_free(page);
}

static void test_vacuum__a_file_is_gone__says_so(void **state)
{
    struct store_rig *rig = *state;
    uint64_t bytes;
    store_rig_post_file(rig->store, "a", "abc", 3);
    assert_int_equal(pst_store_vacuum(rig->store, &bytes), 0);
    assert_int_equal(unlink(store_rig_path(rig, "files/" ABC_HASH)), 0);
    assert_int_equal(pst_store_vacuum(rig->store, &bytes), PST_E_SYNTAX);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_commit__fields_body_and_files__read_back_as_they_were),
        TEST(test_open__a_second_time__everything_is_still_there),
        TEST(test_delete__last_post__its_id_is_never_used_again),
        TEST(test_read__pages_both_ways__ids_and_is_more),
        TEST(test_read__no_such_box__an_empty_page_that_says_so),
        TEST(test_read__files_of_several_posts__each_has_its_own),
        TEST(test_read__large_posts__the_page_ends_early),
        TEST(test_commit__same_file_twice__kept_once_until_the_last_post_goes),
        TEST(test_draft__freed_at_any_step__leaves_nothing),
        TEST(test_draft__calls_out_of_order__refused),
        TEST(test_describe__bad_heads__refused),
        TEST(test_open_file__buffers_of_any_size__names_are_cut_between_characters),
        TEST(test_open_file__not_there__noent_or_io),
        TEST(test_boxes__several__counted_and_sorted),
        TEST(test_commit__box_may_not_be_made__noent_unless_it_is_there),
        TEST(test_field_names__several_posts__each_once_in_order),
        TEST(test_watch__commits_and_deletions__told_before_the_caller),
        TEST(test_vacuum__after_deletions__gives_back_room),
        TEST(test_vacuum__a_file_is_gone__says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
