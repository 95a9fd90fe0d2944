/*
 * Recorded payloads of weather APIs against what they say, written down by hand from each file: readings of the
 * endpoint that Isobar polls, named errors, and files of other endpoints and providers, which must not be taken for
 * readings. The payloads are not part of the repository (their licences differ): they are looked for in
 * $ISOBAR_FIXTURES, else in ../shared/fixtures beside the repository. Without them the tests are skipped, and say so;
 * test_provider_openweathermap has payloads of its own.
 */
#include "../../fetcher/provider_openweathermap.h"

#include "fixture_files.h"

#define CITY INT64_C(123456)

#define METRIC   OPENWEATHERMAP_METRIC
#define STANDARD OPENWEATHERMAP_STANDARD
#define IMPERIAL OPENWEATHERMAP_IMPERIAL

/* In the units of observation.proto. */
struct reading {
    const char *file;
    enum openweathermap_units units;
    int64_t observed_s;
    int32_t temperature, feels_like, minimum, maximum; /* 0.01 degC */
    int32_t sea_level, station;                        /* Pa */
    int32_t humidity;                                  /* 0.01 % */
    int32_t speed, direction, gust;                    /* cm/s, 0.01 deg, cm/s */
    int32_t rain, snow, accumulation_s;                /* um, um, s */
    int32_t cloud, visibility, condition;              /* 0.01 %, m, code */
};

#define MINSK(n) "owm_java_CurrentWeather_getSingle_" n ".json"
#define VCR(n)   "owm_vcr_weather_weather_" n "__http200.json"
#define REAL(n)  "real_current_" n ".json"

