/*
 * Stored bytes and rows of earlier versions stay readable: files of tests/compat, field by field (the rule is in its
 * README.md).
 */
#include "compat_files.h"

static void observation_batch_1(void **state)
{
    (void)state;
    static const struct observation expected[] = {
        {.city_id = 5809844,
         .observed_at_ms = START + 1000,
         .fetched_at_ms = START + 61000,
         .present = 0xffffff,
         .provider = 1,
         .accumulation_s = 3600,
         .value = {-1234, -1801, -1300, -1200, 101325, 99001, 10000, -1500, 412,   35999, 980,    1270,
                   230,   7500,  10000, 601,   2,      12345, 23456, 3456,  68000, 640,   201940, 120}},
        {.city_id = 5809844,
         .observed_at_ms = START + 2000,
         .fetched_at_ms = START + 62000,
         .present = 65,
         .provider = 2,
         .series = 3,
         .quality = 4611686018427387905,
         .accumulation_s = 900,
         .value = {[0] = INT32_MAX, [6] = 5}},
        {.city_id = 1099511627777,
         .observed_at_ms = START + 3000,
         .fetched_at_ms = START + 63000,
         .kind = 1,
         .provider = 17},
        {.observed_at_ms = START + 4000, .kind = 2},
        {.city_id = 5809844, .kind = 3},
    };
    struct buf bytes = bytes_of("observation_batch_1");
    struct batch *batch = batch_new();
    const char *reason;
    assert_int_equal(batch_decode(batch, bytes.data, bytes.size, &reason), 0);
    assert_int_equal(batch_rows(batch), 5);
    assert_int_equal(batch_shard(batch), 17);
    for (size_t i = 0; i < 5; i++) {
        struct observation row;
        batch_row(batch, i, &row);
        assert_memory_equal(&row, &expected[i], sizeof row);
    }
    batch_free(batch);

    Isobar__V1__ObservationBatch *message =
        isobar__v1__observation_batch__unpack(NULL, bytes.size, (const uint8_t *)bytes.data);
    assert_non_null(message);
    assert_int_equal(message->n_controls, 1);
    assert_int_equal(message->controls[0]->row, 4);
    assert_string_equal(message->controls[0]->zone, "America/Los_Angeles");
    assert_int_equal(message->controls[0]->config_version, 12);
    isobar__v1__observation_batch__free_unpacked(message, NULL);
    buf_release(&bytes);
}

static void assert_accumulator(const struct accumulator *a, const struct accumulator *expected)
{
    assert_int_equal(a->metric, expected->metric);
    assert_int_equal(a->count, expected->count);
    assert_int_equal(a->sum, expected->sum);
    assert_true(a->square_sum == expected->square_sum);
    assert_int_equal(a->minimum, expected->minimum);
    assert_int_equal(a->minimum_at, expected->minimum_at);
    assert_int_equal(a->maximum, expected->maximum);
    assert_int_equal(a->maximum_at, expected->maximum_at);
    assert_int_equal(a->first, expected->first);
    assert_int_equal(a->first_at, expected->first_at);
    assert_int_equal(a->last, expected->last);
    assert_int_equal(a->last_at, expected->last_at);
}

static void window_state_1(void **state)
{
    (void)state;
    struct buf bytes = bytes_of("window_state_1");
    struct window window;
    assert_int_equal(window_decode(&window, bytes.data, bytes.size), 0);
    assert_int_equal(window.start_ms, START);
    assert_int_equal(window.end_ms, START + 3600000);
    assert_int_equal(window.rows, 6);
    assert_int_equal(window.revision, 2);
    assert_int_equal(window.updated_at_ms, START + 3605000);
    assert_int_equal(window.first_observed_at_ms, START);
    assert_int_equal(window.last_observed_at_ms, START + 3000000);
    assert_int_equal(window.metric_count, 2);
    assert_accumulator(&window.metrics[0], &(struct accumulator){.metric = 1,
                                                                 .count = 3,
                                                                 .sum = 2000,
                                                                 .square_sum = 3375000,
                                                                 .minimum = -500,
                                                                 .minimum_at = 0,
                                                                 .maximum = 1250,
                                                                 .maximum_at = 600000,
                                                                 .first = -500,
                                                                 .first_at = 0,
                                                                 .last = 1250,
                                                                 .last_at = 1200000});
    const int32_t most = INT32_MAX;
    assert_accumulator(&window.metrics[1], &(struct accumulator){.metric = 4,
                                                                 .count = 5,
                                                                 .sum = INT64_C(5) * most,
                                                                 .square_sum = (wide)5 * most * most,
                                                                 .minimum = most,
                                                                 .minimum_at = 600000,
                                                                 .maximum = most,
                                                                 .maximum_at = 600000,
                                                                 .first = most,
                                                                 .first_at = 600000,
                                                                 .last = most,
                                                                 .last_at = 3000000});
    const struct wind_vector wind = {.count = 2, .calm = 1, .north_mm_s = -19696, .cosine = 1969615506, .rose = {2}};
    assert_memory_equal(window.wind, &wind, sizeof wind);
    window_release(&window);
    buf_release(&bytes);
}

