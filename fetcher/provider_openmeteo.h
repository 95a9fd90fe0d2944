/*
 * Open-Meteo: current weather (/v1/forecast) and air quality (/v1/air-quality), many places a call, without a key. The
 * figures are of models: `time` is floored to `interval` (a quarter of an hour, an hour for the air), precipitation is
 * the sum and gusts are the maximum over the interval before it.
 *
 * Each place of a call weighs one call per 10 variables, and one at least. Asked for are 13, all that the API has of
 * what Isobar keeps (of precipitation its parts rain, showers and snowfall, which also say its phase): 1.3 calls. The 8
 * of the air weigh one call.
 *
 * Coordinates of an answer are those of the grid cell, so places are matched by position; a `location_id` that
 * contradicts it makes the answer unusable. `null` is not known. Snowfall is cm of snow, 7 cm of which are 10 mm of
 * water. A value whose unit the answer states as another one is left out.
 */
#ifndef FETCHER_PROVIDER_OPENMETEO_H
#define FETCHER_PROVIDER_OPENMETEO_H

#include "provider.h"

/*
 * What the fetcher asks for: m/s and Unix time; or what comes without asking, as in recorded payloads: km/h and local
 * time by ISO 8601 with the answer's `utc_offset_seconds`.
 */
enum openmeteo_units { OPENMETEO_ASKED, OPENMETEO_DEFAULT };

extern const struct provider provider_openmeteo;

/* Parses an answer in `units`; see struct provider for the rest. */
enum fetch_status openmeteo_parse(const struct provider_answer *answer, enum openmeteo_units units,
                                  struct provider_rows *rows);

#endif
