/*
 * OpenWeatherMap's format (provider_openweathermap.h). One table says where each value is in the payload and how it
 * becomes a scaled integer; numbers may come as JSON integers or reals. The status is HTTP's; a body that says
 * otherwise in `cod`, which may be a number or a text, is believed when HTTP says 200.
 */
#include "provider_openweathermap.h"

#include "provider_openweathermap_value.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_S   3600
#define LEGACY_S (3 * HOUR_S) /* rain.3h and snow.3h */

struct field {
    const char *object, *key;
    int bit; /* isobar.v1.Value */
    enum openweathermap_scale scale;
};

static const struct field weather_fields[] = {
    {"main", "temp", ISOBAR__V1__VALUE__TEMPERATURE, OPENWEATHERMAP_TEMPERATURE},
    {"main", "feels_like", ISOBAR__V1__VALUE__FEELS_LIKE, OPENWEATHERMAP_TEMPERATURE},
    {"main", "temp_min", ISOBAR__V1__VALUE__TEMPERATURE_MIN, OPENWEATHERMAP_TEMPERATURE},
    {"main", "temp_max", ISOBAR__V1__VALUE__TEMPERATURE_MAX, OPENWEATHERMAP_TEMPERATURE},
    {"main", "sea_level", ISOBAR__V1__VALUE__PRESSURE_SEA_LEVEL, OPENWEATHERMAP_HPA},
    {"main", "pressure", ISOBAR__V1__VALUE__PRESSURE_SEA_LEVEL, OPENWEATHERMAP_HPA}, /* after sea_level: it wins */
    {"main", "grnd_level", ISOBAR__V1__VALUE__PRESSURE_STATION, OPENWEATHERMAP_HPA},
    {"main", "humidity", ISOBAR__V1__VALUE__HUMIDITY, OPENWEATHERMAP_PERCENT},
    {"wind", "speed", ISOBAR__V1__VALUE__WIND_SPEED, OPENWEATHERMAP_SPEED},
    {"wind", "deg", ISOBAR__V1__VALUE__WIND_DIRECTION, OPENWEATHERMAP_DEGREES},
    {"wind", "gust", ISOBAR__V1__VALUE__WIND_GUST, OPENWEATHERMAP_SPEED},
    {"clouds", "all", ISOBAR__V1__VALUE__CLOUD, OPENWEATHERMAP_PERCENT},
    {NULL, "visibility", ISOBAR__V1__VALUE__VISIBILITY, OPENWEATHERMAP_ONE},
};
#define WEATHER_FIELDS (sizeof weather_fields / sizeof *weather_fields)

struct parse {
    const struct provider_answer *answer;
    enum openweathermap_units units;
    struct provider_rows *rows;
};

/* ---- values ---- */

/* Sets the value of `bit`, or counts it as left out. */
static void take_number(struct parse *parse, struct observation *row, int bit, enum openweathermap_scale scale,
                        const json_t *number)
{
    int32_t value;
    if (json_is_number(number) && openweathermap_value(json_number_value(number), scale, parse->units, &value))
        observation_set(row, bit, value);
    else
        parse->rows->left_out++;
}

/* A member that is there and not null; NULL otherwise. */
static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static void take_fields(struct parse *parse, struct observation *row, const json_t *item, const struct field *fields,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *object = fields[i].object ? member(item, fields[i].object) : item;
        const json_t *value = member(object, fields[i].key);
        if (value)
            take_number(parse, row, fields[i].bit, fields[i].scale, value);
    }
}

static void take_condition(struct parse *parse, struct observation *row, const json_t *item)
{
    const json_t *list = member(item, "weather");
    const json_t *id = member(json_array_get(list, 0), "id");
    if (json_is_integer(id) && json_integer_value(id) >= 0 && json_integer_value(id) <= INT32_MAX)
        observation_set(row, ISOBAR__V1__VALUE__CONDITION, (int32_t)json_integer_value(id));
    else if (id)
        parse->rows->left_out++;
}

