/* Aerodrome reports in the form of aviationweather.gov (provider_metar.h). Matched by station, in whatever order. */
#include "provider_metar.h"

#include "derive.h"
#include "provider_metar_weather.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define V(name)           ISOBAR__V1__VALUE__##name
#define MINUTE_MS         INT64_C(60000)
#define HOUR_S            3600
#define CM_S_PER_KT       (185200.0 / 3600) /* a knot is 1852 m an hour */
#define M_PER_MILE        1609.344          /* the international mile */
#define UM_PER_INCH       25400.0
#define INCHES_MEASURED   0.01 /* less is a trace */
#define RAIN_ABOVE_C      3    /* water that falls in warmer air is no snow, nearly always */
#define ALTIMETER_MIN_HPA 500
#define ALTIMETER_MAX_HPA 1100
#define ELEVATION_MIN_M   (-500)
#define ELEVATION_MAX_M   9000
#define REPORTS_PER_PLACE 10 /* an answer with more is none to this request */

struct parse {
    const struct provider_answer *answer;
    struct provider_rows *rows;
};

/* ---- values ---- */

/* The number `key` of a report; false when it is not known, or none. */
static bool number(struct parse *parse, const json_t *report, const char *key, double *out)
{
    const json_t *value = json_object_get(report, key);
    if (!value || json_is_null(value))
        return false;
    *out = json_number_value(value);
    if (json_is_number(value) && isfinite(*out))
        return true;
    parse->rows->left_out++;
    return false;
}

static void put(struct parse *parse, struct observation *row, int bit, double value, double low, double high)
{
    value = round(value);
    if (value >= low && value <= high)
        observation_set(row, bit, (int32_t)value);
    else
        parse->rows->left_out++;
}

static void take_temperatures(struct parse *parse, struct observation *row, const json_t *report)
{
    double value;
    int32_t humidity;
    if (number(parse, report, "temp", &value))
        put(parse, row, V(TEMPERATURE), value * 100, INT32_MIN, INT32_MAX);
    if (number(parse, report, "dewp", &value))
        put(parse, row, V(DEW_POINT), value * 100, INT32_MIN, INT32_MAX);
    if (observation_has(row, V(TEMPERATURE)) && observation_has(row, V(DEW_POINT)) &&
        derive_humidity(row->value[V(TEMPERATURE)], row->value[V(DEW_POINT)], &humidity))
        observation_set(row, V(HUMIDITY), humidity);
}

static void take_wind(struct parse *parse, struct observation *row, const json_t *report)
{
    double speed, gust, degrees;
    const char *variable = json_string_value(json_object_get(report, "wdir"));
    if (!number(parse, report, "wspd", &speed))
        return;
    put(parse, row, V(WIND_SPEED), speed * CM_S_PER_KT, 0, INT32_MAX);
    if (number(parse, report, "wgst", &gust) && gust != 0)
        put(parse, row, V(WIND_GUST), gust * CM_S_PER_KT, 0, INT32_MAX);
    if (variable && strcmp(variable, "VRB") == 0)
        return;
    if (number(parse, report, "wdir", &degrees) && degrees != 0 && speed > 0)
        put(parse, row, V(WIND_DIRECTION), degrees == 360 ? 0 : degrees * 100, 0, 35999);
}

/* "10+", "3", "2.5", "1/2" or "1 1/2". */
static bool miles_of(const char *text, double *out)
{
    char *end = NULL;
    double over = 0, under = 1;
    if (text[strspn(text, "0123456789./ +")] != '\0')
        return false;
    double whole = strtod(text, &end);
    const char *slash = strchr(end, '/');
    if (end == text)
        return false;
    if (slash && slash == end) {
        over = whole;
        whole = 0;
    } else if (slash) {
        over = strtod(end, &end);
    }
    if (slash && slash != end)
        return false;
    if (slash)
        under = strtod(slash + 1, &end);
    else
        end += *end == '+';
    *out = whole + over / under;
    return *end == '\0' && isfinite(*out);
}

static bool visibility_of(struct parse *parse, const json_t *report, double *miles)
{
    const char *text = json_string_value(json_object_get(report, "visib"));
    if (!text)
        return number(parse, report, "visib", miles);
    if (miles_of(text, miles))
        return true;
    parse->rows->left_out += *text != '\0';
    return false;
}

static void take_visibility(struct parse *parse, struct observation *row, const json_t *report)
{
    double miles;
    if (visibility_of(parse, report, &miles))
        put(parse, row, V(VISIBILITY), miles * M_PER_MILE, 0, INT32_MAX);
}

