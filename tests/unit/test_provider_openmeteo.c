/* Open-Meteo's answers: one place and many, units, nulls, what contradicts itself, errors, and requests. */
#include "openmeteo_rows.h"

#define ITEM(members)                                                                                                  \
    "{\"latitude\":52.5,\"longitude\":13.4,\"current\":{\"time\":" TIME ",\"interval\":900" members "}}"
#define NAMED(id, members)                                                                                             \
    "{\"latitude\":1,\"location_id\":" id ",\"current\":{\"time\":" TIME ",\"interval\":900" members "}}"
#define WARM ",\"temperature_2m\":21.5"

static void test_a_whole_reading(void **state)
{
    (void)state;
    static const char text[] =
        "{\"latitude\":52.52,\"longitude\":13.419998,\"generationtime_ms\":0.2,\"utc_offset_seconds\":0,"
        "\"timezone\":\"GMT\",\"elevation\":38,\"current_units\":{\"time\":\"unixtime\",\"interval\":\"seconds\","
        "\"temperature_2m\":\"°C\",\"relative_humidity_2m\":\"%\",\"rain\":\"mm\",\"snowfall\":\"cm\","
        "\"wind_speed_10m\":\"m/s\"},\"current\":{\"time\":" TIME ",\"interval\":900,\"temperature_2m\":-0.46,"
        "\"relative_humidity_2m\":81,\"apparent_temperature\":-5.1,\"weather_code\":71,\"cloud_cover\":100,"
        "\"pressure_msl\":1009.3,\"surface_pressure\":1004.66,\"wind_speed_10m\":4.42,\"wind_direction_10m\":271,"
        "\"wind_gusts_10m\":9.8,\"rain\":0.10,\"showers\":0.30,\"snowfall\":0.21}}";
    assert_int_equal(parse(text, 1), FETCH_OK);
    assert_int_equal(rows.count, 1);
    const struct observation *row = &rows.rows[0];
    assert_int_equal(row->city_id, 11);
    assert_int_equal(row->provider, ISOBAR__V1__PROVIDER__OPEN_METEO);
    assert_int_equal(row->kind, ISOBAR__V1__ROW_KIND__OBSERVATION);
    assert_int_equal(row->observed_at_ms, TIME_MS);
    assert_int_equal(row->fetched_at_ms, FETCHED);
    assert_int_equal(row->accumulation_s, 900);
    check(0, V(TEMPERATURE), -46);
    check(0, V(HUMIDITY), 8100);
    check(0, V(FEELS_LIKE), -510);
    check(0, V(CONDITION), 71);
    check(0, V(CLOUD), 10000);
    check(0, V(PRESSURE_SEA_LEVEL), 100930);
    check(0, V(PRESSURE_STATION), 100466);
    check(0, V(WIND_SPEED), 442);
    check(0, V(WIND_DIRECTION), 27100);
    check(0, V(WIND_GUST), 980);
    check(0, V(RAIN), 400); /* with the showers */
    check(0, V(SNOW), 300); /* 0.21 cm of snow are 0.3 mm of water */
    check(0, V(VISIBILITY), NONE);
    assert_int_equal(rows.left_out, 0);
    check_worker_takes("the answer");
}

static void test_places_are_matched_by_position(void **state)
{
    (void)state;
    static const char text[] = "[" ITEM(WARM) "," NAMED("1", ",\"temperature_2m\":2") "," NAMED(
        "2", ",\"temperature_2m\":3,\"wind_direction_10m\":360") "]";
    assert_int_equal(parse(text, 3), FETCH_OK);
    assert_int_equal(rows.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(rows.rows[i].city_id, places[i].city_id);
    check(0, V(TEMPERATURE), 2150);
    check(1, V(TEMPERATURE), 200);
    check(2, V(TEMPERATURE), 300);
    check(2, V(WIND_DIRECTION), 0);
    check_worker_takes("the answer");
    assert_int_equal(parse("[" ITEM(WARM) "]", 1), FETCH_OK); /* a list of one is as good */
}

static void test_answers_for_other_places_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
    } cases[] = {{ITEM(WARM), 2},
                 {"[" ITEM(WARM) "]", 2},
                 {"[" ITEM(WARM) "," ITEM(WARM) "]", 1},
                 {"[" ITEM(WARM) "," NAMED("2", WARM) "]", 2},
                 {"[" NAMED("1", WARM) "," NAMED("0", WARM) "]", 2},
                 {"[" ITEM(WARM) "," NAMED("\"1\"", WARM) "]", 2},
                 {"[]", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (parse(cases[i].text, cases[i].count) != FETCH_UNEXPECTED_SHAPE || rows.count != 0)
            fail_msg("%s: %s", cases[i].text, rows.reason);
        assert_true(rows.reason[0] != '\0');
    }
}

