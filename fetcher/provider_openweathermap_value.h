/*
 * Numbers of OpenWeatherMap's payloads as those of observation.proto. Pure.
 */
#ifndef FETCHER_PROVIDER_OPENWEATHERMAP_VALUE_H
#define FETCHER_PROVIDER_OPENWEATHERMAP_VALUE_H

#include "provider_openweathermap.h"

#include <stdbool.h>
#include <stdint.h>

/* What a number is; temperature and speed are in units that the caller asked for. */
enum openweathermap_scale {
    OPENWEATHERMAP_TEMPERATURE,
    OPENWEATHERMAP_SPEED,
    OPENWEATHERMAP_HPA,
    OPENWEATHERMAP_PERCENT,
    OPENWEATHERMAP_DEGREES,   /* a full circle is 0 */
    OPENWEATHERMAP_MM,        /* becomes um */
    OPENWEATHERMAP_MICROGRAM, /* ug/m3, becomes ng/m3 */
    OPENWEATHERMAP_ONE        /* stays */
};

/*
 * The number in the unit of observation.proto, rounded half away from zero. False when the type of the value cannot
 * hold it; what is merely implausible passes, quality control judges that.
 */
bool openweathermap_value(double number, enum openweathermap_scale scale, enum openweathermap_units units,
                          int32_t *value) __attribute__((warn_unused_result));

#endif
