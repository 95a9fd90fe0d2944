/*
 * The mergeable accumulator of one city over one span of time: the in-memory form of isobar.v1.WindowState and of
 * isobar.v1.Pane. Merging is exact: any split and any order of the same rows gives the same bits, in memory and
 * encoded, because everything in it is an integer sum or the winner of a total order:
 *
 *   rows, air_rows, count, sum, wind      sums, and square_sum
 *   minimum, minimum_at                   the smallest (value, time): of equal values the earliest time
 *   maximum, maximum_at                   the largest value; of equal values the earliest time
 *   first, first_at                       the smallest (time, value): of equal times the smaller value
 *   last, last_at                         the latest time; of equal times the smaller value
 *   first_observed, last_observed         the earliest and latest time of all rows, with any metric or none
 *   parts                                 sums (parts.h)
 *   updated_at                            the latest (set by the owner from its clock, never by window_add)
 *   sketches                              counts of buckets (sketch.h)
 *   revision, final_at, revised_at        not merged: they belong to the window and are its owner's to set
 *
 * Two readings can have one time: of two providers. The metrics rain and snow are rates: their sum over rows means
 * nothing and is only kept for the mean. What has fallen is in `parts`, which rows alone do not tell (trail.h):
 * window_add leaves them alone, so panes have none. A window can have parts without a row.
 *
 * Memory matters (10,000 cities in 64 MB), so metrics are a sorted array that holds only those present, without
 * spare room. Times are int32 milliseconds after start_ms: 23 days, the longest size, and what zones may add to them.
 */
#ifndef ISOBAR_WINDOW_H
#define ISOBAR_WINDOW_H

#include "arena.h"
#include "buf.h"
#include "observation.h"
#include "parts.h"
#include "sketch.h"
#include "wind.h"

#include "window.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_MAX_BYTES   (256 * 1024)             /* encoded; more is not decoded */
#define WINDOW_MAX_SPAN_MS (INT64_C(589) * 3600000) /* 24.5 days */
#define WINDOW_MAX_METRICS 64                       /* newer software's are kept and merged, unnamed */
#define WINDOW_MAX_ROWS    INT32_MAX                /* so that sums of squares times count fit 128 bits */
#define WINDOW_SKETCHED_MS INT64_C(3600000)         /* spans of an hour or more have sketches */
#define PANE_MAX_BYTES     (768 * 1024)             /* encoded */
#define PANE_MAX_READINGS  16384                    /* what an owner lets into one pane: pane_full */

typedef __int128 wide __attribute__((aligned(8))); /* 16 would cost 8 bytes for each accumulator */

struct accumulator {
    wide square_sum;
    int64_t sum;
    int32_t count;
    int32_t minimum, minimum_at;
    int32_t maximum, maximum_at;
    int32_t first, first_at;
    int32_t last, last_at;
    int32_t metric; /* isobar.v1.Metric */
};

struct window {
    int64_t start_ms, end_ms;
    int64_t rows;
    int64_t revision;
    int64_t updated_at_ms;
    int64_t final_at_ms, revised_at_ms;                /* 0: not yet, never */
    int64_t first_observed_at_ms, last_observed_at_ms; /* 0 while rows is 0 */
    struct parts parts;
    struct accumulator *metrics; /* ascending by metric */
    int32_t metric_count, metric_capacity;
    int32_t air_rows;             /* of `rows`, those of the air alone: observation_of_air */
    struct wind_vector *wind;     /* NULL until a row had speed and direction, or was calm */
    struct window_single *single; /* of one that is packed, in the place of metrics and wind; else NULL */
    struct sketches sketches;     /* of metrics with more than two values, when they are kept */
};

/* An empty window over [start_ms, end_ms); it keeps sketches when the span is WINDOW_SKETCHED_MS or more. */
void window_init(struct window *window, int64_t start_ms, int64_t end_ms);
/* It keeps sketches, however short it is: from now on, so while there are no more than two values of any metric. */
void window_enable_sketches(struct window *window);
/* It keeps them or not, as its owner has come to want; what it has it goes on with, as when it is decoded. */
void window_keep_sketches(struct window *window, bool wanted);
/* Frees what it holds; the span and whether it keeps sketches stay, everything else is as after window_init. */
void window_release(struct window *window);
/*
 * Adds one accepted observation with start_ms <= observed_at_ms < end_ms, with what is derived from it (derive.h).
 * O(metrics present). Wind (wind.h) is added when speed and direction are known, or the speed alone tells a calm.
 */
void window_add(struct window *window, const struct observation *observation);
/*
 * Adds all of `from`, whose span lies inside `into`'s (assert). Exact and order-independent. Takes the larger
 * updated_at; the revision of `into` stays.
 */
void window_merge(struct window *into, const struct window *from);
/* True when it has neither a row nor a part: nothing of it need be kept. */
bool window_empty(const struct window *window);
/*
 * Makes the span hold [start_ms, end_ms) too: a civil window whose city has moved to another zone. While it is empty
 * it takes that span as it is.
 */
