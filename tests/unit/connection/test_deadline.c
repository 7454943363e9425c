/* Every deadline of a connection, by name: it fires at its time and not before, with its cause, and nobody is
 * held to one for what is not theirs. Over a transport in memory, with a clock that the test turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/rig.h"

#define GET(path)        "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST(path, size) "POST " path " HTTP/1.1\r\nHost: h\r\nContent-Length: " size "\r\n\r\n"
#define CHUNKED(path)    "POST " path " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

/* A timer fires up to a tick late; and the connection's, set anew only where it must fire earlier, up to one
 * more. */
enum { LATE_MS = 2 * PST_WHEEL_TICK_MS };
enum { HOUR_MS = 3600000 };

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig);
    /* Uneven, and far apart, so that none can stand for another. */
    struct pst_limits *l = &rig.w.limits;
    l->handshake_ms = 2003;
    l->head_ms = 5009;
    l->body_idle_ms = 7013;
    l->idle_ms = 11003;
    l->write_stall_ms = 13009;
    l->rate_grace_ms = 17011;
    l->linger_ms = 3019;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

static bool is_open(void)
{
    return !rig.p->is_gone && !rig.p->is_shut;
}

static bool is_there(void)
{
    return !rig.p->is_gone;
}

/* Time passes in small steps: still() must hold until just before ms, and not any more soon after. */
static void assert_until(bool (*still)(void), uint64_t ms)
{
    uint64_t step = 1 + ms / 500, passed = 0;
    while (passed + step < ms) {
        test_worker_pass_ms(&rig.w, step);
        passed += step;
        if (!still())
            fail_msg("too early: after %zu of %zu ms", (size_t)passed, (size_t)ms);
    }
    test_worker_pass_ms(&rig.w, ms - 1 - passed);
    assert_true(still());
    test_worker_pass_ms(&rig.w, 1 + LATE_MS);
    if (still())
        fail_msg("not after %zu ms", (size_t)ms);
}

/* The same in one leap just before, and one beyond: nothing depends on the loop turning meanwhile. */
static void assert_until_leaping(bool (*still)(void), uint64_t ms)
{
    test_worker_pass_ms(&rig.w, ms - 1);
    assert_true(still());
    test_worker_pass_ms(&rig.w, 1 + LATE_MS);
    assert_false(still());
}

static void assert_ended(unsigned ends, int status, enum pst_end why)
{
    assert_int_equal(rig.w.ended, ends);
    assert_int_equal(rig.w.status, status);
    assert_string_equal(pst_end_text(rig.w.end), pst_end_text(why));
}

static void assert_408(enum pst_end why)
{
    const char *got = rig_take(&rig);
    assert_int_equal(rig_count(got, "HTTP/1.1 408 "), 1);
    assert_int_equal(rig_count(got, "Connection: close\r\n"), 1);
    assert_ended(1, 408, why);
}

static void assert_says_nothing(void)
{
    assert_string_equal(rig_take(&rig), "");
    assert_int_equal(rig.w.events.len, 0);
}

/* ---- handshake_ms ---- */

static void test_deadline__handshake__fires_and_is_named(void **state)
{
    (void)state;
    rig_open_shaking(&rig);
    assert_until(is_there, rig.w.limits.handshake_ms);
    pst_text_add(&rig.w.events, pst_slice_of("", 1));
    assert_string_equal(rig.w.events.ptr, "handshake deadline\n");
    assert_int_equal(rig.w.ended, 0);
}

static void test_deadline__handshake_with_progress__is_not_prolonged(void **state)
{
    (void)state;
    rig_open_shaking(&rig);
    test_worker_pass_ms(&rig.w, 1000);
    pair_handshakes(rig.p, PST_IO_WANT_WR);
    assert_until(is_there, rig.w.limits.handshake_ms - 1000);
}

static void test_deadline__handshake_done__head_gets_its_own_time(void **state)
{
    (void)state;
    rig_open_shaking(&rig);
    test_worker_pass_ms(&rig.w, 2000);
    pair_handshakes(rig.p, PST_IO_OK);
    assert_until(is_open, rig.w.limits.head_ms);
}

/* ---- head_ms ---- */

static void test_deadline__silent_from_the_begin__ends_without_a_word(void **state)
{
    (void)state;
    for (int leaps = 0; leaps < 2; leaps++) {
        rig_open(&rig, NULL);
        if (leaps)
            assert_until_leaping(is_open, rig.w.limits.head_ms);
        else
            assert_until(is_open, rig.w.limits.head_ms);
        assert_says_nothing();
        assert_int_equal(rig.w.ended, 0);
        pair_end(rig.p, PST_IO_EOF);
        assert_true(rig.p->is_gone);
    }
}

