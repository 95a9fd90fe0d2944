/* See about.h. Credits are texts of the sources' licences, not of the catalogue: fixed here. */
#include "about.h"

#include "windowset.h"

#include <stdbool.h>

const char *about_data(const struct cities *cities)
{
    bool live = false, recorded = false, simulated = false;
    for (const struct city *city = cities->table; city; city = city->hh.next) {
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

void about_encode(const struct cities *cities, const char *windows, struct buf *out)
{
    static const char credits[] = "[{\"provider\":\"openweathermap\",\"text\":\"Weather data provided by "
                                  "OpenWeather\",\"url\":\"https://openweathermap.org/\"},"
                                  "{\"provider\":\"open-meteo\",\"text\":\"Weather data by Open-Meteo.com "
                                  "(CC BY 4.0)\",\"url\":\"https://open-meteo.com/\"},"
                                  "{\"provider\":\"recorded\",\"text\":\"Series recorded by NOAA (US "
                                  "Government data)\",\"url\":\"https://www.ncei.noaa.gov/\"},"
                                  "{\"provider\":\"simulated\",\"text\":\"Simulated from NOAA climate "
                                  "normals\",\"url\":\"https://www.ncei.noaa.gov/\"},"
                                  "{\"provider\":\"catalogue\",\"text\":\"Places: GeoNames (CC BY "
                                  "4.0)\",\"url\":\"https://www.geonames.org/\"}]";
    struct buf error = BUF_EMPTY;
    struct windowset set;
    const char *comma = "";
    buf_printf(out, "{\"version\":\"%s\",\"windows\":[", ISOBAR_VERSION);
    if (windows && windowset_parse(&set, windows, &error) == 0) {
        for (size_t i = 0; i < set.count; i++) {
            buf_printf(out, "%s\"%s\"", comma, set.sizes[i].name);
            comma = ",";
        }
    }
    buf_printf(out, "],\"data\":\"%s\",\"attribution\":%s}", about_data(cities), credits);
    buf_release(&error);
}
