/* Aerodrome reports: whole ones, how they find their places, each unit, what is absent or wrong, errors, requests. */
#include "metar_rows.h"

static void test_a_whole_report_of_america(void **state)
{
    (void)state;
    static const char text[] =
        "[{\"icaoId\":\"KSEA\",\"receiptTime\":\"2026-09-21T13:56:53.763Z\",\"obsTime\":" TIME
        ",\"reportTime\":\"2026-09-21T14:00:00.000Z\",\"temp\":6.7,\"dewp\":3.9,\"wdir\":210,\"wspd\":12,\"wgst\":23,"
        "\"visib\":\"10+\",\"altim\":1005.2,\"slp\":1004.9,\"qcField\":4,\"presTend\":-1.2,\"maxT\":9,\"minT\":2,"
        "\"precip\":0.01,\"pcp6hr\":0.4,\"wxString\":\"-RA\",\"metarType\":\"METAR\",\"rawOb\":\"METAR KSEA 211353Z\","
        "\"lat\":47.4447,\"lon\":-122.3144,\"elev\":130,\"name\":\"Seattle-Tacoma Intl, WA, US\",\"cover\":\"OVC\","
        "\"clouds\":[{\"cover\":\"BKN\",\"base\":2600},{\"cover\":\"OVC\",\"base\":3400}],\"fltCat\":\"MVFR\"}]";
    assert_int_equal(parse(text, 1), FETCH_OK);
    assert_int_equal(rows.count, 1);
    const struct observation *row = &rows.rows[0];
    assert_int_equal(row->city_id, 11);
    assert_int_equal(row->provider, ISOBAR__V1__PROVIDER__METAR);
    assert_int_equal(row->kind, ISOBAR__V1__ROW_KIND__OBSERVATION);
    assert_int_equal(row->observed_at_ms, TIME_MS);
    assert_int_equal(row->fetched_at_ms, FETCHED);
    assert_int_equal(row->accumulation_s, 3600);
    assert_int_equal(row->quality, 0);
    check(0, V(TEMPERATURE), 670);
    check(0, V(DEW_POINT), 390);
    check(0, V(HUMIDITY), 8233);
    check(0, V(FEELS_LIKE), NONE);
    check(0, V(TEMPERATURE_MIN), NONE);
    check(0, V(TEMPERATURE_MAX), NONE);
    check(0, V(WIND_SPEED), 617); /* 12 kt = 6.173 m/s */
    check(0, V(WIND_GUST), 1183);
    check(0, V(WIND_DIRECTION), 21000);
    check(0, V(VISIBILITY), 16093);
    check(0, V(PRESSURE_SEA_LEVEL), 100490);
    check(0, V(PRESSURE_STATION), 98978); /* of the altimeter setting at 130 m */
    check(0, V(CLOUD), 10000);
    check(0, V(CONDITION), 61);
    check(0, V(RAIN), 254);
    check(0, V(SNOW), NONE);
    assert_int_equal(rows.left_out, 0);
    check_worker_takes("the answer");
}

/* As many countries have them: whole degrees and hPa, no pressure at sea level, "more than six miles". */
static void test_a_report_of_elsewhere(void **state)
{
    (void)state;
    static const char text[] =
        "[" REPORT("EDDB", ",\"temp\":-4,\"dewp\":-4,\"wdir\":\"VRB\",\"wspd\":2,\"visib\":\"6+\",\"altim\":1027,"
                           "\"qcField\":16,\"metarType\":\"METAR\",\"elev\":48,\"cover\":\"CAVOK\",\"clouds\":[]") "]";
    assert_int_equal(parse(text, 4), FETCH_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.rows[0].city_id, 14);
    check(0, V(TEMPERATURE), -400);
    check(0, V(DEW_POINT), -400);
    check(0, V(HUMIDITY), 10000);
    check(0, V(WIND_SPEED), 103);
    check(0, V(WIND_DIRECTION), NONE);
    check(0, V(WIND_GUST), NONE);
    check(0, V(VISIBILITY), 9656);
    check(0, V(PRESSURE_SEA_LEVEL), NONE);
    check(0, V(PRESSURE_STATION), 102118);
    check(0, V(CLOUD), NONE);
    check(0, V(CONDITION), NONE);
    check(0, V(RAIN), NONE);
    assert_int_equal(rows.rows[0].accumulation_s, 0);
    assert_int_equal(rows.left_out, 0);
    assert_int_equal(rows.empty, 3);
    check_worker_takes("the answer");
}

