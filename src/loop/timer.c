/* timer.c - see timer.h. */
#include "loop/timer.h"

enum { SLOT_BITS = 6, SLOT_MASK = PST_WHEEL_SLOTS - 1 };

void pst_timer_init(struct pst_timer *timer, void (*on_fire)(struct pst_timer *timer))
{
    pst_list_init(&timer->node);
    timer->tick = 0;
    timer->on_fire = on_fire;
}

bool pst_timer_is_set(const struct pst_timer *timer)
{
    return !pst_list_is_empty(&timer->node);
}

void pst_wheel_init(struct pst_wheel *wheel, uint64_t now_ms)
{
    wheel->tick = now_ms / PST_WHEEL_TICK_MS;
    for (int level = 0; level < PST_WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (int slot = 0; slot < PST_WHEEL_SLOTS; slot++)
            pst_list_init(&wheel->slots[level][slot]);
    }
}

static void insert(struct pst_wheel *wheel, struct pst_timer *timer)
{
    uint64_t tick = timer->tick, ahead = tick - wheel->tick;
    int level = 0;
    while (level < PST_WHEEL_LEVELS - 1 && ahead >> ((level + 1) * SLOT_BITS))
        level++;
    /* Beyond the wheel's reach: the furthest slot of the last level; it is inserted anew from there. */
    uint64_t reach = UINT64_C(1) << (PST_WHEEL_LEVELS * SLOT_BITS);
    if (ahead >= reach)
        tick = wheel->tick + reach - 1;
    unsigned slot = (unsigned)(tick >> (level * SLOT_BITS)) & SLOT_MASK;
    wheel->occupied[level] |= UINT64_C(1) << slot;
    pst_list_push_back(&wheel->slots[level][slot], &timer->node);
}

void pst_wheel_set(struct pst_wheel *wheel, struct pst_timer *timer, uint64_t deadline_ms)
{
    pst_list_remove(&timer->node);
    /* Rounded up, so that it never fires early; and never into the slot that is being fired. */
    timer->tick = deadline_ms / PST_WHEEL_TICK_MS + (deadline_ms % PST_WHEEL_TICK_MS != 0);
    if (timer->tick <= wheel->tick)
        timer->tick = wheel->tick + 1;
    insert(wheel, timer);
}

void pst_wheel_clear(struct pst_wheel *wheel, struct pst_timer *timer)
{
    (void)wheel; /* its occupied bit may stay behind: that costs one look at an empty slot */
    pst_list_remove(&timer->node);
}

static void take_slot(struct pst_wheel *wheel, int level, unsigned slot, struct pst_list *ret_timers)
{
    wheel->occupied[level] &= ~(UINT64_C(1) << slot);
    pst_list_take(ret_timers, &wheel->slots[level][slot]);
}

/* The tick has reached a multiple of 64: what the next level holds for the coming 64 ticks moves down. */
static void cascade(struct pst_wheel *wheel, int level)
{
    unsigned slot = (unsigned)(wheel->tick >> (level * SLOT_BITS)) & SLOT_MASK;
    if (slot == 0 && level + 1 < PST_WHEEL_LEVELS)
        cascade(wheel, level + 1);
    struct pst_list timers;
    take_slot(wheel, level, slot, &timers);
    while (!pst_list_is_empty(&timers)) {
        struct pst_timer *timer = PST_CONTAINER(timers.next, struct pst_timer, node);
        pst_list_remove(&timer->node);
        insert(wheel, timer);
    }
}

static void fire_slot(struct pst_wheel *wheel, unsigned slot)
{
    struct pst_list due;
    take_slot(wheel, 0, slot, &due);
    /* Taken one by one from the head, since on_fire may clear any of them. */
    while (!pst_list_is_empty(&due)) {
        struct pst_timer *timer = PST_CONTAINER(due.next, struct pst_timer, node);
        pst_list_remove(&timer->node);
        timer->on_fire(timer);
    }
}

void pst_wheel_advance(struct pst_wheel *wheel, uint64_t now_ms)
{
    uint64_t target = now_ms / PST_WHEEL_TICK_MS;
    while (wheel->tick < target) {
        if (wheel->occupied[0] == 0) {
            /* Nothing in this level: go to the last tick before the next cascade in one step. */
            uint64_t last = wheel->tick | SLOT_MASK;
            if (last > target)
                last = target;
            if (last > wheel->tick) {
                wheel->tick = last;
                continue;
            }
        }
        wheel->tick++;
        unsigned slot = (unsigned)wheel->tick & SLOT_MASK;
        if (slot == 0)
            cascade(wheel, 1);
        if (wheel->occupied[0] >> slot & 1)
            fire_slot(wheel, slot);
    }
}

int64_t pst_wheel_sleep_ms(const struct pst_wheel *wheel, uint64_t now_ms)
{
    uint64_t best = UINT64_MAX;
    for (int level = 0; level < PST_WHEEL_LEVELS; level++) {
        uint64_t bits = wheel->occupied[level];
        if (!bits)
            continue;
        unsigned shift = (unsigned)level * SLOT_BITS;
        uint64_t here = wheel->tick >> shift; /* slots of this level are served from here + 1 on */
        unsigned turn = (unsigned)(here + 1) & SLOT_MASK;
        uint64_t rotated = turn ? bits >> turn | bits << (PST_WHEEL_SLOTS - turn) : bits;
        uint64_t tick = (here + 1 + (uint64_t)__builtin_ctzll(rotated)) << shift;
        if (tick < best)
            best = tick;
    }
    if (best == UINT64_MAX)
        return -1;
    uint64_t at_ms = best * PST_WHEEL_TICK_MS;
    return at_ms > now_ms ? (int64_t)(at_ms - now_ms) : 0;
}
