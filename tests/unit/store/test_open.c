/* Opening a store: who may, what it makes, removes and refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <postern/store.h>

#include "base/sha256.h"
#include "store/schema.h"
#include "support/store_rig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ABC_HASH     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static int set_up(void **state)
{
    struct store_rig *rig = malloc(sizeof(*rig));
    assert_non_null(rig);
    store_rig_init(rig);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    store_rig_fini(*state);
    free(*state);
    return 0;
}

static int try_open(struct store_rig *rig, enum pst_store_mode mode)
{
    struct pst_store_options options = rig->options;
    struct pst_store *store;
    options.mode = mode;
    memset(rig->why, '#', sizeof(rig->why));
    int err = pst_store_open(&store, rig->folder, &options, rig->why, sizeof(rig->why));
    assert_true(memchr(rig->why, '\0', sizeof(rig->why)) != NULL);
    if (!err)
        pst_store_close(store);
    else if (rig->why[0] == '\0' || store)
        fail_msg("an error without a reason, or with a store");
    return err;
}

static void write_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static bool is_there(const struct store_rig *rig, const char *name)
{
    return access(store_rig_path(rig, name), F_OK) == 0;
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

/* A closed store with a post and a file. */
static void fill(struct store_rig *rig)
{
    store_rig_open(rig);
    store_rig_post(rig->store, "a", "one");
    store_rig_post_file(rig->store, "a", "abc", 3);
    store_rig_close(rig);
}

/* ---- the folder ---- */

static void test_open__nothing_there__made_with_parents_for_its_owner_alone(void **state)
{
    struct store_rig *rig = *state;
    char first[128];
    mode_t before = umask(0);
    snprintf(first, sizeof(first), "%s", rig->folder);
    snprintf(rig->folder, sizeof(rig->folder), "%.100s/b/c", first);
    assert_int_equal(try_open(rig, PST_STORE_VISIT), PST_E_NOENT);
    assert_int_equal(try_open(rig, PST_STORE_SERVE), 0);
    assert_int_equal(mode_of(rig->folder), 0700);
    assert_int_equal(mode_of(store_rig_path(rig, "files")), 0700);
    assert_int_equal(mode_of(first), 0700);
    assert_false(is_there(rig, "posts.db-wal")); /* tidied up at the close */
    umask(before);
    assert_int_equal(try_open(rig, PST_STORE_VISIT), 0);
    snprintf(rig->folder, sizeof(rig->folder), "%s", first);
}

static void test_open__a_folder_that_others_may_enter__closed_to_them_if_it_is_ours(void **state)
{
    struct store_rig *rig = *state;
    assert_int_equal(mkdir(rig->folder, 0755), 0);
    assert_int_equal(chmod(rig->folder, 0755), 0);
    write_file(store_rig_path(rig, "letter.txt"), "x", 1);
    assert_int_equal(try_open(rig, PST_STORE_SERVE), PST_E_SYNTAX);
    assert_non_null(strstr(rig->why, "other things"));
    assert_int_equal(mode_of(rig->folder), 0755);
    assert_false(is_there(rig, "lock"));
    assert_int_equal(unlink(store_rig_path(rig, "letter.txt")), 0);
    assert_int_equal(try_open(rig, PST_STORE_SERVE), 0);
    assert_int_equal(mode_of(rig->folder), 0700);
}

static void test_open__the_name_is_a_file__refused(void **state)
{
    struct store_rig *rig = *state;
    write_file(rig->folder, "x", 1);
    assert_int_not_equal(try_open(rig, PST_STORE_SERVE), 0);
    assert_int_not_equal(try_open(rig, PST_STORE_VISIT), 0);
}

