/*
 * OpenWeatherMap's bodies (answer.h). Numbers are written as integers when they are whole, as the real API does; rain
 * and snow are left out when there is none. `base` tells "recorded" or "simulated" apart.
 */
#include "answer.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *number(double value)
{
    double rounded = round(value * 100) / 100;
    if (rounded == floor(rounded))
        return json_integer((json_int_t)rounded);
    return json_real(rounded);
}

static const char *condition_group(int condition)
{
    return condition >= 800 ? (condition == 800 ? "Clear" : "Clouds") : condition >= 600 ? "Snow" : "Rain";
}

static json_t *main_part(const struct weather *w)
{
    json_t *main = json_object();
    json_object_set_new(main, "temp", number(w->temperature_c));
    json_object_set_new(main, "feels_like", number(w->temperature_c - 0.3 * w->wind_m_s));
    json_object_set_new(main, "temp_min", number(w->temperature_c - w->temperature_spread_c));
    json_object_set_new(main, "temp_max", number(w->temperature_c + w->temperature_spread_c));
    json_object_set_new(main, "pressure", json_integer(lround(w->pressure_hpa)));
    json_object_set_new(main, "humidity", json_integer(w->humidity_percent));
    return main;
}

/* One reading: what current and history items share. */
static json_t *item(const struct weather *w, int64_t at_s, bool sparse)
{
    json_t *out = json_object();
    json_object_set_new(out, "dt", json_integer(at_s));
    json_object_set_new(out, "main", main_part(w));
    json_t *wind = json_object();
    json_object_set_new(wind, "speed", number(w->wind_m_s));
    json_t *weather = json_pack("[{s:i,s:s,s:s,s:s}]", "id", w->condition, "main", condition_group(w->condition),
                                "description", condition_group(w->condition), "icon", "01d");
    json_object_set_new(out, "weather", weather);
    json_object_set_new(out, "wind", wind);
    if (sparse)
        return out;
    json_object_set_new(wind, "deg", json_integer(w->wind_deg));
    json_object_set_new(wind, "gust", number(w->gust_m_s));
    json_object_set_new(out, "visibility", json_integer(w->visibility_m));
    json_object_set_new(out, "clouds", json_pack("{s:i}", "all", w->cloud_percent));
    if (w->rain_mm_h >= 0.005)
        json_object_set_new(out, "rain", json_pack("{s:o}", "1h", number(w->rain_mm_h)));
    if (w->snow_mm_h >= 0.005)
        json_object_set_new(out, "snow", json_pack("{s:o}", "1h", number(w->snow_mm_h)));
    return out;
}

static void dump(json_t *root, struct buf *out)
{
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(10));
    buf_text(out, text);
    free(text);
    json_decref(root);
}

void answer_current(const struct series *series, double latitude, double longitude, int64_t at_s, bool sparse,
                    struct buf *out)
{
    struct weather w;
    series_at(series, latitude, longitude, at_s, &w);
    json_t *root = item(&w, at_s, sparse);
    json_object_set_new(root, "coord", json_pack("{s:o,s:o}", "lon", json_real(longitude), "lat", json_real(latitude)));
    json_object_set_new(root, "base", json_string(w.recorded ? "recorded" : "simulated"));
    json_object_set_new(root, "sys", json_pack("{s:i,s:i}", "sunrise", 0, "sunset", 0));
    json_object_set_new(root, "timezone", json_integer(lround(longitude / 15) * 3600));
    json_object_set_new(root, "id", json_integer(0));
    json_object_set_new(root, "name", json_string(""));
    json_object_set_new(root, "cod", json_integer(200));
    dump(root, out);
}

void answer_history(const struct series *series, double latitude, double longitude, int64_t start_s, int64_t end_s,
                    struct buf *out)
{
    int64_t last = end_s / HISTORY_STEP_S * HISTORY_STEP_S;
    int64_t first = (start_s / HISTORY_STEP_S + 1) * HISTORY_STEP_S;
    if (first < last - (HISTORY_MAX_ITEMS - 1) * (int64_t)HISTORY_STEP_S)
        first = last - (HISTORY_MAX_ITEMS - 1) * (int64_t)HISTORY_STEP_S;
    json_t *list = json_array();
    struct weather w = {0};
    for (int64_t at = first; at <= last; at += HISTORY_STEP_S) {
        series_at(series, latitude, longitude, at, &w);
        json_array_append_new(list, item(&w, at, false));
    }
    json_t *root = json_object();
    json_object_set_new(root, "message", json_string("Count: 0"));
    json_object_set_new(root, "cod", json_string("200"));
    json_object_set_new(root, "base", json_string(w.recorded ? "recorded" : "simulated"));
    json_object_set_new(root, "cnt", json_integer((json_int_t)json_array_size(list)));
    json_object_set_new(root, "list", list);
    dump(root, out);
}

