/*
 * Formulas of meteorology, and what of them is stored (derive.h). Comparisons of measured values are made in their
 * integers, so that no rounding decides which formula it is.
 */
#include "derive.h"

#include <math.h>

#define V(value) ISOBAR__V1__VALUE__##value

/* Magnus, Alduchov and Eskridge 1996 */
#define MAGNUS_A  17.625
#define MAGNUS_B  243.04 /* degC */
#define MAGNUS_PA 610.94

/* ICAO standard atmosphere */
#define SEA_LEVEL_HPA  1013.25
#define SEA_LEVEL_K    288.15
#define LAPSE_K_PER_M  0.0065
#define LAPSE_EXPONENT 0.190263 /* 287.05287 J/(kg K) * 0.0065 K/m / 9.80665 m/s2 */

#define ROUNDED_CENTI_C   50   /* by so much a dew point may be above the temperature */
#define CHILL_MAX_CENTI_C 1000 /* no wind chill above 10 degC */
#define CHILL_MIN_CM_S    134  /* above 4.8 km/h: 133.3 cm/s */
#define HEAT_MIN_CENTI_C  2667 /* from 80 degF: 26.667 degC */
#define KM_H_PER_CM_S     0.036
#define DEGREE_DAY_BASE_C 18.0

/* ---- formulas ---- */

double dew_point_c(double temperature_c, double humidity_percent)
{
    double gamma = log(humidity_percent / 100) + MAGNUS_A * temperature_c / (MAGNUS_B + temperature_c);
    return MAGNUS_B * gamma / (MAGNUS_A - gamma);
}

double vapour_pressure_pa(double dew_point_c)
{
    return MAGNUS_PA * exp(MAGNUS_A * dew_point_c / (MAGNUS_B + dew_point_c));
}

double relative_humidity_percent(double temperature_c, double dew_point_c)
{
    return 100 * vapour_pressure_pa(dew_point_c) / vapour_pressure_pa(temperature_c);
}

double station_pressure_hpa(double altimeter_hpa, double elevation_m)
{
    double lost = pow(SEA_LEVEL_HPA, LAPSE_EXPONENT) * LAPSE_K_PER_M / SEA_LEVEL_K * elevation_m;
    return pow(pow(altimeter_hpa, LAPSE_EXPONENT) - lost, 1 / LAPSE_EXPONENT);
}

double wind_chill_c(double temperature_c, double wind_km_h)
{
    double power = pow(wind_km_h, 0.16);
    return 13.12 + 0.6215 * temperature_c - 11.37 * power + 0.3965 * temperature_c * power;
}

/* Rothfusz, SR 90-23, with the adjustments of the NWS for dry and for moist air. */
static double rothfusz_f(double t, double r)
{
    double index = -42.379 + 2.04901523 * t + 10.14333127 * r - 0.22475541 * t * r - 0.00683783 * t * t -
                   0.05481717 * r * r + 0.00122874 * t * t * r + 0.00085282 * t * r * r - 0.00000199 * t * t * r * r;
    if (r < 13 && t >= 80 && t <= 112)
        index -= (13 - r) / 4 * sqrt((17 - fabs(t - 95)) / 17);
    else if (r > 85 && t >= 80 && t <= 87)
        index += (r - 85) / 10 * ((87 - t) / 5);
    return index;
}

double heat_index_f(double temperature_f, double humidity_percent)
{
    double simple = 0.5 * (temperature_f + 61 + 1.2 * (temperature_f - 68) + 0.094 * humidity_percent);
    double averaged = (simple + temperature_f) / 2;
    return averaged < 80 ? averaged : rothfusz_f(temperature_f, humidity_percent);
}

double humidex_c(double temperature_c, double dew_point_c)
{
    double vapour_hpa = 6.11 * exp(5417.7530 * (1 / 273.16 - 1 / (dew_point_c + 273.15)));
    return temperature_c + 0.5555 * (vapour_hpa - 10);
}