static void test_open__strange_characters_in_the_name__taken_as_they_are(void **state)
{
    struct store_rig *rig = *state;
    static const char *const tails[] = {" a b", "?mode=memory", "%41#", "file:x", "'\"", "\xc3\xab"};
    char first[128];
    snprintf(first, sizeof(first), "%s", rig->folder);
    assert_int_equal(mkdir(first, 0700), 0);
    for (size_t i = 0; i < COUNT(tails); i++) {
        snprintf(rig->folder, sizeof(rig->folder), "%.90s/%s", first, tails[i]);
        fill(rig);
        assert_true(is_there(rig, "posts.db"));
        assert_int_equal(try_open(rig, PST_STORE_VISIT), 0);
    }
    snprintf(rig->folder, sizeof(rig->folder), "%s", first);
}

static void test_open__may_not_write__says_access(void **state)
{
    struct store_rig *rig = *state;
    fill(rig);
    /* As somebody to whom the mode means something: the user of number 65534, where we are root. */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int ok = 1;
        if (geteuid() == 0)
            ok = chown(rig->folder, 65534, 65534) == 0 && chmod(store_rig_path(rig, ".."), 0711) == 0 &&
                 setgid(65534) == 0 && setuid(65534) == 0;
        ok = ok && chmod(rig->folder, 0500) == 0;
        struct pst_store *store;
        struct pst_store_options options = {.mode = PST_STORE_SERVE};
        char why[256];
        int err = ok ? pst_store_open(&store, rig->folder, &options, why, sizeof(why)) : 0;
        _exit(err == PST_E_ACCESS && why[0] ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(rig->folder, 0700), 0);
    assert_int_equal(status, 0);
}

/* ---- who else ---- */

static void test_open__a_second_server__busy_and_says_who(void **state)
{
    struct store_rig *rig = *state;
    char pid[32];
    snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    store_rig_open(rig);
    assert_int_equal(try_open(rig, PST_STORE_SERVE), PST_E_BUSY);
    assert_non_null(strstr(rig->why, pid));
    store_rig_post(rig->store, "a", "undisturbed");
    store_rig_close(rig);
    assert_int_equal(try_open(rig, PST_STORE_SERVE), 0);
}

static void test_visit__beside_a_server__reads_removes_and_leaves_drafts_alone(void **state)
{
    struct store_rig *rig = *state;
    struct pst_store_options options = {.mode = PST_STORE_VISIT};
    struct pst_store *visit;
    struct pst_receipt receipt;
    store_rig_open(rig);
    store_rig_post_file(rig->store, "a", "abc", 3);
    store_rig_post_file(rig->store, "a", "def", 3);
    struct pst_draft *draft = store_rig_draft(rig->store, "a");
    store_rig_file(draft, "f", "ghi", 3);
    assert_int_equal(pst_store_open(&visit, rig->folder, &options, rig->why, sizeof(rig->why)), 0);
    assert_true(store_rig_file_is(visit, "a", 1, 1, "abc", 3));
    assert_int_equal(pst_store_delete(visit, PST_SLICE("a"), 1), 0);
    assert_int_equal(store_rig_names(rig, "files"), 1);
    assert_int_equal(store_rig_commit(rig->store, draft, &receipt), 0);
    assert_int_equal(receipt.id, 3);
    struct pst_post_page *page = store_rig_read(visit, "a", 0);
    assert_int_equal(page->box_count, 2);
    pst_post_page_free(page);
    pst_store_close(visit);
    assert_true(store_rig_file_is(rig->store, "a", 3, 1, "ghi", 3));
    store_rig_post_file(rig->store, "a", "abc", 3);
    assert_true(store_rig_file_is(rig->store, "a", 4, 1, "abc", 3));
}

/* ---- leftovers ---- */

