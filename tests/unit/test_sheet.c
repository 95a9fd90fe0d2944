/* Columns and rows of somebody's data: what a line becomes, and what is said of one that becomes nothing. */
#include "../../ctl/intake.h"
#include "../../ctl/sheet.h"

#include "../../ctl/column.h"
#include "error.h"
#include "quality.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOON     INT64_C(1796040000000) /* 2026-11-30T12:00:00Z */
#define NEWEST   (NOON + 300000)
#define OLDEST   (NOON - 2 * INT64_C(86400000))
#define V(value) ISOBAR__V1__VALUE__##value

static struct custom_set customs = {
    .list = {[0] = {.name = "soil_moisture", .unit = "%", .scale = 100}, [3] = {.name = "leaf_wetness", .scale = 1}}};

struct given {
    const char *header; /* of CSV; NULL: NDJSON */
    const char *line, *left_out;
    bool has_city;
    int32_t accumulation_s;
};

/* Reads one line; the status, of the header when that is refused. */
static int read_row(const struct given *given, struct sheet_row *row, struct buf *error)
{
    static struct sheet sheet;
    static struct cells cells;
    struct cells_fault fault;
    struct sheet_terms terms = {.customs = &customs,
                                .left_out = given->left_out,
                                .has_city = given->has_city,
                                .accumulation_s = given->accumulation_s};
    int status = 0;
    cells_init(&cells);
    buf_reset(error);
    sheet_init(&sheet, &terms, !given->header);
    if (given->header) {
        assert_int_equal(cells_csv(&cells, given->header, strlen(given->header), ',', &fault), 0);
        status = sheet_head(&sheet, &cells, error);
    }
    if (status == 0 && given->header)
        assert_int_equal(cells_csv(&cells, given->line, strlen(given->line), ',', &fault), 0);
    else if (status == 0)
        assert_int_equal(cells_json(&cells, given->line, strlen(given->line), &fault), 0);
    if (status == 0)
        status = sheet_row(&sheet, &cells, OLDEST, NEWEST, row, error);
    if (status == 0 && *row->city)
        assert_string_equal(row->city, "7");
    assert_int_equal(status != 0, error->size > 0);
    cells_release(&cells);
    return status;
}

#define AT "city,time,"