/* ---- places ---- */

static void test_reports_find_their_places(void **state)
{
    (void)state;
    static const char text[] =
        "[" REPORT("EDDB", ",\"temp\":4") "," REPORT("KNYC", ",\"temp\":2") "," REPORT("KSEA", ",\"temp\":1") "]";
    static const struct {
        int64_t city;
        int32_t temperature;
    } want[] = {{11, 100}, {12, 200}, {14, 400}, {15, 200}};
    assert_int_equal(parse(text, PLACES), FETCH_OK);
    assert_int_equal(rows.count, 4); /* two cities have the same station, and London's has no report */
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(rows.rows[i].city_id, want[i].city);
        check(i, V(TEMPERATURE), want[i].temperature);
    }
    for (size_t i = 0; i < PLACES; i++)
        assert_int_equal(rows.statuses[i], FETCH_OK);
    assert_int_equal(rows.empty, 1);
    check_worker_takes("the answer");
}

/* Of several reports of a station the newest counts, be it a special or not. */
static void test_the_newest_report_counts(void **state)
{
    (void)state;
    static const char special[] = "{\"icaoId\":\"KSEA\",\"obsTime\":1789999500,\"temp\":9,\"metarType\":\"SPECI\"}",
                      routine[] = REPORT("KSEA", ",\"temp\":1,\"metarType\":\"METAR\""),
                      timeless[] = "{\"icaoId\":\"KSEA\",\"temp\":5}";
    const char *const orders[][3] = {
        {special, routine, timeless}, {routine, timeless, special}, {timeless, special, routine}};
    for (size_t i = 0; i < 3; i++) {
        char text[512];
        snprintf(text, sizeof text, "[%s,%s,%s]", orders[i][0], orders[i][1], orders[i][2]);
        assert_int_equal(parse(text, 1), FETCH_OK);
        assert_int_equal(rows.count, 1);
        assert_int_equal(rows.rows[0].observed_at_ms, INT64_C(1789999500000));
        check(0, V(TEMPERATURE), 900);
    }
}

static void test_no_reports(void **state)
{
    (void)state;
    assert_int_equal(parse("[]", 2), FETCH_OK);
    assert_int_equal(rows.count, 0);
    assert_int_equal(rows.empty, 2);
    assert_int_equal(parse_as("", 0, 204, 3), FETCH_OK);
    assert_int_equal(rows.empty, 5);
    assert_int_equal(parse("", 1), FETCH_OK);
    assert_int_equal(rows.empty, 6);
    assert_int_equal(rows.place_count, 1);
    assert_int_equal(rows.statuses[0], FETCH_OK);
    /* one that says nothing is none */
    assert_int_equal(parse("[" REPORT("KSEA", ",\"temp\":null,\"clouds\":[],\"wxString\":null") "]", 1), FETCH_OK);
    assert_int_equal(rows.count, 0);
    assert_int_equal(rows.empty, 7);
    assert_int_equal(rows.left_out, 0);
}

