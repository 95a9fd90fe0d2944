/*
 * What becomes of rows: each ends in exactly one counter, event time opens and closes panes, ticks close what is
 * silent, and I1 and I2 hold after every record (kit_feed checks them).
 */
#include "worker_fixture.h"

#include "shard.h"

/* Asserts the ledger's counters of rows: all, in, late, duplicate, bad, checked, tick, control, retired; of corrections
 * there are none. */
static void assert_rows(const int64_t want[9])
{
    const struct ledger *l = &kit.state.ledger;
    const int64_t have[9] = {l->rows,         l->rows_in,   l->rows_late,    l->rows_duplicate, l->rows_bad,
                             l->rows_checked, l->rows_tick, l->rows_control, l->rows_retired};
    assert_int_equal(l->rows_correction, 0);
    for (size_t i = 0; i < 9; i++) {
        if (have[i] != want[i])
            fail_msg("counter %zu is %lld, wanted %lld", i, (long long)have[i], (long long)want[i]);
    }
}
#define ROWS(...) assert_rows((const int64_t[9]){__VA_ARGS__})

/* Temperature of the latest reading. */
static int32_t latest_temperature(const struct citystate *city)
{
    int32_t value = 0;
    assert_true(latest_value(&city->latest, ISOBAR__V1__VALUE__TEMPERATURE, &value));
    return value;
}

/* ---- records ---- */

static void every_kind_of_row_has_its_counter(void **state)
{
    (void)state;
    struct observation rows[] = {kit_row(CITY, NOON, 1),
                                 kit_kind(ISOBAR__V1__ROW_KIND__CHECKED, CITY, NOON),
                                 kit_kind(ISOBAR__V1__ROW_KIND__CONTROL, CITY, NOON),
                                 kit_row(CITY, NOON, 1),
                                 kit_row(CITY, NOON - 3 * DAY, 1),
                                 kit_row(CITY, NOON + HOUR, 1)};
    kit_feed(&kit, rows, 6, NOON);
    ROWS(6, 1, 0, 1, 1, 1, 0, 1, 1);
    kit_tick(&kit, NOON + 1);
    ROWS(7, 1, 0, 1, 1, 1, 1, 1, 1);
    kit_one(&kit, kit_row(CITY, NOON - HOUR, 7), NOON + 2);
    ROWS(8, 1, 0, 1, 1, 1, 1, 1, 1); /* one is not decided */
    kit_commit(&kit);
    ROWS(8, 1, 1, 1, 1, 1, 1, 1, 1);
    assert_int_equal(kit.metrics.rows_total, 8);
    assert_int_equal(kit.metrics.rows_late_total, 1);
    assert_int_equal(kit.metrics.records_total, 3);
    assert_int_equal(kit.letters, 2); /* the retired and the future one */
}

static void offsets_that_the_log_skips_are_gaps(void **state)
{
    (void)state;
    kit.state.ledger.first_offset = kit.state.ledger.offset = kit.next_offset = 100;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    kit.next_offset += 3;
    kit_one(&kit, kit_row(CITY, NOON + 1, 1), NOON);
    const struct ledger *l = &kit.state.ledger;
    assert_int_equal(l->applied, 2);
    assert_int_equal(l->gaps, 3);
    assert_int_equal(l->offset, 105);
    assert_int_equal(l->record_offset, 104);
    assert_true(ledger_holds(l));
}

static void the_clock_is_the_largest_timestamp(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    kit_one(&kit, kit_row(CITY, NOON + 1, 1), NOON - HOUR);
    assert_int_equal(kit.state.ledger.clock_ms, NOON);
    kit_one(&kit, kit_row(CITY, NOON + 2, 1), -1); /* unknown */
    assert_int_equal(kit.state.ledger.clock_ms, NOON);
    assert_int_equal(kit_city(&kit, CITY)->heard_at_ms, NOON);
}