static void values_become_integers(void **state)
{
    static const struct {
        struct given given;
        int bit;
        int32_t value, accumulation_s;
    } rows[] = {
        {{AT "temperature", "7,1796040000,21.5", NULL, false, 0}, V(TEMPERATURE), 2150, 0},
        {{AT "temperature[degF]", "7,1796040000,68", NULL, false, 0}, V(TEMPERATURE), 2000, 0},
        {{AT "temperature[K]", "7,1796040000,0", NULL, false, 0}, V(TEMPERATURE), -27315, 0},
        {{AT "feels_like_provider", "7,1796040000,-3.25", NULL, false, 0}, V(FEELS_LIKE), -325, 0},
        {{AT "wind_speed[km/h]", "7,1796040000,36", NULL, false, 0}, V(WIND_SPEED), 1000, 0},
        {{AT "wind_gust[kn]", "7,1796040000,10", NULL, false, 0}, V(WIND_GUST), 514, 0},
        {{AT "wind_direction", "7,1796040000,360", NULL, false, 0}, V(WIND_DIRECTION), 0, 0},
        {{AT "wind_direction[deg]", "7,1796040000,359.99", NULL, false, 0}, V(WIND_DIRECTION), 35999, 0},
        {{AT "pressure_sea_level[hPa]", "7,1796040000,1013.25", NULL, false, 0}, V(PRESSURE_SEA_LEVEL), 101325, 0},
        {{AT "pressure_station[inHg]", "7,1796040000,29.92", NULL, false, 0}, V(PRESSURE_STATION), 101321, 0},
        {{AT "humidity[1]", "7,1796040000,1", NULL, false, 0}, V(HUMIDITY), 10000, 0},
        {{AT "visibility[km]", "7,1796040000,9.9", NULL, false, 0}, V(VISIBILITY), 9900, 0},
        {{AT "condition", "7,1796040000,800", NULL, false, 0}, V(CONDITION), 800, 0},
        {{AT "pm2_5[µg/m³]", "7,1796040000,7.5", NULL, false, 0}, V(PM2_5), 7500, 0},
        {{AT "soil_moisture", "7,1796040000,31.25", NULL, false, 0}, V(CUSTOM_0), 3125, 0},
        {{AT "soil_moisture[1]", "7,1796040000,0.3125", NULL, false, 0}, V(CUSTOM_0), 3125, 0},
        {{AT "leaf_wetness", "7,1796040000,-12", NULL, false, 0}, V(CUSTOM_0) + 3, -12, 0},
        {{AT "custom_15", "7,1796040000,12", NULL, false, 0}, V(CUSTOM_15), 12, 0},
        /* precipitation: amounts over what the row, the command or an hour say */
        {{AT "rain,accumulation", "7,1796040000,1.2,600", NULL, false, 3600}, V(RAIN), 1200, 600},
        {{AT "rain,accumulation[min]", "7,1796040000,1.2,10", NULL, false, 0}, V(RAIN), 1200, 600},
        {{AT "rain[in],accumulation[h]", "7,1796040000,0.1,24", NULL, false, 0}, V(RAIN), 2540, 86400},
        {{AT "rain", "7,1796040000,1.2", NULL, false, 300}, V(RAIN), 1200, 300},
        {{AT "rain,accumulation", "7,1796040000,1.2,", NULL, false, 300}, V(RAIN), 1200, 300},
        {{AT "rain[mm/h]", "7,1796040000,1.2", NULL, false, 0}, V(RAIN), 1200, 3600},
        {{AT "snow[in/h]", "7,1796040000,1", NULL, false, 0}, V(SNOW), 25400, 3600},
        {{AT "rain[mm/h],accumulation", "7,1796040000,1.2,600", NULL, false, 0}, V(RAIN), 200, 600},
        {{AT "rain[mm/h],accumulation", "7,1796040000,0.001,1800", NULL, false, 0}, V(RAIN), 1, 1800}, /* 0.5 um */
        {{AT "rain[mm/h],accumulation", "7,1796040000,0.001,1799", NULL, false, 0}, V(RAIN), 0, 1799},
        {{AT "snow[mm/h],rain,accumulation", "7,1796040000,6,2,600", NULL, false, 0}, V(SNOW), 1000, 600},
        {{AT "rain,temperature", "7,1796040000,,3", NULL, false, 300}, V(TEMPERATURE), 300, 0},
        /* other orders, spelling of times, names left out, one city for all */
        {{"humidity,observed_at[ms],city", "55,1796040000000,7", NULL, false, 0}, V(HUMIDITY), 5500, 0},
        {{"humidity,time[s],city", "55,1796040000,7", NULL, false, 0}, V(HUMIDITY), 5500, 0},
        {{AT "humidity", "7,2026-11-30T13:00:00+01:00,55", NULL, false, 0}, V(HUMIDITY), 5500, 0},
        {{"station,time,humidity,note", "x,1796040000,55,\"a, b\"", "note,station", true, 0}, V(HUMIDITY), 5500, 0},
        /* the same of NDJSON */
        {{NULL, "{\"city\":7,\"time\":1796040000,\"humidity\":55}", NULL, false, 0}, V(HUMIDITY), 5500, 0},
        {{NULL, "{\"temperature[degF]\":68,\"city\":\"7\",\"time\":\"2026-11-30T12:00Z\",\"rain\":null}", NULL, false,
          0},
         V(TEMPERATURE),
         2000,
         0},
        {{NULL, "{\"time\":1796040000,\"humidity\":\"55\",\"q\":1}", "q", true, 0}, V(HUMIDITY), 5500, 0},
        {{NULL, "{\"city\":7,\"time\":1796040000,\"rain\":0.25,\"accumulation\":3e2}", NULL, false, 0},
         V(RAIN),
         250,
         300},
    };
    struct buf error = BUF_EMPTY;
    struct sheet_row row;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (read_row(&rows[i].given, &row, &error) != 0)
            fail_msg("%s: %s", rows[i].given.line, error.data);
        if (!observation_has(&row.row, rows[i].bit) || row.row.value[rows[i].bit] != rows[i].value ||
            row.row.accumulation_s != rows[i].accumulation_s)
            fail_msg("%s / %s: %d over %d", rows[i].given.header, rows[i].given.line, row.row.value[rows[i].bit],
                     row.row.accumulation_s);
        assert_int_equal(row.row.observed_at_ms, NOON);
    }
    buf_release(&error);
}