/* One place's fault is its own, unless no place is without. */
static void test_a_place_fails_alone(void **state)
{
    (void)state;
    static const char mixed[] =
        "[{\"icaoId\":\"KSEA\",\"temp\":1},{\"icaoId\":\"KNYC\",\"obsTime\":4000000000,\"temp\":1},"
        "{\"icaoId\":\"EGLL\",\"obsTime\":\"2026-09-21T13:53:00Z\"}," REPORT("EDDB", ",\"temp\":4") "]";
    static const enum fetch_status want[] = {FETCH_UNEXPECTED_SHAPE, FETCH_BAD_TIME, FETCH_UNEXPECTED_SHAPE, FETCH_OK};
    assert_int_equal(parse(mixed, 4), FETCH_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.rows[0].city_id, 14);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(rows.statuses[i], want[i]);
    assert_int_equal(parse(mixed, 2), FETCH_UNEXPECTED_SHAPE);
    assert_int_equal(rows.count, 0);
    assert_true(rows.reason[0] != '\0');
    static const char *const times[] = {"946684799", "1790000424", "-1", "1e300"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char text[128];
        snprintf(text, sizeof text, "[{\"icaoId\":\"KSEA\",\"obsTime\":%s,\"temp\":1}]", times[i]);
        if (parse(text, 1) != FETCH_BAD_TIME)
            fail_msg("%s: %s", times[i], rows.reason);
    }
    assert_int_equal(parse("[{\"icaoId\":\"KSEA\",\"obsTime\":1790000423,\"temp\":1}]", 1), FETCH_OK);
}

/* ---- values ---- */

static void test_values_and_their_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        int bit;
        int32_t want;
    } cases[] = {
        {"\"temp\":0", V(TEMPERATURE), 0},
        {"\"temp\":-17.8", V(TEMPERATURE), -1780},
        {"\"temp\":22,\"dewp\":13", V(HUMIDITY), 5666},
        {"\"temp\":4,\"dewp\":4.5", V(HUMIDITY), 10000},
        {"\"temp\":4,\"dewp\":5", V(HUMIDITY), NONE},
        {"\"temp\":4", V(HUMIDITY), NONE},
        {"\"temp\":null,\"dewp\":4", V(HUMIDITY), NONE},
        {"\"dewp\":4", V(DEW_POINT), 400},
        {"\"wspd\":0,\"wdir\":0", V(WIND_SPEED), 0},
        {"\"wspd\":0,\"wdir\":0", V(WIND_DIRECTION), NONE}, /* calm */
        {"\"wspd\":0,\"wdir\":90", V(WIND_DIRECTION), NONE},
        {"\"wspd\":3,\"wdir\":0", V(WIND_DIRECTION), NONE},
        {"\"wspd\":3,\"wdir\":360", V(WIND_DIRECTION), 0}, /* north */
        {"\"wspd\":3,\"wdir\":10", V(WIND_DIRECTION), 1000},
        {"\"wspd\":3,\"wdir\":null", V(WIND_DIRECTION), NONE},
        {"\"wdir\":90", V(WIND_DIRECTION), NONE}, /* of no known speed */
        {"\"wspd\":100", V(WIND_SPEED), 5144},
        {"\"wspd\":10,\"wgst\":0", V(WIND_GUST), NONE},
        {"\"wspd\":10,\"wgst\":null", V(WIND_GUST), NONE},
        {"\"visib\":10", V(VISIBILITY), 16093},
        {"\"visib\":2.49", V(VISIBILITY), 4007},
        {"\"visib\":0", V(VISIBILITY), 0},
        {"\"visib\":0.0625", V(VISIBILITY), 101},
        {"\"visib\":\"3\"", V(VISIBILITY), 4828},
        {"\"visib\":\"1/2\"", V(VISIBILITY), 805},
        {"\"visib\":\"1 3/4\"", V(VISIBILITY), 2816},
        {"\"visib\":\"\"", V(VISIBILITY), NONE},
        {"\"visib\":null", V(VISIBILITY), NONE},
        {"\"slp\":1013.25", V(PRESSURE_SEA_LEVEL), 101325},
        {"\"altim\":1013", V(PRESSURE_SEA_LEVEL), NONE},
        {"\"altim\":1013.25", V(PRESSURE_STATION), NONE}, /* of no known elevation */
        {"\"altim\":1013.25,\"elev\":0", V(PRESSURE_STATION), 101325},
        {"\"altim\":1013.25,\"elev\":1000", V(PRESSURE_STATION), 89875},
        {"\"altim\":1030,\"elev\":4061", V(PRESSURE_STATION), 62265}, /* La Paz */
        {"\"clouds\":[{\"cover\":\"FEW\",\"base\":900}]", V(CLOUD), 1875},
        {"\"clouds\":[{\"cover\":\"SCT\",\"base\":900},{\"cover\":\"FEW\",\"base\":null}]", V(CLOUD), 4375},
        {"\"clouds\":[{\"cover\":\"FEW\"},{\"cover\":\"BKN\"}],\"cover\":\"OVC\"", V(CLOUD), 7500},
        {"\"clouds\":[{\"cover\":\"OVX\",\"base\":200}]", V(CLOUD), 10000},
        {"\"clouds\":[{\"cover\":\"VV\"}]", V(CLOUD), 10000},
        {"\"clouds\":[{\"cover\":\"NSC\"}]", V(CLOUD), NONE},
        {"\"clouds\":[{\"base\":900}]", V(CLOUD), NONE},
        {"\"clouds\":[],\"cover\":\"CLR\"", V(CLOUD), 0},
        {"\"clouds\":[],\"cover\":\"SKC\"", V(CLOUD), 0},
        {"\"cover\":\"NCD\"", V(CLOUD), 0},
        {"\"cover\":\"CAVOK\"", V(CLOUD), NONE},
        {"\"clouds\":null", V(CLOUD), NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t value = value_of(cases[i].members, cases[i].bit);
        if (value != cases[i].want)
            fail_msg("%s: %d instead of %d", cases[i].members, value, cases[i].want);
        if (rows.count) /* a report with nothing known has no row */
            check_worker_takes(cases[i].members);
    }
    assert_int_equal(rows.left_out, 0);
}