static void before_the_first_timestamp_every_reading_is_in_the_future(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), -1);
    ROWS(1, 0, 0, 0, 1, 0, 0, 0, 0);
    kit_tick(&kit, -1);
    assert_false(state_ticking(&kit.state));
}

static void a_record_that_cannot_be_decoded_is_one_bad_row(void **state)
{
    (void)state;
    static const char junk[300000] = "no batch";
    static const size_t sizes[] = {0, 1, 8, sizeof junk};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        kit_bytes(&kit, junk, sizes[i], NOON);
        assert_int_equal(kit.letters, (int)i + 1);
        assert_int_equal(kit.letter_row, -1);
        assert_int_equal(kit.letter_bytes, sizes[i]);
    }
    ROWS(4, 0, 0, 0, 4, 0, 0, 0, 0);
    assert_int_equal(kit.state.ledger.applied, 4);
}

static void an_impossible_value_costs_that_value_only(void **state)
{
    (void)state;
    struct observation rows[] = {kit_row(CITY, NOON, 1), kit_row(CITY, NOON + 1, 1)};
    observation_set(&rows[1], ISOBAR__V1__VALUE__HUMIDITY, 10001);
    kit_feed(&kit, rows, 2, NOON);
    ROWS(2, 2, 0, 0, 0, 0, 0, 0, 0);
    assert_null(window_find(&kit_city(&kit, CITY)->open[0].window, ISOBAR__V1__METRIC__METRIC_HUMIDITY));
}

/* ---- rows that are refused ---- */

static void rows_of_other_partitions_are_dead_letters(void **state)
{
    (void)state;
    kit.rules.partitions = 24;
    int32_t own = shard_of_city(CITY, 24);
    kit.state.partition = own;
    struct observation row = kit_row(CITY, NOON, 1), foreign = row;
    while (shard_of_city(foreign.city_id, 24) == own)
        foreign.city_id++;
    struct buf bytes = BUF_EMPTY;
    struct observation rows[] = {row, foreign};
    assert_int_equal(batch_encode(rows, 2, own, &bytes), 0);
    kit_bytes(&kit, bytes.data, bytes.size, NOON);
    ROWS(2, 1, 0, 0, 1, 0, 0, 0, 0);
    assert_string_equal(kit.reason, "foreign_partition");
    assert_int_equal(kit.letter_row, 1);
    buf_reset(&bytes);
    assert_int_equal(batch_encode(rows, 1, own + 1, &bytes), 0); /* the batch itself names another shard */
    kit_bytes(&kit, bytes.data, bytes.size, NOON);
    ROWS(3, 1, 0, 0, 2, 0, 0, 0, 0);
    assert_int_equal(HASH_COUNT(kit.state.cities), 1);
    buf_release(&bytes);
}

static void series_and_cities_out_of_range_are_bad(void **state)
{
    (void)state;
    struct observation row = kit_row(CITY, NOON, 1);
    row.series = 1001;
    kit_one(&kit, row, NOON);
    assert_string_equal(kit.reason, "bad_city_or_series");
    kit_one(&kit, kit_kind(ISOBAR__V1__ROW_KIND__CHECKED, 0, NOON), NOON);
    ROWS(2, 0, 0, 0, 2, 0, 0, 0, 0);
    assert_string_equal(kit.reason, "a reading without a city");
    row.series = 1000;
    kit_one(&kit, row, NOON);
    ROWS(3, 1, 0, 0, 2, 0, 0, 0, 0);
    assert_int_equal(state_city(&kit.state, CITY, 1000)->city.rows_in, 1); /* a series has a state of its own */
}

static void the_future_begins_five_minutes_ahead(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON + 5 * MINUTE, 1), NOON);
    kit_one(&kit, kit_row(CITY, NOON + 5 * MINUTE + 1, 1), NOON);
    ROWS(2, 1, 0, 0, 1, 0, 0, 0, 0);
    assert_string_equal(kit.reason, "observed_in_the_future");
    assert_int_equal(kit_city(&kit, CITY)->watermark_ms, NOON + 5 * MINUTE);
}

