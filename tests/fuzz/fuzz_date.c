/* Dates. The input is read as a date, and its first eight bytes as a time to write. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <postern/http.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                   \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

#define FIRST_TIME INT64_C(-62167219200)
#define LAST_TIME  INT64_C(253402300799)

/* A time within the years 0 to 9999, written, reads back as itself. */
static void check_written(int64_t unix_time)
{
    char text[PST_HTTP_DATE_BYTES];
    int64_t clamped = unix_time < FIRST_TIME  ? FIRST_TIME
                      : unix_time > LAST_TIME ? LAST_TIME
                                              : unix_time,
            got;
    pst_http_date_write(text, unix_time);
    CHECK(pst_http_date_read(pst_slice_of(text, sizeof text), 0, &got));
    CHECK(got == clamped);
}

static void fuzz_read(struct pst_slice text, int64_t now)
{
    int64_t got = 0;
    if (!pst_http_date_read(text, now, &got))
        return;
    /* 24 asctime, 29 IMF-fixdate, 30 to 33 RFC 850 */
    CHECK(text.len == 24 || (text.len >= 29 && text.len <= 33));
    if (text.len > 29) {
        int64_t base = now < FIRST_TIME ? FIRST_TIME : now > LAST_TIME ? LAST_TIME : now;
        int64_t years_50 = INT64_C(50) * 366 * 86400;
        CHECK(got <= base + years_50 && got >= base - years_50 - INT64_C(2) * 366 * 86400);
    } else {
        CHECK(got >= FIRST_TIME && got <= LAST_TIME + 1); /* a leap second at the very end */
        if (got <= LAST_TIME)
            check_written(got);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pst_slice text = pst_slice_of((const char *)data, size);
    int64_t unix_time;

    fuzz_read(text, 0);
    fuzz_read(text, INT64_C(1764000000));
    fuzz_read(text, INT64_MIN);
    fuzz_read(text, INT64_MAX);
    if (size >= sizeof unix_time) {
        memcpy(&unix_time, data, sizeof unix_time);
        check_written(unix_time);
        check_written(unix_time >> 20); /* more often within the clamped range */
        fuzz_read(text, unix_time >> 20);
    }
    return 0;
}
