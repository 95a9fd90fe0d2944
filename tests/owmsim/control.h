/*
 * What tests steer the simulator by, and learn from it.
 */
#ifndef OWMSIM_CONTROL_H
#define OWMSIM_CONTROL_H

#include "sim.h"

/* Adds the rule that the query says, or clears all. */
void control_fault(struct sim *sim, struct httpd_request *request);
/* What was counted, as JSON. */
void control_stats(const struct sim *sim, struct httpd_request *request);

#endif
