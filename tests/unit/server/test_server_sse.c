/* Server-sent events of a running server: readers on several workers, senders on threads of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/postern.h>
#include <postern/sse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/http_client.h"

enum { WORKERS = 2, READERS = 12, SENDERS = 3, EVENTS = 400 };

/* ---- the server ---- */

struct party {
    struct pst_server *server;
    struct pst_sse_hub *hub;
    atomic_uint seen_workers; /* a bit for each that has had a reader */
};

static int on_worker_start(void *arg, void **ret_local)
{
    static atomic_uint count;
    (void)arg;
    *ret_local = (void *)(uintptr_t)(1U << atomic_fetch_add(&count, 1) % WORKERS);
    return 0;
}

static void on_events(struct pst_exchange *ex, void *arg)
{
    struct party *party = arg;
    atomic_fetch_or(&party->seen_workers, (unsigned)(uintptr_t)pst_exchange_local(ex));
    if (pst_sse_join(party->hub, ex, NULL, 0) != 0)
        abort();
}

static void begin(struct party *party)
{
    struct pst_limits limits;
    pst_limits_init(&limits);
    limits.linger_ms = 50;
    limits.drain_ms = 3600000; /* what waits for it is seen by its hanging */
    const struct pst_sse_options options = {.max_backlog_bytes = 1 << 24, .ping_ms = 50};
    const struct pst_handler handler = {
        .on_request = on_events, .arg = party, .on_worker_start = on_worker_start};
    party->seen_workers = 0;
    assert_int_equal(pst_sse_hub_new(&party->hub, &options), 0);
    assert_int_equal(pst_server_new(&party->server), 0);
    assert_int_equal(pst_server_limits(party->server, &limits), 0);
    assert_int_equal(pst_server_workers(party->server, WORKERS), 0);
    assert_int_equal(pst_server_route(party->server, "GET /events", &handler), 0);
    assert_int_equal(pst_server_listen_http(party->server, "127.0.0.1:0"), 0);
    assert_int_equal(pst_server_start(party->server), 0);
}

static void stop(struct party *party)
{
    pst_server_stop(party->server);
    assert_int_equal(pst_server_wait(party->server), 0);
    assert_int_equal(pst_sse_readers(party->hub), 0);
}

static void end(struct party *party)
{
    pst_server_free(party->server);
    pst_sse_hub_free(party->hub);
}

/* ---- threads; they cannot fail a test, so they end the process ---- */

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "test_server_sse: %s\n", what);
    abort();
}

struct sender {
    pthread_t thread;
    struct party *party;
    unsigned number;
    atomic_bool *must_end; /* NULL: after EVENTS */
};

static void *send_events(void *arg)
{
    const struct sender *s = arg;
    for (unsigned i = 0; s->must_end ? !atomic_load(s->must_end) : i < EVENTS; i++) {
        char data[32], id[32];
        (void)snprintf(data, sizeof(data), "from %u\n%u", s->number, i);
        (void)snprintf(id, sizeof(id), "%u-%u", s->number, i);
        const struct pst_sse_event event = {.id = pst_slice_str(id), .data = pst_slice_str(data)};
        must(pst_sse_send(s->party->hub, &event) == 0, "send");
    }
    return NULL;
}

static void start_senders(struct sender senders[SENDERS], struct party *party, atomic_bool *must_end)
{
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.party = party, .number = i, .must_end = must_end};
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_events, &senders[i]), 0);
    }
}

static void join_senders(struct sender senders[SENDERS])
{
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
}

/* A reader's side of a stream: lines, up to the server's end. */
struct reader {
    pthread_t thread;
    int fd;
    size_t len, at;
    char buffer[4096];
};

