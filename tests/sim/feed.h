/*
 * The log: what a generator, ticks and the past put into it, and what it must add up to. Expectations are made when a
 * record is appended, by rules that are written anew here from docs/contracts.md and share no code with the worker.
 */
#ifndef SIM_FEED_H
#define SIM_FEED_H

#include "sim.h"

#define FEED_CITIES 3 /* per partition */
#define FEED_ROWS   3 /* at most, per record */
#define PANE_MS     INT64_C(300000)

/* What the counters of a ledger must be when all records up to some point were applied. */
struct expected {
    int64_t applied, gaps, rows, accepted, duplicate, correction, bad, checked, tick, control, retired, clock_ms,
        alerts;
    int64_t version, floor_ms; /* of the rules in force; rows of panes before the floor are retired */
};

struct feed_record {
    int64_t offset, timestamp_ms;
    char *value;
    size_t size;
    struct expected after;
    uint32_t letters_due, letters; /* bit 0: the record, bit 1 + i: its row i */
};

/* A reading that counts. */
struct feed_reading {
    int64_t city_id, observed_at_ms;
    int32_t provider, temperature;
    bool counted;  /* the temperature is within its range */
    uint64_t said; /* tells readings of other values */
};

struct feed {
    struct feed_record *records;
    size_t count, capacity;
    int64_t low, high; /* watermarks */
    int64_t cities[FEED_CITIES];
    struct feed_reading *readings;
    size_t reading_count, reading_capacity;
    struct expected now;
};

extern struct feed feeds[PARTITIONS_MAX];

/* Empty logs, and a generator that fills them while faults last. */
void feed_begin(void);
/* Frees them. */
void feed_end(void);
/* The broker's clock, which runs faster than the world's so that panes close and retire. */
int64_t feed_clock_ms(void);
/* Appends a record (copied) and tells consumers. Returns its offset. */
int64_t feed_append(int32_t partition, const void *value, size_t size);
/* The log is another one from now on, with records up to `high`. */
void feed_anew(int32_t partition, int64_t high);
/* Index of the first record at or after `offset`; `count` when there is none. */
size_t feed_find(const struct feed *feed, int64_t offset);
/* A dead letter was acknowledged; its key is topic/partition/offset/row. */
void feed_letter(const char *key);
/* Deletes what every ledger has passed, as retention does. */
void feed_retention(void);

#endif
