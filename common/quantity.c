/*
 * The tables behind quantity.h. They name things for the API and say from which column of an observation a window's
 * metric is taken and how fine its sketch is; they compute nothing. Scales are those of proto/observation.proto; the
 * API shows hPa, m/s, mm and percent, which is what weather services publish.
 */
#include "quantity.h"

#include "observation.h"

#include "window.pb-c.h"

#include <assert.h>
#include <string.h>

#define V(value)  ISOBAR__V1__VALUE__##value
#define M(metric) ISOBAR__V1__METRIC__METRIC_##metric
#define DERIVED   (-1)

/* metric, value it is taken from, name, unit, scale, shift of the sketch */
#define ROW(metric, value, name, unit, scale, shift) [M(metric)] = {M(metric), value, name, unit, scale, shift}
#define CUSTOM(number)                                                                                                 \
    [M(CUSTOM_0) + (number)] = {M(CUSTOM_0) + (number), OBSERVATION_CUSTOM + (number), "custom_" #number, "", 1, 0}

static const struct quantity quantities[QUANTITY_COUNT] = {
    ROW(TEMPERATURE, V(TEMPERATURE), "temperature", "degC", 100, 5),
    ROW(HUMIDITY, V(HUMIDITY), "humidity", "%", 100, 7),
    ROW(PRESSURE_SEA_LEVEL, V(PRESSURE_SEA_LEVEL), "pressure_sea_level", "hPa", 100, 5),
    ROW(PRESSURE_STATION, V(PRESSURE_STATION), "pressure_station", "hPa", 100, 5),
    ROW(WIND_SPEED, V(WIND_SPEED), "wind_speed", "m/s", 100, 4),
    ROW(WIND_GUST, V(WIND_GUST), "wind_gust", "m/s", 100, 4),
    ROW(RAIN_RATE, V(RAIN), "rain_rate", "mm", 1000, 7),
    ROW(SNOW_RATE, V(SNOW), "snow_rate", "mm", 1000, 7),
    ROW(CLOUD, V(CLOUD), "cloud", "%", 100, 7),
    ROW(VISIBILITY, V(VISIBILITY), "visibility", "m", 1, 7),
    ROW(DEW_POINT, V(DEW_POINT), "dew_point", "degC", 100, 5),
    ROW(AIR_QUALITY_INDEX, V(AIR_QUALITY_INDEX), "air_quality_index", "", 1, 0),
    ROW(FEELS_LIKE, DERIVED, "feels_like", "degC", 100, 5),
    ROW(VAPOUR_PRESSURE, DERIVED, "vapour_pressure", "hPa", 100, 4),
    ROW(PM2_5, V(PM2_5), "pm2_5", "ug/m3", 1000, 9),
    ROW(PM10, V(PM10), "pm10", "ug/m3", 1000, 9),
    ROW(NO2, V(NO2), "no2", "ug/m3", 1000, 9),
    ROW(O3, V(O3), "o3", "ug/m3", 1000, 9),
    ROW(SO2, V(SO2), "so2", "ug/m3", 1000, 9),
    ROW(CO, V(CO), "co", "ug/m3", 1000, 14),
    ROW(NH3, V(NH3), "nh3", "ug/m3", 1000, 9),
    CUSTOM(0),
    CUSTOM(1),
    CUSTOM(2),
    CUSTOM(3),
    CUSTOM(4),
    CUSTOM(5),
    CUSTOM(6),
    CUSTOM(7),
    CUSTOM(8),
    CUSTOM(9),
    CUSTOM(10),
    CUSTOM(11),
    CUSTOM(12),
    CUSTOM(13),
    CUSTOM(14),
    CUSTOM(15),
};

#define C(number) [OBSERVATION_CUSTOM + (number)] = {"custom_" #number, "", 1}

static const struct value_kind value_kinds[OBSERVATION_VALUES] = {
    [V(TEMPERATURE)] = {"temperature", "degC", 100},
    [V(FEELS_LIKE)] = {"feels_like_provider", "degC", 100},
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
    C(0),
    C(1),
    C(2),
    C(3),
    C(4),
    C(5),
    C(6),
    C(7),
    C(8),
    C(9),
    C(10),
    C(11),
    C(12),
    C(13),
    C(14),
    C(15),
};

const struct quantity *quantity_get(int32_t metric)
{
    if (metric < 0 || metric >= QUANTITY_COUNT || !quantities[metric].name)
        return NULL;
    return &quantities[metric];
}

#define OF(value, metric) [V(value)] = M(metric)

int32_t quantity_of_value(int bit)
{
    static const int8_t metrics[OBSERVATION_CUSTOM] = {
        OF(TEMPERATURE, TEMPERATURE),
        OF(HUMIDITY, HUMIDITY),
        OF(PRESSURE_SEA_LEVEL, PRESSURE_SEA_LEVEL),
        OF(PRESSURE_STATION, PRESSURE_STATION),
        OF(WIND_SPEED, WIND_SPEED),
        OF(WIND_GUST, WIND_GUST),
        OF(RAIN, RAIN_RATE),
        OF(SNOW, SNOW_RATE),
        OF(CLOUD, CLOUD),
        OF(VISIBILITY, VISIBILITY),
        OF(DEW_POINT, DEW_POINT),
        OF(AIR_QUALITY_INDEX, AIR_QUALITY_INDEX),
        OF(PM2_5, PM2_5),
        OF(PM10, PM10),
        OF(NO2, NO2),
        OF(O3, O3),
        OF(SO2, SO2),
        OF(CO, CO),
        OF(NH3, NH3),
    };
    return bit < OBSERVATION_CUSTOM ? metrics[bit] : QUANTITY_CUSTOM + bit - OBSERVATION_CUSTOM;
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
    case ISOBAR__V1__PROVIDER__OPENWEATHERMAP_AIR:
        return "openweathermap-air";
    case ISOBAR__V1__PROVIDER__OPEN_METEO_AIR:
        return "open-meteo-air";
    case ISOBAR__V1__PROVIDER__METAR:
        return "metar";
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
