/*
 * The worker that isobarctl replay starts: a process of its own, beside isobarctl, in the foreground, so that Ctrl-C
 * reaches both. It is watched through the ledgers it writes.
 */
#ifndef CTL_REPLAY_WORKER_H
#define CTL_REPLAY_WORKER_H

#include "context.h"

#include <stdint.h>

struct replay_worker {
    const char *program; /* path of isobar-worker; "": beside isobarctl */
    const char *redis, *redis_user, *redis_password, *kafka;
    int32_t partitions;
    int64_t total; /* records of the stretch */
};

/*
 * Starts it on the context's prefix, shows how far it is when stderr is a terminal, and waits for its end. Returns the
 * exit code: the worker's own, 69 when it cannot be started.
 */
int replay_worker_run(struct context *context, const struct replay_worker *worker) __attribute__((warn_unused_result));

/* Sums over all ledgers of a namespace. */
struct replay_sums {
    int64_t applied, rows, late, duplicate, bad, retired;
};
/* Adds them up; returns the exit code. */
int replay_sums_read(struct context *context, int32_t partitions, struct replay_sums *sums)
    __attribute__((warn_unused_result));

#endif
