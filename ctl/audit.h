/*
 * The invariants of one partition (PROTOCOL, I1 to I3), checked over what Redis has of it. Pure: it gets
 * replies and times, and writes findings, one line each, "partition 3: I1: ...", with the numbers.
 *
 *   I1  applied + gaps = offset - first_offset
 *   I2  rows = sum of the counters by outcome; rows in panes, open ones included, + retired = rows_in +
 * rows_late; the counters of the cities add up to the ledger's; #n of a pane or window = the rows of its
 * records I3  offsets and clocks are in the order that they can only have when they never went back; every
 * record lies in the partition of its city
 */
#ifndef CTL_AUDIT_H
#define CTL_AUDIT_H

#include "buf.h"
#include "store.h"
#include "windowset.h"

#include <stdint.h>

#define AUDIT_TOLERANCE_MS 300000 /* of clocks against each other; also how far ahead of its clock a reading may be */
#define AUDIT_LINES        20     /* findings written per partition; more are counted */

/* The ledger's fields that are numbers, all of them above or at the lowest value given. */
#define AUDIT_LEDGER(X)                                                                                                \
    X(number, 0)                                                                                                       \
    X(format, 0)                                                                                                       \
    X(config_version, 0)                                                                                               \
    X(first_offset, 0)                                                                                                 \
    X(offset, 0)                                                                                                       \
    X(applied, 0)                                                                                                      \
    X(gaps, 0)                                                                                                         \
    X(record_offset, -1)                                                                                               \
    X(clock_ms, 0)                                                                                                     \
    X(tick_clock_ms, 0)                                                                                                \
    X(rows, 0)                                                                                                         \
    X(rows_in, 0)                                                                                                      \
    X(rows_late, 0)                                                                                                    \
    X(rows_duplicate, 0)                                                                                               \
    X(rows_correction, 0)                                                                                              \
    X(rows_bad, 0)                                                                                                     \
    X(rows_checked, 0)                                                                                                 \
    X(rows_tick, 0)                                                                                                    \
    X(rows_control, 0)                                                                                                 \
    X(rows_retired, 0)                                                                                                 \
    X(retired, 0)                                                                                                      \
    X(pane_cursor_ms, 0)                                                                                               \
    X(commits, 0)
#define AUDIT_LEDGER_FIELD(name, low) int64_t name;

struct audit_ledger {
    AUDIT_LEDGER(AUDIT_LEDGER_FIELD)
};

/* What is the same for all partitions. */
struct audit_rules {
    struct windowset windows;
    int32_t partitions;
    int64_t now_ms; /* wall clock */
};

struct audit {
    const struct audit_rules *rules; /* borrowed */
    int32_t partition;
    struct audit_ledger ledger;
    struct buf lines; /* findings, each ended by '\n' */
    int findings;
    /* sums over the cities, for audit_totals */
    int64_t cities, open_rows, closed_rows;
    int64_t rows_in, rows_late, rows_duplicate, rows_correction, rows_retired, rows_bad;
};

/* Nothing found yet. */
void audit_init(struct audit *audit, const struct audit_rules *rules, int32_t partition);
/* Frees the lines. */
void audit_release(struct audit *audit);
/* Adds a finding: `what` is I1, I2, I3 or another word. */
void audit_fail(struct audit *audit, const char *what, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Takes and checks the ledger (pairs of HGETALL): I1, the sum of I2, and I3 within it. False when a field is
 * unusable. */
bool audit_take_ledger(struct audit *audit, const struct store_reply *pairs);
/* Takes and checks all cities' states (pairs of HGETALL). */
void audit_take_cities(struct audit *audit, const struct store_reply *pairs);
/* Takes the rows (#n) of one closed pane, read together with the ledger. */
void audit_take_pane(struct audit *audit, const struct store_reply *count);
/* After all of these: the sums of I2. */
void audit_totals(struct audit *audit);
/* The ledger's place in the log, whose watermarks are these. `low` was asked before the ledger was read,
 * `high` after. */
void audit_log(struct audit *audit, int64_t low, int64_t high);
/* The same ledger read later: it never goes back. */
void audit_later(struct audit *audit, int64_t offset, int64_t clock_ms);

/* One stored hash of panes or, with `size`, of windows (pairs of HGETALL): #n, and each record against key
 * and city. */
void audit_records(struct audit *audit, const char *key, const struct window_size *size, int64_t start_ms,
                   const struct store_reply *pairs);

#endif
