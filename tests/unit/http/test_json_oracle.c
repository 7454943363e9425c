/* The JSON checker beside somebody else's: SQLite's json_valid() on thousands of texts that are nearly right.
 * The differences that are known stand in agree(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/json.h>
#include <sqlite3.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { CASES_PER_TEXT = 4000, CHANGES_MAX = 4, ROOM = 400, DEPTH = 1024 };

static const char *const right_texts[] = {
    "0",
    "-0.5e+10",
    "[1, -2.5, 3E8, 0, 10.01e-1, 1234567890123456789012345678901234567890]",
    "true",
    "[true, false, null, \"\"]",
    "\"a \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u00e9 \\uD83D\\uDE00 \\udead z\"",
    "{}",
    " {\t\"a\" :\n{ \"b\":[ ] , \"c\":[{}, {\"\":1}]}, \r\n\"a\": null } ",
    "[[[[[[[[[[]]]]]]]], [[]]]",
    "{\"name\":\"A. Person\",\"tags\":[\"x\",\"y\"],\"on\":false,\"n\":[0.1,1e1,-1]}",
    "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80 \xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf\"",
    "{\"k\xc3\xa9\":\"\\u0000\"}",
};

/* The same on every run: xorshift64* (G. Marsaglia; S. Vigna). */
static uint64_t random_state;

static size_t random_below(size_t n)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (size_t)((random_state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % n;
}

struct text {
    char ptr[ROOM];
    size_t len;
};

/* A byte that JSON knows; one in eight is any. */
static char random_byte(void)
{
    static const char known[] = "{}[]:,\"\\/bfnrtu0123456789+-.eEaldFsx \t\n\r\xc3\xa9\xe2\xf0\x80\xbf";
    return (char)(random_below(8) ? known[random_below(sizeof(known) - 1)] : (char)random_below(256));
}

static void insert(struct text *t, size_t at, const char *piece, size_t len)
{
    if (t->len + len > ROOM)
        return;
    char copy[ROOM]; /* piece may lie in the text itself */
    memcpy(copy, piece, len);
    memmove(t->ptr + at + len, t->ptr + at, t->len - at);
    memcpy(t->ptr + at, copy, len);
    t->len += len;
}

static void cut(struct text *t, size_t at, size_t len)
{
    memmove(t->ptr + at, t->ptr + at + len, t->len - at - len);
    t->len -= len;
}

static void change(struct text *t)
{
    size_t at = random_below(t->len + 1), from = random_below(t->len + 1);
    size_t len = random_below(1 + (t->len - from < 6 ? t->len - from : 6));
    char byte = random_byte();
    switch (random_below(6)) {
    case 0:
        if (at < t->len)
            t->ptr[at] = byte;
        break;
    case 1:
        if (at < t->len)
            t->ptr[at] = (char)(t->ptr[at] ^ 1 << random_below(8));
        break;
    case 2:
        insert(t, at, &byte, 1);
        break;
    case 3:
        cut(t, from, len);
        break;
    case 4:
        insert(t, at, t->ptr + from, len);
        break;
    default:
        if (random_below(4) == 0)
            t->len = at;
        break;
    }
}

static bool is_valid_for_sqlite(sqlite3_stmt *ask, const struct text *t)
{
    assert_int_equal(sqlite3_reset(ask), SQLITE_OK);
    assert_int_equal(sqlite3_bind_text(ask, 1, t->ptr, (int)t->len, SQLITE_STATIC), SQLITE_OK);
    assert_int_equal(sqlite3_step(ask), SQLITE_ROW);
    return sqlite3_column_int(ask, 0) != 0;
}

static bool has_byte(const struct text *t, unsigned low, unsigned high)
{
    for (size_t i = 0; i < t->len; i++)
        if ((unsigned char)t->ptr[i] >= low && (unsigned char)t->ptr[i] <= high)
            return true;
    return false;
}

static bool agree(bool ours, bool theirs, const struct text *t)
{
    if (ours == theirs)
        return true;
    /* A NUL ends the text for SQLite: what it says is of what stands before. */
    if (has_byte(t, 0, 0))
        return !ours;
    /* SQLite takes any byte from 0x80 on inside a string; we want UTF-8. */
    if (has_byte(t, 0x80, 0xff))
        return !ours;
    return false;
}

static sqlite3_stmt *open_sqlite(sqlite3 **ret_db)
{
    sqlite3_stmt *ask = NULL;
    assert_int_equal(sqlite3_open(":memory:", ret_db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(*ret_db, "SELECT json_valid(?1)", -1, &ask, NULL), SQLITE_OK);
    return ask;
}

static void test_json_check__right_texts_changed_at_random__as_sqlite_says(void **state)
{
    (void)state;
    sqlite3 *db;
    sqlite3_stmt *ask = open_sqlite(&db);
    size_t right = 0, wrong = 0, differing = 0;
    random_state = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < COUNT(right_texts); i++) {
        for (size_t n = 0; n < CASES_PER_TEXT; n++) {
            struct text t = {.len = strlen(right_texts[i])};
            memcpy(t.ptr, right_texts[i], t.len);
            for (size_t changes = n ? 1 + random_below(CHANGES_MAX) : 0; changes > 0; changes--)
                change(&t);
            bool ours = pst_json_check(pst_slice_of(t.ptr, t.len), DEPTH, NULL) == 0;
            bool theirs = is_valid_for_sqlite(ask, &t);
            if (!agree(ours, theirs, &t))
                fail_msg("'%.*s': ours %d, theirs %d", (int)t.len, t.ptr, ours, theirs);
            right += ours;
            wrong += !ours;
            differing += ours != theirs;
        }
    }
    sqlite3_finalize(ask);
    sqlite3_close(db);
    assert_true(right > 5000 && wrong > 5000 && differing < 5000); /* else little was compared */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_check__right_texts_changed_at_random__as_sqlite_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