static void refusals_name_the_column_and_what_is_allowed(void **state)
{
    static const struct {
        struct given given;
        const char *error;
    } rows[] = {
        /* headers */
        {{"a,b", "", NULL, false, 0}, "column \"a\" is not known: city, time, accumulation, temperature, "},
        {{"a,b", "", NULL, false, 0}, ", soil_moisture, leaf_wetness wanted; --leave-out"},
        {{"", "", NULL, false, 0}, "a column has no name"},
        {{AT "temperature[hPa]", "", NULL, false, 0}, "unit \"hPa\": degC, degF, K, °C, °F wanted"},
        {{AT "rain[kg]", "", NULL, false, 0}, "unit \"kg\": mm, in, cm, l/m2, or one of these with /h wanted"},
        {{AT "wind_speed[m/s/h]", "", NULL, false, 0}, "unit \"m/s/h\": m/s, km/h"},
        {{AT "condition[x]", "", NULL, false, 0}, "column \"condition[x]\": unit \"x\": it has none"},
        {{AT "temperature[degC", "", NULL, false, 0}, "a name, or a name[unit] wanted"},
        {{AT "temperature]", "", NULL, false, 0}, "a name, or a name[unit] wanted"},
        {{AT "temperature[degC]x", "", NULL, false, 0}, "a name, or a name[unit] wanted"},
        {{AT "temperature[[degC]]", "", NULL, false, 0}, "a name, or a name[unit] wanted"},
        {{AT "temperature,temperature[degF]", "", NULL, false, 0},
         "columns \"temperature\" and \"temperature[degF]\" are the same"},
        {{"city,city,time,humidity", "", NULL, false, 0}, "columns \"city\" and \"city\" are the same"},
        {{"time,observed_at,city,humidity", "", NULL, false, 0}, "columns \"time\" and \"observed_at\" are the same"},
        {{"city,time[min],humidity", "", NULL, false, 0}, "s or ms of Unix time wanted, or none"},
        {{"city[x],time,humidity", "", NULL, false, 0}, "column \"city[x]\" is not known"},
        {{"time,humidity", "", NULL, false, 0}, "column \"city\" is missing: add it, or give --city"},
        {{AT "humidity", "", NULL, true, 0}, "--city gives the city: one of them wanted"},
        {{"city,humidity", "", NULL, false, 0}, "column \"time\" is missing"},
        {{"city,time", "", NULL, false, 0}, "there is no column with values"},
        {{"city,time,humidity", "", "humidity", false, 0}, "there is no column with values"},
        {{AT "rain", "", NULL, false, 0}, "is an amount: over which time?"},
        {{AT "snow[cm]", "", NULL, false, 0}, "a rate as in snow[mm/h]"},
        {{AT "accumulation[d],rain", "", NULL, false, 0}, "unit \"d\": s, min, h wanted"},
        {{AT "a23456789012345678901234567890123456789012345678901234567890123", "", NULL, false, 0}, "is not known"},
        {{AT "a234567890123456789012345678901234567890123456789012345678901234", "", NULL, false, 0},
         "at most 63 bytes"},
        /* rows */
        {{AT "humidity", "7,1796040000", NULL, false, 0}, "2 cells, and the header has 3"},
        {{AT "humidity", "7,1796040000,1,2", NULL, false, 0}, "4 cells, and the header has 3"},
        {{AT "humidity", "7,1796040000,", NULL, false, 0}, "no column has a value"},
        {{AT "humidity", ",1796040000,1", NULL, false, 0}, "column \"city\" is empty"},
        {{AT "humidity", "\"London,G\tB\",1796040000,1", NULL, false, 0},
         "column \"city\": \"London,G\tB\": an id or a name wanted, without control characters"},
        {{AT "humidity", "7,,1", NULL, false, 0}, "column \"time\" is empty"},
        {{AT "humidity", "7,now,1", NULL, false, 0}, "column \"time\": \"now\": a time with its zone"},
        {{AT "humidity", "7,2026-11-30T12:00:00,1", NULL, false, 0}, "such as 2026-11-30T12:00:00Z"},
        {{AT "humidity", "7,2026-11-28T11:59:59Z,1", NULL, false, 0},
         "workers take nothing from before 2026-11-28T12:00:00Z"},
        {{AT "humidity", "7,2026-11-30T12:05:00.001Z,1", NULL, false, 0}, "not yet: at most 2026-11-30T12:05:00Z"},
        {{AT "humidity", "7,1796040000,-0.01", NULL, false, 0}, "column \"humidity\": \"-0.01\": 0 to 100 % wanted"},
        {{AT "humidity", "7,1796040000,100.01", NULL, false, 0}, "0 to 100 % wanted"},
        {{AT "cloud[okta]", "7,1796040000,9", NULL, false, 0}, "column \"cloud[okta]\": \"9\": 0 to 100 % wanted"},
        {{AT "temperature", "7,1796040000,\"21,5\"", NULL, false, 0},
         "\"21,5\": a number in degC wanted, with a point"},
        {{AT "temperature[degF]", "7,1796040000,n/a", NULL, false, 0}, "a number in degF wanted"},
        {{AT "temperature[degF]", "7,1796040000,-460", NULL, false, 0}, "-273.15 degC or more wanted"},
        {{AT "temperature", "7,1796040000,99999999", NULL, false, 0}, "a number in degC wanted"},
        {{AT "condition", "7,1796040000,x", NULL, false, 0}, "\"x\": a number wanted"},
        {{AT "pressure_station", "7,1796040000,0", NULL, false, 0}, "more than 0 wanted"},
        {{AT "wind_direction", "7,1796040000,361", NULL, false, 0}, "0 to 360 deg wanted"},
        {{AT "wind_speed", "7,1796040000,-1", NULL, false, 0}, "0 or more wanted"},
        {{AT "rain,accumulation", "7,1796040000,1,", NULL, false, 0}, "column \"accumulation\" is empty"},
        {{AT "rain,accumulation", "7,1796040000,1,0", NULL, false, 0}, "a time above 0 and up to a day"},
        {{AT "rain,accumulation", "7,1796040000,1,86401", NULL, false, 0}, "a time above 0 and up to a day"},
        {{AT "rain[mm/h],accumulation", "7,1796040000,2000000,86400", NULL, false, 0}, "too much for its period"},
        {{AT "temperature", "7,1796040000,a23456789012345678901234567890123456789012345678901", NULL, false, 0},
         "\"a234567890123456789012345678901234567890\""},
        {{NULL, "{}", NULL, false, 0}, "column \"time\" is empty"},
        {{NULL, "{\"city\":7,\"time\":1796040000}", NULL, false, 0}, "no column has a value"},
        {{NULL, "{\"city\":7,\"time\":1796040000,\"heat\":1}", NULL, false, 0}, "column \"heat\" is not known"},
        {{NULL, "{\"city\":7,\"time\":1796040000,\"humidity\":1,\"humidity[1]\":1}", NULL, false, 0},
         "column \"humidity[1]\": another column says the same"},
        {{NULL, "{\"city\":7,\"time\":1796040000,\"rain\":1}", NULL, false, 0}, "over which time?"},
        {{NULL, "{\"city\":7,\"time\":1,\"humidity\":1}", NULL, true, 0}, "--city gives the city"},
    };
    struct buf error = BUF_EMPTY;
    struct sheet_row row;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (read_row(&rows[i].given, &row, &error) != ERR_INVALID || !strstr(error.data, rows[i].error))
            fail_msg("%s / %s: %s, not %s", rows[i].given.header, rows[i].given.line, error.data, rows[i].error);
    }
    buf_release(&error);
}

