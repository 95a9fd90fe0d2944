/*
 * OpenWeatherMap's current weather and air pollution 2.5, and the same format as the replay simulator serves it, with a
 * history. Units are a parameter of the parser for the sake of recorded payloads; the fetcher always asks for metric
 * ones. Rain and snow are mm whatever the units say, components of the air ug/m3.
 *
 * What is missing in the payload is missing in the row, with one exception: in an answer with `main` and `dt`, absent
 * or null `rain` and `snow` are a reported 0.
 */
#ifndef FETCHER_PROVIDER_OPENWEATHERMAP_H
#define FETCHER_PROVIDER_OPENWEATHERMAP_H

#include "provider.h"

enum openweathermap_units { OPENWEATHERMAP_METRIC, OPENWEATHERMAP_STANDARD, OPENWEATHERMAP_IMPERIAL };

/* OpenWeatherMap itself: needs a key. */
extern const struct provider provider_openweathermap;
/* The same format from the simulator: rows are marked RECORDED or SIMULATED, as the answer's `base` says. */
extern const struct provider provider_replay;

/*
 * Parses an answer whose temperatures are °C, K or °F and speeds m/s, m/s or mph. See struct provider for the rest.
 * Rows are OPENWEATHERMAP unless `base` says that they are recorded or simulated.
 */
enum fetch_status openweathermap_parse(const struct provider_answer *answer, enum openweathermap_units units,
                                       struct provider_rows *rows);

#endif
