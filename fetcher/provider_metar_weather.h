/*
 * Present weather as aerodrome reports write it ("-RA BR", "+TSRA", "VCSH"), as a code of WMO table 4677 (Manual on
 * Codes, No. 306), which Open-Meteo uses too. Of several groups the highest code counts, as the table has it; weather
 * in the vicinity is none here. Pure.
 */
#ifndef FETCHER_PROVIDER_METAR_WEATHER_H
#define FETCHER_PROVIDER_METAR_WEATHER_H

#include <stdbool.h>
#include <stdint.h>

struct metar_weather {
    int32_t code; /* 0: none that is known here */
    bool frozen;  /* snow, hail, ice or freezing water falls */
};

/* Reads groups separated by blanks, each of two-letter codes behind an optional sign; what it does not know is left
 * out.
 */
struct metar_weather metar_weather_read(const char *text);

#endif
