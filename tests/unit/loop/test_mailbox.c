/* The mailbox: letters from many threads arrive, each thread's in order, and none after the close. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop/mailbox.h"
#include "postern/err.h"

enum { THREADS = 4, LETTERS = 2000 };

struct note {
    struct pst_letter letter;
    unsigned sender, number;
};

static struct pst_mailbox box;
static unsigned next_of[THREADS]; /* the number that is expected next of each sender */
static unsigned received;

static bool is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void on_note(struct pst_letter *letter)
{
    struct note *note = PST_CONTAINER(letter, struct note, letter);
    received++;
    assert_true(note->number >= next_of[note->sender]);
    next_of[note->sender] = note->number + 1;
    free(note);
}

static struct note *note_new(unsigned sender, unsigned number)
{
    struct note *note = calloc(1, sizeof(*note));
    if (!note)
        abort();
    *note = (struct note){{.on_receive = on_note}, sender, number};
    return note;
}

static void reset(void)
{
    received = 0;
    for (size_t i = 0; i < THREADS; i++)
        next_of[i] = 0;
    assert_int_equal(pst_mailbox_init(&box), 0);
}

static void test_mailbox_receive__empty__nothing(void **state)
{
    (void)state;
    reset();
    assert_false(is_readable(box.event_fd));
    pst_mailbox_receive(&box);
    pst_mailbox_close(&box);
    pst_mailbox_close(&box);
    assert_int_equal(received, 0);
    pst_mailbox_fini(&box);
}

static void test_mailbox_post__several__one_wakeup_all_in_order(void **state)
{
    (void)state;
    reset();
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(pst_mailbox_post(&box, &note_new(0, i)->letter), 0);
        assert_true(is_readable(box.event_fd));
    }
    assert_int_equal(received, 0); /* never within post */
    pst_mailbox_receive(&box);
    assert_int_equal(received, 5);
    assert_int_equal(next_of[0], 5);
    assert_false(is_readable(box.event_fd)); /* or the loop would spin */
    pst_mailbox_fini(&box);
}

/* A letter that comes back: it belongs to the receiver again, who may send it on. */
static unsigned rounds;

static void on_boomerang(struct pst_letter *letter)
{
    if (++rounds < 3)
        assert_int_equal(pst_mailbox_post(&box, letter), 0);
}

static void test_mailbox_receive__letter_posted_again_from_within__waits_for_the_next(void **state)
{
    (void)state;
    reset();
    rounds = 0;
    struct pst_letter letter = {.on_receive = on_boomerang};
    assert_int_equal(pst_mailbox_post(&box, &letter), 0);
    for (unsigned i = 1; i <= 3; i++) {
        assert_true(is_readable(box.event_fd));
        pst_mailbox_receive(&box);
        assert_int_equal(rounds, i);
    }
    assert_false(is_readable(box.event_fd));
    pst_mailbox_fini(&box);
}

static void on_late(struct pst_letter *letter)
{
    rounds++;
    assert_int_equal(pst_mailbox_post(&box, letter), PST_E_STATE);
}

static void test_mailbox_close__letters_left__received_and_no_more_taken(void **state)
{
    (void)state;
    reset();
    rounds = 0;
    struct pst_letter letter = {.on_receive = on_late};
    assert_int_equal(pst_mailbox_post(&box, &letter), 0);
    pst_mailbox_close(&box);
    assert_int_equal(rounds, 1);
    assert_int_equal(pst_mailbox_post(&box, &letter), PST_E_STATE);
    pst_mailbox_receive(&box);
    assert_int_equal(rounds, 1);
    pst_mailbox_fini(&box);
}

/* ---- many threads ---- */

struct sender {
    pthread_t thread;
    unsigned number, taken;
};

static void *send_all(void *arg)
{
    struct sender *s = arg;
    for (unsigned i = 0; i < LETTERS; i++) {
        struct note *note = note_new(s->number, i);
        int err = pst_mailbox_post(&box, &note->letter);
        if (err == 0) {
            s->taken++;
        } else {
            if (err != PST_E_STATE)
                abort();
            free(note);
        }
    }
    return NULL;
}

static void start(struct sender senders[THREADS])
{
    for (unsigned i = 0; i < THREADS; i++) {
        senders[i] = (struct sender){.number = i};
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
    }
}

static unsigned join(struct sender senders[THREADS])
{
    unsigned taken = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(senders[i].thread, NULL);
        taken += senders[i].taken;
    }
    return taken;
}

/* Sleeps only by the descriptor: a wake-up that got lost would hang here. */
static void test_mailbox__many_threads__all_letters_in_each_ones_order(void **state)
{
    (void)state;
    reset();
    struct sender senders[THREADS];
    start(senders);
    while (received < THREADS * LETTERS) {
        struct pollfd p = {.fd = box.event_fd, .events = POLLIN};
        int n = poll(&p, 1, 20000);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != 1)
            fail_msg("no wake-up after %u letters", received);
        pst_mailbox_receive(&box);
    }
    assert_int_equal(join(senders), THREADS * LETTERS);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(next_of[i], LETTERS);
    pst_mailbox_fini(&box);
}

static void test_mailbox_close__while_threads_post__what_was_taken_is_received(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        reset();
        struct sender senders[THREADS];
        start(senders);
        while (received < (unsigned)round * 100)
            pst_mailbox_receive(&box);
        pst_mailbox_close(&box);
        unsigned at_close = received;
        assert_int_equal(join(senders), at_close);
        pst_mailbox_receive(&box);
        assert_int_equal(received, at_close);
        pst_mailbox_fini(&box);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mailbox_receive__empty__nothing),
        cmocka_unit_test(test_mailbox_post__several__one_wakeup_all_in_order),
        cmocka_unit_test(test_mailbox_receive__letter_posted_again_from_within__waits_for_the_next),
        cmocka_unit_test(test_mailbox_close__letters_left__received_and_no_more_taken),
        cmocka_unit_test(test_mailbox__many_threads__all_letters_in_each_ones_order),
        cmocka_unit_test(test_mailbox_close__while_threads_post__what_was_taken_is_received),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
