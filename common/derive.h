/*
 * What follows from a reading: dew point, vapour pressure, feels-like, humidex, degree days. First each formula as its
 * source gives it, in real numbers; then what is stored, in integers of the units of proto/observation.proto, computed
 * in double precision and rounded half away from zero. The rules of what derives nothing are in docs/semantics.md,
 * "What is derived". Pure.
 */
#ifndef ISOBAR_DERIVE_H
#define ISOBAR_DERIVE_H

#include "observation.h"

#include <stdbool.h>
#include <stdint.h>

#define DERIVE_LIMIT_CENTI_C 20000 /* temperatures and dew points beyond +-200 degC derive nothing */

/* ---- formulas ---- */

/*
 * Dew point in degC from temperature in degC and relative humidity in %, above 0: Magnus' formula with the coefficients
 * of Alduchov and Eskridge, Improved Magnus form approximation of saturation vapor pressure, 1996.
 */
double dew_point_c(double temperature_c, double humidity_percent);
/* Pressure of water vapour in Pa from the dew point in degC: the same. */
double vapour_pressure_pa(double dew_point_c);
/* Relative humidity in % from temperature and dew point in degC, above -243: the same, as a ratio of pressures. */
double relative_humidity_percent(double temperature_c, double dew_point_c);
/*
 * Pressure at a station in hPa from its altimeter setting (QNH) in hPa and its elevation in m: the reduction of the
 * ICAO standard atmosphere (Doc 7488: 1013.25 hPa and 288.15 K at sea level, 6.5 K less each km) undone. Meant for
 * stations below 11 km, settings above 100.
 */
double station_pressure_hpa(double altimeter_hpa, double elevation_m);
/*
 * Wind chill in degC from temperature in degC and wind in km/h: Environment Canada and NWS, 2001. Meant for at most
 * 10 degC and more than 4.8 km/h.
 */
double wind_chill_c(double temperature_c, double wind_km_h);
/*
 * Heat index in degF from temperature in degF and relative humidity in %: NWS, "The Heat Index Equation": Steadman's
 * simple form averaged with the temperature, or, where that is 80 or more, Rothfusz' regression with its two
 * adjustments.
 */
double heat_index_f(double temperature_f, double humidity_percent);
/* Humidex in degC from temperature and dew point in degC: Environment Canada (Masterton and Richardson, 1979). */
double humidex_c(double temperature_c, double dew_point_c);
/* Heating and cooling degree days, in K d, of a day whose mean temperature in degC it was; base 18 degC. */
double heating_degree_days(double mean_c);
double cooling_degree_days(double mean_c);

/* ---- stored values ---- */

/* Each is true when the value follows, which is then in `*out`. 0.01 degC; humidity above 0 and up to 100 %, in 0.01 %.
 */
bool derive_dew_point(int32_t temperature_centi_c, int32_t humidity_centi_percent, int32_t *out);
/*
 * 0.01 %, from 0.01 degC. A dew point above the temperature by 0.5 degC at most is one that was rounded, and 100 %;
 * above that nothing follows.
 */
bool derive_humidity(int32_t temperature_centi_c, int32_t dew_point_centi_c, int32_t *out);
/* Pa, from 0.01 degC. */
bool derive_vapour_pressure(int32_t dew_point_centi_c, int32_t *out);
/*
 * 0.01 degC, from temperature, and wind speed (wind chill, up to 10 degC) or humidity (heat index, from 80 degF) of the
 * row: without the one that is needed it is not known. degF are degC * 1.8 + 32.
 */
bool derive_feels_like(const struct observation *row, int32_t *out);
/* 0.01 degC from 0.01 degC. */
bool derive_humidex(int32_t temperature_centi_c, int32_t dew_point_centi_c, int32_t *out);

/* What windows aggregate besides the columns of a row. */
struct derived {
    bool has_dew_point, has_vapour_pressure, has_feels_like;
    int32_t dew_point_centi_c; /* the row's own when it is known */
    int32_t vapour_pressure_pa;
    int32_t feels_like_centi_c;
};

/* Derives from the known values of `row`, some 100 ns: an exponential, a logarithm and a power at most. */
void derive_row(const struct observation *row, struct derived *out);

#endif
