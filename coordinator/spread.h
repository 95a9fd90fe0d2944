/*
 * What zones mean for the assignment: pure. A worker keeps nothing that another could not read from Redis, so a lost
 * zone loses no data; what it costs is the pause of the slots that it held, and the capacity. So the share of one zone
 * is bounded: zones get equal parts of all slots, as far as capacity allows, that is as long as no member is given more
 * than SPREAD_STRETCH times what its capacity alone would give it. A zone too small for an equal part gets that much,
 * and the others divide the rest equally. Within a zone parts are proportional to capacity.
 *
 * When fewer than two zones are named, parts are the capacities. Members without a zone, beside ones with, are a zone
 * of their own.
 */
#ifndef COORDINATOR_SPREAD_H
#define COORDINATOR_SPREAD_H

#include "assign.h"

#define SPREAD_STRETCH 1.5

/* Fills `part` and `zone_index` (below `count`) of the members; returns the number of zones. */
size_t spread_parts(struct assign_member *members, size_t count);

#endif