/* Rain or snow: the amount in um and the seconds it fell in. False when it is said in a way that cannot be used. */
static bool amount(const json_t *object, int32_t *um, int32_t *period_s)
{
    const json_t *value;
    *um = *period_s = 0; /* nothing said: 0 over any period */
    if (!object)
        return true;
    if ((value = member(object, "1h")) != NULL)
        *period_s = HOUR_S;
    else if ((value = member(object, "3h")) != NULL)
        *period_s = LEGACY_S;
    return json_is_number(value) &&
           openweathermap_value(json_number_value(value), OPENWEATHERMAP_MM, OPENWEATHERMAP_METRIC, um);
}

static void take_precipitation(struct parse *parse, struct observation *row, const json_t *item)
{
    int32_t rain, snow, rain_s, snow_s;
    bool has_rain = amount(member(item, "rain"), &rain, &rain_s),
         has_snow = amount(member(item, "snow"), &snow, &snow_s);
    parse->rows->left_out += !has_rain + !has_snow;
    rain_s = has_rain ? rain_s : 0;
    snow_s = has_snow ? snow_s : 0;
    /* A row has one period: where the two differ, the shorter one is kept. */
    if (rain_s && snow_s && rain_s != snow_s) {
        has_rain = rain_s < snow_s;
        has_snow = !has_rain;
        rain_s = snow_s = HOUR_S;
        parse->rows->left_out++;
    }
    row->accumulation_s = rain_s ? rain_s : snow_s ? snow_s : HOUR_S;
    if (has_rain)
        observation_set(row, ISOBAR__V1__VALUE__RAIN, rain);
    if (has_snow)
        observation_set(row, ISOBAR__V1__VALUE__SNOW, snow);
}

/* ---- readings ---- */

static int32_t provider_of(const json_t *root)
{
    const char *base = json_string_value(json_object_get(root, "base"));
    if (base && strcmp(base, "recorded") == 0)
        return ISOBAR__V1__PROVIDER__RECORDED;
    if (base && strcmp(base, "simulated") == 0)
        return ISOBAR__V1__PROVIDER__SIMULATED;
    return ISOBAR__V1__PROVIDER__OPENWEATHERMAP;
}

/* A row at the time that `item` says; NULL with the reason in `status` when it says none that can be. */
static struct observation *add_row(struct parse *parse, const json_t *item, int32_t provider, enum fetch_status *status)
{
    const json_t *time = json_object_get(item, "dt");
    double dt = json_is_number(time) ? json_number_value(time) : NAN;
    *status = FETCH_OK;
    if (!isfinite(dt))
        *status = provider_fail(parse->rows, FETCH_UNEXPECTED_SHAPE, "no number `dt`");
    else if (!provider_time_is_good(dt, parse->answer->fetched_at_ms))
        *status = provider_fail(parse->rows, FETCH_BAD_TIME, "`dt` %.0f is before 2000 or in the future", dt);
    if (*status != FETCH_OK)
        return NULL;
    struct observation *row = provider_rows_add(parse->rows);
    row->kind = ISOBAR__V1__ROW_KIND__OBSERVATION;
    row->provider = provider;
    row->city_id = parse->answer->places[0].city_id;
    row->observed_at_ms = (int64_t)(dt * 1000);
    row->fetched_at_ms = parse->answer->fetched_at_ms;
    return row;
}

/* Reads one reading; on failure nothing is added. */
static enum fetch_status take_reading(struct parse *parse, const json_t *item, int32_t provider)
{
    static const uint64_t needed = UINT64_C(1) << ISOBAR__V1__VALUE__TEMPERATURE |
                                   UINT64_C(1) << ISOBAR__V1__VALUE__HUMIDITY |
                                   UINT64_C(1) << ISOBAR__V1__VALUE__PRESSURE_SEA_LEVEL;
    enum fetch_status status;
    if (!json_is_object(json_object_get(item, "main")))
        return provider_fail(parse->rows, FETCH_UNEXPECTED_SHAPE, "no object `main`");
    struct observation *row = add_row(parse, item, provider, &status);
    if (!row)
        return status;
    take_fields(parse, row, item, weather_fields, WEATHER_FIELDS);
    if (!(row->present & needed)) {
        parse->rows->count--;
        return provider_fail(parse->rows, FETCH_UNEXPECTED_SHAPE, "`main` has no temperature, humidity or pressure");
    }
    take_condition(parse, row, item);
    take_precipitation(parse, row, item);
    return FETCH_OK;
}

