/*
 * Windows on demand: what a reader sees equals the window that holds all rows, however they are split between
 * the folded window and the open panes; and bytes that are no window of the span asked for are left out.
 */
#include "../../dashboard/reader.h"
#include "dashboard_records.h"
#include "error.h"
#include "mem.h"
#include "rows.h"

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

static void assert_same(const struct window *a, const struct window *b)
{
    struct buf left = BUF_EMPTY, right = BUF_EMPTY;
    window_encode(a, &left);
    window_encode(b, &right);
    assert_int_equal(left.size, right.size);
    assert_memory_equal(left.data, right.data, left.size);
    buf_release(&left);
    buf_release(&right);
}

static void merge_equals_all_rows(void **state)
{
    (void)state;
    struct dice dice = {7};
    for (int round = 0; round < 200; round++) {
        struct window whole[WINDOWS], folded[WINDOWS], *shown = calloc(WINDOWS + 3 * WINDOWS, sizeof *shown);
        struct citystate city;
        int64_t closed = dice_below(&dice, 2 * WINDOWS + 1) * PANE; /* panes before this are folded */
        citystate_init(&city, CITY, 0);
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
        size_t count = 0; /* Redis has only windows with rows */
        for (int64_t w = 0; w < WINDOWS; w++) {
            if (folded[w].rows)
                shown[count++] = folded[w];
        }
        struct window_query query = query_of(AT, AT + WINDOWS * SIZE);
        count = reader_merge(&query, &city, shown, count);
        size_t k = 0;
        for (int64_t w = 0; w < WINDOWS; w++) {
            if (whole[w].rows == 0)
                continue;
            assert_true(k < count);
            assert_same(&shown[k++], &whole[w]);
        }
        assert_int_equal(k, count);
        for (k = 0; k < count; k++)
            window_release(&shown[k]);
        for (int64_t w = 0; w < WINDOWS; w++)
            window_release(&whole[w]);
        free(shown);
        citystate_release(&city);
    }
}

static void only_the_range(void **state)
{
    (void)state;
    struct citystate city;
    struct window shown[8];
    citystate_init(&city, CITY, 0);
    for (int i = 0; i < 8; i++) {
        struct observation row = record_reading(CITY, AT + i * PANE, 100 * i);
        assert_true(pane_add(citystate_pane(&city, AT + i * PANE, PANE), &row, 0));
    }
    struct window_query query = query_of(AT + SIZE, AT + 3 * SIZE);
    size_t count = reader_merge(&query, &city, shown, 0);
    assert_int_equal(count, 2);
    assert_int_equal(shown[0].start_ms, AT + SIZE);
    assert_int_equal(shown[1].start_ms, AT + 2 * SIZE);
    assert_int_equal(shown[1].rows, 2);
    window_release(&shown[0]);
    window_release(&shown[1]);
    citystate_release(&city);
}

/* A pane longer than the windows, or across two of them, would break window_merge's rule. */
static void panes_of_another_span(void **state)
{
    (void)state;
    static const int64_t starts[] = {AT, AT + PANE}, lengths[] = {SIZE + MINUTE, 7 * MINUTE};
    for (size_t i = 0; i < 2; i++) {
        struct citystate city;
        struct window shown[2];
        citystate_init(&city, CITY, 0);
        city.open = mem_calloc(1, sizeof *city.open);
        city.open_count = city.open_capacity = 1;
        pane_init(&city.open[0], starts[i], starts[i] + lengths[i]);
        struct observation row = record_reading(CITY, starts[i] + lengths[i] - 1, 1);
        assert_true(pane_add(&city.open[0], &row, 0));
        struct window_query query = query_of(AT, AT + SIZE);
        assert_int_equal(reader_merge(&query, &city, shown, 0), 0);
        citystate_release(&city);
    }
}

/* Two records that Redis should not have: together more rows than sums are made for. */
static void too_many_rows(void **state)
{
    (void)state;
    struct citystate city;
    struct window shown[3];
    struct observation row = record_reading(CITY, AT, INT32_MAX);
    citystate_init(&city, CITY, 0);
    assert_true(pane_add(citystate_pane(&city, AT, PANE), &row, 0));
    window_init(&shown[0], AT, AT + SIZE);
    window_add(&shown[0], &row);
    shown[0].rows = WINDOW_MAX_ROWS;
    struct window_query query = query_of(AT, AT + SIZE);
    assert_int_equal(reader_merge(&query, &city, shown, 1), 1);
    assert_int_equal(shown[0].rows, WINDOW_MAX_ROWS);
    assert_int_equal(window_find(&shown[0], ISOBAR__V1__METRIC__METRIC_TEMPERATURE)->count, 1);
    window_release(&shown[0]);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge_equals_all_rows),      cmocka_unit_test(only_the_range),
        cmocka_unit_test(panes_of_another_span),      cmocka_unit_test(too_many_rows),
        cmocka_unit_test(decodes_the_span_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
