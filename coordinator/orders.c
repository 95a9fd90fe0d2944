/* Plans and sends target states (coordinator.h). A target is whole and versioned; it is sent again until acknowledged.
 */
#include "coordinator.h"

#include "mem.h"
#include "reason.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

#define RESEND_MS 500
#define LEVEL_MS  15000 /* least time without any change before the load moves something: half of load.h's smoothing */

static const char *name_of(const struct coordinator *coordinator, uint32_t key)
{
    const struct member *member = key == ASSIGN_NOBODY ? NULL : member_by_key(&coordinator->members, key);
    return member ? member->id : "";
}

struct planning {
    struct coordinator *coordinator;
    struct slots *slots;
    struct assign assign;
};

/* Nobody takes the slot yet: its owner drains, by its own wish or an operator's. */
static void drain_reason(const struct coordinator *coordinator, uint32_t key, char *out, size_t size)
{
    const char *name = name_of(coordinator, key);
    const struct drained_member *drained = drained_find(&coordinator->drained, name);
    struct buf text = BUF_EMPTY;
    if (drained)
        buf_printf(&text, "%s is drained by %s", name, drained->who);
    else
        buf_printf(&text, "%s drains", name);
    text_copy(out, size, text.data);
    buf_release(&text);
}

static void note_release(const struct planning *planning, const struct assign_change *change)
{
    struct coordinator *coordinator = planning->coordinator;
    bool worker = planning->slots->role == ISOBAR__V1__ROLE__WORKER;
    const struct member *taker = change->taker ? member_by_key(&coordinator->members, change->taker->key) : NULL;
    char reason[sizeof planning->slots->views->reason], text[320];
    if (taker)
        reason_of(&planning->assign, change, (const char *[]){worker ? "p" : "shard ", taker->filling}, reason,
                  sizeof reason);
    else
        drain_reason(coordinator, change->from, reason, sizeof reason);
    leader_explain(coordinator, planning->slots, change->slot, reason);
    if (!taker)
        return; /* the drain itself is in the audit */
    snprintf(text, sizeof text, "%s %zu from %s: %s", planning->slots->kind, change->slot,
             name_of(coordinator, change->from), reason);
    publish_audit(coordinator, "move", taker->id, text);
}

/* The view of a slot that gets another owner begins anew; why it does was noted when it lost the former one. */
static void note_giving(const struct planning *planning, const struct assign_change *change)
{
    struct coordinator *coordinator = planning->coordinator;
    struct slot_view *view = &planning->slots->views[change->slot], fresh = {.lag = -1, .lag_ms = -1};
    char reason[sizeof view->reason];
    bool noted = change->cause != CAUSE_FIRST && view->cause == change->cause && *view->reason;
    text_copy(reason, sizeof reason,
              noted                          ? view->reason
              : change->cause == CAUSE_FIRST ? coordinator->reason
                                             : "the member that it was meant for has gone");
    *view = fresh;
    leader_explain(coordinator, planning->slots, change->slot, reason);
    load_interrupt(&planning->slots->loads[change->slot]);
    struct move *move = &coordinator->moves[coordinator->move_count++ % MOVES_KEPT];
    move->at_ms = coordinator->wall_ms;
    move->kind = planning->slots->kind;
    move->index = (int32_t)change->slot;
    text_copy(move->from, sizeof move->from, name_of(coordinator, planning->slots->slots[change->slot].before));
    text_copy(move->to, sizeof move->to, name_of(coordinator, change->to));
    text_copy(move->reason, sizeof move->reason, reason);
    coordinator->metrics.rebalances_total++;
    publish_move(coordinator, move, planning->slots->slots[change->slot].number);
    coordinator->causes[change->cause]++;
}

static void on_change(void *arg, const struct assign_change *change)
{
    const struct planning *planning = arg;
    bool release = change->to == ASSIGN_NOBODY;
    struct member *member = member_by_key(&planning->coordinator->members, release ? change->from : change->to);
    if (member)
        member->target_changed = true;
    planning->slots->level_ms = planning->coordinator->now_ms; /* loads are measured anew before they move anything */
    if (release)
        note_release(planning, change); /* in the log of moves when it is given on */
    else
        note_giving(planning, change);
}