/* null is not known; a place of which nothing is known has no row, and the others keep theirs. */
static void test_nulls(void **state)
{
    (void)state;
    static const char nothing[] = "[" ITEM(",\"temperature_2m\":null,\"rain\":null") "," NAMED(
        "1", ",\"temperature_2m\":null,\"relative_humidity_2m\":40") "," NAMED("2", "") "]";
    assert_int_equal(parse(nothing, 3), FETCH_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.rows[0].city_id, 12);
    check(0, V(TEMPERATURE), NONE);
    check(0, V(HUMIDITY), 4000);
    check(0, V(RAIN), NONE);
    assert_int_equal(rows.rows[0].accumulation_s, 0);
    assert_int_equal(rows.empty, 2);
    assert_int_equal(rows.left_out, 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(rows.statuses[i], FETCH_OK);
}

/* One place's fault is its own, unless no place is without. */
static void test_a_place_fails_alone(void **state)
{
    (void)state;
    static const char mixed[] =
        "[{\"latitude\":1},{\"location_id\":1,\"current\":{\"time\":\"2026-09-21T14:00\"}},"
        "{\"location_id\":2,\"current\":{\"time\":4000000000,\"temperature_2m\":1}}," NAMED("3", WARM) "]";
    static const enum fetch_status want[] = {FETCH_UNEXPECTED_SHAPE, FETCH_UNEXPECTED_SHAPE, FETCH_BAD_TIME, FETCH_OK};
    assert_int_equal(parse(mixed, 4), FETCH_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.rows[0].city_id, 14);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(rows.statuses[i], want[i]);
    assert_int_equal(parse("[{},{}]", 2), FETCH_UNEXPECTED_SHAPE);
    assert_int_equal(parse("{\"current\":{\"time\":946684799,\"temperature_2m\":1}}", 1), FETCH_BAD_TIME);
    assert_int_equal(parse("{\"current\":{\"time\":1790000424,\"temperature_2m\":1}}", 1), FETCH_BAD_TIME);
    assert_int_equal(parse("{\"current\":{\"time\":1790000423,\"temperature_2m\":1}}", 1), FETCH_OK);
}

static void test_values_that_cannot_be_used_are_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        int bit;
        int32_t want;
        int left_out;
    } cases[] = {
        {",\"temperature_2m\":\"21\"", V(TEMPERATURE), NONE, 1},
        {",\"temperature_2m\":1e300", V(TEMPERATURE), NONE, 1},
        {",\"relative_humidity_2m\":100.4", V(HUMIDITY), NONE, 1},
        {",\"relative_humidity_2m\":100", V(HUMIDITY), 10000, 0},
        {",\"wind_speed_10m\":-1", V(WIND_SPEED), NONE, 1},
        {",\"wind_direction_10m\":361", V(WIND_DIRECTION), NONE, 1},
        {",\"weather_code\":100", V(CONDITION), NONE, 1},
        {",\"weather_code\":0", V(CONDITION), 0, 0},
        {",\"rain\":-0.1", V(RAIN), NONE, 1},
        {",\"rain\":0.1", V(RAIN), 100, 0},
        {",\"showers\":2", V(RAIN), 2000, 0},
        {",\"snowfall\":0.07", V(SNOW), 100, 0},
        {",\"precipitation\":3", V(RAIN), NONE, 0}, /* not asked for: its phase is not told */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        rows.left_out = 0;
        snprintf(text, sizeof text,
                 "{\"current\":{\"time\":" TIME ",\"interval\":900,\"cloud_cover\":5,\"pressure_msl\":1000%s}}",
                 cases[i].members);
        assert_int_equal(parse(text, 1), FETCH_OK);
        check(0, cases[i].bit, cases[i].want);
        if (rows.left_out != cases[i].left_out)
            fail_msg("%s: %d left out", cases[i].members, (int)rows.left_out);
        check_worker_takes("the answer");
    }
}

