/* See openmeteo.h. */
#include "openmeteo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_S     900
#define AIR_INTERVAL_S 3600

/* ---- requests ---- */

static size_t numbers(const char *text, struct openmeteo_place *places, bool latitude)
{
    size_t count = 0;
    while (text && *text && count < OPENMETEO_PLACES) {
        char *end = NULL;
        double value = strtod(text, &end);
        if (end == text || !isfinite(value) || (*end != ',' && *end != '\0'))
            return 0;
        *(latitude ? &places[count].latitude : &places[count].longitude) = value;
        count++;
        text = *end ? end + 1 : end;
    }
    return text && *text ? 0 : count;
}

size_t openmeteo_places(const char *latitudes, const char *longitudes, struct openmeteo_place *places)
{
    size_t count = numbers(latitudes, places, true);
    for (size_t i = 0; i < count; i++)
        places[i].rule = NULL;
    return count == numbers(longitudes, places, false) ? count : 0;
}

bool openmeteo_on_earth(const struct openmeteo_place *place)
{
    return fabs(place->latitude) <= 90 && fabs(place->longitude) <= 180;
}

int64_t openmeteo_weight(const char *current, size_t places)
{
    int64_t variables = 1;
    for (; current && *current; current++)
        variables += *current == ',';
    return (int64_t)places * (variables > 10 ? variables * 100 : 1000);
}

/* ---- bodies ---- */

/* OpenWeatherMap's condition as a WMO code. */
static int wmo_code(int condition)
{
    switch (condition) {
    case 500:
        return 61;
    case 501:
        return 63;
    case 502:
        return 65;
    case 600:
        return 71;
    case 601:
        return 73;
    default:
        return condition >= 803 ? 3 : condition >= 800 ? condition - 800 : 0;
    }
}

static void append_weather(const struct weather *w, struct buf *out)
{
    double quarter = INTERVAL_S / 3600.0;
    buf_printf(out,
               ",\"temperature_2m\":%.1f,\"relative_humidity_2m\":%d,\"apparent_temperature\":%.1f,\"weather_code\":%d,"
               "\"cloud_cover\":%d,\"pressure_msl\":%.1f,\"surface_pressure\":%.1f,\"wind_speed_10m\":%.2f,"
               "\"wind_direction_10m\":%d,\"wind_gusts_10m\":%.2f,\"rain\":%.2f,\"showers\":0.00,\"snowfall\":%.2f",
               w->temperature_c, w->humidity_percent, w->temperature_c - 0.3 * w->wind_m_s, wmo_code(w->condition),
               w->cloud_percent, w->pressure_hpa, w->pressure_hpa - 4, w->wind_m_s, w->wind_deg, w->gust_m_s,
               w->rain_mm_h * quarter, w->snow_mm_h * quarter * 0.7);
}

/* The dirtier the air the less wind there is; ammonia is not known. */
static void append_air(const struct weather *w, struct buf *out)
{
    double still = 1 / (1 + w->wind_m_s);
    buf_printf(out,
               ",\"european_aqi\":%d,\"pm2_5\":%.1f,\"pm10\":%.1f,\"nitrogen_dioxide\":%.1f,\"ozone\":%.1f,"
               "\"sulphur_dioxide\":%.1f,\"carbon_monoxide\":%.1f,\"ammonia\":null",
               (int)(60 * still), 20 * still, 35 * still, 30 * still, 80 - 30 * still, 3 * still, 180 + 60 * still);
}

static void append_place(const struct series *series, const struct openmeteo_place *place, size_t index, bool air,
                         int64_t at_s, struct buf *out)
{
    struct weather w;
    series_at(series, place->latitude, place->longitude, at_s, &w);
    buf_printf(out, "%s{\"latitude\":%.3f,\"longitude\":%.3f,\"utc_offset_seconds\":0,\"timezone\":\"GMT\",",
               index ? "," : "", round(place->latitude * 8) / 8, round(place->longitude * 8) / 8);
    if (index)
        buf_printf(out, "\"location_id\":%zu,", index);
    buf_printf(out, "\"current_units\":{\"time\":\"unixtime\",\"interval\":\"seconds\"%s},",
               air ? "" : ",\"temperature_2m\":\"°C\",\"wind_speed_10m\":\"m/s\",\"rain\":\"mm\",\"snowfall\":\"cm\"");
    buf_printf(out, "\"current\":{\"time\":%lld,\"interval\":%d", (long long)at_s, air ? AIR_INTERVAL_S : INTERVAL_S);
    if (place->rule && place->rule->kind == FAULT_NULLS)
        buf_text(out, ",\"temperature_2m\":null,\"pm10\":null");
    else if (air)
        append_air(&w, out);
    else
        append_weather(&w, out);
    buf_text(out, "}}");
}

void openmeteo_body(const struct series *series, const struct openmeteo_place *places, size_t count, bool air,
                    int64_t at_s, struct buf *out)
{
    buf_text(out, count > 1 ? "[" : "");
    for (size_t i = 0; i < count; i++)
        append_place(series, &places[i], i, air, at_s, out);
    buf_text(out, count > 1 ? "]" : "");
}

/* ---- errors ---- */

static void error_body(struct answer *answer, int status, const char *reason)
{
    answer->status = status;
    answer->content_type = "application/json; charset=utf-8";
    buf_printf(&answer->body, "{\"error\":true,\"reason\":\"%s\"}", reason);
}

void openmeteo_limited(enum limit_window window, struct answer *answer)
{
    error_body(answer, 429,
               window <= LIMIT_MINUTE ? "Minutely API request limit exceeded. Please try again in one minute."
               : window == LIMIT_HOUR ? "Hourly API request limit exceeded. Please try again in the next hour."
                                      : "Daily API request limit exceeded. Please try again tomorrow.");
}

void openmeteo_off_earth(struct answer *answer)
{
    error_body(answer, 400, "Latitude must be in range of -90 to 90°. Given: 522.52.");
}

void openmeteo_fault(const struct fault_rule *rule, const struct buf *good, struct answer *answer)
{
    switch (rule->kind) {
    case FAULT_BAD_REQUEST:
    case FAULT_NOT_FOUND:
        openmeteo_off_earth(answer);
        break;
    case FAULT_RATE_LIMITED:
    case FAULT_LIMITED_MINUTE:
        openmeteo_limited(LIMIT_MINUTE, answer);
        break;
    case FAULT_LIMITED_HOUR:
        openmeteo_limited(LIMIT_HOUR, answer);
        break;
    case FAULT_LIMITED_DAY:
        openmeteo_limited(LIMIT_DAY, answer);
        break;
    case FAULT_UNAVAILABLE:
        error_body(answer, 503, "The service is currently overloaded. Please try again later.");
        break;
    default:
        answer_fault(rule, good, answer);
        break;
    }
}
