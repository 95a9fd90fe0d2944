/*
 * Who holds which slot (a partition or a city shard): pure, deterministic, without I/O or clock.
 *
 * A slot is free, given to a member, or being released by one. It moves only through free: from given to releasing when
 * its owner has more than its share, and to free when the owner says RELEASED, no longer reports it, falls silent, says
 * BYE or comes back as another incarnation. So two members are never told to hold the same slot. (If a silent one still
 * works on a partition, the ledger in Redis refuses its commits.) Every giving has a new number, above all heard
 * before.
 *
 * Shares are proportional to capacity, rounded by largest remainder; of equal remainders the member that holds more
 * keeps it, so that as little as possible moves.
 */
#ifndef COORDINATOR_ASSIGN_H
#define COORDINATOR_ASSIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASSIGN_NOBODY UINT32_MAX

enum slot_state { SLOT_FREE, SLOT_GIVEN, SLOT_RELEASING };

struct slot {
    enum slot_state state;
    uint32_t owner;  /* key of a member; ASSIGN_NOBODY when free */
    int64_t number;  /* of the last giving */
    uint32_t before; /* last owner, for the log of moves */
};

struct assign_member {
    uint32_t key;     /* unique and stable for an incarnation of a member */
    int32_t capacity; /* >= 1 */
    const char *id;   /* orders members: the result does not depend on the order they came in */
    size_t share;     /* out: slots it should hold */
    size_t held;      /* scratch */
};

/* Called for every change: from (ASSIGN_NOBODY: was free) and to (ASSIGN_NOBODY: released). */
typedef void assign_change_fn(void *arg, size_t slot, uint32_t from, uint32_t to);

/* Fills `share` of each member; the shares add up to `slots` (0 members: nothing). `held` must be set. */
void assign_shares(struct assign_member *members, size_t count, size_t slots);
/*
 * One step towards the balance: releases what members hold above their share, and what others hold, and gives free
 * slots to the members that lack most. `members` are those that may hold something, in any order (it is sorted by id).
 * Numbers are taken from ++*number. Returns the number of changes.
 */
size_t assign_plan(struct slot *slots, size_t slot_count, struct assign_member *members, size_t count, int64_t *number,
                   assign_change_fn *fn, void *arg);
/* Frees every slot of `owner`; returns how many. */
size_t assign_free_owner(struct slot *slots, size_t slot_count, uint32_t owner);
/* Frees one slot when `owner` was releasing it under a number not above `number`. True when it was. */
bool assign_released(struct slot *slot, uint32_t owner, int64_t number);
/*
 * A new leader learns that `owner` holds the slot under `number`, or is letting it go (`releasing`); of two claims the
 * larger number wins.
 */
void assign_adopt(struct slot *slot, uint32_t owner, int64_t number, bool releasing);

#endif
