/* Media types by file name, the shared mime database, and Content-Type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <postern/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http/media_db.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define UNKNOWN      "application/octet-stream"

static void assert_type(const char *name, const char *expected)
{
    const char *got = pst_media_type_by_name(pst_slice_str(name));
    if (strcmp(got, expected) != 0)
        fail_msg("%s: %s, not %s", name, got, expected);
}

/* What a browser acts on: HTML standard 8.1.3 (scripts: RFC 9239 6), WebAssembly's instantiateStreaming,
 * fonts. */
static void test_media_type_by_name__types_of_the_web__as_browsers_want_them(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type;
    } rows[] = {
        {"index.html", "text/html; charset=utf-8"},
        {"style.css", "text/css; charset=utf-8"},
        {"app.js", "text/javascript; charset=utf-8"},
        {"app.mjs", "text/javascript; charset=utf-8"},
        {"data.json", "application/json"},
        {"logo.svg", "image/svg+xml"},
        {"code.wasm", "application/wasm"},
        {"a.woff2", "font/woff2"},
        {"a.webp", "image/webp"},
        {"a.avif", "image/avif"},
        {"favicon.ico", "image/vnd.microsoft.icon"},
        {"robots.txt", "text/plain; charset=utf-8"},
        {"README.md", "text/markdown; charset=utf-8"},
        {"feed.xml", "application/xml"},
        {"paper.pdf", "application/pdf"},
        {"a.png", "image/png"},
        {"a.jpg", "image/jpeg"},
        {"a.webmanifest", "application/manifest+json"},
        {"a.js.map", "application/json"},
        {"clip.ts", "video/mp2t"},
        {"archive.tar.gz", "application/gzip"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_type(rows[i].name, rows[i].type);
}

static void test_media_type_by_name__shapes_of_names__last_extension_of_the_last_part(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type;
    } rows[] = {
        {"INDEX.HTML", "text/html; charset=utf-8"},
        {"a.HtMl", "text/html; charset=utf-8"},
        {"jquery.min.js", "text/javascript; charset=utf-8"},
        {"/srv/site.d/index.html", "text/html; charset=utf-8"},
        {"/srv/site.html/README", UNKNOWN},
        {".html", "text/html; charset=utf-8"},
        {"a..html", "text/html; charset=utf-8"},
        {"", UNKNOWN},
        {"/", UNKNOWN},
        {".", UNKNOWN},
        {"..", UNKNOWN},
        {"html", UNKNOWN},
        {"a.", UNKNOWN},
        {"a.html.", UNKNOWN},
        {"a.html/", UNKNOWN},
        {"a.html~x", UNKNOWN},
        {"a. html", UNKNOWN},
        {"a.no-such-extension", UNKNOWN},
        {"a.no-such-extension-which-is-also-longer-than-any-that-is-kept-anywhere-at-all", UNKNOWN},
        {"a.\xc3\xa9", UNKNOWN},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_type(rows[i].name, rows[i].type);
    assert_string_equal(pst_media_type_by_name(pst_slice_of(NULL, 0)), UNKNOWN);
    assert_string_equal(pst_media_type_by_name(pst_slice_of("a.html\0", 7)), UNKNOWN);
    assert_string_equal(pst_media_type_by_name(pst_slice_of("a.html", 5)), "text/html; charset=utf-8");
}

/* The binary search wants order; a browser wants a charset with text and nothing else. */
static void test_media_type_table__all_rows__sorted_and_well_formed(void **state)
{
    (void)state;
    static const struct {
        const char *extension, *type;
    } rows[] = {
#define X(extension, type) {extension, type},
#include "http/media_type_table.def"
#undef X
    };
    assert_true(COUNT(rows) >= 60);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char name[64];
        if (i > 0)
            assert_true(strcmp(rows[i - 1].extension, rows[i].extension) < 0);
        struct pst_slice type = pst_slice_str(rows[i].type);
        struct pst_slice essence = pst_media_type_essence(type);
        assert_true(essence.len > 0);
        bool is_text = pst_slice_starts(type, PST_SLICE("text/"));
        assert_int_equal(pst_slice_ends(type, PST_SLICE("; charset=utf-8")), is_text);
        assert_int_equal(essence.len + (is_text ? 15 : 0), type.len);
        (void)snprintf(name, sizeof name, "x.%s", rows[i].extension);
        assert_type(name, rows[i].type);
    }
}

/* ---- the database ---- */

static void assert_found(const struct pst_media_db *db, const char *extension, const char *expected)
{
    const char *got = pst_media_db_find(db, pst_slice_str(extension));
    if (got == NULL || strcmp(got, expected) != 0)
        fail_msg("%s: %s, not %s", extension, got ? got : "nothing", expected);
}

