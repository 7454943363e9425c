/* json_read.c - JSON read: whether a text is right, and walking one that is. No value is turned into
 * anything: a walk gives pieces of the text itself. */
#include <postern/json.h>

#include "http/ctype.h"
#include "http/utf8.h"

enum { DEPTH_MAX = 1024 };

/* RFC 8259 2 JSON Grammar: ws */
static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* RFC 8259 7 Strings: an ASCII character that stands for itself. */
static bool is_plain(char c)
{
    return c >= ' ' && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* Whether all eight bytes of w are plain. May say no where they are: a borrow runs from a byte that is not
 * plain into the next. */
static bool all_plain(uint64_t w)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t not_quote = (w ^ (ones * '"')) - ones, not_backslash = (w ^ (ones * '\\')) - ones;
    uint64_t from_space = w - ones * ' ';
    return ((w | from_space | not_quote | not_backslash) & (ones * 0x80)) == 0;
}

static const char *skip_plain(const char *p, const char *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        if (!all_plain(word))
            break;
    }
    while (p < end && is_plain(*p))
        p++;
    return p;
}

/* ---- checking ---- */

struct checker {
    const char *p, *end; /* what lies before p was right */
    unsigned depth, max_depth;
    uint64_t objects[DEPTH_MAX / 64]; /* a bit a level: an object; else an array */
};

/* What comes next; errors are negative. */
enum { TEXT_DONE, VALUE_DUE, VALUE_DONE };

static bool is_next(const struct checker *c, char expected)
{
    return c->p < c->end && *c->p == expected;
}

static bool check_word(struct checker *c, const char *word)
{
    for (; *word; word++, c->p++)
        if (!is_next(c, *word))
            return false;
    return true;
}

static bool check_digits(struct checker *c)
{
    const char *begin = c->p;
    while (c->p < c->end && pst_is_digit((unsigned char)*c->p))
        c->p++;
    return c->p > begin;
}

/* RFC 8259 6 Numbers */
static bool check_number(struct checker *c)
{
    if (is_next(c, '-'))
        c->p++;
    if (is_next(c, '0')) /* no digit follows a leading zero */
        c->p++;
    else if (!check_digits(c))
        return false;
    if (is_next(c, '.')) {
        c->p++;
        if (!check_digits(c))
            return false;
    }
    if (!is_next(c, 'e') && !is_next(c, 'E'))
        return true;
    c->p++;
    if (is_next(c, '+') || is_next(c, '-'))
        c->p++;
    return check_digits(c);
}

/* RFC 8259 7 Strings: what stands behind a backslash. Which surrogates stand beside each other is no matter
 * of the grammar (8.2 Unicode Characters). */
static bool check_escape(struct checker *c)
{
    if (c->p == c->end)
        return false;
    if (*c->p != 'u') {
        bool is_known = memchr("\"\\/bfnrt", *c->p, 8) != NULL;
        c->p += is_known;
        return is_known;
    }
    c->p++;
    for (int i = 0; i < 4; i++, c->p++)
        if (c->p == c->end || pst_hex_value((unsigned char)*c->p) < 0)
            return false;
    return true;
}

/* A character of more than one byte (RFC 8259 8.1 Character Encoding: UTF-8). */
static bool check_character(struct checker *c)
{
    bool is_valid;
    size_t len = pst_utf8_span(c->p, (size_t)(c->end - c->p), &is_valid);
    if (is_valid || pst_utf8_is_lead((unsigned char)*c->p))
        c->p += len;
    return is_valid;
}

/* From the quote on. */
static bool check_string(struct checker *c)
{
    if (!is_next(c, '"'))
        return false;
    c->p++;
    for (;;) {
        c->p = skip_plain(c->p, c->end);
        if (c->p == c->end || (unsigned char)*c->p < ' ')
            return false;
        if (*c->p == '"') {
            c->p++;
            return true;
        }
        if (*c->p == '\\') {
            c->p++;
            if (!check_escape(c))
                return false;
        } else if (!check_character(c)) {
            return false;
        }
    }
}

/* RFC 8259 4 Objects: a member up to its value. */
static int check_name(struct checker *c)
{
    c->p = skip_blanks(c->p, c->end);
    if (!check_string(c))
        return PST_E_SYNTAX;
    c->p = skip_blanks(c->p, c->end);
    if (!is_next(c, ':'))
        return PST_E_SYNTAX;
    c->p++;
    return VALUE_DUE;
}

static bool is_in_object(const struct checker *c)
{
    return (c->objects[(c->depth - 1) / 64] >> (c->depth - 1) % 64 & 1) != 0;
}

