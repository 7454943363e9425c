/* Dates: RFC 9110 5.6.7 Date/Time Formats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/http.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW          INT64_C(1764000000) /* Mon, 24 Nov 2025 16:00:00 GMT */

static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static void assert_writes(int64_t unix_time, const char *expected)
{
    char got[PST_HTTP_DATE_BYTES + 1];
    got[PST_HTTP_DATE_BYTES] = '#'; /* no NUL is added */
    pst_http_date_write(got, unix_time);
    assert_int_equal(got[PST_HTTP_DATE_BYTES], '#');
    got[PST_HTTP_DATE_BYTES] = '\0';
    assert_string_equal(got, expected);
}

static void assert_reads(const char *text, int64_t now, int64_t expected)
{
    int64_t got = INT64_MIN;
    if (!pst_http_date_read(pst_slice_str(text), now, &got))
        fail_msg("%s is refused", text);
    if (got != expected)
        fail_msg("%s: got %lld, not %lld", text, (long long)got, (long long)expected);
}

static void test_date_write__table__imf_fixdate(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_time;
        const char *text;
    } rows[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"}, /* the RFC's own example */
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
        {2147483647, "Tue, 19 Jan 2038 03:14:07 GMT"},
        {2147483648, "Tue, 19 Jan 2038 03:14:08 GMT"},
        {4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {253402300800, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {-62167219200, "Sat, 01 Jan 0000 00:00:00 GMT"},
        {-62167219201, "Sat, 01 Jan 0000 00:00:00 GMT"},
        {INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_writes(rows[i].unix_time, rows[i].text);
}

static int days_in(int month, int year)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return lengths[month] + (month == 1 && is_leap);
}

/* The text in the two forms that have the whole year. */
static void write_forms(char imf[64], char asctime_form[64], int weekday, int day, int month, int year,
                        int second)
{
    int h = second / 3600, m = second / 60 % 60, s = second % 60;
    (void)snprintf(imf, 64, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[weekday], day, months[month], year, h,
                   m, s);
    (void)snprintf(asctime_form, 64, "%s %s %2d %02d:%02d:%02d %04d", days[weekday], months[month], day, h, m,
                   s, year);
}

/* Every day of 400 years (after which the calendar repeats), by counting the days one by one and by gmtime.
 */
static void test_date__every_day_of_400_years__agrees_with_counting_and_gmtime(void **state)
{
    (void)state;
    int64_t unix_day = 0;
    int weekday = 4; /* Thursday */
    for (int year = 1970; year < 2370; year++) {
        for (int month = 0; month < 12; month++) {
            for (int day = 1; day <= days_in(month, year); day++) {
                int second = (int)((unix_day * 7919) % 86400);
                int64_t unix_time = unix_day * 86400 + second;
                char imf[64], asctime_form[64], by_gmtime[64];
                write_forms(imf, asctime_form, weekday, day, month, year, second);

                time_t t = (time_t)unix_time;
                struct tm tm;
                assert_non_null(gmtime_r(&t, &tm));
                assert_true(strftime(by_gmtime, sizeof by_gmtime, "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
                assert_string_equal(imf, by_gmtime);

                assert_writes(unix_time, imf);
                assert_reads(imf, NOW, unix_time);
                assert_reads(asctime_form, NOW, unix_time);
                unix_day++;
                weekday = (weekday + 1) % 7;
            }
        }
    }
    assert_int_equal(unix_day, 146097);
}

/* The years before and after, more thinly, by gmtime alone. */
static void test_date__years_0_to_9999__agree_with_gmtime_and_read_back(void **state)
{
    (void)state;
    for (int64_t unix_time = -62167219200; unix_time <= 253402300799; unix_time += 86400 * 11 + 4241) {
        time_t t = (time_t)unix_time;
        struct tm tm;
        char expected[64];
        assert_non_null(gmtime_r(&t, &tm));
        (void)snprintf(expected, sizeof expected, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
                       tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
        assert_writes(unix_time, expected);
        assert_reads(expected, NOW, unix_time);
    }
}

static void test_date__every_second_of_a_day__written_and_read_back(void **state)
{
    (void)state;
    for (int second = 0; second < 86400; second++) {
        char imf[64], asctime_form[64];
        write_forms(imf, asctime_form, 0, 6, 10, 1994, second);
        assert_writes(784080000 + second, imf);
        assert_reads(asctime_form, NOW, 784080000 + second);
    }
}

static void test_date_read__three_forms__same_time(void **state)
{
    (void)state;
    assert_reads("Sun, 06 Nov 1994 08:49:37 GMT", NOW, 784111777);
    assert_reads("Sunday, 06-Nov-94 08:49:37 GMT", NOW, 784111777);
    assert_reads("Sun Nov  6 08:49:37 1994", NOW, 784111777);
    assert_reads("Sun Nov 16 08:49:37 1994", NOW, 784975777);
    assert_reads("Wednesday, 16-Nov-94 08:49:37 GMT", NOW, 784975777);
    /* a leap second: the next second */
    assert_reads("Sat, 31 Dec 2016 23:59:60 GMT", NOW, 1483228800);
    /* a day name that does not fit is no reason to doubt the date */
    assert_reads("Mon, 06 Nov 1994 08:49:37 GMT", NOW, 784111777);
}

/* "more than 50 years in the future" belongs to the century before. */
static void test_date_read__two_digit_year__within_50_years_of_now(void **state)
{
    (void)state;
    static const struct {
        const char *now, *text, *same; /* now and same in the first form */
    } rows[] = {
        {"Mon, 24 Nov 2025 16:00:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"},
        {"Mon, 24 Nov 2025 16:00:00 GMT", "Monday, 24-Nov-25 16:00:00 GMT", "Mon, 24 Nov 2025 16:00:00 GMT"},
        {"Mon, 24 Nov 2025 16:00:00 GMT", "Sunday, 24-Nov-75 16:00:00 GMT", "Sun, 24 Nov 2075 16:00:00 GMT"},
        {"Mon, 24 Nov 2025 16:00:00 GMT", "Monday, 24-Nov-75 16:00:01 GMT", "Mon, 24 Nov 1975 16:00:01 GMT"},
        {"Mon, 24 Nov 2025 16:00:00 GMT", "Friday, 01-Jan-76 00:00:00 GMT", "Fri, 01 Jan 1976 00:00:00 GMT"},
        {"Mon, 24 Nov 2025 16:00:00 GMT", "Friday, 31-Dec-99 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:59 GMT"},
        {"Mon, 24 Nov 2025 16:00:00 GMT", "Tuesday, 29-Feb-00 00:00:00 GMT", "Tue, 29 Feb 2000 00:00:00 GMT"},
        {"Fri, 01 Jan 2060 00:00:00 GMT", "Friday, 01-Jan-10 00:00:00 GMT", "Fri, 01 Jan 2110 00:00:00 GMT"},
        {"Fri, 01 Jan 2060 00:00:00 GMT", "Friday, 01-Jan-10 00:00:01 GMT", "Fri, 01 Jan 2010 00:00:01 GMT"},
        {"Thu, 31 Dec 2099 00:00:00 GMT", "Friday, 01-Jan-00 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"},
        {"Thu, 01 Jan 1970 00:00:00 GMT", "Thursday, 01-Jan-20 00:00:00 GMT",
         "Thu, 01 Jan 2020 00:00:00 GMT"},
        {"Thu, 29 Feb 2024 00:00:00 GMT", "Thursday, 28-Feb-74 00:00:00 GMT",
         "Wed, 28 Feb 2074 00:00:00 GMT"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t now, same;
        assert_true(pst_http_date_read(pst_slice_str(rows[i].now), 0, &now));
        assert_true(pst_http_date_read(pst_slice_str(rows[i].same), 0, &same));
        assert_reads(rows[i].text, now, same);
    }
    /* 2100 is no leap year */
    int64_t got;
    assert_false(pst_http_date_read(PST_SLICE("Monday, 29-Feb-00 00:00:00 GMT"), INT64_C(3976214400), &got));
}

static void test_date_read__extreme_now__no_overflow(void **state)
{
    (void)state;
    static const int64_t nows[] = {INT64_MIN, -62167219200, 0, 253402300799, INT64_MAX};
    for (size_t i = 0; i < COUNT(nows); i++) {
        for (int year = 0; year < 100; year++) {
            char text[64];
            int64_t got;
            (void)snprintf(text, sizeof text, "Sunday, 06-Nov-%02d 08:49:37 GMT", year);
            assert_true(pst_http_date_read(pst_slice_str(text), nows[i], &got));
        }
    }
}

static void test_date_read__malformed__false(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "x",
        "0",
        "784111777",
        "Sun",
        "Sun, 06 Nov 1994",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 ",
        "Sun, 06 Nov 1994 08:49:37 GM",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "sun, 06 Nov 1994 08:49:37 GMT", /* RFC 9110 5.6.7: case-sensitive */
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 01994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 08-49-37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 -8:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 32 Dec 1994 08:49:37 GMT",
        "Wed, 29 Feb 1995 08:49:37 GMT",
        "Wed, 29 Feb 1900 08:49:37 GMT",
        "Wed, 30 Feb 2000 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Xxx, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov \xd9\xa1\xd9\xa9 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT; length=1234",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 6-Nov-94 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sundays, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37",
        "Sunday, 32-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov   6 08:49:37 1994",
        "Sun Nov  0 08:49:37 1994",
        "Sun Nov 31 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 ",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov  6 1994 08:49:37",
        "1994-11-06T08:49:37Z",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t got = 12345;
        if (pst_http_date_read(pst_slice_str(rows[i]), NOW, &got))
            fail_msg("'%s' is not refused", rows[i]);
        assert_int_equal(got, 12345);
    }
    int64_t got;
    assert_false(pst_http_date_read(pst_slice_of(NULL, 0), NOW, &got));
}

/* Every beginning of a date, and every date with one byte changed, is refused or is a date. */
static void test_date_read__cut_or_changed__never_reads_too_far(void **state)
{
    (void)state;
    static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i < COUNT(forms); i++) {
        size_t len = strlen(forms[i]);
        for (size_t cut = 0; cut < len; cut++) {
            int64_t got;
            char *copy = test_malloc(cut + 1);
            memcpy(copy, forms[i], cut);
            assert_false(pst_http_date_read(pst_slice_of(copy, cut), NOW, &got));
            for (unsigned c = 0; c < 256; c++) {
                char changed[64];
                memcpy(changed, forms[i], len);
                changed[cut] = (char)c;
                if (pst_http_date_read(pst_slice_of(changed, len), NOW, &got))
                    assert_true(c == ' ' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'z') ||
                                (char)c == forms[i][cut]);
            }
            test_free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_date_write__table__imf_fixdate),
        cmocka_unit_test(test_date__every_day_of_400_years__agrees_with_counting_and_gmtime),
        cmocka_unit_test(test_date__years_0_to_9999__agree_with_gmtime_and_read_back),
        cmocka_unit_test(test_date__every_second_of_a_day__written_and_read_back),
        cmocka_unit_test(test_date_read__three_forms__same_time),
        cmocka_unit_test(test_date_read__two_digit_year__within_50_years_of_now),
        cmocka_unit_test(test_date_read__extreme_now__no_overflow),
        cmocka_unit_test(test_date_read__malformed__false),
        cmocka_unit_test(test_date_read__cut_or_changed__never_reads_too_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