/* Without a period an amount says nothing; a unit that was not asked for is not taken for the one that was. */
static void test_periods_and_units(void **state)
{
    (void)state;
    static const char *const intervals[] = {"", ",\"interval\":0", ",\"interval\":\"900\"", ",\"interval\":90000"};
    for (size_t i = 0; i < sizeof intervals / sizeof *intervals; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{\"current\":{\"time\":" TIME "%s,\"temperature_2m\":1,\"rain\":1,\"snowfall\":1}}", intervals[i]);
        assert_int_equal(parse(text, 1), FETCH_OK);
        check(0, V(RAIN), NONE);
        check(0, V(SNOW), NONE);
        check(0, V(TEMPERATURE), 100);
    }
    rows.left_out = 0;
    assert_int_equal(
        parse("{\"current_units\":{\"temperature_2m\":\"°F\",\"wind_speed_10m\":\"km/h\",\"rain\":\"inch\"},"
              "\"current\":{\"time\":" TIME ",\"interval\":3600,\"temperature_2m\":70,\"wind_speed_10m\":9,"
              "\"rain\":1,\"snowfall\":7,\"cloud_cover\":1}}",
              1),
        FETCH_OK);
    check(0, V(TEMPERATURE), NONE);
    check(0, V(WIND_SPEED), NONE);
    check(0, V(RAIN), NONE);
    check(0, V(SNOW), 10000);
    check(0, V(CLOUD), 100);
    assert_int_equal(rows.rows[0].accumulation_s, 3600);
    assert_int_equal(rows.left_out, 3);
}

static void test_the_air(void **state)
{
    (void)state;
    static const char text[] = "[{\"current_units\":{\"pm10\":\"μg/m³\"},\"current\":{\"time\":" TIME
                               ",\"interval\":3600,\"european_aqi\":19,\"pm10\":7.1,\"pm2_5\":3.25,"
                               "\"nitrogen_dioxide\":7.1,\"ozone\":58,\"sulphur_dioxide\":0.7,\"carbon_monoxide\":199,"
                               "\"ammonia\":null,\"temperature_2m\":3,\"rain\":1}}," NAMED("1", ",\"ozone\":-1") "]";
    assert_int_equal(parse_as(text, sizeof text - 1, FETCH_AIR, 200, 2), FETCH_OK);
    assert_int_equal(rows.count, 1); /* of the second nothing is left */
    assert_int_equal(rows.empty, 1);
    assert_int_equal(rows.left_out, 1);
    assert_int_equal(rows.rows[0].provider, ISOBAR__V1__PROVIDER__OPEN_METEO_AIR);
    assert_int_equal(rows.rows[0].accumulation_s, 0);
    check(0, V(AIR_QUALITY_INDEX), 19);
    check(0, V(PM10), 7100);
    check(0, V(PM2_5), 3250);
    check(0, V(NO2), 7100);
    check(0, V(O3), 58000);
    check(0, V(SO2), 700);
    check(0, V(CO), 199000);
    check(0, V(NH3), NONE);
    check(0, V(TEMPERATURE), NONE);
    check(0, V(RAIN), NONE);
    check_worker_takes("the answer");
}

static void test_broken_bodies(void **state)
{
    (void)state;
    static const char whole[] = "[" ITEM(WARM) "," NAMED("1", WARM) "]";
    static const char failed[] = "[" ITEM(WARM) "," NAMED("1", WARM) "]Unexpected error while streaming data: timeout";
    for (size_t size = 0; size < sizeof whole - 1; size++) {
        assert_int_equal(parse_as(whole, size, FETCH_CURRENT, 200, 2), FETCH_BROKEN_BODY);
        assert_int_equal(rows.count, 0);
    }
    assert_int_equal(parse(failed, 2), FETCH_BROKEN_BODY);
    assert_int_equal(parse(whole, 2), FETCH_OK);
    assert_int_equal(parse("[" ITEM(WARM) ",{\"location_id\":1,\"current\":{\"time\":17Unexpected", 2),
                     FETCH_BROKEN_BODY);
}