static const struct reading readings[] = {
    {MINSK("1"), METRIC, 1617746826, 184, -31, 167, 200, 100100, NONE, 6900, 200, 25000, NONE, 0, 200, 3600, 7500,
     10000, 600},
    {MINSK("withLocationVariations_2"), METRIC, 1617746826, 184, -31, 167, 200, 100100, NONE, 6900, 200, 25000, NONE, 0,
     100, 3600, 7500, 10000, 600},
    {MINSK("withLocationVariations_3"), METRIC, 1617746826, 184, -31, 167, 200, 100100, NONE, 6900, 200, 25000, NONE, 0,
     100, 3600, 7500, 10000, 600},
    {MINSK("withLocationVariations_4"), METRIC, 1617746826, 184, -31, 167, 200, 100100, NONE, 6900, 200, 25000, NONE, 0,
     100, 3600, 7500, 10000, 600},
    {MINSK("withRainVariations_1"), METRIC, 1617746826, 184, -31, 167, 200, 100100, NONE, 6900, 200, 25000, NONE, 100,
     0, 3600, 7500, 10000, 600},
    {MINSK("withRainVariations_2"), METRIC, 1617746826, 184, -31, 167, 200, 100100, NONE, 6900, 200, 25000, NONE, 300,
     0, 10800, 7500, 10000, 600},
    {MINSK("withRainVariations_3"), METRIC, 1617746826, 184, -31, 167, 200, 100100, NONE, 6900, 200, 25000, NONE, 100,
     0, 3600, 7500, 10000, 600},
    {MINSK("withSnowVariations_1"), METRIC, 1617746826, 184, -31, 167, 200, 100100, NONE, 6900, 200, 25000, NONE, 0,
     100, 3600, 7500, 10000, 600},
    {MINSK("withSnowVariations_2"), METRIC, 1617746826, 184, -31, 167, 200, 100100, NONE, 6900, 200, 25000, NONE, 0,
     300, 10800, 7500, 10000, 600},
    {MINSK("withSnowVariations_3"), METRIC, 1617746826, 184, -31, 167, 200, 100100, NONE, 6900, 200, 25000, NONE, 0,
     100, 3600, 7500, 10000, 600},
    {MINSK("withTemperatureVariations_2"), METRIC, 1617746826, 184, NONE, 167, 200, 100100, NONE, 6900, 200, 25000,
     NONE, 0, 200, 3600, 7500, 10000, 600},
    {MINSK("withTemperatureVariations_3"), METRIC, 1617746826, 184, -31, NONE, 200, 100100, NONE, 6900, 200, 25000,
     NONE, 0, 200, 3600, 7500, 10000, 600},
    {MINSK("withTemperatureVariations_4"), METRIC, 1617746826, 184, -31, 167, NONE, 100100, NONE, 6900, 200, 25000,
     NONE, 0, 200, 3600, 7500, 10000, 600},
    {MINSK("withWindVariations_2"), METRIC, 1617746826, 184, -31, 167, 200, 100100, NONE, 6900, 200, NONE, NONE, 0, 200,
     3600, 7500, 10000, 600},
    {MINSK("withWindVariations_3"), METRIC, 1617746826, 184, -31, 167, 200, 100100, NONE, 6900, 200, 25000, 244, 0, 200,
     3600, 7500, 10000, 600},

    {VCR("id"), STANDARD, 1588047748, 872, 396, 778, 1000, 100500, NONE, 8700, 570, 9000, NONE, 1270, 0, 3600, 7500,
     8000, 501},
    {VCR("id_en"), STANDARD, 1588338951, 1408, 1070, 1278, 1667, 99800, NONE, 6600, 410, 25000, NONE, 300, 0, 3600, 500,
     10000, 500},
    {VCR("id_fr_metric"), METRIC, 1589717622, 1367, 579, 1300, 1400, 101000, NONE, 4700, 900, 26000, NONE, 0, 0, 3600,
     4000, 10000, 520},
    {VCR("id_ru"), STANDARD, 1588299211, 805, 440, 722, 900, 99600, NONE, 8100, 360, 23000, NONE, 250, 0, 3600, 8400,
     10000, 500},
    {VCR("id_ru_imperial"), IMPERIAL, 1588339006, 1200, 715, 1200, 1200, 101400, NONE, 2700, 300, 9000, NONE, 0, 0,
     3600, 0, 10000, 800},
    {VCR("id_ru_metric"), METRIC, 1588338706, 1200, 715, 1200, 1200, 101400, NONE, 2700, 300, 9000, NONE, 0, 0, 3600, 0,
     10000, 800},
    {VCR("lat_lon"), STANDARD, 1588048665, 893, 422, 778, 1056, 100500, NONE, 8700, 570, 9000, NONE, 1520, 0, 3600,
     7500, 8000, 501},
    {VCR("name"), STANDARD, 1588044368, 942, 458, 833, 1000, 100500, NONE, 8100, 570, 7000, NONE, 510, 0, 3600, 10000,
     10000, 500},
    {VCR("name_state_country"), STANDARD, 1588045785, 671, 367, 611, 722, 101900, NONE, 7500, 210, NONE, NONE, 0, 0,
     3600, 9000, 16093, 804},
    {VCR("zip"), STANDARD, 1588048598, 654, 296, 556, 722, 101900, NONE, 7000, 260, NONE, NONE, 0, 0, 3600, 7500, 16093,
     803},

    {REAL("2019_metric_id0"), METRIC, 1571358925, 2607, NONE, 2607, 2607, 101324, 101327, 7300, 404, 23225, NONE, 0, 0,
     3600, 9000, NONE, 804},
    {REAL("antarctica_2019_no_visibility"), STANDARD, 1552076514, -2428, NONE, -2428, -2428, 100614, 72268, 6700, 891,
     900, NONE, 0, 0, 3600, 4400, NONE, 802},
    {REAL("boston_rain_imperial_2016"), IMPERIAL, 1459956213, 301, NONE, 100, 1000, 102900, NONE, 5700, 360, 6000, NONE,
     300, 0, 3600, 100, NONE, 500},
    {REAL("chita_cold_2024_ru"), METRIC, 1734252715, -1806, -2349, -1806, -1806, 102800, 91900, 5500, 200, 28000, NONE,
     0, 0, 3600, 600, 10000, 800},
    {REAL("franklin_zip_id0_visibility16093_2019"), STANDARD, 1574883051, 1353, NONE, 1100, 1611, 101900, NONE, 3300,
     570, 26000, 820, 250, 0, 3600, 100, 16093, 500},
    {REAL("karaganda_snow_2020_metric"), METRIC, 1608401435, -700, -1643, -700, -700, 101200, NONE, 7300, 900, 18000,
     NONE, 0, 620, 3600, 7500, 2800, 621},
    {REAL("kyiv_snow_2021"), STANDARD, 1612202015, -500, -1191, -500, -500, 100700, NONE, 9300, 600, 3000, NONE, 0, 100,
     3600, 7500, 10000, 803},
    {REAL("london_light_rain_2020"), STANDARD, 1602099808, 1315, 1041, 1222, 1389, 101600, NONE, 8100, 396, 22100, NONE,
     460, 0, 3600, 9600, 10000, 500},
    {REAL("mragowo_low_visibility_2022"), STANDARD, 1670064707, -400, -802, -400, -400, 102800, 101100, 9300, 273,
     10400, 597, 0, 480, 3600, 10000, 175, 600},
    {REAL("new_york_rain_and_snow_2019"), STANDARD, 1575230183, -21, NONE, -333, 389, 100700, NONE, 8600, 930, 7000,
     NONE, 950, 1320, 3600, 9000, 4828, 501},
    {REAL("odesa_no_systype_2022"), METRIC, 1664909335, 1394, 1280, 1394, 1394, 102100, 101500, 5400, 458, 31400, 816,
     0, 0, 3600, 7300, 10000, 803},
    {REAL("polar_day_sunrise_zero"), STANDARD, 1682686985, 223, -461, 223, 223, 102200, 102200, 8800, 1191, 16600, 1706,
     0, 0, 3600, 10000, 10000, 804},
    {REAL("warsaw_2019"), STANDARD, 1575229786, 111, NONE, -167, 389, 102100, NONE, 8900, 150, 19000, NONE, 0, 0, 3600,
     2000, 9000, 801},
};
#define READINGS (sizeof readings / sizeof *readings)

