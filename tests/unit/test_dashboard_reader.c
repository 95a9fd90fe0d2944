/*
 * Windows on demand: what a reader sees equals the window that holds all rows, however they are split between
 * the folded window and the open panes; and bytes that are no window of the span asked for are left out.
 */
#include "../../dashboard/reader.h"
#include "dashboard_records.h"
#include "error.h"
#include "mem.h"
#include "rows.h"
#include "window_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define CITY    INT64_C(5809844)
#define SIZE    (10 * MINUTE)
#define PANE    (5 * MINUTE)
#define WINDOWS 4
#define ROWS    60

static struct window_query query_of(int64_t from_ms, int64_t to_ms)
{
    return (struct window_query){
        .city_id = CITY, .size = {.name = "10m", .size_ms = SIZE}, .from_ms = from_ms, .to_ms = to_ms, .limit = 100};
}

/* What a reader of these windows (taken over), of the first keys of the query, and of the state shows. */
static struct window *show(const struct window_query *query, const struct citystate *city, const struct window *folded,
                           size_t folded_count, size_t *count)
{
    struct reader_keys keys = reader_plan(query);
    struct window *windows = calloc(keys.count + 1, sizeof *windows);
    for (size_t i = 0; i < keys.count; i++) {
        struct window_span span =
            window_span_of(&query->size, city->zone, keys.first_ms + (int64_t)i * query->size.size_ms);
        window_init(&windows[i], span.start_ms, span.end_ms);
        if (i < folded_count)
            windows[i] = folded[i];
    }
    reader_merge(query, &keys, city, windows);
    return reader_select(query, &keys, city->zone, windows, count);
}

static void release(struct window *windows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        window_release(&windows[i]);
    free(windows);
}

/* Adds what the open rows stand for in the window, of the time that is not closed. */
static void add_parts(struct window *window, const struct citystate *city)
{
    struct trail trail = {0};
    struct trail_walk walk;
    struct parts parts;
    int64_t slot_ms, closed_ms = city->closed_through_ms;
    for (int32_t i = 0; i < city->open_count; i++)
        trail_take(&trail, &city->open[i]);
    struct trail_region region = {window->start_ms > closed_ms ? window->start_ms : closed_ms, window->end_ms, PANE};
    for (trail_walk(&walk, &trail, &region, -1); trail_next(&walk, &slot_ms, &parts);)
        parts_add(&window->parts, &parts);
    trail_release(&trail);
}

static void merge_equals_all_rows(void **state)
{
    (void)state;
    struct dice dice = {7};
    for (int round = 0; round < 200; round++) {
        struct window whole[WINDOWS], folded[WINDOWS];
        struct citystate city;
        int64_t closed = dice_below(&dice, 2 * WINDOWS + 1) * PANE; /* panes before this are folded */
        citystate_init(&city, CITY, 0);
        city.closed_through_ms = AT + closed;
        for (int64_t w = 0; w < WINDOWS; w++) {
            window_init(&whole[w], AT + w * SIZE, AT + (w + 1) * SIZE);
            window_init(&folded[w], AT + w * SIZE, AT + (w + 1) * SIZE);
        }
        for (int i = 0; i < ROWS; i++) {
            struct observation row = row_random(&dice, AT, WINDOWS * 10, MINUTE);
            int64_t at = row.observed_at_ms - AT;
            if (at >= closed) {
                if (!pane_add(citystate_pane(&city, AT + at / PANE * PANE, PANE), &row, 0))
                    continue; /* a duplicate */
            } else {
                window_add(&folded[at / SIZE], &row);
            }
            window_add(&whole[at / SIZE], &row);
        }
        struct window_query query = query_of(AT, AT + WINDOWS * SIZE);
        size_t count;
        struct window *shown = show(&query, &city, folded, WINDOWS, &count);
        size_t k = 0;
        for (int64_t w = 0; w < WINDOWS; w++) {
            add_parts(&whole[w], &city);
            if (window_empty(&whole[w]))
                continue;
            assert_true(k < count);
            assert_same_bytes(&shown[k++], &whole[w]);
        }
        assert_int_equal(k, count);
        release(shown, count);
        for (int64_t w = 0; w < WINDOWS; w++)
            window_release(&whole[w]);
        citystate_release(&city);
    }
}

static void only_the_range(void **state)
{
    (void)state;
    struct citystate city;
    citystate_init(&city, CITY, 0);
    for (int i = 0; i < 8; i++) {
        struct observation row = record_reading(CITY, AT + i * PANE, 100 * i);
        assert_true(pane_add(citystate_pane(&city, AT + i * PANE, PANE), &row, 0));
    }
    struct window_query query = query_of(AT + SIZE, AT + 3 * SIZE);
    size_t count;
    struct window *shown = show(&query, &city, NULL, 0, &count);
    assert_int_equal(count, 2);
    assert_int_equal(shown[0].start_ms, AT + SIZE);
    assert_int_equal(shown[1].start_ms, AT + 2 * SIZE);
    assert_int_equal(shown[1].rows, 2);
    release(shown, count);
    citystate_release(&city);
}

