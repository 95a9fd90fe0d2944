/*
 * aviationweather.gov's side of the simulator: its list of stations and its reports (METAR), from the same series as
 * OpenWeatherMap's bodies. A station is somewhere on the globe, always at the same place. Those beginning with ZZ are
 * unknown: nothing is said of them, which is how the real one answers. Reports come in another order than was asked
 * for.
 */
#ifndef OWMSIM_METAR_H
#define OWMSIM_METAR_H

#include "buf.h"
#include "fault.h"
#include "series.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METAR_STATIONS 400 /* of a request, at most */

struct metar_station {
    char id[5];
    double latitude, longitude;
    const struct fault_rule *rule; /* NULL: none */
};

/* Fills in the place of a station; false when `id`, of `size` bytes, is not four capitals or digits. */
bool metar_station_set(struct metar_station *station, const char *id, size_t size);
/* Reads `ids=KSEA,EGLL` into `stations` (METAR_STATIONS): their count, or 0 when that is no such list. */
size_t metar_stations(const char *ids, struct metar_station *stations);
/* True when it has a report: it is known, and no rule takes it away (not_found, not_found_empty). */
bool metar_reports(const struct metar_station *station);
/* Appends the reports of `at_s`. With a rule `nulls` nothing but the time is known. How many reports it has. */
size_t metar_body(const struct series *series, const struct metar_station *stations, size_t count, int64_t at_s,
                  struct buf *out);

#endif
