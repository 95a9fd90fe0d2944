/*
 * Who does something, and the audit stream's entry about it, for what a command does by itself. What the leader does
 * for an operator is entered by the leader.
 */
#ifndef CTL_TRACE_H
#define CTL_TRACE_H

#include "context.h"

#define TRACE_WHO_BYTES 136

/* "user@host" of this process into `out`; returns it. */
const char *trace_who(char out[TRACE_WHO_BYTES]);
/* Adds an entry to the stream `audit`. Returns the exit code; what is wrong is said. */
int trace_write(struct context *context, const char *what, const char *detail) __attribute__((warn_unused_result));

#endif
