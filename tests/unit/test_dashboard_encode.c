/* JSON and CSV of the dashboard, against texts written by hand; text from outside stays text. */
#include "../../dashboard/about.h"
#include "../../dashboard/encode.h"
#include "../../dashboard/view.h"
#include "dashboard_records.h"
#include "error.h"
#include "quality.h"

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

static void expect(struct buf *out, const char *text)
{
    assert_string_equal(out->data, text);
    assert_int_equal(out->size, strlen(text));
    buf_reset(out);
}

/* Any two bytes as a city's name give an object that parses and has no tag in it. */
static void hostile_names(void **state)
{
    (void)state;
    struct buf out = BUF_EMPTY;
    Isobar__V1__City entry = ISOBAR__V1__CITY__INIT;
    struct city city = {.id = SEATTLE, .entry = &entry};
    for (int pair = 0x0101; pair <= 0xffff; pair++) {
        char text[] = {(char)(pair >> 8), (char)pair, '<', '"', '\0'};
        entry.name = text;
        buf_reset(&out);
        buf_byte(&out, '{');
        encode_city(&out, &city);
        buf_byte(&out, '}');
        json_t *value = json_loadb(out.data, out.size, 0, NULL);
        if (!json_is_object(value) || strpbrk(out.data, "<\r\n"))
            fail_msg("bytes %04x give %s", (unsigned)pair, out.data);
        json_decref(value);
    }
    buf_release(&out);
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        int32_t scale;
        const char *text;
    } rows[] = {{1234, 100, "12.34"},
                {-5, 100, "-0.05"},
                {0, 100, "0.00"},
                {-100, 100, "-1.00"},
                {7, 1, "7"},
                {INT64_MIN, 1, "-9223372036854775808"},
                {INT64_MIN, 1000, "-9223372036854775.808"},
                {INT64_MAX, 100000, "92233720368547.75807"}};
    struct buf out = BUF_EMPTY;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        encode_scaled(&out, rows[i].value, rows[i].scale);
        expect(&out, rows[i].text);
    }
    encode_real(&out, 12.3456, 2);
    expect(&out, "12.35");
    encode_real(&out, (double)NAN, 2);
    expect(&out, "null");
    encode_real(&out, (double)INFINITY, 2);
    expect(&out, "null");
    buf_release(&out);
}

static void latest_and_city(void **state)
{
    (void)state;
    struct atlas atlas;
    struct buf out = BUF_EMPTY;
    struct observation row = record_reading(SEATTLE, AT, -5);
    observation_set(&row, ISOBAR__V1__VALUE__HUMIDITY, 8000);
    observation_set(&row, ISOBAR__V1__VALUE__PRESSURE_SEA_LEVEL, 101325);
    observation_set(&row, ISOBAR__V1__VALUE__RAIN, 250);
    observation_set(&row, ISOBAR__V1__VALUE__CONDITION, 800);
    row.accumulation_s = 3600;
    atlas_init(&atlas, PARTS);
    record_put(&atlas, SEATTLE, "Seattle", &row);
    encode_latest(&out, atlas_find(&atlas, SEATTLE));
    expect(&out, "{\"city\":5809844,\"observed_at\":1790000400000,\"fetched_at\":1790000401000,"
                 "\"produced_at\":1790000402000,\"provider\":\"simulated\",\"series\":0,\"values\":{"
                 "\"temperature\":-0."
                 "05,\"pressure_sea_level\":1013.25,\"humidity\":80.00,\"rain\":0.250},\"condition\":800,"
                 "\"accumulation_s\":3600}");
    encode_city(&out, atlas_find(&atlas, SEATTLE));
    expect(&out, "\"id\":5809844,\"name\":\"Seattle\",\"ascii_name\":\"ascii\",\"country\":\"US\",\"lat\":47.60621,"
                 "\"lon\":-122.33207,\"population\":684451,\"zone\":\"America/Los_Angeles\",\"partition\":3,"
                 "\"paused\":false");
    atlas_release(&atlas);
    buf_release(&out);
}