static void rows_beyond_the_horizon_are_retired_on_arrival(void **state)
{
    (void)state;
    /* The pane [s, s + 5 min) is over when the clock is more than two days after its end. */
    int64_t start = NOON - 2 * DAY - PANE;
    kit_one(&kit, kit_row(CITY, start + PANE - 1, 1), NOON);
    ROWS(1, 1, 0, 0, 0, 0, 0, 0, 0);
    kit_one(&kit, kit_row(CITY, start + PANE - 1, 2), NOON + 1);
    ROWS(2, 1, 0, 0, 0, 0, 0, 0, 1);
    assert_string_equal(kit.reason, "older_than_the_lateness_horizon");
    assert_int_equal(kit_city(&kit, CITY)->rows_retired, 1);
    assert_int_equal(kit_city(&kit, CITY)->heard_at_ms, NOON + 1); /* the city speaks, whatever it says */
}

static void a_full_pane_lets_nothing_more_in(void **state)
{
    (void)state;
    struct observation rows[BATCH_MAX_ROWS];
    for (int64_t i = 0; i <= PANE_MAX_READINGS; i += BATCH_MAX_ROWS) {
        size_t count = i < PANE_MAX_READINGS ? BATCH_MAX_ROWS : 1;
        for (size_t k = 0; k < count; k++)
            rows[k] = kit_row(CITY, NOON + i + (int64_t)k, 1);
        kit_feed(&kit, rows, count, NOON);
    }
    ROWS(PANE_MAX_READINGS + 1, PANE_MAX_READINGS, 0, 0, 1, 0, 0, 0, 0);
    assert_string_equal(kit.reason, "too_many_readings_in_one_pane");
    assert_int_equal(kit_city(&kit, CITY)->rows_bad, 1);
}

/* ---- event time ---- */

static void the_same_reading_twice_is_a_duplicate(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 100), NOON);
    kit_one(&kit, kit_row(CITY, NOON, 100), NOON);
    struct observation other = kit_row(CITY, NOON, 300);
    other.provider = ISOBAR__V1__PROVIDER__NWS;
    kit_one(&kit, other, NOON);
    ROWS(3, 2, 0, 1, 0, 0, 0, 0, 0);
    const struct citystate *city = kit_city(&kit, CITY);
    assert_int_equal(city->rows_in, 2);
    assert_int_equal(city->rows_duplicate, 1);
    assert_int_equal(latest_temperature(city), 100); /* first in log order */
    assert_int_equal(window_find(&city->open[0].window, ISOBAR__V1__METRIC__METRIC_TEMPERATURE)->sum, 400);
}

static void the_latest_reading_is_the_newest(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 100), NOON + 7);
    kit_one(&kit, kit_row(CITY, NOON - 1, 200), NOON + 8);
    const struct citystate *city = kit_city(&kit, CITY);
    assert_int_equal(city->latest.observed_at_ms, NOON);
    assert_int_equal(city->latest.produced_at_ms, NOON + 7);
    assert_int_equal(city->watermark_ms, NOON);
}

static void the_watermark_closes_panes(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    kit_one(&kit, kit_row(CITY, NOON + 10 * MINUTE - 1, 1), NOON + 10 * MINUTE);
    assert_int_equal(kit_city(&kit, CITY)->open_count, 2); /* the first ends at 12:05, and is allowed to 12:10 */
    kit_one(&kit, kit_row(CITY, NOON + 10 * MINUTE, 1), NOON + 10 * MINUTE);
    const struct citystate *city = kit_city(&kit, CITY);
    assert_int_equal(city->open_count, 2);
    assert_int_equal(city->closed_through_ms, NOON + PANE);
    assert_int_equal(kit_window(&kit, RECORD_PANE, CITY, NOON)->rows, 1);
    for (int32_t kind = 1; kind <= 3; kind++)
        assert_int_equal(kit_window(&kit, kind, CITY, NOON)->rows, 1);
    /* A row for what is closed is late, one for what is open is not, in whatever order they come. */
    kit_one(&kit, kit_row(CITY, NOON + PANE - 1, 1), NOON + 10 * MINUTE);
    kit_one(&kit, kit_row(CITY, NOON + PANE, 1), NOON + 10 * MINUTE);
    assert_int_equal(kit.state.late_count, 1);
    kit_commit(&kit);
    ROWS(5, 4, 1, 0, 0, 0, 0, 0, 0);
}

