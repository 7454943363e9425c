/* JSON read: what is right and where it ceases to be, walks, strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/json.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FFFD         "\xef\xbf\xbd"

/* A copy that ends where its memory ends, so that the sanitizer sees any byte read behind it. */
static struct pst_slice tight(const char *ptr, size_t len)
{
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, ptr, len);
    return pst_slice_of(copy, len);
}

static int check_with_depth(const char *text, size_t len, unsigned max_depth, size_t *ret_offset)
{
    struct pst_slice copy = tight(text, len);
    int err = pst_json_check(copy, max_depth, ret_offset);
    free((void *)(uintptr_t)copy.ptr);
    return err;
}

static int check(const char *text, size_t len, size_t *ret_offset)
{
    return check_with_depth(text, len, 16, ret_offset);
}

/* ---- checking ---- */

/* RFC 8259 2 (grammar), 3 (values), 6 (numbers), 7 (strings), 8.1 and 8.2 (characters) */
static const char *const right_texts[] = {
    "null",
    "true",
    "false",
    " \t\r\n0 \t\r\n",
    "-0",
    "10",
    "1234567890",
    "0.0",
    "-1.50",
    "1e5",
    "1E+05",
    "0e-0",
    "1.25e1000",
    "\"\"",
    "\" !#[]{},:'\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uabcd\\uABCD\"",
    "\"\\ud83d\\ude00 \\ud83d \\ude00 \\ude00\\ud83d\"",
    "\"\x7f\xc2\x80\xdf\xbf\"",
    "\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"",
    "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
    "\"1234567\\\"\"",
    "\"12345678\\\"9\"",
    "[]",
    "[ ]",
    "{}",
    "{ }",
    "[1]",
    "[ 1 , 2 ]",
    "[[],{},[[]]]",
    "{\"a\":1}",
    " { \"a\" : [ ] , \"a\" : { \"\" : \"\" } } ",
    "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
};

static void test_json_check__right_texts__pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(right_texts); i++) {
        size_t offset = 4711;
        if (check(right_texts[i], strlen(right_texts[i]), &offset) != 0)
            fail_msg("row %zu: '%s' fails at %zu", i, right_texts[i], offset);
        assert_int_equal(offset, 4711); /* left alone */
        assert_int_equal(check(right_texts[i], strlen(right_texts[i]), NULL), 0);
    }
}

/* The bytes before the bar are right. */
static const char *const wrong_texts[] = {
    "|",
    " |",
    "|x",
    "t|",
    "tru|",
    "tru|th",
    "true|r",
    "n|ULL",
    "|True",
    "fals|",
    "-|",
    "-|x",
    "|+1",
    "|.5",
    "0|1",
    "-0|0",
    "1.|",
    "1.|x",
    "1.|e5",
    "1e|",
    "1e+|",
    "1e+|-1",
    "1.5|.5",
    "0|x10",
    "|Infinity",
    "|NaN",
    "1 |2",
    "\"|",
    "\"abc|",
    "\"abcdefgh|",
    "\"abcdefghijklmnop|\n\"",
    "\"|\x01\"",
    "\"|\x1f\"",
    "\"tab|\t\"",
    "\"\\|",
    "\"\\|x41\"",
    "\"\\|'\"",
    "\"\\|0\"",
    "\"\\u|",
    "\"\\u12|",
    "\"\\u12|g4\"",
    "\"\\u123|\"",
    "\"\\|U1234\"",
    "\"a\"|b",
    "|'a'",
    "[|",
    "[|,1]",
    "[1|",
    "[1,|",
    "[1,|]",
    "[1|}",
    "[1 |2]",
    "[1,|,2]",
    "[]|]",
    "|]",
    "|}",
    "{|",
    "{|]",
    "{|1:2}",
    "{|a:1}",
    "{\"a\"|",
    "{\"a\"|}",
    "{\"a\"|,1}",
    "{\"a\":|}",
    "{\"a\":1|",
    "{\"a\":1,|",
    "{\"a\":1,|}",
    "{\"a\":1|]",
    "{\"a\":1,|2}",
    "{\"a\":1|:2}",
    "{\"a\"|=1}",
    "{\"a|",
    "[1]|,",
    "[1] |/* */",
    "|// no\n1",
    "|\xef\xbb\xbf{}", /* a byte order mark: RFC 8259 8.1 */
    "1|\xc2\xa0",      /* U+00A0 is no blank */
    "1|\x0b",          /* nor is a vertical tab */
    "1|\x0c",
    "\"|\x80\"", /* RFC 3629 3, 4: not the beginning of a character */
    "\"|\xbf\"",
    "\"|\xc0\x80\"", /* overlong */
    "\"|\xc1\xbf\"",
    "\"\xc3|\"",
    "\"\xc3|",
    "\"\xe0|\x9f\xbf\"", /* overlong */
    "\"\xe2\x82|\"",
    "\"\xe2\x82|",
    "\"\xed|\xa0\x80\"",     /* a surrogate */
    "\"\xf0|\x8f\xbf\xbf\"", /* overlong */
    "\"\xf0\x9f\x98|\"",
    "\"\xf4|\x90\x80\x80\"", /* over U+10FFFF */
    "\"|\xf5\x80\x80\x80\"",
    "\"|\xff\"",
    "|\xc3\xa9",
};

