/*
 * See assign.h. A plan counts what each member holds or is meant to get, finds a home for every slot that has none,
 * gives the free ones, and then looks for moves. Whether a giver has any slot worth moving is seen from its lightest
 * one, so slots are searched only for moves that are made: a plan costs about members² + moves × slots.
 */
#include "assign.h"

#include "mem.h"
#include "spread.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STRUCTURAL 0.125 /* of a mean slot: what a move to a member that has come must gain */
#define NONE       SIZE_MAX

struct key {
    uint32_t key;
    size_t index;
};

struct order {
    int64_t weight;
    size_t slot;
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

/* Whether a move of `weight` is to be made. */
typedef bool may_fn(const struct plan *plan, const struct assign_member *giver, const struct assign_member *taker,
                    double weight);

static int by_id(const void *a, const void *b)
{
    const struct assign_member *x = a, *y = b;
    return strcmp(x->id, y->id);
}

static int by_key(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static int by_weight(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static size_t find(const struct plan *plan, uint32_t key)
{
    struct key wanted = {.key = key};
    if (key == ASSIGN_NOBODY || plan->in->count == 0)
        return NONE;
    const struct key *found = bsearch(&wanted, plan->keys, plan->in->count, sizeof *plan->keys, by_key);
    return found ? found->index : NONE;
}

/* ---- what members have ---- */

/* Slot `slot` counts for member `index` from now on (NONE: for nobody). */
static void carry(struct plan *plan, size_t slot, size_t index)
{
    double weight = (double)plan->in->weights[slot];
    struct assign_member *members = plan->in->members;
    size_t before = plan->home[slot];
    plan->home[slot] = index;
    if (before != NONE) {
        members[before].weight -= weight;
        members[before].held--;
        plan->zone_weight[members[before].zone_index] -= weight;
        members[before].lightest = INFINITY;
        for (size_t i = 0; i < plan->in->slot_count; i++) {
            if (plan->home[i] == before)
                members[before].lightest = fmin(members[before].lightest, (double)plan->in->weights[i]);
        }
    }
    if (index != NONE) {
        members[index].weight += weight;
        members[index].held++;
        plan->zone_weight[members[index].zone_index] += weight;
        members[index].lightest = fmin(members[index].lightest, weight);
    }
}

static void count_moves(struct plan *plan, const struct slot *slot, size_t home)
{
    struct assign_member *members = plan->in->members;
    size_t owner = slot->state == SLOT_RELEASING ? find(plan, slot->owner) : NONE;
    plan->under_way += slot->state == SLOT_RELEASING || slot->moving;
    if (!slot->moving || plan->in->now_ms - slot->since_ms > ASSIGN_STUCK_MS)
        return;
    if (owner != NONE)
        members[owner].busy++;
    if (home != NONE)
        members[home].busy++;
}

static void begin(struct plan *plan, struct assign *assign)
{
    size_t count = assign->count;
    *plan = (struct plan){.in = assign};
    plan->keys = mem_calloc(count + 1, sizeof *plan->keys);
    plan->home = mem_calloc(assign->slot_count, sizeof *plan->home);
    plan->zone_weight = mem_calloc(count + 1, sizeof *plan->zone_weight);
    plan->zone_part = mem_calloc(count + 1, sizeof *plan->zone_part);
    plan->waits = mem_calloc(count + 1, sizeof *plan->waits);
    if (count)
        qsort(assign->members, count, sizeof *assign->members, by_id);
    (void)spread_parts(assign->members, count);
    for (size_t i = 0; i < count; i++) {
        struct assign_member *member = &assign->members[i];
        plan->keys[i] = (struct key){member->key, i};
        plan->parts += member->part;
        plan->zone_part[member->zone_index] += member->part;
        member->weight = 0;
        member->held = member->busy = 0;
        member->lightest = INFINITY;
    }
    if (count)
        qsort(plan->keys, count, sizeof *plan->keys, by_key);
    for (size_t i = 0; i < assign->slot_count; i++) {
        const struct slot *slot = &assign->slots[i];
        plan->mean += (double)assign->weights[i] / (double)assign->slot_count;
        plan->home[i] = NONE;
        carry(plan, i, find(plan, slot->state == SLOT_GIVEN ? slot->owner : slot->to));
        count_moves(plan, slot, plan->home[i]);
    }
}

static void end(struct plan *plan)
{
    free(plan->keys);
    free(plan->home);
    free(plan->zone_weight);
    free(plan->zone_part);
    free(plan->waits);
}

/* ---- changes ---- */

static void change(struct plan *plan, size_t slot, uint32_t from, size_t giver, size_t taker)
{
    struct assign *in = plan->in;
    struct assign_change what = {.slot = slot,
                                 .from = from,
                                 .to = from == ASSIGN_NOBODY ? in->members[taker].key : ASSIGN_NOBODY,
                                 .cause = in->slots[slot].cause,
                                 .giver = giver == NONE ? NULL : &in->members[giver],
                                 .taker = taker == NONE ? NULL : &in->members[taker]};
    plan->changes++;
    in->fn(in->arg, &what);
}

static void release(struct plan *plan, size_t slot, size_t taker, enum assign_cause cause)
{
    struct assign *in = plan->in;
    size_t giver = plan->home[slot];
    struct slot *changed = &in->slots[slot];
    changed->state = SLOT_RELEASING;
    changed->moving = taker != NONE;
    changed->to = taker == NONE ? ASSIGN_NOBODY : in->members[taker].key;
    changed->cause = cause;
    changed->since_ms = in->now_ms;
    change(plan, slot, changed->owner, giver, taker);
    carry(plan, slot, taker);
    plan->under_way++;
    if (taker == NONE)
        return;
    in->members[giver].busy++;
    in->members[taker].busy++;
}

static void give(struct plan *plan, size_t slot, size_t taker)
{
    struct assign *in = plan->in;
    struct slot *changed = &in->slots[slot];
    changed->state = SLOT_GIVEN;
    changed->number = ++*in->number;
    changed->owner = in->members[taker].key;
    changed->to = ASSIGN_NOBODY;
    changed->since_ms = in->now_ms;
    change(plan, slot, ASSIGN_NOBODY, NONE, taker);
}

/* ---- slots without a home ---- */

/* The member that has least for its part with the slot added; of equal ones the one whose zone has least. */
static size_t lowest(const struct plan *plan, double weight)
{
    const struct assign_member *members = plan->in->members;
    size_t best = NONE;
    double best_load = 0, best_zone = 0;
    for (size_t i = 0; i < plan->in->count; i++) {
        size_t zone = members[i].zone_index;
        double load = (2 * members[i].weight + weight) / members[i].part;
        double zone_load = plan->zone_weight[zone] / plan->zone_part[zone];
        if (best != NONE && (load > best_load || (load == best_load && zone_load >= best_zone)))
            continue;
        best = i;
        best_load = load;
        best_zone = zone_load;
    }
    return best;
}

static void house(struct plan *plan)
{
    struct assign *in = plan->in;
    struct order *order = mem_calloc(in->slot_count, sizeof *order);
    size_t count = 0;
    for (size_t i = 0; i < in->slot_count; i++) {
        if (in->slots[i].state == SLOT_GIVEN && plan->home[i] == NONE)
            release(plan, i, NONE, CAUSE_DRAIN);
        if (plan->home[i] != NONE)
            continue;
        if (in->slots[i].to != ASSIGN_NOBODY)
            in->slots[i].cause = CAUSE_LOST; /* whom it was meant for has gone */
        in->slots[i].moving = false;
        order[count++] = (struct order){in->weights[i], i};
    }
    qsort(order, count, sizeof *order, by_weight);
    for (size_t i = 0; i < count && in->count; i++) {
        size_t home = lowest(plan, (double)order[i].weight);
        in->slots[order[i].slot].to = in->members[home].key;
        carry(plan, order[i].slot, home);
    }
    free(order);
    for (size_t i = 0; i < in->slot_count && in->count; i++) {
        if (in->slots[i].state == SLOT_FREE)
            give(plan, i, plan->home[i]);
    }
}

/* ---- moves ---- */

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

/* Members that have come get their parts. */
static void fill(struct plan *plan)
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
        release(plan, slot, taker,
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

static void level(struct plan *plan)
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
        release(plan, slot, taker,
                cause_of(&in->members[giver], &in->members[taker], (double)in->weights[slot], CAUSE_LOAD));
        left--;
    }
}

size_t assign_plan(struct assign *assign)
{
    struct plan plan;
    begin(&plan, assign);
    house(&plan);
    fill(&plan);
    bool still = plan.under_way == 0;
    for (size_t i = 0; i < assign->count; i++)
        still &= !assign->members[i].filling;
    if (assign->level && still)
        level(&plan);
    end(&plan);
    return plan.changes;
}
