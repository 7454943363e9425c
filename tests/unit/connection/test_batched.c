/* The driver over a transport whose small writes wait for the end of the turn (loop/sends.h): bytes that it
 * called gone come back when there is no room, and are seen to. The matrix replays everything else that way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/client.h"
#include "support/rig.h"

#define GET_BIG "GET /big HTTP/1.1\r\nHost: h\r\n\r\n"

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig);
    rig.big_len =
        3000; /* with its head more than the narrow socket takes, less than a batched write may have */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

static struct client *open_narrow(void)
{
    struct client_options options = {.kind = CLIENT_BATCHED, .worker = &rig.w, .is_narrow = true};
    return client_open(&options);
}

static void ask(struct client *client, size_t requests)
{
    for (size_t i = 0; i < requests; i++) {
        client_send(client, GET_BIG, strlen(GET_BIG));
        test_worker_turns(&rig.w, 2);
    }
}

static void leave(struct client *client)
{
    size_t closed = rig.w.closed;
    client_free(client);
    for (int i = 0; i < 10 && rig.w.closed == closed; i++)
        test_worker_turns(&rig.w, 1);
    assert_int_equal(rig.w.closed, closed + 1);
}

/* Reads slowly until nothing comes any more; returns how many whole bodies there were. */
static size_t take_bodies(struct client *client)
{
    static char got[65536];
    size_t len = 0;
    for (int idle = 0; idle < 5; idle++) {
        size_t n = client_receive(client, got + len, 700 < sizeof(got) - len ? 700 : sizeof(got) - len);
        len += n;
        if (n)
            idle = 0;
        test_worker_turns(&rig.w, 1);
    }
    size_t bodies = 0;
    for (const char *at = got; (at = memmem(at, len - (size_t)(at - got), "\r\n\r\nabc", 7)); bodies++) {
        at += 4;
        assert_true(len - (size_t)(at - got) >= rig.big_len);
        for (size_t i = 0; i < rig.big_len; i++)
            assert_int_equal(at[i], 'a' + (char)(i % 26));
        at += rig.big_len;
    }
    return bodies;
}

static void test_batched__client_reads_late__every_reply_comes_whole(void **state)
{
    (void)state;
    for (size_t requests = 1; requests <= 4; requests++) {
        struct client *client = open_narrow();
        ask(client, requests);
        assert_int_equal(take_bodies(client), requests);
        assert_string_equal(rig.w.events.len ? rig.w.events.ptr : "", "");
        leave(client);
    }
}

static void test_batched__client_never_reads__meets_the_write_deadline(void **state)
{
    (void)state;
    rig.w.limits.write_stall_ms = 1000;
    rig.w.limits.idle_ms = 3600000; /* it is not this that ends it */
    struct client *client = open_narrow();
    ask(client, 2);
    assert_int_equal(rig.w.closed, 0);
    test_worker_pass_ms(&rig.w, 999);
    assert_int_equal(rig.w.closed, 0);
    test_worker_pass_ms(&rig.w, 2000);
    assert_int_equal(rig.w.closed, 1);
    client_free(client);
}

/* The mean rate counts all bytes of a run, also those that were called gone before they came back. */
static void test_batched__client_pauses__gets_the_time_that_the_bytes_are_worth(void **state)
{
    (void)state;
    rig.w.limits.rate_grace_ms = 1000;
    rig.w.limits.write_rate_bytes = 256; /* a reply: 12 s */
    rig.w.limits.write_stall_ms = 30000;
    struct client *client = open_narrow();
    ask(client, 2);
    test_worker_pass_ms(&rig.w, 8000);
    assert_int_equal(rig.w.closed, 0);
    assert_int_equal(take_bodies(client), 2);
    leave(client);
}

static void test_batched__client_has_gone__connection_ends(void **state)
{
    (void)state;
    struct client *client = open_narrow();
    ask(client, 2);
    leave(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_batched__client_reads_late__every_reply_comes_whole, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_batched__client_never_reads__meets_the_write_deadline, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_batched__client_pauses__gets_the_time_that_the_bytes_are_worth,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_batched__client_has_gone__connection_ends, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