/* Each costs itself, is counted, and nothing else. */
static void test_values_that_cannot_be(void **state)
{
    (void)state;
    static const char *const wrong[] = {"\"dewp\":\"4\"",
                                        "\"dewp\":1e300",
                                        "\"dewp\":[]",
                                        "\"wspd\":-1",
                                        "\"wspd\":\"12\"",
                                        "\"wspd\":1e9",
                                        "\"wspd\":5,\"wgst\":-3",
                                        "\"wspd\":5,\"wdir\":361",
                                        "\"wspd\":5,\"wdir\":-10",
                                        "\"wspd\":5,\"wdir\":\"north\"",
                                        "\"visib\":-1",
                                        "\"visib\":true",
                                        "\"visib\":\"P6SM\"",
                                        "\"visib\":\"1/0\"",
                                        "\"visib\":\"1/\"",
                                        "\"visib\":\"/2\"",
                                        "\"visib\":\"1 2\"",
                                        "\"visib\":\"1/2/3\"",
                                        "\"visib\":\"6++\"",
                                        "\"visib\":\"+\"",
                                        "\"visib\":\"nan\"",
                                        "\"visib\":\"99999999999999999999\"",
                                        "\"slp\":-5",
                                        "\"slp\":{}",
                                        "\"altim\":29.92,\"elev\":0",
                                        "\"altim\":1101,\"elev\":0",
                                        "\"altim\":1013,\"elev\":9001",
                                        "\"altim\":1013,\"elev\":-501",
                                        "\"altim\":1013,\"elev\":\"4\"",
                                        "\"clouds\":[{\"cover\":\"MANY\"}]",
                                        "\"cover\":\"many\"",
                                        "\"precip\":-0.1,\"metarType\":\"METAR\"",
                                        "\"precip\":\"0.1\",\"metarType\":\"METAR\""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char members[256];
        int64_t before = rows.left_out;
        snprintf(members, sizeof members, "\"temp\":20,%s", wrong[i]);
        assert_int_equal(value_of(members, V(TEMPERATURE)), 2000);
        if (rows.left_out != before + 1)
            fail_msg("%s: %d left out", wrong[i], (int)(rows.left_out - before));
        check_worker_takes(members);
    }
}