static void test_deadline__head_begun__gets_408(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    test_worker_pass_ms(&rig.w, 3000);
    pair_says(rig.p, "GET /he");
    assert_until(is_open, rig.w.limits.head_ms);
    assert_408(PST_END_DEADLINE_HEAD);
}

static void test_deadline__head_a_byte_a_second__gets_408_all_the_same(void **state)
{
    (void)state;
    static const char head[] = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
    rig_open(&rig, NULL);
    for (size_t i = 0; i < rig.w.limits.head_ms / 1000; i++) {
        assert_int_equal(pair_send(rig.p, head + i, 1), 1);
        test_worker_pass_ms(&rig.w, 1000);
        assert_true(is_open());
    }
    assert_until(is_open, rig.w.limits.head_ms % 1000);
    assert_408(PST_END_DEADLINE_HEAD);
}

static void test_deadline__later_head__is_timed_from_its_own_first_byte(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    pair_says(rig.p, GET("/hello"));
    test_worker_pass_ms(&rig.w, 9000);
    pair_says(rig.p, "GET /he");
    assert_until(is_open, rig.w.limits.head_ms);
    assert_int_equal(rig_count(rig_take(&rig), "HTTP/1.1 408 "), 1);
    assert_ended(2, 408, PST_END_DEADLINE_HEAD);
}

/* ---- idle_ms ---- */

static void test_deadline__idle_between_requests__ends_without_a_word(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    for (int i = 0; i < 3; i++) {
        test_worker_pass_ms(&rig.w, 4000);
        pair_says(rig.p, GET("/hello"));
    }
    rig_take(&rig);
    size_t len = rig.got.len;
    assert_until(is_open, rig.w.limits.idle_ms);
    rig_take(&rig);
    assert_int_equal(rig.got.len, len);
    assert_ended(3, 200, PST_END_OK);
    assert_int_equal(rig.w.events.len, 0);
}

/* RFC 9112 2.2 lets empty lines go before a request: they are no request, and buy no time. */
static void test_deadline__idle_with_empty_lines__is_not_prolonged(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    pair_says(rig.p, GET("/hello"));
    test_worker_pass_ms(&rig.w, 6000);
    pair_says(rig.p, "\r\n\r\n");
    assert_until(is_open, rig.w.limits.idle_ms - 6000);
}

static void test_deadline__idle_a_while__transport_is_trimmed_once(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    for (unsigned i = 1; i <= 3; i++) {
        pair_says(rig.p, GET("/hello"));
        test_worker_pass_ms(&rig.w, 999);
        assert_int_equal(rig.p->calls.trim, i - 1);
        test_worker_pass_ms(&rig.w, 1 + LATE_MS);
        assert_int_equal(rig.p->calls.trim, i);
        test_worker_pass_ms(&rig.w, 5000);
        assert_int_equal(rig.p->calls.trim, i);
    }
    assert_true(is_open());
}

static void test_deadline__idle__makes_no_calls_but_the_one(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    pair_says(rig.p, GET("/hello"));
    rig_take(&rig);
    struct pair_calls before = rig.p->calls;
    for (int i = 0; i < 100; i++)
        test_worker_pass_ms(&rig.w, 100);
    before.trim++;
    assert_memory_equal(&before, &rig.p->calls, sizeof(before));
}

/* ---- body_idle_ms, body_rate_bytes ---- */

static const char *const uploads[] = {POST("/whole", "100000"), POST("/stream", "100000"),
                                      CHUNKED("/stream") "186A0\r\n"};

static void test_deadline__body_stops__gets_408(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(uploads) / sizeof(uploads[0]); i++) {
        test_worker_forget(&rig.w);
        rig_open(&rig, NULL);
        pair_says(rig.p, uploads[i]);
        for (int k = 0; k < 2; k++) {
            test_worker_pass_ms(&rig.w, 7000);
            pair_says(rig.p, "a piece");
        }
        assert_until(is_open, rig.w.limits.body_idle_ms < 3011 ? rig.w.limits.body_idle_ms : 3011);
        assert_408(PST_END_DEADLINE_BODY); /* 7 bytes in 7 seconds: the mean rate is what fails first */
        pair_end(rig.p, PST_IO_EOF);

        test_worker_forget(&rig.w);
        rig.w.limits.body_rate_bytes = 0;
        rig_open(&rig, NULL);
        pair_says(rig.p, uploads[i]);
        for (int k = 0; k < 5; k++) {
            test_worker_pass_ms(&rig.w, 7000);
            pair_says(rig.p, "a piece");
        }
        assert_until(is_open, rig.w.limits.body_idle_ms);
        assert_408(PST_END_DEADLINE_BODY);
        pair_end(rig.p, PST_IO_EOF);
        rig.w.limits.body_rate_bytes = 256;
    }
}