static void what_an_error_quotes_is_tame(void **state)
{
    static const char text[] = "{\"time\":1796040000,\"temperature\":\"\\u001b[2J\"}";
    struct sheet_terms terms = {.customs = &customs, .left_out = "", .has_city = true};
    struct line line = {.text = text, .size = strlen(text), .raw_size = strlen(text), .number = 1};
    struct buf error = BUF_EMPTY;
    struct intake intake;
    struct sheet_row row;
    (void)state;
    intake_init(&intake, &terms, INTAKE_UNKNOWN);
    assert_int_equal(intake_line(&intake, &line, OLDEST, NEWEST, &row, &error), INTAKE_BAD);
    assert_non_null(strstr(error.data, "?[2J"));
    assert_null(strchr(error.data, '\x1b'));
    intake_release(&intake);
    buf_release(&error);
}

/* What workers would fail whatever the rules say is refused here, so that its source hears of it. */
static void what_a_column_cannot_mean_is_refused(void **state)
{
    static const char *const numbers[] = {"-1e6", "-300", "-1",  "-0.01", "0",      "1",
                                          "100",  "101",  "360", "361",   "1000000"};
    struct quality_limits none = {0};
    struct buf error = BUF_EMPTY, header = BUF_EMPTY, line = BUF_EMPTY;
    (void)state;
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++) {
        struct label label;
        for (size_t i = 0; custom_value_label(&customs, bit, &label) && i < sizeof numbers / sizeof *numbers; i++) {
            struct sheet_row row;
            buf_reset(&header);
            buf_reset(&line);
            buf_printf(&header, AT "%s", label.name);
            buf_printf(&line, "7,1796040000,%s", numbers[i]);
            struct given given = {.header = header.data, .line = line.data, .accumulation_s = 60};
            if (read_row(&given, &row, &error) == 0 && quality_range(&none, &row.row) != 0)
                fail_msg("%s = %s passes", label.name, numbers[i]);
        }
    }
    buf_release(&error);
    buf_release(&header);
    buf_release(&line);
}

