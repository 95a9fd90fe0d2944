/*
 * Query parameters of the API, checked: every error names the parameter and what it must be. Pure.
 */
#ifndef DASHBOARD_QUERY_H
#define DASHBOARD_QUERY_H

#include "alarm.h"
#include "buf.h"
#include "history.h"
#include "reader.h"
#include "windowset.h"

#include <stddef.h>
#include <stdint.h>

/* Parses a whole decimal number within [low, high]; ERR_INVALID otherwise. */
int query_integer(const char *text, int64_t low, int64_t high, int64_t *out) __attribute__((warn_unused_result));

struct query_text {
    const char *size, *from, *to, *limit, *series; /* NULL: not given */
    int64_t most;                                  /* windows that may be asked for; 0: READER_MAX_WINDOWS */
};
/*
 * Fills size, from, to, limit and series of `query`. Without a limit: the newest 1,000 windows up to `now_ms`, no
 * further back than the retention; all from the given time on where more than READER_MAX_WINDOWS may be asked for. The
 * range is narrowed to where windows can exist, and may then be empty (from >= to). ERR_INVALID with a sentence in
 * `error`.
 */
int query_windows(const struct query_text *text, const struct windowset *set, int64_t now_ms,
                  struct window_query *query, struct buf *error) __attribute__((warn_unused_result));
struct alerts_text {
    const char *state, *city, *limit; /* NULL: not given */
};
/*
 * Fills what is to be shown of alerts now and of their history; partitions are the caller's. A state of one only
 * (pending is none of the history, cleared none of now) leaves the other with a limit of 0. ERR_INVALID with a sentence
 * in `error`.
 */
int query_alerts(const struct alerts_text *text, struct alarm_filter *now, struct history_query *history,
                 struct buf *error) __attribute__((warn_unused_result));
/* Parses "id,id,…" into at most `most` ids; ERR_INVALID with a sentence in `error`. */
int query_ids(const char *text, int64_t *ids, size_t most, size_t *count, struct buf *error)
    __attribute__((warn_unused_result));

#endif
