/*
 * What became of each row of one city: the worker's own processing (worker/state.h) over the log once more, row by row,
 * with what it counted told by its counters. Nothing is copied from the worker, so that it cannot say another thing.
 *
 * Only what concerns the city is applied: its rows, ticks and controls. So the state is small, whatever the partition
 * holds. It is right when reading begins early enough: see JUDGE_BEFORE_MS.
 */
#ifndef CTL_JUDGE_H
#define CTL_JUDGE_H

#include "kafka.h"
#include "observation.h"
#include "rules.h"
#include "window.h"
#include "zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How long before a window, by Kafka's timestamps, reading must begin, besides the rules' idle time and delay: no row
 * of the window comes earlier than five minutes before it, and quality control looks back twelve hours.
 */
#define JUDGE_BEFORE_MS    INT64_C(43500000)
#define JUDGE_REASON_BYTES 128

enum verdict {
    VERDICT_IN,
    VERDICT_LATE,
    VERDICT_DUPLICATE,
    VERDICT_CORRECTION,
    VERDICT_RETIRED,
    VERDICT_BAD,
    VERDICT_CHECKED,
    VERDICTS
};
/* "in", "late", ... */
const char *verdict_name(enum verdict verdict);

/* One row of the city. */
struct judged {
    int64_t offset, row;
    int64_t produced_at_ms; /* Kafka timestamp of the record */
    int64_t clock_ms;       /* the partition's clock when it was processed */
    struct observation observation;
    enum verdict verdict;
    char reason[JUDGE_REASON_BYTES]; /* of bad and retired ones */
    uint64_t flags;                  /* of quality control, of accepted ones */
};
/* Takes a row, valid during the call. */
typedef void judge_fn(void *arg, const struct judged *row);

/* The rules of a version, borrowed as long as the judge; NULL when there are none. */
typedef const struct rules *judge_rules_fn(void *arg, int64_t version);

struct judge_config {
    const struct rules *rules; /* in force where reading begins; borrowed */
    judge_rules_fn *rules_of;  /* of those that records put in force */
    void *rules_arg;
    const char *topic; /* borrowed */
    int32_t partition;
    int64_t city_id;
    int32_t series;
    const struct zone *zone; /* of the city, as far as it is known where reading begins; NULL: UTC */
    judge_fn *fn;
    void *arg;
};

struct judge;

/* A judge that has seen nothing. judge_free frees it. */
struct judge *judge_new(const struct judge_config *config) __attribute__((returns_nonnull, warn_unused_result));
/* Frees it. NULL allowed. */
void judge_free(struct judge *judge);
/* Applies the next record of the partition; each row of the city is given to `fn`. */
void judge_record(struct judge *judge, const struct kafka_record *record);
/*
 * The first version of the rules that a record put in force; 0: none did. When it is not above the one it began with,
 * that was too new: another judge must begin with one before. `*offset` is that record's.
 */
int64_t judge_first_version(const struct judge *judge, int64_t *offset);
/* False when rules came that are not known, or have other windows: from there on it is right but for them. */
bool judge_knows_rules(const struct judge *judge);
/* The partition's clock after what was applied. */
int64_t judge_clock_ms(const struct judge *judge);
/* Records that could not be decoded: nobody knows of which city they were. */
int64_t judge_undecodable(const struct judge *judge);
/*
 * Makes the window of the `size`-th size that starts at `start_ms`, open panes included, in an uninitialised `window`;
 * false when no row of the city is in it.
 */
bool judge_window(const struct judge *judge, size_t size, int64_t start_ms, int64_t end_ms, struct window *window);

#endif
