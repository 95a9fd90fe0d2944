/* What providers have in common: histories, replayed data, requests, and the table of them. */
#include "openweathermap_rows.h"

#include "../../fetcher/provider_openmeteo.h"

/* ---- history and replay ---- */

static void test_a_history_keeps_what_can_be_used(void **state)
{
    (void)state;
    static const char text[] =
        "{\"cod\":\"200\",\"base\":\"recorded\",\"cnt\":5,\"list\":[{\"dt\":1789990000,\"main\":{\"temp\":1}},{\"dt\":"
        "1789990600,\"main\":{\"temp\":\"x\"}},"
        "7,{\"dt\":1789991200,\"main\":{\"temp\":2},\"rain\":{\"1h\":1}},{\"dt\":1790000001,\"main\":{\"temp\":3}}]}";
    assert_int_equal(parse_as(text, sizeof text - 1, FETCH_HISTORY, 200, OPENWEATHERMAP_METRIC), FETCH_OK);
    assert_int_equal(rows.count, 2); /* and none that lies in the future, not even by a second */
    assert_int_equal(rows.skipped, 3);
    assert_int_equal(rows.rows[0].observed_at_ms, INT64_C(1789990000000));
    assert_int_equal(rows.rows[1].observed_at_ms, INT64_C(1789991200000));
    assert_int_equal(rows.rows[1].value[RAIN], 1000);
    assert_int_equal(rows.rows[0].provider, ISOBAR__V1__PROVIDER__RECORDED);
    check_worker_takes("history");
}

static void test_histories_that_are_none(void **state)
{
    (void)state;
    static const struct bad cases[] = {{"{\"cod\":\"200\",\"list\":[]}", FETCH_OK},
                                       {"{\"cod\":\"200\"}", FETCH_UNEXPECTED_SHAPE},
                                       {"{\"list\":{}}", FETCH_UNEXPECTED_SHAPE},
                                       {"{\"list\":[1,2]}", FETCH_UNEXPECTED_SHAPE},
                                       {"{\"cod\":\"404\",\"list\":[]}", FETCH_BAD_PLACE},
                                       {"{\"main\":{\"temp\":1},\"dt\":" DT "}", FETCH_UNEXPECTED_SHAPE},
                                       {"[", FETCH_BROKEN_BODY}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse_as(cases[i].text, strlen(cases[i].text), FETCH_HISTORY, 200, OPENWEATHERMAP_METRIC),
                         cases[i].want);
        assert_int_equal(rows.count, 0);
    }
}

static void check_provider(const struct provider *provider, const char *base, int32_t want)
{
    char text[256];
    snprintf(text, sizeof text, "{%s\"main\":{\"temp\":1},\"dt\":" DT "}", base);
    struct provider_place place = {.city_id = CITY};
    struct provider_answer answer = {.call = FETCH_CURRENT,
                                     .http_status = 200,
                                     .body = text,
                                     .size = strlen(text),
                                     .places = &place,
                                     .count = 1,
                                     .fetched_at_ms = FETCHED};
    assert_int_equal(provider->parse(&answer, &rows), FETCH_OK);
    assert_int_equal(rows.rows[0].provider, want);
}

static void test_replayed_data_never_passes_for_live_data(void **state)
{
    (void)state;
    check_provider(&provider_replay, "\"base\":\"recorded\",", ISOBAR__V1__PROVIDER__RECORDED);
    check_provider(&provider_replay, "\"base\":\"simulated\",", ISOBAR__V1__PROVIDER__SIMULATED);
    check_provider(&provider_replay, "\"base\":\"stations\",", ISOBAR__V1__PROVIDER__SIMULATED);
    check_provider(&provider_replay, "", ISOBAR__V1__PROVIDER__SIMULATED);
    check_provider(&provider_openweathermap, "\"base\":\"stations\",", ISOBAR__V1__PROVIDER__OPENWEATHERMAP);
    check_provider(&provider_openweathermap, "\"base\":7,", ISOBAR__V1__PROVIDER__OPENWEATHERMAP);
    check_provider(&provider_openweathermap, "\"base\":\"simulated\",", ISOBAR__V1__PROVIDER__SIMULATED);
    check_provider(&provider_openweathermap, "\"base\":\"recorded\",", ISOBAR__V1__PROVIDER__RECORDED);
}

/* ---- requests and the table of providers ---- */

static void check_url(const struct provider_request *request, const char *key, const char *want)
{
    struct buf url = BUF_EMPTY;
    provider_openweathermap.url(request, "https://h:1/p", key, &url);
    assert_string_equal(url.data, want);
    buf_release(&url);
}

static void test_urls(void **state)
{
    (void)state;
    struct provider_place place = {.latitude_e5 = 4760621, .longitude_e5 = -12233207};
    struct provider_request request = {.call = FETCH_CURRENT, .places = &place, .count = 1};
    check_url(&request, "k", "https://h:1/p/data/2.5/weather?lat=47.60621&lon=-122.33207&units=metric&appid=k");
    place = (struct provider_place){.latitude_e5 = -5, .longitude_e5 = 0};
    check_url(&request, "a&b=c/%+\xc3\xa9",
              "https://h:1/p/data/2.5/weather?lat=-0.00005&lon=0.00000&units=metric&appid=a%26b%3Dc%2F%25%2B%C3%A9");
    request.call = FETCH_AIR;
    check_url(&request, "k", "https://h:1/p/data/2.5/air_pollution?lat=-0.00005&lon=0.00000&appid=k");
    place = (struct provider_place){.latitude_e5 = -9000000, .longitude_e5 = 18000000};
    request = (struct provider_request){
        .call = FETCH_HISTORY, .places = &place, .count = 1, .start_ms = 1999, .end_ms = 86400000};
    check_url(&request, "k",
              "https://h:1/p/data/2.5/history/"
              "city?lat=-90.00000&lon=180.00000&type=hour&start=1&end=86400&units=metric&appid=k");
}

