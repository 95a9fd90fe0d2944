/*
 * Weather at a place and time, as a pure function: the same question always has the same answer, so history and
 * live answers agree. Two kinds of series:
 *  - recorded: Seattle and New York, daily extremes, precipitation and wind of 2012-15 (data/weather_daily.csv) for
 *    the same calendar day, with a diurnal curve laid through the extremes;
 *  - simulated: everywhere else, from Seattle's hourly normals (data/seattle_normals.csv) moved to the place's
 *    latitude, season and solar time, with smooth pseudo-random weather on top.
 * It is plausible, not a forecast and not a climatology: everything made from it is labelled as such.
 */
#ifndef OWMSIM_SERIES_H
#define OWMSIM_SERIES_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

struct series;

struct weather {
    bool recorded;
    double temperature_c;
    double temperature_spread_c; /* half of temp_max - temp_min */
    double pressure_hpa;         /* at sea level */
    int humidity_percent;
    double wind_m_s;
    int wind_deg;
    double gust_m_s;
    double rain_mm_h, snow_mm_h; /* trailing hour; 0: none */
    int cloud_percent;
    int visibility_m;
    int condition; /* OpenWeatherMap weather id */
};

/* Reads the tables below `directory`; NULL with file, line and reason in `error`. The caller frees. */
struct series *series_new(const char *directory, struct buf *error) __attribute__((warn_unused_result));
/* NULL allowed. */
void series_free(struct series *series);
/* The weather at `latitude`, `longitude` (degrees) at Unix time `at_s`. */
void series_at(const struct series *series, double latitude, double longitude, int64_t at_s, struct weather *out);

#endif