void orders_give(struct coordinator *coordinator, int32_t partition, uint32_t key)
{
    struct slots *slots = &coordinator->partitions;
    struct slot *slot = &slots->slots[partition];
    struct planning planning = {coordinator, slots, {0}};
    struct assign_change change = {.slot = (size_t)partition, .from = ASSIGN_NOBODY, .to = key, .cause = CAUSE_LOST};
    struct member *former = slot->state == SLOT_FREE ? NULL : member_by_key(&coordinator->members, slot->owner);
    if (former)
        former->target_changed = true;
    *slot = (struct slot){.state = SLOT_GIVEN,
                          .owner = key,
                          .number = ++slots->number,
                          .before = former ? former->key : slot->before,
                          .to = ASSIGN_NOBODY,
                          .cause = CAUSE_LOST,
                          .since_ms = coordinator->now_ms};
    leader_explain(coordinator, slots, (size_t)partition, coordinator->reason);
    on_change(&planning, &change);
}

void orders_release(struct coordinator *coordinator, int32_t partition)
{
    struct slots *slots = &coordinator->partitions;
    struct slot *slot = &slots->slots[partition];
    struct member *owner = member_by_key(&coordinator->members, slot->owner);
    slot->state = SLOT_RELEASING;
    slot->to = ASSIGN_NOBODY;
    slot->cause = CAUSE_LOST;
    slot->since_ms = slots->level_ms = coordinator->now_ms;
    leader_explain(coordinator, slots, (size_t)partition, coordinator->reason);
    if (owner)
        owner->target_changed = true;
}

static size_t usable(const struct coordinator *coordinator, const struct slots *slots, struct assign_member *out)
{
    size_t count = 0;
    for (const struct member *member = coordinator->members.first; member; member = member->next) {
        if (member->role == slots->role && member_usable(member) && !member->spare)
            out[count++] = (struct assign_member){.key = member->key,
                                                  .capacity = member->capacity,
                                                  .id = member->id,
                                                  .zone = member->zone,
                                                  .filling = member->filling != NULL};
    }
    return count;
}

/* What the plan left of its measures with the members, for the view. Weights are in quarters (load.h). */
static void note_loads(struct coordinator *coordinator, const struct slots *slots, const struct assign *assign)
{
    double weight = 0, part = 0;
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        if (member->role == slots->role)
            member->load = member->load_percent = -1;
    }
    for (size_t i = 0; i < assign->count; i++) {
        weight += assign->members[i].weight;
        part += assign->members[i].part;
    }
    for (size_t i = 0; i < assign->count; i++) {
        const struct assign_member *planned = &assign->members[i];
        struct member *member = member_by_key(&coordinator->members, planned->key);
        member->load = (int64_t)(planned->weight / 4 + 0.5);
        member->load_percent = weight > 0 ? (int64_t)(100 * planned->weight * part / planned->part / weight + 0.5) : 0;
        if (!planned->filling)
            member->filling = NULL;
    }
}

static size_t plan_slots(struct coordinator *coordinator, struct slots *slots)
{
    size_t slot_count = (size_t)coordinator->partition_count;
    int64_t *weights = mem_calloc(slot_count, sizeof *weights);
    struct assign_member *members = mem_calloc(coordinator->members.count, sizeof *members);
    struct planning planning = {coordinator, slots, {0}};
    load_weights(slots->loads, slot_count, slots->role == ISOBAR__V1__ROLE__WORKER ? LOAD_IDLE_RATE : LOAD_IDLE_CITIES,
                 weights);
    planning.assign = (struct assign){.slots = slots->slots,
                                      .slot_count = slot_count,
                                      .weights = weights,
                                      .members = members,
                                      .count = usable(coordinator, slots, members),
                                      .now_ms = coordinator->now_ms,
                                      .level = coordinator->now_ms - slots->level_ms >= LEVEL_MS,
                                      .number = &slots->number,
                                      .fn = on_change,
                                      .arg = &planning};
    size_t changes = assign_plan(&planning.assign);
    note_loads(coordinator, slots, &planning.assign);
    free(members);
    free(weights);
    return changes;
}

