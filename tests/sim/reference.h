/*
 * The same log applied to states that nothing is ever stored of, evicted from, or handed over: what partitions must
 * tell of alerts, whatever happens to their workers. It is the workers' own code, so it shows that a replay gives the
 * same events, not that they are the right ones.
 */
#ifndef SIM_REFERENCE_H
#define SIM_REFERENCE_H

#include "../../worker/state.h"
#include "feed.h"

/* States of all partitions before their first record. */
void reference_begin(void);
/* Frees them. */
void reference_end(void);
/* Applies the partition's next record; returns how many events there are then. */
int64_t reference_apply(int32_t partition, const struct feed_record *record);
/* All events of the partition so far, encoded. */
const struct alert_queue *reference_alerts(int32_t partition);

#endif
