/* Open-Meteo's format (provider_openmeteo.h). What is asked for and what it weighs follow from the tables here. */
#include "provider_openmeteo.h"

#include "date.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define HOUR_MS            INT64_C(3600000)
#define MINUTE_MS          INT64_C(60000)
#define INTERVAL_MAX_S     86400
#define CM_S_PER_KMH       (100 / 3.6)
#define UM_PER_CM_SNOWFALL (10000.0 / 7) /* of water */
#define UM_PER_MM          1000.0
#define PARTS              3 /* rain, showers, snowfall */

/* A number of the answer that becomes a value as it is: `factor` to the unit of observation.proto, and its bounds. */
struct field {
    const char *key, *unit;
    int bit; /* isobar.v1.Value */
    double factor;
    int32_t low, high;
};

#define PER_MS "m/s"
static const struct field weather[] = {
    {"temperature_2m", "°C", ISOBAR__V1__VALUE__TEMPERATURE, 100, INT32_MIN, INT32_MAX},
    {"relative_humidity_2m", "%", ISOBAR__V1__VALUE__HUMIDITY, 100, 0, 10000},
    {"apparent_temperature", "°C", ISOBAR__V1__VALUE__FEELS_LIKE, 100, INT32_MIN, INT32_MAX},
    {"weather_code", "wmo code", ISOBAR__V1__VALUE__CONDITION, 1, 0, 99},
    {"cloud_cover", "%", ISOBAR__V1__VALUE__CLOUD, 100, 0, 10000},
    {"pressure_msl", "hPa", ISOBAR__V1__VALUE__PRESSURE_SEA_LEVEL, 100, INT32_MIN, INT32_MAX},
    {"surface_pressure", "hPa", ISOBAR__V1__VALUE__PRESSURE_STATION, 100, INT32_MIN, INT32_MAX},
    {"wind_speed_10m", PER_MS, ISOBAR__V1__VALUE__WIND_SPEED, 100, 0, INT32_MAX},
    {"wind_direction_10m", "°", ISOBAR__V1__VALUE__WIND_DIRECTION, 100, 0, 36000},
    {"wind_gusts_10m", PER_MS, ISOBAR__V1__VALUE__WIND_GUST, 100, 0, INT32_MAX},
};
/* Units of the air do not depend on the request, and are not compared: μ is spelled in two ways. */
static const struct field air[] = {
    {"european_aqi", NULL, ISOBAR__V1__VALUE__AIR_QUALITY_INDEX, 1, 0, INT32_MAX},
    {"pm2_5", NULL, ISOBAR__V1__VALUE__PM2_5, 1000, 0, INT32_MAX},
    {"pm10", NULL, ISOBAR__V1__VALUE__PM10, 1000, 0, INT32_MAX},
    {"nitrogen_dioxide", NULL, ISOBAR__V1__VALUE__NO2, 1000, 0, INT32_MAX},
    {"ozone", NULL, ISOBAR__V1__VALUE__O3, 1000, 0, INT32_MAX},
    {"sulphur_dioxide", NULL, ISOBAR__V1__VALUE__SO2, 1000, 0, INT32_MAX},
    {"carbon_monoxide", NULL, ISOBAR__V1__VALUE__CO, 1000, 0, INT32_MAX},
    {"ammonia", NULL, ISOBAR__V1__VALUE__NH3, 1000, 0, INT32_MAX},
};
#define WEATHER (sizeof weather / sizeof *weather)
#define AIR     (sizeof air / sizeof *air)

struct parse {
    const struct provider_answer *answer;
    enum openmeteo_units units;
    struct provider_rows *rows;
};

/* ---- values ---- */