static void open_reader(struct reader *r, const struct party *party)
{
    static const char request[] = "GET /events HTTP/1.0\r\n\r\n";
    r->fd = http_client_of(party->server);
    r->len = r->at = 0;
    assert_int_equal(send(r->fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
}

/* False at the stream's end. */
static bool read_line(struct reader *r, char *line, size_t cap)
{
    for (size_t n = 0;;) {
        if (r->at == r->len) {
            ssize_t got = recv(r->fd, r->buffer, sizeof(r->buffer), 0);
            must(got >= 0, "the stream does not go on");
            if (got == 0)
                return false;
            r->len = (size_t)got;
            r->at = 0;
        }
        char c = r->buffer[r->at++];
        if (c == '\n') {
            line[n] = '\0';
            return true;
        }
        must(n + 1 < cap, "a line is too long");
        line[n++] = c;
    }
}

static void await_greeting(struct reader *r)
{
    char line[128];
    do
        must(read_line(r, line, sizeof(line)), "no greeting");
    while (strcmp(line, "retry: 2000") != 0);
}

/* The number behind prefix; *text goes on behind it. */
static unsigned take_number(const char **text, const char *prefix)
{
    size_t len = strlen(prefix);
    char *end;
    must(strncmp(*text, prefix, len) == 0, "a line is not as it should be");
    unsigned long number = strtoul(*text + len, &end, 10);
    must(end > *text + len, "a line has no number");
    *text = end;
    return (unsigned)number;
}

static unsigned read_number(struct reader *r, const char *prefix)
{
    char line[128];
    const char *text = line;
    must(read_line(r, line, sizeof(line)), "an event is not whole");
    return take_number(&text, prefix);
}

/* Events as they should be, until all have come or the stream ends; returns how many did. */
static unsigned read_events(struct reader *r)
{
    unsigned next[SENDERS] = {0}, count = 0;
    char line[128];
    while (count < SENDERS * EVENTS && read_line(r, line, sizeof(line))) {
        if (line[0] == '\0' || strcmp(line, ":") == 0)
            continue;
        const char *text = line;
        unsigned sender = take_number(&text, "id: "), number = take_number(&text, "-");
        must(sender < SENDERS, "an unknown sender");
        must(read_number(r, "data: from ") == sender, "events are mixed up");
        must(read_number(r, "data: ") == number, "events are mixed up");
        must(read_line(r, line, sizeof(line)) && line[0] == '\0', "an event does not end");
        must(number == next[sender]++, "an event is missing, or came twice");
        count++;
    }
    return count;
}

static void *read_all(void *arg)
{
    struct reader *r = arg;
    must(read_events(r) == SENDERS * EVENTS, "the stream ended early");
    return NULL;
}

/* Whatever comes before it; a stream that was cut has ended, too. */
static void close_at_end(struct reader *r)
{
    while (recv(r->fd, r->buffer, sizeof(r->buffer), 0) > 0)
        ;
    close(r->fd);
}

/* ---- tests ---- */

static void test_sse__readers_on_two_workers_and_many_senders__all_get_all_in_order(void **state)
{
    (void)state;
    struct party party;
    static struct reader readers[READERS];
    struct sender senders[SENDERS];
    begin(&party);
    for (size_t i = 0; i < READERS; i++)
        open_reader(&readers[i], &party);
    for (size_t i = 0; i < READERS; i++) {
        await_greeting(&readers[i]); /* so it has joined */
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
    }
    assert_int_equal(pst_sse_readers(party.hub), READERS);
    start_senders(senders, &party, NULL);
    join_senders(senders);
    for (size_t i = 0; i < READERS; i++)
        pthread_join(readers[i].thread, NULL);
    stop(&party);
    for (size_t i = 0; i < READERS; i++)
        close_at_end(&readers[i]);
    end(&party);
}

/* The kernel chooses the worker of a connection: enough of them, and both have readers. */
static void test_sse__many_readers__both_workers_have_some(void **state)
{
    (void)state;
    struct party party;
    static struct reader readers[60];
    begin(&party);
    for (size_t i = 0; i < 60; i++) {
        open_reader(&readers[i], &party);
        await_greeting(&readers[i]);
    }
    assert_int_equal(atomic_load(&party.seen_workers), 3);
    const struct pst_sse_event event = {.data = PST_SLICE("to all")};
    assert_int_equal(pst_sse_send(party.hub, &event), 0);
    for (size_t i = 0; i < 60; i++) {
        char line[128];
        do
            assert_true(read_line(&readers[i], line, sizeof(line)));
        while (strcmp(line, "data: to all") != 0);
        close(readers[i].fd);
    }
    stop(&party);
    end(&party);
}

/* Readers that come and go, and a server that stops, under senders who never do. */
static void test_sse__stop_with_readers_and_senders_at_work__is_prompt(void **state)
{
    (void)state;
    struct party party;
    static struct reader readers[READERS];
    struct sender senders[SENDERS];
    atomic_bool must_end = false;
    begin(&party);
    start_senders(senders, &party, &must_end);
    for (unsigned round = 0; round < 5; round++) {
        for (size_t i = 0; i < READERS; i++)
            open_reader(&readers[i], &party);
        for (size_t i = 0; i < READERS; i++) {
            await_greeting(&readers[i]);
            if (round == 4)
                continue;
            if (i % 2)
                http_reset(readers[i].fd);
            else
                close(readers[i].fd);
        }
    }
    pst_server_stop(party.server);
    for (size_t i = 0; i < READERS; i++)
        close_at_end(&readers[i]);
    assert_int_equal(pst_server_wait(party.server), 0);
    assert_int_equal(pst_sse_readers(party.hub), 0);
    pst_server_free(party.server); /* the hub is there until its senders have ended */
    atomic_store(&must_end, true);
    join_senders(senders);
    pst_sse_hub_free(party.hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sse__readers_on_two_workers_and_many_senders__all_get_all_in_order),
        cmocka_unit_test(test_sse__many_readers__both_workers_have_some),
        cmocka_unit_test(test_sse__stop_with_readers_and_senders_at_work__is_prompt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
