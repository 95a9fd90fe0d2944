/* Windows of the dashboard as JSON and CSV, against texts written by hand. */
#include "../../dashboard/encode.h"
#include "dashboard_records.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define SEATTLE INT64_C(5809844)

static const struct custom_set none;

static void expect(struct buf *out, const char *text)
{
    assert_string_equal(out->data, text);
    assert_int_equal(out->size, strlen(text));
    buf_reset(out);
}

/* 12.00, 13.00 and 14.00 °C at 0, 1 and 2 min; wind 10 m/s from 350° and from 10°. */
static void make_window(struct window *window)
{
    window_init(window, AT, AT + 10 * MINUTE);
    for (int i = 0; i < 3; i++) {
        struct observation row = record_reading(SEATTLE, AT + i * MINUTE, 1200 + 100 * i);
        if (i < 2) {
            observation_set(&row, ISOBAR__V1__VALUE__WIND_SPEED, 1000);
            observation_set(&row, ISOBAR__V1__VALUE__WIND_DIRECTION, i ? 1000 : 35000);
        }
        window_add(window, &row);
    }
}

static const char golden_metrics[] =
    "\"metrics\":{\"temperature\":{\"count\":3,\"mean\":13.0000,\"sd\":1.0000,\"min\":12.00,\"min_at\":"
    "1790000400000,"
    "\"max\":14.00,\"max_at\":1790000520000,\"first\":12.00,\"first_at\":1790000400000,\"last\":14.00,"
    "\"last_at\":1790000520000},\"wind_speed\":{\"count\":2,\"mean\":10.0000,\"sd\":0.0000,\"min\":10.00,"
    "\"min_at\":1790000400000,\"max\":10.00,\"max_at\":1790000400000,\"first\":10.00,\"first_at\":"
    "1790000400000,"
    "\"last\":10.00,\"last_at\":1790000460000},\"feels_like\":{\"count\":3,\"mean\":13.0000,\"sd\":1.0000,"
    "\"min\":12.00,\"min_at\":1790000400000,\"max\":14.00,\"max_at\":1790000520000,\"first\":12.00,\"first_at\":"
    "1790000400000,\"last\":14.00,\"last_at\":1790000520000}},\"wind\":{\"count\":2,\"calm\":0,\"vector_speed\":9.848,"
    "\"direction\":0.0,\"spread\":10.0,"
    "\"rose\":[2,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]},\"covered\":0.00}";

/* What is known of when, and how many readings there should be. */
static void completeness(void **state)
{
    (void)state;
    static const struct {
        int64_t closed_through_ms, final_at_ms, revised_at_ms;
        int32_t interval_s;
        const char *text;
    } rows[] = {
        {AT + 60 * MINUTE, 0, 0, 600, "\"rows\":3,\"expected\":1,\"metrics\""},
        {AT + 60 * MINUTE, 7, 0, 240, "\"rows\":3,\"expected\":3,\"final_at\":7,\"metrics\""}, /* 2.5 */
        {AT + 60 * MINUTE, 7, 8, 241, "\"rows\":3,\"expected\":2,\"final_at\":7,\"revised_at\":8,\"metrics\""},
        {AT, 7, 0, 86400, "\"rows\":3,\"expected\":1,\"metrics\""}, /* provisional again: its zone changed */
        {AT, 0, 0, 0, "\"rows\":3,\"metrics\""},
    };
    struct window window;
    struct buf out = BUF_EMPTY;
    make_window(&window);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        window.final_at_ms = rows[i].final_at_ms;
        window.revised_at_ms = rows[i].revised_at_ms;
        buf_reset(&out);
        encode_windows(&out, &window, 1,
                       &(struct encode_context){rows[i].closed_through_ms, rows[i].interval_s, &none});
        if (!strstr(out.data, rows[i].text))
            fail_msg("%s has no %s", out.data, rows[i].text);
    }
    window.air_rows = 2; /* beside the readings that are expected */
    buf_reset(&out);
    encode_windows(&out, &window, 1, &(struct encode_context){AT, 600, &none});
    assert_non_null(strstr(out.data, "\"rows\":3,\"air_rows\":2,\"expected\":1,"));
    window_release(&window);
    buf_release(&out);
}