static void checked_rows_keep_a_city_awake(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    struct observation checked = kit_kind(ISOBAR__V1__ROW_KIND__CHECKED, CITY, NOON);
    checked.fetched_at_ms = NOON + 17;
    kit_one(&kit, checked, NOON + 29 * MINUTE);
    kit_tick(&kit, NOON + 58 * MINUTE);
    assert_int_equal(kit_city(&kit, CITY)->open_count, 1);
    assert_int_equal(kit_city(&kit, CITY)->checked_at_ms, NOON + 17);
    kit_tick(&kit, NOON + 59 * MINUTE); /* silent for the idle time */
    assert_int_equal(kit_city(&kit, CITY)->open_count, 0);
    assert_int_equal(kit_city(&kit, CITY)->closed_through_ms, window_start(NOON + 54 * MINUTE, PANE));
}

/* ---- ticks ---- */

static void a_tick_closes_in_steps_with_a_cursor(void **state)
{
    (void)state;
    enum { CITIES = 1234 };
    for (int64_t city = 1; city <= CITIES; city++)
        kit_one(&kit, kit_row(city, NOON, (int32_t)city), NOON);
    kit_commit(&kit);
    kit_tick(&kit, NOON + 40 * MINUTE);
    int steps = 1;
    char before[48] = "";
    for (; state_ticking(&kit.state); steps++) {
        const char *after = kit.state.ledger.tick_after;
        assert_true(strcmp(after, before) > 0);
        memcpy(before, after, sizeof before);
        int64_t closed = 0;
        for (const struct city_entry *entry = kit.state.cities; entry; entry = entry->hh.next) {
            bool over = strcmp(entry->field, after) <= 0;
            assert_int_equal(entry->city.open_count, over ? 0 : 1);
            closed += over;
        }
        assert_int_equal(closed, (int64_t)steps * TICK_CITIES);
        assert_int_equal(kit.state.dirty_city_count, TICK_CITIES);
        kit_commit(&kit);
        state_tick_step(&kit.state);
    }
    assert_int_equal(steps, 3);
    assert_string_equal(kit.state.ledger.tick_after, "");
    assert_int_equal(kit_open_rows(&kit.state), 0);
    kit_commit(&kit);
    ROWS(CITIES + 1, CITIES, 0, 0, 0, 0, 1, 0, 0);
}

static void a_tick_that_finds_nothing_is_over_at_once(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    kit_commit(&kit);
    kit_tick(&kit, NOON + 10 * SECOND);
    assert_false(state_ticking(&kit.state));
    assert_int_equal(state_dirty(&kit.state), 0); /* the ledger alone changes */
    assert_true(kit.state.changed);
}