static void test_json_check__wrong_texts__fail_where_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrong_texts); i++) {
        size_t len = strlen(wrong_texts[i]) - 1,
               right = (size_t)(strchr(wrong_texts[i], '|') - wrong_texts[i]);
        size_t offset = 4711;
        char text[64];
        memcpy(text, wrong_texts[i], right);
        memcpy(text + right, wrong_texts[i] + right + 1, len - right);
        int err = check(text, len, &offset);
        if (err != PST_E_SYNTAX || offset != right)
            fail_msg("row %zu: '%s': %d at %zu", i, wrong_texts[i], err, offset);
        assert_int_equal(check(text, len, NULL), PST_E_SYNTAX);
    }
}

static void test_json_check__nul_bytes__never_right(void **state)
{
    (void)state;
    size_t offset;
    assert_int_equal(check("\0", 1, &offset), PST_E_SYNTAX);
    assert_int_equal(offset, 0);
    assert_int_equal(check("[1]\0", 4, &offset), PST_E_SYNTAX);
    assert_int_equal(offset, 3);
    assert_int_equal(check("\"\\\0\"", 4, &offset), PST_E_SYNTAX);
    assert_int_equal(offset, 2);
    assert_int_equal(check("\"abcdefg\0hijklmnop\"", 19, &offset), PST_E_SYNTAX);
    assert_int_equal(offset, 8);
    assert_int_equal(pst_json_check((struct pst_slice){NULL, 0}, 1, &offset), PST_E_SYNTAX);
    assert_int_equal(offset, 0);
}

/* What is cut off anywhere was right as far as it goes: the same text says so. */
static void test_json_check__every_beginning__wrong_at_its_end_or_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(right_texts); i++) {
        for (size_t len = 0; len < strlen(right_texts[i]); len++) {
            size_t offset = len;
            int err = check(right_texts[i], len, &offset);
            if ((err != 0 && err != PST_E_SYNTAX) || offset != len)
                fail_msg("row %zu, %zu bytes: %d at %zu", i, len, err, offset);
        }
    }
}

/* Every byte at every place of a block: several are looked at at once. */
static void test_json_check__every_byte_in_a_string__only_plain_ones(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        for (size_t at = 1; at < 20; at++) {
            char text[24];
            size_t offset = at;
            memset(text, 'x', sizeof(text));
            text[0] = text[sizeof(text) - 1] = '"';
            text[at] = (char)c;
            bool is_plain = c >= ' ' && c < 0x80 && c != '"' && c != '\\';
            int err = check(text, sizeof(text), &offset);
            size_t wrong_at = c == '"' || c == '\\' || (c >= 0xc2 && c < 0xf5) ? at + 1 : at;
            if ((err == 0) != is_plain || (err && offset != wrong_at))
                fail_msg("byte %u at %zu: %d at %zu", c, at, err, offset);
        }
    }
}

