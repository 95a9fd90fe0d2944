/*
 * The latest reading of a city, packed: an observation of 48 possible values takes the room of those it has. Its owner
 * knows the city and the series.
 */
#ifndef ISOBAR_LATEST_H
#define ISOBAR_LATEST_H

#include "observation.h"

#include <stdbool.h>
#include <stdint.h>

struct latest {
    int64_t observed_at_ms;
    int64_t fetched_at_ms;
    int64_t produced_at_ms; /* Kafka timestamp of the record */
    uint64_t present;       /* bit per isobar.v1.Value */
    int64_t quality;
    int32_t provider; /* isobar.v1.Provider */
    int32_t accumulation_s;
    int32_t *values; /* one for each bit of `present`, ascending by bit; owned, without spare room */
};

/* Takes over the figures of `row` and when its record was produced. `latest` is zeroed or was set before. */
void latest_set(struct latest *latest, const struct observation *row, int64_t produced_at_ms);
/* Makes `into`, which is zeroed or was set before, equal to `from`. */
void latest_copy(struct latest *into, const struct latest *from);
/* Frees the values; it is zeroed then. */
void latest_release(struct latest *latest);
/* True when the value of isobar.v1.Value `bit` is known: then it is in `*value`, which else stays. */
bool latest_value(const struct latest *latest, int bit, int32_t *value);
/* The reading as a row of kind OBSERVATION, of city 0 and series 0: its owner knows them. */
void latest_row(const struct latest *latest, struct observation *row);

#endif
