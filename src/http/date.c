/* date.c - HTTP's dates: RFC 9110 5.6.7 Date/Time Formats. Always UTC and English, whatever the locale is, so
 * neither strftime nor strptime. */
#include <string.h>

#include <postern/http.h>

#include "http/ctype.h"

#define DAY_SECONDS 86400
#define FIRST_TIME  INT64_C(-62167219200) /* Sat, 01 Jan 0000 00:00:00 GMT */
#define LAST_TIME   INT64_C(253402300799) /* Fri, 31 Dec 9999 23:59:59 GMT */

static const char day_names[7][10] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* A time in the Gregorian calendar, which is taken back to the year 0. */
struct civil {
    int64_t year;
    int month, day, hour, minute, second; /* month and day from 1; a leap second is 60 */
};

/* The calendar is reckoned in years that begin in March, so that the leap day is the last of its year, and in
 * periods of 400 years, after which everything repeats. Days are counted from 1 March of the year 0. */
enum { DAYS_TO_1970 = 719468, PERIOD_DAYS = 146097 };

static int64_t days_before_march_year(int64_t year)
{
    return 365 * year + year / 4 - year / 100 + year / 400;
}

/* Days from 1 March to the first of a month, counted from March as 0: 31 30 31 30 31 is 153 days and repeats.
 */
static int days_before_month(int march_month)
{
    return (153 * march_month + 2) / 5;
}

static int64_t civil_to_unix(const struct civil *c)
{
    int64_t year = c->month > 2 ? c->year : c->year - 1;
    int march_month = (c->month + 9) % 12;
    int64_t period = (year >= 0 ? year : year - 399) / 400;
    int64_t days = period * PERIOD_DAYS + days_before_march_year(year - period * 400) +
                   days_before_month(march_month) + c->day - 1 - DAYS_TO_1970;
    return days * DAY_SECONDS + c->hour * INT64_C(3600) + c->minute * INT64_C(60) + c->second;
}

/* unix_time: from FIRST_TIME to LAST_TIME. ret_weekday: 0 is Sunday. */
static struct civil unix_to_civil(int64_t unix_time, int *ret_weekday)
{
    /* A whole period is added, and taken off again, so that nothing is negative in the year 0. */
    int64_t days = (unix_time - FIRST_TIME) / DAY_SECONDS + PERIOD_DAYS - 60;
    int seconds = (int)((unix_time - FIRST_TIME) % DAY_SECONDS);

    int64_t period = days / PERIOD_DAYS;
    int64_t in_period = days % PERIOD_DAYS;
    int64_t year = in_period / 365; /* at most one too many, for the leap days so far */
    if (days_before_march_year(year) > in_period)
        year--;
    int in_year = (int)(in_period - days_before_march_year(year));
    int march_month = (5 * in_year + 2) / 153;

    struct civil c = {
        .year = (period - 1) * 400 + year + (march_month >= 10),
        .month = (march_month + 2) % 12 + 1,
        .day = in_year - days_before_month(march_month) + 1,
        .hour = seconds / 3600,
        .minute = seconds / 60 % 60,
        .second = seconds % 60,
    };
    *ret_weekday = (int)((days + 3) % 7); /* the period's 146097 days are whole weeks */
    return c;
}

static struct civil clamped_civil(int64_t unix_time, int *ret_weekday)
{
    if (unix_time < FIRST_TIME)
        unix_time = FIRST_TIME;
    if (unix_time > LAST_TIME)
        unix_time = LAST_TIME;
    return unix_to_civil(unix_time, ret_weekday);
}

/* ---- writing ---- */

static char *put_digits(char *dst, int value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        dst[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return dst + count;
}

static char *put_text(char *dst, const char *text, size_t len)
{
    memcpy(dst, text, len);
    return dst + len;
}

void pst_http_date_write(char dst[PST_HTTP_DATE_BYTES], int64_t unix_time)
{
    int weekday;
    struct civil c = clamped_civil(unix_time, &weekday);

    dst = put_text(dst, day_names[weekday], 3);
    dst = put_text(dst, ", ", 2);
    dst = put_digits(dst, c.day, 2);
    *dst++ = ' ';
    dst = put_text(dst, month_names[c.month - 1], 3);
    *dst++ = ' ';
    dst = put_digits(dst, (int)c.year, 4);
    *dst++ = ' ';
    dst = put_digits(dst, c.hour, 2);
    *dst++ = ':';
    dst = put_digits(dst, c.minute, 2);
    *dst++ = ':';
    dst = put_digits(dst, c.second, 2);
    put_text(dst, " GMT", 4);
}

/* ---- reading: each take_ function moves past what it read and says whether it was there ---- */

static bool take_text(struct pst_slice *s, struct pst_slice text)
{
    if (!pst_slice_starts(*s, text))
        return false;
    *s = pst_slice_of(s->ptr + text.len, s->len - text.len);
    return true;
}

static bool take_digits(struct pst_slice *s, size_t count, int *ret)
{
    int value = 0;
    if (s->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!pst_is_digit((unsigned char)s->ptr[i]))
            return false;
        value = value * 10 + (s->ptr[i] - '0');
    }
    *s = pst_slice_of(s->ptr + count, s->len - count);
    *ret = value;
    return true;
}