double heating_degree_days(double mean_c)
{
    return fmax(0, DEGREE_DAY_BASE_C - mean_c);
}

double cooling_degree_days(double mean_c)
{
    return fmax(0, mean_c - DEGREE_DAY_BASE_C);
}

/* ---- stored values ---- */

static bool sane(int32_t centi_c)
{
    return centi_c >= -DERIVE_LIMIT_CENTI_C && centi_c <= DERIVE_LIMIT_CENTI_C;
}

static int32_t rounded(double value)
{
    return (int32_t)lround(value); /* half away from zero; inputs were bounded */
}

bool derive_dew_point(int32_t temperature_centi_c, int32_t humidity_centi_percent, int32_t *out)
{
    if (!sane(temperature_centi_c) || humidity_centi_percent <= 0 || humidity_centi_percent > 10000)
        return false;
    *out = rounded(100 * dew_point_c(temperature_centi_c / 100.0, humidity_centi_percent / 100.0));
    return true;
}

bool derive_humidity(int32_t temperature_centi_c, int32_t dew_point_centi_c, int32_t *out)
{
    if (!sane(temperature_centi_c) || !sane(dew_point_centi_c) ||
        dew_point_centi_c - temperature_centi_c > ROUNDED_CENTI_C)
        return false;
    double percent = relative_humidity_percent(temperature_centi_c / 100.0, dew_point_centi_c / 100.0);
    *out = rounded(100 * (percent < 100 ? percent : 100));
    return true;
}

bool derive_vapour_pressure(int32_t dew_point_centi_c, int32_t *out)
{
    if (!sane(dew_point_centi_c))
        return false;
    *out = rounded(vapour_pressure_pa(dew_point_centi_c / 100.0));
    return true;
}

bool derive_feels_like(const struct observation *row, int32_t *out)
{
    int32_t temperature = row->value[V(TEMPERATURE)];
    if (!observation_has(row, V(TEMPERATURE)) || !sane(temperature))
        return false;
    *out = temperature;
    if (temperature <= CHILL_MAX_CENTI_C) {
        if (!observation_has(row, V(WIND_SPEED)))
            return false;
        int32_t speed = row->value[V(WIND_SPEED)];
        if (speed >= CHILL_MIN_CM_S)
            *out = rounded(100 * wind_chill_c(temperature / 100.0, speed * KM_H_PER_CM_S));
    } else if (temperature >= HEAT_MIN_CENTI_C) {
        if (!observation_has(row, V(HUMIDITY)))
            return false;
        double index_f = heat_index_f(temperature * 1.8 / 100 + 32, row->value[V(HUMIDITY)] / 100.0);
        *out = rounded((index_f - 32) / 1.8 * 100);
    }
    return true;
}

bool derive_humidex(int32_t temperature_centi_c, int32_t dew_point_centi_c, int32_t *out)
{
    if (!sane(temperature_centi_c) || !sane(dew_point_centi_c))
        return false;
    *out = rounded(100 * humidex_c(temperature_centi_c / 100.0, dew_point_centi_c / 100.0));
    return true;
}

void derive_row(const struct observation *row, struct derived *out)
{
    *out = (struct derived){0};
    if (observation_has(row, V(DEW_POINT))) {
        out->has_dew_point = true;
        out->dew_point_centi_c = row->value[V(DEW_POINT)];
    } else if (observation_has(row, V(TEMPERATURE)) && observation_has(row, V(HUMIDITY))) {
        out->has_dew_point =
            derive_dew_point(row->value[V(TEMPERATURE)], row->value[V(HUMIDITY)], &out->dew_point_centi_c);
    }
    out->has_vapour_pressure =
        out->has_dew_point && derive_vapour_pressure(out->dew_point_centi_c, &out->vapour_pressure_pa);
    out->has_feels_like = derive_feels_like(row, &out->feels_like_centi_c);
}
