/*
 * Who holds which slot (a partition or a city shard): pure, deterministic, without I/O or clock.
 *
 * A slot is free, given to a member, or being released by one. It moves only through free: from given to releasing when
 * it is meant for another, and to free when the owner says RELEASED, no longer reports it, falls silent, says BYE or
 * comes back as another incarnation. So two members are never told to hold the same slot. (If a silent one still works
 * on a partition, the ledger in Redis refuses its commits.) Every giving has a new number, above all heard before.
 *
 * Balance: every slot has a weight (load.h) and every member a part, its capacity, adjusted for zones (spread.h). A
 * move of weight w from a to b is an improvement when it lowers the sum of W²/part over the members (W is the weight a
 * member holds), that is when (2W_a − w)/part_a > (2W_b + w)/part_b. With equal weights that is the rule of
 * Sainte-Laguë, whose only resting place is the fair apportionment, and it does not move anything when slots or members
 * come or go that need not move. Each move lowers the sum, so planning ends and cannot go round in circles.
 *
 * Free slots are given at once, the heaviest first, each to the member that has least for its part. All that a member
 * holds which drains is released at once. These are no moves.
 *
 * A member that has come (`filling`) gets its part without delay, from whoever has most for its part, by moves that
 * improve by at least 1/8 of a mean slot, until there is none.
 *
 * For the sake of the load, when `level` is due and nothing else is under way, a member that has ASSIGN_MARGIN more
 * than the average for its part gives to the one that has least, if that stays below what the giver had by
 * ASSIGN_MARGIN of the average. So the way back needs loads that have changed by twice that; noise below it moves
 * nothing to and fro. At most a move per eight members at once.
 *
 * At rest, with A the average load W/part, b the member that has least, and w the lightest slot of any member a:
 * W_a/part_a < 1.1 A, or W_a/part_a < W_b/part_b + w/part_b + 0.1 A. With equal weights and capacities counts differ by
 * one at most.
 *
 * One move at a time: a slot that a member is to give, or has been given and does not run yet, is a move under way, and
 * a member has only one, as giver or taker. Where members hold many slots a move is a batch: a sixteenth of the
 * member's share, rounded up, or of what it holds. So a member comes to its share in about 16 steps whatever the number
 * of slots, and a sixteenth of its work pauses at a time. A step is a hand-over
 * (<= 300 ms, a few when idle) and the report that the new owner runs it (after 20 ms; when that is lost, the next
 * heartbeat): with 24 partitions, 1 -> 2 workers takes 12 steps and 2 -> 4 six (two pairs at once), 1 s when idle and
 * below 10 s at worst.
 * A move that is not done after ASSIGN_STUCK_MS no longer holds up the others.
 */
#ifndef COORDINATOR_ASSIGN_H
#define COORDINATOR_ASSIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASSIGN_NOBODY   UINT32_MAX
#define ASSIGN_MARGIN   0.10
#define ASSIGN_STEPS    16
#define ASSIGN_STUCK_MS 5000

enum slot_state { SLOT_FREE, SLOT_GIVEN, SLOT_RELEASING };

/* Why a slot got its owner, or is leaving it. */
enum assign_cause { CAUSE_FIRST, CAUSE_LOST, CAUSE_DRAIN, CAUSE_JOIN, CAUSE_ZONE, CAUSE_LOAD, CAUSE_COUNT };

struct slot {
    enum slot_state state;
    uint32_t owner;  /* key of a member; ASSIGN_NOBODY when free */
    int64_t number;  /* of the last giving */
    uint32_t before; /* last owner, for the log of moves */
    uint32_t to;     /* free or releasing: whom it is meant for; ASSIGN_NOBODY when not decided */
    bool moving;     /* a move (see above) from its release until the new owner runs it */
    enum assign_cause cause;
    int64_t since_ms; /* when it was given, or told to be released */
};

struct assign_member {
    uint32_t key;     /* unique and stable for an incarnation of a member */
    int32_t capacity; /* >= 1 */
    const char *id;   /* orders members: the result does not depend on the order they came in */
    const char *zone; /* failure domain; NULL or empty: none */
    bool filling;     /* in: it has come and has not had its part yet; out: it still has not */
    double part;      /* out: capacity, adjusted for its zone */
    size_t zone_index;
    double weight;   /* out: of what it holds, or is meant for it */
    size_t held;     /* out: the number of those */
    double lightest; /* scratch: of those */
    size_t busy;     /* scratch: moves under way */
};

/* A release (to is ASSIGN_NOBODY), or a giving (from is). Members are as before the change; NULL when not known. */
struct assign_change {
    size_t slot;
    uint32_t from, to;
    enum assign_cause cause;
    const struct assign_member *giver, *taker;
};

/* Called for every change, after the slot was changed. */
typedef void assign_change_fn(void *arg, const struct assign_change *change);

struct assign {
    struct slot *slots;
    size_t slot_count;
    const int64_t *weights;        /* of the slots, > 0 */
    struct assign_member *members; /* those that may hold something, in any order; sorted by id by the plan */
    size_t count;
    int64_t now_ms;  /* monotonic */
    bool level;      /* moves for the sake of the load are due */
    int64_t *number; /* the largest ever heard or given */
    assign_change_fn *fn;
    void *arg;
};

/* Makes all slots free. */
void assign_init(struct slot *slots, size_t count);
/* One step towards the balance, see above. Numbers are taken from ++*number. Returns the number of changes. */
size_t assign_plan(struct assign *assign);
/* The part of all slots that the member should hold by count, rounded; after a plan. */
size_t assign_share(const struct assign *assign, const struct assign_member *member);
/* Frees every slot of `owner`; returns how many. */
size_t assign_free_owner(struct slot *slots, size_t slot_count, uint32_t owner);
/* Frees one slot when `owner` was releasing it under a number not above `number`. True when it was. */
bool assign_released(struct slot *slot, uint32_t owner, int64_t number);
/* `owner` runs the slot under `number`: a move is over. True when it was one. */
bool assign_arrived(struct slot *slot, uint32_t owner, int64_t number);
/*
 * A new leader learns that `owner` holds the slot under `number`, or is letting it go (`releasing`); of two claims the
 * larger number wins.
 */
void assign_adopt(struct slot *slot, uint32_t owner, int64_t number, bool releasing);

#endif