/* A day's name. Which day it names is not compared with the date: RFC 9110 5.6.7 encourages tolerance, and
 * the rest says all there is to know. */
static bool take_day_name(struct pst_slice *s, bool is_long)
{
    for (size_t i = 0; i < 7; i++) {
        if (take_text(s, pst_slice_of(day_names[i], is_long ? strlen(day_names[i]) : 3)))
            return true;
    }
    return false;
}

static bool take_month(struct pst_slice *s, int *ret)
{
    for (int i = 0; i < 12; i++) {
        if (take_text(s, pst_slice_of(month_names[i], 3))) {
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_time_of_day(struct pst_slice *s, struct civil *c)
{
    return take_digits(s, 2, &c->hour) && take_text(s, PST_SLICE(":")) && take_digits(s, 2, &c->minute) &&
           take_text(s, PST_SLICE(":")) && take_digits(s, 2, &c->second);
}

static bool take_year(struct pst_slice *s, struct civil *c)
{
    int year;
    if (!take_digits(s, 4, &year))
        return false;
    c->year = year;
    return true;
}

/* IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool read_imf(struct pst_slice s, struct civil *c)
{
    return take_day_name(&s, false) && take_text(&s, PST_SLICE(", ")) && take_digits(&s, 2, &c->day) &&
           take_text(&s, PST_SLICE(" ")) && take_month(&s, &c->month) && take_text(&s, PST_SLICE(" ")) &&
           take_year(&s, c) && take_text(&s, PST_SLICE(" ")) && take_time_of_day(&s, c) &&
           take_text(&s, PST_SLICE(" GMT")) && s.len == 0;
}

/* asctime-date: "Sun Nov  6 08:49:37 1994" */
static bool read_asctime(struct pst_slice s, struct civil *c)
{
    if (!take_day_name(&s, false) || !take_text(&s, PST_SLICE(" ")) || !take_month(&s, &c->month) ||
        !take_text(&s, PST_SLICE(" ")))
        return false;
    if (take_text(&s, PST_SLICE(" ")) ? !take_digits(&s, 1, &c->day) : !take_digits(&s, 2, &c->day))
        return false;
    return take_text(&s, PST_SLICE(" ")) && take_time_of_day(&s, c) && take_text(&s, PST_SLICE(" ")) &&
           take_year(&s, c) && s.len == 0;
}

/* RFC 9110 5.6.7: a two-digit year is the latest that is not more than 50 years in the future. */
static void widen_year(struct civil *c, int two_digits, int64_t now)
{
    int weekday;
    struct civil latest = clamped_civil(now, &weekday);
    latest.year += 50;
    c->year = latest.year - (latest.year - two_digits) % 100;
    if (civil_to_unix(c) > civil_to_unix(&latest))
        c->year -= 100;
}

/* rfc850-date: "Sunday, 06-Nov-94 08:49:37 GMT" */
static bool read_rfc850(struct pst_slice s, int64_t now, struct civil *c)
{
    int year;
    if (!take_day_name(&s, true) || !take_text(&s, PST_SLICE(", ")) || !take_digits(&s, 2, &c->day) ||
        !take_text(&s, PST_SLICE("-")) || !take_month(&s, &c->month) || !take_text(&s, PST_SLICE("-")) ||
        !take_digits(&s, 2, &year) || !take_text(&s, PST_SLICE(" ")) || !take_time_of_day(&s, c) ||
        !take_text(&s, PST_SLICE(" GMT")) || s.len != 0)
        return false;
    widen_year(c, year, now);
    return true;
}

static bool is_in_calendar(const struct civil *c)
{
    static const int month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (c->year % 4 == 0 && c->year % 100 != 0) || c->year % 400 == 0;
    int days = month_days[c->month - 1] + (c->month == 2 && is_leap);
    /* The grammar's second goes to 60; it becomes the next minute's first, as everywhere in Unix time. */
    return c->day >= 1 && c->day <= days && c->hour <= 23 && c->minute <= 59 && c->second <= 60;
}

bool pst_http_date_read(struct pst_slice text, int64_t now, int64_t *ret_unix_time)
{
    struct civil c = {0};
    if (!read_imf(text, &c) && !read_rfc850(text, now, &c) && !read_asctime(text, &c))
        return false;
    if (!is_in_calendar(&c))
        return false;
    *ret_unix_time = civil_to_unix(&c);
    return true;
}