/* Sends so many bytes of a body each second, for as long as the connection is open, or that many seconds. */
static uint64_t dribble(size_t bytes, unsigned seconds)
{
    static const char data[4096];
    for (unsigned i = 0; i < seconds; i++) {
        assert_int_equal(pair_send(rig.p, data, bytes), bytes);
        test_worker_pass_ms(&rig.w, 1000);
        if (!is_open())
            return i;
    }
    return seconds;
}

static void test_deadline__body_too_slow__gets_408_after_the_grace(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(uploads) / sizeof(uploads[0]); i++) {
        test_worker_forget(&rig.w);
        rig_open(&rig, NULL);
        pair_says(rig.p, uploads[i]);
        assert_int_equal(dribble(200, 17), 17);
        assert_int_equal(pair_send(rig.p, "", 0), 0);
        assert_until(is_open, rig.w.limits.rate_grace_ms - 17000);
        assert_408(PST_END_DEADLINE_BODY);
        pair_end(rig.p, PST_IO_EOF);
    }
}

static void test_deadline__body_quick_enough__may_take_its_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(uploads) / sizeof(uploads[0]); i++) {
        test_worker_forget(&rig.w);
        rig_open(&rig, NULL);
        pair_says(rig.p, uploads[i]);
        assert_int_equal(dribble(300, 300), 300);
        assert_true(is_open());
        assert_int_equal(rig.w.ended, 0);
        pair_end(rig.p, PST_IO_EOF);
    }
}

/* Bytes of the head do not count for the body's mean rate. */
static void test_deadline__slow_body_behind_a_large_head__gets_no_credit_for_it(void **state)
{
    (void)state;
    struct pst_text head = {0};
    pst_text_adds(&head, "POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\nX-Long: ");
    for (int i = 0; i < 12000; i++)
        pst_text_adds(&head, "x");
    pst_text_adds(&head, "\r\n\r\n");
    rig_open(&rig, NULL);
    assert_int_equal(pair_send(rig.p, head.ptr, head.len), head.len);
    pst_text_free(&head);
    assert_int_equal(dribble(200, 17), 17);
    assert_until(is_open, rig.w.limits.rate_grace_ms - 17000);
    assert_408(PST_END_DEADLINE_BODY);
}

static void test_deadline__unwanted_rest_stops__connection_ends(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    pair_says(rig.p, POST("/early", "1000") "abc");
    assert_int_equal(rig_count(rig_take(&rig), "HTTP/1.1 403 Forbidden"), 1);
    assert_until(is_open, rig.w.limits.body_idle_ms);
    assert_ended(1, 403, PST_END_OK);
    assert_int_equal(rig_count(rig_take(&rig), "HTTP/1.1 "), 1);
}

static void test_deadline__unwanted_rest_stops_before_the_reply_is_taken__reply_still_goes_out(void **state)
{
    (void)state;
    rig_open(&rig, &(struct pair_options){.out_cap = 50});
    pair_says(rig.p, POST("/early", "1000") "abc");
    test_worker_pass_ms(&rig.w, rig.w.limits.body_idle_ms + LATE_MS);
    assert_int_equal(rig.w.ended, 0);
    assert_int_equal(rig_count(rig_take(&rig), "</html>\n"), 1);
    assert_ended(1, 403, PST_END_OK);
    assert_true(rig.p->is_shut);
}

/* ---- what does not count against the peer ---- */

static void test_deadline__handler_thinks__nobody_is_late(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    pair_says(rig.p, GET("/wait"));
    for (int i = 0; i < 100; i++)
        test_worker_pass_ms(&rig.w, HOUR_MS);
    assert_non_null(rig.waiting);
    rig_reply(&rig, "thought");
    test_worker_turns(&rig.w, 1);
    assert_int_equal(rig_count(rig_take(&rig), "\r\n\r\nthought"), 1);
    assert_until(is_open, rig.w.limits.idle_ms);
}

