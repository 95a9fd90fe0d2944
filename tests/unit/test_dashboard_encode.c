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

static const struct custom_set none;

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
    encode_latest(&out, atlas_find(&atlas, SEATTLE), &none);
    expect(&out, "{\"city\":5809844,\"observed_at\":1790000400000,\"fetched_at\":1790000401000,"
                 "\"produced_at\":1790000402000,\"provider\":\"simulated\",\"series\":0,\"values\":{"
                 "\"temperature\":-0."
                 "05,\"pressure_sea_level\":1013.25,\"humidity\":80.00,\"rain\":0.250,\"dew_point\":-3.09,"
                 "\"vapour_pressure\":4.87,\"humidex\":-2.90},\"condition\":800,"
                 "\"accumulation_s\":3600}");
    encode_city(&out, atlas_find(&atlas, SEATTLE));
    expect(&out, "\"id\":5809844,\"name\":\"Seattle\",\"ascii_name\":\"ascii\",\"country\":\"US\",\"lat\":47.60621,"
                 "\"lon\":-122.33207,\"population\":684451,\"zone\":\"America/Los_Angeles\",\"partition\":3,"
                 "\"paused\":false");
    atlas_release(&atlas);
    buf_release(&out);
}

/* What another source says: while it is another one, and of about the same time. */
static void second_opinion(void **state)
{
    static const struct {
        int64_t older_ms;
        int32_t provider;
        bool shown;
    } cases[] = {{0, ISOBAR__V1__PROVIDER__OPEN_METEO, true},
                 {-30 * MINUTE, ISOBAR__V1__PROVIDER__OPEN_METEO, true},
                 {120 * MINUTE, ISOBAR__V1__PROVIDER__OPEN_METEO, true},
                 {121 * MINUTE, ISOBAR__V1__PROVIDER__OPEN_METEO, false},
                 {0, ISOBAR__V1__PROVIDER__SIMULATED, false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct atlas atlas;
        struct buf out = BUF_EMPTY;
        struct observation first = record_reading(SEATTLE, AT, 1000);
        struct observation second = record_reading(SEATTLE, AT - cases[i].older_ms, 1150);
        second.series = 1;
        second.provider = cases[i].provider;
        atlas_init(&atlas, PARTS);
        record_put(&atlas, SEATTLE, "Seattle", &first);
        record_put(&atlas, SEATTLE, "Seattle", &second);
        encode_latest(&out, atlas_find(&atlas, SEATTLE), &none);
        const char *found = strstr(out.data, ",\"second_opinion\":{\"observed_at\":");
        assert_int_equal(found != NULL, cases[i].shown);
        if (found)
            assert_non_null(
                strstr(found, "\"provider\":\"open-meteo\",\"series\":1,\"values\":{\"temperature\":11.50"));
        atlas_release(&atlas);
        buf_release(&out);
    }
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
    encode_latest(&out, atlas_find(&atlas, SEATTLE), &none);
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

/* A value of each kind, so that none is shown under another's name. */
static void values_of_latest(void **state)
{
    (void)state;
    struct custom_set custom = {0};
    custom.list[2] = (struct custom){.name = "soil_moisture", .unit = "%", .scale = 10};
    struct atlas atlas;
    struct buf out = BUF_EMPTY;
    struct observation row = record_reading(SEATTLE, AT, 3000);
    observation_set(&row, ISOBAR__V1__VALUE__FEELS_LIKE, 7777);
    observation_set(&row, ISOBAR__V1__VALUE__DEW_POINT, 2500);
    observation_set(&row, ISOBAR__V1__VALUE__HUMIDITY, 7500);
    observation_set(&row, OBSERVATION_CUSTOM + 2, -123);
    observation_set(&row, OBSERVATION_CUSTOM + 3, 5);
    atlas_init(&atlas, PARTS);
    record_put(&atlas, SEATTLE, "Seattle", &row);
    encode_latest(&out, atlas_find(&atlas, SEATTLE), &custom);
    json_t *latest = json_loadb(out.data, out.size, 0, NULL);
    const json_t *values = json_object_get(latest, "values");
    const struct {
        const char *name;
        double value;
    } want[] = {{"temperature", 30},       {"feels_like_provider", 77.77},
                {"feels_like", 36.30},     {"dew_point", 25},
                {"humidity", 75},          {"humidex", 42.34},
                {"custom_3", 5},           {"soil_moisture", -12.3},
                {"vapour_pressure", 31.62}};
    assert_int_equal(json_object_size(values), sizeof want / sizeof *want);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        double have = json_number_value(json_object_get(values, want[i].name));
        if (!(fabs(have - want[i].value) < 0.006))
            fail_msg("%s is %f", want[i].name, have);
    }
    json_decref(latest);
    atlas_release(&atlas);
    buf_release(&out);
}

/* Values that failed are shown as they came, and derive nothing. */
static void values_that_failed(void **state)
{
    (void)state;
    static const struct {
        int group;
        bool vapour_pressure, feels_like, humidex;
    } rows[] = {{-1, true, true, true},
                {ISOBAR__V1__QUALITY_GROUP__GROUP_TEMPERATURE, true, false, false},
                {ISOBAR__V1__QUALITY_GROUP__GROUP_DEW_POINT, true, true, true}, /* from the humidity then */
                {ISOBAR__V1__QUALITY_GROUP__GROUP_HUMIDITY, true, true, true},
                {ISOBAR__V1__QUALITY_GROUP__GROUP_WIND, true, false, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct atlas atlas;
        struct buf out = BUF_EMPTY;
        struct observation row = record_reading(SEATTLE, AT, -500);
        observation_set(&row, ISOBAR__V1__VALUE__HUMIDITY, 9000);
        observation_set(&row, ISOBAR__V1__VALUE__DEW_POINT, 4000);
        observation_set(&row, ISOBAR__V1__VALUE__WIND_SPEED, 900);
        row.quality = rows[i].group < 0 ? 0 : INT64_C(1) << rows[i].group;
        atlas_init(&atlas, PARTS);
        record_put(&atlas, SEATTLE, "Seattle", &row);
        encode_latest(&out, atlas_find(&atlas, SEATTLE), &none);
        json_t *latest = json_loadb(out.data, out.size, 0, NULL);
        const json_t *values = json_object_get(latest, "values");
        assert_true(json_number_value(json_object_get(values, "dew_point")) == 40);
        assert_int_equal(json_object_get(values, "vapour_pressure") != NULL, rows[i].vapour_pressure);
        assert_int_equal(json_object_get(values, "feels_like") != NULL, rows[i].feels_like);
        assert_int_equal(json_object_get(values, "humidex") != NULL, rows[i].humidex);
        double pressure = json_number_value(json_object_get(values, "vapour_pressure"));
        assert_int_equal(pressure < 5, rows[i].group == ISOBAR__V1__QUALITY_GROUP__GROUP_DEW_POINT);
        json_decref(latest);
        atlas_release(&atlas);
        buf_release(&out);
    }
}

/* The text of the units' member `name`. */
static const char *unit_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(json_object_get(object, "units"), name));
}