static const struct {
    const char *text;
    unsigned max_depth;
    int err;
    size_t offset;
} depths[] = {
    {"1", 0, 0, 0},
    {"\"[[[[\"", 0, 0, 0},
    {"[]", 0, PST_E_LIMIT, 0},
    {"{}", 0, PST_E_LIMIT, 0},
    {"[]", 1, 0, 0},
    {"[1,{}]", 1, PST_E_LIMIT, 3},
    {"[{},[],{}]", 2, 0, 0},
    {"{\"a\":{\"b\":[]}}", 2, PST_E_LIMIT, 10},
    {"{\"a\":{\"b\":[]}}", 3, 0, 0},
    {"[[[[", 3, PST_E_LIMIT, 3},
    {"[[[x", 3, PST_E_SYNTAX, 3}, /* what comes first counts */
};

static void test_json_check__depth__counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(depths); i++) {
        size_t offset = 0;
        int err = check_with_depth(depths[i].text, strlen(depths[i].text), depths[i].max_depth, &offset);
        if (err != depths[i].err || offset != depths[i].offset)
            fail_msg("row %zu: %d at %zu", i, err, offset);
    }
}

/* Arrays and objects in turn, so that each level's bit counts. */
static size_t nest(char *dst, unsigned depth)
{
    char *p = dst;
    for (unsigned i = 0; i < depth; i++) {
        memcpy(p, i % 3 ? "[" : "{\"\":", i % 3 ? 1 : 4);
        p += i % 3 ? 1 : 4;
    }
    *p++ = '0';
    for (unsigned i = depth; i-- > 0;)
        *p++ = i % 3 ? ']' : '}';
    return (size_t)(p - dst);
}

static void test_json_check__deepest__all_levels_are_remembered(void **state)
{
    (void)state;
    static char text[8192];
    size_t offset;
    size_t len = nest(text, 1024);
    assert_int_equal(check_with_depth(text, len, 1024, NULL), 0);
    assert_int_equal(check_with_depth(text, len, 1023, &offset), PST_E_LIMIT);
    assert_int_equal(check_with_depth("1", 1, 1025, &offset), PST_E_INVAL);
    assert_int_equal(offset, 0);
    for (size_t i = 1; i <= 1024; i++) { /* each closing bracket as the other one */
        text[len - i] = text[len - i] == ']' ? '}' : ']';
        assert_int_equal(check_with_depth(text, len, 1024, &offset), PST_E_SYNTAX);
        assert_int_equal(offset, len - i);
        text[len - i] = text[len - i] == ']' ? '}' : ']';
    }
}

/* ---- walking ---- */

/* The text again, without blanks, as the walk finds it; the kind of each value before it. */
static void describe(struct pst_text *t, struct pst_json_value value)
{
    static const char kinds[] = "nft#saoX";
    pst_text_add(t, pst_slice_of(kinds + value.kind, 1));
    struct pst_json_walk walk = {.is_begun = false};
    if (value.kind < PST_JSON_ARRAY) {
        pst_text_add(t, value.raw);
        assert_false(pst_json_next(value, &walk));
        return;
    }
    pst_text_adds(t, "(");
    while (pst_json_next(value, &walk)) {
        pst_text_add(t, walk.name);
        pst_text_adds(t, " ");
        describe(t, walk.value);
    }
    pst_text_adds(t, ")");
    assert_false(pst_json_next(value, &walk)); /* it stays at the end */
    assert_int_equal(walk.name.len, 0);
    assert_int_equal(walk.value.raw.len, 0);
}

