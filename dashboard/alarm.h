/*
 * Alerts that are not idle, as the states of the cities have them: what is pending, raised or stale now. Pure.
 * `version` rises when one comes, goes or becomes another; a new value alone changes nothing.
 */
#ifndef DASHBOARD_ALARM_H
#define DASHBOARD_ALARM_H

#include "buf.h"
#include "citystate.h"
#include "custom.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#define ALARM_FILTER_ANY (-1)

/* The alerts of a city, or of one of its series. */
struct alarm {
    char field[CITY_FIELD_BYTES]; /* of the city's records */
    int64_t city_id;
    int32_t series, partition;
    struct alert_states states; /* without idle ones; never empty */
    uint64_t scan;              /* that saw it last */
    UT_hash_handle hh;
};

struct alarms {
    struct alarm *table;
    uint64_t version;
};

/* What to show: 0 and ALARM_FILTER_ANY: all. */
struct alarm_filter {
    int64_t city_id;
    int32_t phase; /* isobar.v1.AlertPhase */
    size_t limit;
};

/* Takes the alerts of a city's state that scan `scan` saw in `partition`. */
void alarms_take(struct alarms *alarms, int32_t partition, uint64_t scan, const struct citystate *state);
/* Forgets those of `partition` that scan `scan` (and later reads) did not see. */
void alarms_scan_end(struct alarms *alarms, int32_t partition, uint64_t scan);
/* Frees all. */
void alarms_release(struct alarms *alarms);
/*
 * Appends "alerts":[…],"alerts_total":n: those that fit the filter, raised and stale ones before pending ones, the
 * newest onset first; at most `limit` of `alerts_total`. Metrics of the operator's own have the labels of `custom`.
 */
void alarms_encode(const struct alarms *alarms, const struct alarm_filter *filter, const struct custom_set *custom,
                   struct buf *out);

#endif