static void test_media_db__lines__weights_and_order_decide(void **state)
{
    (void)state;
    struct pst_media_db db;
    pst_media_db_init(&db);
    assert_null(pst_media_db_find(&db, PST_SLICE("html")));
    pst_media_db_add(&db, PST_SLICE("# a comment\n"
                                    "80:text/html:*.html\n"
                                    "50:application/xhtml+xml:*.html\n"
                                    "40:image/x-low:*.pic\n"
                                    "60:image/x-high:*.pic\n"
                                    "50:image/x-middle:*.pic\n"
                                    "50:x/first:*.same\n"
                                    "50:x/second:*.same\n"
                                    "50:application/x-compressed-tar:*.tar.gz\n"
                                    "50:application/javascript:*.jsm\n"
                                    "50:Text/X-Upper:*.UPPER\n"
                                    "50:x/new-flag:*.flag:new\n"
                                    "50:x/last:*.last"));
    assert_found(&db, "html", "text/html; charset=utf-8");
    assert_found(&db, "HTML", "text/html; charset=utf-8");
    assert_found(&db, "pic", "image/x-high");
    assert_found(&db, "same", "x/first");
    assert_found(&db, "tar.gz", "application/x-compressed-tar");
    assert_found(&db, "jsm", "text/javascript; charset=utf-8");
    assert_found(&db, "upper", "Text/X-Upper; charset=utf-8");
    assert_found(&db, "flag", "x/new-flag");
    assert_found(&db, "last", "x/last");
    assert_null(pst_media_db_find(&db, PST_SLICE("gz")));
    assert_null(pst_media_db_find(&db, PST_SLICE("")));
    assert_null(pst_media_db_find(&db, pst_slice_of("html\0", 5)));

    /* A later file adds, and changes nothing. */
    pst_media_db_add(
        &db, PST_SLICE("100:x/other:*.html\n100:x/other:*.low\n50:x/more:*.more\n60:x/most:*.more\n"));
    assert_found(&db, "html", "text/html; charset=utf-8");
    assert_found(&db, "more", "x/most");
    assert_found(&db, "low", "x/other");
    pst_media_db_fini(&db);
    pst_media_db_fini(&db);
}

static void test_media_db__damaged_lines__passed_over(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        ":",
        "::",
        ":::",
        "50",
        "50:",
        "50:x/a",
        "50:x/a:",
        "50:x/a:*",
        "50:x/a:*.",
        "50:x/a:.bad",
        "50:x/a:bad",
        "50:x/a:*bad",
        "50:x/a:*.b*d",
        "50:x/a:*.b?d",
        "50:x/a:*.[b]ad",
        "50:x/a:*.b/ad",
        "50:x/a:x*.bad",
        "50:x/a:*.bad:cs",
        "50:x/a:*.bad:x,cs",
        "50:x/a:__NOGLOBS__",
        ":x/a:*.bad",
        "-1:x/a:*.bad",
        "+5:x/a:*.bad",
        "101:x/a:*.bad",
        "99999999999999999999999:x/a:*.bad",
        "5O:x/a:*.bad",
        "50::*.bad",
        "50:x:*.bad",
        "50:x/:*.bad",
        "50:/a:*.bad",
        "50:x/a/b:*.bad",
        "50:x/a b:*.bad",
        "50:x/a;q=1:*.bad",
        "50:x/a\r:*.bad",
        "50:x/\x80:*.bad",
        "#50:x/a:*.bad",
        " 50:x/a:*.bad",
        "50:x/a:*.bad-this-extension-is-longer-than-any-that-is-kept",
    };
    struct pst_media_db db;
    pst_media_db_init(&db);
    for (size_t i = 0; i < COUNT(lines); i++) {
        char text[256];
        int len = snprintf(text, sizeof text, "%s\n50:x/good:*.good%zu\n", lines[i], i);
        pst_media_db_add(&db, pst_slice_of(text, (size_t)len));
        assert_int_equal(db.used, i + 1); /* the good line after it is read */
    }
    pst_media_db_add(&db, pst_slice_of("50:x/a:*.b\0d\n50:x/\0:*.bd\n", 26));
    pst_media_db_add(&db, pst_slice_of(NULL, 0));
    assert_int_equal(db.used, COUNT(lines));
    pst_media_db_fini(&db);
}

static void test_media_db__long_type__passed_over(void **state)
{
    (void)state;
    struct pst_media_db db;
    char line[300];
    pst_media_db_init(&db);
    (void)snprintf(line, sizeof line, "50:x/%0125d:*.fits\n50:x/%0126d:*.not\n", 0, 0);
    pst_media_db_add(&db, pst_slice_str(line));
    assert_int_equal(db.used, 1);
    assert_non_null(pst_media_db_find(&db, PST_SLICE("fits")));
    pst_media_db_fini(&db);
}

