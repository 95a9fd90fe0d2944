/* Why the planner moves a slot, in a sentence for the operator: pure text. */
#ifndef COORDINATOR_REASON_H
#define COORDINATOR_REASON_H

#include "assign.h"

/* Short names of causes, for metrics and the audit: first, lost, drain, join, zone, load. */
extern const char *const reason_causes[CAUSE_COUNT];

/*
 * Writes the reason of a release with a taker (a move), cut to `size` bytes between characters. `prefix` is what the
 * kind of slot is called by ("p": p7, "shard "), `filling` what happened to the taker ("joined"; NULL: nothing).
 */
void reason_of(const struct assign *assign, const struct assign_change *change, const char *const prefix_filling[2],
               char *out, size_t size);

#endif
