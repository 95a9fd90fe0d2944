/*
 * Open-Meteo's side of the simulator: its lists of places, its bodies from the same series as OpenWeatherMap's, its
 * errors, and what a call weighs.
 */
#ifndef OWMSIM_OPENMETEO_H
#define OWMSIM_OPENMETEO_H

#include "answer.h"
#include "limit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPENMETEO_PLACES 1000 /* of a request, at most */

struct openmeteo_place {
    double latitude, longitude;
    const struct fault_rule *rule; /* NULL: none */
};

/*
 * Reads two lists of numbers of the same length, `latitude=a,b&longitude=c,d`, into `places` (OPENMETEO_PLACES): their
 * count, or 0 when they are none. A place out of range is read all the same.
 */
size_t openmeteo_places(const char *latitudes, const char *longitudes, struct openmeteo_place *places);
/* True when the place is on the globe. */
bool openmeteo_on_earth(const struct openmeteo_place *place);
/* 1/1000 call: a place is one, and a tenth for each of the variables in `current` beyond ten. */
int64_t openmeteo_weight(const char *current, size_t places);
/* Appends the answer for the places: weather or air, with `time` = at_s. One place is an object, more are a list. */
void openmeteo_body(const struct series *series, const struct openmeteo_place *places, size_t count, bool air,
                    int64_t at_s, struct buf *out);
/* Fills `answer` (body initialised by the caller) with the error that a limit's excess, or an impossible place, is. */
void openmeteo_limited(enum limit_window window, struct answer *answer);
void openmeteo_off_earth(struct answer *answer);
/* The same as a fault wants; `good` is the body that a healthy server would send. */
void openmeteo_fault(const struct fault_rule *rule, const struct buf *good, struct answer *answer);

#endif
