/* See metar.h. */
#include "metar.h"

#include <math.h>
#include <string.h>

#define KT_PER_M_S 1.943844
#define M_PER_MILE 1609.344

/* ---- requests ---- */

bool metar_station_set(struct metar_station *station, const char *id, size_t size)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    *station = (struct metar_station){0};
    if (size != sizeof station->id - 1)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!(id[i] >= 'A' && id[i] <= 'Z') && !(id[i] >= '0' && id[i] <= '9'))
            return false;
        hash = (hash ^ (unsigned char)id[i]) * 16777619U;
    }
    memcpy(station->id, id, size);
    station->latitude = hash % 1200 / 10.0 - 60;
    station->longitude = hash / 1200 % 3600 / 10.0 - 180;
    return true;
}

size_t metar_stations(const char *ids, struct metar_station *stations)
{
    size_t count = 0;
    while (ids && *ids) {
        size_t size = strcspn(ids, ",");
        if (count == METAR_STATIONS || !metar_station_set(&stations[count++], ids, size))
            return 0;
        ids += size + (ids[size] == ',');
    }
    return count;
}

bool metar_reports(const struct metar_station *station)
{
    const struct fault_rule *rule = station->rule;
    bool taken_away = rule && (rule->kind == FAULT_NOT_FOUND || rule->kind == FAULT_NOT_FOUND_EMPTY);
    return memcmp(station->id, "ZZ", 2) != 0 && !taken_away;
}

/* ---- bodies ---- */

static const char *cover_of(int percent)
{
    return percent < 6 ? "CLR" : percent < 32 ? "FEW" : percent < 57 ? "SCT" : percent < 95 ? "BKN" : "OVC";
}

/* OpenWeatherMap's condition as a group; NULL: none. */
static const char *weather_of(int condition)
{
    switch (condition) {
    case 500:
        return "-RA";
    case 501:
        return "RA";
    case 502:
        return "+RA";
    case 600:
        return "-SN";
    case 601:
        return "SN";
    default:
        return NULL;
    }
}

static void append_wind(const struct weather *w, struct buf *out)
{
    long speed = lround(w->wind_m_s * KT_PER_M_S), gust = lround(w->gust_m_s * KT_PER_M_S);
    if (speed > 0 && speed < 4)
        buf_text(out, ",\"wdir\":\"VRB\"");
    else
        buf_printf(out, ",\"wdir\":%d", speed ? (w->wind_deg + 5) / 10 * 10 : 0);
    buf_printf(out, ",\"wspd\":%ld", speed);
    if (gust >= speed + 10)
        buf_printf(out, ",\"wgst\":%ld", gust);
}

static void append_sky(const struct weather *w, struct buf *out)
{
    const char *cover = cover_of(w->cloud_percent), *weather = weather_of(w->condition);
    double miles = w->visibility_m / M_PER_MILE;
    if (miles >= 6)
        buf_text(out, ",\"visib\":\"6+\"");
    else
        buf_printf(out, ",\"visib\":%.2f", miles);
    if (weather)
        buf_printf(out, ",\"wxString\":\"%s\"", weather);
    if (w->rain_mm_h > 0)
        buf_printf(out, ",\"precip\":%.2f", w->rain_mm_h / 25.4);
    buf_printf(out, ",\"cover\":\"%s\",\"clouds\":[", cover);
    if (w->cloud_percent >= 6)
        buf_printf(out, "{\"cover\":\"%s\",\"base\":2600}", cover);
    buf_byte(out, ']');
}

static void append_report(const struct series *series, const struct metar_station *station, int64_t at_s,
                          struct buf *out)
{
    struct weather w;
    series_at(series, station->latitude, station->longitude, at_s, &w);
    buf_printf(out, "{\"icaoId\":\"%s\",\"obsTime\":%lld,\"metarType\":\"METAR\",\"lat\":%.4f,\"lon\":%.4f,\"elev\":40",
               station->id, (long long)at_s, station->latitude, station->longitude);
    if (station->rule && station->rule->kind == FAULT_NULLS) {
        buf_text(out, ",\"temp\":null,\"wdir\":null,\"wspd\":null,\"visib\":null,\"altim\":null,\"clouds\":[]}");
        return;
    }
    double dew_point = w.temperature_c - (100 - w.humidity_percent) / 5.0;
    buf_printf(out, ",\"temp\":%.1f,\"dewp\":%.1f,\"altim\":%.1f,\"slp\":%.1f", w.temperature_c, dew_point,
               w.pressure_hpa, w.pressure_hpa);
    append_wind(&w, out);
    append_sky(&w, out);
    buf_byte(out, '}');
}

size_t metar_body(const struct series *series, const struct metar_station *stations, size_t count, int64_t at_s,
                  struct buf *out)
{
    size_t reports = 0;
    buf_byte(out, '[');
    for (size_t i = count; i-- > 0;) {
        if (!metar_reports(&stations[i]))
            continue;
        buf_text(out, reports++ ? "," : "");
        append_report(series, &stations[i], at_s, out);
    }
    buf_byte(out, ']');
    return reports;
}
