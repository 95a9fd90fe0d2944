/*
 * Turns a partition's changes into the arguments of commit.lua and its gaps into those of load.lua, and takes the
 * answers of load.lua apart. Encoding is done once, here; nothing in this file talks to Redis.
 */
#ifndef WORKER_COMMIT_H
#define WORKER_COMMIT_H

#include "args.h"
#include "state.h"

struct commit_ids {
    const char *prefix;   /* of all keys */
    const char *expected; /* commit id */
    const char *next;
};

/*
 * Fills `args` with keys and values of a commit of everything that changed, and marks that as sent: state_committed or
 * state_uncommitted ends it. Nothing may be missing, unresolved or sent already. Returns the number of keys.
 */
size_t commit_build(struct state *state, const struct commit_ids *ids, struct args *args)
    __attribute__((warn_unused_result));

/* Sorts the missing records and fills `args` with a load of them. Returns the number of keys. */
size_t load_build(struct state *state, const struct commit_ids *ids, struct args *args)
    __attribute__((warn_unused_result));
/*
 * Hands the answer {'ok', reply per key …} to the records that load_build asked for, in the same order, and empties the
 * list. ERR_INVALID when something does not fit or cannot be decoded, with text in `error`.
 */
int load_take(struct state *state, const struct store_reply *reply, struct buf *error)
    __attribute__((warn_unused_result));

/* Fills `args` with one page of {p}:city from `cursor`. Returns the number of keys. */
size_t scan_build(const struct state *state, const struct commit_ids *ids, const char *cursor, struct args *args)
    __attribute__((warn_unused_result));
/* Appends the key of the partition's ledger. */
void ledger_key(const char *prefix, int32_t partition, struct buf *out);

#endif
