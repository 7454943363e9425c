/* A QR code on a terminal: two rows of modules in a line, with a margin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/cli_qr.h"

#define FULL  "\xe2\x96\x88"
#define UPPER "\xe2\x96\x80"
#define LOWER "\xe2\x96\x84"
#define EDGE  FULL FULL FULL FULL
#define BEGIN "  \x1b[97;40m"
#define END   "\x1b[0m\n"

static void test_draw__modules__two_rows_a_line_light_ones_are_lit(void **state)
{
    (void)state;
    static const unsigned char modules[] = {1,    0,    1, /* only the lowest bit counts */
                                            0xfe, 0x03, 1, 0, 0, 1};
    static const char blank[] = BEGIN EDGE FULL FULL FULL EDGE END;
    static const char wanted[] = BEGIN EDGE LOWER UPPER " " EDGE END BEGIN EDGE FULL FULL LOWER EDGE END;
    static const char last[] = BEGIN UPPER UPPER UPPER UPPER UPPER UPPER UPPER UPPER UPPER UPPER UPPER END;
    char *text = NULL, expected[2048];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    pst_cli_qr_draw(out, modules, 3);
    assert_int_equal(fclose(out), 0);
    (void)snprintf(expected, sizeof(expected), "%s%s%s%s%s", blank, blank, wanted, blank, last);
    assert_string_equal(text, expected);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draw__modules__two_rows_a_line_light_ones_are_lit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