/* The number `key` of `current`; false when it is not known or has another unit than `unit` (NULL: any). */
static bool number(struct parse *parse, const json_t *item, const char *key, const char *unit, double *out)
{
    const json_t *value = json_object_get(json_object_get(item, "current"), key);
    const char *stated = json_string_value(json_object_get(json_object_get(item, "current_units"), key));
    if (!value || json_is_null(value))
        return false;
    *out = json_number_value(value);
    if (json_is_number(value) && isfinite(*out) && !(unit && stated && strcmp(stated, unit) != 0))
        return true;
    parse->rows->left_out++;
    return false;
}

static void take_fields(struct parse *parse, struct observation *row, const json_t *item)
{
    bool is_air = parse->answer->call == FETCH_AIR, kmh = parse->units == OPENMETEO_DEFAULT;
    const struct field *fields = is_air ? air : weather;
    for (size_t i = 0; i < (is_air ? AIR : WEATHER); i++) {
        bool speed = fields[i].unit && strcmp(fields[i].unit, PER_MS) == 0;
        double value;
        if (!number(parse, item, fields[i].key, speed && kmh ? "km/h" : fields[i].unit, &value))
            continue;
        value = round(value * (speed && kmh ? CM_S_PER_KMH : fields[i].factor));
        if (value < fields[i].low || value > fields[i].high) {
            parse->rows->left_out++;
            continue;
        }
        if (fields[i].bit == ISOBAR__V1__VALUE__WIND_DIRECTION && value >= 36000)
            value = 0;
        observation_set(row, fields[i].bit, (int32_t)value);
    }
}

static void take_amount(struct parse *parse, struct observation *row, int bit, double um)
{
    um = round(um);
    if (um < 0 || um > INT32_MAX)
        parse->rows->left_out++;
    else
        observation_set(row, bit, (int32_t)um);
}

/* Rain is what falls as rain and in showers; of the two, the one that is not known counts as none. */
static void take_precipitation(struct parse *parse, struct observation *row, const json_t *item)
{
    double rain = 0, showers = 0, snowfall = 0, interval = 0;
    bool has_rain = number(parse, item, "rain", "mm", &rain),
         has_showers = number(parse, item, "showers", "mm", &showers);
    bool has_snow = number(parse, item, "snowfall", "cm", &snowfall);
    if (!has_rain && !has_showers && !has_snow)
        return;
    if (!number(parse, item, "interval", "seconds", &interval) || interval < 1 || interval > INTERVAL_MAX_S) {
        parse->rows->left_out += has_rain + has_showers + has_snow; /* an amount over no known time says nothing */
        return;
    }
    row->accumulation_s = (int32_t)interval;
    if (has_rain || has_showers)
        take_amount(parse, row, ISOBAR__V1__VALUE__RAIN, (rain + showers) * UM_PER_MM);
    if (has_snow)
        take_amount(parse, row, ISOBAR__V1__VALUE__SNOW, snowfall * UM_PER_CM_SNOWFALL);
}

/* ---- times ---- */

static bool two_digits(const char *text, int32_t high, int32_t *out)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
        return false;
    *out = (text[0] - '0') * 10 + text[1] - '0';
    return *out <= high;
}

/* 2026-09-16T15:00, local time of the answer. */
static bool iso_time(const json_t *item, const char *text, double *seconds)
{
    char day[DATE_BYTES];
    int32_t number_of_day, hour, minute;
    double offset = json_number_value(json_object_get(item, "utc_offset_seconds"));
    if (strlen(text) != 16 || text[10] != 'T' || text[13] != ':')
        return false;
    memcpy(day, text, DATE_BYTES - 1);
    day[DATE_BYTES - 1] = '\0';
    if (!date_parse(day, &number_of_day) || !two_digits(text + 11, 23, &hour) || !two_digits(text + 14, 59, &minute))
        return false;
    *seconds = number_of_day * 86400.0 + hour * 3600 + minute * 60 - offset;
    return true;
}

