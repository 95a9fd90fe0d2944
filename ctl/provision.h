/*
 * Makes what an installation is in Redis: a ledger per partition, then meta. Meta is written last and says
 * that all ledgers are there, so nothing is ever made in an installation that has meta: a ledger that is
 * missing then was lost, and making it again would count records twice (PROTOCOL, step 1).
 */
#ifndef CTL_PROVISION_H
#define CTL_PROVISION_H

#include "context.h"
#include "installation.h"

#include <stdint.h>

/*
 * Takes the lock under which an installation is made or its catalogue changed, waiting for at most the
 * context's time-out. It lapses by itself after half a minute. Returns the exit code; 1 when another
 * isobarctl has it.
 */
int provision_lock(struct context *context, char nonce[33]) __attribute__((warn_unused_result));
/* Gives it back, when it is still ours. */
void provision_unlock(struct context *context, const char nonce[33]);

/*
 * Makes the ledgers, whose first offsets are `low` (one per partition), then the rules and meta. Ledgers of an earlier
 * try that ended half way are taken as they are, when they are untouched. Returns the exit code.
 */
int provision_make(struct context *context, const struct installation *wanted, const int64_t *low)
    __attribute__((warn_unused_result));
/*
 * Has an installation that keeps no rules keep those of `there`, as version 1 or whichever its ledgers name. Returns
 * the exit code.
 */
int provision_adopt(struct context *context, const struct installation *there) __attribute__((warn_unused_result));
/* Checks that every partition has its ledger. Returns the exit code; 1 names those that lack it. */
int provision_check(struct context *context, const struct installation *there) __attribute__((warn_unused_result));

#endif
