/* Plans and sends target states (coordinator.h). A target is whole and versioned; it is sent again until acknowledged. */
#include "coordinator.h"

#include "clock.h"
#include "mem.h"

#include <stdio.h>
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
    move->at_ms = clock_wall_ms();
    move->kind = planning->slots->kind;
    move->index = (int32_t)index;
    snprintf(move->from, sizeof move->from, "%s", name_of(coordinator, planning->slots->slots[index].before));
    snprintf(move->to, sizeof move->to, "%s", name_of(coordinator, to));
    memcpy(move->reason, coordinator->reason, sizeof move->reason);
    memset(&planning->slots->views[index], 0, sizeof *planning->slots->views);
    planning->slots->views[index].lag = planning->slots->views[index].lag_ms = -1;
    coordinator->metrics.rebalances_total++;
}

static size_t plan_slots(struct coordinator *coordinator, struct slots *slots)
{
    struct planning planning = {coordinator, slots};
    size_t count = 0, room = 0;
    for (struct member *member = coordinator->members.first; member; member = member->next)
        room++;
    struct assign_member *members = mem_calloc(room, sizeof *members);
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        if (member->role == slots->role && member_usable(member))
            members[count++] = (struct assign_member){.key = member->key, .capacity = member->capacity, .id = member->id};
    }
    size_t changes = assign_plan(slots->slots, (size_t)coordinator->partition_count, members, count, &slots->number, on_change, &planning);
    free(members);
    return changes;
}

static void plan_quota(struct coordinator *coordinator)
{
    size_t count = 0;
    struct quota_share shares[256];
    struct member *owners[256];
    int64_t total = coordinator->options->calls_per_minute;
    for (struct member *member = coordinator->members.first; member && count < 256; member = member->next) {
        if (member->role != ISOBAR__V1__ROLE__FETCHER)
            continue;
        owners[count] = member;
        shares[count++] = member->quota;
    }
    quota_divide(shares, count, total <= 0 ? QUOTA_UNLIMITED : (int32_t)(total * 1000), loop_now_ms(coordinator->loop));
    for (size_t i = 0; i < count; i++) {
        if (shares[i].sent_milli != owners[i]->quota.sent_milli)
            owners[i]->target_changed = true;
        owners[i]->quota = shares[i];
    }
}

void orders_plan(struct coordinator *coordinator)
{
    size_t changes = plan_slots(coordinator, &coordinator->partitions) + plan_slots(coordinator, &coordinator->shards);
    plan_quota(coordinator);
    coordinator->plan_due = false;
    if (changes)
        publish_audit(coordinator, "rebalance", coordinator->id, coordinator->reason);
    for (struct member *member = coordinator->members.first; member; member = member->next) {
        if (member->target_changed && (member->state == MEMBER_LIVE || member->state == MEMBER_DRAINING))
            orders_send(coordinator, member, loop_now_ms(coordinator->loop));
    }
}

/* The slots given to the member, as pointers into `list`. */
static size_t collect(const struct coordinator *coordinator, const struct slots *slots, uint32_t key, Isobar__V1__Assignment *list,
                      Isobar__V1__Assignment **pointers)
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

void orders_send(struct coordinator *coordinator, struct member *member, int64_t now_ms)
{
    bool again = member->target_version > member->target_seen && now_ms - member->target_ms >= RESEND_MS;
    if (coordinator->leading != LEAD_ACTING || (!member->target_changed && !again))
        return;
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Target target = ISOBAR__V1__TARGET__INIT;
    bool worker = member->role == ISOBAR__V1__ROLE__WORKER;
    const struct slots *slots = worker ? &coordinator->partitions : &coordinator->shards;
    Isobar__V1__Assignment *list = mem_calloc((size_t)coordinator->partition_count, sizeof *list);
    Isobar__V1__Assignment **pointers = mem_calloc((size_t)coordinator->partition_count, sizeof *pointers);
    size_t count = collect(coordinator, slots, member->key, list, pointers);
    if (member->target_changed)
        member->target_version++;
    member->target_changed = false;
    member->target_ms = now_ms;
    target.term = coordinator->term;
    target.version = member->target_version;
    target.catalogue_version = catalogue_version(coordinator->catalogue);
    if (worker) {
        target.n_partitions = count;
        target.partitions = pointers;
    } else {
        target.n_shards = count;
        target.shards = pointers;
        target.calls_per_minute_milli = member->quota.sent_milli;
    }
    envelope.format = 1;
    envelope.member = member->id;
    envelope.incarnation = member->incarnation;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_TARGET;
    envelope.target = &target;
    (void)!channel_send(coordinator->channel, &envelope);
    free(pointers);
    free(list);
}