static void test_deadline__source_has_nothing__nobody_is_late(void **state)
{
    (void)state;
    rig.source_plan = "dnd";
    rig_open(&rig, NULL);
    pair_says(rig.p, GET("/source"));
    for (int i = 0; i < 100; i++)
        test_worker_pass_ms(&rig.w, HOUR_MS);
    pst_exchange_wake(rig.waiting);
    test_worker_turns(&rig.w, 1);
    assert_int_equal(rig_count(rig_take(&rig), "\r\n0\r\n\r\n"), 1);
    assert_ended(1, 200, PST_END_OK);
}

static void test_deadline__body_paused__peer_gets_its_time_anew(void **state)
{
    (void)state;
    rig.pauses = true;
    rig_open(&rig, NULL);
    pair_says(rig.p, POST("/stream", "100000") "abc");
    assert_non_null(rig.waiting);
    for (int i = 0; i < 100; i++)
        test_worker_pass_ms(&rig.w, HOUR_MS);
    assert_true(is_open());
    struct pst_exchange *ex = rig.waiting;
    rig.waiting = NULL;
    pst_exchange_resume(ex);
    assert_until(is_open, rig.w.limits.body_idle_ms);
    assert_408(PST_END_DEADLINE_BODY);
}

/* A piece of a body, which the handler pauses for a minute; then a second in which the peer could send. */
static void piece_and_pause(const char *piece)
{
    pair_says(rig.p, piece);
    assert_non_null(rig.waiting);
    test_worker_pass_ms(&rig.w, 60000);
    assert_true(is_open());
    struct pst_exchange *ex = rig.waiting;
    rig.waiting = NULL;
    pst_exchange_resume(ex);
    for (int i = 0; i < 10; i++)
        test_worker_pass_ms(&rig.w, 100);
}

/* A body is held back by its handler now and then: only the time in which the peer could send counts. */
static void test_deadline__body_paused_again_and_again__mean_rate_is_not_blamed_on_the_peer(void **state)
{
    (void)state;
    char piece[301];
    memset(piece, 'a', sizeof(piece) - 1); /* in one second: above body_rate_bytes */
    piece[sizeof(piece) - 1] = '\0';
    rig.pauses = true;
    rig_open(&rig, NULL);
    pair_says(rig.p, POST("/stream", "100000"));
    for (int i = 0; i < 50; i++) {
        piece_and_pause(piece);
        assert_true(is_open());
    }
}

/* And the same peer cannot hide behind the pauses: three bytes for each second of its own are too few. */
static void test_deadline__body_slow_between_pauses__408_when_the_grace_is_over(void **state)
{
    (void)state;
    rig.pauses = true;
    rig_open(&rig, NULL);
    pair_says(rig.p, POST("/stream", "100000"));
    uint64_t own_ms = 0;
    for (; is_open() && own_ms < 2 * rig.w.limits.rate_grace_ms; own_ms += 1000)
        piece_and_pause("abc");
    assert_in_range(own_ms, rig.w.limits.rate_grace_ms, rig.w.limits.rate_grace_ms + 1000);
    assert_408(PST_END_DEADLINE_BODY);
}

/* ---- write_stall_ms, write_rate_bytes ---- */

static void test_deadline__reply_not_taken__is_cut(void **state)
{
    (void)state;
    static const struct pair_options narrow = {.out_cap = 1000},
                                     holding = {.out_cap = 1000, .hold_cap = 3000};
    const struct pair_options *const all[] = {&narrow, &holding};
    for (size_t i = 0; i < 2; i++) {
        test_worker_forget(&rig.w);
        rig.ends = 0;
        rig_open(&rig, all[i]);
        pair_says(rig.p, GET("/big"));
        assert_until(is_open, rig.w.limits.write_stall_ms);
        assert_true(rig.p->is_gone);
        assert_false(rig.p->is_shut);
        assert_ended(1, 200, PST_END_DEADLINE_WRITE);
        assert_int_equal(rig.ends, 1);
        assert_int_equal(rig.why, PST_END_DEADLINE_WRITE);
    }
}

/* All of a short reply was counted, and its exchange is over: what a transport holds has to be taken, too. */
static void test_deadline__held_bytes_not_taken__connection_is_cut(void **state)
{
    (void)state;
    rig_open(&rig, &(struct pair_options){.out_cap = 20, .hold_cap = 3000});
    pair_says(rig.p, GET("/hello"));
    assert_ended(1, 200, PST_END_OK);
    assert_until(is_there, rig.w.limits.write_stall_ms);
}

