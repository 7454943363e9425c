/* bare_exchange.c - see bare_exchange.h. */
#include "support/bare_exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h1/head.h"

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bare_exchange: %s\n", what);
    abort();
}

static void on_change(struct pst_exchange_link *link)
{
    PST_CONTAINER(link, struct bare_exchange, link)->changes++;
}

static void on_wake(struct pst_session_host *host)
{
    (void)host;
}

void bare_init(struct bare_exchange *b)
{
    memset(b, 0, sizeof(*b));
    test_worker_init(&b->w);
    b->link.on_change = on_change;
    b->host.wake = on_wake;
    b->host.peer = (struct pst_peer_info){"192.0.2.1", 4711, "", "", ""};
}

void bare_end(struct bare_exchange *b, enum pst_end why)
{
    struct pst_exchange *ex = b->ex;
    b->ex = NULL;
    if (ex)
        pst_exchange_end(ex, why);
}

void bare_fini(struct bare_exchange *b)
{
    bare_end(b, PST_END_STOPPED);
    test_worker_fini(&b->w);
}

void bare_request(struct bare_exchange *b, const char *head)
{
    bare_end(b, PST_END_OK);
    b->changes = 0;
    b->ex = pst_exchange_new(&b->w.env, &b->host, &b->link);
    must(b->ex, "out of memory");
    size_t len = strlen(head);
    char *copy = pst_arena_alloc(&b->ex->arena, len);
    must(copy, "out of memory");
    memcpy(copy, head, len);
    struct pst_h1_framing framing;
    int status = pst_h1_parse_head(copy, len, &b->w.limits, &b->ex->arena, &b->ex->request, &framing);
    must(status == 0, "the head was refused");
}

const char *bare_field(const struct bare_exchange *b, const char *name)
{
    static char text[1024];
    size_t n = 0;
    text[0] = '\0';
    const struct pst_reply *r = &b->ex->reply;
    for (uint32_t i = 0; i < r->field_count; i++) {
        if (!pst_slice_case_eq(r->fields[i].name, pst_slice_str(name)))
            continue;
        n +=
            (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s", n ? "|" : "", PST_FMT(r->fields[i].value));
        must(n < sizeof(text), "too long a field");
    }
    return text;
}
