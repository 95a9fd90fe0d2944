/*
 * What windows aggregate (isobar.v1.Metric): name in the API, unit, scale, and the value column it is taken
 * from. One table; the word "metric" alone is left to operational metrics (metric.h).
 */
#ifndef ISOBAR_QUANTITY_H
#define ISOBAR_QUANTITY_H

#include <stddef.h>
#include <stdint.h>

#define QUANTITY_COUNT 13 /* highest isobar.v1.Metric + 1 */

struct quantity {
    int32_t metric;   /* isobar.v1.Metric */
    int value_bit;    /* isobar.v1.Value it is taken from, -1 when derived */
    const char *name; /* API name: temperature */
    const char *unit; /* API unit after scaling: degC */
    int32_t scale;    /* stored integer = unit value * scale */
};

/* The row for `metric`; NULL when unknown. */
const struct quantity *quantity_get(int32_t metric);
/* The row with that API name; NULL when unknown. */
const struct quantity *quantity_by_name(const char *name);

/* The same for all value columns of an observation, for the latest reading: name, unit, scale by Value bit. */
struct value_kind {
    const char *name;
    const char *unit;
    int32_t scale;
};
/* `bit` in 0..OBSERVATION_VALUES-1. */
const struct value_kind *value_kind_get(int bit);
/* API name of a provider code ("openweathermap", "simulated", "unknown"). */
const char *provider_name(int32_t provider);

#endif
