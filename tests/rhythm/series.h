/*
 * What sources answered, made anew with the shape that was measured (series.c has the shapes): for each reading
 * its time, and since when it could be fetched. A series depends on its kind and seed alone.
 */
#ifndef ISOBAR_TEST_RHYTHM_SERIES_H
#define ISOBAR_TEST_RHYTHM_SERIES_H

#include "entropy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum series_kind { SERIES_OPENWEATHERMAP, SERIES_OPEN_METEO, SERIES_METAR, SERIES_STUCK, SERIES_KINDS };

struct series_reading {
    int64_t observed_ms; /* time of the data */
    int64_t there_ms;    /* can be fetched from then on */
};

struct series {
    struct series_reading *readings; /* ascending by there_ms */
    size_t count, capacity;
    int servers;     /* that answer in turn, by chance, each with a time of its own for the same reading */
    int64_t days_ms; /* how long it is */
};

/* Makes a series of so many days that begins at `start_ms`; series_release frees it. */
void series_make(struct series *series, enum series_kind kind, uint64_t seed, int64_t start_ms, int days);
/* Frees the readings. */
void series_release(struct series *series);
/*
 * What the source answers at `at_ms`: the time of its newest reading, which goes back and forth where several servers
 * answer; 0 before the first. `cursor` (0 at first) is the caller's, for times that do not go back.
 */
int64_t series_answer(const struct series *series, int64_t at_ms, size_t *cursor, struct jitter *dice);
/* Name of a kind, e.g. "openweathermap". */
const char *series_name(enum series_kind kind);

#endif
