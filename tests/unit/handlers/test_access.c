/* Who may: RFC 6454 (origins), the Fetch Metadata draft of W3C (Sec-Fetch-Site), RFC 9110 12.5.1 (Accept). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/bare_exchange.h"
#include <postern/access.h>

static int set_up(void **state)
{
    static struct bare_exchange b;
    bare_init(&b);
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    bare_fini(*state);
    return 0;
}

/* fields: each ended by CRLF. */
static void request(struct bare_exchange *b, bool is_https, const char *authority, const char *fields)
{
    char head[4096];
    int n = snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: %s\r\n%s\r\n", authority, fields);
    assert_true(n > 0 && (size_t)n < sizeof head);
    b->host.is_secure = is_https;
    bare_request(b, head);
}

static void test_same_site__table(void **state)
{
    static const struct pst_slice others[] = {{"https://friend.example", 22},
                                              {"http://Other.example:8000/", 25}};
    static const struct {
        bool is_https;
        const char *authority, *fields;
        bool may;
    } rows[] = {
        {false, "h", "", true}, /* no page at all */
        /* Sec-Fetch-Site decides where it is there */
        {true, "h", "Sec-Fetch-Site: same-origin\r\n", true},
        {true, "h", "Sec-Fetch-Site: none\r\n", true},
        {true, "h", "Sec-Fetch-Site: same-site\r\n", false},
        {true, "h", "Sec-Fetch-Site: cross-site\r\n", false},
        {true, "h", "Sec-Fetch-Site: \r\n", false},
        {true, "h", "Sec-Fetch-Site: Same-Origin\r\n", false},
        {true, "h", "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n", false},
        {true, "h", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Site: same-origin\r\n", false},
        {true, "h", "Sec-Fetch-Site: same-origin\r\nOrigin: null\r\n",
         true}, /* Referrer-Policy: no-referrer */
        {true, "h", "Sec-Fetch-Site: cross-site\r\nOrigin: https://h\r\n", false},
        {true, "h", "Origin: https://h\r\nSec-Fetch-Site: cross-site\r\n", false},
        {true, "h", "Sec-Fetch-Site: cross-site\r\nReferer: https://h/\r\n", false},
        {true, "h", "Sec-Fetch-Site: cross-site\r\nOrigin: https://friend.example\r\n", true},
        {true, "h", "Sec-Fetch-Site: cross-site\r\nOrigin: https://foe.example\r\n", false},
        {true, "h", "Sec-Fetch-Site: cross-site\r\nReferer: https://friend.example/\r\n", false},
        /* Origin against scheme and authority */
        {false, "h", "Origin: http://h\r\n", true},
        {false, "H.Example", "Origin: HTTP://h.eXample\r\n", true},
        {false, "h", "Origin: http://h:80\r\n", true},
        {false, "h:80", "Origin: http://h\r\n", true},
        {false, "h:8080", "Origin: http://h:8080\r\n", true},
        {false, "h:8080", "Origin: http://h\r\n", false},
        {false, "h", "Origin: http://h:8080\r\n", false},
        {false, "h", "Origin: https://h\r\n", false},
        {true, "h", "Origin: http://h\r\n", false},
        {true, "h", "Origin: https://h:443\r\n", true},
        {true, "h:443", "Origin: https://h\r\n", true},
        {true, "h:80", "Origin: http://h\r\n", false},
        {false, "[::1]:81", "Origin: http://[::1]:81\r\n", true},
        {false, "[::1]", "Origin: http://[::2]\r\n", false},
        {false, "h", "Origin: null\r\n", false},
        {false, "null", "Origin: null\r\n", false},
        {false, "h", "Origin: \r\n", false},
        {false, "h", "Origin: h\r\n", false},
        {false, "h", "Origin: //h\r\n", false},
        {false, "h", "Origin: ftp://h\r\n", false},
        {false, "h", "Origin: http://h/\r\n", false},
        {false, "h", "Origin: http://h.evil.example\r\n", false},
        {false, "h", "Origin: http://evil.example\r\n", false},
        {false, "h", "Origin: http://h@evil.example\r\n", false},
        {false, "h", "Origin: http://evil.example:80@h\r\n", false},
        {false, "h", "Origin: http://h:65616\r\n", false}, /* 80 in sixteen bits */
        {false, "h", "Origin: http://h:99999999999999999980\r\n", false},
        {false, "h", "Origin: http://h:8x\r\n", false},
        {false, "h", "Origin: http://h http://h\r\n", false},
        {false, "h", "Origin: http://h\r\nOrigin: http://evil.example\r\n", false},
        {false, "h", "Origin: http://evil.example\r\nOrigin: http://h\r\n", false},
        {false, "h", "Origin: http://evil.example\r\nReferer: http://h/\r\n", false},
        {false, "h", "Origin: null\r\nReferer: http://h/\r\n", false},
        {false, "h", "Origin: https://friend.example:443\r\n", true},
        {false, "h", "Origin: http://friend.example\r\n", false},
        {false, "h", "Origin: http://other.example:8000\r\n", true},
        {false, "h", "Origin: http://other.example\r\n", false},
        /* Referer, of old browsers */
        {false, "h", "Referer: http://h/form.html?x#y\r\n", true},
        {false, "h", "Referer: http://h\r\n", true},
        {false, "h", "Referer: http://h?x\r\n", true},
        {false, "h", "Referer: http://h:8080/\r\n", false},
        {false, "h", "Referer: http://evil.example/http://h/\r\n", false},
        {false, "h", "Referer: http://h\\.evil.example/\r\n", false},
        {false, "h", "Referer: /form.html\r\n", false},
        {false, "h", "Referer: about:blank\r\n", false},
        {false, "h", "Referer: https://friend.example/page\r\n", true},
        {false, "h", "Referer: http://h/\r\nReferer: http://evil.example/\r\n", false},
    };
    struct bare_exchange *b = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        request(b, rows[i].is_https, rows[i].authority, rows[i].fields);
        if (pst_access_is_same_site(b->ex, others, 2) != rows[i].may)
            fail_msg("%s to %s: %s", rows[i].fields, rows[i].authority, rows[i].may ? "refused" : "allowed");
    }
    request(b, true, "h", "Origin: https://friend.example\r\n");
    assert_false(pst_access_is_same_site(b->ex, NULL, 0));
}

