/*
 * What members say of the sources of weather: alarms of fetchers, ages of workers. It is passed on in the leader's view
 * and decides nothing. Bounded, and text is made UTF-8 without control characters, since members may send anything.
 */
#ifndef COORDINATOR_SOURCE_REPORT_H
#define COORDINATOR_SOURCE_REPORT_H

#include "control.pb-c.h"

#include <stddef.h>
#include <stdint.h>

#define SOURCE_ALARMS_MAX 16 /* of one member */
#define SOURCE_AGES_MAX   16
#define SOURCE_STAGES     4 /* observed, fetched, produced, committed */

struct source_alarm_report {
    char name[33], source[49], text[256];
    int64_t since_ms; /* monotonic */
};

struct source_age_report {
    int32_t provider;
    int64_t at_ms[SOURCE_STAGES]; /* monotonic; -1: not known */
};

/* Of one member. Zero-initialise. */
struct source_report {
    struct source_alarm_report *alarms; /* owned */
    struct source_age_report *ages;     /* owned */
    size_t alarm_count, age_count;
};

/* Takes over what a heartbeat says, instead of what the last one said. */
void source_take(struct source_report *report, const Isobar__V1__Heartbeat *heartbeat, int64_t now_ms);
/* Frees it; it is empty then. */
void source_release(struct source_report *report);
/* The moment of `stage` of the newest reading of the provider, monotonic; -1: the report does not say. */
int64_t source_at_ms(const struct source_report *report, int32_t provider, int stage);

#endif
