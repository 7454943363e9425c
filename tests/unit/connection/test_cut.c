/* A connection that is cut, over each transport: what was whole before it is not lost, though it came in the
 * same turn, and the end does not look like a good one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "support/client.h"
#include "support/rig.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

static struct rig rig;
static struct client_tls tls;

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig);
    client_tls_init(&tls);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    client_tls_fini(&tls);
    rig_fini(&rig);
    return 0;
}

/* The pipelined requests' replies, until the server's direction has ended. */
static enum client_end converse(enum client_kind kind, const char *requests, char *text, size_t cap)
{
    struct client_options options = {.kind = kind, .worker = &rig.w, .tls = &tls};
    struct client *client = client_open(&options);
    size_t sent = 0, len = 0;
    for (int i = 0; i < 200 && client_how_ended(client) == CLIENT_OPEN; i++) {
        sent += client_send(client, requests + sent, strlen(requests) - sent);
        test_worker_turns(&rig.w, 1);
        len += client_receive(client, text + len, cap - 1 - len);
    }
    text[len] = '\0';
    enum client_end end = client_how_ended(client);
    client_free(client);
    for (int i = 0; i < 50 && rig.w.driver.count > 0; i++)
        test_worker_turns(&rig.w, 1);
    assert_int_equal(rig.w.driver.count, 0);
    return end;
}

static void test_cut__reply_before_it_in_the_same_turn__arrives_whole(void **state)
{
    static const enum client_kind kinds[] = {CLIENT_PAIR, CLIENT_TCP, CLIENT_BATCHED, CLIENT_TLS12,
                                             CLIENT_TLS13};
    char text[8192];
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        rig.source_plan = "f";
        enum client_end end = converse(kinds[i], GET("/hello") GET("/source"), text, sizeof(text));
        /* A socket pair knows no reset: only over TLS can this client tell. */
        bool is_secure = kinds[i] == CLIENT_TLS12 || kinds[i] == CLIENT_TLS13;
        if (rig_count(text, "\r\n\r\nhello") != 1 || end == CLIENT_OPEN || (is_secure && end == CLIENT_EOF))
            fail_msg("%s: ended as %d, with \"%s\"", client_kind_name(kinds[i]), (int)end, text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cut__reply_before_it_in_the_same_turn__arrives_whole, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
