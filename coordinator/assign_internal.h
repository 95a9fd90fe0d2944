/* A plan under way, shared by assign.c, which counts, houses and gives, and assign_move.c, which moves. */
#ifndef COORDINATOR_ASSIGN_INTERNAL_H
#define COORDINATOR_ASSIGN_INTERNAL_H

#include "assign.h"

#define NONE SIZE_MAX /* no member, no slot */

struct key {
    uint32_t key;
    size_t index;
};

struct plan {
    struct assign *in;
    struct key *keys;    /* of members, sorted */
    size_t *home;        /* of each slot: the member that holds it or is meant to; NONE */
    double *zone_weight; /* by zone_index */
    double *zone_part;
    bool *waits;  /* member: nothing more to be done for it in this plan */
    double mean;  /* weight of a slot */
    double parts; /* of all members */
    size_t changes, under_way;
};

/* `slot` is to leave its owner: for the member `taker`, as a move, or for nobody yet (NONE). It counts for the taker.
 */
void plan_release(struct plan *plan, size_t slot, size_t taker, enum assign_cause cause);
/* Members that have come get their parts. */
void plan_fill(struct plan *plan);
/* Moves for the sake of the load; at most one per eight members. */
void plan_level(struct plan *plan);

#endif
