/* The configured windows: what parses, what does not and why, the pane that follows, and floors of times. */
#include "error.h"
#include "windowset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static void the_default(void **state)
{
    (void)state;
    struct windowset set;
    struct buf error = BUF_EMPTY;
    assert_int_equal(windowset_parse(&set, "10m:2d,1h:30d,1d:2y", &error), 0);
    assert_int_equal(error.size, 0);
    assert_int_equal(set.count, 3);
    assert_string_equal(set.sizes[0].name, "10m");
    assert_int_equal(set.sizes[0].size_ms, 10 * MINUTE);
    assert_int_equal(set.sizes[0].retention_ms, 2 * DAY);
    assert_string_equal(set.sizes[1].name, "1h");
    assert_int_equal(set.sizes[1].retention_ms, 30 * DAY);
    assert_string_equal(set.sizes[2].name, "1d");
    assert_int_equal(set.sizes[2].size_ms, DAY);
    assert_int_equal(set.sizes[2].retention_ms, 730 * DAY);
    assert_int_equal(set.pane_ms, 5 * MINUTE);
    assert_ptr_equal(windowset_find(&set, "1h"), &set.sizes[1]);
    assert_null(windowset_find(&set, "2h"));
    assert_null(windowset_find(&set, ""));
    buf_release(&error);
}

static void panes(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t pane_ms;
    } cases[] = {
        {"1h:1d", HOUR},
        {"10m:1d,15m:1d", 5 * MINUTE},
        {"1d:1y", 15 * MINUTE}, /* civil days start at :45 */
        {"23h:1d", 23 * HOUR},
        {"24h:1y", 15 * MINUTE},
        {"60s:1d", MINUTE},
        {"7m:1d,1h:1d", MINUTE},
        {"90s:1h,2m:1h,1h:1h", 30 * SECOND},
        {"7s:1h,1h:1h", SECOND},
        {"1m:1d,7m:1d,23d:100y", MINUTE},
        {"90s:1h,3m:1h", 90 * SECOND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct windowset set;
        struct buf error = BUF_EMPTY;
        assert_int_equal(windowset_parse(&set, cases[i].text, &error), 0);
        assert_int_equal(set.pane_ms, cases[i].pane_ms);
        buf_release(&error);
    }
}

static void sorted_by_size(void **state)
{
    (void)state;
    struct windowset set;
    struct buf error = BUF_EMPTY;
    assert_int_equal(windowset_parse(&set, "1d:2y,10m:2d,6h:1y,1h:30d", &error), 0);
    const char *names[] = {"10m", "1h", "6h", "1d"};
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(set.sizes[i].name, names[i]);
    buf_release(&error);
}

/* A text that is no set of windows, and which item is why. */
struct refused {
    const char *text, *item, *reason;
};

static void assert_refused(const struct refused *refused)
{
    struct windowset set;
    struct buf error = BUF_EMPTY, expected = BUF_EMPTY;
    assert_int_equal(windowset_parse(&set, refused->text, &error), ERR_INVALID);
    buf_printf(&expected, "window \"%s\": %s", refused->item, refused->reason);
    assert_string_equal(error.data, expected.data);
    buf_release(&error);
    buf_release(&expected);
}

