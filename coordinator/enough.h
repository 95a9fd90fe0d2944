/*
 * Whether an account's limits are enough for the cities of the catalogue, at the rhythm that its provider or the
 * operator wants. Said before anything is polled: a key that is blocked, or cities that are polled ever later, is how
 * people learn it otherwise. Pure.
 */
#ifndef COORDINATOR_ENOUGH_H
#define COORDINATOR_ENOUGH_H

#include "account.h"
#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * True when they are, or when no provider has the account's name. Otherwise appends the numbers and the nearest that
 * fits, in one line: what is needed, what is allowed, how many cities or which rhythm fit. `every_ms` 0: the
 * provider's own.
 */
bool enough_for(const struct account *account, int64_t cities, int64_t every_ms, struct buf *text);

#endif
