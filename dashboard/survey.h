/*
 * How old what is shown is now: quantiles over all cities of the ages of their latest readings, by provider and stage.
 * Pure. One pass over the cities per scrape, into logarithmic buckets: a quantile is told by the upper end of its
 * bucket, at most 4.5 % above the exact one.
 */
#ifndef DASHBOARD_SURVEY_H
#define DASHBOARD_SURVEY_H

#include "atlas.h"
#include "buf.h"

#include <stdint.h>

enum survey_stage { SURVEY_OBSERVED, SURVEY_FETCHED, SURVEY_PRODUCED, SURVEY_COMMITTED, SURVEY_STAGES };

/* How old the latest reading of the city is, not below 0, ms; -1: that is not known. */
int64_t survey_age_ms(const struct city *city, enum survey_stage stage, int64_t now_ms);
/* Appends "ages":{"observed_ms":…,"fetched_ms":…,"produced_ms":…,"committed_ms":…}, without what is not known. */
void survey_encode(const struct city *city, int64_t now_ms, struct buf *out);
/* Writes the family age_seconds{provider,stage,quantile}: 0.5, 0.9, 0.99, and 1, the oldest of all. */
void survey_families(const struct atlas *atlas, int64_t now_ms, struct buf *out);

#endif