/* What quality control found, the tendency of the pressure, and the city's counters. */
static void flags_and_tendency(void **state)
{
    (void)state;
    struct atlas atlas;
    struct citystate city;
    struct quality_limits limits;
    struct buf bytes = BUF_EMPTY, out = BUF_EMPTY;
    struct observation row = record_reading(SEATTLE, AT - 180 * MINUTE, -5);
    quality_defaults(&limits);
    observation_set(&row, ISOBAR__V1__VALUE__PRESSURE_SEA_LEVEL, 101325);
    citystate_init(&city, SEATTLE, 0);
    quality_history_update(&city.history, &limits.stillness, &row);
    row = record_reading(SEATTLE, AT, 7000);
    observation_set(&row, ISOBAR__V1__VALUE__PRESSURE_SEA_LEVEL, 101205);
    row.quality = INT64_C(1) << 0 | INT64_C(1) << 10 | INT64_C(1) << 62; /* the last one is newer software's */
    latest_set(&city.latest, &row, AT + 2000);
    city.has_latest = true;
    city.watermark_ms = AT;
    city.rows_in = 1;
    city.rows_late = 2;
    city.rows_duplicate = 3;
    city.rows_correction = 4;
    city.rows_retired = 5;
    city.rows_bad = 6;
    quality_tally_add(&city.flagged, row.quality);
    quality_tally_add(&city.flagged, 1);
    citystate_encode(&city, &bytes);
    atlas_init(&atlas, PARTS);
    record_put(&atlas, SEATTLE, "Seattle", &row);
    assert_true(atlas_take_state(&atlas, shard_of_city(SEATTLE, PARTS), 0, bytes.data, bytes.size, 0));
    encode_latest(&out, atlas_find(&atlas, SEATTLE));
    expect(&out,
           "{\"city\":5809844,\"observed_at\":1790000400000,\"fetched_at\":1790000401000,"
           "\"produced_at\":1790000402000,\"provider\":\"simulated\",\"series\":0,\"values\":{"
           "\"temperature\":70.00,\"pressure_sea_level\":1012.05},\"flags\":[\"range_temperature\",\"step_humidity\"],"
           "\"tendency_3h\":-1.20}");
    encode_city_rows(&out, atlas_find(&atlas, SEATTLE));
    expect(&out,
           "\"watermark\":1790000400000,\"rows\":{\"in\":1,\"late\":2,\"duplicate\":3,\"correction\":4,\"retired\":5,"
           "\"bad\":6},\"flagged\":{\"range_temperature\":2,\"step_humidity\":1}");
    row.quality = 0;
    record_put(&atlas, SEATTLE, "Seattle", &row); /* the state is another one: nothing is left of the first */
    encode_city_rows(&out, atlas_find(&atlas, SEATTLE));
    expect(&out,
           "\"watermark\":1790000400000,\"rows\":{\"in\":1,\"late\":0,\"duplicate\":0,\"correction\":0,\"retired\":0,"
           "\"bad\":0}");
    citystate_release(&city);
    atlas_release(&atlas);
    buf_release(&bytes);
    buf_release(&out);
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
    "1790000400000,\"last\":14.00,\"last_at\":1790000520000}},\"wind\":{\"speed\":9.848,\"direction\":0.0,\"count\":2,"
    "\"calm\":0,"
    "\"rose\":[2,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}}";

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
        encode_windows(&out, &window, 1, rows[i].closed_through_ms);
        expect(&out, golden.data);
        buf_reset(&golden);
    }
    buf_release(&golden);
    window_release(&window);
    buf_release(&out);
}

static void csv_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *cell;
    } rows[] = {{"Seattle", "Seattle"},
                {"=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""},
                {"+1", "\"'+1\""},
                {"-1", "\"'-1\""},
                {"@SUM(A1)", "\"'@SUM(A1)\""},
                {"\t=1", "\"'\t=1\""},
                {"\r=1", "\"'\r=1\""},
                {"\n=1", "\"'\n=1\""},
                {"\xef\xbc\x9d"
                 "1",
                 "\"'\xef\xbc\x9d"
                 "1\""},
                {"a,b", "\"a,b\""},
                {"say \"hi\"", "\"say \"\"hi\"\"\""},
                {"two\nlines", "\"two\nlines\""},
                {"a=b", "a=b"},
                {"bad\xff", "bad\xef\xbf\xbd"},
                {"", ""}};
    struct buf out = BUF_EMPTY;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        encode_csv_text(&out, rows[i].text);
        expect(&out, rows[i].cell);
    }
    buf_release(&out);
}

static void csv_window(void **state)
{
    (void)state;
    struct window window;
    struct buf out = BUF_EMPTY;
    make_window(&window);
    encode_csv_header(&out);
    encode_csv_window(&out, SEATTLE, "=cmd|' /C calc'!A0", &window, AT);
    expect(&out, "city,name,start,end,status,revision,rows,metric,unit,count,mean,sd,min,min_at,max,max_at,first,"
                 "last\r\n"
                 "5809844,\"'=cmd|' /C calc'!A0\",2026-09-21T14:20:00.000Z,2026-09-21T14:30:00.000Z,provisional,0,3,"
                 "temperature,degC,3,13.0000,1.0000,12.00,2026-09-21T14:20:00.000Z,14.00,2026-09-21T14:22:00.000Z,12."
                 "00,"
                 "14.00\r\n"
                 "5809844,\"'=cmd|' /C calc'!A0\",2026-09-21T14:20:00.000Z,2026-09-21T14:30:00.000Z,provisional,0,3,"
                 "wind_speed,m/s,2,10.0000,0.0000,10.00,2026-09-21T14:20:00.000Z,10.00,2026-09-21T14:20:00.000Z,10.00,"
                 "10.00\r\n"
                 "5809844,\"'=cmd|' /C calc'!A0\",2026-09-21T14:20:00.000Z,2026-09-21T14:30:00.000Z,provisional,0,3,"
                 "feels_like,degC,3,13.0000,1.0000,12.00,2026-09-21T14:20:00.000Z,14.00,2026-09-21T14:22:00.000Z,12."
                 "00,"
                 "14.00\r\n");
    window_release(&window);
    buf_release(&out);
}