static void ticks_make_the_windows_of_a_silent_city_final(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON + MINUTE, 1), NOON + MINUTE);
    static const struct {
        int64_t tick_ms, through_ms; /* after noon */
    } steps[] = {
        {31 * MINUTE, 25 * MINUTE},          /* silent for 30 minutes: the pane, and with it the window of 10 minutes */
        {50 * MINUTE, 25 * MINUTE},          /* nothing ends: not written again */
        {64 * MINUTE, 25 * MINUTE},          /* the hour has ended, its delay has not */
        {65 * MINUTE, 60 * MINUTE},          /* the hour */
        {5 * HOUR, 60 * MINUTE},             /* nothing */
        {12 * HOUR + 5 * MINUTE, 12 * HOUR}, /* the day */
        {72 * HOUR, 12 * HOUR},              /* nothing ever again */
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        kit_tick(&kit, NOON + steps[i].tick_ms);
        kit_commit(&kit);
        assert_int_equal(kit_city(&kit, CITY)->closed_through_ms - NOON, steps[i].through_ms);
    }
    kit_one(&kit, kit_row(CITY, NOON + 71 * HOUR, 1), NOON + 72 * HOUR); /* it wakes up */
    kit_commit(&kit);
    ROWS(9, 2, 0, 0, 0, 0, 7, 0, 0);
}

static void a_late_row_after_a_tick_is_the_latest_reading(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 100), NOON);
    kit_tick(&kit, NOON + HOUR);
    kit_one(&kit, kit_row(CITY, NOON + 30 * MINUTE, 200), NOON + HOUR + MINUTE);
    assert_int_equal(kit_city(&kit, CITY)->watermark_ms, NOON + 30 * MINUTE);
    kit_one(&kit, kit_row(CITY, NOON + 30 * MINUTE, 200), NOON + HOUR + MINUTE); /* a repeat changes nothing */
    kit_commit(&kit);
    ROWS(4, 1, 1, 1, 0, 0, 1, 0, 0);
    const struct citystate *city = kit_city(&kit, CITY);
    assert_int_equal(latest_temperature(city), 200);
    assert_int_equal(city->latest.produced_at_ms, NOON + HOUR + MINUTE);
    assert_int_equal(city->rows_late, 1);
    assert_int_equal(city->rows_duplicate, 1);
}

static void rows_after_a_tick_in_one_record_come_before_its_closing(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    struct observation rows[] = {kit_kind(ISOBAR__V1__ROW_KIND__TICK, 0, NOON), kit_row(CITY, NOON + MINUTE, 1)};
    kit_feed(&kit, rows, 2, NOON + HOUR);
    assert_int_equal(kit_city(&kit, CITY)->open_count, 1); /* it was heard just now */
    ROWS(3, 2, 0, 0, 0, 0, 1, 0, 0);
}

/* ---- random logs ---- */

static void random_rows_are_each_counted_once(void **state)
{
    (void)state;
    struct dice dice = {20261124};
    int64_t clock = NOON, sent = 0;
    for (int i = 0; i < 4000; i++) {
        struct observation rows[8];
        size_t count = (size_t)dice_between(&dice, 1, 8);
        clock += dice_below(&dice, 20) ? dice_below(&dice, 5 * SECOND) : dice_below(&dice, 2 * HOUR);
        for (size_t k = 0; k < count; k++) {
            rows[k] =
                row_random(&dice, window_start(clock, MINUTE) - (dice_below(&dice, 4) ? HOUR : 3 * DAY), 75, MINUTE);
            rows[k].city_id = 1 + dice_below(&dice, 10);
            rows[k].series = rows[k].provider = 0; /* more duplicates */
            rows[k].kind = dice_below(&dice, 10) ? ISOBAR__V1__ROW_KIND__OBSERVATION : dice_between(&dice, 0, 3);
        }
        while (state_ticking(&kit.state)) {
            kit_commit(&kit);
            state_tick_step(&kit.state);
        }
        kit_feed(&kit, rows, count, clock);
        sent += (int64_t)count;
        if (dice_below(&dice, 10) == 0)
            kit_commit(&kit);
    }
    kit_commit(&kit);
    const struct ledger *l = &kit.state.ledger;
    assert_int_equal(l->rows, sent);
    assert_true(l->rows_in > 1000 && l->rows_late > 1000 && l->rows_correction > 100 && l->rows_retired > 1000 &&
                l->rows_bad > 100 && l->rows_tick > 50);
    int64_t in = 0, late = 0;
    for (const struct city_entry *entry = kit.state.cities; entry; entry = entry->hh.next) {
        in += entry->city.rows_in;
        late += entry->city.rows_late;
    }
    assert_int_equal(in, l->rows_in); /* the cities tell the same */
    assert_int_equal(late, l->rows_late);
}

