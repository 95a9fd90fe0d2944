/* What clients may ask: numbers, ranges and lists, the ids of events, and the tags of bodies. */
#include "../../dashboard/body.h"
#include "../../dashboard/live.h"
#include "../../dashboard/query.h"
#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define MINUTE INT64_C(60000)
#define DAY    (1440 * MINUTE)
#define NOW    INT64_C(1790000460123)
#define FLOOR  INT64_C(1790000400000) /* of NOW, to 10 min */

static void integers(void **state)
{
    (void)state;
    int64_t out = 0;
    assert_int_equal(query_integer("42", 1, 50, &out), 0);
    assert_int_equal(out, 42);
    assert_int_equal(query_integer("-3", -5, 5, &out), 0);
    assert_int_equal(out, -3);
    assert_int_equal(query_integer("9223372036854775807", 1, INT64_MAX, &out), 0);
    static const char *const bad[] = {
        "", " 1", "1 ", "+1", "0x1", "1e3", "-", "--1", "5-", "51", "0", "9223372036854775808", "1\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(query_integer(bad[i], 1, 50, &out), ERR_INVALID);
}

static void set_make(struct windowset *set)
{
    struct buf error = BUF_EMPTY;
    assert_int_equal(windowset_parse(set, "10m:2d,1h:30d,1d:2y", &error), 0);
}

static void ranges(void **state)
{
    (void)state;
    struct windowset set;
    struct window_query query = {0};
    struct buf error = BUF_EMPTY;
    set_make(&set);
    assert_int_equal(query_windows(&(struct query_text){0}, &set, NOW, &query, &error), 0);
    assert_string_equal(query.size.name, "10m");
    assert_int_equal(query.limit, 1000);
    assert_int_equal(query.to_ms, FLOOR + 10 * MINUTE);
    assert_int_equal(query.from_ms, FLOOR - 2 * DAY);

    struct query_text text = {
        .size = "1h", .from = "1790000000000", .to = "1790003600000", .limit = "7", .series = "2"};
    assert_int_equal(query_windows(&text, &set, NOW, &query, &error), 0);
    assert_int_equal(query.from_ms, INT64_C(1790000000000));
    assert_int_equal(query.to_ms, INT64_C(1790003600000));
    assert_int_equal(query.limit, 7);
    assert_int_equal(query.series, 2);
}

/* From the year 1 to the year 9999: only keys that can exist are asked for. */
/* What is streamed may be more, and is all that is asked for. */
static void limits_of_files(void **state)
{
    (void)state;
    struct windowset set;
    struct window_query query = {0};
    struct buf error = BUF_EMPTY;
    struct query_text text = {.size = "10m", .limit = "100000", .most = 100000};
    set_make(&set);
    assert_int_equal(query_windows(&text, &set, NOW, &query, &error), 0);
    assert_int_equal(query.limit, 100000);
    text.limit = NULL;
    assert_int_equal(query_windows(&text, &set, NOW, &query, &error), 0);
    assert_int_equal(query.limit, 1000);
    text.from = "1790000000000";
    assert_int_equal(query_windows(&text, &set, NOW, &query, &error), 0);
    assert_int_equal(query.limit, 100000);
    text.most = READER_MAX_WINDOWS;
    assert_int_equal(query_windows(&text, &set, NOW, &query, &error), 0);
    assert_int_equal(query.limit, 1000);
    text.limit = "2001";
    assert_int_equal(query_windows(&text, &set, NOW, &query, &error), ERR_INVALID);
    assert_string_equal(error.data, "limit must be a whole number from 1 to 2000");
    buf_release(&error);
}

static void ranges_are_narrowed(void **state)
{
    (void)state;
    struct windowset set;
    struct window_query query = {0};
    struct buf error = BUF_EMPTY;
    set_make(&set);
    struct query_text text = {.from = "0", .to = "253402300799999", .limit = "2000"};
    assert_int_equal(query_windows(&text, &set, NOW, &query, &error), 0);
    assert_int_equal(reader_plan(&query).count, 288 + 1 + 2); /* two days, the one before, the present and the next */
    assert_int_equal(query.to_ms, FLOOR + 20 * MINUTE);
    text.from = "200000000000000"; /* the future: nothing */
    assert_int_equal(query_windows(&text, &set, NOW, &query, &error), 0);
    assert_int_equal(reader_plan(&query).count, 0);
}

static void bad_ranges(void **state)
{
    (void)state;
    static const struct {
        struct query_text text;
        const char *error;
    } rows[] = {{{.size = "7m"}, "size must be one of 10m, 1h, 1d"},
                {{.from = "x"}, "from must be a whole number from 0 to 253402300800000"},
                {{.to = "-1"}, "to must be a whole number from 0 to 253402300800000"},
                {{.limit = "0"}, "limit must be a whole number from 1 to 2000"},
                {{.limit = "2001"}, "limit must be a whole number from 1 to 2000"},
                {{.series = "1001"}, "series must be a whole number from 0 to 1000"},
                {{.from = "9", .to = "9"}, "from must be before to"}};
    struct windowset set;
    struct window_query query = {0};
    set_make(&set);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf error = BUF_EMPTY;
        assert_int_equal(query_windows(&rows[i].text, &set, NOW, &query, &error), ERR_INVALID);
        assert_string_equal(error.data, rows[i].error);
        buf_release(&error);
    }
}