/* ---- air pollution ---- */

static enum fetch_status parse_air(const char *text)
{
    return parse_as(text, strlen(text), FETCH_AIR, 200, OPENWEATHERMAP_METRIC);
}

static void test_air_pollution(void **state)
{
    (void)state;
    static const char text[] =
        "{\"coord\":{\"lon\":1,\"lat\":2},\"list\":[{\"main\":{\"aqi\":2},\"components\":{\"co\":"
        "243.66,\"no\":0,\"no2\":4.07,\"o3\":62.23,\"so2\":1.77,\"pm2_5\":3.87,\"pm10\":4.58,"
        "\"nh3\":-9999},\"dt\":" DT "}]}";
    assert_int_equal(parse_air(text), FETCH_OK);
    check_only(text, ISOBAR__V1__VALUE__AIR_QUALITY_INDEX, 2);
    check_only(text, ISOBAR__V1__VALUE__CO, 243660);
    check_only(text, ISOBAR__V1__VALUE__NO2, 4070);
    check_only(text, ISOBAR__V1__VALUE__O3, 62230);
    check_only(text, ISOBAR__V1__VALUE__SO2, 1770);
    check_only(text, ISOBAR__V1__VALUE__PM2_5, 3870);
    check_only(text, ISOBAR__V1__VALUE__PM10, 4580);
    check_only(text, ISOBAR__V1__VALUE__NH3, NONE);
    check_only(text, RAIN, NONE);
    assert_int_equal(rows.left_out, 1);
    assert_int_equal(rows.rows[0].provider, ISOBAR__V1__PROVIDER__OPENWEATHERMAP_AIR);
    assert_int_equal(rows.rows[0].observed_at_ms, DT_MS);
    assert_int_equal(rows.rows[0].city_id, CITY);
    check_worker_takes(text);
    assert_int_equal(parse_air("{\"list\":[]}"), FETCH_OK);
    assert_int_equal(rows.count, 0);
    assert_int_equal(parse_air("{\"list\":[{\"components\":{},\"dt\":" DT "}]}"), FETCH_OK);
    assert_int_equal(rows.count, 0);
    assert_int_equal(rows.empty, 2);
}

static void test_what_is_no_air_pollution(void **state)
{
    (void)state;
    static const struct bad cases[] = {{"{\"list\":{}}", FETCH_UNEXPECTED_SHAPE},
                                       {"{\"main\":{\"temp\":1},\"dt\":" DT "}", FETCH_UNEXPECTED_SHAPE},
                                       {"{\"list\":[{\"main\":{\"aqi\":1},\"dt\":" DT "}]}", FETCH_UNEXPECTED_SHAPE},
                                       {"{\"list\":[{\"components\":{}}]}", FETCH_UNEXPECTED_SHAPE},
                                       {"{\"list\":[{\"components\":{},\"dt\":1}]}", FETCH_BAD_TIME},
                                       {"{\"list\":[{\"components\":{},\"dt\":" DT "},{}]}", FETCH_UNEXPECTED_SHAPE},
                                       {"{\"cod\":\"404\"}", FETCH_BAD_PLACE},
                                       {"[]", FETCH_UNEXPECTED_SHAPE},
                                       {"{", FETCH_BROKEN_BODY}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse_air(cases[i].text), cases[i].want);
        assert_int_equal(rows.count, 0);
    }
}

static void test_providers_are_found_by_name(void **state)
{
    (void)state;
    struct buf names = BUF_EMPTY;
    assert_ptr_equal(provider_find("openweathermap"), &provider_openweathermap);
    assert_ptr_equal(provider_find("replay"), &provider_replay);
    assert_null(provider_find("Replay"));
    assert_null(provider_find(""));
    provider_names(&names);
    assert_string_equal(names.data, "openweathermap, open-meteo, metar, replay");
    buf_release(&names);
    assert_ptr_equal(provider_find("open-meteo"), &provider_openmeteo);
    assert_int_equal(provider_openweathermap.cost_milli(FETCH_AIR, 1), 1000);
    assert_int_equal(provider_openweathermap.interval_ms, 600000);
    assert_int_equal(provider_replay.interval_ms, 5000);
    assert_int_equal(provider_replay.history_hours, 48);
    assert_string_equal(fetch_status_name(FETCH_UNEXPECTED_SHAPE), "unexpected_shape");
    assert_string_equal(fetch_status_name(FETCH_NETWORK), "network");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_history_keeps_what_can_be_used, clear),
        cmocka_unit_test_teardown(test_histories_that_are_none, clear),
        cmocka_unit_test_teardown(test_replayed_data_never_passes_for_live_data, clear),
        cmocka_unit_test_teardown(test_urls, clear),
        cmocka_unit_test_teardown(test_air_pollution, clear),
        cmocka_unit_test_teardown(test_what_is_no_air_pollution, clear),
        cmocka_unit_test(test_providers_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