/* Water of an hour is rain where it can be nothing else. */
static void test_precipitation(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        int32_t rain;
    } cases[] = {{"\"temp\":12,\"precip\":0.1,\"metarType\":\"METAR\"", 2540},
                 {"\"temp\":12,\"precip\":0,\"metarType\":\"METAR\"", 0},
                 {"\"temp\":12,\"precip\":0.005,\"metarType\":\"METAR\"", 0}, /* a trace */
                 {"\"temp\":12,\"precip\":0.1,\"metarType\":\"SPECI\"", NONE},
                 {"\"temp\":12,\"precip\":0.1", NONE},
                 {"\"temp\":3,\"precip\":0.1,\"metarType\":\"METAR\"", NONE},
                 {"\"precip\":0.1,\"metarType\":\"METAR\"", NONE},
                 {"\"temp\":12,\"precip\":0.1,\"wxString\":\"+TSRAGR\",\"metarType\":\"METAR\"", NONE},
                 {"\"temp\":12,\"precip\":null,\"pcp3hr\":0.2,\"metarType\":\"METAR\"", NONE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t rain = value_of(cases[i].members, V(RAIN));
        bool period = rows.count && rows.rows[0].accumulation_s == 3600;
        if (rain != cases[i].rain || period != (rain != NONE))
            fail_msg("%s: %d instead of %d", cases[i].members, rain, cases[i].rain);
    }
    assert_int_equal(rows.left_out, 0);
}

/* ---- errors ---- */

static void test_answers_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int http_status;
        enum fetch_status want;
    } cases[] = {
        {"[" REPORT("KSEA", ",\"temp\":1") ",{\"icaoId\":\"KN", 200, FETCH_BROKEN_BODY},
        {"[" REPORT("KSEA", ",\"temp\":1") "]trailing", 200, FETCH_BROKEN_BODY},
        {"METAR KSEA 211353Z 21012KT", 200, FETCH_BROKEN_BODY},
        {"<html>", 200, FETCH_BROKEN_BODY},
        {"[{\"icaoId\":\"KSEA\",\"obsTime\":1e999}]", 200, FETCH_BROKEN_BODY},
        {" ", 200, FETCH_BROKEN_BODY},
        {"{}", 200, FETCH_UNEXPECTED_SHAPE},
        {"{\"status\":\"error\",\"error\":\"Invalid id\"}", 200, FETCH_UNEXPECTED_SHAPE},
        {REPORT("KSEA", ",\"temp\":1"), 200, FETCH_UNEXPECTED_SHAPE},
        {"[1]", 200, FETCH_UNEXPECTED_SHAPE},
        {"[[]]", 200, FETCH_UNEXPECTED_SHAPE},
        {"[{\"temp\":1}]", 200, FETCH_UNEXPECTED_SHAPE},
        {"[{\"icaoId\":7}]", 200, FETCH_UNEXPECTED_SHAPE},
        {"[{\"icaoId\":\"\"}]", 200, FETCH_UNEXPECTED_SHAPE},
        {"[" REPORT("KSEA", ",\"temp\":1") ",null]", 200, FETCH_UNEXPECTED_SHAPE},
        {"[" REPORT("KORD", ",\"temp\":1") "]", 200, FETCH_UNEXPECTED_SHAPE},
        {"{\"error\":\"Invalid id\"}", 400, FETCH_BAD_PLACE},
        {"", 401, FETCH_RATE_LIMITED},
        {"<html>Forbidden", 403, FETCH_RATE_LIMITED},
        {"Page not found", 404, FETCH_UNEXPECTED_STATUS},
        {"", 429, FETCH_RATE_LIMITED},
        {"", 500, FETCH_SERVER_ERROR},
        {"Bad gateway", 502, FETCH_SERVER_ERROR},
        {"", 301, FETCH_UNEXPECTED_STATUS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum fetch_status status = parse_as(cases[i].text, strlen(cases[i].text), cases[i].http_status, 1);
        if (status != cases[i].want || rows.count != 0 || !rows.reason[0])
            fail_msg("%d %s: %s, %s", cases[i].http_status, cases[i].text, fetch_status_name(status), rows.reason);
        assert_int_equal(rows.retry_after_ms, -1);
    }
}

