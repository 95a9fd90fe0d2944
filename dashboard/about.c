/* See about.h. Credits are texts of the sources' licences, not of the catalogue: fixed here. */
#include "about.h"

#include "text.h"
#include "windowset.h"

#include <stdbool.h>

const char *about_data(const struct atlas *atlas)
{
    bool live = false, recorded = false, simulated = false;
    for (const struct city *city = atlas->table; city; city = city->hh.next) {
        if (!city_has_reading(city))
            continue;
        recorded |= city->latest.provider == ISOBAR__V1__PROVIDER__RECORDED;
        simulated |= city->latest.provider == ISOBAR__V1__PROVIDER__SIMULATED;
        live |= city->latest.provider < ISOBAR__V1__PROVIDER__RECORDED;
    }
    if (live)
        return recorded || simulated ? "mixed" : "live";
    return simulated ? (recorded ? "replay" : "simulated") : recorded ? "recorded" : "none";
}

static const struct {
    const char *provider, *text, *url;
} credits[] = {
    {"openweathermap", "Weather data provided by OpenWeather", "https://openweathermap.org/"},
    {"open-meteo", "Weather data by Open-Meteo.com (CC BY 4.0)", "https://open-meteo.com/"},
    {"openweathermap-air", "Air quality provided by OpenWeather", "https://openweathermap.org/"},
    {"open-meteo-air", "Air quality by Open-Meteo.com and CAMS (CC BY 4.0)", "https://open-meteo.com/"},
    {"metar", "Aerodrome reports (METAR) by the NOAA/NWS Aviation Weather Center", "https://aviationweather.gov/"},
    {"recorded", "Series recorded by NOAA (US Government data)", "https://www.ncei.noaa.gov/"},
    {"simulated", "Simulated from NOAA climate normals", "https://www.ncei.noaa.gov/"},
    {"catalogue", "Places: GeoNames (CC BY 4.0)", "https://www.geonames.org/"},
};

static void encode_sizes(const struct windowset *set, struct buf *out)
{
    buf_text(out, "\"windows\":[");
    for (size_t i = 0; i < set->count; i++)
        buf_printf(out, "%s\"%s\"", i ? "," : "", set->sizes[i].name);
    for (size_t i = 0; i < set->slide_count; i++)
        buf_printf(out, ",\"%s\"", set->slides[i].name);
    buf_text(out, "],\"window_sizes\":[");
    for (size_t i = 0; i < set->count; i++)
        buf_printf(out, "%s{\"name\":\"%s\",\"size_ms\":%lld,\"retention_ms\":%lld}", i ? "," : "", set->sizes[i].name,
                   (long long)set->sizes[i].size_ms, (long long)set->sizes[i].retention_ms);
    buf_byte(out, ']');
}

/* Metrics of the operator's own. Names are plain by their rules; units are text. */
static void encode_custom(const struct custom_set *set, struct buf *out)
{
    const char *comma = "";
    for (int number = 0; number < CUSTOM_COUNT; number++) {
        const struct custom *custom = custom_get(set, number);
        if (!custom)
            continue;
        buf_printf(out, "%s{\"name\":\"%s\",\"unit\":", comma, custom->name);
        text_json(out, custom->unit);
        buf_printf(out, ",\"scale\":%d,\"combine\":\"%s\"}", custom->scale, custom_combine_name(custom->combine));
        comma = ",";
    }
}

void about_encode(const struct atlas *atlas, const char *windows, struct buf *out)
{
    struct buf error = BUF_EMPTY;
    struct windowset set;
    if (!windows || windowset_parse(&set, windows, &error) != 0)
        set = (struct windowset){0};
    buf_release(&error);
    buf_printf(out, "{\"version\":\"%s\",", ISOBAR_VERSION);
    encode_sizes(&set, out);
    buf_text(out, ",\"custom\":[");
    encode_custom(&atlas->custom, out);
    buf_printf(out, "],\"data\":\"%s\",\"attribution\":[", about_data(atlas));
    for (size_t i = 0; i < sizeof credits / sizeof *credits; i++)
        buf_printf(out, "%s{\"provider\":\"%s\",\"text\":\"%s\",\"url\":\"%s\"}", i ? "," : "", credits[i].provider,
                   credits[i].text, credits[i].url);
    buf_text(out, "]}");
}
