/*
 * Civil days: the dates of a zone as spans of time (docs/semantics.md, "Windows"). A date begins at the first instant
 * whose local date is it or a later one, so days tile time: they have 23, 24 or 25 hours mostly, and a date that the
 * zone leaves out (Apia, 2011-12-30) is empty. Dates are day numbers (date.h). Pure, given the zone; NULL is UTC.
 */
#ifndef ISOBAR_CIVIL_H
#define ISOBAR_CIVIL_H

#include "date.h"
#include "zone.h"

#include <stdint.h>

/* How far the days of all zones may lie from UTC's: what ends in UTC has ended everywhere this much later. */
#define CIVIL_SLACK_MS DATE_DAY_MS

/* The instant at which the date begins, in Unix ms: a multiple of ZONE_QUARTER_MS. */
int64_t civil_start_ms(const struct zone *zone, int32_t date);
/* The date whose day holds the instant: the last one that began at or before it. */
int32_t civil_date(const struct zone *zone, int64_t at_ms);

#endif