#define ERROR(reason) "{\"error\":true,\"reason\":\"" reason "\"}"
#define HOUR_MS       INT64_C(3600000)
#define DAY_MS        (24 * HOUR_MS)

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        int http_status;
        enum fetch_status want;
        const char *body;
        int64_t wait_ms;
    } cases[] = {
        {400, FETCH_BAD_PLACE, ERROR("Latitude must be in range of -90 to 90°. Given: 522.52."), -1},
        {400, FETCH_BAD_PLACE, ERROR("No data is available for this location"), -1},
        {400, FETCH_UNEXPECTED_STATUS, ERROR("Cannot initialize X from invalid String value x for key current"), -1},
        {400, FETCH_BAD_PLACE, "", -1},
        {404, FETCH_UNEXPECTED_STATUS, "{\"error\":true,\"reason\":\"Not Found\"}", -1},
        {429, FETCH_RATE_LIMITED, ERROR("Minutely API request limit exceeded. Please try again in one minute."), 60000},
        {429, FETCH_RATE_LIMITED, ERROR("Hourly API request limit exceeded. Please try again in the next hour."),
         HOUR_MS - FETCHED % HOUR_MS},
        {429, FETCH_RATE_LIMITED, ERROR("Daily API request limit exceeded. Please try again tomorrow."),
         DAY_MS - FETCHED % DAY_MS},
        {429, FETCH_RATE_LIMITED, ERROR("Too many concurrent requests"), 1000},
        {429, FETCH_RATE_LIMITED, "<html>", -1},
        {500, FETCH_SERVER_ERROR, "", -1},
        {502, FETCH_SERVER_ERROR, "<html>", -1},
        {503, FETCH_SERVER_ERROR, ERROR("The service is currently overloaded"), -1},
        {302, FETCH_UNEXPECTED_STATUS, "", -1},
        {200, FETCH_SERVER_ERROR, ERROR("Something"), -1},
        {400, FETCH_BAD_PLACE, ITEM(WARM), -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum fetch_status got = parse_as(cases[i].body, strlen(cases[i].body), FETCH_CURRENT, cases[i].http_status, 1);
        if (got != cases[i].want || rows.retry_after_ms != cases[i].wait_ms || rows.count != 0)
            fail_msg("%d %s: %s, wait %lld", cases[i].http_status, cases[i].body, fetch_status_name(got),
                     (long long)rows.retry_after_ms);
        assert_null(strstr(rows.reason, "limit exceeded")); /* nothing of the body goes into the log */
    }
}

static void test_urls(void **state)
{
    (void)state;
    struct buf url = BUF_EMPTY;
    struct provider_request request = {.call = FETCH_CURRENT, .places = places, .count = 2};
    provider_openmeteo.url(&request, "https://h", "", &url);
    assert_string_equal(url.data,
                        "https://h/v1/forecast?latitude=52.52000,40.70000&longitude=13.41000,-74.00000&current="
                        "temperature_2m,relative_humidity_2m,apparent_temperature,weather_code,cloud_cover,"
                        "pressure_msl,surface_pressure,wind_speed_10m,wind_direction_10m,wind_gusts_10m,rain,showers,"
                        "snowfall&wind_speed_unit=ms&timeformat=unixtime&timezone=GMT");
    buf_reset(&url);
    request = (struct provider_request){.call = FETCH_AIR, .places = places + 3, .count = 1};
    provider_openmeteo.url(&request, "https://h", "k&1", &url);
    assert_string_equal(url.data, "https://h/v1/air-quality?latitude=0.00000&longitude=0.00000&current=european_aqi,"
                                  "pm2_5,pm10,nitrogen_dioxide,ozone,sulphur_dioxide,carbon_monoxide,ammonia"
                                  "&timeformat=unixtime&timezone=GMT&apikey=k%261");
    buf_release(&url);
}

/* The largest call's URL is one that servers take, and its weight is that of its variables. */
static void test_a_call_for_many(void **state)
{
    (void)state;
    struct buf url = BUF_EMPTY;
    struct provider_place *many = calloc(provider_openmeteo.places_max, sizeof *many);
    assert_non_null(many);
    for (size_t i = 0; i < provider_openmeteo.places_max; i++)
        many[i] =
            (struct provider_place){.city_id = (int64_t)i + 1, .latitude_e5 = -8999999, .longitude_e5 = -17999999};
    struct provider_request request = {FETCH_CURRENT, many, provider_openmeteo.places_max, 0, 0};
    provider_openmeteo.url(&request, provider_openmeteo.base_url, "", &url);
    assert_true(url.size < PROVIDER_URL_MAX);
    assert_int_equal(provider_openmeteo.cost_milli(FETCH_CURRENT, 1), 1300);
    assert_int_equal(provider_openmeteo.cost_milli(FETCH_CURRENT, 74), 96200);
    assert_int_equal(provider_openmeteo.cost_milli(FETCH_AIR, 1), 1000);
    assert_int_equal(provider_openmeteo.cost_milli(FETCH_AIR, 300), 300000);
    free(many);
    buf_release(&url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_whole_reading, clear),
        cmocka_unit_test_teardown(test_places_are_matched_by_position, clear),
        cmocka_unit_test_teardown(test_answers_for_other_places_are_refused, clear),
        cmocka_unit_test_teardown(test_nulls, clear),
        cmocka_unit_test_teardown(test_a_place_fails_alone, clear),
        cmocka_unit_test_teardown(test_values_that_cannot_be_used_are_left_out, clear),
        cmocka_unit_test_teardown(test_periods_and_units, clear),
        cmocka_unit_test_teardown(test_the_air, clear),
        cmocka_unit_test_teardown(test_broken_bodies, clear),
        cmocka_unit_test_teardown(test_errors, clear),
        cmocka_unit_test_teardown(test_urls, clear),
        cmocka_unit_test_teardown(test_a_call_for_many, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