static void windows(void **state)
{
    (void)state;
    struct window window;
    struct buf out = BUF_EMPTY, golden = BUF_EMPTY;
    make_window(&window);
    static const struct {
        int64_t closed_through_ms, revision;
        const char *status;
    } rows[] = {{AT, 0, "provisional"},
                {AT + 10 * MINUTE - 1, 1, "provisional"},
                {AT + 10 * MINUTE, 0, "final"},
                {AT + 20 * MINUTE, 2, "revised"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        window.revision = rows[i].revision;
        assert_string_equal(encode_status(&window, rows[i].closed_through_ms), rows[i].status);
        buf_printf(&golden,
                   "{\"start\":1790000400000,\"end\":1790001000000,\"status\":\"%s\",\"revision\":%d,\"rows\":3,%s",
                   rows[i].status, (int)rows[i].revision, golden_metrics);
        encode_windows(&out, &window, 1,
                       &(struct encode_context){.closed_through_ms = rows[i].closed_through_ms, .custom = &none});
        expect(&out, golden.data);
        buf_reset(&golden);
    }
    buf_release(&golden);
    window_release(&window);
    buf_release(&out);
}

#define LINE "5809844,\"'=cmd|' /C calc'!A0\",2026-09-21T14:20:00.000Z,2026-09-21T14:30:00.000Z,provisional,0,3,"

static void csv_window(void **state)
{
    (void)state;
    struct window window;
    struct buf out = BUF_EMPTY;
    make_window(&window);
    encode_csv_header(&out);
    encode_csv_window(&out, &(struct csv_window){SEATTLE, "=cmd|' /C calc'!A0", &window, AT}, &none);
    expect(&out,
           "city,name,start,end,status,revision,rows,metric,unit,count,mean,sd,min,min_at,max,max_at,first,last,p50,"
           "p90,p99\r\n" LINE "temperature,degC,3,13.0000,1.0000,12.00,2026-09-21T14:20:00.000Z,14.00,"
           "2026-09-21T14:22:00.000Z,12.00,14.00,,,\r\n" LINE "wind_speed,m/s,2,10.0000,0.0000,10.00,"
           "2026-09-21T14:20:00.000Z,10.00,2026-09-21T14:20:00.000Z,10.00,10.00,,,\r\n" LINE
           "feels_like,degC,3,13.0000,1.0000,12.00,2026-09-21T14:20:00.000Z,14.00,2026-09-21T14:22:00.000Z,12.00,"
           "14.00,,,\r\n" LINE "wind_vector_speed,m/s,2,9.848,,,,,,,,,,\r\n" LINE
           "wind_direction,deg,2,0.0,,,,,,,,,,\r\n" LINE "wind_spread,deg,2,10.0,,,,,,,,,,\r\n" LINE
           "covered,%,3,0.00,,,,,,,,,,\r\n");
    window_release(&window);
    buf_release(&out);
}

/* ---- spans that have quantiles, days, and metrics of the operator's own ---- */

/* Five hourly readings of 1 to 5 degC of a span of so many hours, with two values of the operator's own. */
static struct window make_day(int64_t hours)
{
    struct window window;
    window_init(&window, AT, AT + hours * 60 * MINUTE);
    for (int i = 0; i < 5; i++) {
        struct observation row = record_reading(SEATTLE, AT + i * 60 * MINUTE, 100 * (i + 1));
        observation_set(&row, OBSERVATION_CUSTOM, 10 * i - 20);
        observation_set(&row, OBSERVATION_CUSTOM + 9, i);
        window_add(&window, &row);
    }
    return window;
}

static json_t *json_of(const struct window *window, const struct custom_set *custom)
{
    struct buf out = BUF_EMPTY;
    encode_windows(&out, window, 1, &(struct encode_context){.closed_through_ms = AT, .custom = custom});
    json_t *object = json_loadb(out.data, out.size, 0, NULL);
    assert_non_null(object);
    buf_release(&out);
    return object;
}

static void assert_number(const json_t *object, const char *name, double value)
{
    const json_t *member = json_object_get(object, name);
    if (!json_is_number(member) || fabs(json_number_value(member) - value) > 1e-9)
        fail_msg("%s is %f, wanted %f", name, json_number_value(member), value);
}

static void quantiles(void **state)
{
    (void)state;
    const struct {
        int64_t hours;
        bool degree_days;
    } rows[] = {{22, false}, {23, true}, {24, true}, {25, true}, {26, false}, {48, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct window day = make_day(rows[i].hours);
        json_t *object = json_of(&day, &none);
        const json_t *temperature = json_object_get(json_object_get(object, "metrics"), "temperature");
        assert_number(temperature, "p50", 3.04); /* 300 is in the bucket [288, 320) */
        assert_number(temperature, "p90", 4.96);
        assert_number(temperature, "p99", 4.96);
        const json_t *days = json_object_get(object, "degree_days");
        assert_int_equal(days != NULL, rows[i].degree_days);
        if (days) {
            assert_number(days, "heating", 15);
            assert_number(days, "cooling", 0);
        }
        json_decref(object);
        window_release(&day);
    }
}

static void precipitation(void **state)
{
    (void)state;
    struct window window;
    struct buf out = BUF_EMPTY;
    window_init(&window, AT, AT + 600000); /* no row, and yet something is known */
    window.parts = (struct parts){.rain_um = 1234, .rain_covered_ms = 600000, .covered_ms = 500000};
    json_t *object = json_of(&window, &none), *fallen = json_object_get(object, "precipitation");
    assert_number(fallen, "rain", 1.234);
    assert_number(fallen, "rain_coverage", 100);
    assert_null(json_object_get(fallen, "snow")); /* not known, which is not 0 */
    assert_null(json_object_get(fallen, "snow_coverage"));
    assert_number(object, "covered", 83.33);
    json_decref(object);

    encode_csv_window(&out, &(struct csv_window){SEATTLE, "Seattle", &window, AT}, &none);
    assert_non_null(strstr(out.data, ",rain,mm,0,1.234,,,,,,,,,,\r\n"));
    assert_non_null(strstr(out.data, ",rain_coverage,%,0,100.00,,,,,,,,,,\r\n"));
    assert_null(strstr(out.data, "snow"));
    assert_non_null(strstr(out.data, ",covered,%,0,83.33,,,,,,,,,,\r\n"));

    /* What corrections have made less than nothing, or more than all. */
    window.parts = (struct parts){-5, 7, 600001, 300000, -1};
    object = json_of(&window, &none), fallen = json_object_get(object, "precipitation");
    assert_number(fallen, "rain", 0);
    assert_number(fallen, "rain_coverage", 100);
    assert_number(fallen, "snow", 0.007);
    assert_number(fallen, "snow_coverage", 50);
    assert_number(object, "covered", 0);
    json_decref(object);
    window.parts.rain_covered_ms = window.parts.snow_covered_ms = 0;
    object = json_of(&window, &none);
    assert_null(json_object_get(object, "precipitation"));
    json_decref(object);
    buf_release(&out);
}

static void quantiles_and_degree_days_of_csv(void **state)
{
    (void)state;
    struct window day = make_day(24);
    struct buf out = BUF_EMPTY;
    encode_csv_window(&out, &(struct csv_window){SEATTLE, "Seattle", &day, AT}, &none);
    assert_non_null(strstr(out.data, ",1.00,5.00,3.04,4.96,4.96\r\n"));
    assert_non_null(strstr(out.data, ",heating_degree_days,K d,1,15.00,,,,,,,,,,\r\n"));
    assert_non_null(strstr(out.data, ",cooling_degree_days,K d,1,0.00,,,,,,,,,,\r\n"));
    assert_non_null(strstr(out.data, ",custom_9,,5,2.00,"));
    window_release(&day);
    buf_release(&out);
}

static void metrics_of_the_operator(void **state)
{
    (void)state;
    const struct {
        enum custom_combine combine;
        double combined;
    } rows[] = {{CUSTOM_MEAN, 0}, {CUSTOM_SUM, 0}, {CUSTOM_MINIMUM, -2}, {CUSTOM_MAXIMUM, 2}, {CUSTOM_LAST, 2}};
    struct window day = make_day(24);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct custom_set custom = {0};
        custom.list[0] = (struct custom){.name = "soil", .unit = "a,\"b\"", .scale = 10, .combine = rows[i].combine};
        json_t *object = json_of(&day, &custom);
        const json_t *metrics = json_object_get(object, "metrics"), *soil = json_object_get(metrics, "soil");
        assert_string_equal(json_string_value(json_object_get(soil, "combine")), custom_combine_name(rows[i].combine));
        assert_number(soil, "combined", rows[i].combined);
        assert_number(soil, "min", -2);
        assert_number(soil, "max", 2);
        assert_null(json_object_get(metrics, "custom_0"));
        assert_number(json_object_get(metrics, "custom_9"), "last", 4);
        assert_null(json_object_get(json_object_get(metrics, "custom_9"), "combine"));
        json_decref(object);
        struct buf out = BUF_EMPTY;
        encode_csv_window(&out, &(struct csv_window){SEATTLE, "Seattle", &day, AT}, &custom);
        assert_non_null(strstr(out.data, ",soil,\"a,\"\"b\"\"\",5,0.000,"));
        buf_release(&out);
    }
    window_release(&day);
}

static void calm(void **state)
{
    (void)state;
    struct window window;
    window_init(&window, AT, AT + 10 * MINUTE);
    struct observation row = record_reading(SEATTLE, AT, 1500);
    observation_set(&row, ISOBAR__V1__VALUE__WIND_SPEED, 20);
    window_add(&window, &row);
    json_t *object = json_of(&window, &none);
    const json_t *wind = json_object_get(object, "wind");
    assert_number(wind, "calm", 1);
    assert_null(json_object_get(wind, "vector_speed")); /* no null: what is not known is absent */
    assert_null(json_object_get(wind, "direction"));
    assert_null(json_object_get(wind, "spread"));
    json_decref(object);
    struct buf out = BUF_EMPTY;
    encode_csv_window(&out, &(struct csv_window){SEATTLE, "Seattle", &window, AT}, &none);
    assert_null(strstr(out.data, "wind_direction"));
    buf_release(&out);
    window_release(&window);
}

/* Metrics of newer software are left out, not shown without a name. */
static void unknown_metric(void **state)
{
    (void)state;
    struct window window;
    struct buf out = BUF_EMPTY;
    make_window(&window);
    window.metrics[1].metric = 63;
    encode_windows(&out, &window, 1, &(struct encode_context){.closed_through_ms = AT, .custom = &none});
    json_t *value = json_loadb(out.data, out.size, 0, NULL);
    assert_non_null(value);
    assert_int_equal(json_object_size(json_object_get(value, "metrics")), 2);
    json_decref(value);
    window_release(&window);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completeness),
        cmocka_unit_test(windows),
        cmocka_unit_test(csv_window),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(quantiles_and_degree_days_of_csv),
        cmocka_unit_test(precipitation),
        cmocka_unit_test(metrics_of_the_operator),
        cmocka_unit_test(calm),
        cmocka_unit_test(unknown_metric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