static void test_open__leftovers_of_a_crash__removed_by_a_server_only(void **state)
{
    struct store_rig *rig = *state;
    static const char orphan[] = "files/0000000000000000000000000000000000000000000000000000000000000000";
    fill(rig);
    write_file(store_rig_path(rig, orphan), "x", 1);
    write_file(store_rig_path(rig, "files/README"), "not ours to remove", 18);
    write_file(store_rig_path(rig, "tmp/17-4"), "x", 1);
    assert_int_equal(try_open(rig, PST_STORE_VISIT), 0);
    assert_true(is_there(rig, orphan));
    assert_true(is_there(rig, "tmp/17-4"));
    assert_int_equal(try_open(rig, PST_STORE_SERVE), 0);
    assert_string_equal(rig->why, "");
    assert_false(is_there(rig, orphan));
    assert_false(is_there(rig, "tmp/17-4"));
    assert_true(is_there(rig, "files/README"));
    assert_true(is_there(rig, "files/" ABC_HASH));
}

static void test_open__a_file_of_a_post_is_gone__opens_and_says_so(void **state)
{
    struct store_rig *rig = *state;
    fill(rig);
    assert_int_equal(unlink(store_rig_path(rig, "files/" ABC_HASH)), 0);
    store_rig_open(rig);
    assert_non_null(strstr(rig->why, "1 file of posts is gone"));
    struct pst_post_page *page = store_rig_read(rig->store, "a", 2);
    assert_int_equal(page->posts[0].file_count, 1); /* not dropped in silence */
    pst_post_page_free(page);
}

/* ---- damaged, foreign, newer ---- */

static char *read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *data = malloc(1 << 20);
    assert_non_null(data);
    *ret_len = fread(data, 1, 1 << 20, file);
    fclose(file);
    return data;
}

/* Opening is refused in both ways, posts.db stays as it is, and nothing of SQLite's appears beside it. */
static void check_refused(struct store_rig *rig, int wanted, const char *what)
{
    size_t before_len, after_len;
    char *before = read_file(store_rig_path(rig, "posts.db"), &before_len);
    static const enum pst_store_mode modes[] = {PST_STORE_SERVE, PST_STORE_VISIT};
    for (size_t i = 0; i < COUNT(modes); i++) {
        int err = try_open(rig, modes[i]);
        if (err != wanted)
            fail_msg("%s: mode %d gives %s (%s)", what, (int)modes[i], pst_strerror(err), rig->why);
    }
    char *after = read_file(store_rig_path(rig, "posts.db"), &after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, before_len);
    if (is_there(rig, "posts.db-wal") || is_there(rig, "posts.db-shm"))
        fail_msg("%s: there is a log now", what);
    free(before);
    free(after);
}

static void test_open__damaged_database__refused_and_not_touched(void **state)
{
    struct store_rig *rig = *state;
    fill(rig);
    char path[256];
    snprintf(path, sizeof(path), "%s/posts.db", rig->folder);
    size_t len;
    char *sound = read_file(path, &len);
    char *bad = malloc(len);
    assert_non_null(bad);
    assert_true(len > (size_t)3 * 4096 && len % 4096 == 0);

    memset(bad, 'x', len);
    write_file(path, bad, len);
    check_refused(rig, PST_E_SYNTAX, "no database at all");
    write_file(path, "Dear diary,\n", 12);
    check_refused(rig, PST_E_SYNTAX, "a text file");
    for (size_t cut = 4096; cut < len; cut += 4096) {
        write_file(path, sound, cut);
        check_refused(rig, PST_E_SYNTAX, "cut short");
    }
    write_file(path, sound, 100);
    check_refused(rig, PST_E_SYNTAX, "only its header");
    /* The head of each page's tree in turn. */
    for (size_t page = 1; page < len / 4096; page++) {
        memcpy(bad, sound, len);
        for (size_t i = 0; i < 8; i++)
            bad[page * 4096 + i] ^= 0x55;
        write_file(path, bad, len);
        check_refused(rig, PST_E_SYNTAX, "a page's head");
    }
    write_file(path, sound, len);
    assert_int_equal(try_open(rig, PST_STORE_SERVE), 0);
    free(sound);
    free(bad);
}

