/*
 * When each city is polled. Pure; times are monotonic ms, and `epoch_ms` lays the grid on wall time, so that a city has
 * the same phase in every process.
 *
 * Every city has a phase within the interval, from its id, so polls are spread evenly. A poll starts at the earliest
 * one interval after the start of the last one that did not fail; a city that is off its phase (after its first poll, a
 * stop, a wait for the bucket) comes back to it by waiting up to a quarter longer each time. First polls come soon, in
 * the order of the phases: a city that another process polled a moment ago may be polled once more when it moves or the
 * process restarts; the bucket bounds that, and those whose time has just come are first.
 *
 * With schedule_follow() a city whose rhythm is known (rhythm.h) is polled by it instead: right after its next reading
 * is to be there. Failures, parking and deferring are the same.
 *
 * A failed poll is repeated with full jitter, at the earliest after a second, at the latest after about an interval. A
 * place that the API does not know is parked: 6 intervals at first, later up to 144.
 */
#ifndef FETCHER_SCHEDULE_H
#define FETCHER_SCHEDULE_H

#include "entropy.h"
#include "rhythm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEDULE_RETRY_MIN_MS 1000
#define SCHEDULE_PARK_FIRST   6   /* intervals */
#define SCHEDULE_PARK_LAST    144 /* intervals: a day at 10 min */

/* A city's place in the schedule; embedded in what the owner keeps about the city. Zero-initialise. */
struct schedule_item {
    int64_t due_ms;
    int64_t begun_ms; /* start of the last poll */
    int64_t phase_ms;
    int attempt; /* failed polls in a row */
    int parks;   /* how often in a row it was parked */
    bool polled; /* once at least, and answered */
    bool queued; /* is in the heap */
    size_t at;   /* place in the heap */
    struct rhythm rhythm;
};

struct schedule {
    int64_t interval_ms, epoch_ms;
    int64_t floor_ms;    /* rhythms are followed, with this floor; 0: they are not */
    int64_t together_ms; /* polls by a rhythm begin at multiples of this; 0: when they are due */
    int64_t put_off_ms;  /* by which polls were put off beyond the interval for a rhythm, in all */
    int64_t outcomes[RHYTHM_OUTCOMES];
    struct jitter jitter;
    struct schedule_item **heap; /* borrowed items, by due_ms */
    size_t count, capacity;
};

/* `epoch_ms` is wall time minus monotonic time at the start; `seed` as for jitter_init. */
void schedule_init(struct schedule *schedule, int64_t interval_ms, int64_t epoch_ms, uint64_t seed);
/*
 * Polls by the cities' rhythms from now on, two of a city never nearer than `floor_ms`, or than the interval when that
 * is less. With `together_ms` such polls begin at its multiples, so that one call can ask for many places.
 */
void schedule_follow(struct schedule *schedule, int64_t floor_ms, int64_t together_ms);
/* Frees the heap; items are the owner's. */
void schedule_release(struct schedule *schedule);
/* Takes a city in (the item is borrowed until schedule_remove). One that was polled before keeps its rhythm. */
void schedule_add(struct schedule *schedule, struct schedule_item *item, int64_t city_id, int64_t now_ms);
/* Takes it out; allowed while it is not in. */
void schedule_remove(struct schedule *schedule, struct schedule_item *item);
/* When the next city is due; INT64_MAX when there is none. */
int64_t schedule_due_ms(const struct schedule *schedule);
/* How many cities are due by then; `most` when more are. */
int64_t schedule_count(const struct schedule *schedule, int64_t by_ms, int64_t most);
/* The item that is due next, or NULL; it stays in. */
struct schedule_item *schedule_next(const struct schedule *schedule);
/* True when the item may join a call now though it is due only within `ahead_ms`: its rhythm and floor have no say. */
bool schedule_joins(const struct schedule *schedule, const struct schedule_item *item, int64_t ahead_ms,
                    int64_t now_ms);
/* Begins the poll of an item that is in, due or not: several are asked for in one call. Otherwise as schedule_take. */
void schedule_begin(struct schedule *schedule, struct schedule_item *item, int64_t now_ms);
/* Begins the poll of the city that is due the longest; NULL when none is. It comes back by one of the four below. */
struct schedule_item *schedule_take(struct schedule *schedule, int64_t now_ms);
/*
 * The poll that is under way was answered with a reading of that time (by the source's clock), or with the one that was
 * the newest before. Said before schedule_polled; a history says nothing.
 */
void schedule_saw(struct schedule *schedule, struct schedule_item *item, int64_t observed_at_ms);
/* What was learnt of the city's rhythm does not hold any more: another place. */
void schedule_forget(struct schedule_item *item);
/* Polled; due again by its rhythm, else one interval after the poll's start, or up to a quarter more. */
void schedule_polled(struct schedule *schedule, struct schedule_item *item, int64_t now_ms);
/* Failed; due again after a back-off. */
void schedule_failed(struct schedule *schedule, struct schedule_item *item, int64_t now_ms);
/* The place is wrong; due again after a long time. */
void schedule_park(struct schedule *schedule, struct schedule_item *item, int64_t now_ms);
/* Could not be polled, through no fault of its own; due again at `until_ms`, or soon after. */
void schedule_defer(struct schedule *schedule, struct schedule_item *item, int64_t until_ms);
/* True while it is parked. */
bool schedule_parked(const struct schedule_item *item);

#endif
