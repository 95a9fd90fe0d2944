/*
 * Windows recounted from the panes that they were folded from, while these are kept: verify --full. Every window record
 * must be, to the bit, the merge of its city's panes, and the rows of all of them must agree.
 */
#ifndef CTL_RECOUNT_H
#define CTL_RECOUNT_H

#include "audit.h"
#include "context.h"
#include "installation.h"
#include "keyspace.h"

#include <stdbool.h>
#include <stdint.h>

struct recount {
    struct context *context;
    const struct installation *installation;
    int64_t windows; /* records compared, out */
    /* the cursor that was asked for last */
    bool asked;
    int32_t partition, size;
    int64_t cursor_ms;
};

/*
 * Compares all records of the window `key` with their panes; findings go to `audit`, whose ledger was taken. A window
 * some of whose panes are retired is left out. Each city's records are read by one script, so workers may go on.
 * Returns the exit code.
 */
int recount_window(struct recount *recount, const struct keyspace_key *key, struct audit *audit)
    __attribute__((warn_unused_result));

#endif
