/* Plans and sends target states (coordinator.h). A target is whole and versioned; it is sent again until acknowledged.
 */
#include "coordinator.h"

#include "mem.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define RESEND_MS 500

static const char *name_of(const struct coordinator *coordinator, uint32_t key)
{
    const struct member *member = key == ASSIGN_NOBODY ? NULL : member_by_key(&coordinator->members, key);
    return member ? member->id : "";
}

struct planning {
    struct coordinator *coordinator;
    struct slots *slots;
};

static void on_change(void *arg, size_t index, uint32_t from, uint32_t to)
{
    const struct planning *planning = arg;
    struct coordinator *coordinator = planning->coordinator;
    uint32_t changed = to == ASSIGN_NOBODY ? from : to;
    struct member *member = member_by_key(&coordinator->members, changed);
    if (member)
        member->target_changed = true;
    if (to == ASSIGN_NOBODY)
        return; /* it is logged when it is given on */
    struct move *move = &coordinator->moves[coordinator->move_count++ % MOVES_KEPT];
    move->at_ms = coordinator->wall_ms;
    move->kind = planning->slots->kind;
    move->index = (int32_t)index;
    text_copy(move->from, sizeof move->from, name_of(coordinator, planning->slots->slots[index].before));
    text_copy(move->to, sizeof move->to, name_of(coordinator, to));
    memcpy(move->reason, coordinator->reason, sizeof move->reason);
    memset(&planning->slots->views[index], 0, sizeof *planning->slots->views);
    planning->slots->views[index].lag = planning->slots->views[index].lag_ms = -1;
    coordinator->metrics.rebalances_total++;
    publish_move(coordinator, move, planning->slots->slots[index].number);
}

void orders_give(struct coordinator *coordinator, int32_t partition, uint32_t key)
{
    struct planning planning = {coordinator, &coordinator->partitions};
    struct slot *slot = &coordinator->partitions.slots[partition];
    uint32_t from = slot->state == SLOT_FREE ? ASSIGN_NOBODY : slot->owner;
    if (from != ASSIGN_NOBODY)
        on_change(&planning, (size_t)partition, from, ASSIGN_NOBODY);
    *slot =
        (struct slot){.state = SLOT_GIVEN, .owner = key, .number = ++coordinator->partitions.number, .before = from};
    on_change(&planning, (size_t)partition, ASSIGN_NOBODY, key);
}

void orders_release(struct coordinator *coordinator, int32_t partition)
{
    struct planning planning = {coordinator, &coordinator->partitions};
    struct slot *slot = &coordinator->partitions.slots[partition];
    slot->state = SLOT_RELEASING;
    on_change(&planning, (size_t)partition, slot->owner, ASSIGN_NOBODY);
}

static size_t plan_slots(struct coordinator *coordinator, struct slots *slots)
{
    struct planning planning = {coordinator, slots};
    size_t count = 0;
    struct assign_member *members = mem_calloc(coordinator->members.count, sizeof *members);
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        if (member->role == slots->role && member_usable(member))
            members[count++] =
                (struct assign_member){.key = member->key, .capacity = member->capacity, .id = member->id};
    }
    size_t changes = assign_plan(slots->slots, (size_t)coordinator->partition_count, members, count, &slots->number,
                                 on_change, &planning);
    free(members);
    return changes;
}

void orders_quota(struct coordinator *coordinator)
{
    size_t count = 0;
    int64_t total = coordinator->options->calls_per_minute;
    struct quota_share *shares = mem_calloc(coordinator->members.count, sizeof *shares);
    struct member **owners = mem_calloc(coordinator->members.count, sizeof(struct member *));
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        if (member->role != ISOBAR__V1__ROLE__FETCHER)
            continue;
        member->quota.live = member_reachable(member) && member->beats;
        member->quota.draining = member->state == MEMBER_DRAINING;
        member->quota.heard_ms = member->heard_ms;
        owners[count] = member;
        shares[count++] = member->quota;
    }
    (void)quota_divide(shares, count, total < 0 ? QUOTA_UNLIMITED : (int32_t)(total * 1000), coordinator->now_ms);
    for (size_t i = 0; i < count; i++) {
        owners[i]->target_changed |= shares[i].sent_milli != owners[i]->quota.sent_milli;
        owners[i]->quota = shares[i];
    }
    free(shares);
    free(owners);
}

void orders_plan(struct coordinator *coordinator)
{
    size_t changes = plan_slots(coordinator, &coordinator->partitions) + plan_slots(coordinator, &coordinator->shards);
    orders_quota(coordinator);
    coordinator->plan_due = false;
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
        target->calls_per_minute_milli = member->quota.sent_milli;
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
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_TARGET;
    envelope.target = &target;
    (void)post_send(&coordinator->post, &envelope, member->id, member->incarnation);
    free(pointers);
    free(list);
}