/* The pane that pane_1 and city_state_1 share. */
static void assert_pane(const struct pane *pane)
{
    const struct window *window = &pane->window;
    assert_int_equal(window->start_ms, START);
    assert_int_equal(window->end_ms, START + 300000);
    assert_int_equal(window->rows, 3);
    assert_int_equal(window->revision, 0);
    assert_int_equal(window->updated_at_ms, START + 100000);
    assert_int_equal(window->first_observed_at_ms, START + 1000);
    assert_int_equal(window->last_observed_at_ms, START + 299999);
    assert_int_equal(window->metric_count, 1);
    assert_accumulator(&window->metrics[0], &(struct accumulator){.metric = 2,
                                                                  .count = 2,
                                                                  .sum = 15500,
                                                                  .square_sum = 121250000,
                                                                  .minimum = 7000,
                                                                  .minimum_at = 1000,
                                                                  .maximum = 8500,
                                                                  .maximum_at = 299999,
                                                                  .first = 7000,
                                                                  .first_at = 1000,
                                                                  .last = 8500,
                                                                  .last_at = 299999});
    const struct wind_vector wind = {.calm = 3};
    assert_memory_equal(window->wind, &wind, sizeof wind);
    const struct pane_entry seen[] = {{.at = 1000, .provider = 1, .rain = -1, .snow = -1},
                                      {.at = 1000, .provider = 2, .rain = -1, .snow = -1},
                                      {.at = 299999, .provider = 1, .rain = -1, .snow = -1}};
    assert_int_equal(pane->seen_count, 3);
    assert_memory_equal(pane->seen, seen, sizeof seen);
}

static void pane_1(void **state)
{
    (void)state;
    struct buf bytes = bytes_of("pane_1");
    struct pane pane;
    assert_int_equal(pane_decode(&pane, bytes.data, bytes.size), 0);
    assert_pane(&pane);
    pane_release(&pane);
    buf_release(&bytes);
}

static void pane_2(void **state)
{
    (void)state;
    struct buf bytes = bytes_of("pane_2");
    struct pane pane;
    assert_int_equal(pane_decode(&pane, bytes.data, bytes.size), 0);
    assert_int_equal(pane.window.rows, 2);
    assert_int_equal(pane.window.air_rows, 1);
    assert_int_equal(pane.window.metric_count, 2);
    assert_int_equal(window_find(&pane.window, ISOBAR__V1__METRIC__METRIC_PM10)->sum, 4580);
    const struct pane_entry seen[] = {
        {.at = 1000, .provider = 2, .rain = 100, .snow = -1, .accumulation_s = 900},
        {.at = 1000, .provider = 5, .rain = -1, .snow = -1, .accumulation_s = PANE_OF_AIR}};
    assert_int_equal(pane.seen_count, 2);
    assert_memory_equal(pane.seen, seen, sizeof seen);
    pane_release(&pane);
    buf_release(&bytes);
}

