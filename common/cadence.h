/*
 * Which rhythm of polls an account's limits allow. Pure arithmetic: every city is asked once per interval, polls are
 * spread evenly, and a call's weight is given by the provider.
 *
 * Of each limit CADENCE_USABLE_PERCENT count as usable: the ledger of the coordinator sees spans in steps and lets
 * grants lapse, which costs up to 3 % (docs/architecture.md), and a call that fails is made again.
 */
#ifndef ISOBAR_CADENCE_H
#define ISOBAR_CADENCE_H

#include "limit.h"

#include <stdbool.h>
#include <stdint.h>

#define CADENCE_USABLE_PERCENT 95
#define CADENCE_AGE_INTERVALS  2
#define CADENCE_CITIES_MAX     INT64_C(10000000)

/* What one city costs. Costs are thousandths of what the provider counts as a call; intervals ms. */
struct cadence {
    int64_t cost_milli, interval_ms;         /* of the weather */
    int64_t air_cost_milli, air_interval_ms; /* of the air; interval 0: it is not asked for */
};

/*
 * How old a city's newest reading gets at most while it is polled every `interval_ms` and the limits suffice, though
 * fetchers, leaders and Redis are killed now and then: the share and the grants of a dead fetcher are kept back for
 * half a minute, and who takes its cities over asks for all of them once more. Measured (suite quota), to whole
 * intervals.
 */
int64_t cadence_age_ms(int64_t interval_ms);
/* Units, in thousandths, that `cities` need in any span of the window's length; rounded up. At most INT64_MAX. */
int64_t cadence_needs(const struct cadence *cadence, int64_t cities, enum limit_window window);
/* True when no limit is passed. */
bool cadence_fits(const struct cadence *cadence, int64_t cities, const struct limits *limits);
/* The limit that is nearest to being passed, or passed the furthest; LIMIT_WINDOWS when there is none. */
enum limit_window cadence_tightest(const struct cadence *cadence, int64_t cities, const struct limits *limits);
/* How many cities fit; at most CADENCE_CITIES_MAX. */
int64_t cadence_cities(const struct cadence *cadence, const struct limits *limits);
/*
 * The shortest interval of the weather, in ms, at which so many cities fit: whole seconds, from two minutes on whole
 * minutes; not shorter than `least_ms`. 0 when not even once a day does.
 */
int64_t cadence_interval_ms(const struct cadence *cadence, int64_t cities, const struct limits *limits,
                            int64_t least_ms);

#endif
