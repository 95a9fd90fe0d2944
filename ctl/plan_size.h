/*
 * How much memory an installation will need: sums of what one city and one window were measured to take. Pure. Good
 * for a decision, to about a fifth; docs/planning.md has where each figure comes from.
 */
#ifndef CTL_PLAN_SIZE_H
#define CTL_PLAN_SIZE_H

#include "windowset.h"

#include <stdint.h>

struct plan_size {
    int64_t redis_bytes;   /* when every retention is filled */
    int64_t city_bytes;    /* of it, by one city */
    int64_t worker_bytes;  /* resident, of all workers together: `workers` programs that share the cities */
    int64_t fetcher_bytes; /* resident, of one fetcher with all cities */
};

/*
 * `lateness_ms`: how long panes are kept; `interval_ms`: time between readings of a city, which decides how many panes
 * and windows there are when they are shorter. `workers` at least 1.
 */
struct plan_size plan_size(const struct windowset *windows, int64_t lateness_ms, int64_t interval_ms, int64_t cities,
                           int64_t workers);

#endif
