/* cli_log.c - a line for each request, in the combined log format with the transport's details behind. */
#include "server/cli_log.h"

#include <string.h>

/* Of what peers send; all together stay below PST_CLI_LINE_BYTES when each byte takes four. */
#define METHOD_MAX_BYTES 64
#define TARGET_MAX_BYTES 2048
#define FIELD_MAX_BYTES  512
#define NOTICE_MAX_BYTES 1024

static char *put_text(char *p, const char *text)
{
    return pst_cli_put(p, pst_slice_str(text[0] ? text : "-"));
}

static char *put_stamp(struct pst_cli_log *log, char *p, int64_t now)
{
    if (now != log->stamp_time || log->stamp_len == 0) {
        struct tm tm;
        time_t t = (time_t)now;
        log->stamp_time = now;
        log->stamp_len = 0;
        /* Month names are those of the C locale, which the program never leaves. */
        if (localtime_r(&t, &tm))
            log->stamp_len = strftime(log->stamp, sizeof log->stamp, "[%d/%b/%Y:%H:%M:%S %z]", &tm);
    }
    return pst_cli_put(p, pst_slice_of(log->stamp, log->stamp_len));
}

/* Readers of the format count words. */
static char *put_word(char *p, const char *text)
{
    if (!text[0])
        return pst_cli_put(p, PST_SLICE("-"));
    for (size_t len = 0; *text; text += len) {
        len = strcspn(text, " ");
        p = pst_cli_put_escaped(p, pst_slice_of(text, len), FIELD_MAX_BYTES);
        if (text[len] == ' ') {
            p = pst_cli_put(p, PST_SLICE("\\x20"));
            len++;
        }
    }
    return p;
}

/* "HOST - CLIENT [TIME] ": the name is that of the client's certificate. */
static char *put_begin(struct pst_cli_log *log, char *p, const char *address, const char *client, int64_t now)
{
    p = put_text(p, address);
    p = pst_cli_put(p, PST_SLICE(" - "));
    p = put_word(p, client);
    p = pst_cli_put(p, PST_SLICE(" "));
    p = put_stamp(log, p, now);
    return pst_cli_put(p, PST_SLICE(" "));
}

static const char *version_name(int version)
{
    switch (version) {
    case 10:
        return " HTTP/1.0\" ";
    case 20:
        return " HTTP/2.0\" ";
    default:
        return " HTTP/1.1\" ";
    }
}

/* As ALPN names them. */
static const char *protocol_name(int version)
{
    switch (version) {
    case 10:
        return "http/1.0 ";
    case 11:
        return "http/1.1 ";
    case 20:
        return "h2 ";
    default:
        return "- ";
    }
}

static char *put_request(char *p, const struct pst_exchange *ex)
{
    struct pst_slice method = pst_exchange_method(ex);
    if (method.len == 0) /* the parser refused it before anything was sure */
        return pst_cli_put(p, PST_SLICE("\"-\" "));
    p = pst_cli_put(p, PST_SLICE("\""));
    p = pst_cli_put_escaped(p, method, METHOD_MAX_BYTES);
    p = pst_cli_put(p, PST_SLICE(" "));
    p = pst_cli_put_escaped(p, pst_exchange_target(ex), TARGET_MAX_BYTES);
    return pst_cli_put(p, pst_slice_str(version_name(pst_exchange_version(ex))));
}

static char *put_field(char *p, const struct pst_exchange *ex, const char *name)
{
    struct pst_slice value;
    if (!pst_exchange_field(ex, name, &value) || value.len == 0)
        return pst_cli_put(p, PST_SLICE("\"-\" "));
    p = pst_cli_put(p, PST_SLICE("\""));
    p = pst_cli_put_escaped(p, value, FIELD_MAX_BYTES);
    return pst_cli_put(p, PST_SLICE("\" "));
}

static char *put_security(char *p, const struct pst_peer_info *peer)
{
    p = put_text(p, peer->security);
    p = pst_cli_put(p, PST_SLICE(" "));
    p = put_text(p, peer->cipher);
    return pst_cli_put(p, PST_SLICE(" "));
}

void pst_cli_log_exchange(struct pst_cli_log *log, struct pst_cli_sink *sink,
                          const struct pst_log_entry *entry)
{
    const struct pst_exchange *ex = entry->exchange;
    struct pst_peer_info peer;
    pst_exchange_peer(ex, &peer);

    char *p = pst_cli_sink_line(sink);
    p = put_begin(log, p, peer.address, peer.client, pst_exchange_unix_time(ex));
    p = put_request(p, ex);
    p = entry->status > 0 ? pst_cli_put_number(p, (unsigned)entry->status) : pst_cli_put(p, PST_SLICE("-"));
    p = pst_cli_put(p, PST_SLICE(" "));
    p = pst_cli_put_number(p, entry->sent_bytes);
    p = pst_cli_put(p, PST_SLICE(" "));
    p = put_field(p, ex, "Referer");
    p = put_field(p, ex, "User-Agent");
    p = pst_cli_put(p, pst_slice_str(protocol_name(pst_exchange_version(ex))));
    p = put_security(p, &peer);
    p = pst_cli_put_number(p, entry->took_us);
    p = pst_cli_put(p, PST_SLICE("us "));
    p = pst_cli_put(p, pst_slice_str(pst_end_text(entry->end)));
    p = pst_cli_put(p, PST_SLICE("\n"));
    pst_cli_sink_add(sink, p);
}

void pst_cli_log_notice(struct pst_cli_log *log, struct pst_cli_sink *sink, const char *text, int64_t now)
{
    char *p = pst_cli_sink_line(sink);
    p = put_begin(log, p, "", "", now);
    p = pst_cli_put(p, PST_SLICE("\"-\" - 0 \"-\" \"-\" - - - - "));
    p = pst_cli_put_escaped(p, pst_slice_str(text), NOTICE_MAX_BYTES);
    p = pst_cli_put(p, PST_SLICE("\n"));
    pst_cli_sink_add(sink, p);
}

void pst_cli_log_event(struct pst_cli_log *log, struct pst_cli_sink *sink,
                       const struct pst_event_entry *entry, int64_t now)
{
    char *p = pst_cli_sink_line(sink);
    p = put_begin(log, p, entry->peer.address, entry->peer.client, now);
    p = pst_cli_put(p, PST_SLICE("\"-\" - 0 \"-\" \"-\" - "));
    p = put_security(p, &entry->peer);
    p = pst_cli_put(p, PST_SLICE("- "));
    p = pst_cli_put_escaped(p, pst_slice_str(entry->cause), FIELD_MAX_BYTES);
    p = pst_cli_put(p, PST_SLICE("\n"));
    pst_cli_sink_add(sink, p);
}