/* From the bracket on, to the first value in it. */
static int begin_container(struct checker *c)
{
    if (c->depth == c->max_depth)
        return PST_E_LIMIT;
    bool is_object = *c->p == '{';
    uint64_t *objects = &c->objects[c->depth / 64], bit = UINT64_C(1) << c->depth % 64;
    *objects = is_object ? *objects | bit : *objects & ~bit;
    c->depth++;
    c->p = skip_blanks(c->p + 1, c->end);
    if (is_next(c, is_object ? '}' : ']'))
        return VALUE_DONE;
    return is_object ? check_name(c) : VALUE_DUE;
}

static int begin_value(struct checker *c)
{
    c->p = skip_blanks(c->p, c->end);
    bool is_right;
    switch (c->p < c->end ? *c->p : '\0') {
    case '{':
    case '[':
        return begin_container(c);
    case '"':
        is_right = check_string(c);
        break;
    case 't':
        is_right = check_word(c, "true");
        break;
    case 'f':
        is_right = check_word(c, "false");
        break;
    case 'n':
        is_right = check_word(c, "null");
        break;
    default:
        is_right = check_number(c);
        break;
    }
    return is_right ? VALUE_DONE : PST_E_SYNTAX;
}

/* What may stand behind a value: ends of what it is in, then a comma; or nothing, at the text's end. */
static int end_value(struct checker *c)
{
    for (;;) {
        c->p = skip_blanks(c->p, c->end);
        if (c->depth == 0)
            return c->p == c->end ? TEXT_DONE : PST_E_SYNTAX;
        bool is_object = is_in_object(c);
        if (is_next(c, ',')) {
            c->p++;
            return is_object ? check_name(c) : VALUE_DUE;
        }
        if (!is_next(c, is_object ? '}' : ']'))
            return PST_E_SYNTAX;
        c->p++;
        c->depth--;
    }
}

int pst_json_check(struct pst_slice text, unsigned max_depth, size_t *ret_offset)
{
    const char *begin = text.len ? text.ptr : "";
    struct checker c = {.p = begin, .end = begin + text.len, .max_depth = max_depth};
    int state = max_depth <= DEPTH_MAX ? VALUE_DUE : PST_E_INVAL;
    while (state == VALUE_DUE) {
        state = begin_value(&c);
        if (state == VALUE_DONE)
            state = end_value(&c);
    }
    if (state != TEXT_DONE && ret_offset)
        *ret_offset = (size_t)(c.p - begin);
    return state;
}

/* ---- walking ----
 * The text has been checked; what was not would give odd values, but nothing outside of it. */

/* Behind the string that begins at p. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p = skip_plain(p, end))
        p += *p == '\\' && end - p > 1 ? 2 : !is_plain(*p);
    return p < end ? p + 1 : end;
}

static const char *skip_container(const char *p, const char *end)
{
    size_t depth = 0;
    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
            continue;
        }
        depth += *p == '{' || *p == '[';
        depth -= *p == '}' || *p == ']';
        p++;
        if (depth == 0)
            break;
    }
    return p;
}

static const char *skip_value(const char *p, const char *end)
{
    if (p < end && *p == '"')
        return skip_string(p, end);
    if (p < end && (*p == '{' || *p == '['))
        return skip_container(p, end);
    while (p < end && memchr(",]} \n\r\t", *p, 7) == NULL)
        p++;
    return p;
}

static enum pst_json_kind kind_of(char first)
{
    switch (first) {
    case '{':
        return PST_JSON_OBJECT;
    case '[':
        return PST_JSON_ARRAY;
    case '"':
        return PST_JSON_STRING;
    case 't':
        return PST_JSON_TRUE;
    case 'f':
        return PST_JSON_FALSE;
    case 'n':
        return PST_JSON_NULL;
    default:
        return PST_JSON_NUMBER;
    }
}

static struct pst_slice slice_between(const char *p, const char *end)
{
    return pst_slice_of(p, (size_t)(end - p));
}

/* The value that begins at p; empty where there is none. */
static struct pst_json_value value_at(const char *p, const char *end)
{
    struct pst_json_value value = {.raw = slice_between(p, skip_value(p, end))};
    value.kind = value.raw.len ? kind_of(*p) : PST_JSON_NULL;
    return value;
}

struct pst_json_value pst_json_root(struct pst_slice checked_text)
{
    const char *begin = checked_text.len ? checked_text.ptr : "", *end = begin + checked_text.len;
    return value_at(skip_blanks(begin, end), end);
}