/* Metrics of newer software are left out, not shown without a name. */
static void unknown_metric(void **state)
{
    (void)state;
    struct window window;
    struct buf out = BUF_EMPTY;
    make_window(&window);
    window.metrics[1].metric = 63;
    encode_windows(&out, &window, 1, AT);
    json_t *value = json_loadb(out.data, out.size, 0, NULL);
    assert_non_null(value);
    assert_int_equal(json_object_size(json_object_get(value, "metrics")), 2);
    json_decref(value);
    window_release(&window);
    buf_release(&out);
}

static void about(void **state)
{
    (void)state;
    static const struct {
        int32_t providers[2];
        const char *data;
    } rows[] = {{{ISOBAR__V1__PROVIDER__OPENWEATHERMAP, ISOBAR__V1__PROVIDER__STATION}, "live"},
                {{ISOBAR__V1__PROVIDER__OPENWEATHERMAP, ISOBAR__V1__PROVIDER__SIMULATED}, "mixed"},
                {{ISOBAR__V1__PROVIDER__RECORDED, ISOBAR__V1__PROVIDER__RECORDED}, "recorded"},
                {{ISOBAR__V1__PROVIDER__SIMULATED, ISOBAR__V1__PROVIDER__SIMULATED}, "simulated"},
                {{ISOBAR__V1__PROVIDER__SIMULATED, ISOBAR__V1__PROVIDER__RECORDED}, "replay"}};
    struct atlas atlas;
    struct buf out = BUF_EMPTY;
    atlas_init(&atlas, PARTS);
    assert_string_equal(about_data(&atlas), "none");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int k = 0; k < 2; k++) {
            struct observation row = record_reading(100 + k, AT, 0);
            row.provider = rows[i].providers[k];
            record_put(&atlas, 100 + k, "x", &row);
        }
        assert_string_equal(about_data(&atlas), rows[i].data);
    }
    about_encode(&atlas, "10m:2d,1h:30d", &out);
    json_t *value = json_loadb(out.data, out.size, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(value, "windows")), 2);
    json_decref(value);
    buf_reset(&out);
    about_encode(&atlas, "\"}hostile", &out);
    value = json_loadb(out.data, out.size, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(value, "windows")), 0);
    json_decref(value);
    buf_release(&out);
    atlas_release(&atlas);
}

static void view(void **state)
{
    (void)state;
    struct view view;
    struct buf out = BUF_EMPTY;
    view_init(&view);
    assert_false(view_known(&view));
    static const char *const bad[] = {"", "x", "[]", "1", "{\"a\":1", "{\"a\":\"\xff\"}", "{}}", "null"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(view_take(&view, bad[i], strlen(bad[i]), 5000), ERR_INVALID);
    assert_int_equal(view_take(&view, "{\"a\":1}\0", 8, 5000), ERR_INVALID);
    assert_false(view_known(&view));
    char *huge = calloc(1, VIEW_MAX_BYTES + 1);
    assert_int_equal(view_take(&view, huge, VIEW_MAX_BYTES + 1, 5000), ERR_TOO_LARGE);
    free(huge);

    const char *pretty = "{\n \"leader\": \"c\\n1\",\r\n \"at_ms\": 4000, \"age_ms\": 9}";
    assert_int_equal(view_take(&view, pretty, strlen(pretty), 5000), 0);
    view_encode(&view, 5500, &out); /* one line, aged by what the leader wrote, not by when it was read */
    expect(&out, "{\"leader\":\"c\\n1\",\"at_ms\":4000,\"age_ms\":1500}");
    view_encode(&view, 3000, &out);
    expect(&out, "{\"leader\":\"c\\n1\",\"at_ms\":4000,\"age_ms\":0}");
    assert_int_equal(view_take(&view, "{}", 2, 7000), 0);
    view_encode(&view, 7001, &out);
    expect(&out, "{\"age_ms\":1}");
    buf_release(&out);
    view_release(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_names),   cmocka_unit_test(numbers),
        cmocka_unit_test(latest_and_city), cmocka_unit_test(flags_and_tendency),
        cmocka_unit_test(windows),         cmocka_unit_test(csv_text),
        cmocka_unit_test(csv_window),      cmocka_unit_test(unknown_metric),
        cmocka_unit_test(about),           cmocka_unit_test(view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