static void test_media_db__very_many_lines__bounded_and_found(void **state)
{
    (void)state;
    struct pst_media_db db;
    struct pst_text text = {0};
    pst_media_db_init(&db);
    for (int i = 0; i < 40000; i++)
        pst_text_addf(&text, "50:x/t%d:*.e%d\n", i, i);
    pst_media_db_add(&db, pst_slice_of(text.ptr, text.len));
    assert_int_equal(db.used, 16384);
    for (int i = 0; i < 40000; i++) {
        char extension[16], type[16];
        (void)snprintf(extension, sizeof extension, "e%d", i);
        (void)snprintf(type, sizeof type, "x/t%d", i);
        if (i < 16384)
            assert_found(&db, extension, type);
        else
            assert_null(pst_media_db_find(&db, pst_slice_str(extension)));
    }
    pst_text_free(&text);
    pst_media_db_fini(&db);
}

static void test_media_db__random_bytes__survived(void **state)
{
    (void)state;
    static const char alphabet[] = "50:x/a*.b\n#cs,\0\xff";
    uint64_t random = 88172645463325252U;
    for (int round = 0; round < 3000; round++) {
        struct pst_media_db db;
        char *noise = malloc(200);
        assert_non_null(noise);
        for (size_t i = 0; i < 200; i++) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            noise[i] = alphabet[(random >> 33) % (sizeof alphabet - 1)];
        }
        pst_media_db_init(&db);
        pst_media_db_add(&db, pst_slice_of(noise, 200));
        free(noise);
        (void)pst_media_db_find(&db, PST_SLICE("b"));
        pst_media_db_fini(&db);
    }
}

/* ---- where the files are; each case in a process of its own, as they are read once ---- */

static char root[] = "/tmp/postern-mime-XXXXXX";