static void take_pressures(struct parse *parse, struct observation *row, const json_t *report)
{
    double sea_level, altimeter, elevation;
    if (number(parse, report, "slp", &sea_level))
        put(parse, row, V(PRESSURE_SEA_LEVEL), sea_level * 100, 0, INT32_MAX);
    if (!number(parse, report, "altim", &altimeter) || !number(parse, report, "elev", &elevation))
        return;
    if (altimeter < ALTIMETER_MIN_HPA || altimeter > ALTIMETER_MAX_HPA || elevation < ELEVATION_MIN_M ||
        elevation > ELEVATION_MAX_M)
        parse->rows->left_out++;
    else
        put(parse, row, V(PRESSURE_STATION), station_pressure_hpa(altimeter, elevation) * 100, 0, INT32_MAX);
}

/* ---- clouds ---- */

#define UNKNOWN_SKY (-1)

/* 0.01 % of the sky; UNKNOWN_SKY where the code does not say it. */
static int32_t sky_of(struct parse *parse, const char *cover)
{
    static const struct {
        char code[6];
        int32_t centi_percent;
    } covers[] = {
        {"SKC", 0},     {"CLR", 0},     {"NCD", 0},    {"FEW", 1875},        {"SCT", 4375},         {"BKN", 7500},
        {"OVC", 10000}, {"OVX", 10000}, {"VV", 10000}, {"NSC", UNKNOWN_SKY}, {"CAVOK", UNKNOWN_SKY}};
    for (size_t i = 0; i < sizeof covers / sizeof *covers; i++) {
        if (strcmp(covers[i].code, cover) == 0)
            return covers[i].centi_percent;
    }
    parse->rows->left_out++;
    return UNKNOWN_SKY;
}

static void take_clouds(struct parse *parse, struct observation *row, const json_t *report)
{
    const json_t *layers = json_object_get(report, "clouds");
    int32_t most = UNKNOWN_SKY;
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const char *cover = json_string_value(json_object_get(json_array_get(layers, i), "cover"));
        int32_t sky = cover ? sky_of(parse, cover) : UNKNOWN_SKY;
        most = sky > most ? sky : most;
    }
    const char *whole = json_string_value(json_object_get(report, "cover"));
    if (json_array_size(layers) == 0 && whole)
        most = sky_of(parse, whole);
    if (most != UNKNOWN_SKY)
        observation_set(row, V(CLOUD), most);
}

/* ---- weather ---- */

/* True when something frozen falls. */
static bool take_weather(struct observation *row, const json_t *report)
{
    const char *text = json_string_value(json_object_get(report, "wxString"));
    struct metar_weather weather = metar_weather_read(text ? text : "");
    if (weather.code)
        observation_set(row, V(CONDITION), weather.code);
    return weather.frozen;
}

static void take_precipitation(struct parse *parse, struct observation *row, const json_t *report, bool ice)
{
    double inches;
    const char *type = json_string_value(json_object_get(report, "metarType"));
    if (!number(parse, report, "precip", &inches) || !type || strcmp(type, "METAR") != 0)
        return;
    if (ice || !observation_has(row, V(TEMPERATURE)) || row->value[V(TEMPERATURE)] <= RAIN_ABOVE_C * 100)
        return;
    put(parse, row, V(RAIN), inches >= 0 && inches < INCHES_MEASURED ? 0 : inches * UM_PER_INCH, 0, INT32_MAX);
    if (observation_has(row, V(RAIN)))
        row->accumulation_s = HOUR_S;
}

/* ---- answers ---- */

static const char *station_of(const json_t *report)
{
    const char *station = json_string_value(json_object_get(report, "icaoId"));
    return station ? station : "";
}

/* The newest report of the station; NULL when there is none. */
static const json_t *newest(const json_t *reports, const char *station)
{
    const json_t *found = NULL;
    for (size_t i = 0; i < json_array_size(reports); i++) {
        const json_t *report = json_array_get(reports, i);
        if (strcmp(station_of(report), station) == 0 &&
            (!found || json_number_value(json_object_get(report, "obsTime")) >
                           json_number_value(json_object_get(found, "obsTime"))))
            found = report;
    }
    return found;
}

/* One place's report; on failure, and when nothing is known there, it has no row. */
static enum fetch_status take_report(struct parse *parse, const json_t *report, size_t index)
{
    struct provider_rows *rows = parse->rows;
    const json_t *time = json_object_get(report, "obsTime");
    double seconds = json_number_value(time);
    if (!json_is_number(time) || !isfinite(seconds))
        return provider_fail(rows, FETCH_UNEXPECTED_SHAPE, "no number `obsTime`");
    if (!provider_time_is_good(seconds, parse->answer->fetched_at_ms))
        return provider_fail(rows, FETCH_BAD_TIME, "`obsTime` %.0f is before 2000 or in the future", seconds);
    struct observation *row = provider_rows_add(rows);
    row->kind = ISOBAR__V1__ROW_KIND__OBSERVATION;
    row->provider = ISOBAR__V1__PROVIDER__METAR;
    row->city_id = parse->answer->places[index].city_id;
    row->observed_at_ms = (int64_t)(seconds * 1000);
    row->fetched_at_ms = parse->answer->fetched_at_ms;
    take_temperatures(parse, row, report);
    take_wind(parse, row, report);
    take_visibility(parse, row, report);
    take_pressures(parse, row, report);
    take_clouds(parse, row, report);
    take_precipitation(parse, row, report, take_weather(row, report));
    if (row->present == 0) {
        rows->count--;
        rows->empty++;
    }
    return FETCH_OK;
}

