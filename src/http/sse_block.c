/* sse_block.c - events as they are sent (the WHATWG HTML standard, 9.2 "Server-sent events"), and the
 * counting of who still needs them. */
#include "http/sse_block.h"

#include <stdlib.h>
#include <string.h>

#include <postern/http.h>

/* How many bytes of s lie before its first line end. */
static size_t line_span(struct pst_slice s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] != '\n' && s.ptr[n] != '\r')
        n++;
    return n;
}

/* 9.2.6 Interpreting an event stream: an id with a NUL is ignored; a line end would begin another field. */
static bool is_one_line(struct pst_slice s)
{
    return line_span(s) == s.len && (s.len == 0 || memchr(s.ptr, '\0', s.len) == NULL);
}

static void add_field(struct pst_text *t, const char *name, struct pst_slice value)
{
    pst_text_adds(t, name);
    pst_text_adds(t,
                  ": "); /* one space is no part of the value, so that one that begins with a space stays */
    pst_text_add(t, value);
    pst_text_adds(t, "\n");
}

/* The reader puts a line feed between the lines, whichever line end was there. Empty data has one line, too:
 * an event without any is thrown away. */
static void add_data(struct pst_text *t, struct pst_slice data)
{
    for (;;) {
        size_t n = line_span(data);
        add_field(t, "data", pst_slice_of(data.ptr, n));
        if (n == data.len)
            return;
        bool is_crlf = data.ptr[n] == '\r' && n + 1 < data.len && data.ptr[n + 1] == '\n';
        n += is_crlf ? 2 : 1;
        data = pst_slice_of(data.ptr + n, data.len - n);
    }
}

static int add_event(struct pst_text *t, const struct pst_sse_event *event)
{
    if (!is_one_line(event->name) || !is_one_line(event->id))
        return PST_E_INVAL;
    if (event->id.len > 0)
        add_field(t, "id", event->id);
    if (event->name.len > 0)
        add_field(t, "event", event->name);
    add_data(t, event->data);
    pst_text_adds(t, "\n");
    return 0;
}

int pst_sse_block_new(struct pst_sse_block **ret_block, struct pst_slice before,
                      const struct pst_sse_event *events, size_t count)
{
    struct pst_text t = {0};
    int err = 0;
    pst_text_add(&t, before);
    for (size_t i = 0; !err && i < count; i++)
        err = add_event(&t, &events[i]);
    struct pst_sse_block *block = err || t.failed ? NULL : malloc(sizeof(*block) + t.len);
    if (block) {
        atomic_init(&block->refs, 1);
        atomic_init(&block->next, NULL);
        block->end = 0;
        block->len = t.len;
        if (t.len > 0)
            memcpy(block->bytes, t.ptr, t.len);
        *ret_block = block;
    }
    pst_text_free(&t);
    return err ? err : block ? 0 : PST_E_NOMEM;
}

struct pst_sse_block *pst_sse_block_ref(struct pst_sse_block *block)
{
    atomic_fetch_add_explicit(&block->refs, 1, memory_order_relaxed);
    return block;
}

void pst_sse_block_unref(struct pst_sse_block *block)
{
    while (block && atomic_fetch_sub_explicit(&block->refs, 1, memory_order_acq_rel) == 1) {
        struct pst_sse_block *next = atomic_load_explicit(&block->next, memory_order_relaxed);
        free(block);
        block = next; /* which has one holder less: a loop, for there may be many */
    }
}