static void take(size_t bytes)
{
    char dst[4096];
    assert_int_equal(pair_take(rig.p, dst, bytes), bytes);
}

static void test_deadline__reply_taken_now_and_then__stall_counts_from_the_last_time(void **state)
{
    (void)state;
    rig.w.limits.write_rate_bytes = 0;
    rig_open(&rig, &(struct pair_options){.out_cap = 1000});
    pair_says(rig.p, GET("/big"));
    for (int i = 0; i < 20; i++) {
        test_worker_pass_ms(&rig.w, 13000);
        take(1);
    }
    assert_until(is_open, rig.w.limits.write_stall_ms);
    assert_ended(1, 200, PST_END_DEADLINE_WRITE);
}

/* A large socket buffer stays full for long while the peer takes from it steadily: what it has acknowledged
 * counts as progress, and when it stops it has one more write_stall_ms. */
static void test_deadline__reply_taken_from_a_full_buffer__is_cut_only_when_the_peer_stops(void **state)
{
    (void)state;
    static const struct pair_options narrow = {.out_cap = 100000};
    rig.w.limits.write_rate_bytes = 1;
    rig_open(&rig, &narrow);
    rig.p->backlog = 90000;
    pair_says(rig.p, GET("/big"));
    for (int i = 0; i < 20; i++) {
        rig.p->backlog -= 1000;
        assert_true(is_open());
        for (int k = 0; k < 2; k++)
            test_worker_pass_ms(&rig.w, rig.w.limits.write_stall_ms / 2 + 10);
    }
    assert_true(is_open());
    for (int k = 0; k < 4; k++)
        test_worker_pass_ms(&rig.w, rig.w.limits.write_stall_ms / 2 + 10);
    assert_ended(1, 200, PST_END_DEADLINE_WRITE);
    assert_true(rig.p->was_cut);
}

static void test_deadline__reply_taken_too_slowly__is_cut_after_the_grace(void **state)
{
    (void)state;
    rig_open(&rig, &(struct pair_options){.out_cap = 1000});
    pair_says(rig.p, GET("/big"));
    for (int i = 0; i < 17; i++) {
        test_worker_pass_ms(&rig.w, 1000);
        assert_true(is_open());
        take(100);
    }
    assert_until(is_open, rig.w.limits.rate_grace_ms - 17000);
    assert_ended(1, 200, PST_END_DEADLINE_WRITE);
}

static void test_deadline__reply_taken_quickly_enough__may_take_its_time(void **state)
{
    (void)state;
    rig_open(&rig, &(struct pair_options){.out_cap = 1000});
    pair_says(rig.p, GET("/big"));
    for (int i = 0; i < 300; i++) {
        test_worker_pass_ms(&rig.w, 1000);
        assert_true(is_open());
        take(300);
    }
    assert_int_equal(rig.w.ended, 0);
    rig_take(&rig);
    assert_ended(1, 200, PST_END_OK);
}

/* The transport has counted all of it long before the peer has it: that must not look like a stall, neither
 * with the connection kept nor at its end. */
static void test_deadline__held_reply_taken_slowly__arrives_whole(void **state)
{
    (void)state;
    static const char *const requests[] = {GET("/big"), "GET /big HTTP/1.0\r\n\r\n"};
    rig.big_len = 50000;
    for (size_t i = 0; i < 2; i++) {
        test_worker_forget(&rig.w);
        rig_open(&rig, &(struct pair_options){.out_cap = 1000, .hold_cap = 60000});
        pair_says(rig.p, requests[i]);
        assert_ended(1, 200, PST_END_OK);
        for (int k = 0; k < 170; k++) {
            char piece[300];
            test_worker_pass_ms(&rig.w, 1000);
            pst_text_add(&rig.got, pst_slice_of(piece, pair_take(rig.p, piece, sizeof(piece))));
        }
        const char *body = strstr(rig_take(&rig), "\r\n\r\n");
        assert_non_null(body);
        assert_int_equal(strlen(body + 4), 50000);
        assert_true(rig.p->is_shut);
        test_worker_pass_ms(&rig.w, rig.w.limits.linger_ms + LATE_MS);
        assert_true(rig.p->is_gone);
    }
}

/* ---- the close ---- */

