/* Watching a store: every change is told, in order, and no more after unwatching. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include <postern/store.h>

#include "support/store_rig.h"

/* Written on the store's thread before the caller of a commit is told, so read without a lock after it. */
struct seen {
    char text[256];
    size_t len;
};

static void note(const struct pst_change *change, void *arg)
{
    struct seen *seen = arg;
    seen->len += (size_t)snprintf(seen->text + seen->len, sizeof seen->text - seen->len, "%s%.*s/%llu ",
                                  change->is_deleted ? "-" : "+", PST_FMT(change->box),
                                  (unsigned long long)change->id);
}

static int set_up(void **state)
{
    struct store_rig *rig = malloc(sizeof *rig);
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

static void test_watch__changes__are_told_to_all_in_order(void **state)
{
    struct store_rig *rig = *state;
    struct seen one = {0}, two = {0};
    assert_int_equal(pst_store_watch(rig->store, note, &one), 0);
    assert_int_equal(pst_store_watch(rig->store, note, &two), 0);
    uint64_t before = pst_store_generation(rig->store);
    store_rig_post(rig->store, "a", "x");
    store_rig_post(rig->store, "b", "x");
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), 1), 0);
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), 1), PST_E_NOENT);
    assert_string_equal(one.text, "+a/1 +b/1 -a/1 ");
    assert_string_equal(two.text, one.text);
    assert_int_equal(pst_store_generation(rig->store) - before, 3);
}

static void test_unwatch__others_go_on(void **state)
{
    struct store_rig *rig = *state;
    struct seen seen[5] = {0};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pst_store_watch(rig->store, note, &seen[i]), 0);
    assert_int_equal(pst_store_watch(rig->store, note, &seen[4]), PST_E_LIMIT);
    pst_store_unwatch(rig->store, note, &seen[4]); /* does not watch: nothing happens */
    pst_store_unwatch(rig->store, note, &seen[1]);
    store_rig_post(rig->store, "a", "x");
    assert_string_equal(seen[0].text, "+a/1 ");
    assert_string_equal(seen[1].text, "");
    assert_string_equal(seen[2].text, "+a/1 ");
    assert_string_equal(seen[3].text, "+a/1 ");
    assert_int_equal(pst_store_watch(rig->store, note, &seen[4]), 0);
    for (size_t i = 0; i < 5; i++)
        pst_store_unwatch(rig->store, note, &seen[i]);
    store_rig_post(rig->store, "a", "x");
    assert_string_equal(seen[4].text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_watch__changes__are_told_to_all_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unwatch__others_go_on, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