static void units(void **state)
{
    (void)state;
    struct custom_set custom = {0};
    custom.list[0] = (struct custom){.name = "soil", .unit = "\"m\302\263\"", .scale = 10};
    struct buf out = BUF_EMPTY;
    for (int values = 0; values < 2; values++) {
        buf_reset(&out);
        buf_byte(&out, '{');
        (values ? encode_value_units : encode_metric_units)(&out, &custom);
        buf_byte(&out, '}');
        json_t *object = json_loadb(out.data, out.size, 0, NULL);
        assert_string_equal(unit_of(object, "temperature"), "degC");
        assert_string_equal(unit_of(object, "feels_like"), "degC");
        assert_string_equal(unit_of(object, "vapour_pressure"), "hPa");
        assert_string_equal(unit_of(object, "pm2_5"), "ug/m3");
        assert_string_equal(unit_of(object, "soil"), "\"m\302\263\"");
        assert_null(unit_of(object, "custom_0"));
        assert_null(unit_of(object, "custom_1")); /* nobody has defined it */
        assert_null(unit_of(object, "condition"));
        assert_int_equal(unit_of(object, "humidex") != NULL, values);
        assert_int_equal(unit_of(object, "feels_like_provider") != NULL, values);
        assert_int_equal(unit_of(object, "rain_rate") != NULL, !values);
        json_decref(object);
    }
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
    const json_t *size = json_array_get(json_object_get(value, "window_sizes"), 1);
    assert_string_equal(json_string_value(json_object_get(size, "name")), "1h");
    assert_int_equal(json_integer_value(json_object_get(size, "size_ms")), 3600000);
    assert_int_equal(json_integer_value(json_object_get(size, "retention_ms")), 30LL * 86400000);
    json_decref(value);
    buf_reset(&out);
    about_encode(&atlas, "\"}hostile", &out);
    value = json_loadb(out.data, out.size, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(value, "windows")), 0);
    json_decref(value);
    buf_release(&out);
    atlas_release(&atlas);
}

/* Metrics of the operator's own, with what it takes to show them; a unit may be any text. */
static void about_custom(void **state)
{
    (void)state;
    struct atlas atlas;
    struct buf out = BUF_EMPTY;
    json_int_t scale;
    const char *name, *unit, *combine;
    atlas_init(&atlas, PARTS);
    atlas.custom.list[0] = (struct custom){.name = "soil", .unit = "\"m\302\263\"\\", .scale = 1000};
    atlas.custom.list[15] = (struct custom){.name = "tips", .unit = "", .scale = 1, .combine = CUSTOM_SUM};
    static const struct {
        const char *name, *unit;
        json_int_t scale;
        const char *combine;
    } rows[] = {{"soil", "\"m\302\263\"\\", 1000, "mean"}, {"tips", "", 1, "sum"}};
    about_encode(&atlas, NULL, &out);
    json_t *value = json_loadb(out.data, out.size, JSON_REJECT_DUPLICATES, NULL);
    json_t *list = json_object_get(value, "custom");
    assert_int_equal(json_array_size(list), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(json_unpack(json_array_get(list, i), "{s:s, s:s, s:I, s:s !}", "name", &name, "unit", &unit,
                                     "scale", &scale, "combine", &combine),
                         0);
        assert_string_equal(name, rows[i].name);
        assert_string_equal(unit, rows[i].unit);
        assert_int_equal(scale, rows[i].scale);
        assert_string_equal(combine, rows[i].combine);
    }
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
        cmocka_unit_test(hostile_names),      cmocka_unit_test(numbers),
        cmocka_unit_test(latest_and_city),    cmocka_unit_test(second_opinion),
        cmocka_unit_test(flags_and_tendency), cmocka_unit_test(values_of_latest),
        cmocka_unit_test(values_that_failed), cmocka_unit_test(units),
        cmocka_unit_test(csv_text),           cmocka_unit_test(about),
        cmocka_unit_test(about_custom),       cmocka_unit_test(view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
