/*
 * Which coordinators stand by, for the leader's view. Each that does not lead enters itself in the sorted set
 * `<prefix>standbys` every second, by Redis' time; who has not done so for STANDBY_SILENT_MS is not one any more. A
 * word for people: nothing that the protocol decides depends on it.
 */
#ifndef COORDINATOR_STANDBY_H
#define COORDINATOR_STANDBY_H

#include "coordinator.h"

#include <jansson.h>

/* With each tick of the process, leading or not: enters or removes this coordinator, and learns who else is there. */
void standby_tick(struct coordinator *coordinator);
/* [{"id", "endpoint"}], by id, as Redis said last; what has another form is left out. The caller owns it. */
json_t *standby_json(const struct coordinator *coordinator) __attribute__((warn_unused_result));

#endif