static void must_not_parse(void **state)
{
    (void)state;
    static const char shape[] = "size:retention wanted, for example 10m:2d";
    static const char size[] = "the size is a number with s, m, h or d, at most 23d";
    static const char retention[] = "the retention is a number with s, m, h, d or y, at most 100y";
    const struct refused cases[] = {
        {"", "", shape},
        {"10m", "10m", shape},
        {"10m:2d,", "", shape},
        {",10m:2d", "", shape},
        {"10m:2d,,1h:2d", "", shape},
        {":2d", ":2d", size},
        {"m:2d", "m:2d", size},
        {"10:2d", "10:2d", size},
        {"10w:2d", "10w:2d", size},
        {"0m:2d", "0m:2d", size},
        {"010m:2d", "010m:2d", size},
        {"-10m:2d", "-10m:2d", size},
        {" 10m:2d", " 10m:2d", size},
        {"\x1b[1m10m\xff:2d", "?[1m10m?:2d", size}, /* what is shown of it is tame */
        {"1.5h:2d", "1.5h:2d", size},
        {"1h30m:2d", "1h30m:2d", size},
        {"10M:2d", "10M:2d", size},
        {"24d:2y", "24d:2y", size},
        {"36h:2y", "36h:2y", "a size above a day is whole days"},
        {"24h:2y,1d:2y", "1d:2y", "this size is there twice"},
        {"1y:2y", "1y:2y", size},
        {"99999999999999999999s:2d", "99999999999999999999s:2d", size},
        {"1000000000000000s:2d", "1000000000000000s:2d", size},
        {"10m:", "10m:", retention},
        {"10m:d", "10m:d", retention},
        {"10m:2", "10m:2", retention},
        {"10m:0d", "10m:0d", retention},
        {"10m:2d:3d", "10m:2d:3d", retention},
        {"10m:2d ", "10m:2d ", retention},
        {"10m:101y", "10m:101y", retention},
        {"10m:9223372036854775807y", "10m:9223372036854775807y", retention},
        {"10m:2d,10m:3d", "10m:3d", "this size is there twice"},
        {"60m:2d,2h:2d,1h:3d", "1h:3d", "this size is there twice"},
        {"1m:1d,2m:1d,3m:1d,4m:1d,5m:1d,6m:1d,7m:1d,8m:1d,9m:1d,10m:1d,11m:1d,12m:1d,13m:1d,14m:1d,15m:1d,16m:1d,17m:"
         "1d",
         "17m:1d", "too many sizes, at most 16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(&cases[i]);
}

static void sliding(void **state)
{
    (void)state;
    struct windowset set;
    struct buf error = BUF_EMPTY;
    assert_int_equal(windowset_parse(&set, "24h/1h,10m:2d,7d/1d,1h:30d,6h:30d,30m/10m,1d:2y,48h/6h,12h/12h", &error),
                     0);
    const struct {
        const char *name, *part;
        int32_t days, step_days;
    } cases[] = {{"24h/1h", "1h", 0, 0},
                 {"7d/1d", "1d", 7, 1},
                 {"30m/10m", "10m", 0, 0},
                 {"48h/6h", "6h", 0, 0},
                 {"12h/12h", "6h", 0, 0}};
    assert_int_equal(set.count, 4);
    assert_int_equal(set.slide_count, sizeof cases / sizeof *cases);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct window_slide *slide = windowset_slide(&set, cases[i].name);
        assert_non_null(slide);
        assert_string_equal(set.sizes[slide->part].name, cases[i].part);
        assert_int_equal(slide->days, cases[i].days);
        assert_int_equal(slide->step_days, cases[i].step_days);
    }
    assert_false(windowset_find(&set, "10m")->sketched); /* 30m/10m is not of an hour */
    assert_true(windowset_find(&set, "1h")->sketched);
    assert_int_equal(windowset_parse(&set, "5m:2d,10m:2d,30m:2d,3h/20m", &error), 0);
    assert_true(windowset_find(&set, "10m")->sketched);
    assert_false(windowset_find(&set, "5m")->sketched);
    assert_false(windowset_find(&set, "30m")->sketched);
    assert_null(windowset_slide(&set, "24h"));
    assert_int_equal(set.pane_ms, 5 * MINUTE);
    buf_release(&error);
}

static void sliding_must_not_parse(void **state)
{
    (void)state;
    static const char shape[] = "size/step wanted, both with s, m, h or d, the step not above the size";
    static const char part[] = "no window is there that divides size and step";
    const struct refused cases[] = {
        {"24h/1h", "24h/1h", "sliding windows are made of others: at least one size:retention wanted"},
        {"1h:1d,24h/", "24h/", shape},
        {"1h:1d,/1h", "/1h", shape},
        {"1h:1d,24h/1h/1h", "24h/1h/1h", shape},
        {"1h:1d,1h/2h", "1h/2h", shape},
        {"1h:1d,24h/1h:2d", "24h/1h:2d", shape},
        {"1h:1d,24h/0h", "24h/0h", shape},
        {"1h:1d,24d/1d", "24d/1d", shape},
        {"1h:1d,90m/30m", "90m/30m", part},
        {"1h:1d,2d/1d", "2d/1d", part},     /* days from days */
        {"1d:1y,24h/12h", "24h/12h", part}, /* and hours not from days */
        {"1h:1d,24h/1h,1d/60m", "1d/60m", "this sliding window is there twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(&cases[i]);
}

static void spans_and_keys(void **state)
{
    (void)state;
    struct windowset set;
    struct buf error = BUF_EMPTY;
    char text[WINDOW_KEY_BYTES];
    assert_int_equal(windowset_parse(&set, "10m:2d,1d:2y,7d:2y", &error), 0);
    const struct window_size *minutes = &set.sizes[0], *day = &set.sizes[1], *week = &set.sizes[2];
    const struct zone *nepal = zone_get("Asia/Kathmandu"), *york = zone_get("America/New_York");
    int64_t at = 20787 * DAY + 18 * HOUR + 20 * MINUTE; /* 2026-11-30 18:20 UTC, already the next day in Nepal */
    struct window_span span = window_span_at(minutes, nepal, at);
    assert_true(span.key_ms == at && span.start_ms == at && span.end_ms == at + 10 * MINUTE);
    span = window_span_at(day, NULL, at);
    assert_true(span.key_ms == 20787 * DAY && span.start_ms == span.key_ms && span.end_ms == 20788 * DAY);
    assert_string_equal(window_key_text(day, span.key_ms, text), "1d:2026-11-30");
    span = window_span_at(day, nepal, at);
    assert_string_equal(window_key_text(day, span.key_ms, text), "1d:2026-12-01");
    assert_true(span.start_ms == at - 5 * MINUTE && span.end_ms == span.start_ms + DAY);
    assert_true(window_span_fits(day, span.key_ms, span.start_ms, span.end_ms));
    assert_true(window_span_fits(day, span.key_ms, span.start_ms, span.key_ms + DAY)); /* widened */
    assert_false(window_span_fits(day, span.key_ms + 3 * DAY, span.start_ms, span.end_ms));
    assert_false(window_span_fits(minutes, at, at, at + 20 * MINUTE));
    span = window_span_at(week, york, at);
    assert_int_equal(span.key_ms / DAY, 20787 / 7 * 7);
    assert_true(span.start_ms == span.key_ms + 5 * HOUR && span.end_ms == span.start_ms + 7 * DAY);
    span = window_span_of(day, york, 20758 * DAY); /* 2026-11-01 has 25 h */
    assert_int_equal(span.end_ms - span.start_ms, 25 * HOUR);
    assert_string_equal(window_key_text(minutes, at, text), "10m:1796062800000");
    /* A day is over when it is in the last zone, half a day after UTC; a whole one is waited. */
    assert_int_equal(window_key_floor(day, 20787 * DAY + DAY - 1), 20786 * DAY);
    assert_int_equal(window_key_floor(minutes, at + 1), at);
    buf_release(&error);
}

static void long_text_is_quoted_in_part(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct windowset set;
    struct buf error = BUF_EMPTY;
    assert_int_equal(windowset_parse(&set, text, &error), ERR_INVALID);
    assert_in_range(error.size, 64, 200);
    buf_release(&error);
}

static void starts(void **state)
{
    (void)state;
    const int64_t cases[][3] = {
        {0, HOUR, 0},      {1, HOUR, 0},         {HOUR - 1, HOUR, 0},          {HOUR, HOUR, HOUR},
        {-1, HOUR, -HOUR}, {-HOUR, HOUR, -HOUR}, {-HOUR - 1, HOUR, -2 * HOUR}, {1790000123456, DAY, 1789948800000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(window_start(cases[i][0], cases[i][1]), cases[i][2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default),
        cmocka_unit_test(panes),
        cmocka_unit_test(sorted_by_size),
        cmocka_unit_test(sliding),
        cmocka_unit_test(sliding_must_not_parse),
        cmocka_unit_test(spans_and_keys),
        cmocka_unit_test(must_not_parse),
        cmocka_unit_test(long_text_is_quoted_in_part),
        cmocka_unit_test(starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