static void city_state_1(void **state)
{
    (void)state;
    struct buf bytes = bytes_of("city_state_1");
    struct citystate city;
    assert_int_equal(citystate_decode(&city, bytes.data, bytes.size), 0);
    assert_int_equal(city.city_id, 5809844);
    assert_int_equal(city.series, 3);
    assert_int_equal(city.watermark_ms, START + 301000);
    assert_int_equal(city.heard_at_ms, START + 310000);
    assert_int_equal(city.closed_through_ms, START);
    assert_int_equal(city.checked_at_ms, START + 305000);
    assert_int_equal(city.rows_in, 4);
    assert_int_equal(city.rows_late, 5);
    assert_int_equal(city.rows_duplicate, 6);
    assert_int_equal(city.rows_retired, 7);
    assert_int_equal(city.rows_bad, 8);
    assert_true(city.has_latest);
    assert_int_equal(city.latest.produced_at_ms, START + 307000);
    const struct observation latest = {.observed_at_ms = START + 301000,
                                       .fetched_at_ms = START + 306000,
                                       .present = 8388673,
                                       .quality = 9,
                                       .provider = 17,
                                       .accumulation_s = 900,
                                       .value = {[0] = -321, [6] = 9900, [23] = 44}};
    struct observation row;
    latest_row(&city.latest, &row);
    assert_memory_equal(&row, &latest, sizeof latest);
    assert_int_equal(city.open_count, 2);
    assert_pane(&city.open[0]);
    const struct pane *second = &city.open[1];
    assert_int_equal(second->window.start_ms, START + 300000);
    assert_int_equal(second->window.end_ms, START + 600000);
    assert_int_equal(second->window.rows, 1);
    assert_null(second->window.wind);
    assert_int_equal(window_find(&second->window, 1)->sum, -321);
    assert_int_equal(second->seen_count, 1);
    assert_int_equal(second->seen[0].at, 1000);
    assert_int_equal(second->seen[0].provider, 0);
    citystate_release(&city);
    buf_release(&bytes);
}

static void city_state_2(void **state)
{
    (void)state;
    struct buf bytes = bytes_of("city_state_2");
    struct citystate city;
    assert_int_equal(citystate_decode(&city, bytes.data, bytes.size), 0);
    assert_int_equal(city.rows_correction, 9);
    assert_int_equal(city.latest.quality, 1);
    assert_int_equal(city.open[0].seen[0].body, UINT32_MAX - 1);
    assert_int_equal(city.open[0].seen[1].body, 7);
    const struct quality_count flagged[] = {{.rows = 3, .bit = 0}, {.rows = 1, .bit = 37}, {.rows = 2, .bit = 48}};
    assert_int_equal(city.flagged.count, 3);
    assert_memory_equal(city.flagged.counts, flagged, sizeof flagged);
    struct quality_cursor cursor;
    quality_past_first(&city.history, &cursor);
    assert_true(quality_past_next(&cursor));
    assert_int_equal(cursor.past.observed_at_ms, 1789960000000);
    assert_int_equal(cursor.past.present, 1);
    assert_int_equal(cursor.past.value[0], -1234);
    assert_true(quality_past_next(&cursor));
    const struct quality_past second = {
        .observed_at_ms = START + 300000, .present = 31, .value = {6000, -8000, 10000, 101325, 98765}};
    assert_memory_equal(&cursor.past, &second, sizeof second);
    assert_false(quality_past_next(&cursor));
    const struct quality_run runs[] = {
        {.start_ms = 1789900000000, .last_ms = START + 301000, .count = 17, .minimum = -5, .maximum = 4},
        {.start_ms = START + 300000,
         .last_ms = START + 301000,
         .count = 2,
         .minimum = 50,
         .maximum = 99,
         .direction = 35999,
         .turned_least = -1,
         .turned_most = 998,
         .group = 5}};
    assert_int_equal(city.history.run_count, 2);
    assert_memory_equal(city.history.runs, runs, sizeof runs);
    citystate_release(&city);
    buf_release(&bytes);
}

static void city_1(void **state)
{
    (void)state;
    struct buf bytes = bytes_of("city_1");
    Isobar__V1__City *city = isobar__v1__city__unpack(NULL, bytes.size, (const uint8_t *)bytes.data);
    assert_non_null(city);
    assert_int_equal(city->format, 1);
    assert_int_equal(city->city_id, 3688689);
    assert_string_equal(city->name, "Bogot\303\241");
    assert_string_equal(city->ascii_name, "Bogota");
    assert_string_equal(city->country, "CO");
    assert_int_equal(city->latitude_e5, 460971);
    assert_int_equal(city->longitude_e5, -7408175);
    assert_int_equal(city->elevation_m, 2582);
    assert_true(city->elevation_known);
    assert_int_equal(city->population, 7674366);
    assert_string_equal(city->zone, "America/Bogota");
    assert_true(city->paused);
    isobar__v1__city__free_unpacked(city, NULL);
    buf_release(&bytes);
}

static void no_file_is_left_out(void **state)
{
    (void)state;
    assert_none_left_out(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(observation_batch_1),
        cmocka_unit_test(window_state_1),
        cmocka_unit_test(pane_1),
        cmocka_unit_test(pane_2),
        cmocka_unit_test(city_state_1),
        cmocka_unit_test(city_state_2),
        cmocka_unit_test(city_1),
        cmocka_unit_test(no_file_is_left_out),
    };
    return cmocka_run_group_tests(tests, find_directory, NULL);
}