void window_widen(struct window *window, int64_t start_ms, int64_t end_ms);
/* The accumulator of one value, seen `at` ms after the start. */
struct accumulator accumulator_of(int32_t metric, int32_t value, int32_t at);
/* The accumulator of `metric`, or NULL; the window is not packed. */
const struct accumulator *window_find(const struct window *window, int32_t metric);
/*
 * Keeps a window of one row in a tenth of the memory, in the place of metrics and wind; others stay as they are. It can
 * be added to, merged, encoded and released like any other. Only who packs need know: metrics are not read meanwhile.
 */
void window_pack(struct window *window);
/* Takes it back; does nothing to one that is not packed. */
void window_unpack_single(struct window *window);
/* An unpacked copy of a packed window, for its caller to release. */
void window_open(const struct window *window, struct window *copy);
/* What packing has on the heap, in bytes; 0 when it is not packed. */
size_t window_single_bytes(const struct window *window);
/* What it has on the heap, in bytes. */
size_t window_bytes(const struct window *window);
/*
 * The quantile of `percent` (1 to 100) of the values of `accumulator`, one of `window`'s, in the stored unit, into
 * `*out`: wrong by at most half a bucket (sketch.h). False when it is not known: there are more than two values, and
 * no sketch of all of them.
 */
bool window_quantile(const struct window *window, const struct accumulator *accumulator, int percent, int32_t *out);

/* Mean in the stored integer unit; count > 0. */
double accumulator_mean(const struct accumulator *accumulator);
/* Sample standard deviation (n-1) in the stored unit; 0 when count < 2. Computed from exact integers. */
double accumulator_deviation(const struct accumulator *accumulator);
/* Appends the encoded isobar.v1.WindowState. */
void window_encode(const struct window *window, struct buf *out);
/*
 * Decodes and validates into an uninitialised `window`: size, span, column lengths, metrics ascending, 0 < count <=
 * rows, times inside the span, and what sums, extremes and wind of one set of
 * rows must hold among each other.
 * ERR_INVALID leaves it released.
 */
int window_decode(struct window *window, const void *bytes, size_t size) __attribute__((warn_unused_result));

/* ---- panes: a window of the pane's length plus the exact set of readings in it ---- */
struct pane_entry {
    int32_t at; /* ms after start */
    int32_t provider;
    uint32_t body;          /* observation_body of the reading that counts; 0: not known */
    int32_t rain, snow;     /* um over accumulation_s; -1: not known */
    int32_t accumulation_s; /* 0: not known; PANE_OF_AIR: a reading of the air alone, which has neither */
};
#define PANE_OF_AIR (-1)
struct pane {
    struct window window;
    struct pane_entry *seen; /* ascending by (at, provider) */
    int32_t seen_count, seen_capacity;
};

/* An empty pane over [start_ms, end_ms); panes keep sketches. */
void pane_init(struct pane *pane, int64_t start_ms, int64_t end_ms);
/* Frees what it holds. */
void pane_release(struct pane *pane);
/* What a pane knows of a reading, by (observed_at, provider) and body. */
enum pane_knows { PANE_NEW, PANE_DUPLICATE, PANE_CORRECTION };
/*
 * Whether the observation, with that body (observation_body), is there already: PANE_CORRECTION with another body,
 * PANE_DUPLICATE with the same or when the body of the one that counts is not known. It lies inside the span (assert).
 */
enum pane_knows pane_knows(const struct pane *pane, const struct observation *observation, uint32_t body);
/*
 * Adds the observation unless (observed_at, provider) is there already: true when added. `body` is that of the reading
 * as it came; what is added may have fewer values. The observation lies inside the span (assert).
 */
bool pane_add(struct pane *pane, const struct observation *observation, uint32_t body)
    __attribute__((warn_unused_result));
/* The reading of that time and provider; NULL when there is none. */
const struct pane_entry *pane_find(const struct pane *pane, int64_t observed_at_ms, int32_t provider);
/* True when PANE_MAX_READINGS are in it: then its owner must let no more in, or it would outgrow its record. */
bool pane_full(const struct pane *pane);
/* Appends the encoded isobar.v1.Pane. */
void pane_encode(const struct pane *pane, struct buf *out);
/* Decodes and validates into an uninitialised `pane`: as window_decode, and one reading in the set per row. */
int pane_decode(struct pane *pane, const void *bytes, size_t size) __attribute__((warn_unused_result));

/*
 * To and from the generated structs, for messages that embed them. Unpacking copies: nothing of `message` is kept, and
 * ERR_INVALID leaves the target released. A message is made in `arena`, whose limit must allow it.
 */
int window_unpack(struct window *window, const Isobar__V1__WindowState *message) __attribute__((warn_unused_result));
/* As window_unpack. */
int pane_unpack(struct pane *pane, const Isobar__V1__Pane *message) __attribute__((warn_unused_result));
/* The message of `window`, valid as long as the arena. */
Isobar__V1__WindowState *window_message(const struct window *window, struct arena *arena)
    __attribute__((returns_nonnull, warn_unused_result));
/* The message of `pane`, valid as long as the arena. */
Isobar__V1__Pane *pane_message(const struct pane *pane, struct arena *arena)
    __attribute__((returns_nonnull, warn_unused_result));

#endif
