/*
 * Work that waits for others, done beside the loop: what isobarctl does step by step, with blocking connections, is
 * done by the same functions in a thread of the clerk's own, one piece after the other, and its end is told on the
 * loop. Rejected: the same once more as callbacks. Two ways to do one thing come apart, and an operator's command is
 * rare. A bounded number waits; a piece that has waited too long is not begun.
 */
#ifndef DASHBOARD_CLERK_H
#define DASHBOARD_CLERK_H

#include "loop.h"

#include <stdbool.h>
#include <stdint.h>

struct clerk;

/* One piece of work; the owner's struct begins with it. */
struct clerk_job {
    /* In the thread: touches nothing that others use meanwhile. */
    void (*run)(struct clerk_job *job);
    /* On the loop, exactly once; it then belongs to the owner again. `done` false: it was not begun. */
    void (*end)(struct clerk_job *job, bool done);
    int64_t until_ms; /* monotonic time after which it is not begun */
    struct clerk_job *next;
    bool done;
};

/* Starts the thread, which signals do not reach when they are blocked already. NULL with errno. */
struct clerk *clerk_new(struct loop *loop, int most) __attribute__((warn_unused_result));
/* Waits until the piece at hand is done, and ends the others, which were not begun. NULL allowed. */
void clerk_free(struct clerk *clerk);
/* Takes the job over. ERR_BUSY when `most` are under way; then the caller keeps it. */
int clerk_give(struct clerk *clerk, struct clerk_job *job) __attribute__((warn_unused_result));

#endif