/* The time of the data, Unix seconds; false when it is not there as it was asked for. */
static bool time_of(const struct parse *parse, const json_t *item, double *seconds)
{
    const json_t *time = json_object_get(json_object_get(item, "current"), "time");
    if (parse->units == OPENMETEO_DEFAULT)
        return json_is_string(time) && iso_time(item, json_string_value(time), seconds);
    *seconds = json_number_value(time);
    return json_is_number(time) && isfinite(*seconds);
}

/* ---- answers ---- */

/* One place; on failure, and when nothing is known there, it has no row. */
static enum fetch_status take_place(struct parse *parse, const json_t *item, size_t index)
{
    struct provider_rows *rows = parse->rows;
    double seconds = 0;
    if (!json_is_object(json_object_get(item, "current")))
        return provider_fail(rows, FETCH_UNEXPECTED_SHAPE, "no object `current`");
    if (!time_of(parse, item, &seconds))
        return provider_fail(rows, FETCH_UNEXPECTED_SHAPE, "no `time` in `current` as it was asked for");
    if (!provider_time_is_good(seconds, parse->answer->fetched_at_ms))
        return provider_fail(rows, FETCH_BAD_TIME, "`time` %.0f is before 2000 or in the future", seconds);
    struct observation *row = provider_rows_add(rows);
    row->kind = ISOBAR__V1__ROW_KIND__OBSERVATION;
    row->provider =
        parse->answer->call == FETCH_AIR ? ISOBAR__V1__PROVIDER__OPEN_METEO_AIR : ISOBAR__V1__PROVIDER__OPEN_METEO;
    row->city_id = parse->answer->places[index].city_id;
    row->observed_at_ms = (int64_t)(seconds * 1000);
    row->fetched_at_ms = parse->answer->fetched_at_ms;
    take_fields(parse, row, item);
    if (parse->answer->call != FETCH_AIR)
        take_precipitation(parse, row, item);
    if (row->present == 0) {
        rows->count--;
        rows->empty++;
    }
    return FETCH_OK;
}

/* The items have no names: what they say of their places must fit the order in which these were asked for. */
static bool in_order(const json_t *root, size_t count)
{
    if (!json_is_array(root))
        return json_is_object(root) && count == 1;
    for (size_t i = 0; i < json_array_size(root); i++) {
        const json_t *id = json_object_get(json_array_get(root, i), "location_id");
        if (id && (!json_is_integer(id) || json_integer_value(id) != (json_int_t)i))
            return false;
    }
    return json_array_size(root) == count;
}

static enum fetch_status take_places(struct parse *parse, const json_t *root)
{
    size_t count = parse->answer->count, good = 0;
    if (!in_order(root, count))
        return provider_fail(parse->rows, FETCH_UNEXPECTED_SHAPE, "not the %zu places that were asked for, in order",
                             count);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_is_array(root) ? json_array_get(root, i) : root;
        parse->rows->statuses[i] = take_place(parse, item, i);
        good += parse->rows->statuses[i] == FETCH_OK;
    }
    return good ? FETCH_OK : parse->rows->statuses[0];
}

/* ---- errors ---- */

/* How long until the limit that the text names is over: windows may be those of the clock. At least a minute. */
static int64_t wait_of(const char *reason, int64_t now_ms)
{
    int64_t window = strstr(reason, "Daily") ? DATE_DAY_MS : strstr(reason, "Hourly") ? HOUR_MS : 0;
    int64_t wait = window ? window - now_ms % window : MINUTE_MS;
    if (strstr(reason, "concurrent"))
        return 1000; /* no limit is used up: another call was under way */
    return wait < MINUTE_MS ? MINUTE_MS : wait;
}

