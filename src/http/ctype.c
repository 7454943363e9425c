/* ctype.c - the table of byte classes, and spans over it. */
#include "http/ctype.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The table is spelt as rules rather than as 256 numbers, so that it can be read against the RFCs. */
#define ANY2(c, a, b)       ((c) == (a) || (c) == (b))
#define ANY4(c, a, b, d, e) (ANY2(c, a, b) || ANY2(c, d, e))
#define IS_DIGIT(c)         ((c) >= '0' && (c) <= '9')
#define IS_ALPHA(c)         (((c) >= 'A' && (c) <= 'Z') || ((c) >= 'a' && (c) <= 'z'))
#define IS_ALNUM(c)         (IS_DIGIT(c) || IS_ALPHA(c))
/* RFC 9110 5.6.2: "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~" */
#define IS_TOKEN(c)                                                                                          \
    (IS_ALNUM(c) || ANY4(c, '!', '#', '$', '%') || ANY4(c, '&', '\'', '*', '+') ||                           \
     ANY4(c, '-', '.', '^', '_') || ANY2(c, '`', '|') || (c) == '~')
#define IS_FIELD_VALUE(c) ((c) == '\t' || ((c) >= 0x20 && (c) != 0x7f))
#define IS_UNRESERVED(c)  (IS_ALNUM(c) || ANY4(c, '-', '.', '_', '~'))
/* RFC 3986 2.2: "!" / "$" / "&" / "'" / "(" / ")" / "*" / "+" / "," / ";" / "=" */
#define IS_SUB_DELIM(c)                                                                                      \
    (ANY4(c, '!', '$', '&', '\'') || ANY4(c, '(', ')', '*', '+') || ANY2(c, ',', ';') || (c) == '=')
/* Not in RFC 3986, but sent raw by browsers, and read by every parser as themselves. */
#define IS_TOLERATED(c) (ANY4(c, '[', ']', '^', '`') || ANY2(c, '{', '|') || (c) == '}')
#define IS_PATH(c)      (IS_UNRESERVED(c) || IS_SUB_DELIM(c) || ANY2(c, ':', '@') || (c) == '/' || IS_TOLERATED(c))

/* A query is opaque to HTTP: browsers send a lone "%" and "\\" in it as they were typed ("?q=100%"). */
#define IS_QUERY(c) (IS_PATH(c) || ANY2(c, '?', '%') || (c) == '\\')

#define FLAG(condition, flag) ((condition) ? (flag) : 0)
#define CLASS(c)                                                                                             \
    (FLAG(IS_TOKEN(c), PST_CT_TOKEN) | FLAG(IS_FIELD_VALUE(c), PST_CT_FIELD_VALUE) |                         \
     FLAG(IS_PATH(c), PST_CT_PATH) | FLAG(IS_QUERY(c), PST_CT_QUERY) |                                       \
     FLAG(IS_UNRESERVED(c) || IS_SUB_DELIM(c), PST_CT_REG_NAME) |                                            \
     FLAG(IS_UNRESERVED(c), PST_CT_UNRESERVED) | FLAG(IS_DIGIT(c), PST_CT_DIGIT))
#define ROW4(c)  CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
#define ROW16(c) ROW4(c), ROW4((c) + 4), ROW4((c) + 8), ROW4((c) + 12)
#define ROW64(c) ROW16(c), ROW16((c) + 16), ROW16((c) + 32), ROW16((c) + 48)

const uint8_t pst_ctype_table[256] = {ROW64(0), ROW64(64), ROW64(128), ROW64(192)};

size_t pst_token_span(const char *p, size_t n)
{
    return pst_ctype_span(p, n, PST_CT_TOKEN);
}

/* Whether all eight bytes of w may stand in a field value. Every sum stays below 0x100 in its byte (7-bit
 * values only are added to), so no byte's answer leaks into its neighbour's. */
static bool all_field_value(uint64_t w)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low7 = w & (ones * 0x7f);
    uint64_t from_space = low7 + ones * 0x60;                /* top bit: low7 >= 0x20 */
    uint64_t not_tab = (low7 ^ (ones * '\t')) + ones * 0x7f; /* top bit: low7 != HTAB */
    uint64_t not_del = (low7 ^ (ones * 0x7f)) + ones * 0x7f; /* top bit: low7 != DEL */
    uint64_t good = w | ((from_space | ~not_tab) & not_del); /* obs-text has its own top bit */
    return (good & (ones * 0x80)) == ones * 0x80;
}

#ifdef __SSE2__
/* As pst_field_value_span, by blocks of 16: up to the first bad byte, or to where no whole block is left. It
 * is worth its lines: the h1 parser looks for the CR of each field in all that has come, and this takes half
 * the time of words of eight and a sixth of single bytes. */
static size_t field_value_blocks(const char *p, size_t n, bool *ret_bad)
{
    const __m128i below_space = _mm_set1_epi8(0x1f), tab = _mm_set1_epi8('\t'), del = _mm_set1_epi8(0x7f);
    size_t i = 0;
    for (; n - i >= 16; i += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, below_space), block);
        __m128i bad =
            _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(block, tab), control), _mm_cmpeq_epi8(block, del));
        unsigned mask = (unsigned)_mm_movemask_epi8(bad);
        if (mask != 0) {
            *ret_bad = true;
            return i + (size_t)__builtin_ctz(mask);
        }
    }
    *ret_bad = false;
    return i;
}
#endif

size_t pst_field_value_span(const char *p, size_t n)
{
    size_t i = 0;
#ifdef __SSE2__
    bool bad;
    i = field_value_blocks(p, n, &bad);
    if (bad)
        return i;
#endif
    for (; n - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        if (!all_field_value(word))
            break;
    }
    /* At most seven bytes, or the word with the bad byte: so the byte order of the machine does not matter.
     */
    while (i < n && pst_is_field_value((unsigned char)p[i]))
        i++;
    return i;
}