static void plans(void **state)
{
    (void)state;
    struct window_query query = {.size = {.name = "10m", .size_ms = 10 * MINUTE}, .limit = 3};
    query.from_ms = FLOOR - 60 * MINUTE + 1; /* a window counts when its start is in the range */
    query.to_ms = FLOOR + 1;
    struct reader_keys keys = reader_plan(&query);
    assert_int_equal(keys.count, 3); /* the newest three */
    assert_int_equal(keys.first_ms, FLOOR - 20 * MINUTE);
    query = (struct window_query){.size = query.size, .limit = 9, .from_ms = FLOOR + 1, .to_ms = FLOOR + 2};
    assert_int_equal(reader_plan(&query).count, 0);
}

/* Which zone a city has is not known when keys are named: days to both sides are read. */
static void plans_of_days(void **state)
{
    (void)state;
    struct windowset set;
    struct window_query query = {0};
    struct buf error = BUF_EMPTY;
    set_make(&set);
    struct query_text text = {.size = "1d", .limit = "3"};
    assert_int_equal(query_windows(&text, &set, NOW, &query, &error), 0);
    struct reader_keys keys = reader_plan(&query);
    int64_t today = window_start(NOW, 1440 * MINUTE);
    assert_int_equal(keys.count, 3 + 2);
    assert_true(keys.first_ms + 2 * 1440 * MINUTE <= today && keys.first_ms + 4 * 1440 * MINUTE > today);
}

static void plans_of_sliding_windows(void **state)
{
    (void)state;
    struct windowset set;
    struct window_query query = {0};
    struct buf error = BUF_EMPTY;
    assert_int_equal(windowset_parse(&set, "10m:2d,1h:30d,1d:2y,24h/1h,3h/10m", &error), 0);
    struct query_text text = {.size = "24h/1h", .limit = "2"};
    assert_int_equal(query_windows(&text, &set, NOW, &query, &error), 0);
    assert_string_equal(query.size.name, "1h");
    assert_string_equal(reader_name(&query), "24h/1h");
    struct reader_keys keys = reader_plan(&query);
    assert_int_equal(keys.count, 2 + 24);
    /* The newest one ends with the hour that runs. */
    assert_int_equal(keys.first_ms + 25 * 60 * MINUTE, window_start(NOW, 60 * MINUTE));
    text.size = "3h/10m";
    text.limit = "2000";
    assert_int_equal(query_windows(&text, &set, NOW, &query, &error), 0);
    assert_in_range(reader_plan(&query).count, 288, 288 + 40); /* as far as 10m is kept */
    text.size = "3h/1h";
    assert_int_equal(query_windows(&text, &set, NOW, &query, &error), ERR_INVALID);
    assert_string_equal(error.data, "size must be one of 10m, 1h, 1d, 24h/1h, 3h/10m");
    buf_release(&error);
}

static void lists(void **state)
{
    (void)state;
    int64_t ids[3];
    size_t count = 0;
    struct buf error = BUF_EMPTY;
    assert_int_equal(query_ids("5,7", ids, 3, &count, &error), 0);
    assert_int_equal(count, 2);
    assert_int_equal(ids[1], 7);
    assert_int_equal(query_ids("", ids, 3, &count, &error), 0);
    assert_int_equal(count, 0);
    static const char *const bad[] = {"a", "1,,2", ",1", "0", "-1", "1,2,3,4", "99999999999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(query_ids(bad[i], ids, 3, &count, &error), ERR_INVALID);
    buf_release(&error);
}

static void event_ids(void **state)
{
    (void)state;
    uint64_t version = 0;
    assert_true(live_id_version("1a0-17", 0x1a0, &version));
    assert_int_equal(version, 17);
    static const char *const bad[] = {
        "", "1a0", "1a0-", "1a1-17", "1a0-17x", "1a0--1", "1a0- 1", "1a0-99999999999999999999999", "x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(live_id_version(bad[i], 0x1a0, &version));
}

static void events(void **state)
{
    (void)state;
    struct buf out = BUF_EMPTY, data = BUF_EMPTY;
    buf_text(&data, "{}");
    live_event(&out, "state", "1-2", &data);
    assert_string_equal(out.data, "event: state\nid: 1-2\ndata: {}\n\n");
    buf_release(&out);
    buf_release(&data);
    struct window_size size = {.name = ""};
    assert_true(live_resolve(&size, "10m:2d,1h:30d"));
    assert_int_equal(size.size_ms, 10 * MINUTE);
    size = (struct window_size){.name = "1h"};
    assert_true(live_resolve(&size, "10m:2d,1h:30d"));
    assert_int_equal(size.size_ms, 60 * MINUTE);
    size = (struct window_size){.name = "2h"};
    assert_false(live_resolve(&size, "10m:2d,1h:30d"));
    assert_false(live_resolve(&size, "hostile"));
}

static void tags(void **state)
{
    (void)state;
    assert_true(body_matches("W/\"a\"", "W/\"a\""));
    assert_true(body_matches("\"a\"", "W/\"a\""));
    assert_true(body_matches("\"x\", W/\"a\" ", "\"a\""));
    assert_true(body_matches("*", "\"a\""));
    assert_false(body_matches(NULL, "\"a\""));
    assert_false(body_matches("", "\"a\""));
    assert_false(body_matches("\"ab\"", "\"a\""));
    assert_false(body_matches("a", "\"a\""));
    assert_false(body_matches(",,", "\"a\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),        cmocka_unit_test(ranges),
        cmocka_unit_test(limits_of_files), cmocka_unit_test(ranges_are_narrowed),
        cmocka_unit_test(bad_ranges),      cmocka_unit_test(plans),
        cmocka_unit_test(plans_of_days),   cmocka_unit_test(plans_of_sliding_windows),
        cmocka_unit_test(lists),           cmocka_unit_test(event_ids),
        cmocka_unit_test(events),          cmocka_unit_test(tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
