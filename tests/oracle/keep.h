/*
 * What a Redis would hold of one partition: hashes by name, changed by the arguments of commits and asked by those of
 * loads (worker/commit.h), as commit.lua and load.lua would do it. Nothing is checked: commit ids, sizes and shapes are
 * the business of the scripts' own tests.
 */
#ifndef ORACLE_KEEP_H
#define ORACLE_KEEP_H

#include "arena.h"
#include "buf.h"
#include "store.h"

#include <uthash.h>

struct keep_field {
    char *name;
    struct buf value;
    UT_hash_handle hh;
};

struct keep_hash {
    char *name; /* of the key, behind "<prefix>{p}:" */
    struct keep_field *fields;
    UT_hash_handle hh;
};

struct keep {
    struct keep_hash *hashes;
};

/* Arguments of a script: `keys` names, then values, each with a '\0' behind it. */
struct keep_call {
    size_t keys;
    const char *const *argv;
    const size_t *sizes;
};

/* Frees everything; `keep` is empty again. */
void keep_release(struct keep *keep);
/* Does what commit.lua does with these arguments. */
void keep_commit(struct keep *keep, const struct keep_call *call);
/* What load.lua answers for "fields" operations: {'ok', values per key ...}, made in `arena`. */
const struct store_reply *keep_load(const struct keep *keep, const struct keep_call *call, struct arena *arena)
    __attribute__((returns_nonnull));
/* The hash with that name, or NULL. */
const struct keep_hash *keep_find(const struct keep *keep, const char *name);
/* The field as a number; 0 when it is absent, or `hash` NULL. */
int64_t keep_integer(const struct keep_hash *hash, const char *name);
/* Its fields and values in turn, as HGETALL has them, made in `arena`. */
const struct store_reply *keep_pairs(const struct keep_hash *hash, struct arena *arena)
    __attribute__((returns_nonnull));

#endif