static void test_deadline__end_of_our_direction_not_taken__is_cut(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    rig.p->is_stuck = true;
    pair_end(rig.p, PST_IO_EOF);
    assert_until(is_there, rig.w.limits.write_stall_ms);
    assert_false(rig.p->is_shut);
}

static void test_deadline__peer_does_not_close__is_gone_after_linger(void **state)
{
    (void)state;
    for (int leaps = 0; leaps < 2; leaps++) {
        rig_open(&rig, NULL);
        pair_says(rig.p, "GET /hello HTTP/1.0\r\n\r\n");
        assert_true(rig.p->is_shut);
        if (leaps)
            assert_until_leaping(is_there, rig.w.limits.linger_ms);
        else
            assert_until(is_there, rig.w.limits.linger_ms);
        assert_int_equal(rig_count(rig_take(&rig), "\r\n\r\nhello"), 1);
    }
    assert_int_equal(rig.w.events.len, 0);
}

static void test_deadline__peer_sends_on_after_the_end__linger_is_not_prolonged(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    pair_says(rig.p, POST("/early", "10000000"));
    assert_true(rig.p->is_shut);
    for (int i = 0; i < 30; i++) {
        pair_says(rig.p, "more");
        test_worker_pass_ms(&rig.w, 100);
        assert_true(is_there());
    }
    assert_until(is_there, rig.w.limits.linger_ms - 3000);
    assert_int_equal(rig_count(rig_take(&rig), "HTTP/1.1 403 Forbidden"), 1);
}

static void test_deadline__late_request_refused__lingers_like_any_other(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    pair_says(rig.p, "GET /he");
    test_worker_pass_ms(&rig.w, rig.w.limits.head_ms + LATE_MS);
    assert_true(rig.p->is_shut);
    pair_says(rig.p, "llo HTTP/1.1\r\n");
    assert_until(is_there, rig.w.limits.linger_ms);
    assert_408(PST_END_DEADLINE_HEAD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_deadline__handshake__fires_and_is_named),
        TEST(test_deadline__handshake_with_progress__is_not_prolonged),
        TEST(test_deadline__handshake_done__head_gets_its_own_time),
        TEST(test_deadline__silent_from_the_begin__ends_without_a_word),
        TEST(test_deadline__head_begun__gets_408),
        TEST(test_deadline__head_a_byte_a_second__gets_408_all_the_same),
        TEST(test_deadline__later_head__is_timed_from_its_own_first_byte),
        TEST(test_deadline__idle_between_requests__ends_without_a_word),
        TEST(test_deadline__idle_with_empty_lines__is_not_prolonged),
        TEST(test_deadline__idle_a_while__transport_is_trimmed_once),
        TEST(test_deadline__idle__makes_no_calls_but_the_one),
        TEST(test_deadline__body_stops__gets_408),
        TEST(test_deadline__body_too_slow__gets_408_after_the_grace),
        TEST(test_deadline__body_quick_enough__may_take_its_time),
        TEST(test_deadline__slow_body_behind_a_large_head__gets_no_credit_for_it),
        TEST(test_deadline__unwanted_rest_stops__connection_ends),
        TEST(test_deadline__unwanted_rest_stops_before_the_reply_is_taken__reply_still_goes_out),
        TEST(test_deadline__handler_thinks__nobody_is_late),
        TEST(test_deadline__source_has_nothing__nobody_is_late),
        TEST(test_deadline__body_paused__peer_gets_its_time_anew),
        TEST(test_deadline__body_paused_again_and_again__mean_rate_is_not_blamed_on_the_peer),
        TEST(test_deadline__body_slow_between_pauses__408_when_the_grace_is_over),
        TEST(test_deadline__reply_not_taken__is_cut),
        TEST(test_deadline__held_bytes_not_taken__connection_is_cut),
        TEST(test_deadline__reply_taken_now_and_then__stall_counts_from_the_last_time),
        TEST(test_deadline__reply_taken_from_a_full_buffer__is_cut_only_when_the_peer_stops),
        TEST(test_deadline__reply_taken_too_slowly__is_cut_after_the_grace),
        TEST(test_deadline__reply_taken_quickly_enough__may_take_its_time),
        TEST(test_deadline__held_reply_taken_slowly__arrives_whole),
        TEST(test_deadline__end_of_our_direction_not_taken__is_cut),
        TEST(test_deadline__peer_does_not_close__is_gone_after_linger),
        TEST(test_deadline__peer_sends_on_after_the_end__linger_is_not_prolonged),
        TEST(test_deadline__late_request_refused__lingers_like_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
