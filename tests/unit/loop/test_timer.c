/* The timer wheel, against a naive model of what it promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop/timer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { TICK = PST_WHEEL_TICK_MS };

static uint64_t random_state;

static uint64_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state >> 5;
}

static uint64_t random_below(uint64_t n)
{
    return random_bits() % n;
}

/* ---- single timers ---- */

static unsigned fired;

static void count_fire(struct pst_timer *timer)
{
    assert_false(pst_timer_is_set(timer));
    fired++;
}

/* Every distance around the borders of the levels, from several places of the wheel. */
static void test_wheel__one_timer_at_any_distance__fires_in_its_tick(void **state)
{
    (void)state;
    static const uint64_t starts[] = {0, 1, 3, 4, 255, 256, 16383, 16384, 1048575, 67108863, 123456789};
    static const uint64_t slots[] = {1, 64, 4096, 262144, 16777216, 33554432, 100000000};
    for (size_t s = 0; s < COUNT(starts); s++) {
        for (size_t k = 0; k < COUNT(slots); k++) {
            if (slots[k] > 1000000 && s % 5 != 1)
                continue; /* a long way for the wheel: from some places only */
            int64_t most = slots[k] > 1000000 ? 4 : 9;
            for (int64_t delta = -most; delta <= most; delta++) {
                if (delta < 0 && slots[k] * TICK < (uint64_t)-delta)
                    continue;
                uint64_t start = starts[s], deadline = start + slots[k] * TICK + (uint64_t)delta;
                struct pst_wheel wheel;
                struct pst_timer timer;
                pst_wheel_init(&wheel, start);
                pst_timer_init(&timer, count_fire);
                assert_false(pst_timer_is_set(&timer));
                fired = 0;
                pst_wheel_set(&wheel, &timer, deadline);
                assert_true(pst_timer_is_set(&timer));
                if (deadline > start)
                    pst_wheel_advance(&wheel, deadline - 1);
                if (fired)
                    fail_msg("from %llu: fired before %llu", (unsigned long long)start,
                             (unsigned long long)deadline);
                /* A deadline within the tick that has begun already is due in the next one. */
                pst_wheel_advance(&wheel, (deadline > start ? deadline : start) + TICK);
                if (fired != 1)
                    fail_msg("from %llu: did not fire at %llu", (unsigned long long)start,
                             (unsigned long long)deadline);
                assert_int_equal(pst_wheel_sleep_ms(&wheel, deadline + 2 * TICK), -1);
            }
        }
    }
}

static void test_wheel_set__deadline_long_past__fires_at_the_next_tick(void **state)
{
    (void)state;
    struct pst_wheel wheel;
    struct pst_timer timer;
    pst_wheel_init(&wheel, 1000000);
    pst_timer_init(&timer, count_fire);
    fired = 0;
    pst_wheel_set(&wheel, &timer, 0);
    int64_t sleep = pst_wheel_sleep_ms(&wheel, 1000000);
    assert_in_range(sleep, 0, TICK);
    pst_wheel_advance(&wheel, 1000000 + (uint64_t)sleep);
    assert_int_equal(fired, 1);
}

static void test_wheel_clear__not_set__nothing_happens(void **state)
{
    (void)state;
    struct pst_wheel wheel;
    struct pst_timer timer;
    pst_wheel_init(&wheel, 0);
    pst_timer_init(&timer, count_fire);
    fired = 0;
    pst_wheel_clear(&wheel, &timer);
    pst_wheel_set(&wheel, &timer, 50);
    pst_wheel_clear(&wheel, &timer);
    pst_wheel_clear(&wheel, &timer);
    assert_false(pst_timer_is_set(&timer));
    pst_wheel_advance(&wheel, 1000000);
    assert_int_equal(fired, 0);
}

/* How often a loop wakes for one timer: once a level at most, and once for each time the wheel is too short.
 */
static void test_wheel_sleep__one_far_timer__wakes_a_few_times_only(void **state)
{
    (void)state;
    static const struct {
        uint64_t distance;
        unsigned most;
    } rows[] = {{1, 1},         {200, 1},      {10000, 3},         {1000000, 4},
                {60000000, 4},  {67108864, 5}, {67108864u * 3, 8}, {UINT64_C(67108864) * 9, 14},
                {30 * 1000, 3}, {15 * 1000, 3}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_wheel wheel;
        struct pst_timer timer;
        uint64_t now = 4711;
        pst_wheel_init(&wheel, now);
        pst_timer_init(&timer, count_fire);
        fired = 0;
        pst_wheel_set(&wheel, &timer, now + rows[i].distance);
        unsigned wakes = 0;
        while (!fired) {
            int64_t sleep = pst_wheel_sleep_ms(&wheel, now);
            assert_true(sleep > 0);
            now += (uint64_t)sleep;
            pst_wheel_advance(&wheel, now);
            wakes++;
        }
        if (wakes > rows[i].most)
            fail_msg("distance %llu: woke %u times", (unsigned long long)rows[i].distance, wakes);
    }
}

/* ---- many timers, set, moved and cleared at random, also from within on_fire ---- */

enum { PROBES = 48 };

static struct probe {
    struct pst_timer timer;
    bool is_set;
    uint64_t deadline; /* never before it */
    uint64_t set_at;
} probes[PROBES];

static struct pst_wheel wheel_of_all;
static uint64_t now_ms, last_tick, fires;

/* Distances of all sizes, each power of two being as likely as another. */
static uint64_t random_distance(unsigned most_bits)
{
    return random_below(UINT64_C(1) << random_below(most_bits + 1));
}

enum { BEYOND_REACH_BITS = 28, FAR_BITS = 22 };

