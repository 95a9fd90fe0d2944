/*
 * The ledger of a partition as its worker keeps it (docs/contracts.md, "Ledger"): where the log stands, what became of
 * every row, and how far panes and windows were retired. Parsing is strict: a field that is missing or no number is an
 * error.
 */
#ifndef WORKER_LEDGER_H
#define WORKER_LEDGER_H

#include "store.h"
#include "windowset.h"

#include <stdint.h>

#define CID_BYTES 33

struct ledger {
    int64_t first_offset, offset;
    int64_t applied, gaps;
    int64_t record_offset; /* -1: none applied yet */
    uint64_t record_hash;
    int64_t anchor_offset; /* -1: none */
    uint64_t anchor_hash;
    int64_t clock_ms;
    int64_t tick_clock_ms;
    char tick_after[48]; /* city field; empty: no tick under way */
    int64_t rows, rows_in, rows_late, rows_duplicate, rows_correction, rows_bad, rows_checked, rows_tick, rows_control,
        rows_retired;
    int64_t commits;
    int64_t config_version; /* of the rules in force at `offset` */
    int64_t pane_floor_ms;  /* panes that start before it may be retired, whatever the rules in force say */
    int64_t pane_cursor_ms;
    int64_t window_cursor_ms[WINDOWSET_MAX]; /* keys (windowset.h) */
};

/*
 * Fills `ledger` from HGETALL's pairs. ERR_INVALID names the field in `error`: no number below 0 is taken (-1 for
 * record_offset and anchor_offset). Cursors and rows_correction that are absent are 0, and an anchor that is absent is
 * none. `windows` are those of the rules in force; NULL: their cursors are passed over. Cursors of civil windows are
 * stored as day numbers; one that is none was written before there were civil days: 0.
 */
int ledger_parse(struct ledger *ledger, const struct store_reply *pairs, const struct windowset *windows,
                 struct buf *error) __attribute__((warn_unused_result));

/* The version of the rules in force, which tells what ledger_parse needs; -1 when the field is missing or no number. */
int64_t ledger_version(const struct store_reply *pairs);
/* I1 and I2 over the counters. True when both hold. */
bool ledger_holds(const struct ledger *ledger);

/* Calls fn(arg, field, text) for each field a commit writes. */
typedef void ledger_field_fn(void *arg, const char *field, const char *text);
void ledger_fields(const struct ledger *ledger, const struct windowset *windows, ledger_field_fn *fn, void *arg);

#endif
