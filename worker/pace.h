/*
 * How fast a worker acquires partitions: so many a second over all its sessions, so that a take-over of a thousand does
 * not come upon Redis at once, each with a script that locks it and a load of all cities. Pure; times are monotonic ms.
 * A place in the queue is a time, given once and kept: nobody is passed over, and nothing is let off when all are
 * woken.
 */
#ifndef WORKER_PACE_H
#define WORKER_PACE_H

#include <stdint.h>

struct pace {
    int64_t per_second; /* 0: no limit */
    int64_t next_us;    /* when the next one may go */
};

/*
 * The time at which the caller may go, not before `now_ms`; the one that asks after it comes 1/per_second later. After
 * a pause, a tenth of a second's worth may go at once.
 */
int64_t pace_reserve(struct pace *pace, int64_t now_ms);

#endif
