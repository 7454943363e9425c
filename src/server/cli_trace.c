/* cli_trace.c - the bytes of requests and responses, readable. */
#include "server/cli_trace.h"

#include <stdlib.h>

/* A line that is longer goes on in the next one. */
#define LINE_MAX_CHARS 160
/* More connections at a time than that share slots: their lines are still right, but cut into more pieces. */
#define SLOTS 256

/* What is known of one direction of a connection. */
struct direction {
    size_t shown, more; /* bytes of this message: in lines, and beyond the bound */
    size_t len;
    char line[LINE_MAX_CHARS + 8]; /* escaped; not written yet, as its end has not come */
};

struct slot {
    uint64_t connection; /* 0: free */
    char address[46];
    unsigned port;
    struct direction in, out;
};

struct pst_cli_trace {
    struct slot slots[SLOTS];
};

struct pst_cli_trace *pst_cli_trace_new(void)
{
    return calloc(1, sizeof(struct pst_cli_trace));
}

void pst_cli_trace_free(struct pst_cli_trace *trace)
{
    free(trace);
}

/* ---- lines ---- */

static char *put_prefix(char *p, const struct slot *slot, bool out)
{
    p = pst_cli_put(p, PST_SLICE("#"));
    p = pst_cli_put_number(p, slot->connection);
    return pst_cli_put(p, out ? PST_SLICE(" < ") : PST_SLICE(" > "));
}

static void write_line(struct slot *slot, bool out, struct pst_cli_sink *sink)
{
    struct direction *d = out ? &slot->out : &slot->in;
    char *p = put_prefix(pst_cli_sink_line(sink), slot, out);
    p = pst_cli_put(p, pst_slice_of(d->line, d->len));
    p = pst_cli_put(p, PST_SLICE("\n"));
    pst_cli_sink_add(sink, p);
    d->len = 0;
}

/* One byte into the line; \r, \n, \t and \xHH for what cannot be shown. */
static void add_byte(struct direction *d, char c)
{
    const char *named = c == '\r' ? "\\r" : c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\\' ? "\\\\" : NULL;
    char *p = d->line + d->len;
    if (named)
        p = pst_cli_put(p, pst_slice_str(named));
    else if (c == '"')
        *p++ = c;
    else
        p = pst_cli_put_escaped(p, pst_slice_of(&c, 1), 1);
    d->len = (size_t)(p - d->line);
}

/* The end of a message in one direction. */
static void end_message(struct slot *slot, bool out, struct pst_cli_sink *sink)
{
    struct direction *d = out ? &slot->out : &slot->in;
    if (d->len > 0)
        write_line(slot, out, sink);
    if (d->more > 0) {
        char *p = put_prefix(pst_cli_sink_line(sink), slot, out);
        p = pst_cli_put(p, PST_SLICE("... "));
        p = pst_cli_put_number(p, d->more);
        p = pst_cli_put(p, d->more == 1 ? PST_SLICE(" more byte\n") : PST_SLICE(" more bytes\n"));
        pst_cli_sink_add(sink, p);
    }
    d->shown = d->more = 0;
}

static void end_both(struct slot *slot, struct pst_cli_sink *sink)
{
    end_message(slot, false, sink);
    end_message(slot, true, sink);
}

/* ---- connections ---- */

static void introduce(struct slot *slot, const struct pst_peer_info *peer, struct pst_cli_sink *sink)
{
    bool is_ipv6 = strchr(peer->address, ':') != NULL;
    char *p = pst_cli_put(pst_cli_sink_line(sink), PST_SLICE("#"));
    p = pst_cli_put_number(p, slot->connection);
    p = pst_cli_put(p, is_ipv6 ? PST_SLICE(" [") : PST_SLICE(" "));
    p = pst_cli_put(p, pst_slice_str(slot->address));
    p = pst_cli_put(p, is_ipv6 ? PST_SLICE("]:") : PST_SLICE(":"));
    p = pst_cli_put_number(p, slot->port);
    p = pst_cli_put(p, PST_SLICE(" "));
    p = pst_cli_put(p, pst_slice_str(peer->security[0] ? peer->security : "plain"));
    p = pst_cli_put(p, peer->cipher[0] ? PST_SLICE(" ") : PST_SLICE(""));
    p = pst_cli_put(p, pst_slice_str(peer->cipher));
    p = pst_cli_put(p, PST_SLICE("\n"));
    pst_cli_sink_add(sink, p);
}

static struct slot *slot_for(struct pst_cli_trace *trace, const struct pst_trace_entry *entry,
                             struct pst_cli_sink *sink)
{
    struct slot *slot = &trace->slots[entry->connection % SLOTS];
    if (slot->connection == entry->connection)
        return slot;
    if (slot->connection != 0)
        end_both(slot, sink);
    *slot = (struct slot){.connection = entry->connection, .port = entry->peer.port};
    size_t len = strlen(entry->peer.address);
    memcpy(slot->address, entry->peer.address,
           len < sizeof slot->address ? len : sizeof slot->address - 1); /* NUL by the line before */
    introduce(slot, &entry->peer, sink);
    return slot;
}

static void forget(struct pst_cli_trace *trace, uint64_t connection, struct pst_cli_sink *sink)
{
    struct slot *slot = &trace->slots[connection % SLOTS];
    if (slot->connection != connection)
        return;
    end_both(slot, sink);
    slot->connection = 0;
}

void pst_cli_trace_bytes(struct pst_cli_trace *trace, struct pst_cli_sink *sink,
                         const struct pst_trace_entry *entry)
{
    if (entry->len == 0) {
        forget(trace, entry->connection, sink);
        return;
    }
    struct slot *slot = slot_for(trace, entry, sink);
    struct direction *d = entry->out ? &slot->out : &slot->in;
    /* The answer begins: of the question, no more is likely to come. */
    if (entry->out && (slot->in.len > 0 || slot->in.more > 0))
        end_message(slot, false, sink);
    for (size_t i = 0; i < entry->len; i++) {
        if (d->shown == PST_CLI_TRACE_MAX_BYTES) {
            d->more += entry->len - i;
            return;
        }
        d->shown++;
        add_byte(d, entry->data[i]);
        if (entry->data[i] == '\n' || d->len >= LINE_MAX_CHARS)
            write_line(slot, entry->out, sink);
    }
}

void pst_cli_trace_message_end(struct pst_cli_trace *trace, struct pst_cli_sink *sink,
                               const struct pst_peer_info *peer)
{
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &trace->slots[i];
        if (slot->connection != 0 && slot->port == peer->port && strcmp(slot->address, peer->address) == 0)
            end_both(slot, sink);
    }
}

void pst_cli_trace_finish(struct pst_cli_trace *trace, struct pst_cli_sink *sink)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (trace->slots[i].connection != 0)
            forget(trace, trace->slots[i].connection, sink);
    }
}