static const struct {
    const char *text, *expected;
} walks[] = {
    {"null", "nnull"},
    {" false ", "ffalse"},
    {"\ttrue\n", "ttrue"},
    {"-1.5e3", "#-1.5e3"},
    {" \"a \\\" b\" ", "s\"a \\\" b\""},
    {"[]", "a()"},
    {"{ }", "o()"},
    {"[1]", "a( #1)"},
    {"[1\t,2\r,3\n,4 ,true\t]", "a( #1 #2 #3 #4 ttrue)"},
    {"[1,\"]\",[2,[3]] ,{\"]\":0},null]", "a( #1 s\"]\" a( #2 a( #3)) o(\"]\" #0) nnull)"},
    {" { \"a\" : 1 , \"b\\\"}\" :\t[ true ]\n, \"\" : \"\" } ", "o(\"a\" #1\"b\\\"}\" a( ttrue)\"\" s\"\")"},
    {"{\"a\":{\"b\":{}},\"a\":\"\\\\\"}", "o(\"a\" o(\"b\" o())\"a\" s\"\\\\\")"},
    {"[\"\xc3\xa9\xe2\x82\xac,\",\"x\\\\\\\"y\"]", "a( s\"\xc3\xa9\xe2\x82\xac,\" s\"x\\\\\\\"y\")"},
};

static void test_json_walk__table__every_value_as_it_stands(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(walks); i++) {
        struct pst_slice copy = tight(walks[i].text, strlen(walks[i].text));
        struct pst_text t = {0};
        assert_int_equal(pst_json_check(copy, 8, NULL), 0);
        describe(&t, pst_json_root(copy));
        if (!pst_slice_eq(pst_slice_of(t.ptr, t.len), pst_slice_str(walks[i].expected)))
            fail_msg("row %zu: '%.*s'", i, (int)t.len, t.ptr);
        pst_text_free(&t);
        free((void *)(uintptr_t)copy.ptr);
    }
}

/* Nothing is promised but that the walk stays within the text and ends. */
static void test_json_walk__text_that_was_not_checked__ends(void **state)
{
    (void)state;
    static const char *const odd[] = {"",     " ",     "[",       "{",          "[}",      "{]",
                                      "[,,]", "[1 2",  "{\"a",    "{\"a\"",     "{\"a\":", "{\"a\":}",
                                      "{1}",  "[\"\\", "\"",      "{\"a\":1,",  "[[]",     "[]]",
                                      "{}}",  "{,}",   "[\"\\\"", "{\"\\\":1}", "[\x80]",  "[\"\x80]"};
    for (size_t i = 0; i < COUNT(odd); i++) {
        struct pst_slice copy = tight(odd[i], strlen(odd[i]));
        struct pst_json_value root = pst_json_root(copy);
        struct pst_json_walk walk = {.is_begun = false};
        size_t steps = 0;
        while (pst_json_next(root, &walk))
            assert_true(++steps <= copy.len);
        free((void *)(uintptr_t)copy.ptr);
    }
}

/* ---- strings ---- */

static const struct {
    const char *raw, *text;
    size_t len;
} strings[] = {
    {"\"\"", "", 0},
    {"\"plain\"", "plain", 5},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
    {"\"a\\nb\\nc\"", "a\nb\nc", 5},
    {"\"\\u0041\\u007f\"", "A\x7f", 2},
    {"\"\\u0080\\u07ff\"", "\xc2\x80\xdf\xbf", 4},
    {"\"\\u0800\\uffff\"", "\xe0\xa0\x80\xef\xbf\xbf", 6},
    {"\"\\ud7ff\\ue000\"", "\xed\x9f\xbf\xee\x80\x80", 6},
    {"\"\\ud800\\udc00\"", "\xf0\x90\x80\x80", 4},
    {"\"\\uD83D\\uDe00\"", "\xf0\x9f\x98\x80", 4},
    {"\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf", 4},
    /* RFC 8259 8.2: halves of pairs */
    {"\"\\ud800\"", FFFD, 3},
    {"\"\\udc00\"", FFFD, 3},
    {"\"\\udc00\\ud800\"", FFFD FFFD, 6},
    {"\"\\udc00\\udc00\"", FFFD FFFD, 6},
    {"\"\\ud800\\ud800\\udc00\"", FFFD "\xf0\x90\x80\x80", 7},
    {"\"\\ud800x\"", FFFD "x", 4},
    {"\"\\ud800\\n\"", FFFD "\n", 4},
    {"\"\\ud800\\u0041\"", FFFD "A", 4},
    {"\"\\ud800\\ue000\"", FFFD "\xee\x80\x80", 6},
    {"\"gr\xc3\xbc\xc3\x9f\\u00e9\"", "gr\xc3\xbc\xc3\x9f\xc3\xa9", 8},
};