void orders_quota(struct coordinator *coordinator)
{
    bool waits = share_divide(coordinator);
    if (waits && coordinator->notes == 0)
        publish(coordinator);
}

void orders_noted(struct coordinator *coordinator)
{
    share_noted(coordinator);
    for (struct member *member = coordinator->members.first; member; member = member->next)
        orders_send(coordinator, member);
}

void orders_plan(struct coordinator *coordinator)
{
    (void)share_divide(coordinator); /* who is to call at all */
    size_t changes = plan_slots(coordinator, &coordinator->partitions) + plan_slots(coordinator, &coordinator->shards);
    orders_quota(coordinator);
    coordinator->plan_due = false;
    coordinator->planned_ms = coordinator->now_ms;
    if (changes && !coordinator->reason_noted) {
        coordinator->reason_noted = true; /* what follows when slots are let go is part of it */
        publish_audit(coordinator, "rebalance", coordinator->id, coordinator->reason);
    }
    for (struct member *member = coordinator->members.first; member; member = member->next)
        orders_send(coordinator, member);
}

/* The slots given to the member, as pointers into `list`. */
static size_t collect(const struct coordinator *coordinator, const struct slots *slots, uint32_t key,
                      Isobar__V1__Assignment *list, Isobar__V1__Assignment **pointers)
{
    size_t count = 0;
    for (int32_t i = 0; i < coordinator->partition_count; i++) {
        const struct slot *slot = &slots->slots[i];
        if (slot->state != SLOT_GIVEN || slot->owner != key)
            continue;
        isobar__v1__assignment__init(&list[count]);
        list[count].index = i;
        list[count].number = slot->number;
        if (slots == &coordinator->shards)
            list[count].catalogue_version = catalogue_shard_version(coordinator->catalogue, i);
        pointers[count] = &list[count];
        count++;
    }
    return count;
}

static void fill(const struct coordinator *coordinator, const struct member *member, Isobar__V1__Assignment **pointers,
                 size_t count, Isobar__V1__Target *target)
{
    target->term = coordinator->term;
    target->version = member->target_version;
    target->catalogue_version = catalogue_version(coordinator->catalogue);
    if (member->role == ISOBAR__V1__ROLE__WORKER) {
        target->n_partitions = count;
        target->partitions = pointers;
    } else {
        target->n_shards = count;
        target->shards = pointers;
    }
}

void orders_send(struct coordinator *coordinator, struct member *member)
{
    bool again = member->target_version > member->target_seen && coordinator->now_ms - member->target_ms >= RESEND_MS;
    if (coordinator->leading != LEAD_ACTING || !member_reachable(member) || !member->beats ||
        (!member->target_changed && !again))
        return;
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Target target = ISOBAR__V1__TARGET__INIT;
    struct share_orders shares = {0};
    const struct slots *slots =
        member->role == ISOBAR__V1__ROLE__WORKER ? &coordinator->partitions : &coordinator->shards;
    Isobar__V1__Assignment *list = mem_calloc((size_t)coordinator->partition_count, sizeof *list);
    Isobar__V1__Assignment **pointers =
        mem_calloc((size_t)coordinator->partition_count, sizeof(Isobar__V1__Assignment *));
    size_t count = collect(coordinator, slots, member->key, list, pointers);
    member->target_version += member->target_changed;
    member->target_changed = false;
    member->target_ms = coordinator->now_ms;
    fill(coordinator, member, pointers, count, &target);
    if (member->role == ISOBAR__V1__ROLE__FETCHER)
        share_fill(coordinator, member, &shares, &target);
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_TARGET;
    envelope.target = &target;
    (void)post_send(&coordinator->post, &envelope, member->id, member->incarnation);
    free(pointers);
    free(list);
}