/* A pane longer than the windows, or across two of them, would break window_merge's rule. */
static void panes_of_another_span(void **state)
{
    (void)state;
    static const int64_t starts[] = {AT, AT + PANE}, lengths[] = {SIZE + MINUTE, 7 * MINUTE};
    for (size_t i = 0; i < 2; i++) {
        struct citystate city;
        size_t count;
        citystate_init(&city, CITY, 0);
        city.open = mem_calloc(1, sizeof *city.open);
        city.open_count = city.open_capacity = 1;
        pane_init(&city.open[0], starts[i], starts[i] + lengths[i]);
        struct observation row = record_reading(CITY, starts[i] + lengths[i] - 1, 1);
        assert_true(pane_add(&city.open[0], &row, 0));
        struct window_query query = query_of(AT, AT + SIZE);
        struct window *shown = show(&query, &city, NULL, 0, &count);
        for (size_t k = 0; k < count; k++)
            assert_int_equal(shown[k].rows, 0); /* its stretch may be told */
        release(shown, count);
        citystate_release(&city);
    }
}

/* Two records that Redis should not have: together more rows than sums are made for. */
static void too_many_rows(void **state)
{
    (void)state;
    struct citystate city;
    struct window folded;
    size_t count;
    struct observation row = record_reading(CITY, AT, INT32_MAX);
    citystate_init(&city, CITY, 0);
    assert_true(pane_add(citystate_pane(&city, AT, PANE), &row, 0));
    window_init(&folded, AT, AT + SIZE);
    window_add(&folded, &row);
    folded.rows = WINDOW_MAX_ROWS;
    struct window_query query = query_of(AT, AT + SIZE);
    struct window *shown = show(&query, &city, &folded, 1, &count);
    assert_int_equal(count, 1);
    assert_int_equal(shown[0].rows, WINDOW_MAX_ROWS);
    assert_int_equal(window_find(&shown[0], ISOBAR__V1__METRIC__METRIC_TEMPERATURE)->count, 1);
    release(shown, count);
    citystate_release(&city);
}

static void decodes_the_span_asked_for(void **state)
{
    (void)state;
    struct window window, out;
    struct buf bytes = BUF_EMPTY;
    struct observation row = record_reading(CITY, AT + 1, 5);
    struct window_query query = query_of(AT, AT + SIZE);
    window_init(&window, AT, AT + SIZE);
    window_add(&window, &row);
    window_encode(&window, &bytes);
    assert_int_equal(reader_decode(&out, &query, AT, bytes.data, bytes.size), 0);
    window_release(&out);
    assert_int_equal(reader_decode(&out, &query, AT + SIZE, bytes.data, bytes.size), ERR_INVALID);
    assert_int_equal(reader_decode(&out, &query, AT, bytes.data, bytes.size - 1), ERR_INVALID);
    query.size.size_ms = 2 * SIZE;
    assert_int_equal(reader_decode(&out, &query, AT, bytes.data, bytes.size), ERR_INVALID);
    window_release(&window);
    buf_release(&bytes);
}

#define DAY       (24 * 60 * MINUTE)
#define LOCAL     (AT / DAY * DAY)
#define KATHMANDU (345 * MINUTE) /* ahead of UTC */

static struct window_query days_of(int64_t from_ms, int64_t to_ms)
{
    return (struct window_query){.city_id = CITY,
                                 .size = {.name = "1d", .size_ms = DAY, .retention_ms = DAY, .days = 1},
                                 .from_ms = from_ms,
                                 .to_ms = to_ms,
                                 .limit = 100};
}

static void open_panes_lie_in_the_days_of_the_zone(void **state)
{
    (void)state;
    struct citystate city;
    size_t count;
    int64_t midnight = LOCAL + DAY - KATHMANDU; /* at which a date begins in Nepal */
    citystate_init(&city, CITY, 0);
    city.zone = zone_get("Asia/Kathmandu");
    for (int i = -2; i < 1; i++) {
        struct observation row = record_reading(CITY, midnight + i * PANE, 5);
        assert_true(pane_add(citystate_pane(&city, midnight + i * PANE, PANE), &row, 0));
    }
    struct window_query query = days_of(midnight - DAY, midnight + 1);
    struct window *shown = show(&query, &city, NULL, 0, &count);
    assert_int_equal(count, 2);
    assert_true(shown[0].start_ms == midnight - DAY && shown[0].end_ms == midnight && shown[0].rows == 2);
    assert_true(shown[1].start_ms == midnight && shown[1].end_ms == midnight + DAY && shown[1].rows == 1);
    release(shown, count);
    query = days_of(midnight - DAY + 1, midnight); /* neither begins in that time */
    shown = show(&query, &city, NULL, 0, &count);
    assert_int_equal(count, 0);
    release(shown, count);
    query = days_of(midnight - 9 * DAY, midnight + 9 * DAY);
    query.limit = 1; /* the newest that has rows */
    shown = show(&query, &city, NULL, 0, &count);
    assert_int_equal(count, 0); /* the keys read are the newest: eight days ahead */
    release(shown, count);
    citystate_release(&city);
}

