/*
 * The members that an operator drains: they are given nothing. Kept in Redis as the hash `drained`, so that a drain
 * outlives the leader; each entry is about one incarnation, so that a process started anew works again. Pure: the way
 * to Redis is operator.c's.
 */
#ifndef COORDINATOR_DRAINED_H
#define COORDINATOR_DRAINED_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRAINED_MAX 4096 /* entries read from Redis; more are not of our making */

struct drained_member {
    char id[65];
    int64_t incarnation;
    int64_t at_ms; /* Unix time of the command */
    char who[129]; /* "user@host", or "ana (token)" over HTTP */
    struct drained_member *next;
};

/* All zeros: nobody is drained. */
struct drained {
    struct drained_member *first;
    size_t count;
};

/* Adds an entry or replaces that of the id. `like->next` is ignored. Without effect when there are DRAINED_MAX. */
void drained_put(struct drained *drained, const struct drained_member *like);
/* The entry of that id, of whichever incarnation; NULL when there is none. */
const struct drained_member *drained_find(const struct drained *drained, const char *id);
/* True when this incarnation of the member is drained. */
bool drained_holds(const struct drained *drained, const char *id, int64_t incarnation);
/* Removes the entry of that id; false when there was none. */
bool drained_remove(struct drained *drained, const char *id);
/* Removes all. */
void drained_clear(struct drained *drained);
/* Appends the value in Redis: "<incarnation in hex> <at_ms> <who>". */
void drained_format(const struct drained_member *member, struct buf *out);
/* Reads field and value of the hash. False when they are none of ours. */
bool drained_parse(const char *id, const char *value, struct drained_member *out) __attribute__((warn_unused_result));

#endif