static void test_sizes_are_bounded(void **state)
{
    (void)state;
    for (size_t count = 10; count <= 11; count++) {
        struct buf text = BUF_EMPTY;
        for (size_t i = 0; i < count; i++)
            buf_printf(&text, "%s" REPORT("KSEA", ",\"temp\":1"), i ? "," : "[");
        buf_byte(&text, ']');
        assert_int_equal(parse(text.data, 1), count == 10 ? FETCH_OK : FETCH_UNEXPECTED_SHAPE);
        buf_release(&text);
    }
    struct buf deep = BUF_EMPTY;
    for (int i = 0; i < 100000; i++)
        buf_byte(&deep, '[');
    assert_int_equal(parse(deep.data, 1), FETCH_BROKEN_BODY);
    buf_release(&deep);
}

/* ---- requests ---- */

static void test_urls(void **state)
{
    (void)state;
    struct buf url = BUF_EMPTY;
    struct provider_request request = {.call = FETCH_CURRENT, .places = places, .count = 1};
    provider_metar.url(&request, "https://aviationweather.gov", "a key", &url);
    assert_string_equal(url.data, "https://aviationweather.gov/api/data/metar?ids=KSEA&format=json");
    buf_reset(&url);
    request.count = PLACES; /* two have the same */
    provider_metar.url(&request, "http://x", "", &url);
    assert_string_equal(url.data, "http://x/api/data/metar?ids=KSEA,KNYC,EGLL,EDDB&format=json");
    buf_reset(&url);
    struct provider_place *many = calloc(provider_metar.places_max, sizeof *many);
    assert_non_null(many);
    for (size_t i = 0; i < provider_metar.places_max; i++)
        memcpy(many[i].station, (char[]){'K', (char)('0' + i / 100), (char)('0' + i / 10 % 10), (char)('0' + i % 10)},
               4);
    request = (struct provider_request){.call = FETCH_CURRENT, .places = many, .count = provider_metar.places_max};
    provider_metar.url(&request, provider_metar.base_url, "", &url);
    assert_in_range(url.size, 1000, PROVIDER_URL_MAX);
    free(many);
    buf_release(&url);
}

static void test_the_provider(void **state)
{
    (void)state;
    assert_ptr_equal(provider_find("metar"), &provider_metar);
    assert_true(provider_metar.needs_station && !provider_metar.needs_key);
    assert_int_equal(provider_metar.cost_milli(FETCH_CURRENT, 1), 1000);
    assert_int_equal(provider_metar.cost_milli(FETCH_CURRENT, 200), 1000);
    /* what a city costs is its part of a full call */
    struct cadence cadence = provider_cadence(&provider_metar, true, 0);
    assert_int_equal(cadence.cost_milli, 5);
    assert_int_equal(cadence.interval_ms, 600000);
    assert_int_equal(cadence.air_interval_ms, 0);
    assert_int_equal(provider_reading_ms(&provider_metar, 600000), 3600000);
    assert_int_equal(provider_reading_ms(&provider_metar, 7200000), 7200000);
    const struct provider *other = provider_find("open-meteo");
    assert_int_equal(provider_reading_ms(other, 5000), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_whole_report_of_america, clear),
        cmocka_unit_test_teardown(test_a_report_of_elsewhere, clear),
        cmocka_unit_test_teardown(test_reports_find_their_places, clear),
        cmocka_unit_test_teardown(test_the_newest_report_counts, clear),
        cmocka_unit_test_teardown(test_no_reports, clear),
        cmocka_unit_test_teardown(test_a_place_fails_alone, clear),
        cmocka_unit_test_teardown(test_values_and_their_bounds, clear),
        cmocka_unit_test_teardown(test_values_that_cannot_be, clear),
        cmocka_unit_test_teardown(test_precipitation, clear),
        cmocka_unit_test_teardown(test_answers_that_are_none, clear),
        cmocka_unit_test_teardown(test_sizes_are_bounded, clear),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_the_provider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