static void write_globs(const char *dir, const char *text)
{
    char path[256];
    static const char *const parts[] = {"", "/mime"};
    for (size_t i = 0; i < COUNT(parts); i++) {
        (void)snprintf(path, sizeof path, "%s/%s%s", root, dir, parts[i]);
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    }
    (void)snprintf(path, sizeof path, "%s/%s/mime/globs2", root, dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int set_up_files(void **state)
{
    (void)state;
    char path[256];
    if (mkdtemp(root) == NULL)
        return -1;
    write_globs("home", "50:x/home:*.pst-a\n50:x/home:*.pst-home\n50:x/home:*.js\n");
    write_globs("one", "60:x/one:*.pst-a\n50:x/one:*.pst-b\n");
    write_globs("two", "60:x/two:*.pst-b\n50:x/two:*.pst-c\n50:x/two-dots:*.pst-d.pst-c\n");
    (void)snprintf(path, sizeof path, "%s/pipe", root);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/pipe/mime", root);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/pipe/mime/globs2", root);
    assert_int_equal(mkfifo(path, 0600), 0);

    /* A mebibyte and more of comment, then, over the bound, a line. */
    struct pst_text huge = {0};
    pst_text_adds(&huge, "50:x/huge:*.pst-huge\n");
    while (huge.len < ((size_t)1 << 20) - 12)
        pst_text_adds(&huge, "# ballast\n");
    pst_text_adds(&huge, "50:x/cut:*.pst-cut-and-more\n50:x/beyond:*.pst-beyond\n");
    pst_text_add(&huge, PST_SLICE("\0"));
    write_globs("huge", huge.ptr);
    pst_text_free(&huge);
    return 0;
}

static int tear_down_files(void **state)
{
    (void)state;
    static const char *const dirs[] = {"home", "one", "two", "pipe", "huge"};
    static const char *const parts[] = {"/mime/globs2", "/mime", ""};
    for (size_t i = 0; i < COUNT(dirs) * COUNT(parts); i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s%s", root, dirs[i / COUNT(parts)], parts[i % COUNT(parts)]);
        (void)remove(path);
    }
    return rmdir(root);
}

/* Whether, with these directories in the environment (under root; NULL: unset), name has the type. */
static void assert_type_with(const char *home, const char *first, const char *second, const char *name,
                             const char *expected)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char path[256], dirs[512];
        (void)snprintf(path, sizeof path, "%s/%s", root, home ? home : "");
        (void)snprintf(dirs, sizeof dirs, "relative::%s/%s:%s/%s:", root, first, root, second);
        (void)(home ? setenv("XDG_DATA_HOME", path, 1) : unsetenv("XDG_DATA_HOME"));
        (void)setenv("XDG_DATA_DIRS", dirs, 1);
        (void)setenv("HOME", "", 1);
        const char *got = pst_media_type_by_name(pst_slice_str(name));
        if (strcmp(got, expected) != 0)
            (void)fprintf(stderr, "%s: %s, not %s\n", name, got, expected);
        _exit(strcmp(got, expected) != 0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* XDG Base Directory Specification: the user's directory first, then the others in their order. */
static void test_media_type_by_name__several_directories__earlier_ones_win(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type;
    } rows[] = {
        {"x.pst-a", "x/home"},
        {"x.pst-b", "x/one"}, /* though the second one's weighs more */
        {"x.pst-c", "x/two"},
        {"x.PST-C", "x/two"},
        {"x.pst-d.pst-c", "x/two-dots"},
        {"x.pst-e.pst-c", "x/two"},
        {"pst-d.pst-c", "x/two"},
        {"a-name-that-is-long-enough-to-be-cut-down-before-it-is-looked-at.pst-d.pst-c", "x/two-dots"},
        {"x.js", "text/javascript; charset=utf-8"}, /* the built-in table wins */
        {"x.pst-none", UNKNOWN},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_type_with("home", "one", "two", rows[i].name, rows[i].type);
    assert_type_with(NULL, "one", "two", "x.pst-a", "x/one");
}

static void test_media_type_by_name__no_or_strange_files__built_in_types(void **state)
{
    (void)state;
    assert_type_with("none", "none", "none", "x.pst-a", UNKNOWN);
    assert_type_with("none", "none", "none", "x.html", "text/html; charset=utf-8");
    assert_type_with("pipe", "pipe", "two", "x.pst-c", "x/two");
    assert_type_with("huge", "none", "none", "x.pst-huge", "x/huge");
    assert_type_with("huge", "none", "none", "x.pst-cut", UNKNOWN);
    assert_type_with("huge", "none", "none", "x.pst-cut-and-more", UNKNOWN);
    assert_type_with("huge", "none", "none", "x.pst-beyond", UNKNOWN);
}

/* ---- Content-Type ---- */

/* RFC 9110 8.3.1 Media Type */
static void test_media_type_essence__table__type_and_subtype(void **state)
{
    (void)state;
    static const struct {
        const char *content_type, *essence;
    } rows[] = {
        {"text/html", "text/html"},
        {"text/html;charset=utf-8", "text/html"},
        {"text/html; charset=\"utf-8\"", "text/html"},
        {"Text/HTML;Charset=\"utf-8\"", "Text/HTML"},
        {" \ttext/html \t; charset=utf-8 ", "text/html"},
        {"text/html ", "text/html"},
        {"text/html;", "text/html"},
        {"multipart/form-data; boundary=x", "multipart/form-data"},
        {"application/x-www-form-urlencoded", "application/x-www-form-urlencoded"},
        {"application/vnd.a+json", "application/vnd.a+json"},
        {"", ""},
        {" ", ""},
        {"text", ""},
        {"text/", ""},
        {"/html", ""},
        {"/", ""},
        {"text /html", ""},
        {"text/ html", ""},
        {"text/html/x", ""},
        {"text/html x", ""},
        {"text/html, text/plain", ""},
        {"text/html,", ""},
        {"text/h\xc3\xa9", ""},
        {"\"text/html\"", ""},
        {";text/html", ""},
        {"text\\html", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_slice got = pst_media_type_essence(pst_slice_str(rows[i].content_type));
        if (!pst_slice_eq(got, pst_slice_str(rows[i].essence)))
            fail_msg("'%s': '%.*s'", rows[i].content_type, PST_FMT(got));
    }
    assert_int_equal(pst_media_type_essence(pst_slice_of(NULL, 0)).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_type_table__all_rows__sorted_and_well_formed),
        cmocka_unit_test(test_media_db__lines__weights_and_order_decide),
        cmocka_unit_test(test_media_db__damaged_lines__passed_over),
        cmocka_unit_test(test_media_db__long_type__passed_over),
        cmocka_unit_test(test_media_db__very_many_lines__bounded_and_found),
        cmocka_unit_test(test_media_db__random_bytes__survived),
        /* These two before any test that reads the database of this process. */
        cmocka_unit_test_setup(test_media_type_by_name__several_directories__earlier_ones_win, set_up_files),
        cmocka_unit_test_teardown(test_media_type_by_name__no_or_strange_files__built_in_types,
                                  tear_down_files),
        cmocka_unit_test(test_media_type_by_name__types_of_the_web__as_browsers_want_them),
        cmocka_unit_test(test_media_type_by_name__shapes_of_names__last_extension_of_the_last_part),
        cmocka_unit_test(test_media_type_essence__table__type_and_subtype),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
