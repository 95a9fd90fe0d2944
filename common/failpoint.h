/*
 * Faults on demand, for test builds only (make FAULTS=1, -DISOBAR_FAULTS). In every other build the macros are
 * constants and nothing of this is in the programs.
 *
 * ISOBAR_FAIL="point[:nth][=action][@file],…" acts at the nth pass of a point (default 1), once. Passes count only
 * while `file` exists, so that a test can say when; without it they count from the start. Actions:
 *   kill   the process ends at once, as by SIGKILL (default)
 *   stop   it stops, as by SIGSTOP, and goes on from there when it is continued
 *   hang   its thread never comes back
 *   error  what the point stands for fails, once
 *   errors the same at every pass from the nth on
 * ISOBAR_MUTANT="name,…" switches wrong variants of the protocol on: each must be caught by the tests.
 */
#ifndef ISOBAR_FAILPOINT_H
#define ISOBAR_FAILPOINT_H

#include <stdbool.h>

#ifdef ISOBAR_FAULTS

/* Passes the point; may not return. True when what the point stands for shall fail. Aborts on a malformed ISOBAR_FAIL.
 */
bool failpoint_pass(const char *point);
/* True when the mutant is switched on. */
bool failpoint_mutant(const char *name);

#define FAILPOINT(point) failpoint_pass(point)
#define MUTANT(name)     failpoint_mutant(name)

#else

#define FAILPOINT(point) false
#define MUTANT(name)     false

#endif
#endif
