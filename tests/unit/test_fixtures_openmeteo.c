/*
 * Recorded payloads of Open-Meteo, and of OpenWeatherMap's air, against what they say, written down by hand from each
 * file (test_fixtures.c has the rest, and says where the files are). They came without asking for units, but one.
 */
#include "../../fetcher/provider_openmeteo.h"
#include "../../fetcher/provider_openweathermap.h"

#include "fixture_files.h"

#define PLACES 2

static const struct provider_place places[PLACES] = {{.city_id = 11}, {.city_id = 12}};

/* In the units of observation.proto. */
struct weather {
    const char *file;
    int64_t observed_s;
    enum openmeteo_units units;
    int32_t temperature, feels_like, humidity, cloud, condition, speed, direction, rain, accumulation_s;
};

static const struct weather weathers[] = {
    {"om_omgo_forecast_current.json", 1705323600, OPENMETEO_DEFAULT, 350, 50, 7800, 4500, 2, 422, 27000, NONE, 0},
    {"om_real_current_berlin_2024.json", 1732385700, OPENMETEO_DEFAULT, 230, NONE, NONE, NONE, NONE, 297, NONE, NONE,
     0},
    {"om_real_current_fano_2026.json", 1773333900, OPENMETEO_DEFAULT, 1460, 1350, 7500, NONE, 3, NONE, NONE, 0, 900},
    {"om_real_current_unixtime_2024.json", 1705112100, OPENMETEO_ASKED, -1440, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
     0},
};

struct air {
    const char *file;
    int32_t provider;
    size_t count, place;
    int64_t observed_s;
    int32_t index, pm2_5, pm10, no2, o3, so2, co, nh3;
};

#define POLLUTION "owm_java_AirPollution_mapToAirPollution_withCoordinatesVariation_1.json"
#define MULTI     "om_multi_airquality_london_nyc_2026.json"
static const struct air airs[] = {
    {MULTI, ISOBAR__V1__PROVIDER__OPEN_METEO_AIR, 2, 0, 1789570800, 19, 3200, 7100, 7100, 58000, 700, 199000, 2300},
    {MULTI, ISOBAR__V1__PROVIDER__OPEN_METEO_AIR, 2, 1, 1789570800, 33, 8000, 12000, 9000, 60000, 1000, 210000, 1000},
    {POLLUTION, ISOBAR__V1__PROVIDER__OPENWEATHERMAP_AIR, 1, 0, 1618610400, 1, 3870, 4580, 4070, 62230, 1770, 243660,
     2410},
};

/* Errors and other endpoints: what they are with their HTTP status, and for how long to wait (ms; -1: not said). */
static const struct {
    const char *file;
    int http_status;
    enum fetch_status want;
    int64_t wait_ms;
} others[] = {
    {"om_error_400_latitude.json", 400, FETCH_BAD_PLACE, -1},
    {"om_error_429_concurrent.json", 429, FETCH_RATE_LIMITED, 1000},
    {"om_error_429_daily.json", 429, FETCH_RATE_LIMITED, 86400000 - FETCHED % 86400000},
    {"om_error_429_hourly.json", 429, FETCH_RATE_LIMITED, 3600000 - FETCHED % 3600000},
    {"om_error_429_minutely.json", 429, FETCH_RATE_LIMITED, 60000},
    {"om_omgo_error.json", 400, FETCH_UNEXPECTED_STATUS, -1},
    {"om_omgo_forecast_daily.json", 200, FETCH_UNEXPECTED_SHAPE, -1},
    {"om_omgo_forecast_hourly.json", 200, FETCH_UNEXPECTED_SHAPE, -1},
    {"om_omgo_historical.json", 200, FETCH_UNEXPECTED_SHAPE, -1},
};
#define WEATHERS (sizeof weathers / sizeof *weathers)
#define AIRS     (sizeof airs / sizeof *airs)
#define OTHERS   (sizeof others / sizeof *others)

static struct provider_answer answer_of(const struct buf *body, enum fetch_call call, int http_status, size_t count)
{
    return (struct provider_answer){.call = call,
                                    .http_status = http_status,
                                    .body = body->data,
                                    .size = body->size,
                                    .places = places,
                                    .count = count,
                                    .fetched_at_ms = FETCHED};
}

static void check_frame(const char *file, const struct observation *row, int64_t observed_s, int32_t provider)
{
    if (row->observed_at_ms != observed_s * 1000)
        fail_msg("%s: observed at %lld", file, (long long)row->observed_at_ms);
    assert_int_equal(row->provider, provider);
    assert_int_equal(row->kind, ISOBAR__V1__ROW_KIND__OBSERVATION);
    assert_int_equal(row->fetched_at_ms, FETCHED);
}

static void check_weather(const struct weather *want, const struct observation *row)
{
    check_frame(want->file, row, want->observed_s, ISOBAR__V1__PROVIDER__OPEN_METEO);
    assert_int_equal(row->accumulation_s, want->accumulation_s);
#define CHECK(field, bit) check_value(want->file, #field, row, ISOBAR__V1__VALUE__##bit, want->field)
    CHECK(temperature, TEMPERATURE);
    CHECK(feels_like, FEELS_LIKE);
    CHECK(humidity, HUMIDITY);
    CHECK(cloud, CLOUD);
    CHECK(condition, CONDITION);
    CHECK(speed, WIND_SPEED);
    CHECK(direction, WIND_DIRECTION);
    CHECK(rain, RAIN);
    assert_int_equal(row->present >> ISOBAR__V1__VALUE__AIR_QUALITY_INDEX, 0);
    assert_false(observation_has(row, ISOBAR__V1__VALUE__SNOW));
    assert_false(observation_has(row, ISOBAR__V1__VALUE__PRESSURE_SEA_LEVEL));
    assert_false(observation_has(row, ISOBAR__V1__VALUE__WIND_GUST));
}