static void test_same_site__no_authority__no_origin_is_ours(void **state)
{
    struct bare_exchange *b = *state;
    bare_request(b, "POST / HTTP/1.0\r\nOrigin: http://h\r\n\r\n");
    assert_false(pst_access_is_same_site(b->ex, NULL, 0));
    bare_request(b, "POST / HTTP/1.0\r\n\r\n");
    assert_true(pst_access_is_same_site(b->ex, NULL, 0));
}

static void test_is_local__table(void **state)
{
    static const struct {
        const char *address, *authority, *fields;
        bool is_local;
    } rows[] = {
        {"127.0.0.1", "localhost", "", true},
        {"127.0.0.1", "localhost:8080", "", true},
        {"127.0.0.1", "LocalHost.", "", true},
        {"127.0.0.1", "shop.localhost:8080", "", true},
        {"127.0.0.1", "127.0.0.1:8080", "", true},
        {"127.200.1.2", "127.0.0.1", "", true},
        {"::1", "[::1]:8080", "", true},
        {"::ffff:127.0.0.1", "localhost", "", true},
        {"127.0.0.1", "[::ffff:127.0.0.1]", "", true},
        /* another machine */
        {"192.0.2.1", "localhost", "", false},
        {"128.0.0.1", "localhost", "", false},
        {"::2", "localhost", "", false},
        {"2001:db8::1", "localhost", "", false},
        {"::ffff:192.0.2.1", "localhost", "", false},
        {"::127.0.0.1", "localhost", "", false},
        {"", "localhost", "", false},
        /* a foreign name that points here */
        {"127.0.0.1", "evil.example", "", false},
        {"127.0.0.1", "evil.example:8080", "", false},
        {"127.0.0.1", "localhost.evil.example", "", false},
        {"127.0.0.1", "evillocalhost", "", false},
        {"127.0.0.1", "127.0.0.1.evil.example", "", false},
        {"127.0.0.1", "192.0.2.1", "", false},
        {"127.0.0.1", "[::2]", "", false},
        {"127.0.0.1", "", "", false},
        {"127.0.0.1",
         "a.very.long.name.that.begins.like.an.address.but.has.more.than.sixty-four.bytes.in.it.example", "",
         false},
        /* a proxy */
        {"127.0.0.1", "localhost", "Forwarded: for=192.0.2.1\r\n", false},
        {"127.0.0.1", "localhost", "x-forwarded-for: 127.0.0.1\r\n", false},
        {"127.0.0.1", "localhost", "X-Forwarded-Proto: https\r\n", false},
        {"127.0.0.1", "localhost", "X-Forwarded-Host: localhost\r\n", false},
        {"127.0.0.1", "localhost", "X-Real-IP: 127.0.0.1\r\n", false},
        {"127.0.0.1", "localhost", "VIA: 1.1 proxy\r\n", false},
        {"127.0.0.1", "localhost", "Via:\r\n", false},
        {"127.0.0.1", "localhost", "CF-Connecting-IP: 192.0.2.1\r\n", false},
        {"127.0.0.1", "localhost", "X-Client-IP: 192.0.2.1\r\n", false},
        {"127.0.0.1", "localhost", "Viable: yes\r\nX-Real: 1\r\n", true},
        /* fields that a client adds never make anybody local */
        {"192.0.2.1", "localhost", "X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n", false},
    };
    struct bare_exchange *b = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        b->host.peer.address = rows[i].address;
        request(b, false, rows[i].authority, rows[i].fields);
        if (pst_access_is_local(b->ex) != rows[i].is_local)
            fail_msg("%s to %s %s: %s", rows[i].address, rows[i].authority, rows[i].fields,
                     rows[i].is_local ? "not local" : "local");
    }
    /* A proxy that adds nothing: nginx with no more than proxy_pass. */
    b->host.peer.address = "127.0.0.1";
    bare_request(b, "GET / HTTP/1.0\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n");
    assert_false(pst_access_is_local(b->ex));
}

static void test_wants_json__table(void **state)
{
    static const struct {
        const char *fields;
        bool wants;
    } rows[] = {
        {"", true},
        {"Accept: */*\r\n", true},
        {"Accept: application/json\r\n", true},
        {"Accept: application/json, text/plain, */*\r\n", true},
        {"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n", false},
        {"Accept: text/html\r\n", false},
        {"Accept: text/*\r\n", false},
        {"Accept: text/html;q=0.5, application/json\r\n", true},
        {"Accept: application/json;q=0.5\r\nAccept: text/html\r\n", false},
        {"Accept: text/html;q=0.5\r\nAccept: application/json\r\n", true},
        {"Accept: image/png\r\n", true},
    };
    struct bare_exchange *b = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        request(b, false, "h", rows[i].fields);
        if (pst_access_wants_json(b->ex) != rows[i].wants)
            fail_msg("%s: %s", rows[i].fields, rows[i].wants ? "a page" : "JSON");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_site__table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_same_site__no_authority__no_origin_is_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_is_local__table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wants_json__table, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
