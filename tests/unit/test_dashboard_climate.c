/* What is usual in the cities, as the dashboard holds and shows it. */
#include "../../dashboard/climate.h"
#include "dashboard_records.h"
#include "log.h"
#include "normals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define SEATTLE INT64_C(5809844)

static struct dashboard_metrics metrics;
static struct climate climate;
static struct atlas atlas;

static int begin(void **state)
{
    (void)state;
    log_setup("test", LOG_ERROR, false);
    climate_init(&climate, NULL, "isobar:", &metrics);
    atlas_init(&atlas, PARTS);
    int32_t partition = shard_of_city(SEATTLE, PARTS);
    struct buf entry = record_entry(SEATTLE, "Seattle");
    struct observation row = record_reading(SEATTLE, AT, 1550); /* 06:20 in standard time: 14:20Z - 8 h */
    observation_set(&row, ISOBAR__V1__VALUE__HUMIDITY, 6000);
    struct buf bytes = record_state(&row, 0);
    assert_true(atlas_take_entry(&atlas, partition, 0, entry.data, entry.size));
    assert_true(atlas_take_state(&atlas, partition, 0, bytes.data, bytes.size, 0));
    buf_release(&entry);
    buf_release(&bytes);
    return 0;
}

static int end(void **state)
{
    (void)state;
    climate_release(&climate);
    atlas_release(&atlas);
    return 0;
}

/* Takes normals with one slot, of 21 September and `hour` (24: of the day). */
static bool take(int64_t city_id, int32_t metric, const char *field, int32_t hour, struct normal normal)
{
    struct normals normals;
    struct buf bytes = BUF_EMPTY;
    normals_init(&normals, city_id, metric, hour == 24 ? 1 : 24);
    normal.known = true;
    *normals_slot(&normals, 9, 21, hour % 24) = normal;
    assert_int_equal(normals_encode(&normals, &bytes), 0);
    bool taken = climate_take(&climate, field, bytes.data, bytes.size);
    normals_release(&normals);
    buf_release(&bytes);
    return taken;
}

static void expect(const char *text)
{
    struct buf out = BUF_EMPTY;
    assert_int_equal(climate_encode(&climate, atlas_find(&atlas, SEATTLE), &out), *text != '\0');
    assert_string_equal(out.data, text);
    buf_release(&out);
}

static void a_reading_is_held_against_its_hour(void **state)
{
    (void)state;
    expect("");
    assert_true(take(SEATTLE, ISOBAR__V1__METRIC__METRIC_TEMPERATURE, "5809844/temperature", 6,
                     (struct normal){.mean = 1400, .deviation = 150, .has_deviation = true}));
    expect(""); /* not before the read is complete */
    climate_swap(&climate);
    expect("\"climate\":{\"temperature\":{\"normal\":14.00,\"departure\":1.50,\"percentile\":84.1}}");
    /* Another read: what is not in it is gone, and metrics come in the order of their numbers. */
    assert_true(
        take(SEATTLE, ISOBAR__V1__METRIC__METRIC_HUMIDITY, "5809844/humidity", 24, (struct normal){.mean = 7550}));
    assert_true(
        take(SEATTLE, ISOBAR__V1__METRIC__METRIC_TEMPERATURE, "5809844/temperature", 6, (struct normal){.mean = 1400}));
    assert_true(take(SEATTLE, ISOBAR__V1__METRIC__METRIC_TEMPERATURE, "5809844/temperature", 6,
                     (struct normal){.mean = 1550, .has_quantiles = true, .quantile = {1, 2, 1550, 4000, 5000}}));
    assert_true(take(SEATTLE, ISOBAR__V1__METRIC__METRIC_CLOUD, "5809844/cloud", 6, (struct normal){.mean = 1}));
    climate_swap(&climate);
    expect("\"climate\":{\"temperature\":{\"normal\":15.50,\"departure\":0.00,\"percentile\":50.0},"
           "\"humidity\":{\"normal\":75.50,\"departure\":-15.50}}");
    climate_swap(&climate);
    expect("");
}

