/*
 * The tables behind quantity.h. They name things for the API and say from which column of an observation a window's
 * metric is taken; they compute nothing. Scales are those of proto/observation.proto; the API shows hPa, m/s, mm and
 * percent, which is what weather services publish.
 */
#include "quantity.h"

#include "observation.h"

#include "window.pb-c.h"

#include <assert.h>
#include <string.h>

#define V(value)  ISOBAR__V1__VALUE__##value
#define M(metric) ISOBAR__V1__METRIC__METRIC_##metric

static const struct quantity quantities[QUANTITY_COUNT] = {
    [M(TEMPERATURE)] = {M(TEMPERATURE), V(TEMPERATURE), "temperature", "degC", 100},
    [M(HUMIDITY)] = {M(HUMIDITY), V(HUMIDITY), "humidity", "%", 100},
    [M(PRESSURE_SEA_LEVEL)] = {M(PRESSURE_SEA_LEVEL), V(PRESSURE_SEA_LEVEL), "pressure_sea_level", "hPa", 100},
    [M(PRESSURE_STATION)] = {M(PRESSURE_STATION), V(PRESSURE_STATION), "pressure_station", "hPa", 100},
    [M(WIND_SPEED)] = {M(WIND_SPEED), V(WIND_SPEED), "wind_speed", "m/s", 100},
    [M(WIND_GUST)] = {M(WIND_GUST), V(WIND_GUST), "wind_gust", "m/s", 100},
    [M(RAIN_RATE)] = {M(RAIN_RATE), V(RAIN), "rain_rate", "mm", 1000},
    [M(SNOW_RATE)] = {M(SNOW_RATE), V(SNOW), "snow_rate", "mm", 1000},
    [M(CLOUD)] = {M(CLOUD), V(CLOUD), "cloud", "%", 100},
    [M(VISIBILITY)] = {M(VISIBILITY), V(VISIBILITY), "visibility", "m", 1},
    [M(DEW_POINT)] = {M(DEW_POINT), V(DEW_POINT), "dew_point", "degC", 100},
    [M(AIR_QUALITY_INDEX)] = {M(AIR_QUALITY_INDEX), V(AIR_QUALITY_INDEX), "air_quality_index", "", 1},
};

static const struct value_kind value_kinds[OBSERVATION_VALUES] = {
    [V(TEMPERATURE)] = {"temperature", "degC", 100},
    [V(FEELS_LIKE)] = {"feels_like", "degC", 100},
    [V(TEMPERATURE_MIN)] = {"temperature_min", "degC", 100},
    [V(TEMPERATURE_MAX)] = {"temperature_max", "degC", 100},
    [V(PRESSURE_SEA_LEVEL)] = {"pressure_sea_level", "hPa", 100},
    [V(PRESSURE_STATION)] = {"pressure_station", "hPa", 100},
    [V(HUMIDITY)] = {"humidity", "%", 100},
    [V(DEW_POINT)] = {"dew_point", "degC", 100},
    [V(WIND_SPEED)] = {"wind_speed", "m/s", 100},
    [V(WIND_DIRECTION)] = {"wind_direction", "deg", 100},
    [V(WIND_GUST)] = {"wind_gust", "m/s", 100},
    [V(RAIN)] = {"rain", "mm", 1000},
    [V(SNOW)] = {"snow", "mm", 1000},
    [V(CLOUD)] = {"cloud", "%", 100},
    [V(VISIBILITY)] = {"visibility", "m", 1},
    [V(CONDITION)] = {"condition", "", 1},
    [V(AIR_QUALITY_INDEX)] = {"air_quality_index", "", 1},
    [V(PM2_5)] = {"pm2_5", "ug/m3", 1000},
    [V(PM10)] = {"pm10", "ug/m3", 1000},
    [V(NO2)] = {"no2", "ug/m3", 1000},
    [V(O3)] = {"o3", "ug/m3", 1000},
    [V(SO2)] = {"so2", "ug/m3", 1000},
    [V(CO)] = {"co", "ug/m3", 1000},
    [V(NH3)] = {"nh3", "ug/m3", 1000},
};

const struct quantity *quantity_get(int32_t metric)
{
    if (metric < 0 || metric >= QUANTITY_COUNT || !quantities[metric].name)
        return NULL;
    return &quantities[metric];
}

const struct quantity *quantity_by_name(const char *name)
{
    for (int32_t metric = 0; metric < QUANTITY_COUNT; metric++)
        if (quantities[metric].name && strcmp(quantities[metric].name, name) == 0)
            return &quantities[metric];
    return NULL;
}

const struct value_kind *value_kind_get(int bit)
{
    assert(bit >= 0 && bit < OBSERVATION_VALUES);
    return &value_kinds[bit];
}

const char *provider_name(int32_t provider)
{
    switch (provider) {
    case ISOBAR__V1__PROVIDER__OPENWEATHERMAP:
        return "openweathermap";
    case ISOBAR__V1__PROVIDER__OPEN_METEO:
        return "open-meteo";
    case ISOBAR__V1__PROVIDER__NWS:
        return "nws";
    case ISOBAR__V1__PROVIDER__STATION:
        return "station";
    case ISOBAR__V1__PROVIDER__RECORDED:
        return "recorded";
    case ISOBAR__V1__PROVIDER__SIMULATED:
        return "simulated";
    default:
        return "unknown";
    }
}