/* Keys of NDJSON come and go; columns are found again, in any order, and their number is bounded. */
static void keys_of_ndjson_are_remembered(void **state)
{
    static struct sheet sheet;
    static struct cells cells;
    static const char *const lines[] = {"{\"city\":7,\"time\":1796040000,\"humidity\":1,\"cloud\":2}",
                                        "{\"cloud\":2,\"humidity\":1,\"time\":1796040000,\"city\":7}",
                                        "{\"time\":1796040000,\"cloud\":2,\"temperature\":3,\"city\":7}"};
    struct sheet_terms terms = {.customs = &customs, .left_out = "x"};
    struct cells_fault fault;
    struct sheet_row row;
    struct buf error = BUF_EMPTY, line = BUF_EMPTY;
    (void)state;
    cells_init(&cells);
    sheet_init(&sheet, &terms, true);
    for (int i = 0; i < 30; i++) {
        const char *text = lines[i % 3];
        assert_int_equal(cells_json(&cells, text, strlen(text), &fault), 0);
        assert_int_equal(sheet_row(&sheet, &cells, OLDEST, NEWEST, &row, &error), 0);
        assert_int_equal(row.row.value[V(CLOUD)], 200);
        assert_int_equal(sheet.count, i < 2 ? 4 : 5);
    }
    for (int i = 0; i < 200; i++) { /* keys that are not known are not remembered */
        buf_reset(&line);
        buf_printf(&line, "{\"unknown%d\":1}", i);
        assert_int_equal(cells_json(&cells, line.data, line.size, &fault), 0);
        assert_int_equal(sheet_row(&sheet, &cells, OLDEST, NEWEST, &row, &error), ERR_INVALID);
        assert_int_equal(sheet.count, 5);
    }
    cells_release(&cells);
    buf_release(&error);
    buf_release(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_integers),        cmocka_unit_test(refusals_name_the_column_and_what_is_allowed),
        cmocka_unit_test(what_an_error_quotes_is_tame),  cmocka_unit_test(what_a_column_cannot_mean_is_refused),
        cmocka_unit_test(keys_of_ndjson_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
