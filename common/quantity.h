/*
 * What windows aggregate (isobar.v1.Metric): name in the API, unit, scale, the value column it is taken from, and the
 * error of its quantiles. One table; the word "metric" alone is left to operational metrics (metric.h). Metrics of the
 * operator's own are custom_0 to custom_15 here, without unit; what he calls them is in custom.h.
 */
#ifndef ISOBAR_QUANTITY_H
#define ISOBAR_QUANTITY_H

#include <stddef.h>
#include <stdint.h>

#define QUANTITY_COUNT  48 /* highest isobar.v1.Metric + 1 */
#define QUANTITY_CUSTOM 32 /* the first of the operator's own */

struct quantity {
    int32_t metric;   /* isobar.v1.Metric */
    int value_bit;    /* isobar.v1.Value it is taken from, -1 when only derived; a dew point is derived when missing */
    const char *name; /* API name: temperature */
    const char *unit; /* API unit after scaling: degC */
    int32_t scale;    /* stored integer = unit value * scale */
    int sketch_shift; /* value v is in bucket v >> sketch_shift at the finest (sketch.h) */
};

/* The row for `metric`; NULL when unknown. */
const struct quantity *quantity_get(int32_t metric);
/* The metric that value `bit` (0..OBSERVATION_VALUES-1) is aggregated as; 0 when as none. */
int32_t quantity_of_value(int bit);
/* The row with that API name; NULL when unknown. */
const struct quantity *quantity_by_name(const char *name);

/* The same for all value columns of an observation, for the latest reading: name, unit, scale by Value bit. */
struct value_kind {
    const char *name;
    const char *unit;
    int32_t scale;
};
/* `bit` in 0..OBSERVATION_VALUES-1; its name is NULL when no version has the bit. */
const struct value_kind *value_kind_get(int bit);
/* API name of a provider code ("openweathermap", "simulated", "unknown"). */
const char *provider_name(int32_t provider);

#endif
