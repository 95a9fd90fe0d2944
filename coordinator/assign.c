/*
 * See assign.h. A plan counts what each member holds or is meant to get, finds a home for every slot that has none,
 * gives the free ones, and then looks for moves (assign_move.c).
 */
#include "assign_internal.h"

#include "mem.h"
#include "spread.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct order {
    int64_t weight;
    size_t slot;
};

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

void plan_release(struct plan *plan, size_t slot, size_t taker, enum assign_cause cause)
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
            plan_release(plan, i, NONE, CAUSE_DRAIN);
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

size_t assign_plan(struct assign *assign)
{
    struct plan plan;
    begin(&plan, assign);
    house(&plan);
    plan_fill(&plan);
    bool still = plan.under_way == 0;
    for (size_t i = 0; i < assign->count; i++)
        still &= !assign->members[i].filling;
    if (assign->level && still)
        plan_level(&plan);
    end(&plan);
    return plan.changes;
}