static struct observation air_row(int64_t at_ms)
{
    struct observation row = {.city_id = CITY,
                              .kind = ISOBAR__V1__ROW_KIND__OBSERVATION,
                              .provider = ISOBAR__V1__PROVIDER__OPEN_METEO_AIR,
                              .observed_at_ms = at_ms};
    observation_set(&row, ISOBAR__V1__VALUE__PM10, 7000);
    return row;
}

/* Air stands beside the weather: aggregated, but not the latest reading, not a reading that is due, and no time. */
static void a_row_of_the_air_stands_beside_the_weather(void **state)
{
    (void)state;
    kit_one(&kit, air_row(NOON - 2 * HOUR), NOON - 2 * HOUR);
    const struct citystate *city = kit_city(&kit, CITY);
    assert_int_equal(city->latest.observed_at_ms, NOON - 2 * HOUR); /* there is no other */
    kit_one(&kit, air_row(NOON - HOUR), NOON - HOUR);
    assert_int_equal(city->latest.observed_at_ms, NOON - HOUR);
    kit_one(&kit, kit_row(CITY, NOON - HOUR - MINUTE, 100), NOON - HOUR + 1);
    assert_int_equal(latest_temperature(city), 100); /* though it is older */
    kit_one(&kit, air_row(NOON), NOON);
    assert_int_equal(latest_temperature(city), 100);
    assert_int_equal(city->watermark_ms, NOON);
    ROWS(4, 4, 0, 0, 0, 0, 0, 0, 0);
    kit_one(&kit, kit_row(CITY, NOON + 2 * HOUR, 200), NOON + 2 * HOUR);
    assert_int_equal(latest_temperature(city), 200);
    /* The hour before noon has a row of the air alone, which stands for no time. */
    const struct window *window = kit_window(&kit, 2, CITY, NOON - HOUR);
    assert_int_equal(window->rows, 1);
    assert_int_equal(window->air_rows, 1);
    assert_int_equal(window->parts.covered_ms, 0);
    const struct window *before = kit_window(&kit, 2, CITY, NOON - 2 * HOUR);
    assert_int_equal(before->rows, 2);
    assert_int_equal(before->air_rows, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_row_has_its_counter),
        TEST(offsets_that_the_log_skips_are_gaps),
        TEST(the_clock_is_the_largest_timestamp),
        TEST(before_the_first_timestamp_every_reading_is_in_the_future),
        TEST(a_record_that_cannot_be_decoded_is_one_bad_row),
        TEST(an_impossible_value_costs_that_value_only),
        TEST(rows_of_other_partitions_are_dead_letters),
        TEST(series_and_cities_out_of_range_are_bad),
        TEST(the_future_begins_five_minutes_ahead),
        TEST(rows_beyond_the_horizon_are_retired_on_arrival),
        TEST(a_full_pane_lets_nothing_more_in),
        TEST(the_same_reading_twice_is_a_duplicate),
        TEST(the_latest_reading_is_the_newest),
        TEST(a_row_of_the_air_stands_beside_the_weather),
        TEST(the_watermark_closes_panes),
        TEST(checked_rows_keep_a_city_awake),
        TEST(a_tick_closes_in_steps_with_a_cursor),
        TEST(a_tick_that_finds_nothing_is_over_at_once),
        TEST(ticks_make_the_windows_of_a_silent_city_final),
        TEST(a_late_row_after_a_tick_is_the_latest_reading),
        TEST(rows_after_a_tick_in_one_record_come_before_its_closing),
        TEST(random_rows_are_each_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