static void test_open__random_bytes_flipped__opens_or_is_refused_never_crashes(void **state)
{
    struct store_rig *rig = *state;
    fill(rig);
    char path[256];
    snprintf(path, sizeof(path), "%s/posts.db", rig->folder);
    size_t len;
    uint64_t random = 88172645463325252U;
    char *sound = read_file(path, &len);
    char *bad = malloc(len);
    assert_non_null(bad);
    for (int round = 0; round < 150; round++) {
        memcpy(bad, sound, len);
        for (int i = 0; i <= round % 4; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            bad[random % len] ^= (char)(1 + (random >> 40) % 255);
        }
        write_file(path, bad, len);
        struct pst_store *store;
        if (pst_store_open(&store, rig->folder, &rig->options, rig->why, sizeof(rig->why)) != 0)
            continue;
        struct pst_post_query query = {.box = PST_SLICE("a"), .limit = 10};
        struct pst_post_page *page;
        char *names;
        if (pst_store_read(store, &query, &page) == 0)
            pst_post_page_free(page);
        if (pst_store_field_names(store, PST_SLICE("a"), 10, &names) == 0)
            free(names);
        (void)pst_store_delete(store, PST_SLICE("a"), 2);
        pst_store_close(store);
    }
    free(sound);
    free(bad);
}

static void run_sql(struct store_rig *rig, const char *sql)
{
    struct pst_db db;
    assert_int_equal(
        pst_db_open(&db, store_rig_path(rig, "posts.db"), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE), 0);
    assert_int_equal(pst_db_exec(&db, sql), 0);
    pst_db_close(&db);
}

static void test_open__a_newer_store__refused_and_not_touched(void **state)
{
    struct store_rig *rig = *state;
    char sql[64];
    fill(rig);
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", (int)PST_SCHEMA_VERSION + 1);
    run_sql(rig, sql);
    check_refused(rig, PST_E_UNSUPPORTED, "newer");
    assert_non_null(strstr(rig->why, "newer"));
}

/* As a newer server leaves it that was killed: the new version is only in the log. */
static void test_open__a_newer_store_with_a_log__refused_and_not_touched(void **state)
{
    struct store_rig *rig = *state;
    char sql[64];
    size_t before_len, after_len, log_before_len, log_after_len;
    fill(rig);
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", (int)PST_SCHEMA_VERSION + 1);
    struct pst_db db;
    assert_int_equal(pst_db_open(&db, store_rig_path(rig, "posts.db"), SQLITE_OPEN_READWRITE), 0);
    assert_int_equal(pst_db_set_checkpoint_on_close(&db, false), 0);
    assert_int_equal(pst_db_exec(&db, sql), 0);
    pst_db_close(&db);
    char *before = read_file(store_rig_path(rig, "posts.db"), &before_len);
    char *log_before = read_file(store_rig_path(rig, "posts.db-wal"), &log_before_len);
    assert_true(log_before_len > 0);
    assert_int_equal(try_open(rig, PST_STORE_SERVE), PST_E_UNSUPPORTED);
    assert_int_equal(try_open(rig, PST_STORE_VISIT), PST_E_UNSUPPORTED);
    char *after = read_file(store_rig_path(rig, "posts.db"), &after_len);
    char *log_after = read_file(store_rig_path(rig, "posts.db-wal"), &log_after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, before_len);
    assert_int_equal(log_before_len, log_after_len);
    assert_memory_equal(log_before, log_after, log_before_len);
    free(before);
    free(after);
    free(log_before);
    free(log_after);
}

static void test_open__a_database_of_something_else__refused_and_not_touched(void **state)
{
    struct store_rig *rig = *state;
    assert_int_equal(mkdir(rig->folder, 0700), 0);
    run_sql(rig, "CREATE TABLE mine (a)");
    check_refused(rig, PST_E_SYNTAX, "another program's tables");
    run_sql(rig, "PRAGMA user_version = 2");
    check_refused(rig, PST_E_SYNTAX, "another program's version");
}

/* ---- versions ---- */

