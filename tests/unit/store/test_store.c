/* The store's plain ways: posts go in, and come out as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <postern/store.h>

#include "support/store_rig.h"

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
    assert_string_equal(post->files[0].hash,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commit__fields_body_and_files__read_back_as_they_were, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_open__a_second_time__everything_is_still_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_delete__last_post__its_id_is_never_used_again, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
