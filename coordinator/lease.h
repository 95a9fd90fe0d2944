/*
 * The leader's lease in Redis: liveness only, since correctness never depends on who leads. Taken when nobody has it
 * (SET NX PX 3000), renewed by a compare-and-expire every second; the holder stops acting 2 s (monotonic) after the
 * last renewal that succeeded was sent, so it has stopped before another can start. Who does not hold it tries four
 * times a second.
 */
#ifndef COORDINATOR_LEASE_H
#define COORDINATOR_LEASE_H

#include "loop.h"
#include "store.h"

#include <stdbool.h>
#include <stdint.h>

struct lease;

/* Who has the lease as Redis said last. */
struct lease_leader {
    char id[65], endpoint[256]; /* empty: nobody */
    int64_t term;               /* of the newest leader, 0 unknown; while one is about to begin, of that before */
};

/* Called on the loop when the lease is gained or lost, but not by lease_yield. */
typedef void lease_fn(void *arg, bool held);

/*
 * Begins to try for `<prefix>leader` with value "<nonce> <id> <endpoint>", the nonce being new. The store is borrowed
 * and must be freed first.
 */
struct lease *lease_new(struct loop *loop, struct store *store, const char *prefix, const char *id,
                        const char *endpoint, lease_fn *fn, void *arg)
    __attribute__((returns_nonnull, warn_unused_result));
/*
 * Gives the lease back (best effort; also one whose grant is on its way) and tries no more. Its request is sent before
 * anything that is sent later.
 */
void lease_yield(struct lease *lease);
/* NULL allowed. After the store, whose answers refer to it. */
void lease_free(struct lease *lease);
/*
 * True while the holder may act; false as soon as its time is over, even before `fn` has said so: after the process was
 * stopped for a while, messages may come before timers.
 */
bool lease_held(const struct lease *lease);

/*
 * Who has the lease while we do not. False when Redis has not said so within the last second: what is older may be
 * wrong, and a lease that we have just got and may not use yet is not told either.
 */
bool lease_leader(const struct lease *lease, struct lease_leader *out);

#endif