/* Items that cannot be used, and those that lie in the future, are skipped and counted. */
static enum fetch_status take_history(struct parse *parse, const json_t *root)
{
    const json_t *list = json_object_get(root, "list"), *item;
    int32_t provider = provider_of(root);
    size_t index;
    if (!json_is_array(list))
        return provider_fail(parse->rows, FETCH_UNEXPECTED_SHAPE, "no array `list`");
    json_array_foreach(list, index, item)
    {
        size_t before = parse->rows->count;
        enum fetch_status status = take_reading(parse, item, provider);
        if (status == FETCH_OK && parse->rows->rows[before].observed_at_ms <= parse->answer->fetched_at_ms)
            continue;
        parse->rows->count = before;
        parse->rows->skipped++;
    }
    if (json_array_size(list) > 0 && parse->rows->count == 0)
        return provider_fail(parse->rows, FETCH_UNEXPECTED_SHAPE, "none of %zu items could be read",
                             json_array_size(list));
    return FETCH_OK;
}

/* ---- the air ---- */

/* ug/m3 as ng/m3, or the index; what is missing is reported as a negative number, or not at all. */
static const struct field air_fields[] = {
    {"main", "aqi", ISOBAR__V1__VALUE__AIR_QUALITY_INDEX, OPENWEATHERMAP_ONE},
    {"components", "pm2_5", ISOBAR__V1__VALUE__PM2_5, OPENWEATHERMAP_MICROGRAM},
    {"components", "pm10", ISOBAR__V1__VALUE__PM10, OPENWEATHERMAP_MICROGRAM},
    {"components", "no2", ISOBAR__V1__VALUE__NO2, OPENWEATHERMAP_MICROGRAM},
    {"components", "o3", ISOBAR__V1__VALUE__O3, OPENWEATHERMAP_MICROGRAM},
    {"components", "so2", ISOBAR__V1__VALUE__SO2, OPENWEATHERMAP_MICROGRAM},
    {"components", "co", ISOBAR__V1__VALUE__CO, OPENWEATHERMAP_MICROGRAM},
    {"components", "nh3", ISOBAR__V1__VALUE__NH3, OPENWEATHERMAP_MICROGRAM},
};
#define AIR_FIELDS (sizeof air_fields / sizeof *air_fields)

/* `list` has one item; none where nothing is known. */
static enum fetch_status take_air(struct parse *parse, const json_t *root)
{
    const json_t *list = json_object_get(root, "list"), *item = json_array_get(list, 0);
    enum fetch_status status;
    if (!json_is_array(list) || json_array_size(list) > 1)
        return provider_fail(parse->rows, FETCH_UNEXPECTED_SHAPE, "no array `list` of one item");
    if (!item) {
        parse->rows->empty++;
        return FETCH_OK;
    }
    if (!json_is_object(json_object_get(item, "components")))
        return provider_fail(parse->rows, FETCH_UNEXPECTED_SHAPE, "no object `components`");
    struct observation *row = add_row(parse, item, ISOBAR__V1__PROVIDER__OPENWEATHERMAP_AIR, &status);
    if (!row)
        return status;
    take_fields(parse, row, item, air_fields, AIR_FIELDS);
    if (row->present == 0) {
        parse->rows->count--;
        parse->rows->empty++;
    }
    return FETCH_OK;
}

/* ---- answers ---- */

/* `cod` as a number, whichever type it has; 0 when there is none. */
static int code_of(const json_t *root)
{
    const json_t *cod = json_object_get(root, "cod");
    if (json_is_integer(cod) && json_integer_value(cod) > 0 && json_integer_value(cod) < 1000)
        return (int)json_integer_value(cod);
    const char *text = json_string_value(cod);
    long value = text && strlen(text) == 3 ? strtol(text, NULL, 10) : 0;
    return value > 0 && value < 1000 ? (int)value : 0;
}

