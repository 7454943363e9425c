/* form_text.c - text of a form, in whatever charset it was sent, as UTF-8.
 *
 * A charset's name comes from the client. Only names that the web knows are given to iconv, by a table: what
 * else iconv would take (modules that few have looked at, suffixes that change what it does) is out of reach.
 * UTF-8 and windows-1252, which is what "iso-8859-1" and "us-ascii" mean on the web, need no iconv: they work
 * where its modules are not installed. */
#include <postern/form.h>

#include <errno.h>
#include <iconv.h>
#include <postern/http.h>

#include "http/utf8.h"

static const struct charset {
    const char *iconv_name, *labels;
} charsets[] = {
#define X(iconv_name, labels) {iconv_name, labels},
#include "http/form_charset.def"
#undef X
};

static const char utf8_labels[] =
    " unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8 ";
static const char latin1_labels[] = " ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 "
                                    "iso-ir-100 iso8859-1 iso88591 iso_8859-1 "
                                    "iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252 ";

#define LABEL_MOST 32

/* " LABEL " in small letters, as the lists have them; false where it is too long to be in one, or would match
 * across two. */
static bool fold_label(struct pst_slice charset, char dst[LABEL_MOST + 3])
{
    struct pst_slice label = pst_slice_trim(charset);
    size_t len = 0;
    if (label.len == 0 || label.len > LABEL_MOST)
        return false;
    dst[len++] = ' ';
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        if (c <= ' ')
            return false;
        dst[len++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    dst[len++] = ' ';
    dst[len] = '\0';
    return true;
}

/* ---- what is read without iconv ---- */

static void add_replacement(struct pst_text *t)
{
    pst_text_adds(t, "\xef\xbf\xbd"); /* U+FFFD */
}

static void add_utf8(struct pst_text *t, struct pst_slice s)
{
    size_t good = 0, i = 0; /* what lies between the two is still to be added */
    while (i < s.len) {
        bool is_valid;
        size_t len = pst_utf8_span(s.ptr + i, s.len - i, &is_valid);
        if (!is_valid) {
            pst_text_add(t, pst_slice_of(s.ptr + good, i - good));
            add_replacement(t);
            good = i + len;
        }
        i += len;
    }
    if (good < s.len)
        pst_text_add(t, pst_slice_of(s.ptr + good, s.len - good));
}

static void add_code(struct pst_text *t, unsigned code)
{
    char bytes[3] = {(char)(0xe0 | code >> 12), (char)(0x80 | (code >> 6 & 0x3f)),
                     (char)(0x80 | (code & 0x3f))};
    if (code < 0x80) {
        bytes[2] = (char)code;
        pst_text_add(t, pst_slice_of(bytes + 2, 1));
    } else if (code < 0x800) {
        bytes[1] = (char)(0xc0 | code >> 6);
        pst_text_add(t, pst_slice_of(bytes + 1, 2));
    } else {
        pst_text_add(t, pst_slice_of(bytes, 3));
    }
}

/* The Encoding Standard, 9, index windows-1252: Latin-1 but for these. */
static void add_windows_1252(struct pst_text *t, struct pst_slice s)
{
    static const unsigned short from_80[32] = {
        0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178,
    };
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        add_code(t, c >= 0x80 && c < 0xa0 ? from_80[c - 0x80] : c);
    }
}

static void add_unknown(struct pst_text *t, struct pst_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] > 0x7f)
            add_replacement(t);
        else
            pst_text_add(t, pst_slice_of(s.ptr + i, 1));
    }
}

/* ---- iconv ---- */

static void convert(struct pst_text *t, iconv_t cd, struct pst_slice s)
{
    char *in = (char *)(uintptr_t)s.ptr; /* iconv does not write there; its type is older than const */
    size_t in_left = s.len;
    bool is_flushed = false;
    while (!is_flushed && !t->failed) {
        char out[512], *at = out;
        size_t out_left = sizeof out;
        /* Without input at last: some charsets keep a letter back, for the accent that may follow. */
        is_flushed = in_left == 0;
        size_t result = iconv(cd, is_flushed ? NULL : &in, &in_left, &at, &out_left);
        int why = result == (size_t)-1 ? errno : 0;
        pst_text_add(t, pst_slice_of(out, sizeof out - out_left));
        if (why != 0 && why != E2BIG && in_left > 0) {
            add_unknown(t, pst_slice_of(in, 1));
            in++;
            in_left--;
        }
    }
}

static void add_by_iconv(struct pst_text *t, const char *iconv_name, struct pst_slice s)
{
    iconv_t cd = iconv_open("UTF-8", iconv_name);
    if (cd != (iconv_t)-1) {
        convert(t, cd, s);
        iconv_close(cd);
    } else if (errno == ENOMEM) {
        t->failed = true;
    } else {
        add_unknown(t, s); /* the module is not installed */
    }
}

void pst_form_text(struct pst_text *t, struct pst_slice bytes, struct pst_slice charset)
{
    char label[LABEL_MOST + 3];
    if (charset.len == 0) {
        add_utf8(t, bytes);
        return;
    }
    if (!fold_label(charset, label)) {
        add_unknown(t, bytes);
        return;
    }
    if (strstr(utf8_labels, label) != NULL) {
        add_utf8(t, bytes);
        return;
    }
    if (strstr(latin1_labels, label) != NULL) {
        add_windows_1252(t, bytes);
        return;
    }
    for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++) {
        if (strstr(charsets[i].labels, label) != NULL) {
            add_by_iconv(t, charsets[i].iconv_name, bytes);
            return;
        }
    }
    add_unknown(t, bytes);
}
