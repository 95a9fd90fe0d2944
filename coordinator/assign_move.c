/*
 * Moves of a plan, see assign.h: which slot goes from whom to whom. Whether a giver has any slot worth moving is seen
 * from its lightest one, so slots are searched only for moves that are made: a plan costs about members² + moves ×
 * slots.
 */
#include "assign_internal.h"

#include <math.h>

#define STRUCTURAL 0.125 /* of a mean slot: what a move to a member that has come must gain */

/* Whether a move of `weight` is to be made. */
typedef bool may_fn(const struct plan *plan, const struct assign_member *giver, const struct assign_member *taker,
                    double weight);

static double load_of(const struct assign_member *member)
{
    return member->weight / member->part;
}

/* What a move of `weight` gains, per unit of weight. */
static double gain(const struct assign_member *giver, const struct assign_member *taker, double weight)
{
    return (2 * giver->weight - weight) / giver->part - (2 * taker->weight + weight) / taker->part;
}

static bool improves(const struct plan *plan, const struct assign_member *giver, const struct assign_member *taker,
                     double weight)
{
    return gain(giver, taker, weight) > STRUCTURAL * plan->mean * (1 / giver->part + 1 / taker->part);
}

static double average(const struct plan *plan)
{
    return plan->mean * (double)plan->in->slot_count / plan->parts;
}

/* Whether the taker stays so far below what the giver had that noise does not bring the slot back. */
static bool worth(const struct plan *plan, const struct assign_member *giver, const struct assign_member *taker,
                  double weight)
{
    return load_of(giver) - (taker->weight + weight) / taker->part >= ASSIGN_MARGIN * average(plan);
}

static bool is_busy(const struct plan *plan, const struct assign_member *member)
{
    size_t share = (size_t)ceil((double)plan->in->slot_count * member->part / plan->parts);
    size_t by_share = (share + ASSIGN_STEPS - 1) / ASSIGN_STEPS, by_held = member->held / ASSIGN_STEPS;
    return member->busy >= (by_share > by_held ? by_share : by_held);
}

/* The slot that brings the two closest to each other, of those for which `may` holds; the last of equal ones; NONE. */
static size_t best_slot(const struct plan *plan, size_t giver, size_t taker, may_fn *may)
{
    const struct assign *in = plan->in;
    const struct assign_member *a = &in->members[giver], *b = &in->members[taker];
    double ideal = (load_of(a) - load_of(b)) / (1 / a->part + 1 / b->part), best_far = INFINITY;
    size_t best = NONE;
    for (size_t i = in->slot_count; i-- > 0;) {
        if (plan->home[i] != giver || in->slots[i].state != SLOT_GIVEN || in->slots[i].moving)
            continue;
        double weight = (double)in->weights[i], far = fabs(weight - ideal);
        if (far >= best_far || !may(plan, a, b, weight))
            continue;
        best = i;
        best_far = far;
    }
    return best;
}

/* A zone is the cause when by capacity alone the move would not be made. */
static enum assign_cause cause_of(const struct assign_member *giver, const struct assign_member *taker, double weight,
                                  enum assign_cause cause)
{
    bool by_capacity = (2 * giver->weight - weight) / giver->capacity > (2 * taker->weight + weight) / taker->capacity;
    return giver->zone_index == taker->zone_index || by_capacity ? cause : CAUSE_ZONE;
}

/* The member with most for its part that could give something to the taker; NONE. */
static size_t find_giver(const struct plan *plan, size_t taker)
{
    const struct assign_member *members = plan->in->members;
    size_t best = NONE;
    for (size_t i = 0; i < plan->in->count; i++) {
        if (i == taker || !improves(plan, &members[i], &members[taker], members[i].lightest))
            continue;
        if (best == NONE || load_of(&members[i]) > load_of(&members[best]))
            best = i;
    }
    return best;
}

static size_t next_taker(const struct plan *plan)
{
    const struct assign_member *members = plan->in->members;
    size_t best = NONE;
    for (size_t i = 0; i < plan->in->count; i++) {
        if (members[i].filling && !plan->waits[i] && (best == NONE || load_of(&members[i]) < load_of(&members[best])))
            best = i;
    }
    return best;
}

void plan_fill(struct plan *plan)
{
    struct assign_member *members = plan->in->members;
    for (size_t taker = next_taker(plan); taker != NONE; taker = next_taker(plan)) {
        size_t giver = find_giver(plan, taker);
        if (giver == NONE) {
            members[taker].filling = false;
            continue;
        }
        bool wait = is_busy(plan, &members[taker]) || is_busy(plan, &members[giver]);
        size_t slot = wait ? NONE : best_slot(plan, giver, taker, improves);
        if (slot == NONE) {
            plan->waits[taker] = true;
            continue;
        }
        plan_release(plan, slot, taker,
                     cause_of(&members[giver], &members[taker], (double)plan->in->weights[slot], CAUSE_JOIN));
    }
}

/* The member with most, or least, for its part among those without a move. */
static size_t extreme(const struct plan *plan, bool most)
{
    const struct assign_member *members = plan->in->members;
    size_t best = NONE;
    for (size_t i = 0; i < plan->in->count; i++) {
        if (plan->waits[i] || members[i].busy)
            continue;
        if (best == NONE ||
            (most ? load_of(&members[i]) > load_of(&members[best]) : load_of(&members[i]) < load_of(&members[best])))
            best = i;
    }
    return best;
}

void plan_level(struct plan *plan)
{
    struct assign *in = plan->in;
    for (size_t left = in->count / 8 + 1; left > 0;) {
        size_t giver = extreme(plan, true), taker = extreme(plan, false);
        if (giver == NONE || giver == taker || load_of(&in->members[giver]) < (1 + ASSIGN_MARGIN) * average(plan))
            return;
        size_t slot = best_slot(plan, giver, taker, worth);
        if (slot == NONE) {
            plan->waits[giver] = true; /* it cannot be helped: one slot is its load */
            continue;
        }
        plan_release(plan, slot, taker,
                     cause_of(&in->members[giver], &in->members[taker], (double)in->weights[slot], CAUSE_LOAD));
        left--;
    }
}
