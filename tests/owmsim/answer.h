/*
 * Bodies in OpenWeatherMap's format made from a series, and the broken ones that faults ask for.
 */
#ifndef OWMSIM_ANSWER_H
#define OWMSIM_ANSWER_H

#include "buf.h"
#include "fault.h"
#include "series.h"

#include <stdint.h>

#define HISTORY_STEP_S    600
#define HISTORY_MAX_ITEMS 1000

/* Appends the body of /data/2.5/weather for the place, with `dt` = at_s. `sparse` leaves out what may be missing. */
void answer_current(const struct series *series, double latitude, double longitude, int64_t at_s, bool sparse,
                    struct buf *out);
/*
 * Appends the body of /data/2.5/history/city: one item each 10 minutes, the last one at the largest multiple of 10 min
 * that is <= end_s, the first one > start_s; at most HISTORY_MAX_ITEMS, the newest.
 */
void answer_history(const struct series *series, double latitude, double longitude, int64_t start_s, int64_t end_s,
                    struct buf *out);

/* Appends the body of /data/2.5/air_pollution for the place, with `dt` = at_s. */
void answer_air(const struct series *series, double latitude, double longitude, int64_t at_s, struct buf *out);

struct answer {
    int status;
    const char *content_type;
    struct buf body;
};

/* Fills `answer` (body initialised by the caller) as `rule` wants; `good` is the body a healthy server would send. */
void answer_fault(const struct fault_rule *rule, const struct buf *good, struct answer *answer);

#endif
