/* tls_slots.c - see tls_slots.h. */
#include "transport/tls_slots.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Slots are no malloc memory: the sanitizer is told where each one ends and when it is free. */
#include "base/poison.h"

/* Address space only; pages come with use. Enough for 130,000 connections in use at once. */
#define RESERVED_BYTES (sizeof(size_t) > 4 ? (size_t)1 << 28 : (size_t)1 << 24)
/* Pages without a slot in use that are kept: what a steady stream of new connections takes (128 KiB). */
#define KEPT_PAGES ((size_t)32)
/* Pages made accessible at a time. */
#define OPENED_PAGES ((size_t)64)

#define NONE UINT32_MAX

struct page {
    uint32_t next, prev; /* in the list that it is in; prev in the list of pages with room only */
    uint32_t used;       /* a bit for each of its slots */
};

static struct {
    pthread_mutex_t lock;
    char *base;         /* NULL: no reservation could be had, or pages are of a size that does not suit */
    struct page *pages; /* in the slots themselves the links would pin their pages */
    size_t page_bytes, count;
    uint32_t all;              /* the bits of a page whose slots are all in use */
    uint32_t room, kept, cold; /* heads: with some slots in use; with none, but present; not present */
    size_t opened;             /* pages below this may be touched */
    size_t begun;              /* pages below this have been used before */
    size_t kept_count, present, live;
} area = {.lock = PTHREAD_MUTEX_INITIALIZER, .room = NONE, .kept = NONE, .cold = NONE};

void pst_tls_slots_init(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t slots = page / PST_TLS_SLOT_BYTES;
    if (slots < 1 || slots > 16) /* of 64 KiB pages none would ever be without a slot in use */
        return;
    size_t count = RESERVED_BYTES / page;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    /* Without access the pages count towards no commit limit (vm.overcommit_memory 2). */
    void *base = mmap(NULL, RESERVED_BYTES, PROT_NONE, flags, -1, 0);
    if (base == MAP_FAILED)
        return; /* calloc serves all */
    void *pages = mmap(NULL, count * sizeof(struct page), PROT_READ | PROT_WRITE, flags, -1, 0);
    if (pages == MAP_FAILED) {
        munmap(base, RESERVED_BYTES);
        return;
    }
#ifdef MADV_NOHUGEPAGE
    /* One huge page would hold the keys of 250 connections present for the sake of one. */
    (void)madvise(base, RESERVED_BYTES, MADV_NOHUGEPAGE);
#endif
    area.base = base;
    area.pages = pages;
    area.page_bytes = page;
    area.count = count;
    area.all = (1U << slots) - 1;
}

static void link_room(uint32_t i)
{
    area.pages[i].prev = NONE;
    area.pages[i].next = area.room;
    if (area.room != NONE)
        area.pages[area.room].prev = i;
    area.room = i;
}

static void unlink_room(uint32_t i)
{
    const struct page *page = &area.pages[i];
    if (page->next != NONE)
        area.pages[page->next].prev = page->prev;
    if (page->prev != NONE)
        area.pages[page->prev].next = page->next;
    else
        area.room = page->next;
}

static uint32_t pop(uint32_t *head)
{
    uint32_t i = *head;
    if (i != NONE)
        *head = area.pages[i].next;
    return i;
}

static void push(uint32_t *head, uint32_t i)
{
    area.pages[i].next = *head;
    *head = i;
}

/* Makes the next pages accessible. */
static bool open_more(void)
{
    size_t n = area.count - area.opened;
    if (n > OPENED_PAGES)
        n = OPENED_PAGES;
    if (n == 0 ||
        mprotect(area.base + area.opened * area.page_bytes, n * area.page_bytes, PROT_READ | PROT_WRITE) != 0)
        return false;
    area.opened += n;
    return true;
}

/* A page without slots in use, taken out of its list. */
static uint32_t find_empty(void)
{
    uint32_t i = pop(&area.kept);
    if (i != NONE) {
        area.kept_count--;
        return i;
    }
    i = pop(&area.cold);
    if (i == NONE && (area.begun < area.opened || open_more()))
        i = (uint32_t)area.begun++;
    if (i != NONE)
        area.present++;
    return i;
}

static char *take_locked(void)
{
    uint32_t i = area.room;
    if (i == NONE) {
        i = find_empty();
        if (i == NONE)
            return NULL;
        link_room(i);
    }
    struct page *page = &area.pages[i];
    unsigned slot = 0;
    while (page->used >> slot & 1)
        slot++;
    page->used |= 1U << slot;
    if (page->used == area.all)
        unlink_room(i);
    area.live++;
    return area.base + i * area.page_bytes + (size_t)slot * PST_TLS_SLOT_BYTES;
}

void *pst_tls_slot_take(size_t bytes)
{
    if (!area.base || bytes > PST_TLS_SLOT_BYTES)
        return NULL;
    pthread_mutex_lock(&area.lock);
    char *slot = take_locked();
    pthread_mutex_unlock(&area.lock);
    if (!slot)
        return NULL;
    ASAN_UNPOISON_MEMORY_REGION(slot, bytes);
    ASAN_POISON_MEMORY_REGION(slot + bytes, PST_TLS_SLOT_BYTES - bytes);
    memset(slot, 0, bytes);
    return slot;
}

/* Whether the page of this slot, now free, is to go; it is in no list then. */
static bool give_locked(uint32_t i, unsigned slot)
{
    struct page *page = &area.pages[i];
    if (page->used == area.all)
        link_room(i);
    page->used &= ~(1U << slot);
    area.live--;
    if (page->used != 0)
        return false;
    unlink_room(i);
    if (area.kept_count < KEPT_PAGES) {
        push(&area.kept, i);
        area.kept_count++;
        return false;
    }
    area.present--;
    return true;
}

bool pst_tls_slot_give(void *ptr)
{
    uintptr_t offset = (uintptr_t)ptr - (uintptr_t)area.base;
    if (!area.base || offset >= area.count * area.page_bytes)
        return false;
    uint32_t i = (uint32_t)(offset / area.page_bytes);
    ASAN_POISON_MEMORY_REGION(ptr, PST_TLS_SLOT_BYTES);
    pthread_mutex_lock(&area.lock);
    bool is_going = give_locked(i, (unsigned)(offset % area.page_bytes / PST_TLS_SLOT_BYTES));
    pthread_mutex_unlock(&area.lock);
    if (!is_going)
        return true;
    /* Nobody has the page now: the system call needs no lock. */
    (void)madvise(area.base + i * area.page_bytes, area.page_bytes, MADV_DONTNEED);
    pthread_mutex_lock(&area.lock);
    push(&area.cold, i);
    pthread_mutex_unlock(&area.lock);
    return true;
}

void pst_tls_slots_stats(struct pst_tls_slots_stats *ret_stats)
{
    pthread_mutex_lock(&area.lock);
    ret_stats->live_slots = area.live;
    ret_stats->pages = area.present;
    pthread_mutex_unlock(&area.lock);
}
