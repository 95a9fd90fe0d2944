/*
 * Aerodrome reports (METAR and SPECI) of the whole world, as the Aviation Weather Center of the US National Weather
 * Service hands them on: /api/data/metar?ids=KSEA,EGLL&format=json, many stations a call, without a key. They are
 * readings of instruments and observers, hourly or half-hourly, with specials between; a city's are those of the
 * station that its entry in the catalogue names.
 *
 * Documented (aviationweather.gov/data/api, its OpenAPI as third parties copied it in 2025 and 2026): path, parameters,
 * field names, types and units; at most 400 reports an answer, 100 calls a minute and address, blocks for those who
 * exceed that. Seen in recorded answers of 2023 to 2026: absent instead of null since September 2025, `visib` a number
 * or "10+" and "6+", `wdir` a number or "VRB", `obsTime` in Unix seconds, `cover` beside an empty `clouds`, an empty
 * body where no station has a report. Unverified, since nobody asked the API for this file: the status of that empty
 * body (204 and 200 are taken), that a block is a 403, the form of error bodies (not read), what the bits of `qcField`
 * mean (not used), how a trace of precipitation is written (below 0.01 in counts as none).
 *
 * What becomes of it: knots, statute miles and inches by their definitions. `visib` with a plus is the lower bound, as
 * it stands. Humidity follows from temperature and dew point (derive.h), which most stations report in whole degrees:
 * it is good to some 5 %. `slp` is the pressure at sea level; the altimeter setting is not, but a reduction of the
 * station's by the standard atmosphere, so it is turned back into that with the station's elevation, and is as exact as
 * the setting: 0.3 hPa in America, whole hPa elsewhere. A direction is not known when the wind is calm (north is 360)
 * or variable. Clouds: the largest layer, in the middle of its eighths (FEW 1.5, SCT 3.5, BKN 6); SKC, CLR and NCD are
 * none, obscured sky all; CAVOK and NSC say nothing of high clouds, so it is not known. Weather is a WMO code (4677)
 * of `wxString`, the highest of its groups. `precip` is water of an hour; its kind is not said, so it is rain when
 * nothing frozen is reported and it is warmer than 3 degC, and otherwise left out, as is that of specials, whose period
 * is not known. Extremes of 6 and 24 hours are no spread at one time, and not read.
 */
#ifndef FETCHER_PROVIDER_METAR_H
#define FETCHER_PROVIDER_METAR_H

#include "provider.h"

extern const struct provider provider_metar;

#endif
