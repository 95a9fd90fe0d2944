/* See cadence.h. */
#include "cadence.h"

#include "duration.h"

#define COARSE_MS (2 * DURATION_MINUTE) /* from here on whole minutes are fine enough */

__extension__ typedef __int128 wide;

static wide needs(int64_t cost_milli, int64_t interval_ms, int64_t cities, int64_t window_ms)
{
    return interval_ms <= 0 ? 0 : ((wide)cost_milli * cities * window_ms + interval_ms - 1) / interval_ms;
}

int64_t cadence_age_ms(int64_t interval_ms)
{
    return CADENCE_AGE_INTERVALS * interval_ms;
}

int64_t cadence_needs(const struct cadence *cadence, int64_t cities, enum limit_window window)
{
    int64_t ms = limit_window_ms(window);
    wide sum = needs(cadence->cost_milli, cadence->interval_ms, cities, ms) +
               needs(cadence->air_cost_milli, cadence->air_interval_ms, cities, ms);
    return sum < INT64_MAX ? (int64_t)sum : INT64_MAX;
}

/* What of a limit can be used, in thousandths of a unit. */
static int64_t usable(int64_t units)
{
    return units * 10 * CADENCE_USABLE_PERCENT;
}

bool cadence_fits(const struct cadence *cadence, int64_t cities, const struct limits *limits)
{
    for (int w = 0; w < LIMIT_WINDOWS; w++) {
        if (limits->units[w] != LIMIT_NONE &&
            cadence_needs(cadence, cities, (enum limit_window)w) > usable(limits->units[w]))
            return false;
    }
    return true;
}

enum limit_window cadence_tightest(const struct cadence *cadence, int64_t cities, const struct limits *limits)
{
    int tightest = LIMIT_WINDOWS;
    double most = -1;
    for (int w = 0; w < LIMIT_WINDOWS; w++) {
        if (limits->units[w] == LIMIT_NONE)
            continue;
        double part = (double)cadence_needs(cadence, cities, (enum limit_window)w) /
                      (limits->units[w] ? (double)limits->units[w] : 1e-9);
        if (part > most) {
            most = part;
            tightest = w;
        }
    }
    return (enum limit_window)tightest;
}

int64_t cadence_cities(const struct cadence *cadence, const struct limits *limits)
{
    int64_t low = 0, high = CADENCE_CITIES_MAX; /* `low` fits */
    if (cadence_fits(cadence, high, limits))
        return high;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (cadence_fits(cadence, middle, limits))
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool fits_at(const struct cadence *cadence, int64_t interval_ms, int64_t cities, const struct limits *limits)
{
    struct cadence other = *cadence;
    other.interval_ms = interval_ms;
    return cadence_fits(&other, cities, limits);
}

int64_t cadence_interval_ms(const struct cadence *cadence, int64_t cities, const struct limits *limits,
                            int64_t least_ms)
{
    int64_t low = 0, high = DURATION_DAY / DURATION_SECOND; /* s; `high` fits */
    if (!fits_at(cadence, DURATION_DAY, cities, limits))
        return 0;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (fits_at(cadence, middle * DURATION_SECOND, cities, limits))
            high = middle;
        else
            low = middle;
    }
    int64_t ms = high * DURATION_SECOND;
    ms = ms < least_ms ? least_ms : ms;
    int64_t step = ms >= COARSE_MS ? DURATION_MINUTE : DURATION_SECOND;
    return (ms + step - 1) / step * step;
}