/* `{"error":true,"reason":"…"}` with a status of its own, or, which should not be, with 200. */
static enum fetch_status take_error(struct parse *parse, const json_t *root, enum fetch_status status)
{
    const char *reason = json_string_value(json_object_get(root, "reason"));
    reason = reason ? reason : "";
    if (status == FETCH_RATE_LIMITED && *reason)
        parse->rows->retry_after_ms = wait_of(reason, parse->answer->fetched_at_ms);
    if (status == FETCH_BAD_PLACE && strstr(reason, "Cannot initialize"))
        return provider_fail(parse->rows, FETCH_UNEXPECTED_STATUS, "the API does not know a variable it was asked for");
    if (parse->answer->http_status == 404)
        return provider_fail(parse->rows, FETCH_UNEXPECTED_STATUS, "HTTP status 404: not this API");
    if (status == FETCH_OK)
        return provider_fail(parse->rows, FETCH_SERVER_ERROR, "an error in an answer with HTTP status 200");
    return provider_fail(parse->rows, status, "HTTP status %d", parse->answer->http_status);
}

enum fetch_status openmeteo_parse(const struct provider_answer *answer, enum openmeteo_units units,
                                  struct provider_rows *rows)
{
    struct parse parse = {answer, units, rows};
    enum fetch_status status = fetch_status_of_http(answer->http_status);
    json_error_t error;
    provider_rows_start(rows, answer->count);
    json_t *root = json_loadb(answer->body ? answer->body : "", answer->size, 0, &error);
    if (status != FETCH_OK || json_is_true(json_object_get(root, "error")))
        status = take_error(&parse, root, status);
    else if (!root)
        status = provider_fail(rows, FETCH_BROKEN_BODY, "not JSON at line %d, column %d of %zu bytes", error.line,
                               error.column, answer->size);
    else
        status = take_places(&parse, root);
    json_decref(root);
    if (status != FETCH_OK)
        rows->count = 0;
    return status;
}

static enum fetch_status parse_asked(const struct provider_answer *answer, struct provider_rows *rows)
{
    return openmeteo_parse(answer, OPENMETEO_ASKED, rows);
}

/* ---- requests ---- */

static int32_t cost_milli(enum fetch_call call, size_t places)
{
    int32_t variables = call == FETCH_AIR ? (int32_t)AIR : (int32_t)(WEATHER + PARTS);
    return (variables > 10 ? variables * 100 : 1000) * (int32_t)places;
}

static void append_url(const struct provider_request *request, const char *base, const char *key, struct buf *out)
{
    bool is_air = request->call == FETCH_AIR;
    buf_printf(out, "%s/v1/%s?latitude=", base, is_air ? "air-quality" : "forecast");
    for (size_t i = 0; i < request->count; i++) {
        buf_text(out, i ? "," : "");
        provider_append_degrees(out, request->places[i].latitude_e5);
    }
    buf_text(out, "&longitude=");
    for (size_t i = 0; i < request->count; i++) {
        buf_text(out, i ? "," : "");
        provider_append_degrees(out, request->places[i].longitude_e5);
    }
    buf_text(out, "&current=");
    for (size_t i = 0; i < (is_air ? AIR : WEATHER); i++)
        buf_printf(out, "%s%s", i ? "," : "", is_air ? air[i].key : weather[i].key);
    if (!is_air)
        buf_text(out, ",rain,showers,snowfall&wind_speed_unit=ms");
    buf_text(out, "&timeformat=unixtime&timezone=GMT");
    if (*key) {
        buf_text(out, "&apikey=");
        provider_append_encoded(out, key);
    }
}

const struct provider provider_openmeteo = {
    .name = "open-meteo",
    .account = "open-meteo",
    .base_url = "https://api.open-meteo.com",
    .air_base_url = "https://air-quality-api.open-meteo.com",
    .needs_key = false, /* customers have one, and a base URL of their own */
    .interval_ms = 15 * MINUTE_MS,
    .air_interval_ms = HOUR_MS,
    .air_by_default = true,
    .places_max = 300, /* the API takes 1000, but its URL would be too long */
    .concurrency_max = 1,
    .attribution = "Weather data by Open-Meteo.com, CC BY 4.0",
    .attribution_url = "https://open-meteo.com/",
    .cost_milli = cost_milli,
    .url = append_url,
    .parse = parse_asked,
};
