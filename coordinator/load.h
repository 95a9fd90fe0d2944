/*
 * How much work a slot (a partition or a city shard) is, measured from what its owners report: pure, time is a
 * parameter.
 *
 * A partition's rate is in rows a second: the rows applied, LOAD_RECORD_ROWS more for each record, and what would level
 * its lag within LOAD_LEVEL_S. Offsets and rows are the ledger's, so a change of owner does not disturb the measure; a
 * rollback (a counter that goes back) only begins the next difference. The rate is smoothed over LOAD_TAU_MS, at first
 * over the time measured so far, and is unknown until LOAD_KNOWN_MS were measured. A shard's load is its cities.
 *
 * Weights are what the planner balances (assign.h). A slot that is idle is not for free (a fetch, ticks, the state of
 * its cities), so a weight is the load, a quarter of the mean load of all, and a constant: for partitions that do next
 * to nothing, balance by weight is balance by count, whatever the noise.
 */
#ifndef COORDINATOR_LOAD_H
#define COORDINATOR_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_TAU_MS      30000
#define LOAD_KNOWN_MS    4000
#define LOAD_LEVEL_S     60
#define LOAD_RECORD_ROWS 10
#define LOAD_UNKNOWN     (-1)
#define LOAD_LIMIT       100000000 /* largest that counts */
#define LOAD_IDLE_RATE   200       /* rows a second that an idle partition counts for */
#define LOAD_IDLE_CITIES 1

struct load {
    double rate;
    int64_t measured_ms;          /* time the rate was measured over; above LOAD_KNOWN_MS it is known */
    double record_rate;           /* of records alone, for people; smoothed alike */
    int64_t records_measured_ms;  /* shorter when another leader measured the rate before */
    bool begun;                   /* the three below are there */
    int64_t at_ms, records, rows; /* of the last report taken */
};

/* What a partition's owner reports at `now_ms` (monotonic): the ledger's counters, and records behind (-1 unknown). */
void load_observe(struct load *load, int64_t now_ms, const int64_t records_rows_lag[3]);
/* A load that needs no measuring: cities of a shard. */
void load_set(struct load *load, int64_t value);
/* What a former leader measured; LOAD_UNKNOWN or less changes nothing. */
void load_restore(struct load *load, int64_t rate);
/* The next report only begins a difference: the owner changed or nothing was heard for long. The rate stays. */
void load_interrupt(struct load *load);
/* Records a second, of a partition; 0 while it is not known. */
double load_records(const struct load *load);
/* Rows a second, or cities, rounded; LOAD_UNKNOWN. */
int64_t load_rate(const struct load *load);
/* Fills `weights` (each > 0); an unknown load counts as the mean of the known ones. `idle`: see above. */
void load_weights(const struct load *loads, size_t count, int64_t idle, int64_t *weights);

#endif
