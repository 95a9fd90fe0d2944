/*
 * Entries for the streams `moves` and `audit` on their way to Redis. One that cannot be written now, or whose answer is
 * missing, is written when Redis is back, in order; so one may be there twice, but none is missing unless there were
 * more than BACKLOG_MAX: then an entry `lost` says how many.
 */
#ifndef COORDINATOR_BACKLOG_H
#define COORDINATOR_BACKLOG_H

#include "store.h"

#include <stddef.h>
#include <stdint.h>

#define BACKLOG_MAX   512
#define BACKLOG_WORDS 24 /* of a command, at most */

struct backlog_entry;

struct backlog {
    struct store *store; /* borrowed */
    struct backlog_entry *first, **last;
    size_t count;
    int64_t lost; /* not kept, since that was last told */
};

/* An empty one. `store` is freed before it: the callbacks of what is on the way meet it. */
void backlog_init(struct backlog *backlog, struct store *store);
/* Frees what is left. */
void backlog_release(struct backlog *backlog);
/*
 * Writes the command (XADD with its words, copied) now or later. `late_ms`: Unix time that an entry which is written
 * later has as its field `at_ms`; 0: it has one of its own.
 */
void backlog_add(struct backlog *backlog, size_t argc, const char *const *argv, int64_t late_ms);
/* Sends what waits, when Redis is there; with each tick. */
void backlog_flush(struct backlog *backlog);
/* How many entries were not kept since the last call, once there is room to say so and Redis is there; else 0. */
int64_t backlog_lost(struct backlog *backlog);

#endif
