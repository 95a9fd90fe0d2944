/*
 * The leader's lease in Redis: liveness only, since correctness never depends on who leads. SET leader <nonce> … NX PX 3000,
 * renewed by a compare-and-expire every second; the holder stops acting 2 s (monotonic) after the last renewal that succeeded
 * was sent, so it has stopped before another can start.
 */
#ifndef COORDINATOR_LEASE_H
#define COORDINATOR_LEASE_H

#include "loop.h"
#include "store.h"

#include <stdbool.h>
#include <stdint.h>

struct lease;

/* Called when the lease is gained or lost. */
typedef void lease_fn(void *arg, bool held);

/* Begins to try for `<prefix>leader` with value "<nonce> <id> <endpoint>". The store is borrowed. */
struct lease *lease_new(struct loop *loop, struct store *store, const char *prefix, const char *id, const char *endpoint, lease_fn *fn, void *arg)
    __attribute__((returns_nonnull, warn_unused_result));
/* Gives the lease back when it is held (best effort). */
void lease_yield(struct lease *lease);
/* NULL allowed. After the store, whose answers refer to it. */
void lease_free(struct lease *lease);
bool lease_held(const struct lease *lease);

#endif