void answer_air(const struct series *series, double latitude, double longitude, int64_t at_s, struct buf *out)
{
    struct weather w;
    series_at(series, latitude, longitude, at_s, &w);
    double still = 1 / (1 + w.wind_m_s); /* the dirtier the air the less wind there is */
    buf_printf(
        out,
        "{\"coord\":{\"lon\":%.4f,\"lat\":%.4f},\"list\":[{\"main\":{\"aqi\":%d},\"components\":{\"co\":%.2f,\"no\":0,"
        "\"no2\":%.2f,\"o3\":%.2f,\"so2\":%.2f,\"pm2_5\":%.2f,\"pm10\":%.2f,\"nh3\":%.2f},\"dt\":%lld}]}",
        longitude, latitude, 1 + (int)(4 * still), 180 + 60 * still, 30 * still, 80 - 30 * still, 3 * still, 20 * still,
        35 * still, 2 * still, (long long)at_s);
}

static void error_body(struct answer *answer, int status, bool cod_is_text, const char *message)
{
    answer->status = status;
    if (cod_is_text)
        buf_printf(&answer->body, "{\"cod\":\"%d\",\"message\":\"%s\"}", status, message);
    else
        buf_printf(&answer->body, "{\"cod\":%d,\"message\":\"%s\"}", status, message);
}

static void html(struct answer *answer, int status)
{
    answer->status = status;
    answer->content_type = "text/html";
    buf_text(&answer->body,
             "<html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>\n");
}

static void huge(struct answer *answer)
{
    static const char filler[] = "{\"filler\":\"................................................................\"},";
    buf_text(&answer->body, "[");
    while (answer->body.size < 2u * 1024 * 1024)
        buf_append(&answer->body, filler, sizeof filler - 1);
    buf_text(&answer->body, "{}]");
}

/* The body with another name for the humidity. */
static void renamed(const struct buf *good, struct answer *answer)
{
    static const char name[] = "\"humidity\"";
    const char *place = strstr(good->data, name);
    size_t before = place ? (size_t)(place - good->data) : good->size;
    buf_append(&answer->body, good->data, before);
    if (place)
        buf_printf(&answer->body, "\"relative_humidity\"%s", place + sizeof name - 1);
}

void answer_fault(const struct fault_rule *rule, const struct buf *good, struct answer *answer)
{
    answer->status = 200;
    answer->content_type = "application/json; charset=utf-8";
    switch (rule->kind) {
    case FAULT_INVALID_KEY:
        error_body(answer, 401, false,
                   "Invalid API key. Please see https://openweathermap.org/faq#error401 for more info.");
        break;
    case FAULT_BAD_REQUEST:
        error_body(answer, 400, true, "wrong latitude");
        break;
    case FAULT_NOT_FOUND:
        error_body(answer, 404, true, "city not found");
        break;
    case FAULT_NOT_FOUND_EMPTY:
        answer->status = 404;
        break;
    case FAULT_RATE_LIMITED:
    case FAULT_LIMITED_MINUTE:
    case FAULT_LIMITED_HOUR:
    case FAULT_LIMITED_DAY:
        error_body(
            answer, 429, false,
            "Your account is temporary blocked due to exceeding of requests limitation of your subscription type.");
        break;
    case FAULT_SERVER_ERROR:
        html(answer, 500);
        break;
    case FAULT_UNAVAILABLE:
        html(answer, 503);
        break;
    case FAULT_NOT_JSON:
        html(answer, 200);
        break;
    case FAULT_TRUNCATED:
        buf_append(&answer->body, good->data, good->size / 2);
        break;
    case FAULT_MIDSTREAM:
        buf_append(&answer->body, good->data, good->size);
        buf_text(&answer->body, "Unexpected error while streaming data: timeoutReached");
        break;
    case FAULT_WRONG_SHAPE:
        buf_text(&answer->body,
                 "{\"coord\":{\"lon\":1,\"lat\":2},\"list\":[{\"main\":{\"aqi\":1},\"dt\":1606147200}]}");
        break;
    case FAULT_HUGE:
        huge(answer);
        break;
    case FAULT_REDIRECT:
        answer->status = 302;
        break;
    case FAULT_RENAMED:
        renamed(good, answer);
        break;
    default: /* frozen, sparse and backwards are good answers of another content; hang is the server's */
        buf_append(&answer->body, good->data, good->size);
        break;
    }
}