/* A day that was widened when the city's zone changed is shown once, with all of its rows. */
static void widened_days(void **state)
{
    (void)state;
    struct citystate city;
    struct window out;
    struct buf bytes = BUF_EMPTY;
    struct observation row = record_reading(CITY, LOCAL - KATHMANDU, 5);
    struct window_query query = days_of(LOCAL - DAY, LOCAL + DAY);
    window_init(&out, LOCAL - KATHMANDU, LOCAL + DAY);
    window_add(&out, &row);
    window_encode(&out, &bytes);
    window_release(&out);
    assert_int_equal(reader_decode(&out, &query, LOCAL, bytes.data, bytes.size), 0);
    window_release(&out);
    assert_int_equal(reader_decode(&out, &query, LOCAL + 3 * DAY, bytes.data, bytes.size), ERR_INVALID);
    assert_int_equal(reader_decode(&out, &query, LOCAL - 2 * DAY, bytes.data, bytes.size), ERR_INVALID);
    citystate_init(&city, CITY, 0);
    citystate_release(&city);
    buf_release(&bytes);
}

static void sliding_windows_are_their_parts(void **state)
{
    (void)state;
    struct citystate city;
    struct window parts[6], whole;
    size_t count;
    struct window_query query = query_of(AT, AT + 2 * SIZE);
    query.slide = (struct window_slide){.name = "40m/20m", .size_ms = 4 * SIZE, .step_ms = 2 * SIZE};
    int64_t first = window_start(AT, 2 * SIZE); /* windows end at multiples of the step */
    query.from_ms = first;
    query.to_ms = first + 2 * SIZE + 1;
    struct reader_keys keys = reader_plan(&query);
    assert_int_equal(keys.first_ms, first);
    assert_int_equal(keys.count, 6);
    citystate_init(&city, CITY, 0);
    window_init(&whole, first + 2 * SIZE, first + 6 * SIZE);
    for (int i = 0; i < 6; i++) {
        window_init(&parts[i], first + i * SIZE, first + (i + 1) * SIZE);
        parts[i].revision = i;
        parts[i].final_at_ms = AT + 100 + i;
        parts[i].revised_at_ms = i == 3 ? AT + 300 : 0;
        struct observation row = record_reading(CITY, first + i * SIZE + 7, 100 * (i % 4));
        if (i != 4)
            window_add(&parts[i], &row);
        if (i != 4 && i >= 2)
            window_add(&whole, &row);
    }
    struct window *shown = show(&query, &city, parts, 6, &count);
    assert_int_equal(count, 2);
    assert_int_equal(shown[0].rows, 4);
    assert_int_equal(shown[0].revision, 0 + 1 + 2 + 3);
    assert_int_equal(shown[0].final_at_ms, AT + 103);
    assert_int_equal(shown[1].revised_at_ms, AT + 300);
    whole.revision = 2 + 3 + 4 + 5;
    whole.revised_at_ms = AT + 300;
    whole.final_at_ms = AT + 105;
    assert_same_bytes(&shown[1], &whole);
    window_release(&whole);
    release(shown, count);
    citystate_release(&city);
}

/* The last two days at each of the city's midnights: of 48 h, or one more or less where clocks changed. */
static void sliding_days(void **state)
{
    (void)state;
    struct citystate city;
    size_t count;
    int64_t begins = INT64_C(1774738800000); /* 29 March 2026 in Berlin, which has 23 h */
    struct window_query query = days_of(begins - 2 * DAY, begins + DAY);
    query.slide = (struct window_slide){.name = "2d/1d", .size_ms = 2 * DAY, .step_ms = DAY, .days = 2, .step_days = 1};
    citystate_init(&city, CITY, 0);
    city.zone = zone_get("Europe/Berlin");
    city.closed_through_ms = begins;
    struct observation row = record_reading(CITY, begins, 5);
    assert_true(pane_add(citystate_pane(&city, begins, PANE), &row, 0));
    struct window *shown = show(&query, &city, NULL, 0, &count);
    assert_int_equal(count, 2);
    assert_true(shown[0].start_ms == begins - DAY && shown[0].end_ms == begins + DAY - 60 * MINUTE);
    assert_true(shown[1].start_ms == begins && shown[1].end_ms == begins + 2 * DAY - 60 * MINUTE);
    release(shown, count);
    citystate_release(&city);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge_equals_all_rows),
        cmocka_unit_test(only_the_range),
        cmocka_unit_test(panes_of_another_span),
        cmocka_unit_test(too_many_rows),
        cmocka_unit_test(decodes_the_span_asked_for),
        cmocka_unit_test(open_panes_lie_in_the_days_of_the_zone),
        cmocka_unit_test(widened_days),
        cmocka_unit_test(sliding_windows_are_their_parts),
        cmocka_unit_test(sliding_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