/* A store as the postern of that version left it, with a post in it. */
static void make_old(struct store_rig *rig, int version)
{
    struct pst_db db;
    assert_int_equal(
        pst_db_open(&db, store_rig_path(rig, "posts.db"), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE), 0);
    assert_int_equal(pst_schema_upgrade(&db, 0, version), 0);
    assert_int_equal(
        pst_db_exec(&db, "INSERT INTO box VALUES (1, 'a', 3, 1, 133);"
                         "UPDATE total SET boxes = 1, bytes = 133;"
                         "INSERT INTO post VALUES ((1 << 40) + 3, 1600000000000, 133, 0, 'text/plain',"
                         " '', x'', CAST('hello' AS BLOB))"),
        0);
    pst_db_close(&db);
}

static void test_open__each_older_version__brought_up_to_date_with_its_posts(void **state)
{
    struct store_rig *rig = *state;
    for (int version = 1; version <= PST_SCHEMA_VERSION; version++) {
        assert_int_equal(try_open(rig, PST_STORE_SERVE), 0); /* makes the folders */
        assert_int_equal(unlink(store_rig_path(rig, "posts.db")), 0);
        make_old(rig, version);
        if (version < PST_SCHEMA_VERSION) {
            assert_int_equal(try_open(rig, PST_STORE_VISIT), PST_E_UNSUPPORTED);
            assert_non_null(strstr(rig->why, "older"));
        }
        store_rig_open(rig);
        struct pst_post_page *page = store_rig_read(rig->store, "a", 3);
        assert_int_equal(page->count, 1);
        assert_true(pst_slice_eq(page->posts[0].body, PST_SLICE("hello")));
        pst_post_page_free(page);
        struct pst_draft_head head = {
            .box = PST_SLICE("a"), .type = PST_SLICE("text/plain"), .key = PST_SLICE("k")};
        for (int again = 0; again < 2; again++) {
            struct pst_receipt receipt;
            struct pst_draft *draft = store_rig_draft(rig->store, "a");
            assert_int_equal(pst_draft_describe(draft, &head), 0);
            assert_int_equal(store_rig_commit(rig->store, draft, &receipt), 0);
            assert_int_equal(receipt.id, 4);
            assert_int_equal(receipt.is_repeated, again);
        }
        uint64_t bytes;
        assert_int_equal(pst_store_vacuum(rig->store, &bytes), 0);
        store_rig_close(rig);
        int64_t now_version = 0;
        struct pst_db db;
        assert_int_equal(pst_db_open(&db, store_rig_path(rig, "posts.db"), SQLITE_OPEN_READWRITE), 0);
        assert_int_equal(pst_db_number(&db, "PRAGMA user_version", &now_version), 0);
        pst_db_close(&db);
        assert_int_equal(now_version, PST_SCHEMA_VERSION);
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_open__nothing_there__made_with_parents_for_its_owner_alone),
        TEST(test_open__a_folder_that_others_may_enter__closed_to_them_if_it_is_ours),
        TEST(test_open__the_name_is_a_file__refused),
        TEST(test_open__strange_characters_in_the_name__taken_as_they_are),
        TEST(test_open__may_not_write__says_access),
        TEST(test_open__a_second_server__busy_and_says_who),
        TEST(test_visit__beside_a_server__reads_removes_and_leaves_drafts_alone),
        TEST(test_open__leftovers_of_a_crash__removed_by_a_server_only),
        TEST(test_open__a_file_of_a_post_is_gone__opens_and_says_so),
        TEST(test_open__damaged_database__refused_and_not_touched),
        TEST(test_open__random_bytes_flipped__opens_or_is_refused_never_crashes),
        TEST(test_open__a_newer_store__refused_and_not_touched),
        TEST(test_open__a_newer_store_with_a_log__refused_and_not_touched),
        TEST(test_open__a_database_of_something_else__refused_and_not_touched),
        TEST(test_open__each_older_version__brought_up_to_date_with_its_posts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
