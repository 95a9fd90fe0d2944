/*
 * Which partitions this worker runs, and what of that the log has: one line for all that came and went together, where
 * a line for each would be dozens at every start. Pure but for the line.
 */
#ifndef WORKER_CHANGES_H
#define WORKER_CHANGES_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

struct changes {
    bool *now, *said; /* by partition */
    int32_t count;
};

/* `count` partitions, of which none runs. Freed by changes_release. */
void changes_init(struct changes *changes, int32_t count);
/* Zeroed, or after changes_init. */
void changes_release(struct changes *changes);
/* How it is with a partition now. True when the log says otherwise. */
bool changes_put(struct changes *changes, int32_t partition, bool running);
/* Logs what changed since the last time, if anything: `partitions gained=0-3,7 lost=9 running=5`. */
void changes_say(struct changes *changes);
/* Appends the partitions that run now and did not (`gained`), or the other way round, as ranges; "none". */
void changes_ranges(const struct changes *changes, bool gained, struct buf *out);

#endif
