/* cli_clean.c - what visitors wrote, made fit for a terminal. */
#include "server/cli_clean.h"

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <wchar.h>

#define NO_CHARACTER UINT32_MAX
#define ELLIPSIS     "\xe2\x80\xa6"
#define REPLACEMENT  "\xef\xbf\xbd"

void pst_cli_clean_init(void)
{
    /* The C library's own; where there is none (it may have another name, or be the only one), characters
     * beyond ASCII count as one column. */
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* NOLINT(concurrency-mt-unsafe): no other thread yet */
}

/* ---- characters ---- */

/* Takes the first character off; NO_CHARACTER for a byte that begins none. RFC 3629 4: no overlong forms, no
 * surrogates, nothing over U+10FFFF. */
static uint32_t next_char(struct pst_slice *text, struct pst_slice *ret_bytes)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)text->ptr[0];
    size_t more = first < 0xc2 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 0;
    uint32_t code = first < 0x80 ? first : NO_CHARACTER;
    if (more > 0 && more < text->len) {
        code = first & (0x3fU >> more);
        for (size_t i = 1; i <= more && code != NO_CHARACTER; i++) {
            unsigned char c = (unsigned char)text->ptr[i];
            code = (c & 0xc0) == 0x80 ? (code << 6 | (c & 0x3f)) : NO_CHARACTER;
        }
        if (code < least[more] || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
            code = NO_CHARACTER;
    }
    *ret_bytes = pst_slice_of(text->ptr, code == NO_CHARACTER ? 1 : more + 1);
    text->ptr += ret_bytes->len;
    text->len -= ret_bytes->len;
    return code;
}

static bool is_blank(uint32_t code)
{
    return code == ' ' || (code >= '\t' && code <= '\r') || code == 0x85 || code == 0x2028 || code == 0x2029;
}

/* What a terminal may obey: the control characters of ISO 6429 (C0, DEL and C1), and what makes text appear
 * in another order than it is (Unicode Standard Annex 9, 2) or not at all. */
static bool is_obeyed(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe007f);
}

/* One character as it is shown. */
struct shown {
    char escape[12]; /* what is shown instead; empty: the character itself */
    struct pst_slice bytes;
    size_t width;
};

static void show(uint32_t code, struct pst_slice bytes, struct shown *ret)
{
    int n = 0;
    ret->bytes = bytes;
    ret->escape[0] = '\0';
    if (code == NO_CHARACTER || code < 0x80) {
        if (code == NO_CHARACTER || is_obeyed(code))
            n = snprintf(ret->escape, sizeof ret->escape, "\\x%02x", (unsigned char)bytes.ptr[0]);
    } else if (is_obeyed(code)) {
        n = snprintf(ret->escape, sizeof ret->escape, "\\u%04x", (unsigned)code);
    }
    if (n > 0) {
        ret->bytes = pst_slice_str(ret->escape);
        ret->width = (size_t)n;
        return;
    }
    int width = code < 0x80 ? 1 : wcwidth((wchar_t)code);
    ret->width = width < 0 ? 1 : (size_t)width;
}

/* ---- one line ---- */

size_t pst_cli_clean_line(struct pst_text *t, struct pst_slice text, size_t width)
{
    size_t used = 0, len_before_last = t->len, used_before_last = 0;
    bool was_blank = true; /* none at the begin */
    while (text.len > 0) {
        struct pst_slice bytes;
        struct shown shown;
        uint32_t code = next_char(&text, &bytes);
        bool blank = is_blank(code);
        if (blank && was_blank)
            continue;
        was_blank = blank;
        if (blank) {
            code = ' ';
            bytes = PST_SLICE(" ");
        }
        show(code, bytes, &shown);
        if (width > 0 && used + shown.width > width) {
            /* The ellipsis takes the place of what does not leave it one. */
            if (used == width) {
                t->len = len_before_last;
                used = used_before_last;
            }
            pst_text_adds(t, ELLIPSIS);
            return used + 1;
        }
        if (shown.width > 0) {
            len_before_last = t->len;
            used_before_last = used;
        }
        pst_text_add(t, shown.bytes);
        used += shown.width;
    }
    return used;
}

/* ---- many lines ---- */

static struct pst_slice take_line(struct pst_slice *text)
{
    const char *end = memchr(text->ptr, '\n', text->len);
    struct pst_slice line = pst_slice_of(text->ptr, end ? (size_t)(end - text->ptr) : text->len);
    size_t taken = line.len + (end ? 1 : 0);
    text->ptr += taken;
    text->len -= taken;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

void pst_cli_clean_lines(struct pst_text *t, struct pst_slice text, const char *indent)
{
    while (text.len > 0) {
        struct pst_slice line = take_line(&text);
        if (line.len > 0)
            pst_text_adds(t, indent);
        while (line.len > 0) {
            struct pst_slice bytes;
            struct shown shown;
            uint32_t code = next_char(&line, &bytes);
            if (code == '\t') {
                pst_text_add(t, bytes);
                continue;
            }
            show(code, bytes, &shown);
            pst_text_add(t, shown.bytes);
        }
        pst_text_adds(t, "\n");
    }
}

/* ---- for programs, but read on a terminal ---- */

static void add_json_escape(struct pst_text *t, uint32_t code)
{
    if (code == NO_CHARACTER)
        pst_text_adds(t, REPLACEMENT);
    else if (code > 0xffff) /* RFC 8259 7: as a pair of surrogates */
        pst_text_addf(t, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (code >> 10)),
                      (unsigned)(0xdc00 + (code & 0x3ff)));
    else
        pst_text_addf(t, "\\u%04x", (unsigned)code);
}

void pst_cli_clean_json(struct pst_text *t, struct pst_slice json)
{
    while (json.len > 0) {
        struct pst_slice bytes;
        uint32_t code = next_char(&json, &bytes);
        /* Outside of strings line ends and tabs are blanks; inside they are escaped already. */
        if (code != NO_CHARACTER && (code == '\n' || code == '\t' || !is_obeyed(code)))
            pst_text_add(t, bytes);
        else if (code == '\r')
            pst_text_adds(t, " ");
        else
            add_json_escape(t, code);
    }
}

void pst_cli_clean_csv(struct pst_text *t, struct pst_slice csv)
{
    while (csv.len > 0) {
        struct pst_slice bytes;
        bool is_line_end = csv.len > 1 && csv.ptr[0] == '\r' && csv.ptr[1] == '\n';
        uint32_t code = next_char(&csv, &bytes);
        if (code == '\n' || code == '\t' || is_line_end || (code != NO_CHARACTER && !is_obeyed(code)))
            pst_text_add(t, bytes);
        else
            pst_text_adds(t, REPLACEMENT);
    }
}