/* What is no list of reports by station. NULL, or what is wrong. */
static const char *fault_of(const json_t *root, size_t places)
{
    if (!json_is_array(root))
        return "no list of reports";
    if (json_array_size(root) > places * REPORTS_PER_PLACE)
        return "many more reports than were asked for";
    for (size_t i = 0; i < json_array_size(root); i++) {
        if (!*station_of(json_array_get(root, i)))
            return "a report without a station `icaoId`";
    }
    return NULL;
}

static enum fetch_status take_reports(struct parse *parse, const json_t *root)
{
    struct provider_rows *rows = parse->rows;
    size_t count = parse->answer->count, found = 0, good = 0;
    const char *fault = fault_of(root, count);
    if (fault)
        return provider_fail(rows, FETCH_UNEXPECTED_SHAPE, "%s", fault);
    for (size_t i = 0; i < count; i++) {
        const json_t *report = newest(root, parse->answer->places[i].station);
        if (report)
            rows->statuses[i] = take_report(parse, report, i);
        else
            rows->empty++;
        found += report != NULL;
        good += rows->statuses[i] == FETCH_OK;
    }
    if (json_array_size(root) > 0 && found == 0)
        return provider_fail(rows, FETCH_UNEXPECTED_SHAPE, "reports of other stations than were asked for");
    return good ? FETCH_OK : rows->statuses[0];
}

static enum fetch_status take_nothing(const struct provider_answer *answer, struct provider_rows *rows)
{
    rows->empty += (int64_t)answer->count;
    return FETCH_OK;
}

/* There is no key that could be refused: who is shut out is blocked. And no place is so bad that the path is not found.
 */
static enum fetch_status status_of(const struct provider_answer *answer)
{
    switch (answer->http_status) {
    case 401:
    case 403:
        return FETCH_RATE_LIMITED;
    case 404:
        return FETCH_UNEXPECTED_STATUS;
    default:
        return fetch_status_of_http(answer->http_status);
    }
}

static enum fetch_status parse_answer(const struct provider_answer *answer, struct provider_rows *rows)
{
    struct parse parse = {answer, rows};
    enum fetch_status status = status_of(answer);
    json_error_t error;
    provider_rows_start(rows, answer->count);
    if (answer->http_status == 204 || (status == FETCH_OK && answer->size == 0))
        return take_nothing(answer, rows);
    if (status != FETCH_OK)
        return provider_fail(rows, status, "HTTP status %d", answer->http_status);
    json_t *root = json_loadb(answer->body, answer->size, 0, &error);
    if (root)
        status = take_reports(&parse, root);
    else
        status = provider_fail(rows, FETCH_BROKEN_BODY, "not JSON at line %d, column %d of %zu bytes", error.line,
                               error.column, answer->size);
    json_decref(root);
    if (status != FETCH_OK)
        rows->count = 0;
    return status;
}

/* ---- requests ---- */

/* A call is a call, however many stations it asks for. */
static int32_t cost_milli(enum fetch_call call, size_t places)
{
    (void)call;
    (void)places;
    return 1000;
}

/* True when a place before it has the same station, which is asked for once. */
static bool asked_before(const struct provider_request *request, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(request->places[i].station, request->places[index].station) == 0)
            return true;
    }
    return false;
}

static void append_url(const struct provider_request *request, const char *base, const char *key, struct buf *out)
{
    (void)key;
    buf_printf(out, "%s/api/data/metar?ids=", base);
    for (size_t i = 0; i < request->count; i++) {
        if (asked_before(request, i))
            continue;
        buf_text(out, i ? "," : "");
        provider_append_encoded(out, request->places[i].station);
    }
    buf_text(out, "&format=json");
}

const struct provider provider_metar = {
    .name = "metar",
    .account = "metar",
    .base_url = "https://aviationweather.gov",
    .needs_key = false,
    .needs_station = true,
    .interval_ms = 10 * MINUTE_MS, /* of specials; what is learnt of each station's rhythm saves most of these calls */
    .reading_ms = 60 * MINUTE_MS,
    .places_max = 200, /* an answer has 400 reports at most */
    .concurrency_max = 1,
    .attribution = "Aerodrome reports by the NOAA/NWS Aviation Weather Center, public domain",
    .attribution_url = "https://aviationweather.gov/",
    .cost_milli = cost_milli,
    .url = append_url,
    .parse = parse_answer,
};
