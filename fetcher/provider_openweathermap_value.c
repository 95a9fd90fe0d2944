/* See provider_openweathermap_value.h. */
#include "provider_openweathermap_value.h"

#include <math.h>

#define THOUSAND     1000 /* um of a mm, ng of a ug */
#define CENTI        100.0
#define CM_S_PER_MPH 44.704

/* The number in the wanted unit, not yet rounded. */
static double scaled(double number, enum openweathermap_scale scale, enum openweathermap_units units)
{
    switch (scale) {
    case OPENWEATHERMAP_TEMPERATURE:
        if (units == OPENWEATHERMAP_STANDARD)
            number -= 273.15;
        else if (units == OPENWEATHERMAP_IMPERIAL)
            number = (number - 32) * 5 / 9;
        return number * CENTI;
    case OPENWEATHERMAP_SPEED:
        return number * (units == OPENWEATHERMAP_IMPERIAL ? CM_S_PER_MPH : CENTI);
    case OPENWEATHERMAP_HPA:
    case OPENWEATHERMAP_PERCENT:
    case OPENWEATHERMAP_DEGREES:
        return number * CENTI;
    case OPENWEATHERMAP_MM:
    case OPENWEATHERMAP_MICROGRAM:
        return number * THOUSAND;
    default:
        return number;
    }
}

static bool possible(double value, enum openweathermap_scale scale)
{
    if (!isfinite(value) || value < INT32_MIN || value > INT32_MAX)
        return false;
    switch (scale) {
    case OPENWEATHERMAP_PERCENT:
        return value >= 0 && value <= 100 * CENTI;
    case OPENWEATHERMAP_DEGREES:
        return value >= 0 && value <= 360 * CENTI;
    case OPENWEATHERMAP_SPEED:
    case OPENWEATHERMAP_MM:
    case OPENWEATHERMAP_MICROGRAM:
    case OPENWEATHERMAP_ONE:
        return value >= 0;
    default:
        return true;
    }
}

bool openweathermap_value(double number, enum openweathermap_scale scale, enum openweathermap_units units,
                          int32_t *value)
{
    double rounded = round(scaled(number, scale, units));
    if (!possible(rounded, scale))
        return false;
    *value = scale == OPENWEATHERMAP_DEGREES && rounded >= 360 * CENTI ? 0 : (int32_t)rounded;
    return true;
}