/* What is no temperature has no departure; what is suspect has. */
static void a_value_that_failed_is_held_against_nothing(void **state)
{
    (void)state;
    static const struct {
        int64_t flags;
        const char *wanted;
    } cases[] = {{1, ""},
                 {INT64_C(1) << 16, ""},
                 {INT64_C(1) << 48, ""},
                 {INT64_C(1) << 8, "\"climate\":{\"temperature\":{\"normal\":14.00,\"departure\":1.50}}"},
                 {1 << 2, "\"climate\":{\"temperature\":{\"normal\":14.00,\"departure\":1.50}}"}};
    assert_true(
        take(SEATTLE, ISOBAR__V1__METRIC__METRIC_TEMPERATURE, "5809844/temperature", 6, (struct normal){.mean = 1400}));
    climate_swap(&climate);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct observation row;
        latest_row(&atlas_find(&atlas, SEATTLE)->latest, &row);
        row.city_id = SEATTLE;
        row.quality = cases[i].flags;
        record_put(&atlas, SEATTLE, "Seattle", &row);
        expect(cases[i].wanted);
    }
}

static void hours_and_cities_without_a_normal_show_none(void **state)
{
    (void)state;
    assert_true(
        take(SEATTLE, ISOBAR__V1__METRIC__METRIC_TEMPERATURE, "5809844/temperature", 7, (struct normal){.mean = 1400}));
    assert_true(take(1, ISOBAR__V1__METRIC__METRIC_TEMPERATURE, "1/temperature", 6, (struct normal){.mean = 1400}));
    climate_swap(&climate);
    expect("");
}

static void what_is_damaged_or_elsewhere_is_not_taken(void **state)
{
    (void)state;
    assert_false(climate_take(&climate, "5809844/temperature", "junk", 4));
    assert_false(
        take(SEATTLE, ISOBAR__V1__METRIC__METRIC_TEMPERATURE, "5809844/humidity", 6, (struct normal){.mean = 1}));
    assert_false(take(SEATTLE, ISOBAR__V1__METRIC__METRIC_TEMPERATURE, "1/temperature", 6, (struct normal){.mean = 1}));
    assert_false(take(SEATTLE, 63, "5809844/", 6, (struct normal){.mean = 1}));
    climate_swap(&climate);
    expect("");
}

static void no_more_is_held_than_the_bound(void **state)
{
    (void)state;
    struct normals normals;
    struct buf bytes = BUF_EMPTY;
    char field[64];
    normals_init(&normals, 1, ISOBAR__V1__METRIC__METRIC_TEMPERATURE, 24);
    for (int32_t i = 0; i < NORMALS_DAYS * 24; i++)
        normals.slots[i] = (struct normal){.known = true, .mean = i % 2 ? 5000 : -5000};
    int64_t cities = 0;
    for (int64_t id = 1; id <= 5000; id++) {
        normals.city_id = id;
        buf_reset(&bytes);
        assert_int_equal(normals_encode(&normals, &bytes), 0);
        (void)snprintf(field, sizeof field, "%lld/temperature", (long long)id);
        assert_true(climate_take(&climate, field, bytes.data, bytes.size));
        cities += climate.full ? 0 : 1;
        if (climate.full)
            break;
    }
    assert_true(climate.full);
    assert_true(climate.bytes <= CLIMATE_MAX_BYTES && climate.bytes + bytes.size > CLIMATE_MAX_BYTES);
    assert_in_range(cities, CLIMATE_MAX_BYTES / NORMALS_MAX_BYTES, 5000);
    normals_release(&normals);
    buf_release(&bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reading_is_held_against_its_hour),
        TEST(a_value_that_failed_is_held_against_nothing),
        TEST(hours_and_cities_without_a_normal_show_none),
        TEST(what_is_damaged_or_elsewhere_is_not_taken),
        TEST(no_more_is_held_than_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
