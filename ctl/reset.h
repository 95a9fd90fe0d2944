/*
 * The ledger of one partition set to another offset by an operator (proto/reset.lua): what it is now, what it would
 * become, and the change itself, which happens only when nobody has changed the ledger since it was read.
 */
#ifndef CTL_RESET_H
#define CTL_RESET_H

#include "buf.h"
#include "context.h"

#include <stdint.h>

#define RESET_CID_BYTES 33

struct reset_ledger {
    int64_t first_offset, offset, applied, gaps, record_offset, clock_ms;
};

struct reset {
    int32_t partition;
    char cid[RESET_CID_BYTES]; /* of the ledger as it was read */
    struct reset_ledger before, after;
};

/* Reads the ledger and works out what it becomes at offset `to`. Returns the exit code; what is wrong is said. */
int reset_read(struct context *context, int32_t partition, struct reset *out) __attribute__((warn_unused_result));
/* Fills `after` for the offset `to`. */
void reset_plan(struct reset *reset, int64_t to);
/* Prints before and after, and what that means for records. */
void reset_print(const struct reset *reset);
/* Changes the ledger. Returns the exit code; what is wrong is said, and then nothing was changed. */
int reset_write(struct context *context, const struct reset *reset) __attribute__((warn_unused_result));

#endif
