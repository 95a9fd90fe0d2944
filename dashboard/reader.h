/*
 * Reads the windows of one city from Redis on demand, and merges the city's open panes into them, so that the
 * newest windows show what is known now. Windows and open panes are read in one MULTI/EXEC: a fold moves rows
 * from one to the other, and a read in between would count them twice or not at all.
 *
 * What is read is a range of keys. Of days it is wider than the times asked for, since it is not known yet which zone
 * the city has; what lies outside is left out afterwards. Sliding windows are merged from the windows read.
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
#define READER_MAX_KEYS    4000 /* read for it: sliding windows are made of more */

struct window_query {
    int64_t city_id;
    int32_t partition;
    int32_t series;
    struct window_size size;   /* what is read */
    struct window_slide slide; /* size_ms 0: the windows themselves are wanted */
    int64_t from_ms, to_ms;    /* windows with from_ms <= start < to_ms */
    int64_t limit;             /* the newest so many, 1..READER_MAX_WINDOWS */
};

struct window_answer {
    int status;             /* 0, or the store's error */
    struct window *windows; /* ascending by start, only those with rows; freed after the callback */
    size_t count;
    int64_t closed_through_ms;
    int32_t interval_s; /* between the city's readings; 0: not known */
};

typedef void reader_fn(void *arg, const struct window_query *query, const struct window_answer *answer);

/* Name of the windows asked for: 10m, or 24h/1h. */
const char *reader_name(const struct window_query *query);
/* Keys to read: `count` of them, from `first_ms` on, one size apart. */
struct reader_keys {
    int64_t first_ms;
    size_t count;
};
/* The keys that can hold what is asked for, the newest when there are too many. Pure. */
struct reader_keys reader_plan(const struct window_query *query);
/* Reads; `fn` is called exactly once, from a later round of the loop. */
void reader_windows(struct store *store, const char *prefix, const struct window_query *query, reader_fn *fn,
                    void *arg);
/*
 * Decodes the bytes of the window with that key into an uninitialised `window`; ERR_INVALID when they are none of that
 * size and place. Pure.
 */
int reader_decode(struct window *window, const struct window_query *query, int64_t key_ms, const void *bytes,
                  size_t size) __attribute__((warn_unused_result));
/*
 * Merges the open panes of `state` into `windows`, one for each key; those without rows are empty. Panes that do not
 * lie in one window are left out. Pure.
 */
void reader_merge(const struct window_query *query, const struct reader_keys *keys, const struct citystate *state,
                  struct window *windows);
/*
 * Makes of the windows of all keys what was asked for: those with rows that begin in time, the newest `limit`, or
 * sliding ones in their place. `windows` is taken over; returns an array of `*count`, the caller's. Pure, given the
 * zone.
 */
struct window *reader_select(const struct window_query *query, const struct reader_keys *keys, const struct zone *zone,
                             struct window *windows, size_t *count)
    __attribute__((returns_nonnull, warn_unused_result));

/* Appends the answer's JSON object, and its lines of CSV without a header; `name` is the city's. */
void reader_json(const struct window_query *query, const struct window_answer *answer, const struct custom_set *custom,
                 struct buf *out);
void reader_csv(const struct window_query *query, const struct window_answer *answer, const char *name,
                const struct custom_set *custom, struct buf *out);

#endif