static void test_json_decode__table__what_is_meant(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(strings); i++) {
        struct pst_slice copy = tight(strings[i].raw, strlen(strings[i].raw));
        struct pst_text t = {0};
        assert_int_equal(pst_json_check(copy, 0, NULL), 0);
        pst_text_adds(&t, "<");
        pst_json_decode(&t, copy);
        if (!pst_slice_eq(pst_slice_of(t.ptr + 1, t.len - 1), pst_slice_of(strings[i].text, strings[i].len)))
            fail_msg("row %zu: '%.*s'", i, (int)t.len, t.ptr);
        assert_true(pst_json_is(copy, strings[i].text));
        pst_text_free(&t);
        free((void *)(uintptr_t)copy.ptr);
    }
}

static void test_json_decode__nul__is_a_byte_and_no_c_string(void **state)
{
    (void)state;
    struct pst_text t = {0};
    pst_json_decode(&t, PST_SLICE("\"a\\u0000b\""));
    assert_int_equal(t.len, 3);
    assert_memory_equal(t.ptr, "a\0b", 3);
    pst_text_free(&t);
    assert_false(pst_json_is(PST_SLICE("\"a\\u0000b\""), "a"));
    assert_false(pst_json_is(PST_SLICE("\"a\\u0000\""), "a"));
}

static void test_json_is__others__not(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"\"\"", "a"},        {"\"a\"", ""},        {"\"a\"", "b"},  {"\"ab\"", "a"},
        {"\"a\"", "ab"},      {"\"\\n\"", "n"},     {"\"\\n\"", ""}, {"\"a\\nb\"", "a\nc"},
        {"\"\\u00e9\"", "e"}, {"\"a\\n\"", "a\\n"}, {"\"A\"", "a"},
    };
    for (size_t i = 0; i < COUNT(pairs); i++)
        if (pst_json_is(pst_slice_str(pairs[i][0]), pairs[i][1]))
            fail_msg("row %zu", i);
    assert_true(pst_json_is(PST_SLICE("\"\""), NULL));
    assert_true(pst_json_is(PST_SLICE(""), "")); /* as a walk's name in an array */
    assert_false(pst_json_is(PST_SLICE(""), "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_check__right_texts__pass),
        cmocka_unit_test(test_json_check__wrong_texts__fail_where_they_are),
        cmocka_unit_test(test_json_check__nul_bytes__never_right),
        cmocka_unit_test(test_json_check__every_beginning__wrong_at_its_end_or_right),
        cmocka_unit_test(test_json_check__every_byte_in_a_string__only_plain_ones),
        cmocka_unit_test(test_json_check__depth__counted),
        cmocka_unit_test(test_json_check__deepest__all_levels_are_remembered),
        cmocka_unit_test(test_json_walk__table__every_value_as_it_stands),
        cmocka_unit_test(test_json_walk__text_that_was_not_checked__ends),
        cmocka_unit_test(test_json_decode__table__what_is_meant),
        cmocka_unit_test(test_json_decode__nul__is_a_byte_and_no_c_string),
        cmocka_unit_test(test_json_is__others__not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