/* What is no reading: its HTTP status, what it ends in with that status, and when HTTP says 200. */
struct other {
    const char *file;
    int http_status;
    enum fetch_status status, status_of_200;
};

static const struct other others[] = {
    /* the polled endpoint without `dt`: nobody knows when it was observed */
    {MINSK("withoutDt_1"), 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {MINSK("withoutWeatherNode_1"), 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    /* damaged */
    {"bad_owm_java_CurrentWeather_getList_withDamagedJSON_1.txt", 200, FETCH_BROKEN_BODY, FETCH_BROKEN_BODY},
    {"bad_owm_java_CurrentWeather_getSingle_withDamagedJSON_1.txt", 200, FETCH_BROKEN_BODY, FETCH_BROKEN_BODY},
    /* errors of the polled API */
    {"owm_vcr_errors_access_denied__http401.json", 401, FETCH_KEY_REFUSED, FETCH_KEY_REFUSED},
    {"real_error_400_bad_query.json", 400, FETCH_BAD_PLACE, FETCH_BAD_PLACE},
    {"real_error_400_nothing_to_geocode.json", 400, FETCH_BAD_PLACE, FETCH_BAD_PLACE},
    {"real_error_400_wrong_latitude.json", 400, FETCH_BAD_PLACE, FETCH_BAD_PLACE},
    {"real_error_401_onecall_subscription.json", 401, FETCH_KEY_REFUSED, FETCH_KEY_REFUSED},
    {"real_error_404_city_not_found.json", 404, FETCH_BAD_PLACE, FETCH_BAD_PLACE},
    {"real_error_429_blocked.json", 429, FETCH_RATE_LIMITED, FETCH_RATE_LIMITED},
    /* other endpoints and providers */
    {"om_error_400_latitude.json", 400, FETCH_BAD_PLACE, FETCH_UNEXPECTED_SHAPE},
    {"om_error_429_concurrent.json", 429, FETCH_RATE_LIMITED, FETCH_UNEXPECTED_SHAPE},
    {"om_error_429_daily.json", 429, FETCH_RATE_LIMITED, FETCH_UNEXPECTED_SHAPE},
    {"om_error_429_hourly.json", 429, FETCH_RATE_LIMITED, FETCH_UNEXPECTED_SHAPE},
    {"om_error_429_minutely.json", 429, FETCH_RATE_LIMITED, FETCH_UNEXPECTED_SHAPE},
    {"om_multi_airquality_london_nyc_2026.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"om_omgo_error.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"om_omgo_forecast_current.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"om_omgo_forecast_daily.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"om_omgo_forecast_hourly.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"om_omgo_historical.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"om_real_current_berlin_2024.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"om_real_current_fano_2026.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"om_real_current_unixtime_2024.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_java_AirPollution_mapToAirPollution_withCoordinatesVariation_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_CurrentWeather_getList_1.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_java_FiveDayThreeHourStepForecast_mapToForecast_whenSysNodeIsNotSet_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_FiveDayThreeHourStepForecast_mapToForest_whenWeatherStateIsNotSet_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_FiveDayThreeHourStepForecast_mapToForest_withCloudsVariants_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_FiveDayThreeHourStepForecast_mapToForest_withCoordinateVariants_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_FiveDayThreeHourStepForecast_mapToForest_withCoordinateVariants_2.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_FiveDayThreeHourStepForecast_mapToForest_withCoordinateVariants_3.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_FiveDayThreeHourStepForecast_mapToForest_withCoordinateVariants_4.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_FiveDayThreeHourStepForecast_mapToForest_withLocationVariants_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_FiveDayThreeHourStepForecast_mapToForest_withPressureVariants_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_FiveDayThreeHourStepForecast_mapToForest_withRainVariants_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_FiveDayThreeHourStepForecast_mapToForest_withSnowVariants_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_FiveDayThreeHourStepForecast_mapToForest_withTemperatureVariants_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_FiveDayThreeHourStepForecast_mapToForest_withWindVariants_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_OneCallWeather_mapToCurrent_onlyAlerts_1.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_java_OneCallWeather_mapToCurrent_withCurrentVariants_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_OneCallWeather_mapToCurrent_withHourlyVariations_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_OneCallWeather_mapToCurrent_withoutDailyListNode_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_OneCallWeather_mapToCurrent_withoutHourlyListNode_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_OneCallWeather_mapToHistorical_withHourlyHistoricalVariants_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_OneCallWeather_mapToHistorical_withHourlyHistoricalVariants_2.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_OneCallWeather_mapToHistorical_withWeatherVariants_1.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_java_OneCallWeather_mapToHistorical_withWeatherVariants_2.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_forecast_five_day_1__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_forecast_five_day_2__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_forecast_five_day__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_forecast_hourly_1__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_forecast_hourly__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_forecast_thirty_day_1__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_forecast_thirty_day_2__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_forecast_thirty_day__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_one_call_base_plan__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_one_call_error_out_of_range__http400.json", 400, FETCH_BAD_PLACE, FETCH_BAD_PLACE},
    {"owm_vcr_one_call_lat_lon__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_one_call_lat_lon_exclude_minutely_hourly__http200.json", 200, FETCH_UNEXPECTED_SHAPE,
     FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_one_call_lat_lon_yesterday__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_weather_box_city__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_weather_box_city_cluster__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_weather_find__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_weather_group__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
    {"owm_vcr_weather_group_metric__http200.json", 200, FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE},
};
#define OTHERS (sizeof others / sizeof *others)

static enum fetch_status parse(const struct buf *body, enum fetch_call call, int http_status,
                               enum openweathermap_units units, struct provider_rows *rows)
{
    static const struct provider_place place = {.city_id = CITY};
    struct provider_answer answer = {.call = call,
                                     .http_status = http_status,
                                     .body = body->data,
                                     .size = body->size,
                                     .places = &place,
                                     .count = 1,
                                     .fetched_at_ms = FETCHED};
    return openweathermap_parse(&answer, units, rows);
}

static void check_reading(const struct reading *want, const struct observation *row)
{
    const char *file = want->file;
    assert_int_equal(row->city_id, CITY);
    assert_int_equal(row->fetched_at_ms, FETCHED);
    assert_int_equal(row->kind, ISOBAR__V1__ROW_KIND__OBSERVATION);
    assert_int_equal(row->provider, ISOBAR__V1__PROVIDER__OPENWEATHERMAP);
    assert_int_equal(row->series, 0);
    assert_int_equal(row->quality, 0);
    if (row->observed_at_ms != want->observed_s * 1000)
        fail_msg("%s: observed at %lld", file, (long long)row->observed_at_ms);
    if (row->accumulation_s != want->accumulation_s)
        fail_msg("%s: accumulation over %d s, want %d", file, row->accumulation_s, want->accumulation_s);
#define CHECK(field, bit) check_value(file, #field, row, ISOBAR__V1__VALUE__##bit, want->field)
    CHECK(temperature, TEMPERATURE);
    CHECK(feels_like, FEELS_LIKE);
    CHECK(minimum, TEMPERATURE_MIN);
    CHECK(maximum, TEMPERATURE_MAX);
    CHECK(sea_level, PRESSURE_SEA_LEVEL);
    CHECK(station, PRESSURE_STATION);
    CHECK(humidity, HUMIDITY);
    CHECK(speed, WIND_SPEED);
    CHECK(direction, WIND_DIRECTION);
    CHECK(gust, WIND_GUST);
    CHECK(rain, RAIN);
    CHECK(snow, SNOW);
    CHECK(cloud, CLOUD);
    CHECK(visibility, VISIBILITY);
    CHECK(condition, CONDITION);
#undef CHECK
    assert_int_equal(row->present >> (ISOBAR__V1__VALUE__CONDITION + 1), 0);
    assert_false(observation_has(row, ISOBAR__V1__VALUE__DEW_POINT));
}

static void test_readings_are_what_the_file_says(void **state)
{
    (void)state;
    struct buf body = BUF_EMPTY;
    struct provider_rows rows = {0};
    NEED_FOLDER
    for (size_t i = 0; i < READINGS; i++) {
        read_file(readings[i].file, &body);
        enum fetch_status status = parse(&body, FETCH_CURRENT, 200, readings[i].units, &rows);
        if (status != FETCH_OK)
            fail_msg("%s: %s: %s", readings[i].file, fetch_status_name(status), rows.reason);
        assert_int_equal(rows.count, 1);
        check_reading(&readings[i], &rows.rows[0]);
        check_decodes(readings[i].file, &rows);
    }
    assert_int_equal(rows.left_out, 0);
    provider_rows_release(&rows);
    buf_release(&body);
}

static void check_status(const char *file, enum fetch_status status, enum fetch_status want,
                         const struct provider_rows *rows)
{
    if (status != want)
        fail_msg("%s: %s (%s), want %s", file, fetch_status_name(status), rows->reason, fetch_status_name(want));
    assert_int_equal(rows->count, 0);
    assert_true(rows->reason[0] != '\0');
}

static void test_everything_else_ends_in_its_named_error(void **state)
{
    (void)state;
    struct buf body = BUF_EMPTY;
    struct provider_rows rows = {0};
    NEED_FOLDER
    for (size_t i = 0; i < OTHERS; i++) {
        const struct other *other = &others[i];
        read_file(other->file, &body);
        check_status(other->file, parse(&body, FETCH_CURRENT, other->http_status, METRIC, &rows), other->status, &rows);
        check_status(other->file, parse(&body, FETCH_CURRENT, 200, METRIC, &rows), other->status_of_200, &rows);
    }
    provider_rows_release(&rows);
    buf_release(&body);
}

/* As a history, a forecast or a group may well be read: whatever comes out must be fit for a worker. */
static void test_no_file_makes_a_history_that_a_worker_refuses(void **state)
{
    (void)state;
    struct buf body = BUF_EMPTY;
    struct provider_rows rows = {0};
    size_t read = 0;
    NEED_FOLDER
    for (size_t i = 0; i < READINGS + OTHERS; i++) {
        const char *file = i < READINGS ? readings[i].file : others[i - READINGS].file;
        read_file(file, &body);
        enum fetch_status status = parse(&body, FETCH_HISTORY, 200, METRIC, &rows);
        assert_true(rows.count == 0 || status == FETCH_OK);
        if (rows.count)
            check_decodes(file, &rows);
        read += rows.count > 0;
    }
    assert_true(read > 0);
    provider_rows_release(&rows);
    buf_release(&body);
}

static bool listed(const char *file)
{
    for (size_t i = 0; i < READINGS; i++) {
        if (strcmp(readings[i].file, file) == 0)
            return true;
    }
    for (size_t i = 0; i < OTHERS; i++) {
        if (strcmp(others[i].file, file) == 0)
            return true;
    }
    return false;
}

static void test_every_file_has_a_row(void **state)
{
    (void)state;
    size_t files = 0;
    NEED_FOLDER
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "SOURCES.txt") == 0)
            continue;
        files++;
        if (!listed(entry->d_name))
            fail_msg("%s has no row in the tables", entry->d_name);
    }
    closedir(directory);
    assert_int_equal(files, READINGS + OTHERS);
}

/* The units in the table are those that SOURCES.txt names. */
static void test_units_are_those_of_the_sources(void **state)
{
    (void)state;
    static const char *const names[] = {
        [METRIC] = "units: metric", [STANDARD] = "units: standard", [IMPERIAL] = "units: imperial"};
    struct buf text = BUF_EMPTY;
    NEED_FOLDER
    read_file("SOURCES.txt", &text);
    for (size_t i = 0; i < READINGS; i++) {
        char *line = strstr(text.data, readings[i].file), *units = line ? strstr(line, "units: ") : NULL;
        if (!units)
            fail_msg("%s is not in SOURCES.txt", readings[i].file);
        else if (memchr(line, '\n', (size_t)(units - line)) ||
                 strncmp(units, names[readings[i].units], strlen(names[readings[i].units])) != 0)
            fail_msg("%s: SOURCES.txt says %.20s", readings[i].file, units);
    }
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readings_are_what_the_file_says),
        cmocka_unit_test(test_everything_else_ends_in_its_named_error),
        cmocka_unit_test(test_no_file_makes_a_history_that_a_worker_refuses),
        cmocka_unit_test(test_every_file_has_a_row),
        cmocka_unit_test(test_units_are_those_of_the_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
