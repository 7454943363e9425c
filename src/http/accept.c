/* accept.c - choosing by the Accept field: RFC 9110 12.5.1 Accept, 12.4.2 Quality Values.
 *
 * Old clients send less than the grammar wants ("*" for all types, "q=.2"), and a wrong guess here only gives
 * another representation, so reading is tolerant: an element that makes no sense is skipped. */
#include <postern/http.h>

#include "http/ctype.h"

enum { Q_NONE = -1, Q_MAX = 1000 };

/* How closely a range names a media type; the closest one's weight counts. A range with parameters names a
 * variant of the type that is not offered here. Strictly it says nothing about the plain type; but who asks
 * for "application/json;charset=utf-8" wants JSON, so it stands in where the plain type is not named. */
enum specificity { MATCH_NOT, MATCH_ALL, MATCH_TYPE, MATCH_VARIANT, MATCH_EXACT };

struct media_range {
    struct pst_slice type, subtype;
    bool has_parameters; /* other than q */
    int q;               /* in thousandths */
};

static void skip(struct pst_slice *s, size_t n)
{
    *s = pst_slice_of(s->ptr + n, s->len - n);
}

static bool take_char(struct pst_slice *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    skip(s, 1);
    return true;
}

static struct pst_slice take_token(struct pst_slice *s)
{
    struct pst_slice token = pst_slice_of(s->ptr, pst_token_span(s->ptr, s->len));
    skip(s, token.len);
    return token;
}

static void skip_ows(struct pst_slice *s)
{
    while (s->len > 0 && (s->ptr[0] == ' ' || s->ptr[0] == '\t'))
        skip(s, 1);
}

/* RFC 9110 5.6.4 Quoted Strings. *s starts with the quote; one that is never closed goes to the end. */
static void skip_quoted(struct pst_slice *s)
{
    skip(s, 1);
    while (s->len > 0 && s->ptr[0] != '"')
        skip(s, s->ptr[0] == '\\' && s->len > 1 ? 2 : 1);
    take_char(s, '"');
}

/* To the comma that ends this element, or to the end. */
static void skip_element(struct pst_slice *s)
{
    while (s->len > 0 && s->ptr[0] != ',') {
        if (s->ptr[0] == '"')
            skip_quoted(s);
        else
            skip(s, 1);
    }
}

/* qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ), in thousandths; also ".2", and digits beyond
 * the third, which are dropped. Q_NONE for anything else. */
static int read_q(struct pst_slice s)
{
    bool has_digit = s.len > 0 && pst_is_digit((unsigned char)s.ptr[0]);
    int q = 0, unit = Q_MAX / 10;
    if (has_digit) {
        q = (s.ptr[0] - '0') * Q_MAX;
        skip(&s, 1);
    }
    if (take_char(&s, '.')) {
        for (; s.len > 0 && pst_is_digit((unsigned char)s.ptr[0]); skip(&s, 1)) {
            q += (s.ptr[0] - '0') * unit;
            unit /= 10;
            has_digit = true;
        }
    }
    return has_digit && s.len == 0 && q <= Q_MAX ? q : Q_NONE;
}

/* *( OWS ";" OWS [ parameter ] ), of which q is the weight. False when malformed. */
static bool take_parameters(struct pst_slice *s, struct media_range *range)
{
    for (skip_ows(s); take_char(s, ';'); skip_ows(s)) {
        skip_ows(s);
        struct pst_slice name = take_token(s);
        if (name.len == 0)
            continue; /* RFC 9110 5.6.6: nothing between two semicolons */
        if (!take_char(s, '='))
            return false;
        bool is_quoted = s->len > 0 && s->ptr[0] == '"';
        struct pst_slice value = {0};
        if (is_quoted)
            skip_quoted(s);
        else
            value = take_token(s);
        if (!pst_slice_case_eq(name, PST_SLICE("q")))
            range->has_parameters = true;
        else if ((range->q = read_q(value)) == Q_NONE)
            return false;
    }
    return s->len == 0 || s->ptr[0] == ',';
}

static bool take_range(struct pst_slice *s, struct media_range *range)
{
    const struct pst_slice any = PST_SLICE("*");
    *range = (struct media_range){.q = Q_MAX};
    range->type = take_token(s);
    if (take_char(s, '/'))
        range->subtype = take_token(s);
    else if (pst_slice_eq(range->type, any))
        range->subtype = any;
    if (range->type.len == 0 || range->subtype.len == 0)
        return false;
    if (pst_slice_eq(range->type, any) && !pst_slice_eq(range->subtype, any))
        return false;
    return take_parameters(s, range);
}

/* Takes the next whole media range; false at the end of the list. */
static bool next_range(struct pst_slice *rest, struct media_range *ret)
{
    while (rest->len > 0) {
        skip_ows(rest);
        if (take_char(rest, ','))
            continue;
        if (rest->len > 0 && take_range(rest, ret))
            return true;
        skip_element(rest);
    }
    return false;
}

static enum specificity match(const struct media_range *range, struct pst_slice type,
                              struct pst_slice subtype)
{
    if (pst_slice_eq(range->type, PST_SLICE("*")))
        return MATCH_ALL;
    if (!pst_slice_case_eq(range->type, type))
        return MATCH_NOT;
    if (pst_slice_eq(range->subtype, PST_SLICE("*")))
        return MATCH_TYPE;
    if (!pst_slice_case_eq(range->subtype, subtype))
        return MATCH_NOT;
    return range->has_parameters ? MATCH_VARIANT : MATCH_EXACT;
}

/* The weight that accept gives to a media type: 0 where it is not acceptable, Q_NONE where accept says
 * nothing at all, for lack of a single whole range. */
static int weigh(struct pst_slice accept, const char *media_type)
{
    struct pst_slice subtype = pst_slice_of(media_type, strlen(media_type));
    struct pst_slice type = take_token(&subtype);
    enum specificity best = MATCH_NOT;
    struct media_range range;
    bool has_range = false;
    int q = 0;

    take_char(&subtype, '/');
    while (next_range(&accept, &range)) {
        enum specificity how = match(&range, type, subtype);
        has_range = true;
        if (how == MATCH_NOT || how < best || (how == best && range.q <= q))
            continue;
        best = how;
        q = range.q;
    }
    return has_range ? q : Q_NONE;
}

int pst_http_accept(struct pst_slice accept, const char *const *offered, size_t count)
{
    int best = -1, best_q = 0;
    for (size_t i = 0; i < count; i++) {
        int q = weigh(accept, offered[i]);
        /* RFC 9110 12.5.1: without the field any media type is as good as any other. */
        if (q == Q_NONE)
            return 0;
        if (q > best_q) {
            best_q = q;
            best = (int)i;
        }
    }
    return best;
}
