/*
 * How long the newest commits took, from sending one to Redis' answer. Pure; a ring, so that a quantile is of the last
 * COMMIT_TIMES_KEPT commits, however long ago they were.
 */
#ifndef WORKER_COMMIT_TIMES_H
#define WORKER_COMMIT_TIMES_H

#include <stddef.h>
#include <stdint.h>

#define COMMIT_TIMES_KEPT 256

/* Zero-initialise. */
struct commit_times {
    int32_t ms[COMMIT_TIMES_KEPT];
    size_t count; /* ever */
};

/* A commit took so long. */
void commit_times_note(struct commit_times *times, int64_t ms);
/* The least of those kept that `permille` of them do not exceed, ms; -1: there was none. `permille` is 1 to 1000. */
int32_t commit_times_quantile(const struct commit_times *times, int permille);

#endif
