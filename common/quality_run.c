/*
 * Runs of readings that hardly change (quality_history.h), a sorted array of at most one for each group. What a row
 * makes of a run is worked out in one place, for the verdict, which changes nothing, and for the change after it.
 */
#include "mem.h"
#include "quality_history.h"
#include "wind.h"

#include <string.h>

#define V(value)  ISOBAR__V1__VALUE__##value
#define G(group)  ISOBAR__V1__QUALITY_GROUP__GROUP_##group
#define HALF_TURN 18000 /* 0.01 deg */

/* The value that is to stay the same. */
static const int value_of[QUALITY_RUN_GROUPS] = {
    [G(TEMPERATURE)] = V(TEMPERATURE),
    [G(DEW_POINT)] = V(DEW_POINT),
    [G(HUMIDITY)] = V(HUMIDITY),
    [G(PRESSURE_SEA_LEVEL)] = V(PRESSURE_SEA_LEVEL),
    [G(PRESSURE_STATION)] = V(PRESSURE_STATION),
    [G(WIND)] = V(WIND_SPEED),
};

/* Index of the group's run, or of the first one after it. */
static int place_of(const struct quality_history *history, int group)
{
    int at = 0;
    while (at < history->run_count && history->runs[at].group < group)
        at++;
    return at;
}

static bool has_run(const struct quality_history *history, int at, int group)
{
    return at < history->run_count && history->runs[at].group == group;
}

static int32_t turned(int32_t direction, int32_t first)
{
    return (direction - first + 3 * HALF_TURN) % (2 * HALF_TURN) - HALF_TURN;
}

/* The run with one reading more; false when that lies too far from the others. */
static bool grow(struct quality_run *run, const struct quality_stillness *stillness, const struct observation *row)
{
    int32_t value = row->value[value_of[run->group]];
    int32_t low = value < run->minimum ? value : run->minimum, high = value > run->maximum ? value : run->maximum;
    if ((int64_t)high - low >= stillness->limit[run->group])
        return false;
    if (run->group == G(WIND)) {
        int32_t turn = turned(row->value[V(WIND_DIRECTION)], run->direction);
        int32_t least = turn < run->turned_least ? turn : run->turned_least,
                most = turn > run->turned_most ? turn : run->turned_most;
        if (most - least >= stillness->turn_centi_deg)
            return false;
        run->turned_least = (int16_t)least;
        run->turned_most = (int16_t)most;
    }
    run->minimum = low;
    run->maximum = high;
    run->count += run->count < INT32_MAX;
    run->last_ms = row->observed_at_ms;
    return true;
}

enum quality_run_change quality_run_after(const struct quality_history *history,
                                          const struct quality_stillness *stillness, int group,
                                          const struct observation *row, struct quality_run *out)
{
    int at = place_of(history, group);
    const struct quality_run *run = has_run(history, at, group) ? &history->runs[at] : NULL;
    if (stillness->limit[group] == 0 || !observation_has(row, value_of[group]) ||
        (run && row->observed_at_ms <= run->last_ms))
        return QUALITY_RUN_LEFT;
    int32_t value = row->value[value_of[group]], direction = 0;
    if (group == G(WIND)) {
        if (value < WIND_CALM_CM_S)
            return QUALITY_RUN_ENDED;
        if (!observation_has(row, V(WIND_DIRECTION)))
            return QUALITY_RUN_LEFT;
        direction = row->value[V(WIND_DIRECTION)];
    }
    if (run) {
        *out = *run;
        if (grow(out, stillness, row))
            return QUALITY_RUN_GREW;
    }
    *out = (struct quality_run){.start_ms = row->observed_at_ms,
                                .last_ms = row->observed_at_ms,
                                .count = 1,
                                .minimum = value,
                                .maximum = value,
                                .direction = (uint16_t)direction,
                                .group = (uint8_t)group};
    return QUALITY_RUN_GREW;
}

static void set_run(struct quality_history *history, const struct quality_run *run)
{
    int at = place_of(history, run->group);
    if (!has_run(history, at, run->group)) {
        history->runs = mem_grow(history->runs, history->run_count + 1u, sizeof *history->runs);
        memmove(&history->runs[at + 1], &history->runs[at], (size_t)(history->run_count - at) * sizeof *run);
        history->run_count++;
    }
    history->runs[at] = *run;
}

static void end_run(struct quality_history *history, int group)
{
    int at = place_of(history, group);
    if (!has_run(history, at, group))
        return;
    history->run_count--;
    memmove(&history->runs[at], &history->runs[at + 1], (size_t)(history->run_count - at) * sizeof *history->runs);
}

void quality_run_update(struct quality_history *history, const struct quality_stillness *stillness,
                        const struct observation *row)
{
    struct quality_run run;
    for (int group = 0; group < QUALITY_RUN_GROUPS; group++) {
        switch (quality_run_after(history, stillness, group, row, &run)) {
        case QUALITY_RUN_GREW:
            set_run(history, &run);
            break;
        case QUALITY_RUN_ENDED:
            end_run(history, group);
            break;
        case QUALITY_RUN_LEFT:
            break;
        }
    }
}
