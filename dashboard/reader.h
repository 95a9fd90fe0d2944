/*
 * Reads the windows of one city from Redis on demand, and merges the city's open panes into them, so that the
 * newest windows show what is known now. Windows and open panes are read in one MULTI/EXEC: a fold moves rows
 * from one to the other, and a read in between would count them twice or not at all.
 */
#ifndef DASHBOARD_READER_H
#define DASHBOARD_READER_H

#include "citystate.h"
#include "custom.h"
#include "store.h"
#include "window.h"
#include "windowset.h"

#include <stddef.h>
#include <stdint.h>

#define READER_MAX_WINDOWS 2000 /* of one answer, which is read and encoded in one go while others wait */

struct window_query {
    int64_t city_id;
    int32_t partition;
    int32_t series;
    struct window_size size;
    int64_t from_ms, to_ms; /* windows with from_ms <= start < to_ms */
    int64_t limit;          /* the newest so many, 1..READER_MAX_WINDOWS */
};

struct window_answer {
    int status;             /* 0, or the store's error */
    struct window *windows; /* ascending by start, only those with rows; freed after the callback */
    size_t count;
    int64_t closed_through_ms;
};

typedef void reader_fn(void *arg, const struct window_query *query, const struct window_answer *answer);

/* Narrows from/to to whole windows and to the limit; the number of windows to ask for. Pure. */
size_t reader_plan(struct window_query *query);
/* Reads; `fn` is called exactly once, from a later round of the loop. */
void reader_windows(struct store *store, const char *prefix, const struct window_query *query, reader_fn *fn,
                    void *arg);
/*
 * Decodes the bytes of the window that starts at `start_ms` into an uninitialised `window`; ERR_INVALID when
 * they are no window of that size and start. Pure.
 */
int reader_decode(struct window *window, const struct window_query *query, int64_t start_ms, const void *bytes,
                  size_t size) __attribute__((warn_unused_result));
/*
 * Merges the open panes of `state` that lie in the query's range into `windows` (ascending, with room for the
 * open panes beside `count`); returns the new count. Panes that do not lie in one window are left out. Pure.
 */
size_t reader_merge(const struct window_query *query, const struct citystate *state, struct window *windows,
                    size_t count);

/* Appends the answer's JSON object, and its lines of CSV with a header; `name` is the city's. */
void reader_json(const struct window_query *query, const struct window_answer *answer, const struct custom_set *custom,
                 struct buf *out);
void reader_csv(const struct window_query *query, const struct window_answer *answer, const char *name,
                const struct custom_set *custom, struct buf *out);

#endif