static void set_probe(struct probe *p)
{
    uint64_t distance = random_distance(BEYOND_REACH_BITS);
    p->deadline = random_below(8) ? now_ms + distance : now_ms > distance ? now_ms - distance : 0;
    p->set_at = now_ms;
    p->is_set = true;
    pst_wheel_set(&wheel_of_all, &p->timer, p->deadline);
}

static void clear_probe(struct probe *p)
{
    p->is_set = false;
    pst_wheel_clear(&wheel_of_all, &p->timer);
}

static void disturb(void)
{
    struct probe *p = &probes[random_below(PROBES)];
    if (random_below(3))
        set_probe(p);
    else
        clear_probe(p);
}

static void on_probe(struct pst_timer *timer)
{
    struct probe *p = PST_CONTAINER(timer, struct probe, timer);
    fires++;
    assert_true(p->is_set);
    assert_false(pst_timer_is_set(timer));
    assert_true(now_ms >= p->deadline);
    assert_true(timer->tick >= last_tick); /* in the order of their times */
    last_tick = timer->tick;
    p->is_set = false;
    if (random_below(4) == 0)
        set_probe(p);
    for (uint64_t i = random_below(3); i > 0 && random_below(2); i--)
        disturb();
}

/* When it has to have fired: at the first tick at or after its deadline, or, for one that was set for the
 * past, at the next tick. */
static uint64_t due_ms(const struct probe *p)
{
    uint64_t tick = p->deadline > p->set_at ? (p->deadline + TICK - 1) / TICK : p->set_at / TICK + 1;
    return tick * TICK;
}

static void check_all(void)
{
    uint64_t earliest = UINT64_MAX;
    for (size_t i = 0; i < PROBES; i++) {
        const struct probe *p = &probes[i];
        assert_int_equal(pst_timer_is_set(&p->timer), p->is_set);
        if (!p->is_set)
            continue;
        if (now_ms >= due_ms(p))
            fail_msg("late: due at %llu, now %llu", (unsigned long long)due_ms(p),
                     (unsigned long long)now_ms);
        if (due_ms(p) < earliest)
            earliest = due_ms(p);
    }
    int64_t sleep = pst_wheel_sleep_ms(&wheel_of_all, now_ms);
    if (earliest != UINT64_MAX && !(sleep >= 0 && now_ms + (uint64_t)sleep <= earliest))
        fail_msg("at %llu: sleeps %lld, but something is due at %llu", (unsigned long long)now_ms,
                 (long long)sleep, (unsigned long long)earliest);
    assert_true(sleep != 0); /* all that was due has fired: a loop that did not sleep now would spin */
}

static void advance_to(uint64_t then)
{
    now_ms = then;
    last_tick = 0;
    pst_wheel_advance(&wheel_of_all, now_ms);
    check_all();
}

static void random_step(void)
{
    uint64_t what = random_below(20);
    if (what < 8) {
        disturb();
    } else if (what < 14) {
        advance_to(now_ms + random_below(UINT64_C(1) << random_below(8)));
    } else if (what < 18) { /* as a loop does */
        int64_t sleep = pst_wheel_sleep_ms(&wheel_of_all, now_ms);
        if (sleep >= 0)
            advance_to(now_ms + (uint64_t)sleep);
    } else if (what < 19) {
        advance_to(now_ms + random_distance(random_below(30) ? FAR_BITS : BEYOND_REACH_BITS));
    } else {
        advance_to(now_ms); /* the clock stands */
    }
}

static void test_wheel__random_operations__agree_with_the_model(void **state)
{
    (void)state;
    enum { ROUNDS = 30, STEPS = 2000 };
    fires = 0;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        random_state = round * UINT64_C(0x9e3779b97f4a7c15);
        now_ms = random_below(3) ? random_bits() >> 20 : 0;
        pst_wheel_init(&wheel_of_all, now_ms);
        for (size_t i = 0; i < PROBES; i++) {
            probes[i] = (struct probe){.is_set = false};
            pst_timer_init(&probes[i].timer, on_probe);
        }
        for (int step = 0; step < STEPS; step++)
            random_step();
        for (size_t i = 0; i < PROBES; i++)
            clear_probe(&probes[i]);
    }
    assert_true(fires > 5000); /* it did test something */
}

/* A timer that on_fire clears, in the same slot, must not fire any more. */
static struct pst_timer twins[2];
static struct pst_wheel wheel_of_twins;

static void clear_the_other(struct pst_timer *timer)
{
    fired++;
    pst_wheel_clear(&wheel_of_twins, timer == &twins[0] ? &twins[1] : &twins[0]);
}

static void test_wheel_advance__on_fire_clears_its_neighbour__which_does_not_fire(void **state)
{
    (void)state;
    pst_wheel_init(&wheel_of_twins, 0);
    fired = 0;
    for (int i = 0; i < 2; i++) {
        pst_timer_init(&twins[i], clear_the_other);
        pst_wheel_set(&wheel_of_twins, &twins[i], 100);
    }
    pst_wheel_advance(&wheel_of_twins, 1000);
    assert_int_equal(fired, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wheel__one_timer_at_any_distance__fires_in_its_tick),
        cmocka_unit_test(test_wheel_set__deadline_long_past__fires_at_the_next_tick),
        cmocka_unit_test(test_wheel_clear__not_set__nothing_happens),
        cmocka_unit_test(test_wheel_sleep__one_far_timer__wakes_a_few_times_only),
        cmocka_unit_test(test_wheel__random_operations__agree_with_the_model),
        cmocka_unit_test(test_wheel_advance__on_fire_clears_its_neighbour__which_does_not_fire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
