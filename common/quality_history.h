/*
 * What quality control remembers of a city (isobar.v1.CityState, past and run): one reading of each hour of the last
 * twelve, and since when values have hardly changed. It changes after the verdict on a row that came in time, never by
 * a late one.
 *
 *   past   ascending by time, at most one per clock hour (UTC), none more than QUALITY_PAST_MS older than the newest
 *   run    ascending by group: readings of ascending time whose values lie less than a limit apart
 *
 * Memory matters (10,000 cities in 64 MB): past readings are kept as bytes, since they are read in order and changed
 * once an hour. Full, with all values, both take some 380 bytes, of what OpenWeatherMap gives 300.
 */
#ifndef ISOBAR_QUALITY_HISTORY_H
#define ISOBAR_QUALITY_HISTORY_H

#include "arena.h"
#include "observation.h"

#include "city.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

#define QUALITY_GROUPS      8 /* isobar.v1.QualityGroup */
#define QUALITY_PAST_GROUPS 5 /* the first of them, whose one value is kept in `past` */
#define QUALITY_RUN_GROUPS  6 /* and that have runs: these and wind, without dew point by default */
#define QUALITY_PAST_MS     INT64_C(43200000)
#define QUALITY_PAST_MAX    13

/* isobar.v1.Value of each group of past readings. */
extern const int quality_past_value[QUALITY_PAST_GROUPS];

struct quality_past {
    int64_t observed_at_ms;
    uint32_t present; /* bit per group */
    int32_t value[QUALITY_PAST_GROUPS];
};

/* Packed: it would have 40 bytes else. */
struct quality_run {
    int64_t start_ms, last_ms;         /* event times of its first and its newest reading */
    int32_t count;                     /* distinct times */
    int32_t minimum, maximum;          /* wind: of the speed */
    uint16_t direction;                /* wind: of the first reading, 0.01 deg */
    int16_t turned_least, turned_most; /* wind: of the differences to it */
    uint8_t group;
} __attribute__((packed, aligned(4)));

struct quality_history {
    uint8_t *past; /* packed, owned */
    struct quality_run *runs;
    uint16_t past_bytes;
    uint8_t past_count, run_count;
};

/* When values of a group hardly change, and when that is too long. */
struct quality_stillness {
    int32_t limit[QUALITY_RUN_GROUPS]; /* values of a run lie less than this apart; 0: the group has no runs */
    int32_t turn_centi_deg;            /* wind: and its directions less than this */
    int64_t least_ms;
    int32_t least_count;
};

/* Frees what it holds: it is then as zeroed, which is empty. */
void quality_history_release(struct quality_history *history);
/* Takes in a row that was accepted in time, without the values that fail. */
void quality_history_update(struct quality_history *history, const struct quality_stillness *stillness,
                            const struct observation *row);

/* ---- reading ---- */

/* The row's values of the first groups. */
void quality_past_of(const struct observation *row, struct quality_past *past);

struct quality_cursor {
    const uint8_t *at, *end;
    struct quality_past past; /* value: what was known last of each group, also where `present` has it not */
};
/* Goes through the past readings, ascending by time; `next` is false at the end. */
void quality_past_first(const struct quality_history *history, struct quality_cursor *cursor);
bool quality_past_next(struct quality_cursor *cursor);
enum quality_run_change {
    QUALITY_RUN_LEFT,  /* the row tells nothing, or is not newer than the run */
    QUALITY_RUN_GREW,  /* `out` is the run with the row, or a new one */
    QUALITY_RUN_ENDED, /* the wind is calm */
};
/* What becomes of the group's run by the row, without the values that fail. Nothing is changed. */
enum quality_run_change quality_run_after(const struct quality_history *history,
                                          const struct quality_stillness *stillness, int group,
                                          const struct observation *row, struct quality_run *out);

/* Does it, for all groups. */
void quality_run_update(struct quality_history *history, const struct quality_stillness *stillness,
                        const struct observation *row);

/* ---- to and from messages ---- */

/* Sets `past` and `run` of the message, which live in the arena. */
void quality_history_message(const struct quality_history *history, Isobar__V1__CityState *message,
                             struct arena *arena);
/* Takes them, validated, into an uninitialised `history`. ERR_INVALID leaves it empty. */
int quality_history_take(struct quality_history *history, const Isobar__V1__CityState *message)
    __attribute__((warn_unused_result));

#endif