static enum fetch_status take_answer(struct parse *parse, const json_t *root)
{
    int code = code_of(root);
    if (!json_is_object(root))
        return provider_fail(parse->rows, FETCH_UNEXPECTED_SHAPE, "not an object");
    if (code >= 400)
        return provider_fail(parse->rows, fetch_status_of_http(code), "cod %d in an answer with HTTP status 200", code);
    if (parse->answer->call == FETCH_HISTORY)
        return take_history(parse, root);
    if (parse->answer->call == FETCH_AIR)
        return take_air(parse, root);
    if (json_object_get(root, "list"))
        return provider_fail(parse->rows, FETCH_UNEXPECTED_SHAPE, "a `list` of several readings");
    return take_reading(parse, root, provider_of(root));
}

enum fetch_status openweathermap_parse(const struct provider_answer *answer, enum openweathermap_units units,
                                       struct provider_rows *rows)
{
    struct parse parse = {answer, units, rows};
    json_error_t error;
    provider_rows_start(rows, answer->count);
    enum fetch_status status = fetch_status_of_http(answer->http_status);
    if (status != FETCH_OK)
        return provider_fail(rows, status, "HTTP status %d", answer->http_status);
    json_t *root = json_loadb(answer->body ? answer->body : "", answer->size, 0, &error);
    if (!root)
        return provider_fail(rows, FETCH_BROKEN_BODY, "not JSON at line %d, column %d of %zu bytes", error.line,
                             error.column, answer->size);
    status = take_answer(&parse, root);
    json_decref(root);
    if (status != FETCH_OK)
        rows->count = 0;
    return status;
}

static enum fetch_status parse_metric(const struct provider_answer *answer, struct provider_rows *rows)
{
    return openweathermap_parse(answer, OPENWEATHERMAP_METRIC, rows);
}

/* A replay is never taken for live data: what does not say that it was recorded counts as simulated. */
static enum fetch_status parse_replay(const struct provider_answer *answer, struct provider_rows *rows)
{
    enum fetch_status status = openweathermap_parse(answer, OPENWEATHERMAP_METRIC, rows);
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->rows[i].provider != ISOBAR__V1__PROVIDER__RECORDED)
            rows->rows[i].provider = ISOBAR__V1__PROVIDER__SIMULATED;
    }
    return status;
}

/* ---- requests ---- */

static void append_url(const struct provider_request *request, const char *base, const char *key, struct buf *out)
{
    static const char *const paths[FETCH_CALLS] = {
        [FETCH_CURRENT] = "weather", [FETCH_HISTORY] = "history/city", [FETCH_AIR] = "air_pollution"};
    buf_printf(out, "%s/data/2.5/%s?lat=", base, paths[request->call]);
    provider_append_degrees(out, request->places[0].latitude_e5);
    buf_text(out, "&lon=");
    provider_append_degrees(out, request->places[0].longitude_e5);
    if (request->call == FETCH_HISTORY)
        buf_printf(out, "&type=hour&start=%lld&end=%lld", (long long)(request->start_ms / 1000),
                   (long long)(request->end_ms / 1000));
    buf_text(out, request->call == FETCH_AIR ? "&appid=" : "&units=metric&appid=");
    provider_append_encoded(out, key);
}

/* Every call is one call. */
static int32_t cost_milli(enum fetch_call call, size_t places)
{
    (void)call, (void)places;
    return 1000;
}

const struct provider provider_openweathermap = {
    .name = "openweathermap",
    .account = "openweathermap",
    .base_url = "https://api.openweathermap.org",
    .needs_key = true,
    .interval_ms = INT64_C(10) * 60 * 1000,
    .air_interval_ms = INT64_C(60) * 60 * 1000,
    .air_by_default = false, /* a call per city and hour, of a quota that may just carry the weather */
    .history_hours = 0,      /* a paid product */
    .places_max = 1,         /* /group is old data and counts each place as a call */
    .attribution = "Weather data provided by OpenWeather",
    .attribution_url = "https://openweathermap.org/",
    .cost_milli = cost_milli,
    .url = append_url,
    .parse = parse_metric,
};

const struct provider provider_replay = {
    .name = "replay",
    .account = "replay",
    .base_url = "",
    .needs_key = true,
    .interval_ms = 5000,
    .history_hours = 48,
    .places_max = 1,
    .attribution = "Replayed data, not the weather outside",
    .attribution_url = "",
    .cost_milli = cost_milli,
    .url = append_url,
    .parse = parse_replay,
};