/* What stands between the first and the last byte: brackets or quotes. */
static struct pst_slice inside(struct pst_slice raw)
{
    return raw.len >= 2 ? pst_slice_of(raw.ptr + 1, raw.len - 2) : pst_slice_of("", 0);
}

bool pst_json_next(struct pst_json_value container, struct pst_json_walk *walk)
{
    bool is_object = container.kind == PST_JSON_OBJECT, is_array = container.kind == PST_JSON_ARRAY;
    if (!walk->is_begun)
        walk->rest = inside(is_object || is_array ? container.raw : PST_SLICE(""));
    walk->is_begun = true;
    const char *p = walk->rest.ptr, *end = p + walk->rest.len;
    p = skip_blanks(p, end);
    if (p < end && *p == ',')
        p = skip_blanks(p + 1, end);
    walk->name = pst_slice_of("", 0);
    if (is_object && p < end) {
        walk->name = slice_between(p, skip_string(p, end));
        p = skip_blanks(p + walk->name.len, end);
        p = skip_blanks(p + (p < end), end); /* the colon */
    }
    walk->value = value_at(p, end);
    walk->rest = slice_between(p + walk->value.raw.len, end);
    return walk->value.raw.len > 0;
}

/* ---- strings ---- */

enum { CHARACTER_BYTES = 4 };

/* RFC 3629 3 UTF-8 definition; code is no surrogate. */
static size_t put_character(char dst[CHARACTER_BYTES], uint32_t code)
{
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        dst[i] = (char)(0x80 | (code & 0x3f));
    dst[0] = (char)(leads[len] | code);
    return len;
}

/* The code unit of "\uXXXX" at the front of s; false where none stands there. */
static bool read_unit(struct pst_slice s, uint32_t *ret_unit)
{
    if (s.len < 6 || s.ptr[0] != '\\' || s.ptr[1] != 'u')
        return false;
    *ret_unit = 0;
    for (size_t i = 2; i < 6; i++)
        *ret_unit = *ret_unit << 4 | ((uint32_t)pst_hex_value((unsigned char)s.ptr[i]) & 15);
    return true;
}

/* RFC 8259 7: a character beyond U+FFFF is written as the two halves of a surrogate pair; a half without the
 * other is none. Returns how many bytes of s that took. */
static size_t read_character(struct pst_slice s, uint32_t unit, uint32_t *ret_code)
{
    uint32_t low;
    *ret_code = unit;
    if (unit < 0xd800 || unit > 0xdfff)
        return 6;
    *ret_code = 0xfffd;
    if (unit > 0xdbff || !read_unit(pst_slice_of(s.ptr + 6, s.len - 6), &low) || low < 0xdc00 || low > 0xdfff)
        return 6;
    *ret_code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

/* Takes off the front of *rest, the inside of a string, what stands for itself, or else one escape, and
 * returns what it stands for: *rest's own bytes, or some in buffer. */
static struct pst_slice take_piece(struct pst_slice *rest, char buffer[CHARACTER_BYTES])
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *backslash = memchr(rest->ptr, '\\', rest->len), *name;
    struct pst_slice piece = *rest;
    uint32_t unit;
    size_t used = backslash ? (size_t)(backslash - rest->ptr) : rest->len;
    if (used > 0) {
        piece.len = used;
    } else if (read_unit(*rest, &unit)) {
        used = read_character(*rest, unit, &unit);
        piece = pst_slice_of(buffer, put_character(buffer, unit));
    } else {
        name = rest->len > 1 ? memchr(names, rest->ptr[1], sizeof(names) - 1) : NULL;
        used = name ? 2 : 1;
        buffer[0] = name ? meant[name - names] : '\\';
        piece = pst_slice_of(buffer, 1);
    }
    rest->ptr += used;
    rest->len -= used;
    return piece;
}

void pst_json_decode(struct pst_text *t, struct pst_slice raw_string)
{
    char buffer[CHARACTER_BYTES];
    struct pst_slice rest = inside(raw_string);
    while (rest.len > 0)
        pst_text_add(t, take_piece(&rest, buffer));
}

bool pst_json_is(struct pst_slice raw_string, const char *text)
{
    char buffer[CHARACTER_BYTES];
    struct pst_slice rest = inside(raw_string), left = pst_slice_str(text);
    while (rest.len > 0) {
        struct pst_slice piece = take_piece(&rest, buffer);
        if (!pst_slice_starts(left, piece))
            return false;
        left.ptr += piece.len;
        left.len -= piece.len;
    }
    return left.len == 0;
}
