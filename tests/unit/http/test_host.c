/* What kind of host an authority names: RFC 6761 6.3 localhost, RFC 9525 6.3 wildcards, literal addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/gate.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_host__each_kind__is_told(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool is_localhost, is_address, is_loopback;
    } cases[] = {
        {"localhost", true, false, false},
        {"LocalHost.", true, false, false},
        {"a.b.localhost", true, false, false},
        {".localhost", false, false, false},
        {"notlocalhost", false, false, false},
        {"localhost.example", false, false, false},
        {"localhost..", false, false, false},
        {"", false, false, false},
        {".", false, false, false},
        {"127.0.0.1", false, true, true},
        {"127.255.0.9", false, true, true},
        {"128.0.0.1", false, true, false},
        {"0.0.0.0", false, true, false},
        {"127.1", false, false, false},
        {"127.0.0.1.", false, false, false},
        {"0x7f.0.0.1", false, false, false},
        {"2130706433", false, false, false},
        {"[::1]", false, true, true},
        {"[0:0:0:0:0:0:0:1]", false, true, true},
        {"[::2]", false, true, false},
        {"[::ffff:10.0.0.1]", false, true, false},
        {"[127.0.0.1]", false, false, false},
        {"::1", false, false, false},
        {"[]", false, false, false},
        {"[", false, false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pst_slice host = pst_slice_str(cases[i].host);
        print_message("%s\n", cases[i].host);
        assert_int_equal(pst_host_is_localhost(host), cases[i].is_localhost);
        assert_int_equal(pst_host_is_address(host), cases[i].is_address);
        assert_int_equal(pst_host_is_loopback(host), cases[i].is_loopback);
    }
}

static void test_host__names_and_wildcards__match(void **state)
{
    (void)state;
    static const struct {
        const char *host, *name;
        bool matches;
    } cases[] = {
        {"example.org", "example.org", true},
        {"EXAMPLE.org.", "example.ORG", true},
        {"example.org", "example.org.", true},
        {"example.org", "xample.org", false},
        {"a.example.org", "example.org", false},
        {"a.example.org", "*.example.org", true},
        {"example.org", "*.example.org", false},
        {"a.b.example.org", "*.example.org", false},
        {".example.org", "*.example.org", false},
        {"aexample.org", "*.example.org", false},
        {"", "", false},
        {"*.example.org", "*.example.org", true},
        {"a.b", "*.", false},
        {"10.0.0.1", "10.0.0.1", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("%s %s\n", cases[i].host, cases[i].name);
        assert_int_equal(pst_host_matches(pst_slice_str(cases[i].host), pst_slice_str(cases[i].name)),
                         cases[i].matches);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host__each_kind__is_told),
        cmocka_unit_test(test_host__names_and_wildcards__match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
