/* What the files of cities.h share. */
#ifndef FETCHER_CITIES_INTERNAL_H
#define FETCHER_CITIES_INTERNAL_H

#include "cities.h"

/* Puts a city into the schedules of what it is asked of, and takes it out of the others. */
void cities_settle(const struct cities *cities, struct city *city, int64_t now_ms);
/* Takes it out of all. */
void cities_unschedule(const struct cities *cities, struct city *city);
/* Frees a catalogue of which parts are missing; NULL allowed. */
void cities_parts_free(struct cities_parts *parts);

#endif