static void test_weather_is_what_the_file_says(void **state)
{
    (void)state;
    struct buf body = BUF_EMPTY;
    struct provider_rows rows = {0};
    NEED_FOLDER
    for (size_t i = 0; i < WEATHERS; i++) {
        read_file(weathers[i].file, &body);
        struct provider_answer answer = answer_of(&body, FETCH_CURRENT, 200, 1);
        if (openmeteo_parse(&answer, weathers[i].units, &rows) != FETCH_OK)
            fail_msg("%s: %s", weathers[i].file, rows.reason);
        assert_int_equal(rows.count, 1);
        check_weather(&weathers[i], &rows.rows[0]);
        check_decodes(weathers[i].file, &rows);
        /* What was asked for otherwise is not taken for it. */
        enum openmeteo_units wrong = weathers[i].units == OPENMETEO_ASKED ? OPENMETEO_DEFAULT : OPENMETEO_ASKED;
        assert_int_equal(openmeteo_parse(&answer, wrong, &rows), FETCH_UNEXPECTED_SHAPE);
    }
    assert_int_equal(rows.left_out, 0);
    provider_rows_release(&rows);
    buf_release(&body);
}

static void check_air(const struct air *want, const struct observation *row)
{
    check_frame(want->file, row, want->observed_s, want->provider);
    assert_int_equal(row->city_id, places[want->place].city_id);
    CHECK(index, AIR_QUALITY_INDEX);
    CHECK(pm2_5, PM2_5);
    CHECK(pm10, PM10);
    CHECK(no2, NO2);
    CHECK(o3, O3);
    CHECK(so2, SO2);
    CHECK(co, CO);
    CHECK(nh3, NH3);
#undef CHECK
    assert_true(observation_of_air(row->present));
}

static void test_air_is_what_the_file_says(void **state)
{
    (void)state;
    struct buf body = BUF_EMPTY;
    struct provider_rows rows = {0};
    NEED_FOLDER
    for (size_t i = 0; i < AIRS; i++) {
        read_file(airs[i].file, &body);
        struct provider_answer answer = answer_of(&body, FETCH_AIR, 200, airs[i].count);
        bool ours = airs[i].provider == ISOBAR__V1__PROVIDER__OPEN_METEO_AIR;
        if ((ours ? openmeteo_parse(&answer, OPENMETEO_DEFAULT, &rows)
                  : provider_openweathermap.parse(&answer, &rows)) != FETCH_OK)
            fail_msg("%s: %s", airs[i].file, rows.reason);
        assert_int_equal(rows.count, airs[i].count);
        check_air(&airs[i], &rows.rows[airs[i].place]);
        check_decodes(airs[i].file, &rows);
    }
    assert_int_equal(rows.left_out, 0);
    provider_rows_release(&rows);
    buf_release(&body);
}

static void test_everything_else_ends_in_its_named_error(void **state)
{
    (void)state;
    struct buf body = BUF_EMPTY;
    struct provider_rows rows = {0};
    NEED_FOLDER
    for (size_t i = 0; i < OTHERS; i++) {
        read_file(others[i].file, &body);
        struct provider_answer answer = answer_of(&body, FETCH_CURRENT, others[i].http_status, 1);
        enum fetch_status status = provider_openmeteo.parse(&answer, &rows);
        if (status != others[i].want || rows.retry_after_ms != others[i].wait_ms)
            fail_msg("%s: %s, wait %lld", others[i].file, fetch_status_name(status), (long long)rows.retry_after_ms);
        assert_int_equal(rows.count, 0);
        assert_true(rows.reason[0] != '\0');
        answer.http_status = 200;
        assert_int_not_equal(provider_openmeteo.parse(&answer, &rows), FETCH_OK);
    }
    provider_rows_release(&rows);
    buf_release(&body);
}

/* Whatever file there is: it has a row here when it is ours, and is no weather and no air of ours when it is not. */
static void test_no_other_file_is_taken_for_ours(void **state)
{
    (void)state;
    struct buf body = BUF_EMPTY;
    struct provider_rows rows = {0};
    size_t ours = 0;
    NEED_FOLDER
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, "om_", 3) == 0) {
            ours += entry->d_name[0] != '.';
            continue;
        }
        read_file(entry->d_name, &body);
        for (int call = 0; call < FETCH_CALLS; call++) {
            struct provider_answer answer = answer_of(&body, (enum fetch_call)call, 200, 1);
            if (provider_openmeteo.parse(&answer, &rows) == FETCH_OK && rows.count)
                fail_msg("%s is taken for Open-Meteo's", entry->d_name);
        }
    }
    closedir(directory);
    assert_int_equal(ours, WEATHERS + OTHERS + 1);
    provider_rows_release(&rows);
    buf_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weather_is_what_the_file_says),
        cmocka_unit_test(test_air_is_what_the_file_says),
        cmocka_unit_test(test_everything_else_ends_in_its_named_error),
        cmocka_unit_test(test_no_other_file_is_taken_for_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
