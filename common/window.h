/*
 * The mergeable accumulator of one city over one span of time: the in-memory form of isobar.v1.WindowState and of
 * isobar.v1.Pane. Merging is exact: any split and any order of the same rows gives the same bits. Ties are broken
 * the same way everywhere: minimum and maximum keep the earliest time at which they were seen; first and last of
 * equal times keep the smaller value.
 *
 * Memory matters (10,000 cities in 64 MB), so metrics are a sorted array that holds only those present.
 * Times are int32 milliseconds after start_ms: spans are at most 24 days; a longer size is refused by the
 * configuration.
 */
#ifndef ISOBAR_WINDOW_H
#define ISOBAR_WINDOW_H

#include "buf.h"
#include "observation.h"

#include "window.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct accumulator {
    __int128 square_sum;
    int64_t sum;
    int64_t count;
    int32_t minimum, minimum_at;
    int32_t maximum, maximum_at;
    int32_t first, first_at;
    int32_t last, last_at;
    int32_t metric; /* isobar.v1.Metric */
};

struct wind_vector {
    int64_t count, calm;
    int64_t east_mm_s, north_mm_s;
    int64_t sine, cosine; /* 1e-9 */
    int64_t rose[16];
};

struct window {
    int64_t start_ms, end_ms;
    int64_t rows;
    int64_t revision;
    int64_t updated_at_ms;
    int64_t first_observed_at_ms, last_observed_at_ms; /* 0 while rows is 0 */
    struct accumulator *metrics; /* ascending by metric */
    int32_t metric_count, metric_capacity;
    struct wind_vector *wind; /* NULL until a row had speed and direction, or was calm */
};

/* An empty window over [start_ms, end_ms). */
void window_init(struct window *window, int64_t start_ms, int64_t end_ms);
/* Frees what it holds. */
void window_release(struct window *window);
/*
 * Adds one accepted observation with start_ms <= observed_at_ms < end_ms. O(metrics present). Wind is added when speed
 * and direction are known; u = -s sin d, v = -s cos d in mm/s (WEATHER.md 3).
 */
void window_add(struct window *window, const struct observation *observation);
/* Adds all of `from`, whose span lies inside `into`'s. Exact and order-independent. Takes the larger updated_at;
 * the revision of `into` stays. */
void window_merge(struct window *into, const struct window *from);
/* The accumulator of `metric`, or NULL. */
const struct accumulator *window_find(const struct window *window, int32_t metric);

/* Mean in the stored integer unit; count > 0. */
double accumulator_mean(const struct accumulator *accumulator);
/* Sample standard deviation (n-1) in the stored unit; 0 when count < 2. Computed from exact integers. */
double accumulator_deviation(const struct accumulator *accumulator);
/* Resultant direction in degrees [0, 360) the wind comes from, of the mean vector; NaN when count is 0 or the
 * vector is shorter than 1e-6 of the mean. */
double wind_direction_deg(const struct wind_vector *wind);
/* Length of the mean vector in m/s; NaN when count is 0. Calm rows count as zero vectors. */
double wind_vector_speed_m_s(const struct wind_vector *wind);

/* Appends the encoded isobar.v1.WindowState. */
void window_encode(const struct window *window, struct buf *out);
/* Decodes and validates (sizes, column lengths, times inside the span) into an uninitialised `window`. ERR_INVALID
 * leaves it released. */
int window_decode(struct window *window, const void *bytes, size_t size) __attribute__((warn_unused_result));

/* ---- panes: a window of the pane's length plus the exact set of readings in it ---- */
struct pane_entry {
    int32_t at;       /* ms after start */
    int32_t provider;
};
struct pane {
    struct window window;
    struct pane_entry *seen; /* ascending by (at, provider) */
    int32_t seen_count, seen_capacity;
};

void pane_init(struct pane *pane, int64_t start_ms, int64_t end_ms);
void pane_release(struct pane *pane);
/* Adds the observation unless (observed_at, provider) is there already: true when added, false for a duplicate. */
bool pane_add(struct pane *pane, const struct observation *observation) __attribute__((warn_unused_result));
void pane_encode(const struct pane *pane, struct buf *out);
int pane_decode(struct pane *pane, const void *bytes, size_t size) __attribute__((warn_unused_result));

/* To and from the generated structs, for messages that embed them; see window.c for ownership. */
int window_unpack(struct window *window, const Isobar__V1__WindowState *message) __attribute__((warn_unused_result));
int pane_unpack(struct pane *pane, const Isobar__V1__Pane *message) __attribute__((warn_unused_result));

#endif
